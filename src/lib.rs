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

pub use emotion::Emotion;
