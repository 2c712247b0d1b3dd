//! Pitch and voicing by autocorrelation (after Boersma, 1993).
//!
//! The 1024 samples around a frame, mean removed, Hann-weighted; the power spectrum of 2048 points is
//! weighted by `1 / (1 + (f / 1200)⁴) / (1 + (200 / f)⁴)`, so that the first harmonics decide, hum and
//! rumble do not, and a telephone, which leaves the fundamental out, changes little; the
//! autocorrelation that belongs to it is divided by its value at lag 0 and by the window's own
//! autocorrelation. Among its local peaks at lags 25 to 245 (640 to 65 Hz) the highest wins, long
//! lags paying 0.02 per octave against octave errors; a parabola through the peak refines it.
//!
//! No path is tracked through time: a frame's pitch depends on its own samples only.

use crate::audio::SAMPLE_RATE_HZ;
use crate::dsp::{spectrum, sum::sum, window};

use super::framer::CONTEXT_SAMPLES;

/// Points of the Fourier transform; half of them are zeros to prevent circular overlap.
pub(super) const N_FFT: usize = 2048;
/// Frequencies at which the power is halved.
pub(super) const HIGHPASS_HZ: f32 = 200.0;
pub(super) const LOWPASS_HZ: f32 = 1_200.0;
/// Shortest period, in samples.
pub(super) const MIN_LAG: usize = 25;
/// Longest period, in samples.
pub(super) const MAX_LAG: usize = 245;
/// Peak height deducted from a lag per octave above the shortest.
pub(super) const OCTAVE_COST: f32 = 0.02;

/// Lag 0 below this is silence (about -110 dBFS): rounding noise would be taken for a period.
const MIN_ENERGY: f32 = 1e-8;

const N_LAGS: usize = MAX_LAG + 2;

/// The best period of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pitch {
    /// Fundamental frequency, about 65 to 640 Hz.
    pub f0_hz: f32,
    /// Height of the normalised autocorrelation at the period, 0 to 1; above 0.6 mostly voiced.
    pub voicing: f32,
}

/// Finds the pitch of one frame at a time.
pub struct PitchTracker {
    window: Vec<f32>,
    /// Weight per bin of the power spectrum.
    bandpass: Vec<f32>,
    /// The window's own autocorrelation relative to lag 0.
    window_lags: [f32; N_LAGS],
    /// Cost of each lag.
    cost: [f32; N_LAGS],
    scratch: Box<[f32; N_FFT]>,
    power: Box<[f32; spectrum::BINS_2048]>,
    lags: [f32; N_LAGS],
}

impl PitchTracker {
    /// The tables for 16 kHz.
    pub fn new() -> Self {
        let bin_hz = SAMPLE_RATE_HZ as f32 / N_FFT as f32;
        let bandpass = (0..spectrum::BINS_2048)
            .map(|bin| {
                let hz = bin as f32 * bin_hz;
                1.0 / (1.0 + (hz / LOWPASS_HZ).powi(4)) / (1.0 + (HIGHPASS_HZ / hz).powi(4))
            })
            .collect();
        let mut cost = [0.0; N_LAGS];
        for (lag, cost) in cost.iter_mut().enumerate().skip(MIN_LAG) {
            *cost = OCTAVE_COST * (lag as f32 / MIN_LAG as f32).log2();
        }
        let mut tracker = Self {
            window: window::hann(CONTEXT_SAMPLES),
            bandpass,
            window_lags: [1.0; N_LAGS],
            cost,
            scratch: Box::new([0.0; N_FFT]),
            power: Box::new([0.0; spectrum::BINS_2048]),
            lags: [0.0; N_LAGS],
        };
        tracker.scratch[..CONTEXT_SAMPLES].copy_from_slice(&tracker.window);
        spectrum::power_2048(&mut tracker.scratch, &mut tracker.power);
        spectrum::autocorrelation_2048(&tracker.power, &mut tracker.scratch, &mut tracker.lags);
        tracker.window_lags = tracker.lags.map(|value| value / tracker.lags[0]);
        tracker
    }

    /// The pitch of the frame in the middle of `context`; none if it is silent or has no peak.
    pub fn pitch(&mut self, context: &[f32; CONTEXT_SAMPLES]) -> Option<Pitch> {
        self.autocorrelate(context);
        if self.lags[0] < MIN_ENERGY {
            return None;
        }
        let energy = self.lags[0];
        for (value, window) in self.lags.iter_mut().zip(&self.window_lags) {
            *value /= energy * window;
        }
        let mut best: Option<(f32, usize)> = None;
        for lag in MIN_LAG..=MAX_LAG {
            let height = self.lags[lag];
            let is_peak = height > self.lags[lag - 1] && height >= self.lags[lag + 1];
            let score = height - self.cost[lag];
            if is_peak && height > 0.0 && best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, lag));
            }
        }
        best.map(|(_, lag)| self.refine(lag))
    }

    fn autocorrelate(&mut self, context: &[f32; CONTEXT_SAMPLES]) {
        let mean = sum(context) / CONTEXT_SAMPLES as f32;
        let (tapered, padding) = self.scratch.split_at_mut(CONTEXT_SAMPLES);
        for ((tapered, sample), weight) in tapered.iter_mut().zip(context).zip(&self.window) {
            *tapered = (sample - mean) * weight;
        }
        padding.fill(0.0);
        spectrum::power_2048(&mut self.scratch, &mut self.power);
        for (power, weight) in self.power.iter_mut().zip(&self.bandpass) {
            *power *= weight;
        }
        spectrum::autocorrelation_2048(&self.power, &mut self.scratch, &mut self.lags);
    }

    /// Vertex of the parabola through a peak and its neighbours.
    fn refine(&self, lag: usize) -> Pitch {
        let [left, peak, right] = [self.lags[lag - 1], self.lags[lag], self.lags[lag + 1]];
        let curvature = left - 2.0 * peak + right;
        let offset = if curvature < 0.0 {
            0.5 * (left - right) / curvature
        } else {
            0.0
        };
        let height = peak - 0.25 * (left - right) * offset;
        Pitch {
            f0_hz: SAMPLE_RATE_HZ as f32 / (lag as f32 + offset),
            voicing: height.clamp(0.0, 1.0),
        }
    }
}

impl Default for PitchTracker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// Ten harmonics falling by 6 dB per octave, at -20 dBFS.
    fn voice(f0_hz: f64) -> [f32; CONTEXT_SAMPLES] {
        let mut context = [0.0; CONTEXT_SAMPLES];
        for (n, sample) in context.iter_mut().enumerate() {
            *sample = (1..=10)
                .map(|h| 0.1 / h as f64 * (TAU * f0_hz * h as f64 * n as f64 / 16_000.0).sin())
                .sum::<f64>() as f32;
        }
        context
    }

    #[test]
    fn a_harmonic_tone_is_found_within_half_a_percent_and_fully_voiced() {
        let mut tracker = PitchTracker::new();
        for f0_hz in [70.0, 98.5, 123.0, 180.0, 251.0, 333.0, 440.0, 620.0] {
            let pitch = tracker.pitch(&voice(f0_hz)).unwrap();
            let error = (f64::from(pitch.f0_hz) / f0_hz - 1.0).abs();
            assert!(error < 0.005, "{f0_hz} Hz: {pitch:?}");
            assert!(pitch.voicing > 0.95, "{f0_hz} Hz: {pitch:?}");
        }
    }

    #[test]
    fn white_noise_is_hardly_voiced() {
        let mut context = [0.0; CONTEXT_SAMPLES];
        let mut state = 1u32;
        for sample in &mut context {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        let voicing = PitchTracker::new()
            .pitch(&context)
            .map_or(0.0, |pitch| pitch.voicing);
        assert!(voicing < 0.6, "{voicing}");
    }

    #[test]
    fn silence_and_a_constant_have_no_pitch() {
        let mut tracker = PitchTracker::new();
        assert_eq!(tracker.pitch(&[0.0; CONTEXT_SAMPLES]), None);
        assert_eq!(tracker.pitch(&[0.5; CONTEXT_SAMPLES]), None);
    }
}
