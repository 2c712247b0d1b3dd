//! Everything that can happen to the page, and the mailbox that hands it to the app.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use super::{model::Files, samples::Sample};
use crate::web::{
    client::{engine::Sign, file::Recording, microphone::Microphone},
    error::WebError,
};

/// Everything that can happen.
pub enum Signal {
    PrimaryPressed,
    ChoosePressed,
    CancelPressed,
    AlertPressed,
    ReadPressed,
    DonePressed,
    LoadPressed,
    RemovePressed,
    AdaptSwitched(bool),
    ExplainToggled,
    ChooseModelPressed,
    ModelGiven(Vec<File>),
    ModelRead(Result<Files, WebError>),
    RemoveModelPressed,
    SamplePressed(&'static Sample),
    /// With the attempt it belongs to.
    SampleFetched(u32, Result<File, WebError>),
    /// To be analysed.
    FileGiven(File),
    CalibrationGiven(File),
    CalibrationRead(String),
    Dragging(bool),
    LanguageChosen,
    /// With its words.
    LanguageFetched(String, Option<JsValue>),
    Redraw,
    /// With the attempt it belongs to, as all that follow.
    MicrophoneOpened(u32, Result<Microphone, WebError>),
    FileDecoded(u32, Result<Recording, WebError>),
    MicrophoneLost(u32, WebError),
    Received(u32),
    ProgramFetched(Result<(), WebError>),
    /// The page's files are kept, for the first time.
    Kept,
    /// With the number of the worker it comes from, as what follows.
    Engine(u32, Sign),
    NoModel(u32, WebError),
}

type Handler = Box<dyn FnMut(Signal)>;

/// Hands signals to the app, one at a time; those before it is opened are lost.
#[derive(Clone, Default)]
pub struct Mailbox(Rc<RefCell<Option<Handler>>>);

impl Mailbox {
    /// From now on signals are handled.
    pub fn open(&self, handler: impl FnMut(Signal) + 'static) {
        *self.0.borrow_mut() = Some(Box::new(handler));
    }

    /// Handles a signal at once: for what must happen inside a click.
    pub fn handle(&self, signal: Signal) {
        if let Some(handler) = self.0.borrow_mut().as_mut() {
            handler(signal);
        }
    }

    /// Handles a signal after what is going on now, which may be the app itself.
    pub fn send(&self, signal: Signal) {
        let mailbox = self.clone();
        spawn_local(async move { mailbox.handle(signal) });
    }
}
