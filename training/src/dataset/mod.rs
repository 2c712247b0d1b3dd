//! The features of every clip, as the network's training reads them.

pub mod extract;
pub(crate) mod tensor_file;

use std::{
    fs::{self, File},
    io::{BufReader, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use speech_emotion::{
    class::Class,
    features::{self, FrontEndConfig, N_FEATURES, SEGMENT_MULTIPLE},
};

use crate::{
    corpus::{Corpus, Kind, Speaker, folds::Voices, ravdess::FileName},
    digest::{hex, short},
};

/// Playing speeds at which every clip's features are extracted; the first is the clip itself.
///
/// A speed of 1.06 shortens the clip and raises its pitch by 6 %.
pub const SPEEDS: [f32; 5] = [1.0, 0.88, 0.94, 1.06, 1.13];

/// Fewest frames of speech in a clip, at any speed.
pub const MIN_FRAMES: usize = 2 * SEGMENT_MULTIPLE;

const FEATURES_FILE: &str = "features.bin";

/// One recording with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Path relative to the corpus folder, or absolute.
    pub path: String,
    /// What it expresses.
    pub class: Class,
    /// Who speaks.
    pub speaker: Speaker,
    /// What else RAVDESS's name says of it.
    pub ravdess: Option<FileName>,
    /// `[T, F]`: trimmed, level not subtracted.
    pub features: Vec<f32>,
    /// The same at every other of the [`SPEEDS`], in half precision to take half the memory: only
    /// augmentation reads them, which changes them by far more.
    pub at_speeds: Vec<Vec<f16>>,
}

/// Bytes of a value as recorded and at another speed.
const VALUE: usize = size_of::<f32>();
const HALF: usize = size_of::<f16>();

impl Clip {
    /// The whole clip as the network sees it, `[T, F]`: what [`features::segment`] makes of it.
    pub fn segment(&self) -> Vec<f32> {
        let excess = self.features.len() % (SEGMENT_MULTIPLE * N_FEATURES);
        let mut segment = self.features[excess..].to_vec();
        features::subtract_level(&mut segment);
        segment
    }

    /// Its features as they are kept: speed by speed, little-endian.
    fn bytes(&self) -> Vec<u8> {
        let first = self.features.iter().flat_map(|value| value.to_le_bytes());
        let others = self.at_speeds.iter().flatten();
        first
            .chain(others.flat_map(|value| value.to_le_bytes()))
            .collect()
    }

    /// T at each speed.
    fn frames(&self) -> Vec<usize> {
        let others = self.at_speeds.iter().map(Vec::len);
        std::iter::once(self.features.len())
            .chain(others)
            .map(|values| values / N_FEATURES)
            .collect()
    }
}

/// All clips extracted with one front end.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Where the clips come from.
    pub corpus: Corpus,
    /// Fingerprint of the front end's configuration.
    pub fingerprint: String,
    /// The clips, in the order they were listed in.
    pub clips: Vec<Clip>,
}

/// index.json: everything but the numbers.
#[derive(Serialize, Deserialize)]
struct Index {
    corpus: Corpus,
    fingerprint: String,
    speeds: Vec<f32>,
    n_features: usize,
    sha256: String,
    clips: Vec<IndexEntry>,
}

#[derive(Serialize, Deserialize)]
struct IndexEntry {
    path: String,
    label: String,
    speaker: Speaker,
    /// T at each speed.
    frames: Vec<usize>,
}

impl Dataset {
    /// Where the features of one front end are kept.
    pub fn folder(data: &Path, fingerprint: &str) -> PathBuf {
        data.join(format!("features-{fingerprint}"))
    }

    /// The speakers and their clips by class.
    pub fn voices(&self) -> Voices {
        let mut voices = Voices::new();
        for clip in &self.clips {
            let clips = voices.entry(clip.speaker.clone());
            clips.or_insert_with(|| vec![0; self.corpus.labels.len()])[clip.class.index()] += 1;
        }
        voices
    }

    /// Digest of some of its clips, their labels and features: another one is of others, or they were
    /// recorded anew.
    pub fn digest_of(&self, clips: &[&Clip]) -> String {
        let mut sha256 = Sha256::new();
        for clip in clips {
            sha256.update(clip.path.as_bytes());
            sha256.update(b"\t");
            sha256.update(self.corpus.labels.name(clip.class));
            sha256.update(b"\n");
            sha256.update(clip.bytes());
        }
        short(sha256)
    }

    /// SHA-256 of all features, in hexadecimal digits: tells one corpus from another.
    pub fn sha256(&self) -> String {
        let mut sha256 = Sha256::new();
        for clip in &self.clips {
            sha256.update(clip.bytes());
        }
        hex(&sha256.finalize())
    }

    /// Writes `features-<fingerprint>/` with index.json and features.bin (clip by clip, speed by
    /// speed, little-endian, the first in single and the others in half precision) into `data` and
    /// returns its path and size in bytes.
    ///
    /// The folder appears, or replaces an older one, only once it is whole.
    ///
    /// # Errors
    /// When something cannot be written; the older folder is then still there.
    pub fn save(&self, data: &Path) -> Result<(PathBuf, u64)> {
        let folder = Self::folder(data, &self.fingerprint);
        let part = folder.with_extension("part");
        let write = || {
            format!(
                "cannot write {}; make room, or choose another folder with --data, and run the \
                 same command again",
                part.display()
            )
        };
        self.write(&part)
            .and_then(|bytes| {
                if folder.exists() {
                    fs::remove_dir_all(&folder)?;
                }
                fs::rename(&part, &folder)?;
                Ok((folder, bytes))
            })
            .with_context(|| {
                // What is left of the failed write only takes room.
                let _ = fs::remove_dir_all(&part);
                write()
            })
    }

    /// Refuses when the features in `data` are of other recordings, which would be lost.
    ///
    /// # Errors
    /// In that case.
    pub fn refuse_to_replace(data: &Path, corpus: &Corpus) -> Result<()> {
        #[derive(Deserialize)]
        struct Kept {
            corpus: Corpus,
        }
        let folder = Self::folder(data, &FrontEndConfig::default().fingerprint());
        let index = fs::read(folder.join("index.json")).ok();
        let kept = index.and_then(|index| serde_json::from_slice::<Kept>(&index).ok());
        let Some(Kept { corpus: kept }) = kept else {
            return Ok(());
        };
        ensure!(
            (kept.kind, &kept.data_set) == (corpus.kind, &corpus.data_set),
            "{} holds the features of {}; name another folder for {} with --data",
            data.display(),
            kept.data_set,
            corpus.data_set
        );
        Ok(())
    }

    fn write(&self, folder: &Path) -> std::io::Result<u64> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let mut file = File::create(folder.join(FEATURES_FILE))?;
        for clip in &self.clips {
            file.write_all(&clip.bytes())?;
        }
        file.sync_all()?;
        let bytes = file.metadata()?.len();

        let entry = |clip: &Clip| IndexEntry {
            path: clip.path.clone(),
            label: self.corpus.labels.name(clip.class).to_owned(),
            speaker: clip.speaker.clone(),
            frames: clip.frames(),
        };
        let index = Index {
            corpus: Corpus {
                // So that the clips are found from wherever the trainer is run.
                folder: std::path::absolute(Path::new(".").join(&self.corpus.folder))?,
                ..self.corpus.clone()
            },
            fingerprint: self.fingerprint.clone(),
            speeds: SPEEDS.to_vec(),
            n_features: N_FEATURES,
            sha256: self.sha256(),
            clips: self.clips.iter().map(entry).collect(),
        };
        let json = serde_json::to_vec_pretty(&index)?;
        fs::write(folder.join("index.json"), &json)?;
        Ok(bytes + json.len() as u64)
    }

    /// Reads what [`save`](Self::save) wrote for the front end with this fingerprint.
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
        Self::read(&folder, fingerprint).with_context(|| {
            format!(
                "the features in {} cannot be used; run the extract command again",
                folder.display()
            )
        })
    }

    fn read(folder: &Path, fingerprint: &str) -> Result<Self> {
        let index = fs::read(folder.join("index.json")).context("index.json")?;
        let index: Index = serde_json::from_slice(&index).context("index.json")?;
        ensure!(
            index.fingerprint == fingerprint,
            "index.json has the fingerprint {} instead of {fingerprint}",
            index.fingerprint
        );
        ensure!(
            index.speeds == SPEEDS && index.n_features == N_FEATURES,
            "index.json has other speeds or another number of features than this program"
        );
        let file = File::open(folder.join(FEATURES_FILE)).context(FEATURES_FILE)?;
        let found = file.metadata()?.len();
        let size = |entry: &IndexEntry| {
            let others: usize = entry.frames.iter().skip(1).sum();
            let first = entry.frames.first().unwrap_or(&0);
            (first * VALUE + others * HALF) * N_FEATURES
        };
        let expected = index.clips.iter().map(size).sum::<usize>() as u64;
        ensure!(
            found == expected,
            "{FEATURES_FILE} has {found} bytes instead of {expected}"
        );

        let mut file = BufReader::new(file);
        let mut clips = Vec::with_capacity(index.clips.len());
        for entry in index.clips {
            let mut next = |frames: usize, size: usize| -> Result<Vec<u8>> {
                let mut bytes = vec![0; frames * N_FEATURES * size];
                file.read_exact(&mut bytes).context(FEATURES_FILE)?;
                Ok(bytes)
            };
            let (&first, others) = (entry.frames.split_first())
                .with_context(|| format!("index.json knows no frames of {}", entry.path))?;
            let bytes = next(first, VALUE)?;
            let values = bytes.as_chunks::<VALUE>().0.iter();
            let features = values.map(|&bytes| f32::from_le_bytes(bytes)).collect();
            let mut at_speeds = Vec::with_capacity(others.len());
            for &frames in others {
                let bytes = next(frames, HALF)?;
                let values = bytes.as_chunks::<HALF>().0.iter();
                at_speeds.push(values.map(|&bytes| f16::from_le_bytes(bytes)).collect());
            }
            let class = index.corpus.labels.class(&entry.label).with_context(|| {
                format!(
                    "index.json calls {} {:?}, which is no label of it",
                    entry.path, entry.label
                )
            })?;
            let ravdess = match index.corpus.kind {
                Kind::Ravdess => FileName::of(Path::new(&entry.path)),
                Kind::Manifest => None,
            };
            clips.push(Clip {
                path: entry.path,
                class,
                speaker: entry.speaker,
                ravdess,
                features,
                at_speeds,
            });
        }
        let dataset = Self {
            corpus: index.corpus,
            fingerprint: index.fingerprint,
            clips,
        };
        ensure!(
            dataset.sha256() == index.sha256,
            "{FEATURES_FILE} is damaged: its SHA-256 is not the one in index.json"
        );
        Ok(dataset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::ravdess::Emotion;

    fn dataset() -> Dataset {
        let name = |actor: u8| format!("03-01-04-02-01-01-{actor:02}");
        let clip = |actor: u8, frames: usize| Clip {
            path: format!("Actor_{actor:02}/{}.wav", name(actor)),
            class: Emotion::Sad.class(),
            speaker: Speaker::new(actor.to_string()),
            ravdess: FileName::parse(&name(actor)),
            features: vec![actor as f32; frames * N_FEATURES],
            at_speeds: (1..SPEEDS.len())
                .map(|speed| {
                    let value = f16::from_f32(actor as f32 + 0.1 * speed as f32);
                    vec![value; frames * N_FEATURES]
                })
                .collect(),
        };
        Dataset {
            corpus: Corpus::ravdess("/clips".into()),
            fingerprint: "0123456789abcdef".into(),
            clips: vec![clip(1, 30), clip(2, 40)],
        }
    }

    fn load_error(data: &Path) -> String {
        let result = Dataset::load(data, "0123456789abcdef");
        format!("{:#}", result.err().unwrap())
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let data = tempfile::tempdir().unwrap();
        let (folder, bytes) = dataset().save(data.path()).unwrap();
        let on_disk: u64 = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(bytes, on_disk);
        assert!(Dataset::load(data.path(), "0123456789abcdef").unwrap() == dataset());
        let voices = dataset().voices();
        assert_eq!(voices[&Speaker::new("2")], [0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn features_of_another_front_end_are_not_used() {
        let data = tempfile::tempdir().unwrap();
        assert!(
            load_error(data.path()).contains("(fingerprint 0123456789abcdef); run the extract")
        );
        let mut other = dataset();
        other.fingerprint = "fedcba9876543210".into();
        let (folder, _) = other.save(data.path()).unwrap();
        assert!(load_error(data.path()).contains("only those of another; run the extract"));
        fs::rename(folder, Dataset::folder(data.path(), "0123456789abcdef")).unwrap();
        assert!(load_error(data.path()).contains("fingerprint fedcba9876543210 instead of"));
    }

    #[test]
    fn damage_is_noticed() {
        let data = tempfile::tempdir().unwrap();
        let (folder, _) = dataset().save(data.path()).unwrap();
        let path = folder.join(FEATURES_FILE);
        let mut bytes = fs::read(&path).unwrap();
        bytes[1000] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(load_error(data.path()).contains("features.bin is damaged"));
        bytes.pop();
        fs::write(&path, &bytes).unwrap();
        assert!(load_error(data.path()).contains("56279 bytes instead of 56280"));
    }

    #[test]
    fn a_failed_write_leaves_the_older_features() {
        let data = tempfile::tempdir().unwrap();
        let (folder, _) = dataset().save(data.path()).unwrap();
        // A file stands where the new folder would be written.
        fs::write(folder.with_extension("part"), b"").unwrap();
        let error = format!("{:#}", dataset().save(data.path()).unwrap_err());
        assert!(
            error.contains("make room, or choose another folder"),
            "{error}"
        );
        assert!(Dataset::load(data.path(), "0123456789abcdef").unwrap() == dataset());
    }
}
