//! The trainer's command line: one subcommand per step from RAVDESS to the model file.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use speech_emotion::{features::FrontEndConfig, model::Training};
use training::{
    dataset::Dataset,
    evaluate::{CrossValidation, Evaluation},
    extract::{self, Reason},
    interrupt::Interrupted,
    predict,
    progress::{self, TrainingBar},
    ravdess::{Protocol, download::Archive, unpack},
    train::{self, Outcome, TrainConfig},
};

/// Trains, evaluates and exports the speech emotion model from RAVDESS.
///
/// The model estimates which of eight emotions a voice expresses, as acted by the 24 North American
/// actors of RAVDESS. Every step can be interrupted with Ctrl-C and continued by running it again.
#[derive(Parser)]
#[command(
    name = "training",
    version,
    after_help = "The whole way in one command: training all. With clips already on disk: \
                  training all --ravdess DIR"
)]
struct Cli {
    /// Folder for everything the trainer makes: archive, clips, features, runs
    #[arg(long, global = true, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Download RAVDESS's speech clips from Zenodo (208 MB) and unpack them
    ///
    /// A download cut short is continued. Size and MD5 are checked. An archive fetched by other
    /// means is used when it lies in the data folder under its name, Audio_Speech_Actors_01-24.zip.
    Download,
    /// Turn the clips into features
    Extract(ExtractArgs),
    /// Train the model to ship, on all actors
    ///
    /// Ctrl-C loses at most one epoch: run the command again to go on. The same seed and data give
    /// the same network.
    Train(TrainArgs),
    /// Measure how often the recipe is right on speakers it was not trained on
    ///
    /// Trains one network per fold, on the actors outside of it, and asks it for the clips of the
    /// actors inside. Prints unweighted (UAR) and weighted (WAR) average recall with a 95 % interval
    /// over actors, results by emotion, and the confusion matrix. Folds already trained are kept.
    Evaluate(EvaluateArgs),
    /// Tell the emotion expressed in audio files
    ///
    /// Files are WAV, FLAC, MP3 or Ogg Vorbis of up to 2 hours. The answer is that of the page for
    /// the same audio: one of eight emotions, "unsure" or "no speech".
    Predict(PredictArgs),
}

#[derive(Args)]
struct ExtractArgs {
    /// Folder that holds the clips, in any subfolders, as WAV or FLAC [default: DATA/ravdess]
    #[arg(long, value_name = "DIR")]
    ravdess: Option<PathBuf>,
    /// Leave out clips that are damaged, silent or empty instead of stopping
    #[arg(long)]
    skip_bad: bool,
}

#[derive(Args)]
struct TrainArgs {
    /// Seed of weights, augmentation and dropout
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().seed)]
    seed: u64,
    #[command(flatten)]
    recipe: RecipeArgs,
}

#[derive(Args)]
struct RecipeArgs {
    /// Passes over the training clips
    #[arg(
        long,
        value_name = "N",
        default_value_t = TrainConfig::default().epochs as u32,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    epochs: u32,
}

#[derive(Args)]
struct EvaluateArgs {
    /// How actors are divided into folds
    #[arg(long, value_enum, default_value_t = Protocol::Luna5)]
    folds: Protocol,
    /// Seed of the networks; give it several times to pool several networks per fold
    #[arg(long, value_name = "N", default_values_t = [TrainConfig::default().seed])]
    seed: Vec<u64>,
    /// Folds trained at the same time, each on one core
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    jobs: u32,
    #[command(flatten)]
    recipe: RecipeArgs,
}

#[derive(Args)]
struct PredictArgs {
    /// Audio files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Model file; its manifest lies beside it, ending in .json
    #[arg(long, value_name = "FILE", default_value = "assets/model.onnx")]
    model: PathBuf,
    /// Print one JSON object per file and line
    #[arg(long)]
    json: bool,
    /// Print the posterior at every step too
    #[arg(long)]
    timeline: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let stop = Arc::new(AtomicBool::new(false));
    let pressed = Arc::clone(&stop);
    let handler = ctrlc::set_handler(move || {
        // A second Ctrl-C does not wait for the unit of work to end.
        if pressed.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
    let result = handler
        .context("cannot listen for Ctrl-C")
        .and_then(|()| run(&cli, &stop));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Interrupted>() { 130 } else { 1 })
        }
    }
}

fn run(cli: &Cli, stop: &AtomicBool) -> Result<()> {
    match &cli.command {
        Command::Download => download(&cli.data, stop),
        Command::Extract(args) => run_extract(&cli.data, args, stop),
        Command::Train(args) => run_train(&cli.data, args, stop),
        Command::Evaluate(args) => run_evaluate(&cli.data, args, stop),
        Command::Predict(args) => run_predict(args, stop),
    }
}

fn clips_folder(data: &Path) -> PathBuf {
    data.join("ravdess")
}

fn download(data: &Path, stop: &AtomicBool) -> Result<()> {
    fs::create_dir_all(data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    let bar = progress::bytes("downloading");
    let archive = Archive::ravdess_speech().fetch(data, &bar, stop)?;
    bar.finish_and_clear();
    let bar = progress::items("unpacking");
    let folder = clips_folder(data);
    let clips = unpack::unpack(&archive, &folder, &bar, stop)?;
    bar.finish_and_clear();
    println!("{clips} clips in {}", folder.display());
    Ok(())
}

fn run_extract(data: &Path, args: &ExtractArgs, stop: &AtomicBool) -> Result<()> {
    let corpus = args.ravdess.clone().unwrap_or_else(|| clips_folder(data));
    ensure!(
        corpus.is_dir(),
        "there is no folder {}; run the download command, or name the folder of the clips with \
         --ravdess",
        corpus.display()
    );
    let bar = progress::items("extracting features");
    let extraction = extract::extract(&corpus, &bar, stop)?;
    bar.finish_and_clear();
    print!("{}", extraction.report());
    let bad = extraction.skipped_for(Reason::Bad).count();
    ensure!(
        args.skip_bad || bad == 0,
        "{bad} clips cannot be used (see above) and nothing was saved; replace them, or leave \
         them out with --skip-bad"
    );
    let dataset = extraction.dataset;
    ensure!(
        !dataset.clips.is_empty(),
        "no clip in {} can be used",
        corpus.display()
    );
    let (folder, bytes) = dataset.save(data)?;
    println!(
        "features of {} clips by {} actors in {} ({:.0} MB)",
        dataset.clips.len(),
        dataset.actors().len(),
        folder.display(),
        bytes as f64 / 1e6
    );
    Ok(())
}

fn load_dataset(data: &Path) -> Result<Dataset> {
    Dataset::load(data, &FrontEndConfig::default().fingerprint())
}

/// Where the training on all actors with this seed is kept.
fn training_folder(data: &Path, seed: u64) -> PathBuf {
    data.join("runs").join(format!("all-seed{seed}"))
}

fn run_train(data: &Path, args: &TrainArgs, stop: &AtomicBool) -> Result<()> {
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
            let path = folder.join("network.safetensors");
            network.save(&path)?;
            let training = Training {
                data_set: "RAVDESS speech, audio only".to_owned(),
                clips: dataset.clips.len() as u32,
                actors: dataset.actors().len() as u32,
                epochs: args.recipe.epochs,
                seed: args.seed,
            };
            let note = folder.join("training.json");
            fs::write(&note, serde_json::to_string_pretty(&training)? + "\n")
                .with_context(|| format!("cannot write {}", note.display()))?;
            println!("network in {}", path.display());
            Ok(())
        }
        Outcome::Interrupted { .. } => Err(Interrupted.into()),
    }
}

fn run_evaluate(data: &Path, args: &EvaluateArgs, stop: &AtomicBool) -> Result<()> {
    let dataset = load_dataset(data)?;
    let config = TrainConfig {
        epochs: args.recipe.epochs as usize,
        ..TrainConfig::default()
    };
    let seeds = BTreeSet::from_iter(args.seed.iter().copied());
    let cross_validation = CrossValidation {
        protocol: args.folds,
        seeds: seeds.into_iter().collect(),
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

fn run_predict(args: &PredictArgs, stop: &AtomicBool) -> Result<()> {
    let (classifier, manifest) = predict::load_model(&args.model)?;
    let bar = progress::items("listening");
    bar.set_length(args.files.len() as u64);
    let mut failed = 0;
    for path in &args.files {
        let classifier = classifier.clone();
        match predict::predict(path, classifier, &manifest.session, args.timeline, stop) {
            Ok(prediction) => {
                if prediction.nonfinite_samples > 0 {
                    bar.suspend(|| {
                        eprintln!(
                            "warning: {} samples of {} are not numbers and were taken as 0",
                            prediction.nonfinite_samples, prediction.path
                        );
                    });
                }
                let line = match args.json {
                    true => serde_json::to_string(&prediction)?,
                    false => prediction.to_string(),
                };
                bar.suspend(|| println!("{line}"));
            }
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                failed += 1;
                bar.suspend(|| eprintln!("error: {error:#}"));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    ensure!(
        failed == 0,
        "{failed} of {} files could not be analysed",
        args.files.len()
    );
    Ok(())
}
