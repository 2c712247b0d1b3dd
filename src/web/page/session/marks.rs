//! The sections and notes of a recording, and its speakers: names that can be changed.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, HtmlInputElement};

use super::keeper::Kept;
use crate::web::{
    numbers::clock,
    page::{
        dom::{Finder, add, focus, set, set_text},
        lanes::{badge, number},
    },
    words::{tell, tr},
};

/// The list of them.
pub struct Marks {
    list: HtmlElement,
    /// Elements that tell times.
    times: Vec<HtmlElement>,
}

impl Marks {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            list: finder.find("marks"),
            times: Vec::new(),
        }
    }

    /// Shows them; a name that a person is writing stays as it is.
    pub fn show(&mut self, kept: Option<&Kept>) -> Result<(), JsValue> {
        let rows = kept.map_or_else(Vec::new, rows);
        if rows.len() == self.times.len() && self.is_written() {
            for (row, time) in rows.iter().zip(&self.times) {
                set_text(time, &row.time);
            }
            return Ok(());
        }
        self.list.set_text_content(None);
        let shown = rows.iter().map(|row| row.show(&self.list));
        self.times = shown.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn is_written(&self) -> bool {
        let document = self.list.owner_document();
        let active = document.and_then(|document| document.active_element());
        let field = active.filter(|active| active.has_attribute("data-edit"));
        field.is_some_and(|field| self.list.contains(Some(&field)))
    }

    /// Puts the keyboard on a name.
    pub fn focus(&self, what: &str, place: usize) {
        let id = ["#", what, "-", &(place as u32).to_string()].concat();
        if let Ok(Some(field)) = self.list.query_selector(&id) {
            let field: HtmlInputElement = field.unchecked_into();
            focus(&field);
            field.select();
        }
    }
}

/// A name that can be changed, and what it stands for.
struct Row<'a> {
    what: &'static str,
    place: usize,
    time: String,
    name: &'a str,
    /// What a screen reader hears of the field.
    says: String,
    /// The act that deletes it, and what a screen reader hears of that.
    delete: Option<(&'static str, String)>,
}

fn rows(kept: &Kept) -> Vec<Row<'_>> {
    let source = &kept.source;
    let lanes = source.lanes.iter().filter(|_| source.lanes.len() > 1);
    let lanes = lanes.enumerate().map(|(place, lane)| {
        let number = number(place);
        Row {
            what: "lane",
            place,
            time: tell("Speaker {0}", &[&number]),
            name: &lane.name,
            says: tell("Name of speaker {0}", &[&number]),
            delete: None,
        }
    });
    let sections = source.sections.iter().enumerate().map(|(place, section)| {
        let [start, end] = [section.start_ms, section.end_ms].map(|ms| clock(ms as f64 / 1e3));
        let says = tell("Delete the section {0}", &[&section.name]);
        Row {
            what: "section",
            place,
            time: [&start, "–", &end].concat(),
            name: &section.name,
            says: tell("Name of the section from {0}", &[&start]),
            delete: Some(("delete-section", says)),
        }
    });
    let notes = source.notes.iter().enumerate().map(|(place, note)| {
        let at = clock(note.at_ms as f64 / 1e3);
        Row {
            what: "note",
            place,
            name: &note.text,
            says: tell("Note at {0}", &[&at]),
            delete: Some(("delete-note", tell("Delete the note at {0}", &[&at]))),
            time: at,
        }
    });
    lanes.chain(sections).chain(notes).collect()
}

impl Row<'_> {
    /// Adds it to the list; the element that tells its time.
    fn show(&self, list: &HtmlElement) -> Result<HtmlElement, JsValue> {
        let is_note = self.what == "note";
        let item = add(list, "li", if is_note { "note" } else { "" }, "")?;
        let time = add(&item, "span", "time", "")?;
        if self.what == "lane" {
            badge(&time, self.place)?;
        }
        let time = add(&time, "span", "", &self.time)?;
        let field = add(&item, "input", "", "")?;
        let place = (self.place as u32).to_string();
        set(
            &field,
            &[
                ("type", "text"),
                ("id", &[self.what, "-", &place].concat()),
                ("dir", "auto"),
                ("maxlength", "500"),
                ("data-edit", self.what),
                ("data-value", &place),
                ("aria-label", &self.says),
            ],
        );
        if is_note {
            set(&field, &[("placeholder", &tr("What did you notice?"))]);
        }
        let field: HtmlInputElement = field.unchecked_into();
        field.set_value(self.name);
        if let Some((act, says)) = &self.delete {
            let button = add(&item, "button", "tool", &tr("Delete"))?;
            set(
                &button,
                &[
                    ("type", "button"),
                    ("data-act", act),
                    ("data-value", &place),
                    ("aria-label", says),
                ],
            );
        }
        Ok(time)
    }
}
