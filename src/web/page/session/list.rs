//! The list of a recording's utterances, newest first: a list box of which only what is in sight is in the
//! document, so that an hour takes no more than a minute.

use wasm_bindgen::JsValue;
use web_sys::HtmlElement;

use super::keeper::Kept;
use crate::{
    model::Liveliness,
    record::Utterance,
    web::{
        numbers::{clock, percent, permille_list},
        page::{
            dom::{Finder, add, set, set_hidden, toggle},
            lanes::badge,
            wording::colour,
        },
        words::tr,
    },
};

/// Height of a row until one has been measured, in CSS pixels.
const ROW: f64 = 42.0;
/// Least height that is filled with rows, in CSS pixels: that of the list before it has any.
const HEIGHT: i32 = 352;
/// Rows above and below what is in sight.
const SPARE: usize = 4;
/// Most rows in the document.
const MOST: usize = 40;

/// The elements, and which rows are in the document.
pub struct List {
    /// Scrolls.
    pub view: HtmlElement,
    /// The list box in it.
    pub list: HtmlElement,
    empty: HtmlElement,
    row: f64,
    /// Whether a row has been measured.
    is_measured: bool,
    /// First and number of the rows, and of how many.
    shown: (usize, usize, usize),
    selected: Option<u64>,
}

impl List {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            view: finder.find("heard-view"),
            list: finder.find("heard"),
            empty: finder.find("heard-empty"),
            row: ROW,
            is_measured: false,
            shown: (0, 0, 0),
            selected: None,
        }
    }

    /// Shows what is in sight; `is_new` when anything but the place and the choice has changed. Says whether it
    /// must be called again to know how high a row is.
    pub fn show(
        &mut self,
        kept: Option<&Kept>,
        selected: Option<u64>,
        is_new: bool,
    ) -> Result<bool, JsValue> {
        // Corrections have a line of their own, and then every row has.
        let is_corrected = |kept: &Kept| {
            let mut utterances = kept.source.utterances.iter();
            utterances.any(|utterance| utterance.correction.is_some())
        };
        if is_new {
            toggle(&self.list, "data-corrected", kept.is_some_and(is_corrected));
        }
        // All rows are of one height, which the size of the text changes. Those that are there are measured:
        // measuring new ones would lay out the page twice.
        let row = self.list.first_element_child();
        let height = row.map_or(0.0, |row| row.get_bounding_client_rect().height());
        self.is_measured |= height > 0.0;
        let is_resized = height > 0.0 && (height - self.row).abs() > 0.01;
        if is_resized {
            self.row = height;
        }
        let is_new = is_new || is_resized;
        let count = kept.map_or(0, |kept| kept.source.utterances.len());
        set_hidden(&self.empty, count > 0);
        set_hidden(&self.view, count == 0);
        let (_, _, before) = self.shown;
        // What is being read stays where it is when something comes on top of it.
        if count > before && before > 0 && self.view.scroll_top() > 0 {
            let moved = (count - before) as f64 * self.row;
            self.view
                .set_scroll_top(self.view.scroll_top() + moved as i32);
        }
        let first = (f64::from(self.view.scroll_top()) / self.row) as usize;
        let first = first.saturating_sub(SPARE).min(count);
        let height = self.view.client_height().max(HEIGHT);
        let in_sight = (f64::from(height) / self.row) as usize + 1;
        let rows = (in_sight + 2 * SPARE).min(MOST).min(count - first);
        if !is_new && self.shown == (first, rows, count) {
            self.choose(selected)?;
            return Ok(false);
        }
        self.shown = (first, rows, count);
        self.list.set_text_content(None);
        let after = count - first - rows;
        for (name, rows) in [("padding-top", first), ("padding-bottom", after)] {
            let height = ((rows as f64 * self.row).round() as u32).to_string();
            let height = [height.as_str(), "px"].concat();
            self.list.style().set_property(name, &height)?;
        }
        let Some(kept) = kept else {
            self.selected = None;
            return Ok(false);
        };
        let newest_first = kept.source.utterances.iter().rev().enumerate();
        for (place, utterance) in newest_first.skip(first).take(rows) {
            self.item(kept, utterance, place, count)?;
        }
        let _ = self.list.remove_attribute("aria-activedescendant");
        self.selected = None;
        self.choose(selected)?;
        Ok(rows > 0 && !self.is_measured)
    }

    /// Marks the row of what is chosen, if it is in the document.
    fn choose(&mut self, selected: Option<u64>) -> Result<(), JsValue> {
        if self.selected == selected {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.selected, selected);
        let row = |id: Option<u64>| match id {
            Some(id) => self.list.query_selector(&["#", &row_id(id)].concat()),
            None => Ok(None),
        };
        if let Some(row) = row(before)? {
            set(&row, &[("aria-selected", "false")]);
        }
        let _ = self.list.remove_attribute("aria-activedescendant");
        if let Some(row) = row(selected)? {
            set(&row, &[("aria-selected", "true")]);
            set(&self.list, &[("aria-activedescendant", &row.id())]);
        }
        Ok(())
    }

    fn item(
        &self,
        kept: &Kept,
        utterance: &Utterance,
        place: usize,
        count: usize,
    ) -> Result<(), JsValue> {
        let item = add(&self.list, "li", "", "")?;
        let id = (utterance.id as u32).to_string();
        let shares = utterance.probabilities.0.iter().map(|(_, share)| *share);
        set(
            &item,
            &[
                ("id", &row_id(utterance.id)),
                ("role", "option"),
                ("aria-selected", "false"),
                ("aria-posinset", &(place as u32 + 1).to_string()),
                ("aria-setsize", &(count as u32).to_string()),
                ("data-act", "select"),
                ("data-value", &id),
                ("data-verdict", slug(utterance)),
                ("data-permille", &permille_list(shares)),
            ],
        );
        tint(&item, kept, utterance.label.as_ref())?;
        add(&item, "span", "time", &times(utterance))?;
        let word = add(&item, "span", "word", "")?;
        let lanes = &kept.source.lanes;
        let lane = lanes.get(utterance.lane).filter(|_| lanes.len() > 1);
        if lane.is_some() {
            badge(&word, utterance.lane)?;
        }
        add(&word, "bdi", "", &word_of(utterance))?;
        if let Some(lane) = lane {
            add(&word, "bdi", "who", &lane.name)?;
        }
        if let Some(correction) = &utterance.correction {
            let corrected = add(&item, "span", "corrected", &tr("you say "))?;
            tint(&corrected, kept, Some(correction))?;
            add(&corrected, "bdi", "", &tr(correction))?;
        }
        let certainty = match utterance.label {
            Some(_) => percent(utterance.confidence),
            None => String::new(),
        };
        add(&item, "span", "percent", &certainty)?;
        Ok(())
    }

    /// Scrolls so far that a row is in sight, the newest being 0.
    pub fn reveal(&self, place: usize) {
        let top = place as f64 * self.row;
        let height = f64::from(self.view.client_height());
        let at = f64::from(self.view.scroll_top());
        if top < at {
            self.view.set_scroll_top(top as i32);
        } else if top + self.row > at + height {
            self.view
                .set_scroll_top((top + self.row - height).ceil() as i32);
        }
    }

    /// Rows that are in sight together.
    pub fn page(&self) -> usize {
        (f64::from(self.view.client_height()) / self.row).max(1.0) as usize
    }
}

fn row_id(id: u64) -> String {
    ["heard-", &(id as u32).to_string()].concat()
}

/// Gives an element the colour of a label.
fn tint(element: &HtmlElement, kept: &Kept, label: Option<&String>) -> Result<(), JsValue> {
    match label.and_then(|label| kept.labels.class(label)) {
        Some(class) => {
            let value = ["var(--", &colour(class), ")"].concat();
            element.style().set_property("--tint", &value)
        }
        None => Ok(()),
    }
}

/// When it was heard.
pub fn times(utterance: &Utterance) -> String {
    let [start, end] = [utterance.start_ms, utterance.end_ms].map(|ms| clock(ms as f64 / 1e3));
    [&start, "–", &end].concat()
}

/// What the program says of it.
pub fn word_of(utterance: &Utterance) -> String {
    match (&utterance.label, utterance.activation) {
        (Some(label), _) => tr(label),
        (None, Some(activation)) => match activation.sounds {
            Liveliness::Lively => tr("lively, unclear"),
            Liveliness::Quiet => tr("quiet, unclear"),
            Liveliness::Unsure => tr("not sure"),
        },
        (None, None) => tr("not sure"),
    }
}

fn slug(utterance: &Utterance) -> &str {
    utterance.label.as_deref().unwrap_or("unsure")
}
