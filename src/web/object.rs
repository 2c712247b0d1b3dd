//! JavaScript objects by their fields, the window, and one type for everything that JavaScript
//! calls.
//!
//! web-sys has a type with setters for every kind of options; each setter would be an import of its
//! own, and so would each type of closure.

use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::Window;

use crate::protocol::{Fields, Value};

/// What the page's JavaScript objects call, with an event or nothing.
pub type Callback = Closure<dyn FnMut(JsValue)>;

/// The page's window; the page's program does not run anywhere else.
pub fn window() -> Window {
    js_sys::global().unchecked_into()
}

/// A plain object with these fields.
pub fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // A plain object accepts every field.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object
}

impl Value for JsValue {
    fn number(number: u32) -> Self {
        number.into()
    }

    fn fraction(number: f32) -> Self {
        number.into()
    }

    fn text(text: &str) -> Self {
        text.into()
    }

    fn bytes(bytes: &[u8]) -> Self {
        Uint8Array::new_from_slice(bytes).into()
    }

    fn object(fields: &[(&str, Self)]) -> Self {
        object(fields).into()
    }
}

impl Fields for JsValue {
    fn number(&self, name: &str) -> Option<f64> {
        Reflect::get(self, &name.into()).ok()?.as_f64()
    }

    fn text(&self, name: &str) -> Option<String> {
        Reflect::get(self, &name.into()).ok()?.as_string()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        Reflect::get(self, &name.into()).ok()?.as_bool()
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let bytes = Reflect::get(self, &name.into()).ok()?;
        Some(bytes.dyn_into::<Uint8Array>().ok()?.to_vec())
    }

    fn object(&self, name: &str) -> Option<Self> {
        Reflect::get(self, &name.into())
            .ok()
            .filter(JsValue::is_object)
    }
}
