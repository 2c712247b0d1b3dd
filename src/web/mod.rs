//! The browser: everything that knows of the DOM, Web Audio, workers and `JsValue`.
//!
//! Two programs live here. [`run_page`] shows things and passes audio on; it never computes with
//! samples. `run_worker`, with feature `onnx`, owns the model and the session. They speak
//! [`crate::protocol`], and audio travels beside it on a `MessagePort` in [chunks](chunk).

mod app;
pub mod chunk;
mod display;
mod download;
mod engine;
mod error;
mod file;
mod gestures;
mod header;
mod history;
pub mod lifeline;
mod microphone;
mod object;
mod offline;
mod panel;
mod reading;
mod timeline;
mod view;
mod voice;
mod wording;
#[cfg(feature = "onnx")]
mod worker;

pub use app::run as run_page;
#[cfg(feature = "onnx")]
pub use worker::run as run_worker;
