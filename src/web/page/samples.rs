//! Voices to try the page with: recordings that ship with it, heard and judged at the press of a button.

use js_sys::{Array, Uint8Array};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{File, FilePropertyBag, HtmlAudioElement, HtmlElement, Url};

use super::dom::Finder;
use crate::web::{client::download::download, error::WebError, object::object, words::tr};

/// A recording.
pub struct Sample {
    /// Its button.
    id: &'static str,
    url: &'static str,
    /// In English; also the name of its file.
    pub name: &'static str,
}

/// In the order of their buttons.
pub const SAMPLES: [Sample; 3] = [
    Sample {
        id: "sample-happy",
        url: "sample-happy.mp3",
        name: "A happy voice",
    },
    Sample {
        id: "sample-angry",
        url: "sample-angry.mp3",
        name: "An angry voice",
    },
    Sample {
        id: "sample-fearful",
        url: "sample-fearful.mp3",
        name: "A fearful voice",
    },
];

impl Sample {
    /// Its button.
    pub fn button(&self, finder: &mut Finder) -> HtmlElement {
        finder.find(self.id)
    }

    /// Fetches it, when it is asked for.
    ///
    /// # Errors
    /// [`WebError::SampleUnavailable`] with the reason.
    pub async fn fetch(&self) -> Result<File, WebError> {
        let blocks = Array::new();
        let received = |block: Uint8Array| {
            blocks.push(&block);
        };
        let fetched = download(self.url, &object(&[]), received).await;
        fetched.map_err(WebError::SampleUnavailable)?;
        let kind = FilePropertyBag::new();
        kind.set_type("audio/mpeg");
        let file = File::new_with_u8_array_sequence_and_options(&blocks, &tr(self.name), &kind);
        file.map_err(|_| WebError::Unsupported("files made by a page"))
    }
}

/// A recording that sounds until it is dropped.
pub struct Playing {
    audio: HtmlAudioElement,
    url: String,
}

impl Playing {
    /// Lets a recording be heard; without a loudspeaker it is judged all the same.
    pub fn start(file: &File) -> Option<Self> {
        let url = Url::create_object_url_with_blob(file).ok()?;
        let audio = HtmlAudioElement::new_with_src(&url).ok()?;
        let begins = JsFuture::from(audio.play().ok()?);
        spawn_local(async { drop(begins.await) });
        Some(Self { audio, url })
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.audio.pause();
        let _ = Url::revoke_object_url(&self.url);
    }
}
