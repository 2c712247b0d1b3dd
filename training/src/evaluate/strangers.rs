//! How well the model hears people who resemble nothing in its training: every corpus in turn is
//! left out of it, with its speakers, language and microphones, and judged.
//!
//! What is claimed for a left-out corpus is decided by settings fitted on the answers for the other
//! corpora, each given by networks that had heard nothing of it.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use speech_emotion::{class::Class, model::StrangersEvaluation};

use super::{
    Calibrated, Judgement, Results, Trial,
    calibrated::{self, Fitted, Judged},
    folds::Fold,
    metrics::best_among,
    sounds::Sounds,
};
use crate::whole_file;
use crate::{artifact::export::Shipped, dataset::Dataset};

/// Name of the file in which [`Strangers`] are kept.
pub const STRANGERS_FILE: &str = "strangers.json";

/// Least share of claims about strangers that should be right, on average over corpora.
const CLAIMED_ACCURACY: f64 = 0.65;

/// How the model does on corpora that it was not trained on; strangers.json. Shares are 0..=1, intervals cover
/// 95 % over speakers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strangers {
    /// [`recipe`](crate::learning::ensemble::recipe) of the networks.
    pub recipe: String,
    /// Seed of the networks.
    pub seed: u64,
    /// Corpus by corpus.
    pub corpora: Vec<Stranger>,
    /// Means over the corpora.
    pub mean: Means,
    /// How the model trained on all of them responds to sounds other than speech; none if there
    /// were no sounds.
    pub sounds: Option<Sounds>,
    /// The settings for a model trained on all of them: fitted on all that are also trained on.
    pub shipped: Shipped,
    /// The same fitted on all but RAVDESS, for the evaluation on its own folds.
    pub known: Shipped,
}

/// A corpus that was left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stranger {
    /// Its short name.
    pub name: String,
    /// Its title.
    pub data_set: String,
    /// Languages spoken (ISO 639-1), where they are known.
    pub languages: Vec<String>,
    /// Whether the shipped model was not trained on it either.
    pub held_out: bool,
    /// Corpora that the networks were trained on.
    pub trained_on: Vec<String>,
    /// Clips judged: those whose emotion the training had too.
    pub clips: u32,
    /// Their speakers.
    pub speakers: u32,
    /// The emotions it shares with the training, among which answers are chosen.
    pub labels: Vec<String>,
    /// The answer with the highest posterior among these.
    pub live: Results,
    /// What is claimed, among all emotions, and how surely.
    pub calibrated: Calibrated,
}

/// Means over corpora; for claims, the share that are right, with every corpus counting equally.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Means {
    pub uar: f64,
    pub war: f64,
    /// Share that guessing gets right on average.
    pub guessing: f64,
    pub claimed: f64,
    pub claimed_right: f64,
    pub expected_calibration_error: f64,
}

impl Stranger {
    /// Share that guessing gets right on average.
    pub fn guessing(&self) -> f64 {
        1.0 / self.labels.len().max(1) as f64
    }
}

impl Strangers {
    /// Sums up the trials of a cross-validation over the corpora of a data set.
    pub fn new(
        dataset: &Dataset,
        folds: &[Fold],
        seed: u64,
        recipe: String,
        trials: &[Trial],
    ) -> Self {
        let of = |fold: usize| trials.iter().filter(move |trial| trial.fold == fold);
        let fit = |chosen: Vec<&Trial>| {
            let judged: Vec<Judged> = chosen
                .iter()
                .flat_map(|trial| shared(dataset, folds, trial))
                .collect();
            Fitted::new(&dataset.labels, &judged, CLAIMED_ACCURACY)
        };
        let trained: Vec<usize> = (0..folds.len())
            .filter(|&fold| folds[fold].trains)
            .collect();
        let mut corpora = Vec::new();
        for (number, fold) in folds.iter().enumerate() {
            let others = trained.iter().filter(|&&other| other != number);
            let fitted = fit(others.flat_map(|&other| of(other)).collect());
            let judged: Vec<Judged> = of(number)
                .flat_map(|trial| shared(dataset, folds, trial))
                .collect();
            for &corpus in &fold.corpora {
                let of_corpus = judged.iter().filter(|(clip, _)| clip.corpus == corpus);
                let judged: Vec<Judged> = of_corpus.copied().collect();
                let trained_on = trained_on(dataset, folds, number);
                corpora.push(Stranger::new(
                    dataset, corpus, trained_on, seed, judged, &fitted,
                ));
            }
        }
        let is_ravdess = |fold: usize| {
            let mut corpora = folds[fold].corpora.iter();
            corpora.any(|&corpus| dataset.corpora[corpus].is_ravdess())
        };
        let all = trained.iter().flat_map(|&fold| of(fold)).collect();
        let others = trained.iter().filter(|&&fold| !is_ravdess(fold));
        let others = others.flat_map(|&fold| of(fold)).collect();
        Self {
            recipe,
            seed,
            mean: Means::of(&corpora),
            corpora,
            sounds: None,
            shipped: fit(all).shipped(),
            known: fit(others).shipped(),
        }
    }

    /// The part of it that goes into model.json.
    pub fn summary(&self) -> StrangersEvaluation {
        let sum = |of: fn(&Stranger) -> u32| self.corpora.iter().map(of).sum();
        StrangersEvaluation {
            corpora: self.corpora.len() as u32,
            clips: sum(|stranger| stranger.clips),
            speakers: sum(|stranger| stranger.speakers),
            uar: self.mean.uar as f32,
            guessing: self.mean.guessing as f32,
            claimed: self.mean.claimed as f32,
            claimed_right: self.mean.claimed_right as f32,
        }
    }

    /// Writes strangers.json into `folder`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = folder.join(STRANGERS_FILE);
        let json = serde_json::to_string_pretty(self)?;
        fs::create_dir_all(folder)
            .and_then(|()| whole_file::replace(&path, json + "\n"))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads a strangers.json; none if there is no such file.
    ///
    /// # Errors
    /// When it cannot be read or was not written by [`save`](Self::save).
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(STRANGERS_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let json =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let strangers = serde_json::from_str(&json).with_context(|| {
            format!(
                "{} is damaged or from another version; run evaluate --folds corpora again",
                path.display()
            )
        })?;
        Ok(Some(strangers))
    }
}

impl Stranger {
    fn new(
        dataset: &Dataset,
        corpus: usize,
        trained_on: BTreeSet<usize>,
        seed: u64,
        judged: Vec<Judged>,
        fitted: &Fitted,
    ) -> Self {
        let about = &dataset.corpora[corpus];
        let classes: BTreeSet<Class> = judged.iter().map(|(clip, _)| clip.class).collect();
        let among = |judgement: &Judgement| best_among(&judgement.posterior?, &classes);
        let answers = judged.iter();
        let answers = answers.map(|(clip, judgement)| (seed, *clip, among(judgement)));
        let live = Results::new(&dataset.labels, answers);
        let languages: BTreeSet<String> = judged
            .iter()
            .filter_map(|(clip, _)| clip.language.clone())
            .collect();
        let names = |classes: &BTreeSet<Class>| {
            classes
                .iter()
                .map(|class| dataset.labels.name(*class).to_owned())
                .collect()
        };
        Self {
            name: about.name.clone(),
            data_set: about.data_set.clone(),
            languages: languages.into_iter().collect(),
            held_out: !about.trains,
            trained_on: trained_on
                .into_iter()
                .map(|corpus| dataset.corpora[corpus].name.clone())
                .collect(),
            clips: judged.len() as u32,
            speakers: live.by_actor.len() as u32,
            labels: names(&classes),
            live,
            calibrated: calibrated::test(&dataset.labels, &[(judged, fitted)]),
        }
    }
}

impl Means {
    fn of(corpora: &[Stranger]) -> Self {
        let mean = |of: &dyn Fn(&Stranger) -> f64| {
            corpora.iter().map(of).sum::<f64>() / corpora.len().max(1) as f64
        };
        let claimed = |stranger: &Stranger| stranger.calibrated.claimed;
        let right = |stranger: &Stranger| claimed(stranger) * stranger.calibrated.claimed_right;
        Self {
            uar: mean(&|stranger| stranger.live.uar),
            war: mean(&|stranger| stranger.live.war),
            guessing: mean(&Stranger::guessing),
            claimed: mean(&claimed),
            claimed_right: mean(&right) / mean(&claimed).max(f64::MIN_POSITIVE),
            expected_calibration_error: mean(&|stranger| {
                stranger.calibrated.summary.expected_calibration_error
            }),
        }
    }
}

/// The corpora used to train the networks that leave this fold out.
fn trained_on(dataset: &Dataset, folds: &[Fold], left_out: usize) -> BTreeSet<usize> {
    let is_left_out = |corpus: &usize| folds[left_out].left_out.contains(corpus);
    (0..dataset.corpora.len())
        .filter(|corpus| dataset.corpora[*corpus].trains && !is_left_out(corpus))
        .collect()
}

/// The judgements of a trial whose emotion the training had too: no network can recognise one that
/// it has never heard.
fn shared<'a>(dataset: &'a Dataset, folds: &[Fold], trial: &'a Trial) -> Vec<Judged<'a>> {
    let corpora = trained_on(dataset, folds, trial.fold);
    let mut known = BTreeSet::<Class>::new();
    for corpus in corpora {
        known.extend(dataset.labels_of(corpus));
    }
    let mut judged = calibrated::judged(&dataset.clips, &[trial]);
    judged.retain(|(clip, _)| known.contains(&clip.class));
    judged
}

#[cfg(test)]
mod tests {
    use speech_emotion::{
        class::{Labels, PerClass},
        model::Posterior,
    };

    use super::*;
    use crate::{
        corpus::{Corpus, Listed, Speaker},
        dataset::Features,
    };

    /// Three corpora of 40 clips, the first two always recognised and the third never, all with the
    /// same confidence.
    fn strangers() -> Strangers {
        let names = ["a", "b", "c"];
        let class = |n: usize| Class::new(n % 2).unwrap();
        let clip = |corpus: usize, n: usize| {
            let speaker = Speaker::new(format!("{}-{}", names[corpus], n % 4));
            let listed = Listed {
                corpus,
                ..Listed::new(String::new(), class(n), speaker)
            };
            (listed, Features::default())
        };
        let clips = (0..3).flat_map(|corpus| (0..40).map(move |n| clip(corpus, n)));
        let corpora = names.map(|name| Corpus::manifest(name.into(), name.into(), "".into()));
        let labels = Labels::new(vec!["awake".into(), "tired".into()]).unwrap();
        let dataset = Dataset::in_memory(labels, corpora.into(), clips);
        let folds: Vec<Fold> = (0..3)
            .map(|corpus| Fold {
                name: names[corpus].to_owned(),
                speakers: dataset.speakers_of(corpus).into_iter().cloned().collect(),
                corpora: vec![corpus],
                left_out: vec![corpus],
                trains: true,
            })
            .collect();
        let judgement = |index: usize, is_right: bool| Judgement {
            path: String::new(),
            whole: None,
            posterior: Some(Posterior(PerClass::from_fn(2, |class| {
                let is_truth = class == index % 2;
                if is_truth == is_right { 0.8 } else { 0.2 }
            }))),
            speech_s: 3.0,
            is_firm: true,
            live: Vec::new(),
        };
        let trial = |fold: usize| Trial {
            seed: 1,
            fold,
            validation: None,
            judged: (0..40)
                .map(|n| (40 * fold + n, judgement(n, fold < 2)))
                .collect(),
            changed: Vec::new(),
            epochs: Vec::new(),
        };
        let trials: Vec<Trial> = (0..3).map(trial).collect();
        Strangers::new(&dataset, &folds, 1, String::new(), &trials)
    }

    #[test]
    fn what_is_claimed_of_a_corpus_is_decided_by_the_others() {
        let strangers = strangers();
        let claims = strangers.corpora.iter().map(|stranger| {
            let calibrated = &stranger.calibrated;
            (calibrated.claimed, calibrated.claimed_right)
        });
        // The settings for the first two are fitted on answers of which half are wrong, those for
        // the third on right answers only.
        let expected = [(0.0, 0.0), (0.0, 0.0), (1.0, 0.0)];
        assert_eq!(claims.collect::<Vec<_>>(), expected);
        let right = strangers.corpora.iter().map(|stranger| stranger.live.uar);
        assert_eq!(right.collect::<Vec<_>>(), [1.0, 1.0, 0.0]);
        assert_eq!(strangers.corpora[0].trained_on, ["b", "c"]);
    }

    #[test]
    fn a_corpus_of_which_nothing_is_claimed_does_not_make_claims_wrong() {
        let mut strangers = strangers();
        let claims = [(0.5, 0.8), (0.1, 0.2), (0.0, 0.0)];
        for (stranger, (claimed, right)) in strangers.corpora.iter_mut().zip(claims) {
            stranger.calibrated.claimed = claimed;
            stranger.calibrated.claimed_right = right;
        }
        let mean = Means::of(&strangers.corpora);
        assert!((mean.claimed - 0.2).abs() < 1e-12);
        assert!((mean.claimed_right - 0.7).abs() < 1e-12, "{mean:?}");
        strangers.corpora.truncate(0);
        assert_eq!(Means::of(&strangers.corpora).claimed_right, 0.0);
    }
}
