//! Mixing planar channels to mono, and the one place where bad sample values are made harmless.

use crate::dsp::vectorise;

/// Samples beyond this, 60 dB over full scale, are limited to it, so that no power overflows.
pub const MAX_AMPLITUDE: f32 = 1_000.0;

/// Channels compared with each other; further ones are only mixed.
const COMPARED: usize = 32;

/// Channels are compared every so many samples, so that it does not matter how they were cut.
const BLOCK_SAMPLES: usize = 256;

/// Share of a block's powers that is still counted one block later: about 50 blocks count.
const MEMORY: f32 = 0.98;

/// Power of the mean of n channels, times n and relative to theirs: n where they are alike, 1 where they have
/// nothing to do with each other or only one sounds, 0 where they cancel.
const CANCELLING: f32 = 0.2;
const NO_LONGER_CANCELLING: f32 = 0.4;

/// Another channel than the one taken is louder only from this power on.
const LOUDER: f32 = 2.0;

/// Mixes a stream of planar channels to mono: their mean, or, where one of them is wired against another so
/// that they would cancel, the loudest alone.
#[derive(Clone, Debug, Default)]
pub struct Mixer {
    /// Samples of the block so far, and their powers.
    filled: usize,
    block: Powers,
    /// Of the blocks before.
    known: Powers,
    /// The channel that is taken alone.
    alone: Option<usize>,
}

#[derive(Clone, Debug, Default)]
struct Powers {
    channels: [f32; COMPARED],
    mean: f32,
}

impl Mixer {
    /// Writes to `mono[i]` the mix of sample `start + i` of every channel.
    ///
    /// A value that is not finite counts as 0; one beyond ±[`MAX_AMPLITUDE`] is limited. Returns how many
    /// values were not finite. Every channel must reach to `start + mono.len()`.
    pub fn mix(&mut self, channels: &[&[f32]], start: usize, mono: &mut [f32]) -> u64 {
        if !(2..=COMPARED).contains(&channels.len()) {
            return mean(channels, start, mono);
        }
        let mut nonfinite = 0;
        let mut from = 0;
        while from < mono.len() {
            let to = mono.len().min(from + BLOCK_SAMPLES - self.filled);
            nonfinite += self.mix_part(channels, start + from, &mut mono[from..to]);
            self.filled += to - from;
            from = to;
            if self.filled == BLOCK_SAMPLES {
                self.compare(channels.len());
            }
        }
        nonfinite
    }

    /// Mixes samples of one block.
    fn mix_part(&mut self, channels: &[&[f32]], start: usize, mono: &mut [f32]) -> u64 {
        let nonfinite = mean(channels, start, mono);
        for sample in mono.iter() {
            self.block.mean += sample * sample;
        }
        for (channel, power) in channels.iter().zip(&mut self.block.channels) {
            for &sample in &channel[start..start + mono.len()] {
                let sample = harmless(sample);
                *power += sample * sample;
            }
        }
        if let Some(channel) = self.alone.and_then(|alone| channels.get(alone)) {
            for (mixed, &sample) in mono.iter_mut().zip(&channel[start..]) {
                *mixed = harmless(sample);
            }
        }
        nonfinite
    }

    /// Decides at the end of a block how the next one is mixed.
    fn compare(&mut self, count: usize) {
        let block = std::mem::take(&mut self.block);
        self.filled = 0;
        let known = &mut self.known;
        known.mean = MEMORY * known.mean + block.mean;
        for (known, block) in known.channels.iter_mut().zip(block.channels) {
            *known = MEMORY * *known + block;
        }
        let powers = &known.channels[..count];
        let n = count as f32;
        let limit = match self.alone {
            None => CANCELLING,
            Some(_) => NO_LONGER_CANCELLING,
        };
        let cancelling = n * n * known.mean < limit * powers.iter().sum::<f32>();
        let loudest = (0..count).reduce(|a, b| if powers[b] > powers[a] { b } else { a });
        self.alone = match (cancelling, self.alone, loudest) {
            (false, ..) | (.., None) => None,
            (true, Some(alone), Some(other)) if powers[other] <= LOUDER * powers[alone] => {
                Some(alone)
            }
            (true, _, loudest) => loudest,
        };
    }
}

/// Writes the mean over the channels.
fn mean(channels: &[&[f32]], start: usize, mono: &mut [f32]) -> u64 {
    vectorise(
        #[inline(always)]
        || {
            let mut nonfinite = 0;
            mono.fill(0.0);
            for channel in channels {
                let mut own = 0u32;
                for (sum, &sample) in mono.iter_mut().zip(&channel[start..]) {
                    own += u32::from(!sample.is_finite());
                    *sum += harmless(sample);
                }
                nonfinite += u64::from(own);
            }
            if channels.len() > 1 {
                let scale = 1.0 / channels.len() as f32;
                for sample in mono {
                    *sample *= scale;
                }
            }
            nonfinite
        },
    )
}

#[inline(always)]
fn harmless(sample: f32) -> f32 {
    if sample.is_finite() {
        sample.clamp(-MAX_AMPLITUDE, MAX_AMPLITUDE)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(channels: &[&[f32]], chunk: usize) -> Vec<f32> {
        let mut mixer = Mixer::default();
        let mut mono = vec![9.0; channels[0].len()];
        let mut start = 0;
        for part in mono.chunks_mut(chunk) {
            mixer.mix(channels, start, part);
            start += part.len();
        }
        mono
    }

    fn noise(seed: u32, samples: usize) -> Vec<f32> {
        let mut state = seed;
        (0..samples)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect()
    }

    #[test]
    fn mono_is_the_mean_of_the_channels_from_start_on() {
        let mut mono = [9.0; 2];
        let channels: [&[f32]; 2] = [&[0.0, 1.0, -1.0], &[0.0, 0.5, 0.5]];
        let nonfinite = Mixer::default().mix(&channels, 1, &mut mono);
        assert_eq!(mono, [0.75, -0.25]);
        assert_eq!(nonfinite, 0);
    }

    #[test]
    fn values_that_are_not_finite_become_zero_and_are_counted() {
        let mut mono = [9.0; 4];
        let nonfinite = Mixer::default().mix(
            &[&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30]],
            0,
            &mut mono,
        );
        assert_eq!(mono, [0.0, 0.0, 0.0, MAX_AMPLITUDE]);
        assert_eq!(nonfinite, 3);
    }

    #[test]
    fn of_channels_that_cancel_one_is_heard_from_the_second_block_on() {
        let voice = noise(1, 8_000);
        let against: Vec<f32> = voice.iter().map(|sample| -0.9 * sample).collect();
        let mono = mixed(&[&voice, &against], 8_000);
        assert_eq!(mono[BLOCK_SAMPLES..], voice[BLOCK_SAMPLES..]);
        let mono = mixed(&[&against, &voice], 8_000);
        assert_eq!(mono[BLOCK_SAMPLES..], voice[BLOCK_SAMPLES..]);
        let both = [&voice[..], &voice, &against, &against];
        assert_eq!(mixed(&both, 8_000)[BLOCK_SAMPLES..], voice[BLOCK_SAMPLES..]);
    }

    #[test]
    fn other_channels_are_mixed_by_their_mean() {
        let (a, b, silence) = (noise(1, 8_000), noise(2, 8_000), vec![0.0; 8_000]);
        for other in [&a, &b, &silence] {
            let mean: Vec<f32> = a.iter().zip(other).map(|(a, b)| (a + b) * 0.5).collect();
            assert_eq!(mixed(&[&a, other], 8_000), mean);
        }
        let six = [&a, &silence, &silence, &b, &silence, &silence].map(Vec::as_slice);
        let third = 1.0 / 6.0;
        let mean: Vec<f32> = a.iter().zip(&b).map(|(a, b)| (a + b) * third).collect();
        assert_eq!(mixed(&six, 8_000), mean);
    }

    #[test]
    fn how_channels_are_cut_does_not_matter() {
        let voice = noise(1, 4_000);
        let half = voice.iter().enumerate();
        let against: Vec<f32> = half.map(|(i, s)| if i < 2_000 { *s } else { -s }).collect();
        let whole = mixed(&[&voice, &against], 4_000);
        for chunk in [1, 7, 255, 256, 1_000] {
            assert_eq!(mixed(&[&voice, &against], chunk), whole, "{chunk}");
        }
    }
}
