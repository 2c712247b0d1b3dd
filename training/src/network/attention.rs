//! Attentive statistics pooling (Okabe et al., 2018) with several heads, each weighting its own slice
//! of the channels.
//!
//! ```text
//! a = softmax over time of V tanh(W x + b)      m = Σ a x      s = √(Σ a (x - m)² + 1e-5)
//! ```

use rand::Rng;

use speech_emotion::dsp::{activation::tanh, vectorise};

use super::linear::Linear;
use super::parameter::Parameters;

/// Added to the weighted variance before the square root.
pub const EPSILON: f32 = 1e-5;

/// Scores by two linear layers, the second without bias: softmax would cancel it.
#[derive(Clone, Debug)]
pub struct Attention {
    hidden: Linear,
    scores: Linear,
    channels: usize,
    heads: usize,
}

/// What a forward pass keeps for the backward pass.
#[derive(Clone, Debug)]
pub struct Attended {
    hidden: Vec<f32>,
    /// `[ΣT, heads]`, sums to 1 over the frames of an item.
    weights: Vec<f32>,
    /// `[B, 2 C]`: means, then deviations.
    pooled: Vec<f32>,
}

impl Attention {
    /// Draws the weights. Head h weights the channels from `h · channels / heads`.
    pub fn new(
        parameters: &mut Parameters,
        channels: usize,
        hidden: usize,
        heads: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let (weight, bias) = ("attention.hidden.weight", "attention.hidden.bias");
        Self {
            hidden: Linear::new(parameters, weight, Some(bias), channels, hidden, rng),
            scores: Linear::new(
                parameters,
                "attention.scores.weight",
                None,
                hidden,
                heads,
                rng,
            ),
            channels,
            heads,
        }
    }

    /// `[ΣT, C]` to `[B, 2 C]`.
    pub fn forward(
        &self,
        parameters: &Parameters,
        x: &[f32],
        lengths: &[usize],
    ) -> (Vec<f32>, Attended) {
        let mut hidden = self.hidden.forward(parameters, x);
        vectorise(|| {
            for value in &mut hidden {
                *value = tanh(*value);
            }
        });
        let mut weights = self.scores.forward(parameters, &hidden);
        let mut pooled = Vec::with_capacity(lengths.len() * 2 * self.channels);
        let mut first = 0;
        for &length in lengths {
            let rows = first..first + length;
            let weights = &mut weights[rows.start * self.heads..rows.end * self.heads];
            softmax_over_rows(weights, self.heads);
            let x = &x[rows.start * self.channels..rows.end * self.channels];
            let mut mean = vec![0.0; self.channels];
            self.for_each(x, weights, |c, x, weight| mean[c] += weight * x);
            let mut variance = vec![0.0; self.channels];
            self.for_each(x, weights, |c, x, weight| {
                variance[c] += weight * (x - mean[c]) * (x - mean[c]);
            });
            pooled.extend(mean);
            pooled.extend(variance.iter().map(|variance| (variance + EPSILON).sqrt()));
            first = rows.end;
        }
        (
            pooled.clone(),
            Attended {
                hidden,
                weights,
                pooled,
            },
        )
    }

    /// Adds the parameters' gradients; returns that of `x`.
    pub fn backward(
        &self,
        parameters: &mut Parameters,
        saved: &Attended,
        x: &[f32],
        lengths: &[usize],
        dy: &[f32],
    ) -> Vec<f32> {
        let (channels, heads) = (self.channels, self.heads);
        let mut dx = vec![0.0; x.len()];
        let mut d_scores = vec![0.0; saved.weights.len()];
        let mut first = 0;
        let items = saved
            .pooled
            .chunks_exact(2 * channels)
            .zip(dy.chunks_exact(2 * channels));
        for (&length, (pooled, dy)) in lengths.iter().zip(items) {
            let rows = first..first + length;
            let (mean, deviation) = pooled.split_at(channels);
            let (d_mean, d_deviation) = dy.split_at(channels);
            let d_variance: Vec<f32> = d_deviation
                .iter()
                .zip(deviation)
                .map(|(d, s)| 0.5 * d / s)
                .collect();
            let mut expected = vec![0.0; heads];
            for row in rows.clone() {
                let d_scores = &mut d_scores[row * heads..(row + 1) * heads];
                let weights = &saved.weights[row * heads..(row + 1) * heads];
                for c in 0..channels {
                    let head = c * heads / channels;
                    let x = x[row * channels + c];
                    let centred = x - mean[c];
                    dx[row * channels + c] =
                        weights[head] * (d_mean[c] + 2.0 * centred * d_variance[c]);
                    d_scores[head] += x * d_mean[c] + centred * centred * d_variance[c];
                }
                for (head, expected) in expected.iter_mut().enumerate() {
                    *expected += weights[head] * d_scores[head];
                }
            }
            for row in rows.clone() {
                for (head, expected) in expected.iter().enumerate() {
                    let at = row * heads + head;
                    d_scores[at] = saved.weights[at] * (d_scores[at] - expected);
                }
            }
            first = rows.end;
        }
        let mut d_hidden = self.scores.backward(parameters, &saved.hidden, &d_scores);
        for (d, hidden) in d_hidden.iter_mut().zip(&saved.hidden) {
            *d *= 1.0 - hidden * hidden;
        }
        for (dx, d) in dx
            .iter_mut()
            .zip(self.hidden.backward(parameters, x, &d_hidden))
        {
            *dx += d;
        }
        dx
    }

    /// Calls `visit(channel, x, weight)` for all of an item's frames and channels.
    fn for_each(&self, x: &[f32], weights: &[f32], mut visit: impl FnMut(usize, f32, f32)) {
        let slice = self.channels / self.heads;
        for (x, weights) in x
            .chunks_exact(self.channels)
            .zip(weights.chunks_exact(self.heads))
        {
            for (head, (x, weight)) in x.chunks_exact(slice).zip(weights).enumerate() {
                for (c, x) in x.iter().enumerate() {
                    visit(head * slice + c, *x, *weight);
                }
            }
        }
    }
}

/// Softmax of every column of `[rows, columns]`.
fn softmax_over_rows(scores: &mut [f32], columns: usize) {
    for column in 0..columns {
        let max = scores
            .iter()
            .skip(column)
            .step_by(columns)
            .copied()
            .fold(f32::MIN, f32::max);
        let mut sum = 0.0;
        for score in scores.iter_mut().skip(column).step_by(columns) {
            *score = (*score - max).exp();
            sum += *score;
        }
        for score in scores.iter_mut().skip(column).step_by(columns) {
            *score /= sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::gradient_check::{check, noise, rng};

    #[test]
    fn gradients_match_differences_on_items_of_different_length() {
        let mut parameters = Parameters::default();
        let attention = Attention::new(&mut parameters, 6, 5, 2, &mut rng());
        let lengths = [4, 2, 7];
        check(
            &mut parameters,
            noise(13 * 6, 1),
            |parameters, x| attention.forward(parameters, x, &lengths).0,
            |parameters, x, dy| {
                let (_, saved) = attention.forward(parameters, x, &lengths);
                attention.backward(parameters, &saved, x, &lengths, dy)
            },
        );
    }

    #[test]
    fn without_scores_it_is_mean_and_deviation() {
        let mut parameters = Parameters::default();
        let attention = Attention::new(&mut parameters, 2, 3, 1, &mut rng());
        for parameter in parameters.iter_mut() {
            parameter.value.fill(0.0);
        }
        let x = [1.0, 5.0, 3.0, 5.0, 9.0, 9.0];
        let (y, _) = attention.forward(&parameters, &x, &[2, 1]);
        let floor = EPSILON.sqrt();
        for (value, expected) in y.iter().zip([2.0, 5.0, 1.0, floor, 9.0, 9.0, floor, floor]) {
            assert!((value - expected).abs() < 1e-4, "{value} for {expected}");
        }
    }
}
