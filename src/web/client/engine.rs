//! The page's side of the worker: taking it over, talking to it.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, MessagePort};

use crate::{
    protocol::{Command, Event},
    web::object::Callback,
};

/// What the worker has to say, or what became of it.
pub enum Sign {
    /// An event of the protocol.
    Event(Box<Event>),
    /// A message that this build does not know.
    Unreadable,
    /// An error that nobody caught, or the worker's file could not be run.
    Broken,
    /// It is gone, for whatever reason.
    Gone,
}

/// The running worker. Dropping it ends the worker.
pub struct Engine {
    worker: web_sys::Worker,
    /// Whether it has read the model, so that sessions can start.
    pub is_ready: bool,
    _on_message: Callback,
    _on_error: Callback,
}

impl Engine {
    /// Takes over a worker and the `early` events that it has fired since it was started.
    pub fn new(
        worker: web_sys::Worker,
        early: &Array,
        on_sign: impl Fn(Sign) + Clone + 'static,
    ) -> Self {
        let on_error = Callback::new({
            let on_sign = on_sign.clone();
            move |_| on_sign(Sign::Broken)
        });
        let on_message = Callback::new(move |event: JsValue| {
            let event: MessageEvent = event.unchecked_into();
            let read = Event::read(&event.data()).map(Box::new);
            on_sign(read.map_or(Sign::Unreadable, Sign::Event));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        for event in early.iter() {
            // Fails only for an event that is being dispatched.
            let _ = worker.dispatch_event(event.unchecked_ref());
        }
        Self {
            worker,
            is_ready: false,
            _on_message: on_message,
            _on_error: on_error,
        }
    }

    /// Sends a command, with the audio port that goes with it.
    pub fn send(&self, command: &Command, port: Option<&MessagePort>) -> Result<(), JsValue> {
        let transfer = port.map_or_else(Array::new, |port| Array::of1(port));
        self.worker
            .post_message_with_transfer(&command.write(), &transfer)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
