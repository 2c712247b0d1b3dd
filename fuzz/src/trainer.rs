//! What people give the trainer: recordings, lists of them, archives.

use std::{fs, path::Path, sync::LazyLock, sync::atomic::AtomicBool};

use indicatif::ProgressBar;
use tempfile::TempDir;
use training::{
    corpus::{
        Published,
        clip_list::{ClipList, Source},
        unpack::Unpacking,
    },
    recording::audio::Recording,
};

/// A folder in memory where there is one: millions of files are written.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    };
    made.unwrap()
});

/// Bytes as an audio file: decoded whole, or refused.
pub fn audio(data: &[u8]) {
    let path = FOLDER.path().join("audio");
    fs::write(&path, data).unwrap();
    let Ok(recording) = Recording::open(&path) else {
        return;
    };
    assert!(recording.sample_rate_hz() > 0);
    let mut frames = 0_u64;
    let decoded = recording.decode(|channels| {
        assert!(!channels.is_empty());
        assert!(
            channels
                .iter()
                .all(|channel| channel.len() == channels[0].len())
        );
        frames += channels[0].len() as u64;
        Ok(())
    });
    if decoded.is_ok() {
        assert!(frames > 0);
    }
}

/// Bytes as a CSV of clips, two of which are there.
pub fn clip_list(data: &[u8]) {
    let folder = FOLDER.path().join("clips");
    if !folder.is_dir() {
        fs::create_dir_all(folder.join("b")).unwrap();
        for clip in ["a.wav", "b/c.wav"] {
            fs::write(folder.join(clip), b"RIFF").unwrap();
        }
    }
    let path = folder.join("clips.csv");
    fs::write(&path, data).unwrap();
    for labels in [None, Some(&["sad".to_owned(), "angry".to_owned()][..])] {
        let source = Source::Manifest(path.clone(), None);
        if let Ok(list) = ClipList::of(&[source], labels, &[]) {
            assert!(
                list.clips
                    .iter()
                    .all(|clip| list.labels.len() > clip.class.index())
            );
            assert!(
                list.clips
                    .iter()
                    .all(|clip| !clip.speaker.to_string().is_empty())
            );
        }
    }
}

/// Bytes as the archive of a corpus: unpacked below its folder and nowhere else, or refused.
pub fn archive(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    let corpus = Published::ALL[usize::from(kind) % Published::ALL.len()];
    let folder = FOLDER.path().join("archive");
    fs::create_dir_all(&folder).unwrap();
    let (path, clips) = (folder.join("archive.zip"), folder.join("clips"));
    fs::write(&path, data).unwrap();
    if let Ok(unpacking) = Unpacking::open(corpus, &path) {
        assert!(unpacking.clips() > 0);
        let bar = ProgressBar::hidden();
        let whole = unpacking.into_folder(&clips, &bar, &AtomicBool::new(false));
        assert_eq!(whole.is_ok(), clips.is_dir());
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name();
        let ours = ["archive.zip", "clips", "clips.part"];
        assert!(ours.iter().any(|ours| name == *ours), "{name:?}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
