//! What people do with the page, as signals: clicks, keys, files chosen and dropped.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DragEvent, Event, EventTarget, File, FileList, KeyboardEvent, Window};

use super::{
    dom::enable,
    model::is_model,
    samples::SAMPLES,
    signal::{Mailbox, Signal},
    view::View,
};
use crate::web::object::Callback;

/// Listens for as long as the page lives, and lets the buttons be pressed.
pub fn listen(window: &Window, view: &View, mailbox: &Mailbox) -> Result<(), JsValue> {
    let panel = &view.panel;
    for (button, pressed) in [
        (&view.listen, (|| Signal::PrimaryPressed) as fn() -> Signal),
        (&view.choose, || Signal::ChoosePressed),
        (&view.alert_action, || Signal::AlertPressed),
        (&panel.read, || Signal::ReadPressed),
        (&panel.done, || Signal::DonePressed),
        (&panel.load, || Signal::LoadPressed),
        (&panel.remove, || Signal::RemovePressed),
        (&view.own.choose, || Signal::ChooseModelPressed),
        (&view.own.remove, || Signal::RemoveModelPressed),
    ] {
        on(button, "click", mailbox, move |_: Event| Some(pressed()))?;
    }
    on(&view.explain.section, "toggle", mailbox, |_: Event| {
        Some(Signal::ExplainToggled)
    })?;
    for (sample, button) in SAMPLES.iter().zip(&view.samples) {
        on(button, "click", mailbox, move |_: Event| {
            Some(Signal::SamplePressed(sample))
        })?;
        enable(button);
    }
    let switch = panel.adapt.clone();
    on(&panel.adapt, "change", mailbox, move |_: Event| {
        Some(Signal::AdaptSwitched(switch.checked()))
    })?;
    on(&view.language, "change", mailbox, |_: Event| {
        Some(Signal::LanguageChosen)
    })?;
    for (input, given) in [
        (&view.file, Signal::FileGiven as fn(File) -> Signal),
        (&panel.file, Signal::CalibrationGiven),
    ] {
        let chosen = input.clone();
        on(input, "change", mailbox, move |_: Event| {
            let file = chosen.files()?.get(0)?;
            // Choosing the same file again is a change too.
            chosen.set_value("");
            Some(given(file))
        })?;
    }

    let chosen = view.own.input.clone();
    on(&view.own.input, "change", mailbox, move |_: Event| {
        let files = list(chosen.files()?);
        chosen.set_value("");
        Some(Signal::ModelGiven(files))
    })?;

    on(window, "keydown", mailbox, |event: KeyboardEvent| {
        (event.key() == "Escape").then_some(Signal::CancelPressed)
    })?;
    on(window, "resize", mailbox, |_: Event| Some(Signal::Redraw))?;
    if let Some(dark) = window.match_media("(prefers-color-scheme: dark)")? {
        on(&dark, "change", mailbox, |_: Event| Some(Signal::Redraw))?;
    }

    on(window, "dragover", mailbox, |event: DragEvent| {
        event.prevent_default();
        Some(Signal::Dragging(true))
    })?;
    on(window, "dragleave", mailbox, |event: DragEvent| {
        // Leaving the window, not just one element for another.
        event
            .related_target()
            .is_none()
            .then_some(Signal::Dragging(false))
    })?;
    on(window, "drop", mailbox, |event: DragEvent| {
        event.prevent_default();
        let files = list(event.data_transfer()?.files()?);
        if is_model(&files) {
            return Some(Signal::ModelGiven(files));
        }
        let file = files.into_iter().next()?;
        Some(Signal::FileGiven(file))
    })?;
    on(window, "drop", mailbox, |_: Event| {
        Some(Signal::Dragging(false))
    })?;
    for button in [&view.listen, &view.choose] {
        enable(button);
    }
    Ok(())
}

/// What a list holds, which later changes with its input.
fn list(files: FileList) -> Vec<File> {
    (0..files.length())
        .filter_map(|index| files.get(index))
        .collect()
}

fn on<E: JsCast + 'static>(
    target: &EventTarget,
    name: &str,
    mailbox: &Mailbox,
    read: impl Fn(E) -> Option<Signal> + 'static,
) -> Result<(), JsValue> {
    let mailbox = mailbox.clone();
    let listener = Callback::new(move |event: JsValue| {
        if let Some(signal) = read(event.unchecked_into()) {
            mailbox.handle(signal);
        }
    });
    target.add_event_listener_with_callback(name, listener.into_js_value().unchecked_ref())
}
