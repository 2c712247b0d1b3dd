//! Every stage of the front end compared with librosa and scipy (see golden/make_golden.py).

#![allow(clippy::unwrap_used)]

use std::path::Path;

use speech_emotion::audio::SAMPLE_RATE_HZ;
use speech_emotion::dsp::{mel::Filterbank, window};
use speech_emotion::features::{
    FRAME_SAMPLES, FrontEnd, HOP_SAMPLES, Mfcc, N_FEATURES, N_MFCC, PITCH, VOICING,
};

const N_BINS: usize = FRAME_SAMPLES / 2 + 1;
const N_MELS: usize = 64;

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn golden(name: &str) -> Vec<f32> {
    read(name)
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

fn speech() -> Vec<f32> {
    read("speech.s16")
        .chunks_exact(2)
        .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0)
        .collect()
}

/// The 512 samples centred on each multiple of 256, zeros outside.
fn frames(samples: &[f32]) -> Vec<[f32; FRAME_SAMPLES]> {
    let mut padded = vec![0.0; FRAME_SAMPLES / 2];
    padded.extend_from_slice(samples);
    padded.extend_from_slice(&[0.0; FRAME_SAMPLES]);
    (0..=samples.len() / HOP_SAMPLES)
        .map(|n| {
            padded[n * HOP_SAMPLES..][..FRAME_SAMPLES]
                .try_into()
                .unwrap()
        })
        .collect()
}

fn features() -> Vec<[f32; N_FEATURES]> {
    let mut frames = Vec::new();
    let mut front_end = FrontEnd::new(SAMPLE_RATE_HZ).unwrap();
    front_end.push(&[&speech()], |frame| frames.push(frame.features));
    front_end.finish(|frame| frames.push(frame.features));
    frames
}

fn largest_error(values: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(values.len(), expected.len());
    values
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn window_equals_scipy() {
    let error = largest_error(&window::hann(FRAME_SAMPLES), &golden("window.f32"));
    assert!(error <= 1e-7, "{error}");
}

#[test]
fn mel_filterbank_equals_librosa() {
    let filterbank = Filterbank::new(SAMPLE_RATE_HZ, FRAME_SAMPLES, N_MELS, 50.0, 8_000.0);
    let expected = golden("mel.f32");
    for bin in 0..N_BINS {
        let mut line = [0.0; N_BINS];
        line[bin] = 1.0;
        let mut mel = [0.0; N_MELS];
        filterbank.apply(&line, &mut mel);
        let expected: Vec<f32> = (0..N_MELS).map(|m| expected[m * N_BINS + bin]).collect();
        let error = largest_error(&mel, &expected);
        assert!(error <= 1e-6, "bin {bin}: {error}");
    }
}

#[test]
fn power_spectrum_equals_librosa() {
    let mut mfcc = Mfcc::new();
    let frames = frames(&speech());
    let expected = golden("power.f32");
    assert_eq!(expected.len(), frames.len().div_ceil(8) * N_BINS);
    for (n, (frame, expected)) in frames
        .iter()
        .step_by(8)
        .zip(expected.chunks_exact(N_BINS))
        .enumerate()
    {
        let loudest = expected.iter().copied().fold(0.0, f32::max);
        let error = largest_error(mfcc.power(frame), expected);
        assert!(
            error <= 1e-5 * loudest,
            "frame {}: {error} beside {loudest}",
            8 * n
        );
    }
}

#[test]
fn log_mel_energies_equal_librosa() {
    let mut mfcc = Mfcc::new();
    let log_mel: Vec<f32> = frames(&speech())
        .iter()
        .flat_map(|frame| mfcc.log_mel(frame))
        .collect();
    let error = largest_error(&log_mel, &golden("log_mel.f32"));
    assert!(error <= 1e-3, "{error}");
}

#[test]
fn streamed_mfcc_equal_librosa_and_scipy() {
    let mfcc: Vec<f32> = features()
        .iter()
        .flat_map(|frame| frame[..N_MFCC].to_vec())
        .collect();
    let error = largest_error(&mfcc, &golden("mfcc.f32"));
    assert!(error <= 1e-3, "{error}");
}

#[test]
fn pitch_agrees_with_probabilistic_yin_on_voiced_frames() {
    let f0 = golden("f0.f32");
    let features = features();
    assert_eq!(f0.len(), features.len());
    let mut errors: Vec<f32> = f0
        .iter()
        .zip(&features)
        .filter(|&(&f0, _)| f0 > 0.0)
        .map(|(f0, frame)| (100.0 * frame[PITCH].exp2() / f0 - 1.0).abs())
        .collect();
    errors.sort_by(f32::total_cmp);
    assert!(errors.len() >= 50, "only {} voiced frames", errors.len());
    let median = errors[errors.len() / 2];
    let near = errors.iter().filter(|&&error| error < 0.05).count() as f32 / errors.len() as f32;
    assert!(median < 0.02, "median error {median}");
    assert!(near >= 0.9, "{near} within 5 %");
}

#[test]
fn voicing_tells_voiced_frames_from_the_rest() {
    let f0 = golden("f0.f32");
    let features = features();
    let right = f0
        .iter()
        .zip(&features)
        .filter(|(f0, frame)| (**f0 > 0.0) == (frame[VOICING] > 0.6))
        .count();
    let share = right as f32 / f0.len() as f32;
    assert!(share >= 0.9, "{share}");
}
