//! Convolution over two axes, channels last.

use super::{
    matrix::{Dense, Rows},
    plan::Scratch,
};

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
    pub dense: Dense,
}

impl Convolution {
    /// `x` `[H, W, C]`, `y` `[H', W', K]`; sizes are H, W and H', W'.
    pub fn run(
        &self,
        x: &[f32],
        size: [usize; 2],
        y: &mut [f32],
        out: [usize; 2],
        scratch: &mut Scratch,
    ) {
        let channels = self.dense.inputs() / (self.kernel[0] * self.kernel[1]);
        let width = self.before[1] + size[1] + self.after[1];
        let line = width * channels;
        let padded = scratch.numbers((self.before[0] + size[0] + self.after[0]) * line);
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
        // The kernel covers pieces of as many lines as it is high.
        let rows = Rows {
            lines: [out[0], self.strides[0] * line],
            rows: [out[1], self.strides[1] * channels],
            pieces: [self.kernel[0], line],
            length: self.kernel[1] * channels,
        };
        self.dense.apply_rows(padded, &rows, y);
    }
}
