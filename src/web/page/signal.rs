//! Everything that can happen to the page, and the mailbox that hands it to the app.

use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;
use web_sys::MediaStream;

use super::{model::Files, samples::Sample, session::Act};
use crate::{
    audio::Lanes,
    web::{
        client::{
            engine::Sign,
            file::Recording,
            microphone::{Change, Device, Microphone},
        },
        error::WebError,
    },
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
    /// To be analysed; with the number of files in the same folders that are no sound.
    FilesGiven(Vec<File>, u32),
    RowChosen(u32),
    RowCancelled(u32),
    CancelAllPressed,
    LaneChosen(usize),
    LanesChosen(Lanes),
    DeviceChosen(String),
    DevicesChanged,
    Devices(Vec<Device>),
    /// The page is in sight again.
    Seen,
    ExplainToggled,
    ChooseModelPressed,
    ModelGiven(Vec<File>),
    ModelRead(Result<Files, WebError>),
    RemoveModelPressed,
    SamplePressed(&'static Sample),
    SampleFetched(Result<File, WebError>),
    CalibrationGiven(File),
    CalibrationRead(String),
    Dragging(bool),
    LanguageChosen,
    /// With its words.
    LanguageFetched(String, Option<JsValue>),
    /// With the session that is kept.
    Session(Act),
    Redraw,
    /// With the attempt it belongs to, as all that follow.
    MicrophoneOpened(u32, Result<Microphone, WebError>),
    MicrophoneReplaced(u32, Result<MediaStream, WebError>),
    MicrophoneChanged(u32, Change),
    /// It has ended, and why.
    MicrophoneAway(u32, WebError),
    /// With the number of the source.
    FileDecoded(u32, Result<Recording, WebError>),
    /// The engine has been waited for; with the number of the worker and what had been received.
    Impatient(u32, u32),
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
        match self.0.try_borrow_mut() {
            Ok(mut handler) => {
                if let Some(handler) = handler.as_mut() {
                    handler(signal);
                }
            }
            // An element that is taken away while it is being edited says so at once.
            Err(_) => self.send(signal),
        }
    }

    /// Handles a signal after what is going on now, which may be the app itself.
    pub fn send(&self, signal: Signal) {
        let mailbox = self.clone();
        spawn_local(async move { mailbox.handle(signal) });
    }
}
