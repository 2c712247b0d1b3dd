//! Two-dimensional convolution over time and mel frequency, channels last, without bias.
//!
//! Each item of a batch is a `[T, M, C]` block of its own length; the blocks follow one another.
//! Zeros surround each item: `kernel_time / 2` frames before and after, one band below and above.
//! The mel kernel is 3 and its stride 2, so `M` (even) becomes `M / 2`, and `T` becomes
//! `ceil(T / stride_time)`.

use std::ops::Range;

use rand::Rng;

use super::matrix::{add_product, matrix, write_product};
use super::parameter::{Id, Kind, Parameters};

pub const KERNEL_MEL: usize = 3;
pub const STRIDE_MEL: usize = 2;

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub inputs: usize,
    pub outputs: usize,
    /// Odd.
    pub kernel_time: usize,
    pub stride_time: usize,
    /// Bands of the input, even.
    pub mels: usize,
}

/// Weight `[outputs, kernel_time, 3, inputs]`.
#[derive(Clone, Debug)]
pub struct Convolution {
    weight: Id,
    shape: Shape,
}

impl Convolution {
    pub fn new(
        parameters: &mut Parameters,
        weight: &str,
        shape: Shape,
        rng: &mut impl Rng,
    ) -> Self {
        let Shape {
            inputs,
            outputs,
            kernel_time,
            ..
        } = shape;
        let sizes = [outputs, kernel_time, KERNEL_MEL, inputs];
        let fan_in = kernel_time * KERNEL_MEL * inputs;
        Self {
            weight: parameters.uniform(weight, Kind::Matrix, &sizes, fan_in, rng),
            shape,
        }
    }

    /// Length of an item after the convolution.
    pub fn frames(&self, frames: usize) -> usize {
        frames.div_ceil(self.shape.stride_time)
    }

    /// `[ΣT, M, inputs]` to `[ΣT, M, outputs]`.
    pub fn forward(&self, parameters: &Parameters, x: &[f32], lengths: &[usize]) -> Vec<f32> {
        let weight = matrix(&parameters[self.weight].value, self.fan_in());
        let items = self.items(lengths);
        let mut y = vec![0.0; items.last().map_or(0, |(_, output)| output.end)];
        let mut columns = Vec::new();
        for (input, output) in items {
            self.columns(&x[input], &mut columns);
            let columns = matrix(&columns, self.fan_in());
            write_product(columns, weight.transpose(), &mut y[output]);
        }
        y
    }

    /// Adds the weight's gradient.
    pub fn backward_weight(
        &self,
        parameters: &mut Parameters,
        x: &[f32],
        dy: &[f32],
        lengths: &[usize],
    ) {
        let gradient = &mut parameters[self.weight].gradient;
        let mut columns = Vec::new();
        for (input, output) in self.items(lengths) {
            self.columns(&x[input], &mut columns);
            let dy = matrix(&dy[output], self.shape.outputs);
            add_product(dy.transpose(), matrix(&columns, self.fan_in()), gradient);
        }
    }

    /// The gradient of the input.
    pub fn backward_input(
        &self,
        parameters: &Parameters,
        dy: &[f32],
        lengths: &[usize],
    ) -> Vec<f32> {
        let weight = matrix(&parameters[self.weight].value, self.fan_in());
        let items = self.items(lengths);
        let mut dx = vec![0.0; items.last().map_or(0, |(input, _)| input.end)];
        let mut columns = Vec::new();
        for (input, output) in items {
            let dy = matrix(&dy[output], self.shape.outputs);
            columns.resize(dy.nrows() * self.fan_in(), 0.0);
            write_product(dy, weight, &mut columns);
            let dx = &mut dx[input];
            self.for_each_patch(dx.len(), |input, column, length| {
                for (dx, dy) in dx[input..input + length].iter_mut().zip(&columns[column..]) {
                    *dx += dy;
                }
            });
        }
        dx
    }

    /// The position of each item in the input and in the output.
    fn items(&self, lengths: &[usize]) -> Vec<(Range<usize>, Range<usize>)> {
        let Shape {
            inputs,
            outputs,
            mels,
            ..
        } = self.shape;
        let (mut input, mut output) = (0, 0);
        let item = |&frames: &usize| {
            let starts = (input, output);
            input += frames * mels * inputs;
            output += self.frames(frames) * self.mels() * outputs;
            (starts.0..input, starts.1..output)
        };
        lengths.iter().map(item).collect()
    }

    /// What each output of an item sees, `[rows, kernel_time · 3 · inputs]`, one row per output
    /// frame and band: one item's columns fit in the processor's cache, a batch's would not.
    fn columns(&self, x: &[f32], columns: &mut Vec<f32>) {
        columns.clear();
        let rows = self.for_each_patch(x.len(), |input, column, length| {
            columns.resize(column, 0.0);
            columns.extend_from_slice(&x[input..input + length]);
        });
        columns.resize(rows * self.fan_in(), 0.0);
    }

    fn fan_in(&self) -> usize {
        self.shape.kernel_time * KERNEL_MEL * self.shape.inputs
    }

    /// Bands of the output.
    fn mels(&self) -> usize {
        self.shape.mels / STRIDE_MEL
    }

    /// Calls `patch(position in the input, position in the columns, length)` for every stretch of
    /// neighbouring bands of one frame that an output sees, for an item of `size` numbers; returns
    /// the number of rows.
    fn for_each_patch(&self, size: usize, mut patch: impl FnMut(usize, usize, usize)) -> usize {
        let Shape {
            inputs,
            kernel_time,
            stride_time,
            mels,
            ..
        } = self.shape;
        let frames = size / (mels * inputs);
        let mut row = 0;
        for out_frame in 0..self.frames(frames) {
            for out_mel in 0..self.mels() {
                for kernel in 0..kernel_time {
                    let frame = out_frame * stride_time + kernel;
                    let Some(frame) = frame.checked_sub(kernel_time / 2) else {
                        continue;
                    };
                    if frame >= frames {
                        continue;
                    }
                    // Only the lowest output reaches below band 0; none reaches above the last.
                    let outside = usize::from(out_mel == 0);
                    let mel = out_mel * STRIDE_MEL + outside - 1;
                    let input = (frame * mels + mel) * inputs;
                    let column = row * self.fan_in() + (kernel * KERNEL_MEL + outside) * inputs;
                    patch(input, column, (KERNEL_MEL - outside) * inputs);
                }
                row += 1;
            }
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::gradient_check::{check, noise, rng};

    const SHAPE: Shape = Shape {
        inputs: 2,
        outputs: 3,
        kernel_time: 5,
        stride_time: 2,
        mels: 6,
    };

    #[test]
    fn gradients_match_differences_on_items_of_different_length() {
        for (kernel_time, stride_time) in [(5, 2), (3, 1)] {
            let shape = Shape {
                kernel_time,
                stride_time,
                ..SHAPE
            };
            let mut parameters = Parameters::default();
            let convolution = Convolution::new(&mut parameters, "w", shape, &mut rng());
            let lengths = [7, 4];
            check(
                &mut parameters,
                noise(11 * 6 * 2, 1),
                |parameters, x| convolution.forward(parameters, x, &lengths),
                |parameters, x, dy| {
                    convolution.backward_weight(parameters, x, dy, &lengths);
                    convolution.backward_input(parameters, dy, &lengths)
                },
            );
        }
    }

    #[test]
    fn output_is_the_sum_over_the_kernel_with_zeros_around() {
        let mut parameters = Parameters::default();
        let convolution = Convolution::new(&mut parameters, "w", SHAPE, &mut rng());
        let x = noise(7 * 6 * 2, 2);
        let y = convolution.forward(&parameters, &x, &[7]);
        let weight = &parameters.get("w").unwrap().value;
        assert_eq!(y.len(), 4 * 3 * 3);
        for (index, value) in y.into_iter().enumerate() {
            let (frame, mel, output) = (index / 9, index / 3 % 3, index % 3);
            let mut expected = 0.0;
            for kernel in 0..5 * 3 * 2 {
                let (kt, km, input) = (kernel / 6, kernel / 2 % 3, kernel % 2);
                let t = (frame * 2 + kt).wrapping_sub(2);
                let m = (mel * 2 + km).wrapping_sub(1);
                if t < 7 && m < 6 {
                    expected += weight[output * 30 + kernel] * x[(t * 6 + m) * 2 + input];
                }
            }
            assert!(
                (value - expected).abs() < 1e-5,
                "{index}: {value} for {expected}"
            );
        }
    }
}
