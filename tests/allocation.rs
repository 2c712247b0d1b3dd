//! Memory in the live loop: nothing is allocated per chunk, and inference frees everything it
//! allocates.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;

use speech_emotion::{
    model::{Classifier, Manifest, ModelError, OnnxClassifier, Posterior},
    session::{Pacing, Session, Update},
};

const CHUNK: usize = 2_048;

/// Counts what it classifies.
struct Counting<'a> {
    classifier: OnnxClassifier,
    count: &'a Cell<usize>,
}

impl Classifier for Counting<'_> {
    fn classify(&mut self, segment: &[f32]) -> Result<Posterior, ModelError> {
        self.count.set(self.count.get() + 1);
        self.classifier.classify(segment)
    }
}

/// Synthetic speech with pauses, each of its samples at 16 kHz held for `hold` samples.
fn recording(hold: usize) -> Vec<f32> {
    include_bytes!("golden/speech.s16")
        .chunks_exact(2)
        .map(|bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .flat_map(|sample| std::iter::repeat_n(sample, hold))
        .collect()
}

#[test]
fn after_warming_up_no_chunk_allocates_and_inference_gives_everything_back() {
    let model = include_bytes!("../assets/model.onnx");
    let manifest = Manifest::from_json(include_str!("../assets/model.json")).unwrap();
    for hold in [1, 3] {
        let recording = recording(hold);
        let sample_rate_hz = 16_000 * hold as u32;
        let count = Cell::new(0);
        let classifier = Counting {
            classifier: OnnxClassifier::load(model, &manifest).unwrap(),
            count: &count,
        };
        let settings = &manifest.session;
        let mut session = Session::new(classifier, settings, sample_rate_hz, Pacing::Live).unwrap();
        let mut updates = Vec::with_capacity(64);
        let (mut chunks, mut predictions) = (0, 0);
        let mut most_kept = 0;
        for turn in 0..12 {
            for chunk in recording.chunks(CHUNK) {
                let (mut failed, mut caught_up) = (None, None);
                let before = count.get();
                let push = allocation_counter::measure(|| {
                    failed = session.push(&[chunk], &mut updates).err();
                });
                let reviewed = count.get() > before;
                let catch_up = allocation_counter::measure(|| {
                    caught_up = session.catch_up(&mut updates).err();
                });
                assert!(failed.is_none() && caught_up.is_none());
                let of = |update: &&Update| matches!(update, Update::Prediction { .. });
                let predicted = updates.iter().filter(of).count();
                if turn > 1 {
                    chunks += 1;
                    predictions += predicted;
                    if !reviewed {
                        assert_eq!(push.count_total, 0, "chunk {chunks} at {sample_rate_hz} Hz");
                    }
                    if predicted == 0 {
                        assert_eq!(
                            catch_up.count_total, 0,
                            "chunk {chunks} at {sample_rate_hz} Hz"
                        );
                    }
                    most_kept = most_kept.max(push.bytes_current + catch_up.bytes_current);
                }
                updates.clear();
            }
        }
        assert!(
            chunks > 50 && predictions > 10,
            "{predictions} in {chunks} chunks"
        );
        assert_eq!(most_kept, 0, "bytes kept at {sample_rate_hz} Hz");
    }
}
