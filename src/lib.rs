//! Speech emotion recognition: PCM in, emotion updates out. Runs natively and in the browser.
//!
//! ```text
//! PCM ─ audio ─ features ─┬─ activity ──┐
//!                         └─ segment ─ model ─ calibration ─ smoothing ─ Update
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`class`] | what a model distinguishes, as data: labels, classes, a number for each |
//! | [`dsp`] | window, spectrum, mel filterbank, DCT; knows nothing about speech |
//! | [`audio`] | mixing of channels, conversion to 16 kHz |
//! | [`features`] | frames of MFCC, energy and pitch; silence trimmed, level subtracted |
//! | [`activity`] | whether somebody is speaking |
//! | [`model`] | from a segment to a posterior and the evidence in it; the manifest of a model file |
//! | [`calibration`] | adapting to one speaker from a few references |
//! | [`session`] | all of this as one state machine: chunks in, updates out; posteriors smoothed to a stable verdict |
//! | [`record`] | a session as a person keeps it: who spoke when, what the program said, what a person corrected |
//! | [`export`] | from a record to files for other programs |
//! | [`explanation`] | how an answer came about, from the sound to the probabilities |
//! | [`context`] | what assistants are told: a few words for a prompt, transcripts with emotions |
//! | [`protocol`] | the messages between page and worker |
//! | `web` | the browser's side, with the feature `web`: client, the page and the library built on it, worker |
//!
//! Dependencies point one way: `export` and `context` to `record`; `record`, `explanation` and
//! `web` to `session`, `web` also to `protocol`; these to `features`, `model`, `calibration` and
//! `activity`, and these to `dsp` and `audio`. The trainer uses this library just as the browser
//! does, so the code used in training and the code that runs live cannot drift apart.
//!
//! Terms: a *sample* is one PCM value, a *chunk* a posted block of them, a *frame* one analysis
//! window, the *hop* the advance between frames, a *segment* the frames the classifier sees at
//! once, an *utterance* the speech between silences. *Confidence* is a probability, never a
//! measured accuracy. Shapes: T frames, F features, M mel bands, K classes; matrices are row-major,
//! time first.

pub mod activity;
pub mod audio;
pub mod calibration;
pub mod class;
pub mod context;
pub mod dsp;
pub mod explanation;
pub mod export;
pub mod features;
pub mod model;
pub mod protocol;
pub mod record;
pub mod session;
#[cfg(feature = "web")]
pub mod web;
