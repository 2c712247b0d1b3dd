//! Learning a voice from a person's corrections: when there are enough, what they would change, and undo.

use wasm_bindgen::JsValue;
use web_sys::HtmlElement;

use crate::{
    calibration::Reference,
    class::{Class, Labels},
    protocol::{Command, Lesson, Speaker},
    record::Utterance,
    web::{
        numbers::{isolated, percent},
        page::{
            dom::{add, set, set_hidden},
            voice::OWNER,
        },
        words::{tell, tr},
    },
};

/// Labelled utterances that an emotion must have, and how many emotions: what was measured to help.
const UTTERANCES: usize = 3;
const EMOTIONS: usize = 2;

/// How far it is.
#[derive(Default)]
pub struct Lessons {
    /// Whether the model knows enough of speakers.
    pub can_learn: bool,
    is_asked: bool,
    /// What the engine has made of the corrections, until the person decides.
    offered: Option<Lesson>,
    /// Too little speech.
    is_too_little: bool,
    /// Whom the engine judged before it learned.
    before: Option<Speaker>,
}

impl Lessons {
    /// Asks the engine what these would change.
    pub fn ask(&mut self, references: Vec<Reference>) -> Command {
        self.is_asked = true;
        Command::Learn {
            owner: OWNER,
            references,
        }
    }

    /// What it answers.
    pub fn learned(&mut self, lesson: Option<Lesson>) {
        if std::mem::take(&mut self.is_asked) {
            self.is_too_little = lesson.is_none();
            self.offered = lesson;
        }
    }

    /// The person wants it; gives the calibration.
    pub fn adopt(&mut self, speaker: &Speaker) -> Option<String> {
        let offered = self.offered.take()?;
        self.before = Some(speaker.clone());
        Some(offered.calibration)
    }

    /// The person does not, or corrects something more.
    pub fn decline(&mut self) {
        self.offered = None;
        self.is_too_little = false;
    }

    /// Whom the engine judged before.
    pub fn undo(&mut self) -> Option<Speaker> {
        self.before.take()
    }

    /// Shows how far it is.
    pub fn show(
        &self,
        panel: &HtmlElement,
        labels: Option<&Labels>,
        references: &[Reference],
    ) -> Result<(), JsValue> {
        panel.set_text_content(None);
        let labels = labels.filter(|_| self.can_learn && !references.is_empty());
        set_hidden(panel, labels.is_none() && self.before.is_none());
        let Some(labels) = labels else {
            return self.show_undo(panel);
        };
        if let Some(lesson) = &self.offered {
            let share = |right: u32| percent(right as f32 / lesson.references.max(1) as f32);
            let (before, after) = (share(lesson.right_before), share(lesson.right_after));
            let count = lesson.references.to_string();
            let is_better = lesson.right_after > lesson.right_before;
            let verdict = if is_better {
                "Fitting the page to this voice would help:"
            } else {
                "Fitting the page to this voice would not help yet:"
            };
            add(panel, "p", "", &tr(verdict))?;
            let figures = tell(
                "of the {0} you have labelled it names {1} right now and {2} afterwards, each judged without its own label.",
                &[&count, &before, &after],
            );
            add(panel, "p", "figures", &figures)?;
            let buttons = add(panel, "div", "tools", "")?;
            button(
                &buttons,
                "adopt",
                if is_better { "Fit it" } else { "Fit it anyway" },
            )?;
            button(&buttons, "decline", "Not now")?;
            return Ok(());
        }
        if self.is_too_little {
            let text = "They hold too little speech to learn from; label longer utterances too.";
            add(panel, "p", "", &tr(text))?;
            return Ok(());
        }
        let counted = counts(labels, references);
        let ready = counted.iter().filter(|(_, count)| *count >= UTTERANCES);
        let has_neutral = labels.neutral().is_none_or(|neutral| {
            let count = counted.iter().find(|(class, _)| *class == neutral);
            count.is_some_and(|(_, count)| *count >= UTTERANCES)
        });
        if ready.count() >= EMOTIONS && has_neutral {
            let text = tr("Enough is labelled to learn this voice from.");
            add(panel, "p", "", &text)?;
            let buttons = add(panel, "div", "tools", "")?;
            button(&buttons, "learn", "See what it would change")?;
        } else {
            let mut so_far = String::new();
            for (index, (class, count)) in counted.iter().enumerate() {
                if index > 0 {
                    so_far.push_str(", ");
                }
                so_far.push_str(&isolated(&tr(labels.name(*class))));
                so_far.push(' ');
                so_far.push_str(&(*count as u32).to_string());
            }
            let text = tell(
                "With three labelled utterances of each of two or more emotions, neutral among them, the page can be fitted to this voice. So far: {0}.",
                &[&so_far],
            );
            add(panel, "p", "", &text)?;
        }
        self.show_undo(panel)
    }

    fn show_undo(&self, panel: &HtmlElement) -> Result<(), JsValue> {
        if self.before.is_some() {
            let text =
                "Fitted to the voice you have labelled: what is heard from now on is judged by it.";
            add(panel, "p", "", &tr(text))?;
            let buttons = add(panel, "div", "tools", "")?;
            button(&buttons, "unlearn", "As before")?;
        }
        Ok(())
    }
}

fn button(parent: &HtmlElement, act: &str, text: &str) -> Result<(), JsValue> {
    let button = add(parent, "button", "tool", &tr(text))?;
    set(&button, &[("type", "button"), ("data-act", act)]);
    Ok(())
}

/// How many there are of each class that there are any of.
fn counts(labels: &Labels, references: &[Reference]) -> Vec<(Class, usize)> {
    let of = |class: Class| references.iter().filter(|r| r.class == class).count();
    let counted = labels.classes().map(|class| (class, of(class)));
    counted.filter(|(_, count)| *count > 0).collect()
}

/// What the program can learn from an utterance; nothing of one that nobody has labelled.
pub fn reference(utterance: &Utterance, labels: &Labels) -> Option<Reference> {
    let class = labels.class(utterance.correction.as_ref()?)?;
    Some(Reference {
        class,
        evidence: utterance.evidence?,
        speech_s: utterance.speech_ms as f64 / 1e3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{record, utterance};

    #[test]
    fn only_what_a_person_has_labelled_teaches_and_only_with_its_evidence() {
        let labels = record(vec![]).labels;
        let mut said = utterance(1, 0, 4_000, Some("angry"));
        said.evidence = Some([0.5, -0.25, -0.25].into());
        assert_eq!(reference(&said, &labels), None);
        said.correction = Some("sad".into());
        let taught = reference(&said, &labels).unwrap();
        assert_eq!(taught.class, labels.class("sad").unwrap());
        assert_eq!(taught.speech_s, 2.0);
        assert_eq!(counts(&labels, &[taught, taught]), [(taught.class, 2)]);
        said.evidence = None;
        assert_eq!(reference(&said, &labels), None);
    }
}
