//! How the page learns that its worker is gone, whatever the cause: the worker holds a Web Lock for as
//! long as it lives, and the page waits for the same lock. Closed and killed workers fire no event. And how of several
//! pages one alone does something.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::web::object::object;

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
        match request(scope, &[&name.into(), &held]) {
            Some(lock) => refused(&lock, &reject),
            None => drop(reject.call0(&JsValue::NULL)),
        }
    });
    JsFuture::from(granted).await.is_ok()
}

/// Waits until nobody holds the lock `name`; where it cannot be asked for it waits forever.
pub async fn lost(scope: &JsValue, name: &str) {
    let freed = Promise::new(&mut |resolve, _| {
        if let Some(lock) = request(scope, &[&name.into(), &resolve]) {
            // A refusal that nobody takes is an error of the page.
            spawn_local(async move {
                let _ = JsFuture::from(lock).await;
            });
        }
    });
    let _ = JsFuture::from(freed).await;
}

/// What one page alone may do, until it is dropped.
pub struct Claim(Option<Function>);

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(release) = &self.0 {
            // A promise can always be resolved.
            let _ = release.call0(&JsValue::NULL);
        }
    }
}

/// Takes the lock `name` unless another page has it. Where there are no locks, nobody is kept from anything.
pub async fn claim(scope: &JsValue, name: &str) -> Option<Claim> {
    let answered = Promise::new(&mut |resolve, reject| {
        let held = Closure::once_into_js(move |lock: JsValue| {
            if lock.is_null() {
                let _ = resolve.call1(&JsValue::NULL, &lock);
                return JsValue::UNDEFINED;
            }
            Promise::new(&mut |release, _| {
                let _ = resolve.call1(&JsValue::NULL, &release);
            })
            .into()
        });
        let at_once = object(&[("ifAvailable", true.into())]);
        match request(scope, &[&name.into(), &at_once, &held]) {
            Some(lock) => refused(&lock, &reject),
            None => drop(reject.call0(&JsValue::NULL)),
        }
    });
    match JsFuture::from(answered).await {
        Ok(release) => release.dyn_into().ok().map(|release| Claim(Some(release))),
        Err(_) => Some(Claim(None)),
    }
}

fn request(scope: &JsValue, given: &[&JsValue]) -> Option<Promise> {
    let navigator = Reflect::get(scope, &"navigator".into()).ok()?;
    let locks = Reflect::get(&navigator, &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let lock = request
        .apply(&locks, &given.iter().copied().collect())
        .ok()?;
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
