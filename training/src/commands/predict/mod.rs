//! What a voice expresses: `predict`.

mod export;
mod prediction;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, anyhow, ensure};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use speech_emotion::{
    audio::Lanes,
    calibration::{Calibration, SpeakerStatistics},
    class::{Class, Labels},
    context::{self, AnnotateOptions, Sentence},
    export::Format,
    model::{Manifest, OnnxClassifier, WeightedMean},
    record::{ModelIdentity, Record},
};
use training::{interrupt::Interrupted, whole_file};

use super::{
    output::{self, Closed},
    progress,
};
use export::Export;
use prediction::Speaker;

#[derive(Args)]
pub struct PredictArgs {
    /// Audio files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Model file; its manifest is beside it, under the same name ending in .json
    #[arg(long, value_name = "FILE", default_value = "assets/model.onnx")]
    pub model: PathBuf,
    /// Calibrate to the speaker: a recording of them reading some sentences neutrally, 5 to 15 s of
    /// speech; or LABEL=FILE, such as angry=FILE, of them expressing an emotion. Repeat it for several
    #[arg(long, value_name = "FILE")]
    pub reference: Vec<String>,
    /// Keep the calibration that the references give, for --calibration
    #[arg(long, value_name = "FILE", requires = "reference")]
    pub save_calibration: Option<PathBuf>,
    /// Use a calibration that was kept
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reference", "listen"])]
    pub calibration: Option<PathBuf>,
    /// Calibrate to the speaker of each file slowly while listening. This assumes that they show a mix of
    /// emotions: someone who is angry throughout is pulled towards the middle
    #[arg(long, conflicts_with = "reference")]
    pub listen: bool,
    /// Hear all files as one collection, in which emotions are mixed: what they have in common, such as
    /// language, microphone and manner of speaking, is removed. For at least 16 recordings made alike;
    /// files that all express the same emotion are pulled towards the middle. Takes twice as long
    #[arg(long, conflicts_with_all = ["reference", "calibration", "listen"])]
    pub together: bool,
    /// Who speaks on the channels of a file: "channels" for a speaker on each, "mix" for one, "auto" for
    /// whichever it sounds like
    #[arg(long, value_name = "LANES", default_value = "auto", value_parser = PossibleValuesParser::new(["auto", "mix", "channels"]).try_map(|name| name.parse::<Lanes>()))]
    pub lanes: Lanes,
    /// Print one JSON object per file, each on its own line
    #[arg(long)]
    pub json: bool,
    /// Print the posterior at every step too
    #[arg(long)]
    pub timeline: bool,
    /// Print the sentences of a transcript of the recording, each with the emotion heard in it: WebVTT, SRT
    /// or whisper's JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["timeline", "format"])]
    pub transcript: Option<PathBuf>,
    /// Write every utterance to --out for another program
    #[arg(long, requires = "out", value_parser = formats())]
    pub format: Option<Format>,
    /// File that --format is written to, or a folder that gets a file for each recording. webvtt, textgrid,
    /// elan and audacity hold one recording each
    #[arg(long, value_name = "FILE", requires = "format")]
    pub out: Option<PathBuf>,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}

/// Prints what is found in each file; one that cannot be analysed does not stop the others.
pub fn predict(args: &PredictArgs, stop: &AtomicBool) -> Result<()> {
    let export = match (args.format, &args.out) {
        (Some(format), Some(out)) => Some(Export::begin(format, out, &args.files)?),
        _ => None,
    };
    let sentences = match &args.transcript {
        Some(path) => Some(transcript(path, args.files.len())?),
        None => None,
    };
    let (classifier, manifest) = prediction::load_model(&args.model)?;
    let speaker = speaker(args, &classifier, &manifest, stop)?;
    let bar = progress::items("listening");
    bar.set_length(args.files.len() as u64);
    let mut failed = 0;
    let mut found = Vec::new();
    for (index, path) in args.files.iter().enumerate() {
        let classifier = classifier.clone();
        match prediction::predict(
            path,
            args.lanes,
            classifier,
            &manifest,
            &speaker,
            args.timeline,
            stop,
        ) {
            Ok(prediction) => {
                if prediction.nonfinite_samples > 0 {
                    bar.suspend(|| {
                        output::remark(format_args!(
                            "warning: {} samples of {} are not numbers and were taken as 0",
                            prediction.nonfinite_samples, prediction.path
                        ));
                    });
                }
                if let (Some(remark), Some(_)) = (prediction.remark(), &sentences) {
                    bar.suspend(|| {
                        output::remark(format_args!(
                            "warning: {path}: {remark}",
                            path = prediction.path
                        ))
                    });
                }
                let annotated = sentences.as_ref().map(|sentences| {
                    let heard = &prediction.source.utterances;
                    context::annotate(sentences, heard, &AnnotateOptions::default())
                });
                let line = match (annotated, args.json) {
                    (Some(annotated), true) => serde_json::to_string(&annotated)?,
                    (Some(annotated), false) => annotated.to_string(),
                    (None, true) => serde_json::to_string(&prediction)?,
                    (None, false) => prediction.to_string(),
                };
                match bar.suspend(|| output::say(line)) {
                    // What goes into a file is wanted all the same.
                    Err(error) if error.is::<Closed>() && export.is_some() => {}
                    result => result?,
                }
                found.push((index, prediction.source));
            }
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                failed += 1;
                bar.suspend(|| output::remark(format_args!("error: {error:#}")));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(export) = export {
        let record = Record {
            model: ModelIdentity::of(&manifest),
            labels: manifest.labels.clone(),
            sources: Vec::new(),
        };
        for path in export.finish(record, found)? {
            output::remark(format_args!("wrote {}", path.display()));
        }
    }
    ensure!(
        failed == 0,
        "{failed} of {} files could not be analysed",
        args.files.len()
    );
    Ok(())
}

/// The sentences of a transcript, which is of one recording.
fn transcript(path: &Path, recordings: usize) -> Result<Vec<Sentence>> {
    ensure!(
        recordings == 1,
        "--transcript belongs to one recording, not to {recordings}"
    );
    let read = || format!("cannot use the transcript {}", path.display());
    let text = fs::read_to_string(path).with_context(read)?;
    context::read_transcript(&text).with_context(read)
}

/// What the options tell of who speaks.
fn speaker(
    args: &PredictArgs,
    classifier: &OnnxClassifier,
    manifest: &Manifest,
    stop: &AtomicBool,
) -> Result<Speaker> {
    let model = &manifest.onnx.sha256;
    if let Some(path) = &args.calibration {
        let read = || format!("cannot use the calibration {}", path.display());
        let json = fs::read_to_string(path).with_context(read)?;
        let calibration = Calibration::from_json(&json, model).with_context(read)?;
        return Ok(Speaker::Calibrated(Box::new(calibration)));
    }
    if !args.listen && !args.together && args.reference.is_empty() {
        return Ok(Speaker::Unknown);
    }
    let statistics = manifest.speaker.as_ref().with_context(|| {
        format!(
            "the model {} has no statistics of speakers to calibrate with; evaluate without --quick \
             and export it again",
            args.model.display()
        )
    })?;
    if args.listen {
        return Ok(Speaker::Listening {
            model: model.clone(),
            statistics: Box::new(statistics.clone()),
        });
    }
    if args.together {
        let calibration = together(args, classifier, manifest, statistics, stop)?;
        return Ok(Speaker::Calibrated(Box::new(calibration)));
    }
    let mut references = Vec::new();
    for reference in &args.reference {
        let (class, path) = labelled(reference, &manifest.labels)?;
        let classifier = classifier.clone();
        let heard = prediction::reference(path, class, classifier, &manifest.session, stop)?;
        references.push(heard.with_context(|| {
            format!(
                "the reference {} holds no speech; record some sentences read aloud",
                path.display()
            )
        })?);
    }
    let calibration = Calibration::fit(model, statistics, &references)?;
    if let Some(path) = &args.save_calibration {
        let json = serde_json::to_string_pretty(&calibration)? + "\n";
        whole_file::replace(path, json)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Speaker::Calibrated(Box::new(calibration)))
}

/// Least number of recordings of which it can be said what they have in common.
const LEAST_TOGETHER: usize = 16;

/// What all files have in common. Those that cannot be heard are named when they are judged.
fn together(
    args: &PredictArgs,
    classifier: &OnnxClassifier,
    manifest: &Manifest,
    statistics: &SpeakerStatistics,
    stop: &AtomicBool,
) -> Result<Calibration> {
    let any = manifest
        .labels
        .classes()
        .next()
        .context("the model has no labels")?;
    let bar = progress::items("hearing all");
    bar.set_length(args.files.len() as u64);
    let mut mean = WeightedMean::default();
    let mut heard = 0;
    for path in &args.files {
        match prediction::reference(path, any, classifier.clone(), &manifest.session, stop) {
            Ok(Some(reference)) => {
                heard += 1;
                mean.add(&reference.evidence, reference.speech_s);
            }
            Ok(None) => {}
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(_) => {}
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    ensure!(
        heard >= LEAST_TOGETHER,
        "--together needs at least {LEAST_TOGETHER} files with speech, found {heard}; judge so few without it"
    );
    let evidence = mean.evidence().context("no speech was heard")?;
    let model = &manifest.onnx.sha256;
    Ok(Calibration::together(
        model,
        statistics,
        &evidence,
        mean.weight(),
    ))
}

/// Class and file of a `--reference`.
fn labelled<'a>(reference: &'a str, labels: &Labels) -> Result<(Class, &'a Path)> {
    let names = || labels.names().join(", ");
    let known = reference
        .split_once('=')
        .map(|(label, path)| (label, labels.class(label), path));
    if let Some((_, Some(class), path)) = known {
        return Ok((class, Path::new(path)));
    }
    let path = Path::new(reference);
    match known {
        Some((label, ..)) if !path.exists() => Err(anyhow!(
            "--reference {reference}: there is no label {label:?}; use {}",
            names()
        )),
        _ => {
            let neutral = labels.neutral().with_context(|| {
                format!(
                    "--reference {reference}: the model knows no neutral speech; say what is expressed, \
                     as in LABEL={reference} with one of {}",
                    names()
                )
            })?;
            Ok((neutral, path))
        }
    }
}
