//! From features to the model file: `train`, `evaluate`, `export` and `all`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use speech_emotion::{features::FrontEndConfig, model::Training};
use training::{
    artifact::{
        export,
        onnx::{Layout, Weights},
    },
    corpus::{folds::Protocol, ravdess},
    dataset::Dataset,
    evaluate::{
        self, CrossValidation, EVALUATION_FILE, Evaluation, STRANGERS_FILE, Strangers,
        baseline::{self, BASELINE_FILE, Bars, Comparison},
        folds, sounds,
    },
    interrupt::Interrupted,
    learning::{
        Material, TrainConfig,
        ensemble::{self, Ensemble, MEMBERS},
    },
    report::{self, CARD_FILE, PAGE_FILE, PICTURES_FOLDER},
    whole_file,
};

use super::{
    data::{self, CorpusArgs, ExtractArgs},
    output,
    progress::{self, TrainingBar},
};

const TRAINING_FILE: &str = "training.json";

/// A finished training run on all speakers; training.json.
#[derive(Serialize, Deserialize)]
struct Trained {
    /// [`ensemble::recipe`] of the networks.
    recipe: String,
    /// What goes into model.json about it.
    training: Training,
}

/// Clips on which the exported file is compared with the trained network.
const COMPARED_CLIPS: usize = 48;

#[derive(Args)]
pub struct TrainArgs {
    /// Seed of weights and augmentation
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

impl RecipeArgs {
    fn config(self, seed: u64) -> TrainConfig {
        TrainConfig {
            seed,
            epochs: self.epochs as usize,
            ..TrainConfig::default()
        }
    }
}

#[derive(Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub division: DivisionArgs,
    /// Seed of the networks; repeat it to pool several networks per fold
    #[arg(long, value_name = "N", default_values_t = [TrainConfig::default().seed])]
    pub seed: Vec<u64>,
    /// Networks trained at the same time, each on one core
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub jobs: u32,
    /// Only count how often the networks are right: no confidence, calibration or robustness
    #[arg(long)]
    pub quick: bool,
    /// Judge clips only as recorded; judging them in noise and through other channels takes most of the
    /// time
    #[arg(long)]
    pub as_recorded: bool,
    /// Inner networks per fold, trained with the first seed, on which confidence and calibration are fitted;
    /// more of them give statistics of more speakers; at most one for each other fold
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub inner: u32,
    /// With --folds corpora: sounds other than speech, for which no emotion should be claimed; a CSV with
    /// the columns path and class, paths relative to the CSV
    #[arg(long, value_name = "CSV")]
    pub sounds: Option<PathBuf>,
    #[command(flatten)]
    pub recipe: RecipeArgs,
}

#[derive(Args, Clone, Copy)]
pub struct DivisionArgs {
    /// How speakers are divided into folds: luna5 or emobox6, published for RAVDESS; loso, each speaker
    /// alone; corpora, each corpus left out as a whole; or a number of folds [default: luna5 for RAVDESS,
    /// otherwise 5, or one for each speaker if there are fewer]
    #[arg(long, value_name = "FOLDS")]
    pub folds: Option<Protocol>,
}

impl DivisionArgs {
    fn protocol(self, dataset: &Dataset) -> Protocol {
        let usual = || Protocol::usual(&dataset.corpora, &dataset.voices());
        self.folds.unwrap_or_else(usual)
    }
}

/// An evaluation made earlier.
#[derive(Args)]
pub struct EvaluatedArgs {
    #[command(flatten)]
    pub division: DivisionArgs,
    /// Seeds of that evaluation
    #[arg(long, value_name = "N", default_values_t = [TrainConfig::default().seed])]
    pub evaluated_seed: Vec<u64>,
}

impl EvaluatedArgs {
    fn load(&self, data: &Path, dataset: &Dataset) -> Result<Evaluation> {
        let protocol = self.division.protocol(dataset);
        let folder = evaluate::folder(data, protocol, &distinct(&self.evaluated_seed));
        Evaluation::load(&folder.join(EVALUATION_FILE))
    }
}

#[derive(Args)]
pub struct BaselineArgs {
    /// Seed of splits and networks
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().seed)]
    pub seed: u64,
    #[command(flatten)]
    pub evaluated: EvaluatedArgs,
    #[command(flatten)]
    pub recipe: RecipeArgs,
}

#[derive(Args)]
pub struct ExportArgs {
    /// Seed the network was trained with
    #[arg(long, value_name = "N", default_value_t = TrainConfig::default().seed)]
    pub seed: u64,
    /// How the file stores weights; all but "packed" are for other programs and leave model.json alone
    #[arg(long, value_enum, default_value_t)]
    pub weights: WeightsArg,
    /// Fix the file to segments of this many frames, a multiple of four (62.5 frames are a second)
    #[arg(long, value_name = "T")]
    pub frames: Option<usize>,
    #[command(flatten)]
    pub evaluated: EvaluatedArgs,
    #[command(flatten)]
    pub target: TargetArgs,
}

/// How an exported file stores weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WeightsArg {
    /// In 4 and 8 bits, as the page reads them: model.onnx and model.json
    #[default]
    Packed,
    /// In single precision, opset 17: model-f32.onnx
    F32,
    /// In half precision, opset 17: model-f16.onnx
    F16,
}

#[derive(Args)]
pub struct CardArgs {
    #[command(flatten)]
    pub evaluated: EvaluatedArgs,
    /// Folder for MODEL_CARD.md, its pictures and evaluation.json
    #[arg(long, value_name = "DIR", default_value = "training")]
    pub out: PathBuf,
}

#[derive(Args, Clone)]
pub struct TargetArgs {
    /// Folder for model.onnx and model.json
    #[arg(long, value_name = "DIR", default_value = "assets")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct AllArgs {
    /// Leave out clips that are damaged, silent or empty instead of stopping
    #[arg(long)]
    pub skip_bad: bool,
    #[command(flatten)]
    pub corpus: CorpusArgs,
    #[command(flatten)]
    pub evaluate: EvaluateArgs,
    #[command(flatten)]
    pub target: TargetArgs,
}

fn load_dataset(data: &Path) -> Result<Dataset> {
    Dataset::load(data, &FrontEndConfig::default().fingerprint())
}

/// Clips of the corpora used for training, by position.
fn trained_clips(dataset: &Dataset) -> Vec<usize> {
    let trains = |&index: &usize| dataset.corpora[dataset.clips[index].corpus].trains;
    (0..dataset.clips.len()).filter(trains).collect()
}

/// Trains on all of them.
fn train_whole(
    data: &Path,
    dataset: &Dataset,
    config: &TrainConfig,
    stop: &AtomicBool,
) -> Result<Ensemble> {
    let bar = |member: usize, run_dir: &Path| {
        output::remark(format_args!("network {} of {MEMBERS}", member + 1));
        TrainingBar::new(config.epochs, run_dir)
    };
    let (clips, folder) = (
        trained_clips(dataset),
        evaluate::whole_folder(data, config.seed),
    );
    let material = Material::new(dataset);
    let ensemble = ensemble::train(&material, &clips, config, &folder, bar, stop)?;
    ensemble.ok_or_else(|| Interrupted.into())
}

/// Trains the networks to ship.
pub fn train(data: &Path, args: &TrainArgs, stop: &AtomicBool) -> Result<()> {
    let dataset = load_dataset(data)?;
    let config = args.recipe.config(args.seed);
    let folder = evaluate::whole_folder(data, args.seed);
    train_whole(data, &dataset, &config, stop)?.save(&folder)?;
    let clips = trained_clips(&dataset);
    let trained = Trained {
        recipe: ensemble::recipe(&dataset, &config)?,
        training: Training {
            data_set: dataset.title(),
            clips: clips.len() as u32,
            actors: speakers(&dataset, &clips),
            epochs: args.recipe.epochs,
            seed: args.seed,
        },
    };
    let note = folder.join(TRAINING_FILE);
    whole_file::replace(&note, serde_json::to_string_pretty(&trained)? + "\n")
        .with_context(|| format!("cannot write {}", note.display()))?;
    output::say(format_args!("{MEMBERS} networks in {}", folder.display()))?;
    Ok(())
}

/// Cross-validates, prints the report and returns the path of evaluation.json.
pub fn evaluate(data: &Path, args: &EvaluateArgs, stop: &AtomicBool) -> Result<()> {
    let dataset = load_dataset(data)?;
    let (protocol, seeds) = (args.division.protocol(&dataset), distinct(&args.seed));
    let config = args.recipe.config(seeds[0]);
    let recipe = ensemble::recipe(&dataset, &config)?;
    let strangers = match protocol {
        Protocol::Corpora => None,
        _ => strangers(data, &dataset, seeds[0], &recipe)?,
    };
    let cross_validation = CrossValidation {
        protocol,
        seeds: seeds.clone(),
        config,
        jobs: args.jobs as usize,
        quick: args.quick,
        as_recorded: args.as_recorded,
        // With left-out corpora, the settings are fitted on those.
        inner: if strangers.is_some() || protocol == Protocol::Corpora {
            0
        } else {
            args.inner as usize
        },
    };
    let bar = progress::items("training folds");
    let trials = cross_validation.run(&dataset, data, &bar, stop)?;
    bar.finish_and_clear();
    let folder = evaluate::folder(data, protocol, &seeds);
    let folds = folds::of(protocol, &dataset)?;
    if protocol == Protocol::Corpora {
        let mut strangers = Strangers::new(&dataset, &folds, seeds[0], recipe, &trials);
        if let Some(csv) = &args.sounds {
            let config = &cross_validation.config;
            let ensemble = train_whole(data, &dataset, config, stop)?;
            let shipped = Some(&strangers.shipped);
            let (classifier, settings) = export::classifier(ensemble, &dataset, shipped)?;
            strangers.sounds = Some(sounds::judge(csv, &classifier, &settings, stop)?);
        }
        strangers.save(&folder)?;
        output::say(format_args!(
            "{strangers}\n\nas numbers: {}",
            folder.join(STRANGERS_FILE).display()
        ))?;
        return Ok(());
    }
    let folds = folds.into_iter().map(|fold| fold.speakers).collect();
    let evaluation = Evaluation::new(&dataset, protocol, folds, seeds, recipe, &trials, strangers);
    let path = evaluation.save(&folder)?;
    let page = folder.join(PAGE_FILE);
    let comparison = Comparison::load(&data.join(BASELINE_FILE))?;
    whole_file::replace(&page, report::page(&evaluation, comparison.as_ref()))
        .with_context(|| format!("cannot write {}", page.display()))?;
    output::say(format_args!(
        "{evaluation}\n\nreport: {}\nas numbers: {}",
        page.display(),
        path.display()
    ))?;
    Ok(())
}

/// The number of people speaking in these clips.
fn speakers(dataset: &Dataset, clips: &[usize]) -> u32 {
    let speakers: BTreeSet<_> = clips
        .iter()
        .map(|&clip| &dataset.clips[clip].speaker)
        .collect();
    speakers.len() as u32
}

/// The evaluation on left-out corpora; none when there is only one corpus.
fn strangers(data: &Path, dataset: &Dataset, seed: u64, recipe: &str) -> Result<Option<Strangers>> {
    if folds::of(Protocol::Corpora, dataset).is_err() {
        return Ok(None);
    }
    let found = Strangers::load(&evaluate::folder(data, Protocol::Corpora, &[seed]))?;
    let strangers = found.filter(|strangers| strangers.recipe == recipe);
    if strangers.is_none() {
        output::remark(format_args!(
            "note: temperature and thresholds are fitted on the tested folds' own corpus, which promises \
             strangers too much; run evaluate --folds corpora --seed {seed} first and then this command again"
        ));
    }
    Ok(strangers)
}

/// Bars on the terminal.
struct TerminalBars;

impl Bars for TerminalBars {
    type ThisModel = TrainingBar;

    fn notebook(&self, protocol: &str, epochs: usize) -> ProgressBar {
        let bar = progress::items(&format!("the notebook's network, {protocol}"));
        bar.set_length(epochs as u64);
        bar
    }

    fn this_model(
        &self,
        protocol: &str,
        member: usize,
        epochs: usize,
        run_dir: &Path,
    ) -> TrainingBar {
        output::remark(format_args!(
            "this model, {protocol}: network {} of {MEMBERS}",
            member + 1
        ));
        TrainingBar::new(epochs, run_dir)
    }
}

/// Compares with the notebook that this project grew from, and prints both.
pub fn baseline(data: &Path, args: &BaselineArgs, stop: &AtomicBool) -> Result<()> {
    let dataset = load_dataset(data)?;
    let config = args.recipe.config(args.seed);
    let evaluation = args.evaluated.load(data, &dataset)?;
    let comparison = baseline::compare(&dataset, data, &config, &evaluation, &TerminalBars, stop)?;
    output::say(format_args!(
        "{comparison}\n\nwritten to {}",
        data.join(BASELINE_FILE).display()
    ))?;
    Ok(())
}

/// Writes the model card and its pictures and keeps the evaluation beside it.
pub fn card(data: &Path, args: &CardArgs) -> Result<()> {
    let evaluation = args.evaluated.load(data, &load_dataset(data)?)?;
    ensure!(
        evaluation.data_set == ravdess::DATA_SET,
        "the card can only describe a model of RAVDESS, not one of {}; {PAGE_FILE} beside the evaluation \
         has its figures",
        evaluation.data_set
    );
    evaluation.save(&args.out)?;
    let path = args.out.join(CARD_FILE);
    whole_file::replace(&path, report::card(&evaluation))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let folder = args.out.join(PICTURES_FOLDER);
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (name, picture) in report::pictures(&evaluation) {
        let path = folder.join(format!("{name}.svg"));
        whole_file::replace(&path, picture)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    output::say(format_args!(
        "{}, {EVALUATION_FILE} and {PICTURES_FOLDER} beside it",
        path.display()
    ))?;
    Ok(())
}

/// Writes the model file and its manifest.
pub fn export(data: &Path, args: &ExportArgs) -> Result<()> {
    let dataset = load_dataset(data)?;
    let folder = evaluate::whole_folder(data, args.seed);
    let missing = || {
        format!(
            "no finished training in {}; run the train command",
            folder.display()
        )
    };
    let ensemble = Ensemble::load(&folder, dataset.labels.len()).with_context(missing)?;
    let for_others = match args.weights {
        WeightsArg::Packed => None,
        WeightsArg::F32 => Some((Weights::Single, "model-f32.onnx")),
        WeightsArg::F16 => Some((Weights::Half, "model-f16.onnx")),
    };
    let frames = args.frames;
    if let Some((weights, name)) = for_others {
        let path = args.target.out.join(name);
        let layout = Layout { weights, frames };
        let bytes = export::export_for_others(ensemble, &dataset, layout, &path)?;
        output::say(format_args!(
            "{} ({:.0} kB)",
            path.display(),
            bytes as f64 / 1e3
        ))?;
        return Ok(());
    }
    ensure!(
        frames.is_none(),
        "the page needs a model for any number of frames; use --frames with --weights f32 or f16"
    );
    let trained = fs::read_to_string(folder.join(TRAINING_FILE)).with_context(missing)?;
    let trained: Trained = serde_json::from_str(&trained).with_context(missing)?;
    let evaluation = args.evaluated.load(data, &dataset)?;
    ensure!(
        evaluation.recipe == trained.recipe,
        "the evaluation does not belong to the networks in {}: clips, --epochs or the recipe have \
         changed between the two; run evaluate and train again",
        folder.display()
    );
    let segments: Vec<Vec<f32>> = dataset
        .clips
        .iter()
        .step_by(dataset.clips.len().div_ceil(COMPARED_CLIPS).max(1))
        .map(|clip| dataset.segment(clip))
        .collect::<Result<_>>()?;
    let out = &args.target.out;
    let manifest = export::export(
        ensemble,
        &dataset,
        trained.training,
        &evaluation.measured(),
        &segments,
        out,
    )?;
    output::say(format_args!(
        "model.onnx ({:.0} kB) and model.json in {}; the same logits as the rounded networks on {} \
         clips",
        manifest.onnx.bytes as f64 / 1e3,
        out.display(),
        segments.len()
    ))?;
    Ok(())
}

/// Runs every step from the clips to the model file; finished trainings are not repeated.
pub fn all(data: &Path, args: &AllArgs, stop: &AtomicBool) -> Result<()> {
    for corpus in args.corpus.downloaded() {
        data::obtain(data, corpus, stop)?;
    }
    let extract = ExtractArgs {
        corpus: args.corpus.clone(),
        skip_bad: args.skip_bad,
    };
    data::extract(data, &extract, stop)?;
    evaluate(data, &args.evaluate, stop)?;
    let EvaluateArgs {
        division,
        seed: ref evaluated_seed,
        recipe,
        ..
    } = args.evaluate;
    let seed = evaluated_seed[0];
    train(data, &TrainArgs { seed, recipe }, stop)?;
    export(
        data,
        &ExportArgs {
            seed,
            weights: WeightsArg::default(),
            frames: None,
            evaluated: EvaluatedArgs {
                division,
                evaluated_seed: evaluated_seed.clone(),
            },
            target: args.target.clone(),
        },
    )
}

/// Seeds in ascending order, each once: they name an evaluation.
fn distinct(seeds: &[u64]) -> Vec<u64> {
    let mut seeds = seeds.to_vec();
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}
