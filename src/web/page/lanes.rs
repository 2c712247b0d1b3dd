//! The speakers of a call, side by side: who speaks, and what it expresses. Choosing one shows its bars.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use super::{
    dom::{Finder, add, set, set_hidden, set_text},
    wording::{Names, colour},
};
use crate::{
    session::Verdict,
    web::numbers::{isolated, percent},
};

/// The elements.
pub struct Lanes {
    /// The list; those who listen to clicks find the lane by its attribute `data-lane`.
    pub list: HtmlElement,
    cards: Vec<Card>,
}

struct Card {
    item: HtmlElement,
    button: HtmlElement,
    word: HtmlElement,
}

impl Lanes {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            list: finder.find("lanes"),
            cards: Vec::new(),
        }
    }

    /// Shows these speakers, of whom nothing was heard yet; one alone needs no list.
    pub fn begin(&mut self, names: &[String]) {
        self.list.set_text_content(None);
        self.cards.clear();
        set_hidden(&self.list, names.len() < 2);
        for (number, name) in (0_u32..).zip(names).filter(|_| names.len() > 1) {
            // A list that cannot grow still leaves the headline.
            if let Ok(card) = Card::new(&self.list, number, name) {
                self.cards.push(card);
            }
        }
    }

    /// Shows what a speaker's voice expresses.
    pub fn show(&self, lane: usize, verdict: Verdict, confidence: f32, names: &Names) {
        let Some(card) = self.cards.get(lane) else {
            return;
        };
        let word = isolated(&names.word(verdict));
        let (text, tint) = match verdict {
            Verdict::Emotion(class) => (
                [&word, " ", &percent(confidence)].concat(),
                ["var(--", &colour(class), ")"].concat(),
            ),
            _ => (word, String::new()),
        };
        set_text(&card.word, &text);
        // Neither fails for an element that is there.
        let _ = card.item.set_attribute("data-verdict", names.slug(verdict));
        let _ = card.word.style().set_property("--tint", &tint);
    }

    /// Shows who speaks.
    pub fn speaking(&self, lane: usize, speaking: bool) {
        if let Some(card) = self.cards.get(lane) {
            let speaking = if speaking { "true" } else { "false" };
            let _ = card.item.set_attribute("data-speaking", speaking);
        }
    }

    /// Shows whose bars are on screen.
    pub fn choose(&self, chosen: usize) {
        for (lane, card) in self.cards.iter().enumerate() {
            let pressed = if lane == chosen { "true" } else { "false" };
            let _ = card.button.set_attribute("aria-pressed", pressed);
        }
    }
}

/// Number of speakers' colours, after which they come again.
const COLOURS: usize = 6;

/// Which of the speakers' colours a lane has, by its custom property in style.css.
pub fn ink(lane: usize) -> String {
    ["--lane-", &((lane % COLOURS) as u32).to_string()].concat()
}

/// A speaker's number as people count.
pub fn number(lane: usize) -> String {
    (lane as u32 + 1).to_string()
}

/// Adds a speaker's number in the speaker's colour, beside a name that says the same.
pub fn badge(parent: &Element, lane: usize) -> Result<(), JsValue> {
    let badge = add(parent, "span", "badge", &number(lane))?;
    let colour = ((lane % COLOURS) as u32).to_string();
    set(&badge, &[("data-colour", &colour), ("aria-hidden", "true")]);
    Ok(())
}

impl Card {
    fn new(list: &Element, number: u32, name: &str) -> Result<Self, JsValue> {
        let item = add(list, "li", "lane", "")?;
        let button = add(&item, "button", "", "")?;
        button.set_attribute("type", "button")?;
        button.set_attribute("data-lane", &number.to_string())?;
        badge(&button, number as usize)?;
        add(&button, "span", "name", &isolated(name))?;
        let word = add(&button, "span", "word", "–")?.unchecked_into();
        Ok(Self { item, button, word })
    }
}
