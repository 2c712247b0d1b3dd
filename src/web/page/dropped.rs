//! What was dropped on the page: files, and the files in folders.

use std::collections::VecDeque;

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileList};

use crate::protocol::Fields;

/// How the names of sound files end; systems do not know the type of all of them.
const ENDINGS: [&str; 18] = [
    "aac", "aif", "aifc", "aiff", "amr", "caf", "flac", "m4a", "m4b", "mka", "mp3", "mp4", "oga",
    "ogg", "opus", "wav", "wave", "webm",
];

/// What was dropped, which must be taken before the event is over.
pub struct Dropped {
    files: Vec<File>,
    folders: VecDeque<JsValue>,
}

impl Dropped {
    /// Takes it.
    pub fn new(transfer: &DataTransfer) -> Self {
        let mut dropped = Self {
            files: Vec::new(),
            folders: VecDeque::new(),
        };
        let items = Reflect::get(transfer, &"items".into()).unwrap_or_default();
        let files = listed(transfer.files());
        let count = items.number("length").unwrap_or(0.0) as u32;
        let entries = (0..count).filter_map(|n| {
            let item = Reflect::get_u32(&items, n).ok()?;
            call(&item, "webkitGetAsEntry", &[]).ok()
        });
        dropped.folders = entries.filter(|entry| is(entry, "isDirectory")).collect();
        // A folder is in the list too, as a file that cannot be read.
        let folders: Vec<Option<String>> = dropped
            .folders
            .iter()
            .map(|folder| folder.text("name"))
            .collect();
        dropped.files = files
            .into_iter()
            .filter(|file| !folders.contains(&Some(file.name())))
            .collect();
        dropped
    }

    /// The files, and those in folders that can hold sound, sorted by their names; and how many others were
    /// left out.
    pub async fn files(mut self) -> (Vec<File>, u32) {
        let mut left_out = 0;
        while let Some(folder) = self.folders.pop_front() {
            let mut inside = entries(&folder).await;
            inside.sort_by_key(|entry| entry.text("name"));
            for entry in inside {
                if is(&entry, "isDirectory") {
                    self.folders.push_back(entry);
                    continue;
                }
                match answer(&entry, "file")
                    .await
                    .map(JsCast::unchecked_into::<File>)
                {
                    Ok(file) if is_sound(&file) => self.files.push(file),
                    _ => left_out += 1,
                }
            }
        }
        (self.files, left_out)
    }
}

/// The files of a list.
pub fn listed(list: Option<FileList>) -> Vec<File> {
    let list = list.iter();
    list.flat_map(|list| (0..list.length()).filter_map(|n| list.get(n)))
        .collect()
}

/// What is in a folder; of one that cannot be read, what was read of it.
async fn entries(folder: &JsValue) -> Vec<JsValue> {
    let mut found = Vec::new();
    let Ok(reader) = call(folder, "createReader", &[]) else {
        return found;
    };
    // Browsers give a hundred at a time, and none at the end.
    while let Ok(some) = answer(&reader, "readEntries").await {
        let some: Array = some.unchecked_into();
        if some.length() == 0 {
            break;
        }
        found.extend(some.iter());
    }
    found
}

/// What a method of an older kind gives to the first of its two callbacks.
async fn answer(object: &JsValue, method: &str) -> Result<JsValue, JsValue> {
    let given = Promise::new(&mut |resolve, reject| {
        if let Err(error) = call(object, method, &[&resolve, &reject]) {
            let _ = reject.call1(&JsValue::NULL, &error);
        }
    });
    JsFuture::from(given).await
}

fn call(object: &JsValue, method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let method: Function = Reflect::get(object, &method.into())?.dyn_into()?;
    let arguments: Array = arguments.iter().copied().collect();
    method.apply(object, &arguments)
}

fn is(entry: &JsValue, name: &str) -> bool {
    entry.flag(name).unwrap_or(false)
}

fn is_sound(file: &File) -> bool {
    let kind = file.type_();
    let name = file.name().to_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    // Systems write hidden files of the same endings beside them.
    !name.starts_with('.')
        && (kind.starts_with("audio/") || kind.starts_with("video/") || ENDINGS.contains(&ending))
}
