//! The trainer as a library: from labelled clips to the trained network. Native only.
//!
//! Shape letters: B batch, T frames, F features, M mel bands, K classes, H hidden units; matrices are
//! row-major, time first.

pub mod audio;
pub mod augment;
mod background;
pub mod baseline;
mod batches;
mod checkpoint;
pub mod clip_list;
pub mod corpus;
pub mod dataset;
mod digest;
pub mod ensemble;
pub mod epochs;
pub mod evaluate;
pub mod export;
pub mod extract;
pub mod folds;
pub mod interrupt;
pub mod metrics;
pub mod network;
pub mod onnx;
pub mod optimizer;
pub mod predict;
pub mod progress;
pub mod ravdess;
pub mod sound;
mod tensor_file;
pub mod train;

/// A training step allocates the same large blocks again and again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
