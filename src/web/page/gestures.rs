//! What people do with the page, as signals: clicks, keys, files chosen and dropped.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DragEvent, Element, Event, EventTarget, File, FileList, KeyboardEvent, Window};

use super::{
    dom::enable,
    dropped::{Dropped, listed},
    model::is_model,
    results::number_of,
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
        (&view.results.cancel_all, || Signal::CancelAllPressed),
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
        (
            &view.file,
            (|files| Some(Signal::FilesGiven(files, 0))) as fn(Vec<File>) -> Option<Signal>,
        ),
        (&panel.file, |mut files| {
            files.pop().map(Signal::CalibrationGiven)
        }),
    ] {
        let chosen = input.clone();
        on(input, "change", mailbox, move |_: Event| {
            let files = listed(chosen.files());
            // Choosing the same file again is a change too.
            chosen.set_value("");
            given(files)
        })?;
    }
    on(&view.results.rows, "click", mailbox, |event: Event| {
        let target: Element = event.target()?.dyn_into().ok()?;
        number_of(&target, "data-row")
            .map(Signal::RowChosen)
            .or_else(|| number_of(&target, "data-cancel").map(Signal::RowCancelled))
    })?;
    on(&view.lanes.list, "click", mailbox, |event: Event| {
        let target: Element = event.target()?.dyn_into().ok()?;
        number_of(&target, "data-lane").map(|lane| Signal::LaneChosen(lane as usize))
    })?;
    let microphone = view.inputs.microphone.clone();
    on(
        &view.inputs.microphone,
        "change",
        mailbox,
        move |_: Event| Some(Signal::DeviceChosen(microphone.value())),
    )?;
    let lanes = view.inputs.lanes.clone();
    on(&view.inputs.lanes, "change", mailbox, move |_: Event| {
        lanes.value().parse().ok().map(Signal::LanesChosen)
    })?;

    let chosen = view.own.input.clone();
    on(&view.own.input, "change", mailbox, move |_: Event| {
        let files = list(chosen.files()?);
        chosen.set_value("");
        Some(Signal::ModelGiven(files))
    })?;

    on(window, "keydown", mailbox, |event: KeyboardEvent| {
        (event.key() == "Escape").then_some(Signal::CancelPressed)
    })?;
    let body = view.body().clone();
    on(window, "beforeunload", mailbox, move |event: Event| {
        // The browser asks whether to leave; of what is kept the session asks itself.
        if body.get_attribute("data-phase").as_deref() == Some("reading") {
            event.prevent_default();
        }
        None
    })?;
    if let Some(document) = window.document() {
        let seen = document.clone();
        on(&document, "visibilitychange", mailbox, move |_: Event| {
            (!seen.hidden()).then_some(Signal::Seen)
        })?;
    }
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
    let letters = mailbox.clone();
    on(window, "drop", mailbox, move |event: DragEvent| {
        event.prevent_default();
        let (dropped, letters) = (Dropped::new(&event.data_transfer()?), letters.clone());
        spawn_local(async move {
            let (files, left_out) = dropped.files().await;
            if is_model(&files) {
                letters.send(Signal::ModelGiven(files));
            } else if !files.is_empty() || left_out > 0 {
                letters.send(Signal::FilesGiven(files, left_out));
            }
        });
        None
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
