//! Streaming conversion of mono audio from any rate to 16 kHz by windowed-sinc interpolation.
//!
//! Wraps rubato's asynchronous resampler, which takes any ratio. It is fed blocks of a fixed size,
//! so that the output does not depend on how the caller cut the audio. The filter's delay is
//! removed: output sample `k` is the input at `k / 16000` seconds, to within half an output sample.

use rubato::{
    Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType,
    WindowFunction, audioadapter_buffers::direct::SequentialSlice,
};

use super::{AudioError, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, SAMPLE_RATE_HZ};

/// Length of the windowed sinc in periods of the lower of the two rates.
pub const SINC_TAPS: u32 = 64;

/// Frequency at which the sinc has fallen to half its amplitude, relative to the lower rate's
/// Nyquist frequency.
pub const CUTOFF: f32 = 0.97;

/// 8 ms: the latency that a block of input adds.
const BLOCKS_PER_SECOND: u32 = 125;

/// Converts mono audio to [`SAMPLE_RATE_HZ`]; audio at that rate passes through unchanged.
///
/// `n` input samples give `ceil(n · 16000 / rate)` output samples once finished. Nothing is
/// allocated after construction.
pub struct Resampler {
    sample_rate_hz: u32,
    converter: Option<Converter>,
}

struct Converter {
    inner: Async<f32>,
    input: Vec<f32>,
    filled: usize,
    output: Vec<f32>,
    /// Output samples that precede the first input sample.
    delay: usize,
    to_skip: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// Creates a converter from `sample_rate_hz`.
    ///
    /// # Errors
    /// When the rate is not in 8,000 to 192,000 Hz.
    pub fn new(sample_rate_hz: u32) -> Result<Self, AudioError> {
        if !(MIN_SAMPLE_RATE_HZ..=MAX_SAMPLE_RATE_HZ).contains(&sample_rate_hz) {
            return Err(AudioError::SampleRate(sample_rate_hz));
        }
        let converter = if sample_rate_hz == SAMPLE_RATE_HZ {
            None
        } else {
            Some(Converter::new(sample_rate_hz)?)
        };
        Ok(Self {
            sample_rate_hz,
            converter,
        })
    }

    /// Takes in the next samples and hands the output they complete to `sink`, in order, in pieces.
    pub fn push(&mut self, mut samples: &[f32], mut sink: impl FnMut(&[f32])) {
        let Some(converter) = &mut self.converter else {
            sink(samples);
            return;
        };
        converter.taken += samples.len() as u64;
        while !samples.is_empty() {
            let free = &mut converter.input[converter.filled..];
            let (now, later) = samples.split_at(samples.len().min(free.len()));
            free[..now.len()].copy_from_slice(now);
            converter.filled += now.len();
            samples = later;
            if converter.filled == converter.input.len() {
                sink(converter.convert());
            }
        }
    }

    /// Ends the stream as if silence followed, hands the rest to `sink` and starts afresh.
    pub fn finish(&mut self, mut sink: impl FnMut(&[f32])) {
        let Some(converter) = &mut self.converter else {
            return;
        };
        let expected =
            (converter.taken * u64::from(SAMPLE_RATE_HZ)).div_ceil(u64::from(self.sample_rate_hz));
        while converter.given < expected {
            let missing = expected - converter.given;
            converter.input[converter.filled..].fill(0.0);
            let produced = converter.convert();
            let rest = usize::try_from(missing).map_or(produced.len(), |n| n.min(produced.len()));
            sink(&produced[..rest]);
        }
        self.reset();
    }

    /// Forgets the stream; the next sample is the first of a new one.
    pub fn reset(&mut self) {
        if let Some(converter) = &mut self.converter {
            converter.inner.reset();
            converter.filled = 0;
            converter.to_skip = converter.delay;
            converter.taken = 0;
            converter.given = 0;
        }
    }
}

impl Converter {
    fn new(sample_rate_hz: u32) -> Result<Self, AudioError> {
        // When the rate is a whole multiple, every output falls on an input: no filter needs
        // interpolating.
        let interpolation = if sample_rate_hz.is_multiple_of(SAMPLE_RATE_HZ) {
            SincInterpolationType::Nearest
        } else {
            SincInterpolationType::Linear
        };
        Self::with(sample_rate_hz, interpolation)
    }

    fn with(sample_rate_hz: u32, interpolation: SincInterpolationType) -> Result<Self, AudioError> {
        let periods = f64::from(SINC_TAPS);
        let ratio = f64::from(SAMPLE_RATE_HZ) / f64::from(sample_rate_hz);
        let parameters = SincInterpolationParameters::new(
            (periods / ratio.min(1.0)).ceil() as usize,
            WindowFunction::Blackman,
        )
        .f_cutoff(CUTOFF)
        .oversampling_factor(128)
        .interpolation(interpolation);
        let block = sample_rate_hz.div_ceil(BLOCKS_PER_SECOND) as usize;
        let inner = Async::new_sinc(ratio, 1.0, &parameters, block, 1, FixedAsync::Input)?;
        // Output i of rubato is centred on input (i + 1) / ratio - length / 2.
        let length = parameters.sinc_len.next_multiple_of(8) as f64;
        let delay = (length / 2.0 * ratio - 1.0).round() as usize;
        Ok(Self {
            input: vec![0.0; block],
            filled: 0,
            output: vec![0.0; inner.output_frames_max()],
            inner,
            delay,
            to_skip: delay,
            taken: 0,
            given: 0,
        })
    }

    /// Converts the full input block and empties it; returns what comes after the delay.
    fn convert(&mut self) -> &[f32] {
        self.filled = 0;
        let produced = match self.process() {
            Some(produced) => produced,
            None => unreachable!("the buffers are as long as rubato asked for"),
        };
        let skipped = self.to_skip.min(produced);
        self.to_skip -= skipped;
        self.given += (produced - skipped) as u64;
        &self.output[skipped..produced]
    }

    fn process(&mut self) -> Option<usize> {
        let (inputs, outputs) = (self.input.len(), self.output.len());
        let input = SequentialSlice::new(&self.input, 1, inputs).ok()?;
        let mut output = SequentialSlice::new_mut(&mut self.output, 1, outputs).ok()?;
        let (_, produced) = self
            .inner
            .process_into_buffer(&input, &mut output, None)
            .ok()?;
        Some(produced)
    }
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
    fn whole_fractions_of_the_rate_need_no_interpolation() {
        for rate in [48_000, 96_000, 192_000] {
            let tone = tone(700.0, rate, rate as usize / 2);
            let [nearest, linear] = [
                SincInterpolationType::Nearest,
                SincInterpolationType::Linear,
            ]
            .map(|kind| {
                let mut converter = Converter::with(rate, kind).unwrap();
                let mut converted = Vec::new();
                for block in tone.chunks_exact(converter.input.len()) {
                    converter.input.copy_from_slice(block);
                    converted.extend_from_slice(converter.convert());
                }
                converted
            });
            assert!(nearest.len() > 7_000 && nearest == linear, "{rate} Hz");
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
        for rate in [22_050, 44_100, 48_000, 96_000, 192_000] {
            for hz in [8_600.0, 9_000.0, 10_500.0, 12_000.0, 16_000.0, 20_000.0] {
                if hz < f64::from(rate / 2) {
                    assert!(gain_db(hz, rate) < -70.0, "{hz} Hz at {rate} Hz");
                }
            }
        }
    }

    #[test]
    fn output_is_aligned_with_input_to_half_a_sample() {
        for rate in RATES_HZ {
            let resampled = resample(&tone(500.0, rate, rate as usize), rate);
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (n, &sample) in resampled.iter().enumerate().take(14_400).skip(1_600) {
                let angle = TAU * 500.0 * n as f64 / 16_000.0;
                sine += f64::from(sample) * angle.sin();
                cosine += f64::from(sample) * angle.cos();
            }
            let shift_samples = cosine.atan2(sine) / (TAU * 500.0) * 16_000.0;
            assert!(shift_samples.abs() <= 0.52, "{shift_samples} at {rate} Hz");
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
