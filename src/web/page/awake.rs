//! Keeps the screen on: a telephone that locks itself takes the microphone away.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::Window;

/// A wake lock. Dropping it lets the screen go off again.
pub struct Awake(Rc<RefCell<JsValue>>);

impl Awake {
    /// Asks for one; where the browser has none or does not give it, nothing happens.
    pub fn new(window: &Window) -> Self {
        let lock = Rc::new(RefCell::new(JsValue::UNDEFINED));
        if let Ok(asked) = request(window) {
            let there = Rc::downgrade(&lock);
            spawn_local(async move {
                let Ok(given) = JsFuture::from(asked).await else {
                    return;
                };
                match there.upgrade() {
                    Some(lock) => *lock.borrow_mut() = given,
                    // It is no longer wanted.
                    None => release(&given),
                }
            });
        }
        Self(lock)
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        release(&self.0.borrow());
    }
}

fn request(window: &Window) -> Result<Promise, JsValue> {
    let locks = Reflect::get(&window.navigator(), &"wakeLock".into())?;
    let request: Function = Reflect::get(&locks, &"request".into())?.dyn_into()?;
    request.call1(&locks, &"screen".into())?.dyn_into()
}

fn release(lock: &JsValue) {
    let release = Reflect::get(lock, &"release".into()).and_then(JsCast::dyn_into::<Function>);
    if let Ok(release) = release {
        // What was released already stays so.
        let _ = release.call0(lock);
    }
}
