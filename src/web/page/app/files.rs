//! What the app does with files: one is read ahead while another one is analysed or a microphone is listened
//! to, and one after the other is analysed. What one comes to never stops the others.

use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use super::{App, Live, start_decoder};
use crate::{
    session::Pacing,
    web::{
        client::file::Recording,
        error::WebError,
        numbers::isolated,
        page::{
            display::Origin,
            session::{Act, is_transcript},
            signal::Signal,
            sources::{Source, State},
        },
        words::tr,
    },
};

impl App {
    /// Takes files; while a microphone is listened to they wait.
    pub(super) fn open_files(&mut self, mut files: Vec<File>, left_out: u32) {
        let is_saved = |name: &str| name.ends_with(".json") || is_transcript(name);
        let saved = files.extract_if(.., |file| is_saved(&file.name()));
        let saved: Vec<File> = saved.collect();
        for file in saved {
            self.act(Act::FileGiven(file));
        }
        if files.is_empty() {
            return;
        }
        self.left_out += left_out;
        let is_alone = files.len() == 1 && self.sources.current_file().is_none();
        for file in files {
            self.sources.add(file, is_alone);
        }
        if matches!(self.live, Live::None | Live::Closing) {
            self.close_error();
            self.follows = true;
        }
        self.show_sources();
        self.advance();
    }

    /// Goes on with the next file, if none is under way.
    pub(super) fn advance(&mut self) {
        if self.sources.current_file().is_some() {
            return self.begin_file();
        }
        let Some(source) = self
            .sources
            .next_file()
            .and_then(|next| self.sources.get(next))
        else {
            return;
        };
        let State::Waiting(file) = std::mem::replace(&mut source.state, State::Opening) else {
            return;
        };
        let (mailbox, number, name) = (self.mailbox.clone(), source.number, source.name.clone());
        if self.file_in_focus().is_some() {
            self.display.interlude(
                &isolated(&name),
                &tr("Reading the file…"),
                &tr("It stays on this device."),
            );
        }
        self.show_phase();
        self.show_row(number);
        spawn_local(async move {
            let decoded = Recording::decode(&file, name, start_decoder).await;
            mailbox.send(Signal::FileDecoded(number, decoded));
        });
    }

    pub(super) fn decoded(&mut self, number: u32, decoded: Result<Recording, WebError>) {
        let opening = |source: &&mut Source| matches!(source.state, State::Opening);
        let Some(source) = self.sources.get(number).filter(opening) else {
            return;
        };
        match decoded {
            Ok(recording) => {
                source.duration_s = recording.duration_s;
                source.state = State::Ready(recording);
                if self.engine.is_none() {
                    self.load();
                }
                if self.file_in_focus().is_some() {
                    self.display.interlude(
                        &tr("One moment"),
                        &tr("Starts by itself"),
                        &tr("as soon as the engine is here."),
                    );
                }
                self.show_phase();
                self.show_row(number);
                self.begin_file();
            }
            Err(error) => {
                let is_alone = source.is_alone;
                source.state = State::Failed(error.clone());
                if is_alone {
                    self.sources.remove(number);
                    self.rest();
                    self.show_error(error);
                }
                self.show_sources();
                self.advance();
                if self.sources.current_file().is_none() {
                    self.rest();
                }
            }
        }
    }

    /// Starts the analysis of the file that is ready, once the engine is and no microphone is listened to.
    pub(super) fn begin_file(&mut self) {
        if !self.is_ready() || !matches!(self.live, Live::None) {
            return;
        }
        let lanes = self.lanes;
        let ready = |source: &&Source| matches!(source.state, State::Ready(_));
        let Some(number) = self
            .sources
            .current_file()
            .filter(ready)
            .map(|source| source.number)
        else {
            return;
        };
        let Some(State::Ready(mut recording)) = self
            .sources
            .get(number)
            .map(|source| std::mem::replace(&mut source.state, State::Opening))
        else {
            return;
        };
        let lanes = recording.lanes(lanes);
        let started = self
            .start_sessions(
                lanes,
                recording.sample_rate_hz(),
                Pacing::Recorded,
                self.session.keeps_sound(),
            )
            .and_then(|(first, ports)| recording.send(&ports).map(|()| first));
        let Some(source) = self.sources.get(number) else {
            return;
        };
        match started {
            Ok(first) => {
                let (name, duration_s) = (recording.name.clone(), recording.duration_s);
                source.begin(first, lanes, duration_s, Some(recording));
                let names: Vec<String> =
                    source.lanes.iter().map(|lane| lane.name.clone()).collect();
                if self.follows {
                    self.shown = Some(number);
                    self.display
                        .begin(Origin::File { name, duration_s }, &names);
                    self.draw_soon();
                }
                self.keep(number);
                self.show_phase();
                self.show_sources();
            }
            Err(_) => {
                source.state = State::Ready(recording);
                self.give_up(WebError::EngineUnavailable("It takes no sound".into()));
            }
        }
    }

    /// The file that is read or analysed in large words.
    pub(super) fn file_in_focus(&self) -> Option<&Source> {
        if !matches!(self.live, Live::None) {
            return None;
        }
        let source = self.sources.current_file()?;
        (self.follows || self.shown == Some(source.number)).then_some(source)
    }

    /// The person cancels the file in large words.
    pub(super) fn cancel_file(&mut self) {
        if let Some(number) = self.file_in_focus().map(|source| source.number) {
            self.cancel_source(number);
        }
    }

    /// The person cancels a file: one that is being analysed still gives its summary.
    pub(super) fn cancel_source(&mut self, number: u32) {
        let Some(source) = self
            .sources
            .get(number)
            .filter(|source| source.file.is_some())
        else {
            return;
        };
        if source.is_running() {
            self.stop_source(number);
        } else if source.is_open() {
            let is_alone = source.is_alone;
            source.state = State::Cancelled;
            if is_alone {
                self.sources.remove(number);
            }
            self.advance();
            if self.sources.current_file().is_none() {
                self.rest();
            }
        }
        self.show_sources();
    }

    /// The person cancels all files.
    pub(super) fn cancel_all(&mut self) {
        let waiting = self.sources.iter_mut();
        for source in waiting.filter(|source| matches!(source.state, State::Waiting(_))) {
            source.state = State::Cancelled;
        }
        if let Some(number) = self.sources.current_file().map(|source| source.number) {
            self.cancel_source(number);
        }
        self.show_sources();
    }

    /// Back to what was on screen before something was opened.
    pub(super) fn rest(&mut self) {
        if matches!(self.live, Live::None) {
            self.display.resume();
        }
        self.show_phase();
        self.draw_soon();
    }
}
