//! The choice of the microphone and of what the channels are: the elements, and what is remembered of it in
//! the browser's local storage.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, HtmlSelectElement, Window};

use super::dom::{Finder, add, set_hidden};
use crate::{
    protocol::Fields,
    web::{client::microphone::Device, words::tr},
};

/// Name in the local storage, which this page may share with others of its host.
const KEY: &str = "speech-emotion microphone";

/// The elements.
pub struct Inputs {
    field: HtmlElement,
    /// The microphone's id; empty for the browser's choice.
    pub microphone: HtmlSelectElement,
    /// As [`Lanes`](crate::audio::Lanes).
    pub lanes: HtmlSelectElement,
}

impl Inputs {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            field: finder.find("microphone-field"),
            microphone: finder.find("microphone").unchecked_into(),
            lanes: finder.find("lanes-choice").unchecked_into(),
        }
    }

    /// Shows the microphones that can be chosen, if there are any that have names.
    pub fn show(&self, devices: &[Device], chosen: Option<&str>) {
        self.microphone.set_text_content(None);
        let default = tr("The browser's choice");
        let named = devices
            .iter()
            .map(|device| (device.id.as_str(), device.name.as_str()));
        for (id, name) in [("", default.as_str())].into_iter().chain(named) {
            // A list that cannot grow leaves the browser's choice.
            if let Ok(option) = add(&self.microphone, "option", "", name) {
                let _ = option.set_attribute("value", id);
            }
        }
        self.microphone.set_value(chosen.unwrap_or(""));
        set_hidden(&self.field, devices.is_empty());
    }
}

/// Remembers a microphone by its id; the browser's choice by an empty one.
pub fn remember(window: &Window, id: &str) {
    if let Some(storage) = window.local_storage().ok().flatten() {
        // A storage has its items for fields; where nothing can be kept, the choice holds for this visit.
        let _ = match id {
            "" => storage.remove_item(KEY),
            id => Reflect::set(&storage, &KEY.into(), &JsValue::from(id)).map(drop),
        };
    }
}

/// The microphone that was remembered.
pub fn remembered(window: &Window) -> Option<String> {
    window.local_storage().ok().flatten()?.text(KEY)
}
