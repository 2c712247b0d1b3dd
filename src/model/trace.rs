//! What a network computed on its way to an answer.

use super::Posterior;

/// What a network computed on its way to an answer, T' being the steps of its LSTMs: T divided by
/// what its front end decimates.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The answer, before calibration.
    pub posterior: Posterior,
    /// `[T', H]`: states of all hidden units of its LSTMs, each -1..=1; empty without an LSTM.
    pub states: Vec<f32>,
    /// H.
    pub units: usize,
    /// `[T']`: how much each step counts in the answer, the mean over networks and heads; sums to 1. Empty
    /// without attention.
    pub attention: Vec<f32>,
}

#[cfg(feature = "onnx")]
impl Trace {
    /// Without anything but the answer.
    pub(super) fn of(posterior: Posterior) -> Self {
        Self {
            posterior,
            states: Vec::new(),
            units: 0,
            attention: Vec::new(),
        }
    }

    /// Puts an LSTM's states `[T', units]` beside those that are there.
    pub(super) fn add_states(&mut self, states: &[f32], units: usize) {
        if units == 0 || states.is_empty() {
            return;
        }
        let steps = states.len() / units;
        if self.units > 0 && self.states.len() / self.units != steps {
            return;
        }
        let before = std::mem::take(&mut self.states);
        let mut rows = before.chunks_exact(self.units.max(1));
        for row in states.chunks_exact(units) {
            self.states.extend_from_slice(rows.next().unwrap_or(&[]));
            self.states.extend_from_slice(row);
        }
        self.units += units;
    }

    /// Adds the weights `[heads, T']` of one attention to the sum of those that are there.
    pub(super) fn add_attention(&mut self, weights: &[f32], steps: usize) {
        if self.attention.is_empty() {
            self.attention = vec![0.0; steps];
        }
        if self.attention.len() == steps {
            for head in weights.chunks_exact(steps.max(1)) {
                for (sum, weight) in self.attention.iter_mut().zip(head) {
                    *sum += weight;
                }
            }
        }
    }

    /// Makes means of the sums.
    pub(super) fn finish(mut self) -> Self {
        let sum: f32 = self.attention.iter().sum();
        if sum > 0.0 {
            self.attention.iter_mut().for_each(|weight| *weight /= sum);
        }
        self
    }
}

#[cfg(all(test, feature = "onnx"))]
mod tests {
    use super::*;

    #[test]
    fn states_lie_side_by_side_and_attention_is_a_mean() {
        let mut trace = Trace::of(Posterior::uniform(2));
        trace.add_states(&[1.0, 2.0], 1);
        trace.add_states(&[3.0, 4.0, 5.0, 6.0], 2);
        // Of another number of steps.
        trace.add_states(&[7.0], 1);
        trace.add_attention(&[0.25, 0.75, 1.0, 0.0], 2);
        let trace = trace.finish();
        assert_eq!(trace.states, [1.0, 3.0, 4.0, 2.0, 5.0, 6.0]);
        assert_eq!(trace.units, 3);
        assert_eq!(trace.attention, [0.625, 0.375]);
    }
}
