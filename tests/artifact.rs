//! The shipped model: it loads with this program, matches its manifest and behaves as it should.

#![allow(clippy::unwrap_used)]

use std::fs;

use speech_emotion::{
    features::{self, FrontEnd, N_FEATURES},
    model::{Classifier, Manifest, OnnxClassifier, Posterior},
};

fn shipped() -> (OnnxClassifier, Manifest) {
    let manifest = Manifest::from_json(&fs::read_to_string("assets/model.json").unwrap()).unwrap();
    let classifier =
        OnnxClassifier::load(&fs::read("assets/model.onnx").unwrap(), &manifest).unwrap();
    (classifier, manifest)
}

/// Frames `[T, F]` of synthetic speech, played with a gain.
fn speech(gain: f32) -> Vec<f32> {
    let samples: Vec<f32> = fs::read("tests/golden/speech.s16")
        .unwrap()
        .chunks_exact(2)
        .map(|bytes| gain * f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .collect();
    let mut frames = vec![];
    let mut front_end = FrontEnd::new(16_000).unwrap();
    front_end.push(&[&samples], |frame| {
        frames.extend_from_slice(&frame.features)
    });
    front_end.finish(|frame| frames.extend_from_slice(&frame.features));
    frames
}

fn classify(classifier: &mut OnnxClassifier, gain: f32) -> Posterior {
    classifier
        .classify(&features::segment(&speech(gain)).unwrap())
        .unwrap()
}

#[test]
fn the_manifest_says_where_the_model_comes_from_and_how_good_it_is() {
    let (_, manifest) = shipped();
    assert_eq!(manifest.licence, "CC-BY-NC-SA-4.0");
    for source in ["10.1371/journal.pone.0196391", "amu-cai/nEMO", "Burkhardt"] {
        assert_eq!(manifest.attribution.matches(source).count(), 1, "{source}");
    }
    assert_eq!(manifest.training.actors, 43);
    let evaluation = &manifest.evaluation;
    assert!(evaluation.clips < manifest.training.clips);
    assert!(evaluation.uar >= 0.68, "UAR {}", evaluation.uar);
    let strangers = evaluation.strangers.unwrap();
    assert_eq!(strangers.corpora, 4);
    assert!(strangers.uar >= 2.0 * strangers.guessing, "{strangers:?}");
    // No left-out corpus has calm, so nothing shows when calm is right.
    let calm = manifest.labels.class("calm").unwrap();
    assert!(manifest.session.claimed_from(calm) > manifest.session.unsure_below);
    assert!(evaluation.uar_interval[0] < evaluation.uar);
    assert!(evaluation.uar < evaluation.uar_interval[1]);
}

#[test]
fn segments_of_every_length_give_probabilities() {
    let (mut classifier, manifest) = shipped();
    let mut frames = speech(1.0).repeat(3);
    features::subtract_level(&mut frames);
    for length in (4..=manifest.session.max_segment_frames).step_by(4) {
        let posterior = classifier.classify(&frames[..length * N_FEATURES]).unwrap();
        assert!(
            posterior.0.iter().all(|p| (0.0..=1.0).contains(p)),
            "{posterior:?}"
        );
        assert!((posterior.0.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn the_microphones_gain_hardly_changes_the_answer() {
    let (mut classifier, _) = shipped();
    let expected = classify(&mut classifier, 1.0);
    for gain in [0.25, 0.5, 2.0, 4.0] {
        let posterior = classify(&mut classifier, gain);
        for (found, expected) in posterior.0.iter().zip(&*expected.0) {
            assert!(
                (found - expected).abs() < 0.02,
                "gain {gain}: {found} for {expected}"
            );
        }
    }
}
