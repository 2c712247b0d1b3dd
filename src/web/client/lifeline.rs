//! How the page learns that its worker is gone, whatever the cause: the worker holds a Web Lock for as
//! long as it lives, and the page waits for the same lock. Closed and killed workers fire no event.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

/// Takes the lock `name` in this context and keeps it; returns once it is held.
///
/// Without Web Locks (an insecure page) this does nothing.
pub async fn hold(scope: &JsValue, name: &str) {
    let granted = Promise::new(&mut |resolve, _| {
        let never = Closure::once_into_js(move || {
            let _ = resolve.call0(&JsValue::NULL);
            Promise::new(&mut |_, _| {})
        });
        if request(scope, name, &never).is_none() {
            // Nobody will wait for a lock that nobody can take.
            let _ = never.unchecked_ref::<Function>().call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(granted).await;
}

/// Waits until nobody holds the lock `name`; without Web Locks it waits forever.
pub async fn lost(scope: &JsValue, name: &str) {
    let freed = Promise::new(&mut |resolve, _| {
        let _ = request(scope, name, &resolve);
    });
    let _ = JsFuture::from(freed).await;
}

fn request(scope: &JsValue, name: &str, callback: &JsValue) -> Option<()> {
    let navigator = Reflect::get(scope, &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into())
        .ok()?
        .unchecked_into();
    request.call2(&locks, &name.into(), callback).ok()?;
    Some(())
}
