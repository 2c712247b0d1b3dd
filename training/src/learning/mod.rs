//! Training by the recipe: Muon and AdamW with a one-cycle learning rate, averaged weights, augmented segments.

pub mod augment;
mod background;
mod bands;
mod batches;
mod checkpoint;
mod draw;
pub mod ensemble;
pub mod epochs;
pub mod optimizer;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use speech_emotion::{
    class::Class,
    features::{N_FEATURES, N_MFCC},
};

use crate::dataset::{Clip, Dataset, MIN_FRAMES};
use crate::network::{MIN_LOG_ENERGY, Network, Target, try_statistics, with_log_mel};
use crate::running::Running;

use augment::{Augmentation, Ranges, subtract_level};
use background::{Powers, Voices};
use bands::Bands;
use batches::{batch_count, epoch_batches};
use checkpoint::State;
use draw::Draw;
use optimizer::{Matrices, Optimizer, clip_gradients, learning_rate, update_average};

/// Least deviation by which a mel band is divided, in nats.
const MIN_DEVIATION: f32 = 0.1;

/// What can be configured for training; [`Default`] is the recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Seed of weights and augmentation.
    pub seed: u64,
    /// Rounds of training, after each of which a checkpoint is kept.
    pub epochs: usize,
    /// Most segments in an epoch; fewer if there are not as many clips.
    pub segments: usize,
    /// Approximate number of segments per step.
    pub batch_size: usize,
    /// Highest learning rate.
    pub peak_rate: f32,
    /// How matrices are updated.
    pub matrices: Matrices,
    /// Share of a matrix subtracted per step, times the learning rate.
    pub weight_decay: f32,
    /// Share of a label spread over all classes.
    pub label_smoothing: f32,
    /// Greatest norm of the gradient.
    pub clip_norm: f32,
    /// How far augmentation goes.
    pub ranges: Ranges,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            epochs: 72,
            segments: 3_000,
            batch_size: 32,
            peak_rate: 2e-3,
            matrices: Matrices::Muon,
            weight_decay: 0.15,
            label_smoothing: 0.1,
            clip_norm: 5.0,
            ranges: Ranges::default(),
        }
    }
}

/// A data set and what augmentation takes from it: for all training on it, whichever clips are
/// used.
pub struct Material<'a> {
    /// The data set.
    pub dataset: &'a Dataset,
    bands: Bands,
    /// Clips as noise, each kept after its first use as long as there is room.
    powers: Vec<OnceLock<Powers>>,
    /// Bytes that may still be kept.
    room: AtomicUsize,
}

/// Bytes of clips that are kept as noise, about 8,000 clips; all others are read each time.
const KEPT_BYTES: usize = 256 << 20;

impl<'a> Material<'a> {
    /// Makes one from a data set.
    pub fn new(dataset: &'a Dataset) -> Self {
        Self::keeping(dataset, KEPT_BYTES)
    }

    fn keeping(dataset: &'a Dataset, bytes: usize) -> Self {
        Self {
            dataset,
            bands: Bands::default(),
            powers: dataset.clips.iter().map(|_| OnceLock::new()).collect(),
            room: AtomicUsize::new(bytes),
        }
    }

    /// A clip as noise, by position.
    fn powers(&self, index: usize) -> Result<Cow<'_, Powers>> {
        let kept = &self.powers[index];
        if let Some(powers) = kept.get() {
            return Ok(Cow::Borrowed(powers));
        }
        let features = self.dataset.features(&self.dataset.clips[index])?;
        let powers = Powers::of(&features, &self.bands);
        let size = powers.size();
        let take = |room: usize| room.checked_sub(size);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        Ok(match self.room.fetch_update(set, get, take) {
            Ok(_) => Cow::Borrowed(kept.get_or_init(|| powers)),
            Err(_) => Cow::Owned(powers),
        })
    }
}

/// Some clips of a data set as noise.
struct Beside<'a> {
    material: &'a Material<'a>,
    /// Their positions.
    clips: &'a [usize],
}

impl Voices for Beside<'_> {
    fn count(&self) -> usize {
        self.clips.len()
    }

    fn powers(&self, index: usize) -> Result<Cow<'_, Powers>> {
        self.material.powers(self.clips[index])
    }
}

/// How an epoch went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochReport {
    /// Counts from 1.
    pub epoch: usize,
    /// Epochs of the whole training.
    pub epochs: usize,
    /// Mean over the epoch's segments, in nats, as the weights were at each step.
    pub loss: f32,
    /// Share of the epoch's segments, augmented, that were recognised.
    pub accuracy: f32,
    /// Duration of the epoch.
    pub seconds: f32,
    /// Expected duration of the epochs to come.
    pub eta_s: f32,
}

/// Is told how training proceeds.
pub trait Progress {
    /// After every step: epoch from 1, steps done in it and steps of an epoch.
    fn step(&mut self, epoch: usize, done: usize, steps: usize);
    /// After every epoch, once its checkpoint is written; `network` returns it with averaged
    /// weights.
    ///
    /// # Errors
    /// An error ends training.
    fn epoch(&mut self, report: &EpochReport, network: &dyn Fn() -> Network) -> Result<()>;
}

/// How training ended.
#[derive(Debug)]
pub enum Outcome {
    /// With the averaged weights.
    Finished(Box<Network>),
    /// Stopped from outside; the same call continues after the last completed epoch.
    Interrupted {
        /// Epochs that need not be repeated.
        epochs_done: usize,
    },
}

/// Trains on the clips at the given positions of the data set, resuming from the checkpoint in
/// `run_dir` if there is one. `stop` is checked before every step.
///
/// The same clips, configuration and processor type give the same weights bit for bit, interrupted
/// or not.
///
/// # Errors
/// When there are fewer than two clips, when one is too short or cannot be read, when the
/// checkpoint cannot be written, is damaged or belongs to another training run, and when the loss
/// is no longer a number.
pub fn train(
    material: &Material,
    clips: &[usize],
    config: &TrainConfig,
    run_dir: &Path,
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let dataset = material.dataset;
    let voices = Beside { material, clips };
    let clips: Vec<&Clip> = clips.iter().map(|&index| &dataset.clips[index]).collect();
    refuse_unusable(&clips)?;
    fs::create_dir_all(run_dir)
        .with_context(|| format!("cannot create the folder {}", run_dir.display()))?;
    let _running = Running::begin(run_dir, "a training")?;
    let path = checkpoint::path(run_dir);
    let run = description(dataset, &dataset.digest_of(&clips), config)?;
    let mut state = start(dataset, &clips, config)?;
    if path.exists() {
        checkpoint::read(&path, &run, &mut state)?;
    }
    let draw = Draw::new(&clips, config.segments, config.seed);
    let targets = targets(&clips);
    let steps = batch_count(draw.segments(), config.batch_size);
    let augmentation = Augmentation::new(config.ranges.clone());
    while state.epoch < config.epochs {
        let started = Instant::now();
        let epoch = state.epoch + 1;
        let rng = &mut random(config.seed, epoch);
        let mean = state.network.mean().to_vec();
        let mut drawn = draw.epoch(epoch);
        drawn.shuffle(rng);
        let segments = drawn.len() as f32;
        let batches = epoch_batches(
            dataset,
            drawn.into_iter().map(|i| (clips[i], targets[i])).collect(),
            &voices,
            steps,
            &augmentation,
            &mean,
            rng,
        );
        let (mut loss, mut correct) = (0.0, 0);
        for (index, batch) in batches.enumerate() {
            let (batch, targets) = batch?;
            if stop.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted {
                    epochs_done: state.epoch,
                });
            }
            let result = state
                .network
                .gradients(&batch, &targets, config.label_smoothing);
            let norm = clip_gradients(state.network.parameters_mut(), config.clip_norm);
            if !(result.loss.is_finite() && norm.is_finite()) {
                bail!(
                    "the loss is no longer a number in epoch {epoch}, batch {} of {steps}; {} keeps \
                     the state after epoch {}; the same command continues from there, and another \
                     --seed starts afresh",
                    index + 1,
                    path.display(),
                    state.epoch
                );
            }
            let optimizer = &mut state.optimizer;
            let rate = learning_rate(config.peak_rate, optimizer.steps, steps * config.epochs);
            optimizer.step(state.network.parameters_mut(), rate, config.weight_decay);
            update_average(
                &mut state.average,
                state.network.parameters(),
                optimizer.steps,
            );
            loss += result.loss * targets.len() as f32;
            correct += result.correct;
            progress.step(epoch, index + 1, steps);
        }
        state.epoch = epoch;
        checkpoint::write(&path, &run, &state)?;
        let seconds = started.elapsed().as_secs_f32();
        let report = EpochReport {
            epoch,
            epochs: config.epochs,
            loss: loss / segments,
            accuracy: correct as f32 / segments,
            seconds,
            eta_s: seconds * (config.epochs - epoch) as f32,
        };
        progress.epoch(&report, &|| averaged(&state))?;
    }
    Ok(Outcome::Finished(Box::new(averaged(&state))))
}

/// The target of each clip, among the classes for which its corpus has clips here.
fn targets(clips: &[&Clip]) -> Vec<Target> {
    let mut classes = BTreeMap::<usize, BTreeSet<Class>>::new();
    for clip in clips {
        classes.entry(clip.corpus).or_default().insert(clip.class);
    }
    let among = |clip: &&Clip| classes[&clip.corpus].iter().copied();
    let target = |clip: &&Clip| Target::among(clip.class, among(clip));
    clips.iter().map(target).collect()
}

/// The network with averaged weights.
fn averaged(state: &State) -> Network {
    let mut network = state.network.clone();
    for (parameter, average) in network.parameters_mut().iter_mut().zip(&state.average) {
        parameter.value.clone_from(average);
    }
    network
}

/// Random numbers for an epoch, counted from 1; epoch 0 draws the weights.
fn random(seed: u64, epoch: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(epoch as u64);
    rng
}

/// The state before the first epoch.
fn start(dataset: &Dataset, clips: &[&Clip], config: &TrainConfig) -> Result<State> {
    let mut network = Network::new(dataset.labels.len(), &mut random(config.seed, 0));
    let (mean, deviation) = standardisation(dataset, clips)?;
    network.set_standardisation(mean, deviation);
    let parameters = network.parameters();
    Ok(State {
        average: parameters
            .iter()
            .map(|parameter| parameter.value.clone())
            .collect(),
        optimizer: Optimizer::new(config.matrices, parameters),
        network,
        epoch: 0,
    })
}

/// Mean and deviation of every mel band over all frames of the unchanged clips.
fn standardisation(dataset: &Dataset, clips: &[&Clip]) -> Result<(Vec<f32>, Vec<f32>)> {
    let bands = |clip: &&Clip| -> Result<Vec<f32>> {
        let mut frames = with_log_mel(&dataset.features(clip)?);
        subtract_level(&mut frames);
        let bands = frames
            .chunks_exact(N_FEATURES)
            .flat_map(|frame| &frame[..N_MFCC]);
        Ok(bands.map(|band| band.max(MIN_LOG_ENERGY)).collect())
    };
    let (mean, variance) = try_statistics(clips.iter().map(bands), N_MFCC)?;
    let deviation = variance
        .iter()
        .map(|variance| variance.sqrt().max(MIN_DEVIATION))
        .collect();
    Ok((mean, deviation))
}

fn refuse_unusable(clips: &[&Clip]) -> Result<()> {
    if clips.len() < 2 {
        bail!(
            "training needs at least two clips, there are {}",
            clips.len()
        );
    }
    for clip in clips {
        if clip.frames().iter().min() < Some(&MIN_FRAMES) {
            bail!(
                "{} has fewer than {MIN_FRAMES} frames of speech; leave it out",
                clip.path
            );
        }
    }
    Ok(())
}

/// Everything the weights depend on, by name; `clips` is the digest of those trained on.
pub fn description(dataset: &Dataset, clips: &str, config: &TrainConfig) -> Result<Value> {
    let mut run = serde_json::to_value(config)?;
    run["front_end"] = json!(dataset.fingerprint);
    run["training_clips"] = json!(clips);
    run["labels"] = json!(dataset.labels);
    Ok(run)
}

#[cfg(test)]
mod tests;
