//! The browser: everything that knows about the DOM, Web Audio, workers and `JsValue`.
//!
//! Two programs live here. [`run_page`] shows things and passes audio on; it never computes with
//! samples. `run_worker`, with the feature `onnx`, owns the model and the sessions. They
//! communicate by [`crate::protocol`]; audio travels separately through a `MessagePort` in
//! [chunks](client::chunk).
//!
//! `page`, and [`builders`] for other people's pages, are built on [`client`], which knows nothing
//! about them; `worker` uses neither.
//! [`records`] is a third small program beside them, loaded when it is needed.

pub mod builders;
pub mod client;
#[cfg(feature = "recording")]
mod decoder;
mod error;
mod numbers;
mod object;
mod page;
pub mod records;
mod words;
#[cfg(feature = "onnx")]
mod worker;

#[cfg(feature = "recording")]
pub use decoder::run as run_decoder;
pub use page::run as run_page;
#[cfg(feature = "onnx")]
pub use worker::run as run_worker;
