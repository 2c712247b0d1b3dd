//! What the app does with a model of the visitor's own.

use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use super::{App, Input};
use crate::{
    protocol::{ModelSummary, Stage},
    web::{
        error::WebError,
        page::{
            dom::focus,
            model::{Answer, Files, read},
            signal::Signal,
            view::Phase,
            voice::Voice,
        },
        words::tr,
    },
};

impl App {
    /// Reads the files of a model.
    pub(super) fn read_model(&mut self, files: Vec<File>) {
        // What is being heard is shown with the labels of the model it began with.
        if !matches!(self.input, Input::None) {
            return self.show_error(WebError::ModelWhileListening);
        }
        let mailbox = self.mailbox.clone();
        spawn_local(async move { mailbox.send(Signal::ModelRead(read(files).await)) });
    }

    /// Has the engine load it, at once or as soon as it is ready.
    pub(super) fn give_model(&mut self, read: Result<Files, WebError>) {
        match read {
            Err(error) => self.show_error(error),
            Ok(_) if !matches!(self.input, Input::None) => {
                self.show_error(WebError::ModelWhileListening);
            }
            Ok(files) => {
                self.close_error();
                self.own.give(files);
                if self.is_ready() {
                    self.send_model();
                }
            }
        }
    }

    /// Goes back to the shipped model, which a new engine has.
    pub(super) fn remove_model(&mut self) {
        if !matches!(self.input, Input::None) {
            return self.show_error(WebError::ModelWhileListening);
        }
        self.display
            .view
            .announce(&tr("The page's own model judges again"));
        // The button goes out of sight.
        focus(&self.display.view.own.summary);
        self.restore_model();
    }

    fn restore_model(&mut self) {
        self.own.remove();
        self.drop_engine();
        self.display.view.engine_starting();
        self.start_engine();
    }

    /// Sends the engine the visitor's model, if there is one; no session begins before its answer.
    pub(super) fn send_model(&mut self) -> bool {
        let Some(command) = self.own.command() else {
            return false;
        };
        if let Some(engine) = &mut self.engine {
            // An engine that takes no command is gone, which is noticed elsewhere.
            let _ = engine.send(&command, None);
            engine.is_ready = false;
        }
        true
    }

    /// Takes up the model that the engine has loaded; says whether it may judge.
    pub(super) fn model_loaded(&mut self, model: ModelSummary) -> bool {
        let is_own = matches!(self.own.loaded(), Answer::Own);
        if !is_own && self.send_model() {
            return false;
        }
        let view = &self.display.view;
        view.own.judges(is_own.then_some(&model));
        if is_own {
            // What was fitted to a voice belongs to the other model, and is there again afterwards.
            let voice = std::mem::replace(&mut self.voice, Voice::in_memory());
            self.shelved.get_or_insert(voice);
            view.announce(&tr("Your own model judges now"));
        } else if let Some(voice) = self.shelved.take() {
            self.voice = voice;
        }
        view.panel.speaker(self.voice.speaker());
        if self.display.model(model) {
            // What is on screen is another model's.
            self.display.forget();
            if matches!(self.input, Input::None) {
                self.display.view.phase(Phase::Idle);
            }
        }
        true
    }

    /// A model cannot be used; what judged before judges on, if it was the visitor's.
    pub(super) fn model_refused(&mut self, stage: Stage, message: String) {
        match self.own.refused() {
            Answer::Shipped => self.give_up(WebError::ModelMismatch(message)),
            Answer::Own => {
                self.show_error(WebError::ModelRefused(stage, message));
                if self.shelved.is_some() && !self.own.is_in_use() {
                    return self.restore_model();
                }
                if let Some(engine) = &mut self.engine {
                    engine.is_ready = true;
                }
                self.begin();
            }
        }
    }
}
