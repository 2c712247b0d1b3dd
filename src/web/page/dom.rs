//! Elements found by their ids, and changed as little as can be.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, HtmlElement};

use crate::web::numbers::{ISOLATES, permille, plain};

/// Finds elements by their ids.
pub struct Finder {
    document: Document,
    /// An id that index.html lacks.
    missing: Option<&'static str>,
}

impl Finder {
    /// Nothing was looked for yet.
    pub fn new(document: Document) -> Self {
        Self {
            document,
            missing: None,
        }
    }

    /// The element with this id.
    pub fn find(&mut self, id: &'static str) -> HtmlElement {
        let element = self.document.get_element_by_id(id);
        if element.is_none() {
            self.missing = Some(id);
        }
        JsValue::from(element).unchecked_into()
    }

    /// Checks that everything that was looked for is there.
    ///
    /// # Errors
    /// When index.html lacks an element.
    pub fn found_all(self) -> Result<(), JsValue> {
        match self.missing {
            None => Ok(()),
            Some(id) => Err(["index.html lacks #", id].concat().into()),
        }
    }
}

/// Puts the keyboard on an element.
pub fn focus(element: &HtmlElement) {
    // What is not shown cannot take it.
    let _ = element.focus();
}

/// Leaves an element that already says so alone: screen readers hear every change. A name between
/// [`ISOLATES`] becomes an element of its own, which its direction does not leave.
pub fn set_text(element: &Element, text: &str) {
    if !text.contains(ISOLATES) {
        if element.text_content().as_deref() != Some(text) || element.child_element_count() > 0 {
            element.set_text_content(Some(text));
        }
        return;
    }
    let shown = plain(text);
    if element.text_content().as_deref() == Some(&shown) && element.child_element_count() > 0 {
        return;
    }
    element.set_text_content(None);
    for (n, part) in text.split(ISOLATES).enumerate() {
        // Names stand at every second place; a list that cannot grow is the browser's end.
        let _ = match element.owner_document() {
            Some(document) if n % 2 == 1 => document.create_element("bdi").and_then(|name| {
                name.set_text_content(Some(part));
                element.append_with_node_1(&name)
            }),
            _ => element.append_with_str_1(part),
        };
    }
}

/// Moves a progress bar whose maximum is 1000.
pub fn set_progress(element: &Element, share: f32) {
    let _ = element.set_attribute("value", &permille(share).to_string());
}

/// Lets a control be used.
pub fn enable(control: &Element) {
    let _ = control.remove_attribute("disabled");
}

/// Shows an element or takes it away.
pub fn set_hidden(element: &Element, is_hidden: bool) {
    toggle(element, "hidden", is_hidden);
}

/// Gives an element an attribute without a value, or takes it away.
pub fn toggle(element: &Element, attribute: &str, is_there: bool) {
    let _ = if is_there {
        element.set_attribute(attribute, "")
    } else {
        element.remove_attribute(attribute)
    };
}

/// Scales an element across, in thousandths.
pub fn scale_x(element: &HtmlElement, permille: u32) {
    let value = ["scaleX(", &permille.to_string(), "e-3)"].concat();
    let _ = element.style().set_property("transform", &value);
}

/// Adds a new element to `parent`.
pub fn add(parent: &Element, tag: &str, class: &str, text: &str) -> Result<HtmlElement, JsValue> {
    let document = parent.owner_document().ok_or("no document")?;
    let element: HtmlElement = document.create_element(tag)?.unchecked_into();
    if !class.is_empty() {
        element.set_attribute("class", class)?;
    }
    set_text(&element, text);
    parent.append_child(&element)?;
    Ok(element)
}

/// Gives an element attributes.
pub fn set(element: &Element, attributes: &[(&str, &str)]) {
    for (name, value) in attributes {
        // Fails only where a name is none.
        let _ = element.set_attribute(name, value);
    }
}
