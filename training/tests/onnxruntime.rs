//! The shipped model file gives the same results in onnxruntime as in this program, on recordings
//! if there are any, otherwise on synthetic speech.

#![allow(clippy::unwrap_used)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use speech_emotion::{
    features::{self, FrontEnd, N_FEATURES},
    model::{Manifest, OnnxClassifier},
};
use training::{
    artifact::onnx::{self, Layout, Weights},
    learning::ensemble::Ensemble,
    network::Network,
    recording::sound::Sound,
};

/// Reads segments one after another and prints their logits as JSON.
const SCRIPT: &str = "
import json, sys
import numpy, onnxruntime
model, segments, lengths, features = sys.argv[1:]
options = onnxruntime.SessionOptions()
# Left alone, onnxruntime rounds what it multiplies with the weights to 8 bits.
options.add_session_config_entry('session.qdq_matmulnbits_accuracy_level', '1')
session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
rows = numpy.fromfile(segments, '<f4').reshape(-1, int(features))
ends = numpy.cumsum(json.loads(lengths))
print(json.dumps([session.run(None, {'features': rows[None, end - n:end]})[0][0].tolist()
                  for n, end in zip(json.loads(lengths), ends)]))
";

/// One clip of every actor in `folder`, each with a different emotion from the previous one.
fn clips(folder: &Path) -> Vec<PathBuf> {
    let sorted = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let actors = sorted(folder).into_iter().filter(|path| path.is_dir());
    actors
        .enumerate()
        .filter_map(|(n, actor)| {
            let clips = sorted(&actor);
            clips.get(n * 7 % clips.len().max(1)).cloned()
        })
        .collect()
}

/// Beginnings of synthetic speech, each longer than the previous one.
fn synthetic(root: &Path) -> Vec<Sound> {
    let bytes = fs::read(root.join("tests/golden/speech.s16")).unwrap();
    let samples: Vec<f32> = bytes
        .chunks_exact(2)
        .map(|bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .collect();
    (3..=12)
        .map(|twelfths| Sound {
            rate_hz: 16_000,
            samples: samples[..samples.len() * twelfths / 12].to_vec(),
        })
        .collect()
}

/// The logits that onnxruntime gives for each of the segments, which follow one another in `rows`.
fn onnxruntime(python: &Path, model: &Path, rows: &[f32], lengths: &[usize]) -> Vec<Vec<f32>> {
    let segments = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = rows.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(segments.path(), bytes).unwrap();
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .args([model, segments.path()])
        .arg(serde_json::to_string(lengths).unwrap())
        .arg(N_FEATURES.to_string())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn files_for_other_programs_give_the_logits_of_the_rounded_networks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = root.join(".tools/python/bin/python3");
    if !python.is_file() {
        eprintln!("skipped: needs onnxruntime (scripts/setup installs it)");
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut ensemble = Ensemble::new(vec![Network::new(5, &mut rng), Network::new(5, &mut rng)]);
    for network in ensemble.members_mut() {
        for parameter in network.parameters_mut().iter_mut() {
            let is_positive = ["variance", "deviation", "scale"]
                .iter()
                .any(|end| parameter.name.ends_with(end));
            for value in &mut parameter.value {
                let noise: f32 = rng.random_range(-0.3..0.3);
                *value += if is_positive { noise.abs() } else { noise };
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let mut rounded = ensemble.clone();
    rounded.members_mut().iter_mut().for_each(onnx::quantise);
    for (weights, frames, tolerance) in [
        (Weights::Single, None, 1e-4),
        (Weights::Single, Some(188), 1e-4),
        (Weights::Half, None, 0.03),
    ] {
        let layout = Layout { weights, frames };
        let metadata = [("labels", "a,b,c,d,e".to_owned())];
        fs::write(&path, onnx::encode(&ensemble, layout, &metadata).unwrap()).unwrap();
        let lengths = frames.map_or(vec![4, 60, 188], |frames| vec![frames, frames]);
        let rows: Vec<f32> = (0..lengths.iter().sum::<usize>() * N_FEATURES)
            .map(|_| rng.random_range(-8.0..3.0))
            .collect();
        let mut rest = &rows[..];
        for (length, theirs) in lengths
            .iter()
            .zip(onnxruntime(&python, &path, &rows, &lengths))
        {
            let (segment, after) = rest.split_at(length * N_FEATURES);
            rest = after;
            let ours = rounded.forward(segment);
            assert_eq!(ours.len(), theirs.len());
            for (a, b) in ours.iter().zip(&theirs) {
                assert!(
                    (a - b).abs() < tolerance,
                    "{layout:?}: {ours:?} and {theirs:?}"
                );
            }
        }
        assert!(rest.is_empty());
    }
    let layout = Layout {
        frames: Some(30),
        ..Layout::default()
    };
    let refused = onnx::encode(&ensemble, layout, &[]).unwrap_err();
    assert!(refused.to_string().contains("multiples of 4"), "{refused}");
}

#[test]
fn onnxruntime_gives_the_same_logits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let recordings = env::var_os("SPEECH_EMOTION_RAVDESS")
        .map_or_else(|| root.join("../shared/ravdess"), PathBuf::from);
    let python = root.join(".tools/python/bin/python3");
    if !python.is_file() {
        eprintln!("skipped: needs onnxruntime (scripts/setup installs it)");
        return;
    }
    let sounds: Vec<Sound> = if recordings.is_dir() {
        let clips = clips(&recordings);
        clips
            .iter()
            .map(|path| Sound::read(path).unwrap())
            .collect()
    } else {
        synthetic(root)
    };
    let model = root.join("assets/model.onnx");
    let manifest = fs::read_to_string(root.join("assets/model.json")).unwrap();
    let manifest = Manifest::from_json(&manifest).unwrap();
    let classifier = OnnxClassifier::load(&fs::read(&model).unwrap(), &manifest).unwrap();

    let (mut rows, mut lengths, mut ours) = (Vec::new(), Vec::new(), Vec::new());
    for sound in sounds {
        let mut front_end = FrontEnd::new(sound.rate_hz).unwrap();
        let mut frames: Vec<f32> = Vec::new();
        front_end.push(&[&sound.samples], |frame| frames.extend(frame.features));
        front_end.finish(|frame| frames.extend(frame.features));
        let segment = features::segment(&frames).unwrap();
        ours.push(classifier.logits(&segment).unwrap());
        lengths.push(segment.len() / N_FEATURES);
        rows.extend(segment);
    }
    assert!(ours.len() >= 10, "{} sounds", ours.len());

    let theirs = onnxruntime(&python, &model, &rows, &lengths);
    assert_eq!(theirs.len(), ours.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() < 1e-4, "{ours:?} and {theirs:?}");
        }
    }
}
