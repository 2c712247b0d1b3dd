//! The decoder's worker: opens a file, then sends its sound to the engine as fast as that listens. Neither the
//! file nor what is decoded of it is ever in memory as a whole.
//!
//! The page says `{open: Blob}` once it has heard `{build}`, hears `{opened: true, …}` or `{refused, …}`, and
//! says `{send: true}` with one port for all channels or one for each. Before the last chunk's end it hears
//! `{ended: true, …}`. For the next file it says `{hello: true}` and hears `{build}` again.

mod file;

use std::{cell::RefCell, ops::Range, rc::Rc};

use js_sys::{Array, Float32Array, Object};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent, MessagePort};

use crate::{
    audio::Loudness,
    protocol::{BUILD, Fields},
    recording::{Ending, MAX_DURATION, Recording, RecordingError},
    web::{
        client::chunk::{Chunk, MAX_CHANNELS, post_end, returned},
        object::{Callback, object},
    },
};
use file::FileSource;

/// Samples per channel of a chunk.
const CHUNK_SAMPLES: usize = 32_768;

/// Chunks under way at once on each port: one being analysed, one waiting.
const BUFFERS: usize = 2;

/// Seconds from the beginning that tell whether anything sounds and whether people speak apart.
const HEARD_S: f64 = 120.0;

/// Anything quieter is digital silence (one step of 16 bits is 3e-5).
const SILENCE: f32 = 1e-5;

/// Runs the worker for the rest of its life.
pub fn run() {
    console_error_panic_hook::set_once();
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let opened: Rc<RefCell<Option<Rc<RefCell<Sending>>>>> = Rc::default();
    let on_message = Callback::new({
        let scope = scope.clone();
        move |event: JsValue| {
            let event: MessageEvent = event.unchecked_into();
            let message = event.data();
            if message.flag("hello").is_some() {
                opened.take();
                post(&scope, &object(&[("build", BUILD.into())]));
                return;
            }
            let file = js_sys::Reflect::get(&message, &"open".into());
            if let Some(file) = file.ok().and_then(|file| file.dyn_into::<Blob>().ok()) {
                let (answer, recording) = match open(&file) {
                    Ok(opened) => opened,
                    Err(error) => {
                        post(&scope, &refusal(&error));
                        return;
                    }
                };
                *opened.borrow_mut() = Some(Sending::new(recording, scope.clone()));
                post(&scope, &answer);
            } else if let Some(sending) = &*opened.borrow() {
                Sending::start(sending, &event.ports());
            }
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // For as long as the worker lives.
    on_message.forget();
    post(&scope, &object(&[("build", BUILD.into())]));
}

fn post(scope: &DedicatedWorkerGlobalScope, message: &Object) {
    if let Err(error) = scope.post_message(message) {
        web_sys::console::error_1(&error);
    }
}

/// Measures a file, listens to its beginning and opens it anew.
fn open(file: &Blob) -> Result<(Object, Recording), RecordingError> {
    let source = || Box::new(FileSource::new(file.clone()));
    let duration_s = Recording::measure(source())?;
    let mut beginning = Recording::open(source())?;
    let rate_hz = beginning.sample_rate_hz();
    let channels = beginning.channels();
    if channels > MAX_CHANNELS {
        return Err(RecordingError::NotAudio);
    }
    let mut loudness = Loudness::new(rate_hz, channels);
    let mut is_silent = true;
    while (is_silent || channels > 1) && beginning.duration_s() < HEARD_S {
        // What is wrong further on is met when it is sent.
        let Ok(Some(planes)) = beginning.next_block() else {
            break;
        };
        is_silent &= silent(planes);
        if channels > 1 {
            let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            loudness.push(&planes);
        }
    }
    let answer = object(&[
        ("opened", true.into()),
        ("rateHz", rate_hz.into()),
        ("channels", (channels as u32).into()),
        ("durationS", duration_s.into()),
        ("apart", (channels > 1 && loudness.speaks_apart()).into()),
        ("silent", (is_silent && duration_s < HEARD_S).into()),
    ]);
    Ok((answer, Recording::open(source())?))
}

fn silent(planes: &[Vec<f32>]) -> bool {
    let mut samples = planes.iter().flatten();
    !samples.any(|sample| sample.abs() > SILENCE)
}

/// By a name that the page knows.
fn refusal(error: &RecordingError) -> Object {
    let (name, detail) = match error {
        RecordingError::Empty | RecordingError::NoSamples => ("empty", JsValue::UNDEFINED),
        RecordingError::Codec(codec) => ("codec", codec.into()),
        RecordingError::NoIndex => ("no-index", JsValue::UNDEFINED),
        RecordingError::TooLong { seconds } => ("too-long", (*seconds).into()),
        RecordingError::Damaged { .. } => ("damaged", JsValue::UNDEFINED),
        RecordingError::Read(_) => ("gone", JsValue::UNDEFINED),
        RecordingError::NotAudio => ("not-audio", JsValue::UNDEFINED),
    };
    object(&[
        ("refused", name.into()),
        ("detail", detail),
        ("limitS", MAX_DURATION.as_secs_f64().into()),
    ])
}

/// A recording on its way to the engine.
struct Sending {
    recording: Recording,
    scope: DedicatedWorkerGlobalScope,
    /// Decoded and not sent yet, a plane for each channel.
    waiting: Vec<Vec<f32>>,
    is_decoded: bool,
    ports: Vec<Port>,
    /// To which all was sent; what they still give back is taken.
    done: Vec<Port>,
}

/// A port of the engine and the channels that go there.
struct Port {
    port: MessagePort,
    channels: Range<usize>,
    seq: u32,
    /// Given back by the engine.
    free: Vec<Float32Array>,
    _on_return: Callback,
}

impl Sending {
    fn new(recording: Recording, scope: DedicatedWorkerGlobalScope) -> Rc<RefCell<Self>> {
        let waiting = vec![Vec::new(); recording.channels()];
        Rc::new(RefCell::new(Self {
            recording,
            scope,
            waiting,
            is_decoded: false,
            ports: Vec::new(),
            done: Vec::new(),
        }))
    }

    /// All channels go to one port, or each of the first to one of several.
    fn start(sending: &Rc<RefCell<Self>>, ports: &Array) {
        let count = sending.borrow().waiting.len();
        for (lane, port) in ports.iter().enumerate() {
            let channels = match ports.length() {
                1 => 0..count,
                _ => lane..lane + 1,
            };
            let there = Rc::downgrade(sending);
            let on_return = Callback::new(move |event: JsValue| {
                let event: MessageEvent = event.unchecked_into();
                if let Some(sending) = there.upgrade() {
                    let mut sending = sending.borrow_mut();
                    if let Some(port) = sending.ports.get_mut(lane) {
                        port.free.push(returned(&event.data()));
                    }
                    sending.send();
                }
            });
            let port: MessagePort = port.unchecked_into();
            port.set_onmessage(Some(on_return.as_ref().unchecked_ref()));
            let size = (CHUNK_SAMPLES * channels.len()) as u32;
            sending.borrow_mut().ports.push(Port {
                port,
                channels,
                seq: 0,
                free: (0..BUFFERS)
                    .map(|_| Float32Array::new_with_length(size))
                    .collect(),
                _on_return: on_return,
            });
        }
        sending.borrow_mut().send();
    }

    /// Sends as many chunks as every port has room for, and the end.
    fn send(&mut self) {
        while !self.ports.is_empty() && self.ports.iter().all(|port| !port.free.is_empty()) {
            self.decode();
            let length = self.waiting.first().map_or(0, Vec::len).min(CHUNK_SAMPLES);
            if length == 0 {
                self.end();
                return;
            }
            for port in &mut self.ports {
                // A port that is closed belongs to a session that is over.
                let _ = port.send(&self.waiting, length);
            }
            for plane in &mut self.waiting {
                plane.drain(..length);
            }
        }
    }

    /// Decodes until there is a whole chunk, or nothing more.
    fn decode(&mut self) {
        while !self.is_decoded && self.waiting.first().map_or(0, Vec::len) < CHUNK_SAMPLES {
            match self.recording.next_block() {
                Ok(Some(planes)) => {
                    for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
                        waiting.extend_from_slice(plane);
                    }
                }
                Ok(None) | Err(_) => self.is_decoded = true,
            }
        }
    }

    fn end(&mut self) {
        // What cannot be read any further ends there.
        let Ending {
            early,
            damaged_parts,
        } = self.recording.ending().unwrap_or(Ending {
            early: true,
            damaged_parts: 0,
        });
        let message = object(&[
            ("ended", true.into()),
            ("early", early.into()),
            ("damagedParts", (damaged_parts as f64).into()),
        ]);
        post(&self.scope, &message);
        for port in &self.ports {
            // A port that is closed belongs to a session that is over.
            let _ = post_end(&port.port);
        }
        self.done.append(&mut self.ports);
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // What the engine still gives back is not wanted any more.
        self.port.set_onmessage(None);
    }
}

impl Port {
    fn send(&mut self, planes: &[Vec<f32>], length: usize) -> Result<(), JsValue> {
        let Some(buffer) = self.free.pop() else {
            return Ok(());
        };
        let count = self.channels.len();
        let samples = buffer.subarray(0, (length * count) as u32);
        for (place, plane) in planes[self.channels.clone()].iter().enumerate() {
            let part = samples.subarray((place * length) as u32, ((place + 1) * length) as u32);
            part.copy_from(&plane[..length]);
        }
        let chunk = Chunk {
            seq: self.seq,
            channels: count,
            samples,
        };
        self.seq += 1;
        chunk.post(&self.port)
    }
}
