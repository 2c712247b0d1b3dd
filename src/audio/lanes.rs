//! Who speaks on which channel: one speaker, or one on each.

use std::str::FromStr;

/// Length over which loudness is compared: 50 ms.
const BLOCKS_PER_SECOND: u32 = 20;

/// Two channels whose loudness is correlated less than this hold two voices.
const SAME_VOICE: f64 = 0.5;

/// A channel whose loudest block is so much fainter in amplitude than the loudest one's holds no voice: 40 dB.
const FAINTEST: f64 = 0.01;

/// What the channels of a recording are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lanes {
    /// One speaker each where they speak apart ([`Loudness::speaks_apart`]), else one speaker.
    #[default]
    Auto,
    /// One speaker, mixed.
    Mix,
    /// One speaker each.
    Channels,
}

/// There is no such choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lanes are auto, mix or channels")]
pub struct UnknownLanes;

impl FromStr for Lanes {
    type Err = UnknownLanes;

    fn from_str(name: &str) -> Result<Self, UnknownLanes> {
        match name {
            "auto" => Ok(Self::Auto),
            "mix" => Ok(Self::Mix),
            "channels" => Ok(Self::Channels),
            _ => Err(UnknownLanes),
        }
    }
}

/// How loud the channels of a recording are, block by block.
///
/// Its size depends on the number of channels alone.
#[derive(Clone, Debug)]
pub struct Loudness {
    block: usize,
    filled: usize,
    blocks: f64,
    /// Of the block that is being filled.
    power: Vec<f64>,
    /// Highest amplitude of a block.
    loudest: Vec<f64>,
    sums: Vec<f64>,
    /// Sums of products, `[channel, channel]`.
    products: Vec<f64>,
}

impl Loudness {
    /// Of nothing yet, at this sample rate.
    pub fn new(sample_rate_hz: u32, channels: usize) -> Self {
        Self {
            block: (sample_rate_hz / BLOCKS_PER_SECOND).max(1) as usize,
            filled: 0,
            blocks: 0.0,
            power: vec![0.0; channels],
            loudest: vec![0.0; channels],
            sums: vec![0.0; channels],
            products: vec![0.0; channels * channels],
        }
    }

    /// Takes in planar channels of equal length, as many as were announced; what is not finite counts as 0.
    pub fn push(&mut self, channels: &[&[f32]]) {
        let length = channels.first().map_or(0, |channel| channel.len());
        let mut start = 0;
        while start < length {
            let end = length.min(start + self.block - self.filled);
            for (power, channel) in self.power.iter_mut().zip(channels) {
                let finite = channel[start..end]
                    .iter()
                    .filter(|sample| sample.is_finite());
                *power += finite.map(|sample| f64::from(sample * sample)).sum::<f64>();
            }
            self.filled += end - start;
            start = end;
            if self.filled == self.block {
                self.end_block();
            }
        }
    }

    /// Whether several people speak, each on a channel of their own, as calls are recorded.
    ///
    /// They are then loud at other times; of one voice before two microphones, or in the middle between
    /// two loudspeakers, both channels are loud together, whatever their delay. Channels without sound do not
    /// count.
    pub fn speaks_apart(mut self) -> bool {
        if self.filled > 0 {
            self.end_block();
        }
        let loudest = self.loudest.iter().copied().fold(0.0, f64::max);
        let voiced: Vec<usize> = (0..self.loudest.len())
            .filter(|&channel| self.loudest[channel] > FAINTEST * loudest)
            .collect();
        let apart = |a: usize, b: usize| self.correlation(a, b).is_some_and(|r| r < SAME_VOICE);
        let pairs = |(i, &a): (usize, &usize)| voiced[i + 1..].iter().all(|&b| apart(a, b));
        voiced.len() > 1 && voiced.iter().enumerate().all(pairs)
    }

    fn end_block(&mut self) {
        let channels = self.power.len();
        for a in 0..channels {
            self.power[a] = (self.power[a] / self.block as f64).sqrt();
            self.loudest[a] = self.loudest[a].max(self.power[a]);
            self.sums[a] += self.power[a];
            for b in 0..=a {
                self.products[a * channels + b] += self.power[a] * self.power[b];
            }
        }
        self.power.fill(0.0);
        self.filled = 0;
        self.blocks += 1.0;
    }

    /// Pearson's; none where one does not change.
    fn correlation(&self, a: usize, b: usize) -> Option<f64> {
        let covariance = |a: usize, b: usize| {
            let product = self.products[a.max(b) * self.power.len() + a.min(b)];
            self.blocks * product - self.sums[a] * self.sums[b]
        };
        let spread = (covariance(a, a) * covariance(b, b)).sqrt();
        (spread > 0.0).then(|| covariance(a, b) / spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE_HZ: u32 = 8_000;

    /// Five seconds whose loudness over time is `loud` of the tenth of a second.
    fn sound(loud: impl Fn(usize) -> f32) -> Vec<f32> {
        let sample = |n: usize| loud(n / 800) * if n.is_multiple_of(2) { 1.0 } else { -1.0 };
        (0..40_000).map(sample).collect()
    }

    fn voice(tenth: usize) -> f32 {
        0.02 * ((tenth * 37) % 11) as f32
    }

    fn speaks_apart(channels: &[Vec<f32>], chunk: usize) -> bool {
        let mut loudness = Loudness::new(RATE_HZ, channels.len());
        for start in (0..40_000).step_by(chunk) {
            let end = 40_000.min(start + chunk);
            let planes: Vec<&[f32]> = channels
                .iter()
                .map(|channel| &channel[start..end])
                .collect();
            loudness.push(&planes);
        }
        loudness.speaks_apart()
    }

    #[test]
    fn taking_turns_is_told_from_one_voice_on_two_channels() {
        let turn = |own: usize| {
            move |tenth: usize| {
                if tenth / 5 % 3 == own {
                    voice(tenth)
                } else {
                    0.001
                }
            }
        };
        let turns: Vec<_> = (0..3).map(|own| sound(turn(own))).collect();
        let quieter = sound(|tenth| 0.3 * voice(tenth) + 0.01);
        let inverted: Vec<f32> = sound(voice).iter().map(|sample| -sample).collect();
        for chunk in [160, 1_000, 40_000] {
            assert!(speaks_apart(&turns[..2], chunk));
            assert!(speaks_apart(&turns, chunk));
            assert!(!speaks_apart(&[sound(voice), quieter.clone()], chunk));
            assert!(!speaks_apart(&[sound(voice), inverted.clone()], chunk));
            // Two of three are one voice.
            assert!(!speaks_apart(
                &[turns[0].clone(), turns[1].clone(), turns[1].clone()],
                chunk
            ));
        }
    }

    #[test]
    fn a_channel_without_a_voice_is_no_speaker() {
        let hiss = sound(|tenth| 0.000_5 + 0.000_1 * (tenth % 3) as f32);
        for channels in [
            vec![sound(voice)],
            vec![sound(voice), sound(|_| 0.0)],
            vec![sound(voice), hiss],
            vec![sound(|_| 0.0), sound(|_| 0.0)],
            vec![],
        ] {
            assert!(!speaks_apart(&channels, 1_000));
        }
    }

    #[test]
    fn samples_that_are_no_numbers_do_not_count() {
        let turn = |own: usize| {
            sound(move |tenth| {
                if tenth / 5 % 2 == own {
                    voice(tenth)
                } else {
                    0.0
                }
            })
        };
        let mut channels = [turn(0), turn(1)];
        channels[0][17] = f32::NAN;
        channels[1][18] = f32::INFINITY;
        assert!(speaks_apart(&channels, 1_000));
    }
}
