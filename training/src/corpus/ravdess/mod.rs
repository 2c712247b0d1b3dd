//! The data set: RAVDESS's emotions, file names, clips and archive.
//!
//! Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song.
//! PLoS ONE 13(5): e0196391. Licence: CC BY-NC-SA 4.0.

pub mod clips;
pub mod emotion;
pub mod file_name;

pub use emotion::Emotion;
pub use file_name::FileName;

/// What its clips are called in model.json; the page has words of its own for a model of this name.
pub const DATA_SET: &str = "RAVDESS speech, audio only";
/// The licence of weights trained on it (SPDX).
pub const LICENCE: &str = "CC-BY-NC-SA-4.0";
/// The credit that the licence asks for.
pub const ATTRIBUTION: &str = "RAVDESS: Livingstone SR, Russo FA (2018). The Ryerson \
    Audio-Visual Database of Emotional Speech and Song (RAVDESS). PLoS ONE 13(5): e0196391. \
    https://doi.org/10.1371/journal.pone.0196391";
