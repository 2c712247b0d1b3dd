//! What the app does to know who speaks: readings, calibrations, adaptation while listening.

use js_sys::Uint8Array;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::File;

use super::{App, Live};
use crate::{
    protocol::{Command, Speaker},
    session::Update,
    web::{
        error::WebError,
        page::{dom::focus, signal::Signal, view::Phase, voice::Adopted},
        words::tr,
    },
};

/// Most that is read of a file with a calibration; 32 classes take 15 kB.
const MAX_CALIBRATION_BYTES: f64 = 100_000.0;

impl App {
    /// The engine listens to what is read.
    pub(super) fn begin_reading(&mut self) {
        let view = &self.display.view;
        view.level(-120.0, false, 0.0);
        view.panel.reading(0.0);
        view.phase(Phase::Reading);
        let text = tr("Read this aloud");
        self.display.interlude(
            &tr("In your normal voice"),
            &text,
            &tr("It ends by itself."),
        );
        self.display.view.announce(&text);
    }

    /// Takes in what was found out during a reading.
    pub(super) fn read(&mut self, update: &Update) {
        let Some(reading) = &mut self.reading else {
            return;
        };
        reading.update(update);
        let view = &self.display.view;
        view.panel.reading(reading.speech_s());
        if let Update::Level {
            at_s,
            rms_dbfs,
            speaking,
            ..
        } = update
        {
            view.level(*rms_dbfs, *speaking, *at_s);
        }
        if reading.is_over() {
            self.end_reading();
        }
    }

    /// Has the engine fit a calibration to what was read, if it is enough.
    pub(super) fn end_reading(&mut self) {
        let (Live::Running(_), Some(reading)) = (&self.live, &self.reading) else {
            return;
        };
        if let Err(error) = reading.check() {
            return self.fail_reading(error);
        }
        let session = self.live_session;
        self.tell(&Command::Fit { session });
        self.live = Live::Closing;
    }

    /// Takes up what was fitted to the reading.
    pub(super) fn fitted(&mut self, calibration: Option<String>) {
        match (calibration, &self.reading) {
            (Some(calibration), _) => {
                self.cancel();
                focus(&self.display.view.panel.summary);
                self.ask(calibration);
            }
            (None, Some(reading)) => {
                self.fail_reading(reading.too_little());
            }
            (None, None) => {}
        }
    }

    fn fail_reading(&mut self, error: WebError) {
        self.cancel();
        self.show_error(error);
        focus(&self.display.view.alert_action);
    }

    /// Reads a file with a calibration.
    pub(super) fn read_calibration(&mut self, file: File) {
        if file.size() > MAX_CALIBRATION_BYTES {
            return self.show_error(WebError::NoCalibration);
        }
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            // What cannot be read is no calibration, which the engine says.
            let bytes = JsFuture::from(file.array_buffer()).await;
            let bytes = bytes.map_or_else(|_| Vec::new(), |bytes| Uint8Array::new(&bytes).to_vec());
            let text = String::from_utf8(bytes).unwrap_or_default();
            mailbox.send(Signal::CalibrationRead(text));
        });
    }

    /// Asks the engine for a calibration.
    pub(super) fn ask(&mut self, calibration: String) {
        let command = self.voice.ask(calibration);
        self.tell(&command);
    }

    /// A calibration is in use.
    pub(super) fn adopted(&mut self, adopted: &Adopted, speech_s: f64) {
        let view = &self.display.view;
        view.panel.speaker(self.voice.speaker());
        view.panel.calibrated(speech_s, adopted.is_kept);
        if adopted.is_new {
            view.announce(&tr("Fitted to your voice"));
        }
    }

    /// Uses no calibration, or one that is made while listening.
    pub(super) fn take_up(&mut self, speaker: Speaker) {
        let command = self.voice.take_up(speaker);
        self.tell(&command);
        self.display.view.panel.speaker(self.voice.speaker());
    }
}
