//! Fetching a file with its progress in bytes.

use js_sys::{Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, Response};

use crate::web::object::{object, window};

/// Fetches `url` with the options `init` of `fetch`; `received` gets each block.
///
/// # Errors
/// A reason in words, when the server does not answer or not with the file.
pub async fn download(
    url: &str,
    init: &Object,
    received: impl FnMut(Uint8Array),
) -> Result<(), String> {
    let response = window().fetch_with_str_and_init(url, init.unchecked_ref());
    receive(url, response, received).await
}

/// As [`download`] for the `response` that is to come from `url`.
///
/// # Errors
/// Those of [`download`].
pub async fn receive(
    url: &str,
    response: Promise,
    mut received: impl FnMut(Uint8Array),
) -> Result<(), String> {
    let failed = |_| [url, " could not be fetched"].concat();
    let response: Response = JsFuture::from(response)
        .await
        .map_err(failed)?
        .unchecked_into();
    if !response.ok() {
        let status = response.status().to_string();
        return Err([url, ": the server answered ", &status].concat());
    }
    let Some(body) = response.body() else {
        return Err([url, " is empty"].concat());
    };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    loop {
        let interrupted = |_| [url, ": the connection broke off"].concat();
        let block = JsFuture::from(reader.read()).await.map_err(interrupted)?;
        let value = Reflect::get(&block, &"value".into()).unwrap_or(JsValue::UNDEFINED);
        if value.is_undefined() {
            return Ok(());
        }
        received(value.unchecked_into());
    }
}

/// Replaces the browser's cached copy of `url`.
pub async fn refresh(url: &str) {
    let init = object(&[("cache", "reload".into())]);
    // A page that is about to be reloaded has nobody to tell; the reload shows what is wrong.
    let _ = JsFuture::from(window().fetch_with_str_and_init(url, init.unchecked_ref())).await;
}
