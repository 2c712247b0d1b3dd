//! Speech emotion recognition: PCM in, emotion updates out. Runs natively and in the browser.
//!
//! ```text
//! PCM ─ audio ─ features ─┬─ activity ──┐
//!                         └─ segment ─ model ─ calibration ─ smoothing ─ Update
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`class`] | what a model tells apart, as data: labels, classes, a number for each |
//! | [`dsp`] | window, spectrum, mel filterbank, DCT; knows nothing of speech |
//! | [`audio`] | mixing of channels, conversion to 16 kHz |
//! | [`features`] | frames of MFCC, energy and pitch; silence trimmed, level subtracted |
//! | [`activity`] | whether somebody is speaking |
//! | [`model`] | segment to posterior and the evidence in it, and the manifest of a model file |
//! | [`calibration`] | to one speaker: what a few references change |
//! | [`session`] | all of it as one state machine: chunks in, updates out; posteriors smoothed to a verdict that holds still |
//! | [`record`] | a session as a person keeps it: who spoke when, what the program said, what a person corrected |
//! | [`export`] | a record to the files of other programs |
//! | [`explanation`] | how an answer came about, from the sound to the probabilities |
//! | [`context`] | what assistants are told: a few words for a prompt, transcripts with emotions |
//! | [`protocol`] | what page and worker say to each other |
//! | `web` | the browser's side, with the feature `web`: client, the page and the library that stand on it, worker |
//!
//! Dependencies point one way: `export` and `context` to `record`, `record` and `web` to `session`, `web`
//! also to `protocol`, these to `features`, `model`, `calibration` and `activity`, these to `dsp` and
//! `audio`. The trainer uses this library as the browser does, so what was trained and what runs live
//! cannot drift apart.
//!
//! Words: a *sample* is one PCM value, a *chunk* a posted block of them, a *frame* one analysis window,
//! the *hop* the advance between frames, a *segment* the frames the classifier sees at once, an
//! *utterance* the speech between silences. *Confidence* is a probability, never a measured accuracy.
//! Shapes: T frames, F features, M mel bands, K classes; matrices are row-major, time first.

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
