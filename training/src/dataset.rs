//! The features of every clip, as the network's training reads them.

use speech_emotion::Emotion;

/// Playing speeds at which every clip's features are extracted; the first is the clip itself.
///
/// A speed of 1.06 shortens the clip and raises its pitch by 6 %.
pub const SPEEDS: [f32; 5] = [1.0, 0.88, 0.94, 1.06, 1.13];

/// One recording with what its file name says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Path relative to the corpus folder.
    pub path: String,
    /// The emotion acted.
    pub emotion: Emotion,
    /// Whether it was acted with strong intensity.
    pub strong: bool,
    /// 1 "Kids are talking by the door", 2 "Dogs are sitting by the door".
    pub statement: u8,
    /// 1 or 2.
    pub repetition: u8,
    /// 1 to 24; odd are men, even are women.
    pub actor: u8,
    /// One `[T, F]` matrix per entry of [`SPEEDS`]: trimmed, level not subtracted.
    pub features: Vec<Vec<f32>>,
}

/// All clips extracted with one front end.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Fingerprint of the front end's configuration.
    pub fingerprint: String,
    /// The clips, sorted by path.
    pub clips: Vec<Clip>,
}
