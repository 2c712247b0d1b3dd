//! Recordings: audio files decoded, and what is done to sound.

pub mod audio;
pub mod sound;
