//! What the page and the worker say to each other. Only serde types: the browser side is in `web`.
//!
//! The worker speaks first ([`Event::Booted`]); what is sent to it earlier is lost. Audio does not
//! travel in these messages but on a `MessagePort` handed over with [`Command::Start`], as
//! chunks posted by the audio worklet or by the page's file reader.

use serde::{Deserialize, Serialize};

use crate::session::{Pacing, Summary, Update};

/// Version of the messages below; the page refuses a worker that speaks another.
pub const PROTOCOL: u32 = 1;

/// Identifies page and worker as made by the same build, since a browser may cache them apart.
///
/// Set by `scripts/build` through the environment variable `SPEECH_EMOTION_BUILD`.
pub const BUILD: &str = match option_env!("SPEECH_EMOTION_BUILD") {
    Some(build) => build,
    None => "development",
};

/// Page to worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Build the classifier from the bytes of model.onnx and the text of model.json.
    Load {
        /// The ONNX file.
        #[serde(with = "serde_bytes")]
        model: Vec<u8>,
        /// model.json.
        manifest: String,
    },
    /// Begin a session; its audio port is the message's first transferred object.
    Start {
        /// Chosen by the page; every event of the session carries it.
        session: u32,
        /// Rate of the chunks to come.
        sample_rate_hz: u32,
        /// Live or recorded.
        pacing: Pacing,
    },
    /// End the session now and report what was heard so far.
    Stop {
        /// The session to end.
        session: u32,
    },
}

/// Worker to page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The worker runs and listens.
    Booted {
        /// [`PROTOCOL`] of the worker.
        protocol: u32,
        /// [`BUILD`] of the worker.
        build: String,
        /// Name of the Web Lock that the worker holds for as long as it lives.
        lock: String,
    },
    /// The model is loaded; sessions can start.
    Ready {
        /// What a person should know of the model.
        model: ModelSummary,
    },
    /// Something the session found out.
    Update {
        /// The session it belongs to.
        session: u32,
        /// What was found.
        update: Update,
        /// Time this took to compute, from the chunk's arrival at the worker.
        compute_ms: f32,
    },
    /// Audio taken in so far; a sender of recorded audio waits for it to stay in step.
    Progress {
        /// The session it belongs to.
        session: u32,
        /// Seconds of audio processed.
        at_s: f64,
    },
    /// Audio was lost between the microphone and the worker; the front end started afresh.
    Gap {
        /// The session it belongs to.
        session: u32,
        /// How much was lost, in samples at the session's rate.
        lost_samples: u64,
    },
    /// The session has ended.
    Stopped {
        /// The session it belongs to.
        session: u32,
        /// What was heard over the whole session.
        summary: Summary,
    },
    /// A command or the session failed; the worker stays usable.
    Failed {
        /// What was being done.
        stage: Stage,
        /// The session it belongs to, when one was running.
        session: Option<u32>,
        /// The reason, in words.
        message: String,
    },
}

/// What the page shows of the model: its evaluation on voices it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Version of the model, from model.json.
    pub version: String,
    /// Unweighted average recall, 0..=1.
    pub uar: f32,
    /// Share of clips classified correctly, 0..=1.
    pub war: f32,
    /// Number of clips behind both.
    pub clips: u32,
    /// Seconds between predictions.
    pub step_s: f32,
}

/// What the worker was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading a command.
    Command,
    /// Loading the model: file and manifest do not fit this program or each other.
    Load,
    /// Starting a session: a sample rate that cannot be processed.
    Start,
    /// Classifying.
    Inference,
}
