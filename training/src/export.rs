//! From a trained network to the files the page loads: model.onnx and model.json.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use speech_emotion::{
    Emotion,
    features::FrontEndConfig,
    model::{self, Manifest, OnnxClassifier, OnnxFile, SCHEMA, Training},
    session::SessionSettings,
};

use crate::{ensemble::Ensemble, evaluate::Evaluation, onnx};

/// Largest difference between a logit of the trainer and of the exported file.
const TOLERANCE: f32 = 1e-4;

const LICENCE: &str = "CC-BY-NC-SA-4.0";
const ATTRIBUTION: &str = "Trained on RAVDESS: Livingstone SR, Russo FA (2018). The Ryerson \
    Audio-Visual Database of Emotional Speech and Song (RAVDESS). PLoS ONE 13(5): e0196391. \
    https://doi.org/10.1371/journal.pone.0196391";

/// Writes model.onnx and model.json into `folder` and gives the manifest.
///
/// `segments` `[T, F]` are run through both the trainer's networks and the file; they must agree.
///
/// # Errors
/// When they do not, or the files cannot be written; what was in `folder` is then untouched.
pub fn export(
    mut ensemble: Ensemble,
    training: Training,
    evaluation: &Evaluation,
    segments: &[Vec<f32>],
    folder: &Path,
) -> Result<Manifest> {
    let model = encode(&mut ensemble)?;
    let mut manifest = manifest(&model, training, evaluation.summary());
    if let Some(calibrated) = &evaluation.calibrated {
        let shipped = &calibrated.shipped;
        manifest.temperature = shipped.temperature;
        manifest.session.unsure_below = shipped.unsure_below;
        manifest.session.settled_segment_frames = shipped.settled_segment_frames;
        manifest.speaker.clone_from(&shipped.speaker);
    }
    let classifier = OnnxClassifier::load(&model, &manifest)?;
    for (index, segment) in segments.iter().enumerate() {
        let ours = ensemble.forward(segment);
        let exported = classifier.logits(segment)?;
        let off = ours
            .iter()
            .zip(exported)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        ensure!(
            off <= TOLERANCE,
            "the exported model differs from the trained one by {off} on segment {index}; nothing \
             was written"
        );
    }
    let json = serde_json::to_string_pretty(&manifest)? + "\n";
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    replace(&folder.join("model.onnx"), &model)?;
    replace(&folder.join("model.json"), json.as_bytes())?;
    Ok(manifest)
}

/// The classifier that the page makes of exported networks; its temperature is 1.
///
/// # Errors
/// When they cannot be exported or loaded.
pub fn classifier(mut ensemble: Ensemble) -> Result<OnnxClassifier> {
    let model = encode(&mut ensemble)?;
    let manifest = manifest(&model, Training::default(), model::Evaluation::default());
    Ok(OnnxClassifier::load(&model, &manifest)?)
}

/// Rounds the networks to 8-bit matrices and gives their model file.
fn encode(ensemble: &mut Ensemble) -> Result<Vec<u8>> {
    ensemble.members_mut().iter_mut().for_each(onnx::quantise);
    let fingerprint = FrontEndConfig::default().fingerprint();
    let metadata = [
        ("front_end_fingerprint", fingerprint),
        ("labels", Emotion::ALL.map(Emotion::label).join(",")),
        ("licence", LICENCE.to_owned()),
        ("attribution", ATTRIBUTION.to_owned()),
    ];
    onnx::encode(ensemble.members(), &metadata)
}

/// Writes beside `path` first, so that a full disk leaves the file that was there.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = PathBuf::from(format!("{}.part", path.display()));
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn manifest(model: &[u8], training: Training, evaluation: model::Evaluation) -> Manifest {
    let front_end = FrontEndConfig::default();
    Manifest {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: Emotion::ALL
            .map(|emotion| emotion.label().to_owned())
            .to_vec(),
        front_end_fingerprint: front_end.fingerprint(),
        front_end,
        normalisation: "graph".to_owned(),
        temperature: 1.0,
        session: SessionSettings::default(),
        speaker: None,
        training,
        evaluation,
        onnx: OnnxFile::of(model),
        licence: LICENCE.to_owned(),
        attribution: ATTRIBUTION.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A manifest for a model file that was neither trained nor evaluated.
    pub(crate) fn untrained_manifest(model: &[u8]) -> Manifest {
        manifest(model, Training::default(), model::Evaluation::default())
    }
}
