//! Unpacks RAVDESS's archive: only its audio-only speech clips, only into the folder given.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use zip::ZipArchive;

use super::ravdess::FileName;
use crate::interrupt;

/// No clip of RAVDESS is larger than 1.1 MB.
const MAX_CLIP_BYTES: u64 = 16 << 20;
const MAX_ENTRIES: usize = 10_000;

/// Unpacks every clip of the archive at `path` as `folder/Actor_NN/<file name>` and returns how
/// many clips the archive holds.
///
/// Clips already there with the right size are kept; each new one appears only once it is whole.
/// `progress` counts entries of the archive.
///
/// # Errors
/// When the archive is damaged, holds no RAVDESS speech, or holds an entry that leaves the folder,
/// is a link or is far larger than a clip; when the disk is full; when `stop` is set.
pub fn unpack(
    path: &Path,
    folder: &Path,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<usize> {
    let damaged = || {
        format!(
            "{} is not a whole zip archive; delete it and download it again",
            path.display()
        )
    };
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut archive = ZipArchive::new(file).with_context(damaged)?;
    ensure!(
        archive.len() <= MAX_ENTRIES,
        "{} holds {} entries; RAVDESS's has fewer than {MAX_ENTRIES}",
        path.display(),
        archive.len()
    );

    // The whole archive is judged before anything is written.
    let mut clips = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).with_context(damaged)?;
        let name = entry.name().with_context(damaged)?;
        let refused = format!(
            "{} is not RAVDESS's archive: its entry {name:?}",
            path.display()
        );
        ensure!(!entry.is_symlink(), "{refused} is a link");
        let Some(inside) = entry.enclosed_name() else {
            anyhow::bail!("{refused} leads out of the folder");
        };
        let is_wav = inside
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("wav"));
        let clip = FileName::of(&inside).filter(|clip| clip.is_audio_only_speech() && is_wav);
        if let Some(clip) = clip.filter(|_| entry.is_file()) {
            ensure!(
                entry.size() <= MAX_CLIP_BYTES,
                "{refused} claims to have {} bytes",
                entry.size()
            );
            clips.push((index, clip));
        }
    }
    ensure!(
        !clips.is_empty(),
        "{} holds no RAVDESS speech clips, such as 03-01-05-01-01-01-12.wav",
        path.display()
    );

    progress.set_length(clips.len() as u64);
    for &(index, clip) in &clips {
        interrupt::check(stop)?;
        let entry = archive.by_index(index).with_context(damaged)?;
        write_clip(entry.size(), entry, clip, folder)
            .with_context(|| format!("cannot unpack {clip} from {}", path.display()))?;
        progress.inc(1);
    }
    Ok(clips.len())
}

fn write_clip(size: u64, mut entry: impl Read, clip: FileName, folder: &Path) -> Result<()> {
    let folder = folder.join(format!("Actor_{:02}", clip.actor));
    let target = folder.join(format!("{clip}.wav"));
    if fs::metadata(&target).is_ok_and(|metadata| metadata.len() == size) {
        return Ok(());
    }
    // Read before anything is created, so that a damaged entry leaves nothing behind.
    let mut bytes = Vec::new();
    entry
        .by_ref()
        .take(MAX_CLIP_BYTES)
        .read_to_end(&mut bytes)
        .and_then(|n| match n as u64 == size {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        })
        .context("the archive is damaged there; delete it and download it again")?;
    let part = target.with_extension("part");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&part, bytes))
        .and_then(|()| fs::rename(&part, &target))
        .with_context(|| {
            // What is left of the failed write only takes room.
            let _ = fs::remove_file(&part);
            format!(
                "cannot write {}; make room and run the same command again",
                target.display()
            )
        })
}

#[cfg(test)]
mod tests {
    use std::{io::Write, path::PathBuf};

    use tempfile::TempDir;
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn archive(folder: &TempDir, entries: &[(&str, &[u8])]) -> PathBuf {
        let path = folder.path().join("archive.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        for (name, content) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    fn unpack_into(folder: &TempDir, path: &Path) -> Result<usize> {
        unpack(
            path,
            &folder.path().join("out"),
            &ProgressBar::hidden(),
            &AtomicBool::new(false),
        )
    }

    const CLIP: &str = "03-01-05-01-01-01-12.wav";

    #[test]
    fn clips_land_in_the_folder_of_their_actor_and_nothing_else_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(
            &folder,
            &[
                ("Actor_12/03-01-05-01-01-01-12.wav", b"angry"),
                ("03-01-03-01-01-01-02.wav", b"happy"),
                ("Actor_12/03-02-05-01-01-01-12.wav", b"sung"),
                ("README.txt", b"hello"),
            ],
        );
        assert_eq!(unpack_into(&folder, &path).unwrap(), 2);
        let out = folder.path().join("out");
        assert_eq!(fs::read(out.join("Actor_12").join(CLIP)).unwrap(), b"angry");
        let happy = out.join("Actor_02/03-01-03-01-01-01-02.wav");
        assert_eq!(fs::read(happy).unwrap(), b"happy");
        assert_eq!(fs::read_dir(out.join("Actor_12")).unwrap().count(), 1);
        assert_eq!(unpack_into(&folder, &path).unwrap(), 2);
    }

    #[test]
    fn an_entry_that_leads_out_of_the_folder_stops_everything() {
        for name in [
            "../../03-01-05-01-01-01-12.wav",
            "Actor_12/../../03-01-05-01-01-01-12.wav",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = archive(&folder, &[(CLIP, b"angry"), (name, b"evil")]);
            let error = unpack_into(&folder, &path).unwrap_err().to_string();
            assert!(error.contains("leads out of the folder"), "{error}");
            assert!(!folder.path().join("out").exists());
        }
    }

    #[test]
    fn a_link_stops_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        zip.add_symlink(CLIP, "/etc/passwd", SimpleFileOptions::default())
            .unwrap();
        zip.finish().unwrap();
        let error = unpack_into(&folder, &path).unwrap_err().to_string();
        assert!(error.contains("is a link"), "{error}");
        assert!(!folder.path().join("out").exists());
    }

    #[test]
    fn an_entry_far_larger_than_a_clip_stops_everything() {
        let folder = tempfile::tempdir().unwrap();
        let large = vec![0; 17 << 20];
        let path = archive(&folder, &[(CLIP, &large)]);
        let error = unpack_into(&folder, &path).unwrap_err().to_string();
        assert!(error.contains("claims to have 17825792 bytes"), "{error}");
    }

    #[test]
    fn a_truncated_archive_is_named_with_the_next_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(&folder, &[(CLIP, b"angry")]);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = format!("{:#}", unpack_into(&folder, &path).unwrap_err());
        assert!(error.contains("archive.zip is not a whole zip"), "{error}");
        assert!(error.contains("download it again"), "{error}");
    }

    #[test]
    fn a_damaged_clip_is_named_and_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(CLIP, stored).unwrap();
        zip.write_all(b"angry angry angry").unwrap();
        zip.finish().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(5).position(|w| w == b"angry").unwrap();
        bytes[at] = b'h';
        fs::write(&path, bytes).unwrap();
        let error = format!("{:#}", unpack_into(&folder, &path).unwrap_err());
        assert!(
            error.contains("cannot unpack 03-01-05-01-01-01-12"),
            "{error}"
        );
        assert!(!folder.path().join("out").exists());
    }

    #[test]
    fn an_archive_of_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(&folder, &[("song.mp3", b"la la la")]);
        let error = unpack_into(&folder, &path).unwrap_err().to_string();
        assert!(error.contains("holds no RAVDESS speech clips"), "{error}");
    }
}
