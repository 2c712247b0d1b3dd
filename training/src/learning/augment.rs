//! Random changes to training segments: other voices, channels and rooms.
//!
//! All work on `[T, F]` frames with log-mel energies in place of the MFCC. When the spectrum
//! changes, the energy changes with it, since the level of the segment is taken from the energies
//! afterwards.

use std::ops::Range;

use anyhow::Result;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use speech_emotion::dsp::{activation::exp, vectorise};
use speech_emotion::features::{
    ENERGY, FrontEndConfig, LEVEL_OFFSET, N_FEATURES, N_MFCC, PITCH, VOICING, energies,
    level_shift, trim,
};

use super::background::{Powers, Voices};
use super::bands::{Bands, logarithmic};
use crate::dataset::MIN_FRAMES;

/// Warped frequencies leave the straight line here (Jaitly & Hinton, 2013).
const WARP_KNEE_HZ: f32 = 4_800.0;
const EQUALISER_KNOTS: usize = 6;
const MASKED_BANDS: usize = 8;
const MASKED_FRAMES: usize = 12;
/// Most frames of noise alone before and after the voice, and of reverberation alone after it.
const AROUND_FRAMES: usize = 48;
/// Edges of a narrow channel, and how steeply it falls beyond: orders of a Butterworth filter.
const LOW_EDGE_HZ: Range<f32> = 100.0..450.0;
const HIGH_EDGE_HZ: Range<f32> = 2_500.0..7_000.0;
const FILTER_ORDER: Range<f32> = 2.0..5.0;
/// Lower limit of a narrow channel's gain, in nats.
const FILTERED: f32 = -16.0;
/// Log energies and voicing of silence.
const SILENT_FRAME: [f32; N_FEATURES] = {
    let mut frame = [-20.0; N_FEATURES];
    frame[PITCH] = 0.0;
    frame[VOICING] = 0.2;
    frame
};

/// How far each change may go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    /// Natural logarithm of the longest stretch.
    pub stretch: f32,
    /// Largest deviation of the vocal tract's relative length from 1.
    pub warp: f32,
    /// Standard deviation of the equaliser's knots, in nats.
    pub equaliser: f32,
    /// Standard deviation of what a tilt of the spectrum adds at its upper end and subtracts at its
    /// lower, in nats.
    pub tilt: f32,
    /// Standard deviation of the logarithm of the factor by which levels are spread or compressed,
    /// as recorders and codecs with limiters or expanders do.
    pub dynamics: f32,
    /// Share of segments with reverberation.
    pub room_probability: f32,
    /// Times in which reverberation decays by 60 dB, in seconds.
    pub rt60_s: Range<f32>,
    /// Power of the direct sound over that of the reverberation, in dB.
    pub direct_to_reverberant_db: Range<f32>,
    /// Share of segments with noise.
    pub noise_probability: f32,
    /// Share of noises that are voices.
    pub voices_share: f32,
    /// Signal-to-noise ratios, in dB.
    pub snr_db: Range<f32>,
    /// Share of segments through a narrow channel.
    pub narrow_probability: f32,
}

/// The recipe, with the noise, channels and rooms that the live model needs.
impl Default for Ranges {
    fn default() -> Self {
        Self {
            stretch: 0.2,
            warp: 0.12,
            equaliser: 0.5,
            tilt: 0.0,
            dynamics: 0.0,
            room_probability: 0.3,
            rt60_s: 0.2..1.0,
            direct_to_reverberant_db: -2.0..12.0,
            noise_probability: 0.7,
            voices_share: 0.55,
            snr_db: 3.0..25.0,
            narrow_probability: 0.4,
        }
    }
}

impl Ranges {
    /// With more and louder noise, more rooms, and greater differences between microphones.
    pub fn rough() -> Self {
        Self {
            equaliser: 0.8,
            tilt: 0.5,
            dynamics: 0.1,
            room_probability: 0.35,
            noise_probability: 0.8,
            voices_share: 0.6,
            snr_db: 2.0..18.0,
            ..Self::default()
        }
    }
}

/// What the changes need to know about the mel bands.
#[derive(Clone, Debug)]
pub struct Augmentation {
    ranges: Ranges,
    bands: Bands,
}

impl Augmentation {
    /// For the bands of the front end.
    pub fn new(ranges: Ranges) -> Self {
        Self {
            ranges,
            bands: Bands::default(),
        }
    }

    /// All changes up to the subtraction of the level, by random amounts; one of the `voices` may
    /// be heard in the background.
    ///
    /// # Errors
    /// When a voice cannot be read.
    pub fn apply(
        &self,
        frames: &[f32],
        voices: &dyn Voices,
        rng: &mut impl Rng,
    ) -> Result<Vec<f32>> {
        let stretch = self.ranges.stretch;
        let mut frames = stretch_time(frames, rng.random_range(-stretch..=stretch).exp());
        let warp = self.ranges.warp;
        self.warp_vocal_tract(&mut frames, 1.0 + rng.random_range(-warp..=warp));
        let mut normal = |deviation: f32| deviation * rng.sample::<f32, _>(StandardNormal);
        let tilt = normal(self.ranges.tilt);
        let knots: [f32; EQUALISER_KNOTS] = std::array::from_fn(|i| {
            let place = 2.0 * i as f32 / (EQUALISER_KNOTS - 1) as f32 - 1.0;
            normal(self.ranges.equaliser) + tilt * place
        });
        self.equalise(&mut frames, &knots);
        if rng.random::<f32>() < self.ranges.room_probability {
            frames = self.in_room(&frames, rng);
        }
        if rng.random::<f32>() < self.ranges.noise_probability {
            frames = self.in_noise(&frames, voices, rng)?;
        }
        if rng.random::<f32>() < self.ranges.narrow_probability {
            let low_hz = logarithmic(LOW_EDGE_HZ, rng);
            let high_hz = logarithmic(HIGH_EDGE_HZ, rng);
            self.narrow(&mut frames, low_hz, high_hz, rng.random_range(FILTER_ORDER));
        }
        Ok(frames)
    }

    /// Spreads or compresses the levels of a segment `[T, F]` by a random factor around -5 nats,
    /// where [`subtract_level`] has put its own level.
    pub fn compress(&self, segment: &mut [f32], rng: &mut impl Rng) {
        let factor = (self.ranges.dynamics * rng.sample::<f32, _>(StandardNormal)).exp();
        for frame in segment.chunks_exact_mut(N_FEATURES) {
            for value in &mut frame[..=ENERGY] {
                *value = -LEVEL_OFFSET + factor * (*value + LEVEL_OFFSET);
            }
        }
    }

    /// The frames with their reverberation, which outlasts them, trimmed as live.
    fn in_room(&self, frames: &[f32], rng: &mut impl Rng) -> Vec<f32> {
        let spoken = frames.len() / N_FEATURES;
        let mut frames = frames.to_vec();
        frames.extend(SILENT_FRAME.repeat(AROUND_FRAMES));
        let rt60_s = logarithmic(self.ranges.rt60_s.clone(), rng);
        let ratio_db = rng.random_range(self.ranges.direct_to_reverberant_db.clone());
        let reverberation = Powers::reverberation(&frames, rt60_s, &self.bands);
        reverberation.mix_into(&mut frames, 0..spoken, ratio_db, &self.bands, rng);
        trimmed(frames)
    }

    /// The frames amid noise that begins before them and outlasts them, trimmed as live.
    fn in_noise(
        &self,
        frames: &[f32],
        voices: &dyn Voices,
        rng: &mut impl Rng,
    ) -> Result<Vec<f32>> {
        let spoken = frames.len() / N_FEATURES;
        let (before, after) = (
            rng.random_range(0..=AROUND_FRAMES),
            rng.random_range(0..=AROUND_FRAMES),
        );
        let count = before + spoken + after;
        let mut noisy = SILENT_FRAME.repeat(before);
        noisy.extend(frames);
        noisy.extend(SILENT_FRAME.repeat(after));
        let noise = if rng.random::<f32>() < self.ranges.voices_share {
            Powers::voices(count, voices, rng)?
        } else {
            Powers::coloured(count, &self.bands, rng)
        };
        let snr_db = rng.random_range(self.ranges.snr_db.clone());
        noise.mix_into(
            &mut noisy,
            before..before + spoken,
            snr_db,
            &self.bands,
            rng,
        );
        Ok(trimmed(noisy))
    }

    /// Replaces each band by what was at `factor` times its frequency, below 4.8 kHz; above that, a
    /// second straight line leads back to the upper end. A factor over 1 lengthens the vocal tract.
    fn warp_vocal_tract(&self, frames: &mut [f32], factor: f32) {
        let top_hz = FrontEndConfig::default().mel.max_hz;
        let knee = WARP_KNEE_HZ * factor.min(1.0);
        let sources = self.bands.centres_hz.map(|hz| {
            let warped = if hz <= knee / factor {
                hz * factor
            } else {
                top_hz - (top_hz - knee) / (top_hz - knee / factor) * (top_hz - hz)
            };
            self.bands.place(warped).clamp(0.0, (N_MFCC - 1) as f32)
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
        self.colour(
            frames,
            &std::array::from_fn(|m| between(knots, m as f32 * step)),
        );
    }

    /// Keeps the band between two frequencies; outside it the power falls like a Butterworth
    /// filter's.
    fn narrow(&self, frames: &mut [f32], low_hz: f32, high_hz: f32, order: f32) {
        let curve = self.bands.centres_hz.map(|hz| {
            let low = -(1.0 + (low_hz / hz).powf(2.0 * order)).ln();
            let high = -(1.0 + (hz / high_hz).powf(2.0 * order)).ln();
            (low + high).max(FILTERED)
        });
        self.colour(frames, &curve);
    }

    /// Adds `curve`, in nats, to the bands, and the resulting change of their mean power to the
    /// energy.
    fn colour(&self, frames: &mut [f32], curve: &[f32; N_MFCC]) {
        let weights: [f32; N_MFCC] =
            std::array::from_fn(|m| self.bands.energy_weights[m] * curve[m].exp());
        vectorise(|| {
            for frame in frames.chunks_exact_mut(N_FEATURES) {
                let (mut before, mut after) = ([0.0; N_MFCC], [0.0; N_MFCC]);
                for m in 0..N_MFCC {
                    let power = exp(frame[m]);
                    before[m] = self.bands.energy_weights[m] * power;
                    after[m] = weights[m] * power;
                    frame[m] += curve[m];
                }
                let change = after.iter().sum::<f32>() / before.iter().sum::<f32>();
                frame[ENERGY] += change.ln();
            }
        });
    }
}

/// The frames of speech, or all frames if there are too few to train on.
fn trimmed(frames: Vec<f32>) -> Vec<f32> {
    match trim(&energies(&frames)) {
        Some(kept) if kept.len() >= MIN_FRAMES => {
            frames[kept.start * N_FEATURES..kept.end * N_FEATURES].to_vec()
        }
        _ => frames,
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

/// Hides two stretches of up to 8 bands and one of up to 12 frames (Park et al., 2019): the bands
/// take their mean in the training data, and a hidden frame's side inputs take the values that the
/// network scales to 0.
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

/// A random stretch of 0 to `longest` out of `count` positions, less than half of them.
fn stretch_of(count: usize, longest: usize, rng: &mut impl Rng) -> Range<usize> {
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
    use crate::learning::background::tests::NOBODY;
    use crate::learning::bands::NATS_PER_DB;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(3)
    }

    /// Frames with a peak at `peak` Hz on a floor, energies consistent with the bands.
    fn speech(count: usize, peak_hz: f32) -> Vec<f32> {
        let bands = Bands::default();
        let mut frames = Vec::new();
        for t in 0..count {
            let mut frame = [0.0; N_FEATURES];
            for (band, hz) in frame.iter_mut().zip(bands.centres_hz) {
                *band = -4.0 - ((hz / peak_hz).log2() * 3.0).powi(2).min(8.0) + 0.02 * t as f32;
            }
            frame[ENERGY] = energy(&bands, &frame);
            frame[PITCH] = 0.01 * t as f32;
            frame[VOICING] = 0.9;
            frames.extend(frame);
        }
        frames
    }

    fn energy(bands: &Bands, frame: &[f32]) -> f32 {
        let powers: Vec<f32> = frame[..N_MFCC].iter().map(|band| band.exp()).collect();
        bands.energy_power(&powers).ln()
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
            let peak_hz = augmentation.bands.centres_hz[peak_band(&frames)];
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
        assert_close(louder[ENERGY], energy(&augmentation.bands, louder), 1e-4);
        let mut gained = before.clone();
        augmentation.equalise(&mut gained, &[2.0; 6]);
        assert_close(gained[ENERGY] - before[ENERGY], 2.0, 1e-5);
    }

    #[test]
    fn a_narrow_channel_leaves_the_middle_and_its_level() {
        let augmentation = Augmentation::new(Ranges::default());
        let before = speech(30, 1000.0);
        let mut frames = before.clone();
        augmentation.narrow(&mut frames, 300.0, 3_400.0, 4.0);
        for (after, before) in frames.chunks(N_FEATURES).zip(before.chunks(N_FEATURES)) {
            for (m, hz) in augmentation.bands.centres_hz.into_iter().enumerate() {
                let change = after[m] - before[m];
                match hz {
                    400.0..2_500.0 => assert!(change > -0.2 && change <= 0.0, "{hz}: {change}"),
                    ..150.0 | 6_800.0.. => assert!(change < -4.0, "{hz}: {change}"),
                    _ => {}
                }
            }
            assert_close(after[ENERGY], before[ENERGY], 0.1);
            assert_eq!(after[PITCH..], before[PITCH..]);
        }
    }

    #[test]
    fn a_room_fills_pauses_and_goes_on_after_the_voice() {
        let mut frames = speech(30, 500.0);
        frames.extend(SILENT_FRAME.repeat(20));
        frames.extend(speech(30, 500.0));
        let in_room = |direct_to_reverberant_db: Range<f32>| {
            let augmentation = Augmentation::new(Ranges {
                rt60_s: 0.5..0.51,
                direct_to_reverberant_db,
                ..Ranges::default()
            });
            let room = augmentation.in_room(&frames, &mut rng());
            let before = column(&frames, ENERGY);
            let after = column(&room, ENERGY);
            assert_close(after[25], before[25], 1.0);
            // 10 frames into the pause: the ratio, 19 dB of decay, and the part of its full power
            // that reverberation lacks because it also continues after the voice.
            let fallen_db = (after[29] - after[39]) / NATS_PER_DB;
            (fallen_db, room.len() as i32 - frames.len() as i32)
        };
        let (near_db, near) = in_room(10.0..10.1);
        let (far_db, far) = in_room(0.0..0.1);
        assert!((27.0..33.0).contains(&near_db), "{near_db}");
        assert!((18.0..25.0).contains(&far_db), "{far_db}");
        assert!(0 < near && near < far, "{near} and {far}");
    }

    #[test]
    fn pauses_stand_out_less_in_the_noisy_ranges() {
        let mut frames = speech(60, 500.0);
        frames.extend(SILENT_FRAME.repeat(20));
        frames.extend(speech(60, 500.0));
        let depth_db = |ranges: Ranges| {
            let augmentation = Augmentation::new(Ranges {
                stretch: 1e-6,
                narrow_probability: 0.0,
                equaliser: 0.5,
                tilt: 0.0,
                ..ranges
            });
            let mut rng = rng();
            let depths = (0..2_000).map(|_| {
                let energies = column(
                    &augmentation.apply(&frames, NOBODY, &mut rng).unwrap(),
                    ENERGY,
                );
                let highest = energies.iter().copied().fold(f32::MIN, f32::max);
                let lowest = energies.iter().copied().fold(f32::MAX, f32::min);
                (highest - lowest) / NATS_PER_DB
            });
            depths.sum::<f32>() / 2_000.0
        };
        let (usual, noisy) = (depth_db(Ranges::default()), depth_db(Ranges::rough()));
        assert!(noisy < usual - 1.0, "{noisy} and {usual} dB");
    }

    #[test]
    fn noise_around_the_voice_is_trimmed_as_live() {
        let augmentation = Augmentation::new(Ranges {
            voices_share: 0.0,
            snr_db: 30.0..31.0,
            ..Ranges::default()
        });
        let frames = speech(60, 500.0);
        for _ in 0..20 {
            let noisy = augmentation.in_noise(&frames, NOBODY, &mut rng()).unwrap();
            // The margin that trimming leaves on either side.
            assert!((60..=72).contains(&(noisy.len() / N_FEATURES)));
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
        let mut hidden_frames = 0;
        for _ in 0..300 {
            let mut frames = speech(60, 900.0);
            mask(&mut frames, &mean, &mut rng);
            let hidden_frame = |frame: &[f32]| frame[..N_MFCC] == mean[..];
            let rows: Vec<&[f32]> = frames.chunks_exact(N_FEATURES).collect();
            let hidden = rows.iter().filter(|frame| hidden_frame(frame)).count();
            assert!(hidden <= MASKED_FRAMES);
            hidden_frames += hidden;
            for frame in rows.iter().filter(|frame| hidden_frame(frame)) {
                assert_eq!(frame[ENERGY..], [-9.0, 1.0, 0.6]);
            }
            let row = rows.iter().find(|frame| !hidden_frame(frame)).unwrap();
            let bands: Vec<usize> = (0..N_MFCC).filter(|&m| row[m] == mean[m]).collect();
            assert!(bands.len() <= 2 * MASKED_BANDS);
            bands.iter().for_each(|&m| reached[m] = true);
        }
        assert_eq!(reached, [true; N_MFCC]);
        assert!(hidden_frames > 300, "{hidden_frames}");
    }

    #[test]
    fn rooms_noise_and_channels_are_as_frequent_as_their_ranges_say() {
        let frames = speech(60, 900.0);
        let unchanged = Ranges {
            stretch: 0.0,
            warp: 0.0,
            equaliser: 0.0,
            tilt: 0.0,
            room_probability: 0.0,
            noise_probability: 0.0,
            narrow_probability: 0.0,
            ..Ranges::default()
        };
        let rng = &mut rng();
        let same = Augmentation::new(unchanged.clone())
            .apply(&frames, NOBODY, rng)
            .unwrap();
        for (name, ranges) in [
            (
                "room",
                Ranges {
                    room_probability: 0.3,
                    ..unchanged.clone()
                },
            ),
            (
                "noise",
                Ranges {
                    noise_probability: 0.3,
                    ..unchanged.clone()
                },
            ),
            (
                "channel",
                Ranges {
                    narrow_probability: 0.3,
                    ..unchanged.clone()
                },
            ),
        ] {
            let augmentation = Augmentation::new(ranges);
            let changed =
                (0..1_000).filter(|_| augmentation.apply(&frames, NOBODY, rng).unwrap() != same);
            let changed = changed.count();
            assert!((230..370).contains(&changed), "{name}: {changed} of 1000");
        }
    }

    #[test]
    fn the_same_seed_changes_a_segment_in_the_same_way() {
        let augmentation = Augmentation::new(Ranges::default());
        let frames = speech(80, 600.0);
        let first = augmentation.apply(&frames, NOBODY, &mut rng()).unwrap();
        assert_eq!(
            augmentation.apply(&frames, NOBODY, &mut rng()).unwrap(),
            first
        );
        let mut other = ChaCha8Rng::seed_from_u64(4);
        assert_ne!(
            augmentation.apply(&frames, NOBODY, &mut other).unwrap(),
            first
        );
        assert!(first.iter().all(|value| value.is_finite()));
    }
}
