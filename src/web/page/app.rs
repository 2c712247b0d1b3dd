//! The page's state machine: one engine, at most one microphone and one file at a time, one result on screen.

mod explain;
mod files;
mod microphone;
mod model;
mod sample;
mod sessions;
mod speaker;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Window, Worker};

use super::{
    awake::Awake,
    boot::{self, fetch_program, refresh_program},
    display::Display,
    dom::{Finder, focus},
    gestures, inputs,
    language::Language,
    model::OwnModel,
    offline,
    reading::Reading,
    samples::Playing,
    session::{Act, Ask, Session},
    signal::{Mailbox, Signal},
    sources::{Sources, State},
    view::{Phase, View},
    voice::Voice,
};
use crate::{
    audio::Lanes,
    protocol::{BUILD, Command, Event, PROTOCOL, Speaker, Stage},
    web::{
        client::{
            engine::{Engine, Sign},
            hearing::Hearing,
            lifeline,
            microphone::{Device, Microphone},
        },
        error::{Action, WebError},
        object::{Callback, later, object, window},
        words::tr,
    },
};

/// Runs the page for the rest of its life.
pub fn run() {
    spawn_local(async {
        if let Err(error) = start(window()).await {
            web_sys::console::error_1(&error);
        }
    });
}

/// Starts the app in the person's language; the engine is on its way already.
async fn start(window: Window) -> Result<(), JsValue> {
    let mut language = Language::new(&window)?;
    let wanted = language.wanted();
    // Without its words the page speaks English.
    if let Ok(words) = Language::fetch(window.clone(), wanted.clone()).await {
        language.speak(&wanted, words, false);
    }
    App::start(window, language)
}

/// How far the microphone is.
enum Live {
    None,
    Opening,
    Waiting(Microphone),
    Running(Microphone),
    /// Stopped; the summary is still to come.
    Closing,
}

/// So long an engine that has not come may say nothing, in ms.
const PATIENCE_MS: i32 = 30_000;

/// Starts the worker that decodes files; its program is fetched for the first.
async fn start_decoder() -> Result<Worker, JsValue> {
    let options = object(&[("type", "module".into())]);
    Worker::new_with_options("decoder_loader.js", options.unchecked_ref())
}

struct App {
    window: Window,
    language: Language,
    mailbox: Mailbox,
    display: Display,
    /// All that was heard.
    session: Session,
    error: Option<WebError>,
    engine: Option<Engine>,
    /// Counts the engines.
    engine_number: u32,
    received_bytes: u32,
    voice: Voice,
    /// That of the shipped model, while another one judges.
    shelved: Option<Voice>,
    own: OwnModel,
    /// What of the page's own samples is heard.
    playing: Option<Playing>,
    live: Live,
    /// Counts the microphones that were opened.
    attempt: u32,
    /// When the latest microphone is for a calibration.
    reading: Option<Reading>,
    /// The reading's session, or the first of the microphone that is listened to.
    live_session: u32,
    hearing: Hearing,
    /// Kept while listening.
    awake: Option<Awake>,
    /// Microphones that can be chosen.
    devices: Vec<Device>,
    /// The one that was chosen, here or on an earlier visit.
    device: Option<String>,
    /// Whether the microphone was unplugged while listening and none has taken its place yet.
    is_away: bool,
    /// Whether the sound lost next is what was missed meanwhile.
    has_missed: bool,
    lanes: Lanes,
    sources: Sources,
    /// The source on screen.
    shown: Option<u32>,
    /// Whether files come on screen by themselves as they are analysed.
    follows: bool,
    /// Files of folders that hold no sound.
    left_out: u32,
    /// Number of the next session of the engine.
    next_session: u32,
    on_frame: Function,
    frame_is_due: bool,
}

impl App {
    fn start(window: Window, language: Language) -> Result<(), JsValue> {
        let mailbox = Mailbox::default();
        let mut finder = Finder::new(window.document().ok_or("no document")?);
        let view = View::new(&window, &mut finder)?;
        let mut session = Session::new(&mut finder, &mailbox)?;
        finder.found_all()?;
        gestures::listen(&window, &view, &mailbox)?;
        session.listen()?;
        let on_frame = Callback::new({
            let mailbox = mailbox.clone();
            move |_| mailbox.handle(Signal::Redraw)
        });
        let mut app = Self {
            voice: Voice::new(&window),
            language,
            mailbox: mailbox.clone(),
            display: Display::new(view),
            session,
            error: None,
            engine: None,
            engine_number: 0,
            received_bytes: 0,
            shelved: None,
            own: OwnModel::default(),
            playing: None,
            live: Live::None,
            attempt: 0,
            reading: None,
            live_session: 0,
            hearing: Hearing::default(),
            awake: None,
            devices: Vec::new(),
            device: inputs::remembered(&window),
            is_away: false,
            has_missed: false,
            lanes: Lanes::Auto,
            sources: Sources::default(),
            shown: None,
            follows: false,
            left_out: 0,
            next_session: 0,
            window,
            on_frame: on_frame.into_js_value().unchecked_into(),
            frame_is_due: false,
        };
        app.display.view.phase(Phase::Idle);
        app.display.view.panel.speaker(app.voice.speaker());
        app.load();
        app.watch_devices();
        mailbox.open(move |signal| app.handle(signal));
        Ok(())
    }

    fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::PrimaryPressed => match &self.live {
                Live::Closing if self.reading.is_some() => self.stop(),
                Live::None | Live::Closing if self.file_in_focus().is_some() => self.cancel_file(),
                Live::None | Live::Closing => self.open_microphone(None),
                _ => self.stop(),
            },
            Signal::ChoosePressed => self.display.view.file.click(),
            Signal::CancelPressed => match &self.live {
                Live::Running(_) if self.reading.is_none() => {}
                Live::None => self.cancel_file(),
                _ => self.stop(),
            },
            Signal::AlertPressed => self.act_on_error(),
            Signal::ReadPressed => {
                self.open_microphone(Some(Reading::default()));
                // The button goes out of sight.
                focus(&self.display.view.listen);
            }
            Signal::DonePressed => self.end_reading(),
            Signal::LoadPressed => self.display.view.panel.file.click(),
            Signal::RemovePressed => {
                self.take_up(Speaker::Unknown);
                self.display
                    .view
                    .announce(&tr("No longer fitted to a voice"));
                // The button is gone.
                focus(&self.display.view.panel.summary);
            }
            Signal::AdaptSwitched(true) => self.take_up(Speaker::Listening),
            Signal::AdaptSwitched(false) => self.take_up(Speaker::Unknown),
            Signal::CalibrationGiven(file) => self.read_calibration(file),
            Signal::CalibrationRead(calibration) => self.ask(calibration),
            Signal::Session(act) => self.act(act),
            Signal::FilesGiven(files, left_out) => self.open_files(files, left_out),
            Signal::RowChosen(number) => self.show_source(number),
            Signal::RowCancelled(number) => self.cancel_source(number),
            Signal::CancelAllPressed => self.cancel_all(),
            Signal::LaneChosen(lane) => {
                self.display.choose(lane);
                self.draw_soon();
            }
            Signal::LanesChosen(lanes) => self.lanes = lanes,
            Signal::DeviceChosen(id) => self.choose_device(id),
            Signal::DevicesChanged => self.list_devices(),
            Signal::Devices(devices) => self.devices_listed(devices),
            Signal::Seen => self.seen(),
            Signal::ExplainToggled => self.explain(),
            Signal::ChooseModelPressed => self.display.view.own.input.click(),
            Signal::ModelGiven(files) => self.read_model(files),
            Signal::ModelRead(read) => self.give_model(read),
            Signal::RemoveModelPressed => self.remove_model(),
            Signal::SamplePressed(sample) => self.fetch_sample(sample),
            Signal::SampleFetched(fetched) => self.open_sample(fetched),
            Signal::Dragging(over) => self.display.view.dragging(over),
            Signal::LanguageChosen => self.fetch_language(),
            Signal::LanguageFetched(language, words) => {
                self.language.speak(&language, words, true);
                self.display.retell();
                self.session.retell();
                if let Some(number) = self.shown.filter(|_| !self.is_busy()) {
                    self.show_end(number);
                }
                self.show_sources();
                self.show_devices();
            }
            Signal::Redraw => {
                self.frame_is_due = false;
                self.display.draw();
                if self.session.draw() {
                    self.draw_soon();
                }
            }
            Signal::MicrophoneOpened(attempt, opened) if attempt == self.attempt => {
                self.opened(opened);
            }
            Signal::MicrophoneReplaced(attempt, stream) if attempt == self.attempt => {
                self.replaced(stream);
            }
            Signal::MicrophoneChanged(attempt, change) if attempt == self.attempt => {
                self.changed(change);
            }
            Signal::MicrophoneAway(attempt, error) if attempt == self.attempt => self.away(error),
            Signal::MicrophoneOpened(..)
            | Signal::MicrophoneReplaced(..)
            | Signal::MicrophoneChanged(..)
            | Signal::MicrophoneAway(..) => {}
            Signal::FileDecoded(number, decoded) => self.decoded(number, decoded),
            Signal::Impatient(number, received) => {
                let is_late = number == self.engine_number && self.engine.is_some();
                if is_late && !self.is_ready() {
                    if received == self.received_bytes && self.error.is_none() {
                        self.show_error(WebError::EngineSlow);
                    }
                    self.wait_for_engine();
                }
            }
            Signal::Received(bytes) => {
                self.received_bytes += bytes;
                // The worker may have been faster.
                if !self.is_ready() {
                    let total = self.display.view.engine_bytes();
                    self.display.view.engine_loading(self.received_bytes, total);
                }
            }
            Signal::ProgramFetched(Ok(())) => {
                if !self.is_ready() {
                    self.display.view.engine_starting();
                }
            }
            Signal::ProgramFetched(Err(error)) => self.give_up(error),
            Signal::Kept => self.display.view.kept(),
            Signal::Engine(number, sign) if number == self.engine_number => self.engine(sign),
            Signal::NoModel(number, error) if number == self.engine_number => self.give_up(error),
            Signal::Engine(..) | Signal::NoModel(..) => {}
        }
    }

    fn fetch_language(&self) {
        let (mailbox, window) = (self.mailbox.clone(), self.window.clone());
        let chosen = self.language.chosen();
        spawn_local(async move {
            if let Ok(words) = Language::fetch(window, chosen.clone()).await {
                mailbox.send(Signal::LanguageFetched(chosen, words));
            }
        });
    }

    /// Starts an engine and shows how it comes.
    fn load(&mut self) {
        self.received_bytes = 0;
        let total = self.display.view.engine_bytes();
        self.display.view.engine_loading(0, total);
        self.wait_for_engine();
        // The worker fetches its program itself and compiles it meanwhile; what is kept on this device
        // needs no progress.
        self.start_engine();
        if offline::is_kept(&self.window) {
            self.display.view.engine_starting();
        } else {
            let mailbox = self.mailbox.clone();
            spawn_local(async move {
                let received = |bytes| mailbox.send(Signal::Received(bytes));
                let fetched = fetch_program(received).await;
                mailbox.send(Signal::ProgramFetched(fetched));
            });
        }
    }

    /// Says so when nothing comes of the engine for a while.
    fn wait_for_engine(&self) {
        let mailbox = self.mailbox.clone();
        let (number, received) = (self.engine_number, self.received_bytes);
        later(PATIENCE_MS, move || {
            mailbox.handle(Signal::Impatient(number, received));
        });
    }

    /// Ends the engine; what it still says is not heard.
    fn drop_engine(&mut self) {
        self.engine = None;
        self.engine_number += 1;
        self.own.restart();
    }

    fn start_engine(&mut self) {
        let number = self.engine_number;
        let (mailbox, letters) = (self.mailbox.clone(), self.mailbox.clone());
        let started = boot::engine(
            move |sign| mailbox.send(Signal::Engine(number, sign)),
            move |error| letters.send(Signal::NoModel(number, error)),
        );
        match started {
            Ok(engine) => self.engine = Some(engine),
            Err(error) => self.give_up(error),
        }
    }

    fn engine(&mut self, sign: Sign) {
        match sign {
            Sign::Event(event) => self.event(*event),
            Sign::Unreadable => self.give_up(WebError::EngineOutdated),
            Sign::Broken | Sign::Gone => {
                let was_ready = self.is_ready();
                self.drop_engine();
                if was_ready {
                    self.abandon_sessions();
                    self.start_engine();
                    self.display.view.engine_starting();
                    self.show_error(WebError::EngineCrashed);
                } else {
                    let reason = "The browser could not run it".into();
                    self.give_up(WebError::EngineUnavailable(reason));
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Booted {
                protocol,
                build,
                lock,
            } => {
                if protocol != PROTOCOL || build != BUILD {
                    return self.give_up(WebError::EngineOutdated);
                }
                if let Some(lock) = lock {
                    self.watch(lock);
                }
            }
            Event::Ready { model } => {
                if !self.model_loaded(model) {
                    return;
                }
                if let Some(engine) = &mut self.engine {
                    engine.is_ready = true;
                }
                self.voice
                    .commands()
                    .for_each(|command| self.tell(&command));
                if self.error == Some(WebError::EngineSlow) {
                    self.close_error();
                }
                self.begin();
                self.begin_file();
                self.show_sources();
                self.keep_files();
            }
            Event::Update {
                session,
                update,
                compute_ms,
            } => self.update(session, update, compute_ms),
            Event::Progress { session, at_s } => self.progress(session, at_s),
            Event::Gap { session, lost_s } => self.gap(session, lost_s),
            Event::Stopped { session, summary } => self.stopped(session, summary),
            Event::Fitted {
                session,
                calibration,
            } if self.reads(session) => self.fitted(calibration),
            Event::Sound { session, pcm } => self.session.sound(session, &pcm),
            Event::Learned { learned, .. } => {
                self.session.learned(learned);
                self.draw_soon();
            }
            Event::Explained {
                session,
                explanation,
            } => {
                if Some(session) == self.shown_session() {
                    self.explained(explanation.as_deref());
                }
            }
            Event::Calibrated {
                calibration,
                speech_s,
                ..
            } => {
                let adopted = self.voice.calibrated(calibration);
                self.adopted(&adopted, speech_s);
            }
            Event::Refused { refusal, .. } => match self.voice.refused(refusal) {
                Some(error) => self.show_error(error),
                None => self.display.view.panel.outdated(),
            },
            Event::Failed {
                stage,
                session,
                message,
            } => self.failed(stage, session, message),
            // Of a reading that is over.
            Event::Fitted { .. } => {}
        }
    }

    fn failed(&mut self, stage: Stage, session: Option<u32>, message: String) {
        match stage {
            Stage::Manifest | Stage::Comparison | Stage::Pairing | Stage::Load => {
                self.model_refused(stage, message);
            }
            Stage::Command => self.give_up(WebError::EngineOutdated),
            Stage::Start | Stage::Inference => {
                let error = WebError::AnalysisFailed(message);
                match session {
                    Some(session) if self.reads(session) => {
                        self.abandon_live();
                        self.show_error(error);
                    }
                    Some(session) => self.session_failed(session, error),
                    None => {
                        self.abandon_sessions();
                        self.show_error(error);
                    }
                }
            }
        }
    }

    fn is_ready(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.is_ready)
    }

    /// Notices when the engine is gone.
    fn watch(&self, lock: String) {
        let (mailbox, number) = (self.mailbox.clone(), self.engine_number);
        let scope: JsValue = self.window.clone().into();
        spawn_local(async move {
            lifeline::lost(&scope, &lock).await;
            mailbox.send(Signal::Engine(number, Sign::Gone));
        });
    }

    /// Keeps the page's files for a visit without a network, now that nothing is waited for.
    fn keep_files(&self) {
        let (mailbox, window) = (self.mailbox.clone(), self.window.clone());
        let was_kept = offline::is_kept(&window);
        spawn_local(async move {
            if offline::keep(&window).await.is_ok() && !was_kept {
                mailbox.send(Signal::Kept);
            }
        });
    }

    /// There is no engine until the person does something about it.
    fn give_up(&mut self, error: WebError) {
        self.drop_engine();
        self.abandon_sessions();
        self.display.view.engine_missing();
        self.show_error(error);
    }

    /// Shows what the page is doing.
    fn show_phase(&mut self) {
        let phase = match &self.live {
            Live::Opening => Phase::Opening,
            Live::Waiting(_) => Phase::Waiting,
            Live::Running(_) | Live::Closing if self.reading.is_some() => Phase::Reading,
            Live::Running(_) | Live::Closing => Phase::Live,
            Live::None => match self.file_in_focus().map(|source| &source.state) {
                Some(State::Opening | State::Waiting(_)) => Phase::Opening,
                Some(State::Ready(_)) => Phase::Waiting,
                Some(_) => Phase::Analysing,
                None if self.shown.is_some() => Phase::Result,
                None => Phase::Idle,
            },
        };
        self.display.view.phase(phase);
    }

    /// Does what a person wants with the session.
    fn act(&mut self, act: Act) {
        match self.session.act(act, self.voice.speaker()) {
            Ask::Nothing => {}
            Ask::Announce(text) => self.display.view.announce(&text),
            Ask::Fail(error) => self.show_error(error),
            Ask::Tell(command) => self.tell(&command),
            Ask::Adopt(calibration) => self.ask(calibration),
            Ask::Restore(Speaker::Calibrated(calibration)) => self.ask(calibration),
            Ask::Restore(speaker) => self.take_up(speaker),
        }
        // A recording that was listened to here has its result too.
        let shown = self.session.shown_session();
        let source = shown.and_then(|session| {
            let mut sources = self.sources.iter();
            sources.find(|source| !source.lanes.is_empty() && source.first == session)
        });
        if let Some(number) = source.map(|source| source.number)
            && self.shown != Some(number)
        {
            self.show_source(number);
        }
        self.draw_soon();
    }

    fn show_error(&mut self, error: WebError) {
        self.display.view.error(&error);
        self.error = Some(error);
    }

    fn close_error(&mut self) {
        self.error = None;
        self.display.view.clear_error();
    }

    fn act_on_error(&mut self) {
        let Some(action) = self.error.as_ref().map(WebError::action) else {
            return;
        };
        self.close_error();
        match action {
            Action::Listen => {
                let reading = self.reading.as_ref().map(|_| Reading::default());
                self.open_microphone(reading);
            }
            Action::GoOn => self.go_on(),
            Action::OpenTab => {
                // A frame that may not open one still says what to do.
                let address = self.window.location().href().unwrap_or_default();
                let _ = self.window.open_with_url_and_target(&address, "_blank");
            }
            Action::ChooseFile => self.display.view.file.click(),
            Action::ChooseCalibration => self.display.view.panel.file.click(),
            Action::ChooseSession => self.session.choose(),
            Action::ChooseModel => self.display.view.own.input.click(),
            Action::LoadAgain => {
                self.drop_engine();
                self.load();
            }
            Action::Reload => {
                let window = self.window.clone();
                spawn_local(async move {
                    // Without a service worker there is nothing to forget.
                    let _ = offline::forget(&window).await;
                    refresh_program().await;
                    let _ = window.location().reload();
                });
            }
            Action::Dismiss => {}
        }
    }

    /// Tells a loaded engine; a later one is told when it is ready.
    fn tell(&self, command: &Command) {
        if let Some(engine) = self.engine.as_ref().filter(|engine| engine.is_ready) {
            // An engine that takes no command is gone, which is noticed elsewhere.
            let _ = engine.send(command, None);
        }
    }

    fn draw_soon(&mut self) {
        if !self.frame_is_due {
            self.frame_is_due = self.window.request_animation_frame(&self.on_frame).is_ok();
        }
    }
}
