//! A comparison that shows what a protocol is worth: the notebook that this project grew from and
//! this project's network, each judged in three ways.
//!
//! 1. As the notebook does it: every clip is in the folder twice and a random fifth is the test, so
//!    that most test clips were trained on.
//! 2. Every clip once and a random fifth as the test: its actors and sentences were trained on.
//! 3. Speaker-independent: every clip is judged by a network that never heard its actor.
//!
//! The notebook's features are the means of 40 MFCC over a clip; here they are means of the front
//! end's first 40, in decibels, over the trimmed clip. It is trained as in the notebook: Adam at
//! 0.001, batches of 32, no augmentation.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use speech_emotion::{class::Class, features::N_FEATURES};

use super::{Evaluation, Scores, confusion, metrics::Confusion};
use crate::whole_file;
use crate::{
    corpus::{Speaker, folds::Protocol},
    dataset::{Clip, Dataset},
    interrupt::{self, Interrupted},
    learning::{
        Material, Progress, TrainConfig, ensemble,
        optimizer::{Matrices, Optimizer},
    },
    network::{NOTEBOOK_COEFFICIENTS, NotebookNetwork, Target},
};

/// Name of the file in which a [`Comparison`] is kept.
pub const BASELINE_FILE: &str = "baseline.json";

/// Epochs of the notebook's training.
pub const NOTEBOOK_EPOCHS: usize = 60;
const NOTEBOOK_RATE: f32 = 1e-3;
const NOTEBOOK_BATCH: usize = 32;
const DB_PER_NAT: f32 = 10.0 / std::f32::consts::LN_10;

/// Share of the clips that a random split tests on.
const TEST_SHARE: f64 = 0.2;

/// Both networks under every protocol; baseline.json.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Seed of splits and networks.
    pub seed: u64,
    /// In the order of the module's documentation.
    pub protocols: Vec<Judged>,
}

impl Comparison {
    /// Reads a baseline.json; none if there is no such file.
    ///
    /// # Errors
    /// When it is not what [`compare`] writes.
    pub fn load(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let read = || -> Result<Self> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
        let comparison =
            read().with_context(|| format!("{} is damaged; run baseline again", path.display()))?;
        Ok(Some(comparison))
    }
}

/// Both networks under one protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What the protocol does, in a few words.
    pub protocol: String,
    /// Clips judged.
    pub test_clips: usize,
    /// Scores of the notebook's network.
    pub notebook: Scores,
    /// Scores of this project's network.
    pub this_model: Scores,
}

/// A random division of clip positions, each of which may occur more than once.
#[derive(Debug)]
struct Split {
    train: Vec<usize>,
    test: Vec<usize>,
}

impl Split {
    /// With `copies` copies of every position, a fifth of them for the test.
    fn random(clips: usize, copies: usize, seed: u64) -> Self {
        let mut train: Vec<usize> = (0..copies).flat_map(|_| 0..clips).collect();
        train.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let tested = (train.len() as f64 * TEST_SHARE).round() as usize;
        let test = train.split_off(train.len() - tested);
        Self { train, test }
    }

    /// One split per fold of speakers.
    fn speaker_independent(dataset: &Dataset, protocol: Protocol) -> Result<Vec<Self>> {
        let folds = protocol.folds(&dataset.voices(), &dataset.labels)?;
        let split = |speakers: &Vec<Speaker>| {
            let (test, train) = (0..dataset.clips.len())
                .partition(|&index| speakers.contains(&dataset.clips[index].speaker));
            Self { train, test }
        };
        Ok(folds.iter().map(split).collect())
    }
}

/// Trains and judges whatever is not in the data folder yet. `evaluation` is this project's network
/// under the third protocol; `bars` show the training runs.
///
/// # Errors
/// When the data set has several corpora, when training fails, when a result cannot be written, and
/// when `stop` is set.
pub fn compare(
    dataset: &Dataset,
    data: &Path,
    config: &TrainConfig,
    evaluation: &Evaluation,
    bars: &impl Bars,
    stop: &AtomicBool,
) -> Result<Comparison> {
    ensure!(
        dataset.corpora.len() == 1,
        "the notebook is compared on one corpus, and these features are of {}; extract RAVDESS alone into \
         another folder (--data), and evaluate and compare there",
        dataset.title()
    );
    let random = [
        ("random split, every clip twice", 2),
        ("random split, every clip once", 1),
    ];
    let clips: Vec<&Clip> = dataset.clips.iter().collect();
    let notebook_recipe = format!(
        "{NOTEBOOK_EPOCHS} epochs, batches of {NOTEBOOK_BATCH}, rate {NOTEBOOK_RATE}, clips {}",
        dataset.digest_of(&clips)
    );
    let recipe = ensemble::recipe(dataset, config)?;
    let mut protocols = Vec::new();
    for (name, copies) in random {
        let folder = data
            .join("runs")
            .join(format!("baseline-copies{copies}-seed{}", config.seed));
        let split = Split::random(dataset.clips.len(), copies, config.seed);
        let notebook = kept(&folder, "notebook", &notebook_recipe, || {
            let bar = bars.notebook(name, NOTEBOOK_EPOCHS);
            let confusion = judge_notebook(dataset, &split, config.seed, &bar, stop);
            bar.finish_and_clear();
            confusion
        })?;
        let this_model = kept(&folder, "this-model", &recipe, || {
            let bar = |member: usize, run_dir: &Path| {
                bars.this_model(name, member, config.epochs, run_dir)
            };
            judge_this(dataset, &split, config, &folder, bar, stop)
        })?;
        protocols.push(Judged {
            protocol: name.to_owned(),
            test_clips: split.test.len(),
            notebook: (&notebook).into(),
            this_model: (&this_model).into(),
        });
    }

    let name = "voices not heard in training";
    let folder = data
        .join("runs")
        .join(format!("baseline-speakers-seed{}", config.seed));
    let by_speakers = format!("{notebook_recipe}, folds {}", evaluation.protocol);
    let notebook = kept(&folder, "notebook", &by_speakers, || {
        let splits = Split::speaker_independent(dataset, evaluation.protocol)?;
        let bar = bars.notebook(name, splits.len() * NOTEBOOK_EPOCHS);
        let mut all = Confusion::new(dataset.labels.len());
        for split in &splits {
            all.add(&judge_notebook(dataset, split, config.seed, &bar, stop)?);
        }
        bar.finish_and_clear();
        Ok(all)
    })?;
    protocols.push(Judged {
        protocol: name.to_owned(),
        test_clips: dataset.clips.len(),
        notebook: (&notebook).into(),
        this_model: (&evaluation.live.confusion).into(),
    });
    let comparison = Comparison {
        seed: config.seed,
        protocols,
    };
    let path = data.join(BASELINE_FILE);
    whole_file::replace(&path, serde_json::to_string_pretty(&comparison)? + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(comparison)
}

/// Makes the progress bars for training runs.
pub trait Bars {
    /// For this project's network.
    type ThisModel: Progress;
    /// For the notebook's training runs under one protocol, counted in epochs.
    fn notebook(&self, protocol: &str, epochs: usize) -> ProgressBar;
    /// For the training of one of this project's networks, counted from 0 and kept in `run_dir`.
    fn this_model(
        &self,
        protocol: &str,
        member: usize,
        epochs: usize,
        run_dir: &Path,
    ) -> Self::ThisModel;
}

#[derive(Serialize, Deserialize)]
struct Kept {
    recipe: String,
    confusion: Confusion,
}

/// The result kept in `folder` under that name if it comes from the same recipe; otherwise that of
/// `judge`, which is then kept.
fn kept(
    folder: &Path,
    name: &str,
    recipe: &str,
    judge: impl FnOnce() -> Result<Confusion>,
) -> Result<Confusion> {
    let path: PathBuf = folder.join(format!("{name}.json"));
    let kept = fs::read(&path).ok();
    let kept: Option<Kept> = kept.and_then(|json| serde_json::from_slice(&json).ok());
    if let Some(kept) = kept.filter(|kept| kept.recipe == recipe) {
        return Ok(kept.confusion);
    }
    let confusion = judge()?;
    let json = serde_json::to_string(&Kept {
        recipe: recipe.to_owned(),
        confusion: confusion.clone(),
    })?;
    fs::create_dir_all(folder)
        .and_then(|()| whole_file::replace(&path, json))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(confusion)
}

fn judge_this<P: Progress>(
    dataset: &Dataset,
    split: &Split,
    config: &TrainConfig,
    folder: &Path,
    progress: impl FnMut(usize, &Path) -> P,
    stop: &AtomicBool,
) -> Result<Confusion> {
    let material = Material::new(dataset);
    let ensemble = ensemble::train(&material, &split.train, config, folder, progress, stop)?;
    let ensemble = ensemble.ok_or(Interrupted)?;
    let answer = |clip: &Clip| Ok(ensemble.forward(&dataset.segment(clip)?));
    judge(dataset, split, answer)
}

fn judge_notebook(
    dataset: &Dataset,
    split: &Split,
    seed: u64,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Confusion> {
    let network = train_notebook(dataset, &split.train, seed, progress, stop)?;
    let answer = |clip: &Clip| Ok(network.forward(&mean_mfcc(dataset, clip)?));
    judge(dataset, split, answer)
}

fn judge(
    dataset: &Dataset,
    split: &Split,
    answer: impl Fn(&Clip) -> Result<Vec<f32>>,
) -> Result<Confusion> {
    confusion(
        dataset.labels.len(),
        split.test.iter().map(|&index| &dataset.clips[index]),
        answer,
    )
}

fn train_notebook(
    dataset: &Dataset,
    clips: &[usize],
    seed: u64,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<NotebookNetwork> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut network = NotebookNetwork::new(dataset.labels.len(), rng);
    let mut optimizer = Optimizer::new(Matrices::AdamW, network.parameters());
    let mut clips: Vec<(Vec<f32>, Class)> = clips
        .iter()
        .map(|&index| {
            let clip = &dataset.clips[index];
            Ok((mean_mfcc(dataset, clip)?, clip.class))
        })
        .collect::<Result<_>>()?;
    for _ in 0..NOTEBOOK_EPOCHS {
        clips.shuffle(rng);
        for batch in clips.chunks(NOTEBOOK_BATCH) {
            interrupt::check(stop)?;
            let features: Vec<f32> = batch.iter().flat_map(|(mfcc, _)| mfcc).copied().collect();
            let targets: Vec<Target> = batch.iter().map(|&(_, class)| Target::new(class)).collect();
            network.gradients(&features, &targets);
            optimizer.step(network.parameters_mut(), NOTEBOOK_RATE, 0.0);
        }
        progress.inc(1);
    }
    Ok(network)
}

/// Means of the first 40 coefficients over a clip, in decibels as librosa computes them.
fn mean_mfcc(dataset: &Dataset, clip: &Clip) -> Result<Vec<f32>> {
    let features = dataset.features(clip)?;
    let frames = features.chunks_exact(N_FEATURES);
    let count = frames.len() as f32;
    let mut mean = vec![0.0; NOTEBOOK_COEFFICIENTS];
    for frame in frames {
        for (mean, mfcc) in mean.iter_mut().zip(frame) {
            *mean += DB_PER_NAT * mfcc / count;
        }
    }
    Ok(mean)
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:32} {:>6} {:>17} {:>17}\n{:32} {:>6} {:>8} {:>8} {:>8} {:>8}",
            "", "", "notebook", "this model", "", "clips", "WAR", "UAR", "WAR", "UAR"
        )?;
        for judged in &self.protocols {
            write!(f, "\n{:32} {:>6}", judged.protocol, judged.test_clips)?;
            for Scores { uar, war } in [judged.notebook, judged.this_model] {
                write!(f, " {:>6.1} % {:>6.1} %", 100.0 * war, 100.0 * uar)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Corpus, Listed, ravdess::Emotion};
    use crate::dataset::Features;

    fn dataset(clips: usize) -> Dataset {
        let clips = (0..clips).map(|index| {
            let mut frame = [0.0; N_FEATURES];
            frame[30 + index % Emotion::COUNT] = 2.0;
            let class = Class::new(index % Emotion::COUNT).unwrap();
            let speaker = Speaker::new((1 + index / Emotion::COUNT).to_string());
            let features = Features {
                as_recorded: frame.repeat(16),
                at_speeds: Vec::new(),
            };
            (Listed::new(index.to_string(), class, speaker), features)
        });
        let corpora = vec![Corpus::ravdess("clips".into())];
        Dataset::in_memory(Emotion::labels(), corpora, clips)
    }

    #[test]
    fn with_two_copies_most_test_clips_were_trained_on_and_with_one_none() {
        let twice = Split::random(100, 2, 1);
        assert_eq!((twice.train.len(), twice.test.len()), (160, 40));
        let known = |split: &Split| {
            let is_known = |index: &&usize| split.train.contains(index);
            split.test.iter().filter(is_known).count()
        };
        assert!(known(&twice) > 25, "{}", known(&twice));
        let once = Split::random(100, 1, 1);
        assert_eq!(
            (once.train.len(), once.test.len(), known(&once)),
            (80, 20, 0)
        );
    }

    #[test]
    fn speaker_independent_splits_test_every_clip_once_and_share_no_speaker() {
        let dataset = dataset(32);
        let splits = Split::speaker_independent(&dataset, Protocol::Loso).unwrap();
        assert_eq!(splits.len(), 4);
        let mut tested: Vec<usize> = splits.iter().flat_map(|s| s.test.clone()).collect();
        tested.sort_unstable();
        assert!(tested.iter().copied().eq(0..32));
        for Split { train, test } in &splits {
            let speaker = |index: &usize| &dataset.clips[*index].speaker;
            assert!(
                test.iter()
                    .all(|a| train.iter().all(|b| speaker(a) != speaker(b)))
            );
        }
    }

    #[test]
    fn the_notebook_learns_clips_that_its_means_tell_apart() {
        let dataset = dataset(32);
        let all = Split {
            train: (0..32).cycle().take(160).collect(),
            test: (0..32).collect(),
        };
        let stop = AtomicBool::new(false);
        let confusion = judge_notebook(&dataset, &all, 1, &ProgressBar::hidden(), &stop).unwrap();
        assert!(confusion.war() > 0.9, "{}", confusion.war());
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(judge_notebook(&dataset, &all, 1, &ProgressBar::hidden(), &stop).is_err());
    }

    #[test]
    fn a_kept_result_is_not_computed_again_unless_it_is_of_another_recipe_or_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let mut confusion = Confusion::new(8);
        confusion.count(Emotion::Sad.class(), Some(Emotion::Calm.class()));
        let first = kept(folder.path(), "x", "a", || Ok(confusion.clone()));
        assert_eq!(first.unwrap(), confusion);
        let again = kept(folder.path(), "x", "a", || anyhow::bail!("computed again"));
        assert_eq!(again.unwrap(), confusion);
        let other = kept(folder.path(), "x", "b", || anyhow::bail!("computed again"));
        assert!(other.is_err());
        fs::write(folder.path().join("x.json"), "[").unwrap();
        let damaged = kept(folder.path(), "x", "a", || anyhow::bail!("computed again"));
        assert!(damaged.is_err());
    }
}
