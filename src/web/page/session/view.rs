//! The elements of the session, what people do with them, and the only code that changes them.

use std::{cell::Cell, rc::Rc};

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, Element, Event, EventTarget, HtmlAnchorElement, HtmlCanvasElement, HtmlElement,
    HtmlInputElement, KeyboardEvent, MouseEvent, Url, WheelEvent, Window,
};

use super::{
    Act,
    chosen::Chosen,
    keeper::{Keeper, Kept},
    list::List,
    marks::Marks,
    timeline::{self, Scene},
};
use crate::{
    protocol::Fields,
    web::{
        error::WebError,
        numbers::clock,
        object::{Callback, later, object, window},
        page::{
            dom::{Finder, add, focus, set, set_hidden, set_text},
            signal::{Mailbox, Signal},
        },
        words::{tell, tr},
    },
};

/// Width of the picture that is taken along, in CSS pixels.
const PICTURE: f64 = 1_600.0;

/// The elements.
pub struct View {
    window: Window,
    body: HtmlElement,
    recordings: HtmlElement,
    /// Scrolls.
    timeline: HtmlElement,
    /// As wide as the recording.
    stretch: HtmlElement,
    canvas: HtmlCanvasElement,
    pub list: List,
    pub chosen: Chosen,
    pub marks: Marks,
    pub summary: HtmlElement,
    pub lesson: HtmlElement,
    pub file: HtmlInputElement,
    play: HtmlElement,
    play_on: HtmlElement,
    change: HtmlElement,
    change_text: HtmlElement,
    sound_text: HtmlElement,
    take: HtmlElement,
    device: HtmlInputElement,
}

impl View {
    /// Finds the elements.
    pub fn new(finder: &mut Finder) -> Self {
        Self {
            window: window(),
            body: finder.find("panels"),
            recordings: finder.find("recordings"),
            timeline: finder.find("timeline-view"),
            stretch: finder.find("timeline-width"),
            canvas: finder.find("timeline").unchecked_into(),
            list: List::new(finder),
            chosen: Chosen::new(finder),
            marks: Marks::new(finder),
            summary: finder.find("summary"),
            lesson: finder.find("lesson"),
            file: finder.find("session-file").unchecked_into(),
            play: finder.find("play"),
            play_on: finder.find("play-on"),
            change: finder.find("change"),
            change_text: finder.find("change-text"),
            sound_text: finder.find("sound-text"),
            take: finder.find("take"),
            device: finder.find("device-switch").unchecked_into(),
        }
    }

    /// Listens for as long as the page lives.
    pub fn listen(&self, mailbox: &Mailbox, would_lose: &Rc<Cell<bool>>) -> Result<(), JsValue> {
        let would_lose = Rc::clone(would_lose);
        on(
            &self.window,
            "beforeunload",
            mailbox,
            move |event: Event| {
                if would_lose.get() {
                    event.prevent_default();
                }
                None
            },
        )?;
        let document = self.window.document().ok_or("no document")?;
        on(&document, "click", mailbox, |event: Event| {
            let target: Element = event.target()?.dyn_into().ok()?;
            let button = target.closest("[data-act]").ok()??;
            let read = |name| button.get_attribute(name).unwrap_or_default();
            Some(Act::Pressed(read("data-act"), read("data-value")))
        })?;
        on(&self.body, "change", mailbox, |event: Event| {
            let field: Element = event.target()?.dyn_into().ok()?;
            let what = field.get_attribute("data-edit")?;
            let value = field.get_attribute("data-value").unwrap_or_default();
            let field: HtmlInputElement = field.unchecked_into();
            let text = match field.type_().as_str() {
                "checkbox" if field.checked() => "on".into(),
                "checkbox" => String::new(),
                _ => field.value(),
            };
            Some(Act::Edited(what, value, text))
        })?;
        let file = self.file.clone();
        on(&self.file, "change", mailbox, move |_: Event| {
            let chosen = file.files()?.get(0)?;
            // Choosing the same file again is a change too.
            file.set_value("");
            Some(Act::FileGiven(chosen))
        })?;
        on(&self.list.view, "scroll", mailbox, |_: Event| {
            Some(Act::ListScrolled)
        })?;
        on(&self.timeline, "scroll", mailbox, |_: Event| {
            Some(Act::Scrolled)
        })?;
        let keys = [
            "ArrowDown",
            "ArrowUp",
            "Home",
            "End",
            "PageDown",
            "PageUp",
            "Enter",
            " ",
        ];
        on(
            &self.list.list,
            "keydown",
            mailbox,
            move |event: KeyboardEvent| {
                let key = plain(&event)?;
                keys.contains(&key.as_str()).then(|| {
                    event.prevent_default();
                    Act::ListKey(key)
                })
            },
        )?;
        on(
            &self.timeline,
            "keydown",
            mailbox,
            |event: KeyboardEvent| {
                let key = plain(&event)?;
                ["+", "=", "-", "0", "Home", "End"]
                    .contains(&key.as_str())
                    .then(|| {
                        event.prevent_default();
                        Act::TimelineKey(key)
                    })
            },
        )?;
        let panels = self.body.clone();
        on(
            &document,
            "keydown",
            mailbox,
            move |event: KeyboardEvent| {
                let key = plain(&event)?;
                let target: Element = event.target()?.dyn_into().ok()?;
                let types = target.closest("input, select, textarea").ok()?.is_some();
                let is_mark = ["m", "M", "n", "N"].contains(&key.as_str());
                (is_mark && !types && panels.offset_height() > 0).then(|| {
                    event.prevent_default();
                    Act::Key(key)
                })
            },
        )?;
        on(&self.timeline, "click", mailbox, |event: MouseEvent| {
            let (x, y) = place(&event)?;
            Some(Act::Pointed(x, y))
        })?;
        // A pinch on a trackpad is a wheel with the control key.
        on(&self.timeline, "wheel", mailbox, |event: WheelEvent| {
            if !event.ctrl_key() && !event.meta_key() {
                return None;
            }
            event.prevent_default();
            let (x, _) = place(&event)?;
            let by = (-event.delta_y() * 0.01).clamp(-0.5, 0.5).exp();
            Some(Act::Zoomed(by, x))
        })?;
        let mut apart = None;
        on(
            &self.timeline,
            "touchmove",
            mailbox,
            move |event: JsValue| {
                let Some((distance, x)) = pinch(&event) else {
                    apart = None;
                    return None;
                };
                event.unchecked_ref::<Event>().prevent_default();
                let by: f64 = distance / apart.replace(distance)?;
                Some(Act::Zoomed(by.clamp(0.8, 1.25), x))
            },
        )?;
        Ok(())
    }

    /// Width of what is in sight of the timeline, in CSS pixels.
    pub fn width(&self) -> f64 {
        f64::from(self.timeline.client_width()).max(1.0)
    }

    /// Makes the timeline so wide.
    pub fn stretch(&self, width: f64) {
        let width = (width.round() as u32).to_string();
        let width = [width.as_str(), "px"].concat();
        let _ = self.stretch.style().set_property("width", &width);
    }

    /// How far the timeline is scrolled.
    pub fn scrolled(&self) -> f64 {
        f64::from(self.timeline.scroll_left())
    }

    /// Scrolls the timeline, as far as it goes.
    pub fn scroll_to(&self, x: f64) {
        // The cast takes what is out of range as the farthest.
        self.timeline.set_scroll_left(x as i32);
    }

    /// Whether the timeline's end is in sight.
    pub fn is_at_end(&self) -> bool {
        let end = self.timeline.scroll_width() - self.timeline.client_width();
        self.timeline.scroll_left() >= end - 8
    }

    /// Scrolls the timeline so far that a stretch is in sight.
    pub fn reveal(&self, start_s: f64, end_s: f64, px_per_s: f64) {
        let (left, right) = (start_s * px_per_s, end_s * px_per_s);
        let (at, width) = (self.scrolled(), self.width());
        if left < at || right > at + width {
            self.scroll_to(left - width / 4.0);
        }
    }

    /// Draws what is in sight of a recording.
    pub fn timeline(
        &self,
        kept: Option<&Kept>,
        px_per_s: f64,
        selected: Option<u64>,
        cursor_s: Option<f64>,
    ) -> Result<(), JsValue> {
        let width = f64::from(self.timeline.client_width());
        let (Some(kept), true) = (kept, width > 0.0) else {
            return Ok(());
        };
        let height = timeline::height(kept);
        for (name, length) in [("width", width), ("height", height)] {
            let length = (length as u32).to_string();
            let length = [length.as_str(), "px"].concat();
            self.canvas.style().set_property(name, &length)?;
        }
        let Some(style) = self.window.get_computed_style(&self.canvas)? else {
            return Ok(());
        };
        let scene = Scene {
            kept,
            start_s: self.scrolled() / px_per_s,
            px_per_s,
            selected,
            cursor_s,
        };
        timeline::draw(
            &self.window,
            &self.canvas,
            &style,
            (width, height),
            &scene,
            None,
        )
    }

    /// A PNG of the whole timeline.
    pub fn picture(&self, kept: &Kept) -> Result<Promise, JsValue> {
        let document = self.window.document().ok_or("no document")?;
        let canvas: HtmlCanvasElement = document.create_element("canvas")?.unchecked_into();
        let style = self.window.get_computed_style(&self.canvas)?;
        let style = style.ok_or("no style")?;
        let duration_s = kept.source.duration_ms as f64 / 1e3;
        let scene = Scene {
            kept,
            start_s: 0.0,
            px_per_s: PICTURE / duration_s.max(super::LEAST_SPAN_S),
            selected: None,
            cursor_s: None,
        };
        let size = (PICTURE, timeline::height(kept));
        let ground = style.get_property_value("--surface")?;
        timeline::draw(&self.window, &canvas, &style, size, &scene, Some(&ground))?;
        Ok(Promise::new(&mut |resolve, reject| {
            if let Err(error) = canvas.to_blob(&resolve) {
                // A promise's own function does not throw.
                let _ = reject.call1(&JsValue::NULL, &error);
            }
        }))
    }

    /// Shows which recordings there are, when there are several.
    pub fn recordings(&self, keeper: &Keeper, shown: usize) -> Result<(), JsValue> {
        let had_focus = self.recordings.contains(
            self.window
                .document()
                .and_then(|document| document.active_element())
                .as_deref(),
        );
        self.recordings.set_text_content(None);
        set_hidden(&self.recordings, keeper.recordings.len() < 2);
        for (place, kept) in keeper.recordings.iter().enumerate() {
            let button = add(&self.recordings, "button", "tool", "")?;
            let is_shown = place == shown;
            set(
                &button,
                &[
                    ("type", "button"),
                    ("data-act", "show"),
                    ("data-value", &(place as u32).to_string()),
                    ("aria-pressed", if is_shown { "true" } else { "false" }),
                ],
            );
            add(&button, "bdi", "", &kept.source.name)?;
            let length = clock((kept.source.duration_ms as f64 / 1e3).round_ties_even());
            add(&button, "span", "time", &length)?;
            if is_shown && had_focus {
                focus(&button);
            }
        }
        Ok(())
    }

    /// Shows whether there is sound to play, and how much is kept.
    pub fn sound(&self, has_sound: bool, bytes: f64) {
        for button in [&self.play, &self.play_on] {
            let _ = if has_sound {
                button.remove_attribute("disabled")
            } else {
                button.set_attribute("disabled", "")
            };
        }
        let megabytes = ((bytes / 1e6).round() as u32).to_string();
        let text = if bytes > 0.0 {
            tell("Now: {0}\u{202f}MB.", &[&megabytes])
        } else {
            String::new()
        };
        set_text(&self.sound_text, &text);
    }

    /// Shows whether something plays.
    pub fn plays(&self, plays: bool) {
        set_text(&self.play, &tr(if plays { "Stop" } else { "Play" }));
    }

    /// Offers to take the last change back.
    pub fn undo(&self, change: Option<&str>) {
        set_hidden(&self.change, change.is_none());
        // What is out of sight stays: screen readers hear every change.
        if let Some(change) = change {
            set_text(&self.change_text, change);
        }
    }

    /// Closes the menu.
    pub fn close_menus(&self) {
        let _ = self.take.remove_attribute("open");
    }

    /// Shows the panels, which begin out of sight.
    pub fn reveal_panels(&self) {
        if let Some(body) = self.window.document().and_then(|document| document.body()) {
            set(&body, &[("data-result", "true")]);
        }
    }

    /// Has the browser save a file.
    pub fn save(&self, file: &Blob, name: &str) -> Result<(), JsValue> {
        let document = self.window.document().ok_or("no document")?;
        let url = Url::create_object_url_with_blob(file)?;
        let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
        set(&link, &[("href", &url), ("download", name)]);
        link.click();
        // The browser reads it a little later.
        let revoke = Callback::once(move |_| drop(Url::revoke_object_url(&url)));
        let revoke = revoke.into_js_value();
        self.window
            .set_timeout_with_callback_and_timeout_and_arguments_0(revoke.unchecked_ref(), 60_000)
            .map(drop)
    }

    /// Calls once the next frame is drawn.
    pub fn after_frame(&self, call: impl FnOnce() + 'static) {
        let then = Callback::once(move |_| later(0, call)).into_js_value();
        // A window has its frames.
        let _ = self.window.request_animation_frame(then.unchecked_ref());
    }

    /// Calls when nothing else is to be done.
    pub fn when_idle(&self, call: fn()) {
        let waiting = Callback::once(move |_| call()).into_js_value();
        let is_waiting = self.window.request_idle_callback(waiting.unchecked_ref());
        if is_waiting.is_err() {
            // WebKit does not tell when.
            later(1_000, call);
        }
    }

    /// Shows whether the session is kept on this device.
    pub fn kept(&self, is_kept: bool) {
        self.device.set_checked(is_kept);
    }
}

/// Has the browser copy a text, or share it where it cannot copy.
///
/// # Errors
/// When the text is empty, or the browser takes it in neither way.
pub async fn copy(text: &str) -> Result<(), WebError> {
    let refused = |_: JsValue| WebError::NotCopied;
    if text.is_empty() {
        return Err(WebError::NothingToTell);
    }
    let navigator: JsValue = window().navigator().into();
    let clipboard = navigator.object("clipboard");
    let copied = async {
        let clipboard = clipboard.ok_or(JsValue::NULL)?;
        let write: Function = Reflect::get(&clipboard, &"writeText".into())?.dyn_into()?;
        let writing: Promise = write.call1(&clipboard, &text.into())?.dyn_into()?;
        JsFuture::from(writing).await
    };
    if copied.await.is_ok() {
        return Ok(());
    }
    let share = Reflect::get(&navigator, &"share".into()).map_err(refused)?;
    let share: Function = share.dyn_into().map_err(refused)?;
    let given = object(&[("text", text.into())]);
    let sharing = share.call1(&navigator, &given).map_err(refused)?;
    let sharing: Promise = sharing.dyn_into().map_err(refused)?;
    JsFuture::from(sharing).await.map(drop).map_err(refused)
}

/// A file's name without its ending.
pub fn stem(name: &str) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem = if ending.contains(' ') { name } else { stem };
    // What some systems allow in no name.
    stem.replace([':', '/', '\\', '?', '*', '"', '<', '>', '|'], "-")
}

/// A key without control, alt or command.
fn plain(event: &KeyboardEvent) -> Option<String> {
    let is_plain = !event.ctrl_key() && !event.alt_key() && !event.meta_key();
    is_plain.then(|| event.key())
}

/// Where a pointer is on the timeline.
fn place(event: &MouseEvent) -> Option<(f64, f64)> {
    let element: Element = event.current_target()?.dyn_into().ok()?;
    let bounds = element.get_bounding_client_rect();
    let x = f64::from(event.client_x()) - bounds.left();
    Some((x, f64::from(event.client_y()) - bounds.top()))
}

/// How far two fingers are apart, and where their middle is on the timeline.
fn pinch(event: &JsValue) -> Option<(f64, f64)> {
    use crate::protocol::Fields;
    let touches = event.object("touches")?;
    let (first, second) = (touches.object("0")?, touches.object("1")?);
    let (a, b) = (first.number("clientX")?, second.number("clientX")?);
    let element: Element = event
        .unchecked_ref::<Event>()
        .current_target()?
        .dyn_into()
        .ok()?;
    let left = element.get_bounding_client_rect().left();
    Some(((a - b).abs().max(1.0), (a + b) / 2.0 - left))
}

fn on<E: JsCast + 'static>(
    target: &EventTarget,
    name: &str,
    mailbox: &Mailbox,
    mut read: impl FnMut(E) -> Option<Act> + 'static,
) -> Result<(), JsValue> {
    let mailbox = mailbox.clone();
    let listener = Callback::new(move |event: JsValue| {
        if let Some(act) = read(event.unchecked_into()) {
            mailbox.handle(Signal::Session(act));
        }
    });
    target.add_event_listener_with_callback(name, listener.into_js_value().unchecked_ref())
}
