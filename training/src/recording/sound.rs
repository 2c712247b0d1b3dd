//! Recordings as samples, and what is done to them: noise, filters, rooms.

use std::{f32::consts::TAU, path::Path};

use anyhow::Result;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use speech_emotion::{audio::Mixer, dsp::vectorise};

use super::audio::{Decoded, Recording};

/// A mono recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Full scale ±1; more is allowed.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate_hz: u32,
}

/// A gain in decibels as a factor on samples.
pub fn decibels(gain: f32) -> f32 {
    10.0_f32.powf(gain / 20.0)
}

/// `samples` times `factor`.
pub fn scaled(samples: &[f32], factor: f32) -> Vec<f32> {
    samples.iter().map(|sample| factor * sample).collect()
}

/// Mean square.
pub fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|x| x * x).sum::<f32>() / samples.len().max(1) as f32
}

/// Mean power of the tenths of a second that are not far below the loudest: of speech, not of the
/// silence around it.
pub fn speech_power(sound: &Sound) -> f32 {
    let block = (sound.rate_hz / 10).max(1) as usize;
    let powers: Vec<f32> = sound.samples.chunks(block).map(power).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let speech: Vec<f32> = powers
        .into_iter()
        .filter(|&p| p >= loudest * 1e-3)
        .collect();
    speech.iter().sum::<f32>() / speech.len().max(1) as f32
}

/// Adds noise `snr_db` below the speech.
pub fn add_noise(sound: &Sound, noise: &[f32], snr_db: f32) -> Vec<f32> {
    let factor = (speech_power(sound) / power(noise).max(1e-20)).sqrt() * decibels(-snr_db);
    let mixed = sound.samples.iter().zip(noise);
    mixed
        .map(|(sample, noise)| sample + factor * noise)
        .collect()
}

/// The direct sound followed by exponentially decaying noise of a power `level_db` relative to it;
/// it falls by 60 dB in `rt60_s`.
pub fn reverberated(sound: &Sound, rt60_s: f32, level_db: f32, rng: &mut impl Rng) -> Vec<f32> {
    let rate_hz = sound.rate_hz as f32;
    // Sparse reflections, 2,000 a second, at the sample rate of any recording.
    let mut response: Vec<(usize, f32)> = (0..(2_000.0 * rt60_s) as usize)
        .map(|_| {
            let delay_s = rng.random_range(0.005..rt60_s);
            // 60 dB are a factor of 1000 in amplitude.
            let amplitude: f32 =
                rng.sample::<f32, _>(StandardNormal) * 1000.0_f32.powf(-delay_s / rt60_s);
            ((delay_s * rate_hz) as usize, amplitude)
        })
        .collect();
    let energy: f32 = response.iter().map(|(_, a)| a * a).sum();
    let factor = decibels(level_db) / energy.sqrt();
    response
        .iter_mut()
        .for_each(|(_, amplitude)| *amplitude *= factor);
    let mut samples = sound.samples.clone();
    vectorise(|| {
        for (delay, amplitude) in response {
            let later = samples.get_mut(delay..).unwrap_or_default();
            for (out, sample) in later.iter_mut().zip(&sound.samples) {
                *out += amplitude * sample;
            }
        }
    });
    samples
}

/// A second-order filter (Bristow-Johnson's cookbook), Butterworth.
pub struct Biquad {
    b: [f32; 3],
    a: [f32; 2],
}

impl Biquad {
    /// Passes what is below `hz`.
    pub fn low_pass(hz: f32, rate_hz: f32) -> Self {
        let (alpha, cos) = Self::angles(hz, rate_hz);
        Self::normalised(
            [0.5 * (1.0 - cos), 1.0 - cos, 0.5 * (1.0 - cos)],
            alpha,
            cos,
        )
    }

    /// Passes what is above `hz`.
    pub fn high_pass(hz: f32, rate_hz: f32) -> Self {
        let (alpha, cos) = Self::angles(hz, rate_hz);
        Self::normalised(
            [0.5 * (1.0 + cos), -1.0 - cos, 0.5 * (1.0 + cos)],
            alpha,
            cos,
        )
    }

    fn angles(hz: f32, rate_hz: f32) -> (f32, f32) {
        let omega = TAU * hz / rate_hz;
        (omega.sin() * std::f32::consts::FRAC_1_SQRT_2, omega.cos())
    }

    fn normalised(b: [f32; 3], alpha: f32, cos: f32) -> Self {
        let a0 = 1.0 + alpha;
        Self {
            b: b.map(|b| b / a0),
            a: [-2.0 * cos / a0, (1.0 - alpha) / a0],
        }
    }

    /// From rest.
    pub fn filter(&self, samples: &[f32]) -> Vec<f32> {
        let (mut s1, mut s2) = (0.0, 0.0);
        samples
            .iter()
            .map(|&x| {
                let y = self.b[0] * x + s1;
                s1 = self.b[1] * x - self.a[0] * y + s2;
                s2 = self.b[2] * x - self.a[1] * y;
                y
            })
            .collect()
    }
}

impl Sound {
    /// Decodes a whole file, channels mixed as the front end does.
    ///
    /// # Errors
    /// When it cannot be decoded.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self::decode(path)?.0)
    }

    /// The same, with what was found while decoding.
    ///
    /// # Errors
    /// When it cannot be decoded.
    pub fn decode(path: &Path) -> Result<(Self, Decoded)> {
        let recording = Recording::open(path)?;
        let rate_hz = recording.sample_rate_hz();
        let mut samples = Vec::new();
        let mut mixer = Mixer::default();
        let decoded = recording.decode(|channels| {
            let before = samples.len();
            let new = channels.first().map_or(0, |channel| channel.len());
            samples.resize(before + new, 0.0);
            mixer.mix(channels, 0, &mut samples[before..]);
            Ok(())
        })?;
        Ok((Self { samples, rate_hz }, decoded))
    }
}
