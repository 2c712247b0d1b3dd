//! Convolution over two axes, channels last.
//!
//! Where a kernel is three lines high and moves by one line, neighbouring lines of the result share products
//! ([`Dense::apply_pairs`]), which saves a third of them.

use super::{
    matrix::{Dense, Matrix, Rows},
    plan::Scratch,
};
use crate::dsp::vectorise;

/// A convolution `[1, H, W, C]` to `[1, H', W', K]`, with the operations that follow it folded in.
#[derive(Debug)]
pub struct Convolution {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps over height and width.
    pub strides: [usize; 2],
    /// Zeros before the first row and column.
    pub before: [usize; 2],
    /// Zeros after the last row and column.
    pub after: [usize; 2],
    /// From a patch `[kernel height, kernel width, C]` to the K outputs.
    dense: Dense,
}

impl Convolution {
    /// `weight(input, output)`: what a number of a patch `[kernel height, kernel width, C]` counts for each of as
    /// many outputs as `bias` has numbers. `padding`: zeros before the first and after the last row and column.
    pub fn new(
        [kernel, strides]: [[usize; 2]; 2],
        [before, after]: [[usize; 2]; 2],
        channels: usize,
        weight: impl Fn(usize, usize) -> f32,
        bias: &[f32],
        relu: bool,
    ) -> Self {
        let patch = kernel[0] * kernel[1] * channels;
        let dense = if gives_pairs(kernel, strides) {
            Dense::of_pairs(patch, bias.len(), weight, bias, relu)
        } else {
            Dense::new(Matrix::new(patch, bias.len(), weight), bias, relu)
        };
        Self {
            kernel,
            strides,
            before,
            after,
            dense,
        }
    }

    /// C.
    pub fn channels(&self) -> usize {
        self.dense.inputs() / (self.kernel[0] * self.kernel[1])
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.dense.outputs()
    }

    /// `x` `[H, W, C]`, `y` `[H', W', K]`; sizes are H, W and H', W'.
    pub fn run(
        &self,
        x: &[f32],
        size: [usize; 2],
        y: &mut [f32],
        out: [usize; 2],
        scratch: &mut Scratch,
    ) {
        let channels = self.channels();
        let in_pairs = gives_pairs(self.kernel, self.strides);
        let pairs = if in_pairs { out[0].div_ceil(2) } else { 0 };
        let line = (self.before[1] + size[1] + self.after[1]) * channels;
        // For the last pair one line more than there is.
        let height = (self.before[0] + size[0] + self.after[0]).max(2 * pairs + 2);
        let numbers = scratch.numbers((height + 4 * pairs) * line);
        let (padded, combined) = numbers.split_at_mut(height * line);
        self.pad(x, size, padded);
        // The kernel covers pieces of as many lines as it is high.
        let mut rows = Rows {
            lines: [out[0], self.strides[0] * line],
            rows: [out[1], self.strides[1] * channels],
            pieces: [self.kernel[0], line],
            length: self.kernel[1] * channels,
        };
        if !in_pairs {
            return self.dense.apply_rows(padded, &rows, y);
        }
        for (pair, combined) in combined.chunks_exact_mut((4 * line).max(1)).enumerate() {
            combine(&padded[2 * pair * line..][..4 * line], combined);
        }
        rows.lines = [pairs, 4 * line];
        self.dense.apply_pairs(combined, &rows, y);
    }

    /// Copies `x` `[H, W, C]` to where zeros are around it.
    fn pad(&self, x: &[f32], size: [usize; 2], padded: &mut [f32]) {
        let channels = self.channels();
        let line = (self.before[1] + size[1] + self.after[1]) * channels;
        let (top, rest) = padded.split_at_mut(self.before[0] * line);
        let (middle, bottom) = rest.split_at_mut(size[0] * line);
        top.fill(0.0);
        bottom.fill(0.0);
        let lines = middle.chunks_exact_mut(line.max(1));
        for (to, from) in lines.zip(x.chunks_exact((size[1] * channels).max(1))) {
            let (left, to) = to.split_at_mut(self.before[1] * channels);
            let (to, right) = to.split_at_mut(from.len());
            left.fill(0.0);
            to.copy_from_slice(from);
            right.fill(0.0);
        }
    }
}

/// Whether two lines of the result at a time are computed from four of the input.
fn gives_pairs(kernel: [usize; 2], strides: [usize; 2]) -> bool {
    kernel[0] == 3 && strides[0] == 1
}

/// From four lines to what [`Dense::apply_pairs`] takes.
fn combine(lines: &[f32], combined: &mut [f32]) {
    let length = lines.len() / 4;
    let line = |n: usize| &lines[n * length..][..length];
    let [a, b, c, d] = [0, 1, 2, 3].map(line);
    vectorise(
        #[inline(always)]
        || {
            let (first, rest) = combined.split_at_mut(length);
            let (sum, rest) = rest.split_at_mut(length);
            let (difference, last) = rest.split_at_mut(length);
            for n in 0..length {
                first[n] = a[n] - c[n];
                sum[n] = b[n] + c[n];
                difference[n] = c[n] - b[n];
                last[n] = d[n] - b[n];
            }
        },
    );
}
