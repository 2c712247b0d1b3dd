//! Calibration to one speaker: a few numbers that change the evidence, without retraining.
//!
//! A model's errors on a speaker have a steady direction. How far a speaker's evidence lies from
//! that of the training speakers is estimated from [`Reference`]s, stretches of speech whose class
//! is known: a few sentences read neutrally, or a few clips of several classes. The estimate
//! assumes that evidence of class c is normally distributed around `means[c] + d + e[c]`, where d
//! is the speaker's shift in all classes and e the shift in one, and takes their posterior means;
//! classes without a reference get d. What is added to the evidence is the difference of the two
//! log densities, with and without the shift, times a strength: it is linear in the evidence.
//!
//! Calibration can mislead: references that do not express what they are said to, another person,
//! or another microphone later on move the answers away from the truth.

use serde::{Deserialize, Serialize};

use crate::{
    class::{Class, PerClass},
    model::{Evidence, Posterior},
};

/// Least seconds of speech in all references together.
pub const MIN_REFERENCE_S: f64 = 3.0;

/// The largest number of a calibration. Fitted ones are a thousand times smaller; sums of much larger
/// ones would not be finite.
const MOST: f32 = 1e4;

/// The largest number of a model's statistics, and the inverse of the smallest where it must be positive; with
/// others, sums and quotients would not be finite.
const MOST_STATISTIC: f32 = 1e9;

/// This many clips of unknown emotion count for half of a full shift.
const UNLABELLED_CLIPS: f64 = 8.0;
/// While listening, it shifts no evidence by more than this, in nats.
const LISTENING_BOUND: f64 = 0.5;

/// How evidence is distributed over the speakers a model was evaluated on; part of model.json.
///
/// Measured on held-out predictions: every speaker was judged by a network that never heard them.
/// In units of evidence after division by the model's temperature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeakerStatistics {
    /// Mean evidence of the clips of each class, `[K, K]`, indexed first by the class expressed.
    pub means: Vec<Evidence>,
    /// Inverse covariance of a clip's evidence around its speaker's mean, `[K, K]`.
    pub precision: Vec<Evidence>,
    /// Variance of speakers' shifts in all classes alike; like all variances, a mean over the K
    /// numbers.
    pub speaker_variance: f32,
    /// Variance of speakers' further shifts in single classes.
    pub emotion_variance: f32,
    /// Variance of clips around their speaker's mean.
    pub clip_variance: f32,
    /// Mean seconds of speech in a clip.
    pub clip_speech_s: f32,
    /// Share of the difference of log densities that is added when all references are of one class,
    /// as in a neutral reading.
    pub neutral_strength: f32,
    /// The same when references express several classes.
    pub labelled_strength: f32,
}

/// Speech of a known class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// What it expresses.
    pub class: Class,
    /// Its mean evidence, not calibrated.
    pub evidence: Evidence,
    /// Its seconds of speech.
    pub speech_s: f64,
}

/// The changes for one speaker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// SHA-256 of the model.onnx it was made with.
    pub model: String,
    /// Seconds of speech it was made from.
    pub speech_s: f64,
    /// Added to the evidence: `gain · evidence + offset`, `[K, K]` and `[K]`.
    pub gain: Vec<Evidence>,
    /// See `gain`.
    pub offset: Evidence,
}

/// What a person's labels make of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Learned {
    /// From all references.
    pub calibration: Calibration,
    /// Number of references.
    pub references: u32,
    /// How many of them are judged right as things are.
    pub right_before: u32,
    /// How many are judged right by a calibration to all the others: a reference never judges itself.
    pub right_after: u32,
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
    /// It holds numbers that cannot be used: not finite, or so large that their sums might not be.
    #[error(
        "the calibration holds a number that is not finite or above {MOST} in {0}; make it again"
    )]
    OutOfRange(&'static str),
    /// It lacks numbers or has too many.
    #[error("the calibration does not have as many numbers in gain as in offset; make it again")]
    Shape,
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
    /// Fits a calibration to references of one speaker; `model` is the SHA-256 of model.onnx and
    /// `statistics` are from the same model.json.
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
        let is_one_class = references
            .windows(2)
            .all(|pair| pair[0].class == pair[1].class);
        let strength = if is_one_class {
            statistics.neutral_strength
        } else {
            statistics.labelled_strength
        };
        let shifts = statistics.shifts(references);
        Ok(statistics.calibration(model, speech_s, &shifts, strength))
    }

    /// As [`fit`](Self::fit), measured on the references themselves against the calibration `now` in use.
    ///
    /// # Errors
    /// When the references hold less than [`MIN_REFERENCE_S`] of speech.
    pub fn learn(
        model: &str,
        statistics: &SpeakerStatistics,
        references: &[Reference],
        now: Option<&Self>,
    ) -> Result<Learned, CalibrationError> {
        let is_right = |reference: &Reference, calibration: Option<&Self>| {
            let posterior = Posterior::from_logits(&reference.evidence, 1.0);
            let judged = calibration.map_or(posterior, |fitted| fitted.apply(&posterior));
            u32::from(judged.top().0 == reference.class)
        };
        let calibration = Self::fit(model, statistics, references)?;
        let before = references.iter().map(|reference| is_right(reference, now));
        let after = references.iter().enumerate().map(|(index, reference)| {
            let mut others = references.to_vec();
            others.remove(index);
            // Others that hold too little speech change nothing.
            let fitted = Self::fit(model, statistics, &others).ok();
            is_right(reference, fitted.as_ref())
        });
        Ok(Learned {
            references: references.len() as u32,
            right_before: before.sum(),
            right_after: after.sum(),
            calibration,
        })
    }

    /// Fits a calibration to speech whose classes are not known, assuming that they are mixed in
    /// the long run: slow and bounded. Somebody who is angry all along is pulled towards the
    /// middle.
    ///
    /// `mean` is the mean evidence of `speech_s` seconds of speech, not calibrated.
    pub fn while_listening(
        model: &str,
        statistics: &SpeakerStatistics,
        mean: &Evidence,
        speech_s: f64,
    ) -> Self {
        let share = statistics.share(speech_s);
        let usual = statistics.usual();
        let classes = statistics.means.len();
        let shift = mean.iter().zip(&*usual).map(|(mean, usual)| {
            let shift = share * f64::from(mean - usual);
            shift.clamp(-LISTENING_BOUND, LISTENING_BOUND)
        });
        let shifts = vec![shift.collect(); classes];
        statistics.calibration(model, speech_s, &shifts, statistics.neutral_strength)
    }

    /// From recordings made alike whose classes are unknown but mixed: what they have in common, such as
    /// language, microphone and manner of speaking, is removed.
    ///
    /// `mean` is the mean uncalibrated evidence of `speech_s` seconds of speech. Recordings that all
    /// express the same emotion are pulled towards the middle.
    pub fn together(
        model: &str,
        statistics: &SpeakerStatistics,
        mean: &Evidence,
        speech_s: f64,
    ) -> Self {
        let share = statistics.share(speech_s) as f32;
        let usual = statistics.usual();
        let classes = statistics.means.len();
        Self {
            model: model.to_owned(),
            speech_s,
            gain: vec![PerClass::from_fn(classes, |_| 0.0); classes],
            offset: PerClass::from_fn(classes, |i| share * (usual[i] - mean[i])),
        }
    }

    /// Reads the JSON that serde writes for it.
    ///
    /// # Errors
    /// When it is not a calibration, or was made with a model other than the one with SHA-256
    /// `model`.
    pub fn from_json(json: &str, model: &str) -> Result<Self, CalibrationError> {
        let calibration: Self = serde_json::from_str(json)
            .map_err(|error| CalibrationError::Unreadable(error.to_string()))?;
        calibration.check(model)?;
        Ok(calibration)
    }

    /// Checks that it can be used with the model with this SHA-256.
    ///
    /// # Errors
    /// When it was made with another model, is incomplete or holds numbers out of range.
    pub fn check(&self, model: &str) -> Result<(), CalibrationError> {
        if self.model != model {
            return Err(CalibrationError::OtherModel {
                expected: model.to_owned(),
                found: self.model.clone(),
            });
        }
        let classes = self.offset.len();
        if self.gain.len() != classes || self.gain.iter().any(|row| row.len() != classes) {
            return Err(CalibrationError::Shape);
        }
        let mut gain = self.gain.iter().flat_map(|row| row.iter());
        let is_usable = |number: &f32| number.abs() <= MOST;
        if !gain.all(is_usable) {
            return Err(CalibrationError::OutOfRange("gain"));
        }
        if !self.offset.iter().all(is_usable) {
            return Err(CalibrationError::OutOfRange("offset"));
        }
        Ok(())
    }

    /// Returns the posterior adapted to this speaker.
    pub fn apply(&self, posterior: &Posterior) -> Posterior {
        let evidence = posterior.evidence();
        let mut changed = evidence;
        for (changed, (gain, offset)) in changed.iter_mut().zip(self.gain.iter().zip(&*self.offset))
        {
            let gain: f32 = gain.iter().zip(&*evidence).map(|(a, b)| a * b).sum();
            *changed = *changed + gain + offset;
        }
        Posterior::from_logits(&changed, 1.0)
    }
}

impl SpeakerStatistics {
    /// Checks that a calibration can be computed for this number of classes; the error is field,
    /// expected, found.
    pub(crate) fn check(&self, classes: usize) -> Result<(), (&'static str, String, String)> {
        for (field, matrix) in [
            ("speaker.means", &self.means),
            ("speaker.precision", &self.precision),
        ] {
            let odd = matrix
                .iter()
                .map(|row| row.len())
                .find(|&columns| columns != classes);
            if matrix.len() != classes || odd.is_some() {
                let columns = odd.unwrap_or(classes);
                return Err((
                    field,
                    format!("{classes} rows of {classes} numbers, as there are labels"),
                    format!("{} rows, one of {columns} numbers", matrix.len()),
                ));
            }
            let mut numbers = matrix.iter().flat_map(|row| row.iter());
            let usable = -MOST_STATISTIC..=MOST_STATISTIC;
            if let Some(number) = numbers.find(|number| !usable.contains(number)) {
                let expected = format!("numbers from -{MOST_STATISTIC:e} to {MOST_STATISTIC:e}");
                return Err((field, expected, number.to_string()));
            }
        }
        let positive = 1.0 / MOST_STATISTIC;
        for (field, value, least) in [
            ("speaker.speaker_variance", self.speaker_variance, positive),
            ("speaker.emotion_variance", self.emotion_variance, positive),
            ("speaker.clip_variance", self.clip_variance, positive),
            ("speaker.clip_speech_s", self.clip_speech_s, positive),
            ("speaker.neutral_strength", self.neutral_strength, 0.0),
            ("speaker.labelled_strength", self.labelled_strength, 0.0),
        ] {
            if !(least..=MOST_STATISTIC).contains(&value) {
                let expected = format!("a number from {least:e} to {MOST_STATISTIC:e}");
                return Err((field, expected, value.to_string()));
            }
        }
        Ok(())
    }

    /// Mean evidence of speech in which all classes are mixed, `[K]`.
    fn usual(&self) -> Evidence {
        let classes = self.means.len();
        let sum = |i: usize| self.means.iter().map(|mean| mean[i]).sum::<f32>();
        Evidence::from_fn(classes, |i| sum(i) / classes as f32)
    }

    /// The share of a full shift that speech of unknown classes counts for, 0..1.
    fn share(&self, speech_s: f64) -> f64 {
        let clips = speech_s / f64::from(self.clip_speech_s);
        clips / (clips + UNLABELLED_CLIPS)
    }

    /// The expected shift of each class's evidence, `[K, K]`, given references.
    fn shifts(&self, references: &[Reference]) -> Vec<Vec<f64>> {
        // For each class with references: the mean residual and the variance left over from e and
        // the clips.
        let heard: Vec<Option<(Vec<f64>, f64)>> = (0..self.means.len())
            .map(|c| {
                let of_class = || references.iter().filter(|r| r.class.index() == c);
                let speech_s: f64 = of_class().map(|reference| reference.speech_s).sum();
                let residual = self.means[c].iter().enumerate().map(|(i, mean)| {
                    let sum: f64 = of_class()
                        .map(|r| r.speech_s * f64::from(r.evidence[i]))
                        .sum();
                    sum / speech_s - f64::from(*mean)
                });
                let clips = speech_s / f64::from(self.clip_speech_s);
                let noise = f64::from(self.clip_variance) / clips;
                (speech_s > 0.0).then(|| (residual.collect(), noise))
            })
            .collect();
        let own = f64::from(self.emotion_variance);
        let mut common = vec![0.0; self.means.len()];
        let mut weights = 1.0 / f64::from(self.speaker_variance);
        for (residual, noise) in heard.iter().flatten() {
            for (sum, residual) in common.iter_mut().zip(residual) {
                *sum += residual / (own + noise);
            }
            weights += 1.0 / (own + noise);
        }
        common.iter_mut().for_each(|sum| *sum /= weights);
        let shift = |heard: &Option<(Vec<f64>, f64)>| match heard {
            None => common.clone(),
            Some((residual, noise)) => common
                .iter()
                .zip(residual)
                .map(|(common, residual)| common + (residual - common) * own / (own + noise))
                .collect(),
        };
        heard.iter().map(shift).collect()
    }

    /// The change of evidence when class c lies at `means[c] + shifts[c]`.
    fn calibration(
        &self,
        model: &str,
        speech_s: f64,
        shifts: &[Vec<f64>],
        strength: f32,
    ) -> Calibration {
        let strength = f64::from(strength);
        let mut gain = Vec::with_capacity(self.means.len());
        let offset = PerClass::from_fn(self.means.len(), |c| {
            let shift = &shifts[c];
            let weighted = |row: &Evidence| -> f64 {
                row.iter().zip(shift).map(|(&a, b)| f64::from(a) * b).sum()
            };
            let direction: Vec<f64> = self.precision.iter().map(weighted).collect();
            gain.push(PerClass::from_fn(direction.len(), |i| {
                (strength * direction[i]) as f32
            }));
            // (m + s)ᵀ P (m + s) - mᵀ P m = (2 m + s)ᵀ P s
            let middle: f64 = self.means[c]
                .iter()
                .zip(shift)
                .zip(&direction)
                .map(|((&mean, shift), direction)| (f64::from(mean) + 0.5 * shift) * direction)
                .sum();
            (-strength * middle) as f32
        });
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
    use crate::class::tests::{ANGRY, CALM, HAPPY, NEUTRAL, SAD};

    const K: usize = 8;

    /// Class c has evidence 2 for c; speakers differ as much as clips do.
    pub(crate) fn statistics() -> SpeakerStatistics {
        let identity = |scale: f32| {
            let row = |i| PerClass::from_fn(K, |j| if i == j { scale } else { 0.0 });
            (0..K).map(row).collect()
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

    fn reference(class: Class, evidence: Evidence, speech_s: f64) -> Reference {
        Reference {
            class,
            evidence,
            speech_s,
        }
    }

    /// A speaker whose neutral voice sounds sad to the model.
    fn sounds_sad(speech_s: f64) -> Reference {
        let mut evidence = statistics().means[NEUTRAL.index()];
        evidence[SAD.index()] += 1.5;
        reference(NEUTRAL, evidence, speech_s)
    }

    fn sad(evidence: Evidence, calibration: &Calibration) -> f32 {
        let posterior = Posterior::from_logits(&evidence, 1.0);
        calibration.apply(&posterior).get(SAD) - posterior.get(SAD)
    }

    #[test]
    fn a_neutral_voice_that_sounds_sad_makes_sad_less_probable_and_more_so_the_longer_it_is() {
        let fit = |speech_s| Calibration::fit("m", &statistics(), &[sounds_sad(speech_s)]).unwrap();
        let (short, long) = (fit(4.0), fit(20.0));
        let evidence = sounds_sad(1.0).evidence;
        assert!(sad(evidence, &short) < -0.05, "{}", sad(evidence, &short));
        assert!(sad(evidence, &long) < sad(evidence, &short));
        let typical = reference(NEUTRAL, statistics().means[0], 8.0);
        let none = Calibration::fit("m", &statistics(), &[typical]).unwrap();
        assert!(sad(evidence, &none).abs() < 1e-6);
    }

    #[test]
    fn a_shift_is_the_posterior_mean_computed_by_hand() {
        // Two classes, 4 s of speech each: noise 0.5 / 2, with e 0.5; d: (a + b) / 0.5 / (1/0.5 + 2/0.5).
        let (a, b) = (1.0, 0.4);
        let shifted = |class: Class, by: f32| {
            let mut evidence = statistics().means[class.index()];
            evidence[0] += by;
            reference(class, evidence, 4.0)
        };
        let references = [shifted(CALM, a), shifted(ANGRY, b)];
        let shifts = statistics().shifts(&references);
        let d = f64::from((a + b) / 0.5 / 6.0);
        assert!((shifts[HAPPY.index()][0] - d).abs() < 1e-6);
        let calm = d + (f64::from(a) - d) * 0.25 / 0.5;
        assert!((shifts[CALM.index()][0] - calm).abs() < 1e-6);
        assert!(shifts.iter().all(|shift| shift[1].abs() < 1e-6));
    }

    #[test]
    fn what_is_added_is_the_difference_of_the_log_densities() {
        let statistics = statistics();
        let mut shifts = vec![vec![0.0; K]; K];
        shifts[2] = vec![0.3, -0.2, 0.5, 0.0, 0.1, 0.0, 0.0, -0.4];
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
    fn recordings_made_alike_are_heard_as_if_their_mean_were_the_usual_one() {
        let statistics = statistics();
        // Everything sounds sadder here than where the model has learned.
        let shifted = |class: usize| {
            let mut evidence = statistics.means[class];
            evidence[SAD.index()] += 3.0;
            evidence
        };
        let mut mean = statistics.usual();
        mean[SAD.index()] += 3.0;
        let angry = Posterior::from_logits(&shifted(ANGRY.index()), 1.0);
        assert_eq!(angry.top().0, SAD);
        let calibration = Calibration::together("m", &statistics, &mean, 10_000.0);
        calibration.check("m").unwrap();
        assert_eq!(calibration.apply(&angry).top().0, ANGRY);
        let sad = Posterior::from_logits(&shifted(SAD.index()), 1.0);
        assert_eq!(calibration.apply(&sad).top().0, SAD);
        // Of little speech little is believed.
        let little = Calibration::together("m", &statistics, &mean, 0.1);
        assert_eq!(little.apply(&angry).top().0, SAD);
    }

    #[test]
    fn listening_moves_slowly_and_not_beyond_its_bound() {
        let statistics = statistics();
        let mut angry = PerClass::from([0.25; K]);
        angry[ANGRY.index()] = 100.0;
        let offset = |speech_s| {
            let calibration = Calibration::while_listening("m", &statistics, &angry, speech_s);
            assert!(
                calibration
                    .gain
                    .iter()
                    .all(|row| *row == calibration.gain[0])
            );
            calibration.offset[ANGRY.index()] - calibration.offset[0]
        };
        assert_eq!(offset(0.0), 0.0);
        // -strength · mean · precision · bound
        assert!((offset(1e6) + 0.5 * 2.0 * 2.0 * 0.5).abs() < 1e-5);
        let mixed = PerClass::from([0.3; K]);
        let slow = |speech_s| {
            let mixed = Calibration::while_listening("m", &statistics, &mixed, speech_s);
            mixed.gain[0][0]
        };
        assert!(0.0 < slow(4.0) && slow(4.0) < slow(16.0) && slow(16.0) < slow(1e6));
    }

    #[test]
    fn what_is_learned_is_measured_on_references_that_were_left_out() {
        // To the model this voice sounds sad whatever it says.
        let clip = |class: Class, strange: f32| {
            let mut evidence = statistics().means[class.index()];
            evidence[SAD.index()] += 2.5;
            evidence[HAPPY.index()] += strange;
            reference(class, evidence, 2.0)
        };
        let classes = [NEUTRAL, ANGRY, SAD];
        let mut references: Vec<Reference> = classes
            .iter()
            .flat_map(|&class| [0.0, 0.1, 0.2].map(|strange| clip(class, strange)))
            .collect();
        let learn = |references: &[Reference], now: Option<&Calibration>| {
            Calibration::learn("m", &statistics(), references, now).unwrap()
        };
        let learned = learn(&references, None);
        assert_eq!((learned.references, learned.right_before), (9, 3));
        assert!(learned.right_after > 3, "{}", learned.right_after);
        assert_eq!(
            learned.calibration,
            Calibration::fit("m", &statistics(), &references).unwrap()
        );
        let again = learn(&references, Some(&learned.calibration));
        assert!(again.right_before >= learned.right_after);
        // One like no other is right only by itself, and is not counted.
        references.push(clip(CALM, 9.0));
        assert!(learn(&references, None).right_after < 10);
        assert!(Calibration::learn("m", &statistics(), &references[..1], None).is_err());
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
        let mut short = calibration.clone();
        short.gain.pop();
        assert_eq!(short.check("m"), Err(CalibrationError::Shape));
        for number in [f32::NAN, f32::INFINITY, -3e38] {
            let mut broken = calibration.clone();
            broken.offset[3] = number;
            let refused = Err(CalibrationError::OutOfRange("offset"));
            assert_eq!(broken.check("m"), refused);
            let mut broken = calibration.clone();
            broken.gain[1][2] = number;
            assert_eq!(broken.check("m"), Err(CalibrationError::OutOfRange("gain")));
        }
    }
}
