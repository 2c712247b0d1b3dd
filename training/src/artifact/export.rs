//! From a trained network to the files the page loads: model.onnx and model.json.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use speech_emotion::{
    calibration::SpeakerStatistics,
    class::{Labels, PerClass},
    features::FrontEndConfig,
    model::{self, ActivationSettings, Manifest, OnnxClassifier, OnnxFile, SCHEMA, Training},
    session::SessionSettings,
};

use super::onnx::{self, Layout};
use crate::whole_file;
use crate::{dataset::Dataset, learning::ensemble::Ensemble};

/// Largest difference allowed between a logit from the trainer and one from the exported file.
const TOLERANCE: f32 = 1e-4;

/// Terms for the weights, as far as the corpora say: SPDX and the credit required.
struct Terms {
    licence: String,
    attribution: String,
}

impl Terms {
    fn of(dataset: &Dataset) -> Self {
        Self {
            licence: dataset.licence().to_owned(),
            attribution: dataset.attribution(),
        }
    }
}

/// What an evaluation says about a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Names of the classes evaluated.
    pub labels: Labels,
    /// How often it is right.
    pub summary: model::Evaluation,
    /// The settings to use it with; none from a quick evaluation.
    pub fitted: Option<Shipped>,
}

/// Fitted on the held-out predictions of all speakers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shipped {
    /// Divides the logits.
    pub temperature: f32,
    /// Least confidence at which an emotion is claimed.
    pub unsure_below: f32,
    /// What a class must reach in addition.
    #[serde(default)]
    pub stricter: Option<PerClass>,
    /// Frames of speech from which evidence counts in full during listening.
    pub settled_segment_frames: usize,
    /// What calibration to a speaker starts from.
    pub speaker: Option<SpeakerStatistics>,
    /// How lively a voice sounds.
    #[serde(default)]
    pub activation: Option<ActivationSettings>,
}

/// Writes model.onnx and model.json into `folder` and returns the manifest.
///
/// `segments` `[T, F]` are run through both the trainer's networks and the file; they must agree.
///
/// # Errors
/// When they do not, when the evaluation is for other labels, or when the files cannot be written;
/// in that case `folder` is left untouched.
pub fn export(
    mut ensemble: Ensemble,
    dataset: &Dataset,
    training: Training,
    measured: &Measured,
    segments: &[Vec<f32>],
    folder: &Path,
) -> Result<Manifest> {
    ensure!(
        measured.labels == dataset.labels,
        "the evaluation is for the labels {}, the networks for {}; run the evaluate command again",
        measured.labels.names().join(", "),
        dataset.labels.names().join(", ")
    );
    let terms = Terms::of(dataset);
    let model = encode(&mut ensemble, Layout::default(), &dataset.labels, &terms)?;
    let mut manifest = Manifest {
        training,
        evaluation: measured.summary.clone(),
        licence: terms.licence,
        attribution: terms.attribution,
        ..manifest(&model, &dataset.labels)
    };
    if let Some(shipped) = &measured.fitted {
        shipped.put_into(&mut manifest);
    }
    let classifier = OnnxClassifier::load(&model, &manifest)?;
    for (index, segment) in segments.iter().enumerate() {
        let ours = ensemble.forward(segment);
        let exported = classifier.logits(segment)?;
        let off = ours
            .iter()
            .zip(&*exported)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        ensure!(
            off <= TOLERANCE,
            "the exported model differs from the trained one by {off} on segment {index}; nothing \
             was written"
        );
    }
    let json = serde_json::to_string_pretty(&manifest)? + "\n";
    Manifest::from_json(&json)
        .context("no program would read the manifest; nothing was written")?;
    replace(&folder.join("model.onnx"), &model)?;
    replace(&folder.join("model.json"), json.as_bytes())?;
    Ok(manifest)
}

impl Shipped {
    fn put_into(&self, manifest: &mut Manifest) {
        manifest.temperature = self.temperature;
        manifest.session.unsure_below = self.unsure_below;
        manifest.session.stricter = self.stricter;
        manifest.session.settled_segment_frames = self.settled_segment_frames;
        manifest.session.activation.clone_from(&self.activation);
        manifest.speaker.clone_from(&self.speaker);
    }
}

/// Writes only the networks to `path`, as a file for other programs.
///
/// # Errors
/// When they cannot be exported or the file cannot be written; in that case the existing file is
/// left untouched.
pub fn export_for_others(
    mut ensemble: Ensemble,
    dataset: &Dataset,
    layout: Layout,
    path: &Path,
) -> Result<u64> {
    let terms = Terms::of(dataset);
    let model = encode(&mut ensemble, layout, &dataset.labels, &terms)?;
    replace(path, &model)?;
    Ok(model.len() as u64)
}

/// The classifier that the page makes from exported networks, and the settings of its session;
/// without `shipped` the temperature is 1.
///
/// # Errors
/// When they cannot be exported or loaded.
pub fn classifier(
    mut ensemble: Ensemble,
    dataset: &Dataset,
    shipped: Option<&Shipped>,
) -> Result<(OnnxClassifier, SessionSettings)> {
    let model = encode(
        &mut ensemble,
        Layout::default(),
        &dataset.labels,
        &Terms::of(dataset),
    )?;
    let mut manifest = manifest(&model, &dataset.labels);
    if let Some(shipped) = shipped {
        shipped.put_into(&mut manifest);
    }
    Ok((OnnxClassifier::load(&model, &manifest)?, manifest.session))
}

/// Returns the model file of the networks and leaves the networks rounded as the file stores them.
fn encode(
    ensemble: &mut Ensemble,
    layout: Layout,
    labels: &Labels,
    terms: &Terms,
) -> Result<Vec<u8>> {
    let fingerprint = FrontEndConfig::default().fingerprint();
    let metadata = [
        ("front_end_fingerprint", fingerprint),
        ("labels", labels.names().join(",")),
        ("licence", terms.licence.clone()),
        ("attribution", terms.attribution.clone()),
    ];
    let model = onnx::encode(ensemble, layout, &metadata)?;
    ensemble.members_mut().iter_mut().for_each(onnx::quantise);
    Ok(model)
}

/// Writes next to `path` first, so that a full disk does not destroy the existing file; creates the
/// folder.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    whole_file::replace(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// For a model file that was neither trained nor evaluated.
fn manifest(model: &[u8], labels: &Labels) -> Manifest {
    let front_end = FrontEndConfig::default();
    Manifest {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: labels.clone(),
        front_end_fingerprint: front_end.fingerprint(),
        front_end,
        normalisation: "graph".to_owned(),
        temperature: 1.0,
        session: SessionSettings::default(),
        speaker: None,
        training: Training::default(),
        evaluation: model::Evaluation::default(),
        onnx: OnnxFile::of(model),
        licence: String::new(),
        attribution: String::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A manifest for a model file with this number of classes that was neither trained nor
    /// evaluated.
    pub(crate) fn untrained_manifest(model: &[u8], classes: usize) -> Manifest {
        let names = (1..=classes).map(|class| format!("class {class}"));
        manifest(model, &Labels::new(names.collect()).unwrap())
    }
}
