//! How the model responds to sounds other than speech, for which nothing should be claimed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use speech_emotion::{
    model::OnnxClassifier,
    session::{Pacing, Session, SessionSettings, Update, Verdict},
};

use crate::{interrupt, recording::sound::Sound};

/// Results on sounds other than speech.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sounds {
    /// All of them.
    pub all: Heard,
    /// By kind of sound.
    pub by_kind: BTreeMap<String, Heard>,
}

/// Numbers of recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// All of them.
    pub recordings: u32,
    /// Those in which the speech gate hears speech.
    pub speech: u32,
    /// Those for which, or for a part of which, an emotion is claimed.
    pub claimed: u32,
}

impl Heard {
    fn add(&mut self, other: Self) {
        self.recordings += other.recordings;
        self.speech += other.speech;
        self.claimed += other.claimed;
    }

    /// Share of the recordings for which an emotion is claimed, 0..=1.
    pub fn claimed_share(&self) -> f64 {
        f64::from(self.claimed) / f64::from(self.recordings.max(1))
    }
}

/// Has a model listen to the sounds that a CSV lists by `path`, relative to the CSV, and `class`.
///
/// # Errors
/// When the CSV lacks a column or lists nothing, when a sound cannot be read, and when `stop` is set.
pub fn judge(
    csv: &Path,
    classifier: &OnnxClassifier,
    settings: &SessionSettings,
    stop: &AtomicBool,
) -> Result<Sounds> {
    let listed = list(csv)?;
    let mut sounds = Sounds {
        all: Heard::default(),
        by_kind: BTreeMap::new(),
    };
    for (path, kind) in listed {
        interrupt::check(stop)?;
        let heard = listen(&Sound::read(&path)?, classifier.clone(), settings)
            .with_context(|| format!("cannot judge {}", path.display()))?;
        sounds.all.add(heard);
        sounds.by_kind.entry(kind).or_default().add(heard);
    }
    Ok(sounds)
}

fn list(csv: &Path) -> Result<Vec<(PathBuf, String)>> {
    let name = csv.display();
    let mut reader = csv::Reader::from_path(csv).with_context(|| format!("cannot open {name}"))?;
    let header = reader
        .headers()
        .with_context(|| format!("cannot read {name}"))?
        .clone();
    let column = |wanted: &str| {
        let at = header
            .iter()
            .position(|column| column.eq_ignore_ascii_case(wanted));
        at.with_context(|| format!("the first line of {name} has no column {wanted}; add it"))
    };
    let (path, class) = (column("path")?, column("class")?);
    let folder = csv.parent().unwrap_or(Path::new(""));
    let mut listed = Vec::new();
    for record in reader.records() {
        let record = record.with_context(|| format!("cannot read {name}"))?;
        listed.push((folder.join(&record[path]), record[class].to_owned()));
    }
    ensure!(
        !listed.is_empty(),
        "{name} lists no sounds; add a line for each"
    );
    Ok(listed)
}

fn listen(sound: &Sound, classifier: OnnxClassifier, settings: &SessionSettings) -> Result<Heard> {
    let mut session = Session::new(classifier, settings, sound.rate_hz, Pacing::Recorded)?;
    let mut updates = Vec::new();
    session.push(&[&sound.samples], &mut updates)?;
    let summary = session.finish(&mut updates)?;
    let is_claim = |verdict: &Verdict| matches!(verdict, Verdict::Emotion(_));
    let claims = updates.iter().any(|update| match update {
        Update::Prediction { verdict, .. } | Update::Utterance { verdict, .. } => is_claim(verdict),
        Update::Level { .. } => false,
    });
    Ok(Heard {
        recordings: 1,
        speech: u32::from(summary.verdict != Verdict::NoSpeech),
        claimed: u32::from(claims || is_claim(&summary.verdict)),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_list_of_sounds_is_read_by_its_columns_and_its_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("sounds.csv");
        fs::write(&csv, "source,Path,class\nx,a/dog.wav,dog\n").unwrap();
        let expected = (folder.path().join("a/dog.wav"), "dog".to_owned());
        assert_eq!(list(&csv).unwrap(), [expected]);
        fs::write(&csv, "path,class\n").unwrap();
        assert!(
            list(&csv)
                .unwrap_err()
                .to_string()
                .contains("lists no sounds")
        );
        fs::write(&csv, "path,kind\n").unwrap();
        assert!(
            list(&csv)
                .unwrap_err()
                .to_string()
                .contains("no column class")
        );
    }
}
