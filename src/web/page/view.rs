//! What the person sees: the elements of index.html and the only code that changes them.

use std::cell::Cell;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, HtmlElement, HtmlInputElement, Window};

use super::{
    dom::{Finder, scale_x, set_hidden, set_progress, set_text, toggle},
    explain::Explain,
    inputs::Inputs,
    lanes::Lanes,
    model::ModelPanel,
    panel::Panel,
    results::Results,
    samples::SAMPLES,
    wording::{Names, colour, hue},
};
use crate::{
    class::Class,
    model::Posterior,
    protocol::{BUILD, ModelSummary},
    session::Verdict,
    web::{
        client::decoder::Ending,
        client::microphone::Processing,
        error::WebError,
        numbers::{clock, isolated, percent, permille, tenths, thousands},
        words::{tell, tr},
    },
};

/// What the page is doing; the style sheet shows and hides by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing yet.
    Idle,
    /// The microphone is being opened or a file decoded.
    Opening,
    /// The input is there, the engine is not yet.
    Waiting,
    /// Listening to the microphone.
    Live,
    /// Reading aloud for a calibration.
    Reading,
    /// Reading a file.
    Analysing,
    /// Finished: the result is on screen.
    Result,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Opening => "opening",
            Self::Waiting => "waiting",
            Self::Live => "live",
            Self::Reading => "reading",
            Self::Analysing => "analysing",
            Self::Result => "result",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Self::Idle | Self::Result => "Start listening",
            Self::Live => "Stop",
            Self::Opening | Self::Waiting | Self::Reading | Self::Analysing => "Cancel",
        }
    }
}

/// The large words and the lines above and below them.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// Small line above.
    pub kicker: String,
    /// The words themselves.
    pub text: String,
    /// Line below.
    pub detail: String,
    /// Gives the colour; none for words that are no verdict.
    pub verdict: Option<Verdict>,
    /// Whether they say that several emotions are expressed.
    pub is_mixed: bool,
}

impl Words {
    /// Words without a verdict.
    pub fn plain(kicker: &str, text: &str, detail: &str) -> Self {
        Self {
            kicker: kicker.into(),
            text: text.into(),
            detail: detail.into(),
            verdict: None,
            is_mixed: false,
        }
    }
}

/// A class with its bar and its share.
pub struct Row {
    item: HtmlElement,
    name: Element,
    fill: HtmlElement,
    percent: Element,
}

/// The page's elements.
pub struct View {
    window: Window,
    document: Document,
    body: HtmlElement,
    engine_text: HtmlElement,
    engine_progress: HtmlElement,
    kicker: HtmlElement,
    verdict: HtmlElement,
    detail: HtmlElement,
    alert: HtmlElement,
    alert_title: HtmlElement,
    alert_advice: HtmlElement,
    /// The button beside an error.
    pub alert_action: HtmlElement,
    /// The choice of languages.
    pub language: HtmlElement,
    /// The primary button.
    pub listen: HtmlElement,
    listen_text: HtmlElement,
    /// Opens the file dialogue.
    pub choose: HtmlElement,
    /// The file dialogue.
    pub file: HtmlInputElement,
    speaking: HtmlElement,
    level: HtmlElement,
    elapsed: HtmlElement,
    device: HtmlElement,
    latency: HtmlElement,
    lost: HtmlElement,
    file_progress: HtmlElement,
    file_progress_text: HtmlElement,
    /// What the page is doing.
    phase: Cell<Phase>,
    model: Option<ModelSummary>,
    /// What the classes are called.
    pub names: Names,
    emotions: HtmlElement,
    rows: Vec<Row>,
    voices: HtmlElement,
    other_voices: HtmlElement,
    model_facts: HtmlElement,
    announcer: HtmlElement,
    /// What makes it fit a voice.
    pub panel: Panel,
    /// The microphone and what channels are.
    pub inputs: Inputs,
    /// The speakers.
    pub lanes: Lanes,
    /// What was listened to.
    pub results: Results,
    sound_advice: HtmlElement,
    /// How an answer came about.
    pub explain: Explain,
    /// Whose model judges.
    pub own: ModelPanel,
    /// The buttons of [`SAMPLES`].
    pub samples: [HtmlElement; SAMPLES.len()],
}

impl View {
    /// Finds the elements.
    ///
    /// # Errors
    /// When index.html lacks one of them.
    pub fn new(window: &Window, finder: &mut Finder) -> Result<Self, JsValue> {
        let document = window.document().ok_or("no document")?;
        let body = document.body().ok_or("no body")?;
        body.set_attribute("data-build", BUILD)?;
        let mut find = |id| finder.find(id);
        let view = Self {
            window: window.clone(),
            engine_text: find("engine-text"),
            engine_progress: find("engine-progress"),
            kicker: find("kicker"),
            verdict: find("verdict"),
            detail: find("detail"),
            alert: find("alert"),
            alert_title: find("alert-title"),
            alert_advice: find("alert-advice"),
            alert_action: find("alert-action"),
            language: find("language"),
            listen: find("listen"),
            listen_text: find("listen-text"),
            choose: find("choose"),
            file: find("file").unchecked_into(),
            speaking: find("speaking"),
            level: find("level"),
            elapsed: find("elapsed"),
            device: find("device"),
            latency: find("latency"),
            lost: find("lost"),
            file_progress: find("file-progress"),
            file_progress_text: find("file-progress-text"),
            phase: Cell::new(Phase::Idle),
            model: None,
            names: Names::default(),
            emotions: find("emotions"),
            rows: Vec::new(),
            voices: find("voices"),
            other_voices: find("other-voices"),
            model_facts: find("model-facts"),
            announcer: find("announcer"),
            sound_advice: find("sound-advice"),
            panel: Panel::new(&body, finder),
            inputs: Inputs::new(finder),
            lanes: Lanes::new(finder),
            results: Results::new(finder),
            own: ModelPanel::new(finder),
            explain: Explain::new(&document, finder),
            samples: SAMPLES.each_ref().map(|sample| sample.button(finder)),
            body,
            document,
        };
        Ok(view)
    }

    /// Size of the engine and the model in bytes, noted in the page when it was built.
    pub fn engine_bytes(&self) -> u32 {
        self.body
            .get_attribute("data-engine-bytes")
            .and_then(|bytes| bytes.parse().ok())
            .unwrap_or(0)
    }

    /// Shows how much of the engine has arrived.
    pub fn engine_loading(&self, received: u32, total: u32) {
        self.body_data("data-engine", "loading");
        let total = total.max(received);
        let [received_mb, total_mb] = [received, total].map(|bytes| tenths(bytes / 100_000));
        self.engine_says(&tell(
            "Loading the engine: {0} of {1}\u{202f}MB",
            &[&received_mb, &total_mb],
        ));
        if total > 0 {
            set_progress(&self.engine_progress, received as f32 / total as f32);
        }
    }

    /// Shows that the engine is being started.
    pub fn engine_starting(&self) {
        self.body_data("data-engine", "starting");
        self.engine_says(&tr("Starting the engine"));
        let _ = self.engine_progress.remove_attribute("value");
    }

    /// Shows that the engine is ready and what is known of its model.
    pub fn engine_ready(&mut self, model: ModelSummary) {
        // A list that cannot grow still leaves the headline and the timeline.
        let _ = self.classes(&model.labels);
        self.body_data("data-engine", "ready");
        self.engine_says(&tr("Engine ready"));
        self.facts(&model);
        self.model = Some(model);
    }

    /// Says who taught the model and how often it is right.
    fn facts(&self, model: &ModelSummary) {
        let guessed = 100 / model.labels.len().max(1) as u32;
        let is_shipped = self.voices.get_attribute("data-set").as_ref() == Some(&model.data_set);
        if !is_shipped {
            let speakers = thousands(model.speakers);
            let told = tell(
                "It estimates what a voice expresses, as {0} speakers have expressed it: {1}. It does not know what anyone feels, and it does not understand words.",
                &[&speakers, &model.data_set],
            );
            self.other_voices.set_text_content(Some(&told));
        }
        let whose = if is_shipped { "shipped" } else { "other" };
        self.body_data("data-model", whose);
        let in_hundred = |share: f32| ((share * 100.0).round_ties_even() as u32).to_string();
        let right = in_hundred(model.war);
        let facts = match &model.strangers {
            Some(strangers) => tell(
                "On people and languages it was never given, it is right about {0} times in 100 where guessing is right {1} times; where it names an emotion, {2} times. On new voices of the kind it has learned from, it is right about {3} times in 100.",
                &[
                    &in_hundred(strangers.uar),
                    &in_hundred(strangers.guessing),
                    &in_hundred(strangers.claimed_right),
                    &right,
                ],
            ),
            None => tell(
                if is_shipped {
                    "On voices it has never heard it is right about {0} times in 100; guessing would be right {1} times. That was measured on {2} acted recordings; other accents, languages and microphones make it err more."
                } else {
                    "On voices it has never heard it is right about {0} times in 100; guessing would be right {1} times. That was measured on {2} recordings; other accents, languages and microphones make it err more."
                },
                &[&right, &guessed.to_string(), &thousands(model.clips)],
            ),
        };
        let unsure = tr("It says “not sure” when no emotion stands out.");
        let facts = [&facts, " ", &unsure].concat();
        self.model_facts.set_text_content(Some(&facts));
    }

    /// Shows that the page no longer needs the network.
    pub fn kept(&self) {
        self.engine_says(&tr("Engine ready, works offline now"));
    }

    /// Shows that there is no engine.
    pub fn engine_missing(&self) {
        self.body_data("data-engine", "missing");
        self.engine_says(&tr("No engine"));
    }

    /// Shows what the page is doing.
    pub fn phase(&self, phase: Phase) {
        self.body_data("data-phase", phase.name());
        self.phase.set(phase);
        self.listen_text.set_text_content(Some(&tr(phase.button())));
    }

    /// The words that index.html begins with.
    pub fn invitation(&self) -> Words {
        Words::plain(
            &tr("On your device. Nothing leaves it."),
            &tr("What does your voice express?"),
            &tr("Press the button and speak a sentence or two."),
        )
    }

    /// Shows the large words.
    pub fn words(&self, words: &Words) {
        set_text(&self.kicker, &words.kicker);
        set_text(&self.verdict, &words.text);
        set_text(&self.detail, &words.detail);
        let slug = words
            .verdict
            .map_or("none", |verdict| self.names.slug(verdict));
        let slug = if words.is_mixed { "mixed" } else { slug };
        let _ = self.verdict.set_attribute("data-verdict", slug);
        let class = match words.verdict {
            Some(Verdict::Emotion(class)) => Some(class),
            _ => None,
        };
        tint(&self.verdict, class);
    }

    /// Makes a bar for each class, in a colour of its own.
    fn classes(&mut self, labels: &[String]) -> Result<(), JsValue> {
        if self.names.labels == labels {
            return Ok(());
        }
        // The style sheet knows the colours of the shipped model's labels; others share the circle of hues.
        let style = self
            .window
            .get_computed_style(&self.body)?
            .ok_or("no style")?;
        let mut are_shipped = true;
        for label in labels {
            let colour = style.get_property_value(&["--emotion-", label].concat())?;
            are_shipped &= !colour.is_empty();
        }
        self.body_data("data-labels", if are_shipped { "shipped" } else { "other" });
        self.names = Names {
            labels: labels.to_vec(),
            are_shipped,
        };
        self.emotions.set_text_content(None);
        self.rows.clear();
        for (class, label) in Class::first(labels.len()).zip(labels) {
            let value = if are_shipped {
                ["var(--emotion-", label, ")"].concat()
            } else {
                ["oklch(var(--ink) ", &hue(class, labels.len()), ")"].concat()
            };
            let name = ["--", &colour(class)].concat();
            self.body.style().set_property(&name, &value)?;
            let row = Row::new(&self.document, &self.emotions, class, &self.names)?;
            self.rows.push(row);
        }
        Ok(())
    }

    fn name_rows(&self) {
        for (class, row) in Class::first(self.rows.len()).zip(&self.rows) {
            set_text(&row.name, &isolated(&self.names.name(class)));
        }
    }

    /// Says in another language what the page says at all times.
    pub fn retell(&self) {
        self.phase(self.phase.get());
        self.name_rows();
        if let Some(model) = &self.model {
            self.facts(model);
            self.own.retell(model);
            self.engine_says(&tr("Engine ready"));
        }
    }

    fn engine_says(&self, text: &str) {
        set_text(&self.engine_text, text);
    }

    /// Moves the bars.
    pub fn posterior(&self, posterior: &Posterior) {
        let (top, _) = posterior.top();
        for (class, row) in Class::first(self.rows.len()).zip(&self.rows) {
            row.show(posterior.get(class), class == top);
        }
    }

    /// Empties everything that a session shows.
    pub fn clear(&self) {
        self.body_data("data-result", "true");
        for row in &self.rows {
            row.show(0.0, false);
        }
        for line in [&self.device, &self.latency, &self.lost] {
            line.set_text_content(None);
        }
        self.level(-120.0, false, 0.0);
        self.file_progress(0.0, 1.0);
    }

    /// As [`clear`](Self::clear), and nothing is shown of a session.
    pub fn forget(&self) {
        self.clear();
        self.explain.clear();
        let _ = self.body.remove_attribute("data-result");
    }

    /// Shows input level, speech gate and elapsed time.
    pub fn level(&self, rms_dbfs: f32, speaking: bool, at_s: f64) {
        // The meter spans the 60 dB below full scale.
        scale_x(&self.level, permille((rms_dbfs + 60.0) / 60.0));
        let text = if speaking { "Speaking" } else { "Silent" };
        set_text(&self.speaking, &tr(text));
        let state = match speaking {
            true => "true",
            false if at_s > 0.0 => "false",
            // Nothing has arrived yet.
            false => "",
        };
        let _ = self.speaking.set_attribute("data-speaking", state);
        set_text(&self.elapsed, &clock(at_s));
    }

    /// Shows how the microphone's sound arrives.
    pub fn device(&self, sample_rate_hz: u32, processing: Processing) {
        let on: Vec<String> = [
            (processing.automatic_gain, "automatic gain"),
            (processing.noise_suppression, "noise suppression"),
            (processing.echo_cancellation, "echo cancellation"),
        ]
        .into_iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| tr(name))
        .collect();
        let rate = [&tenths(sample_rate_hz / 100), "\u{202f}kHz"].concat();
        let text = if on.is_empty() {
            tell("Microphone at {0}, unprocessed", &[&rate])
        } else {
            tell(
                "Microphone at {0}; the device keeps its {1} on, which can flatten what a voice expresses",
                &[&rate, &joined(&on, &tr(" and "))],
            )
        };
        self.device.set_text_content(Some(&text));
    }

    /// Shows how long the engine takes for an answer.
    pub fn latency(&self, compute_ms: f32) {
        let compute_ms = (compute_ms.ceil() as u32).to_string();
        let text = tell("{0}\u{202f}ms per answer", &[&compute_ms]);
        set_text(&self.latency, &[" · ", &text].concat());
    }

    /// Shows what of a file was missing.
    pub fn missing(&self, ending: Ending) {
        let text = match ending {
            Ending { early: true, .. } => tr("The file ends early. What is there was analysed."),
            Ending {
                damaged_parts: 0, ..
            } => return,
            _ => tr("Parts of the file are damaged and were left out."),
        };
        set_text(&self.lost, &text);
        self.announce(&text);
    }

    /// Shows how much of the sound never reached the engine.
    pub fn lost(&self, lost_s: f64) {
        let lost = tenths((lost_s * 10.0).ceil() as u32);
        let text = tell(
            "{0}\u{202f}s of sound were lost: this device is busy",
            &[&lost],
        );
        set_text(&self.lost, &text);
    }

    /// Says what to do about the sound; nothing where there is nothing to do.
    pub fn sound_advice(&self, advice: &str) {
        set_text(&self.sound_advice, advice);
    }

    /// The page's body, which carries what it is doing.
    pub fn body(&self) -> &HtmlElement {
        &self.body
    }

    /// Shows how much of a file has been analysed.
    pub fn file_progress(&self, at_s: f64, duration_s: f64) {
        set_progress(&self.file_progress, (at_s / duration_s) as f32);
        set_text(
            &self.file_progress_text,
            &tell("{0} of {1}", &[&clock(at_s), &clock(duration_s)]),
        );
    }

    /// Shows an error beside what is on screen.
    pub fn error(&self, error: &WebError) {
        set_text(&self.alert_title, &error.title());
        set_text(&self.alert_advice, &error.advice());
        set_text(&self.alert_action, &tr(error.action().label()));
        let _ = self.alert.set_attribute("data-error", error.id());
        set_hidden(&self.alert, false);
    }

    /// Closes the error.
    pub fn clear_error(&self) {
        let _ = self.alert.remove_attribute("data-error");
        set_hidden(&self.alert, true);
    }

    /// Tells screen readers.
    pub fn announce(&self, text: &str) {
        // The same again is news too.
        self.announcer.set_text_content(None);
        set_text(&self.announcer, text);
    }

    /// Shows that a file held over the page can be dropped.
    pub fn dragging(&self, over: bool) {
        self.body_data("data-dragging", if over { "true" } else { "false" });
    }

    fn body_data(&self, name: &str, value: &str) {
        let _ = self.body.set_attribute(name, value);
    }
}

impl Row {
    /// Adds one to a list.
    pub fn new(
        document: &Document,
        list: &Element,
        class: Class,
        names: &Names,
    ) -> Result<Self, JsValue> {
        let item: HtmlElement = document.create_element("li")?.unchecked_into();
        item.set_attribute("data-emotion", names.label(class))?;
        tint(&item, Some(class));
        let part = |class: &str| -> Result<Element, JsValue> {
            let part = document.create_element("span")?;
            part.set_attribute("class", class)?;
            Ok(part)
        };
        let name = part("name")?;
        set_text(&name, &isolated(&names.name(class)));
        let track = part("track")?;
        track.set_attribute("aria-hidden", "true")?;
        let fill: HtmlElement = part("fill")?.unchecked_into();
        track.append_child(&fill)?;
        let percent = part("percent")?;
        for part in [&name, &track, &percent] {
            item.append_child(part)?;
        }
        list.append_child(&item)?;
        let row = Self {
            item,
            name,
            fill,
            percent,
        };
        row.show(0.0, false);
        Ok(row)
    }

    /// Moves the bar.
    pub fn show(&self, share: f32, is_top: bool) {
        let permille = permille(share);
        scale_x(&self.fill, permille);
        set_text(&self.percent, &percent(share));
        toggle(&self.item, "data-top", is_top);
        let _ = self
            .item
            .set_attribute("data-permille", &permille.to_string());
    }
}

/// As `slice::join`, whose code is much larger.
fn joined(parts: &[impl AsRef<str>], between: &str) -> String {
    let mut joined = String::new();
    for part in parts {
        if !joined.is_empty() {
            joined.push_str(between);
        }
        joined.push_str(part.as_ref());
    }
    joined
}

/// Gives an element the colour of a class, or takes it away.
fn tint(element: &HtmlElement, class: Option<Class>) {
    let value = class.map_or(String::new(), |class| {
        ["var(--", &colour(class), ")"].concat()
    });
    let _ = element.style().set_property("--tint", &value);
}
