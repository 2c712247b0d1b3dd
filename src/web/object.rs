//! JavaScript objects by their fields.
//!
//! web-sys has a type with setters for each kind of options; every setter would be an import of its own.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

/// A plain object with these fields.
pub fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // A plain object takes every field.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object
}
