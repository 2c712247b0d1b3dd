//! Transcripts with times: WebVTT, SRT, and the JSON of Whisper and its relatives.

use serde::{Deserialize, Serialize};

use crate::record::{milliseconds, whole_ms};

/// A cue or segment of a transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sentence {
    /// When it begins, in ms.
    #[serde(deserialize_with = "milliseconds")]
    pub start_ms: u64,
    /// When it ends, in ms.
    #[serde(deserialize_with = "milliseconds")]
    pub end_ms: u64,
    /// Who says it; none if the transcript does not say.
    #[serde(default)]
    pub speaker: Option<String>,
    /// The words, on one line.
    pub text: String,
}

/// Why a transcript cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// It is neither WebVTT nor SRT nor JSON, or has no words in it.
    #[error("it holds no sentence with times, expected WebVTT, SRT or the JSON of whisper")]
    Nothing,
    /// A line with `-->` does not have two times.
    #[error("line {line} is {found:?}, expected two times such as 00:00:01.500 --> 00:00:02.000")]
    Times {
        /// Its number, from 1.
        line: usize,
        /// The line's text.
        found: String,
    },
    /// Something ends before it begins.
    #[error("sentence {number} ends before it begins")]
    Backwards {
        /// Its number, from 1.
        number: usize,
    },
    /// A segment of JSON has no times, or not both.
    #[error("segment {number} has no start and end")]
    NoTimes {
        /// Its number, from 1.
        number: usize,
    },
    /// It is broken JSON, or JSON of another kind.
    #[error(
        "it is not the JSON of whisper, with \"segments\", \"transcription\" or \"chunks\" that have times \
         and text: {0}"
    )]
    Json(#[from] serde_json::Error),
}

/// Reads a transcript in any of the formats, which it recognises by how the text begins.
///
/// WebVTT's markup is removed from the words; its voices are the speakers. From JSON it reads
/// segments with `start` and `end` in seconds (whisper, whisperX, faster-whisper, OpenAI's
/// `verbose_json`), with `offsets` in ms (whisper.cpp), with a `timestamp` of two numbers
/// (transformers), and [`Sentence`]s.
///
/// # Errors
/// When it contains no sentence, or its times cannot be read; the line is named.
pub fn read_transcript(text: &str) -> Result<Vec<Sentence>, TranscriptError> {
    let text = text.trim_start_matches('\u{feff}');
    let sentences = match text.trim_start().chars().next() {
        Some('{' | '[') => segments(text)?,
        _ => cues(text)?,
    };
    if sentences.is_empty() {
        return Err(TranscriptError::Nothing);
    }
    let backwards = sentences
        .iter()
        .position(|sentence| sentence.end_ms < sentence.start_ms);
    match backwards {
        Some(index) => Err(TranscriptError::Backwards { number: index + 1 }),
        None => Ok(sentences),
    }
}

/// The cues of WebVTT or SRT.
fn cues(text: &str) -> Result<Vec<Sentence>, TranscriptError> {
    let is_webvtt = text.starts_with("WEBVTT");
    let mut sentences: Vec<Sentence> = Vec::new();
    let mut in_cue = false;
    for (index, line) in text.lines().enumerate() {
        if let Some((start, end)) = line.split_once("-->") {
            let end = end.split_whitespace().next().unwrap_or_default();
            let times = time_ms(start.trim()).zip(time_ms(end));
            let (start_ms, end_ms) = times.ok_or_else(|| TranscriptError::Times {
                line: index + 1,
                found: line.to_owned(),
            })?;
            sentences.push(Sentence {
                start_ms,
                end_ms,
                ..Sentence::default()
            });
            in_cue = true;
        } else if line.trim().is_empty() {
            in_cue = false;
        } else if let Some(sentence) = sentences.last_mut().filter(|_| in_cue) {
            if !sentence.text.is_empty() {
                sentence.text.push(' ');
            }
            sentence.text.push_str(line.trim());
        }
    }
    if is_webvtt {
        sentences.iter_mut().for_each(take_markup);
    }
    sentences.retain(|sentence| !sentence.text.is_empty());
    Ok(sentences)
}

/// `HH:MM:SS.mmm` or `MM:SS.mmm`, or with a comma.
fn time_ms(time: &str) -> Option<u64> {
    let (whole, ms) = time.split_once(['.', ','])?;
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<u64>().ok())?
    };
    let ms = number(ms).filter(|_| ms.len() == 3)?;
    let mut seconds = 0_u64;
    let mut parts = 0;
    for part in whole.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(number(part)?)?;
        parts += 1;
    }
    if (2..=3).contains(&parts) {
        seconds.checked_mul(1_000)?.checked_add(ms)
    } else {
        None
    }
}

/// Removes WebVTT's tags from a text, takes the speaker from the voice tag, and decodes character
/// references.
fn take_markup(sentence: &mut Sentence) {
    let mut plain = String::new();
    let mut rest = sentence.text.as_str();
    let mut speaker = None;
    while let Some((before, after)) = rest.split_once('<') {
        plain += before;
        let Some((tag, after)) = after.split_once('>') else {
            rest = "";
            break;
        };
        let (kind, name) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        if kind.split('.').next() == Some("v") && !name.trim().is_empty() {
            speaker.get_or_insert_with(|| unescaped(name.trim()));
        }
        rest = after;
    }
    plain += rest;
    sentence.text = unescaped(plain.trim());
    sentence.speaker = speaker;
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", "\u{a0}")
        .replace("&lrm;", "\u{200e}")
        .replace("&rlm;", "\u{200f}")
        .replace("&amp;", "&")
}

/// What the programs that write such files call the list of what was said.
#[derive(Deserialize)]
struct File {
    #[serde(alias = "transcription", alias = "chunks", alias = "sentences")]
    segments: Vec<Segment>,
}

/// With times in one of the ways to write them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    /// In seconds.
    start: Option<f64>,
    end: Option<f64>,
    start_ms: Option<f64>,
    end_ms: Option<f64>,
    /// In ms.
    offsets: Option<Offsets>,
    /// In seconds; the end of the last one may be missing.
    timestamp: Option<(f64, Option<f64>)>,
    text: String,
    speaker: Option<String>,
}

#[derive(Deserialize)]
struct Offsets {
    from: f64,
    to: f64,
}

/// What was said in a file of JSON.
fn segments(json: &str) -> Result<Vec<Sentence>, TranscriptError> {
    let segments = match json.trim_start().starts_with('[') {
        true => serde_json::from_str(json)?,
        false => serde_json::from_str::<File>(json)?.segments,
    };
    let mut sentences = Vec::new();
    for (index, segment) in segments.into_iter().enumerate() {
        let times = segment.times_ms();
        let (start_ms, end_ms) = times.ok_or(TranscriptError::NoTimes { number: index + 1 })?;
        let text = segment
            .text
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if !text.is_empty() {
            sentences.push(Sentence {
                start_ms: whole_ms(start_ms),
                end_ms: whole_ms(end_ms),
                speaker: segment.speaker,
                text,
            });
        }
    }
    Ok(sentences)
}

impl Segment {
    fn times_ms(&self) -> Option<(f64, f64)> {
        let seconds = self.start.zip(self.end).or_else(|| {
            let (start, end) = self.timestamp?;
            Some((start, end.unwrap_or(start)))
        });
        let offsets = self.offsets.as_ref();
        let ms = offsets.map(|offsets| (offsets.from, offsets.to));
        ms.or(self.start_ms.zip(self.end_ms))
            .or(seconds.map(|(start, end)| (1e3 * start, 1e3 * end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{export::Format, record::tests::call};

    fn sentence(start_ms: u64, end_ms: u64, speaker: Option<&str>, text: &str) -> Sentence {
        Sentence {
            start_ms,
            end_ms,
            speaker: speaker.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    #[test]
    fn webvtt_is_read_without_its_markup() {
        let vtt = "\u{feff}WEBVTT - talk\r\nKind: captions\r\n\r\nNOTE not said\r\n\r\nSTYLE\r\n::cue {}\r\n\r\n\
                   intro\r\n00:01.500 --> 00:02.000 align:start position:10%\r\n<v.loud Anna B.>I <i>waited</i>\r\n\
                   <00:01.700>an hour &amp;lt; it&#39;s.</v>\r\n\r\n\
                   01:00:00.000 --> 01:00:01.250\r\nHello\r\n\r\n00:00:03.000 --> 00:00:04.000\r\n\r\n";
        assert_eq!(
            read_transcript(vtt).unwrap(),
            [
                sentence(1_500, 2_000, Some("Anna B."), "I waited an hour &lt; it's."),
                sentence(3_600_000, 3_601_250, None, "Hello"),
            ]
        );
    }

    #[test]
    fn srt_is_read_with_every_character() {
        let srt = "1\n00:00:01,500 --> 00:00:02,000\n3 < 5 & more\nsaid she\n\n2\n00:00:02,000 --> 00:00:03,000\nשלום\n";
        assert_eq!(
            read_transcript(srt).unwrap(),
            [
                sentence(1_500, 2_000, None, "3 < 5 & more said she"),
                sentence(2_000, 3_000, None, "שלום"),
            ]
        );
    }

    #[test]
    fn the_json_of_whisper_and_its_relatives_is_read() {
        let expected = [sentence(500, 2_250, None, "I waited.")];
        for json in [
            "{\"text\": \"\", \"segments\": [{\"id\": 0, \"start\": 0.5, \"end\": 2.25, \"text\": \" I waited.\"}]}",
            "{\"transcription\": [{\"timestamps\": {\"from\": \"\", \"to\": \"\"}, \
             \"offsets\": {\"from\": 500, \"to\": 2250}, \"text\": \" I waited.\"}]}",
            "{\"text\": \"\", \"chunks\": [{\"timestamp\": [0.5, 2.25], \"text\": \" I waited.\"}]}",
            " [{\"start\": 0.5, \"end\": 2.25, \"text\": \" I waited.\"}, {\"start\": 3, \"end\": 4, \"text\": \" \"}]",
            "[{\"startMs\": 500, \"endMs\": 2249.6, \"text\": \"I waited.\"}]",
            "{\"version\": 1, \"sentences\": [{\"startMs\": 500, \"endMs\": 2250, \"text\": \"I waited.\", \"label\": \"sad\"}]}",
        ] {
            assert_eq!(read_transcript(json).unwrap(), expected, "{json}");
        }
        let open = "{\"chunks\": [{\"timestamp\": [0.5, null], \"text\": \"I\"}]}";
        assert_eq!(
            read_transcript(open).unwrap(),
            [sentence(500, 500, None, "I")]
        );
        let spoken =
            "{\"segments\": [{\"start\": 0, \"end\": 1, \"text\": \"I\", \"speaker\": \"Anna\"}]}";
        assert_eq!(
            read_transcript(spoken).unwrap(),
            [sentence(0, 1_000, Some("Anna"), "I")]
        );
    }

    #[test]
    fn our_own_subtitles_are_read() {
        let vtt = Format::WebVtt.write(&call()).unwrap();
        assert_eq!(
            read_transcript(&vtt).unwrap(),
            [
                sentence(
                    500,
                    2_000,
                    Some("Anna"),
                    "sad (corrected; machine: angry 83 %)"
                ),
                sentence(1_500, 3_250, Some("Ben"), "unsure"),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |text: &str| read_transcript(text).unwrap_err().to_string();
        for text in ["", "WEBVTT\n", "Dear diary,", "{\"segments\": []}"] {
            assert!(
                refused(text).starts_with("it holds no sentence with times"),
                "{text}"
            );
        }
        for times in [
            "0:1 --> 0:2",
            "00:00:01.5 --> 00:00:02.000",
            "-->",
            "00:00:-1,500 --> 00:00:02,000",
        ] {
            let error = refused(&format!("1\n{times}\nHi\n"));
            assert!(error.starts_with("line 2 is "), "{error}");
        }
        assert_eq!(
            refused("1\n00:00:02,000 --> 00:00:01,000\nHi\n"),
            "sentence 1 ends before it begins"
        );
        assert_eq!(
            refused("[{\"text\": \"no times\", \"start\": 1}]"),
            "segment 1 has no start and end"
        );
        for json in ["{", "{\"words\": []}", "[{\"start\": 0, \"end\": 1}]"] {
            assert!(
                refused(json).starts_with("it is not the JSON of whisper"),
                "{json}"
            );
        }
        let endless = format!("{0}:00.000 --> {0}:01.000\nHi", u64::MAX);
        assert!(refused(&endless).starts_with("line 1 is "));
    }
}
