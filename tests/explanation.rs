//! What a person is shown of how an answer came about is what the engine computed.

#![allow(clippy::unwrap_used)]

use speech_emotion::{
    explanation::Explanation,
    features::{
        self, FRAME_SAMPLES, FrontEnd, HOP_SAMPLES, Mfcc, N_FEATURES, N_MFCC, PitchTracker,
    },
    model::{Classifier, Manifest, OnnxClassifier},
    session::{Pacing, Session, Update},
};

/// Samples of 4 ms.
const PART: usize = 64;

fn speech() -> Vec<f32> {
    include_bytes!("golden/speech.s16")
        .chunks_exact(2)
        .map(|bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .collect()
}

fn shipped() -> (OnnxClassifier, Manifest) {
    let manifest = Manifest::from_json(include_str!("../assets/model.json")).unwrap();
    let classifier =
        OnnxClassifier::load(include_bytes!("../assets/model.onnx"), &manifest).unwrap();
    (classifier, manifest)
}

/// Explains the newest answer after each utterance of `samples`, with what the updates say of it.
fn explained(samples: &[f32], pacing: Pacing) -> Vec<(Explanation, Update)> {
    let (classifier, manifest) = shipped();
    let settings = &manifest.session;
    let mut session = Session::new(classifier.clone(), settings, 16_000, pacing).unwrap();
    let (mut updates, mut explained) = (vec![], vec![]);
    let mut take = |session: &Session<OnnxClassifier>, updates: &mut Vec<Update>| {
        for update in updates.drain(..) {
            if matches!(update, Update::Utterance { .. }) {
                let heard = session.heard().unwrap().clone();
                let trace = classifier.trace(&heard.segment).unwrap();
                explained.push((Explanation::new(heard, trace), update));
            }
        }
    };
    assert!(session.heard().is_none());
    for chunk in samples.chunks(1_000) {
        session.push(&[chunk], &mut updates).unwrap();
        session.catch_up(&mut updates).unwrap();
        take(&session, &mut updates);
    }
    session.finish(&mut updates).unwrap();
    take(&session, &mut updates);
    explained
}

fn assert_close(shown: &[f32], computed: &[f32], within: f32, what: &str) {
    assert_eq!(shown.len(), computed.len(), "{what}");
    for (n, (a, b)) in shown.iter().zip(computed).enumerate() {
        assert!(
            (a - b).abs() <= within,
            "{what} {n}: {a} shown, {b} computed"
        );
    }
}

#[test]
fn every_step_is_the_one_that_the_front_end_and_the_network_compute() {
    let samples = speech();
    let recording = [&samples[..], &[0.0; 16_000], &samples[..], &[0.0; 16_000]].concat();
    let explained = explained(&recording, Pacing::Recorded);
    assert!(explained.len() >= 2, "{} utterances", explained.len());
    let mut features = vec![];
    let mut front_end = FrontEnd::new(16_000).unwrap();
    front_end.push(&[&recording], |frame| {
        features.extend_from_slice(&frame.features);
    });
    front_end.finish(|frame| features.extend_from_slice(&frame.features));
    let (mut mfcc, mut pitch) = (Mfcc::new(), PitchTracker::new());
    let (mut classifier, _) = shipped();
    let at = |n: i64| recording.get(n as usize).copied().unwrap_or(0.0);

    for (explanation, update) in &explained {
        let first = (explanation.start_s * 62.5).round() as usize;
        let last = (explanation.end_s * 62.5).round() as usize;
        let frames = first..last;
        let rows = &features[first * N_FEATURES..last * N_FEATURES];
        let segment = features::levelled(rows);
        assert_eq!(segment.len(), rows.len());
        let shift = features::level_shift(rows);

        let (mut log_mel, mut pitch_hz, mut cepstrum) = (vec![], vec![], vec![]);
        for (frame, row) in frames.clone().zip(segment.chunks_exact(N_FEATURES)) {
            let centre = (frame * HOP_SAMPLES) as i64;
            let window = |n: usize| at(centre + n as i64 - FRAME_SAMPLES as i64 / 2);
            let bands = mfcc.log_mel(&std::array::from_fn(window));
            log_mel.extend(bands.map(|band| band - shift));
            let context = std::array::from_fn(|n| at(centre + n as i64 - 512));
            pitch_hz.push(pitch.pitch(&context).map_or(0.0, |pitch| pitch.f0_hz));
            cepstrum.extend_from_slice(&row[..N_MFCC]);
        }
        assert_close(&explanation.log_mel.0, &log_mel, 2e-3, "log-mel");
        assert_close(&explanation.mfcc.0, &cepstrum, 0.0, "MFCC");
        assert_close(&explanation.pitch_hz.0, &pitch_hz, 0.01, "pitch");

        let sound = &recording[first * HOP_SAMPLES..(last * HOP_SAMPLES).min(recording.len())];
        let envelope = sound.chunks_exact(PART).flat_map(|part| {
            let least = part.iter().copied().fold(f32::INFINITY, f32::min);
            let greatest = part.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            [least, greatest]
        });
        assert_close(
            &explanation.envelope.0,
            &Vec::from_iter(envelope),
            0.0,
            "envelope",
        );

        let posterior = classifier.classify(&segment).unwrap();
        assert_close(&explanation.posterior.0, &posterior.0, 0.0, "posterior");

        let steps = explanation.attention.0.len();
        assert_eq!(steps, frames.len() / 4);
        assert_eq!(
            explanation.states.0.len(),
            steps * explanation.units as usize
        );
        assert!(explanation.units > 0);
        assert!(explanation.states.0.iter().all(|state| state.abs() <= 1.0));
        assert!(explanation.states.0.iter().any(|state| state.abs() > 0.1));
        let sum: f32 = explanation.attention.0.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "attention sums to {sum}");

        let Update::Utterance {
            posterior,
            start_s,
            end_s,
            ..
        } = update
        else {
            panic!("{update:?}");
        };
        assert_eq!(explanation.answer.as_ref(), Some(posterior));
        assert!(explanation.segments > 0);
        assert!(*start_s <= explanation.start_s && explanation.start_s < *end_s);
    }
}

#[test]
fn a_microphone_and_a_recording_are_explained_alike() {
    let recording = [speech(), vec![0.0; 16_000]].concat();
    let [live, recorded] =
        [Pacing::Live, Pacing::Recorded].map(|pacing| explained(&recording, pacing));
    assert_eq!(live, recorded);
}
