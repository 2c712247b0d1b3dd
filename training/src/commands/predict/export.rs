//! Where `--format` and `--out` write what was found.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use speech_emotion::{
    export::Format,
    record::{Record, Source},
};
use training::whole_file::Draft;

/// Files to be written: there and writable from the beginning, complete or gone in the end.
pub struct Export {
    format: Format,
    target: Target,
}

enum Target {
    /// All recordings in one file.
    One(Draft),
    /// A file for each recording, in their order.
    Each(Vec<Draft>),
}

impl Export {
    /// Of these recordings to `out`: a file, or a folder that gets a file for each of them.
    ///
    /// # Errors
    /// When the format takes one recording and there are several, files would have the same name or take
    /// the place of a recording, or nothing can be written there.
    pub fn begin(format: Format, out: &Path, recordings: &[PathBuf]) -> Result<Self> {
        let named_as_folder = out.as_os_str().to_string_lossy().ends_with(['/', '\\']);
        ensure!(
            out.is_dir() || !named_as_folder,
            "there is no folder {}",
            out.display()
        );
        let target = if out.is_dir() {
            let mut names = HashSet::new();
            let beside = |recording: &PathBuf| {
                let stem = recording.file_stem().unwrap_or(recording.as_os_str());
                let mut name = OsString::from(stem);
                name.push(format!(".{}", format.extension()));
                ensure!(
                    names.insert(name.clone()),
                    "{} of two recordings would be {}; export them into different folders",
                    format,
                    out.join(&name).display()
                );
                draft(out.join(name), recordings)
            };
            Target::Each(recordings.iter().map(beside).collect::<Result<_>>()?)
        } else {
            ensure!(
                recordings.len() == 1 || format.holds_several(),
                "a file in the format {format} holds one recording, not {}; name a folder with \
                 --out, which gets a file for each",
                recordings.len()
            );
            Target::One(draft(out.to_owned(), recordings)?)
        };
        Ok(Self { format, target })
    }

    /// Writes what was found, with the place of each source among the recordings, and gives the files.
    /// `record` is without its sources.
    ///
    /// # Errors
    /// When a file cannot be written; what was there before stays.
    pub fn finish(self, mut record: Record, found: Vec<(usize, Source)>) -> Result<Vec<PathBuf>> {
        let format = self.format;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        match self.target {
            Target::One(draft) => {
                record.sources = found.into_iter().map(|(_, source)| source).collect();
                Ok(vec![finish(draft, &format.write(&record)?)?])
            }
            Target::Each(drafts) => {
                let mut written = Vec::new();
                let mut found = found.into_iter().peekable();
                for (index, draft) in drafts.into_iter().enumerate() {
                    if let Some((_, source)) = found.next_if(|(place, _)| *place == index) {
                        record.sources = vec![source];
                        written.push(finish(draft, &format.write(&record)?)?);
                    }
                }
                Ok(written)
            }
        }
    }
}

/// A file at `path`, unless a recording is there.
fn draft(path: PathBuf, recordings: &[PathBuf]) -> Result<Draft> {
    let place = fs::canonicalize(&path).ok();
    for recording in recordings {
        if place.is_some() && place == fs::canonicalize(recording).ok() {
            bail!(
                "--out {} would take the place of a recording",
                path.display()
            );
        }
    }
    let name = path.display().to_string();
    Draft::begin(path).with_context(|| format!("cannot write {name}"))
}

fn finish(draft: Draft, text: &str) -> Result<PathBuf> {
    let write = || "cannot write what --out names; make room there, or name another place";
    draft.finish(text.as_bytes()).with_context(write)
}
