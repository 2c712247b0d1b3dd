//! The page's side of the worker: starting it, talking to it.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{MessageEvent, MessagePort};

use super::download::{download, refresh};
use crate::{
    protocol::{Command, Event},
    web::{error::WebError, object::Callback},
};

/// What the worker has to say, or what became of it.
pub enum Sign {
    /// An event of the protocol.
    Event(Event),
    /// A message that this build does not know.
    Unreadable,
    /// Its model could not be fetched.
    NoModel(WebError),
    /// An error that nobody caught, or the worker's file could not be run.
    Broken,
    /// It is gone, for whatever reason.
    Gone,
}

/// The running worker, which index.html gives its model. Dropping it ends the worker.
pub struct Engine {
    worker: web_sys::Worker,
    /// Whether it has read the model, so that sessions can start.
    pub is_ready: bool,
    _on_message: Callback,
    _on_error: Callback,
}

impl Engine {
    /// Starts the worker or takes over the one that has started with the page.
    pub fn start(on_sign: impl Fn(Sign) + Clone + 'static) -> Result<Self, WebError> {
        let (worker, early) = started().map_err(|_| WebError::Unsupported("module workers"))?;
        let model = Reflect::get(&worker, &"model".into());
        let model: Promise = model.unwrap_or_default().unchecked_into();
        spawn_local({
            let on_sign = on_sign.clone();
            async move {
                if let Err(reason) = JsFuture::from(model).await {
                    let reason = reason.as_string();
                    let reason = reason.unwrap_or_else(|| "The connection broke off".into());
                    on_sign(Sign::NoModel(WebError::ModelUnavailable(reason)));
                }
            }
        });
        let on_error = Callback::new({
            let on_sign = on_sign.clone();
            move |_| on_sign(Sign::Broken)
        });
        let on_message = Callback::new(move |event: JsValue| {
            let event: MessageEvent = event.unchecked_into();
            on_sign(Event::read(&event.data()).map_or(Sign::Unreadable, Sign::Event));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        for event in early.iter() {
            // Fails only for an event that is being dispatched.
            let _ = worker.dispatch_event(event.unchecked_ref());
        }
        Ok(Self {
            worker,
            is_ready: false,
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Sends a command, with the audio port that goes with it.
    pub fn send(&self, command: &Command, port: Option<&MessagePort>) -> Result<(), JsValue> {
        let transfer = port.map_or_else(Array::new, |port| Array::of1(port));
        self.worker
            .post_message_with_transfer(&command.write(), &transfer)
    }
}

/// The worker that index.html has started, or another after the first, and the events it has fired since.
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

impl Drop for Engine {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// Brings the worker's program into the browser's cache, so that its loading can be shown.
///
/// # Errors
/// [`WebError::EngineUnavailable`] with the reason.
pub async fn fetch_program(received: impl Fn(u32)) -> Result<(), WebError> {
    download(&[&program(), "_bg.wasm"].concat(), received)
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
