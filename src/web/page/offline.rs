//! The service worker, which keeps the page's files on this device: see assets/sw.js.

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ServiceWorkerContainer, ServiceWorkerRegistration, Window};

use super::boot::program;

/// Whether this page came from the kept files, and so will everything else.
pub fn is_kept(window: &Window) -> bool {
    container(window).is_some_and(|container| container.controller().is_some())
}

/// Keeps this build's files for the next visit, of the engines only the one that runs here; returns once
/// all of them are kept. What is missing of them at a later visit is fetched again.
///
/// # Errors
/// When the browser or its settings do not allow it, or a file cannot be fetched as this build has it;
/// the page works all the same.
pub async fn keep(window: &Window) -> Result<(), JsValue> {
    let container = container(window).ok_or("no service workers")?;
    let script = ["sw.js?", &program()].concat();
    JsFuture::from(container.register(&script)).await?;
    let registration: ServiceWorkerRegistration = JsFuture::from(container.ready()?).await?.into();
    let keeper = registration.active().ok_or("no service worker")?;
    keeper.post_message(&"check".into())
}

/// Forgets the kept files' service worker, so that a reload comes from the network.
pub async fn forget(window: &Window) -> Result<(), JsValue> {
    let container = container(window).ok_or("no service workers")?;
    let registration = JsFuture::from(container.get_registration()).await?;
    let registration: ServiceWorkerRegistration = registration.into();
    JsFuture::from(registration.unregister()?).await.map(drop)
}

fn container(window: &Window) -> Option<ServiceWorkerContainer> {
    let container = window.navigator().service_worker();
    // Insecure pages have none.
    (!AsRef::<JsValue>::as_ref(&container).is_undefined()).then_some(container)
}
