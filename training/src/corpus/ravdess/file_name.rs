//! RAVDESS's file names, `MM-VC-EM-IN-ST-RE-AC`: the only labels the data set has.

use std::{fmt, path::Path};

use super::Emotion;
use crate::corpus::Sex;

/// What a RAVDESS file name says about its clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileName {
    /// 1 audio and video, 2 video only, 3 audio only.
    pub modality: u8,
    /// 1 speech, 2 song.
    pub channel: u8,
    /// The emotion acted.
    pub emotion: Emotion,
    /// Strong rather than normal intensity; neutral has no strong clips.
    pub strong: bool,
    /// 1 "Kids are talking by the door", 2 "Dogs are sitting by the door".
    pub statement: u8,
    /// 1 or 2.
    pub repetition: u8,
    /// 1 to 24; odd actors are male, even ones female.
    pub actor: u8,
}

impl FileName {
    /// Reads a file name without its extension; none if it is not one of RAVDESS's.
    pub fn parse(stem: &str) -> Option<Self> {
        let mut codes = [0; 7];
        let mut parts = stem.split('-');
        for code in &mut codes {
            let part = parts.next()?;
            if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            *code = part.parse().ok()?;
        }
        let [
            modality,
            channel,
            emotion,
            intensity,
            statement,
            repetition,
            actor,
        ] = codes;
        let in_range = parts.next().is_none()
            && (1..=3).contains(&modality)
            && (1..=2).contains(&channel)
            && (1..=2).contains(&intensity)
            && (1..=2).contains(&statement)
            && (1..=2).contains(&repetition)
            && (1..=24).contains(&actor);
        in_range.then_some(Self {
            modality,
            channel,
            emotion: Emotion::from_ravdess_code(emotion)?,
            strong: intensity == 2,
            statement,
            repetition,
            actor,
        })
    }

    /// Reads the name of the file at `path`, whatever its folder and extension.
    pub fn of(path: &Path) -> Option<Self> {
        Self::parse(path.file_stem()?.to_str()?)
    }

    /// The actor's sex.
    pub fn sex(&self) -> Sex {
        if self.actor % 2 == 1 {
            Sex::Male
        } else {
            Sex::Female
        }
    }

    /// Whether the clip was recorded as audio only, like those used here, and not made from video.
    pub fn is_audio_only(&self) -> bool {
        self.modality == 3
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02}-{:02}-{:02}-{:02}-{:02}-{:02}-{:02}",
            self.modality,
            self.channel,
            self.emotion.ravdess_code(),
            u8::from(self.strong) + 1,
            self.statement,
            self.repetition,
            self.actor
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_and_written_back() {
        let name = FileName::of(Path::new("Actor_12/03-01-06-01-02-01-12.wav")).unwrap();
        assert_eq!(
            name,
            FileName {
                modality: 3,
                channel: 1,
                emotion: Emotion::Fearful,
                strong: false,
                statement: 2,
                repetition: 1,
                actor: 12,
            }
        );
        assert!(name.is_audio_only());
        assert_eq!(name.to_string(), "03-01-06-01-02-01-12");
    }

    #[test]
    fn song_and_video_are_told_apart_from_speech() {
        assert_eq!(FileName::parse("03-02-06-01-02-01-12").unwrap().channel, 2);
        let video = FileName::parse("01-01-06-01-02-01-12").unwrap();
        assert!(!video.is_audio_only());
    }

    #[test]
    fn other_names_are_refused() {
        for stem in [
            "",
            "kids-are-talking",
            "03-01-06-01-02-01",
            "03-01-06-01-02-01-12-01",
            "03-01-09-01-02-01-12",
            "03-01-00-01-02-01-12",
            "03-01-06-03-02-01-12",
            "03-01-06-01-02-01-25",
            "03-01-06-01-02-01-00",
            "3-1-6-1-2-1-12",
            "03-01-06-01-02-01-+1",
            "03-01-06-01-02-01-12 (1)",
        ] {
            assert_eq!(FileName::parse(stem), None, "{stem}");
        }
    }
}
