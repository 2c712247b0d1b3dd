//! The table of what was listened to: a row for each microphone and file, beside each other. Choosing a row
//! shows its result.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use super::{
    dom::{Finder, add, set_hidden, set_text, toggle},
    sources::{Source, Sources, State},
    wording::Names,
};
use crate::web::{
    numbers::{clock, isolated, speech_of},
    words::{tell, tr},
};

/// The elements.
pub struct Results {
    section: HtmlElement,
    status: HtmlElement,
    /// Cancels all that is not over yet.
    pub cancel_all: HtmlElement,
    /// The rows; those who listen to clicks find the row by [`number_of`].
    pub rows: HtmlElement,
    list: Vec<Row>,
}

struct Row {
    number: u32,
    row: HtmlElement,
    name: HtmlElement,
    length: HtmlElement,
    headline: HtmlElement,
    speech: HtmlElement,
    cancel: HtmlElement,
}

impl Results {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            section: finder.find("results"),
            status: finder.find("results-status"),
            cancel_all: finder.find("cancel-all"),
            rows: finder.find("results-rows"),
            list: Vec::new(),
        }
    }

    /// Shows all sources, once there are several.
    pub fn show(&mut self, sources: &Sources, shown: Option<u32>, names: &Names, left_out: u32) {
        let there: Vec<u32> = sources.iter().map(|source| source.number).collect();
        self.list.retain(|row| {
            let stays = there.contains(&row.number);
            if !stays {
                row.row.remove();
            }
            stays
        });
        for source in sources.iter() {
            // A list that cannot grow still leaves what is shown of a source.
            let _ = self.row(source, shown, names);
        }
        let open = sources.iter().filter(|source| source.is_open()).count();
        let is_worth_it = there.len() > 1
            || sources
                .iter()
                .any(|source| source.is_open() && shown.is_some_and(|n| n != source.number));
        set_hidden(&self.section, !is_worth_it);
        set_hidden(&self.cancel_all, open < 2);
        let refused = sources
            .iter()
            .filter(|source| matches!(source.state, State::Failed(_)))
            .count();
        if !is_worth_it {
            return set_text(&self.status, "");
        }
        let [all, done, refused, out] =
            [there.len(), there.len() - open, refused, left_out as usize]
                .map(|count| count.to_string());
        let mut status = tell("{0} of {1} done", &[&done, &all]);
        if refused != "0" {
            status.push_str(&tell(", {0} refused", &[&refused]));
        }
        if left_out > 0 {
            status.push_str(&tell("; {0} other files of the folder left out", &[&out]));
        }
        set_text(&self.status, &status);
    }

    /// Shows how far a source is.
    pub fn show_one(&mut self, source: &Source, shown: Option<u32>, names: &Names) {
        let _ = self.row(source, shown, names);
    }

    fn row(&mut self, source: &Source, shown: Option<u32>, names: &Names) -> Result<(), JsValue> {
        let at = self
            .list
            .binary_search_by_key(&source.number, |row| row.number);
        let row = match at {
            Ok(at) => &self.list[at],
            Err(at) => {
                self.list.insert(at, Row::new(&self.rows, source)?);
                &self.list[at]
            }
        };
        row.show(source, shown, names);
        Ok(())
    }
}

impl Row {
    fn new(rows: &Element, source: &Source) -> Result<Self, JsValue> {
        let row = add(rows, "tr", "", "")?;
        let number = source.number.to_string();
        let head = add(&row, "th", "", "")?;
        head.set_attribute("scope", "row")?;
        let name = add(&head, "button", "name", &isolated(&source.name))?;
        name.set_attribute("data-row", &number)?;
        let headline = add(&row, "td", "headline", "")?;
        let length = add(&row, "td", "length", "")?;
        let speech = add(&row, "td", "speech", "")?;
        for (cell, title) in [(&length, "Length"), (&speech, "Speech")] {
            cell.set_attribute("data-title", &tr(title))?;
        }
        let last = add(&row, "td", "", "")?;
        let cancel = add(&last, "button", "cancel", &tr("Cancel"))?;
        cancel.set_attribute("data-cancel", &number)?;
        let label = tell("Cancel {0}", &[&source.name]);
        cancel.set_attribute("aria-label", &label)?;
        for button in [&name, &cancel] {
            button.set_attribute("type", "button")?;
        }
        Ok(Self {
            number: source.number,
            row,
            name,
            length,
            headline,
            speech,
            cancel,
        })
    }

    fn show(&self, source: &Source, shown: Option<u32>, names: &Names) {
        let state = match &source.state {
            State::Waiting(_) => "waiting",
            State::Opening | State::Ready(_) => "opening",
            State::Running { .. } | State::Closing => "running",
            State::Done | State::Abandoned => "done",
            State::Cancelled => "cancelled",
            State::Failed(_) => "failed",
        };
        // Neither fails for an element that is there.
        let _ = self.row.set_attribute("data-state", state);
        let is_shown = shown == Some(source.number);
        let _ = self
            .name
            .set_attribute("aria-pressed", if is_shown { "true" } else { "false" });
        toggle(&self.name, "disabled", !source.has_result());
        set_hidden(
            self.cancel.unchecked_ref(),
            !source.is_open() || source.file.is_none(),
        );
        let slug = match (&source.lanes[..], &source.state) {
            ([lane], State::Done) if !lane.mixture.is_empty() => "mixed",
            ([lane], State::Done) => {
                let verdict = lane.summary.as_ref().map(|summary| summary.verdict);
                verdict.map_or("none", |verdict| names.slug(verdict))
            }
            _ => "none",
        };
        let _ = self.headline.set_attribute("data-verdict", slug);
        let headline = match &source.state {
            State::Waiting(_) => tr("Waits"),
            State::Opening => tr("Reading the file…"),
            State::Ready(_) => tr("Waits until listening has ended"),
            State::Running { .. } | State::Closing if source.file.is_none() => tr("Listening…"),
            State::Running { .. } | State::Closing => {
                let share = (source.at_s() / source.duration_s.max(0.1)) as f32;
                crate::web::numbers::percent(share)
            }
            State::Done => source.headline(names),
            State::Abandoned => tr("Ended without a result"),
            State::Cancelled => tr("Cancelled"),
            State::Failed(error) => [&error.title(), " ", &error.advice()].concat(),
        };
        set_text(&self.headline, &headline);
        let heard_s = source.heard_s();
        let length_s = heard_s.map_or(source.duration_s, |(length_s, _)| length_s);
        let length = if length_s > 0.0 {
            clock(length_s.round_ties_even())
        } else {
            String::new()
        };
        set_text(&self.length, &length);
        let speech = heard_s.map(|(length_s, speech_s)| speech_of(speech_s, length_s));
        set_text(&self.speech, &speech.unwrap_or_default());
    }
}

/// The number of the row whose button of this kind was clicked.
pub fn number_of(target: &Element, kind: &str) -> Option<u32> {
    let button = target.closest(&["[", kind, "]"].concat()).ok()??;
    button.get_attribute(kind)?.parse().ok()
}
