//! Recordings as the plain objects that [`crate::record::Record`] is in JSON, and back.

use js_sys::{Array, Object, Reflect};
use wasm_bindgen::JsValue;

use super::keeper::Kept;
use crate::{
    class::{Labels, PerClass},
    model::{Activation, Liveliness},
    protocol::Fields,
    record::{Lane, ModelIdentity, Note, Probabilities, Section, Source, SourceKind, Utterance},
};

/// The record of these recordings, all of the first one's model.
pub fn record(recordings: &[&Kept]) -> Option<JsValue> {
    let first = recordings.first()?;
    let ModelIdentity {
        name,
        version,
        sha256,
        trained_on,
    } = &first.model;
    let mut writer = Writer::default();
    let model = [
        ("name", name.as_str().into()),
        ("version", version.as_str().into()),
        ("sha256", sha256.as_str().into()),
        ("trainedOn", trained_on.as_str().into()),
    ];
    let model = writer.object(&model);
    let labels = first.labels.names().iter();
    let labels = list(labels.map(|label| label.as_str().into()));
    let sources = recordings.iter().map(|kept| writer.source(&kept.source));
    let sources = list(sources);
    Some(writer.object(&[("model", model), ("labels", labels), ("sources", sources)]))
}

/// Writes objects. Their fields' names and whatever else recurs becomes JavaScript's once, which takes longer
/// than all the rest.
#[derive(Default)]
struct Writer {
    texts: Vec<(String, JsValue)>,
}

impl Writer {
    fn text(&mut self, text: &str) -> JsValue {
        if let Some((_, known)) = self.texts.iter().find(|(known, _)| known == text) {
            return known.clone();
        }
        let new = JsValue::from(text);
        self.texts.push((text.to_owned(), new.clone()));
        new
    }

    fn optional(&mut self, text: &Option<String>) -> JsValue {
        text.as_ref().map_or(JsValue::NULL, |text| self.text(text))
    }

    fn object(&mut self, fields: &[(&str, JsValue)]) -> JsValue {
        let object = Object::new();
        for (name, value) in fields {
            // A plain object accepts every field.
            let _ = Reflect::set(&object, &self.text(name), value);
        }
        object.into()
    }

    fn source(&mut self, source: &Source) -> JsValue {
        let sections = source.sections.iter().map(|section| {
            self.object(&[
                ("startMs", ms(section.start_ms)),
                ("endMs", ms(section.end_ms)),
                ("name", section.name.as_str().into()),
            ])
        });
        let sections = list(sections);
        let notes = source.notes.iter().map(|note| {
            self.object(&[
                ("atMs", ms(note.at_ms)),
                ("text", note.text.as_str().into()),
            ])
        });
        let notes = list(notes);
        let lanes = source.lanes.iter();
        let lanes = list(lanes.map(|lane| self.object(&[("name", lane.name.as_str().into())])));
        let utterances = source.utterances.iter();
        let utterances = list(utterances.map(|utterance| self.utterance(utterance)));
        let kind = match source.kind {
            SourceKind::File => "file",
            SourceKind::Stream => "stream",
        };
        self.object(&[
            ("name", source.name.as_str().into()),
            ("kind", kind.into()),
            ("startedMs", source.started_ms.map_or(JsValue::NULL, ms)),
            ("durationMs", ms(source.duration_ms)),
            ("lanes", lanes),
            ("utterances", utterances),
            ("sections", sections),
            ("notes", notes),
        ])
    }

    fn utterance(&mut self, utterance: &Utterance) -> JsValue {
        let Probabilities(shares) = &utterance.probabilities;
        let shares: Vec<(&str, JsValue)> = shares
            .iter()
            .map(|(label, share)| (label.as_str(), (*share).into()))
            .collect();
        let shares = self.object(&shares);
        let activation = utterance.activation.map_or(JsValue::NULL, |activation| {
            let sounds = self.text(match activation.sounds {
                Liveliness::Lively => "lively",
                Liveliness::Quiet => "quiet",
                Liveliness::Unsure => "unsure",
            });
            self.object(&[("value", activation.value.into()), ("sounds", sounds)])
        });
        let evidence = utterance.evidence.map_or(JsValue::UNDEFINED, |evidence| {
            list(evidence.iter().map(|number| (*number).into()))
        });
        let (label, correction) = (
            self.optional(&utterance.label),
            self.optional(&utterance.correction),
        );
        self.object(&[
            ("id", (utterance.id as f64).into()),
            ("lane", (utterance.lane as u32).into()),
            ("startMs", ms(utterance.start_ms)),
            ("endMs", ms(utterance.end_ms)),
            ("speechMs", ms(utterance.speech_ms)),
            ("label", label),
            ("confidence", utterance.confidence.into()),
            ("probabilities", shares),
            ("activation", activation),
            ("correction", correction),
            ("evidence", evidence),
        ])
    }
}

fn ms(ms: u64) -> JsValue {
    (ms as f64).into()
}

fn list(items: impl Iterator<Item = JsValue>) -> JsValue {
    items.collect::<Array>().into()
}

/// The recordings of a record; none when it is no record.
pub fn read(record: &impl Fields) -> Option<Vec<Kept>> {
    let model = record.object("model")?;
    let model = ModelIdentity {
        name: model.text("name")?,
        version: model.text("version")?,
        sha256: model.text("sha256")?,
        trained_on: model.text("trainedOn")?,
    };
    let names = texts(&record.object("labels")?)?;
    let labels = Labels::new(names).ok()?;
    items(&record.object("sources")?, |source| {
        let source = read_source(source, &labels)?;
        Some(Kept::opened(model.clone(), labels.clone(), source))
    })
}

fn read_source(source: &impl Fields, labels: &Labels) -> Option<Source> {
    let mut utterances = items(&source.object("utterances")?, |utterance| {
        read_utterance(utterance, labels)
    })?;
    utterances.sort_by_key(|utterance| utterance.start_ms);
    Some(Source {
        name: source.text("name")?,
        kind: match source.text("kind")?.as_str() {
            "stream" => SourceKind::Stream,
            _ => SourceKind::File,
        },
        started_ms: whole(source, "startedMs"),
        duration_ms: whole(source, "durationMs")?,
        lanes: items(&source.object("lanes")?, |lane| {
            lane.text("name").map(|name| Lane { name })
        })?,
        utterances,
        sections: items(&source.object("sections")?, |section| {
            Some(Section {
                start_ms: whole(section, "startMs")?,
                end_ms: whole(section, "endMs")?,
                name: section.text("name")?,
            })
        })?,
        notes: items(&source.object("notes")?, |note| {
            Some(Note {
                at_ms: whole(note, "atMs")?,
                text: note.text("text")?,
            })
        })?,
    })
}

fn read_utterance(utterance: &impl Fields, labels: &Labels) -> Option<Utterance> {
    let shares = utterance.object("probabilities")?;
    let mut probabilities = Vec::new();
    for label in labels.names() {
        probabilities.push((label.clone(), shares.number(label)? as f32));
    }
    let activation = utterance.object("activation").and_then(|activation| {
        Some(Activation {
            value: activation.number("value")? as f32,
            sounds: match activation.text("sounds")?.as_str() {
                "lively" => Liveliness::Lively,
                "quiet" => Liveliness::Quiet,
                _ => Liveliness::Unsure,
            },
        })
    });
    let evidence = utterance.object("evidence").and_then(|list| {
        let mut evidence = PerClass::from_fn(labels.len(), |_| 0.0);
        for (i, number) in evidence.iter_mut().enumerate() {
            *number = list.number(&(i as u32).to_string())? as f32;
        }
        Some(evidence)
    });
    Some(Utterance {
        id: whole(utterance, "id")?,
        lane: whole(utterance, "lane")? as usize,
        start_ms: whole(utterance, "startMs")?,
        end_ms: whole(utterance, "endMs")?,
        speech_ms: whole(utterance, "speechMs")?,
        label: utterance.text("label"),
        confidence: utterance.number("confidence")? as f32,
        probabilities: Probabilities(probabilities),
        activation,
        correction: utterance.text("correction"),
        evidence,
    })
}

fn whole(fields: &impl Fields, name: &str) -> Option<u64> {
    fields.number(name).map(|number| number as u64)
}

fn texts(list: &impl Fields) -> Option<Vec<String>> {
    let length = list.number("length")? as u32;
    (0..length).map(|i| list.text(&i.to_string())).collect()
}

fn items<F: Fields, T>(list: &F, read: impl Fn(&F) -> Option<T>) -> Option<Vec<T>> {
    let length = list.number("length")? as u32;
    let item = |i: u32| read(&list.object(&i.to_string())?);
    (0..length).map(item).collect()
}
