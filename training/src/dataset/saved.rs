//! A data set on disk: `features-<fingerprint>/` with index.json, the facts about the clips, and
//! features.bin, clip by clip, speed by speed, little-endian, the first speed in single and the
//! others in half precision.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use speech_emotion::{
    class::Labels,
    features::{FrontEndConfig, N_FEATURES},
};

use super::{Alone, Clip, Dataset, Features, Outline, Rows, SPEEDS, Store, alone};
use crate::running::Running;
use crate::{
    corpus::{Corpus, Listed, Sex, Speaker, ravdess::FileName, title},
    digest::hex,
};

const FEATURES_FILE: &str = "features.bin";
const INDEX_FILE: &str = "index.json";

/// index.json: everything but the numbers.
#[derive(Serialize, Deserialize)]
struct Index {
    labels: Labels,
    corpora: Vec<Corpus>,
    fingerprint: String,
    speeds: Vec<f32>,
    n_features: usize,
    #[serde(default)]
    alone: Vec<Alone>,
    clips: Vec<IndexEntry>,
}

#[derive(Serialize, Deserialize)]
struct IndexEntry {
    path: String,
    /// Name of its corpus.
    corpus: String,
    label: String,
    speaker: Speaker,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sex: Option<Sex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// T at each speed.
    frames: Vec<usize>,
    /// SHA-256 of its samples.
    audio: String,
    /// SHA-256 of its features at all speeds.
    sha256: String,
}

impl IndexEntry {
    fn of(clip: &Clip, labels: &Labels, corpora: &[Corpus]) -> Self {
        Self {
            path: clip.path.clone(),
            corpus: corpora[clip.corpus].name.clone(),
            label: labels.name(clip.class).to_owned(),
            speaker: clip.speaker.clone(),
            sex: clip.sex,
            language: clip.language.clone(),
            frames: clip.rows.frames.clone(),
            audio: clip.audio.clone(),
            sha256: clip.rows.sha256.clone(),
        }
    }

    /// The clip whose features begin at `offset`.
    fn clip(self, labels: &Labels, corpora: &[Corpus], offset: u64) -> Result<Clip> {
        let Self { path, .. } = self;
        let class = labels.class(&self.label).with_context(|| {
            format!(
                "{INDEX_FILE} calls {path} {:?}, which is not one of its labels",
                self.label
            )
        })?;
        let corpus = (corpora.iter().position(|corpus| corpus.name == self.corpus))
            .with_context(|| format!("{INDEX_FILE} has no corpus {} for {path}", self.corpus))?;
        ensure!(
            !self.frames.is_empty(),
            "{INDEX_FILE} knows no frames of {path}"
        );
        let ravdess = match corpora[corpus].is_ravdess() {
            true => FileName::of(Path::new(&path)),
            false => None,
        };
        let listed = Listed {
            path,
            corpus,
            class,
            speaker: self.speaker,
            sex: self.sex,
            language: self.language,
            ravdess,
        };
        let rows = Rows {
            offset,
            frames: self.frames,
            sha256: self.sha256,
        };
        Ok(Clip::new(listed, self.audio, rows))
    }
}

/// A data set being written to disk, clip by clip.
///
/// Its folder appears, or replaces an older one, only once it is complete; an unfinished one is
/// removed.
#[derive(Debug)]
pub struct Draft {
    file: BufWriter<File>,
    /// Removed after the file is closed.
    part: Part,
    /// The final folder.
    folder: PathBuf,
    fingerprint: String,
    clips: Vec<Clip>,
    outlines: Vec<Outline>,
    size: u64,
}

/// What is known about the recording that features were made from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// SHA-256 of its samples, in hexadecimal digits.
    pub sha256: String,
    /// What can be read off it without listening.
    pub outline: Outline,
}

/// The folder of an unfinished data set, which only takes up space if nobody finishes it.
#[derive(Debug)]
struct Part {
    folder: PathBuf,
    /// A folder that was created to hold it.
    made: Option<PathBuf>,
    running: Option<Running>,
}

impl Drop for Part {
    fn drop(&mut self) {
        self.running = None;
        let _ = fs::remove_dir_all(&self.folder);
        if let Some(folder) = &self.made {
            // Not if somebody has put something into it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A data set that has just been written.
#[derive(Debug)]
pub struct Saved {
    /// The data set.
    pub dataset: Dataset,
    /// Its folder.
    pub folder: PathBuf,
    /// Its size on disk, in bytes.
    pub bytes: u64,
}

impl Draft {
    /// A data set in `data`, without clips so far, for the front end with this fingerprint.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn begin(data: &Path, fingerprint: &str) -> Result<Self> {
        let folder = Dataset::folder(data, fingerprint);
        let made = (!data.exists()).then(|| data.to_owned());
        let part = folder.with_extension("part");
        fs::create_dir_all(&part).with_context(|| not_written(&part))?;
        let running = Running::begin(&part, "an extraction")?;
        let file = File::create(part.join(FEATURES_FILE)).with_context(|| not_written(&part))?;
        Ok(Self {
            file: BufWriter::new(file),
            part: Part {
                folder: part,
                made,
                running: Some(running),
            },
            folder,
            fingerprint: fingerprint.to_owned(),
            clips: Vec::new(),
            outlines: Vec::new(),
            size: 0,
        })
    }

    /// Writes the next clip.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn add(&mut self, listed: Listed, features: &Features, origin: Origin) -> Result<()> {
        let bytes = features.bytes();
        let rows = features.rows(&bytes, self.size);
        self.file
            .write_all(&bytes)
            .with_context(|| not_written(&self.part.folder))?;
        self.size += bytes.len() as u64;
        self.clips.push(Clip::new(listed, origin.sha256, rows));
        self.outlines.push(origin.outline);
        Ok(())
    }

    /// The clips written so far.
    pub fn clips(&self) -> &[Clip] {
        &self.clips
    }

    /// Completes the data set with the labels its clips may have and the corpora they come from.
    ///
    /// # Errors
    /// When something cannot be written; an older data set then remains.
    pub fn finish(self, labels: Labels, corpora: Vec<Corpus>) -> Result<Saved> {
        let part = self.part.folder.clone();
        self.complete(labels, corpora)
            .with_context(|| not_written(&part))
    }

    fn complete(self, labels: Labels, mut corpora: Vec<Corpus>) -> io::Result<Saved> {
        let Self {
            file,
            mut part,
            folder,
            fingerprint,
            clips,
            outlines,
            size,
        } = self;
        file.into_inner()?.sync_all()?;
        for corpus in &mut corpora {
            // So that the clips are found wherever the trainer is run.
            corpus.folder = std::path::absolute(Path::new(".").join(&corpus.folder))?;
        }
        let entry = |clip: &Clip| IndexEntry::of(clip, &labels, &corpora);
        let alone = alone::measure(&clips, &outlines, &labels, &corpora);
        let index = Index {
            alone: alone.clone(),
            clips: clips.iter().map(entry).collect(),
            labels: labels.clone(),
            corpora: corpora.clone(),
            fingerprint: fingerprint.clone(),
            speeds: SPEEDS.to_vec(),
            n_features: N_FEATURES,
        };
        let json = serde_json::to_vec_pretty(&index)?;
        fs::write(part.folder.join(INDEX_FILE), &json)?;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        part.running = None;
        fs::rename(&part.folder, &folder)?;
        part.made = None;
        let file = File::open(folder.join(FEATURES_FILE))?;
        Ok(Saved {
            dataset: Dataset {
                labels,
                corpora,
                fingerprint,
                clips,
                alone,
                store: Store::File(Arc::new(file)),
            },
            folder,
            bytes: size + json.len() as u64,
        })
    }
}

fn not_written(folder: &Path) -> String {
    format!(
        "cannot write {}; make room, or choose another folder with --data, and run the same command \
         again",
        folder.display()
    )
}

impl Dataset {
    /// Refuses if the features in `data` belong to entirely different recordings and would be lost.
    ///
    /// # Errors
    /// In that case.
    pub fn refuse_to_replace(data: &Path, corpora: &[Corpus]) -> Result<()> {
        #[derive(Deserialize)]
        struct Kept {
            corpora: Vec<Corpus>,
        }
        let folder = Self::folder(data, &FrontEndConfig::default().fingerprint());
        let index = fs::read(folder.join(INDEX_FILE)).ok();
        let kept = index.and_then(|index| serde_json::from_slice::<Kept>(&index).ok());
        let Some(Kept { corpora: kept }) = kept else {
            return Ok(());
        };
        let is_same = |a: &Corpus, b: &Corpus| {
            (a.kind, &a.name, &a.data_set) == (b.kind, &b.name, &b.data_set)
        };
        ensure!(
            kept.iter().any(|a| corpora.iter().any(|b| is_same(a, b))),
            "{} holds the features of {}; name another folder for {} with --data",
            data.display(),
            title(&kept),
            title(corpora)
        );
        Ok(())
    }

    /// Opens what a [`Draft`] has written for the front end with this fingerprint, and reads all of
    /// it once to be sure that it is complete.
    ///
    /// # Errors
    /// When there are no features of this front end, or when they are damaged.
    pub fn load(data: &Path, fingerprint: &str) -> Result<Self> {
        let folder = Self::folder(data, fingerprint);
        if !folder.is_dir() {
            let other = fs::read_dir(data)
                .into_iter()
                .flatten()
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with("features-"));
            bail!(
                "{} has no features of this front end (fingerprint {fingerprint}){}; run the \
                 extract command",
                data.display(),
                if other { ", only those of another" } else { "" },
            );
        }
        Self::open(&folder, fingerprint).with_context(|| {
            format!(
                "the features in {} cannot be used; run the extract command again",
                folder.display()
            )
        })
    }

    fn open(folder: &Path, fingerprint: &str) -> Result<Self> {
        let index = fs::read(folder.join(INDEX_FILE)).context(INDEX_FILE)?;
        let index: Index = serde_json::from_slice(&index).context(INDEX_FILE)?;
        ensure!(
            index.fingerprint == fingerprint,
            "{INDEX_FILE} has the fingerprint {} instead of {fingerprint}",
            index.fingerprint
        );
        ensure!(
            index.speeds == SPEEDS && index.n_features == N_FEATURES,
            "{INDEX_FILE} differs from this program in speeds or number of features"
        );
        let mut offset = 0;
        let mut clips = Vec::with_capacity(index.clips.len());
        for entry in index.clips {
            let clip = entry.clip(&index.labels, &index.corpora, offset)?;
            offset += clip.rows.total() as u64;
            clips.push(clip);
        }
        let file = File::open(folder.join(FEATURES_FILE)).context(FEATURES_FILE)?;
        let found = file.metadata()?.len();
        ensure!(
            found == offset,
            "{FEATURES_FILE} has {found} bytes instead of {offset}"
        );
        check(&clips, &file)?;
        Ok(Self {
            labels: index.labels,
            corpora: index.corpora,
            fingerprint: index.fingerprint,
            clips,
            alone: index.alone,
            store: Store::File(Arc::new(file)),
        })
    }
}

/// Reads the features of all clips, one after another, and compares them with their digests.
fn check(clips: &[Clip], file: &File) -> Result<()> {
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut bytes = Vec::new();
    for clip in clips {
        bytes.resize(clip.rows.total(), 0);
        file.read_exact(&mut bytes).context(FEATURES_FILE)?;
        ensure!(
            hex(&Sha256::digest(&bytes)) == clip.rows.sha256,
            "{FEATURES_FILE} is damaged: its data for {} do not match {INDEX_FILE}",
            clip.path
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;
    use crate::corpus::ravdess::Emotion;

    const FINGERPRINT: &str = "0123456789abcdef";

    fn clips() -> Vec<(Listed, Features)> {
        let name = |actor: u8| format!("03-01-04-02-01-01-{actor:02}");
        let clip = |actor: u8, frames: usize| {
            let listed = Listed {
                ravdess: FileName::parse(&name(actor)),
                sex: Some(Sex::Female),
                language: Some("en".into()),
                ..Listed::new(
                    format!("Actor_{actor:02}/{}.wav", name(actor)),
                    Emotion::Sad.class(),
                    Speaker::new(actor.to_string()),
                )
            };
            let at_speed = |speed: usize| {
                let value = f16::from_f32(actor as f32 + 0.1 * speed as f32);
                vec![value; (frames + speed) * N_FEATURES]
            };
            let features = Features {
                as_recorded: vec![actor as f32; frames * N_FEATURES],
                at_speeds: (1..SPEEDS.len()).map(at_speed).collect(),
            };
            (listed, features)
        };
        vec![clip(1, 30), clip(2, 40)]
    }

    fn save(data: &Path, fingerprint: &str) -> Result<Saved> {
        let mut draft = Draft::begin(data, fingerprint)?;
        for (listed, features) in clips() {
            draft.add(listed, &features, Origin::default())?;
        }
        draft.finish(Emotion::labels(), vec![Corpus::ravdess("/clips".into())])
    }

    fn load_error(data: &Path) -> String {
        format!("{:#}", Dataset::load(data, FINGERPRINT).err().unwrap())
    }

    #[test]
    fn what_is_written_clip_by_clip_is_read_from_its_place() {
        let data = tempfile::tempdir().unwrap();
        let saved = save(data.path(), FINGERPRINT).unwrap();
        let on_disk: u64 = fs::read_dir(&saved.folder)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(saved.bytes, on_disk);
        let loaded = Dataset::load(data.path(), FINGERPRINT).unwrap();
        assert!(loaded == saved.dataset);
        let mut in_memory = Dataset::in_memory(Emotion::labels(), loaded.corpora.clone(), clips());
        in_memory.fingerprint = FINGERPRINT.into();
        assert!(loaded == in_memory);
        for dataset in [loaded, saved.dataset, in_memory] {
            for (clip, (_, features)) in dataset.clips.iter().zip(clips()) {
                assert_eq!(dataset.features(clip).unwrap(), features.as_recorded);
                for (speed, expected) in features.at_speeds.iter().enumerate() {
                    let found = dataset.at_speed(clip, speed + 1).unwrap();
                    assert_eq!(clip.frames()[speed + 1], found.len() / N_FEATURES);
                    assert!(found.iter().zip(expected).all(|(a, b)| *a == b.to_f32()));
                }
                assert!(dataset.at_speed(clip, SPEEDS.len()).is_err());
            }
            let voices = dataset.voices();
            assert_eq!(voices[&Speaker::new("2")], [0, 0, 0, 1, 0, 0, 0, 0]);
            assert_eq!(dataset.labels_of(0), [Emotion::Sad.class()]);
        }
    }

    #[test]
    fn features_of_another_front_end_are_not_used() {
        let data = tempfile::tempdir().unwrap();
        assert!(
            load_error(data.path()).contains("(fingerprint 0123456789abcdef); run the extract")
        );
        let folder = save(data.path(), "fedcba9876543210").unwrap().folder;
        assert!(load_error(data.path()).contains("only those of another; run the extract"));
        fs::rename(folder, Dataset::folder(data.path(), FINGERPRINT)).unwrap();
        assert!(load_error(data.path()).contains("fingerprint fedcba9876543210 instead of"));
    }

    #[test]
    fn damage_is_noticed_and_the_clip_named() {
        let data = tempfile::tempdir().unwrap();
        let path = save(data.path(), FINGERPRINT).unwrap().folder;
        let path = path.join(FEATURES_FILE);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = load_error(data.path());
        assert!(
            error.contains(
                "features.bin is damaged: its data for Actor_02/03-01-04-02-01-01-02.wav"
            ),
            "{error}"
        );
        bytes.pop();
        fs::write(&path, &bytes).unwrap();
        let sizes = format!("{} bytes instead of {}", bytes.len(), bytes.len() + 1);
        assert!(load_error(data.path()).contains(&sizes));
    }

    #[test]
    fn a_failed_or_unfinished_write_leaves_the_older_features_and_nothing_else() {
        let data = tempfile::tempdir().unwrap();
        let folder = save(data.path(), FINGERPRINT).unwrap().folder;
        let mut draft = Draft::begin(data.path(), FINGERPRINT).unwrap();
        let (listed, features) = clips().remove(0);
        draft.add(listed, &features, Origin::default()).unwrap();
        drop(draft);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
        // A file is in the way of the new folder.
        fs::write(folder.with_extension("part"), b"").unwrap();
        let error = format!("{:#}", save(data.path(), FINGERPRINT).unwrap_err());
        assert!(
            error.contains("make room, or choose another folder"),
            "{error}"
        );
        let loaded = Dataset::load(data.path(), FINGERPRINT).unwrap();
        assert_eq!(loaded.clips.len(), 2);
        let elsewhere = data.path().join("new/data");
        drop(Draft::begin(&elsewhere, FINGERPRINT).unwrap());
        assert!(!elsewhere.exists());
    }
}
