//! The library's program: what index.js calls.

use js_sys::{Function, Promise, Uint8Array};
use speech_emotion::web::builders;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::Worker;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

fn main() {}

/// See [`builders::fetch`]; the name `fetch` is JavaScript's own.
#[wasm_bindgen]
pub fn download(url: String, init: JsValue, received: Function, is_model: bool) -> Promise {
    builders::fetch(url, init, received, is_model)
}

/// See [`builders::Hub`].
#[wasm_bindgen]
pub struct Hub(builders::Hub);

#[wasm_bindgen]
#[allow(missing_docs)]
impl Hub {
    #[wasm_bindgen(constructor)]
    pub fn new(worker: Worker, gone: Function) -> Self {
        Self(builders::Hub::new(worker, gone))
    }

    pub fn load(&self, model: &Uint8Array, manifest: String) -> Promise {
        self.0.load(model, manifest)
    }

    pub fn recognizer(&self, options: &JsValue) -> Result<u32, JsValue> {
        self.0.recognizer(options)
    }

    pub fn adapt(&self, owner: u32, speaker: &JsValue) -> Result<Promise, JsValue> {
        self.0.adapt(owner, speaker)
    }

    pub fn listen(
        &self,
        owner: u32,
        options: &JsValue,
        worklet: String,
        deliver: Function,
    ) -> Result<Promise, JsValue> {
        self.0.listen(owner, options, worklet, deliver)
    }

    pub fn open(&self, owner: u32, options: &JsValue, deliver: Function) -> Result<u32, JsValue> {
        self.0.open(owner, options, deliver)
    }

    pub fn decode(
        &self,
        owner: u32,
        input: JsValue,
        options: &JsValue,
        deliver: Function,
        start_decoder: Function,
    ) -> Result<Promise, JsValue> {
        self.0.decode(owner, input, options, deliver, start_decoder)
    }

    pub fn write(&self, session: u32, samples: &JsValue) -> Result<Promise, JsValue> {
        self.0.write(session, samples)
    }

    pub fn stop(&self, session: u32) {
        self.0.stop(session);
    }

    pub fn fit(&self, session: u32) -> Result<(), JsValue> {
        self.0.fit(session)
    }

    pub fn abandon(&self, session: u32) {
        self.0.abandon(session);
    }

    pub fn dispose(&self, owner: u32) {
        self.0.dispose(owner);
    }

    pub fn close(&self) {
        self.0.close();
    }
}
