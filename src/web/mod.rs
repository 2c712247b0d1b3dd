//! The browser: everything that knows of the DOM, Web Audio, workers and `JsValue`.
//!
//! Two programs live here. [`run_page`] shows things and passes audio on; it never computes with
//! samples. `run_worker`, with feature `onnx`, owns the model and the session. They speak
//! [`crate::protocol`], and audio travels beside it on a `MessagePort` in [chunks](client::chunk).
//!
//! `page` stands on [`client`], which knows nothing of it; `worker` names no page.

pub mod client;
mod error;
mod numbers;
mod object;
mod page;
#[cfg(feature = "onnx")]
mod worker;

pub use page::run as run_page;
#[cfg(feature = "onnx")]
pub use worker::run as run_worker;
