//! Model files.

use speech_emotion::{
    features::{N_FEATURES, SEGMENT_MULTIPLE},
    model::{Manifest, OnnxClassifier},
};

/// The model that is shipped.
const MODEL: &[u8] = include_bytes!("../../assets/model.onnx");

/// Bytes as model.onnx: after a byte with its lowest bit set the shipped file with changes (where in three bytes, and
/// what in one), else as they are. One that is taken must run or say why it does not.
pub fn model(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let changed;
    let file = if kind & 1 == 1 {
        let mut file = MODEL.to_vec();
        for change in data.as_chunks::<4>().0 {
            let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize;
            let length = file.len();
            file[place % length] = change[3];
        }
        if kind & 2 == 2 {
            file.truncate(file.len() * usize::from(kind) / 256);
        }
        changed = file;
        &changed[..]
    } else {
        data
    };
    let manifest = Manifest::from_json(super::engine::MANIFEST).unwrap();
    if let Ok(classifier) = OnnxClassifier::load_unchecked(file, &manifest) {
        let segment: Vec<f32> = (0..4 * SEGMENT_MULTIPLE * N_FEATURES)
            .map(|n| (n as f32).sin())
            .collect();
        if let Ok(logits) = classifier.logits(&segment) {
            assert_eq!(logits.len(), manifest.labels.len());
        }
    }
}
