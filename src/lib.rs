//! Speech emotion recognition: PCM in, emotion updates out. Runs natively and in the browser.

pub mod emotion;
pub mod model;
pub mod protocol;
pub mod session;

pub use emotion::Emotion;
