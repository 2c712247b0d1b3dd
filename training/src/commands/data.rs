//! From published archives and your own recordings to features: `download` and `extract`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use training::{
    corpus::{
        Published, Reason,
        clip_list::{ClipList, Source},
        download::{Archive, Proof},
        unpack::Unpacking,
    },
    dataset::{Dataset, Saved, Stages, extract},
};

use super::{output, progress};

#[derive(Args, Clone)]
pub struct CorpusArgs {
    /// A corpus known by name (ravdess, ravdess-song, nemo or emodb) and the folder that holds its clips, in
    /// any subfolders, as WAV, FLAC, MP3, M4A, AAC, Ogg, Opus, WebM, AIFF or CAF; repeat it for several
    /// corpora [default: ravdess; folder DATA/NAME]
    #[arg(long, value_name = "NAME[=DIR]", value_parser = Chosen::parse)]
    pub corpus: Vec<Chosen>,
    /// The same as --corpus ravdess=DIR
    #[arg(long, value_name = "DIR")]
    pub ravdess: Option<PathBuf>,
    /// Your own clips: a CSV with the columns path, speaker and label, and optionally corpus, sex and
    /// language; paths are relative to the CSV. Repeat it for several files
    #[arg(long, value_name = "CSV")]
    pub manifest: Vec<PathBuf>,
    /// The labels that clips of --manifest may have, separated by commas, in the order in which to show
    /// them [default: those of the CSV in order of appearance; with a known corpus, the eight emotions]
    #[arg(
        long,
        value_name = "LABELS",
        requires = "manifest",
        value_delimiter = ','
    )]
    pub labels: Option<Vec<String>>,
    /// What to call the clips of --manifest in the report and on the page; one for each --manifest, in the
    /// same order [default: the CSV's name]
    #[arg(long, value_name = "TEXT", requires = "manifest")]
    pub name: Vec<String>,
    /// Leave out clips with these labels, separated by commas
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    pub leave_out: Vec<String>,
    /// Test on this corpus but never train on it, because its licence allows no more or because it is set
    /// aside. A known corpus or a --name; repeat it for several corpora
    #[arg(long, value_name = "NAME")]
    pub hold_out: Vec<String>,
}

/// A corpus and, if given, its folder.
#[derive(Clone, Debug)]
pub struct Chosen {
    corpus: Published,
    folder: Option<PathBuf>,
}

impl Chosen {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, folder) = match text.split_once('=') {
            Some((_, "")) => return Err("name a folder after the =, or leave it out".to_owned()),
            Some((name, folder)) => (name, Some(PathBuf::from(folder))),
            None => (text, None),
        };
        let corpus = known(name)?;
        Ok(Self { corpus, folder })
    }
}

/// The corpus of this name.
fn known(name: &str) -> Result<Published, String> {
    Published::named(name).ok_or_else(|| {
        let names = Published::ALL.map(Published::name).join(", ");
        format!(
            "there is no corpus {name:?}; the known ones are {names}; list others with --manifest"
        )
    })
}

impl CorpusArgs {
    /// The corpora known by name, in the order given; RAVDESS when nothing is given.
    fn chosen(&self) -> Vec<Chosen> {
        let ravdess = |folder| Chosen {
            corpus: Published::Ravdess,
            folder,
        };
        if self.corpus.is_empty() && self.ravdess.is_none() && self.manifest.is_empty() {
            return vec![ravdess(None)];
        }
        let folder = self.ravdess.clone().map(Some);
        folder
            .map(ravdess)
            .into_iter()
            .chain(self.corpus.iter().cloned())
            .collect()
    }

    /// The corpora that are expected to be where `download` puts them.
    pub fn downloaded(&self) -> impl Iterator<Item = Published> {
        let chosen = self.chosen().into_iter();
        chosen.filter_map(|chosen| chosen.folder.is_none().then_some(chosen.corpus))
    }

    /// The available clips, with remarks on them.
    fn list(&self, data: &Path) -> Result<ClipList> {
        let mut sources = Vec::new();
        for Chosen { corpus, folder } in self.chosen() {
            let folder = folder.unwrap_or_else(|| clips_folder(data, corpus));
            ensure!(
                folder.is_dir(),
                "there is no folder {}; run the download command{}, or give the folder of the clips with \
                 --corpus {corpus}=DIR, or your own clips with --manifest",
                folder.display(),
                match corpus {
                    Published::Ravdess => String::new(),
                    other => format!(" with --corpus {other}"),
                }
            );
            sources.push(Source::Published(corpus, folder));
        }
        let (lists, names) = (self.manifest.len(), self.name.len());
        ensure!(
            names <= lists,
            "--name was given {names} times for {lists} --manifest; give one for each, in the same order"
        );
        for (index, csv) in self.manifest.iter().enumerate() {
            let name = self.name.get(index).cloned();
            sources.push(Source::Manifest(csv.clone(), name));
        }
        let mut list = ClipList::of(&sources, self.labels.as_deref(), &self.leave_out)?;
        for name in &self.hold_out {
            let names: Vec<String> = list
                .corpora
                .iter()
                .map(|corpus| corpus.name.clone())
                .collect();
            let mut corpora = list.corpora.iter_mut();
            let named = corpora.find(|corpus| [&corpus.name, &corpus.data_set].contains(&name));
            let corpus = named.with_context(|| {
                format!(
                    "there is no corpus {name:?} to hold out among those given: {}",
                    names.join(", ")
                )
            })?;
            corpus.trains = false;
        }
        ensure!(
            list.corpora.iter().any(|corpus| corpus.trains),
            "every corpus is held out and none is left to train on; remove one --hold-out"
        );
        Ok(list)
    }
}

#[derive(Args)]
pub struct ExtractArgs {
    #[command(flatten)]
    pub corpus: CorpusArgs,
    /// Leave out clips that are damaged, silent or empty instead of stopping
    #[arg(long)]
    pub skip_bad: bool,
}

#[derive(Args)]
pub struct FeaturesArgs {
    /// The recording: WAV, FLAC, MP3, M4A, AAC, Ogg, Opus, WebM, AIFF or CAF
    pub file: PathBuf,
    /// File to write, such as clip.safetensors
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct DownloadArgs {
    /// The corpus: ravdess, ravdess-song, nemo or emodb
    #[arg(long, value_name = "NAME", default_value = "ravdess", value_parser = known)]
    pub corpus: Published,
}

fn clips_folder(data: &Path, corpus: Published) -> PathBuf {
    data.join(corpus.name())
}

/// Fetches and unpacks the clips of a published corpus.
pub fn download(data: &Path, args: &DownloadArgs, stop: &AtomicBool) -> Result<()> {
    let corpus = args.corpus;
    let about = corpus.about();
    let archive = Archive::of(corpus)?;
    output::remark(format_args!(
        "{}: {archive}\n  licence {}",
        about.title, about.licence
    ));
    fs::create_dir_all(data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    let bar = progress::bytes("downloading");
    let path = archive.fetch(data, &bar, stop)?;
    bar.finish_and_clear();
    let unpacking = Unpacking::open(corpus, &path)?;
    let (clips, published) = (unpacking.clips(), corpus.clips());
    ensure!(
        matches!(archive.proof, Proof::Md5 { .. }) || clips == published,
        "{} holds {clips} clips instead of the {published} published ones; delete it and download it again",
        path.display()
    );
    let bar = progress::items("unpacking");
    let folder = clips_folder(data, corpus);
    unpacking.into_folder(&folder, &bar, stop)?;
    bar.finish_and_clear();
    output::say(format_args!("{clips} clips in {}", folder.display()))?;
    Ok(())
}

/// Makes sure that the clips of a published corpus are where [`download`] puts them.
pub fn obtain(data: &Path, corpus: Published, stop: &AtomicBool) -> Result<()> {
    if Archive::of(corpus).is_err() && clips_folder(data, corpus).is_dir() {
        // Put there by other means.
        return Ok(());
    }
    download(data, &DownloadArgs { corpus }, stop)
}

/// Saves the features of the clips.
pub fn extract(data: &Path, args: &ExtractArgs, stop: &AtomicBool) -> Result<()> {
    let list = args.corpus.list(data)?;
    for remark in &list.remarks {
        output::remark(format_args!("note: {remark}"));
    }
    Dataset::refuse_to_replace(data, &list.corpora)?;
    let bar = progress::items("extracting features");
    let extraction = extract::extract(&list, data, &bar, stop)?;
    bar.finish_and_clear();
    let report = extraction.report();
    if !report.is_empty() {
        output::say(report.trim_end())?;
    }
    let bad = extraction.skipped_for(Reason::Bad).count();
    ensure!(
        args.skip_bad || bad == 0,
        "{bad} clips cannot be used (see above) and nothing was saved; replace them, or leave \
         them out with --skip-bad"
    );
    let draft = extraction.draft;
    ensure!(
        !draft.clips().is_empty(),
        "no clip of {} can be used",
        list.title()
    );
    let Saved {
        dataset,
        folder,
        bytes,
    } = draft.finish(list.labels, list.corpora)?;
    for alone in dataset.alone.iter().filter(|alone| alone.betrays()) {
        output::remark(format_args!("note: {alone}"));
    }
    if let [_, _, ..] = dataset.corpora[..] {
        for (index, corpus) in dataset.corpora.iter().enumerate() {
            output::say(format_args!(
                "  {}: {} clips by {} speakers",
                corpus.name,
                dataset.clips_of(index).count(),
                dataset.speakers_of(index).len()
            ))?;
        }
    }
    output::say(format_args!(
        "features of {} clips by {} speakers in {} ({:.0} MB)",
        dataset.clips.len(),
        dataset.voices().len(),
        folder.display(),
        bytes as f64 / 1e6
    ))?;
    Ok(())
}

/// Writes the stages of one recording.
pub fn features(args: &FeaturesArgs) -> Result<()> {
    let stages = Stages::of(&args.file)?;
    let name = args.file.display();
    if stages.nonfinite_samples > 0 {
        eprintln!(
            "warning: {} samples of {name} are not numbers and were taken as 0",
            stages.nonfinite_samples
        );
    }
    if stages.segment.is_none() {
        eprintln!(
            "note: {name} holds nothing but what counts as silence: the network is given nothing of it"
        );
    }
    print!("{}", stages.write(&args.out)?);
    Ok(())
}
