//! A classifier's answer: probabilities, and the evidence they are made from.

use serde::{Deserialize, Serialize};

use crate::class::{Class, MAX_CLASSES, PerClass};

/// A number for each class, for one segment, utterance or clip; see [`Posterior::evidence`].
pub type Evidence = PerClass;

/// Probabilities of the model's classes; they are in 0..=1 and sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Posterior(pub PerClass);

impl Posterior {
    /// Equal probabilities for this number of classes.
    pub fn uniform(classes: usize) -> Self {
        Self(PerClass::from_fn(classes, |_| 1.0 / classes as f32))
    }

    /// Softmax of `logits / temperature`, at most [`MAX_CLASSES`](crate::class::MAX_CLASSES) of them.
    pub fn from_logits(logits: &[f32], temperature: f32) -> Self {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exp = PerClass::from_fn(logits.len(), |i| ((logits[i] - max) / temperature).exp());
        let sum: f32 = exp.iter().sum();
        Self(exp.map(|e| e / sum))
    }

    /// The probability of one class; 0 for a class that the model does not have.
    pub fn get(&self, class: Class) -> f32 {
        self.0.get(class.index()).copied().unwrap_or(0.0)
    }

    /// The most probable class (the first in a tie) and its probability.
    pub fn top(&self) -> (Class, f32) {
        let mut top = Class::default();
        for class in Class::first(self.0.len()) {
            if self.get(class) > self.get(top) {
                top = class;
            }
        }
        (top, self.get(top))
    }

    /// The evidence for each class: natural logarithms minus their mean, so that they sum to 0.
    ///
    /// Up to that constant these are the logits the posterior was made from.
    pub fn evidence(&self) -> Evidence {
        let logs = self.0.map(|p| p.max(f32::MIN_POSITIVE).ln());
        let mean = logs.iter().sum::<f32>() / logs.len() as f32;
        logs.map(|log| log - mean)
    }

    /// The posterior whose [`evidence`](Self::evidence) is `(1 - weight)` times that of `self` plus
    /// `weight` times that of `other`, for a weight in 0..=1.
    pub fn mix(&self, other: &Self, weight: f32) -> Self {
        let (mut mixed, other) = (self.evidence(), other.evidence());
        for (mine, theirs) in mixed.iter_mut().zip(other.iter()) {
            *mine += weight * (theirs - *mine);
        }
        Self::from_logits(&mixed, 1.0)
    }
}

/// A weighted mean of evidence, taken in bit by bit.
#[derive(Clone, Debug, Default)]
pub struct WeightedMean {
    /// 0 from position `classes` on.
    sum: [f64; MAX_CLASSES],
    classes: usize,
    weight: f64,
}

impl WeightedMean {
    /// Takes evidence in.
    pub fn add(&mut self, evidence: &Evidence, weight: f64) {
        for (sum, evidence) in self.sum.iter_mut().zip(&**evidence) {
            *sum += weight * f64::from(*evidence);
        }
        self.classes = evidence.len();
        self.weight += weight;
    }

    /// The sum of all weights.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The mean; none before anything of any weight was taken in.
    pub fn evidence(&self) -> Option<Evidence> {
        let mean = |i: usize| (self.sum[i] / self.weight) as f32;
        (self.weight > 0.0).then(|| PerClass::from_fn(self.classes, mean))
    }

    /// The posterior of the mean.
    pub fn posterior(&self) -> Option<Posterior> {
        Some(Posterior::from_logits(&self.evidence()?, 1.0))
    }
}
