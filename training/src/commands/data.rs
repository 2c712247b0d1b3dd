//! From Zenodo to features: `download` and `extract`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use training::{
    extract::{self, Reason},
    progress,
    ravdess::{download::Archive, unpack},
};

#[derive(Args, Clone)]
pub struct CorpusArgs {
    /// Folder that holds the clips, in any subfolders, as WAV or FLAC [default: DATA/ravdess]
    #[arg(long, value_name = "DIR")]
    pub ravdess: Option<PathBuf>,
}

impl CorpusArgs {
    /// The folder, which must exist.
    pub fn folder(&self, data: &Path) -> Result<PathBuf> {
        let folder = self.ravdess.clone().unwrap_or_else(|| clips_folder(data));
        ensure!(
            folder.is_dir(),
            "there is no folder {}; run the download command, or name the folder of the clips with \
             --ravdess",
            folder.display()
        );
        Ok(folder)
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
    let corpus = args.corpus.folder(data)?;
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
