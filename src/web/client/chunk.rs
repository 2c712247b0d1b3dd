//! Audio on a `MessagePort`: `{seq, channels, samples}` messages, from the audio worklet or from the
//! page's file reader alike, and `{end: true}` after a recording's last chunk.
//!
//! The receiver gives each chunk's buffer back on the same port. A sender owns a fixed number of
//! buffers, so what is under way is bounded: without a free buffer the worklet drops samples, which
//! shows as a hole in `seq`, and the file reader waits.

use js_sys::{Array, Float32Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessagePort;

use crate::web::object::object;

/// Most channels of a chunk: browsers decode and record no more.
pub const MAX_CHANNELS: usize = 32;

/// What arrives on an audio port.
pub enum Message {
    /// A block of samples.
    Chunk(Chunk),
    /// The recording is complete.
    End,
}

/// A block of samples.
pub struct Chunk {
    /// Counts the sender's chunks from 0, dropped ones included.
    pub seq: u32,
    /// Number of channels, 1 to [`MAX_CHANNELS`].
    pub channels: usize,
    /// All samples of the first channel, then all of the next.
    pub samples: Float32Array,
}

impl Message {
    /// Reads a message; none when it is neither a chunk nor the end.
    pub fn read(message: &JsValue) -> Option<Self> {
        let field = |name: &str| Reflect::get(message, &name.into()).ok();
        if field("end")?.is_truthy() {
            return Some(Self::End);
        }
        let seq = field("seq")?.as_f64()? as u32;
        let channels = field("channels")?.as_f64()? as usize;
        let samples: Float32Array = field("samples")?.dyn_into().ok()?;
        let fits = (1..=MAX_CHANNELS).contains(&channels)
            && (samples.length() as usize).is_multiple_of(channels);
        fits.then_some(Self::Chunk(Chunk {
            seq,
            channels,
            samples,
        }))
    }
}

impl Chunk {
    /// Sends the chunk; its buffer belongs to the receiver until it is given back.
    pub fn post(&self, port: &MessagePort) -> Result<(), JsValue> {
        let message = object(&[
            ("seq", self.seq.into()),
            ("channels", (self.channels as u32).into()),
            ("samples", self.samples.clone().into()),
        ]);
        port.post_message_with_transferable(&message, &Array::of1(&self.samples.buffer()))
    }

    /// Gives the buffer back to the sender.
    pub fn give_back(self, port: &MessagePort) -> Result<(), JsValue> {
        let buffer = self.samples.buffer();
        port.post_message_with_transferable(&buffer, &Array::of1(&buffer))
    }
}

/// Says that no chunk follows.
pub fn post_end(port: &MessagePort) -> Result<(), JsValue> {
    port.post_message(&object(&[("end", true.into())]))
}

/// Reads a buffer that was given back, which is all that a receiver sends.
pub fn returned(message: &JsValue) -> Float32Array {
    Float32Array::new(message)
}
