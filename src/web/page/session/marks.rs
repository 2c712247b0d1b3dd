//! The sections and notes of a recording, and its speakers: names that can be changed.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, HtmlInputElement};

use super::keeper::Kept;
use crate::web::{
    numbers::clock,
    page::dom::{add, set},
    words::{tell, tr},
};

/// Shows them.
pub fn show(list: &HtmlElement, kept: Option<&Kept>) -> Result<(), JsValue> {
    list.set_text_content(None);
    let Some(kept) = kept else {
        return Ok(());
    };
    let source = &kept.source;
    if source.lanes.len() > 1 {
        for (place, lane) in source.lanes.iter().enumerate() {
            let number = (place as u32 + 1).to_string();
            let item = add(list, "li", "", "")?;
            add(&item, "span", "time", &tell("Speaker {0}", &[&number]))?;
            let says = tell("Name of speaker {0}", &[&number]);
            field(&item, "lane", place, &lane.name, &says)?;
        }
    }
    for (place, section) in source.sections.iter().enumerate() {
        let [start, end] = [section.start_ms, section.end_ms].map(|ms| clock(ms as f64 / 1e3));
        let item = add(list, "li", "", "")?;
        add(&item, "span", "time", &[&start, "–", &end].concat())?;
        let says = tell("Name of the section from {0}", &[&start]);
        field(&item, "section", place, &section.name, &says)?;
        delete(
            &item,
            "delete-section",
            place,
            &tell("Delete the section {0}", &[&section.name]),
        )?;
    }
    for (place, note) in source.notes.iter().enumerate() {
        let at = clock(note.at_ms as f64 / 1e3);
        let item = add(list, "li", "note", "")?;
        add(&item, "span", "time", &at)?;
        field(
            &item,
            "note",
            place,
            &note.text,
            &tell("Note at {0}", &[&at]),
        )?;
        delete(
            &item,
            "delete-note",
            place,
            &tell("Delete the note at {0}", &[&at]),
        )?;
    }
    Ok(())
}

fn field(
    item: &HtmlElement,
    what: &str,
    place: usize,
    text: &str,
    says: &str,
) -> Result<(), JsValue> {
    let field = add(item, "input", "", "")?;
    let value = (place as u32).to_string();
    set(
        &field,
        &[
            ("type", "text"),
            ("id", &[what, "-", &value].concat()),
            ("dir", "auto"),
            ("maxlength", "500"),
            ("data-edit", what),
            ("data-value", &value),
            ("aria-label", says),
        ],
    );
    if what == "note" {
        set(&field, &[("placeholder", &tr("What did you notice?"))]);
    }
    field.unchecked_into::<HtmlInputElement>().set_value(text);
    Ok(())
}

fn delete(item: &HtmlElement, what: &str, place: usize, says: &str) -> Result<(), JsValue> {
    let button = add(item, "button", "tool", &tr("Delete"))?;
    set(
        &button,
        &[
            ("type", "button"),
            ("data-act", what),
            ("data-value", &(place as u32).to_string()),
            ("aria-label", says),
        ],
    );
    Ok(())
}
