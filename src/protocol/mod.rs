//! The messages between page and worker. No web types: the browser side is in `web`.
//!
//! The worker reads and writes them through serde. The page writes commands with [`Command::write`]
//! and reads events with [`Event::read`], which are small enough for a program that only draws
//! (serde's readers would make up a third of it).
//!
//! The worker speaks first ([`Event::Booted`]); anything sent to it earlier is lost. Audio does not
//! travel in these messages but through a `MessagePort` handed over with [`Command::Start`], as
//! chunks posted by the audio worklet or by the page's file reader.

mod read;
mod write;

pub use read::Fields;
pub use write::Value;

use serde::{Deserialize, Serialize};

use crate::{
    calibration::Reference,
    explanation::Explanation,
    model::StrangersEvaluation,
    session::{Claims, Pacing, Summary, Update},
};

/// Version of the messages below; the page refuses a worker that speaks another.
pub const PROTOCOL: u32 = 6;

/// Shows whether page and worker were made by the same build, since a browser may cache them
/// separately.
///
/// Set by `scripts/build` through the environment variable `SPEECH_EMOTION_BUILD`.
pub const BUILD: &str = match option_env!("SPEECH_EMOTION_BUILD") {
    Some(build) => build,
    None => "development",
};

/// Page to worker.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Build the classifier from the bytes of model.onnx and the text of model.json. Answered by
    /// [`Event::Ready`], and calibrations must be given again; or by [`Event::Failed`], and a model that was
    /// there stays.
    Load {
        /// The ONNX file.
        #[serde(with = "serde_bytes")]
        model: Vec<u8>,
        /// model.json.
        manifest: String,
    },
    /// Begin a session beside those that are running; its audio port is the message's first
    /// transferred object.
    Start {
        /// Whose session it is: all sessions of one owner are judged as the same speaker's.
        owner: u32,
        /// Chosen by the page; every event of the session carries it.
        session: u32,
        /// Rate of the chunks to come.
        sample_rate_hz: u32,
        /// Live or recorded.
        pacing: Pacing,
        /// What it may claim.
        claims: Claims,
    },
    /// End the session now and report what has been heard so far.
    Stop {
        /// The session to end.
        session: u32,
    },
    /// End the session now and fit a calibration to what was heard, which is taken to be one
    /// person's neutral speech. Answered by [`Event::Fitted`]; nothing is judged with it yet.
    Fit {
        /// The session to end.
        session: u32,
    },
    /// Tell how the newest answer of a session came about, of one that has ended until the owner's next
    /// begins. Answered by [`Event::Explained`].
    Explain {
        /// The session.
        session: u32,
    },
    /// Hand over the session's sound from now on, by [`Event::Sound`].
    Keep {
        /// The session.
        session: u32,
    },
    /// Make a calibration from utterances that a person has labelled. Answered by [`Event::Learned`]; nothing
    /// is judged by it yet.
    Learn {
        /// Whose calibration in use it is compared with.
        owner: u32,
        /// What was labelled.
        references: Vec<Reference>,
    },
    /// From now on judge what is heard, also in the owner's running sessions, as this speaker's.
    Adapt {
        /// Whose sessions.
        owner: u32,
        /// Who speaks.
        speaker: Speaker,
    },
}

/// What is known about the speaker.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Nothing.
    Unknown,
    /// A calibration, as the JSON of [`Calibration`](crate::calibration::Calibration). Answered by
    /// [`Event::Calibrated`], or by [`Event::Refused`], in which case nothing has changed.
    Calibrated(String),
    /// Learn from what is said as it is heard; every session starts afresh.
    Listening,
}

/// Worker to page.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The worker runs and listens.
    Booted {
        /// [`PROTOCOL`] of the worker.
        protocol: u32,
        /// [`BUILD`] of the worker.
        build: String,
        /// Name of the Web Lock that the worker holds for as long as it lives; none where there are none.
        lock: Option<String>,
    },
    /// The model is loaded; sessions can start.
    Ready {
        /// What a person should know about the model.
        model: ModelSummary,
    },
    /// Something the session found out.
    Update {
        /// The session it belongs to.
        session: u32,
        /// What was found.
        update: Update,
        /// Time from the arrival of the sound at the worker to this update.
        compute_ms: f32,
    },
    /// Audio taken in so far; a sender of recorded audio waits for this to stay in step.
    Progress {
        /// The session it belongs to.
        session: u32,
        /// Seconds of audio processed.
        at_s: f64,
    },
    /// Audio was lost between the microphone and the worker; the front end started afresh.
    Gap {
        /// The session it belongs to.
        session: u32,
        /// How much was lost, in seconds.
        lost_s: f64,
    },
    /// The session has ended.
    Stopped {
        /// The session it belongs to.
        session: u32,
        /// What was heard over the whole session.
        summary: Summary,
    },
    /// The session has ended with [`Command::Fit`].
    Fitted {
        /// The session it belongs to.
        session: u32,
        /// The calibration as JSON; none when there was too little speech.
        calibration: Option<String>,
    },
    /// How the newest answer of a session came about.
    Explained {
        /// The session it belongs to.
        session: u32,
        /// None when nothing was judged yet.
        explanation: Option<Box<Explanation>>,
    },
    /// Sound of a session that is kept, in order and without holes: what was lost is silence.
    Sound {
        /// The session it belongs to.
        session: u32,
        /// 16-bit samples at 16 kHz, the lower byte first.
        #[serde(with = "serde_bytes")]
        pcm: Vec<u8>,
    },
    /// What a person's labels make of a voice.
    Learned {
        /// Whose.
        owner: u32,
        /// None when the utterances hold too little speech.
        learned: Option<Lesson>,
    },
    /// From now on what is heard is judged with this calibration.
    Calibrated {
        /// The owner whose sessions are meant.
        owner: u32,
        /// The calibration as JSON.
        calibration: String,
        /// Seconds of speech it was made from.
        speech_s: f64,
    },
    /// A calibration cannot be used.
    Refused {
        /// The owner it was meant for.
        owner: u32,
        /// Why.
        refusal: Refusal,
    },
    /// A command or the session failed; the worker stays usable.
    Failed {
        /// What was being done.
        stage: Stage,
        /// The session it belongs to, when one was running.
        session: Option<u32>,
        /// The reason, in words.
        message: String,
    },
}

/// See [`Learned`](crate::calibration::Learned).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lesson {
    /// The calibration as JSON.
    pub calibration: String,
    /// Number of labelled utterances.
    pub references: u32,
    /// How many of them are judged right as things are.
    pub right_before: u32,
    /// How many are judged right by a calibration to all the others.
    pub right_after: u32,
}

/// What the page shows about the model: its labels, what it was trained on, and its evaluation on
/// voices it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    /// Version of the model, from model.json.
    pub version: String,
    /// SHA-256 of the model file, in hexadecimal digits.
    pub sha256: String,
    /// Labels of the classes, in order.
    pub labels: Vec<String>,
    /// What it was trained on.
    pub data_set: String,
    /// Number of people heard in training.
    pub speakers: u32,
    /// Unweighted average recall, 0..=1.
    pub uar: f32,
    /// Share of clips classified correctly, 0..=1.
    pub war: f32,
    /// Number of clips behind both figures.
    pub clips: u32,
    /// The same on corpora that were left out of training; none if that was not measured.
    pub strangers: Option<StrangersEvaluation>,
    /// Seconds between predictions.
    pub step_s: f32,
    /// Whether it has the statistics of speakers needed to calibrate to one.
    pub can_calibrate: bool,
    /// Whether one of its classes is neutral speech, which [`Command::Fit`] needs.
    pub has_neutral: bool,
}

/// Why a calibration cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It was made with another model.
    OtherModel,
    /// It is not a calibration, or a broken one.
    Unreadable,
}

/// What the worker was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading a command.
    Command,
    /// Reading model.json: it is damaged, or something else.
    Manifest,
    /// Comparing model.json with this program: it is of another front end or version.
    Comparison,
    /// Comparing model.onnx with what model.json says of it: they are not of one model.
    Pairing,
    /// Building and trying the network of model.onnx.
    Load,
    /// Starting a session: a sample rate that cannot be processed.
    Start,
    /// Classifying.
    Inference,
}

impl Stage {
    /// Whether a model was being loaded.
    pub fn is_of_model(self) -> bool {
        use Stage::{Comparison, Load, Manifest, Pairing};
        matches!(self, Manifest | Comparison | Pairing | Load)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{
        class::Class,
        explanation::Floats,
        model::{Activation, Liveliness, Posterior},
        session::Verdict,
    };

    impl Value for Json {
        fn number(number: u32) -> Self {
            number.into()
        }

        fn fraction(number: f32) -> Self {
            number.into()
        }

        fn text(text: &str) -> Self {
            text.into()
        }

        fn bytes(bytes: &[u8]) -> Self {
            bytes.into()
        }

        fn list(items: Vec<Self>) -> Self {
            items.into()
        }

        fn object(fields: &[(&str, Self)]) -> Self {
            let owned = |(name, value): &(&str, Self)| ((*name).to_owned(), value.clone());
            Self::Object(fields.iter().map(owned).collect())
        }
    }

    impl Fields for Json {
        fn number(&self, name: &str) -> Option<f64> {
            match (self, name) {
                (Self::Array(list), "length") => Some(list.len() as f64),
                _ => self.field(name)?.as_f64(),
            }
        }

        fn text(&self, name: &str) -> Option<String> {
            self.field(name)?.as_str().map(str::to_owned)
        }

        fn flag(&self, name: &str) -> Option<bool> {
            self.field(name)?.as_bool()
        }

        fn bytes(&self, name: &str) -> Option<Vec<u8>> {
            let byte = |byte: &Self| byte.as_u64()?.try_into().ok();
            self.field(name)?.as_array()?.iter().map(byte).collect()
        }

        fn object(&self, name: &str) -> Option<Self> {
            let field = self.field(name)?;
            (field.is_object() || field.is_array()).then(|| field.clone())
        }
    }

    trait Field {
        fn field(&self, name: &str) -> Option<&Json>;
    }

    impl Field for Json {
        fn field(&self, name: &str) -> Option<&Json> {
            match self {
                Self::Array(list) => list.get(name.parse::<usize>().ok()?),
                _ => self.get(name),
            }
        }
    }

    fn every_event() -> Vec<Event> {
        let posterior = Posterior([0.5, 0.25, 0.125, 0.125].into());
        let (session, owner) = (7, 3);
        let strangers = StrangersEvaluation {
            corpora: 4,
            clips: 6_482,
            speakers: 58,
            uar: 0.4375,
            guessing: 0.1875,
            claimed: 0.25,
            claimed_right: 0.75,
        };
        let mut events = vec![
            Event::Booted {
                protocol: PROTOCOL,
                build: "abc".into(),
                lock: Some("engine-0.5".into()),
            },
            Event::Calibrated {
                owner,
                calibration: "{}".into(),
                speech_s: 8.5,
            },
            Event::Progress { session, at_s: 2.5 },
            Event::Sound {
                session,
                pcm: vec![0, 128, 255, 127],
            },
            Event::Learned {
                owner,
                learned: None,
            },
            Event::Learned {
                owner,
                learned: Some(Lesson {
                    calibration: "{}".into(),
                    references: 9,
                    right_before: 4,
                    right_after: 7,
                }),
            },
            Event::Gap {
                session,
                lost_s: 0.75,
            },
        ];
        events.extend([None, Some(strangers)].map(|strangers| Event::Ready {
            model: ModelSummary {
                version: "1".into(),
                sha256: "ab12".into(),
                labels: vec!["calm".into(), "très content".into()],
                data_set: "a few voices".into(),
                speakers: 3,
                uar: 0.5,
                war: 0.625,
                clips: 1439,
                strangers,
                step_s: 0.25,
                can_calibrate: true,
                has_neutral: false,
            },
        }));
        events.extend(
            [Refusal::OtherModel, Refusal::Unreadable]
                .map(|refusal| Event::Refused { owner, refusal }),
        );
        events.extend([None, Some("{}".into())].map(|calibration| Event::Fitted {
            session,
            calibration,
        }));
        let floats = |count: u8| Floats((0..count).map(|n| f32::from(n) - 0.5).collect());
        let explanation = |answer| Explanation {
            start_s: 1.5,
            end_s: 1.532,
            envelope: floats(16),
            log_mel: floats(4),
            mfcc: floats(3),
            pitch_hz: floats(2),
            states: floats(6),
            units: 3,
            attention: floats(1),
            posterior,
            segments: 2,
            answer,
        };
        let explanations = [
            None,
            Some(explanation(None)),
            Some(explanation(Some(posterior))),
        ];
        events.extend(explanations.map(|explanation| Event::Explained {
            session,
            explanation: explanation.map(Box::new),
        }));
        let update = |update| Event::Update {
            session,
            update,
            compute_ms: 4.5,
        };
        events.extend([true, false].map(|speaking| {
            update(Update::Level {
                at_s: 1.5,
                rms_dbfs: -32.5,
                clipped: true,
                speaking,
            })
        }));
        let sides = [Liveliness::Lively, Liveliness::Quiet, Liveliness::Unsure];
        let lively = sides.map(|sounds| {
            Some(Activation {
                value: 0.75,
                sounds,
            })
        });
        let activations = lively.into_iter().chain([None]).cycle();
        let emotions = Class::first(4).map(Verdict::Emotion);
        let verdicts = emotions.chain([Verdict::NoSpeech, Verdict::Unsure]);
        for (verdict, activation) in verdicts.zip(activations) {
            events.push(update(Update::Prediction {
                at_s: 1.5,
                heard_s: 0.5,
                posterior,
                verdict,
                confidence: 0.5,
                activation,
            }));
            events.push(update(Update::Utterance {
                start_s: 1.5,
                end_s: 3.5,
                speech_s: 1.25,
                posterior,
                evidence: [1.5, -0.5, -0.25, -0.75].into(),
                verdict,
                confidence: 0.5,
                activation,
            }));
            for posterior in [None, Some(posterior)] {
                events.push(Event::Stopped {
                    session,
                    summary: Summary {
                        duration_s: 9.5,
                        speech_s: 4.5,
                        posterior,
                        verdict,
                        confidence: 0.5,
                        activation,
                        nonfinite_samples: 3,
                    },
                });
            }
        }
        for stage in [
            Stage::Command,
            Stage::Manifest,
            Stage::Comparison,
            Stage::Pairing,
            Stage::Load,
            Stage::Start,
            Stage::Inference,
        ] {
            for session in [None, Some(session)] {
                events.push(Event::Failed {
                    stage,
                    session,
                    message: "because".into(),
                });
            }
        }
        events
    }

    #[test]
    fn every_event_is_read_as_it_was_written() {
        for event in every_event() {
            let written = serde_json::to_value(&event).unwrap();
            assert_eq!(Event::read(&written), Some(event), "{written}");
        }
    }

    #[test]
    fn every_command_is_read_as_it_was_written_and_no_other() {
        let session = 7;
        let speakers = [
            Speaker::Unknown,
            Speaker::Calibrated("{}".into()),
            Speaker::Listening,
        ];
        let owner = 3;
        let start = |pacing| Command::Start {
            owner,
            session,
            sample_rate_hz: 48_000,
            pacing,
            claims: Claims {
                at_least: 0.625,
                among: 0b1001,
            },
        };
        let commands = [
            Command::Load {
                model: vec![1, 2],
                manifest: "{}".into(),
            },
            start(Pacing::Live),
            start(Pacing::Recorded),
            Command::Stop { session },
            Command::Fit { session },
            Command::Keep { session },
            Command::Learn {
                owner,
                references: vec![Reference {
                    class: Class::first(3).last().unwrap(),
                    evidence: [0.5, -0.75, 0.25].into(),
                    speech_s: 2.5,
                }],
            },
            Command::Explain { session },
        ];
        let adapt = speakers.map(|speaker| Command::Adapt { owner, speaker });
        for command in commands.into_iter().chain(adapt) {
            let read: Command = serde_json::from_value(command.write()).unwrap();
            assert_eq!(read, command);
        }
        for message in [
            json!({"dance": {}}),
            json!({"fit": {}}),
            json!({"adapt": {}}),
            json!({"adapt": {"speaker": "unknown"}}),
            json!({"adapt": {"owner": 3, "speaker": "somebody"}}),
            json!({"adapt": {"owner": 3, "speaker": {"calibrated": {}}}}),
        ] {
            assert!(
                serde_json::from_value::<Command>(message.clone()).is_err(),
                "{message}"
            );
        }
    }

    #[test]
    fn unknown_tags_are_not_read() {
        for message in [
            json!({"finished": {"session": 1}}),
            json!({"update": {"session": 1, "compute_ms": 1.0, "update": {"guess": {}}}}),
            json!({"failed": {"stage": "sleep", "message": "because"}}),
            json!({"refused": {"refusal": "too_late"}}),
            json!({"update": {"session": 1, "compute_ms": 1.0, "update": {"prediction": {
                "at_s": 1.0, "heard_s": 1.0, "posterior": [1.0], "verdict": {"emotion": 99},
                "confidence": 1.0,
            }}}}),
            json!({"update": {"session": 1, "compute_ms": 1.0, "update": {"prediction": {
                "at_s": 1.0, "heard_s": 1.0, "posterior": vec![0.0; 33], "verdict": "unsure",
                "confidence": 1.0,
            }}}}),
            json!("booted"),
            json!(null),
        ] {
            assert_eq!(Event::read(&message), None, "{message}");
        }
    }

    #[test]
    fn an_event_that_lacks_a_field_is_not_read() {
        /// Every copy of `value` that lacks one field, or has something else in place of an
        /// element, at any depth.
        fn incomplete(value: &Json) -> Vec<Json> {
            let mut copies = Vec::new();
            match value {
                Json::Object(fields) => {
                    for (name, field) in fields {
                        let mut fewer = fields.clone();
                        fewer.remove(name);
                        copies.push(Json::Object(fewer));
                        for inner in incomplete(field) {
                            let mut changed = fields.clone();
                            changed.insert(name.clone(), inner);
                            copies.push(Json::Object(changed));
                        }
                    }
                }
                Json::Array(list) => {
                    for at in 0..list.len() {
                        let mut holed = list.clone();
                        holed[at] = Json::Null;
                        copies.push(Json::Array(holed));
                    }
                }
                _ => {}
            }
            copies
        }
        for event in every_event() {
            let written = serde_json::to_value(&event).unwrap();
            for message in incomplete(&written) {
                let read = Event::read(&message);
                // What may be missing: the session of a failure, the posterior of a summary, what
                // was fitted or heard, and what was not measured for the model or what it does not provide.
                let optional = match &read {
                    Some(Event::Booted { lock, .. }) => lock.is_none(),
                    Some(Event::Failed { session, .. }) => session.is_none(),
                    Some(Event::Ready { model }) => model.strangers.is_none(),
                    Some(Event::Update {
                        update:
                            Update::Prediction { activation, .. } | Update::Utterance { activation, .. },
                        ..
                    }) => activation.is_none(),
                    Some(Event::Stopped { summary, .. }) => {
                        summary.posterior.is_none() || summary.activation.is_none()
                    }
                    Some(Event::Fitted { calibration, .. }) => calibration.is_none(),
                    Some(Event::Learned { learned, .. }) => learned.is_none(),
                    Some(Event::Explained { explanation, .. }) => explanation
                        .as_ref()
                        .is_none_or(|explanation| explanation.answer.is_none()),
                    _ => false,
                };
                assert!(read.is_none() || optional, "{message}");
            }
        }
    }
}
