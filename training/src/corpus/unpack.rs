//! Unpacks the archive of a published corpus: only its clips, only into the folder given.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use zip::ZipArchive;

use super::published::{Name, Published};
use crate::interrupt;
use crate::whole_file;

/// No clip of a known corpus is larger than 1.1 MB.
const MAX_CLIP_BYTES: u64 = 16 << 20;
const MAX_ENTRIES: usize = 10_000;

/// An archive whose entries were all checked before anything is written.
#[derive(Debug)]
pub struct Unpacking {
    path: PathBuf,
    archive: ZipArchive<File>,
    clips: Vec<Clip>,
}

/// A clip in the archive.
#[derive(Debug)]
struct Clip {
    index: usize,
    size: u64,
    /// Where it goes, relative to the folder.
    place: PathBuf,
}

impl Unpacking {
    /// Opens the archive of a corpus at `path`.
    ///
    /// # Errors
    /// When it is damaged, contains no clip of the corpus, or contains an entry that leaves the
    /// folder, is a link or is far larger than a clip.
    pub fn open(corpus: Published, path: &Path) -> Result<Self> {
        let damaged = || damaged(path);
        let title = corpus.about().title;
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut archive = ZipArchive::new(file).with_context(damaged)?;
        ensure!(
            archive.len() <= MAX_ENTRIES,
            "{} holds {} entries; that of {title} has fewer than {MAX_ENTRIES}",
            path.display(),
            archive.len()
        );
        let mut clips = Vec::new();
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).with_context(damaged)?;
            let name = entry.name().with_context(damaged)?;
            let refused = format!(
                "{} is not the archive of {title}: its entry {name:?}",
                path.display()
            );
            ensure!(!entry.is_symlink(), "{refused} is a link");
            let Some(inside) = entry.enclosed_name() else {
                anyhow::bail!("{refused} leads out of the folder");
            };
            let is_wav = inside
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("wav"));
            let (Name::Clip(told), true, true) = (corpus.read(&inside), is_wav, entry.is_file())
            else {
                continue;
            };
            ensure!(
                entry.size() <= MAX_CLIP_BYTES,
                "{refused} claims to have {} bytes",
                entry.size()
            );
            let folder = match told.ravdess {
                Some(name) => format!("Actor_{:02}", name.actor),
                None => told.speaker,
            };
            let stem = inside.file_stem().unwrap_or_default();
            clips.push(Clip {
                index,
                size: entry.size(),
                place: Path::new(&folder).join(stem).with_extension("wav"),
            });
        }
        ensure!(
            !clips.is_empty(),
            "{} holds no clips of {title}, such as {}",
            path.display(),
            corpus.about().example
        );
        Ok(Self {
            path: path.to_owned(),
            archive,
            clips,
        })
    }

    /// Number of clips in the archive.
    pub fn clips(&self) -> usize {
        self.clips.len()
    }

    /// Unpacks every clip as `folder/<speaker>/<file name>`.
    ///
    /// Clips already there with the right size are kept. Until all are there, new ones are kept in
    /// `<folder>.part`, where the next call finds them. `progress` counts clips.
    ///
    /// # Errors
    /// When a clip is damaged, when the disk is full, and when `stop` is set.
    pub fn into_folder(
        mut self,
        folder: &Path,
        progress: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<()> {
        let part = PathBuf::from(format!("{}.part", folder.display()));
        let is_whole = |path: &Path, size: u64| fs::metadata(path).is_ok_and(|m| m.len() == size);
        progress.set_length(self.clips.len() as u64);
        let mut new = Vec::new();
        for Clip { index, size, place } in &self.clips {
            interrupt::check(stop)?;
            if !is_whole(&folder.join(place), *size) {
                new.push(place);
                let target = part.join(place);
                if !is_whole(&target, *size) {
                    let entry = self.archive.by_index(*index);
                    let entry = entry.with_context(|| damaged(&self.path))?;
                    write_clip(*size, entry, &target).with_context(|| {
                        let name = place.file_stem().unwrap_or_default().display();
                        format!("cannot unpack {name} from {}", self.path.display())
                    })?;
                }
            }
            progress.inc(1);
        }
        if new.is_empty() {
            return Ok(());
        }
        let complete = || -> io::Result<()> {
            if !folder.exists() {
                return fs::rename(&part, folder);
            }
            for place in &new {
                let target = folder.join(place);
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::rename(part.join(place), target)?;
            }
            fs::remove_dir_all(&part)
        };
        complete().with_context(|| not_written(folder))
    }
}

fn damaged(path: &Path) -> String {
    format!(
        "{} is not a whole zip archive; delete it and download it again",
        path.display()
    )
}

fn not_written(path: &Path) -> String {
    format!(
        "cannot write {}; make room and run the same command again",
        path.display()
    )
}

/// Writes a clip of `size` bytes, which appears only once it is complete.
fn write_clip(size: u64, mut entry: impl Read, target: &Path) -> Result<()> {
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
    fs::create_dir_all(target.parent().unwrap_or(Path::new("")))
        .and_then(|()| whole_file::replace(target, &bytes))
        .with_context(|| not_written(target))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
        unpack(Published::Ravdess, folder, path, false)
    }

    fn unpack(corpus: Published, folder: &TempDir, path: &Path, stop: bool) -> Result<usize> {
        let archive = Unpacking::open(corpus, path)?;
        let clips = archive.clips();
        let (out, stop) = (folder.path().join("out"), AtomicBool::new(stop));
        archive.into_folder(&out, &ProgressBar::hidden(), &stop)?;
        Ok(clips)
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
        // Missing clips are added again; existing ones are kept.
        fs::remove_file(out.join("Actor_12").join(CLIP)).unwrap();
        assert_eq!(unpack_into(&folder, &path).unwrap(), 2);
        assert_eq!(fs::read(out.join("Actor_12").join(CLIP)).unwrap(), b"angry");
        assert!(!folder.path().join("out.part").exists());
    }

    #[test]
    fn each_corpus_finds_its_own_clips_wherever_they_lie_in_the_archive() {
        for (corpus, entry, place) in [
            (
                Published::RavdessSong,
                "Actor_12/03-02-05-01-01-01-12.wav",
                "Actor_12/03-02-05-01-01-01-12.wav",
            ),
            (
                Published::Nemo,
                "nEMO-06f1f83/samples/KD0_anger_12.wav",
                "KD0/KD0_anger_12.wav",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = archive(&folder, &[(entry, b"angry"), ("data.tsv", b"")]);
            assert_eq!(unpack(corpus, &folder, &path, false).unwrap(), 1);
            let clip = folder.path().join("out").join(place);
            assert_eq!(fs::read(clip).unwrap(), b"angry");
        }
    }

    #[test]
    fn the_folder_is_not_there_before_all_clips_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.zip");
        let second = "03-01-05-01-01-02-12.wav";
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, content) in [(CLIP, b"angry"), (second, b"wroth")] {
            zip.start_file(name, stored).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let at = bytes.windows(5).position(|w| w == b"wroth").unwrap();
        bytes[at] = b'x';
        fs::write(&path, bytes).unwrap();
        unpack_into(&folder, &path).unwrap_err();
        let part = folder.path().join("out.part/Actor_12").join(CLIP);
        assert!(part.exists() && !folder.path().join("out").exists());
        fs::write(&path, whole).unwrap();
        let stopped = unpack(Published::Ravdess, &folder, &path, true).unwrap_err();
        assert!(stopped.is::<interrupt::Interrupted>(), "{stopped:#}");
        assert_eq!(unpack_into(&folder, &path).unwrap(), 2);
        let out = folder.path().join("out/Actor_12");
        assert_eq!(fs::read(out.join(second)).unwrap(), b"wroth");
        assert!(!part.exists());
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
        assert!(
            error.contains("holds no clips of RAVDESS speech, audio only, such as 03-01-05-"),
            "{error}"
        );
    }
}
