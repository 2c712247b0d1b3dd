//! The corpora that the trainer knows by name, each in its own file: what it is, where it comes
//! from and what its file names say.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, Serialize};
use speech_emotion::class::Labels;

use super::{
    Sex, Speaker, emodb, nemo,
    ravdess::{self, Emotion, FileName},
};

/// A corpus that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Published {
    /// RAVDESS's speech, audio only.
    Ravdess,
    /// RAVDESS's song, audio only, by the same actors.
    RavdessSong,
    /// nEMO, acted Polish.
    Nemo,
    /// The Berlin database, acted German.
    Emodb,
}

/// Facts about a corpus.
#[derive(Debug)]
pub struct About {
    /// What a person calls it.
    pub name: &'static str,
    /// Its title, for model.json and the report.
    pub title: &'static str,
    /// Its licence (SPDX).
    pub licence: &'static str,
    /// The credit that the licence or its authors ask for.
    pub attribution: &'static str,
    /// Language spoken (ISO 639-1).
    pub language: &'static str,
    /// A name of one of its files.
    pub example: &'static str,
    /// Its clips, as far as they are known by name.
    pub(super) extent: Extent,
    /// What a file's name without its extension says.
    pub(super) read: fn(&str) -> Name,
    /// Where to get it.
    pub(super) source: Source,
}

/// The clips of a corpus, so that missing ones can be named.
#[derive(Debug)]
pub(super) enum Extent {
    /// All names without their extensions.
    Names(fn() -> Vec<String>),
    /// For each speaker, the number of clips, and how many of these have a label outside the eight
    /// emotions: copies may lack those.
    BySpeaker(&'static [(&'static str, usize, usize)]),
}

/// Where to get a corpus.
#[derive(Debug)]
pub(super) enum Source {
    /// An archive at a published address.
    Archive {
        /// Its name on disk.
        file_name: &'static str,
        url: &'static str,
        proof: Proof,
    },
    /// No address could be verified; how else to get it, as a sentence.
    Elsewhere(&'static str),
}

/// What an archive is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Its size and its MD5 in lower-case hexadecimal digits.
    Md5 {
        /// In bytes.
        size: u64,
        /// Of the whole archive.
        md5: &'static str,
    },
    /// The commit, which a code host packs anew each time, so that no checksum of the archive is
    /// published; the archive's comment names the commit. Every file in it has its own checksum.
    Commit(&'static str),
}

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A clip of the corpus.
    Clip(Told),
    /// It belongs to the same collection, but not to this part of it.
    OtherPart,
    /// Nothing.
    Foreign,
}

/// What the name of a clip says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The speaker's name in the corpus.
    pub speaker: String,
    /// In this project's words; possibly none of the eight emotions.
    pub label: &'static str,
    /// The speaker's sex.
    pub sex: Sex,
    /// What else RAVDESS's name says.
    pub ravdess: Option<FileName>,
}

impl Published {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ravdess, Self::RavdessSong, Self::Nemo, Self::Emodb];

    /// The corpus with this name; lists may spell it differently, such as `RAVDESS_song`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase().replace('_', "-");
        Self::ALL.into_iter().find(|corpus| corpus.name() == name)
    }

    /// Facts about it.
    pub fn about(self) -> &'static About {
        match self {
            Self::Ravdess => &ravdess::SPEECH,
            Self::RavdessSong => &ravdess::SONG,
            Self::Nemo => &nemo::ABOUT,
            Self::Emodb => &emodb::ABOUT,
        }
    }

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        self.about().name
    }

    /// Number of its published clips.
    pub fn clips(self) -> usize {
        match self.about().extent {
            Extent::Names(names) => names().len(),
            Extent::BySpeaker(speakers) => speakers.iter().map(|(_, clips, _)| clips).sum(),
        }
    }

    /// What the name of the file at `path` says, whatever its folder and extension.
    pub fn read(self, path: &Path) -> Name {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.map_or(Name::Foreign, self.about().read)
    }

    /// Whether its speakers are RAVDESS's actors, whose names are numbers from 1 to 24.
    pub fn is_ravdess(self) -> bool {
        matches!(self, Self::Ravdess | Self::RavdessSong)
    }

    /// The speaker with this name in the corpus, under a name that is unique across corpora.
    ///
    /// The speakers of RAVDESS's speech and song are the same actors; they are known by their
    /// numbers, which the published folds consist of: `ravdess05`, `Actor_05` and `5` are actor 5.
    /// All others are qualified by their corpus: `nemo-KD0`.
    pub fn speaker(self, name: &str) -> Speaker {
        let actor = || {
            let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
            let number: u8 = digits.parse().ok()?;
            (1..=24).contains(&number).then_some(number)
        };
        match self.is_ravdess().then(actor).flatten() {
            Some(number) => Speaker::new(number.to_string()),
            None => Speaker::new(format!("{}-{name}", self.name())),
        }
    }

    /// What is missing from it, given the file names (without extensions) that are there; none if
    /// nothing is missing.
    pub(super) fn missing<'a>(self, there: impl Iterator<Item = &'a str>) -> Option<Missing> {
        let emotions = Emotion::labels();
        match self.about().extent {
            Extent::Names(names) => Missing::by_name(names(), there),
            Extent::BySpeaker(speakers) => {
                let read = there.filter_map(|stem| match (self.about().read)(stem) {
                    Name::Clip(told) => Some(told),
                    _ => None,
                });
                Missing::by_speaker(speakers, read, &emotions)
            }
        }
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Clips of a published corpus that are not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub missing: usize,
    pub published: usize,
    /// The files, or whose files they are.
    pub named: Vec<String>,
}

impl Missing {
    fn by_name<'a>(names: Vec<String>, there: impl Iterator<Item = &'a str>) -> Option<Self> {
        let there: std::collections::HashSet<&str> = there.collect();
        let published = names.len();
        let named: Vec<String> = names
            .into_iter()
            .filter(|name| !there.contains(name.as_str()))
            .collect();
        (!named.is_empty()).then_some(Self {
            missing: named.len(),
            published,
            named,
        })
    }

    fn by_speaker(
        speakers: &[(&str, usize, usize)],
        there: impl Iterator<Item = Told>,
        emotions: &Labels,
    ) -> Option<Self> {
        let mut counts = BTreeMap::<String, usize>::new();
        let mut others = false;
        for told in there {
            others |= emotions.class(told.label).is_none();
            *counts.entry(told.speaker).or_default() += 1;
        }
        let mut found = Self {
            missing: 0,
            published: 0,
            named: Vec::new(),
        };
        for (speaker, clips, outside) in speakers {
            let published = if others { *clips } else { clips - outside };
            let count = counts.get(*speaker).copied().unwrap_or(0);
            found.published += published;
            if count < published {
                found.missing += published - count;
                found
                    .named
                    .push(format!("{} of {published} by {speaker}", published - count));
            }
        }
        (found.missing > 0).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(corpus: Published, path: &str) -> Told {
        match corpus.read(Path::new(path)) {
            Name::Clip(told) => told,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn every_corpus_is_found_by_its_name_and_reads_its_own_example() {
        for corpus in Published::ALL {
            assert_eq!(Published::named(corpus.name()), Some(corpus));
            let told = told(corpus, corpus.about().example);
            assert!(Emotion::labels().class(told.label).is_some(), "{told:?}");
            let others = Published::ALL.into_iter().filter(|other| *other != corpus);
            for other in others {
                let read = other.read(Path::new(corpus.about().example));
                assert!(!matches!(read, Name::Clip(_)), "{corpus} read by {other}");
            }
        }
        assert_eq!(
            Published::named("RAVDESS_Song"),
            Some(Published::RavdessSong)
        );
        assert_eq!(Published::named("iemocap"), None);
    }

    #[test]
    fn speakers_are_unique_but_for_the_actors_who_speak_and_sing() {
        for corpus in [Published::Ravdess, Published::RavdessSong] {
            for name in ["ravdess05", "Actor_05", "05", "5"] {
                assert_eq!(corpus.speaker(name), Speaker::new("5"));
            }
            let stranger = format!("{corpus}-99");
            assert_eq!(corpus.speaker("99"), Speaker::new(stranger));
        }
        assert_eq!(Published::Emodb.speaker("03"), Speaker::new("emodb-03"));
        assert_eq!(Published::Nemo.speaker("KD0"), Speaker::new("nemo-KD0"));
    }

    #[test]
    fn the_published_numbers_of_clips_are_those_of_names_and_speakers() {
        let sizes = Published::ALL.map(Published::clips);
        assert_eq!(sizes, [1_440, 1_012, 4_481, 535]);
        for corpus in [Published::Ravdess, Published::RavdessSong] {
            let Extent::Names(names) = corpus.about().extent else {
                panic!("{corpus}")
            };
            for name in names() {
                assert!(matches!((corpus.about().read)(&name), Name::Clip(_)));
            }
        }
    }

    #[test]
    fn missing_files_are_named_by_file_or_by_speaker() {
        let Extent::Names(names) = ravdess::SONG.extent else {
            panic!()
        };
        let mut there = names();
        assert_eq!(
            Published::RavdessSong.missing(there.iter().map(String::as_str)),
            None
        );
        let gone = there.remove(7);
        let missing = Published::RavdessSong.missing(there.iter().map(String::as_str));
        let missing = missing.unwrap();
        assert_eq!((missing.missing, missing.published), (1, 1_012));
        assert_eq!(missing.named, [gone]);

        // Without boredom, like many copies.
        let mut there = Vec::new();
        let Extent::BySpeaker(speakers) = emodb::ABOUT.extent else {
            panic!()
        };
        for (speaker, clips, outside) in speakers {
            there.extend((0..clips - outside).map(|_| format!("{speaker}a01Wa")));
        }
        let missing = |there: &[String]| Published::Emodb.missing(there.iter().map(String::as_str));
        assert_eq!(missing(&there), None);
        assert_eq!(missing(&there[1..]).unwrap().named, ["1 of 44 by 03"]);
        there.push("16a01La".to_owned());
        assert_eq!(missing(&there).unwrap().missing, 80);
    }
}
