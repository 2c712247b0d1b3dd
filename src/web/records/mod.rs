//! The records program: sessions to the files of other programs and back, and what assistants are told.
//!
//! It is loaded when somebody first needs it, by the page and by the pages of others alike, and stands apart
//! from both: plain objects in, plain objects out, as [`crate::record`] and [`crate::context`] have them.
//! They go through the browser's own JSON, so that one reader and one writer are in the program.

use js_sys::{Error, JSON, Reflect};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsValue;

use crate::{
    context::{self, AnnotateOptions, PromptOptions, Sentence},
    export::{Format, json},
    record::{Record, Utterance},
};

/// Why something was not done: becomes a JavaScript `Error` with a `code`.
struct Failure {
    code: &'static str,
    message: String,
}

impl Failure {
    fn new(code: &'static str, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        let error = Error::new(&failure.message);
        // An error takes every field.
        let _ = Reflect::set(&error, &"code".into(), &failure.code.into());
        error.into()
    }
}

/// A file's text in the format of this name; `record` is a [`Record`].
///
/// # Errors
/// Of code "record" when it is none or its parts do not fit each other, "format" for another format than
/// [`Format`] has, "one-recording-only" when that format is of one recording and the record of several.
pub fn export_record(record: &JsValue, format: &str) -> Result<String, JsValue> {
    let record: Record = of_object(record, "record")?;
    record
        .check()
        .map_err(|error| Failure::new("record", error))?;
    let format: Format = format
        .parse()
        .map_err(|error| Failure::new("format", error))?;
    let written = format.write(&record);
    Ok(written.map_err(|error| Failure::new("one-recording-only", error))?)
}

/// The [`Record`] that a session's JSON file holds.
///
/// # Errors
/// Of code "json" when it is broken, "other-file" when it is JSON of something else, "other-version" when
/// another version of this program made it, "damaged" when its parts do not fit each other.
pub fn read_record(text: &str) -> Result<JsValue, JsValue> {
    let record = json::read(text).map_err(|error| {
        let code = match &error {
            json::ReadError::Json(error) if error.is_data() => "damaged",
            json::ReadError::Json(_) => "json",
            json::ReadError::Format => "other-file",
            json::ReadError::Version(_) => "other-version",
            json::ReadError::Inconsistent(_) => "damaged",
        };
        Failure::new(code, error)
    })?;
    to_object(&record)
}

/// A [`context::PromptContext`] from a list of [`Utterance`]s and [`PromptOptions`].
///
/// # Errors
/// Of code "utterances" or "options" when they are none.
pub fn prompt_context(utterances: &JsValue, options: &JsValue) -> Result<JsValue, JsValue> {
    let utterances: Vec<Utterance> = of_object(utterances, "utterances")?;
    let options: PromptOptions = of_object(options, "options")?;
    to_object(&context::to_prompt_context(&utterances, &options))
}

/// The [`Sentence`]s of a transcript: the text of WebVTT, SRT or whisper's JSON.
///
/// # Errors
/// Of code "transcript" when it is none of them.
pub fn read_transcript(text: &str) -> Result<JsValue, JsValue> {
    to_object(&sentences(text)?)
}

/// A line for each sentence of a transcript, as text or as a list of [`Sentence`]s, with what was heard in it:
/// `[angry 0.83] text`. From a list of [`Utterance`]s and [`AnnotateOptions`].
///
/// # Errors
/// Of code "transcript", "utterances" or "options" when they are none.
pub fn annotate_as_text(
    transcript: &JsValue,
    utterances: &JsValue,
    options: &JsValue,
) -> Result<String, JsValue> {
    Ok(annotated(transcript, utterances, options)?.to_string())
}

fn annotated(
    transcript: &JsValue,
    utterances: &JsValue,
    options: &JsValue,
) -> Result<context::AnnotatedTranscript, JsValue> {
    let sentences = match transcript.as_string() {
        Some(text) => sentences(&text)?,
        None => of_object(transcript, "transcript")?,
    };
    let utterances: Vec<Utterance> = of_object(utterances, "utterances")?;
    let options: AnnotateOptions = if options.is_undefined() || options.is_null() {
        AnnotateOptions::default()
    } else {
        of_object(options, "options")?
    };
    Ok(context::annotate(&sentences, &utterances, &options))
}

fn sentences(text: &str) -> Result<Vec<Sentence>, Failure> {
    context::read_transcript(text).map_err(|error| Failure::new("transcript", error))
}

fn of_object<T: DeserializeOwned>(object: &JsValue, code: &'static str) -> Result<T, JsValue> {
    let text = JSON::stringify(object)?.as_string();
    // What is no JSON at all, such as a function, has no text.
    let text = text.unwrap_or_else(|| "null".to_owned());
    Ok(serde_json::from_str(&text).map_err(|error| Failure::new(code, error))?)
}

fn to_object(value: &impl Serialize) -> Result<JsValue, JsValue> {
    // Keys are text, so that nothing fails to be JSON.
    JSON::parse(&serde_json::to_string(value).unwrap_or_default())
}
