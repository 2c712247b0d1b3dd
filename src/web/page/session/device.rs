//! The session kept on this device, when a person wants it: in the browser's IndexedDB, until it is cleared.
//!
//! One entry holds the records, one each the sound of some seconds, so that what is there is not written again.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use crate::{
    protocol::Fields,
    web::{
        client::lifeline::{self, Claim},
        object::{Callback, later, window},
    },
};

/// Name of the database, and of the mark in the local storage that there is one.
const NAME: &str = "speech-emotion session";
/// Its only store.
const STORE: &str = "parts";
/// The entry with the records.
const RECORDS: &str = "records";
/// A page that has just been closed or loaded again takes a moment to let go.
const TRIES: usize = 10;
const TRY_MS: i32 = 200;

/// Whether a session is kept here; it need not be looked for otherwise.
pub fn is_kept() -> bool {
    // A storage has its items for fields.
    let storage = window().local_storage().ok().flatten();
    storage.is_some_and(|storage| storage.text(NAME).is_some())
}

/// The right to keep a session here; none while another page has it, as each would write over the other's.
pub async fn claim() -> Option<Claim> {
    for _ in 0..TRIES {
        let claim = lifeline::claim(&window(), NAME).await;
        if claim.is_some() {
            return claim;
        }
        let moment = Promise::new(&mut |resolve, _| {
            later(TRY_MS, move || drop(resolve.call0(&JsValue::NULL)));
        });
        // It is never rejected.
        let _ = JsFuture::from(moment).await;
    }
    None
}

/// Writes entries, each with its key, to the `expected` number that are there; all of these go first where that is
/// none. Gives whether they were there: if not, because the site's data was cleared, nothing is written.
///
/// # Errors
/// When the browser refuses or has no room; what was there before stays.
pub async fn write(
    records: JsValue,
    mut parts: Vec<(String, JsValue)>,
    expected: Option<usize>,
) -> Result<bool, JsValue> {
    for (_, part) in &mut parts {
        // WebKit keeps no blobs of private windows, and then finishes no other transaction.
        *part = JsFuture::from(part.unchecked_ref::<Blob>().array_buffer()).await?;
    }
    let database = open().await?;
    let written = write_to(&database, records, parts, expected).await;
    close(&database);
    if !written? {
        return Ok(false);
    }
    let storage = window().local_storage()?.ok_or("no storage")?;
    Reflect::set(&storage, &NAME.into(), &"kept".into())
}

async fn write_to(
    database: &JsValue,
    records: JsValue,
    parts: Vec<(String, JsValue)>,
    expected: Option<usize>,
) -> Result<bool, JsValue> {
    let is_anew = expected.is_none();
    if let Some(expected) = expected {
        let transaction = call(database, "transaction", &[STORE.into(), "readonly".into()])?;
        let store = call(&transaction, "objectStore", &[STORE.into()])?;
        let count = call(&store, "count", &[])?;
        happens(&transaction, "oncomplete", &["onabort", "onerror"]).await?;
        if count.number("result") != Some(expected as f64) {
            return Ok(false);
        }
    }
    let transaction = call(database, "transaction", &[STORE.into(), "readwrite".into()])?;
    let store = call(&transaction, "objectStore", &[STORE.into()])?;
    if is_anew {
        call(&store, "clear", &[])?;
    }
    call(&store, "put", &[records, RECORDS.into()])?;
    for (key, part) in parts {
        call(&store, "put", &[part, key.as_str().into()])?;
    }
    happens(&transaction, "oncomplete", &["onabort", "onerror"]).await?;
    Ok(true)
}

/// The records, and the keys and the values of everything.
///
/// # Errors
/// When the browser refuses, or nothing is there.
pub async fn read() -> Result<(JsValue, Array, Array), JsValue> {
    let database = open().await?;
    let transaction = call(&database, "transaction", &[STORE.into(), "readonly".into()])?;
    let store = call(&transaction, "objectStore", &[STORE.into()])?;
    let records = call(&store, "get", &[RECORDS.into()])?;
    let keys = call(&store, "getAllKeys", &[])?;
    let values = call(&store, "getAll", &[])?;
    let read = happens(&transaction, "oncomplete", &["onabort", "onerror"]).await;
    close(&database);
    read?;
    let result = |request: &JsValue| Reflect::get(request, &"result".into());
    let (keys, values) = (result(&keys)?, result(&values)?);
    Ok((
        result(&records)?,
        keys.unchecked_into(),
        values.unchecked_into(),
    ))
}

/// Forgets it.
///
/// # Errors
/// When the browser refuses.
pub async fn clear() -> Result<(), JsValue> {
    if let Ok(Some(storage)) = window().local_storage() {
        storage.remove_item(NAME)?;
    }
    let factory = Reflect::get(&window(), &"indexedDB".into())?;
    let request = call(&factory, "deleteDatabase", &[NAME.into()])?;
    happens(&request, "onsuccess", &["onerror"]).await
}

async fn open() -> Result<JsValue, JsValue> {
    let factory = Reflect::get(&window(), &"indexedDB".into())?;
    let request = call(&factory, "open", &[NAME.into(), 1.into()])?;
    let there = request.clone();
    let upgrade = Callback::once(move |_| {
        // What fails here makes the request fail.
        let database = Reflect::get(&there, &"result".into()).unwrap_or_default();
        let _ = call(&database, "createObjectStore", &[STORE.into()]);
    });
    let upgrade = upgrade.into_js_value();
    Reflect::set(&request, &"onupgradeneeded".into(), &upgrade)?;
    happens(&request, "onsuccess", &["onerror", "onblocked"]).await?;
    Reflect::get(&request, &"result".into())
}

fn close(database: &JsValue) {
    // A database that is gone needs no closing.
    let _ = call(database, "close", &[]);
}

async fn happens(target: &JsValue, good: &str, bad: &[&str]) -> Result<(), JsValue> {
    let happening = Promise::new(&mut |resolve, reject| {
        // Requests and transactions take every handler.
        let _ = Reflect::set(target, &good.into(), &resolve);
        for name in bad {
            let _ = Reflect::set(target, &(*name).into(), &reject);
        }
    });
    let happened = JsFuture::from(happening).await;
    happened.map(drop).map_err(|event| {
        let failed = event.object("target");
        failed
            .and_then(|failed| failed.object("error"))
            .unwrap_or(event)
    })
}

fn call(object: &JsValue, name: &str, given: &[JsValue]) -> Result<JsValue, JsValue> {
    let function = Reflect::get(object, &name.into())?;
    let function: Function = function.dyn_into()?;
    function.apply(object, &given.iter().collect())
}
