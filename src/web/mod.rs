//! The browser: everything that knows of the DOM, Web Audio, workers and `JsValue`.
//!
//! Two programs live here. [`run_page`] shows things and passes audio on; it never computes with
//! samples. `run_worker`, with feature `onnx`, owns the model and the sessions. They speak
//! [`crate::protocol`], and audio travels beside it on a `MessagePort` in [chunks](client::chunk).
//!
//! `page`, and [`builders`] for the pages of others, stand on [`client`], which knows nothing of them;
//! `worker` names neither. [`records`] is a third small program beside them, loaded when it is needed.

pub mod builders;
pub mod client;
mod error;
mod numbers;
mod object;
mod page;
pub mod records;
#[cfg(feature = "onnx")]
mod worker;

pub use page::run as run_page;
#[cfg(feature = "onnx")]
pub use worker::run as run_worker;
