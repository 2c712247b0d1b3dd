//! What may lie between a voice and the program: the conditions under which clips are judged.

use anyhow::Result;

/// A mono recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// Full scale ±1; more is allowed.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate_hz: u32,
}

/// A way to change a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As recorded.
    Clean,
}

impl Condition {
    /// Its name in files and tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
        }
    }

    /// Whether nothing is changed.
    pub fn is_clean(&self) -> bool {
        *self == Self::Clean
    }

    /// The recording under this condition; the same `path` gives the same sound.
    ///
    /// # Errors
    /// When an encoder fails.
    pub fn apply(&self, sound: &Sound, _path: &str) -> Result<Sound> {
        Ok(sound.clone())
    }
}
