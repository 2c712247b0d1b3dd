//! The data set: RAVDESS's file names, its archive and the speaker-independent splits of it.
//!
//! Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song.
//! PLoS ONE 13(5): e0196391. Licence: CC BY-NC-SA 4.0.

pub mod download;
pub mod file_name;
pub mod split;
pub mod unpack;

pub use file_name::FileName;
pub use split::Protocol;
