//! Events, as the page reads them.

use super::{Event, ModelSummary, Refusal, Stage};
use crate::{
    class::{Class, MAX_CLASSES, PerClass},
    explanation::{Explanation, Floats},
    model::{Activation, Liveliness, Posterior, StrangersEvaluation},
    session::{Summary, Update, Verdict},
};

/// A message that arrived: an object with named fields, or a list whose fields are named "0", "1" …
/// and "length".
pub trait Fields: Sized {
    /// The number with this name.
    fn number(&self, name: &str) -> Option<f64>;
    /// The text with this name.
    fn text(&self, name: &str) -> Option<String>;
    /// The boolean with this name.
    fn flag(&self, name: &str) -> Option<bool>;
    /// The bytes with this name.
    fn bytes(&self, name: &str) -> Option<Vec<u8>>;
    /// The object or list with this name.
    fn object(&self, name: &str) -> Option<Self>;
}

impl Event {
    /// Reads what serde wrote; none if a tag is unknown or a field is missing.
    pub fn read(message: &impl Fields) -> Option<Self> {
        let whole = |fields: &_, name| Fields::number(fields, name).map(|number| number as u32);
        if let Some(body) = message.object("update") {
            Some(Self::Update {
                session: whole(&body, "session")?,
                update: update(&body.object("update")?)?,
                compute_ms: body.number("compute_ms")? as f32,
            })
        } else if let Some(body) = message.object("progress") {
            Some(Self::Progress {
                session: whole(&body, "session")?,
                at_s: body.number("at_s")?,
            })
        } else if let Some(body) = message.object("gap") {
            Some(Self::Gap {
                session: whole(&body, "session")?,
                lost_s: body.number("lost_s")?,
            })
        } else if let Some(body) = message.object("stopped") {
            let summary = body.object("summary")?;
            Some(Self::Stopped {
                session: whole(&body, "session")?,
                summary: Summary {
                    duration_s: summary.number("duration_s")?,
                    speech_s: summary.number("speech_s")?,
                    posterior: posterior(&summary, "posterior"),
                    verdict: verdict(&summary)?,
                    confidence: summary.number("confidence")? as f32,
                    activation: activation(&summary)?,
                    nonfinite_samples: summary.number("nonfinite_samples")? as u64,
                },
            })
        } else if let Some(body) = message.object("booted") {
            Some(Self::Booted {
                protocol: whole(&body, "protocol")?,
                build: body.text("build")?,
                lock: body.text("lock")?,
            })
        } else if let Some(body) = message.object("fitted") {
            Some(Self::Fitted {
                session: whole(&body, "session")?,
                calibration: body.text("calibration"),
            })
        } else if let Some(body) = message.object("explained") {
            Some(Self::Explained {
                session: whole(&body, "session")?,
                explanation: match body.object("explanation") {
                    Some(fields) => Some(Box::new(explanation(&fields)?)),
                    None => None,
                },
            })
        } else if let Some(body) = message.object("calibrated") {
            Some(Self::Calibrated {
                owner: whole(&body, "owner")?,
                calibration: body.text("calibration")?,
                speech_s: body.number("speech_s")?,
            })
        } else if let Some(body) = message.object("refused") {
            Some(Self::Refused {
                owner: whole(&body, "owner")?,
                refusal: match body.text("refusal")?.as_str() {
                    "other_model" => Refusal::OtherModel,
                    "unreadable" => Refusal::Unreadable,
                    _ => return None,
                },
            })
        } else if let Some(body) = message.object("ready") {
            let model = body.object("model")?;
            Some(Self::Ready {
                model: ModelSummary {
                    version: model.text("version")?,
                    labels: labels(&model.object("labels")?)?,
                    data_set: model.text("data_set")?,
                    speakers: whole(&model, "speakers")?,
                    uar: model.number("uar")? as f32,
                    war: model.number("war")? as f32,
                    clips: whole(&model, "clips")?,
                    strangers: strangers(&model)?,
                    step_s: model.number("step_s")? as f32,
                    can_calibrate: model.flag("can_calibrate")?,
                    has_neutral: model.flag("has_neutral")?,
                },
            })
        } else {
            let body = message.object("failed")?;
            Some(Self::Failed {
                stage: match body.text("stage")?.as_str() {
                    "command" => Stage::Command,
                    "manifest" => Stage::Manifest,
                    "comparison" => Stage::Comparison,
                    "pairing" => Stage::Pairing,
                    "load" => Stage::Load,
                    "start" => Stage::Start,
                    "inference" => Stage::Inference,
                    _ => return None,
                },
                session: whole(&body, "session"),
                message: body.text("message")?,
            })
        }
    }
}

fn update(message: &impl Fields) -> Option<Update> {
    if let Some(body) = message.object("level") {
        Some(Update::Level {
            at_s: body.number("at_s")?,
            rms_dbfs: body.number("rms_dbfs")? as f32,
            speaking: body.flag("speaking")?,
        })
    } else if let Some(body) = message.object("prediction") {
        Some(Update::Prediction {
            at_s: body.number("at_s")?,
            heard_s: body.number("heard_s")? as f32,
            posterior: posterior(&body, "posterior")?,
            verdict: verdict(&body)?,
            confidence: body.number("confidence")? as f32,
            activation: activation(&body)?,
        })
    } else {
        let body = message.object("utterance")?;
        Some(Update::Utterance {
            start_s: body.number("start_s")?,
            end_s: body.number("end_s")?,
            speech_s: body.number("speech_s")?,
            posterior: posterior(&body, "posterior")?,
            verdict: verdict(&body)?,
            confidence: body.number("confidence")? as f32,
            activation: activation(&body)?,
        })
    }
}

/// The inner option is none if they were not measured.
#[allow(clippy::option_option)]
fn strangers(model: &impl Fields) -> Option<Option<StrangersEvaluation>> {
    let Some(strangers) = model.object("strangers") else {
        return Some(None);
    };
    let number = |name| strangers.number(name);
    Some(Some(StrangersEvaluation {
        corpora: number("corpora")? as u32,
        clips: number("clips")? as u32,
        speakers: number("speakers")? as u32,
        uar: number("uar")? as f32,
        guessing: number("guessing")? as f32,
        claimed: number("claimed")? as f32,
        claimed_right: number("claimed_right")? as f32,
    }))
}

/// The inner option is none if the model does not provide it.
#[allow(clippy::option_option)]
fn activation(fields: &impl Fields) -> Option<Option<Activation>> {
    let Some(activation) = fields.object("activation") else {
        return Some(None);
    };
    Some(Some(Activation {
        value: activation.number("value")? as f32,
        sounds: match activation.text("sounds")?.as_str() {
            "lively" => Liveliness::Lively,
            "quiet" => Liveliness::Quiet,
            "unsure" => Liveliness::Unsure,
            _ => return None,
        },
    }))
}

fn explanation(fields: &impl Fields) -> Option<Explanation> {
    let floats = |name| Floats::from_bytes(&fields.bytes(name)?);
    Some(Explanation {
        start_s: fields.number("start_s")?,
        end_s: fields.number("end_s")?,
        envelope: floats("envelope")?,
        log_mel: floats("log_mel")?,
        mfcc: floats("mfcc")?,
        pitch_hz: floats("pitch_hz")?,
        states: floats("states")?,
        units: fields.number("units")? as u32,
        attention: floats("attention")?,
        posterior: posterior(fields, "posterior")?,
        segments: fields.number("segments")? as u32,
        answer: posterior(fields, "answer"),
    })
}

fn posterior(fields: &impl Fields, name: &str) -> Option<Posterior> {
    let list = fields.object(name)?;
    let mut shares = PerClass::from_fn(length(&list)?, |_| 0.0);
    for (i, share) in shares.iter_mut().enumerate() {
        *share = list.number(&(i as u32).to_string())? as f32;
    }
    Some(Posterior(shares))
}

fn labels(list: &impl Fields) -> Option<Vec<String>> {
    let mut labels = Vec::new();
    for i in 0..length(list)? as u32 {
        labels.push(list.text(&i.to_string())?);
    }
    Some(labels)
}

/// The length of a list with an element for each class.
fn length(list: &impl Fields) -> Option<usize> {
    let length = list.number("length")? as usize;
    (length <= MAX_CLASSES).then_some(length)
}

fn verdict(fields: &impl Fields) -> Option<Verdict> {
    match fields.text("verdict").as_deref() {
        Some("no_speech") => Some(Verdict::NoSpeech),
        Some("unsure") => Some(Verdict::Unsure),
        Some(_) => None,
        None => {
            let class = fields.object("verdict")?.number("emotion")?;
            Class::new(class as usize).map(Verdict::Emotion)
        }
    }
}
