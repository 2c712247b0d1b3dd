//! Trains the networks of every fold and seed and has them judge the clips of actors they have not
//! heard.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use speech_emotion::class::Labels;

use super::{
    conditions::Condition,
    folds::{self, Fold},
    judge::{Judge, Judgement, confusion},
    whole_folder,
};
use crate::{
    corpus::folds::{Protocol, Voices, class_left_out},
    dataset::{Clip, Dataset},
    interrupt::Interrupted,
    learning::{
        EpochReport, Material, Outcome, Progress, TrainConfig,
        ensemble::{self, Ensemble, MEMBERS},
        epochs::{Epoch, EpochLog},
    },
    network::Network,
};

/// What to train and test.
#[derive(Clone, Debug)]
pub struct CrossValidation {
    /// How speakers are divided.
    pub protocol: Protocol,
    /// Every fold is trained once with each; they replace the seed of `config`.
    pub seeds: Vec<u64>,
    /// The recipe.
    pub config: TrainConfig,
    /// Networks trained at the same time.
    pub jobs: usize,
    /// Whether to leave out the inner networks and all conditions but "as recorded".
    pub quick: bool,
    /// Whether to leave out only those conditions.
    pub as_recorded: bool,
    /// Inner networks per fold, with the first seed, on which confidence and calibration are
    /// fitted: each leaves out one more fold and judges it.
    pub inner: usize,
}

/// A network and its judgement of actors it has not heard.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Seed of the network.
    pub seed: u64,
    /// The fold tested, from 0; none of its actors were used to train the network.
    pub fold: usize,
    /// For an inner network, the fold it was validated on, which is left out of training too.
    pub validation: Option<usize>,
    /// Positions of the judged clips in the data set, and the judgement of each.
    pub judged: Vec<(usize, Judgement)>,
    /// Judgements of the same clips under other conditions; empty for inner networks.
    pub changed: Vec<(Condition, Vec<Judgement>)>,
    /// How each network's training went.
    pub epochs: Vec<Vec<Epoch>>,
}

/// A trial still to be run.
struct Job<'a> {
    seed: u64,
    fold: usize,
    validation: Option<usize>,
    folds: &'a [Fold],
}

/// What a trial's networks are trained without: trials that leave out the same share their
/// networks.
type Training = (u64, BTreeSet<usize>);

impl Job<'_> {
    /// The fold it judges.
    fn judged(&self) -> usize {
        self.validation.unwrap_or(self.fold)
    }

    /// The networks it needs: a fold that is held out need not be left out.
    fn training(&self) -> Training {
        let folds = [Some(self.fold), self.validation].into_iter().flatten();
        let left_out = folds.filter(|&fold| self.folds[fold].trains).collect();
        (self.seed, left_out)
    }

    /// The positions of the clips that train the network and of those it judges. Speakers of the
    /// tested fold are never trained on, in whichever corpus they occur, and an inner network
    /// judges only speakers that are not tested.
    fn sides(&self, dataset: &Dataset) -> (Vec<usize>, Vec<usize>) {
        let is_of = |fold: usize, clip: &Clip| self.folds[fold].speakers.contains(&clip.speaker);
        let (judged, (_, left_out)) = (self.judged(), self.training());
        let clips = dataset.clips.iter().enumerate();
        let positions = |keep: &dyn Fn(&Clip) -> bool| {
            let kept = clips.clone().filter(|(_, clip)| keep(clip));
            kept.map(|(index, _)| index).collect()
        };
        let train = positions(&|clip| {
            dataset.corpora[clip.corpus].trains && !left_out.iter().any(|&fold| is_of(fold, clip))
        });
        let judge = positions(&|clip| {
            is_of(judged, clip) && self.folds[judged].corpora.contains(&clip.corpus)
        });
        (train, judge)
    }

    /// The number of an inner network within its fold, from 1.
    fn inner(&self) -> Option<usize> {
        let n = self.folds.len();
        Some((self.validation? + n - self.fold) % n)
    }

    /// Each fold alone leaves every class to train on; two folds together may not.
    fn refuse_missing_class(
        &self,
        protocol: Protocol,
        voices: &Voices,
        labels: &Labels,
    ) -> Result<()> {
        let Some(validation) = self.validation else {
            return Ok(());
        };
        let left_out = [self.fold, validation].map(|fold| &self.folds[fold].speakers);
        match class_left_out(&left_out, voices) {
            None => Ok(()),
            Some(class) => bail!(
                "the {} would have no clip of {:?} to train on: all who express it are in folds {} and \
                 {}; choose another number of --folds, add speakers, or leave inner networks out with \
                 --quick",
                self.name(protocol),
                labels.name(class),
                self.fold + 1,
                validation + 1
            ),
        }
    }

    /// Where its networks are kept; those that leave nothing out are [the ones to
    /// ship](whole_folder).
    fn folder(&self, data: &Path, protocol: Protocol) -> PathBuf {
        let folder = super::folder(data, protocol, &[self.seed]);
        if protocol == Protocol::Corpora {
            let (_, left_out) = self.training();
            if left_out.is_empty() {
                return whole_folder(data, self.seed);
            }
            return folder.join(format!("without-{}", self.folds[self.fold].name));
        }
        let inner = match self.inner() {
            None => String::new(),
            Some(1) => "-inner".to_owned(),
            Some(offset) => format!("-inner{offset}"),
        };
        folder.join(format!("fold{}{inner}", self.fold + 1))
    }

    /// Where its judgements are kept.
    fn judged_folder(&self, data: &Path, protocol: Protocol) -> PathBuf {
        match protocol {
            Protocol::Corpora => super::folder(data, protocol, &[self.seed])
                .join(self.folder(data, protocol).file_name().unwrap_or_default())
                .join(format!("on-{}", self.folds[self.judged()].name)),
            _ => self.folder(data, protocol),
        }
    }

    fn name(&self, protocol: Protocol) -> String {
        if protocol == Protocol::Corpora {
            let (_, left_out) = self.training();
            return match left_out.is_empty() {
                true => format!("all corpora, seed {}", self.seed),
                false => format!("without {}, seed {}", self.folds[self.fold].name, self.seed),
            };
        }
        let inner = match self.inner() {
            None => String::new(),
            Some(offset) => format!("inner network {offset} of "),
        };
        format!("{inner}fold {} of seed {}", self.fold + 1, self.seed)
    }
}

impl CrossValidation {
    /// Trains and tests every fold; `progress` counts epochs.
    ///
    /// Each fold of each seed keeps its checkpoint and its judgements in
    /// `data/runs/<protocol>-seed<seed>/fold<n>`, so that the same call continues where an earlier
    /// one stopped.
    ///
    /// # Errors
    /// When the data set cannot be divided in this way, when an inner network would lack a class,
    /// when training fails or a clip cannot be read, and when `stop` is set.
    pub fn run(
        &self,
        dataset: &Dataset,
        data: &Path,
        progress: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<Vec<Trial>> {
        let (voices, labels) = (dataset.voices(), &dataset.labels);
        let folds = folds::of(self.protocol, dataset)?;
        let n = folds.len();
        let outer = |seed| (0..n).map(move |fold| (seed, fold, None));
        let offsets = self.inner.min(n - 1);
        let inner = |seed| {
            (1..=offsets)
                .flat_map(move |offset| (0..n).map(move |fold| (fold, (fold + offset) % n)))
                .map(move |(fold, validation)| (seed, fold, Some(validation)))
        };
        let inner_seed = self.seeds.first().filter(|_| !self.quick && n > 2);
        let jobs: Vec<Job> = self
            .seeds
            .iter()
            .flat_map(|&seed| outer(seed))
            .chain(inner_seed.into_iter().flat_map(|&seed| inner(seed)))
            .map(|(seed, fold, validation)| Job {
                seed,
                fold,
                validation,
                folds: &folds,
            })
            .collect();
        for job in &jobs {
            job.refuse_missing_class(self.protocol, &voices, labels)?;
        }
        // Each training run, with the trials that its networks are for.
        let mut trainings: Vec<(Training, Vec<usize>)> = Vec::new();
        for (index, job) in jobs.iter().enumerate() {
            let training = job.training();
            match trainings.iter_mut().find(|(other, _)| *other == training) {
                Some((_, trials)) => trials.push(index),
                None => trainings.push((training, vec![index])),
            }
        }
        progress.set_length((trainings.len() * MEMBERS * self.config.epochs) as u64);

        let material = Material::new(dataset);
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let trained: Vec<Mutex<[Option<Network>; MEMBERS]>> =
            trainings.iter().map(|_| Mutex::default()).collect();
        let results = Mutex::new(Vec::new());
        // Network by network, so that nobody waits for a fold's second one; whoever trains the last
        // one judges.
        let work = || {
            while !failed.load(Ordering::Relaxed) {
                let task = next.fetch_add(1, Ordering::Relaxed);
                let (index, member) = (task / MEMBERS, task % MEMBERS);
                let Some((_, trials)) = trainings.get(index) else {
                    break;
                };
                let first = &jobs[trials[0]];
                let network = self.train_member(first, member, &material, data, progress, stop);
                let judged = network.and_then(|network| {
                    let mut members = lock(&trained[index]);
                    members[member] = Some(network);
                    if members.iter().any(Option::is_none) {
                        return Ok(Vec::new());
                    }
                    let ensemble =
                        Ensemble::new(members.iter_mut().filter_map(Option::take).collect());
                    drop(members);
                    let judge = |&trial: &usize| {
                        let ensemble = ensemble.clone();
                        self.judge(&jobs[trial], ensemble, dataset, data, progress, stop)
                            .map(|judged| (trial, judged))
                    };
                    trials.iter().map(judge).collect::<Result<Vec<_>>>()
                });
                failed.fetch_or(judged.is_err(), Ordering::Relaxed);
                match judged {
                    Ok(judged) => {
                        let judged = judged
                            .into_iter()
                            .map(|(trial, judged)| (trial, Ok(judged)));
                        lock(&results).extend(judged);
                    }
                    Err(error) => lock(&results).push((trials[0], Err(error))),
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, trainings.len() * MEMBERS) {
                scope.spawn(work);
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Trains one network of a job.
    fn train_member(
        &self,
        job: &Job,
        member: usize,
        material: &Material,
        data: &Path,
        progress: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<Network> {
        let clips = &material.dataset.clips;
        let (trained, judged) = job.sides(material.dataset);
        let validation: Vec<&Clip> = match job.validation {
            Some(_) => judged.iter().map(|&index| &clips[index]).collect(),
            _ => Vec::new(),
        };
        let config = TrainConfig {
            seed: job.seed,
            ..self.config.clone()
        };
        let folder = job.folder(data, self.protocol);
        let name = job.name(self.protocol);
        let mut shown = Epochs {
            bar: progress,
            name: format!("{name}, network {} of {MEMBERS}", member + 1),
            done: 0,
            log: EpochLog::new(&ensemble::member_folder(&folder, member)),
            dataset: material.dataset,
            validation: &validation,
        };
        let outcome = ensemble::train_member(
            material, &trained, &config, &folder, member, &mut shown, stop,
        );
        match outcome.with_context(|| format!("cannot train {name}"))? {
            Outcome::Finished(network) => {
                // A training run that was finished earlier has reported no epochs.
                shown.reach(config.epochs);
                Ok(*network)
            }
            Outcome::Interrupted { .. } => Err(Interrupted.into()),
        }
    }

    /// Has the networks of a job judge.
    fn judge(
        &self,
        job: &Job,
        ensemble: Ensemble,
        dataset: &Dataset,
        data: &Path,
        progress: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<Trial> {
        let (trained, judged) = job.sides(dataset);
        let clips: Vec<&Clip> = judged.iter().map(|&index| &dataset.clips[index]).collect();
        let (folder, name) = (job.folder(data, self.protocol), job.name(self.protocol));
        let epochs = (0..MEMBERS)
            .map(|member| EpochLog::new(&ensemble::member_folder(&folder, member)).read())
            .collect();

        let trained = trained.iter().map(|&index| &dataset.clips[index]).collect();
        let folder = job.judged_folder(data, self.protocol);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        let judge = Judge::new(ensemble, dataset, clips.clone(), trained, folder)?;
        let judgements = judge.judge(Condition::Clean, stop)?;
        let mut changed = Vec::new();
        let has_conditions = self.protocol != Protocol::Corpora && job.validation.is_none();
        if has_conditions && !(self.quick || self.as_recorded) {
            for condition in Condition::CHANGED.into_iter().filter(|c| c.is_available()) {
                progress.set_message(format!("{name}: {}", condition.label()));
                changed.push((condition, judge.judge(condition, stop)?));
            }
        }
        let right = clips
            .iter()
            .zip(&judgements)
            .filter(|(clip, judgement)| judgement.answer() == Some(clip.class))
            .count();
        progress.suspend(|| eprintln!("{name}: {right} of {} clips right", clips.len()));
        Ok(Trial {
            seed: job.seed,
            fold: job.fold,
            validation: job.validation,
            judged: judged.into_iter().zip(judgements).collect(),
            changed,
            epochs,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unweighted average recall of a network that is given whole clips.
fn uar(network: &Network, dataset: &Dataset, clips: &[&Clip]) -> Result<f64> {
    let answer = |clip: &Clip| Ok(network.forward(&dataset.segment(clip)?));
    Ok(confusion(network.classes(), clips.iter().copied(), answer)?.uar())
}

/// Adds the epochs of one training run to a bar shared by several, and logs them.
struct Epochs<'a> {
    bar: &'a ProgressBar,
    name: String,
    done: usize,
    log: EpochLog,
    dataset: &'a Dataset,
    validation: &'a [&'a Clip],
}

impl Epochs<'_> {
    fn reach(&mut self, epoch: usize) {
        self.bar.inc((epoch - self.done) as u64);
        self.done = epoch;
    }
}

impl Progress for Epochs<'_> {
    fn step(&mut self, _epoch: usize, _done: usize, _steps: usize) {}

    fn epoch(&mut self, report: &EpochReport, network: &dyn Fn() -> Network) -> Result<()> {
        let validated = !self.validation.is_empty();
        let validation_uar = validated
            .then(|| uar(&network(), self.dataset, self.validation))
            .transpose()?;
        self.log.note(report, validation_uar)?;
        let uar = validation_uar.map_or(String::new(), |uar| format!(", UAR {:.0} %", 100.0 * uar));
        self.bar.set_message(format!(
            "{}: epoch {}, loss {:.2}{uar}",
            self.name, report.epoch, report.loss
        ));
        self.reach(report.epoch);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::corpus::{Corpus, Listed, Speaker, ravdess::Emotion};
    use crate::dataset::Features;

    fn dataset() -> Dataset {
        let clip = |actor: u8, emotion: Emotion| {
            let speaker = Speaker::new(actor.to_string());
            let listed = Listed::new(String::new(), emotion.class(), speaker);
            (listed, Features::default())
        };
        let clips = (1..=24).flat_map(|actor| Emotion::ALL.map(|emotion| clip(actor, emotion)));
        let corpora = vec![Corpus::ravdess("clips".into())];
        Dataset::in_memory(Emotion::labels(), corpora, clips)
    }

    #[test]
    fn no_speaker_is_on_both_sides_and_no_tested_speaker_reaches_an_inner_network() {
        let dataset = dataset();
        let (clips, voices) = (&dataset.clips, dataset.voices());
        let heard = |side: &[usize]| -> BTreeSet<&Speaker> {
            side.iter().map(|&index| &clips[index].speaker).collect()
        };
        for protocol in [
            Protocol::Luna5,
            Protocol::Emobox6,
            Protocol::Loso,
            Protocol::Split(7),
        ] {
            let folds = folds::of(protocol, &dataset).unwrap();
            let mut tested = BTreeSet::new();
            for fold in 0..folds.len() {
                let outer = Job {
                    seed: 1,
                    fold,
                    validation: None,
                    folds: &folds,
                };
                let (train, judge) = outer.sides(&dataset);
                assert_eq!(train.len() + judge.len(), clips.len());
                assert!(heard(&train).is_disjoint(&heard(&judge)));
                let test_actors = heard(&judge);

                for offset in 1..folds.len() {
                    let inner = Job {
                        validation: Some((fold + offset) % folds.len()),
                        ..outer
                    };
                    assert_eq!(inner.inner(), Some(offset));
                    let (train, judge) = inner.sides(&dataset);
                    assert!(!judge.is_empty());
                    assert!(heard(&train).is_disjoint(&heard(&judge)));
                    assert!(heard(&train).is_disjoint(&test_actors));
                    assert!(heard(&judge).is_disjoint(&test_actors));
                }
                tested.extend(test_actors);
            }
            assert!(tested.into_iter().eq(voices.keys()));
        }
    }

    #[test]
    fn an_inner_network_that_would_lack_a_class_is_refused_with_its_name() {
        let labels = Emotion::labels();
        let speakers = ["1", "2", "3"].map(Speaker::new);
        let folds: Vec<Fold> = speakers
            .iter()
            .map(|speaker| Fold {
                name: speaker.to_string(),
                speakers: vec![speaker.clone()],
                corpora: vec![0],
                left_out: Vec::new(),
                trains: true,
            })
            .collect();
        let mut voices: Voices = speakers.into_iter().map(|s| (s, vec![2; 8])).collect();
        let job = |validation| Job {
            seed: 1,
            fold: 0,
            validation,
            folds: &folds,
        };
        let refused =
            |job: Job, voices: &Voices| job.refuse_missing_class(Protocol::Loso, voices, &labels);
        refused(job(Some(1)), &voices).unwrap();
        if let Some(clips) = voices.get_mut(&Speaker::new("3")) {
            clips[Emotion::Sad.class().index()] = 0;
        }
        let error = refused(job(Some(1)), &voices);
        let error = error.unwrap_err().to_string();
        for said in [
            "inner network 1 of fold 1",
            "\"sad\"",
            "folds 1 and 2",
            "--quick",
        ] {
            assert!(error.contains(said), "{said}: {error}");
        }
        refused(job(None), &voices).unwrap();
        refused(job(Some(2)), &voices).unwrap();
    }
}
