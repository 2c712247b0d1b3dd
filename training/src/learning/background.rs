//! What is heard together with a voice, as features: other voices, coloured sounds that swell and
//! fade, and the voice's own reverberation.
//!
//! Powers add, so the features of a mixture follow from those of its parts, in each mel band, apart
//! from the random phases. The pitch heard is that of the part that is stronger where the tracker
//! listens, and it is as periodic as that part's share of the power there.

use std::{borrow::Cow, f32::consts::TAU, ops::Range};

use anyhow::Result;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use speech_emotion::dsp::{activation::exp, vectorise};
use speech_emotion::features::{ENERGY, N_FEATURES, N_MFCC, PITCH, VOICING};

use super::bands::{Bands, NATS_PER_DB, logarithmic};
use crate::network::with_log_mel;

/// Most voices at once, and most coloured sounds.
const VOICES: usize = 6;
const SOUNDS: usize = 3;
/// How much fainter than the others a voice may be.
const FAINTER_DB: f32 = 8.0;
/// Slopes of coloured sounds in decibels per octave: from brown and steeper to slightly hissing.
const SLOPES_DB: Range<f32> = -12.0..3.0;
/// How far coloured sounds swell and fade, and how often.
const SWELL_DB: f32 = 8.0;
const SWELL_HZ: Range<f32> = 0.3..4.0;
const BUMPS: usize = 3;
/// Share of coloured sounds that are tones with harmonics; their pitch relative to 100 Hz.
const TONE_PROBABILITY: f32 = 0.4;
const TONE_OCTAVES: Range<f32> = -0.6..2.5;
const PARTIALS: usize = 15;
const FRAMES_PER_S: f32 = 62.5;
/// Voicing of a sound without pitch.
const UNVOICED: f32 = 0.25;

/// Recordings of voices, any of which may be heard together with another.
pub trait Voices {
    /// How many there are.
    fn count(&self) -> usize;

    /// One of them, by position.
    ///
    /// # Errors
    /// When it cannot be read.
    fn powers(&self, index: usize) -> Result<Cow<'_, Powers>>;
}

/// Frames as powers.
#[derive(Clone, Debug)]
pub struct Powers {
    /// `[T, M]`.
    bands: Vec<f32>,
    frames: Vec<Frame>,
    /// Whether bands vary from frame to frame as in a recording.
    varies: bool,
}

/// Power of a frame as the energy and the pitch tracker measure it, and what the tracker finds.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    energy: f32,
    low: f32,
    pitch: f32,
    voicing: f32,
}

impl Frame {
    /// Makes one from a row of features with the `powers` of its bands.
    fn of(row: &[f32], powers: &[f32], bands: &Bands) -> Self {
        Self {
            energy: row[ENERGY].exp(),
            low: bands.pitch_power(powers),
            pitch: row[PITCH],
            voicing: row[VOICING],
        }
    }

    /// Adds what else is heard at the same time.
    fn add(&mut self, other: Self) {
        let low = self.low + other.low;
        let voicing = |part: Self| part.voicing * part.low / low.max(f32::MIN_POSITIVE);
        let (own, others) = (voicing(*self), voicing(other));
        if others > own {
            self.pitch = other.pitch;
        }
        self.voicing = own.max(others);
        self.low = low;
        self.energy += other.energy;
    }

    fn times(self, gain: f32) -> Self {
        Self {
            energy: gain * self.energy,
            low: gain * self.low,
            ..self
        }
    }
}

impl Powers {
    /// Makes powers from features `[T, F]`, with mean power 1.
    pub fn of(features: &[f32], bands: &Bands) -> Self {
        let log_mel = with_log_mel(features);
        let rows = log_mel.chunks_exact(N_FEATURES);
        let mut powers = band_powers(&log_mel);
        let gain = 1.0 / mean_power(&powers, bands);
        let frames = rows
            .zip(powers.chunks_exact(N_MFCC))
            .map(|(row, powers)| Frame::of(row, powers, bands).times(gain))
            .collect();
        powers.iter_mut().for_each(|power| *power *= gain);
        Self {
            frames,
            bands: powers,
            varies: true,
        }
    }

    fn silent(count: usize, varies: bool) -> Self {
        Self {
            bands: vec![0.0; count * N_MFCC],
            frames: vec![Frame::default(); count],
            varies,
        }
    }

    fn add(&mut self, t: usize, gain: f32, bands: &[f32], frame: Frame) {
        for (sum, power) in self.bands[t * N_MFCC..].iter_mut().zip(bands) {
            *sum += gain * power;
        }
        self.frames[t].add(frame.times(gain));
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        size_of_val(&self.bands[..]) + size_of_val(&self.frames[..])
    }

    /// `count` frames of one to six of these voices, each from a random position, repeated as
    /// needed.
    ///
    /// # Errors
    /// When a voice cannot be read.
    pub fn voices(count: usize, voices: &dyn Voices, rng: &mut impl Rng) -> Result<Self> {
        let mut sum = Self::silent(count, true);
        for _ in 0..rng.random_range(1..=VOICES) {
            if voices.count() == 0 {
                break;
            }
            let voice = voices.powers(rng.random_range(..voices.count()))?;
            let gain = (-rng.random_range(0.0..FAINTER_DB) * NATS_PER_DB).exp();
            let start = rng.random_range(0..voice.frames.len());
            for t in 0..count {
                let row = (start + t) % voice.frames.len();
                let bands = &voice.bands[row * N_MFCC..][..N_MFCC];
                sum.add(t, gain, bands, voice.frames[row]);
            }
        }
        Ok(sum)
    }

    /// `count` frames of one to three coloured sounds, each with its own swell.
    pub fn coloured(count: usize, bands: &Bands, rng: &mut impl Rng) -> Self {
        let mut sum = Self::silent(count, false);
        for _ in 0..rng.random_range(1..=SOUNDS) {
            let octaves = rng.random_range(TONE_OCTAVES);
            let (colour, voicing) = if rng.random::<f32>() < TONE_PROBABILITY {
                (
                    tone(100.0 * octaves.exp2(), bands, rng),
                    rng.random_range(0.5..1.0),
                )
            } else {
                (colour(bands, rng), UNVOICED)
            };
            let frame = Frame {
                energy: bands.energy_power(&colour),
                low: bands.pitch_power(&colour),
                pitch: octaves,
                voicing,
            };
            let fainter = rng.random_range(0.0..FAINTER_DB);
            let swell_db = rng.random_range(0.0..SWELL_DB);
            let waves = [0.37, 1.0].map(|ratio| {
                let hz = logarithmic(SWELL_HZ, rng);
                (TAU * ratio * hz / FRAMES_PER_S, rng.random_range(0.0..TAU))
            });
            for t in 0..count {
                let swell: f32 = waves
                    .iter()
                    .map(|(step, at)| (step * t as f32 + at).sin())
                    .sum();
                let gain = ((swell_db * swell - fainter) * NATS_PER_DB).exp();
                sum.add(t, gain, &colour, frame);
            }
        }
        sum
    }

    /// The reverberation of `frames` `[T, F]` with log-mel energies, which decays by 60 dB in
    /// `rt60_s`; for a steady sound it is as strong as the sound. It has the pitch of the strongest
    /// moment and is less periodic the more moments contribute.
    pub fn reverberation(frames: &[f32], rt60_s: f32, bands: &Bands) -> Self {
        let kept = 10.0_f32.powf(-6.0 / (rt60_s * FRAMES_PER_S));
        let own = band_powers(frames);
        let mut all = Self::silent(frames.len() / N_FEATURES, false);
        let (mut held, mut held_bands) = (Frame::default(), [0.0; N_MFCC]);
        let rows = frames.chunks_exact(N_FEATURES);
        for (t, (row, own)) in rows.zip(own.chunks_exact(N_MFCC)).enumerate() {
            all.add(t, kept, &held_bands, held);
            all.add(t, 1.0 - kept, own, Frame::of(row, own, bands));
            held = all.frames[t];
            held_bands.copy_from_slice(&all.bands[t * N_MFCC..][..N_MFCC]);
        }
        all
    }

    /// Mixes these into the same number of `frames` `[T, F]` with log-mel energies, at a mean power
    /// `snr_db` below that of the `speech` among them.
    ///
    /// # Panics
    /// When there are more frames than these.
    pub fn mix_into(
        &self,
        frames: &mut [f32],
        speech: Range<usize>,
        snr_db: f32,
        bands: &Bands,
        rng: &mut impl Rng,
    ) {
        let own = band_powers(frames);
        let signal = mean_power(&own[speech.start * N_MFCC..speech.end * N_MFCC], bands);
        let gain = signal * (-snr_db * NATS_PER_DB).exp()
            / mean_power(&self.bands, bands).max(f32::MIN_POSITIVE);
        for (t, row) in frames.chunks_exact_mut(N_FEATURES).enumerate() {
            let own = &own[t * N_MFCC..][..N_MFCC];
            let noise = &self.bands[t * N_MFCC..][..N_MFCC];
            let deviations = own.iter().zip(noise).zip(&bands.deviations);
            for (band, ((own, noise), deviation)) in row.iter_mut().zip(deviations) {
                let mut noise = gain * noise;
                if !self.varies {
                    let normal: f32 = rng.sample(StandardNormal);
                    noise *= (1.0 + deviation * normal).max(0.05);
                }
                let normal: f32 = rng.sample(StandardNormal);
                let cross = std::f32::consts::SQRT_2 * deviation * (own * noise).sqrt() * normal;
                let sum = own + noise;
                *band = (sum + cross).max(0.05 * sum).ln();
            }
            let mut frame = Frame::of(row, own, bands);
            frame.add(self.frames[t].times(gain));
            row[ENERGY] = frame.energy.ln();
            row[PITCH] = frame.pitch;
            row[VOICING] = frame.voicing;
        }
    }
}

/// Powers `[M]` of a sloping spectrum with bumps; mean power 1.
fn colour(bands: &Bands, rng: &mut impl Rng) -> [f32; N_MFCC] {
    let slope_db = rng.random_range(SLOPES_DB);
    let mut colour = bands.centres_hz.map(|hz| slope_db * (hz / 1_000.0).log2());
    for _ in 0..rng.random_range(0..=BUMPS) {
        let centre = rng.random_range(0.0..N_MFCC as f32);
        let width = rng.random_range(2.0..10.0);
        let height_db = rng.random_range(5.0..25.0);
        for (m, colour) in colour.iter_mut().enumerate() {
            *colour += height_db * (-0.5 * ((m as f32 - centre) / width).powi(2)).exp();
        }
    }
    normalised(colour.map(|db| (db * NATS_PER_DB).exp()), bands)
}

/// Powers `[M]` of a tone with harmonics; mean power 1.
fn tone(hz: f32, bands: &Bands, rng: &mut impl Rng) -> [f32; N_MFCC] {
    let decay_db = rng.random_range(0.0..9.0);
    let mut powers = [1e-6; N_MFCC];
    for k in 1..=rng.random_range(1..=PARTIALS) {
        let place = bands.place(hz * k as f32);
        let level_db = -decay_db * (k as f32).log2() - rng.random_range(0.0..10.0);
        for (m, power) in powers.iter_mut().enumerate() {
            // As much as the band's triangle lets through, spread over its width.
            let share = (1.0 - (place - m as f32).abs()).max(0.0);
            *power += (level_db * NATS_PER_DB).exp() * share / bands.widths[m];
        }
    }
    normalised(powers, bands)
}

fn normalised(powers: [f32; N_MFCC], bands: &Bands) -> [f32; N_MFCC] {
    let mean: f32 = powers
        .iter()
        .zip(&bands.widths)
        .map(|(power, width)| power * width)
        .sum();
    powers.map(|power| power / mean)
}

/// Powers of the bands `[T, M]` of frames `[T, F]` with log-mel energies.
fn band_powers(frames: &[f32]) -> Vec<f32> {
    let mut powers = vec![0.0; frames.len() / N_FEATURES * N_MFCC];
    vectorise(|| {
        let rows = frames.chunks_exact(N_FEATURES);
        for (powers, row) in powers.chunks_exact_mut(N_MFCC).zip(rows) {
            for (power, band) in powers.iter_mut().zip(row) {
                *power = exp(*band);
            }
        }
    });
    powers
}

/// Mean power of bands `[T, M]` over all frames.
fn mean_power(powers: &[f32], bands: &Bands) -> f32 {
    let rows = powers.chunks_exact(N_MFCC);
    let count = rows.len().max(1) as f32;
    rows.map(|row| bands.power(row)).sum::<f32>() / count
}

#[cfg(test)]
pub mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Nobody else is heard.
    pub const NOBODY: &[Powers; 0] = &[];

    impl<const N: usize> Voices for [Powers; N] {
        fn count(&self) -> usize {
            N
        }

        fn powers(&self, index: usize) -> Result<Cow<'_, Powers>> {
            Ok(Cow::Borrowed(&self[index]))
        }
    }

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(5)
    }

    /// Flat frames `[T, F]` of one power, with log-mel energies.
    fn flat(count: usize, log_power: f32, bands: &Bands) -> Vec<f32> {
        let mut frame = [log_power; N_FEATURES];
        frame[ENERGY] = bands.energy_power(&[1.0; N_MFCC]).ln() + log_power;
        frame[PITCH] = 1.0;
        frame[VOICING] = 0.9;
        frame.repeat(count)
    }

    #[test]
    fn noise_lies_below_the_speech_as_asked_and_powers_add() {
        let bands = Bands::default();
        for noise in [
            Powers::coloured(400, &bands, &mut rng()),
            Powers::voices(400, &[voice(&bands)], &mut rng()).unwrap(),
        ] {
            // Silence, in which only the noise is heard, then speech.
            let mut frames = flat(200, -30.0, &bands);
            frames.extend(flat(200, -4.0, &bands));
            noise.mix_into(&mut frames, 200..400, 15.0, &bands, &mut rng());
            let heard = |rows: &[f32]| mean_power(&band_powers(rows), &bands);
            let whole = mean_power(&noise.bands, &bands);
            let first = mean_power(&noise.bands[..200 * N_MFCC], &bands);
            let snr_db = 10.0
                * ((-4.0f32).exp() / heard(&frames[..200 * N_FEATURES]) * (first / whole)).log10();
            assert!((snr_db - 15.0).abs() < 0.7, "{snr_db}");
            let louder = heard(&frames[200 * N_FEATURES..]) / (-4.0f32).exp();
            assert!((1.0..1.15).contains(&louder), "{louder}");
        }
    }

    #[test]
    fn reverberation_keeps_a_pitch_and_decays_in_its_time() {
        let bands = Bands::default();
        let mut frames = flat(100, -4.0, &bands);
        let silent = flat(100, -40.0, &bands);
        frames.extend(silent.iter().enumerate().map(|(i, value)| {
            let is_pitch = i % N_FEATURES == PITCH;
            if is_pitch { 2.0 } else { *value }
        }));
        let held = Powers::reverberation(&frames, 0.5, &bands);
        let power = |t: usize| bands.power(&held.bands[t * N_MFCC..][..N_MFCC]);
        // As much as the sound itself while it lasts, then 48 dB less every 0.4 s.
        assert!((power(99) / (-4.0f32).exp() - 1.0).abs() < 1e-3);
        for t in [100, 110] {
            let decay_db = 10.0 * (power(t) / power(t + 25)).log10();
            assert!((decay_db - 48.0).abs() < 0.1, "{decay_db}");
            let energy_db = 10.0 * (held.frames[t].energy / held.frames[t + 25].energy).log10();
            assert!((energy_db - 48.0).abs() < 0.1, "{energy_db}");
        }
        assert_eq!(held.frames[120].pitch, 1.0);
        // It comes from many moments at once, so it is hardly periodic.
        assert!((0.2..0.6).contains(&held.frames[120].voicing));
    }

    fn voice(bands: &Bands) -> Powers {
        let mut features = vec![0.0; 50 * N_FEATURES];
        for (t, row) in features.chunks_exact_mut(N_FEATURES).enumerate() {
            row[0] = 0.1 * t as f32;
            row[ENERGY] = bands.energy_power(&[1.0; N_MFCC]).ln() + 0.1 * t as f32 / 8.0;
            row[PITCH] = 0.3;
            row[VOICING] = 0.8;
        }
        Powers::of(&features, bands)
    }

    #[test]
    fn powers_of_features_have_the_mean_1_and_keep_their_course() {
        let bands = Bands::default();
        let voice = voice(&bands);
        assert!((mean_power(&voice.bands, &bands) - 1.0).abs() < 1e-3);
        assert!(voice.frames.is_sorted_by(|a, b| a.energy < b.energy));
        assert!(
            voice
                .frames
                .iter()
                .all(|frame| (frame.pitch, frame.voicing) == (0.3, 0.8))
        );
    }

    #[test]
    fn the_stronger_pitch_is_heard_and_both_hide_each_other() {
        let mut frame = Frame {
            energy: 2.0,
            low: 1.0,
            pitch: 0.5,
            voicing: 0.9,
        };
        let other = Frame {
            energy: 1.0,
            low: 3.0,
            pitch: 1.5,
            voicing: 0.8,
        };
        frame.add(other);
        assert_eq!((frame.energy, frame.low, frame.pitch), (3.0, 4.0, 1.5));
        assert!((frame.voicing - 0.6).abs() < 1e-6);
        frame.add(other.times(0.01));
        assert_eq!(frame.pitch, 1.5);
    }

    #[test]
    fn a_tone_stands_out_at_its_harmonics() {
        let bands = Bands::default();
        let powers = tone(1_000.0, &bands, &mut rng());
        let highest = (0..N_MFCC)
            .max_by(|&a, &b| powers[a].total_cmp(&powers[b]))
            .unwrap();
        let at = bands.place(bands.centres_hz[highest]);
        let harmonics = (1..=PARTIALS).map(|k| bands.place(1_000.0 * k as f32));
        assert!(harmonics.into_iter().any(|place| (place - at).abs() < 1.0));
        assert!((bands.power(&powers) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn the_same_numbers_make_the_same_noise_and_others_another() {
        let bands = Bands::default();
        let made = |seed| {
            let rng = &mut ChaCha8Rng::seed_from_u64(seed);
            let noise = Powers::coloured(80, &bands, rng);
            let mut frames = flat(80, -4.0, &bands);
            noise.mix_into(&mut frames, 0..80, 10.0, &bands, rng);
            frames
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        assert!(made(1).iter().all(|value| value.is_finite()));
    }
}
