//! The recordings to train on: who speaks in the clips, where they are and what their classes are
//! called.

pub mod clip_list;
pub mod download;
mod emodb;
mod find;
pub mod folds;
mod manifest;
mod nemo;
pub mod published;
pub mod ravdess;
mod skipped;
pub mod spelling;
pub mod unpack;

pub use published::Published;
pub use skipped::{Reason, Skipped};

use std::{cmp::Ordering, fmt, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};
use speech_emotion::class::Class;

use ravdess::FileName;

/// A collection of recordings, one of those that make up a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corpus {
    /// Short name, unique in a data set, such as "ravdess": what a person calls it.
    pub name: String,
    /// Where it comes from.
    pub kind: Kind,
    /// Its title, for model.json and the report.
    pub data_set: String,
    /// Folder that the clips' paths are relative to.
    pub folder: PathBuf,
    /// SPDX name of its licence, or [`NO_LICENCE`].
    pub licence: String,
    /// The credit that is due to it.
    pub attribution: String,
    /// Whether models are trained on it; one that is held out is used for testing only.
    pub trains: bool,
}

/// SPDX's term for an unknown licence.
pub const NO_LICENCE: &str = "NOASSERTION";

/// Where a collection of clips comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is known by name.
    Published(Published),
    /// It is listed in a CSV: one's own recordings.
    Manifest,
}

impl Corpus {
    /// A published corpus in a folder.
    pub fn published(corpus: Published, folder: PathBuf) -> Self {
        let about = corpus.about();
        Self {
            name: about.name.to_owned(),
            kind: Kind::Published(corpus),
            data_set: about.title.to_owned(),
            folder,
            licence: about.licence.to_owned(),
            attribution: about.attribution.to_owned(),
            trains: true,
        }
    }

    /// RAVDESS's speech in a folder.
    pub fn ravdess(folder: PathBuf) -> Self {
        Self::published(Published::Ravdess, folder)
    }

    /// Recordings that a CSV in `folder` lists.
    pub fn manifest(name: String, data_set: String, folder: PathBuf) -> Self {
        Self {
            name,
            kind: Kind::Manifest,
            attribution: data_set.clone(),
            data_set,
            folder,
            licence: NO_LICENCE.to_owned(),
            trains: true,
        }
    }

    /// Whether its speakers are RAVDESS's actors, whose names are numbers from 1 to 24.
    pub fn is_ravdess(&self) -> bool {
        matches!(self.kind, Kind::Published(corpus) if corpus.is_ravdess())
    }
}

/// A common title for several corpora.
pub fn title<'a>(corpora: impl IntoIterator<Item = &'a Corpus>) -> String {
    let titles: Vec<&str> = corpora.into_iter().map(|c| c.data_set.as_str()).collect();
    titles.join("; ")
}

/// The sex of a speaker, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Sex {
    Female,
    Male,
}

/// A clip that is available for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Path relative to the corpus folder, or absolute.
    pub path: String,
    /// Position of its corpus among those of the data set.
    pub corpus: usize,
    /// What it expresses.
    pub class: Class,
    /// Who speaks.
    pub speaker: Speaker,
    /// The speaker's sex, if known.
    pub sex: Option<Sex>,
    /// Language spoken, such as "pl" (ISO 639-1), if known.
    pub language: Option<String>,
    /// What else RAVDESS's file name says about it.
    pub ravdess: Option<FileName>,
}

impl Listed {
    /// A clip of the first corpus about which no more than this is known.
    pub fn new(path: String, class: Class, speaker: Speaker) -> Self {
        Self {
            path,
            corpus: 0,
            class,
            speaker,
            sex: None,
            language: None,
            ravdess: None,
        }
    }
}

/// The speaker, by a name of any kind; RAVDESS's actors are numbers. Numbers come first, in
/// numerical order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Speaker(String);

impl Speaker {
    /// The speaker with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as a number, if it is one.
    pub fn number(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// A number derived from the name, for random choices.
    pub fn seed(&self) -> u64 {
        self.number().unwrap_or_else(|| {
            let digest = Sha256::digest(self.0.as_bytes());
            digest
                .iter()
                .take(4)
                .fold(0, |seed, byte| (seed << 8) | u64::from(*byte))
        })
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Ord for Speaker {
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |speaker: &Self| speaker.number().unwrap_or(u64::MAX);
        number(self)
            .cmp(&number(other))
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Speaker {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'de> Deserialize<'de> for Speaker {
    /// From a text or, in folds, a number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl de::Visitor<'_> for Name {
            type Value = Speaker;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a speaker's name or number")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Speaker, E> {
                Ok(Speaker::new(name))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Speaker, E> {
                Ok(Speaker::new(number.to_string()))
            }
        }

        deserializer.deserialize_any(Name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn speakers_are_ordered_by_number_then_by_name_and_read_from_both() {
        let mut speakers = ["ben", "10", "anna", "2"].map(Speaker::new);
        speakers.sort();
        assert_eq!(speakers, ["2", "10", "anna", "ben"].map(Speaker::new));
        let read: Vec<Speaker> = serde_json::from_str("[2, \"10\", \"anna\"]").unwrap();
        assert_eq!(read, speakers[..3]);
        let by_speaker: BTreeMap<Speaker, u8> = serde_json::from_str("{\"10\":1,\"2\":2}").unwrap();
        assert_eq!(by_speaker[&Speaker::new("2")], 2);
        assert_eq!(
            serde_json::to_string(&by_speaker).unwrap(),
            "{\"2\":2,\"10\":1}"
        );
        assert_eq!(Speaker::new("7").seed(), 7);
        assert_ne!(Speaker::new("anna").seed(), Speaker::new("ben").seed());
    }
}
