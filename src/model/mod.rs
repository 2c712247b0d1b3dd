//! From a segment of features to a posterior: the [`Classifier`] trait, its ONNX implementation and
//! the manifest that belongs to a model file.

mod activation;
mod error;
mod manifest;
#[cfg(feature = "onnx")]
mod onnx;
mod posterior;
mod trace;

pub use activation::{Activation, ActivationSettings, Liveliness};
pub use error::ModelError;
pub use manifest::{Evaluation, Manifest, OnnxFile, SCHEMA, StrangersEvaluation, Training};
#[cfg(feature = "onnx")]
pub use onnx::OnnxClassifier;
pub use posterior::{Evidence, Posterior, WeightedMean};
pub use trace::Trace;

/// Turns one segment into a posterior. The session knows the model only through this trait.
pub trait Classifier {
    /// `segment`: `[T, F]` features of [`crate::features`], trimmed and level-normalised.
    ///
    /// # Errors
    /// When inference fails or returns a number that is not finite.
    fn classify(&mut self, segment: &[f32]) -> Result<Posterior, ModelError>;
}
