//! A model of the visitor's own in the place of the shipped one: two files, held in memory only.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlElement, HtmlInputElement};

use super::dom::{Finder, enable, set_hidden, set_text};
use crate::{
    protocol::{Command, ModelSummary},
    web::{
        error::{ModelFiles, WebError},
        words::tell,
    },
};

/// Largest model.onnx and largest model.json.
const MAX_BYTES: [f64; 2] = [64e6, 1e6];

/// The contents of both files.
#[derive(Clone)]
pub struct Files {
    model: Vec<u8>,
    manifest: String,
}

/// What the engine is to be given, and what it has.
#[derive(Default)]
pub struct OwnModel {
    /// Not answered yet.
    given: Option<Files>,
    /// Judges, or will again as soon as the engine has been started anew.
    in_use: Option<Files>,
    /// Whether the engine has been sent one and has not answered.
    is_asked: bool,
}

/// What the engine's word on a model was about.
pub enum Answer {
    /// The shipped one.
    Shipped,
    /// The visitor's.
    Own,
}

impl OwnModel {
    /// To be loaded next.
    pub fn give(&mut self, files: Files) {
        self.given = Some(files);
    }

    /// What the engine, which is ready, has to be sent before it may judge.
    pub fn command(&mut self) -> Option<Command> {
        let files = self.given.as_ref().or(self.in_use.as_ref())?;
        self.is_asked = true;
        Some(Command::Load {
            model: files.model.clone(),
            manifest: files.manifest.clone(),
        })
    }

    /// The engine has loaded what it was sent last.
    pub fn loaded(&mut self) -> Answer {
        if !std::mem::take(&mut self.is_asked) {
            return Answer::Shipped;
        }
        if let Some(given) = self.given.take() {
            self.in_use = Some(given);
        }
        Answer::Own
    }

    /// The engine refuses; what judged before judges on.
    pub fn refused(&mut self) -> Answer {
        if !std::mem::take(&mut self.is_asked) {
            return Answer::Shipped;
        }
        if self.given.take().is_none() {
            self.in_use = None;
        }
        Answer::Own
    }

    /// Whether it judges, or will again.
    pub fn is_in_use(&self) -> bool {
        self.in_use.is_some()
    }

    /// There is a new engine, which has the shipped model.
    pub fn restart(&mut self) {
        self.is_asked = false;
    }

    /// Forgets it.
    pub fn remove(&mut self) {
        *self = Self::default();
    }
}

/// Whether files are a model, or a part of one.
pub fn is_model(files: &[File]) -> bool {
    let mut names = files.iter().map(|file| file.name().to_lowercase());
    names.any(|name| name.ends_with(".onnx") || name == "model.json")
}

/// Reads both files.
///
/// # Errors
/// When one is missing, there are more, or one is too large or cannot be read.
pub async fn read(files: Vec<File>) -> Result<Files, WebError> {
    let [mut model, mut manifest] = [None, None];
    for file in files {
        let name = file.name().to_lowercase();
        let place = if name.ends_with(".onnx") {
            &mut model
        } else if name.ends_with(".json") {
            &mut manifest
        } else {
            continue;
        };
        if place.replace(file).is_some() {
            return Err(WebError::ModelFiles(ModelFiles::TooMany));
        }
    }
    let missing = |files| move || WebError::ModelFiles(files);
    let model = model.ok_or_else(missing(ModelFiles::NoModel))?;
    let manifest = manifest.ok_or_else(missing(ModelFiles::NoManifest))?;
    let [most, most_text] = MAX_BYTES;
    let (model, manifest) = (bytes(model, most).await?, bytes(manifest, most_text).await?);
    Ok(Files {
        model,
        // What is no text is no manifest, which the engine says.
        manifest: String::from_utf8(manifest).unwrap_or_default(),
    })
}

async fn bytes(file: File, most: f64) -> Result<Vec<u8>, WebError> {
    if file.size() > most {
        return Err(WebError::ModelTooLarge(file.name()));
    }
    match JsFuture::from(file.array_buffer()).await {
        Ok(bytes) => Ok(Uint8Array::new(&bytes).to_vec()),
        Err(_) => Err(WebError::ModelUnreadable(file.name())),
    }
}

/// The elements.
pub struct ModelPanel {
    /// Always in sight.
    pub summary: HtmlElement,
    sign: HtmlElement,
    name: HtmlElement,
    /// Goes back to the shipped model.
    pub remove: HtmlElement,
    /// Opens the dialogue.
    pub choose: HtmlElement,
    /// The dialogue.
    pub input: HtmlInputElement,
}

impl ModelPanel {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            summary: finder.find("own-summary"),
            sign: finder.find("own-sign"),
            name: finder.find("own-name"),
            remove: finder.find("own-remove"),
            choose: finder.find("own-choose"),
            input: finder.find("own-files").unchecked_into(),
        }
    }

    /// Shows whose model judges.
    pub fn judges(&self, own: Option<&ModelSummary>) {
        enable(&self.choose);
        set_hidden(&self.sign, own.is_none());
        if let Some(model) = own {
            let labels = model.labels.join(", ");
            let name = tell("version {0} ({1})", &[&model.version, &labels]);
            set_text(&self.name, &name);
        }
    }

    /// Says it in another language.
    pub fn retell(&self, model: &ModelSummary) {
        if !self.sign.has_attribute("hidden") {
            self.judges(Some(model));
        }
    }
}
