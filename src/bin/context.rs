//! The program of context.js: see [`speech_emotion::context::json`].
// Without what a program's end writes out.
#![cfg_attr(target_arch = "wasm32", no_main)]

use speech_emotion::context::json::{self, Error};
use wasm_bindgen::{JsError, prelude::wasm_bindgen};

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[cfg(not(target_arch = "wasm32"))]
fn main() {}

#[wasm_bindgen]
#[allow(missing_docs)]
pub fn prompt_context(utterances: &str, options: &str) -> Result<String, JsError> {
    json::prompt_context(utterances, options).map_err(named)
}

#[wasm_bindgen]
#[allow(missing_docs)]
pub fn annotated(transcript: &str, utterances: &str, options: &str) -> Result<String, JsError> {
    json::annotated(transcript, utterances, options).map_err(named)
}

#[wasm_bindgen]
#[allow(missing_docs)]
pub fn annotated_text(
    transcript: &str,
    utterances: &str,
    options: &str,
) -> Result<String, JsError> {
    json::annotated_text(transcript, utterances, options).map_err(named)
}

/// With the code, which context.js takes apart again.
fn named(error: Error) -> JsError {
    JsError::new(&[error.code(), "\n", &error.to_string()].concat())
}
