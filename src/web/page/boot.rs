//! What index.html has started: the worker with its model, of the kind for this browser.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::web::{
    client::{
        download::{receive, refresh},
        engine::{Engine, Sign},
    },
    error::WebError,
};

/// Takes over the worker that has started with the page, or starts another after the first; `no_model` is
/// called when its model could not be fetched.
///
/// # Errors
/// [`WebError::Unsupported`] where there are no module workers.
pub fn engine(
    on_sign: impl Fn(Sign) + Clone + 'static,
    no_model: impl FnOnce(WebError) + 'static,
) -> Result<Engine, WebError> {
    let (worker, early) = started().map_err(|_| WebError::Unsupported("module workers"))?;
    let model = Reflect::get(&worker, &"model".into());
    let model: Promise = model.unwrap_or_default().unchecked_into();
    spawn_local(async move {
        if let Err(reason) = JsFuture::from(model).await {
            let reason = reason.as_string();
            let reason = reason.unwrap_or_else(|| "The connection broke off".into());
            no_model(WebError::ModelUnavailable(reason));
        }
    });
    Ok(Engine::new(worker, &early, on_sign))
}

/// The worker and the events it has fired since it was started.
fn started() -> Result<(web_sys::Worker, Array), JsValue> {
    let (window, name) = (js_sys::global(), "engine".into());
    let mut worker = Reflect::get(&window, &name)?;
    if worker.is_null() {
        let start: Function = Reflect::get(&window, &"start".into())?.unchecked_into();
        worker = start.call0(&window)?;
    }
    Reflect::set(&window, &name, &JsValue::NULL)?;
    let early = Reflect::get(&worker, &"early".into())?;
    Ok((worker.unchecked_into(), early.unchecked_into()))
}

/// Name of the engine for this browser, which index.html has chosen.
pub fn program() -> String {
    let name = Reflect::get(&js_sys::global(), &"program".into());
    name.ok()
        .and_then(|name| name.as_string())
        .unwrap_or_default()
}

/// Brings the worker's program into the browser's cache, which index.html has begun, and shows how it comes.
///
/// # Errors
/// [`WebError::EngineUnavailable`] with the reason.
pub async fn fetch_program(received: impl Fn(u32)) -> Result<(), WebError> {
    let url = [&program(), "_bg.wasm"].concat();
    let fetched = Reflect::get(&js_sys::global(), &"fetched".into()).unwrap_or_default();
    receive(&url, fetched.unchecked_into(), |block| {
        received(block.length())
    })
    .await
    .map_err(WebError::EngineUnavailable)
}

/// Replaces everything of the worker that the browser has cached.
pub async fn refresh_program() {
    let program = program();
    for ending in ["_loader.js", ".js", "_bg.wasm"] {
        refresh(&[&program, ending].concat()).await;
    }
    for url in ["model.onnx", "model.json"] {
        refresh(url).await;
    }
}
