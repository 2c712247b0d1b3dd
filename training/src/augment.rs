//! Random changes to training segments: other voices, channels and rooms.
//!
//! All work on `[T, F]` frames with log-mel energies in place of the MFCC. Where the spectrum changes,
//! the energy changes with it, as the level of the segment is taken from the energies afterwards.

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use speech_emotion::dsp::mel::{hz_to_mel, mel_to_hz};
use speech_emotion::features::{
    ENERGY, FrontEndConfig, N_FEATURES, N_MFCC, PITCH, VOICING, level_shift,
};

/// Warped frequencies leave their straight line here (Jaitly & Hinton, 2013).
const WARP_KNEE_HZ: f32 = 4_800.0;
const EQUALISER_KNOTS: usize = 6;
const MASKED_BANDS: usize = 8;
const MASKED_FRAMES: usize = 12;
/// Slopes of noise in decibels per octave: from brown and steeper to slightly hissing.
const NOISE_SLOPES_DB: std::ops::Range<f32> = -9.0..3.0;
const NATS_PER_DB: f32 = std::f32::consts::LN_10 / 10.0;
/// What the pitch tracker listens to.
const VOICE_HZ: f32 = 1_200.0;

/// How far each change may go.
#[derive(Clone, Debug)]
pub struct Ranges {
    /// Natural logarithm of the longest stretch.
    pub stretch: f32,
    /// Largest deviation of the vocal tract's relative length from 1.
    pub warp: f32,
    /// Standard deviation of the equaliser's knots, in nats.
    pub equaliser: f32,
    /// Share of segments with noise.
    pub noise_probability: f32,
    /// Signal-to-noise ratios, in dB.
    pub snr_db: std::ops::Range<f32>,
}

/// The recipe, with the noise that the live model needs.
impl Default for Ranges {
    fn default() -> Self {
        Self {
            stretch: 0.2,
            warp: 0.12,
            equaliser: 0.5,
            noise_probability: 0.5,
            snr_db: 5.0..35.0,
        }
    }
}

/// What the changes need to know of the mel bands.
#[derive(Clone, Debug)]
pub struct Augmentation {
    ranges: Ranges,
    min_mel: f32,
    mel_step: f32,
    /// Centre of each band.
    centres_hz: [f32; N_MFCC],
    /// Share of the bandwidth, sums to 1: mean power is the weighted sum of the bands' powers.
    widths: [f32; N_MFCC],
}

impl Augmentation {
    /// For the bands of the front end.
    pub fn new(ranges: Ranges) -> Self {
        let mel = FrontEndConfig::default().mel;
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
            ranges,
            min_mel: low as f32,
            mel_step: mel_step as f32,
            centres_hz,
            widths,
        }
    }

    /// All changes up to the subtraction of the level, by random amounts.
    pub fn apply(&self, frames: &[f32], rng: &mut impl Rng) -> Vec<f32> {
        let stretch = self.ranges.stretch;
        let mut frames = stretch_time(frames, rng.random_range(-stretch..=stretch).exp());
        let warp = self.ranges.warp;
        self.warp_vocal_tract(&mut frames, 1.0 + rng.random_range(-warp..=warp));
        let knots = [0.0; EQUALISER_KNOTS]
            .map(|_: f32| self.ranges.equaliser * rng.sample::<f32, _>(StandardNormal));
        self.equalise(&mut frames, &knots);
        if rng.random::<f32>() < self.ranges.noise_probability {
            let snr_db = rng.random_range(self.ranges.snr_db.clone());
            let slope_db = rng.random_range(NOISE_SLOPES_DB);
            self.add_noise(&mut frames, snr_db, slope_db, rng);
        }
        frames
    }

    /// Replaces each band by what was at `factor` times its frequency, below 4.8 kHz; above, a second
    /// straight line leads back to the upper end. A factor over 1 lengthens the vocal tract.
    fn warp_vocal_tract(&self, frames: &mut [f32], factor: f32) {
        let top_hz = FrontEndConfig::default().mel.max_hz;
        let knee = WARP_KNEE_HZ * factor.min(1.0);
        let sources = self.centres_hz.map(|hz| {
            let warped = if hz <= knee / factor {
                hz * factor
            } else {
                top_hz - (top_hz - knee) / (top_hz - knee / factor) * (top_hz - hz)
            };
            let band = (hz_to_mel(warped.into()) as f32 - self.min_mel) / self.mel_step - 1.0;
            band.clamp(0.0, (N_MFCC - 1) as f32)
        });
        for frame in frames.chunks_exact_mut(N_FEATURES) {
            let mut bands = [0.0; N_MFCC];
            bands.copy_from_slice(&frame[..N_MFCC]);
            for (band, source) in frame.iter_mut().zip(sources) {
                *band = between(&bands, source);
            }
        }
    }

    /// Adds a curve through `knots`, in nats, evenly spaced from the lowest band to the highest.
    fn equalise(&self, frames: &mut [f32], knots: &[f32]) {
        let step = (knots.len() - 1) as f32 / (N_MFCC - 1) as f32;
        let curve: [f32; N_MFCC] = std::array::from_fn(|m| between(knots, m as f32 * step));
        let gains = curve.map(f32::exp);
        for frame in frames.chunks_exact_mut(N_FEATURES) {
            let (mut before, mut after) = (0.0, 0.0);
            for m in 0..N_MFCC {
                let power = self.widths[m] * frame[m].exp();
                before += power;
                after += gains[m] * power;
                frame[m] += curve[m];
            }
            frame[ENERGY] += (after / before).ln();
        }
    }

    /// Adds stationary noise of a mean power `snr_db` below that of the segment.
    ///
    /// Powers add, in each band and in all. The periodicity of a frame falls with the signal's share
    /// of its power below 1.2 kHz; the pitch stays.
    fn add_noise(&self, frames: &mut [f32], snr_db: f32, slope_db: f32, rng: &mut impl Rng) {
        let count = (frames.len() / N_FEATURES) as f32;
        let energies = frames.chunks_exact(N_FEATURES).map(|frame| frame[ENERGY]);
        let power = energies.map(f32::exp).sum::<f32>() / count;
        let noise_power = power * (-snr_db * NATS_PER_DB).exp();
        let tilt = self
            .centres_hz
            .map(|hz| (slope_db * NATS_PER_DB * (hz / 1_000.0).log2()).exp());
        let mean: f32 = tilt
            .iter()
            .zip(&self.widths)
            .map(|(tilt, width)| tilt * width)
            .sum();
        // The estimate of a band's power from one frame deviates by one over the root of its bins; the
        // mean of the log-normal variation below is 1.
        let deviations = self
            .widths
            .map(|width| (1.0 / (width * 256.0).max(1.0)).sqrt());
        for frame in frames.chunks_exact_mut(N_FEATURES) {
            let (mut voice, mut noisy_voice) = (f32::MIN_POSITIVE, f32::MIN_POSITIVE);
            for m in 0..N_MFCC {
                let variation = deviations[m] * rng.sample::<f32, _>(StandardNormal)
                    - 0.5 * deviations[m] * deviations[m];
                let noise = noise_power * tilt[m] / mean * variation.exp();
                let signal = frame[m].exp();
                frame[m] = (signal + noise).ln();
                if self.centres_hz[m] <= VOICE_HZ {
                    voice += self.widths[m] * signal;
                    noisy_voice += self.widths[m] * (signal + noise);
                }
            }
            frame[ENERGY] = (frame[ENERGY].exp() + noise_power).ln();
            frame[VOICING] *= voice / noisy_voice;
        }
    }
}

/// Subtracts the level as [`speech_emotion::features::subtract_level`] does, from log-mel energies.
pub fn subtract_level(frames: &mut [f32]) {
    let shift = level_shift(frames);
    for frame in frames.chunks_exact_mut(N_FEATURES) {
        for value in &mut frame[..=ENERGY] {
            *value -= shift;
        }
    }
}

/// Hides two stretches of up to 8 bands and one of up to 12 frames (Park et al., 2019): the bands take
/// their mean in the training data, a hidden frame's side inputs the values that the network scales
/// to 0.
pub fn mask(frames: &mut [f32], mean: &[f32], rng: &mut impl Rng) {
    for _ in 0..2 {
        let bands = stretch_of(N_MFCC, MASKED_BANDS, rng);
        for frame in frames.chunks_exact_mut(N_FEATURES) {
            frame[bands.clone()].copy_from_slice(&mean[bands.clone()]);
        }
    }
    let hidden = stretch_of(frames.len() / N_FEATURES, MASKED_FRAMES, rng);
    let hidden = hidden.start * N_FEATURES..hidden.end * N_FEATURES;
    for frame in frames[hidden].chunks_exact_mut(N_FEATURES) {
        frame[..N_MFCC].copy_from_slice(mean);
        frame[ENERGY] = -9.0;
        frame[PITCH] = 1.0;
        frame[VOICING] = 0.6;
    }
}

/// A random stretch of 0 to `longest` of `count` places, less than half of them.
fn stretch_of(count: usize, longest: usize, rng: &mut impl Rng) -> std::ops::Range<usize> {
    let length = rng.random_range(0..=longest.min(count / 2));
    let start = rng.random_range(0..=count - length);
    start..start + length
}

/// Plays the frames over `factor` times the time: log energies are interpolated, pitch and voicing
/// taken from the nearest frame.
fn stretch_time(frames: &[f32], factor: f32) -> Vec<f32> {
    let count = frames.len() / N_FEATURES;
    let stretched = ((count as f32 * factor).round() as usize).max(1);
    let step = (count - 1) as f32 / (stretched - 1).max(1) as f32;
    let frame = |t: usize| &frames[t.min(count - 1) * N_FEATURES..][..N_FEATURES];
    let mut result = Vec::with_capacity(stretched * N_FEATURES);
    for t in 0..stretched {
        let position = t as f32 * step;
        let weight = position.fract();
        let (before, after) = (frame(position as usize), frame(position as usize + 1));
        let values = before.iter().zip(after).map(|(a, b)| a + weight * (b - a));
        result.extend(values.take(ENERGY + 1));
        result.extend(&frame(position.round() as usize)[PITCH..]);
    }
    result
}

/// `values` at a position between whole ones.
fn between(values: &[f32], position: f32) -> f32 {
    let below = position as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + position.fract() * (values[above] - values[below])
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use speech_emotion::features::level;

    use super::*;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(3)
    }

    /// Frames with a peak at `peak` Hz on a floor, energies consistent with the bands.
    fn speech(count: usize, peak_hz: f32) -> Vec<f32> {
        let augmentation = Augmentation::new(Ranges::default());
        let mut frames = Vec::new();
        for t in 0..count {
            let mut frame = [0.0; N_FEATURES];
            for (band, hz) in frame.iter_mut().zip(augmentation.centres_hz) {
                *band = -4.0 - ((hz / peak_hz).log2() * 3.0).powi(2).min(8.0) + 0.02 * t as f32;
            }
            frame[ENERGY] = mean_power(&augmentation, &frame).ln();
            frame[PITCH] = 0.01 * t as f32;
            frame[VOICING] = 0.9;
            frames.extend(frame);
        }
        frames
    }

    fn mean_power(augmentation: &Augmentation, frame: &[f32]) -> f32 {
        let bands = frame.iter().zip(&augmentation.widths);
        bands.map(|(band, width)| width * band.exp()).sum()
    }

    fn column(frames: &[f32], index: usize) -> Vec<f32> {
        frames
            .chunks_exact(N_FEATURES)
            .map(|frame| frame[index])
            .collect()
    }

    fn peak_band(frame: &[f32]) -> usize {
        (0..N_MFCC)
            .max_by(|&a, &b| frame[a].total_cmp(&frame[b]))
            .unwrap()
    }

    fn assert_close(a: f32, b: f32, tolerance: f32) {
        assert!((a - b).abs() < tolerance, "{a} and {b}");
    }

    #[test]
    fn bands_of_equal_power_have_that_mean_power() {
        let augmentation = Augmentation::new(Ranges::default());
        assert_close(mean_power(&augmentation, &[0.0; N_FEATURES]), 1.0, 1e-5);
        // Mel 77.8 + 42.4.
        assert_close(augmentation.centres_hz[0], 78.8, 0.1);
    }

    #[test]
    fn stretching_changes_the_length_and_keeps_the_ends() {
        let frames = speech(50, 1000.0);
        for (factor, expected) in [(1.2, 60), (0.8, 40), (1.0, 50)] {
            let stretched = stretch_time(&frames, factor);
            assert_eq!(stretched.len(), expected * N_FEATURES);
            assert_eq!(stretched[..N_FEATURES], frames[..N_FEATURES]);
            assert_eq!(
                stretched[stretched.len() - N_FEATURES..],
                frames[49 * N_FEATURES..]
            );
            let energies = column(&stretched, ENERGY);
            assert!(energies.is_sorted());
            let pitches = column(&frames, PITCH);
            assert!(
                column(&stretched, PITCH)
                    .iter()
                    .all(|pitch| pitches.contains(pitch))
            );
        }
        assert_eq!(stretch_time(&frames, 1.0), frames);
    }

    #[test]
    fn a_longer_vocal_tract_has_lower_resonances() {
        let augmentation = Augmentation::new(Ranges::default());
        for factor in [0.88f32, 1.0, 1.12] {
            let mut frames = speech(1, 2000.0);
            augmentation.warp_vocal_tract(&mut frames, factor);
            let peak_hz = augmentation.centres_hz[peak_band(&frames)];
            assert_close(peak_hz, 2000.0 / factor, 70.0);
        }
        let mut top = speech(1, 8000.0);
        let before = top.clone();
        augmentation.warp_vocal_tract(&mut top, 1.12);
        assert_close(top[N_MFCC - 1], before[N_MFCC - 1], 0.05);
    }

    #[test]
    fn the_equaliser_goes_through_its_knots_and_takes_the_energy_along() {
        let augmentation = Augmentation::new(Ranges::default());
        let before = speech(3, 1000.0);
        let mut frames = before.clone();
        let knots = [0.5, -0.3, 0.1, 0.7, -0.9, 0.2];
        augmentation.equalise(&mut frames, &knots);
        assert_close(frames[0] - before[0], 0.5, 1e-5);
        assert_close(frames[63] - before[63], 0.2, 1e-5);
        let louder = frames.chunks_exact(N_FEATURES).next().unwrap();
        assert_close(louder[ENERGY], mean_power(&augmentation, louder).ln(), 1e-4);
        let mut gained = before.clone();
        augmentation.equalise(&mut gained, &[2.0; 6]);
        assert_close(gained[ENERGY] - before[ENERGY], 2.0, 1e-5);
    }

    #[test]
    fn noise_has_the_power_and_slope_asked_for_and_hides_the_voice() {
        let augmentation = Augmentation::new(Ranges::default());
        let mut frames = speech(400, 500.0);
        for frame in frames.chunks_exact_mut(N_FEATURES).take(200) {
            frame[..=ENERGY].fill(-20.0);
        }
        let clean = frames.clone();
        augmentation.add_noise(&mut frames, 20.0, -6.0, &mut rng());
        let mean = |column: &[f32]| column.iter().map(|x| x.exp()).sum::<f32>() / 200.0;
        let signal: f32 = column(&clean, ENERGY).iter().map(|x| x.exp()).sum::<f32>() / 400.0;
        let silent = &frames[..200 * N_FEATURES];
        let noise = mean(&column(silent, ENERGY));
        assert_close(10.0 * (signal / noise).log10(), 20.0, 0.05);
        let band = |hz: f32| {
            let m = augmentation
                .centres_hz
                .iter()
                .position(|&centre| centre >= hz)
                .unwrap();
            (mean(&column(silent, m)), augmentation.centres_hz[m])
        };
        let ((low, low_hz), (high, high_hz)) = (band(1000.0), band(4000.0));
        let slope = 10.0 * (high / low).log10() / (high_hz / low_hz).log2();
        assert_close(slope, -6.0, 0.5);
        let voicing = column(&frames, VOICING);
        assert!(voicing[..200].iter().all(|&v| v < 0.01));
        assert!(voicing[200..].iter().all(|&v| v > 0.5 && v < 0.9));
        for (noisy, clean) in frames.iter().zip(&clean).take(64) {
            assert!(noisy >= clean);
        }
    }

    #[test]
    fn level_is_subtracted_as_from_mfcc() {
        let mut frames = speech(40, 700.0);
        let shift = level(&column(&frames, ENERGY)) + 5.0;
        let before = frames.clone();
        subtract_level(&mut frames);
        assert_close(level(&column(&frames, ENERGY)), -5.0, 1e-5);
        for (after, before) in frames.chunks(N_FEATURES).zip(before.chunks(N_FEATURES)) {
            assert_close(after[10], before[10] - shift, 1e-5);
            assert_eq!(after[PITCH..], before[PITCH..]);
        }
    }

    #[test]
    fn masks_hide_few_bands_and_frames_and_reach_everywhere() {
        let mean: Vec<f32> = (0..64).map(|m| -100.0 - m as f32).collect();
        let mut rng = rng();
        let mut reached = [false; N_MFCC];
        for _ in 0..300 {
            let mut frames = speech(60, 900.0);
            mask(&mut frames, &mean, &mut rng);
            let hidden_frame = |frame: &[f32]| frame[..N_MFCC] == mean[..];
            let rows: Vec<&[f32]> = frames.chunks_exact(N_FEATURES).collect();
            let hidden = rows.iter().filter(|frame| hidden_frame(frame)).count();
            assert!(hidden <= MASKED_FRAMES);
            for frame in rows.iter().filter(|frame| hidden_frame(frame)) {
                assert_eq!(frame[ENERGY..], [-9.0, 1.0, 0.6]);
            }
            let row = rows.iter().find(|frame| !hidden_frame(frame)).unwrap();
            let bands: Vec<usize> = (0..N_MFCC).filter(|&m| row[m] == mean[m]).collect();
            assert!(bands.len() <= 2 * MASKED_BANDS);
            bands.iter().for_each(|&m| reached[m] = true);
        }
        assert_eq!(reached, [true; N_MFCC]);
    }

    #[test]
    fn the_same_seed_changes_a_segment_in_the_same_way() {
        let augmentation = Augmentation::new(Ranges::default());
        let frames = speech(80, 600.0);
        let first = augmentation.apply(&frames, &mut rng());
        assert_eq!(augmentation.apply(&frames, &mut rng()), first);
        let mut other = ChaCha8Rng::seed_from_u64(4);
        assert_ne!(augmentation.apply(&frames, &mut other), first);
        assert!(first.iter().all(|value| value.is_finite()));
    }
}
