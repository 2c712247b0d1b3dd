//! What a second of audio costs natively on one core: `cargo bench --bench live`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{fs, hint::black_box};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use speech_emotion::{
    activity::SpeechGate,
    features::{self, FRAME_SAMPLES, FrontEnd, HOP_SAMPLES, Mfcc, N_FEATURES},
    model::{Manifest, OnnxClassifier},
    session::{Pacing, Session},
};

const RATE_HZ: u32 = 48_000;
const SECONDS: usize = 6;

/// Synthetic speech with pauses, played at three times the speed: its content does not matter here.
fn speech() -> Vec<f32> {
    let bytes = fs::read("tests/golden/speech.s16").unwrap();
    let samples: Vec<f32> = bytes
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    samples
        .into_iter()
        .cycle()
        .take(SECONDS * RATE_HZ as usize)
        .collect()
}

fn live(criterion: &mut Criterion) {
    let speech = speech();
    let manifest = fs::read_to_string("assets/model.json").unwrap();
    let manifest = Manifest::from_json(&manifest).unwrap();
    let model = fs::read("assets/model.onnx").unwrap();
    let classifier = OnnxClassifier::load(&model, &manifest).unwrap();

    let mut group = criterion.benchmark_group(format!("{SECONDS} s of audio"));
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(SECONDS as u64));
    group.bench_function("features", |bencher| {
        let mut front_end = FrontEnd::new(RATE_HZ).unwrap();
        bencher.iter(|| {
            front_end.push(&[&speech], |frame| {
                black_box(frame.features);
            });
        });
    });
    group.bench_function("MFCC alone", |bencher| {
        let mut mfcc = Mfcc::new();
        let mut frame = [0.0; FRAME_SAMPLES];
        bencher.iter(|| {
            for samples in speech[..SECONDS * 16_000]
                .windows(FRAME_SAMPLES)
                .step_by(HOP_SAMPLES)
            {
                frame.copy_from_slice(samples);
                black_box(mfcc.mfcc(&frame));
            }
        });
    });
    group.bench_function("features at 16 kHz", |bencher| {
        let mut front_end = FrontEnd::new(16_000).unwrap();
        bencher.iter(|| {
            front_end.push(&[&speech[..SECONDS * 16_000]], |frame| {
                black_box(frame.features);
            });
        });
    });
    group.bench_function("speech gate", |bencher| {
        let mut gate = SpeechGate::new();
        let mut frames = Vec::new();
        let mut front_end = FrontEnd::new(16_000).unwrap();
        front_end.push(&[&speech[..SECONDS * 16_000]], |frame| {
            frames.push(frame.clone());
        });
        bencher.iter(|| {
            for frame in &frames {
                black_box(gate.push(frame));
            }
        });
    });
    group.bench_function("whole session", |bencher| {
        bencher.iter(|| {
            let settings = &manifest.session;
            let mut session =
                Session::new(classifier.clone(), settings, RATE_HZ, Pacing::Recorded).unwrap();
            let mut updates = Vec::new();
            session.push(&[&speech], &mut updates).unwrap();
            session.finish(&mut updates).unwrap()
        });
    });
    group.finish();

    let mut features = Vec::new();
    let mut front_end = FrontEnd::new(16_000).unwrap();
    front_end.push(&[&speech], |frame| {
        features.extend_from_slice(&frame.features)
    });
    let mut group = criterion.benchmark_group("inference");
    group.sampling_mode(SamplingMode::Flat);
    for frames in [60, 124, 188] {
        let mut segment = features[..frames * N_FEATURES].to_vec();
        features::subtract_level(&mut segment);
        group.bench_function(format!("{frames} frames"), |bencher| {
            bencher.iter(|| classifier.logits(black_box(&segment)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, live);
criterion_main!(benches);
