//! Speaker-independent evaluation: every clip is judged by a network that never heard its actor.

mod cross_validation;
mod report;

pub use cross_validation::CrossValidation;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use speech_emotion::Emotion;

use crate::{
    dataset::Clip,
    metrics::{Confusion, interval},
    ravdess::Protocol,
};

/// Name of the file an [`Evaluation`] is kept in.
pub const EVALUATION_FILE: &str = "evaluation.json";

/// How often the model is right on voices it was not trained on; evaluation.json.
///
/// Shares are 0..=1, intervals cover 95 % over actors. With several seeds every clip counts once
/// per seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// How actors were divided.
    pub protocol: Protocol,
    /// The actors tested in each fold.
    pub folds: Vec<Vec<u8>>,
    /// Seeds of the networks.
    pub seeds: Vec<u64>,
    /// Number of clips.
    pub clips: u32,
    /// Unweighted average recall.
    pub uar: f64,
    /// Interval of `uar`.
    pub uar_interval: [f64; 2],
    /// Share of clips classified correctly.
    pub war: f64,
    /// Interval of `war`.
    pub war_interval: [f64; 2],
    /// Recall of each emotion that has clips.
    pub recall: BTreeMap<Emotion, f64>,
    /// Clips by true and predicted emotion.
    pub confusion: Confusion,
    /// Of "men" and "women".
    pub by_sex: BTreeMap<String, Scores>,
    /// Of "normal" and "strong" intensity.
    pub by_intensity: BTreeMap<String, Scores>,
    /// Of every actor.
    pub by_actor: BTreeMap<u8, Scores>,
}

/// Results of a part of the clips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Unweighted average recall of the emotions it has.
    pub uar: f64,
    /// Share of clips classified correctly.
    pub war: f64,
}

impl Evaluation {
    /// Sums up the predictions for `clips`: one list per seed, each in the order of the clips.
    pub fn new(
        protocol: Protocol,
        folds: Vec<Vec<u8>>,
        clips: &[Clip],
        by_seed: &BTreeMap<u64, Vec<Emotion>>,
    ) -> Self {
        let mut all = Confusion::default();
        let mut by_sex = BTreeMap::<_, Confusion>::new();
        let mut by_intensity = BTreeMap::<_, Confusion>::new();
        let mut by_actor = BTreeMap::<_, Confusion>::new();
        for predictions in by_seed.values() {
            for (clip, &predicted) in clips.iter().zip(predictions) {
                let sex = if clip.actor % 2 == 1 { "men" } else { "women" };
                let intensity = if clip.strong { "strong" } else { "normal" };
                for confusion in [
                    &mut all,
                    by_sex.entry(sex.to_owned()).or_default(),
                    by_intensity.entry(intensity.to_owned()).or_default(),
                    by_actor.entry(clip.actor).or_default(),
                ] {
                    confusion.count(clip.emotion, predicted);
                }
            }
        }
        let actors: Vec<Confusion> = by_actor.values().copied().collect();
        Self {
            protocol,
            folds,
            clips: clips.len() as u32,
            uar: all.uar(),
            uar_interval: interval(&actors, Confusion::uar),
            war: all.war(),
            war_interval: interval(&actors, Confusion::war),
            recall: Emotion::ALL
                .into_iter()
                .filter_map(|emotion| Some((emotion, all.recall(emotion)?)))
                .collect(),
            confusion: all,
            by_sex: scores(by_sex),
            by_intensity: scores(by_intensity),
            by_actor: scores(by_actor),
            seeds: by_seed.keys().copied().collect(),
        }
    }

    /// Where the evaluation of these seeds is kept.
    pub fn folder(data: &Path, protocol: Protocol, seeds: &[u64]) -> PathBuf {
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        data.join("runs")
            .join(format!("{}-seed{}", protocol.name(), seeds.join("+")))
    }

    /// Writes evaluation.json into `folder` and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(EVALUATION_FILE);
        let json = serde_json::to_string_pretty(self)?;
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, json + "\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Reads an evaluation.json.
    ///
    /// # Errors
    /// When it is missing or not what [`save`](Self::save) writes.
    pub fn load(path: &Path) -> Result<Self> {
        let json = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; run the evaluate command", path.display()))?;
        serde_json::from_str(&json).with_context(|| {
            format!(
                "{} is damaged; run the evaluate command again",
                path.display()
            )
        })
    }
}

fn scores<K: Ord>(parts: BTreeMap<K, Confusion>) -> BTreeMap<K, Scores> {
    let scores = |confusion: Confusion| Scores {
        uar: confusion.uar(),
        war: confusion.war(),
    };
    parts
        .into_iter()
        .map(|(key, part)| (key, scores(part)))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn clip(actor: u8, emotion: Emotion, strong: bool) -> Clip {
        Clip {
            path: String::new(),
            emotion,
            strong,
            statement: 1,
            repetition: 1,
            actor,
            features: Vec::new(),
        }
    }

    /// Actor 1 is always right, actor 2 only with seed 2.
    pub(super) fn evaluation() -> Evaluation {
        let clips = [
            clip(1, Emotion::Calm, false),
            clip(1, Emotion::Angry, true),
            clip(2, Emotion::Calm, false),
            clip(2, Emotion::Angry, true),
        ];
        let right: Vec<Emotion> = clips.iter().map(|clip| clip.emotion).collect();
        let half = vec![Emotion::Calm, Emotion::Angry, Emotion::Sad, Emotion::Happy];
        Evaluation::new(
            Protocol::Loso,
            vec![vec![1], vec![2]],
            &clips,
            &BTreeMap::from([(1, half), (2, right)]),
        )
    }

    #[test]
    fn seeds_are_pooled_and_parts_told_apart() {
        let evaluation = evaluation();
        assert_eq!(evaluation.seeds, [1, 2]);
        assert_eq!(evaluation.clips, 4);
        assert_eq!((evaluation.uar, evaluation.war), (0.75, 0.75));
        assert_eq!(evaluation.war_interval, [0.5, 1.0]);
        assert_eq!(evaluation.by_actor[&1].war, 1.0);
        assert_eq!(evaluation.by_actor[&2].war, 0.5);
        assert_eq!(evaluation.by_sex["men"].war, 1.0);
        assert_eq!(evaluation.by_intensity["strong"].war, 0.75);
        assert_eq!(evaluation.recall.len(), 2);
    }

    #[test]
    fn an_evaluation_is_saved_and_loaded() {
        let data = tempfile::tempdir().unwrap();
        let folder = Evaluation::folder(data.path(), Protocol::Loso, &[1, 2]);
        assert!(folder.ends_with("runs/loso-seed1+2"));
        let path = evaluation().save(&folder).unwrap();
        assert_eq!(Evaluation::load(&path).unwrap(), evaluation());
        fs::write(&path, "{").unwrap();
        let error = format!("{:#}", Evaluation::load(&path).unwrap_err());
        assert!(error.contains("run the evaluate command again"), "{error}");
    }
}
