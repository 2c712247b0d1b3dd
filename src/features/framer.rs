//! Cuts a stream into overlapping, centred stretches of fixed length.

/// Frame advance: 16 ms.
pub const HOP_SAMPLES: usize = 256;

/// Length of a frame: 32 ms.
pub const FRAME_SAMPLES: usize = 512;

/// Length of the stretch around a frame from which the pitch is taken: 64 ms.
pub(super) const CONTEXT_SAMPLES: usize = 1024;

const HALF_CONTEXT: usize = CONTEXT_SAMPLES / 2;

/// Hands out, for every frame `n`, the samples `256 n - 512 .. 256 n + 512`, zeros before the start.
pub(super) struct Framer {
    context: Box<[f32; CONTEXT_SAMPLES]>,
    filled: usize,
    taken: u64,
    given: u64,
}

impl Framer {
    pub(super) fn new() -> Self {
        Self {
            context: Box::new([0.0; CONTEXT_SAMPLES]),
            filled: HALF_CONTEXT,
            taken: 0,
            given: 0,
        }
    }

    pub(super) fn push(&mut self, samples: &[f32], mut sink: impl FnMut(&[f32; CONTEXT_SAMPLES])) {
        self.taken += samples.len() as u64;
        self.append(samples, &mut sink);
    }

    /// Hands out the frames up to `floor(taken / 256)` as if silence followed, and starts afresh.
    pub(super) fn finish(&mut self, mut sink: impl FnMut(&[f32; CONTEXT_SAMPLES])) {
        let frames = if self.taken == 0 {
            0
        } else {
            1 + self.taken / HOP_SAMPLES as u64
        };
        while self.given < frames {
            let missing = CONTEXT_SAMPLES - self.filled;
            self.append(&[0.0; CONTEXT_SAMPLES][..missing], &mut sink);
        }
        self.reset();
    }

    pub(super) fn reset(&mut self) {
        self.context.fill(0.0);
        self.filled = HALF_CONTEXT;
        self.taken = 0;
        self.given = 0;
    }

    fn append(&mut self, mut samples: &[f32], sink: &mut impl FnMut(&[f32; CONTEXT_SAMPLES])) {
        while !samples.is_empty() {
            let free = &mut self.context[self.filled..];
            let (now, later) = samples.split_at(samples.len().min(free.len()));
            free[..now.len()].copy_from_slice(now);
            self.filled += now.len();
            samples = later;
            if self.filled == CONTEXT_SAMPLES {
                sink(&self.context);
                self.given += 1;
                self.context.copy_within(HOP_SAMPLES.., 0);
                self.filled -= HOP_SAMPLES;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_of_frame_n_is_centred_on_sample_256_n() {
        let samples: Vec<f32> = (1..=1_300).map(|n| n as f32).collect();
        let at = |n: i64| samples.get(n as usize).copied().unwrap_or(0.0);
        let mut framer = Framer::new();
        let mut frame = 0;
        let mut check = |context: &[f32; CONTEXT_SAMPLES]| {
            for (i, &sample) in context.iter().enumerate() {
                let n = 256 * frame + i as i64 - 512;
                assert_eq!(sample, if n < 0 { 0.0 } else { at(n) }, "sample {n}");
            }
            frame += 1;
        };
        framer.push(&samples, &mut check);
        framer.finish(&mut check);
        assert_eq!(frame, 6);
    }

    #[test]
    fn no_sample_gives_no_frame() {
        Framer::new().finish(|_| panic!("a frame of nothing"));
    }
}
