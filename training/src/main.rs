//! The trainer's command line: one subcommand per step from RAVDESS to the model file.

use std::{
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
use training::{
    extract::{self, Reason},
    interrupt::Interrupted,
    predict, progress,
    ravdess::{download::Archive, unpack},
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
