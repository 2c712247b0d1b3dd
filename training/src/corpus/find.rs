//! Finds the clips of a published corpus in a folder by their names.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{
    Corpus, Reason, Skipped,
    clip_list::{Found, LeftOut, Said, listed},
    published::{Name, Published},
};

/// Extensions of the formats that can be decoded.
const EXTENSIONS: [&str; 15] = [
    "wav", "flac", "mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "webm", "mka", "aif", "aiff",
    "caf", "wave",
];

/// The clips of a corpus under `folder`, by path, without those whose label is to be left out, and
/// the audio files that are not clips.
///
/// # Errors
/// When the folder cannot be read or contains no clip of the corpus.
pub(super) fn find(corpus: Published, folder: &Path, leave_out: &[String]) -> Result<Found> {
    let mut files = AudioFiles::default();
    files.find(folder)?;
    let AudioFiles {
        mut paths,
        mut closed,
        ..
    } = files;
    paths.sort();
    closed.sort();
    let about = corpus.about();
    let mut clips = Vec::new();
    let mut skipped: Vec<Skipped> = (closed.into_iter())
        .map(|detail| Skipped::new(Reason::Closed, detail))
        .collect();
    let mut left_out = LeftOut::new(leave_out);
    let mut first_named = HashMap::new();
    for path in &paths {
        let relative = path.strip_prefix(folder).unwrap_or(path);
        let relative = relative.to_string_lossy().replace('\\', "/");
        let told = match corpus.read(path) {
            Name::Clip(told) => told,
            Name::OtherPart => {
                skipped.push(Skipped::new(Reason::Kind, relative));
                continue;
            }
            Name::Foreign => {
                skipped.push(Skipped::new(Reason::Name, relative));
                continue;
            }
        };
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let stem = stem.unwrap_or_default().to_owned();
        if let Some(first) = first_named.get(&stem) {
            let detail = format!("{relative}, as {first}");
            skipped.push(Skipped::new(Reason::Doubled, detail));
            continue;
        }
        first_named.insert(stem, relative.clone());
        if left_out.takes(told.label) {
            continue;
        }
        clips.push(Said {
            path: relative,
            corpus: 0,
            label: told.label.to_owned(),
            speaker: told.speaker,
            sex: Some(told.sex),
            language: Some(about.language.to_owned()),
            ravdess: told.ravdess,
        });
    }
    ensure!(
        !first_named.is_empty(),
        "{} holds {} audio files but no clip of {}; its clips are named like {}, in any subfolders, as WAV, \
         FLAC, MP3, M4A, Ogg or Opus",
        folder.display(),
        paths.len(),
        about.title,
        about.example
    );
    let mut remarks = Vec::new();
    if let Some(missing) = corpus.missing(first_named.keys().map(String::as_str)) {
        remarks.push(format!(
            "{} of the {} published clips of {} are missing from {}: {}",
            missing.missing,
            missing.published,
            about.title,
            folder.display(),
            listed(missing.named.into_iter())
        ));
    }
    Ok(Found {
        corpora: vec![Corpus::published(corpus, folder.to_owned())],
        clips,
        skipped,
        remarks,
        left_out,
        names_corpora: true,
    })
}

/// The audio files under a folder.
#[derive(Default)]
struct AudioFiles {
    paths: Vec<PathBuf>,
    /// Folders that cannot be looked into, and why.
    closed: Vec<String>,
    /// Keeps links from leading in circles.
    seen: HashSet<PathBuf>,
}

impl AudioFiles {
    /// Collects those of a folder; folders in it that cannot be read are noted.
    fn find(&mut self, folder: &Path) -> Result<()> {
        let read = || format!("cannot read the folder {}", folder.display());
        if !self.seen.insert(folder.canonicalize().with_context(read)?) {
            return Ok(());
        }
        for entry in fs::read_dir(folder).with_context(read)? {
            let path = entry.with_context(read)?.path();
            if path.is_dir() {
                if let Err(error) = self.find(&path) {
                    self.closed.push(format!("{error:#}"));
                }
            } else if path.extension().is_some_and(|extension| {
                EXTENSIONS
                    .iter()
                    .any(|known| extension.eq_ignore_ascii_case(known))
            }) {
                self.paths.push(path);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
        folder
    }

    #[test]
    fn clips_are_found_in_any_folder_and_format_and_files_of_one_name_once() {
        let folder = folder(&[
            "a/03a01Fa.WAV",
            "b/c/16b10Wb.mp3",
            "b/03a01Fa.flac",
            "b/08a01La.ogg",
            "notes.wav",
            "08a01Na.txt",
        ]);
        let found = find(Published::Emodb, folder.path(), &["boredom".to_owned()]).unwrap();
        let paths: Vec<&str> = found.clips.iter().map(|clip| clip.path.as_str()).collect();
        assert_eq!(paths, ["a/03a01Fa.WAV", "b/c/16b10Wb.mp3"]);
        let skipped: Vec<_> = (found.skipped.iter())
            .map(|file| (file.reason, file.detail.as_str()))
            .collect();
        assert_eq!(
            skipped,
            [
                (Reason::Doubled, "b/03a01Fa.flac, as a/03a01Fa.WAV"),
                (Reason::Name, "notes.wav")
            ]
        );
        assert!(
            found.remarks[0].starts_with("532 of the 535 published clips of EMO-DB are missing"),
            "{:?}",
            found.remarks
        );
        assert!(found.remarks[0].ends_with("48 of 49 by 03, 57 of 58 by 08, 43 of 43 by 09, 38 of 38 by 10, 55 of 55 by 11 and 5 more"), "{:?}", found.remarks);
    }

    #[test]
    fn a_folder_of_something_else_is_refused_with_an_example_of_a_name() {
        let folder = folder(&["song.mp3"]);
        let error = find(Published::Nemo, folder.path(), &[]).err().unwrap();
        let error = error.to_string();
        assert!(
            error.contains("holds 1 audio files but no clip of nEMO")
                && error.contains("KD0_anger_12.wav"),
            "{error}"
        );
    }
}
