//! The worker: owns the model and the running session, reads [`Command`]s, posts [`Event`]s.

use std::{cell::RefCell, rc::Rc};

use js_sys::Math;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};

use crate::{
    audio::SAMPLE_RATE_HZ,
    calibration::{Calibration, CalibrationError},
    features::HOP_SAMPLES,
    model::{Manifest, OnnxClassifier},
    protocol::{BUILD, Command, Event, ModelSummary, PROTOCOL, Refusal, Speaker, Stage},
    session::{Pacing, Session, Update},
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
    adaptation: Adaptation,
    run: Option<Run>,
    /// A message to itself comes after every chunk that is already queued.
    turn: MessageChannel,
    turn_is_due: bool,
}

/// What sessions know of who speaks.
#[derive(Default)]
enum Adaptation {
    #[default]
    None,
    Calibrated(Box<Calibration>),
    Listening,
}

/// A session with its audio.
struct Run {
    id: u32,
    session: Session<OnnxClassifier>,
    sample_rate_hz: u32,
    pacing: Pacing,
    port: MessagePort,
    next_seq: u32,
    /// The current chunk, copied in from JavaScript.
    samples: Vec<f32>,
    updates: Vec<Update>,
    /// When the oldest chunk that has not been classified yet arrived, in ms.
    arrived_ms: Option<f64>,
}

type Failure = (Stage, String);

impl Worker {
    fn new(scope: DedicatedWorkerGlobalScope) -> Result<Rc<RefCell<Self>>, JsValue> {
        Ok(Rc::new(RefCell::new(Self {
            scope,
            model: None,
            adaptation: Adaptation::default(),
            run: None,
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

    /// Reports a failure and ends the session it hit.
    fn guard(&mut self, act: impl FnOnce(&mut Self) -> Result<(), Failure>) {
        if let Err((stage, message)) = act(self) {
            let session = self.run.take().map(|run| run.id);
            self.post(&Event::Failed {
                stage,
                session,
                message,
            });
        }
    }

    fn command(
        &mut self,
        message: &MessageEvent,
        on_audio: &js_sys::Function,
    ) -> Result<(), Failure> {
        let command = serde_wasm_bindgen::from_value(message.data())
            .map_err(|error| (Stage::Command, error.to_string()))?;
        match command {
            Command::Load { model, manifest } => self.load(&model, &manifest),
            Command::Start {
                session,
                sample_rate_hz,
                pacing,
            } => {
                let port: MessagePort = message.ports().get(0).dyn_into().map_err(|_| {
                    let reason = "a session was started without an audio port";
                    (Stage::Command, reason.to_owned())
                })?;
                self.start(session, sample_rate_hz, pacing, &port)?;
                port.set_onmessage(Some(on_audio));
                Ok(())
            }
            Command::Stop { session } => match &self.run {
                Some(run) if run.id == session => self.finish(),
                _ => Ok(()),
            },
            Command::Fit { session } => match &self.run {
                Some(run) if run.id == session => self.fit(),
                _ => Ok(()),
            },
            Command::Adapt { speaker } => self.adapt(speaker),
        }
    }

    fn load(&mut self, model: &[u8], manifest: &str) -> Result<(), Failure> {
        let failed = |error: crate::model::ModelError| (Stage::Load, error.to_string());
        let manifest = Manifest::from_json(manifest).map_err(failed)?;
        let classifier = OnnxClassifier::load_unchecked(model, &manifest).map_err(failed)?;
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
        // Nobody waits for it.
        manifest.check_file(model).map_err(failed)?;
        self.model = Some((classifier, manifest));
        Ok(())
    }

    fn start(
        &mut self,
        id: u32,
        sample_rate_hz: u32,
        pacing: Pacing,
        port: &MessagePort,
    ) -> Result<(), Failure> {
        let Some((classifier, manifest)) = &self.model else {
            return Err((Stage::Start, "no model is loaded".into()));
        };
        let mut session = Session::new(
            classifier.clone(),
            &manifest.session,
            sample_rate_hz,
            pacing,
        )
        .map_err(|error| (Stage::Start, error.to_string()))?;
        self.adaptation.apply(manifest, &mut session);
        self.run = Some(Run {
            id,
            session,
            sample_rate_hz,
            pacing,
            port: port.clone(),
            next_seq: 0,
            samples: Vec::new(),
            updates: Vec::new(),
            arrived_ms: None,
        });
        Ok(())
    }

    /// Takes in what arrived on an audio port.
    fn audio(&mut self, message: &MessageEvent) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        if message.target().as_deref() != Some(run.port.as_ref()) {
            return Ok(());
        }
        let chunk = match Message::read(&message.data()) {
            Some(Message::Chunk(chunk)) => chunk,
            Some(Message::End) => return self.finish(),
            None => return Err((Stage::Command, "a chunk of audio is malformed".into())),
        };
        run.arrived_ms.get_or_insert(now_ms);
        if let Some(lost_s) = run.take(chunk)? {
            let session = run.id;
            self.post(&Event::Gap { session, lost_s });
        }
        self.post_updates();
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        match run.pacing {
            Pacing::Live if !self.turn_is_due => {
                self.turn_is_due = true;
                self.turn
                    .port2()
                    .post_message(&JsValue::NULL)
                    .map_err(|_| (Stage::Inference, "the worker cannot call itself".into()))
            }
            Pacing::Live => Ok(()),
            Pacing::Recorded => {
                run.arrived_ms = None;
                let progress = Event::Progress {
                    session: run.id,
                    at_s: run.session.at_s(),
                };
                self.post(&progress);
                Ok(())
            }
        }
    }

    /// Classifies the newest segment once all queued audio is in.
    fn catch_up(&mut self) -> Result<(), Failure> {
        self.turn_is_due = false;
        if let Some(run) = &mut self.run {
            run.session.catch_up(&mut run.updates).map_err(inference)?;
            self.post_updates();
            if let Some(run) = &mut self.run {
                run.arrived_ms = None;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let summary = run.session.finish(&mut run.updates).map_err(inference)?;
        let session = run.id;
        self.post_updates();
        self.run = None;
        self.post(&Event::Stopped { session, summary });
        Ok(())
    }

    /// Ends the session with a calibration to what was heard.
    fn fit(&mut self) -> Result<(), Failure> {
        let (Some(run), Some((_, manifest))) = (&mut self.run, &self.model) else {
            return Ok(());
        };
        let (Some(neutral), Some(statistics)) = (manifest.labels.neutral(), &manifest.speaker)
        else {
            let reason = "the model cannot be calibrated by neutral speech";
            return Err((Stage::Command, reason.to_owned()));
        };
        let reference = run
            .session
            .take_reference(neutral, &mut run.updates)
            .map_err(inference)?;
        let session = run.id;
        let references = Vec::from_iter(reference);
        let fitted = Calibration::fit(&manifest.onnx.sha256, statistics, &references);
        self.run = None;
        self.post(&Event::Fitted {
            session,
            calibration: fitted.ok().and_then(|fitted| json(&fitted)),
        });
        Ok(())
    }

    /// From now on judges as this speaker's what is heard.
    fn adapt(&mut self, speaker: Speaker) -> Result<(), Failure> {
        let Some((_, manifest)) = &self.model else {
            return Err((Stage::Command, "no model is loaded".into()));
        };
        self.adaptation = match speaker {
            Speaker::Unknown => Adaptation::None,
            Speaker::Listening => Adaptation::Listening,
            Speaker::Calibrated(text) => {
                match Calibration::from_json(&text, &manifest.onnx.sha256) {
                    Ok(calibration) => {
                        if let Some(text) = json(&calibration) {
                            self.post(&Event::Calibrated {
                                calibration: text,
                                speech_s: calibration.speech_s,
                            });
                        }
                        Adaptation::Calibrated(Box::new(calibration))
                    }
                    Err(error) => {
                        let refusal = match error {
                            CalibrationError::OtherModel { .. } => Refusal::OtherModel,
                            _ => Refusal::Unreadable,
                        };
                        self.post(&Event::Refused { refusal });
                        return Ok(());
                    }
                }
            }
        };
        if let Some(run) = &mut self.run {
            self.adaptation.apply(manifest, &mut run.session);
        }
        Ok(())
    }

    fn post_updates(&mut self) {
        let now_ms = self.now_ms();
        let Some(run) = &mut self.run else { return };
        let compute_ms = (now_ms - run.arrived_ms.unwrap_or(now_ms)) as f32;
        for update in run.updates.drain(..) {
            // Nobody watches the level of a recording that is read faster than it sounds.
            if run.pacing == Pacing::Recorded && matches!(update, Update::Level { .. }) {
                continue;
            }
            post(
                &self.scope,
                &Event::Update {
                    session: run.id,
                    update,
                    compute_ms,
                },
            );
        }
    }

    fn now_ms(&self) -> f64 {
        self.scope.performance().map_or(0.0, |clock| clock.now())
    }

    fn post(&self, event: &Event) {
        post(&self.scope, event);
    }
}

impl Adaptation {
    fn apply(&self, manifest: &Manifest, session: &mut Session<OnnxClassifier>) {
        match (self, &manifest.speaker) {
            (Self::Calibrated(calibration), _) => {
                session.set_calibration(Some(calibration.as_ref().clone()));
            }
            (Self::Listening, Some(statistics)) => {
                session.calibrate_while_listening(&manifest.onnx.sha256, statistics);
            }
            _ => session.set_calibration(None),
        }
    }
}

impl Run {
    /// Feeds a chunk to the session; says how many seconds were lost before it.
    fn take(&mut self, chunk: Chunk) -> Result<Option<f64>, Failure> {
        let Chunk { seq, channels, .. } = chunk;
        let length = chunk.samples.length() as usize;
        self.samples.resize(length, 0.0);
        chunk.samples.copy_to(&mut self.samples);
        // A sender that is gone needs no buffer.
        let _ = chunk.give_back(&self.port);

        let frames = length / channels;
        let lost_chunks = seq.saturating_sub(self.next_seq);
        self.next_seq = seq + 1;
        let lost_s = (lost_chunks > 0)
            .then(|| f64::from(lost_chunks) * frames as f64 / f64::from(self.sample_rate_hz));
        if let Some(lost_s) = lost_s {
            self.session
                .gap(lost_s, &mut self.updates)
                .map_err(inference)?;
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
            .map_err(inference)?;
        Ok(lost_s)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        self.port.close();
    }
}

fn inference(error: crate::model::ModelError) -> Failure {
    (Stage::Inference, error.to_string())
}

/// None only for a map with keys that are no text, which a calibration is not.
fn json(calibration: &Calibration) -> Option<String> {
    serde_json::to_string(calibration).ok()
}

fn post(scope: &DedicatedWorkerGlobalScope, event: &Event) {
    // Both fail only for values that cannot be cloned, and events are plain data.
    if let Ok(event) = serde_wasm_bindgen::to_value(event) {
        let _ = scope.post_message(&event);
    }
}
