//! The network of the notebook that this project grew from, kept for comparison: the mean of 40 MFCC
//! over a clip, read as a sequence of 40 numbers by two LSTMs.
//!
//! ```text
//! [40, 1] ─ LSTM 128 ─ LSTM 64 ─ its last state ─ hidden 64 ─ ReLU ─ output [K]
//! ```
//!
//! As in Keras, forget gates start with a bias of 1.

use rand_chacha::ChaCha8Rng;

use super::linear::Linear;
use super::loss::{self, Target};
use super::lstm::Lstm;
use super::parameter::Parameters;

/// Coefficients per clip.
pub const COEFFICIENTS: usize = 40;
const UNITS: [usize; 2] = [128, 64];
const HIDDEN: usize = 64;

/// Architecture and parameters.
#[derive(Clone, Debug)]
pub struct NotebookNetwork {
    parameters: Parameters,
    lstm: [Lstm; 2],
    hidden: Linear,
    output: Linear,
}

impl NotebookNetwork {
    /// An untrained network with this number of classes.
    pub fn new(classes: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut parameters = Parameters::default();
        let p = &mut parameters;
        let [first, second] = UNITS;
        let lstm = [
            Lstm::new(p, "lstm1", 1, first, rng),
            Lstm::new(p, "lstm2", first, second, rng),
        ];
        for lstm in &lstm {
            lstm.forget_bias(p).fill(1.0);
        }
        Self {
            lstm,
            hidden: Linear::new(p, "hidden.weight", Some("hidden.bias"), second, HIDDEN, rng),
            output: Linear::new(
                p,
                "output.weight",
                Some("output.bias"),
                HIDDEN,
                classes,
                rng,
            ),
            parameters,
        }
    }

    /// All parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// All parameters.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// Logits `[B, K]` of a batch `[B, 40]`.
    pub fn forward(&self, clips: &[f32]) -> Vec<f32> {
        self.pass(clips).logits
    }

    /// Sets the gradients for one batch `[B, 40]` and returns its mean loss, in nats.
    pub fn gradients(&mut self, clips: &[f32], targets: &[Target]) -> f32 {
        let tape = self.pass(clips);
        let (loss, d_logits) = loss::cross_entropy(&tape.logits, targets, 0.0);
        self.parameters.clear_gradients();
        let p = &mut self.parameters;
        let mut d = self.output.backward(p, &tape.hidden, &d_logits);
        for (d, hidden) in d.iter_mut().zip(&tape.hidden) {
            *d = if *hidden > 0.0 { *d } else { 0.0 };
        }
        let d_last = self.hidden.backward(p, &tape.last, &d);
        let mut d_states = vec![0.0; targets.len() * COEFFICIENTS * UNITS[1]];
        let items = d_states.chunks_exact_mut(COEFFICIENTS * UNITS[1]);
        for (states, d_last) in items.zip(d_last.chunks_exact(UNITS[1])) {
            states[(COEFFICIENTS - 1) * UNITS[1]..].copy_from_slice(d_last);
        }
        let [first, second] = &tape.memory;
        let d_states = self.lstm[1].backward(p, second, &d_states);
        self.lstm[0].backward(p, first, &d_states);
        loss
    }

    fn pass(&self, clips: &[f32]) -> Tape {
        let p = &self.parameters;
        let lengths = vec![COEFFICIENTS; clips.len() / COEFFICIENTS];
        let (states, first) = self.lstm[0].forward(p, clips, &lengths);
        let (states, second) = self.lstm[1].forward(p, &states, &lengths);
        let last: Vec<f32> = states
            .chunks_exact(COEFFICIENTS * UNITS[1])
            .flat_map(|item| &item[(COEFFICIENTS - 1) * UNITS[1]..])
            .copied()
            .collect();
        let mut hidden = self.hidden.forward(p, &last);
        hidden.iter_mut().for_each(|x| *x = x.max(0.0));
        let logits = self.output.forward(p, &hidden);
        Tape {
            memory: [first, second],
            last,
            hidden,
            logits,
        }
    }
}

/// What a forward pass keeps for the backward pass.
struct Tape {
    memory: [super::lstm::Memory; 2],
    last: Vec<f32>,
    hidden: Vec<f32>,
    /// `[B, K]`.
    logits: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use speech_emotion::class::Class;

    use super::*;
    use crate::network::gradient_check::{noise, rng};

    #[test]
    fn gradients_match_differences() {
        let mut network = NotebookNetwork::new(8, &mut rng());
        let clips = noise(3 * COEFFICIENTS, 1);
        let targets = [3, 1, 2].map(|index| Target::new(Class::new(index).unwrap()));
        network.gradients(&clips, &targets);
        let gradients: Vec<Vec<f32>> = network
            .parameters()
            .iter()
            .map(|parameter| parameter.gradient.clone())
            .collect();
        let mut loss_with = |index: usize, at: usize, change: f32| {
            let nth = |network: &mut NotebookNetwork, change: f32| {
                if let Some(parameter) = network.parameters_mut().iter_mut().nth(index) {
                    parameter.value[at] += change;
                }
            };
            nth(&mut network, change);
            let (loss, _) = loss::cross_entropy(&network.forward(&clips), &targets, 0.0);
            nth(&mut network, -change);
            f64::from(loss)
        };
        for (index, gradients) in gradients.iter().enumerate() {
            let at = (0..gradients.len())
                .max_by(|&a, &b| gradients[a].abs().total_cmp(&gradients[b].abs()))
                .unwrap();
            let step = 2e-3;
            let slope = (loss_with(index, at, step) - loss_with(index, at, -step))
                / (2.0 * f64::from(step));
            let gradient = f64::from(gradients[at]);
            assert!(
                (slope - gradient).abs() < 0.02 * gradient.abs() + 2e-4,
                "parameter {index}: {gradient} for {slope}"
            );
        }
    }
}
