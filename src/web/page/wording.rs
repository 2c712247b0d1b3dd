//! Verdicts in words.

use web_sys::CssStyleDeclaration;

use crate::{
    class::{Class, Labels},
    session::Verdict,
};

/// Hue of the first class of a model that is not the shipped one, in degrees.
const FIRST_HUE: u32 = 25;

/// What the classes of the model are called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// Labels in class order.
    pub labels: Vec<String>,
    /// Whether they are those of the shipped model, all of which can follow "sounds".
    pub are_shipped: bool,
}

impl Names {
    /// The label of a class.
    pub fn label(&self, class: Class) -> &str {
        self.labels.get(class.index()).map_or("", String::as_str)
    }

    /// A class after a verb such as "Sounds", where that can be said of it.
    pub fn said(&self, verb: &str, class: Class) -> String {
        let verb = if self.are_shipped { verb } else { "" };
        [verb, self.label(class)].concat()
    }

    /// A verdict as a few words, for lists and labels.
    pub fn word(&self, verdict: Verdict) -> &str {
        match verdict {
            Verdict::NoSpeech => "no speech",
            Verdict::Unsure => "not sure",
            Verdict::Emotion(class) => self.label(class),
        }
    }

    /// A verdict as the value of `data-verdict`.
    pub fn slug(&self, verdict: Verdict) -> &str {
        match verdict {
            Verdict::NoSpeech => "no-speech",
            Verdict::Unsure => "unsure",
            Verdict::Emotion(class) => self.label(class),
        }
    }
}

/// The style sheet's name of a class's colour, without its dashes.
pub fn colour(class: Class) -> String {
    ["class-", &(class.index() as u32).to_string()].concat()
}

/// The colour of a class of these labels: the style sheet's where it knows the label, else its share of the
/// circle of hues.
pub fn ink_of(style: &CssStyleDeclaration, labels: &Labels, class: Class) -> String {
    let known = ["--emotion-", labels.name(class)].concat();
    let known = style.get_property_value(&known).unwrap_or_default();
    if !known.is_empty() {
        return known;
    }
    let ink = style.get_property_value("--ink").unwrap_or_default();
    ["oklch(", &ink, " ", &hue(class, labels.len()), ")"].concat()
}

/// Hue of a class of a model that is not the shipped one, in degrees.
pub fn hue(class: Class, classes: usize) -> String {
    let hue = FIRST_HUE + 360 * class.index() as u32 / classes.max(1) as u32;
    hue.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shipped_labels_follow_a_verb() {
        let mut names = Names {
            labels: vec!["calm".into(), "joy".into()],
            are_shipped: false,
        };
        let Some(joy) = Class::new(1) else { return };
        assert_eq!(names.said("Sounds ", joy), "joy");
        assert_eq!(names.word(Verdict::Emotion(joy)), "joy");
        assert_eq!(names.word(Verdict::Unsure), "not sure");
        names.are_shipped = true;
        assert_eq!(names.said("Sounds ", joy), "Sounds joy");
    }
}
