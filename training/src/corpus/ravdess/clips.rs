//! Finds RAVDESS's clips in a folder by their names.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{Emotion, FileName};
use crate::corpus::{Corpus, Listed, Reason, Skipped, Speaker, clip_list::ClipList};

/// The audio-only speech clips under `folder`, by path, and the audio files that are none.
///
/// # Errors
/// When the folder cannot be read or holds no clip with a RAVDESS name.
pub fn list(folder: &Path) -> Result<ClipList> {
    let mut paths = Vec::new();
    find_audio(folder, &mut HashSet::new(), &mut paths)?;
    paths.sort();
    let paths_found = paths.len();

    let mut clips = Vec::new();
    let mut skipped = Vec::new();
    for path in paths {
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        let relative = relative.to_string_lossy().replace('\\', "/");
        match FileName::of(&path) {
            Some(name) if name.is_audio_only_speech() => clips.push(Listed {
                sex: Some(name.sex()),
                language: Some("en".to_owned()),
                ravdess: Some(name),
                ..Listed::new(
                    relative,
                    name.emotion.class(),
                    Speaker::new(name.actor.to_string()),
                )
            }),
            Some(_) => skipped.push(Skipped::new(Reason::Kind, relative)),
            None => skipped.push(Skipped::new(Reason::Name, relative)),
        }
    }
    ensure!(
        !clips.is_empty(),
        "{} holds no speech clips of RAVDESS among {} audio files; clips are WAV or FLAC files \
         named like 03-01-05-01-01-01-12.wav, in any folder",
        folder.display(),
        paths_found
    );
    Ok(ClipList {
        labels: Emotion::labels(),
        corpora: vec![Corpus::ravdess(folder.to_owned())],
        clips,
        skipped,
        remarks: Vec::new(),
    })
}

/// Collects the WAV and FLAC files under a folder; `seen` keeps links from leading in circles.
fn find_audio(folder: &Path, seen: &mut HashSet<PathBuf>, paths: &mut Vec<PathBuf>) -> Result<()> {
    let read = || format!("cannot read the folder {}", folder.display());
    if !seen.insert(folder.canonicalize().with_context(read)?) {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(read)? {
        let path = entry.with_context(read)?.path();
        if path.is_dir() {
            find_audio(&path, seen, paths)?;
        } else if path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("wav") || extension.eq_ignore_ascii_case("flac")
        }) {
            paths.push(path);
        }
    }
    Ok(())
}
