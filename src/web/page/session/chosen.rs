//! The utterance that is chosen: when, by whom, every probability, and what a person says it expresses.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, HtmlInputElement};

use super::{
    keeper::Kept,
    list::{times, word_of},
};
use crate::{
    record::Utterance,
    web::{
        numbers::{duration, isolated, percent, permille},
        page::{
            dom::{Finder, add, scale_x, set, set_hidden, set_text, toggle},
            wording::colour,
        },
        words::{tell, tr},
    },
};

/// The elements.
pub struct Chosen {
    empty: HtmlElement,
    body: HtmlElement,
    when: HtmlElement,
    said: HtmlElement,
    shares: HtmlElement,
    correction: HtmlInputElement,
}

impl Chosen {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            empty: finder.find("chosen-empty"),
            body: finder.find("chosen-body"),
            when: finder.find("chosen-when"),
            said: finder.find("chosen-said"),
            shares: finder.find("chosen-shares"),
            correction: finder.find("correction").unchecked_into(),
        }
    }
}

/// Shows an utterance, or that none is chosen.
pub fn show(
    view: &Chosen,
    kept: Option<&Kept>,
    utterance: Option<&Utterance>,
) -> Result<(), JsValue> {
    set_hidden(&view.body, utterance.is_none());
    set_hidden(&view.empty, utterance.is_some());
    let (Some(kept), Some(utterance)) = (kept, utterance) else {
        return Ok(());
    };
    let lanes = &kept.source.lanes;
    let speaker = match lanes.get(utterance.lane) {
        Some(lane) if lanes.len() > 1 => [" · ", &isolated(&lane.name)].concat(),
        _ => String::new(),
    };
    let speech = duration(utterance.speech_ms as f64 / 1e3);
    let speech = tell("{0} of speech", &[&speech]);
    let when = [&times(utterance), " · ", &speech, &speaker].concat();
    set_text(&view.when, &when);
    let said = match &utterance.label {
        Some(label) => {
            let confident = tell("{0} confident", &[&percent(utterance.confidence)]);
            [&isolated(&tr(label)), ", ", &confident].concat()
        }
        None => word_of(utterance),
    };
    set_text(&view.said, &tell("The program says: {0}", &[&said]));
    view.shares.set_text_content(None);
    let top = utterance.probabilities.top().map(|(label, _)| label);
    for (label, share) in &utterance.probabilities.0 {
        let item = add(&view.shares, "li", "", "")?;
        set(&item, &[("data-emotion", label)]);
        toggle(&item, "data-top", top == Some(label));
        if let Some(class) = kept.labels.class(label) {
            let tint = ["var(--", &colour(class), ")"].concat();
            item.style().set_property("--tint", &tint)?;
        }
        let name = add(&item, "span", "name", "")?;
        add(&name, "bdi", "", &tr(label))?;
        let track = add(&item, "span", "track", "")?;
        set(&track, &[("aria-hidden", "true")]);
        scale_x(&add(&track, "span", "fill", "")?, permille(*share));
        add(&item, "span", "percent", &percent(*share))?;
    }
    // Options that are there already stay: a person may be choosing.
    let wanted = kept.labels.names();
    if view.correction.child_element_count() as usize != wanted.len() + 1 {
        view.correction.set_text_content(None);
        let option = add(&view.correction, "option", "", &tr("As the program says"))?;
        set(&option, &[("value", "")]);
        for label in wanted {
            let option = add(&view.correction, "option", "", &tr(label))?;
            set(&option, &[("value", label)]);
        }
    }
    view.correction
        .set_value(utterance.correction.as_deref().unwrap_or_default());
    Ok(())
}
