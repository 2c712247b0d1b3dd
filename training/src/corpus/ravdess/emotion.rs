//! The eight emotions of RAVDESS: the only place that knows their order, codes and labels.

use speech_emotion::class::{Class, Labels};

/// An emotion as acted in RAVDESS (Livingstone & Russo, 2018).
///
/// The declaration order is the class order of models trained on RAVDESS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Emotion {
    Neutral,
    Calm,
    Happy,
    Sad,
    Angry,
    Fearful,
    Disgust,
    Surprised,
}

impl Emotion {
    /// Number of classes, K.
    pub const COUNT: usize = 8;

    /// All emotions in class order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Neutral,
        Self::Calm,
        Self::Happy,
        Self::Sad,
        Self::Angry,
        Self::Fearful,
        Self::Disgust,
        Self::Surprised,
    ];

    /// Position in class order, 0 to 7.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its class in models trained on RAVDESS.
    pub const fn class(self) -> Class {
        match Class::new(self.index()) {
            Some(class) => class,
            None => unreachable!(),
        }
    }

    /// The labels of models trained on RAVDESS.
    pub fn labels() -> Labels {
        match Labels::new(Self::ALL.map(|emotion| emotion.label().to_owned()).to_vec()) {
            Ok(labels) => labels,
            Err(error) => unreachable!("{error}"),
        }
    }

    /// The emotion at a position in class order.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Lower-case English label, as in model.json.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Calm => "calm",
            Self::Happy => "happy",
            Self::Sad => "sad",
            Self::Angry => "angry",
            Self::Fearful => "fearful",
            Self::Disgust => "disgust",
            Self::Surprised => "surprised",
        }
    }

    /// The emotion of a RAVDESS file-name code, 1 to 8.
    pub fn from_ravdess_code(code: u8) -> Option<Self> {
        Self::from_index(usize::from(code).checked_sub(1)?)
    }

    /// The code in RAVDESS file names, 1 to 8.
    pub const fn ravdess_code(self) -> u8 {
        self as u8 + 1
    }
}

impl std::fmt::Display for Emotion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_code_and_label_lead_back_to_the_same_emotion() {
        for (index, emotion) in Emotion::ALL.into_iter().enumerate() {
            assert_eq!(emotion.index(), index);
            assert_eq!(Emotion::from_index(index), Some(emotion));
            assert_eq!(
                Emotion::from_ravdess_code(emotion.ravdess_code()),
                Some(emotion)
            );
            let labels = Emotion::labels();
            assert_eq!(labels.class(emotion.label()), Some(emotion.class()));
        }
        assert_eq!(Emotion::from_index(8), None);
        assert_eq!(Emotion::from_ravdess_code(0), None);
        assert_eq!(Emotion::from_ravdess_code(9), None);
    }
}
