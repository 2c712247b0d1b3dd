//! The files that the page loads, made of trained networks.

pub mod export;
pub mod onnx;
