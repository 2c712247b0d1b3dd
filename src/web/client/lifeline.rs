//! How the page learns that its worker is gone, whatever the cause: the worker holds a Web Lock for as
//! long as it lives, and the page waits for the same lock. Closed and killed workers fire no event.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Takes the lock `name` in this context and keeps it; returns once it is held, or false where it cannot be.
///
/// Insecure pages have no Web Locks, and where the browser's settings keep a site from storing anything, every
/// request is refused.
pub async fn hold(scope: &JsValue, name: &str) -> bool {
    let granted = Promise::new(&mut |resolve, reject| {
        let held = Closure::once_into_js(move || {
            let _ = resolve.call0(&JsValue::NULL);
            Promise::new(&mut |_, _| {})
        });
        match request(scope, name, &held) {
            Some(lock) => refused(&lock, &reject),
            None => drop(reject.call0(&JsValue::NULL)),
        }
    });
    JsFuture::from(granted).await.is_ok()
}

/// Waits until nobody holds the lock `name`; where it cannot be asked for it waits forever.
pub async fn lost(scope: &JsValue, name: &str) {
    let freed = Promise::new(&mut |resolve, _| {
        if let Some(lock) = request(scope, name, &resolve) {
            // A refusal that nobody takes is an error of the page.
            spawn_local(async move {
                let _ = JsFuture::from(lock).await;
            });
        }
    });
    let _ = JsFuture::from(freed).await;
}

fn request(scope: &JsValue, name: &str, callback: &JsValue) -> Option<Promise> {
    let navigator = Reflect::get(scope, &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let lock = request.call2(&locks, &name.into(), callback).ok()?;
    lock.dyn_into().ok()
}

/// Calls `then` when the request is refused; a refusal that nobody takes is an error of the page.
fn refused(lock: &Promise, then: &Function) {
    let catch: Result<Function, _> =
        Reflect::get(lock, &"catch".into()).map(JsCast::unchecked_into);
    if let Ok(catch) = catch {
        let _ = catch.call1(lock, then);
    }
}
