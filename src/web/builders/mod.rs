//! What other people's pages are given of [`client`](super::client): sources of sound and what is wrong with
//! it.
//!
//! The classes that builders see are JavaScript (index.js), since they extend `EventTarget`, and so is all that
//! only turns one JavaScript object into another: options, commands, events, sentences. Here is what the page
//! does too: microphones, files, PCM, hearing whether a microphone works.

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AudioBuffer, Blob, MediaStream, MessagePort};

pub use super::client::{file::Recording, hearing::Hearing, microphone::Microphone, pcm::Pcm};
use super::{
    client::{
        hearing::Fault,
        microphone::{Change, Wish, why_ended},
    },
    error::WebError,
};
use crate::{audio::Lanes, session::Update};

/// Opens a microphone, `wish` being its id or undefined, or a stream. Must be called inside a click. `changed` is
/// told the id of what ends the sound.
///
/// # Errors
/// An array: the id of the situation, and what its sentence is made of.
pub fn listen(
    wish: JsValue,
    worklet: String,
    channels: u32,
    changed: Function,
) -> impl Future<Output = Result<Microphone, JsValue>> {
    let wish = match wish.dyn_into::<MediaStream>() {
        Ok(stream) => Wish::Stream(stream),
        Err(device) => Wish::Device(device.as_string()),
    };
    let is_own = matches!(wish, Wish::Device(_));
    let permission = Rc::new(Cell::new(None));
    let before = permission.clone();
    let opening = Microphone::open(wish, worklet, channels, move |change| {
        let (changed, before) = (changed.clone(), before.get());
        spawn_local(async move {
            let error = match change {
                Change::Ended if is_own => why_ended(before).await,
                Change::Ended => WebError::MicrophoneLost,
                Change::Interrupted => WebError::MicrophoneInterrupted,
                Change::Running => return,
            };
            // It does not throw.
            let _ = changed.call1(&JsValue::NULL, &error.id().into());
        });
    });
    async move {
        let microphone = opening.await.map_err(told)?;
        permission.set(microphone.permission());
        Ok(microphone)
    }
}

/// Decodes a file or a blob, or takes an audio buffer. `start_decoder` promises the decoder's worker.
///
/// # Errors
/// As of [`listen`].
pub async fn decode(
    input: JsValue,
    name: String,
    start_decoder: Function,
) -> Result<Recording, JsValue> {
    let recording = match input.dyn_into::<AudioBuffer>() {
        Ok(audio) => Recording::new(audio, name),
        Err(input) => {
            let blob: Blob = input.unchecked_into();
            let start = async || {
                let worker: Promise = start_decoder.call0(&JsValue::NULL)?.unchecked_into();
                Ok(JsFuture::from(worker).await?.unchecked_into())
            };
            Recording::decode(&blob, name, start).await
        }
    };
    recording.map_err(told)
}

/// How many lanes a recording has where its channels are said to be these.
pub fn lanes(recording: &Recording, channels: &str) -> u32 {
    recording.lanes(channels.parse().unwrap_or(Lanes::Auto))
}

/// Takes in a measurement of the level; what is wrong with the sound now, by its name.
pub fn fault(
    hearing: &mut Hearing,
    at_s: f64,
    rms_dbfs: f32,
    clipped: bool,
    speaking: bool,
) -> Option<String> {
    hearing.update(&Update::Level {
        at_s,
        rms_dbfs,
        clipped,
        speaking,
    });
    let name = match hearing.fault()? {
        Fault::Silent => "silent",
        Fault::Faint => "faint",
        Fault::Quiet => "quiet",
        Fault::Clipped => "clipped",
    };
    Some(name.into())
}

/// Ports from a list of them.
pub fn ports(list: &Array) -> Vec<MessagePort> {
    list.iter().map(JsCast::unchecked_into).collect()
}

/// A situation by its id, and what its sentence is made of.
fn told(error: WebError) -> JsValue {
    let told = Array::of1(&error.id().into());
    let text = |text: &str| {
        told.push(&text.into());
    };
    match &error {
        WebError::MicrophoneFailed(what)
        | WebError::EngineUnavailable(what)
        | WebError::FileNotAudio(what)
        | WebError::FileStalled(what)
        | WebError::FileCutOff(what)
        | WebError::FileDamaged(what)
        | WebError::FileGone(what)
        | WebError::FileEmpty(what)
        | WebError::FileSilent(what) => text(what),
        WebError::Unsupported(what) => text(what),
        WebError::FileCodec { name, codec } => {
            text(name);
            text(codec);
        }
        WebError::FileTooLong {
            name,
            duration_s,
            limit_s,
        } => {
            text(name);
            told.push(&(*duration_s).into());
            told.push(&(*limit_s).into());
        }
        _ => {}
    }
    told.into()
}
