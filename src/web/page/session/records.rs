//! The records program, loaded when it is first needed: sessions to files and back.

use js_sys::{Function, JSON, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::{
    protocol::Fields,
    web::{error::WebError, object::window},
};

/// Most bytes that are read of a session: a day of one takes less.
const MAX_BYTES: f64 = 50e6;

/// What a JSON file turned out to be.
pub enum Opened {
    /// A session, as [`crate::record::Record`] is in JSON.
    Session(JsValue),
    /// A voice's calibration, or what claims to be none else.
    Calibration(String),
}

/// The text of a file in the format of this name.
///
/// # Errors
/// When the program cannot be loaded, or has an error of its own.
pub async fn export(record: JsValue, format: String) -> Result<String, WebError> {
    let written = call("exportRecord", &[record, format.as_str().into()]).await?;
    let written = written.map_err(|error| WebError::NotExported(message(&error)))?;
    Ok(written.as_string().unwrap_or_default())
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
    // A byte order mark is no JSON.
    let parsed = JSON::parse(text.trim_start_matches('\u{feff}'));
    if let Ok(parsed) = &parsed
        && parsed.object("gain").is_some()
    {
        return Ok(Opened::Calibration(text));
    }
    let read = call("readRecord", &[text.as_str().into()]).await?;
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

fn message(error: &JsValue) -> String {
    error.text("message").unwrap_or_default()
}

/// What a function of the program answers or throws.
async fn call(name: &str, given: &[JsValue]) -> Result<Result<JsValue, JsValue>, WebError> {
    let missing = |_| WebError::RecordsUnavailable;
    let load: Function = Reflect::get(&window(), &"records".into())
        .map_err(missing)?
        .unchecked_into();
    let loading: Promise = load
        .call0(&JsValue::NULL)
        .map_err(missing)?
        .unchecked_into();
    let program = JsFuture::from(loading).await.map_err(missing)?;
    let function = Reflect::get(&program, &name.into()).map_err(missing)?;
    let function: Function = function.unchecked_into();
    Ok(match given {
        [first, second] => function.call2(&JsValue::NULL, first, second),
        [first] => function.call1(&JsValue::NULL, first),
        _ => function.call0(&JsValue::NULL),
    })
}
