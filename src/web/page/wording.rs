//! Verdicts in words.

use web_sys::CssStyleDeclaration;

use crate::{
    class::{Class, Labels},
    session::Verdict,
    web::{
        numbers::isolated,
        words::{tell, tr},
    },
};

/// Hue of the first class of a model that is not the shipped one, in degrees.
const FIRST_HUE: u32 = 25;

/// Most emotions of a mixture that are named.
const NAMED: usize = 3;

/// What the classes of the model are called.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Names {
    /// Labels in class order.
    pub labels: Vec<String>,
    /// Whether they are those of the shipped model, all of which can follow "sounds".
    pub are_shipped: bool,
}

impl Names {
    /// The label of a class, as the model has it.
    pub fn label(&self, class: Class) -> &str {
        self.labels.get(class.index()).map_or("", String::as_str)
    }

    /// A class in the language that is spoken; those of another model as they are.
    pub fn name(&self, class: Class) -> String {
        let label = self.label(class);
        if self.are_shipped {
            tr(label)
        } else {
            label.to_owned()
        }
    }

    /// A class in a sentence such as "Sounds {0}", where that can be said of it.
    pub fn said(&self, sentence: &str, class: Class) -> String {
        let name = isolated(&self.name(class));
        if self.are_shipped {
            tell(sentence, &[&name])
        } else {
            name
        }
    }

    /// A verdict as a few words, for lists and labels.
    pub fn word(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::NoSpeech => tr("no speech"),
            Verdict::Unsure => tr("not sure"),
            Verdict::Emotion(class) => self.name(class),
        }
    }

    /// The emotions of a mixed recording, the most frequent first, in a few words.
    pub fn mixture(&self, classes: &[Class]) -> String {
        let named = classes.iter().take(NAMED);
        let mut named: Vec<String> = named.map(|class| isolated(&self.name(*class))).collect();
        if classes.len() > NAMED {
            named.push(tr("more"));
        }
        tell("Mixed: {0}", &[&listed(&named)])
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

/// "angry, sad and happy".
fn listed(labels: &[String]) -> String {
    let mut listed = String::new();
    for (index, label) in labels.iter().enumerate() {
        if index > 0 {
            listed.push_str(&if index + 1 == labels.len() {
                tr(" and ")
            } else {
                ", ".to_owned()
            });
        }
        listed.push_str(label);
    }
    listed
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
    use crate::web::numbers::plain;

    #[test]
    fn only_the_shipped_labels_follow_a_verb() {
        let mut names = Names {
            labels: vec!["calm".into(), "joy".into()],
            are_shipped: false,
        };
        let Some(joy) = Class::new(1) else { return };
        assert_eq!(plain(&names.said("Sounds {0}", joy)), "joy");
        assert_eq!(names.word(Verdict::Emotion(joy)), "joy");
        assert_eq!(names.word(Verdict::Unsure), "not sure");
        names.are_shipped = true;
        assert_eq!(plain(&names.said("Sounds {0}", joy)), "Sounds joy");
    }
}
