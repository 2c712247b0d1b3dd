//! A session as builders see it: one source of sound, a lane for each speaker, and what is told of them.

use js_sys::{Array, Function, Object};
use wasm_bindgen::JsValue;

use super::failure::Failure;
use crate::{
    class::Class,
    model::{Activation, Liveliness, Posterior},
    session::{Claims, Summary, Update, Verdict},
    web::{
        client::{
            decoder::Ending,
            file::Recording,
            hearing::{Fault, Hearing},
            microphone::Microphone,
            pcm::Pcm,
        },
        object::object,
    },
};

/// An event on its way to the builder's program.
pub struct Letter {
    /// Takes the name and the detail.
    pub to: Function,
    /// Name of the event.
    pub name: &'static str,
    /// Its `detail`.
    pub detail: JsValue,
}

/// Where the sound comes from.
pub enum Source {
    /// A microphone, a stream or a media element.
    Live(Microphone),
    /// A decoded file.
    File(Recording),
    /// What the builder's program writes, lane by lane.
    Written(Vec<Pcm>),
    /// The same, of which the rest is on its way.
    Closing { _rest: Vec<Pcm> },
    /// Nothing any more; the summary is still to come.
    Ended,
}

/// A session and its lanes, each of which is a session of the engine.
pub struct Talk {
    /// Whose it is.
    pub owner: u32,
    /// The engine's session of the first lane; those of the others follow.
    pub first: u32,
    /// Where the sound comes from.
    pub source: Source,
    lanes: Vec<Lane>,
    to: Function,
    /// When it began, in ms since 1970.
    started_ms: f64,
    utterances: u32,
    length_s: f64,
}

#[derive(Default)]
struct Lane {
    at_s: f64,
    hearing: Hearing,
    /// What was wrong with the sound until now.
    fault: Option<Fault>,
    speaking: bool,
    speech_s: f64,
    utterances: u32,
    lost_s: f64,
    summary: Option<Summary>,
}

/// What answers are made of.
pub struct Judge<'a> {
    /// Of all classes.
    pub labels: &'a [String],
    /// What may be claimed.
    pub claims: Claims,
}

impl Talk {
    /// One that begins now.
    pub fn new(owner: u32, first: u32, lanes: u32, source: Source, to: Function) -> Self {
        Self {
            owner,
            first,
            length_s: match &source {
                Source::File(recording) => recording.duration_s,
                _ => 0.0,
            },
            source,
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            to,
            started_ms: js_sys::Date::now(),
            utterances: 0,
        }
    }

    /// The engine's sessions.
    pub fn sessions(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.lanes.len() as u32
    }

    /// An event of this session.
    pub fn letter(&self, name: &'static str, detail: impl Into<JsValue>) -> Letter {
        Letter {
            to: self.to.clone(),
            name,
            detail: detail.into(),
        }
    }

    /// What the device does to the sound although it was asked not to.
    pub fn processing(&self) -> Option<Letter> {
        let Source::Live(microphone) = &self.source else {
            return None;
        };
        let processing = microphone.processing();
        let does = [
            (processing.echo_cancellation, "removes echo"),
            (processing.noise_suppression, "removes noise"),
            (processing.automatic_gain, "evens out loudness"),
        ];
        let does: Vec<&str> = does
            .iter()
            .filter_map(|(does, what)| does.then_some(*what))
            .collect();
        let message = [
            "The device changes the sound, which makes the answers less reliable: it ",
            &does.join(", "),
            ".",
        ];
        (!does.is_empty()).then(|| self.warning("processed", 0, &message.concat()))
    }

    fn warning(&self, code: &str, lane: u32, message: &str) -> Letter {
        let detail = [
            ("code", code.into()),
            ("lane", lane.into()),
            ("message", message.into()),
        ];
        self.letter("warning", object(&detail))
    }

    /// Tells what a lane's session found out.
    pub fn update(
        &mut self,
        session: u32,
        update: &Update,
        compute_ms: f32,
        judge: &Judge,
        letters: &mut Vec<Letter>,
    ) {
        let number = session - self.first;
        let Some(lane) = self.lanes.get_mut(number as usize) else {
            return;
        };
        match *update {
            Update::Level {
                at_s,
                rms_dbfs,
                speaking,
                ..
            } => {
                lane.at_s = at_s;
                lane.hearing.update(update);
                let fault = lane.hearing.fault();
                let is_new = std::mem::replace(&mut lane.fault, fault) != fault;
                let turned = std::mem::replace(&mut lane.speaking, speaking) != speaking;
                let at = [("lane", number.into()), ("atMs", ms(at_s))];
                let level = [
                    at.as_slice(),
                    &[("dbfs", rms_dbfs.into()), ("speaking", speaking.into())],
                ];
                letters.push(self.letter("level", object(&level.concat())));
                if turned {
                    let name = if speaking { "speechstart" } else { "speechend" };
                    letters.push(self.letter(name, object(&at)));
                }
                if let Some(fault) = fault.filter(|_| is_new) {
                    let (code, message) = warned(fault);
                    letters.push(self.warning(code, number, message));
                }
            }
            Update::Prediction {
                at_s,
                heard_s,
                posterior,
                verdict,
                confidence,
                activation,
            } => {
                let detail = object(&[
                    ("lane", number.into()),
                    ("atMs", ms(at_s)),
                    ("heardMs", ms(heard_s.into())),
                    ("computeMs", compute_ms.into()),
                ]);
                judge.tell(&detail, verdict, confidence, Some(&posterior), activation);
                letters.push(self.letter("prediction", detail));
            }
            Update::Utterance {
                start_s,
                end_s,
                speech_s,
                posterior,
                evidence: _,
                verdict,
                confidence,
                activation,
            } => {
                lane.at_s = lane.at_s.max(end_s);
                lane.speech_s += speech_s;
                lane.utterances += 1;
                self.utterances += 1;
                let detail = object(&[
                    ("id", self.utterances.into()),
                    ("lane", number.into()),
                    ("startMs", ms(start_s)),
                    ("endMs", ms(end_s)),
                    ("speechMs", ms(speech_s)),
                ]);
                judge.tell(&detail, verdict, confidence, Some(&posterior), activation);
                letters.push(self.letter("utterance", detail));
            }
        }
    }

    /// Tells how far a recording is; lanes go on side by side.
    pub fn progress(&mut self, session: u32, at_s: f64) -> Option<Letter> {
        self.lanes.get_mut((session - self.first) as usize)?.at_s = at_s;
        let at_s = self.lanes.iter().map(|lane| lane.at_s);
        let at_s = at_s.fold(f64::INFINITY, f64::min);
        let detail = [("atMs", ms(at_s)), ("durationMs", ms(self.length_s))];
        Some(self.letter("progress", object(&detail)))
    }

    /// Tells of sound that was lost.
    pub fn gap(&mut self, session: u32, lost_s: f64) -> Option<Letter> {
        let number = session - self.first;
        let lane = self.lanes.get_mut(number as usize)?;
        let at_s = lane.at_s;
        lane.lost_s += lost_s;
        let detail = [
            ("lane", number.into()),
            ("atMs", ms(at_s)),
            ("lostMs", ms(lost_s)),
        ];
        Some(self.letter("gap", object(&detail)))
    }

    /// Takes a lane's summary; whether it was the last.
    pub fn stopped(&mut self, session: u32, summary: Summary) -> bool {
        if let Some(lane) = self.lanes.get_mut((session - self.first) as usize) {
            lane.summary = Some(summary);
        }
        self.lanes.iter().all(|lane| lane.summary.is_some())
    }

    /// The last event, with all that was heard.
    pub fn close(&self, judge: &Judge) -> Letter {
        let lanes = Array::new();
        let mut length_s = 0.0;
        let mut is_complete = true;
        for (number, lane) in (0_u32..).zip(&self.lanes) {
            let tally = Summary {
                duration_s: lane.at_s,
                speech_s: lane.speech_s,
                posterior: None,
                verdict: Verdict::NoSpeech,
                confidence: 0.0,
                activation: None,
                nonfinite_samples: 0,
            };
            is_complete &= lane.summary.is_some();
            let summary = lane.summary.as_ref().unwrap_or(&tally);
            length_s = f64::max(length_s, summary.duration_s);
            let detail = object(&[
                ("lane", number.into()),
                ("durationMs", ms(summary.duration_s)),
                ("speechMs", ms(summary.speech_s)),
                ("utterances", lane.utterances.into()),
                ("lostMs", ms(lane.lost_s)),
                ("badSamples", (summary.nonfinite_samples as f64).into()),
            ]);
            judge.tell(
                &detail,
                summary.verdict,
                summary.confidence,
                summary.posterior.as_ref(),
                summary.activation,
            );
            lanes.push(&detail);
        }
        let missing = match &self.source {
            Source::File(recording) => recording.ending(),
            _ => Ending::default(),
        };
        let summary = object(&[
            ("startedAt", self.started_ms.into()),
            ("durationMs", ms(length_s)),
            ("complete", is_complete.into()),
            ("endsEarly", missing.early.into()),
            ("damagedParts", missing.damaged_parts.into()),
            ("lanes", lanes.into()),
        ]);
        self.letter("close", object(&[("summary", summary.into())]))
    }

    /// What cannot go on, and the end.
    pub fn fail(&self, failure: Failure, judge: &Judge) -> [Letter; 2] {
        [self.letter("error", failure), self.close(judge)]
    }
}

impl Judge<'_> {
    /// Adds to an event what a voice expresses.
    fn tell(
        &self,
        detail: &Object,
        verdict: Verdict,
        confidence: f32,
        posterior: Option<&Posterior>,
        activation: Option<Activation>,
    ) {
        let label = match verdict {
            Verdict::Emotion(class) => self
                .labels
                .get(class.index())
                .map_or(JsValue::NULL, Into::into),
            Verdict::NoSpeech | Verdict::Unsure => JsValue::NULL,
        };
        let probabilities = posterior.map_or(JsValue::NULL, |posterior| {
            let classes = Class::first(self.labels.len()).zip(self.labels);
            let asked = classes.filter(|(class, _)| self.claims.has(*class));
            let shares: Vec<(&str, JsValue)> = asked
                .map(|(class, label)| (label.as_str(), posterior.get(class).into()))
                .collect();
            object(&shares).into()
        });
        let activation = activation.map_or(JsValue::NULL, |Activation { value, sounds }| {
            let sounds = match sounds {
                Liveliness::Lively => "lively".into(),
                Liveliness::Quiet => "quiet".into(),
                Liveliness::Unsure => JsValue::NULL,
            };
            object(&[("value", value.into()), ("sounds", sounds)]).into()
        });
        for (name, value) in [
            ("label", label),
            ("confidence", confidence.into()),
            ("probabilities", probabilities),
            ("activation", activation),
        ] {
            // A plain object takes every field.
            let _ = js_sys::Reflect::set(detail, &name.into(), &value);
        }
    }
}

/// Code and message of a warning.
fn warned(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Silent => (
            "silent",
            "Nothing but complete silence arrives. The microphone may be muted.",
        ),
        Fault::Faint => (
            "faint",
            "Hardly anything arrives. The microphone may be turned down or far away.",
        ),
        Fault::Quiet => (
            "quiet",
            "The speech is very quiet, which makes the answers less reliable.",
        ),
        Fault::Clipped => (
            "clipped",
            "The sound is too loud and is cut off, which makes the answers less reliable.",
        ),
    }
}

/// Seconds as milliseconds, of which the engine knows no fraction.
fn ms(seconds: f64) -> JsValue {
    (seconds * 1e3).round_ties_even().into()
}
