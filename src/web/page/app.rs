//! The page's state machine: one engine, at most one input, one result on screen.

mod speaker;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{File, MessageChannel, Window};

use super::{
    boot::{self, fetch_program, refresh_program},
    display::{Display, Origin},
    dom::{Finder, focus},
    gestures, offline,
    reading::Reading,
    session::{Act, Ask, Session},
    signal::{Mailbox, Signal},
    view::{Phase, View},
    voice::{OWNER, Voice},
};
use crate::{
    protocol::{BUILD, Command, Event, PROTOCOL, Speaker, Stage},
    session::{Claims, Pacing},
    web::{
        client::{
            engine::{Engine, Sign},
            file::Recording,
            lifeline,
            microphone::{Microphone, Wish},
        },
        error::{Action, WebError},
        object::{Callback, window},
    },
};

/// Runs the page for the rest of its life.
pub fn run() {
    if let Err(error) = App::start(window()) {
        web_sys::console::error_1(&error);
    }
}

/// How far the input is.
enum Input {
    None,
    Opening,
    Waiting(Source),
    Running(Source),
    /// Stopped; the summary is still to come.
    Closing,
}

enum Source {
    Microphone(Microphone),
    File(Recording),
}

struct App {
    window: Window,
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
    input: Input,
    /// When the latest input is for a calibration.
    reading: Option<Reading>,
    /// Counts the inputs; also the number of the session.
    attempt: u32,
    on_frame: Function,
    frame_is_due: bool,
}

impl App {
    fn start(window: Window) -> Result<(), JsValue> {
        let mailbox = Mailbox::default();
        let mut finder = Finder::new(window.document().ok_or("no document")?);
        let view = View::new(&window, &mut finder)?;
        let session = Session::new(&mut finder, &mailbox)?;
        finder.found_all()?;
        gestures::listen(&window, &view, &mailbox)?;
        session.listen()?;
        let on_frame = Callback::new({
            let mailbox = mailbox.clone();
            move |_| mailbox.handle(Signal::Redraw)
        });
        let mut app = Self {
            voice: Voice::new(&window),
            window,
            mailbox: mailbox.clone(),
            display: Display::new(view),
            session,
            error: None,
            engine: None,
            engine_number: 0,
            received_bytes: 0,
            input: Input::None,
            reading: None,
            attempt: 0,
            on_frame: on_frame.into_js_value().unchecked_into(),
            frame_is_due: false,
        };
        app.display.view.phase(Phase::Idle);
        app.display.view.panel.speaker(app.voice.speaker());
        app.load();
        mailbox.open(move |signal| app.handle(signal));
        Ok(())
    }

    fn handle(&mut self, signal: Signal) {
        match signal {
            Signal::PrimaryPressed => match self.input {
                Input::Closing if self.reading.is_some() => self.stop(),
                Input::None | Input::Closing => self.open_microphone(None),
                _ => self.stop(),
            },
            Signal::ChoosePressed => self.display.view.file.click(),
            Signal::CancelPressed => {
                let is_live = matches!(self.input, Input::Running(Source::Microphone(_)));
                if !is_live || self.reading.is_some() {
                    self.stop();
                }
            }
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
                self.display.view.announce("No longer fitted to a voice");
                // The button is gone.
                focus(&self.display.view.panel.summary);
            }
            Signal::AdaptSwitched(true) => self.take_up(Speaker::Listening),
            Signal::AdaptSwitched(false) => self.take_up(Speaker::Unknown),
            Signal::CalibrationGiven(file) => self.read_calibration(file),
            Signal::CalibrationRead(calibration) => self.ask(calibration),
            Signal::FileGiven(file) if file.name().ends_with(".json") => {
                self.act(Act::FileGiven(file));
            }
            Signal::Session(act) => self.act(act),
            Signal::FileGiven(file) => self.open_file(file),
            Signal::Dragging(over) => self.display.view.dragging(over),
            Signal::Redraw => {
                self.frame_is_due = false;
                self.display.draw();
                if self.session.draw() {
                    self.draw_soon();
                }
            }
            Signal::MicrophoneOpened(attempt, opened) if attempt == self.attempt => {
                self.opened(opened.map(Source::Microphone));
            }
            Signal::FileDecoded(attempt, decoded) if attempt == self.attempt => {
                self.opened(decoded.map(Source::File));
            }
            Signal::MicrophoneLost(attempt, error) if attempt == self.attempt => {
                self.stop();
                self.show_error(error);
            }
            Signal::MicrophoneOpened(..) | Signal::FileDecoded(..) | Signal::MicrophoneLost(..) => {
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

    /// Starts an engine and shows how it comes.
    fn load(&mut self) {
        self.received_bytes = 0;
        let total = self.display.view.engine_bytes();
        self.display.view.engine_loading(0, total);
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

    /// Ends the engine; what it still says is not heard.
    fn drop_engine(&mut self) {
        self.engine = None;
        self.engine_number += 1;
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
                    self.abandon_session();
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
                self.watch(lock);
            }
            Event::Ready { model } => {
                if let Some(engine) = &mut self.engine {
                    engine.is_ready = true;
                }
                self.session.model(&model);
                self.display.model(model);
                self.voice
                    .commands()
                    .for_each(|command| self.tell(&command));
                self.begin();
                self.keep_files();
            }
            Event::Update {
                session,
                update,
                compute_ms,
            } if self.shows(session) => {
                if self.reading.is_some() {
                    self.read(&update);
                } else {
                    self.session.update(session, &update);
                    let is_due = self.display.update(update, compute_ms);
                    self.check_muted();
                    if is_due {
                        self.draw_soon();
                    }
                }
            }
            Event::Progress { session, at_s } if self.shows(session) => {
                self.session.progress(session, at_s);
                if self.display.progress(at_s) {
                    self.draw_soon();
                }
            }
            Event::Gap { session, lost_s } if self.shows(session) && self.reading.is_none() => {
                self.display.gap(lost_s);
            }
            Event::Stopped { session, summary } if self.shows(session) => {
                self.input = Input::None;
                let mixture = self.session.mixture(session);
                self.session.end(session, Some(summary.duration_s));
                self.display.finish(&summary, mixture);
                self.display.view.phase(Phase::Result);
                self.draw_soon();
            }
            Event::Fitted {
                session,
                calibration,
            } if self.shows(session) => self.fitted(calibration),
            Event::Sound { session, pcm } => self.session.sound(session, &pcm),
            Event::Learned { learned, .. } => {
                self.session.learned(learned);
                self.draw_soon();
            }
            Event::Calibrated {
                calibration,
                speech_s,
                ..
            } => {
                if let Some(adopted) = self.voice.calibrated(calibration) {
                    self.adopted(&adopted, speech_s);
                }
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
            // Of a session that is no longer shown.
            Event::Update { .. }
            | Event::Progress { .. }
            | Event::Gap { .. }
            | Event::Fitted { .. }
            | Event::Stopped { .. } => {}
        }
    }

    fn failed(&mut self, stage: Stage, session: Option<u32>, message: String) {
        match stage {
            Stage::Load => self.give_up(WebError::ModelMismatch(message)),
            Stage::Command => self.give_up(WebError::EngineOutdated),
            Stage::Start | Stage::Inference => {
                if session.is_none_or(|session| self.shows(session)) {
                    self.abandon_session();
                    self.show_error(WebError::AnalysisFailed(message));
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
        self.abandon_session();
        self.display.view.engine_missing();
        self.show_error(error);
    }

    fn open_microphone(&mut self, reading: Option<Reading>) {
        self.open(reading);
        let attempt = self.attempt;
        let lost = {
            let mailbox = self.mailbox.clone();
            move |error| mailbox.send(Signal::MicrophoneLost(attempt, error))
        };
        let worklet = ["worklet.js?", BUILD].concat();
        let opening = Microphone::open(Wish::Device(None), worklet, 1, lost);
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            mailbox.send(Signal::MicrophoneOpened(attempt, opening.await));
        });
        self.display.interlude(
            "One moment",
            "Opening the microphone…",
            "Answer “Allow” if the browser asks.",
        );
    }

    fn open_file(&mut self, file: File) {
        self.open(None);
        self.display.interlude(
            &file.name(),
            "Reading the file…",
            "It stays on this device.",
        );
        let (mailbox, attempt) = (self.mailbox.clone(), self.attempt);
        spawn_local(async move {
            let decoded = Recording::decode(&file, file.name()).await;
            mailbox.send(Signal::FileDecoded(attempt, decoded));
        });
    }

    /// Makes room for a new input; whatever the old one still says is not heard.
    fn open(&mut self, reading: Option<Reading>) {
        self.stop_session();
        self.attempt += 1;
        self.reading = reading;
        self.input = Input::Opening;
        self.error = None;
        self.display.view.clear_error();
        self.display.view.phase(Phase::Opening);
    }

    fn opened(&mut self, source: Result<Source, WebError>) {
        match source {
            Ok(source) => {
                self.input = Input::Waiting(source);
                self.display.view.phase(Phase::Waiting);
                self.display.interlude(
                    "One moment",
                    "Starts by itself",
                    "as soon as the engine is here.",
                );
                if self.engine.is_none() {
                    self.load();
                }
                self.begin();
            }
            Err(error) => {
                self.input = Input::None;
                self.rest();
                self.show_error(error);
            }
        }
    }

    /// Starts the session once both the input and the engine are ready.
    fn begin(&mut self) {
        let Some(engine) = self.engine.as_ref().filter(|engine| engine.is_ready) else {
            return;
        };
        match std::mem::replace(&mut self.input, Input::None) {
            Input::Waiting(mut source) => match source.send(engine, self.attempt) {
                Ok(()) if self.reading.is_some() => {
                    self.begin_reading();
                    self.input = Input::Running(source);
                }
                Ok(()) => {
                    let name = source.file_name();
                    let commands = self.session.begin(name, &[(self.attempt, "Speaker")]);
                    for command in commands {
                        self.tell(&command);
                    }
                    self.display.begin(source.origin());
                    self.display.view.phase(source.phase());
                    if let Source::Microphone(microphone) = &source {
                        self.display
                            .view
                            .device(microphone.sample_rate_hz(), microphone.processing());
                    }
                    self.input = Input::Running(source);
                    self.draw_soon();
                }
                Err(_) => self.give_up(WebError::EngineUnavailable("It takes no sound".into())),
            },
            input => self.input = input,
        }
    }

    /// The person stops or cancels; a running session still gives its summary.
    fn stop(&mut self) {
        match self.input {
            Input::Running(_) if self.reading.is_none() => {
                self.stop_session();
                self.input = Input::Closing;
            }
            Input::Closing if self.reading.is_none() => {}
            Input::None => {}
            _ => {
                self.cancel();
                if self.reading.is_some() {
                    focus(&self.display.view.panel.summary);
                }
            }
        }
    }

    /// Gives up an input without a result.
    fn cancel(&mut self) {
        self.stop_session();
        self.attempt += 1;
        self.rest();
        self.draw_soon();
    }

    /// Back to what was on screen before the input was opened.
    fn rest(&self) {
        let phase = if self.display.resume() {
            Phase::Result
        } else {
            Phase::Idle
        };
        self.display.view.phase(phase);
    }

    /// Tells the engine that the session is over and closes its input.
    fn stop_session(&mut self) {
        if let Input::Running(_) = &self.input {
            let session = self.attempt;
            self.tell(&Command::Stop { session });
        }
        self.input = Input::None;
    }

    /// The session ended without a summary; what was heard so far stays on screen.
    fn abandon_session(&mut self) {
        match std::mem::replace(&mut self.input, Input::None) {
            Input::Running(_) | Input::Closing if self.reading.is_some() => self.rest(),
            Input::Running(_) | Input::Closing => {
                self.session.end(self.attempt, None);
                self.display.abandon();
                self.display.view.phase(Phase::Result);
            }
            // Still to be analysed, by the next engine.
            waiting @ (Input::Opening | Input::Waiting(_)) => self.input = waiting,
            Input::None => {}
        }
        self.draw_soon();
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
        self.draw_soon();
    }

    fn check_muted(&mut self) {
        match (&self.error, self.display.is_muted()) {
            (None, true) => self.show_error(WebError::SilentMicrophone),
            (Some(WebError::SilentMicrophone), false) => self.close_error(),
            _ => {}
        }
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
            Action::ChooseFile => self.display.view.file.click(),
            Action::ChooseCalibration => self.display.view.panel.file.click(),
            Action::ChooseSession => self.session.choose(),
            Action::LoadAgain => self.load(),
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

    fn shows(&self, session: u32) -> bool {
        session == self.attempt && matches!(self.input, Input::Running(_) | Input::Closing)
    }

    fn draw_soon(&mut self) {
        if !self.frame_is_due {
            self.frame_is_due = self.window.request_animation_frame(&self.on_frame).is_ok();
        }
    }
}

impl Source {
    /// Starts the engine's session and the flow of audio to it.
    fn send(&mut self, engine: &Engine, session: u32) -> Result<(), JsValue> {
        let (sample_rate_hz, pacing) = match self {
            Self::Microphone(microphone) => (microphone.sample_rate_hz(), Pacing::Live),
            Self::File(recording) => (recording.sample_rate_hz(), Pacing::Recorded),
        };
        let channel = MessageChannel::new()?;
        let start = Command::Start {
            owner: OWNER,
            session,
            sample_rate_hz,
            pacing,
            claims: Claims::default(),
        };
        engine.send(&start, Some(&channel.port1()))?;
        match self {
            Self::Microphone(microphone) => microphone.send(&[channel.port2()]),
            Self::File(recording) => recording.send(&[channel.port2()]),
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Microphone(_) => Origin::Microphone,
            Self::File(recording) => Origin::File {
                name: recording.name.clone(),
                duration_s: recording.duration_s,
            },
        }
    }

    fn file_name(&self) -> Option<String> {
        match self {
            Self::Microphone(_) => None,
            Self::File(recording) => Some(recording.name.clone()),
        }
    }

    fn phase(&self) -> Phase {
        match self {
            Self::Microphone(_) => Phase::Live,
            Self::File(_) => Phase::Analysing,
        }
    }
}
