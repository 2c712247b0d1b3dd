//! The page's side of the decoder's worker, which is started for the first file and takes the next ones too, as
//! long as they come soon.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, MessageEvent, MessagePort, Worker};

use crate::{
    protocol::{BUILD, Fields},
    web::object::{Callback, later, object, window},
};

/// How long the worker may take for its first word, which comes when its program is there.
const PATIENCE_MS: i32 = 30_000;

/// How long a worker that has nothing to do waits for the next file.
const IDLE_MS: i32 = 2_000;

thread_local! {
    /// A worker that has nothing to do.
    static IDLE: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// A file that the worker has opened. Dropping it before all of it is sent ends the worker.
pub struct Decoder {
    worker: Worker,
    /// Samples per second of each channel.
    pub rate_hz: u32,
    /// Number of channels.
    pub channels: u32,
    /// Length in seconds.
    pub duration_s: f64,
    /// Whether several people speak, each on a channel of their own.
    pub speaks_apart: bool,
    /// Whether it is nothing but digital silence.
    pub is_silent: bool,
    ending: Rc<Cell<Option<Ending>>>,
    _on_message: Callback,
}

/// How a file came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// It stops before it should.
    pub early: bool,
    /// Parts within it that are damaged and were left out.
    pub damaged_parts: u32,
}

/// Why the worker does not decode a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// There is no such worker, or one of another build.
    NoDecoder,
    /// It is no audio that the worker knows.
    NotAudio,
    /// It is audio of this codec, which has no decoder there.
    Codec(String),
    /// It holds no samples.
    Empty,
    /// It breaks off before its index.
    NoIndex,
    /// Too little of it can be decoded.
    Damaged,
    /// It is longer than what is accepted.
    TooLong {
        /// Its length.
        duration_s: f64,
        /// The longest that is accepted.
        limit_s: f64,
    },
    /// It was moved, changed or removed since it was chosen.
    Gone,
}

impl Decoder {
    /// Has the worker that `start` starts open a file.
    pub async fn open(
        file: &Blob,
        start: impl AsyncFnOnce() -> Result<Worker, JsValue>,
    ) -> Result<Self, Refusal> {
        let lost = |_| Refusal::NoDecoder;
        let waiting = match IDLE.take() {
            Some(worker) => greet(worker, true).await.ok(),
            None => None,
        };
        let worker = match waiting {
            Some(worker) => worker,
            None => {
                let worker = start().await.map_err(lost)?;
                greet(worker, false).await.map_err(lost)?
            }
        };
        let answer = async {
            worker.post_message(&object(&[("open", file.into())]))?;
            JsFuture::from(heard(&worker, None)).await
        };
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(_) => {
                worker.terminate();
                return Err(Refusal::NoDecoder);
            }
        };
        if let Some(refused) = answer.text("refused") {
            release(worker);
            return Err(match refused.as_str() {
                "empty" => Refusal::Empty,
                "codec" => Refusal::Codec(answer.text("detail").unwrap_or_default()),
                "no-index" => Refusal::NoIndex,
                "damaged" => Refusal::Damaged,
                "too-long" => Refusal::TooLong {
                    duration_s: answer.number("detail").unwrap_or_default(),
                    limit_s: answer.number("limitS").unwrap_or_default(),
                },
                "gone" => Refusal::Gone,
                _ => Refusal::NotAudio,
            });
        }
        let number = |name: &str| answer.number(name).unwrap_or_default();
        let flag = |name: &str| answer.flag(name).unwrap_or_default();
        let ending = Rc::new(Cell::new(None));
        let on_message = Callback::new({
            let ending = ending.clone();
            move |event: JsValue| {
                let message = event.unchecked_into::<MessageEvent>().data();
                if message.flag("ended").is_some() {
                    ending.set(Some(Ending {
                        early: message.flag("early").unwrap_or_default(),
                        damaged_parts: message.number("damagedParts").unwrap_or_default() as u32,
                    }));
                }
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            rate_hz: number("rateHz") as u32,
            channels: number("channels") as u32,
            duration_s: number("durationS"),
            speaks_apart: flag("apart"),
            is_silent: flag("silent"),
            ending,
            _on_message: on_message,
        })
    }

    /// Has the worker send to the engine: all channels to one port, or each of the first to one of several.
    pub fn send(&self, ports: &[MessagePort]) -> Result<(), JsValue> {
        let ports: Array = ports.iter().map(JsValue::from).collect();
        self.worker
            .post_message_with_transfer(&object(&[("send", true.into())]), &ports)
    }

    /// How the file ended; none before all of it is sent.
    pub fn ending(&self) -> Option<Ending> {
        self.ending.get()
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if self.ending.get().is_some() {
            release(self.worker.clone());
        } else {
            self.worker.set_onmessage(None);
            self.worker.terminate();
        }
    }
}

/// Waits for the word of a worker that it is there, which one that was there before gives when it is greeted; one
/// that is of another build or says nothing ends.
async fn greet(worker: Worker, was_there: bool) -> Result<Worker, JsValue> {
    let said = async {
        let hears = JsFuture::from(heard(&worker, Some(PATIENCE_MS)));
        if was_there {
            worker.post_message(&object(&[("hello", true.into())]))?;
        }
        hears.await
    };
    match said.await {
        Ok(first) if first.text("build").as_deref() == Some(BUILD) => Ok(worker),
        _ => {
            worker.terminate();
            Err(JsValue::NULL)
        }
    }
}

/// Keeps a worker for the next file, for a while.
fn release(worker: Worker) {
    worker.set_onmessage(None);
    worker.set_onerror(None);
    if let Some(other) = IDLE.replace(Some(worker.clone())) {
        other.terminate();
    }
    later(IDLE_MS, move || {
        let waits = |idle: &Option<Worker>| idle.as_ref() == Some(&worker);
        if IDLE.with_borrow(waits) {
            IDLE.set(None);
            worker.terminate();
        }
    });
}

/// The next message of a worker; rejected when it breaks, or says nothing for too long.
fn heard(worker: &Worker, patience_ms: Option<i32>) -> Promise {
    Promise::new(&mut |resolve, reject| {
        let resolve = resolve.clone();
        let on_message = Callback::once_into_js(move |event: JsValue| {
            let message = event.unchecked_into::<MessageEvent>().data();
            // A promise's own function does not throw.
            let _ = resolve.call1(&JsValue::NULL, &message);
        });
        worker.set_onmessage(Some(on_message.unchecked_ref()));
        worker.set_onerror(Some(&reject));
        if let Some(patience_ms) = patience_ms {
            // Fails only for what is no function.
            let _ = window()
                .set_timeout_with_callback_and_timeout_and_arguments_0(&reject, patience_ms);
        }
    })
}
