//! What the engine is given: sound, and the texts that go with a model, a speaker or a session.

use std::cell::Cell;

use serde_json::Value;
use speech_emotion::{
    calibration::Calibration,
    context::{AnnotateOptions, PromptOptions, annotate, read_transcript, to_prompt_context},
    export::{Format, json},
    features::{FrontEnd, N_FEATURES, SEGMENT_MULTIPLE},
    model::{Classifier, Manifest, ModelError, Posterior},
    protocol::{Command, Event, Fields},
    session::{Claims, Pacing, Session, SessionSettings, Update},
};

/// The manifest of the model that is shipped.
pub const MANIFEST: &str = include_str!("../../assets/model.json");

/// The most sound a single input makes, in samples.
const MOST_SAMPLES: usize = 24_000;

/// Takes an input apart; zeros once it is used up.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.next(), self.next(), self.next(), self.next()])
    }
}

/// Answers by what it is shown, and checks that.
struct Fake;

impl Classifier for Fake {
    fn classify(&mut self, segment: &[f32]) -> Result<Posterior, ModelError> {
        assert!(segment.iter().all(|value| value.is_finite()));
        assert_eq!(segment.len() % (N_FEATURES * SEGMENT_MULTIPLE), 0);
        let sums = (0..8).map(|class| segment.iter().skip(class).step_by(8).sum::<f32>());
        let logits: Vec<f32> = sums.map(f32::sin).collect();
        Ok(Posterior::from_logits(&logits, 1.0))
    }
}

/// A source of samples of every kind: raw bits, noise, tones, silence.
fn sound(bytes: &mut Bytes, samples: usize) -> Vec<f32> {
    let (kind, gain) = (bytes.next(), f32::from(bytes.next()) / 64.0);
    let mut state = u32::from(kind) * 977 + 1;
    let mut phase = 0.0_f32;
    let mut next = || match kind % 5 {
        0 => f32::from_bits(bytes.word()),
        1 => 0.0,
        2 => {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            gain * (state as f32 / u32::MAX as f32 - 0.5)
        }
        3 => {
            // A buzz that trembles, with the syllables of speech.
            phase += (0.008 + f32::from(kind) / 20_000.0) * (1.0 + 0.004 * (phase / 4.0).sin());
            gain * (phase.fract() - 0.5) * (0.5 + 0.5 * (phase / 40.0).sin())
        }
        _ => gain * 1e30,
    };
    (0..samples).map(|_| next()).collect()
}

/// Of whatever was found: times in order, probabilities that are some.
fn check(updates: &[Update], known: &Cell<f64>) {
    let is_share = |share: f32| (0.0..=1.0).contains(&share);
    let check_posterior = |posterior: &Posterior| {
        let sum: f32 = posterior.0.iter().sum();
        assert!((sum - 1.0).abs() < 1e-3, "{posterior:?}");
        assert!(
            posterior.0.iter().all(|&share| is_share(share)),
            "{posterior:?}"
        );
    };
    for update in updates {
        match update {
            Update::Level { at_s, rms_dbfs, .. } => {
                assert!(*at_s >= known.get() && at_s.is_finite());
                assert!((-120.0..=70.0).contains(rms_dbfs), "{update:?}");
                known.set(*at_s);
            }
            Update::Prediction {
                posterior,
                confidence,
                ..
            } => {
                check_posterior(posterior);
                assert!(is_share(*confidence), "{update:?}");
            }
            Update::Utterance {
                start_s,
                end_s,
                speech_s,
                posterior,
                confidence,
                ..
            } => {
                check_posterior(posterior);
                assert!(is_share(*confidence), "{update:?}");
                assert!((0.0..=*end_s).contains(start_s), "{update:?}");
                assert!(
                    (0.0..=end_s - start_s + 1e-9).contains(speech_s),
                    "{update:?}"
                );
            }
        }
    }
}

/// Sound of any rate, in chunks of any size and number of channels, with gaps, restarts and calibrations
/// between them.
pub fn pcm(data: &[u8]) {
    let mut bytes = Bytes(data);
    let usual = [8_000, 16_000, 22_050, 44_100, 48_000, 192_000];
    let rate_hz = match usual.get(usize::from(bytes.next() % 8)) {
        Some(&rate_hz) => rate_hz,
        None => bytes.word() % 200_000,
    };
    let pacing = if bytes.next() % 2 == 0 {
        Pacing::Live
    } else {
        Pacing::Recorded
    };
    let made = Session::new(Fake, &SessionSettings::default(), rate_hz, pacing);
    let supported = (8_000..=192_000).contains(&rate_hz);
    assert_eq!(made.is_ok(), supported, "{rate_hz}");
    let Ok(session) = made else {
        return;
    };
    let claims = Claims {
        at_least: f32::from(bytes.next()) / 255.0,
        among: bytes.word() | 1,
    };
    let mut session = session.claiming(claims);
    let Ok(mut alone) = FrontEnd::new(rate_hz) else {
        return;
    };
    let mut updates = Vec::new();
    let known = Cell::new(0.0);
    // The same sound through a front end in other chunks must give the same frames.
    let (mut whole, mut frames) = (Vec::new(), Vec::new());
    let mut taken = 0;
    while !bytes.0.is_empty() && taken < MOST_SAMPLES {
        match bytes.next() % 16 {
            0 => session
                .gap(f64::from(bytes.next()) / 8.0, &mut updates)
                .unwrap(),
            1 => session.catch_up(&mut updates).unwrap(),
            2 => drop(session.finish(&mut updates).unwrap()),
            3 => drop(
                session
                    .take_reference(Default::default(), &mut updates)
                    .unwrap(),
            ),
            4 => session.set_calibration(None),
            5 => {
                let manifest = Manifest::from_json(MANIFEST).unwrap();
                if let Some(speaker) = &manifest.speaker {
                    session.calibrate_while_listening(&manifest.onnx.sha256, speaker);
                }
            }
            _ => {
                let samples = (bytes.word() % 9_000) as usize;
                let channels = usize::from(bytes.next() % 4);
                let sounds: Vec<Vec<f32>> = (0..channels)
                    .map(|channel| sound(&mut bytes, samples + channel % 2))
                    .collect();
                let planes: Vec<&[f32]> = sounds.iter().map(Vec::as_slice).collect();
                session.push(&planes, &mut updates).unwrap();
                if let [mono] = planes[..] {
                    whole.extend_from_slice(mono);
                    alone.push(&[mono], |frame| frames.push(frame.clone()));
                }
                taken += samples * channels;
            }
        }
        check(&updates, &known);
        updates.clear();
    }
    let summary = session.finish(&mut updates).unwrap();
    check(&updates, &known);
    assert!(summary.speech_s <= summary.duration_s + 1e-9, "{summary:?}");
    alone.finish(|frame| frames.push(frame.clone()));
    assert!(
        frames
            .iter()
            .all(|frame| frame.features.iter().all(|value| value.is_finite()))
    );
    let mut again = FrontEnd::new(rate_hz).unwrap();
    let mut index = 0;
    let mut same = |frame: &_| {
        assert_eq!(Some(frame), frames.get(index), "frame {index}");
        index += 1;
    };
    again.push(&[&whole], &mut same);
    again.finish(&mut same);
    assert_eq!(index, frames.len());
}

/// A text as model.json; one that passes must do for a session.
pub fn manifest(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(manifest) = Manifest::from_json(&text) else {
        return;
    };
    let mut session = Session::new(Fake, &manifest.session, 16_000, Pacing::Live).unwrap();
    if let Some(speaker) = manifest
        .speaker
        .as_ref()
        .filter(|_| manifest.labels.len() == 8)
    {
        session.calibrate_while_listening(&manifest.onnx.sha256, speaker);
    }
    let sound = sound(&mut Bytes(&[3, 255]), 40_000);
    let mut updates = Vec::new();
    for chunk in sound.chunks(4_000) {
        session.push(&[chunk], &mut updates).unwrap();
        session.catch_up(&mut updates).unwrap();
    }
    session.finish(&mut updates).unwrap();
    if manifest.labels.len() == 8 {
        check(&updates, &Cell::new(0.0));
    }
    let written = serde_json::to_string(&manifest).unwrap();
    let again = Manifest::from_json(&written).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
}

/// A text as a calibration that was kept; one that passes must give probabilities.
pub fn calibration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(calibration) = Calibration::from_json(&text, "0") else {
        return;
    };
    let certain = Posterior::from_logits(&[200.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 1.0);
    for posterior in [Posterior::uniform(8), certain] {
        let calibrated = calibration.apply(&posterior);
        let sum: f32 = calibrated.0.iter().sum();
        assert!((sum - 1.0).abs() < 1e-3, "{calibrated:?}");
    }
    let written = serde_json::to_string(&calibration).unwrap();
    Calibration::from_json(&written, "0").unwrap();
}

/// JSON as the page reads it from the worker.
struct Message<'a>(&'a Value);

impl<'a> Message<'a> {
    fn field(&self, name: &str) -> Option<&'a Value> {
        match self.0 {
            Value::Array(list) => list.get(name.parse::<usize>().ok()?),
            fields => fields.get(name),
        }
    }
}

impl Fields for Message<'_> {
    fn number(&self, name: &str) -> Option<f64> {
        match self.0 {
            Value::Array(list) if name == "length" => Some(list.len() as f64),
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
        let byte = |byte: &Value| byte.as_u64()?.try_into().ok();
        self.field(name)?.as_array()?.iter().map(byte).collect()
    }

    fn object(&self, name: &str) -> Option<Self> {
        let field = self.field(name)?;
        (field.is_object() || field.is_array()).then_some(Self(field))
    }
}

/// A message of either side to the other, as JSON.
pub fn protocol(data: &[u8]) {
    let _ = serde_json::from_slice::<Command>(data);
    let Ok(message) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    if let Some(event) = Event::read(&Message(&message)) {
        let written = serde_json::to_value(&event).unwrap();
        let again = Event::read(&Message(&written));
        // A number that is none is written as null.
        if !format!("{event:?}").contains("inf") && !format!("{event:?}").contains("NaN") {
            assert_eq!(
                again.map(|again| format!("{again:?}")),
                Some(format!("{event:?}"))
            );
        }
    }
}

/// A text as an exported session; one that passes can be written in every format, and comes back as it was.
pub fn session(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(record) = json::read(&text) else {
        return;
    };
    let written = json::write(&record);
    assert_eq!(json::write(&json::read(&written).unwrap()), written);
    for format in Format::ALL {
        let several = format.holds_several() || record.sources.len() == 1;
        assert_eq!(format.write(&record).is_ok(), several, "{format:?}");
    }
    for source in &record.sources {
        let context = to_prompt_context(
            &source.utterances,
            &PromptOptions {
                turn_start_ms: 0.0,
                min_confidence: 0.3,
                lane: None,
            },
        );
        assert!(context.text.chars().count() <= 300, "{context:?}");
    }
}

/// A text as a transcript; one that passes keeps its words beside what was heard.
pub fn transcript(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(sentences) = read_transcript(&text) else {
        return;
    };
    assert!(!sentences.is_empty());
    let annotated = annotate(&sentences, &[], &AnnotateOptions::default());
    assert_eq!(
        annotated.to_string().is_empty(),
        sentences.iter().all(|sentence| sentence.text.is_empty())
    );
}
