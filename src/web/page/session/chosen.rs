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
    bars: Vec<Bar>,
}

/// The elements of one probability.
struct Bar {
    item: HtmlElement,
    name: HtmlElement,
    fill: HtmlElement,
    percent: HtmlElement,
}

impl Bar {
    fn new(list: &HtmlElement) -> Result<Self, JsValue> {
        let item = add(list, "li", "", "")?;
        let name = add(&item, "span", "name", "")?;
        let name = add(&name, "bdi", "", "")?;
        let track = add(&item, "span", "track", "")?;
        set(&track, &[("aria-hidden", "true")]);
        let fill = add(&track, "span", "fill", "")?;
        let percent = add(&item, "span", "percent", "")?;
        Ok(Self {
            item,
            name,
            fill,
            percent,
        })
    }
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
            bars: Vec::new(),
        }
    }
}

/// Shows an utterance, or that none is chosen.
pub fn show(
    view: &mut Chosen,
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
    let shares = &utterance.probabilities.0;
    if view.bars.len() != shares.len() {
        view.shares.set_text_content(None);
        let bars = shares.iter().map(|_| Bar::new(&view.shares));
        view.bars = bars.collect::<Result<_, _>>()?;
    }
    let top = utterance.probabilities.top().map(|(label, _)| label);
    for (bar, (label, share)) in view.bars.iter().zip(shares) {
        set(&bar.item, &[("data-emotion", label)]);
        toggle(&bar.item, "data-top", top == Some(label));
        let class = kept.labels.class(label);
        let tint = class.map_or_else(String::new, |class| {
            ["var(--", &colour(class), ")"].concat()
        });
        bar.item.style().set_property("--tint", &tint)?;
        set_text(&bar.name, &tr(label));
        scale_x(&bar.fill, permille(*share));
        set_text(&bar.percent, &percent(*share));
    }
    // Options that are there already stay: a person may be choosing.
    let names = kept.labels.names();
    let options = view.correction.children();
    if options.length() as usize != names.len() + 1 {
        view.correction.set_text_content(None);
        for _ in 0..=names.len() {
            add(&view.correction, "option", "", "")?;
        }
    }
    let none = (String::new(), tr("As the program says"));
    let named = names.iter().map(|name| (name.clone(), tr(name)));
    for (place, (value, text)) in (0..).zip(std::iter::once(none).chain(named)) {
        if let Some(option) = options.item(place) {
            set(&option, &[("value", &value)]);
            set_text(&option, &text);
        }
    }
    view.correction
        .set_value(utterance.correction.as_deref().unwrap_or_default());
    Ok(())
}
