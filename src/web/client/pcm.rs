//! PCM that the page itself brings: cut into chunks, copied, sent to the engine as fast as it listens.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use js_sys::{Float32Array, Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, MessagePort};

use super::chunk::{Chunk, post_end, returned};
use crate::web::object::Callback;

/// Most samples of a chunk.
const CHUNK_SAMPLES: u32 = 4_096;

/// Chunks under way at once; further ones wait here.
const UNDER_WAY: u32 = 16;

/// One lane of PCM. Dropping it closes its port.
pub struct Pcm(Rc<RefCell<Sender>>);

struct Sender {
    port: MessagePort,
    seq: u32,
    under_way: u32,
    /// Given back by the engine.
    free: Vec<Float32Array>,
    waiting: VecDeque<Float32Array>,
    /// To be called once nothing waits.
    drained: Vec<Function>,
    /// To be called once nothing is under way either.
    heard: Vec<Function>,
    ended: bool,
    on_return: Option<Callback>,
}

impl Pcm {
    /// Of nothing yet, for the engine's session at the other end of `port`.
    pub fn new(port: MessagePort) -> Self {
        let sender = Rc::new(RefCell::new(Sender {
            port,
            seq: 0,
            under_way: 0,
            free: Vec::new(),
            waiting: VecDeque::new(),
            drained: Vec::new(),
            heard: Vec::new(),
            ended: false,
            on_return: None,
        }));
        let there = Rc::downgrade(&sender);
        let on_return = Callback::new(move |event: JsValue| {
            let event: MessageEvent = event.unchecked_into();
            if let Some(sender) = there.upgrade() {
                let mut sender = sender.borrow_mut();
                sender.under_way -= 1;
                sender.free.push(returned(&event.data()));
                // A port that is closed belongs to a session that is over.
                let _ = sender.send_waiting();
            }
        });
        {
            let mut sender = sender.borrow_mut();
            sender
                .port
                .set_onmessage(Some(on_return.as_ref().unchecked_ref()));
            sender.on_return = Some(on_return);
        }
        Self(sender)
    }

    /// Sends a copy of these samples; the promise is kept once the engine has room for more.
    pub fn write(&self, samples: &Float32Array) -> Result<Promise, JsValue> {
        let mut sender = self.0.borrow_mut();
        let mut start = 0;
        while start < samples.length() {
            let end = samples.length().min(start + CHUNK_SAMPLES);
            let buffer = sender
                .free
                .pop()
                .unwrap_or_else(|| Float32Array::new_with_length(CHUNK_SAMPLES));
            let chunk = buffer.subarray(0, end - start);
            chunk.set(&samples.subarray(start, end), 0);
            sender.waiting.push_back(chunk);
            start = end;
        }
        sender.send_waiting()?;
        if sender.waiting.is_empty() {
            return Ok(Promise::resolve(&JsValue::UNDEFINED));
        }
        Ok(Promise::new(&mut |resolve, _| sender.drained.push(resolve)))
    }

    /// Kept once the engine has taken in all that was written.
    pub fn heard(&self) -> Promise {
        let mut sender = self.0.borrow_mut();
        let heard = Promise::new(&mut |resolve, _| sender.heard.push(resolve));
        sender.keep_promises();
        heard
    }

    /// Says that nothing follows what was written.
    pub fn end(&self) -> Result<(), JsValue> {
        let mut sender = self.0.borrow_mut();
        sender.ended = true;
        sender.send_waiting()
    }
}

impl Sender {
    fn send_waiting(&mut self) -> Result<(), JsValue> {
        while self.under_way < UNDER_WAY
            && let Some(samples) = self.waiting.pop_front()
        {
            let chunk = Chunk {
                seq: self.seq,
                channels: 1,
                samples,
            };
            chunk.post(&self.port)?;
            self.seq += 1;
            self.under_way += 1;
        }
        self.keep_promises();
        if self.waiting.is_empty() && std::mem::take(&mut self.ended) {
            return post_end(&self.port);
        }
        Ok(())
    }

    fn keep_promises(&mut self) {
        if self.waiting.is_empty() {
            keep(&mut self.drained);
            if self.under_way == 0 {
                keep(&mut self.heard);
            }
        }
    }
}

fn keep(promises: &mut Vec<Function>) {
    for resolve in promises.drain(..) {
        // A promise's own function does not throw.
        let _ = resolve.call0(&JsValue::NULL);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        keep(&mut self.drained);
        keep(&mut self.heard);
        self.port.set_onmessage(None);
        self.port.close();
    }
}
