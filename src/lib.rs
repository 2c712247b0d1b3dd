//! Speech emotion recognition: PCM in, emotion updates out. Runs natively and in the browser.

pub mod activity;
pub mod audio;
pub mod dsp;
pub mod emotion;
pub mod features;
pub mod model;
pub mod protocol;
pub mod session;
pub mod smoothing;
#[cfg(feature = "web")]
pub mod web;

pub use emotion::Emotion;
