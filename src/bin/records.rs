//! The records program: what the page and context.js call. See [`records`].

use speech_emotion::web::records;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {}

/// See [`records::export_record`].
#[wasm_bindgen(js_name = exportRecord)]
pub fn export_record(record: &JsValue, format: &str) -> Result<String, JsValue> {
    records::export_record(record, format)
}

/// See [`records::read_record`].
#[wasm_bindgen(js_name = readRecord)]
pub fn read_record(text: &str) -> Result<JsValue, JsValue> {
    records::read_record(text)
}

/// See [`records::prompt_context`].
#[wasm_bindgen(js_name = promptContext)]
pub fn prompt_context(utterances: &JsValue, options: &JsValue) -> Result<JsValue, JsValue> {
    records::prompt_context(utterances, options)
}

/// See [`records::read_transcript`].
#[wasm_bindgen(js_name = readTranscript)]
pub fn read_transcript(text: &str) -> Result<JsValue, JsValue> {
    records::read_transcript(text)
}

/// See [`records::annotate_as_text`].
#[wasm_bindgen(js_name = annotateAsText)]
pub fn annotate_as_text(
    transcript: &JsValue,
    utterances: &JsValue,
    options: &JsValue,
) -> Result<String, JsValue> {
    records::annotate_as_text(transcript, utterances, options)
}
