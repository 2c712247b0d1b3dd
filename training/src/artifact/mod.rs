//! The files that the page loads, made from trained networks.

pub mod export;
pub mod onnx;
