//! model.json: what a model file is, what it needs, how good it is and under which licence it is.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ModelError;
use crate::{
    calibration::SpeakerStatistics, class::Labels, features::FrontEndConfig,
    session::SessionSettings,
};

/// Version of the manifest's schema that this program reads.
pub const SCHEMA: u32 = 1;

/// The contents of model.json.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of the model, such as "0.1.0".
    pub version: String,
    /// Labels in the order of the logits.
    pub labels: Labels,
    /// The front end that made the features the model was trained on.
    pub front_end: FrontEndConfig,
    /// [`FrontEndConfig::fingerprint`] of `front_end`.
    pub front_end_fingerprint: String,
    /// Where features are standardised: "graph", inside the network.
    pub normalisation: String,
    /// Divides the logits before the softmax.
    pub temperature: f32,
    /// Segment length, step and the rules for the verdict.
    pub session: SessionSettings,
    /// What calibration to a speaker starts from; none when the evaluation did not provide it.
    pub speaker: Option<SpeakerStatistics>,
    /// What the weights were trained on.
    pub training: Training,
    /// How good the same recipe is on voices it was not trained on.
    pub evaluation: Evaluation,
    /// The model file.
    pub onnx: OnnxFile,
    /// Licence of the weights (SPDX).
    pub licence: String,
    /// The credit that the licence requires.
    pub attribution: String,
}

/// What the weights were trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Training {
    pub data_set: String,
    pub clips: u32,
    pub actors: u32,
    pub epochs: u32,
    pub seed: u64,
}

/// Speaker-independent cross-validation of the model's recipe; shares are 0..=1, intervals cover 95
/// %.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Evaluation {
    pub folds: String,
    pub seeds: Vec<u64>,
    pub clips: u32,
    pub uar: f32,
    pub uar_interval: [f32; 2],
    pub war: f32,
    pub war_interval: [f32; 2],
    /// Results on corpora that were left out of training; none if there was only one corpus.
    pub strangers: Option<StrangersEvaluation>,
}

impl Evaluation {
    fn check(&self) -> Result<(), ModelError> {
        let strangers = self.strangers.unwrap_or_default();
        let ([uar_from, uar_to], [war_from, war_to]) = (self.uar_interval, self.war_interval);
        for (field, share) in [
            ("evaluation.uar", self.uar),
            ("evaluation.uar_interval", uar_from),
            ("evaluation.uar_interval", uar_to),
            ("evaluation.war", self.war),
            ("evaluation.war_interval", war_from),
            ("evaluation.war_interval", war_to),
            ("evaluation.strangers.uar", strangers.uar),
            ("evaluation.strangers.guessing", strangers.guessing),
            ("evaluation.strangers.claimed", strangers.claimed),
            (
                "evaluation.strangers.claimed_right",
                strangers.claimed_right,
            ),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return mismatch(field, "0 to 1", share);
            }
        }
        Ok(())
    }
}

/// Means over corpora, each judged by networks that heard nothing of it; shares are 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StrangersEvaluation {
    pub corpora: u32,
    pub clips: u32,
    pub speakers: u32,
    pub uar: f32,
    /// How often guessing among the same emotions is right.
    pub guessing: f32,
    /// Share of clips for which an emotion is named, and how often that is right.
    pub claimed: f32,
    pub claimed_right: f32,
}

/// The model file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct OnnxFile {
    pub sha256: String,
    pub bytes: u64,
}

impl OnnxFile {
    /// Describes the bytes of a model file.
    pub fn of(model: &[u8]) -> Self {
        let mut sha256 = Sha256::new();
        // Piece by piece, since browsers compile a function better once it has been called often.
        model.chunks(1 << 10).for_each(|piece| sha256.update(piece));
        let sha256 = (sha256.finalize().iter())
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            sha256,
            bytes: model.len() as u64,
        }
    }
}

impl Manifest {
    /// Reads model.json and checks that this program can run it.
    ///
    /// # Errors
    /// When it is not a manifest, or one of its fields does not match this program; the field is
    /// named.
    pub fn from_json(json: &str) -> Result<Self, ModelError> {
        let schema: Schema = serde_json::from_str(json)?;
        expect("schema", SCHEMA, schema.schema)?;
        let manifest: Self = serde_json::from_str(json)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ModelError> {
        let front_end = FrontEndConfig::default();
        expect(
            "front_end_fingerprint",
            front_end.fingerprint(),
            self.front_end_fingerprint.clone(),
        )?;
        expect(
            "front_end",
            format!("{front_end:?}"),
            format!("{:?}", self.front_end),
        )?;
        expect("normalisation", "graph", self.normalisation.as_str())?;
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return mismatch("temperature", "a positive number", self.temperature);
        }
        self.evaluation.check()?;
        if let Some(speaker) = &self.speaker {
            speaker
                .check(self.labels.len())
                .map_err(|(field, expected, found)| ModelError::Mismatch {
                    field,
                    expected,
                    found,
                })?;
        }
        self.session
            .check(self.labels.len())
            .map_err(|(field, expected, found)| ModelError::Mismatch {
                field,
                expected: expected.to_owned(),
                found,
            })
    }

    /// Checks that `model` is the file this manifest describes.
    ///
    /// # Errors
    /// When its size or its SHA-256 differs.
    pub fn check_file(&self, model: &[u8]) -> Result<(), ModelError> {
        let found = OnnxFile::of(model);
        let differs = |what, expected: String, found: String| {
            Err(ModelError::WrongFile {
                what,
                expected,
                found,
            })
        };
        if found.bytes != self.onnx.bytes {
            return differs(
                "its size",
                format!("{} bytes", self.onnx.bytes),
                format!("{} bytes", found.bytes),
            );
        }
        if found.sha256 != self.onnx.sha256 {
            return differs("its SHA-256", self.onnx.sha256.clone(), found.sha256);
        }
        Ok(())
    }
}

/// Read before the rest, so that a manifest with another schema is reported as such.
#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

fn expect<T: PartialEq + std::fmt::Display>(
    field: &'static str,
    expected: T,
    found: T,
) -> Result<(), ModelError> {
    if expected == found {
        Ok(())
    } else {
        mismatch(field, expected, found)
    }
}

fn mismatch(
    field: &'static str,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
) -> Result<(), ModelError> {
    Err(ModelError::Mismatch {
        field,
        expected: expected.to_string(),
        found: found.to_string(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::class::tests::labels;

    /// A manifest that this program accepts for the given model file.
    pub(crate) fn manifest(model: &[u8]) -> Manifest {
        let front_end = FrontEndConfig::default();
        Manifest {
            schema: SCHEMA,
            version: "0.0.0".to_owned(),
            labels: labels(&[
                "neutral",
                "calm",
                "happy",
                "sad",
                "angry",
                "fearful",
                "disgust",
                "surprised",
            ]),
            front_end_fingerprint: front_end.fingerprint(),
            front_end,
            normalisation: "graph".to_owned(),
            temperature: 1.0,
            session: SessionSettings::default(),
            speaker: Some(crate::calibration::tests::statistics()),
            training: Training::default(),
            evaluation: Evaluation::default(),
            onnx: OnnxFile::of(model),
            licence: "none".to_owned(),
            attribution: "none".to_owned(),
        }
    }

    fn refused(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut json = serde_json::to_value(manifest(b"model")).unwrap();
        change(&mut json);
        Manifest::from_json(&json.to_string())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_manifest_reads_back_as_written() {
        let written = manifest(b"model");
        let json = serde_json::to_string(&written).unwrap();
        assert_eq!(Manifest::from_json(&json).unwrap(), written);
    }

    #[test]
    fn a_mismatch_names_the_field() {
        assert!(refused(|m| m["schema"] = 2.into()).contains("schema is 2, expected 1"));
        let error = refused(|m| m["labels"] = vec!["bored"; 2].into());
        assert!(error.contains("labels hold \"bored\" twice"), "{error}");
        let error = refused(|m| m["labels"].as_array_mut().unwrap().truncate(7));
        assert!(
            error.contains(
                "speaker.means is 8 rows, one of 8 numbers, expected 7 rows of 7 numbers"
            ),
            "{error}"
        );
        let error = refused(|m| drop(m["speaker"]["precision"][2].as_array_mut().unwrap().pop()));
        assert!(
            error.contains("speaker.precision is 8 rows, one of 7 numbers, expected 8 rows"),
            "{error}"
        );
        assert!(refused(|m| m["front_end"]["hop_samples"] = 160.into()).contains("front_end is"));
        assert!(
            refused(|m| m["front_end_fingerprint"] = "0".into()).contains("front_end_fingerprint")
        );
        assert!(refused(|m| m["normalisation"] = "none".into()).contains("normalisation"));
        assert!(refused(|m| m["temperature"] = 0.into()).contains("temperature"));
        assert!(
            refused(|m| m["speaker"]["clip_variance"] = 0.into()).contains("speaker.clip_variance")
        );
        for field in ["means", "precision"] {
            let error = refused(|m| m["speaker"][field][3][1] = (-2e9).into());
            let named = error.contains(&format!("speaker.{field} is "));
            assert!(named && error.contains("from -1e9 to 1e9"), "{error}");
            // Too large for single precision: read as infinity, or not at all.
            refused(|m| m["speaker"][field][3][1] = 2e86.into());
        }
        let error = refused(|m| m["speaker"]["neutral_strength"] = 2e9.into());
        assert!(error.contains("speaker.neutral_strength"), "{error}");
        let error = refused(|m| m["evaluation"]["uar_interval"][1] = 1.5.into());
        assert!(error.contains("evaluation.uar_interval"), "{error}");
        let error = refused(|m| m["speaker"]["clip_speech_s"] = 1e-30.into());
        assert!(error.contains("speaker.clip_speech_s"), "{error}");
        assert!(refused(|m| m["session"]["step_frames"] = 0.into()).contains("step_frames"));
        let error = refused(|m| m["session"]["stricter"] = vec![0.5; 7].into());
        assert!(
            error.contains("session.stricter is 7 numbers, expected a number for each label"),
            "{error}"
        );
        assert!(
            refused(|m| m["session"]["stricter"] = vec![1.5; 8].into())
                .contains("session.stricter")
        );
        assert!(refused(|m| drop(m.as_object_mut().unwrap().remove("onnx"))).contains("onnx"));
        let error = Manifest::from_json("{").unwrap_err().to_string();
        assert!(error.contains("model.json cannot be read"), "{error}");
    }

    #[test]
    fn another_model_file_is_refused() {
        let manifest = manifest(b"model");
        manifest.check_file(b"model").unwrap();
        let truncated = manifest.check_file(b"mode").unwrap_err().to_string();
        assert!(
            truncated.contains("its size is 4 bytes, expected 5 bytes"),
            "{truncated}"
        );
        let altered = manifest.check_file(b"modem").unwrap_err().to_string();
        assert!(altered.contains("SHA-256"), "{altered}");
    }
}
