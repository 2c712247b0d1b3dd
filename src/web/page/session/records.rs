//! The records program, loaded once there is a session or when it is first needed: sessions to files and back.

use js_sys::{Array, Function, JSON, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::File;

use crate::{
    protocol::Fields,
    web::{
        error::WebError,
        object::{object, window},
    },
};

/// Most bytes that are read of a session: a day of one takes less.
const MAX_BYTES: f64 = 50e6;

/// What a JSON file turned out to be.
pub enum Opened {
    /// A session, as [`crate::record::Record`] is in JSON.
    Session(JsValue),
    /// A voice's calibration, or what claims to be none else.
    Calibration(String),
    /// What was said, with times.
    Transcript(String),
}

/// Has the program here before it is needed.
pub fn fetch() {
    spawn_local(async {
        // What needs it says that it is missing.
        let _ = program().await;
    });
}

/// The text of a file in the format of this name, as JavaScript's: nothing here reads it.
///
/// # Errors
/// When the program cannot be loaded, or has an error of its own.
pub async fn export(record: JsValue, format: String) -> Result<JsValue, WebError> {
    let written = call("exportRecord", &[record, format.as_str().into()]).await?;
    written.map_err(|error| WebError::NotExported(message(&error)))
}

/// Reads a JSON file.
///
/// # Errors
/// What is wrong with it.
pub async fn open(file: File) -> Result<Opened, WebError> {
    let name = file.name();
    if file.size() > MAX_BYTES {
        return Err(WebError::NoSession(name));
    }
    let unreadable = |_| WebError::NoSession(name.clone());
    let text = JsFuture::from(file.text()).await.map_err(unreadable)?;
    let text = text.as_string().unwrap_or_default();
    if is_transcript(&name) {
        let read = call("readTranscript", &[text.as_str().into()]).await?;
        return match read {
            Ok(_) => Ok(Opened::Transcript(text)),
            Err(_) => Err(WebError::NoTranscript(name)),
        };
    }
    // A byte order mark is no JSON.
    let parsed = JSON::parse(text.trim_start_matches('\u{feff}'));
    if let Ok(parsed) = &parsed
        && parsed.object("gain").is_some()
    {
        return Ok(Opened::Calibration(text));
    }
    let read = call("readRecord", &[text.as_str().into()]).await?;
    if read.is_err()
        && call("readTranscript", &[text.as_str().into()])
            .await?
            .is_ok()
    {
        return Ok(Opened::Transcript(text));
    }
    read.map(Opened::Session).map_err(|error| {
        let code = error.text("code").unwrap_or_default();
        match code.as_str() {
            "other-version" => WebError::SessionOfOtherVersion(name.clone()),
            "json" | "damaged" if text.contains("speech-emotion-session") => {
                WebError::SessionDamaged {
                    name: name.clone(),
                    reason: message(&error),
                }
            }
            _ => WebError::NoSession(name.clone()),
        }
    })
}

/// Whether a file of this name holds what was said, with times.
pub fn is_transcript(name: &str) -> bool {
    name.ends_with(".vtt") || name.ends_with(".srt")
}

/// What an assistant is told of these utterances, with the words of a transcript where there is one.
///
/// # Errors
/// When the program cannot be loaded, or has an error of its own.
pub async fn for_assistant(
    utterances: JsValue,
    transcript: Option<String>,
) -> Result<String, WebError> {
    let failed = |error: JsValue| WebError::NotExported(message(&error));
    let whole = object(&[("turnStartMs", 0.into())]);
    let context = call("promptContext", &[utterances.clone(), whole.into()]).await?;
    let mut text = context.map_err(failed)?.text("text").unwrap_or_default();
    if let Some(transcript) = transcript {
        let given = [transcript.as_str().into(), utterances, object(&[]).into()];
        let said = call("annotateAsText", &given).await?.map_err(failed)?;
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&said.as_string().unwrap_or_default());
    }
    Ok(text)
}

fn message(error: &JsValue) -> String {
    error.text("message").unwrap_or_default()
}

/// What a function of the program answers or throws.
async fn call(name: &str, given: &[JsValue]) -> Result<Result<JsValue, JsValue>, WebError> {
    let program = program().await?;
    let function = Reflect::get(&program, &name.into());
    let function: Function = function.map_err(missing)?.unchecked_into();
    let given: Array = given.iter().collect();
    Ok(function.apply(&JsValue::NULL, &given))
}

/// The program, fetched for the first that needs it.
async fn program() -> Result<JsValue, WebError> {
    let load: Function = Reflect::get(&window(), &"records".into())
        .map_err(missing)?
        .unchecked_into();
    let loading: Promise = load
        .call0(&JsValue::NULL)
        .map_err(missing)?
        .unchecked_into();
    JsFuture::from(loading).await.map_err(missing)
}

fn missing(_: JsValue) -> WebError {
    WebError::RecordsUnavailable
}
