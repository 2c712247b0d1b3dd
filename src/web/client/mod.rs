//! From a source of sound to events: the engine in its worker, the microphone, audio files. No DOM, no
//! words for people.

pub mod chunk;
pub(super) mod decoder;
pub(super) mod download;
pub(super) mod engine;
pub(super) mod file;
mod header;
pub(super) mod hearing;
pub mod lifeline;
pub(super) mod microphone;
pub(super) mod pcm;
