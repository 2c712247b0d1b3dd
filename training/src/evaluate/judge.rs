//! Has a network judge clips as it would live: from their samples, through the session.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    sync::{OnceLock, atomic::AtomicBool},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use speech_emotion::{
    class::Class,
    model::{OnnxClassifier, Posterior},
    session::{Pacing, Session, SessionSettings, Update, Verdict},
};

use super::{conditions::Condition, metrics::Confusion};
use crate::whole_file;
use crate::{
    artifact::export,
    dataset::{Clip, Dataset},
    digest::short,
    interrupt,
    learning::ensemble::Ensemble,
    recording::sound::Sound,
};

/// Samples in a chunk pushed to the session, as in the page.
const CHUNK_SAMPLES: usize = 2048;

/// What a network made of one clip, without calibration: temperature 1, no offset for the speaker,
/// evidence from little speech counted in full, and no threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Path relative to the corpus folder.
    pub path: String,
    /// For the whole trimmed clip at once; only as recorded.
    pub whole: Option<Whole>,
    /// From the session's summary; none if it heard no speech.
    pub posterior: Option<Posterior>,
    /// Seconds in which the speech gate heard speech.
    pub speech_s: f32,
    /// Whether that is enough speech for anything to be claimed.
    pub is_firm: bool,
    /// What was shown while the clip played; only as recorded.
    pub live: Vec<Shown>,
}

/// Logits of a whole clip, without the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// By the networks as trained.
    pub trained: Vec<f32>,
    /// By the model file, whose weights are rounded to 4 and 8 bits.
    pub exported: Vec<f32>,
}

/// What was shown at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Seconds of speech in the segment.
    pub heard_s: f32,
    /// Smoothed over the utterance.
    pub posterior: Posterior,
}

impl Judgement {
    /// The class with the highest posterior; none when no speech was heard.
    pub fn answer(&self) -> Option<Class> {
        Some(self.posterior?.top().0)
    }
}

/// The class with the highest logit.
pub fn top(logits: &[f32]) -> Class {
    Posterior::from_logits(logits, 1.0).top().0
}

/// The confusion of `answer` over clips with this number of classes, by the highest logit.
///
/// # Errors
/// Those of `answer`.
pub fn confusion<'a>(
    classes: usize,
    clips: impl IntoIterator<Item = &'a Clip>,
    answer: impl Fn(&Clip) -> Result<Vec<f32>>,
) -> Result<Confusion> {
    let mut confusion = Confusion::new(classes);
    for clip in clips {
        confusion.count(clip.class, Some(top(&answer(clip)?)));
    }
    Ok(confusion)
}

/// Trained networks and the clips they are to judge.
pub struct Judge<'a> {
    ensemble: Ensemble,
    dataset: &'a Dataset,
    clips: Vec<&'a Clip>,
    trained: Vec<&'a Clip>,
    folder: PathBuf,
    /// Everything besides the condition that its answers depend on.
    inputs: Value,
}

impl<'a> Judge<'a> {
    /// For networks that `trained` clips of a data set, to judge `clips` of it; answers are kept in
    /// `folder`.
    ///
    /// # Errors
    /// When this program's own file cannot be read.
    pub fn new(
        ensemble: Ensemble,
        dataset: &'a Dataset,
        clips: Vec<&'a Clip>,
        trained: Vec<&'a Clip>,
        folder: PathBuf,
    ) -> Result<Self> {
        let mut weights = Sha256::new();
        let networks = ensemble.members().iter();
        for parameter in networks.flat_map(|network| network.parameters().iter()) {
            for value in &parameter.value {
                weights.update(value.to_le_bytes());
            }
        }
        let inputs = json!({
            "program": program()?,
            "network": short(weights),
            "corpora": dataset.corpora.iter().map(|corpus| &corpus.folder).collect::<Vec<_>>(),
            "clips": dataset.digest_of(&clips),
            "session": settings(),
        });
        Ok(Self {
            ensemble,
            dataset,
            clips,
            trained,
            folder,
            inputs,
        })
    }

    /// Its answers for the clips under a condition, in order; taken from the file of an earlier run
    /// if that had the same program, network, settings and clips.
    ///
    /// # Errors
    /// When a clip cannot be read or a file not written, and when `stop` is set.
    pub fn judge(&self, condition: Condition, stop: &AtomicBool) -> Result<Vec<Judgement>> {
        let path = self.folder.join(format!("{}.jsonl", condition.name()));
        let mut header = self.inputs.clone();
        header["condition"] = json!(condition.name());
        if let Some(judgements) = read(&path, &header, self.clips.len()) {
            return Ok(judgements);
        }
        let (classifier, _) = export::classifier(self.ensemble.clone(), self.dataset, None)?;
        let mut judgements = Vec::with_capacity(self.clips.len());
        for clip in &self.clips {
            interrupt::check(stop)?;
            let file = self.dataset.recording(clip);
            let sound = self.dataset.sound(clip)?;
            let voices = self.voices(clip);
            let voices: Vec<&Path> = voices.iter().map(PathBuf::as_path).collect();
            let sound = condition.apply(&sound, &clip.path, &voices)?;
            let mut judgement = listen(&sound, classifier.clone())
                .with_context(|| format!("cannot judge {}", file.display()))?;
            judgement.path.clone_from(&clip.path);
            if condition == Condition::Clean {
                let segment = self.dataset.segment(clip)?;
                judgement.whole = Some(Whole {
                    trained: self.ensemble.forward(&segment),
                    exported: classifier.logits(&segment)?.to_vec(),
                });
            } else {
                judgement.live.clear();
            }
            judgements.push(judgement);
        }
        write(&path, &header, &judgements)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(judgements)
    }

    /// Who may babble in the background of a clip: the other speakers judged, whom the networks
    /// have not heard; if there are none, those used in training.
    fn voices(&self, clip: &Clip) -> Vec<PathBuf> {
        let of_others = |clips: &[&Clip]| -> Vec<PathBuf> {
            let others = clips.iter().filter(|other| other.speaker != clip.speaker);
            others.map(|other| self.dataset.recording(other)).collect()
        };
        let unheard = of_others(&self.clips);
        if unheard.is_empty() {
            of_others(&self.trained)
        } else {
            unheard
        }
    }
}

fn settings() -> SessionSettings {
    SessionSettings {
        settled_segment_frames: 1,
        unsure_below: 0.0,
        ..SessionSettings::default()
    }
}

/// Runs a sound through a session, like a microphone's when inference never falls behind.
fn listen(sound: &Sound, classifier: OnnxClassifier) -> Result<Judgement> {
    let mut session = Session::new(classifier, &settings(), sound.rate_hz, Pacing::Live)?;
    let mut updates = Vec::new();
    for chunk in sound.samples.chunks(CHUNK_SAMPLES) {
        session.push(&[chunk], &mut updates)?;
        session.catch_up(&mut updates)?;
    }
    let summary = session.finish(&mut updates)?;
    let live = updates.into_iter().filter_map(|update| match update {
        Update::Prediction {
            heard_s, posterior, ..
        } => Some(Shown { heard_s, posterior }),
        _ => None,
    });
    Ok(Judgement {
        path: String::new(),
        whole: None,
        posterior: summary.posterior,
        speech_s: summary.speech_s as f32,
        is_firm: matches!(summary.verdict, Verdict::Emotion(_)),
        live: live.collect(),
    })
}

/// Digest of this program, since another one may judge differently.
fn program() -> Result<&'static str> {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    if let Some(program) = PROGRAM.get() {
        return Ok(program);
    }
    let bytes = std::env::current_exe()
        .and_then(fs::read)
        .context("cannot read this program's own file")?;
    Ok(PROGRAM.get_or_init(|| short(Sha256::new_with_prefix(bytes))))
}

/// A header in the first line, then one clip per line.
fn write(path: &Path, header: &Value, judgements: &[Judgement]) -> Result<()> {
    let mut lines = serde_json::to_vec(header)?;
    for judgement in judgements {
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, judgement)?;
    }
    lines.push(b'\n');
    whole_file::replace(path, &lines)?;
    Ok(())
}

/// None if there is no complete file with this header.
fn read(path: &Path, header: &Value, clips: usize) -> Option<Vec<Judgement>> {
    let parse = || -> Result<Vec<Judgement>> {
        let mut lines = BufReader::new(fs::File::open(path)?).lines();
        let first = lines.next().context("empty")??;
        ensure!(serde_json::from_str::<Value>(&first)? == *header);
        let judgements: Vec<Judgement> = lines
            .map(|line| Ok(serde_json::from_str(&line?)?))
            .collect::<Result<_>>()?;
        ensure!(judgements.len() == clips);
        Ok(judgements)
    };
    parse().ok()
}
