//! What augmentation needs to know about the front end's mel bands.

use std::ops::Range;

use rand::{Rng, RngExt};
use speech_emotion::dsp::mel::{hz_to_mel, mel_to_hz};
use speech_emotion::features::{FrontEndConfig, N_MFCC};

/// Natural logarithm of the power of one decibel.
pub const NATS_PER_DB: f32 = std::f32::consts::LN_10 / 10.0;

/// Facts about the mel bands.
#[derive(Clone, Debug)]
pub struct Bands {
    min_mel: f32,
    mel_step: f32,
    /// Centre of each band.
    pub centres_hz: [f32; N_MFCC],
    /// Share of the bandwidth, sums to 1: mean power is the weighted sum of the bands' powers.
    pub widths: [f32; N_MFCC],
    /// The same weighted as the pitch tracker does.
    pub pitch_weights: [f32; N_MFCC],
    /// The same for bands that the energy includes, otherwise 0.
    pub energy_weights: [f32; N_MFCC],
    /// The estimate of a band's power from one frame deviates by one over the root of its bins.
    pub deviations: [f32; N_MFCC],
}

impl Bands {
    /// Where a frequency lies among the bands' centres, the first at 0.
    pub fn place(&self, hz: f32) -> f32 {
        (hz_to_mel(hz.into()) as f32 - self.min_mel) / self.mel_step - 1.0
    }

    /// What the pitch tracker hears of these bands, `[M]`.
    pub fn pitch_power(&self, powers: &[f32]) -> f32 {
        weighted(powers, &self.pitch_weights)
    }

    /// The power in these bands, `[M]`, whose logarithm is the energy.
    pub fn energy_power(&self, powers: &[f32]) -> f32 {
        weighted(powers, &self.energy_weights)
    }

    /// Mean power of these bands, `[M]`.
    pub fn power(&self, powers: &[f32]) -> f32 {
        weighted(powers, &self.widths)
    }
}

/// The front end's bands.
impl Default for Bands {
    fn default() -> Self {
        let config = FrontEndConfig::default();
        let mel = &config.mel;
        let (low, high) = (hz_to_mel(mel.min_hz.into()), hz_to_mel(mel.max_hz.into()));
        let mel_step = (high - low) / (N_MFCC + 1) as f64;
        let edge_hz = |i: f64| mel_to_hz(low + mel_step * i);
        let mut centres_hz = [0.0; N_MFCC];
        let mut widths = [0.0; N_MFCC];
        let span_hz = edge_hz(N_MFCC as f64 + 0.5) - edge_hz(0.5);
        for m in 0..N_MFCC {
            centres_hz[m] = edge_hz(m as f64 + 1.0) as f32;
            widths[m] = ((edge_hz(m as f64 + 1.5) - edge_hz(m as f64 + 0.5)) / span_hz) as f32;
        }
        Self {
            min_mel: low as f32,
            mel_step: mel_step as f32,
            centres_hz,
            widths,
            pitch_weights: std::array::from_fn(|m| {
                let (hz, pitch) = (centres_hz[m], &config.pitch);
                let high = 1.0 + (hz / pitch.lowpass_hz).powi(4);
                let low = 1.0 + (pitch.highpass_hz / hz).powi(4);
                widths[m] / high / low
            }),
            energy_weights: std::array::from_fn(|m| {
                let band = config.energy.min_hz..config.energy.max_hz;
                if band.contains(&centres_hz[m]) {
                    widths[m]
                } else {
                    0.0
                }
            }),
            deviations: widths.map(|width| (1.0 / (width * 256.0).max(1.0)).sqrt()),
        }
    }
}

fn weighted(powers: &[f32], weights: &[f32; N_MFCC]) -> f32 {
    powers
        .iter()
        .zip(weights)
        .map(|(power, weight)| power * weight)
        .sum()
}

/// A value in a range, with all octaves equally likely.
pub fn logarithmic(range: Range<f32>, rng: &mut impl Rng) -> f32 {
    range.start * (range.end / range.start).powf(rng.random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_of_equal_power_have_that_mean_power() {
        let bands = Bands::default();
        assert!((bands.power(&[1.0; N_MFCC]) - 1.0).abs() < 1e-5);
        // Mel 77.8 + 42.4.
        assert!((bands.centres_hz[0] - 78.8).abs() < 0.1);
    }
}
