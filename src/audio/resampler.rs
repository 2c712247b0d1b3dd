//! Streaming conversion of mono audio from any rate to 16 kHz, or another, by windowed-sinc interpolation
//! (Smith & Gossett, 1984, with filters computed for the very instants where that is possible).
//!
//! Output sample `k` is the input at exactly `k / 16000` seconds (`k / rate` at another), and does not depend on how the caller cut the audio.

use std::f64::consts::PI;

use crate::dsp::{sum, vectorise};

use super::{AudioError, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, SAMPLE_RATE_HZ};

/// Length of the windowed sinc in periods of the lower of the two rates.
pub const SINC_TAPS: u32 = 64;

/// Frequency at which the sinc has fallen to half its amplitude, relative to the lower rate's
/// Nyquist frequency.
pub const CUTOFF: f32 = 0.97;

/// Most instants between two input samples that get filters of their own. Any rate in use has fewer.
const MAX_PHASES: u32 = 640;

/// Instants that get filters where there are more; in between, two filters are interpolated.
const INTERPOLATED_PHASES: u32 = 128;

/// Input samples converted at a time.
const BLOCK: usize = 1_024;

/// Converts mono audio to [`SAMPLE_RATE_HZ`] or another rate; audio at that rate passes through unchanged.
///
/// `n` input samples at `rate` give `ceil(n · wanted / rate)` output samples once finished. Nothing is
/// allocated after construction.
pub struct Resampler {
    converter: Option<Converter>,
}

struct Converter {
    filters: Filters,
    /// Input samples per output sample, as a reduced fraction.
    step: u64,
    steps: u64,
    /// Where the next output lies after the middle of the first `taps` samples of `input`, in `steps`.
    at: u64,
    /// Half a filter that was converted already, and what came since.
    input: Vec<f32>,
    filled: usize,
    output: Vec<f32>,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// Creates a converter from `sample_rate_hz`.
    ///
    /// # Errors
    /// When the rate is not in 8,000 to 192,000 Hz.
    pub fn new(sample_rate_hz: u32) -> Result<Self, AudioError> {
        Self::between(sample_rate_hz, SAMPLE_RATE_HZ)
    }

    /// Creates a converter from `sample_rate_hz` to `wanted_hz`.
    ///
    /// # Errors
    /// When one of the rates is not in 8,000 to 192,000 Hz.
    pub fn between(sample_rate_hz: u32, wanted_hz: u32) -> Result<Self, AudioError> {
        let is_possible = |rate_hz| (MIN_SAMPLE_RATE_HZ..=MAX_SAMPLE_RATE_HZ).contains(rate_hz);
        if let Some(&rate_hz) = [sample_rate_hz, wanted_hz]
            .iter()
            .find(|rate_hz| !is_possible(*rate_hz))
        {
            return Err(AudioError::SampleRate(rate_hz));
        }
        let converter =
            (sample_rate_hz != wanted_hz).then(|| Converter::new(sample_rate_hz, wanted_hz));
        Ok(Self { converter })
    }

    /// Takes in the next samples and hands the output they complete to `sink`, in order, in pieces.
    pub fn push(&mut self, samples: &[f32], mut sink: impl FnMut(&[f32])) {
        let Some(converter) = &mut self.converter else {
            sink(samples);
            return;
        };
        converter.taken += samples.len() as u64;
        for block in samples.chunks(BLOCK) {
            sink(converter.convert(block));
        }
    }

    /// Ends the stream as if silence followed, hands the rest to `sink` and starts afresh.
    pub fn finish(&mut self, mut sink: impl FnMut(&[f32])) {
        let Some(converter) = &mut self.converter else {
            return;
        };
        let expected = (converter.taken * converter.steps).div_ceil(converter.step);
        while converter.given < expected {
            let missing = expected - converter.given;
            let produced = converter.convert(&[0.0; BLOCK]);
            let rest = usize::try_from(missing).map_or(produced.len(), |n| n.min(produced.len()));
            sink(&produced[..rest]);
        }
        converter.reset();
    }

    /// Forgets the stream; the next sample is the first of a new one.
    pub fn reset(&mut self) {
        if let Some(converter) = &mut self.converter {
            converter.reset();
        }
    }
}

impl Converter {
    fn new(sample_rate_hz: u32, wanted_hz: u32) -> Self {
        let divisor = gcd(sample_rate_hz, wanted_hz);
        let (step, steps) = (sample_rate_hz / divisor, wanted_hz / divisor);
        let filters = Filters::new(f64::from(wanted_hz) / f64::from(sample_rate_hz), steps);
        let most = (BLOCK as u64 * u64::from(steps)).div_ceil(u64::from(step)) + 1;
        let mut converter = Self {
            step: step.into(),
            steps: steps.into(),
            at: 0,
            input: vec![0.0; filters.taps + BLOCK],
            filled: 0,
            output: vec![0.0; most as usize],
            taken: 0,
            given: 0,
            filters,
        };
        converter.reset();
        converter
    }

    fn reset(&mut self) {
        self.at = 0;
        // The first sample is in the middle of the first filter, after silence.
        self.filled = self.filters.taps / 2 - 1;
        self.input[..self.filled].fill(0.0);
        self.taken = 0;
        self.given = 0;
    }

    /// Takes in at most [`BLOCK`] samples; gives the output they complete.
    fn convert(&mut self, samples: &[f32]) -> &[f32] {
        self.input[self.filled..][..samples.len()].copy_from_slice(samples);
        self.filled += samples.len();
        let count = vectorise(
            #[inline(always)]
            || self.apply(),
        );
        // The samples that filters to come begin with.
        let passed = ((self.at / self.steps) as usize).min(self.filled);
        self.input.copy_within(passed..self.filled, 0);
        self.filled -= passed;
        self.at -= passed as u64 * self.steps;
        self.given += count as u64;
        &self.output[..count]
    }

    /// Fills `output` as far as the input goes; gives how far.
    #[inline(always)]
    fn apply(&mut self) -> usize {
        let taps = self.filters.taps;
        let mut count = 0;
        for output in &mut self.output {
            let first = (self.at / self.steps) as usize;
            if first + taps > self.filled {
                break;
            }
            let after = self.at % self.steps;
            *output = self
                .filters
                .apply(&self.input[first..first + taps], after, self.steps);
            self.at += self.step;
            count += 1;
        }
        count
    }
}

/// Windowed sincs centred between the two samples in the middle of their input.
struct Filters {
    taps: usize,
    phases: u64,
    /// `[phases + 1, taps]`, for instants from the left one of the two samples to the right one.
    weights: Vec<f32>,
}

impl Filters {
    /// For instants in `steps` between two samples, of which there are `ratio` for each sample.
    fn new(ratio: f64, steps: u32) -> Self {
        let phases = if steps <= MAX_PHASES {
            steps
        } else {
            INTERPOLATED_PHASES
        };
        let slower = ratio.min(1.0);
        let taps = ((f64::from(SINC_TAPS) / slower).ceil() as usize).next_multiple_of(16);
        let bandwidth = f64::from(CUTOFF) * slower;
        let half = taps as f64 / 2.0;
        let weight = |phase: u32, tap: usize| {
            let distance = tap as f64 - (half - 1.0) - f64::from(phase) / f64::from(phases);
            let turn = PI * (distance / half).clamp(-1.0, 1.0);
            let blackman = 0.42 + 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos();
            let angle = PI * bandwidth * distance;
            let sinc = if angle == 0.0 {
                1.0
            } else {
                angle.sin() / angle
            };
            bandwidth * sinc * blackman
        };
        let weights = (0..=phases)
            .flat_map(|phase| (0..taps).map(move |tap| weight(phase, tap) as f32))
            .collect();
        Self {
            taps,
            phases: phases.into(),
            weights,
        }
    }

    /// The instant `after` of `steps` behind the left one of the two samples in the middle of `input`.
    #[inline(always)]
    fn apply(&self, input: &[f32], after: u64, steps: u64) -> f32 {
        let phase = after * self.phases;
        let filter = &self.weights[(phase / steps) as usize * self.taps..];
        let value = sum::sum_of_products(input, &filter[..self.taps]);
        let between = phase % steps;
        if between == 0 {
            return value;
        }
        let next = sum::sum_of_products(input, &filter[self.taps..][..self.taps]);
        value + (next - value) * (between as f32 / steps as f32)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    const RATES_HZ: [u32; 9] = [
        8_000, 11_025, 22_050, 42_240, 44_100, 48_000, 54_241, 96_000, 192_000,
    ];

    fn tone(hz: f64, sample_rate_hz: u32, samples: usize) -> Vec<f32> {
        let step = TAU * hz / f64::from(sample_rate_hz);
        (0..samples)
            .map(|n| (0.5 * (step * n as f64).sin()) as f32)
            .collect()
    }

    fn resample(samples: &[f32], sample_rate_hz: u32) -> Vec<f32> {
        let mut resampled = Vec::new();
        let mut resampler = Resampler::new(sample_rate_hz).unwrap();
        resampler.push(samples, |piece| resampled.extend_from_slice(piece));
        resampler.finish(|piece| resampled.extend_from_slice(piece));
        resampled
    }

    /// Level of a converted tone relative to the tone, away from its ends.
    fn gain_db(hz: f64, sample_rate_hz: u32) -> f64 {
        let resampled = resample(
            &tone(hz, sample_rate_hz, sample_rate_hz as usize),
            sample_rate_hz,
        );
        let middle = &resampled[2_000..14_000];
        let power: f64 = middle.iter().map(|&sample| f64::from(sample).powi(2)).sum();
        10.0 * (power / middle.len() as f64 / 0.125).log10()
    }

    #[test]
    fn output_does_not_depend_on_how_the_input_is_cut() {
        for rate in RATES_HZ {
            let tone = tone(700.0, rate, rate as usize / 4);
            let mut resampled = Vec::new();
            let mut resampler = Resampler::new(rate).unwrap();
            let mut rest = &tone[..];
            for length in [1, 7, 128, 1_500, 0, 441].into_iter().cycle() {
                let (piece, later) = rest.split_at(rest.len().min(length));
                resampler.push(piece, |piece| resampled.extend_from_slice(piece));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            resampler.finish(|piece| resampled.extend_from_slice(piece));
            assert!(resampled == resample(&tone, rate), "{rate} Hz");
        }
    }

    #[test]
    fn tones_of_the_speech_band_keep_their_level() {
        for rate in RATES_HZ {
            for hz in [100.0, 1_000.0, 3_300.0] {
                assert!(gain_db(hz, rate).abs() < 0.1, "{hz} Hz at {rate} Hz");
            }
        }
        assert!(gain_db(7_000.0, 48_000).abs() < 0.1);
    }

    #[test]
    fn tones_above_the_band_do_not_fold_back() {
        for rate in [22_050, 44_100, 48_000, 54_241, 96_000, 192_000] {
            for hz in [8_600.0, 9_000.0, 10_500.0, 12_000.0, 16_000.0, 20_000.0] {
                if hz < f64::from(rate / 2) {
                    assert!(gain_db(hz, rate) < -70.0, "{hz} Hz at {rate} Hz");
                }
            }
        }
    }

    #[test]
    fn output_is_aligned_with_input() {
        for rate in RATES_HZ {
            let resampled = resample(&tone(500.0, rate, rate as usize), rate);
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (n, &sample) in resampled.iter().enumerate().take(14_400).skip(1_600) {
                let angle = TAU * 500.0 * n as f64 / 16_000.0;
                sine += f64::from(sample) * angle.sin();
                cosine += f64::from(sample) * angle.cos();
            }
            let shift_samples = cosine.atan2(sine) / (TAU * 500.0) * 16_000.0;
            assert!(shift_samples.abs() < 1e-3, "{shift_samples} at {rate} Hz");
        }
    }

    #[test]
    fn output_lasts_as_long_as_input() {
        for rate in RATES_HZ {
            for samples in [0, 1, 2, 255, 1_000, 12_345] {
                let expected = (samples as u64 * 16_000).div_ceil(u64::from(rate));
                let resampled = resample(&vec![0.1; samples], rate);
                assert_eq!(resampled.len() as u64, expected, "{samples} at {rate} Hz");
            }
        }
    }

    #[test]
    fn audio_at_16_khz_is_not_touched() {
        let samples = tone(7_900.0, 16_000, 1_000);
        assert_eq!(resample(&samples, 16_000), samples);
    }

    #[test]
    fn rates_out_of_range_are_refused_with_the_range() {
        for rate in [0, 7_999, 192_001, u32::MAX] {
            let message = Resampler::new(rate).err().unwrap().to_string();
            assert!(message.contains("8000 to 192000"), "{message}");
        }
    }
}
