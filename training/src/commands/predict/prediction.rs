//! What the voice in an audio file expresses, by the same session that runs in the page.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, bail};
use serde::{Serialize, Serializer};
use speech_emotion::{
    audio::{Lanes, Loudness},
    calibration::{Calibration, Reference, SpeakerStatistics},
    class::{Class, Labels},
    model::{Classifier, Manifest, OnnxClassifier, Posterior},
    record::{Lane, Overview, Source, SourceKind, Utterance},
    session::{Pacing, Session, SessionSettings, Update, Verdict},
};
use training::{
    corpus::spelling::{self, Found},
    interrupt,
    recording::audio::{Decoded, Input, Recording},
};

/// Probability by label, in class order.
#[derive(Clone, Debug, PartialEq)]
pub struct ByLabel(Vec<(String, f32)>);

impl ByLabel {
    fn new(posterior: &Posterior, labels: &Labels) -> Self {
        let share = |class| (labels.name(class).to_owned(), posterior.get(class));
        Self(labels.classes().map(share).collect())
    }
}

impl Serialize for ByLabel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(label, share)| (label, share)))
    }
}

/// What was found in one file; one line of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The file as named on the command line.
    pub path: String,
    /// Length of the audio in seconds.
    pub duration_s: f64,
    /// Seconds of it that are speech.
    pub speech_s: f64,
    /// A class's label, "mixed", "unsure" or "no speech"; "several speakers" where each has a label of their
    /// own.
    pub label: String,
    /// What it is mixed of, most speech first, where no emotion prevails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mixture: Vec<String>,
    /// The highest posterior; 0 without speech, and of several speakers.
    pub confidence: f32,
    /// Probabilities over the whole file; none without speech, and of several speakers.
    pub posterior: Option<ByLabel>,
    /// Samples that are not finite and were taken as 0.
    pub nonfinite_samples: u64,
    /// Whether the file ends before it should; what is found is of the part that is there.
    pub ends_early: bool,
    /// Parts of it that are damaged and were left out.
    pub damaged_parts: u64,
    /// The posterior of every step, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<Step>>,
    /// What each speaker expresses, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LanePrediction>,
    /// Every utterance, for export.
    #[serde(skip)]
    pub source: Source,
}

/// What one of several speakers expresses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LanePrediction {
    /// "left", "right" or "channel 3".
    pub name: String,
    /// Seconds of speech.
    pub speech_s: f64,
    /// A class's label, "mixed", "unsure" or "no speech".
    pub label: String,
    /// What it is mixed of, most speech first, where no emotion prevails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mixture: Vec<String>,
    /// The highest posterior; 0 without speech.
    pub confidence: f32,
    /// Probabilities over the whole lane; none without speech.
    pub posterior: Option<ByLabel>,
}

/// Label of a file whose speakers have one each.
const SEVERAL: &str = "several speakers";

/// Label of a voice that expresses several emotions, none of which prevails.
const MIXED: &str = "mixed";

/// What was known at one moment of a recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Whose it is, where there are several speakers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<usize>,
    /// Time of the last sample heard, in seconds.
    pub at_s: f64,
    /// A class's label or "unsure".
    pub label: String,
    /// The posterior of the label, else the highest.
    pub confidence: f32,
    /// Smoothed over the utterance.
    pub posterior: ByLabel,
}

/// Loads `model` (an ONNX file) and the manifest beside it, the same name ending in `.json`.
///
/// # Errors
/// When either cannot be read, or they do not fit each other or this program.
pub fn load_model(model: &Path) -> Result<(OnnxClassifier, Manifest)> {
    let read = |path: &Path| {
        std::fs::read(path).with_context(|| {
            format!(
                "cannot read {}; name another model with --model, or make one with the train and \
                 export commands",
                path.display()
            )
        })
    };
    let bytes = read(model)?;
    let path = model.with_extension("json");
    let json = String::from_utf8(read(&path)?)
        .with_context(|| format!("{} is not a text file", path.display()))?;
    let cannot_use = || format!("cannot use the model {}", model.display());
    let manifest = Manifest::from_json(&json).with_context(cannot_use)?;
    let classifier = OnnxClassifier::load(&bytes, &manifest).with_context(cannot_use)?;
    Ok((classifier, manifest))
}

/// What is known of who speaks.
#[derive(Clone, Debug, PartialEq)]
pub enum Speaker {
    /// Nothing.
    Unknown,
    /// What references told.
    Calibrated(Box<Calibration>),
    /// What is said tells, as it is heard.
    Listening {
        /// SHA-256 of the model.
        model: String,
        /// From its manifest.
        statistics: Box<SpeakerStatistics>,
    },
}

/// The file that a person means by a path, which may be spelt otherwise: `\` between folders, other case,
/// accents composed otherwise.
fn meant(path: &Path) -> Result<PathBuf> {
    let spelt = path
        .to_str()
        .filter(|spelt| *spelt != "-" && !path.exists());
    let Some(spelt) = spelt else {
        return Ok(path.to_owned());
    };
    match spelling::find_file(Path::new(""), spelt) {
        Found::File(path) => Ok(path.into()),
        Found::Near(near) if near.is_empty() => bail!("cannot read {spelt}: there is no such file"),
        Found::Near(near) => bail!(
            "cannot read {spelt}: there is no such file; did you mean {}?",
            near.join(" or ")
        ),
    }
}

/// How many lanes a file has: one, or one for each of its channels.
fn lanes_of(input: &Input, lanes: Lanes, stop: &AtomicBool) -> Result<usize> {
    if lanes == Lanes::Mix {
        return Ok(1);
    }
    let recording = input.open()?;
    let count = recording.channels();
    if count == 1 || lanes == Lanes::Channels {
        return Ok(count);
    }
    let mut loudness = Loudness::new(recording.sample_rate_hz(), count);
    recording.decode(|channels| {
        interrupt::check(stop)?;
        loudness.push(channels);
        Ok(())
    })?;
    Ok(if loudness.speaks_apart() { count } else { 1 })
}

/// What lanes are called.
fn lane_name(lane: usize, lanes: usize) -> String {
    match (lanes, lane) {
        (1, _) => "voice".to_owned(),
        (2, 0) => "left".to_owned(),
        (2, _) => "right".to_owned(),
        _ => format!("channel {}", lane + 1),
    }
}

/// A session for a recording's sample rate.
fn session<C: Classifier>(
    path: &Path,
    recording: &Recording,
    classifier: C,
    settings: &SessionSettings,
) -> Result<Session<C>> {
    let rate_hz = recording.sample_rate_hz();
    Session::new(classifier, settings, rate_hz, Pacing::Recorded)
        .with_context(|| format!("cannot use {}", path.display()))
}

/// Pushes a whole file; `note` is given the updates after every block.
fn push_all<C: Classifier>(
    path: &Path,
    recording: Recording,
    session: &mut Session<C>,
    stop: &AtomicBool,
    mut note: impl FnMut(&mut Vec<Update>),
) -> Result<Decoded> {
    let mut updates = Vec::new();
    recording.decode(|channels| {
        interrupt::check(stop)?;
        session
            .push(channels, &mut updates)
            .with_context(|| format!("cannot classify {}", path.display()))?;
        note(&mut updates);
        Ok(())
    })
}

/// Runs a whole file through a [`Session`] and gives what was heard as a reference of `class`; none when no
/// speech was heard.
///
/// # Errors
/// When the file cannot be decoded, its sample rate cannot be processed, inference fails or `stop` is set.
pub fn reference(
    path: &Path,
    class: Class,
    classifier: impl Classifier,
    settings: &SessionSettings,
    stop: &AtomicBool,
) -> Result<Option<Reference>> {
    let path = &meant(path)?;
    let recording = Recording::open(path)?;
    let mut session = session(path, &recording, classifier, settings)?;
    push_all(path, recording, &mut session, stop, Vec::clear)?;
    session
        .take_reference(class, &mut Vec::new())
        .with_context(|| format!("cannot classify {}", path.display()))
}

/// Runs a whole file through a [`Session`] of the model that `manifest` describes, or each of its lanes.
///
/// # Errors
/// When the file cannot be decoded, its sample rate cannot be processed, inference fails or `stop`
/// is set.
pub fn predict(
    path: &Path,
    lanes: Lanes,
    classifier: impl Classifier + Clone,
    manifest: &Manifest,
    speaker: &Speaker,
    with_timeline: bool,
    stop: &AtomicBool,
) -> Result<Prediction> {
    let path = &meant(path)?;
    let name = path.display().to_string();
    let labels = &manifest.labels;
    let input = Input::new(path)?;
    let count = lanes_of(&input, lanes, stop)?;
    let recording = input.open()?;
    let mut sessions = Vec::new();
    for _ in 0..count {
        let classifier = classifier.clone();
        sessions.push(session(path, &recording, classifier, &manifest.session)?);
    }
    for session in &mut sessions {
        match speaker {
            Speaker::Unknown => {}
            Speaker::Calibrated(calibration) => {
                session.set_calibration(Some(calibration.as_ref().clone()));
            }
            Speaker::Listening { model, statistics } => {
                session.calibrate_while_listening(model, statistics);
            }
        }
    }
    let mut timeline = Vec::new();
    let mut utterances: Vec<Utterance> = Vec::new();
    let mut note = |lane: usize, updates: &mut Vec<Update>| {
        for update in updates.drain(..) {
            let id = utterances.len() as u64 + 1;
            utterances.extend(Utterance::of(&update, id, lane, labels));
            if let Update::Prediction {
                at_s,
                posterior,
                verdict,
                confidence,
                ..
            } = update
            {
                timeline.push(Step {
                    lane: (count > 1).then_some(lane),
                    at_s,
                    label: label(verdict, labels),
                    confidence,
                    posterior: ByLabel::new(&posterior, labels),
                });
            }
        }
    };
    let mut updates = Vec::new();
    let decoded = recording.decode(|channels| {
        interrupt::check(stop)?;
        for (lane, session) in sessions.iter_mut().enumerate() {
            let heard = if count > 1 {
                &channels[lane..=lane]
            } else {
                channels
            };
            session
                .push(heard, &mut updates)
                .with_context(|| format!("cannot classify {name}"))?;
            note(lane, &mut updates);
        }
        Ok(())
    })?;
    let mut summaries = Vec::new();
    for (lane, session) in sessions.iter_mut().enumerate() {
        let summary = session
            .finish(&mut updates)
            .with_context(|| format!("cannot classify {name}"))?;
        note(lane, &mut updates);
        summaries.push(summary);
    }
    let duration_ms = (decoded.duration_s * 1e3).round() as u64;
    for utterance in &mut utterances {
        // The last frame reaches past the end.
        utterance.end_ms = utterance.end_ms.min(duration_ms);
    }
    utterances.sort_by_key(|utterance| utterance.start_ms);
    for (id, utterance) in (1..).zip(&mut utterances) {
        utterance.id = id;
    }
    let lane = |lane| Lane {
        name: lane_name(lane, count),
    };
    let source = Source {
        name: name.clone(),
        kind: SourceKind::File,
        duration_ms,
        lanes: (0..count).map(lane).collect(),
        utterances,
        ..Source::default()
    };
    let mut lanes: Vec<LanePrediction> = summaries
        .iter()
        .enumerate()
        .map(|(lane, summary)| {
            let mixture = mixture(&source, lane, labels);
            LanePrediction {
                name: lane_name(lane, count),
                speech_s: summary.speech_s,
                label: if mixture.is_empty() {
                    label(summary.verdict, labels)
                } else {
                    MIXED.to_owned()
                },
                mixture,
                confidence: summary.confidence,
                posterior: summary
                    .posterior
                    .map(|posterior| ByLabel::new(&posterior, labels)),
            }
        })
        .collect();
    let bad = summaries.iter().map(|summary| summary.nonfinite_samples);
    let nonfinite_samples = bad.sum();
    let speech_s = lanes.iter().map(|lane| lane.speech_s).sum();
    let (label, mixture, confidence, posterior) = match lanes.pop_if(|_| count == 1) {
        Some(only) => (only.label, only.mixture, only.confidence, only.posterior),
        None => (SEVERAL.to_owned(), Vec::new(), 0.0, None),
    };
    Ok(Prediction {
        path: name,
        duration_s: decoded.duration_s,
        speech_s,
        label,
        mixture,
        confidence,
        posterior,
        nonfinite_samples,
        ends_early: decoded.ending.early,
        damaged_parts: decoded.ending.damaged_parts,
        timeline: with_timeline.then_some(timeline),
        lanes,
        source,
    })
}

/// What a lane is mixed of.
fn mixture(source: &Source, lane: usize, labels: &Labels) -> Vec<String> {
    let utterances = source.utterances.iter();
    let of_lane = utterances.filter(|utterance| utterance.lane == lane);
    let overview = Overview::of(labels, of_lane, |utterance| utterance.label.as_deref());
    let classes = overview.mixture().into_iter();
    classes.map(|class| labels.name(class).to_owned()).collect()
}

fn label(verdict: Verdict, labels: &Labels) -> String {
    let label = match verdict {
        Verdict::NoSpeech => "no speech",
        Verdict::Unsure => "unsure",
        Verdict::Emotion(class) => labels.name(class),
    };
    label.to_owned()
}

impl std::fmt::Display for Prediction {
    /// One line, such as `voice.wav  angry 83 % (3.7 s, 1.9 s of speech)`, one per speaker where there are
    /// several, and one per step of the timeline.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}  ", self.path)?;
        let (label, mixture) = (&self.label, &self.mixture);
        said(f, label, mixture, self.confidence, self.posterior.as_ref())?;
        write!(f, " ({:.1} s", self.duration_s)?;
        if self.speech_s > 0.0 {
            write!(f, ", {:.1} s of speech", self.speech_s)?;
        }
        if let Some(remark) = self.remark() {
            write!(f, "; {remark}")?;
        }
        write!(f, ")")?;
        for lane in &self.lanes {
            write!(f, "\n  {}: ", lane.name)?;
            let (label, mixture) = (&lane.label, &lane.mixture);
            said(f, label, mixture, lane.confidence, lane.posterior.as_ref())?;
            if lane.speech_s > 0.0 {
                write!(f, " ({:.1} s of speech)", lane.speech_s)?;
            }
        }
        for step in self.timeline.iter().flatten() {
            write!(
                f,
                "\n{:8.2} s  {:9} {:3.0} %",
                step.at_s,
                step.label,
                100.0 * step.confidence
            )?;
            if let Some(lane) = step.lane {
                write!(f, "  {}", lane_name(lane, self.lanes.len()))?;
            }
        }
        Ok(())
    }
}

impl Prediction {
    /// What is missing of the recording; none where nothing is.
    pub fn remark(&self) -> Option<String> {
        let damaged = match self.damaged_parts {
            0 => None,
            1 => Some("1 damaged part was left out".to_owned()),
            parts => Some(format!("{parts} damaged parts were left out")),
        };
        let early = self.ends_early.then(|| "the file ends early".to_owned());
        let remarks: Vec<String> = early.into_iter().chain(damaged).collect();
        (!remarks.is_empty()).then(|| remarks.join("; "))
    }
}

/// What is expressed and how surely.
fn said(
    f: &mut std::fmt::Formatter<'_>,
    label: &str,
    mixture: &[String],
    confidence: f32,
    posterior: Option<&ByLabel>,
) -> std::fmt::Result {
    write!(f, "{label}")?;
    if !mixture.is_empty() {
        return write!(f, ": {}", mixture.join(", "));
    }
    let highest = posterior
        .and_then(|ByLabel(posterior)| posterior.iter().max_by(|a, b| a.1.total_cmp(&b.1)));
    match highest {
        Some((closest, share)) if label == "unsure" => {
            write!(f, ", perhaps {closest} {:.0} %", 100.0 * share)
        }
        Some(_) => write!(f, " {:.0} %", 100.0 * confidence),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use speech_emotion::record::Probabilities;
    use training::corpus::ravdess::Emotion;

    fn prediction(verdict: Verdict, posterior: Option<Posterior>) -> Prediction {
        Prediction {
            path: "voice.wav".into(),
            duration_s: 3.7,
            speech_s: if posterior.is_some() { 1.92 } else { 0.0 },
            label: label(verdict, &Emotion::labels()),
            mixture: Vec::new(),
            confidence: posterior
                .as_ref()
                .map_or(0.0, |posterior| posterior.top().1),
            posterior: posterior.map(|posterior| ByLabel::new(&posterior, &Emotion::labels())),
            nonfinite_samples: 0,
            ends_early: false,
            damaged_parts: 0,
            timeline: None,
            lanes: Vec::new(),
            source: Source::default(),
        }
    }

    fn posterior(emotion: Emotion, share: f32) -> Posterior {
        let mut posterior = Posterior([(1.0 - share) / 7.0; Emotion::COUNT].into());
        posterior.0[emotion.index()] = share;
        posterior
    }

    #[test]
    fn a_line_says_what_is_expressed_how_surely_and_in_how_much_speech() {
        let angry = Some(posterior(Emotion::Angry, 0.83));
        assert_eq!(
            prediction(Verdict::Emotion(Emotion::Angry.class()), angry).to_string(),
            "voice.wav  angry 83 % (3.7 s, 1.9 s of speech)"
        );
        let calm = Some(posterior(Emotion::Calm, 0.35));
        assert_eq!(
            prediction(Verdict::Unsure, calm).to_string(),
            "voice.wav  unsure, perhaps calm 35 % (3.7 s, 1.9 s of speech)"
        );
        assert_eq!(
            prediction(Verdict::NoSpeech, None).to_string(),
            "voice.wav  no speech (3.7 s)"
        );
    }

    #[test]
    fn several_emotions_none_of_which_prevails_are_a_mixture() {
        let utterance = |id: u64, lane, label: &str| Utterance {
            id,
            lane,
            start_ms: 2_000 * id,
            end_ms: 2_000 * id + 1_200,
            speech_ms: 1_000 - id,
            label: Some(label.to_owned()),
            confidence: 0.6,
            probabilities: Probabilities(Vec::new()),
            activation: None,
            correction: None,
            evidence: None,
        };
        let source = Source {
            utterances: vec![
                utterance(1, 0, "sad"),
                utterance(2, 1, "calm"),
                utterance(3, 0, "angry"),
                utterance(4, 1, "calm"),
            ],
            ..Source::default()
        };
        let of_lane = |lane| mixture(&source, lane, &Emotion::labels());
        assert_eq!(of_lane(0), ["sad", "angry"]);
        assert!(of_lane(1).is_empty());

        let mut mixed = prediction(Verdict::Unsure, Some(posterior(Emotion::Calm, 0.35)));
        (mixed.label, mixed.mixture) = (MIXED.to_owned(), of_lane(0));
        assert_eq!(
            mixed.to_string(),
            "voice.wav  mixed: sad, angry (3.7 s, 1.9 s of speech)"
        );
        let json = serde_json::to_value(mixed).unwrap();
        assert_eq!(json["mixture"], serde_json::json!(["sad", "angry"]));
    }

    #[test]
    fn a_line_says_what_of_the_recording_is_missing() {
        let mut cut = prediction(Verdict::NoSpeech, None);
        cut.ends_early = true;
        assert_eq!(
            cut.to_string(),
            "voice.wav  no speech (3.7 s; the file ends early)"
        );
        cut.damaged_parts = 2;
        assert_eq!(
            cut.to_string(),
            "voice.wav  no speech (3.7 s; the file ends early; 2 damaged parts were left out)"
        );
        let json = serde_json::to_value(cut).unwrap();
        assert_eq!(
            (&json["ends_early"], &json["damaged_parts"]),
            (&true.into(), &2.into())
        );
    }

    #[test]
    fn json_holds_one_probability_per_label_and_null_without_speech() {
        let angry = prediction(
            Verdict::Emotion(Emotion::Angry.class()),
            Some(posterior(Emotion::Angry, 0.83)),
        );
        let json = serde_json::to_value(&angry).unwrap();
        assert_eq!(json["label"], "angry");
        assert_eq!(json["posterior"].as_object().unwrap().len(), Emotion::COUNT);
        assert_eq!(json["posterior"]["angry"], json["confidence"]);
        assert!(json.get("timeline").is_none());
        let json = serde_json::to_value(prediction(Verdict::NoSpeech, None)).unwrap();
        assert_eq!(json["label"], "no speech");
        assert!(json["posterior"].is_null());
    }
}
