//! The front end as a stream: chunks, channels, rates, time and bad values.

#![allow(clippy::unwrap_used)]

use std::f64::consts::TAU;

use speech_emotion::features::{
    ENERGY, Frame, FrontEnd, N_FEATURES, N_MFCC, PITCH, VOICING, dct_matrix, segment,
};

/// Reproducible white noise in -1..1.
struct Noise(u32);

impl Noise {
    fn bits(&mut self) -> u32 {
        // Two steps of Knuth's generator: its low bits are poor.
        let mut next = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.0 >> 16
        };
        next() << 16 | next()
    }

    fn sample(&mut self) -> f32 {
        self.bits() as f32 / (1u32 << 31) as f32 - 1.0
    }

    fn samples(&mut self, len: usize, amplitude: f32) -> Vec<f32> {
        (0..len).map(|_| amplitude * self.sample()).collect()
    }
}

/// Half a second of harmonics of 123 Hz up to 3.3 kHz, the same sound at any rate.
fn voice(sample_rate_hz: u32) -> Vec<f32> {
    (0..sample_rate_hz / 2)
        .map(|n| {
            let t = f64::from(n) / f64::from(sample_rate_hz);
            let sum: f64 = (1..=27)
                .map(|h| (TAU * 123.0 * f64::from(h) * t).sin())
                .sum();
            (0.03 * sum) as f32
        })
        .collect()
}

fn stream(front_end: &mut FrontEnd, samples: &[f32], chunk: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    for chunk in samples.chunks(chunk) {
        front_end.push(&[chunk], |frame| frames.push(frame.clone()));
    }
    front_end.finish(|frame| frames.push(frame.clone()));
    frames
}

fn frames(sample_rate_hz: u32, samples: &[f32]) -> Vec<Frame> {
    stream(
        &mut FrontEnd::new(sample_rate_hz).unwrap(),
        samples,
        samples.len().max(1),
    )
}

fn features(samples: &[f32]) -> Vec<f32> {
    frames(16_000, samples)
        .iter()
        .flat_map(|frame| frame.features)
        .collect()
}

#[test]
fn chunk_size_does_not_change_features() {
    for rate in [8_000, 16_000, 44_100, 48_000] {
        let samples = Noise(1).samples(rate as usize / 4, 0.3);
        let whole = frames(rate, &samples);
        for chunk in [1, 7, 127, 128, 997, 2_048, 8_191] {
            let pieces = stream(&mut FrontEnd::new(rate).unwrap(), &samples, chunk);
            assert!(pieces == whole, "chunks of {chunk} at {rate} Hz");
        }
    }
}

#[test]
fn a_front_end_that_was_reset_or_finished_is_like_a_fresh_one() {
    for rate in [16_000, 44_100] {
        let samples = Noise(2).samples(20_000, 0.3);
        let fresh = frames(rate, &samples);
        let mut front_end = FrontEnd::new(rate).unwrap();
        assert!(stream(&mut front_end, &samples, 500) == fresh);
        assert!(
            stream(&mut front_end, &samples, 500) == fresh,
            "after finish at {rate} Hz"
        );
        front_end.push(&[&[f32::NAN; 777]], |_| {});
        assert_eq!(front_end.nonfinite_samples(), 777);
        front_end.reset();
        assert_eq!(front_end.nonfinite_samples(), 0);
        assert!(
            stream(&mut front_end, &samples, 500) == fresh,
            "after reset at {rate} Hz"
        );
    }
}

#[test]
fn a_delay_of_one_hop_shifts_frames_by_one() {
    let samples = Noise(3).samples(16_000, 0.3);
    let delayed = [&[0.0; 256], &samples[..]].concat();
    assert!(frames(16_000, &delayed)[1..] == frames(16_000, &samples));

    let delayed = [&[0.0; 768], &samples[..]].concat();
    let (late, early) = (frames(48_000, &delayed), frames(48_000, &samples));
    for (late, early) in late[1..].iter().zip(&early) {
        for (late, early) in late.samples.iter().zip(&early.samples) {
            assert!((late - early).abs() < 1e-5);
        }
    }
}

#[test]
fn samples_give_one_frame_per_hop_and_one_more() {
    for samples in [1, 255, 256, 257, 511, 512, 513, 1_024, 5_000] {
        let audio = vec![0.1; samples];
        assert_eq!(
            frames(16_000, &audio).len(),
            1 + samples / 256,
            "{samples} at 16 kHz"
        );
        let resampled = samples.div_ceil(3);
        assert_eq!(
            frames(48_000, &audio).len(),
            1 + resampled / 256,
            "{samples} at 48 kHz"
        );
    }
    assert!(frames(16_000, &[]).is_empty());
}

#[test]
fn frames_carry_the_samples_of_their_hop() {
    let samples = Noise(4).samples(3_000, 0.5);
    let mut carried: Vec<f32> = frames(16_000, &samples)
        .iter()
        .flat_map(|frame| frame.samples)
        .collect();
    assert!(
        carried
            .split_off(samples.len())
            .iter()
            .all(|&sample| sample == 0.0)
    );
    assert_eq!(carried, samples);
}

#[test]
fn any_value_in_gives_finite_features_out() {
    let mut noise = Noise(5);
    let any_bits: Vec<f32> = (0..20_000).map(|_| f32::from_bits(noise.bits())).collect();
    let square = |value: f32| -> Vec<f32> {
        (0..20_000)
            .map(|n| if n / 50 % 2 == 0 { value } else { -value })
            .collect()
    };
    for rate in [8_000, 16_000, 48_000] {
        for samples in [
            any_bits.clone(),
            square(f32::MAX),
            square(1e30),
            square(f32::INFINITY),
            square(f32::MIN_POSITIVE),
            square(f32::from_bits(1)),
            square(1e-12),
            vec![f32::NAN; 20_000],
            vec![1e30; 20_000],
            vec![0.0; 20_000],
        ] {
            let mut front_end = FrontEnd::new(rate).unwrap();
            for frame in stream(&mut front_end, &samples, 4_096) {
                assert!(
                    frame
                        .features
                        .iter()
                        .chain(&frame.samples)
                        .all(|value| value.is_finite()),
                    "{:?} ... at {rate} Hz",
                    &samples[..3]
                );
                assert!((0.0..=1.0).contains(&frame.features[VOICING]));
            }
            let bad = samples.iter().filter(|sample| !sample.is_finite()).count();
            assert_eq!(front_end.nonfinite_samples(), bad as u64);
        }
    }
}

#[test]
fn channels_count_by_their_mean() {
    let mut noise = Noise(6);
    let (left, right) = (noise.samples(9_000, 0.5), noise.samples(9_000, 0.5));
    let mean: Vec<f32> = left
        .iter()
        .zip(&right)
        .map(|(l, r)| (l + r) / 2.0)
        .collect();
    for rate in [16_000, 44_100] {
        let mut stereo = Vec::new();
        let mut front_end = FrontEnd::new(rate).unwrap();
        front_end.push(&[&left, &right], |frame| stereo.push(frame.clone()));
        front_end.finish(|frame| stereo.push(frame.clone()));
        assert!(stereo == frames(rate, &mean), "at {rate} Hz");
    }
}

#[test]
fn sample_rates_agree_on_the_bands_they_share() {
    // 41 bands lie below 3.2 kHz; the sound ends at 3.3 kHz.
    const SHARED_BANDS: usize = 41;
    let matrix = dct_matrix();
    let log_mel = |frame: &Frame| -> Vec<f32> {
        (0..SHARED_BANDS)
            .map(|m| {
                (0..N_MFCC)
                    .map(|k| frame.features[k] * matrix[k * N_MFCC + m])
                    .sum()
            })
            .collect()
    };
    let reference = frames(16_000, &voice(16_000));
    for rate in [
        8_000, 11_025, 22_050, 42_240, 44_100, 48_000, 54_241, 96_000, 192_000,
    ] {
        let other = frames(rate, &voice(rate));
        assert!(other.len().abs_diff(reference.len()) <= 1);
        // Frames 2 to 28 are not affected by the abrupt ends, which differ from rate to rate.
        for (n, (a, b)) in reference.iter().zip(&other).enumerate().take(28).skip(2) {
            for (band, (a, b)) in log_mel(a).iter().zip(log_mel(b)).enumerate() {
                assert!(
                    (a - b).abs() < 0.1,
                    "frame {n}, band {band} at {rate} Hz: {a}, {b}"
                );
            }
            for feature in [ENERGY, PITCH, VOICING] {
                let (a, b) = (a.features[feature], b.features[feature]);
                assert!(
                    (a - b).abs() < 0.02,
                    "frame {n}, {feature} at {rate} Hz: {a}, {b}"
                );
            }
        }
    }
}

#[test]
fn a_segment_does_not_depend_on_the_gain() {
    let mut noise = Noise(7);
    let mut samples = noise.samples(40_000, 0.08);
    for (sample, voice) in samples[16_000..].iter_mut().zip(voice(16_000)) {
        *sample += 4.0 * voice;
    }
    let reference = segment(&features(&samples)).unwrap();
    let n_frames = reference.len() / N_FEATURES;
    assert!(
        (40..50).contains(&n_frames),
        "{n_frames} frames of 32 with speech"
    );
    for gain in [0.25, 0.5, 4.0, 0.7] {
        let scaled: Vec<f32> = samples.iter().map(|sample| gain * sample).collect();
        let other = segment(&features(&scaled)).unwrap();
        assert_eq!(other.len(), reference.len());
        for (i, (a, b)) in other.iter().zip(&reference).enumerate() {
            let (frame, feature) = (i / N_FEATURES, i % N_FEATURES);
            assert!(
                (a - b).abs() < 3e-3,
                "gain {gain}, frame {frame}, feature {feature}: {a} for {b}"
            );
        }
    }
}

#[test]
fn silence_is_no_segment() {
    assert_eq!(segment(&features(&[0.0; 16_000])), None);
    assert_eq!(segment(&features(&Noise(8).samples(16_000, 2.5e-4))), None);
}
