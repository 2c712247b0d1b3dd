//! From Zenodo to features: `download` and `extract`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use training::{
    corpus::{
        Reason,
        clip_list::{self, ClipList},
        download::Archive,
        ravdess, unpack,
    },
    dataset::{Dataset, Saved, extract},
};

use super::progress;

#[derive(Args, Clone)]
pub struct CorpusArgs {
    /// Folder that holds RAVDESS's clips, in any subfolders, as WAV or FLAC [default: DATA/ravdess]
    #[arg(long, value_name = "DIR", conflicts_with = "manifest")]
    pub ravdess: Option<PathBuf>,
    /// Clips of your own instead: a CSV with the columns path, speaker and label, paths relative to it
    #[arg(long, value_name = "CSV")]
    pub manifest: Option<PathBuf>,
    /// The labels that clips of --manifest may have, with commas between them, in the order in which they
    /// are to be shown [default: those of the CSV as they come]
    #[arg(
        long,
        value_name = "LABELS",
        requires = "manifest",
        value_delimiter = ','
    )]
    pub labels: Option<Vec<String>>,
    /// What the clips of --manifest are called in the report and on the page [default: the CSV's name]
    #[arg(long, value_name = "TEXT", requires = "manifest")]
    pub name: Option<String>,
}

impl CorpusArgs {
    /// The clips there are, and remarks on them.
    fn list(&self, data: &Path) -> Result<ClipList> {
        if let Some(csv) = &self.manifest {
            return clip_list::read(csv, self.labels.as_deref(), self.name.as_deref());
        }
        let folder = self.ravdess.clone().unwrap_or_else(|| clips_folder(data));
        ensure!(
            folder.is_dir(),
            "there is no folder {}; run the download command, or name the folder of the clips with \
             --ravdess, or clips of your own with --manifest",
            folder.display()
        );
        ravdess::clips::list(&folder)
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

fn clips_folder(data: &Path) -> PathBuf {
    data.join("ravdess")
}

/// Fetches and unpacks RAVDESS's speech clips.
pub fn download(data: &Path, stop: &AtomicBool) -> Result<()> {
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

/// Saves the features of the clips.
pub fn extract(data: &Path, args: &ExtractArgs, stop: &AtomicBool) -> Result<()> {
    let list = args.corpus.list(data)?;
    for remark in &list.remarks {
        eprintln!("note: {remark}");
    }
    Dataset::refuse_to_replace(data, &list.corpora)?;
    let bar = progress::items("extracting features");
    let extraction = extract::extract(&list, data, &bar, stop)?;
    bar.finish_and_clear();
    print!("{}", extraction.report());
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
    println!(
        "features of {} clips by {} speakers in {} ({:.0} MB)",
        dataset.clips.len(),
        dataset.voices().len(),
        folder.display(),
        bytes as f64 / 1e6
    );
    Ok(())
}
