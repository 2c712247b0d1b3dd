//! Convolution over two axes, channels last.

use super::matrix::Dense;

/// Positions that are brought into rows of one matrix at a time: as many as stay in the fast cache.
const BLOCK: usize = 32;

/// A convolution `[1, H, W, C]` to `[1, H', W', K]`, with what follows it folded in.
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
    pub fn run(&self, x: &[f32], size: [usize; 2], y: &mut [f32], out: [usize; 2]) {
        let patch = self.dense.inputs();
        let outputs = self.dense.outputs();
        let channels = patch / (self.kernel[0] * self.kernel[1]);
        let mut patches = vec![0.0; BLOCK * patch];
        for (block, y) in y.chunks_mut(BLOCK * outputs).enumerate() {
            let count = y.len() / outputs;
            let patches = &mut patches[..count * patch];
            for (index, patch) in patches.chunks_exact_mut(patch).enumerate() {
                let position = block * BLOCK + index;
                let place = [position / out[1], position % out[1]];
                self.gather(x, size, channels, place, patch);
            }
            self.dense.apply(patches, y);
        }
    }

    /// Copies what the kernel covers at an output's place, zeros outside the image.
    fn gather(
        &self,
        x: &[f32],
        [height, width]: [usize; 2],
        channels: usize,
        place: [usize; 2],
        patch: &mut [f32],
    ) {
        let left = place[1] * self.strides[1];
        // Columns of the kernel that lie inside the image.
        let from = self.before[1].saturating_sub(left).min(self.kernel[1]);
        let to = (width + self.before[1])
            .saturating_sub(left)
            .clamp(from, self.kernel[1]);
        for (row, patch) in patch
            .chunks_exact_mut(self.kernel[1] * channels)
            .enumerate()
        {
            let line = (place[0] * self.strides[0] + row).checked_sub(self.before[0]);
            let Some(line) = line.filter(|&line| line < height) else {
                patch.fill(0.0);
                continue;
            };
            let start = (line * width + left + from - self.before[1]) * channels;
            let length = (to - from) * channels;
            patch[..from * channels].fill(0.0);
            patch[from * channels..][..length].copy_from_slice(&x[start..start + length]);
            patch[to * channels..].fill(0.0);
        }
    }
}
