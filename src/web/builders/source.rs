//! What a session is to listen to, and whether it can.

use js_sys::{Function, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AudioBuffer, Blob, File, HtmlMediaElement, MediaStream};

use super::{
    failure::Failure,
    options::{get, is_missing, shown, text},
};
use crate::web::{
    client::{file::Recording, microphone::Wish},
    error::WebError,
};

/// As [`Wish`], or what can become one.
pub enum Listened {
    Wish(Wish),
    Element(HtmlMediaElement),
}

/// What `listen` was asked to listen to: the microphone, a stream or a media element.
pub fn listened(options: &JsValue) -> Result<Listened, Failure> {
    let source = get(options, "source");
    if is_missing(&source) {
        let device = text(options, "deviceId")?;
        return Ok(Listened::Wish(Wish::Device(device)));
    }
    match source.dyn_into::<MediaStream>() {
        Ok(stream) => Ok(Listened::Wish(Wish::Stream(stream))),
        Err(other) => match other.dyn_into::<HtmlMediaElement>() {
            Ok(element) => Ok(Listened::Element(element)),
            Err(other) => Err(Failure::Option {
                name: "source",
                expected: "a MediaStream, an <audio> or a <video> element".into(),
                found: shown(&other),
            }),
        },
    }
}

impl Listened {
    /// Gets the sound out of a media element, which goes on to be heard.
    pub async fn wish(self) -> Result<Wish, Failure> {
        let element = match self {
            Self::Wish(wish) => return Ok(wish),
            Self::Element(element) => element,
        };
        let capture = ["captureStream", "mozCaptureStream"]
            .iter()
            .find_map(|name| get(&element, name).dyn_into::<Function>().ok())
            .ok_or(WebError::Unsupported(
                "captureStream, which listens to media elements",
            ))?;
        if !is_missing(&get(&element, "error")) {
            return Err(Failure::NoAudioTrack);
        }
        if element.ready_state() < HtmlMediaElement::HAVE_CURRENT_DATA {
            let loaded = Promise::new(&mut |resolve, reject| {
                for (event, then) in [("loadeddata", &resolve), ("error", &reject)] {
                    // Fails only where an event's name is no text.
                    let _ = element.add_event_listener_with_callback(event, then);
                }
            });
            let not_loaded = |_| Failure::NoAudioTrack;
            JsFuture::from(loaded).await.map_err(not_loaded)?;
        }
        // Of another origin without its permission.
        let refused = |_| Failure::NoAudioTrack;
        let stream = capture.call0(&element).map_err(refused)?;
        Ok(Wish::Stream(stream.unchecked_into()))
    }
}

/// Decodes what is to be analysed: a file, a blob or what is decoded already. `start_decoder` promises the
/// decoder's worker.
pub async fn recording(input: JsValue, start_decoder: Function) -> Result<Recording, Failure> {
    let input = match input.dyn_into::<AudioBuffer>() {
        Ok(audio) => return Ok(Recording::new(audio, "The AudioBuffer".into())?),
        Err(other) => other,
    };
    match input.dyn_into::<Blob>() {
        Ok(blob) => {
            let name = match blob.dyn_ref::<File>() {
                Some(file) => file.name(),
                None => "The blob".into(),
            };
            let start = async || {
                let worker: Promise = start_decoder.call0(&JsValue::NULL)?.unchecked_into();
                Ok(JsFuture::from(worker).await?.unchecked_into())
            };
            Ok(Recording::decode(&blob, name, start).await?)
        }
        Err(other) => {
            let found = shown(&other);
            Err(Failure::NotSound(
                [
                    "What is to be analysed is ",
                    &found,
                    ", not a File, a Blob or an AudioBuffer",
                ]
                .concat(),
            ))
        }
    }
}

/// Whether this is a Float32Array that holds samples.
pub fn samples(value: &JsValue) -> Result<js_sys::Float32Array, Failure> {
    let samples = value.dyn_ref::<js_sys::Float32Array>().ok_or_else(|| {
        Failure::NotSound(
            [
                "What was written is ",
                &shown(value),
                ", not a Float32Array",
            ]
            .concat(),
        )
    })?;
    if samples.length() == 0 {
        let what = "What was written holds no samples: it is empty, or its buffer was transferred";
        return Err(Failure::NotSound(what.into()));
    }
    let mut scratch = [0.0; 1024];
    for start in (0..samples.length()).step_by(scratch.len()) {
        let piece = samples.subarray(start, start + scratch.len() as u32);
        let piece_samples = &mut scratch[..piece.length() as usize];
        piece.copy_to(piece_samples);
        if piece_samples.iter().any(|sample| !sample.is_finite()) {
            let what = "What was written holds values that are not finite";
            return Err(Failure::NotSound(what.into()));
        }
    }
    Ok(samples.clone())
}
