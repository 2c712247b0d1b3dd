//! The worker: owns the model and the running sessions, reads [`Command`]s, posts [`Event`]s.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use js_sys::Math;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};

use crate::{
    audio::SAMPLE_RATE_HZ,
    calibration::{Calibration, CalibrationError},
    explanation::Explanation,
    features::{HOP_SAMPLES, N_FEATURES, SEGMENT_MULTIPLE},
    model::{Manifest, ModelError, OnnxClassifier},
    protocol::{BUILD, Command, Event, ModelSummary, PROTOCOL, Refusal, Speaker, Stage},
    session::{Claims, Heard, Pacing, Session, Update},
    web::client::{
        chunk::{Chunk, MAX_CHANNELS, Message},
        lifeline,
    },
};

/// Runs the worker for the rest of its life.
pub fn run() {
    console_error_panic_hook::set_once();
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    match Worker::new(scope.clone()) {
        Ok(worker) => Worker::listen(&worker),
        Err(error) => return web_sys::console::error_1(&error),
    }
    spawn_local(async move {
        let lock = ["engine-", &Math::random().to_string()].concat();
        lifeline::hold(&scope, &lock).await;
        post(
            &scope,
            &Event::Booted {
                protocol: PROTOCOL,
                build: BUILD.into(),
                lock,
            },
        );
    });
}

struct Worker {
    scope: DedicatedWorkerGlobalScope,
    model: Option<(OnnxClassifier, Manifest)>,
    /// What sessions know about the speaker, by owner; no entry means nothing is known.
    adaptations: BTreeMap<u32, Adaptation>,
    /// In the order in which they were started.
    runs: Vec<Run>,
    /// What was heard last in sessions that have ended.
    ended: Vec<Ended>,
    /// A message to itself comes after every chunk that is already queued.
    turn: MessageChannel,
    turn_is_due: bool,
}

/// What sessions know about the speaker.
enum Adaptation {
    Calibrated(Box<Calibration>),
    Listening,
}

/// A session with its audio.
struct Run {
    id: u32,
    owner: u32,
    session: Session<OnnxClassifier>,
    sample_rate_hz: u32,
    pacing: Pacing,
    port: MessagePort,
    next_seq: u32,
    /// The current chunk, copied from JavaScript.
    samples: Vec<f32>,
    updates: Vec<Update>,
    /// When the oldest chunk that has not been classified yet arrived, in ms.
    arrived_ms: Option<f64>,
}

/// What is left of a session until its owner begins another.
struct Ended {
    id: u32,
    owner: u32,
    classifier: OnnxClassifier,
    heard: Heard,
}

/// Why something was not done.
struct Failure {
    stage: Stage,
    /// The session it ends.
    session: Option<u32>,
    message: String,
}

impl Failure {
    fn of(stage: Stage, message: impl ToString) -> Self {
        Self {
            stage,
            session: None,
            message: message.to_string(),
        }
    }

    fn ends(mut self, session: u32) -> Self {
        self.session = Some(session);
        self
    }
}

impl Worker {
    fn new(scope: DedicatedWorkerGlobalScope) -> Result<Rc<RefCell<Self>>, JsValue> {
        Ok(Rc::new(RefCell::new(Self {
            scope,
            model: None,
            adaptations: BTreeMap::new(),
            runs: Vec::new(),
            ended: Vec::new(),
            turn: MessageChannel::new()?,
            turn_is_due: false,
        })))
    }

    fn listen(worker: &Rc<RefCell<Self>>) {
        let here = Rc::clone(worker);
        let on_audio = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            here.borrow_mut().guard(|worker| worker.audio(&event));
        })
        .into_js_value();
        let here = Rc::clone(worker);
        let on_command = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            here.borrow_mut()
                .guard(|worker| worker.command(&event, on_audio.unchecked_ref()));
        })
        .into_js_value();
        let here = Rc::clone(worker);
        let on_turn = Closure::<dyn FnMut()>::new(move || {
            here.borrow_mut().guard(Self::catch_up);
        })
        .into_js_value();
        let worker = worker.borrow();
        worker.scope.set_onmessage(Some(on_command.unchecked_ref()));
        worker
            .turn
            .port1()
            .set_onmessage(Some(on_turn.unchecked_ref()));
    }

    /// Reports a failure and ends the session it affects.
    fn guard(&mut self, act: impl FnOnce(&mut Self) -> Result<(), Failure>) {
        if let Err(failure) = act(self) {
            self.fail(failure);
        }
    }

    fn fail(&mut self, failure: Failure) {
        let Failure {
            stage,
            session,
            message,
        } = failure;
        self.runs.retain(|run| Some(run.id) != session);
        self.post(&Event::Failed {
            stage,
            session,
            message,
        });
    }

    fn command(
        &mut self,
        message: &MessageEvent,
        on_audio: &js_sys::Function,
    ) -> Result<(), Failure> {
        let command = serde_wasm_bindgen::from_value(message.data())
            .map_err(|error| Failure::of(Stage::Command, error))?;
        match command {
            Command::Load { model, manifest } => self.load(&model, &manifest),
            Command::Start {
                owner,
                session,
                sample_rate_hz,
                pacing,
                claims,
            } => {
                let port: MessagePort = message.ports().get(0).dyn_into().map_err(|_| {
                    let reason = "a session was started without an audio port";
                    Failure::of(Stage::Command, reason)
                })?;
                let run = self
                    .start(owner, session, sample_rate_hz, pacing, claims, port)
                    .map_err(|failure| failure.ends(session))?;
                run.port.set_onmessage(Some(on_audio));
                self.ended.retain(|ended| ended.owner != owner);
                self.runs.push(run);
                Ok(())
            }
            Command::Stop { session } => match self.run(session) {
                Some(run) => self.finish(run),
                None => Ok(()),
            },
            Command::Fit { session } => match self.run(session) {
                Some(run) => self.fit(run),
                None => Ok(()),
            },
            Command::Explain { session } => self.explain(session),
            Command::Adapt { owner, speaker } => self.adapt(owner, speaker),
        }
    }

    /// The position of the session with this number.
    fn run(&self, session: u32) -> Option<usize> {
        self.runs.iter().position(|run| run.id == session)
    }

    fn load(&mut self, model: &[u8], manifest: &str) -> Result<(), Failure> {
        let manifest = Manifest::from_json(manifest).map_err(not_loaded)?;
        let is_first = self.model.is_none();
        let check_file = || manifest.check_file(model).map_err(not_loaded);
        if !is_first {
            check_file()?;
        }
        let classifier = OnnxClassifier::load_unchecked(model, &manifest).map_err(not_loaded)?;
        if !is_first {
            let frames = manifest.session.min_segment_frames;
            let segment = vec![0.0; frames.next_multiple_of(SEGMENT_MULTIPLE) * N_FEATURES];
            classifier.logits(&segment).map_err(not_loaded)?;
        }
        let step_samples = (manifest.session.step_frames * HOP_SAMPLES) as f32;
        let summary = ModelSummary {
            version: manifest.version.clone(),
            labels: manifest.labels.names().to_vec(),
            data_set: manifest.training.data_set.clone(),
            speakers: manifest.training.actors,
            uar: manifest.evaluation.uar,
            war: manifest.evaluation.war,
            clips: manifest.evaluation.clips,
            strangers: manifest.evaluation.strangers,
            step_s: step_samples / SAMPLE_RATE_HZ as f32,
            can_calibrate: manifest.speaker.is_some(),
            has_neutral: manifest.labels.neutral().is_some(),
        };
        self.post(&Event::Ready { model: summary });
        if is_first {
            // Nobody is waiting for this.
            check_file()?;
        }
        // They are of the model before.
        self.adaptations.clear();
        self.model = Some((classifier, manifest));
        Ok(())
    }

    fn start(
        &self,
        owner: u32,
        id: u32,
        sample_rate_hz: u32,
        pacing: Pacing,
        claims: Claims,
        port: MessagePort,
    ) -> Result<Run, Failure> {
        let Some((classifier, manifest)) = &self.model else {
            return Err(Failure::of(Stage::Start, "no model is loaded"));
        };
        let mut session = Session::new(
            classifier.clone(),
            &manifest.session,
            sample_rate_hz,
            pacing,
        )
        .map_err(|error| Failure::of(Stage::Start, error))?
        .claiming(claims);
        adapt(&mut session, self.adaptations.get(&owner), manifest);
        Ok(Run {
            id,
            owner,
            session,
            sample_rate_hz,
            pacing,
            port,
            next_seq: 0,
            samples: Vec::new(),
            updates: Vec::new(),
            arrived_ms: None,
        })
    }

    /// Takes in what arrived through an audio port.
    fn audio(&mut self, message: &MessageEvent) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        let port = message.target();
        let of_port = |run: &Run| port.as_deref() == Some(run.port.as_ref());
        let Some(at) = self.runs.iter().position(of_port) else {
            return Ok(());
        };
        let run = &mut self.runs[at];
        let session = run.id;
        let chunk = match Message::read(&message.data()) {
            Some(Message::Chunk(chunk)) => chunk,
            Some(Message::End) => return self.finish(at),
            None => {
                let reason = "a chunk of audio is malformed";
                return Err(Failure::of(Stage::Command, reason).ends(session));
            }
        };
        run.arrived_ms.get_or_insert(now_ms);
        if let Some(lost_s) = run.take(chunk)? {
            post(&self.scope, &Event::Gap { session, lost_s });
        }
        run.report(&self.scope, now_ms);
        match run.pacing {
            Pacing::Live if !self.turn_is_due => {
                self.turn_is_due = true;
                let turn = self.turn.port2();
                turn.post_message(&JsValue::NULL).map_err(|_| {
                    let reason = "the worker cannot call itself";
                    Failure::of(Stage::Inference, reason).ends(session)
                })
            }
            Pacing::Live => Ok(()),
            Pacing::Recorded => {
                run.arrived_ms = None;
                let at_s = run.session.at_s();
                post(&self.scope, &Event::Progress { session, at_s });
                Ok(())
            }
        }
    }

    /// Classifies every session's newest segment once all queued audio is in.
    fn catch_up(&mut self) -> Result<(), Failure> {
        self.turn_is_due = false;
        let mut failures = Vec::new();
        for run in &mut self.runs {
            match run.session.catch_up(&mut run.updates) {
                Ok(()) => {
                    run.report(&self.scope, now_ms(&self.scope));
                    run.arrived_ms = None;
                }
                Err(error) => failures.push(failed(run.id, error)),
            }
        }
        failures.into_iter().for_each(|failure| self.fail(failure));
        Ok(())
    }

    /// Ends the session at this position.
    fn finish(&mut self, at: usize) -> Result<(), Failure> {
        let mut run = self.runs.remove(at);
        let summary = run.session.finish(&mut run.updates);
        let summary = summary.map_err(|error| failed(run.id, error))?;
        let session = run.id;
        run.report(&self.scope, now_ms(&self.scope));
        if let Some(heard) = run.session.heard() {
            self.ended.push(Ended {
                id: session,
                owner: run.owner,
                classifier: run.session.classifier().clone(),
                heard: heard.clone(),
            });
        }
        self.post(&Event::Stopped { session, summary });
        Ok(())
    }

    /// Ends the session at this position with a calibration to what was heard.
    fn fit(&mut self, at: usize) -> Result<(), Failure> {
        let mut run = self.runs.remove(at);
        let session = run.id;
        let Some((_, manifest)) = &self.model else {
            return Ok(());
        };
        let (Some(neutral), Some(statistics)) = (manifest.labels.neutral(), &manifest.speaker)
        else {
            let reason = "the model cannot be calibrated by neutral speech";
            return Err(Failure::of(Stage::Command, reason).ends(session));
        };
        let reference = run.session.take_reference(neutral, &mut run.updates);
        let references = Vec::from_iter(reference.map_err(|error| failed(run.id, error))?);
        let fitted = Calibration::fit(&manifest.onnx.sha256, statistics, &references);
        self.post(&Event::Fitted {
            session,
            calibration: fitted.ok().and_then(|fitted| json(&fitted)),
        });
        Ok(())
    }

    /// Tells how the newest answer of a session came about.
    fn explain(&self, session: u32) -> Result<(), Failure> {
        let running = self.runs.iter().find(|run| run.id == session);
        let running = running.map(|run| (run.session.classifier(), run.session.heard()));
        let ended = self.ended.iter().find(|ended| ended.id == session);
        let ended = ended.map(|ended| (&ended.classifier, Some(&ended.heard)));
        let explanation = match running.or(ended) {
            Some((classifier, Some(heard))) => {
                let trace = classifier.trace(&heard.segment);
                let trace = trace.map_err(|error| Failure::of(Stage::Inference, error))?;
                Some(Box::new(Explanation::new(heard.clone(), trace)))
            }
            _ => None,
        };
        self.post(&Event::Explained {
            session,
            explanation,
        });
        Ok(())
    }

    /// From now on judges what is heard in the owner's sessions as this speaker's.
    fn adapt(&mut self, owner: u32, speaker: Speaker) -> Result<(), Failure> {
        let Some((_, manifest)) = &self.model else {
            return Err(Failure::of(Stage::Command, "no model is loaded"));
        };
        let adaptation = match speaker {
            Speaker::Unknown => None,
            Speaker::Listening => Some(Adaptation::Listening),
            Speaker::Calibrated(text) => {
                match Calibration::from_json(&text, &manifest.onnx.sha256) {
                    Ok(calibration) => {
                        if let Some(text) = json(&calibration) {
                            self.post(&Event::Calibrated {
                                owner,
                                calibration: text,
                                speech_s: calibration.speech_s,
                            });
                        }
                        Some(Adaptation::Calibrated(Box::new(calibration)))
                    }
                    Err(error) => {
                        let refusal = match error {
                            CalibrationError::OtherModel { .. } => Refusal::OtherModel,
                            _ => Refusal::Unreadable,
                        };
                        self.post(&Event::Refused { owner, refusal });
                        return Ok(());
                    }
                }
            }
        };
        for run in self.runs.iter_mut().filter(|run| run.owner == owner) {
            adapt(&mut run.session, adaptation.as_ref(), manifest);
        }
        match adaptation {
            Some(adaptation) => drop(self.adaptations.insert(owner, adaptation)),
            None => drop(self.adaptations.remove(&owner)),
        }
        Ok(())
    }

    fn now_ms(&self) -> f64 {
        now_ms(&self.scope)
    }

    fn post(&self, event: &Event) {
        post(&self.scope, event);
    }
}

/// Makes a session judge what it hears as this speaker's.
fn adapt(
    session: &mut Session<OnnxClassifier>,
    adaptation: Option<&Adaptation>,
    manifest: &Manifest,
) {
    match (adaptation, &manifest.speaker) {
        (Some(Adaptation::Calibrated(calibration)), _) => {
            session.set_calibration(Some(calibration.as_ref().clone()));
        }
        (Some(Adaptation::Listening), Some(statistics)) => {
            session.calibrate_while_listening(&manifest.onnx.sha256, statistics);
        }
        _ => session.set_calibration(None),
    }
}

impl Run {
    /// Feeds a chunk to the session; returns how many seconds were lost before it.
    fn take(&mut self, chunk: Chunk) -> Result<Option<f64>, Failure> {
        let Chunk { seq, channels, .. } = chunk;
        let length = chunk.samples.length() as usize;
        self.samples.resize(length, 0.0);
        chunk.samples.copy_to(&mut self.samples);
        // A sender that is gone needs no buffer back.
        let _ = chunk.give_back(&self.port);

        let frames = length / channels;
        let lost_chunks = seq.saturating_sub(self.next_seq);
        self.next_seq = seq + 1;
        let lost_s = (lost_chunks > 0)
            .then(|| f64::from(lost_chunks) * frames as f64 / f64::from(self.sample_rate_hz));
        if let Some(lost_s) = lost_s {
            self.session
                .gap(lost_s, &mut self.updates)
                .map_err(|error| failed(self.id, error))?;
        }
        let mut planes = [&[][..]; MAX_CHANNELS];
        for (plane, samples) in planes
            .iter_mut()
            .zip(self.samples.chunks_exact(frames.max(1)))
        {
            *plane = samples;
        }
        self.session
            .push(&planes[..channels], &mut self.updates)
            .map_err(|error| failed(self.id, error))?;
        Ok(lost_s)
    }

    /// Posts the findings.
    fn report(&mut self, scope: &DedicatedWorkerGlobalScope, now_ms: f64) {
        let compute_ms = (now_ms - self.arrived_ms.unwrap_or(now_ms)) as f32;
        for update in self.updates.drain(..) {
            // Nobody watches the level of a recording that is read faster than real time.
            if self.pacing == Pacing::Recorded && matches!(update, Update::Level { .. }) {
                continue;
            }
            let session = self.id;
            post(
                scope,
                &Event::Update {
                    session,
                    update,
                    compute_ms,
                },
            );
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        self.port.close();
    }
}

fn not_loaded(error: ModelError) -> Failure {
    let stage = match error {
        ModelError::Manifest(_) => Stage::Manifest,
        ModelError::Mismatch { .. } => Stage::Comparison,
        ModelError::WrongFile { .. } => Stage::Pairing,
        _ => Stage::Load,
    };
    Failure::of(stage, error)
}

fn failed(session: u32, error: ModelError) -> Failure {
    Failure::of(Stage::Inference, error).ends(session)
}

fn now_ms(scope: &DedicatedWorkerGlobalScope) -> f64 {
    scope.performance().map_or(0.0, |clock| clock.now())
}

/// None only for a map with keys that are not text, which a calibration does not have.
fn json(calibration: &Calibration) -> Option<String> {
    serde_json::to_string(calibration).ok()
}

fn post(scope: &DedicatedWorkerGlobalScope, event: &Event) {
    // Both fail only for values that cannot be cloned, and events are plain data.
    if let Ok(event) = serde_wasm_bindgen::to_value(event) {
        let _ = scope.post_message(&event);
    }
}
