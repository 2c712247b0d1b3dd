//! Text in the language in use: English until [`speak`] is given the words of another.
//!
//! A sentence has gaps, `{0}`, `{1}` …, for numbers and names, so that each language puts them
//! where it needs them. Whatever a language lacks appears in English.

use std::cell::RefCell;

use wasm_bindgen::JsValue;

use crate::protocol::Fields;

thread_local! {
    /// The counterpart of each English sentence in the language in use.
    static WORDS: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// Sets the language from now on: an object that maps each English sentence to its translation, or
/// none for English.
pub fn speak(words: Option<JsValue>) {
    WORDS.set(words);
}

/// An English sentence in the language in use.
pub fn tr(english: &str) -> String {
    WORDS
        .with_borrow(|words| words.as_ref()?.text(english))
        .unwrap_or_else(|| english.to_owned())
}

/// The same with its gaps filled.
pub fn tell(english: &str, values: &[&str]) -> String {
    fill(&tr(english), values)
}

fn fill(sentence: &str, values: &[&str]) -> String {
    let mut filled = String::new();
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((number, after)) = after.split_once('}') else {
            break;
        };
        let number: usize = number.parse().unwrap_or(usize::MAX);
        filled.push_str(values.get(number).copied().unwrap_or(""));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_in_the_order_of_the_language() {
        let filled = fill("{1} von {0} {1}", &["8 s", "drei"]);
        assert_eq!(filled, "drei von 8 s drei");
        assert_eq!(fill("nothing to fill", &[]), "nothing to fill");
        assert_eq!(fill("{0} {7}", &["{1}"]), "{1} ");
    }
}
