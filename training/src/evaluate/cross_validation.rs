//! Trains one network per fold and seed and asks it for the clips of the actors it has not heard.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use speech_emotion::{Emotion, model::Posterior};

use super::Evaluation;
use crate::{
    dataset::{Clip, Dataset},
    interrupt::Interrupted,
    network::Network,
    ravdess::Protocol,
    train::{self, EpochReport, Outcome, Progress, TrainConfig},
};

/// What is trained and tested.
#[derive(Clone, Debug)]
pub struct CrossValidation {
    /// How actors are divided.
    pub protocol: Protocol,
    /// Every fold is trained once with each; they replace the seed of `config`.
    pub seeds: Vec<u64>,
    /// The recipe.
    pub config: TrainConfig,
    /// Folds trained at the same time.
    pub jobs: usize,
}

/// One network to train: on all actors but those of a fold.
struct Job<'a> {
    seed: u64,
    fold: usize,
    test_actors: &'a [u8],
}

impl CrossValidation {
    /// Trains and tests every fold; `progress` counts epochs.
    ///
    /// Each fold of each seed keeps its checkpoint in `data/runs/<protocol>-seed<seed>/fold<n>`, so
    /// that the same call goes on where an earlier one stopped.
    ///
    /// # Errors
    /// When the data set lacks actors of the protocol, when a training fails, and when `stop` is
    /// set.
    pub fn run(
        &self,
        dataset: &Dataset,
        data: &Path,
        progress: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<Evaluation> {
        let folds = self.protocol.folds(&dataset.actors())?;
        let jobs: Vec<Job> = self
            .seeds
            .iter()
            .flat_map(|&seed| {
                folds.iter().enumerate().map(move |(fold, actors)| Job {
                    seed,
                    fold,
                    test_actors: actors,
                })
            })
            .collect();
        progress.set_length((jobs.len() * self.config.epochs) as u64);

        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let results = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, jobs.len()) {
                scope.spawn(|| {
                    while !failed.load(Ordering::Relaxed) {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(index) else {
                            break;
                        };
                        let result = self.run_job(job, dataset, data, progress, stop);
                        failed.fetch_or(result.is_err(), Ordering::Relaxed);
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        results.push(result.map(|predicted| (job.seed, predicted)));
                    }
                });
            }
        });

        let mut by_seed: BTreeMap<u64, BTreeMap<usize, Emotion>> = BTreeMap::new();
        for result in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let (seed, predicted) = result?;
            by_seed.entry(seed).or_default().extend(predicted);
        }
        let by_seed = by_seed
            .into_iter()
            .map(|(seed, predicted)| (seed, predicted.into_values().collect()))
            .collect();
        Ok(Evaluation::new(
            self.protocol,
            folds,
            &dataset.clips,
            &by_seed,
        ))
    }

    /// Trains one network and returns what it says of its test clips, by position.
    fn run_job(
        &self,
        job: &Job,
        dataset: &Dataset,
        data: &Path,
        progress: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<Vec<(usize, Emotion)>> {
        let is_tested = |clip: &Clip| job.test_actors.contains(&clip.actor);
        let (tested, trained): (Vec<usize>, Vec<usize>) =
            (0..dataset.clips.len()).partition(|&index| is_tested(&dataset.clips[index]));
        let config = TrainConfig {
            seed: job.seed,
            ..self.config.clone()
        };
        let run_dir = Evaluation::folder(data, self.protocol, &[job.seed])
            .join(format!("fold{}", job.fold + 1));
        let mut epochs = Epochs {
            bar: progress,
            done: 0,
        };
        let name = format!("fold {} of seed {}", job.fold + 1, job.seed);
        let outcome = train::train(dataset, &trained, &config, &run_dir, &mut epochs, stop)
            .with_context(|| format!("cannot train {name}"))?;
        let Outcome::Finished(network) = outcome else {
            return Err(Interrupted.into());
        };
        // A fold finished earlier reports no epochs.
        epochs.reach(config.epochs);

        let predicted: Vec<(usize, Emotion)> = tested
            .into_iter()
            .map(|index| (index, recognise(&network, &dataset.clips[index])))
            .collect();
        let right = predicted
            .iter()
            .filter(|&&(index, emotion)| dataset.clips[index].emotion == emotion)
            .count();
        progress.suspend(|| eprintln!("{name}: {right} of {} clips right", predicted.len()));
        Ok(predicted)
    }
}

/// What a network makes of a whole clip.
fn recognise(network: &Network, clip: &Clip) -> Emotion {
    let logits = network.forward(&clip.segment());
    let (emotion, _) = Posterior::from_logits(&logits, 1.0).top();
    emotion
}

/// Adds the epochs of one training to a bar shared by several.
struct Epochs<'a> {
    bar: &'a ProgressBar,
    done: usize,
}

impl Epochs<'_> {
    fn reach(&mut self, epoch: usize) {
        self.bar.inc((epoch - self.done) as u64);
        self.done = epoch;
    }
}

impl Progress for Epochs<'_> {
    fn step(&mut self, _epoch: usize, _done: usize, _steps: usize) {}

    fn epoch(&mut self, report: &EpochReport) {
        self.reach(report.epoch);
    }
}
