//! Audio files that are not used, and why.

use std::fmt;

/// Why an audio file was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is a folder that cannot be looked into.
    Closed,
    /// Its name does not belong to the corpus.
    Name,
    /// It belongs to another part of the collection: song, speech, or made from video.
    Kind,
    /// There is a file of the same name, in another folder or format.
    Doubled,
    /// It sounds the same, sample by sample, as a clip before it.
    Duplicate,
    /// It is damaged, empty, silent or of a sample rate that cannot be processed.
    Bad,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => {
                "these folders cannot be read; give yourself the permission to use their clips"
            }
            Self::Name => "their names are not those of the corpus",
            Self::Kind => "they belong to another part of RAVDESS",
            Self::Doubled => "a file of the same name came before",
            Self::Duplicate => "the same audio came before",
            Self::Bad => "they cannot be used",
        })
    }
}

/// An audio file that was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Why not.
    pub reason: Reason,
    /// Its path relative to the corpus, and further details.
    pub detail: String,
}

impl Skipped {
    /// A file and why it is not used.
    pub fn new(reason: Reason, detail: String) -> Self {
        Self { reason, detail }
    }
}
