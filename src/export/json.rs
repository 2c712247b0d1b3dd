//! JSON with everything in a record; the only format that is read back.

use serde::{Deserialize, Serialize};

use crate::record::{Record, RecordError};

/// The file's own name for its format.
const FORMAT: &str = "speech-emotion-session";

/// Version of the file format that is written and read.
pub const VERSION: u32 = 1;

/// What the file says about who judged.
const JUDGED_BY: &str = "a machine, from the sound of the voice alone; labels may be wrong. Only \
                         corrections come from a person.";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    format: &'static str,
    version: u32,
    judged_by: &'static str,
    #[serde(flatten)]
    record: &'a Record,
}

/// Read before the rest, so that another file or version is named as such.
#[derive(Deserialize)]
struct Kind {
    format: Option<String>,
    version: Option<u32>,
}

/// Why a file cannot be read as a session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not JSON, or not in the form of a session.
    #[error("it is not a session, or damaged: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another kind.
    #[error("it is not a session: it does not say \"format\": {FORMAT:?}")]
    Format,
    /// It was made by another version of this program.
    #[error(
        "it is a session of version {0}, expected {VERSION}; open it with the program that made it"
    )]
    Version(u32),
    /// Its parts do not fit together.
    #[error("it is a damaged session: {0}")]
    Inconsistent(#[from] RecordError),
}

/// Writes a record.
pub fn write(record: &Record) -> String {
    let written = Written {
        format: FORMAT,
        version: VERSION,
        judged_by: JUDGED_BY,
        record,
    };
    // Everything in a record can be written as JSON: keys are text, and numbers that are not finite
    // become null.
    serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
}

/// Reads what [`write`] wrote; probabilities are restored to five digits.
///
/// # Errors
/// When it is something else, was made by another version, or is damaged.
pub fn read(json: &str) -> Result<Record, ReadError> {
    let json = json.trim_start_matches('\u{feff}');
    let kind: Kind = serde_json::from_str(json)?;
    if kind.format.as_deref() != Some(FORMAT) {
        return Err(ReadError::Format);
    }
    match kind.version {
        Some(VERSION) => {}
        Some(version) => return Err(ReadError::Version(version)),
        None => return Err(ReadError::Format),
    }
    let record: Record = serde_json::from_str(json)?;
    record.check()?;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        export::tests::awkward,
        record::tests::{call, record, source, utterance},
    };

    #[test]
    fn a_session_reads_back_as_written() {
        let mut unrounded = call();
        unrounded.sources[0].utterances[1] = utterance(2, 1_500, 3_250, Some("sad"));
        for record in [
            unrounded,
            awkward(),
            record(vec![]),
            record(vec![source(0, vec![])]),
        ] {
            let json = write(&record);
            let again = read(&json).unwrap();
            assert_eq!(write(&again), json);
            let without_shares = |record: &Record| {
                let mut record = record.clone();
                let sources = record.sources.iter_mut();
                for utterance in sources.flat_map(|source| &mut source.utterances) {
                    utterance.confidence = 0.0;
                    utterance.probabilities.0.clear();
                }
                record
            };
            assert_eq!(without_shares(&again), without_shares(&record));
        }
        assert_eq!(
            read(&write(&call())).unwrap().sources[0].utterances[0],
            call().sources[0].utterances[0]
        );
    }

    #[test]
    fn it_begins_with_what_it_is() {
        let json = write(&record(vec![]));
        let beginning = "{\n  \"format\": \"speech-emotion-session\",\n  \"version\": 1,\n  \"judgedBy\": \"a machine";
        assert!(json.starts_with(beginning), "{json}");
    }

    #[test]
    fn another_file_another_version_and_damage_are_told_apart() {
        let refused = |json: &str| read(json).unwrap_err().to_string();
        let json = write(&call());
        assert!(refused("{").starts_with("it is not a session, or damaged: EOF"));
        assert!(refused("[]").starts_with("it is not a session"));
        assert!(refused("{}").starts_with("it is not a session: it does not say \"format\""));
        assert_eq!(
            refused(&json.replace("\"version\": 1,", "\"version\": 2,")),
            "it is a session of version 2, expected 1; open it with the program that made it"
        );
        assert!(
            refused(&json.replace("\"lane\": 1", "\"lane\": 2"))
                .contains("utterances[1].lane is 2")
        );
        assert!(refused(&json.replace("\"confidence\"", "\"trust\"")).contains("confidence"));
        assert!(refused(&json[..json.len() / 2]).contains("EOF"));
        assert!(read(&format!("\u{feff}{json}")).is_ok());
    }
}
