//! From a [`Record`] to files that other programs open. One module per format, each a pure
//! function.
//!
//! Numbers are plain decimals with a point; times are those of the record. Line breaks, tabs and
//! control characters in names and notes become spaces. Every format says that a machine judged and
//! which model it was, and keeps a person's corrections apart from what the program said. An
//! utterance without a label is "unsure"; one without length is left out where a format does not
//! allow it.
//! Drawing the timeline as a picture is left to the page.

pub mod audacity;
pub mod audformat;
pub mod csv;
pub mod elan;
pub mod emotionml;
pub mod json;
pub mod text;
pub mod textgrid;
pub mod webvtt;
mod wording;

use std::{fmt, ops::Range, str::FromStr};

use crate::record::{Note, Record, Source, Utterance};

/// A format of another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with a row for each utterance.
    Csv,
    /// Everything in the record; can be read back.
    Json,
    /// Subtitles for the web.
    WebVtt,
    /// Praat.
    TextGrid,
    /// ELAN.
    Elan,
    /// Audacity's labels.
    Audacity,
    /// EmotionML 1.0 of the W3C.
    EmotionMl,
    /// A table that audformat reads.
    Audformat,
    /// Lines with `[HH:MM:SS]`, for MAXQDA, NVivo and ATLAS.ti.
    Text,
}

/// A record with no source or several cannot be written in a format for one recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a file in the format {format} holds one recording, not {found}")]
pub struct OneRecordingOnly {
    /// The format.
    pub format: Format,
    /// Number of sources in the record.
    pub found: usize,
}

/// There is no format with this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format {0:?}; use {names}", names = Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat(pub String);

impl Format {
    /// Every format.
    pub const ALL: [Self; 9] = [
        Self::Csv,
        Self::Json,
        Self::WebVtt,
        Self::TextGrid,
        Self::Elan,
        Self::Audacity,
        Self::EmotionMl,
        Self::Audformat,
        Self::Text,
    ];

    /// The name by which it is chosen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::WebVtt => "webvtt",
            Self::TextGrid => "textgrid",
            Self::Elan => "elan",
            Self::Audacity => "audacity",
            Self::EmotionMl => "emotionml",
            Self::Audformat => "audformat",
            Self::Text => "text",
        }
    }

    /// The file name extension, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv | Self::Audformat => "csv",
            Self::Json => "json",
            Self::WebVtt => "vtt",
            Self::TextGrid => "TextGrid",
            Self::Elan => "eaf",
            Self::Audacity | Self::Text => "txt",
            Self::EmotionMl => "emotionml",
        }
    }

    /// Whether one file holds any number of recordings; otherwise it holds exactly one.
    pub const fn holds_several(self) -> bool {
        match self {
            Self::Csv | Self::Json | Self::EmotionMl | Self::Audformat | Self::Text => true,
            Self::WebVtt | Self::TextGrid | Self::Elan | Self::Audacity => false,
        }
    }

    /// The contents of a file, in UTF-8.
    ///
    /// # Errors
    /// When the format is for one recording and the record has none or several.
    pub fn write(self, record: &Record) -> Result<String, OneRecordingOnly> {
        let of_one = |write: fn(&Record, &Source) -> String| match &record.sources[..] {
            [source] => Ok(write(record, source)),
            sources => Err(OneRecordingOnly {
                format: self,
                found: sources.len(),
            }),
        };
        match self {
            Self::Csv => Ok(csv::write(record)),
            Self::Json => Ok(json::write(record)),
            Self::WebVtt => of_one(webvtt::write),
            Self::TextGrid => of_one(textgrid::write),
            Self::Elan => of_one(elan::write),
            Self::Audacity => of_one(audacity::write),
            Self::EmotionMl => Ok(emotionml::write(record)),
            Self::Audformat => Ok(audformat::write(record)),
            Self::Text => Ok(text::write(record)),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let known = Self::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// What the lanes are called: on one line, each with a name, all different.
fn lane_names(source: &Source) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for lane in &source.lanes {
        let name = match wording::one_line(&lane.name) {
            name if name.is_empty() => format!("speaker {}", names.len() + 1),
            name => name,
        };
        let mut unique = name.clone();
        for n in 2.. {
            if !names.contains(&unique) {
                break;
            }
            unique = format!("{name} ({n})");
        }
        names.push(unique);
    }
    names
}

/// What a person sees in one list: start and end in ms and a text, for sections, utterances and
/// notes in order of time.
fn listed(source: &Source) -> Vec<(u64, u64, String)> {
    let names = lane_names(source);
    let mut list = Vec::new();
    for section in &source.sections {
        let text = format!("Section: {}", wording::one_line(&section.name));
        list.push((section.start_ms, section.end_ms, text));
    }
    for utterance in &source.utterances {
        let name = names.get(utterance.lane).map_or("", String::as_str);
        let text = format!("{name}: {}", wording::claim(utterance));
        list.push((utterance.start_ms, utterance.end_ms, text));
    }
    for note in &source.notes {
        let text = format!("Note: {}", wording::one_line(&note.text));
        list.push((note.at_ms, note.at_ms, text));
    }
    list.sort_by_key(|(start_ms, ..)| *start_ms);
    list
}

/// The notes in order of time; notes at the same moment are merged.
fn noted(source: &Source) -> Vec<(u64, String)> {
    let mut sorted: Vec<&Note> = source.notes.iter().collect();
    sorted.sort_by_key(|note| note.at_ms);
    let mut notes: Vec<(u64, String)> = Vec::new();
    for note in sorted {
        match notes.last_mut() {
            Some((at_ms, text)) if *at_ms == note.at_ms => {
                text.push_str("; ");
                text.push_str(&note.text);
            }
            _ => notes.push((note.at_ms, note.text.clone())),
        }
    }
    notes
}

/// A lane's utterances, made [`apart`].
fn spoken(source: &Source, lane: usize) -> Vec<(Range<u64>, &Utterance)> {
    let of_lane = source.utterances.iter().filter(|u| u.lane == lane);
    apart(of_lane.map(|u| (u.start_ms..u.end_ms, u)))
}

/// Stretches of ms in order of time; each begins where the previous one ends or later, and none is
/// empty.
fn apart<T>(stretches: impl Iterator<Item = (Range<u64>, T)>) -> Vec<(Range<u64>, T)> {
    let mut sorted: Vec<(Range<u64>, T)> = stretches.collect();
    sorted.sort_by_key(|(ms, _)| (ms.start, ms.end));
    let mut end = 0;
    sorted.retain_mut(|(ms, _)| {
        ms.start = ms.start.max(end);
        end = end.max(ms.end);
        !ms.is_empty()
    });
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        Lane, Section,
        tests::{call, record, source, utterance},
    };

    /// Everything that a person may type or a file may be called.
    pub(super) const AWKWARD: &str =
        "\"O'Neil\" <b>&amp; \n\r\n5 --> 6\t[00:00:01], \u{202e}שלום\u{0}\u{2028};=1+1\u{ffff}";

    /// A record in which all text is [`AWKWARD`].
    pub(super) fn awkward() -> Record {
        let mut said = utterance(1, 0, 1_000, Some("angry"));
        said.correction = Some(AWKWARD.to_owned());
        let mut heard = source(2_000, vec![said, utterance(2, 1_000, 1_000, None)]);
        heard.name = AWKWARD.to_owned();
        heard.lanes = vec![Lane {
            name: AWKWARD.to_owned(),
        }];
        heard.sections = vec![Section {
            start_ms: 0,
            end_ms: 2_000,
            name: AWKWARD.to_owned(),
        }];
        heard.notes = vec![Note {
            at_ms: 500,
            text: AWKWARD.to_owned(),
        }];
        let mut record = record(vec![heard]);
        record.model.trained_on = AWKWARD.to_owned();
        record
    }

    #[test]
    fn names_lead_back_to_formats_and_another_is_answered_with_the_list() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert_eq!(
            "praat".parse::<Format>().unwrap_err().to_string(),
            "there is no format \"praat\"; use csv, json, webvtt, textgrid, elan, audacity, \
             emotionml, audformat, text"
        );
    }

    #[test]
    fn a_format_of_one_recording_refuses_none_and_several() {
        for format in Format::ALL {
            let several = record(vec![source(10, vec![]), source(10, vec![])]);
            for (record, found) in [(record(vec![]), 0), (several, 2)] {
                let written = format.write(&record);
                assert_eq!(written.is_ok(), format.holds_several(), "{format}");
                if let Err(error) = written {
                    assert_eq!(error, OneRecordingOnly { format, found });
                }
            }
            format.write(&call()).unwrap();
        }
    }

    #[test]
    fn every_format_says_that_a_machine_judged_and_which() {
        for format in Format::ALL {
            let written = format.write(&call()).unwrap();
            for word in ["machine", "Speech Emotion 0.1.0", "ab12"] {
                assert!(
                    written.contains(word) || format == Format::Json,
                    "{format}: {word}"
                );
            }
        }
        let json = Format::Json.write(&call()).unwrap();
        for word in ["a machine", "\"Speech Emotion\"", "\"0.1.0\"", "\"ab12\""] {
            assert!(json.contains(word), "{word}");
        }
    }

    #[test]
    fn no_text_brings_line_breaks_or_control_characters_into_a_file() {
        for format in Format::ALL {
            let lines = |record: &Record| format.write(record).unwrap().lines().count();
            let mut plain = awkward();
            plain.model.trained_on = "voices".to_owned();
            let heard = &mut plain.sources[0];
            heard.utterances[0].correction = Some("bored".to_owned());
            heard.lanes[0].name = "Anna".to_owned();
            heard.sections[0].name = "one".to_owned();
            heard.notes[0].text = "two".to_owned();
            // audformat finds the file by its path.
            if format != Format::Audformat {
                heard.name = "talk.wav".to_owned();
            }
            assert_eq!(lines(&awkward()), lines(&plain), "{format}");
            let written = format.write(&awkward()).unwrap();
            if format != Format::Audformat {
                let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
                assert!(!written.contains(strange), "{format}: {written:?}");
            }
        }
    }

    #[test]
    fn a_session_without_speech_is_written_in_every_format() {
        for format in Format::ALL {
            for duration_ms in [0, 1_000] {
                let written = format.write(&record(vec![source(duration_ms, vec![])]));
                assert!(written.is_ok_and(|text| text.ends_with('\n')), "{format}");
            }
        }
    }

    #[test]
    fn lanes_without_a_name_or_with_the_same_are_told_apart() {
        let mut heard = source(0, vec![]);
        heard.lanes = ["Anna", "", "Anna", " Anna\n", "Anna (2)"]
            .map(|name| Lane {
                name: name.to_owned(),
            })
            .into();
        let names = ["Anna", "speaker 2", "Anna (2)", "Anna (3)", "Anna (2) (2)"];
        assert_eq!(lane_names(&heard), names);
    }

    #[test]
    fn stretches_are_put_in_order_and_apart() {
        let stretches = [
            (5..9, 'c'),
            (0..4, 'a'),
            (3..6, 'b'),
            (7..8, 'd'),
            (2..2, 'e'),
        ];
        let apart = apart(stretches.into_iter());
        assert_eq!(apart, [(0..4, 'a'), (4..6, 'b'), (6..9, 'c')]);
    }
}
