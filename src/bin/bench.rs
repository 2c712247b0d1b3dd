//! The engine's parts one by one, so that `benches/bench.html` can time them.

use speech_emotion::{
    features::FrontEnd,
    model::{Manifest, OnnxClassifier},
    session::{Pacing, Session},
};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// A loaded model.
#[wasm_bindgen]
pub struct Bench {
    classifier: OnnxClassifier,
    manifest: Manifest,
    front_end: FrontEnd,
}

#[wasm_bindgen]
impl Bench {
    /// Loads model.onnx and model.json; features are taken from audio at `sample_rate_hz`.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8], manifest: &str, sample_rate_hz: u32) -> Result<Bench, JsError> {
        let manifest = Manifest::from_json(manifest)?;
        Ok(Self {
            classifier: OnnxClassifier::load(model, &manifest)?,
            front_end: FrontEnd::new(sample_rate_hz)?,
            manifest,
        })
    }

    /// Logits of a segment `[T, F]`.
    pub fn logits(&self, segment: &[f32]) -> Result<Vec<f32>, JsError> {
        Ok(self.classifier.logits(segment)?.to_vec())
    }

    /// Features `[T, F]` of the frames that `samples` complete.
    pub fn features(&mut self, samples: &[f32]) -> Vec<f32> {
        let mut features = Vec::new();
        self.front_end.push(&[samples], |frame| {
            features.extend_from_slice(&frame.features)
        });
        features
    }

    /// Runs `samples` through a live session in chunks of `chunk`, `repeat` times over; returns the
    /// number of updates.
    pub fn live(
        &self,
        samples: &[f32],
        sample_rate_hz: u32,
        chunk: usize,
        repeat: u32,
    ) -> Result<usize, JsError> {
        let (classifier, settings) = (self.classifier.clone(), &self.manifest.session);
        let mut session = Session::new(classifier, settings, sample_rate_hz, Pacing::Live)?;
        let mut updates = Vec::new();
        let mut count = 0;
        for _ in 0..repeat {
            for chunk in samples.chunks(chunk.max(1)) {
                session.push(&[chunk], &mut updates)?;
                session.catch_up(&mut updates)?;
                count += updates.len();
                updates.clear();
            }
        }
        Ok(count)
    }
}

fn main() {}
