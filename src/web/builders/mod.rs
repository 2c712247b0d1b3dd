//! What other people's pages call: recognizers and their sessions, on one engine that they share.
//!
//! The classes that builders see are JavaScript (index.js), since they extend `EventTarget`; they hold a
//! [`Hub`] and pass its letters on as events. Everything else is here: options and their ranges, the
//! engine, sources of sound, what is told of them. No DOM, no text for the people in front of the page.

mod failure;
mod options;
mod source;
mod talk;

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::{Rc, Weak},
};

use js_sys::{Array, Float32Array, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};
use web_sys::{MessageChannel, MessagePort};

use self::{
    failure::Failure,
    options::shown,
    talk::{Judge, Letter, Source, Talk},
};
use crate::{
    protocol::{BUILD, Command, Event, ModelSummary, PROTOCOL, Refusal, Speaker, Stage},
    session::{Claims, Pacing},
    web::{
        client::{
            download::download,
            engine::{Engine, Sign},
            lifeline,
            microphone::{Microphone, Wish},
            pcm::Pcm,
        },
        error::WebError,
        object::object,
    },
};

/// An engine and all that goes on in it.
pub struct Hub(Rc<RefCell<State>>);

struct State {
    engine: Option<Engine>,
    /// Why there is none any more.
    failure: Option<Failure>,
    /// The command that the engine is given once it listens.
    load: Option<Command>,
    /// Waits until the model is loaded.
    loading: Option<Settle>,
    model: Option<ModelSummary>,
    /// To be called when the engine is gone.
    gone: Function,
    owners: BTreeMap<u32, Claims>,
    next_owner: u32,
    next_session: u32,
    talks: Vec<Talk>,
    /// Calibrations that the engine has not answered yet, each with its owner.
    asked: VecDeque<(u32, Settle)>,
}

/// How a promise is settled.
struct Settle {
    resolve: Function,
    reject: Function,
}

impl Settle {
    /// A promise and how it is settled.
    fn promise() -> (Promise, Self) {
        let mut settle = None;
        let promise = Promise::new(&mut |resolve, reject| settle = Some(Self { resolve, reject }));
        let never = || Self {
            resolve: Function::default(),
            reject: Function::default(),
        };
        (promise, settle.unwrap_or_else(never))
    }

    // A promise's own functions do not throw.
    fn resolve(self, value: impl Into<JsValue>) {
        let _ = self.resolve.call1(&JsValue::NULL, &value.into());
    }

    fn reject(self, failure: Failure) {
        let _ = self.reject.call1(&JsValue::NULL, &failure.into());
    }
}

/// Fetches a file as bytes; `received` is called with the size of each block.
///
/// # Errors
/// `kind` with the reason, as an `Error` with `code`, `advice` and `retryable`.
pub fn fetch(url: String, init: JsValue, received: Function, is_model: bool) -> Promise {
    future_to_promise(async move {
        let blocks = Array::new();
        let fetched = download(&url, init.unchecked_ref(), |block| {
            // What the builder's own function throws is not ours to handle.
            let _ = received.call1(&JsValue::NULL, &block.length().into());
            blocks.push(&block);
        })
        .await;
        if let Err(reason) = fetched {
            let error = match is_model {
                true => WebError::ModelUnavailable(reason),
                false => WebError::EngineUnavailable(reason),
            };
            return Err(Failure::from(error).into());
        }
        let length = blocks
            .iter()
            .map(|block| block.unchecked_into::<Uint8Array>().length())
            .sum();
        let bytes = Uint8Array::new_with_length(length);
        let mut at = 0;
        for block in blocks.iter() {
            let block: Uint8Array = block.unchecked_into();
            bytes.set(&block, at);
            at += block.length();
        }
        Ok(bytes.into())
    })
}

impl Hub {
    /// Takes over a worker whose program is about to run. `gone` is called with the reason when it is gone.
    pub fn new(worker: web_sys::Worker, gone: Function) -> Self {
        let state = Rc::new(RefCell::new(State {
            engine: None,
            failure: None,
            load: None,
            loading: None,
            model: None,
            gone,
            owners: BTreeMap::new(),
            next_owner: 0,
            next_session: 0,
            talks: Vec::new(),
            asked: VecDeque::new(),
        }));
        let there = Rc::downgrade(&state);
        // After what is going on now, which may be a call of the builder's program.
        let on_sign = move |sign| {
            let there = there.clone();
            spawn_local(
                async move { act(&there, |state, letters| state.sign(sign, letters, &there)) },
            );
        };
        state.borrow_mut().engine = Some(Engine::new(worker, &Array::new(), on_sign));
        Self(state)
    }

    /// Gives the engine its model, the bytes of model.onnx and the text of model.json; kept with what the
    /// model is once it is loaded.
    pub fn load(&self, model: &Uint8Array, manifest: String) -> Promise {
        let (promise, loading) = Settle::promise();
        let mut state = self.0.borrow_mut();
        state.load = Some(Command::Load {
            model: model.to_vec(),
            manifest,
        });
        match state.failure.clone() {
            Some(failure) => loading.reject(failure),
            None => state.loading = Some(loading),
        }
        promise
    }

    /// A recognizer's number.
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn recognizer(&self, options: &JsValue) -> Result<u32, JsValue> {
        let mut state = self.0.borrow_mut();
        let labels = state.model.as_ref().map_or(&[][..], |model| &model.labels);
        let claims = options::claims(options, labels)?;
        let owner = state.next_owner;
        state.next_owner += 1;
        state.owners.insert(owner, claims);
        Ok(owner)
    }

    /// Judges what is heard in a recognizer's sessions as one speaker's: by a calibration, "listening" or
    /// null. Kept with the seconds of speech that the calibration was made from.
    ///
    /// # Errors
    /// When it is something else, and, later, when it is a calibration that cannot be used.
    pub fn adapt(&self, owner: u32, speaker: &JsValue) -> Result<Promise, JsValue> {
        let mut state = self.0.borrow_mut();
        state.check(owner)?;
        let (promise, answer) = Settle::promise();
        let speaker = match speaker.as_string() {
            Some(text) if text == "listening" => Speaker::Listening,
            Some(text) => Speaker::Calibrated(text),
            None if options::is_missing(speaker) => Speaker::Unknown,
            None => {
                return Err(Failure::Option {
                    name: "calibration",
                    expected: "the text that `calibrate` gave, \"listening\" or null".into(),
                    found: shown(speaker),
                }
                .into());
            }
        };
        if matches!(speaker, Speaker::Calibrated(_)) {
            state.asked.push_back((owner, answer));
        } else {
            answer.resolve(0);
        }
        state.tell(&Command::Adapt { owner, speaker });
        Ok(promise)
    }

    /// Listens to a microphone, a stream or a media element. Must be called inside a click. Kept with the
    /// number of the session, whose letters go to `deliver`.
    ///
    /// # Errors
    /// When an option is out of its range, and, later, when there is nothing to listen to.
    pub fn listen(
        &self,
        owner: u32,
        options: &JsValue,
        worklet: String,
        deliver: Function,
    ) -> Result<Promise, JsValue> {
        self.0.borrow().check(owner)?;
        let lanes = options::lanes(options)?;
        let listened = source::listened(options)?;
        let first = self.0.borrow_mut().numbers(lanes);
        let there = Rc::downgrade(&self.0);
        let lost = {
            let there = there.clone();
            move |error| {
                let there = there.clone();
                spawn_local(async move {
                    act(&there, |state, letters| state.lost(first, error, letters))
                });
            }
        };
        let open = move |wish| Microphone::open(wish, worklet, lanes, lost);
        // Opened at once, inside the click, wherever nothing must be waited for.
        let opening: std::pin::Pin<Box<dyn Future<Output = Result<Microphone, Failure>>>> =
            match listened {
                source::Listened::Wish(wish) => {
                    let is_stream = matches!(wish, Wish::Stream(_));
                    let opening = open(wish);
                    Box::pin(
                        async move { opening.await.map_err(|error| of_stream(error, is_stream)) },
                    )
                }
                element => Box::pin(async move {
                    let wish = element.wish().await?;
                    open(wish).await.map_err(|error| of_stream(error, true))
                }),
            };
        Ok(future_to_promise(async move {
            let microphone = opening.await?;
            begin(
                &there,
                owner,
                first,
                lanes,
                Source::Live(microphone),
                deliver,
            )
        }))
    }

    /// Begins a session of what is written to it: its number.
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn open(&self, owner: u32, options: &JsValue, deliver: Function) -> Result<u32, JsValue> {
        let lanes = options::lanes(options)?;
        let rate_hz = options::sample_rate_hz(options)?;
        let mut state = self.0.borrow_mut();
        state.check(owner)?;
        let first = state.numbers(lanes);
        let mut talk = Talk::new(owner, first, lanes, Source::Ended, deliver);
        let ports = state.start(&talk, rate_hz, Pacing::Live)?;
        let lanes = ports.into_iter().map(Pcm::new).collect();
        talk.source = Source::Written(lanes);
        state.talks.push(talk);
        Ok(first)
    }

    /// Analyses a file, a blob or an audio buffer; kept with the number of the session.
    ///
    /// # Errors
    /// When an option is out of its range, and, later, when there is no sound in it.
    pub fn decode(
        &self,
        owner: u32,
        input: JsValue,
        options: &JsValue,
        deliver: Function,
    ) -> Result<Promise, JsValue> {
        self.0.borrow().check(owner)?;
        let channels = options::channels(options)?;
        let there = Rc::downgrade(&self.0);
        Ok(future_to_promise(async move {
            let recording = source::recording(input).await?;
            let lanes = source::lanes(&recording, channels);
            let Some(state) = there.upgrade() else {
                return Err(Failure::Disposed.into());
            };
            let first = state.borrow_mut().numbers(lanes);
            drop(state);
            begin(
                &there,
                owner,
                first,
                lanes,
                Source::File(recording),
                deliver,
            )
        }))
    }

    /// Writes PCM to a session: a Float32Array, or one for each lane. Kept once there is room for more.
    ///
    /// # Errors
    /// When it is no PCM, or the session has ended.
    pub fn write(&self, session: u32, samples: &JsValue) -> Result<Promise, JsValue> {
        let state = self.0.borrow();
        let Some(Source::Written(lanes)) = state.talk(session).map(|talk| &talk.source) else {
            return Err(Failure::SessionClosed.into());
        };
        let planes: Vec<JsValue> = match samples.dyn_ref::<Array>() {
            Some(planes) => planes.iter().collect(),
            None => vec![samples.clone()],
        };
        let planes = planes.iter().map(source::samples);
        let planes: Vec<Float32Array> = planes.collect::<Result<_, _>>()?;
        if planes.len() != lanes.len()
            || planes
                .iter()
                .any(|plane| plane.length() != planes[0].length())
        {
            let count = lanes.len().to_string();
            let what = [
                "What was written is not ",
                &count,
                " Float32Array(s) of equal length, one for each lane",
            ];
            return Err(Failure::NotSound(what.concat()).into());
        }
        let written = Array::new();
        for (lane, plane) in lanes.iter().zip(&planes) {
            written.push(&lane.write(plane)?.into());
        }
        Ok(Promise::all(&written))
    }

    /// Ends a session; what was heard until then comes with its last letter.
    pub fn stop(&self, session: u32) {
        self.0.borrow_mut().stop(session);
    }

    /// Ends a session of one lane with a calibration to what was heard, which is taken for one person's
    /// neutral speech; a letter `fitted` brings it, or an error.
    ///
    /// # Errors
    /// When the session has ended, or the model cannot be calibrated.
    pub fn fit(&self, session: u32) -> Result<(), JsValue> {
        let state = self.0.borrow();
        let can = |model: &ModelSummary| model.can_calibrate && model.has_neutral;
        if !state.model.as_ref().is_some_and(can) {
            let reason = "it cannot be calibrated".into();
            return Err(Failure::from(WebError::ModelMismatch(reason)).into());
        }
        let Some(talk) = state
            .talk(session)
            .filter(|talk| talk.sessions().len() == 1)
        else {
            return Err(Failure::SessionClosed.into());
        };
        let heard = match &talk.source {
            Source::Written(lanes) => lanes.first().map(Pcm::heard),
            Source::Live(_) => None,
            Source::File(_) | Source::Closing { .. } | Source::Ended => {
                return Err(Failure::SessionClosed.into());
            }
        };
        let there = Rc::downgrade(&self.0);
        spawn_local(async move {
            if let Some(heard) = heard {
                // Is not rejected.
                let _ = JsFuture::from(heard).await;
            }
            act(&there, |state, _| {
                if let Some(talk) = state.talks.iter_mut().find(|talk| talk.first == session) {
                    talk.source = Source::Ended;
                    state.tell(&Command::Fit { session });
                }
            });
        });
        Ok(())
    }

    /// Ends a session; nothing more is told of it.
    pub fn abandon(&self, session: u32) {
        let mut state = self.0.borrow_mut();
        state.stop(session);
        state.talks.retain(|talk| talk.first != session);
    }

    /// Ends a recognizer's sessions, with what was heard until now.
    pub fn dispose(&self, owner: u32) {
        act(&Rc::downgrade(&self.0), |state, letters| {
            state.dispose(owner, letters)
        });
    }

    /// Ends the engine.
    pub fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.engine = None;
        state.failure = Some(Failure::Disposed);
        if let Some(loading) = state.loading.take() {
            loading.reject(Failure::Disposed);
        }
    }
}

/// Changes the state, then hands out the letters: those who get them may call what changes it again.
fn act<T: Default>(
    there: &Weak<RefCell<State>>,
    change: impl FnOnce(&mut State, &mut Vec<Letter>) -> T,
) -> T {
    let Some(state) = there.upgrade() else {
        return T::default();
    };
    let mut letters = Vec::new();
    let result = change(&mut state.borrow_mut(), &mut letters);
    for letter in letters {
        // What the builder's own functions throw is not ours to handle.
        let _ = letter
            .to
            .call2(&JsValue::NULL, &letter.name.into(), &letter.detail);
    }
    result
}

/// Begins a session of a source that is ready: its number.
fn begin(
    there: &Weak<RefCell<State>>,
    owner: u32,
    first: u32,
    lanes: u32,
    source: Source,
    deliver: Function,
) -> Result<JsValue, JsValue> {
    let begun = act(there, |state, letters| {
        Some(state.begin(Talk::new(owner, first, lanes, source, deliver), letters))
    });
    begun.unwrap_or(Err(Failure::Disposed))?;
    Ok(first.into())
}

/// A stream has no sound where there would be no microphone.
fn of_stream(error: WebError, is_stream: bool) -> Failure {
    match error {
        WebError::NoMicrophone if is_stream => Failure::NoAudioTrack,
        error => error.into(),
    }
}

impl State {
    /// Whether a recognizer can still be used.
    fn check(&self, owner: u32) -> Result<(), Failure> {
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None if self.owners.contains_key(&owner) => Ok(()),
            None => Err(Failure::Disposed),
        }
    }

    /// Numbers for the engine's sessions: the first of so many.
    fn numbers(&mut self, lanes: u32) -> u32 {
        let first = self.next_session;
        self.next_session += lanes;
        first
    }

    fn talk(&self, session: u32) -> Option<&Talk> {
        self.talks
            .iter()
            .find(|talk| talk.sessions().contains(&session))
    }

    fn tell(&self, command: &Command) {
        if let Some(engine) = self.engine.as_ref().filter(|engine| engine.is_ready) {
            // An engine that takes no command is gone, which is noticed elsewhere.
            let _ = engine.send(command, None);
        }
    }

    /// What answers to this owner are made of.
    fn judge(&self, owner: u32) -> Judge<'_> {
        Judge {
            labels: self.model.as_ref().map_or(&[], |model| &model.labels),
            claims: self.owners.get(&owner).copied().unwrap_or_default(),
        }
    }

    /// Starts the engine's sessions of a talk: the ports that take their sound.
    fn start(
        &self,
        talk: &Talk,
        sample_rate_hz: u32,
        pacing: Pacing,
    ) -> Result<Vec<MessagePort>, Failure> {
        let Some(engine) = &self.engine else {
            return Err(Failure::Disposed);
        };
        let claims = self.judge(talk.owner).claims;
        let start = |session| {
            let channel = MessageChannel::new()?;
            let start = Command::Start {
                owner: talk.owner,
                session,
                sample_rate_hz,
                pacing,
                claims,
            };
            engine.send(&start, Some(&channel.port1()))?;
            Ok(channel.port2())
        };
        let ports: Result<_, JsValue> = talk.sessions().map(start).collect();
        ports.map_err(|_| WebError::EngineUnavailable("It takes no sound".into()).into())
    }

    fn begin(&mut self, mut talk: Talk, letters: &mut Vec<Letter>) -> Result<(), Failure> {
        self.check(talk.owner)?;
        let (sample_rate_hz, pacing) = match &talk.source {
            Source::Live(microphone) => (microphone.sample_rate_hz(), Pacing::Live),
            Source::File(recording) => (recording.sample_rate_hz(), Pacing::Recorded),
            Source::Written(_) | Source::Closing { .. } | Source::Ended => return Ok(()),
        };
        let ports = self.start(&talk, sample_rate_hz, pacing)?;
        let sent = match &mut talk.source {
            Source::Live(microphone) => microphone.send(&ports),
            Source::File(recording) => recording.send(&ports),
            Source::Written(_) | Source::Closing { .. } | Source::Ended => Ok(()),
        };
        sent.map_err(|error| Failure::from(WebError::MicrophoneFailed(shown(&error))))?;
        letters.extend(talk.processing());
        self.talks.push(talk);
        Ok(())
    }

    fn stop(&mut self, session: u32) {
        let Some(talk) = self.talks.iter_mut().find(|talk| talk.first == session) else {
            return;
        };
        match std::mem::replace(&mut talk.source, Source::Ended) {
            Source::Ended => {}
            // All that was written is still heard.
            Source::Written(lanes) => {
                // A port that is closed belongs to a session that is over.
                let _ = lanes.iter().try_for_each(Pcm::end);
                talk.source = Source::Closing { _rest: lanes };
            }
            Source::Live(_) | Source::File(_) | Source::Closing { .. } => {
                let sessions = talk.sessions();
                sessions.for_each(|session| self.tell(&Command::Stop { session }));
            }
        }
    }

    fn lost(&mut self, session: u32, error: WebError, letters: &mut Vec<Letter>) {
        let Some(talk) = self.talks.iter().find(|talk| talk.first == session) else {
            return;
        };
        let is_stream_end = matches!(&talk.source, Source::Live(microphone)
            if !microphone.is_own() && error == WebError::MicrophoneLost);
        if !is_stream_end {
            letters.push(talk.letter("error", Failure::from(error)));
        }
        self.stop(session);
    }

    fn dispose(&mut self, owner: u32, letters: &mut Vec<Letter>) {
        let (mine, others) = std::mem::take(&mut self.talks)
            .into_iter()
            .partition(|talk| talk.owner == owner);
        self.talks = others;
        let mine: Vec<Talk> = mine;
        for talk in mine {
            talk.sessions()
                .for_each(|session| self.tell(&Command::Stop { session }));
            letters.push(talk.close(&self.judge(owner)));
        }
        let speaker = Speaker::Unknown;
        self.tell(&Command::Adapt { owner, speaker });
        while let Some(answer) = self.answer(owner) {
            answer.reject(Failure::Disposed);
        }
        self.owners.remove(&owner);
    }

    fn sign(&mut self, sign: Sign, letters: &mut Vec<Letter>, there: &Weak<RefCell<Self>>) {
        match sign {
            Sign::Event(event) => self.event(*event, letters, there),
            Sign::Unreadable => self.fail(WebError::EngineOutdated, letters),
            Sign::Broken | Sign::Gone if self.model.is_some() => {
                self.fail(WebError::EngineCrashed, letters);
            }
            Sign::Broken | Sign::Gone => {
                let reason = "The browser could not run it".into();
                self.fail(WebError::EngineUnavailable(reason), letters);
            }
        }
    }

    fn event(&mut self, event: Event, letters: &mut Vec<Letter>, there: &Weak<RefCell<Self>>) {
        match event {
            Event::Booted {
                protocol,
                build,
                lock,
            } => {
                if protocol != PROTOCOL || build != BUILD {
                    return self.fail(WebError::EngineOutdated, letters);
                }
                let there = there.clone();
                spawn_local(async move {
                    lifeline::lost(&js_sys::global(), &lock).await;
                    act(&there, |state, letters| {
                        state.sign(Sign::Gone, letters, &there)
                    });
                });
                if let (Some(engine), Some(load)) = (&self.engine, self.load.take()) {
                    // An engine that takes no command is gone, which is noticed elsewhere.
                    let _ = engine.send(&load, None);
                }
            }
            Event::Ready { model } => {
                if let Some(engine) = &mut self.engine {
                    engine.is_ready = true;
                }
                let told = told(&model);
                self.model = Some(model);
                if let Some(loading) = self.loading.take() {
                    loading.resolve(told);
                }
            }
            Event::Update {
                session,
                update,
                compute_ms,
            } => {
                let labels = self.model.as_ref().map_or(&[][..], |model| &model.labels);
                let mut talks = self.talks.iter_mut();
                if let Some(talk) = talks.find(|talk| talk.sessions().contains(&session)) {
                    let claims = self.owners.get(&talk.owner).copied().unwrap_or_default();
                    let judge = Judge { labels, claims };
                    talk.update(session, &update, compute_ms, &judge, letters);
                }
            }
            Event::Progress { session, at_s } => {
                letters.extend(self.with(session, |talk| talk.progress(session, at_s)));
            }
            Event::Gap { session, lost_s } => {
                letters.extend(self.with(session, |talk| talk.gap(session, lost_s)));
            }
            Event::Stopped { session, summary } => {
                let closed = self.with(session, |talk| {
                    talk.stopped(session, summary).then_some(talk.first)
                });
                if let Some(talk) = closed.and_then(|first| self.take(first)) {
                    letters.push(talk.close(&self.judge(talk.owner)));
                }
            }
            Event::Fitted {
                session,
                calibration,
            } => {
                if let Some(talk) = self.take(session) {
                    let too_little = || Failure::TooLittleSpeech.into();
                    let calibration = calibration.map_or_else(too_little, JsValue::from);
                    letters.push(talk.letter("fitted", calibration));
                    letters.push(talk.close(&self.judge(talk.owner)));
                }
            }
            Event::Calibrated {
                owner, speech_s, ..
            } => {
                if let Some(answer) = self.answer(owner) {
                    answer.resolve(speech_s);
                }
            }
            Event::Refused { owner, refusal } => {
                if let Some(answer) = self.answer(owner) {
                    let error = match refusal {
                        Refusal::OtherModel => WebError::CalibrationOfOtherModel,
                        Refusal::Unreadable => WebError::NoCalibration,
                    };
                    answer.reject(error.into());
                }
            }
            // Neither is asked for.
            Event::Sound { .. } | Event::Learned { .. } => {}
            Event::Failed {
                stage: Stage::Load,
                message,
                ..
            } => self.fail(WebError::ModelMismatch(message), letters),
            Event::Failed {
                session, message, ..
            } => match session.and_then(|session| self.talk(session)) {
                Some(talk) => {
                    let first = talk.first;
                    let failure = Failure::from(WebError::AnalysisFailed(message));
                    letters.extend(talk.fail(failure, &self.judge(talk.owner)));
                    // Its other lanes.
                    self.stop(first);
                    self.take(first);
                }
                None if session.is_none() => self.fail(WebError::EngineOutdated, letters),
                None => {}
            },
        }
    }

    /// The talk that an engine's session belongs to.
    fn with<T>(&mut self, session: u32, act: impl FnOnce(&mut Talk) -> Option<T>) -> Option<T> {
        let mut talks = self.talks.iter_mut();
        act(talks.find(|talk| talk.sessions().contains(&session))?)
    }

    /// Takes out the talk whose first session this is.
    fn take(&mut self, first: u32) -> Option<Talk> {
        let at = self.talks.iter().position(|talk| talk.first == first)?;
        Some(self.talks.remove(at))
    }

    /// Who waits for the engine's next answer to an owner.
    fn answer(&mut self, owner: u32) -> Option<Settle> {
        let at = self.asked.iter().position(|(asking, _)| *asking == owner)?;
        self.asked.remove(at).map(|(_, answer)| answer)
    }

    /// The engine is of no use any more.
    fn fail(&mut self, error: WebError, letters: &mut Vec<Letter>) {
        if self.failure.is_some() {
            return;
        }
        let failure = Failure::from(error);
        self.failure = Some(failure.clone());
        self.engine = None;
        for talk in std::mem::take(&mut self.talks) {
            letters.extend(talk.fail(failure.clone(), &self.judge(talk.owner)));
        }
        for (_, answer) in std::mem::take(&mut self.asked) {
            answer.reject(failure.clone());
        }
        if let Some(loading) = self.loading.take() {
            loading.reject(failure.clone());
        }
        // What it throws is not ours to handle.
        let _ = self.gone.call0(&JsValue::NULL);
    }
}

/// What builders are told of the model.
fn told(model: &ModelSummary) -> JsValue {
    let labels: Array = model.labels.iter().map(JsValue::from).collect();
    let strangers = model.strangers.as_ref().map_or(JsValue::NULL, |measured| {
        object(&[
            ("corpora", measured.corpora.into()),
            ("clips", measured.clips.into()),
            ("speakers", measured.speakers.into()),
            ("uar", measured.uar.into()),
            ("guessing", measured.guessing.into()),
            ("claimed", measured.claimed.into()),
            ("claimedRight", measured.claimed_right.into()),
        ])
        .into()
    });
    object(&[
        ("version", model.version.as_str().into()),
        ("labels", labels.into()),
        ("dataSet", model.data_set.as_str().into()),
        ("speakers", model.speakers.into()),
        ("clips", model.clips.into()),
        ("uar", model.uar.into()),
        ("war", model.war.into()),
        ("strangers", strangers),
        (
            "canCalibrate",
            (model.can_calibrate && model.has_neutral).into(),
        ),
    ])
    .into()
}
