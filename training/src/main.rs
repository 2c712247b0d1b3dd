//! The trainer's command line: one subcommand per step from labelled clips to the model file.

mod commands;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use commands::{
    data::{self, DownloadArgs, ExtractArgs, FeaturesArgs},
    model::{self, AllArgs, BaselineArgs, CardArgs, EvaluateArgs, ExportArgs, TrainArgs},
    output::{self, Closed},
    predict::{self, PredictArgs},
};
use training::interrupt::Interrupted;

/// Trains, evaluates and exports a speech emotion model, from published corpora or from clips of your own.
///
/// A model of RAVDESS, alone or with other published corpora, estimates which of eight emotions a voice
/// expresses, as actors have performed it; a model of other clips estimates their labels. Every step can be
/// interrupted with Ctrl-C and resumed by running it again.
#[derive(Parser)]
#[command(
    name = "training",
    version,
    after_help = "All steps in one command: training all. With clips already on disk: \
                  training all --corpus ravdess=DIR. With clips of your own: \
                  training --data mine all --manifest clips.csv --out mine"
)]
struct Cli {
    /// Folder for everything the trainer writes: archives, clips, features, runs
    #[arg(long, global = true, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Download the clips of a published corpus and unpack them: RAVDESS's speech (208 MB) unless another is
    /// named
    ///
    /// Address, size, checksum and licence are shown first. An interrupted download is resumed, and an archive
    /// that differs from what was published is not unpacked. An archive obtained in another way is used if it
    /// is in the data folder under its own name, such as Audio_Speech_Actors_01-24.zip.
    Download(DownloadArgs),
    /// Turn the clips into features
    Extract(ExtractArgs),
    /// Write what the front end makes of one recording, stage by stage, for other programs
    ///
    /// A safetensors file of 32-bit numbers, as safetensors.numpy.load_file reads it in Python: the samples
    /// at 16 kHz, mel bands, features and the segment that the network is given. Shapes and units are printed, and
    /// are in the file's metadata.
    Features(FeaturesArgs),
    /// Train the model to ship, on all speakers
    ///
    /// Ctrl-C loses at most one epoch: run the command again to continue. The same seed and data give
    /// the same network.
    Train(TrainArgs),
    /// Measure how often the recipe is right on speakers it was not trained on
    ///
    /// Trains the networks of every fold on the speakers outside it and has them judge the clips of
    /// the speakers inside. Prints unweighted (UAR) and weighted (WAR) average recall with a 95 % interval
    /// over speakers, results by emotion, and the confusion matrix. Folds already trained are kept.
    Evaluate(EvaluateArgs),
    /// Compare with the notebook that this project grew from, under its protocol and honest ones
    ///
    /// Trains the notebook's network (mean MFCC, two LSTMs) and this project's on a random split of
    /// every clip twice, on a random split of every clip once, and on a split by speaker, and prints the
    /// scores side by side. Run evaluate first. Results already there are kept.
    Baseline(BaselineArgs),
    /// Write model.onnx and model.json from the trained network and its evaluation
    ///
    /// The networks are rounded to 4 and 8 bits. The file is loaded as the page loads it and must give
    /// the logits of the rounded networks on clips of the data set.
    Export(ExportArgs),
    /// Write the model card, with its pictures and the evaluation its figures come from beside it
    Card(CardArgs),
    /// Tell the emotion expressed in audio files
    ///
    /// Files are WAV, FLAC, MP3, M4A, AAC, Ogg, Opus, WebM, AIFF or CAF of up to 2 hours; - is standard input,
    /// and pipes are read too. A file that ends early is analysed as far as it goes. The answer is that of the page for
    /// the same audio: one of the model's labels, "unsure" or "no speech".
    Predict(PredictArgs),
    /// Everything from download to export
    ///
    /// Downloads every --corpus that is named without a folder, or RAVDESS's speech if none is named. The
    /// exported networks are those of the first seed given. Finished trainings are not repeated.
    All(AllArgs),
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
        Err(error) if error.is::<Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            output::remark(format_args!("error: {error:#}"));
            ExitCode::from(if error.is::<Interrupted>() { 130 } else { 1 })
        }
    }
}

fn run(cli: &Cli, stop: &AtomicBool) -> Result<()> {
    let data = &cli.data;
    match &cli.command {
        Command::Download(args) => data::download(data, args, stop),
        Command::Extract(args) => data::extract(data, args, stop),
        Command::Features(args) => data::features(args),
        Command::Train(args) => model::train(data, args, stop),
        Command::Evaluate(args) => model::evaluate(data, args, stop),
        Command::Baseline(args) => model::baseline(data, args, stop),
        Command::Export(args) => model::export(data, args),
        Command::Card(args) => model::card(data, args),
        Command::Predict(args) => predict::predict(args, stop),
        Command::All(args) => model::all(data, args, stop),
    }
}
