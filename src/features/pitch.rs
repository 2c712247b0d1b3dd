//! Pitch and voicing by autocorrelation (after Boersma, 1993).
//!
//! The 1024 samples around a frame, mean removed, Hann-weighted; the power spectrum of 2048 points is
//! weighted by `1 / (1 + (f / 1200)⁴) / (1 + (200 / f)⁴)`, so that the first harmonics decide, hum and
//! rumble do not, and a telephone, which leaves the fundamental out, changes little; the
//! autocorrelation that belongs to it is divided by its value at lag 0 and by the window's own
//! autocorrelation. Among its local peaks at lags 25 to 245 (640 to 65 Hz) the highest wins, long
//! lags paying 0.02 per octave against octave errors; a parabola through the peak refines it.
//!
//! That is the definition. It is computed at half the rate, since above 4 kHz less than a hundredth of
//! the power counts: a half-band filter leaves every second of the weighted samples, 512 points hold
//! them without padding, for the window is next to nothing where the ends would meet, and the same filter
//! gives the lags in between. What lies above 4 kHz counts at lag 0 alone. Of voiced frames the voicing
//! stays within 0.01 and the frequency within 0.1 %.
//!
//! No path is tracked through time: a frame's pitch depends on its own samples only.

use std::f64::consts::TAU;

use crate::audio::SAMPLE_RATE_HZ;
use crate::dsp::{
    spectrum::{BINS_512, Spectrum},
    sum, vectorise, window,
};

use super::framer::CONTEXT_SAMPLES;

/// Points of the Fourier transform of the definition.
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

/// Frequency whose weight all that the half-band filter takes away gets: the middle, in octaves, of 4 to
/// 8 kHz.
const HIGH_HZ: f32 = 5_657.0;

const N_LAGS: usize = MAX_LAG + 2;

/// Lags that may be the period.
const LAGS: usize = MAX_LAG - MIN_LAG + 1;

/// Samples at half the rate.
const HALVED: usize = CONTEXT_SAMPLES / 2;

/// Weights on either side of the half-band filter that are not 0.
const TAPS: usize = 6;

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
    /// Weights of the half-band filter at distances of 1, 3, 5 ... samples.
    taps: [f32; TAPS],
    /// Weight per bin of the power spectrum.
    bandpass: Vec<f32>,
    /// What a lag is multiplied by for the window's own autocorrelation.
    window_lags: [f32; N_LAGS],
    /// Cost of each lag from [`MIN_LAG`] on.
    cost: [f32; LAGS],
    spectrum: Spectrum,
    even: [f32; HALVED],
    /// With zeros on either side.
    odd: [f32; HALVED + 2 * TAPS],
    low: [f32; HALVED],
    power: [f32; BINS_512],
    halved_lags: [f32; BINS_512],
    lags: [f32; N_LAGS],
}

impl PitchTracker {
    /// The tables for 16 kHz.
    pub fn new() -> Self {
        let bin_hz = SAMPLE_RATE_HZ as f32 / CONTEXT_SAMPLES as f32;
        let cost = |lag: usize| OCTAVE_COST * ((MIN_LAG + lag) as f32 / MIN_LAG as f32).log2();
        Self {
            window: window::hann(CONTEXT_SAMPLES),
            taps: half_band(),
            bandpass: (0..BINS_512)
                .map(|bin| weight(bin as f32 * bin_hz))
                .collect(),
            window_lags: std::array::from_fn(|lag| (1.0 / window_lag(lag)) as f32),
            cost: std::array::from_fn(cost),
            spectrum: Spectrum::new(),
            even: [0.0; HALVED],
            odd: [0.0; HALVED + 2 * TAPS],
            low: [0.0; HALVED],
            power: [0.0; BINS_512],
            halved_lags: [0.0; BINS_512],
            lags: [0.0; N_LAGS],
        }
    }

    /// The pitch of the frame in the middle of `context`; none if it is silent or has no peak.
    pub fn pitch(&mut self, context: &[f32; CONTEXT_SAMPLES]) -> Option<Pitch> {
        let energy = self.autocorrelate(context);
        if energy < MIN_ENERGY {
            return None;
        }
        vectorise(
            #[inline(always)]
            || {
                for (value, window) in self.lags.iter_mut().zip(&self.window_lags) {
                    *value *= window / energy;
                }
                self.best()
            },
        )
    }

    /// The best of the peaks of the normalised lags.
    #[inline(always)]
    fn best(&self) -> Option<Pitch> {
        const NONE: f32 = -1.0;
        let mut scores = [NONE; LAGS];
        let heights = self.lags[MIN_LAG - 1..].windows(3);
        for ((score, heights), cost) in scores.iter_mut().zip(heights).zip(&self.cost) {
            let [left, height, right] = [heights[0], heights[1], heights[2]];
            let is_peak = (height > left) & (height >= right) & (height > 0.0);
            *score = if is_peak { height - cost } else { NONE };
        }
        let higher = |a: f32, b: f32| if b > a { b } else { a };
        let mut highest = [NONE; 16];
        for scores in scores.chunks(16) {
            for (highest, score) in highest.iter_mut().zip(scores) {
                *highest = higher(*highest, *score);
            }
        }
        let highest = highest.into_iter().fold(NONE, higher);
        let lag = scores.iter().position(|&score| score == highest)?;
        (highest > NONE).then(|| self.refine(MIN_LAG + lag))
    }

    /// Sets the lags; gives the energy they belong to.
    fn autocorrelate(&mut self, context: &[f32; CONTEXT_SAMPLES]) -> f32 {
        let high = vectorise(
            #[inline(always)]
            || self.halve(context),
        );
        self.spectrum.power(&self.low, &mut self.power);
        vectorise(
            #[inline(always)]
            || {
                for (power, weight) in self.power.iter_mut().zip(&self.bandpass) {
                    *power *= weight;
                }
            },
        );
        self.spectrum
            .autocorrelation(&self.power, &mut self.halved_lags);
        vectorise(
            #[inline(always)]
            || self.insert_odd_lags(),
        );
        // As many samples again lay between those left.
        2.0 * (self.halved_lags[0] + weight(HIGH_HZ) * high)
    }

    /// Sets `low` to the weighted samples at half the rate; gives the energy that they lack.
    #[inline(always)]
    fn halve(&mut self, context: &[f32; CONTEXT_SAMPLES]) -> f32 {
        let mean = sum::sum(context) / CONTEXT_SAMPLES as f32;
        let pairs = context.as_chunks::<2>().0.iter();
        let weights = self.window.as_chunks::<2>().0;
        let odd = &mut self.odd[TAPS..TAPS + HALVED];
        for (((pair, weight), even), odd) in
            pairs.zip(weights).zip(&mut self.even).zip(odd.iter_mut())
        {
            *even = (pair[0] - mean) * weight[0];
            *odd = (pair[1] - mean) * weight[1];
        }
        low_pass(&self.taps, &self.odd, &mut self.even, &mut self.low);
        sum::sum_of_squares(&self.even)
    }

    /// From the lags at half the rate to all from [`MIN_LAG`] - 1 on.
    #[inline(always)]
    fn insert_odd_lags(&mut self) {
        const FIRST: usize = MIN_LAG / 2;
        let halved = &self.halved_lags;
        let mut between = [0.0; N_LAGS / 2 + 1 - FIRST];
        for (n, tap) in self.taps.iter().enumerate() {
            let before = &halved[FIRST - n..];
            let after = &halved[FIRST + 1 + n..];
            for ((between, before), after) in between.iter_mut().zip(before).zip(after) {
                *between += 2.0 * tap * (before + after);
            }
        }
        let lags = self.lags[2 * FIRST..].chunks_mut(2);
        for ((pair, even), odd) in lags.zip(&halved[FIRST..]).zip(between) {
            pair[0] = 2.0 * even;
            if let [_, last] = pair {
                *last = 2.0 * odd;
            }
        }
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

/// What lies below a quarter of the rate at the even samples; `even` keeps the rest.
#[inline(always)]
fn low_pass(
    taps: &[f32; TAPS],
    odd: &[f32; HALVED + 2 * TAPS],
    even: &mut [f32; HALVED],
    low: &mut [f32; HALVED],
) {
    for n in 0..HALVED {
        let mut sum = 0.5 * even[n];
        for (distance, tap) in taps.iter().enumerate() {
            sum += tap * (odd[n + TAPS - 1 - distance] + odd[n + TAPS + distance]);
        }
        low[n] = sum;
        even[n] -= sum;
    }
}

impl Default for PitchTracker {
    fn default() -> Self {
        Self::new()
    }
}

/// Weight of the power at a frequency.
fn weight(hz: f32) -> f32 {
    1.0 / (1.0 + (hz / LOWPASS_HZ).powi(4)) / (1.0 + (HIGHPASS_HZ / hz).powi(4))
}

/// Autocorrelation of the Hann window relative to lag 0.
fn window_lag(lag: usize) -> f64 {
    let lag = lag as f64 / CONTEXT_SAMPLES as f64;
    (1.0 - lag) * (2.0 + (TAU * lag).cos()) / 3.0 + (TAU * lag).sin() / TAU
}

/// What polynomials through the nearest `2 TAPS` odd samples give for the even one between them, and half of
/// it that one: flat where the power is.
fn half_band() -> [f32; TAPS] {
    let place = |n: usize| (2 * n + 1) as f64 - (2 * TAPS) as f64;
    std::array::from_fn(|n| {
        let own = TAPS + n;
        let factors = (0..2 * TAPS)
            .filter(|&other| other != own)
            .map(|other| place(other) / (place(other) - place(own)));
        (0.5 * factors.product::<f64>()) as f32
    })
}

#[cfg(test)]
mod tests {
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

    /// What the definition gives: voicing, and pitch if there is any.
    fn defined(context: &[f32; CONTEXT_SAMPLES]) -> Option<Pitch> {
        let window = window::hann(CONTEXT_SAMPLES);
        let mean = context.iter().sum::<f32>() / CONTEXT_SAMPLES as f32;
        let tapered = |n: usize| f64::from((context[n] - mean) * window[n]);
        let cosine: Vec<f64> = (0..N_FFT)
            .map(|n| (TAU * n as f64 / N_FFT as f64).cos())
            .collect();
        let power: Vec<f64> = (0..=N_FFT / 2)
            .map(|bin| {
                let (mut re, mut im) = (0.0, 0.0);
                for n in 0..CONTEXT_SAMPLES {
                    re += tapered(n) * cosine[bin * n % N_FFT];
                    im += tapered(n) * cosine[(bin * n + N_FFT / 4) % N_FFT];
                }
                let hz = bin as f32 * SAMPLE_RATE_HZ as f32 / N_FFT as f32;
                (re * re + im * im) * f64::from(weight(hz))
            })
            .collect();
        let lag = |lag: usize| -> f64 {
            let inner = (1..N_FFT / 2).map(|bin| 2.0 * power[bin] * cosine[bin * lag % N_FFT]);
            let ends = power[0] + power[N_FFT / 2] * cosine[lag * N_FFT / 2 % N_FFT];
            (inner.sum::<f64>() + ends) / N_FFT as f64
        };
        let own = |lag: usize| -> f64 {
            let products = (lag..CONTEXT_SAMPLES).map(|n| f64::from(window[n] * window[n - lag]));
            products.sum()
        };
        let mut tracker = PitchTracker::new();
        let energy = lag(0);
        for n in MIN_LAG - 1..N_LAGS {
            tracker.lags[n] = (lag(n) / energy / own(n) * own(0)) as f32;
        }
        (energy >= f64::from(MIN_ENERGY)).then(|| tracker.best())?
    }

    #[test]
    fn speech_has_the_pitch_that_the_definition_gives() {
        let bytes = include_bytes!("../../tests/golden/speech.s16");
        let samples: Vec<f32> = bytes
            .as_chunks()
            .0
            .iter()
            .map(|&pair| f32::from(i16::from_le_bytes(pair)) / 32_768.0)
            .collect();
        let mut tracker = PitchTracker::new();
        let (mut voiced, mut apart) = (0, 0);
        for context in samples.windows(CONTEXT_SAMPLES).step_by(512) {
            let context = context.try_into().unwrap();
            let defined = defined(context);
            let pitch = tracker.pitch(context);
            let voicing = |pitch: Option<Pitch>| pitch.map_or(0.0, |pitch| pitch.voicing);
            assert!(
                (voicing(pitch) - voicing(defined)).abs() < 0.1,
                "{pitch:?} for {defined:?}"
            );
            if let (Some(pitch), Some(defined)) = (pitch, defined)
                && defined.voicing > 0.6
            {
                voiced += 1;
                let higher = (pitch.f0_hz / defined.f0_hz - 1.0).abs();
                if higher > 0.001 || (pitch.voicing - defined.voicing).abs() > 0.01 {
                    apart += 1;
                }
            }
        }
        assert!(voiced > 30 && apart * 50 <= voiced, "{apart} of {voiced}");
    }
}
