//! From features to the network: `train` and `evaluate`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result};
use clap::Args;
use speech_emotion::{features::FrontEndConfig, model::Training};
use training::{
    dataset::Dataset,
    evaluate::{CrossValidation, Evaluation},
    interrupt::Interrupted,
    progress::{self, TrainingBar},
    ravdess::Protocol,
    train::{self, Outcome, TrainConfig},
};

const NETWORK_FILE: &str = "network.safetensors";
const TRAINING_FILE: &str = "training.json";

#[derive(Args)]
pub struct TrainArgs {
    /// Seed of weights, augmentation and dropout
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().seed)]
    pub seed: u64,
    #[command(flatten)]
    pub recipe: RecipeArgs,
}

#[derive(Args, Clone, Copy)]
pub struct RecipeArgs {
    /// Passes over the training clips
    #[arg(
        long,
        value_name = "N",
        default_value_t = TrainConfig::default().epochs as u32,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub epochs: u32,
}

#[derive(Args)]
pub struct EvaluateArgs {
    /// How actors are divided into folds
    #[arg(long, value_enum, default_value_t = Protocol::Luna5)]
    pub folds: Protocol,
    /// Seed of the networks; give it several times to pool several networks per fold
    #[arg(long, value_name = "N", default_values_t = [TrainConfig::default().seed])]
    pub seed: Vec<u64>,
    /// Folds trained at the same time, each on one core
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub jobs: u32,
    #[command(flatten)]
    pub recipe: RecipeArgs,
}

fn load_dataset(data: &Path) -> Result<Dataset> {
    Dataset::load(data, &FrontEndConfig::default().fingerprint())
}

/// Where the training on all actors with this seed is kept.
fn training_folder(data: &Path, seed: u64) -> PathBuf {
    data.join("runs").join(format!("all-seed{seed}"))
}

/// Trains the network to ship.
pub fn train(data: &Path, args: &TrainArgs, stop: &AtomicBool) -> Result<()> {
    let dataset = load_dataset(data)?;
    let clips: Vec<usize> = (0..dataset.clips.len()).collect();
    let config = TrainConfig {
        seed: args.seed,
        epochs: args.recipe.epochs as usize,
        ..TrainConfig::default()
    };
    let folder = training_folder(data, args.seed);
    let mut bar = TrainingBar::new(config.epochs);
    match train::train(&dataset, &clips, &config, &folder, &mut bar, stop)? {
        Outcome::Finished(network) => {
            let path = folder.join(NETWORK_FILE);
            network.save(&path)?;
            let training = Training {
                data_set: "RAVDESS speech, audio only".to_owned(),
                clips: dataset.clips.len() as u32,
                actors: dataset.actors().len() as u32,
                epochs: args.recipe.epochs,
                seed: args.seed,
            };
            let note = folder.join(TRAINING_FILE);
            fs::write(&note, serde_json::to_string_pretty(&training)? + "\n")
                .with_context(|| format!("cannot write {}", note.display()))?;
            println!("network in {}", path.display());
            Ok(())
        }
        Outcome::Interrupted { .. } => Err(Interrupted.into()),
    }
}

/// Cross-validates, prints the report and returns the path of evaluation.json.
pub fn evaluate(data: &Path, args: &EvaluateArgs, stop: &AtomicBool) -> Result<()> {
    let dataset = load_dataset(data)?;
    let config = TrainConfig {
        epochs: args.recipe.epochs as usize,
        ..TrainConfig::default()
    };
    let cross_validation = CrossValidation {
        protocol: args.folds,
        seeds: distinct(&args.seed),
        config,
        jobs: args.jobs as usize,
    };
    let bar = progress::items("training folds");
    let evaluation = cross_validation.run(&dataset, data, &bar, stop)?;
    bar.finish_and_clear();
    let folder = Evaluation::folder(data, args.folds, &evaluation.seeds);
    let path = evaluation.save(&folder)?;
    println!("{evaluation}\n\nwritten to {}", path.display());
    Ok(())
}

/// Seeds in ascending order, each once: what an evaluation is named by.
fn distinct(seeds: &[u64]) -> Vec<u64> {
    let mut seeds = seeds.to_vec();
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}
