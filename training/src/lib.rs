//! The trainer as a library: from labelled clips to the trained network. Native only.
//!
//! Modules from the bottom up; each may use those above it in this table, never those below:
//!
//! | | |
//! |---|---|
//! | [`recording`] | decoding audio files; filters, rooms and noise |
//! | [`corpus`] | the clips to train on, their labels, who is tested when |
//! | [`dataset`] | the features of every clip |
//! | [`network`] | layers with forward and backward passes |
//! | [`learning`] | from features to trained networks |
//! | [`artifact`] | from networks to model.onnx and model.json |
//! | [`evaluate`] | how often the recipe is right on speakers it never heard |
//! | [`report`] | the results in the terminal, as a page and as the model card |
//!
//! `digest`, [`interrupt`], [`running`] and [`whole_file`] are used by all of them.
//!
//! Shape letters: B batch, T frames, F features, M mel bands, K classes, H hidden units; matrices are
//! row-major, time first.

pub mod artifact;
pub mod corpus;
pub mod dataset;
mod digest;
pub mod evaluate;
pub mod interrupt;
pub mod learning;
pub mod network;
pub mod recording;
pub mod report;
pub mod running;
pub mod whole_file;

/// A training step allocates the same large blocks again and again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
