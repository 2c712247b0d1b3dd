//! JavaScript objects by their fields, the window, and one type for all that JavaScript calls.
//!
//! web-sys has a type with setters for each kind of options; every setter would be an import of its own,
//! as is every type of closure.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::Window;

/// What the page's JavaScript objects call, with an event or nothing.
pub type Callback = Closure<dyn FnMut(JsValue)>;

/// The page's window; the page's program runs nowhere else.
pub fn window() -> Window {
    js_sys::global().unchecked_into()
}

/// A plain object with these fields.
pub fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // A plain object takes every field.
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object
}
