//! From a segment of features to a posterior: the [`Classifier`] trait, its ONNX implementation and
//! the manifest that goes with a model file.

mod error;
mod manifest;
#[cfg(feature = "onnx")]
mod onnx;

pub use error::ModelError;
pub use manifest::{Evaluation, Manifest, OnnxFile, SCHEMA, Training};
#[cfg(feature = "onnx")]
pub use onnx::OnnxClassifier;

use serde::{Deserialize, Serialize};

use crate::{Emotion, calibration::Evidence};

/// Probabilities over the eight emotions in [`Emotion::ALL`] order; they are in 0..=1 and sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Posterior(pub [f32; Emotion::COUNT]);

impl Posterior {
    /// Equal probabilities.
    pub const UNIFORM: Self = Self([1.0 / Emotion::COUNT as f32; Emotion::COUNT]);

    /// Softmax of `logits / temperature`.
    pub fn from_logits(logits: &[f32; Emotion::COUNT], temperature: f32) -> Self {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp = logits.map(|logit| ((logit - max) / temperature).exp());
        let sum: f32 = exp.iter().sum();
        Self(exp.map(|e| e / sum))
    }

    /// The probability of one emotion.
    pub fn get(&self, emotion: Emotion) -> f32 {
        self.0[emotion.index()]
    }

    /// The most probable emotion and its probability.
    pub fn top(&self) -> (Emotion, f32) {
        let mut top = Emotion::Neutral;
        for emotion in Emotion::ALL {
            if self.get(emotion) > self.get(top) {
                top = emotion;
            }
        }
        (top, self.get(top))
    }

    /// The evidence for each emotion: natural logarithms less their mean, so that they sum to 0.
    ///
    /// Up to that constant these are the logits the posterior was made from.
    pub fn evidence(&self) -> Evidence {
        let logs = self.0.map(|p| p.max(f32::MIN_POSITIVE).ln());
        let mean = logs.iter().sum::<f32>() / Emotion::COUNT as f32;
        logs.map(|log| log - mean)
    }

    /// The posterior whose [`evidence`](Self::evidence) is `(1 - weight)` times that of `self` plus
    /// `weight` times that of `other`, for a weight in 0..=1.
    pub fn mix(&self, other: &Self, weight: f32) -> Self {
        let (mut mixed, other) = (self.evidence(), other.evidence());
        for (mine, theirs) in mixed.iter_mut().zip(other) {
            *mine += weight * (theirs - *mine);
        }
        Self::from_logits(&mixed, 1.0)
    }
}

/// Turns one segment into a posterior. The session knows the model only through this trait.
pub trait Classifier {
    /// `segment`: `[T, F]` features of [`crate::features`], trimmed and level-normalised.
    ///
    /// # Errors
    /// When inference fails or gives a number that is not finite.
    fn classify(&mut self, segment: &[f32]) -> Result<Posterior, ModelError>;
}
