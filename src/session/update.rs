//! What a session finds out.

use serde::{Deserialize, Serialize};

use crate::{
    class::Class,
    model::{Activation, Evidence, Posterior},
};

/// What can be said about a stretch of audio. "No speech" and "unsure" are real answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing was heard that sounds like speech.
    NoSpeech,
    /// Speech, but too little of it or no class stands out.
    Unsure,
    /// The voice expresses the emotion of this class.
    Emotion(Class),
}

/// Something the session found out. Times are seconds of audio since the session began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Input level and speech gate, about 20 times a second.
    Level {
        /// Time of the last sample measured.
        at_s: f64,
        /// Root mean square of the last 48 ms, in dB relative to full scale, -120 or higher.
        rms_dbfs: f32,
        /// Whether a sample of them reaches full scale: the input is cut off there.
        clipped: bool,
        /// Whether the gate hears speech.
        speaking: bool,
    },
    /// A posterior for a segment in which speech is heard.
    Prediction {
        /// Time of the segment's last sample.
        at_s: f64,
        /// Seconds of speech in the segment.
        heard_s: f32,
        /// Smoothed over the utterance.
        posterior: Posterior,
        /// With hysteresis: it changes only for a clear reason.
        verdict: Verdict,
        /// The posterior of the verdict's emotion, or else the highest.
        confidence: f32,
        /// How lively the voice sounds; none if the model does not say.
        activation: Option<Activation>,
    },
    /// An utterance has ended: speech between silences.
    Utterance {
        /// When it began.
        start_s: f64,
        /// When it ended.
        end_s: f64,
        /// Seconds of speech in it according to the gate: pauses do not count.
        speech_s: f64,
        /// From the mean evidence of its segments.
        posterior: Posterior,
        /// That evidence before calibration: what makes it a
        /// [`Reference`](crate::calibration::Reference) once somebody says what it expresses.
        evidence: Evidence,
        /// What the whole utterance expresses.
        verdict: Verdict,
        /// The highest posterior.
        confidence: f32,
        /// How lively the voice sounds; none if the model does not say.
        activation: Option<Activation>,
    },
}

/// What was heard over a whole session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Seconds of audio taken in.
    pub duration_s: f64,
    /// Seconds of speech in it according to the gate, within utterances: pauses do not count.
    pub speech_s: f64,
    /// From the mean evidence of the utterances, weighted by the amount of speech in them; none
    /// without speech.
    pub posterior: Option<Posterior>,
    /// What the session as a whole expresses.
    pub verdict: Verdict,
    /// The highest posterior; 0 without speech.
    pub confidence: f32,
    /// How lively the voice sounds; none without speech, or if the model does not say.
    pub activation: Option<Activation>,
    /// Samples that were not finite and were taken as 0.
    pub nonfinite_samples: u64,
}
