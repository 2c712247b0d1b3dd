//! The features of every clip of one or several corpora, as training reads them.
//!
//! They stay on disk and are read as needed, so that memory does not grow with their number; only
//! the facts about each clip are kept in memory.

mod alone;
pub mod extract;
mod saved;
mod stages;
mod store;
pub(crate) mod tensor_file;

pub use alone::{Alone, Cue, Outline};
pub use saved::{Draft, Origin, Saved};
pub use stages::Stages;

use std::{
    collections::BTreeSet,
    iter,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use half::{f16, slice::HalfFloatSliceExt};
use sha2::{Digest, Sha256};
use speech_emotion::{
    class::{Class, Labels},
    features::{self, N_FEATURES, SEGMENT_MULTIPLE},
};

use crate::{
    corpus::{Corpus, Listed, NO_LICENCE, Sex, Speaker, folds::Voices, ravdess::FileName, title},
    digest::{hex, short},
    recording::sound::Sound,
};
use store::Store;

/// Playback speeds at which every clip's features are extracted; the first is the clip itself.
///
/// A speed of 1.06 shortens the clip and raises its pitch by 6 %.
pub const SPEEDS: [f32; 5] = [1.0, 0.88, 0.94, 1.06, 1.13];

/// Fewest frames of speech in a clip, at any speed.
pub const MIN_FRAMES: usize = 2 * SEGMENT_MULTIPLE;

/// Bytes of a value as recorded and at other speeds.
const VALUE: usize = size_of::<f32>();
const HALF: usize = size_of::<f16>();

/// One recording and the facts about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Path relative to the corpus folder, or absolute.
    pub path: String,
    /// Position of its corpus in [`Dataset::corpora`].
    pub corpus: usize,
    /// What it expresses.
    pub class: Class,
    /// Who speaks, unique across corpora.
    pub speaker: Speaker,
    /// The speaker's sex, if known.
    pub sex: Option<Sex>,
    /// Language spoken, such as "pl" (ISO 639-1), if known.
    pub language: Option<String>,
    /// What else RAVDESS's file name says about it.
    pub ravdess: Option<FileName>,
    /// SHA-256 of its samples, in hexadecimal digits, as they were when the features were made.
    /// Empty if not known.
    audio: String,
    rows: Rows,
}

/// Where the features of a clip are, speed by speed, and what identifies them.
#[derive(Clone, Debug, PartialEq)]
struct Rows {
    /// First byte.
    offset: u64,
    /// T at each of the [`SPEEDS`]; fewer entries if a clip was not played at all of them.
    frames: Vec<usize>,
    /// SHA-256 of all bytes, in hexadecimal digits.
    sha256: String,
}

impl Rows {
    /// Bytes at one speed, counted from 0.
    fn size(&self, speed: usize) -> usize {
        let value = if speed == 0 { VALUE } else { HALF };
        self.frames.get(speed).map_or(0, |t| t * N_FEATURES * value)
    }

    fn total(&self) -> usize {
        (0..self.frames.len()).map(|speed| self.size(speed)).sum()
    }
}

impl Clip {
    fn new(listed: Listed, audio: String, rows: Rows) -> Self {
        Self {
            path: listed.path,
            corpus: listed.corpus,
            class: listed.class,
            speaker: listed.speaker,
            sex: listed.sex,
            language: listed.language,
            ravdess: listed.ravdess,
            audio,
            rows,
        }
    }

    /// T at each of the [`SPEEDS`], the clip as recorded first.
    pub fn frames(&self) -> &[usize] {
        &self.rows.frames
    }
}

/// The features of one clip, as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// `[T, F]`: trimmed, level not subtracted.
    pub as_recorded: Vec<f32>,
    /// The same at every other of the [`SPEEDS`], in half precision to take half the space: only
    /// augmentation reads them, and it changes them by far more.
    pub at_speeds: Vec<Vec<f16>>,
}

impl Features {
    /// As stored: speed by speed, little-endian.
    fn bytes(&self) -> Vec<u8> {
        let first = self
            .as_recorded
            .iter()
            .flat_map(|value| value.to_le_bytes());
        let others = self.at_speeds.iter().flatten();
        first
            .chain(others.flat_map(|value| value.to_le_bytes()))
            .collect()
    }

    /// Describes these `bytes` when stored at an offset.
    fn rows(&self, bytes: &[u8], offset: u64) -> Rows {
        let others = self.at_speeds.iter().map(Vec::len);
        Rows {
            offset,
            frames: iter::once(self.as_recorded.len())
                .chain(others)
                .map(|values| values / N_FEATURES)
                .collect(),
            sha256: hex(&Sha256::digest(bytes)),
        }
    }
}

/// All clips extracted with one front end.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// What the clips may express, in class order.
    pub labels: Labels,
    /// Where the clips come from.
    pub corpora: Vec<Corpus>,
    /// Fingerprint of the front end's configuration.
    pub fingerprint: String,
    /// The clips, corpus by corpus, in the order in which they were listed.
    pub clips: Vec<Clip>,
    /// What single numbers give away about each corpus.
    pub alone: Vec<Alone>,
    store: Store,
}

/// Features are compared by their digests, not by where they are stored.
impl PartialEq for Dataset {
    fn eq(&self, other: &Self) -> bool {
        (&self.labels, &self.corpora, &self.fingerprint)
            == (&other.labels, &other.corpora, &other.fingerprint)
            && self.clips == other.clips
    }
}

impl Dataset {
    /// A data set held only in memory, with an empty fingerprint: for small ones.
    pub fn in_memory(
        labels: Labels,
        corpora: Vec<Corpus>,
        clips: impl IntoIterator<Item = (Listed, Features)>,
    ) -> Self {
        let mut all = Vec::new();
        let clips = clips.into_iter().map(|(listed, features)| {
            let bytes = features.bytes();
            let rows = features.rows(&bytes, all.len() as u64);
            all.extend(bytes);
            Clip::new(listed, String::new(), rows)
        });
        Self {
            labels,
            corpora,
            fingerprint: String::new(),
            clips: clips.collect(),
            alone: Vec::new(),
            store: Store::Memory(Arc::new(all)),
        }
    }

    /// Where the features of one front end are kept.
    pub fn folder(data: &Path, fingerprint: &str) -> PathBuf {
        data.join(format!("features-{fingerprint}"))
    }

    /// Features `[T, F]` of a clip as recorded: trimmed, level not subtracted.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn features(&self, clip: &Clip) -> Result<Vec<f32>> {
        self.at_speed(clip, 0)
    }

    /// The same for a clip at one of the [`SPEEDS`], by position; those after the first are kept in
    /// half precision.
    ///
    /// # Errors
    /// When they cannot be read, and when the clip was not played at this speed.
    pub fn at_speed(&self, clip: &Clip, speed: usize) -> Result<Vec<f32>> {
        let rows = &clip.rows;
        ensure!(
            speed < rows.frames.len(),
            "there are no features of {} at speed {speed}",
            clip.path
        );
        let before: usize = (0..speed).map(|speed| rows.size(speed)).sum();
        let bytes = self
            .store
            .read(rows.offset + before as u64, rows.size(speed))
            .with_context(|| {
                format!(
                    "cannot read the features of {}; run the extract command again",
                    clip.path
                )
            })?;
        Ok(if speed == 0 {
            let values = bytes.as_chunks().0.iter();
            values.map(|&bytes| f32::from_le_bytes(bytes)).collect()
        } else {
            let values = bytes.as_chunks().0.iter();
            let values: Vec<f16> = values.map(|&bytes| f16::from_le_bytes(bytes)).collect();
            values.to_f32_vec()
        })
    }

    /// A whole clip as the network sees it, `[T, F]`: the result of [`features::segment`].
    ///
    /// # Errors
    /// When its features cannot be read.
    pub fn segment(&self, clip: &Clip) -> Result<Vec<f32>> {
        let mut segment = self.features(clip)?;
        segment.drain(..segment.len() % (SEGMENT_MULTIPLE * N_FEATURES));
        features::subtract_level(&mut segment);
        Ok(segment)
    }

    /// Where the recording of a clip is.
    pub fn recording(&self, clip: &Clip) -> PathBuf {
        self.corpora[clip.corpus].folder.join(&clip.path)
    }

    /// Reads the recording of a clip.
    ///
    /// # Errors
    /// When it cannot be read, or is not the recording its features were made from.
    pub fn sound(&self, clip: &Clip) -> Result<Sound> {
        let path = self.recording(clip);
        let (sound, decoded) = Sound::decode(&path).with_context(|| {
            format!(
                "cannot read the clip {}; if the clips have moved, run the extract command again",
                path.display()
            )
        })?;
        ensure!(
            clip.audio.is_empty() || clip.audio == hex(&decoded.sha256),
            "the clip {} has changed since its features were extracted; run the extract command again, or \
             put the recording back",
            path.display()
        );
        Ok(sound)
    }

    /// Positions of the clips of a corpus.
    pub fn clips_of(&self, corpus: usize) -> impl Iterator<Item = usize> {
        (0..self.clips.len()).filter(move |&index| self.clips[index].corpus == corpus)
    }

    /// The speakers of a corpus.
    pub fn speakers_of(&self, corpus: usize) -> BTreeSet<&Speaker> {
        let clips = self.clips.iter().filter(|clip| clip.corpus == corpus);
        clips.map(|clip| &clip.speaker).collect()
    }

    /// The classes for which a corpus has clips, in class order.
    pub fn labels_of(&self, corpus: usize) -> Vec<Class> {
        let clips = self.clips.iter().filter(|clip| clip.corpus == corpus);
        let classes: BTreeSet<usize> = clips.map(|clip| clip.class.index()).collect();
        let all = self.labels.classes();
        all.filter(|class| classes.contains(&class.index()))
            .collect()
    }

    /// The speakers and their clips by class.
    pub fn voices(&self) -> Voices {
        let mut voices = Voices::new();
        for clip in &self.clips {
            let clips = voices.entry(clip.speaker.clone());
            clips.or_insert_with(|| vec![0; self.labels.len()])[clip.class.index()] += 1;
        }
        voices
    }

    /// The reason why a model cannot be tested on a corpus, if there is one.
    pub fn unfit_for_testing(&self, corpus: usize) -> Option<String> {
        let name = &self.corpora[corpus].name;
        let mut speakers = self.speakers_of(corpus).into_iter();
        let (Some(speaker), another) = (speakers.next(), speakers.next()) else {
            return Some(format!("{name} has no clips"));
        };
        if another.is_none() {
            return Some(format!(
                "{name} has one speaker only ({speaker}): how well a stranger is recognised would be \
                 a guess from one person"
            ));
        }
        match self.labels_of(corpus)[..] {
            [only] => Some(format!(
                "{name} has one label only ({}): every answer of a model that knows nothing else would \
                 be right",
                self.labels.name(only)
            )),
            _ => None,
        }
    }

    /// The corpora that are used for training.
    fn trained(&self) -> impl Iterator<Item = &Corpus> {
        self.corpora.iter().filter(|corpus| corpus.trains)
    }

    /// Its title: the titles of the corpora that are used for training.
    pub fn title(&self) -> String {
        title(self.trained())
    }

    /// SPDX name of the licence for weights trained on it: the strictest among the corpora used for
    /// training; unknown if one of them has none.
    pub fn licence(&self) -> &str {
        let licences = || self.trained().map(|corpus| corpus.licence.as_str());
        // All others known to the trainer dedicate the recordings to the public.
        licences()
            .find(|licence| *licence == NO_LICENCE)
            .or_else(|| licences().find(|licence| !licence.starts_with("CC0")))
            .or_else(|| licences().next())
            .unwrap_or(NO_LICENCE)
    }

    /// The credit that the corpora used for training ask for.
    pub fn attribution(&self) -> String {
        let mut credits: Vec<&str> = Vec::new();
        for corpus in self.trained() {
            if !credits.contains(&corpus.attribution.as_str()) {
                credits.push(&corpus.attribution);
            }
        }
        format!("Trained on {}", credits.join("; on "))
    }

    /// Digest of some of its clips with their labels and features: it differs for other clips, or
    /// if they were recorded anew.
    pub fn digest_of(&self, clips: &[&Clip]) -> String {
        let mut sha256 = Sha256::new();
        for clip in clips {
            let corpus = &self.corpora[clip.corpus].name;
            let label = self.labels.name(clip.class);
            sha256.update(format!("{corpus}\t{}\t{label}\t", clip.path));
            sha256.update(&clip.rows.sha256);
            sha256.update(b"\n");
        }
        short(sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Published, ravdess::Emotion};

    /// Clips with these corpora, speakers and emotions, without features.
    fn dataset(corpora: Vec<Corpus>, clips: &[(usize, &str, Emotion)]) -> Dataset {
        let clips = clips.iter().map(|&(corpus, speaker, emotion)| {
            let path = format!("{speaker}-{emotion}.wav");
            let listed = Listed {
                corpus,
                ..Listed::new(path, emotion.class(), Speaker::new(speaker))
            };
            (listed, Features::default())
        });
        Dataset::in_memory(Emotion::labels(), corpora, clips)
    }

    fn published(corpus: Published) -> Corpus {
        Corpus::published(corpus, corpus.name().into())
    }

    #[test]
    fn weights_are_under_the_licence_that_asks_for_most_and_credit_every_corpus() {
        let [ravdess, emodb] = [Published::Ravdess, Published::Emodb].map(published);
        let own = Corpus::manifest("club".into(), "Voices of our club".into(), "".into());
        let of = |corpora: &[&Corpus]| dataset(corpora.iter().map(|&c| c.clone()).collect(), &[]);
        for (corpora, licence) in [
            (&[&emodb][..], "CC0-1.0"),
            (&[&emodb, &ravdess], "CC-BY-NC-SA-4.0"),
            (&[&ravdess, &emodb, &own], "NOASSERTION"),
            (&[], "NOASSERTION"),
        ] {
            assert_eq!(of(corpora).licence(), licence);
        }
        let all = of(&[&ravdess, &emodb, &own]);
        let credits = all.attribution();
        for part in [
            "Trained on RAVDESS: ",
            "; on EMO-DB: ",
            "; on Voices of our club",
        ] {
            assert!(credits.contains(part), "{part}: {credits}");
        }
        assert_eq!(
            all.title(),
            "RAVDESS speech, audio only; EMO-DB; Voices of our club"
        );
    }

    #[test]
    fn a_corpus_of_one_speaker_or_one_label_is_unfit_for_testing_with_the_reason() {
        let corpora = Published::ALL.map(published).to_vec();
        let dataset = dataset(
            corpora,
            &[
                (0, "1", Emotion::Sad),
                (0, "2", Emotion::Happy),
                (1, "1", Emotion::Sad),
                (1, "1", Emotion::Happy),
                (2, "nemo-KD0", Emotion::Sad),
                (2, "nemo-WR0", Emotion::Sad),
            ],
        );
        assert_eq!(dataset.unfit_for_testing(0), None);
        for (corpus, reason) in [
            (1, "ravdess-song has one speaker only (1)"),
            (2, "nemo has one label only (sad)"),
            (3, "emodb has no clips"),
        ] {
            let found = dataset.unfit_for_testing(corpus).unwrap();
            assert!(found.starts_with(reason), "{found}");
        }
        assert_eq!(dataset.clips_of(1).collect::<Vec<_>>(), [2, 3]);
        let labels = [Emotion::Happy.class(), Emotion::Sad.class()];
        assert_eq!(dataset.labels_of(1), labels);
    }

    #[test]
    fn the_digest_of_clips_changes_with_corpus_label_and_features_and_with_nothing_else() {
        let clips = [(0, "a", Emotion::Sad)];
        let digest =
            |dataset: &Dataset| dataset.digest_of(&dataset.clips.iter().collect::<Vec<_>>());
        let first = dataset(vec![published(Published::Nemo)], &clips);
        let mut same = first.clone();
        same.clips[0].language = Some("pl".into());
        assert_eq!(digest(&same), digest(&first));
        let elsewhere = dataset(vec![published(Published::Emodb)], &clips);
        let angry = [(0, "a", Emotion::Angry)];
        let angry = dataset(vec![published(Published::Nemo)], &angry);
        let mut heard_anew = first.clone();
        heard_anew.clips[0].rows.sha256 = "other".into();
        for other in [elsewhere, angry, heard_anew] {
            assert_ne!(digest(&other), digest(&first));
        }
    }
}
