//! Which language the page speaks: the browser's, or the one chosen here; English where there is none.
//!
//! English is in the code and in index.html, every other language in one file of assets/languages, which
//! has its sentence for each English one.

use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Element, HtmlSelectElement, Node, Response, Storage, Window};

use crate::{protocol::Fields, web::words};

/// Name in the local storage, which this page may share with others of its host.
const KEY: &str = "speech-emotion language";

/// What index.html speaks.
const ENGLISH: &str = "en";

/// Attributes that are read out or shown.
const SPOKEN: [&str; 3] = ["aria-label", "title", "placeholder"];

/// The language that is spoken, and what index.html says in English.
pub struct Language {
    window: Window,
    document: Document,
    storage: Option<Storage>,
    select: HtmlSelectElement,
    texts: Vec<Text>,
}

/// A place of index.html that says something.
struct Text {
    place: Place,
    english: String,
    /// What it was last given.
    now: String,
}

enum Place {
    Node(Node),
    Attribute(Element, &'static str),
}

impl Place {
    fn read(&self) -> Option<String> {
        match self {
            Self::Node(node) => node.text_content(),
            Self::Attribute(element, name) => element.get_attribute(name),
        }
    }

    fn write(&self, text: &str) {
        match self {
            Self::Node(node) => node.set_text_content(Some(text)),
            Self::Attribute(element, name) => drop(element.set_attribute(name, text)),
        }
    }
}

impl Language {
    /// Reads what index.html says, before anything else changes it.
    ///
    /// # Errors
    /// When index.html lacks the choice of languages.
    pub fn new(window: &Window) -> Result<Self, JsValue> {
        let document = window.document().ok_or("no document")?;
        let select = document
            .get_element_by_id("language")
            .ok_or("index.html lacks #language")?;
        let mut language = Self {
            storage: window.local_storage().ok().flatten(),
            window: window.clone(),
            select: select.unchecked_into(),
            texts: Vec::new(),
            document,
        };
        language.find_texts();
        Ok(language)
    }

    fn find_texts(&mut self) {
        let elements = self.document.get_elements_by_tag_name("*");
        for index in 0..elements.length() {
            let Some(element) = elements.item(index) else {
                continue;
            };
            // What is said in a language of its own stays as it is, and so does what nobody sees.
            if element
                .closest("[translate=no], script, style")
                .ok()
                .flatten()
                .is_some()
            {
                continue;
            }
            for name in SPOKEN {
                self.note(Place::Attribute(element.clone(), name));
            }
            let nodes = element.child_nodes();
            for index in 0..nodes.length() {
                if let Some(node) = nodes.item(index)
                    && node.node_type() == Node::TEXT_NODE
                {
                    self.note(Place::Node(node));
                }
            }
        }
    }

    fn note(&mut self, place: Place) {
        if let Some(english) = place.read()
            && english.contains(char::is_alphabetic)
        {
            self.texts.push(Text {
                now: english.clone(),
                english,
                place,
            });
        }
    }

    /// The one chosen earlier, else the first of the browser's that there is.
    pub fn wanted(&self) -> String {
        let chosen = self.storage.as_ref().and_then(|storage| storage.text(KEY));
        let offered = |tag: &str| {
            let tag = tag.split('-').next().unwrap_or(tag).to_ascii_lowercase();
            let option = ["option[value=", &tag, "]"].concat();
            let is_word = tag.bytes().all(|byte| byte.is_ascii_lowercase());
            (is_word && self.select.query_selector(&option).ok().flatten().is_some()).then_some(tag)
        };
        chosen
            .as_deref()
            .and_then(offered)
            .or_else(|| {
                let browsers = self.window.navigator().languages();
                browsers.iter().find_map(|tag| offered(&tag.as_string()?))
            })
            .unwrap_or_else(|| ENGLISH.to_owned())
    }

    /// The one that is chosen by hand.
    pub fn chosen(&self) -> String {
        self.select.value()
    }

    /// The words of a language, none of English, which needs none.
    ///
    /// # Errors
    /// When its file cannot be fetched; the page goes on in the language that it speaks.
    pub async fn fetch(window: Window, language: String) -> Result<Option<JsValue>, JsValue> {
        if language == ENGLISH {
            return Ok(None);
        }
        let answer = JsFuture::from(window.fetch_with_str(&[&language, ".json"].concat())).await?;
        let answer: Response = answer.unchecked_into();
        if !answer.ok() {
            return Err("no such language".into());
        }
        let words: Promise = answer.json()?;
        JsFuture::from(words).await.map(Some)
    }

    /// Speaks a language from now on, and remembers it when it was chosen by hand.
    pub fn speak(&mut self, language: &str, words: Option<JsValue>, is_chosen: bool) {
        words::speak(words);
        if let (true, Some(storage)) = (is_chosen, &self.storage) {
            // What cannot be kept is chosen anew at the next visit.
            let _ = storage.set_item(KEY, language);
        }
        self.select.set_value(language);
        if let Some(root) = self.document.document_element() {
            let _ = root.set_attribute("lang", language);
        }
        for text in &mut self.texts {
            // Where something else is said by now, whoever said it says it anew.
            let said = translated(&text.english);
            if said != text.now && text.place.read().as_ref() == Some(&text.now) {
                text.place.write(&said);
                text.now = said;
            }
        }
    }
}

/// A text of index.html, with the white space around it.
fn translated(english: &str) -> String {
    let words = english.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = words::tr(&words);
    let space = |is_there: bool| if is_there { " " } else { "" };
    let starts = english.starts_with(char::is_whitespace);
    let ends = english.ends_with(char::is_whitespace);
    [space(starts), &said, space(ends)].concat()
}
