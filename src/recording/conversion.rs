//! Parts of a recording whose sample rate or channels are others than its first part's, made like it.

use crate::audio::{AudioError, Mixer, Resampler};

/// Takes the blocks of one part in.
pub(super) struct Conversion {
    rate_hz: u32,
    channels: usize,
    /// None if the channels are as many as wanted.
    mixer: Option<Mixer>,
    /// For each plane that is converted.
    resamplers: Vec<Resampler>,
    mono: Vec<f32>,
}

impl Conversion {
    /// From a part's sample rate and number of channels to those wanted.
    ///
    /// # Errors
    /// When a rate is not in 8,000 to 192,000 Hz.
    pub fn new(
        (rate_hz, channels): (u32, usize),
        (wanted_hz, wanted): (u32, usize),
    ) -> Result<Self, AudioError> {
        let mixer = (channels != wanted).then(Mixer::default);
        let planes = if mixer.is_some() { 1 } else { wanted };
        let resamplers = (0..planes).map(|_| Resampler::between(rate_hz, wanted_hz));
        Ok(Self {
            rate_hz,
            channels,
            mixer,
            resamplers: resamplers.collect::<Result<_, _>>()?,
            mono: Vec::new(),
        })
    }

    /// Whether it is for a part of this sample rate and number of channels.
    pub fn is_for(&self, (rate_hz, channels): (u32, usize)) -> bool {
        (self.rate_hz, self.channels) == (rate_hz, channels)
    }

    /// Adds what `planes` become to `converted`, a plane for each channel wanted: their mix to each where
    /// the numbers of channels differ.
    pub fn push(&mut self, planes: &[Vec<f32>], converted: &mut [Vec<f32>]) {
        let push = |from: &[f32], resampler: &mut Resampler, to: &mut Vec<f32>| {
            resampler.push(from, |samples| to.extend_from_slice(samples));
        };
        if let Some(mixer) = &mut self.mixer {
            let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            self.mono.clear();
            self.mono
                .resize(planes.first().map_or(0, |plane| plane.len()), 0.0);
            mixer.mix(&planes, 0, &mut self.mono);
            for (resampler, to) in self.resamplers.iter_mut().zip(&mut *converted) {
                push(&self.mono, resampler, to);
            }
            spread(converted);
            return;
        }
        for ((from, resampler), to) in planes.iter().zip(&mut self.resamplers).zip(converted) {
            push(from, resampler, to);
        }
    }

    /// Adds the rest of the part.
    pub fn finish(&mut self, converted: &mut [Vec<f32>]) {
        for (resampler, to) in self.resamplers.iter_mut().zip(&mut *converted) {
            resampler.finish(|samples| to.extend_from_slice(samples));
        }
        if self.mixer.is_some() {
            spread(converted);
        }
    }
}

/// Adds what the first plane has more than the others to each of them.
fn spread(planes: &mut [Vec<f32>]) {
    let Some((first, others)) = planes.split_first_mut() else {
        return;
    };
    for other in others {
        other.extend_from_slice(&first[other.len()..]);
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    fn tone(hz: f32, rate_hz: u32) -> Vec<f32> {
        let step = TAU * hz / rate_hz as f32;
        (0..rate_hz)
            .map(|n| 0.5 * (step * n as f32).sin())
            .collect()
    }

    fn converted(from: (u32, &[Vec<f32>]), to: (u32, usize)) -> Vec<Vec<f32>> {
        let (rate_hz, planes) = from;
        let mut conversion = Conversion::new((rate_hz, planes.len()), to).unwrap();
        let mut converted = vec![Vec::new(); to.1];
        for start in (0..planes[0].len()).step_by(1_152) {
            let end = planes[0].len().min(start + 1_152);
            let block: Vec<Vec<f32>> = planes.iter().map(|p| p[start..end].to_vec()).collect();
            conversion.push(&block, &mut converted);
        }
        conversion.finish(&mut converted);
        converted
    }

    #[track_caller]
    fn assert_alike(one: &[f32], other: &[f32]) {
        assert_eq!(one.len(), other.len());
        let inside = 200..one.len() - 200;
        for (n, (a, b)) in one.iter().zip(other).enumerate() {
            assert!(
                !inside.contains(&n) || (a - b).abs() < 1e-3,
                "sample {n}: {a} for {b}"
            );
        }
    }

    #[test]
    fn a_tone_of_another_rate_is_the_same_tone_of_the_same_length() {
        for (from_hz, to_hz) in [
            (22_050, 44_100),
            (48_000, 44_100),
            (44_100, 48_000),
            (8_000, 48_000),
            (48_000, 8_000),
        ] {
            let planes = [tone(440.0, from_hz), tone(1_000.0, from_hz)];
            let both = converted((from_hz, &planes), (to_hz, 2));
            assert_alike(&both[0], &tone(440.0, to_hz));
            assert_alike(&both[1], &tone(1_000.0, to_hz));
        }
    }

    #[test]
    fn other_numbers_of_channels_hold_the_mix() {
        let voice = tone(440.0, 44_100);
        let twice = converted((44_100, std::slice::from_ref(&voice)), (44_100, 2));
        assert_eq!(twice, [voice.clone(), voice.clone()]);
        let half: Vec<f32> = voice.iter().map(|sample| 0.5 * sample).collect();
        let silent = vec![0.0; voice.len()];
        let once = converted((44_100, &[voice.clone(), silent]), (44_100, 1));
        assert_alike(&once[0], &half);
        let inverted: Vec<f32> = voice.iter().map(|sample| -sample).collect();
        let heard = converted((44_100, &[voice, inverted]), (44_100, 1));
        let power = heard[0][4_410..].iter().map(|x| x * x).sum::<f32>() / 39_690.0;
        assert!((power - 0.125).abs() < 0.01, "{power}");
    }

    #[test]
    fn rates_without_sound_are_refused() {
        assert!(Conversion::new((0, 1), (48_000, 1)).is_err());
        assert!(Conversion::new((48_000, 1), (4_000, 1)).is_err());
    }
}
