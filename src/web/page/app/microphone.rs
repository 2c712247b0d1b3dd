//! What the app does with the microphone: opens it, listens to it, changes it while listening, and goes on
//! after it was unplugged or something else took the sound.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::MediaStream;

use super::{App, Live};
use crate::{
    audio::Lanes,
    protocol::{BUILD, Command},
    session::{Pacing, Update},
    web::{
        client::{
            hearing::{Fault, Hearing},
            microphone::{Change, Device, Microphone, Wish, devices, request, why_ended},
        },
        error::WebError,
        object::Callback,
        page::{
            awake::Awake, display::Origin, dom::focus, inputs, reading::Reading,
            session::microphone_at, signal::Signal,
        },
        words::tr,
    },
};

/// Channels of a microphone that are speakers, where that was chosen; a device with fewer gives silence.
const LIVE_LANES: u32 = 2;

impl App {
    pub(super) fn open_microphone(&mut self, reading: Option<Reading>) {
        self.stop_live();
        self.attempt += 1;
        self.live = Live::Opening;
        self.close_error();
        let lanes = match (&reading, self.lanes) {
            (None, Lanes::Channels) => LIVE_LANES,
            _ => 1,
        };
        self.reading = reading;
        let attempt = self.attempt;
        let changed = {
            let mailbox = self.mailbox.clone();
            move |change| mailbox.send(Signal::MicrophoneChanged(attempt, change))
        };
        let worklet = ["worklet.js?", BUILD].concat();
        let wish = Wish::Device(self.wished_device());
        let opening = Microphone::open(wish, worklet, lanes, changed);
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            mailbox.send(Signal::MicrophoneOpened(attempt, opening.await));
        });
        self.show_phase();
        self.display.interlude(
            &tr("One moment"),
            &tr("Opening the microphone…"),
            &tr("Answer “Allow” if the browser asks."),
        );
    }

    pub(super) fn opened(&mut self, opened: Result<Microphone, WebError>) {
        match opened {
            Ok(microphone) => {
                self.live = Live::Waiting(microphone);
                self.show_phase();
                self.display.interlude(
                    &tr("One moment"),
                    &tr("Starts by itself"),
                    &tr("as soon as the engine is here."),
                );
                if self.engine.is_none() {
                    self.load();
                }
                // They have names now.
                self.list_devices();
                self.begin();
            }
            Err(error) => {
                self.live = Live::None;
                self.rest();
                self.show_error(error);
                self.advance();
            }
        }
    }

    /// Starts the session once both the microphone and the engine are ready.
    pub(super) fn begin(&mut self) {
        if !self.is_ready() || !matches!(self.live, Live::Waiting(_)) {
            return;
        }
        let Live::Waiting(mut microphone) = std::mem::replace(&mut self.live, Live::None) else {
            return;
        };
        let lanes = match (&self.reading, self.lanes) {
            (None, Lanes::Channels) => LIVE_LANES,
            _ => 1,
        };
        let rate_hz = microphone.sample_rate_hz();
        let keeps_sound = self.reading.is_none() && self.session.keeps_sound();
        let started = self
            .start_sessions(lanes, rate_hz, Pacing::Live, keeps_sound)
            .and_then(|(first, ports)| microphone.send(&ports).map(|()| first));
        let Ok(first) = started else {
            return self.give_up(WebError::EngineUnavailable("It takes no sound".into()));
        };
        self.live_session = first;
        self.hearing = Hearing::default();
        self.is_away = false;
        self.has_missed = false;
        self.awake = Some(Awake::new(&self.window));
        if self.reading.is_some() {
            self.live = Live::Running(microphone);
            return self.begin_reading();
        }
        let name = microphone_at(&js_sys::Date::new_0());
        let number = self.sources.add_microphone(name);
        if let Some(source) = self.sources.get(number) {
            source.begin(first, lanes, 0.0, None);
            let names: Vec<String> = source.lanes.iter().map(|lane| lane.name.clone()).collect();
            self.display.begin(Origin::Microphone, &names);
        }
        self.shown = Some(number);
        self.follows = false;
        self.keep(number);
        self.display
            .view
            .device(microphone.sample_rate_hz(), microphone.processing());
        self.live = Live::Running(microphone);
        self.show_phase();
        self.show_sources();
        self.draw_soon();
    }

    /// The person stops or cancels; a running session still gives its summary.
    pub(super) fn stop(&mut self) {
        match self.live {
            Live::Running(_) if self.reading.is_none() => {
                self.stop_live();
                self.live = Live::Closing;
                self.show_phase();
            }
            Live::Closing if self.reading.is_none() => {}
            Live::None => {}
            _ => {
                self.cancel();
                if self.reading.is_some() {
                    focus(&self.display.view.panel.summary);
                }
            }
        }
    }

    /// Gives up a microphone without a result.
    pub(super) fn cancel(&mut self) {
        self.stop_live();
        self.attempt += 1;
        self.rest();
        self.advance();
    }

    /// Closes the microphone and tells the engine that its session is over.
    fn stop_live(&mut self) {
        let session = self.live_session;
        let was_running = matches!(self.live, Live::Running(_));
        self.end_live();
        if was_running && self.reading.is_some() {
            self.tell(&Command::Stop { session });
        } else if let Some((source, _)) = self.sources.of_session(session)
            && source.file.is_none()
        {
            let number = source.number;
            self.stop_source(number);
        }
    }

    /// Closes the microphone.
    pub(super) fn end_live(&mut self) {
        self.live = Live::None;
        self.awake = None;
        self.display.view.sound_advice("");
        if matches!(
            self.error,
            Some(
                WebError::SilentMicrophone
                    | WebError::FaintMicrophone
                    | WebError::MicrophoneLost
                    | WebError::PermissionWithdrawn
                    | WebError::MicrophoneInterrupted
            )
        ) {
            self.close_error();
        }
    }

    /// The session ended without a summary; what was heard so far stays on screen.
    pub(super) fn abandon_live(&mut self) {
        let was_reading = self.reading.is_some();
        self.end_live();
        if was_reading {
            self.rest();
        }
    }

    /// Notices what is wrong with the sound of the microphone.
    pub(super) fn hear(&mut self, lane: usize, update: &Update) {
        // One lane may be silent for long.
        if lane > 0 {
            return;
        }
        self.hearing.update(update);
        let fault = self.hearing.fault();
        let error = match fault {
            Some(Fault::Silent) => Some(WebError::SilentMicrophone),
            Some(Fault::Faint) => Some(WebError::FaintMicrophone),
            _ => None,
        };
        match (&self.error, error) {
            (None, Some(error)) => self.show_error(error),
            (Some(WebError::SilentMicrophone | WebError::FaintMicrophone), None) => {
                self.close_error();
            }
            _ => {}
        }
        let advice = match fault {
            Some(Fault::Quiet) => tr(
                "Very quiet: come nearer to the microphone, or turn it up in the system's settings.",
            ),
            Some(Fault::Clipped) => {
                tr("Too loud, the sound is cut off: move away, or turn the microphone down.")
            }
            _ => String::new(),
        };
        self.display.view.sound_advice(&advice);
    }

    /// Something became of the open microphone; listening goes on wherever that is possible.
    pub(super) fn changed(&mut self, change: Change) {
        let Live::Running(microphone) = &self.live else {
            return;
        };
        match change {
            Change::Running => {
                if self.error == Some(WebError::MicrophoneInterrupted) {
                    self.close_error();
                }
            }
            Change::Interrupted if self.reading.is_some() => {
                self.cancel();
                self.show_error(WebError::MicrophoneInterrupted);
            }
            Change::Interrupted => {
                microphone.resume();
                self.show_error(WebError::MicrophoneInterrupted);
            }
            Change::Ended => {
                let why = why_ended(microphone.permission());
                if self.reading.is_some() {
                    self.cancel();
                } else {
                    self.is_away = true;
                }
                let (mailbox, attempt) = (self.mailbox.clone(), self.attempt);
                spawn_local(async move {
                    mailbox.send(Signal::MicrophoneAway(attempt, why.await));
                });
            }
        }
    }

    /// The microphone has ended.
    pub(super) fn away(&mut self, error: WebError) {
        // Another one may have taken its place.
        if self.is_away || matches!(self.live, Live::None) {
            self.show_error(error);
        }
    }

    /// The person is back at the page: what the system took away in the meantime is taken up again.
    pub(super) fn seen(&mut self) {
        if let Live::Running(microphone) = &self.live {
            microphone.resume();
            self.awake = Some(Awake::new(&self.window));
        }
    }

    /// The person wants to go on after an interruption.
    pub(super) fn go_on(&mut self) {
        match &self.live {
            Live::Running(_) if self.is_away => self.replace_microphone(self.wished_device()),
            Live::Running(microphone) => microphone.resume(),
            _ => self.open_microphone(None),
        }
    }

    /// Opens another device for the session that goes on.
    fn replace_microphone(&self, device: Option<String>) {
        let Live::Running(microphone) = &self.live else {
            return;
        };
        // Inside the click, where there is one.
        microphone.resume();
        let lanes = match self.lanes {
            Lanes::Channels => LIVE_LANES,
            _ => 1,
        };
        let (mailbox, attempt) = (self.mailbox.clone(), self.attempt);
        spawn_local(async move {
            let stream = request(device, lanes).await;
            mailbox.send(Signal::MicrophoneReplaced(attempt, stream));
        });
    }

    pub(super) fn replaced(&mut self, stream: Result<MediaStream, WebError>) {
        let Live::Running(microphone) = &mut self.live else {
            return;
        };
        match stream.and_then(|stream| microphone.replace(stream)) {
            Ok(()) => {
                self.is_away = false;
                self.has_missed = true;
                self.hearing = Hearing::default();
                let (rate_hz, processing) = (microphone.sample_rate_hz(), microphone.processing());
                self.display.view.device(rate_hz, processing);
                if matches!(
                    self.error,
                    Some(WebError::MicrophoneLost | WebError::PermissionWithdrawn)
                ) {
                    self.close_error();
                }
                self.list_devices();
            }
            Err(error) => {
                // Whatever was listened to until now may still be there.
                self.is_away = !microphone.is_there();
                self.show_error(match error {
                    // The recording can still go on.
                    WebError::PermissionDenied | WebError::PermissionDismissed if self.is_away => {
                        WebError::PermissionWithdrawn
                    }
                    error => error,
                });
            }
        }
    }

    /// Has the list of microphones kept up to date.
    pub(super) fn watch_devices(&self) {
        // Insecure pages have none.
        if let Ok(media) = self.window.navigator().media_devices()
            && media.is_object()
        {
            let mailbox = self.mailbox.clone();
            let changed = Callback::new(move |_: JsValue| mailbox.send(Signal::DevicesChanged));
            media.set_ondevicechange(Some(changed.into_js_value().unchecked_ref()));
        }
        self.list_devices();
    }

    pub(super) fn list_devices(&self) {
        let mailbox = self.mailbox.clone();
        spawn_local(async move { mailbox.send(Signal::Devices(devices().await)) });
    }

    pub(super) fn devices_listed(&mut self, devices: Vec<Device>) {
        self.devices = devices;
        self.show_devices();
        if !self.devices.is_empty() && std::mem::take(&mut self.is_away) {
            self.replace_microphone(self.wished_device());
        }
    }

    pub(super) fn show_devices(&self) {
        let used = match &self.live {
            Live::Waiting(microphone) | Live::Running(microphone) => microphone.device(),
            _ => None,
        };
        let used = used.map(|device| device.id);
        let chosen = self.wished_device().or(used);
        let inputs = &self.display.view.inputs;
        inputs.show(&self.devices, chosen.as_deref());
    }

    /// The person chooses a microphone; while listening it is changed at once.
    pub(super) fn choose_device(&mut self, id: String) {
        inputs::remember(&self.window, &id);
        self.device = Some(id.clone());
        if matches!(self.live, Live::Running(_)) && self.reading.is_none() {
            self.replace_microphone(Some(id).filter(|id| !id.is_empty()));
        }
    }

    /// The microphone that was chosen here before, if it is there.
    fn wished_device(&self) -> Option<String> {
        let wished = self.device.as_ref()?;
        let is_there = |device: &Device| device.id == *wished;
        self.devices.iter().any(is_there).then(|| wished.clone())
    }
}
