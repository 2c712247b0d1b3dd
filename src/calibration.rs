//! Calibration to one speaker: a few numbers that change the evidence, no retraining.
//!
//! A model errs on a speaker in a steady direction. How far a speaker's evidence lies from that of
//! the training speakers is estimated from [`Reference`]s, stretches of speech whose emotion is known:
//! some sentences read neutrally, or a few clips of several emotions. The estimate assumes that
//! evidence of emotion c is normally distributed around `means[c] + d + e[c]`, where d is the speaker's
//! shift in all emotions and e the shift in one, and takes their posterior means; emotions without a
//! reference get d. What is added to the evidence is the difference of the two log densities, with
//! and without the shift, times a strength: linear in the evidence.
//!
//! It can mislead: references that do not express what they are said to, another person, or another
//! microphone than later on move the answers away from the truth.

use serde::{Deserialize, Serialize};

use crate::{Emotion, model::Posterior};

const K: usize = Emotion::COUNT;

/// Numbers of one segment, utterance or clip for each emotion; see [`Posterior::evidence`].
pub type Evidence = [f32; K];

/// Least seconds of speech of all references together.
pub const MIN_REFERENCE_S: f64 = 3.0;

/// While listening, speech of unknown emotion counts for less than this share of a full shift, however
/// much there is ...
const LISTENING_CLIPS: f64 = 8.0;
/// ... and shifts no evidence by more than this, in nats.
const LISTENING_BOUND: f64 = 0.5;

/// How evidence is distributed over the speakers a model was evaluated on; part of model.json.
///
/// Of held-out predictions: every speaker was judged by a network that never heard them. In units of
/// evidence after division by the model's temperature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeakerStatistics {
    /// Mean evidence of the clips of each emotion, `[K, K]`, the emotion acted first.
    pub means: [Evidence; K],
    /// Inverse covariance of a clip's evidence around its speaker's mean, `[K, K]`.
    pub precision: [Evidence; K],
    /// Variance of speakers' shifts in all emotions alike; mean over the K numbers, as all variances.
    pub speaker_variance: f32,
    /// Variance of speakers' further shifts in single emotions.
    pub emotion_variance: f32,
    /// Variance of clips around their speaker's mean.
    pub clip_variance: f32,
    /// Mean seconds of speech in a clip.
    pub clip_speech_s: f32,
    /// Share of the difference of log densities that is added, when references are neutral only.
    pub neutral_strength: f32,
    /// The same when references express several emotions.
    pub labelled_strength: f32,
}

/// Speech of a known emotion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// What it expresses.
    pub emotion: Emotion,
    /// Its mean evidence, not calibrated.
    pub evidence: Evidence,
    /// Its seconds of speech.
    pub speech_s: f64,
}

/// What is changed for one speaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// SHA-256 of the model.onnx it was made with.
    pub model: String,
    /// Seconds of speech it was made from.
    pub speech_s: f64,
    /// Added to the evidence: `gain · evidence + offset`, `[K, K]` and `[K]`.
    pub gain: [Evidence; K],
    /// See `gain`.
    pub offset: Evidence,
}

/// Why there is no calibration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The references hold too little speech.
    #[error(
        "the reference holds {found_s:.1} s of speech; at least {MIN_REFERENCE_S:.0} s are needed, \
         8 s are better: read some sentences aloud"
    )]
    TooLittleSpeech {
        /// Seconds of speech found.
        found_s: f64,
    },
    /// The text is not a calibration.
    #[error("the calibration cannot be read: {0}; make it again")]
    Unreadable(String),
    /// It holds numbers that cannot be used.
    #[error("the calibration holds a number that is not finite in {0}; make it again")]
    NotFinite(&'static str),
    /// It was made with another model.
    #[error(
        "the calibration was made with another model ({found}) than the one in use ({expected}); \
         make it again"
    )]
    OtherModel {
        /// SHA-256 of the model in use.
        expected: String,
        /// SHA-256 of the model it was made with.
        found: String,
    },
}

impl Calibration {
    /// From references of one speaker; `model` is the SHA-256 of model.onnx and `statistics` are from
    /// the same model.json.
    ///
    /// # Errors
    /// When the references hold less than [`MIN_REFERENCE_S`] of speech.
    pub fn fit(
        model: &str,
        statistics: &SpeakerStatistics,
        references: &[Reference],
    ) -> Result<Self, CalibrationError> {
        let speech_s: f64 = references.iter().map(|reference| reference.speech_s).sum();
        if speech_s < MIN_REFERENCE_S {
            return Err(CalibrationError::TooLittleSpeech { found_s: speech_s });
        }
        let is_neutral = |reference: &Reference| reference.emotion == Emotion::Neutral;
        let strength = if references.iter().all(is_neutral) {
            statistics.neutral_strength
        } else {
            statistics.labelled_strength
        };
        let shifts = statistics.shifts(references);
        Ok(statistics.calibration(model, speech_s, &shifts, strength))
    }

    /// From speech whose emotions are not known, on the assumption that in the long run they are
    /// mixed: slow and bounded. Someone angry all along is pulled to the middle.
    ///
    /// `mean` is the mean evidence of `speech_s` seconds of speech, not calibrated.
    pub fn while_listening(
        model: &str,
        statistics: &SpeakerStatistics,
        mean: &Evidence,
        speech_s: f64,
    ) -> Self {
        let clips = speech_s / f64::from(statistics.clip_speech_s);
        let share = clips / (clips + LISTENING_CLIPS);
        let shift = std::array::from_fn(|i| {
            let usual = statistics.means.iter().map(|mean| mean[i]).sum::<f32>() / K as f32;
            let shift = share * f64::from(mean[i] - usual);
            shift.clamp(-LISTENING_BOUND, LISTENING_BOUND)
        });
        statistics.calibration(model, speech_s, &[shift; K], statistics.neutral_strength)
    }

    /// Reads the JSON that serde writes of it.
    ///
    /// # Errors
    /// When it is not a calibration, or one of another model than that with SHA-256 `model`.
    pub fn from_json(json: &str, model: &str) -> Result<Self, CalibrationError> {
        let calibration: Self = serde_json::from_str(json)
            .map_err(|error| CalibrationError::Unreadable(error.to_string()))?;
        calibration.check(model)?;
        Ok(calibration)
    }

    /// Checks that it can be used with the model with this SHA-256.
    ///
    /// # Errors
    /// When it is of another model or holds numbers that are not finite.
    pub fn check(&self, model: &str) -> Result<(), CalibrationError> {
        if self.model != model {
            return Err(CalibrationError::OtherModel {
                expected: model.to_owned(),
                found: self.model.clone(),
            });
        }
        if !self.gain.iter().flatten().all(|gain| gain.is_finite()) {
            return Err(CalibrationError::NotFinite("gain"));
        }
        if !self.offset.iter().all(|offset| offset.is_finite()) {
            return Err(CalibrationError::NotFinite("offset"));
        }
        Ok(())
    }

    /// The posterior for this speaker.
    pub fn apply(&self, posterior: &Posterior) -> Posterior {
        let evidence = posterior.evidence();
        let changed = std::array::from_fn(|c| {
            let gain: f32 = self.gain[c].iter().zip(evidence).map(|(a, b)| a * b).sum();
            evidence[c] + gain + self.offset[c]
        });
        Posterior::from_logits(&changed, 1.0)
    }
}

impl SpeakerStatistics {
    /// Checks that a calibration can be computed; the error is field, expected, found.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str, String)> {
        for (field, value) in [
            ("speaker.speaker_variance", self.speaker_variance),
            ("speaker.emotion_variance", self.emotion_variance),
            ("speaker.clip_variance", self.clip_variance),
            ("speaker.clip_speech_s", self.clip_speech_s),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err((field, "a positive number", value.to_string()));
            }
        }
        Ok(())
    }

    /// The expected shift of each emotion's evidence, `[K, K]`, given references.
    fn shifts(&self, references: &[Reference]) -> [[f64; K]; K] {
        // Per emotion with references: mean residual and the variance of what is left of e and clips.
        let mut heard: [Option<([f64; K], f64)>; K] = [None; K];
        for emotion in Emotion::ALL {
            let of_emotion = || references.iter().filter(|r| r.emotion == emotion);
            let speech_s: f64 = of_emotion().map(|reference| reference.speech_s).sum();
            if speech_s > 0.0 {
                let residual = std::array::from_fn(|i| {
                    let sum: f64 = of_emotion()
                        .map(|r| r.speech_s * f64::from(r.evidence[i]))
                        .sum();
                    sum / speech_s - f64::from(self.means[emotion.index()][i])
                });
                let clips = speech_s / f64::from(self.clip_speech_s);
                heard[emotion.index()] = Some((residual, f64::from(self.clip_variance) / clips));
            }
        }
        let own = f64::from(self.emotion_variance);
        let mut common = [0.0; K];
        let mut weights = 1.0 / f64::from(self.speaker_variance);
        for (residual, noise) in heard.iter().flatten() {
            for (sum, residual) in common.iter_mut().zip(residual) {
                *sum += residual / (own + noise);
            }
            weights += 1.0 / (own + noise);
        }
        let common = common.map(|sum| sum / weights);
        heard.map(|heard| {
            std::array::from_fn(|i| {
                let further = heard.map_or(0.0, |(residual, noise)| {
                    (residual[i] - common[i]) * own / (own + noise)
                });
                common[i] + further
            })
        })
    }

    /// The change of evidence when emotion c lies at `means[c] + shifts[c]`.
    fn calibration(
        &self,
        model: &str,
        speech_s: f64,
        shifts: &[[f64; K]; K],
        strength: f32,
    ) -> Calibration {
        let weighted = |vector: &[f64; K]| -> [f64; K] {
            let row = |row: &Evidence| row.iter().zip(vector).map(|(&a, b)| f64::from(a) * b).sum();
            std::array::from_fn(|i| row(&self.precision[i]))
        };
        let strength = f64::from(strength);
        let mut gain = [[0.0; K]; K];
        let mut offset = [0.0; K];
        for c in 0..K {
            let direction = weighted(&shifts[c]);
            gain[c] = direction.map(|x| (strength * x) as f32);
            // (m + s)ᵀ P (m + s) - mᵀ P m = (2 m + s)ᵀ P s
            let middle: f64 = (0..K)
                .map(|i| (f64::from(self.means[c][i]) + 0.5 * shifts[c][i]) * direction[i])
                .sum();
            offset[c] = (-strength * middle) as f32;
        }
        Calibration {
            model: model.to_owned(),
            speech_s,
            gain,
            offset,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Emotion c has evidence 2 for c; speakers differ as much as clips do.
    pub(crate) fn statistics() -> SpeakerStatistics {
        let identity = |scale: f32| {
            std::array::from_fn(|i| std::array::from_fn(|j| if i == j { scale } else { 0.0 }))
        };
        SpeakerStatistics {
            means: identity(2.0),
            precision: identity(2.0),
            speaker_variance: 0.5,
            emotion_variance: 0.25,
            clip_variance: 0.5,
            clip_speech_s: 2.0,
            neutral_strength: 0.5,
            labelled_strength: 0.5,
        }
    }

    fn reference(emotion: Emotion, evidence: Evidence, speech_s: f64) -> Reference {
        Reference {
            emotion,
            evidence,
            speech_s,
        }
    }

    /// A speaker whose neutral voice sounds sad to the model.
    fn sounds_sad(speech_s: f64) -> Reference {
        let mut evidence = statistics().means[Emotion::Neutral.index()];
        evidence[Emotion::Sad.index()] += 1.5;
        reference(Emotion::Neutral, evidence, speech_s)
    }

    fn sad(evidence: Evidence, calibration: &Calibration) -> f32 {
        let posterior = Posterior::from_logits(&evidence, 1.0);
        calibration.apply(&posterior).get(Emotion::Sad) - posterior.get(Emotion::Sad)
    }

    #[test]
    fn a_neutral_voice_that_sounds_sad_makes_sad_less_probable_and_more_so_the_longer_it_is() {
        let fit = |speech_s| Calibration::fit("m", &statistics(), &[sounds_sad(speech_s)]).unwrap();
        let (short, long) = (fit(4.0), fit(20.0));
        let evidence = sounds_sad(1.0).evidence;
        assert!(sad(evidence, &short) < -0.05, "{}", sad(evidence, &short));
        assert!(sad(evidence, &long) < sad(evidence, &short));
        let typical = reference(Emotion::Neutral, statistics().means[0], 8.0);
        let none = Calibration::fit("m", &statistics(), &[typical]).unwrap();
        assert!(sad(evidence, &none).abs() < 1e-6);
    }

    #[test]
    fn a_shift_is_the_posterior_mean_computed_by_hand() {
        // Two emotions, 4 s of speech each: noise 0.5 / 2, with e 0.5; d: (a + b) / 0.5 / (1/0.5 + 2/0.5).
        let (a, b) = (1.0, 0.4);
        let shifted = |emotion: Emotion, by: f32| {
            let mut evidence = statistics().means[emotion.index()];
            evidence[0] += by;
            reference(emotion, evidence, 4.0)
        };
        let references = [shifted(Emotion::Calm, a), shifted(Emotion::Angry, b)];
        let shifts = statistics().shifts(&references);
        let d = f64::from((a + b) / 0.5 / 6.0);
        assert!((shifts[Emotion::Happy.index()][0] - d).abs() < 1e-6);
        let calm = d + (f64::from(a) - d) * 0.25 / 0.5;
        assert!((shifts[Emotion::Calm.index()][0] - calm).abs() < 1e-6);
        assert!(shifts.iter().all(|shift| shift[1].abs() < 1e-6));
    }

    #[test]
    fn what_is_added_is_the_difference_of_the_log_densities() {
        let statistics = statistics();
        let mut shifts = [[0.0; K]; K];
        shifts[2] = [0.3, -0.2, 0.5, 0.0, 0.1, 0.0, 0.0, -0.4];
        let calibration = statistics.calibration("m", 8.0, &shifts, 0.5);
        let posterior = Posterior::from_logits(&[0.5, 0.1, 1.0, -0.3, 0.0, 0.2, -1.0, 0.4], 1.0);
        let evidence = posterior.evidence();
        let distance = |by: f64| -> f64 {
            (0..K)
                .map(|i| f64::from(evidence[i] - statistics.means[2][i]) - by * shifts[2][i])
                .map(|x| 2.0 * x * x)
                .sum()
        };
        let expected = 0.5 * 0.5 * (distance(0.0) - distance(1.0));
        let changed = calibration.apply(&posterior);
        let odds = |posterior: &Posterior| f64::from((posterior.0[2] / posterior.0[0]).ln());
        let found = odds(&changed) - odds(&posterior);
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn listening_moves_slowly_and_not_beyond_its_bound() {
        let statistics = statistics();
        let mut angry = [0.25; K];
        angry[Emotion::Angry.index()] = 100.0;
        let offset = |speech_s| {
            let calibration = Calibration::while_listening("m", &statistics, &angry, speech_s);
            assert!(
                calibration
                    .gain
                    .iter()
                    .all(|row| *row == calibration.gain[0])
            );
            calibration.offset[Emotion::Angry.index()] - calibration.offset[0]
        };
        assert_eq!(offset(0.0), 0.0);
        // -strength · mean · precision · bound
        assert!((offset(1e6) + 0.5 * 2.0 * 2.0 * 0.5).abs() < 1e-5);
        let mixed = [0.3; K];
        let slow = |speech_s| {
            let mixed = Calibration::while_listening("m", &statistics, &mixed, speech_s);
            mixed.gain[0][0]
        };
        assert!(0.0 < slow(4.0) && slow(4.0) < slow(16.0) && slow(16.0) < slow(1e6));
    }

    #[test]
    fn too_little_speech_and_other_models_are_named() {
        let error = Calibration::fit("m", &statistics(), &[sounds_sad(1.2)]).unwrap_err();
        assert!(
            error.to_string().contains("holds 1.2 s of speech"),
            "{error}"
        );
        assert!(Calibration::fit("m", &statistics(), &[]).is_err());

        let calibration = Calibration::fit("m", &statistics(), &[sounds_sad(8.0)]).unwrap();
        let json = serde_json::to_string(&calibration).unwrap();
        assert_eq!(Calibration::from_json(&json, "m").unwrap(), calibration);
        let error = Calibration::from_json(&json, "n").unwrap_err().to_string();
        assert!(
            error.contains("another model (m) than the one in use (n)"),
            "{error}"
        );
        let error = Calibration::from_json("{}", "m").unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
        let mut broken = calibration;
        broken.offset[3] = f32::NAN;
        assert_eq!(
            broken.check("m"),
            Err(CalibrationError::NotFinite("offset"))
        );
    }
}
