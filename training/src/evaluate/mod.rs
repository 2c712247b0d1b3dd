//! Speaker-independent evaluation: every clip is judged as it would be live, by a network that has
//! never heard its actor.
//!
//! ```text
//! cross_validation ─ Trial ─┬─ results ────┬─ Evaluation ─ evaluation.json
//!   └ judge ─ conditions    └─ calibrated ─┘
//!                               ├ confidence
//!                               └ speaker
//! ```

mod activation;
pub mod baseline;
mod calibrated;
mod conditions;
mod confidence;
mod cross_validation;
pub mod folds;
mod judge;
pub mod metrics;
mod results;
pub mod sounds;
mod sources;
mod speaker;
mod strangers;

pub use activation::ActivationResults;
pub use conditions::Condition;
pub use confidence::{Bin, Confidence, Coverage};
pub use cross_validation::{CrossValidation, Trial};
pub use judge::{Judgement, Shown, Whole, confusion};
pub use results::{HeardSoFar, Results, Scores};
pub use sources::Source;
pub use speaker::{Compared, Known};
pub use strangers::{STRANGERS_FILE, Stranger, Strangers};

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use speech_emotion::{class::Labels, model};

use crate::whole_file;
use crate::{
    artifact::export::{Measured, Shipped},
    corpus::{
        Speaker,
        folds::Protocol,
        ravdess::{self, Emotion},
    },
    dataset::{Clip, Dataset},
    learning::epochs::Epoch,
};
use metrics::Confusion;

/// Name of the file in which an [`Evaluation`] is kept.
pub const EVALUATION_FILE: &str = "evaluation.json";

/// How often the model is right on voices it was not trained on; evaluation.json.
///
/// Shares are 0..=1, intervals cover 95 % over speakers. With several seeds every clip counts once
/// per seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Titles of the corpora that were judged; an evaluation that does not say is one of RAVDESS.
    #[serde(default = "ravdess_data_set")]
    pub data_set: String,
    /// Names of the classes; likewise.
    #[serde(default = "Emotion::labels")]
    pub labels: Labels,
    /// All corpora, including those used only for training; an evaluation of one corpus may lack
    /// this.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// How speakers were divided.
    pub protocol: Protocol,
    /// The speakers tested in each fold.
    pub folds: Vec<Vec<Speaker>>,
    /// Seeds of the networks.
    pub seeds: Vec<u64>,
    /// [`recipe`](crate::learning::ensemble::recipe) of the networks.
    pub recipe: String,
    /// Number of clips.
    pub clips: u32,
    /// As it runs live: the session's summary of each clip.
    pub live: Results,
    /// The networks given whole clips.
    pub whole: WholeClips,
    /// Live, by the seconds of speech heard so far.
    pub by_heard: Vec<HeardSoFar>,
    /// Confidence and calibration to the speaker; none in a quick evaluation.
    pub calibrated: Option<Calibrated>,
    /// The settings for a model trained on all speakers; likewise.
    pub shipped: Option<Shipped>,
    /// How it does on corpora that it was not trained on; none if there is only one corpus.
    pub strangers: Option<Strangers>,
    /// Live, under other conditions; empty in a quick evaluation.
    pub robustness: Vec<Robustness>,
    /// Means over networks, epoch by epoch.
    pub learning: Vec<Learning>,
}

fn ravdess_data_set() -> String {
    ravdess::DATA_SET.to_owned()
}

/// Results of the networks alone, without the session.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WholeClips {
    /// As trained.
    pub trained: Scores,
    /// From the model file, whose weights are rounded to 4 and 8 bits.
    pub exported: Scores,
}

/// Results under one condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// What came between voice and program.
    pub condition: Condition,
    /// Unweighted average recall.
    pub uar: f64,
    /// Its difference from that of the same networks on the clips as recorded.
    pub uar_change: f64,
    /// Share of clips classified correctly.
    pub war: f64,
    /// Its difference from that of the same networks on the clips as recorded.
    pub war_change: f64,
}

/// An epoch, averaged over the training runs that have it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Learning {
    /// Counts from 1.
    pub epoch: usize,
    /// Training loss in nats.
    pub loss: f64,
    /// Share of training segments recognised, augmented.
    pub accuracy: f64,
    /// UAR of the inner networks on speakers not used in training.
    pub validation_uar: Option<f64>,
}

/// Settings fitted on speakers used neither for training nor for testing, and how they do on those
/// tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// For each fold the temperature fitted on another fold.
    pub temperatures: Vec<f32>,
    /// For each fold the least confidence at which a class is claimed, fitted likewise.
    pub thresholds: Vec<f32>,
    /// Confidence of the session's summaries, with each fold's temperature.
    pub summary: Confidence,
    /// The same for everything that is shown while listening.
    pub live: Confidence,
    /// Share of clips for which an emotion is claimed, with each fold's threshold.
    pub claimed: f64,
    /// Share of these claims that are right.
    pub claimed_right: f64,
    /// How lively the voices sound; none if the labels do not say.
    pub activation: Option<ActivationResults>,
    /// What is gained by knowing the speaker.
    pub speaker: Vec<Compared>,
}

impl Evaluation {
    /// Sums up the trials of a cross-validation on a data set.
    pub fn new(
        dataset: &Dataset,
        protocol: Protocol,
        folds: Vec<Vec<Speaker>>,
        seeds: Vec<u64>,
        recipe: String,
        trials: &[Trial],
        strangers: Option<Strangers>,
    ) -> Self {
        let (clips, labels) = (&dataset.clips, &dataset.labels);
        let judged: Vec<_> = trials
            .iter()
            .filter(|trial| trial.validation.is_none())
            .flat_map(|trial| {
                let judged = trial.judged.iter();
                judged.map(|(index, judgement)| (trial.seed, &clips[*index], judgement))
            })
            .collect();
        let tested: BTreeSet<(usize, &str)> = judged
            .iter()
            .map(|(_, clip, _)| (clip.corpus, clip.path.as_str()))
            .collect();
        let given = strangers.as_ref().map(|strangers| &strangers.known);
        let calibrated = calibrated::calibrated(labels, clips, trials, given);
        let (calibrated, own) = calibrated.unzip();
        let answers = judged.iter();
        let answers = answers.map(|&(seed, clip, judgement)| (seed, clip, judgement.answer()));
        let whole = |logits: fn(&Whole) -> &[f32]| {
            let mut confusion = Confusion::new(labels.len());
            for (_, clip, judgement) in &judged {
                let answer = judgement
                    .whole
                    .as_ref()
                    .map(|whole| judge::top(logits(whole)));
                confusion.count(clip.class, answer);
            }
            Scores::from(&confusion)
        };
        let corpora = judged.iter().map(|(_, clip, _)| clip.corpus).collect();
        let sources = sources::of(dataset, &corpora);
        let titles = sources.iter().filter(|source| source.tested);
        let titles: Vec<&str> = titles.map(|source| source.title.as_str()).collect();
        Self {
            data_set: titles.join("; "),
            sources,
            labels: labels.clone(),
            protocol,
            folds,
            seeds,
            recipe,
            clips: tested.len() as u32,
            live: Results::new(labels, answers),
            whole: WholeClips {
                trained: whole(|whole| &whole.trained),
                exported: whole(|whole| &whole.exported),
            },
            calibrated,
            shipped: match &strangers {
                Some(strangers) => Some(strangers.shipped.clone()),
                None => own,
            },
            strangers,
            robustness: robustness(labels.len(), clips, trials),
            learning: learning(trials),
            by_heard: results::by_heard(
                labels.len(),
                judged.iter().map(|&(_, clip, judgement)| (clip, judgement)),
            ),
        }
    }

    /// The part of it that goes into model.json.
    pub fn measured(&self) -> Measured {
        let interval = |interval: [f64; 2]| interval.map(|share| share as f32);
        Measured {
            labels: self.labels.clone(),
            summary: model::Evaluation {
                folds: self.protocol.to_string(),
                seeds: self.seeds.clone(),
                clips: self.clips,
                uar: self.live.uar as f32,
                uar_interval: interval(self.live.uar_interval),
                war: self.live.war as f32,
                war_interval: interval(self.live.war_interval),
                strangers: self.strangers.as_ref().map(Strangers::summary),
            },
            fitted: self.shipped.clone(),
        }
    }

    /// Writes evaluation.json into `folder` and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(EVALUATION_FILE);
        let json = serde_json::to_string_pretty(self)?;
        fs::create_dir_all(folder)
            .and_then(|()| whole_file::replace(&path, json + "\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Reads an evaluation.json.
    ///
    /// # Errors
    /// When it is missing or was not written by [`save`](Self::save).
    pub fn load(path: &Path) -> Result<Self> {
        let json = fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; run the evaluate command", path.display()))?;
        serde_json::from_str(&json).with_context(|| {
            format!(
                "{} is damaged or from another version; run the evaluate command again",
                path.display()
            )
        })
    }
}

/// Every condition that networks were tested under.
fn robustness(classes: usize, clips: &[Clip], trials: &[Trial]) -> Vec<Robustness> {
    let mut counts = BTreeMap::<Condition, [Confusion; 2]>::new();
    for trial in trials {
        for (condition, judgements) in &trial.changed {
            let none = || [0, 1].map(|_| Confusion::new(classes));
            let [before, after] = counts.entry(*condition).or_insert_with(none);
            for ((index, as_recorded), judgement) in trial.judged.iter().zip(judgements) {
                let class = clips[*index].class;
                before.count(class, as_recorded.answer());
                after.count(class, judgement.answer());
            }
        }
    }
    let results = |(condition, [before, after]): (Condition, [Confusion; 2])| Robustness {
        condition,
        uar: after.uar(),
        uar_change: after.uar() - before.uar(),
        war: after.war(),
        war_change: after.war() - before.war(),
    };
    counts.into_iter().map(results).collect()
}

fn learning(trials: &[Trial]) -> Vec<Learning> {
    let mut by_epoch = BTreeMap::<usize, Vec<&Epoch>>::new();
    for epoch in trials
        .iter()
        .flat_map(|trial| trial.epochs.iter().flatten())
    {
        by_epoch.entry(epoch.epoch).or_default().push(epoch);
    }
    let mean = |values: Vec<f64>| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    by_epoch
        .into_iter()
        .filter_map(|(epoch, lines)| {
            let of = |value: fn(&Epoch) -> f32| {
                mean(lines.iter().map(|line| f64::from(value(line))).collect())
            };
            Some(Learning {
                epoch,
                loss: of(|line| line.loss)?,
                accuracy: of(|line| line.accuracy)?,
                validation_uar: mean(lines.iter().filter_map(|l| l.validation_uar).collect()),
            })
        })
        .collect()
}

/// Where a training run on all speakers with this seed is kept.
pub fn whole_folder(data: &Path, seed: u64) -> PathBuf {
    data.join("runs").join(format!("all-seed{seed}"))
}

/// Where the evaluation of these seeds is kept.
pub fn folder(data: &Path, protocol: Protocol, seeds: &[u64]) -> PathBuf {
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    data.join("runs")
        .join(format!("{protocol}-seed{}", seeds.join("+")))
}

#[cfg(test)]
pub(crate) mod tests {
    use speech_emotion::{class::Class, model::Posterior};

    use super::*;
    use crate::corpus::{Corpus, Listed, ravdess::FileName};
    use crate::dataset::Features;

    fn clip(actor: u8, emotion: Emotion, strong: bool) -> (Listed, Features) {
        let name = FileName {
            modality: 3,
            channel: 1,
            emotion,
            strong,
            statement: 1,
            repetition: 1,
            actor,
        };
        let speaker = Speaker::new(actor.to_string());
        let listed = Listed {
            ravdess: Some(name),
            sex: Some(name.sex()),
            ..Listed::new(
                format!("{actor}/{}", emotion.label()),
                emotion.class(),
                speaker,
            )
        };
        (listed, Features::default())
    }

    fn dataset(clips: impl IntoIterator<Item = (Listed, Features)>) -> Dataset {
        let corpora = vec![Corpus::ravdess("clips".into())];
        Dataset::in_memory(Emotion::labels(), corpora, clips)
    }

    /// Sure of a class from the first second of speech, like the model file given the whole clip,
    /// but unlike the network as trained.
    fn judgement(answer: Option<Class>) -> Judgement {
        let mut logits = vec![0.0; Emotion::COUNT];
        if let Some(class) = answer {
            logits[class.index()] = 2.0;
        }
        let posterior = answer.map(|_| Posterior::from_logits(&logits, 1.0));
        Judgement {
            path: String::new(),
            whole: Some(Whole {
                trained: vec![0.0; Emotion::COUNT],
                exported: logits,
            }),
            posterior,
            speech_s: 1.5,
            is_firm: true,
            live: posterior
                .map(|posterior| Shown {
                    heard_s: 1.0,
                    posterior,
                })
                .into_iter()
                .collect(),
        }
    }

    /// Actor 1 is always right, actor 2 only with seed 2.
    pub(crate) fn evaluation() -> Evaluation {
        let clips = [
            clip(1, Emotion::Calm, false),
            clip(1, Emotion::Angry, true),
            clip(2, Emotion::Calm, false),
            clip(2, Emotion::Angry, true),
        ];
        let mut trials = Vec::new();
        for seed in [1, 2] {
            for fold in 0..2 {
                let is_right = seed == 2 || fold == 0;
                let judged = (2 * fold..2 * fold + 2).map(|index| {
                    let answer = is_right.then_some(clips[index].0.class);
                    (index, judgement(answer))
                });
                trials.push(Trial {
                    seed,
                    fold,
                    validation: None,
                    judged: judged.collect(),
                    changed: Vec::new(),
                    epochs: Vec::new(),
                });
            }
        }
        let dataset = dataset(clips);
        let folds = ["1", "2"].map(|name| vec![Speaker::new(name)]);
        Evaluation::new(
            &dataset,
            Protocol::Loso,
            folds.to_vec(),
            vec![1, 2],
            "recipe".to_owned(),
            &trials,
            None,
        )
    }

    /// The same with everything that an evaluation may contain.
    pub(crate) fn whole_evaluation() -> Evaluation {
        let mut evaluation = evaluation();
        let scores = |uar| Scores {
            uar,
            war: uar + 0.01,
        };
        let confidence = || Confidence {
            answers: 200,
            expected_calibration_error: 0.031,
            reliability: vec![
                Bin {
                    confidence: 0.4,
                    accuracy: 0.35,
                    answers: 120,
                },
                Bin {
                    confidence: 0.8,
                    accuracy: 0.9,
                    answers: 80,
                },
            ],
            risk_coverage: vec![
                Coverage {
                    coverage: 0.4,
                    accuracy: 0.9,
                    confidence: 0.8,
                },
                Coverage {
                    coverage: 1.0,
                    accuracy: 0.57,
                    confidence: 0.4,
                },
            ],
        };
        evaluation.calibrated = Some(Calibrated {
            temperatures: vec![0.9, 1.1],
            thresholds: vec![0.5, 0.6],
            summary: confidence(),
            live: confidence(),
            claimed: 0.61,
            claimed_right: 0.83,
            speaker: Known::of(&evaluation.labels)
                .into_iter()
                .map(|known| Compared {
                    known,
                    without: scores(0.6),
                    with: scores(0.7),
                    uar_interval: [0.65, 0.75],
                    war_interval: [0.66, 0.76],
                    expected_calibration_error: 0.04,
                    by_actor: BTreeMap::from([(Speaker::new("1"), [0.6, 0.7])]),
                })
                .collect(),
            activation: Some(ActivationResults {
                uar: 0.9,
                claimed: 0.8,
                claimed_right: 0.95,
                expected_calibration_error: 0.02,
            }),
        });
        evaluation.shipped = Some(Shipped {
            temperature: 1.0,
            unsure_below: 0.5,
            stricter: None,
            settled_segment_frames: 100,
            speaker: None,
            activation: None,
        });
        evaluation.robustness = Condition::CHANGED
            .map(|condition| Robustness {
                condition,
                uar: 0.7,
                uar_change: -0.05,
                war: 0.7,
                war_change: -0.051,
            })
            .to_vec();
        evaluation.learning = (1..=3)
            .map(|epoch| Learning {
                epoch,
                loss: 2.0 / epoch as f64,
                accuracy: 0.2 * epoch as f64,
                validation_uar: Some(0.15 * epoch as f64),
            })
            .collect();
        evaluation.strangers = Some(strangers(&evaluation));
        evaluation
    }

    /// RAVDESS, Polish and a Korean corpus that is never trained on; calibration by reading helps
    /// only RAVDESS's actors.
    fn strangers(evaluation: &Evaluation) -> Strangers {
        let stranger = |name: &str, title: &str, language: &str, trained_on: &[&str], gain: f64| {
            let mut calibrated = evaluation.calibrated.clone().unwrap();
            for compared in &mut calibrated.speaker {
                if compared.known == Known::NeutralReading {
                    compared.with.uar = compared.without.uar + gain;
                }
            }
            Stranger {
                name: name.into(),
                data_set: title.into(),
                languages: vec![language.into()],
                held_out: trained_on.len() > 1,
                trained_on: trained_on.iter().map(|&name| name.into()).collect(),
                clips: 4,
                speakers: 2,
                labels: vec!["calm".into(), "angry".into()],
                live: evaluation.live.clone(),
                calibrated,
            }
        };
        let mut corpora = vec![
            stranger("ravdess", ravdess::DATA_SET, "en", &["nemo"], 0.1),
            stranger("nemo", "nEMO", "pl", &["ravdess"], 0.001),
            stranger(
                "voices",
                "Voices of a <club>",
                "ko",
                &["ravdess", "nemo"],
                -0.1,
            ),
        ];
        for stranger in &mut corpora {
            stranger.labels.insert(0, "neutral".into());
        }
        let none = evaluation.shipped.clone().unwrap();
        let heard = |recordings, claimed| sounds::Heard {
            recordings,
            speech: claimed,
            claimed,
        };
        Strangers {
            recipe: evaluation.recipe.clone(),
            seed: 1,
            corpora,
            mean: strangers::Means {
                uar: 0.523,
                war: 0.51,
                guessing: 0.148,
                claimed: 0.34,
                claimed_right: 0.68,
                expected_calibration_error: 0.06,
            },
            sounds: Some(sounds::Sounds {
                all: heard(10, 1),
                by_kind: [("dog", heard(5, 1)), ("rain", heard(5, 0))]
                    .map(|(kind, heard)| (kind.to_owned(), heard))
                    .into(),
            }),
            shipped: none.clone(),
            known: none,
        }
    }

    #[test]
    fn an_evaluation_tells_what_was_judged_from_what_only_trained() {
        let (listed, features) = clip(1, Emotion::Calm, false);
        let song = Listed {
            corpus: 1,
            language: Some("en".into()),
            ..clip(1, Emotion::Sad, false).0
        };
        let corpora = vec![
            Corpus::ravdess("clips".into()),
            Corpus::published(crate::corpus::Published::RavdessSong, "song".into()),
        ];
        let clips = [(listed, features.clone()), (song, features)];
        let dataset = Dataset::in_memory(Emotion::labels(), corpora, clips);
        let trial = Trial {
            seed: 1,
            fold: 0,
            validation: None,
            judged: vec![(0, judgement(None))],
            changed: Vec::new(),
            epochs: Vec::new(),
        };
        let recipe = String::new();
        let folds = vec![vec![Speaker::new("1")]];
        let evaluation = Evaluation::new(
            &dataset,
            Protocol::Luna5,
            folds,
            vec![1],
            recipe,
            &[trial],
            None,
        );
        assert_eq!(evaluation.data_set, ravdess::DATA_SET);
        let [speech, song] = &evaluation.sources[..] else {
            panic!("{:?}", evaluation.sources)
        };
        assert!(speech.tested && !song.tested && song.trains);
        assert_eq!(song.languages, ["en"]);
        assert_eq!((song.clips, song.speakers), (1, 1));
        assert_eq!(song.labels, ["sad"]);
        assert_eq!(song.licence, "CC-BY-NC-SA-4.0");
    }

    #[test]
    fn seeds_are_pooled_and_parts_told_apart() {
        let evaluation = evaluation();
        assert_eq!(evaluation.clips, 4);
        let live = evaluation.live;
        assert_eq!((live.uar, live.war), (0.75, 0.75));
        assert_eq!(live.war_interval, [0.5, 1.0]);
        assert_eq!(live.by_seed[&1].war, 0.5);
        assert_eq!(live.by_seed[&2].war, 1.0);
        assert_eq!(live.by_actor[&Speaker::new("1")].war, 1.0);
        assert_eq!(live.by_actor[&Speaker::new("2")].war, 0.5);
        assert_eq!(live.by_sex["men"].war, 1.0);
        assert_eq!(live.by_intensity["strong"].war, 0.75);
        assert_eq!(live.recall.len(), 2);
        assert_eq!(live.confusion.0[Emotion::Calm.index()][Emotion::COUNT], 1);
        assert_eq!(evaluation.whole.trained.war, 0.0);
        assert_eq!(evaluation.whole.exported.war, 0.75);
    }

    #[test]
    fn noise_is_compared_with_the_same_networks_on_clips_as_recorded() {
        let clips = [clip(1, Emotion::Calm, false), clip(1, Emotion::Angry, true)];
        let clips = dataset(clips).clips;
        let trial = |seed, right: usize, changed| Trial {
            seed,
            fold: 0,
            validation: None,
            judged: (0..2)
                .map(|index| {
                    let answer = (index < right).then_some(clips[index].class);
                    (index, judgement(answer))
                })
                .collect(),
            changed,
            epochs: Vec::new(),
        };
        let heard = vec![judgement(Some(Emotion::Calm.class())), judgement(None)];
        let trials = [
            trial(1, 2, vec![(Condition::Hum, heard)]),
            trial(2, 0, Vec::new()),
        ];
        let found = robustness(Emotion::COUNT, &clips, &trials);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].condition, Condition::Hum);
        assert_eq!((found[0].war, found[0].war_change), (0.5, -0.5));
        assert_eq!((found[0].uar, found[0].uar_change), (0.5, -0.5));
    }

    #[test]
    fn nothing_is_right_before_something_is_shown() {
        let by_heard = evaluation().by_heard;
        assert_eq!((by_heard[0].seconds, by_heard[0].war), (0.5, 0.0));
        let whole = by_heard.last().unwrap();
        assert_eq!((whole.seconds, whole.war), (3.0, 0.75));
    }

    #[test]
    fn an_evaluation_is_saved_and_loaded() {
        let data = tempfile::tempdir().unwrap();
        let folder = folder(data.path(), Protocol::Loso, &[1, 2]);
        assert!(folder.ends_with("runs/loso-seed1+2"));
        let path = evaluation().save(&folder).unwrap();
        assert_eq!(Evaluation::load(&path).unwrap(), evaluation());
        fs::write(&path, "{").unwrap();
        let error = format!("{:#}", Evaluation::load(&path).unwrap_err());
        assert!(error.contains("run the evaluate command again"), "{error}");
    }
}
