//! What a voice expresses: `predict`.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use anyhow::{Result, ensure};
use clap::Args;
use training::{interrupt::Interrupted, predict, progress};

#[derive(Args)]
pub struct PredictArgs {
    /// Audio files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Model file; its manifest lies beside it, ending in .json
    #[arg(long, value_name = "FILE", default_value = "assets/model.onnx")]
    pub model: PathBuf,
    /// Print one JSON object per file and line
    #[arg(long)]
    pub json: bool,
    /// Print the posterior at every step too
    #[arg(long)]
    pub timeline: bool,
}

/// Prints what is found in each file; one that cannot be analysed does not stop the others.
pub fn predict(args: &PredictArgs, stop: &AtomicBool) -> Result<()> {
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
