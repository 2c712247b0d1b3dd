//! The part of the page that makes it fit a voice: the elements and the only code that changes them.
//!
//! What it says in each state stands in index.html; the style sheet shows and hides it.

use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, HtmlInputElement};

use super::{
    dom::{Finder, enable, set_progress, set_text},
    reading::ENOUGH_S,
};
use crate::{
    protocol::Speaker,
    web::{numbers::duration, words::tell},
};

/// The elements.
pub struct Panel {
    body: HtmlElement,
    /// Always in sight; says whom the engine judges.
    pub summary: HtmlElement,
    /// Begins a reading.
    pub read: HtmlElement,
    /// Ends it early.
    pub done: HtmlElement,
    progress: HtmlElement,
    progress_text: HtmlElement,
    /// Opens the dialogue for a saved calibration.
    pub load: HtmlElement,
    /// The dialogue.
    pub file: HtmlInputElement,
    save: HtmlElement,
    /// Forgets the calibration.
    pub remove: HtmlElement,
    /// Switches the adaptation while listening.
    pub adapt: HtmlInputElement,
    heard: HtmlElement,
}

impl Panel {
    /// Finds the elements.
    pub fn new(body: &HtmlElement, finder: &mut Finder) -> Self {
        Self {
            body: body.clone(),
            summary: finder.find("voice-summary"),
            read: finder.find("read"),
            done: finder.find("done"),
            progress: finder.find("reading-progress"),
            progress_text: finder.find("reading-progress-text"),
            load: finder.find("voice-load"),
            file: finder.find("voice-file").unchecked_into(),
            save: finder.find("voice-save"),
            remove: finder.find("voice-remove"),
            adapt: finder.find("adapt").unchecked_into(),
            heard: finder.find("voice-heard"),
        }
    }

    /// Lets it be used, as far as the model can be calibrated.
    pub fn offer(&self, can_calibrate: bool, has_neutral: bool) {
        let offered = match (can_calibrate, has_neutral) {
            (true, true) => "all",
            (true, false) => "without-reading",
            (false, _) => "nothing",
        };
        self.body_data("data-offered", offered);
        for control in [&self.read, &self.load, &self.adapt] {
            enable(control);
        }
    }

    /// Shows whom the engine judges.
    pub fn speaker(&self, speaker: &Speaker) {
        let state = match speaker {
            Speaker::Unknown => "unknown",
            Speaker::Calibrated(calibration) => {
                // Nothing in it needs to be encoded.
                let address = ["data:application/json,", calibration].concat();
                let _ = self.save.set_attribute("href", &address);
                "fitted"
            }
            Speaker::Listening => "listening",
        };
        self.body_data("data-voice", state);
        self.adapt.set_checked(*speaker == Speaker::Listening);
    }

    /// Shows what a calibration was made from, and whether it is there at the next visit.
    pub fn calibrated(&self, speech_s: f64, is_kept: bool) {
        set_text(&self.heard, &duration(speech_s));
        self.body_data("data-kept", if is_kept { "true" } else { "false" });
    }

    /// Shows that what was kept is of another model.
    pub fn outdated(&self) {
        self.body_data("data-voice", "outdated");
    }

    /// Shows how much of a reading was heard.
    pub fn reading(&self, speech_s: f64) {
        set_progress(&self.progress, (speech_s / ENOUGH_S) as f32);
        let [heard, enough] = [speech_s.min(ENOUGH_S), ENOUGH_S].map(|s| (s as u32).to_string());
        set_text(
            &self.progress_text,
            &tell("{0} of {1}\u{202f}s of speech", &[&heard, &enough]),
        );
    }

    fn body_data(&self, name: &str, value: &str) {
        let _ = self.body.set_attribute(name, value);
    }
}
