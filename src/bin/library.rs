//! The library's program: what index.js calls.
// Without what a program's end writes out.
#![cfg_attr(target_arch = "wasm32", no_main)]

use js_sys::{Array, Float32Array, Function, Promise};
use speech_emotion::{protocol, web::builders};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;
use web_sys::MessagePort;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[cfg(not(target_arch = "wasm32"))]
fn main() {}

/// See [`protocol::BUILD`].
#[wasm_bindgen]
pub fn build() -> String {
    protocol::BUILD.into()
}

/// See [`protocol::PROTOCOL`].
#[wasm_bindgen]
pub fn protocol() -> u32 {
    protocol::PROTOCOL
}

/// See [`builders::listen`].
#[wasm_bindgen]
pub fn listen(wish: JsValue, worklet: String, channels: u32, changed: Function) -> Promise {
    let opening = builders::listen(wish, worklet, channels, changed);
    future_to_promise(async { Ok(Microphone(opening.await?).into()) })
}

/// See [`builders::decode`].
#[wasm_bindgen]
pub fn decode(input: JsValue, name: String, start_decoder: Function) -> Promise {
    future_to_promise(async {
        let recording = builders::decode(input, name, start_decoder).await?;
        Ok(Recording(recording).into())
    })
}

/// See [`builders::Microphone`].
#[wasm_bindgen]
pub struct Microphone(builders::Microphone);

#[wasm_bindgen]
#[allow(missing_docs)]
impl Microphone {
    pub fn rate(&self) -> u32 {
        self.0.sample_rate_hz()
    }

    pub fn send(&mut self, ports: &Array) -> Result<(), JsValue> {
        self.0.send(&builders::ports(ports))
    }

    /// Whether the device removes echo (1) or noise (2) or evens out loudness (4).
    pub fn processing(&self) -> u32 {
        let processing = self.0.processing();
        u32::from(processing.echo_cancellation)
            | u32::from(processing.noise_suppression) << 1
            | u32::from(processing.automatic_gain) << 2
    }
}

/// See [`builders::Recording`].
#[wasm_bindgen]
pub struct Recording(builders::Recording);

#[wasm_bindgen]
#[allow(missing_docs)]
impl Recording {
    pub fn rate(&self) -> u32 {
        self.0.sample_rate_hz()
    }

    pub fn seconds(&self) -> f64 {
        self.0.duration_s
    }

    pub fn lanes(&self, channels: &str) -> u32 {
        builders::lanes(&self.0, channels)
    }

    pub fn send(&mut self, ports: &Array) -> Result<(), JsValue> {
        self.0.send(&builders::ports(ports))
    }

    /// Whether it stopped before it should.
    pub fn early(&self) -> bool {
        self.0.ending().early
    }

    /// How many parts were left out.
    pub fn damaged(&self) -> u32 {
        self.0.ending().damaged_parts
    }
}

/// See [`builders::Pcm`].
#[wasm_bindgen]
pub struct Pcm(builders::Pcm);

#[wasm_bindgen]
#[allow(missing_docs)]
impl Pcm {
    #[wasm_bindgen(constructor)]
    pub fn new(port: MessagePort) -> Self {
        Self(builders::Pcm::new(port))
    }

    pub fn write(&self, samples: &Float32Array) -> Result<Promise, JsValue> {
        self.0.write(samples)
    }

    pub fn heard(&self) -> Promise {
        self.0.heard()
    }

    pub fn end(&self) -> Result<(), JsValue> {
        self.0.end()
    }
}

/// See [`builders::Hearing`].
#[wasm_bindgen]
#[derive(Default)]
pub struct Hearing(builders::Hearing);

#[wasm_bindgen]
#[allow(missing_docs)]
impl Hearing {
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    pub fn fault(
        &mut self,
        at_s: f64,
        rms_dbfs: f32,
        clipped: bool,
        speaking: bool,
    ) -> Option<String> {
        builders::fault(&mut self.0, at_s, rms_dbfs, clipped, speaking)
    }
}
