//! What people want to know of a recording at a glance: speaking time by emotion, as a whole, by section and by
//! speaker, and how often it changes.

use wasm_bindgen::JsValue;
use web_sys::HtmlElement;

use super::keeper::Kept;
use crate::{
    class::{Class, Labels},
    record::{Overview, Section, Utterance},
    web::{
        numbers::{duration, isolated, percent},
        page::{
            dom::{add, set, set_text},
            lanes::badge,
            wording::colour,
        },
        words::{tell, tr},
    },
};

/// Shows it.
pub fn show(panel: &HtmlElement, kept: Option<&Kept>) -> Result<(), JsValue> {
    panel.set_text_content(None);
    let Some(kept) = kept else {
        return Ok(());
    };
    let all = || kept.source.utterances.iter();
    row(panel, kept, None, &tr("The whole"), all(), label)?;
    let corrections = all().filter(|utterance| utterance.correction.is_some());
    let corrections = corrections.count() as u32;
    if corrections > 0 {
        let corrected = if corrections == 1 {
            tr("With your correction")
        } else {
            tell("With your {0} corrections", &[&corrections.to_string()])
        };
        row(panel, kept, None, &corrected, all(), corrected_label)?;
    }
    let lanes = &kept.source.lanes;
    if lanes.len() > 1 {
        add(panel, "h3", "", &tr("By speaker"))?;
        for (index, lane) in lanes.iter().enumerate() {
            let of_lane = all().filter(|utterance| utterance.lane == index);
            row(panel, kept, Some(index), &lane.name, of_lane, label)?;
        }
    }
    if !kept.source.sections.is_empty() {
        add(panel, "h3", "", &tr("By section"))?;
        for section in &kept.source.sections {
            let within = all().filter(|utterance| is_within(utterance, section));
            row(panel, kept, None, &section.name, within, label)?;
        }
    }
    Ok(())
}

/// An utterance belongs to the section that its middle lies in.
fn is_within(utterance: &Utterance, section: &Section) -> bool {
    let middle_ms = utterance.start_ms.midpoint(utterance.end_ms);
    (section.start_ms..section.end_ms.max(section.start_ms + 1)).contains(&middle_ms)
}

fn label(utterance: &Utterance) -> Option<&str> {
    utterance.label.as_deref()
}

fn corrected_label(utterance: &Utterance) -> Option<&str> {
    utterance.correction.as_deref().or(label(utterance))
}

fn row<'a>(
    panel: &HtmlElement,
    kept: &Kept,
    lane: Option<usize>,
    name: &str,
    utterances: impl Iterator<Item = &'a Utterance>,
    said: fn(&'a Utterance) -> Option<&'a str>,
) -> Result<(), JsValue> {
    let overview = Overview::of(&kept.labels, utterances, said);
    let row = add(panel, "div", "share", "")?;
    let head = add(&row, "p", "share-name", "")?;
    if let Some(lane) = lane {
        badge(&head, lane)?;
    }
    add(&head, "bdi", "", name)?;
    let speech = tell(
        "{0} of speech",
        &[&duration(overview.speech_ms as f64 / 1e3)],
    );
    let changes = match overview.changes {
        1 => tr("1 change"),
        count => tell("{0} changes", &[&count.to_string()]),
    };
    let speech = [&speech, " · ", &changes].concat();
    add(&row, "p", "share-speech", &speech)?;
    let bar = add(&row, "div", "shares", "")?;
    set(&bar, &[("aria-hidden", "true")]);
    for class in overview.classes() {
        let part = add(&bar, "span", "", "")?;
        let tint = ["var(--", &colour(class), ")"].concat();
        part.style().set_property("--tint", &tint)?;
        grow(&part, overview.share(class))?;
    }
    if overview.speech_ms > 0 {
        grow(&add(&bar, "span", "unsure", "")?, overview.unsure())?;
    }
    let words = add(&row, "p", "share-words", "")?;
    set_text(&words, &parts(&overview, &kept.labels));
    Ok(())
}

fn grow(part: &HtmlElement, share: f32) -> Result<(), JsValue> {
    let share = ((share * 1000.0) as u32).to_string();
    part.style().set_property("flex-grow", &share)
}

/// "angry 34 %, sad 20 %, not sure 46 %".
pub fn parts(overview: &Overview, labels: &Labels) -> String {
    if overview.speech_ms == 0 {
        return tr("no speech");
    }
    let mut words = shares(overview, labels, &overview.classes());
    if overview.unsure() >= 0.005 {
        if !words.is_empty() {
            words.push_str(", ");
        }
        words.push_str(&tr("not sure"));
        words.push(' ');
        words.push_str(&percent(overview.unsure()));
    }
    words
}

/// "angry 34 %, sad 20 %".
pub fn shares(overview: &Overview, labels: &Labels, classes: &[Class]) -> String {
    let mut words = String::new();
    for class in classes {
        if !words.is_empty() {
            words.push_str(", ");
        }
        words.push_str(&isolated(&tr(labels.name(*class))));
        words.push(' ');
        words.push_str(&percent(overview.share(*class)));
    }
    words
}
