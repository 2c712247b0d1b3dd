//! The network: 2-D convolutions over log-mel energies, an LSTM and attentive pooling, with
//! hand-written forward and backward passes on one thread.
//!
//! ```text
//! [T, F] ─ MFCC · D ─ max(-14) ─ standardise ─ conv1 ─ conv2 ─ conv3 ─┐
//!   └───── energy, pitch, voicing ─────────── mean of 4 frames ───────┴─ projection ─ LSTM ─┐
//!                                   logits [K] ─ output ─ hidden ─ attentive statistics ────┘
//! ```
//!
//! A segment's first T mod 4 frames are left out; then every layer sees exactly the segment's
//! length: T frames, T/2 after `conv1`, T/4 from `conv2` on. A batch is not padded: the rows of its
//! items follow one another, so that the items of a batch do not influence each other except
//! through batch normalisation in training.
//!
//! Parameters by name, row-major, activations channels-last (`[T, M, C]`):
//!
//! | name | shape | |
//! |---|---|---|
//! | `input.mean`, `input.deviation` | `[64]` | per mel band, after the clamp |
//! | `conv1.weight` | `[16, 5, 3, 1]` | out, time, mel, in; stride 2 × 2, zeros around 2 × 1 |
//! | `conv2.weight` | `[32, 3, 3, 16]` | stride 2 × 2, zeros around 1 × 1 |
//! | `conv3.weight` | `[48, 3, 3, 32]` | stride 1 × 2, zeros around 1 × 1 |
//! | `projection.weight` | `[96, 387]` | inputs: `mel · 48 + channel` of 8 × 48, then the 3 side inputs |
//! | `lstm.weight_ih`, `lstm.weight_hh`, `lstm.bias` | `[512, 96]`, `[512, 128]`, `[512]` | gates i, f, g, o |
//! | `attention.hidden.weight`, `.bias` | `[64, 128]`, `[64]` | then tanh |
//! | `attention.scores.weight` | `[4, 64]` | softmax over time; head h weights channels 32 h .. 32 h + 32 |
//! | `hidden.weight` | `[64, 256]` | inputs: 128 means, 128 deviations `√(variance + 1e-5)` |
//! | `output.weight`, `output.bias` | `[K, 64]`, `[K]` | logits in class order |
//! | `{norm1, norm2, norm3, projection_norm, hidden_norm}.{scale, shift, mean, variance}` | `[C]` | after the layer of like name; ε 1e-5, then ReLU |

mod attention;
mod batch_norm;
mod convolution;
mod file;
#[cfg(test)]
mod gradient_check;
mod input;
mod linear;
mod loss;
mod lstm;
mod matrix;
mod notebook;
mod parameter;

pub use attention::EPSILON as POOLING_EPSILON;
pub use batch_norm::EPSILON as NORMALISATION_EPSILON;
pub use input::{Batch, MIN_LOG_ENERGY, with_log_mel};
pub use loss::Target;
pub use notebook::{COEFFICIENTS as NOTEBOOK_COEFFICIENTS, NotebookNetwork};
pub use parameter::{Kind, Parameter, Parameters};

pub(crate) use batch_norm::try_statistics;
pub(crate) use matrix::nearest_orthogonal;

use rand_chacha::ChaCha8Rng;
use speech_emotion::features::N_MFCC;

use attention::{Attended, Attention};
use batch_norm::{BatchNormRelu, Normalised};
use convolution::{Convolution, Shape};
use input::SIDE_INPUTS;
use linear::Linear;
use lstm::{Lstm, Memory};
use matrix::first_columns;
use parameter::Id;

const CHANNELS: [usize; 3] = [16, 32, 48];
const PROJECTION: usize = 96;
const UNITS: usize = 128;
const ATTENTION: usize = 64;
const HEADS: usize = 4;
const HIDDEN: usize = 64;
/// Channels of `conv3` times the bands left.
const FLAT: usize = CHANNELS[2] * N_MFCC / 8;

/// Architecture and parameters.
#[derive(Clone, Debug)]
pub struct Network {
    parameters: Parameters,
    classes: usize,
    mean: Id,
    deviation: Id,
    conv: [Convolution; 3],
    conv_norm: [BatchNormRelu; 3],
    projection: Linear,
    projection_norm: BatchNormRelu,
    lstm: Lstm,
    attention: Attention,
    hidden: Linear,
    hidden_norm: BatchNormRelu,
    output: Linear,
}

/// Loss of a batch before the step taken on it.
#[derive(Clone, Copy, Debug)]
pub struct BatchLoss {
    /// Mean cross entropy, in nats.
    pub loss: f32,
    /// Items whose most probable class, among those they are distinguished from, is the label.
    pub correct: usize,
}

/// What a forward pass keeps for the backward pass.
struct Tape {
    /// Frames of each item after `conv1`.
    halves: Vec<usize>,
    /// Frames of each item from `conv2` on.
    steps: Vec<usize>,
    conv_inputs: [Vec<f32>; 3],
    conv_norm: [Normalised; 3],
    joined: Vec<f32>,
    projection_norm: Normalised,
    memory: Memory,
    states: Vec<f32>,
    attended: Attended,
    pooled: Vec<f32>,
    hidden_norm: Normalised,
    hidden: Vec<f32>,
    /// `[B, K]`.
    logits: Vec<f32>,
}

impl Network {
    /// An untrained network with this number of classes.
    pub fn new(classes: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut parameters = Parameters::default();
        let p = &mut parameters;
        let mean = p.constant("input.mean", Kind::Statistic, &[N_MFCC], 0.0);
        let deviation = p.constant("input.deviation", Kind::Statistic, &[N_MFCC], 1.0);
        let [first, second, third] = CHANNELS;
        let shape = |inputs, outputs, kernel_time, stride_time, mels| Shape {
            inputs,
            outputs,
            kernel_time,
            stride_time,
            mels,
        };
        let conv = [
            Convolution::new(p, "conv1.weight", shape(1, first, 5, 2, N_MFCC), rng),
            Convolution::new(
                p,
                "conv2.weight",
                shape(first, second, 3, 2, N_MFCC / 2),
                rng,
            ),
            Convolution::new(
                p,
                "conv3.weight",
                shape(second, third, 3, 1, N_MFCC / 4),
                rng,
            ),
        ];
        let conv_norm = [("norm1", first), ("norm2", second), ("norm3", third)]
            .map(|(name, channels)| BatchNormRelu::new(p, name, channels));
        let joined = FLAT + SIDE_INPUTS;
        Self {
            mean,
            deviation,
            conv,
            conv_norm,
            projection: Linear::new(p, "projection.weight", None, joined, PROJECTION, rng),
            projection_norm: BatchNormRelu::new(p, "projection_norm", PROJECTION),
            lstm: Lstm::new(p, "lstm", PROJECTION, UNITS, rng),
            attention: Attention::new(p, UNITS, ATTENTION, HEADS, rng),
            hidden: Linear::new(p, "hidden.weight", None, 2 * UNITS, HIDDEN, rng),
            hidden_norm: BatchNormRelu::new(p, "hidden_norm", HIDDEN),
            output: Linear::new(
                p,
                "output.weight",
                Some("output.bias"),
                HIDDEN,
                classes,
                rng,
            ),
            classes,
            parameters,
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Logits of one segment `[T, F]` of MFCC, energy, pitch and voicing, trimmed and with the level
    /// subtracted.
    ///
    /// # Panics
    /// When the segment has fewer than four frames.
    pub fn forward(&self, segment: &[f32]) -> Vec<f32> {
        let mut batch = Batch::default();
        batch.push(&with_log_mel(segment));
        self.pass(&batch, false).logits
    }

    /// All parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// All parameters.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// Sets the mean and deviation with which the mel bands are standardised.
    pub(crate) fn set_standardisation(&mut self, mean: Vec<f32>, deviation: Vec<f32>) {
        self.parameters[self.mean].value = mean;
        self.parameters[self.deviation].value = deviation;
    }

    /// Mean of every mel band in the training data.
    pub(crate) fn mean(&self) -> &[f32] {
        &self.parameters[self.mean].value
    }

    /// Sets the gradients for one batch and updates the running statistics with the batch's.
    pub fn gradients(&mut self, batch: &Batch, targets: &[Target], smoothing: f32) -> BatchLoss {
        let tape = self.pass(batch, true);
        let (loss, d_logits) = loss::cross_entropy(&tape.logits, targets, smoothing);
        self.parameters.clear_gradients();
        self.backward(&tape, &batch.lengths, &d_logits);
        self.update_statistics(&tape);
        let items = tape.logits.chunks_exact(self.classes).zip(targets);
        BatchLoss {
            loss,
            correct: items
                .filter(|(logits, target)| target.answer(logits) == target.class)
                .count(),
        }
    }

    /// Forward pass; in training, normalised with the statistics of the batch.
    fn pass(&self, batch: &Batch, training: bool) -> Tape {
        let p = &self.parameters;
        let x1 = batch.standardised(&p[self.mean].value, &p[self.deviation].value);

        let [conv1, conv2, conv3] = &self.conv;
        let [norm1, norm2, norm3] = &self.conv_norm;
        let halves: Vec<usize> = batch.lengths.iter().map(|&n| conv1.frames(n)).collect();
        let steps: Vec<usize> = halves.iter().map(|&n| conv2.frames(n)).collect();
        let (x2, saved1) = norm1.forward(p, conv1.forward(p, &x1, &batch.lengths), training);
        let (x3, saved2) = norm2.forward(p, conv2.forward(p, &x2, &halves), training);
        let (flat, saved3) = norm3.forward(p, conv3.forward(p, &x3, &steps), training);

        let joined = join(&flat, &batch.side_inputs());
        let x = self.projection.forward(p, &joined);
        let (x, projection_norm) = self.projection_norm.forward(p, x, training);
        let (states, memory) = self.lstm.forward(p, &x, &steps);
        let (pooled, attended) = self.attention.forward(p, &states, &steps);
        let x = self.hidden.forward(p, &pooled);
        let (hidden, hidden_norm) = self.hidden_norm.forward(p, x, training);
        let logits = self.output.forward(p, &hidden);
        Tape {
            halves,
            steps,
            conv_inputs: [x1, x2, x3],
            conv_norm: [saved1, saved2, saved3],
            joined,
            projection_norm,
            memory,
            states,
            attended,
            pooled,
            hidden_norm,
            hidden,
            logits,
        }
    }

    /// Adds the gradients of all parameters, given that of the logits.
    fn backward(&mut self, tape: &Tape, lengths: &[usize], d_logits: &[f32]) {
        let p = &mut self.parameters;
        let d = self.output.backward(p, &tape.hidden, d_logits);
        let d = self.hidden_norm.backward(p, &tape.hidden_norm, d);
        let d = self.hidden.backward(p, &tape.pooled, &d);
        let d = self
            .attention
            .backward(p, &tape.attended, &tape.states, &tape.steps, &d);
        let d = self.lstm.backward(p, &tape.memory, &d);
        let d = self.projection_norm.backward(p, &tape.projection_norm, d);
        let d = self.projection.backward(p, &tape.joined, &d);
        let d = first_columns(&d, FLAT + SIDE_INPUTS, FLAT);

        let [conv1, conv2, conv3] = &self.conv;
        let [norm1, norm2, norm3] = &self.conv_norm;
        let d = norm3.backward(p, &tape.conv_norm[2], d);
        conv3.backward_weight(p, &tape.conv_inputs[2], &d, &tape.steps);
        let d = conv3.backward_input(p, &d, &tape.steps);
        let d = norm2.backward(p, &tape.conv_norm[1], d);
        conv2.backward_weight(p, &tape.conv_inputs[1], &d, &tape.halves);
        let d = conv2.backward_input(p, &d, &tape.halves);
        let d = norm1.backward(p, &tape.conv_norm[0], d);
        conv1.backward_weight(p, &tape.conv_inputs[0], &d, lengths);
    }

    fn update_statistics(&mut self, tape: &Tape) {
        let p = &mut self.parameters;
        for (norm, saved) in self.conv_norm.iter().zip(&tape.conv_norm) {
            norm.update_statistics(p, saved);
        }
        self.projection_norm
            .update_statistics(p, &tape.projection_norm);
        self.hidden_norm.update_statistics(p, &tape.hidden_norm);
    }
}

/// Appends the side inputs to each row of the flattened convolutions.
fn join(flat: &[f32], side: &[f32]) -> Vec<f32> {
    let mut joined = Vec::with_capacity(flat.len() + side.len());
    for (flat, side) in flat.chunks_exact(FLAT).zip(side.chunks_exact(SIDE_INPUTS)) {
        joined.extend_from_slice(flat);
        joined.extend_from_slice(side);
    }
    joined
}

#[cfg(test)]
mod tests;
