//! A session as a person keeps it: who spoke when, what the program said about it and, kept apart
//! from that, what a person made of it.
//!
//! This is what is exported, and what emotional context is made from. Its JSON matches that of
//! utterances in the browser: names in camel case, times in whole milliseconds of the source's own
//! clock, probabilities by label. Times are whole numbers so that every format writes the same ones
//! without rounding.

mod overview;

pub use overview::Overview;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

use crate::{
    class::Labels,
    model::{Activation, Evidence, Liveliness, Manifest, Posterior},
    session::{Update, Verdict},
};

/// Decimal places of a probability when it is written: with this many, JSON needs no exponent.
const SHARE_DIGITS: i32 = 5;

/// One session: what was heard from one or several sources, and which model judged it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The model that judged.
    pub model: ModelIdentity,
    /// The model's labels, in its order.
    pub labels: Labels,
    /// The sources, in the order in which they were given.
    pub sources: Vec<Source>,
}

/// Identifies the model that judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelIdentity {
    /// Its name.
    pub name: String,
    /// Its version, from model.json.
    pub version: String,
    /// SHA-256 of the model file, in hexadecimal digits.
    pub sha256: String,
    /// What it was trained on, from model.json; may be empty.
    pub trained_on: String,
}

/// A recording or a stream, with its own clock that starts at 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The file's name or path, or the name of the stream.
    pub name: String,
    /// Whether `name` is that of a file.
    pub kind: SourceKind,
    /// When it began, in ms since 1970 (UTC); none if that is not known.
    #[serde(default)]
    pub started_ms: Option<u64>,
    /// Its length in ms.
    pub duration_ms: u64,
    /// Who speaks: an entry for each channel that is judged by itself, or one for a mix.
    pub lanes: Vec<Lane>,
    /// Those of all lanes.
    pub utterances: Vec<Utterance>,
    /// Stretches that a person marked.
    #[serde(default)]
    pub sections: Vec<Section>,
    /// What a person has noted.
    #[serde(default)]
    pub notes: Vec<Note>,
}

/// Where sound comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceKind {
    /// An audio file.
    #[default]
    File,
    /// A microphone or another stream.
    Stream,
}

/// One speaker's channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lane {
    /// What the speaker is called.
    pub name: String,
}

/// Speech between silences, and the emotion it expresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Utterance {
    /// Increases within a source.
    pub id: u64,
    /// Index of the source's lane.
    #[serde(default)]
    pub lane: usize,
    /// When it began, in ms.
    #[serde(deserialize_with = "milliseconds")]
    pub start_ms: u64,
    /// When it ended, in ms.
    #[serde(deserialize_with = "milliseconds")]
    pub end_ms: u64,
    /// Ms of speech heard in it: pauses do not count.
    #[serde(deserialize_with = "milliseconds")]
    pub speech_ms: u64,
    /// What the program says it expresses; none if it is not sure.
    pub label: Option<String>,
    /// The highest of the probabilities, 0..=1; never a measured accuracy.
    #[serde(serialize_with = "write_share")]
    pub confidence: f32,
    /// The probabilities of all labels.
    pub probabilities: Probabilities,
    /// How lively the voice sounds; none if the model does not say.
    #[serde(
        default,
        serialize_with = "write_activation",
        deserialize_with = "read_activation"
    )]
    pub activation: Option<Activation>,
    /// What a person says it expresses; none if nobody corrected the program.
    #[serde(default)]
    pub correction: Option<String>,
    /// What its probabilities are made of, before calibration, in the order of the labels: what the program
    /// learns a voice from once a person says what it expresses. None where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// A stretch of a source with a name, such as "question 2".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Section {
    /// Where it begins, in ms.
    pub start_ms: u64,
    /// Where it ends, in ms.
    pub end_ms: u64,
    /// What it is.
    pub name: String,
}

/// A person's note at a moment of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The moment, in ms.
    pub at_ms: u64,
    /// What was noted.
    pub text: String,
}

/// Probability by label, 0..=1 each, in the order of the labels; a JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probabilities(pub Vec<(String, f32)>);

/// A part of a record that does not fit the rest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} is {found}, expected {expected}")]
pub struct RecordError {
    /// Where it is, such as `sources[0].utterances[3].lane`.
    pub place: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl ModelIdentity {
    /// The model that `manifest` describes.
    pub fn of(manifest: &Manifest) -> Self {
        Self {
            name: "Speech Emotion".to_owned(),
            version: manifest.version.clone(),
            sha256: manifest.onnx.sha256.clone(),
            trained_on: manifest.training.data_set.clone(),
        }
    }
}

impl Source {
    /// Where it ends, in ms: its length, or the end of the last thing in it.
    pub fn end_ms(&self) -> u64 {
        let utterances = self.utterances.iter().map(|utterance| utterance.end_ms);
        let sections = self.sections.iter().map(|section| section.end_ms);
        let notes = self.notes.iter().map(|note| note.at_ms);
        let last = utterances.chain(sections).chain(notes).max();
        self.duration_ms.max(last.unwrap_or(0))
    }
}

impl Utterance {
    /// Makes one from what a session found; none if the update is not an utterance.
    pub fn of(update: &Update, id: u64, lane: usize, labels: &Labels) -> Option<Self> {
        let Update::Utterance {
            start_s,
            end_s,
            speech_s,
            posterior,
            evidence,
            verdict,
            confidence,
            activation,
        } = update
        else {
            return None;
        };
        Some(Self {
            id,
            lane,
            start_ms: whole_ms(start_s * 1e3),
            end_ms: whole_ms(end_s * 1e3),
            speech_ms: whole_ms(speech_s * 1e3),
            label: match verdict {
                Verdict::Emotion(class) => Some(labels.name(*class).to_owned()),
                Verdict::Unsure | Verdict::NoSpeech => None,
            },
            confidence: *confidence,
            probabilities: Probabilities::of(posterior, labels),
            activation: *activation,
            correction: None,
            evidence: Some(*evidence),
        })
    }
}

impl Probabilities {
    /// Those of a posterior over these labels.
    pub fn of(posterior: &Posterior, labels: &Labels) -> Self {
        let share = |class| (labels.name(class).to_owned(), posterior.get(class));
        Self(labels.classes().map(share).collect())
    }

    /// The probability of one label; 0 if there is no such label.
    pub fn get(&self, label: &str) -> f32 {
        let found = self.0.iter().find(|(name, _)| name == label);
        found.map_or(0.0, |(_, share)| *share)
    }

    /// The most probable label, the first in a tie.
    pub fn top(&self) -> Option<&(String, f32)> {
        self.0.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

impl Record {
    /// Makes a record for each source.
    pub fn split(&self) -> impl Iterator<Item = Self> {
        self.sources.iter().map(|source| Self {
            model: self.model.clone(),
            labels: self.labels.clone(),
            sources: vec![source.clone()],
        })
    }

    /// Checks that labels, lanes, times and probabilities fit together.
    ///
    /// # Errors
    /// Names the first thing that does not fit.
    pub fn check(&self) -> Result<(), RecordError> {
        for (s, source) in self.sources.iter().enumerate() {
            for (i, section) in source.sections.iter().enumerate() {
                let place = || format!("sources[{s}].sections[{i}].endMs");
                expect_from(section.start_ms, section.end_ms, place)?;
            }
            for (i, utterance) in source.utterances.iter().enumerate() {
                let place = |field: &str| format!("sources[{s}].utterances[{i}].{field}");
                self.check_utterance(source, utterance, place)?;
            }
        }
        Ok(())
    }

    fn check_utterance(
        &self,
        source: &Source,
        utterance: &Utterance,
        place: impl Fn(&str) -> String,
    ) -> Result<(), RecordError> {
        let expect = |field, holds: bool, expected: &str, found: String| {
            let error = || RecordError {
                place: place(field),
                expected: expected.to_owned(),
                found,
            };
            holds.then_some(()).ok_or_else(error)
        };
        let (lane, lanes) = (utterance.lane, source.lanes.len());
        let expected = format!("less than the number of lanes, {lanes}");
        expect("lane", lane < lanes, &expected, lane.to_string())?;
        expect_from(utterance.start_ms, utterance.end_ms, || place("endMs"))?;
        if let Some(label) = &utterance.label {
            let known = self.labels.class(label).is_some();
            expect(
                "label",
                known,
                "one of the labels or null",
                format!("{label:?}"),
            )?;
        }
        let is_share = |share: f32| (0.0..=1.0).contains(&share);
        let confidence = utterance.confidence;
        expect(
            "confidence",
            is_share(confidence),
            "0 to 1",
            confidence.to_string(),
        )?;
        if let Some(Activation { value, .. }) = utterance.activation {
            expect(
                "activation.value",
                is_share(value),
                "0 to 1",
                value.to_string(),
            )?;
        }
        if let Some(evidence) = utterance.evidence {
            let holds = evidence.len() == self.labels.len()
                && evidence.iter().all(|number| number.is_finite());
            expect(
                "evidence",
                holds,
                "a number for each label",
                format!("{evidence:?}"),
            )?;
        }
        let Probabilities(shares) = &utterance.probabilities;
        let mut names: Vec<&str> = shares.iter().map(|(name, _)| name.as_str()).collect();
        let mut labels: Vec<&str> = self.labels.names().iter().map(String::as_str).collect();
        names.sort_unstable();
        labels.sort_unstable();
        let holds = names == labels && shares.iter().all(|(_, share)| is_share(*share));
        let found = format!("{shares:?}");
        expect("probabilities", holds, "0 to 1 for each label", found)
    }
}

fn expect_from(
    start_ms: u64,
    end_ms: u64,
    place: impl FnOnce() -> String,
) -> Result<(), RecordError> {
    let error = || RecordError {
        place: place(),
        expected: format!("at least startMs, {start_ms}"),
        found: end_ms.to_string(),
    };
    (start_ms <= end_ms).then_some(()).ok_or_else(error)
}

/// The nearest non-negative whole number.
pub(crate) fn whole_ms(ms: f64) -> u64 {
    ms.round() as u64
}

/// Reads ms that may be fractional.
pub(crate) fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    f64::deserialize(deserializer).map(whole_ms)
}

/// A probability rounded for writing.
pub(crate) fn rounded(share: f32) -> f32 {
    let scale = 10_f32.powi(SHARE_DIGITS);
    (share * scale).round() / scale
}

fn write_share<S: Serializer>(share: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f32(rounded(*share))
}

/// Writes a probability or nothing.
pub(crate) fn write_optional_share<S: Serializer>(
    share: &Option<f32>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    share.map(rounded).serialize(serializer)
}

fn write_activation<S: Serializer>(
    activation: &Option<Activation>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let rounded = activation.map(|activation| Activation {
        value: rounded(activation.value),
        ..activation
    });
    rounded.serialize(serializer)
}

/// In the browser `sounds` is null where nothing can be said.
fn read_activation<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Activation>, D::Error> {
    #[derive(Deserialize)]
    struct Told {
        value: f32,
        sounds: Option<Liveliness>,
    }
    let told = Option::<Told>::deserialize(deserializer)?;
    Ok(told.map(|Told { value, sounds }| Activation {
        value,
        sounds: sounds.unwrap_or(Liveliness::Unsure),
    }))
}

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shares = self.0.iter();
        serializer.collect_map(shares.map(|(label, share)| (label, rounded(*share))))
    }
}

impl<'de> Deserialize<'de> for Probabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByLabel;

        impl<'de> Visitor<'de> for ByLabel {
            type Value = Probabilities;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with a probability for each label")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut shares = Vec::new();
                while let Some(share) = map.next_entry()? {
                    shares.push(share);
                }
                Ok(Probabilities(shares))
            }
        }

        deserializer.deserialize_map(ByLabel)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::class::tests::{ANGRY, labels};

    /// An utterance in lane 0, from a model with the labels `neutral`, `angry` and `sad`.
    pub(crate) fn utterance(id: u64, start_ms: u64, end_ms: u64, label: Option<&str>) -> Utterance {
        let share = |name: &str| match label {
            Some(label) if label == name => 0.83,
            Some(_) => 0.085,
            None => 1.0 / 3.0,
        };
        let names = ["neutral", "angry", "sad"];
        Utterance {
            id,
            lane: 0,
            start_ms,
            end_ms,
            speech_ms: (end_ms - start_ms) / 2,
            label: label.map(str::to_owned),
            confidence: label.map_or(1.0 / 3.0, |_| 0.83),
            probabilities: Probabilities(names.map(|name| (name.to_owned(), share(name))).into()),
            activation: Some(Activation {
                value: 0.71,
                sounds: Liveliness::Lively,
            }),
            correction: None,
            evidence: None,
        }
    }

    /// A source of this many ms with one lane, "Anna".
    pub(crate) fn source(duration_ms: u64, utterances: Vec<Utterance>) -> Source {
        Source {
            name: "talk.wav".to_owned(),
            duration_ms,
            lanes: vec![Lane {
                name: "Anna".to_owned(),
            }],
            utterances,
            ..Source::default()
        }
    }

    /// A record of these sources.
    pub(crate) fn record(sources: Vec<Source>) -> Record {
        Record {
            model: ModelIdentity {
                name: "Speech Emotion".to_owned(),
                version: "0.1.0".to_owned(),
                sha256: "ab12".to_owned(),
                trained_on: "a few voices".to_owned(),
            },
            labels: labels(&["neutral", "angry", "sad"]),
            sources,
        }
    }

    /// Two lanes that overlap, a correction, a section and a note.
    pub(crate) fn call() -> Record {
        let mut corrected = utterance(1, 500, 2_000, Some("angry"));
        corrected.correction = Some("sad".to_owned());
        let mut other = utterance(2, 1_500, 3_250, None);
        other.lane = 1;
        other.activation = None;
        let mut source = source(4_000, vec![corrected, other]);
        source.name = "call.wav".to_owned();
        source.lanes.push(Lane {
            name: "Ben".to_owned(),
        });
        source.sections.push(Section {
            start_ms: 0,
            end_ms: 1_750,
            name: "question 1".to_owned(),
        });
        source.notes.push(Note {
            at_ms: 2_500,
            text: "looks away".to_owned(),
        });
        record(vec![source])
    }

    #[test]
    fn an_utterance_of_a_session_keeps_times_label_and_probabilities() {
        let labels = labels(&["neutral", "calm", "happy", "sad", "angry"]);
        let posterior = Posterior([0.05, 0.05, 0.04, 0.03, 0.83].into());
        let update = |verdict| Update::Utterance {
            start_s: 1.0,
            end_s: 2.512,
            speech_s: 1.2,
            posterior,
            evidence: posterior.evidence(),
            verdict,
            confidence: 0.83,
            activation: None,
        };
        let claimed = Utterance::of(&update(Verdict::Emotion(ANGRY)), 7, 1, &labels).unwrap();
        assert_eq!((claimed.id, claimed.lane), (7, 1));
        let times = (claimed.start_ms, claimed.end_ms, claimed.speech_ms);
        assert_eq!(times, (1_000, 2_512, 1_200));
        assert_eq!(claimed.label.as_deref(), Some("angry"));
        assert_eq!(claimed.probabilities.top().unwrap().0, "angry");
        assert_eq!(claimed.probabilities.get("sad"), 0.03);
        assert_eq!(claimed.probabilities.get("bored"), 0.0);
        assert_eq!(claimed.evidence, Some(posterior.evidence()));
        let unsure = Utterance::of(&update(Verdict::Unsure), 7, 1, &labels).unwrap();
        assert_eq!(unsure.label, None);
        let level = Update::Level {
            at_s: 1.0,
            rms_dbfs: -20.0,
            clipped: false,
            speaking: true,
        };
        assert_eq!(Utterance::of(&level, 7, 1, &labels), None);
    }

    #[test]
    fn an_utterance_is_the_json_of_the_browser_without_exponents() {
        let mut written = utterance(3, 1_000, 2_500, Some("angry"));
        written.probabilities.0[0].1 = 0.000_012_3;
        written.probabilities.0[2].1 = 1e-9;
        let json = serde_json::to_string(&written).unwrap();
        assert_eq!(
            json,
            "{\"id\":3,\"lane\":0,\"startMs\":1000,\"endMs\":2500,\"speechMs\":750,\
             \"label\":\"angry\",\"confidence\":0.83,\
             \"probabilities\":{\"neutral\":0.00001,\"angry\":0.83,\"sad\":0.0},\
             \"activation\":{\"value\":0.71,\"sounds\":\"lively\"},\"correction\":null}"
        );
        let read: Utterance = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn an_utterance_is_read_without_what_may_be_missing_and_with_parts_of_milliseconds() {
        let read: Utterance = serde_json::from_str(
            "{\"id\": 1, \"startMs\": 10.4, \"endMs\": 99.5, \"speechMs\": 50, \"label\": null, \
             \"confidence\": 0.4, \"probabilities\": {\"b\": 0.4, \"a\": 0.6}}",
        )
        .unwrap();
        assert_eq!((read.start_ms, read.end_ms, read.lane), (10, 100, 0));
        assert_eq!(read.probabilities.0[0], ("b".to_owned(), 0.4));
    }

    #[test]
    fn evidence_is_written_where_it_is_known_and_must_be_of_every_label() {
        let mut written = utterance(3, 1_000, 2_500, Some("angry"));
        written.evidence = Some([0.5, -0.75, 0.25].into());
        let json = serde_json::to_string(&written).unwrap();
        assert!(json.ends_with("\"evidence\":[0.5,-0.75,0.25]}"), "{json}");
        let read: Utterance = serde_json::from_str(&json).unwrap();
        assert_eq!(read.evidence, written.evidence);
        let mut short = call();
        short.sources[0].utterances[0].evidence = Some([0.5, -0.5].into());
        let refused = short.check().unwrap_err().to_string();
        assert!(refused.contains("evidence is [0.5, -0.5]"), "{refused}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        call().check().unwrap();
        let refused = |change: fn(&mut Source)| {
            let mut record = call();
            change(&mut record.sources[0]);
            record.check().unwrap_err().to_string()
        };
        assert_eq!(
            refused(|source| source.utterances[1].lane = 2),
            "sources[0].utterances[1].lane is 2, expected less than the number of lanes, 2"
        );
        assert_eq!(
            refused(|source| source.utterances[0].end_ms = 499),
            "sources[0].utterances[0].endMs is 499, expected at least startMs, 500"
        );
        assert!(refused(|source| source.sections[0].start_ms = 9_000).contains("sections[0]"));
        assert!(
            refused(|source| source.utterances[0].label = Some("bored".into()))
                .contains("label is \"bored\", expected one of the labels")
        );
        assert!(
            refused(|source| source.utterances[0].confidence = f32::NAN).contains("confidence")
        );
        assert!(
            refused(|source| drop(source.utterances[0].probabilities.0.pop()))
                .contains("probabilities is")
        );
    }

    #[test]
    fn a_source_ends_with_the_last_thing_in_it() {
        let mut source = source(1_000, vec![utterance(1, 0, 1_500, None)]);
        assert_eq!(source.end_ms(), 1_500);
        source.notes.push(Note {
            at_ms: 1_700,
            text: String::new(),
        });
        assert_eq!(source.end_ms(), 1_700);
        assert_eq!(Source::default().end_ms(), 0);
    }
}
