//! Recall over all clips, and by speaker, sentence and manner.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use speech_emotion::class::{Class, Labels};

use super::{
    Judgement,
    metrics::{Confusion, interval},
};
use crate::{
    corpus::{Sex, Speaker},
    dataset::Clip,
};

/// How often answers were right. Shares are 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Unweighted average recall of all seeds' clips.
    pub uar: f64,
    /// Its 95 % interval over actors.
    pub uar_interval: [f64; 2],
    /// Share of clips classified correctly.
    pub war: f64,
    /// Its 95 % interval over actors.
    pub war_interval: [f64; 2],
    /// Scores of each seed's networks.
    pub by_seed: BTreeMap<u64, Scores>,
    /// Recall of each label that has clips.
    pub recall: BTreeMap<String, f64>,
    /// Clips by true class and answer.
    pub confusion: Confusion,
    /// Scores of "men" and "women", if the sex is known.
    pub by_sex: BTreeMap<String, Scores>,
    /// Scores of "normal" and "strong" intensity; like the next field, empty except for RAVDESS.
    pub by_intensity: BTreeMap<String, Scores>,
    /// Scores of the two sentences, "kids" and "dogs".
    pub by_statement: BTreeMap<String, Scores>,
    /// Scores of every speaker.
    pub by_actor: BTreeMap<Speaker, Scores>,
}

/// Results of a part of the clips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Unweighted average recall of the classes it has.
    pub uar: f64,
    /// Share of clips classified correctly.
    pub war: f64,
}

impl From<&Confusion> for Scores {
    fn from(confusion: &Confusion) -> Self {
        Self {
            uar: confusion.uar(),
            war: confusion.war(),
        }
    }
}

impl Results {
    /// Sums up answers: seed, clip, and the answer given.
    pub fn new<'a>(
        labels: &Labels,
        answers: impl IntoIterator<Item = (u64, &'a Clip, Option<Class>)>,
    ) -> Self {
        let none = || Confusion::new(labels.len());
        let mut all = none();
        let mut by_seed = BTreeMap::new();
        let mut by_sex = BTreeMap::new();
        let mut by_intensity = BTreeMap::new();
        let mut by_statement = BTreeMap::new();
        let mut by_actor = BTreeMap::new();
        for (seed, clip, answer) in answers {
            let count = |confusion: &mut Confusion| confusion.count(clip.class, answer);
            count(&mut all);
            count(by_seed.entry(seed).or_insert_with(none));
            count(by_actor.entry(clip.speaker.clone()).or_insert_with(none));
            if let Some(sex) = clip.sex {
                let sex = match sex {
                    Sex::Male => "men",
                    Sex::Female => "women",
                };
                count(by_sex.entry(sex.to_owned()).or_insert_with(none));
            }
            if let Some(name) = clip.ravdess {
                let intensity = if name.strong { "strong" } else { "normal" };
                let statement = if name.statement == 1 { "kids" } else { "dogs" };
                count(
                    by_intensity
                        .entry(intensity.to_owned())
                        .or_insert_with(none),
                );
                count(
                    by_statement
                        .entry(statement.to_owned())
                        .or_insert_with(none),
                );
            }
        }
        let actors: Vec<Confusion> = by_actor.values().cloned().collect();
        Self {
            uar: all.uar(),
            uar_interval: interval(&actors, Confusion::uar),
            war: all.war(),
            war_interval: interval(&actors, Confusion::war),
            by_seed: scores(&by_seed),
            recall: labels
                .classes()
                .filter_map(|class| Some((labels.name(class).to_owned(), all.recall(class)?)))
                .collect(),
            confusion: all,
            by_sex: scores(&by_sex),
            by_intensity: scores(&by_intensity),
            by_statement: scores(&by_statement),
            by_actor: scores(&by_actor),
        }
    }

    /// Name, value and interval of the two figures that sum everything up.
    pub fn headline(&self) -> [(&'static str, f64, [f64; 2]); 2] {
        [
            (
                "UAR, mean recall of the emotions",
                self.uar,
                self.uar_interval,
            ),
            ("WAR, share of clips", self.war, self.war_interval),
        ]
    }

    /// Mean and standard deviation over seeds of a score; the deviation is 0 for one seed.
    pub fn over_seeds(&self, score: fn(&Scores) -> f64) -> (f64, f64) {
        let values: Vec<f64> = self.by_seed.values().map(score).collect();
        let n = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, (squares / (n - 1.0).max(1.0)).sqrt())
    }
}

fn scores<K: Ord + Clone>(parts: &BTreeMap<K, Confusion>) -> BTreeMap<K, Scores> {
    parts
        .iter()
        .map(|(key, part)| (key.clone(), part.into()))
        .collect()
}

/// Results once this much speech has been heard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeardSoFar {
    /// Seconds of speech, at most; a clip with less counts with all it has.
    pub seconds: f64,
    /// Unweighted average recall.
    pub uar: f64,
    /// Share of clips classified correctly.
    pub war: f64,
}

/// What the posterior last shown within 0.5, 0.75 ... 3 s of speech says, whether it is claimed or
/// not; showing nothing counts as wrong.
pub fn by_heard<'a>(
    classes: usize,
    judged: impl IntoIterator<Item = (&'a Clip, &'a Judgement)> + Clone,
) -> Vec<HeardSoFar> {
    (2..=12)
        .map(|quarters| {
            let seconds = 0.25 * f64::from(quarters);
            let mut confusion = Confusion::new(classes);
            for (clip, judgement) in judged.clone() {
                let shown = judgement
                    .live
                    .iter()
                    .rfind(|shown| f64::from(shown.heard_s) <= seconds);
                confusion.count(clip.class, shown.map(|shown| shown.posterior.top().0));
            }
            HeardSoFar {
                seconds,
                uar: confusion.uar(),
                war: confusion.war(),
            }
        })
        .collect()
}
