//! Recall over all clips and by who spoke, what and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use speech_emotion::Emotion;

use super::Judgement;
use crate::{
    dataset::Clip,
    metrics::{Confusion, interval},
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
    /// Of every seed's networks.
    pub by_seed: BTreeMap<u64, Scores>,
    /// Recall of each emotion that has clips.
    pub recall: BTreeMap<Emotion, f64>,
    /// Clips by true emotion and answer.
    pub confusion: Confusion,
    /// Of "men" and "women".
    pub by_sex: BTreeMap<String, Scores>,
    /// Of "normal" and "strong" intensity.
    pub by_intensity: BTreeMap<String, Scores>,
    /// Of the two sentences, "kids" and "dogs".
    pub by_statement: BTreeMap<String, Scores>,
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

impl From<&Confusion> for Scores {
    fn from(confusion: &Confusion) -> Self {
        Self {
            uar: confusion.uar(),
            war: confusion.war(),
        }
    }
}

impl Results {
    /// Sums up answers: seed, clip, and what was answered.
    pub fn new<'a>(answers: impl IntoIterator<Item = (u64, &'a Clip, Option<Emotion>)>) -> Self {
        let mut all = Confusion::default();
        let mut by_seed = BTreeMap::<_, Confusion>::new();
        let mut by_sex = BTreeMap::<_, Confusion>::new();
        let mut by_intensity = BTreeMap::<_, Confusion>::new();
        let mut by_statement = BTreeMap::<_, Confusion>::new();
        let mut by_actor = BTreeMap::<_, Confusion>::new();
        for (seed, clip, answer) in answers {
            let sex = if clip.actor % 2 == 1 { "men" } else { "women" };
            let intensity = if clip.strong { "strong" } else { "normal" };
            let statement = if clip.statement == 1 { "kids" } else { "dogs" };
            for confusion in [
                &mut all,
                by_seed.entry(seed).or_default(),
                by_sex.entry(sex.to_owned()).or_default(),
                by_intensity.entry(intensity.to_owned()).or_default(),
                by_statement.entry(statement.to_owned()).or_default(),
                by_actor.entry(clip.actor).or_default(),
            ] {
                confusion.count(clip.emotion, answer);
            }
        }
        let actors: Vec<Confusion> = by_actor.values().copied().collect();
        Self {
            uar: all.uar(),
            uar_interval: interval(&actors, Confusion::uar),
            war: all.war(),
            war_interval: interval(&actors, Confusion::war),
            by_seed: scores(&by_seed),
            recall: Emotion::ALL
                .into_iter()
                .filter_map(|emotion| Some((emotion, all.recall(emotion)?)))
                .collect(),
            confusion: all,
            by_sex: scores(&by_sex),
            by_intensity: scores(&by_intensity),
            by_statement: scores(&by_statement),
            by_actor: scores(&by_actor),
        }
    }

    /// Name, value and interval of the two figures that everything is summed up in.
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

/// Results once so much speech has been heard.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeardSoFar {
    /// Seconds of speech, at most; a clip with less counts as far as it goes.
    pub seconds: f64,
    /// Unweighted average recall.
    pub uar: f64,
    /// Share of clips classified correctly.
    pub war: f64,
}

/// What the posterior shown last within 0.5, 0.75 ... 3 s of speech says, whether it is claimed or
/// not; nothing shown is wrong.
pub fn by_heard<'a>(
    judged: impl IntoIterator<Item = (&'a Clip, &'a Judgement)> + Clone,
) -> Vec<HeardSoFar> {
    (2..=12)
        .map(|quarters| {
            let seconds = 0.25 * f64::from(quarters);
            let mut confusion = Confusion::default();
            for (clip, judgement) in judged.clone() {
                let shown = judgement
                    .live
                    .iter()
                    .rfind(|shown| f64::from(shown.heard_s) <= seconds);
                confusion.count(clip.emotion, shown.map(|shown| shown.posterior.top().0));
            }
            HeardSoFar {
                seconds,
                uar: confusion.uar(),
                war: confusion.war(),
            }
        })
        .collect()
}
