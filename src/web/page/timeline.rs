//! The timeline: what was expressed over time, drawn on a canvas. Each step is a column in its class's
//! colour, as high as the confidence; each run of one verdict has its name above; silence stays blank.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, CssStyleDeclaration, HtmlCanvasElement, Window};

use super::{
    history::{History, Step, runs},
    wording::{Names, colour},
};
use crate::{session::Verdict, web::numbers::clock};

/// Height of the row of names, in CSS pixels.
const NAMES: f64 = 24.0;
/// Least distance of two names.
const NAME_GAP: f64 = 8.0;
/// Height of the row of times.
const TIMES: f64 = 24.0;
/// Least distance of two times.
const TIME_GAP: f64 = 72.0;
/// Distances of times, in seconds.
const TIME_STEPS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// The canvas with its context.
pub struct Timeline {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    window: Window,
}

impl Timeline {
    /// Takes the canvas.
    pub fn new(canvas: HtmlCanvasElement, window: Window) -> Result<Self, JsValue> {
        let context = canvas
            .get_context("2d")?
            .ok_or("no 2d context")?
            .unchecked_into();
        Ok(Self {
            canvas,
            context,
            window,
        })
    }

    /// Draws the seconds `start_s..end_s`.
    pub fn draw(
        &self,
        history: &History,
        names: &Names,
        start_s: f64,
        end_s: f64,
    ) -> Result<(), JsValue> {
        let scale = self.window.device_pixel_ratio();
        let width = f64::from(self.canvas.client_width());
        let height = f64::from(self.canvas.client_height());
        if width == 0.0 {
            // Nothing is shown yet.
            return Ok(());
        }
        // Setting the size clears the canvas.
        for (name, length) in [("width", width), ("height", height)] {
            let pixels = (length * scale) as u32;
            self.canvas.set_attribute(name, &pixels.to_string())?;
        }
        self.context.scale(scale, scale)?;
        let Some(style) = self.window.get_computed_style(&self.canvas)? else {
            return Ok(());
        };
        let drawing = Drawing {
            context: &self.context,
            style: &style,
            width,
            height,
            start_s,
            px_per_s: width / (end_s - start_s),
        };
        drawing.axis(end_s)?;
        let steps = history.since(start_s);
        let mut inked = None;
        for step in steps {
            // Looking a colour up takes longer than drawing with it.
            if inked != Some(step.verdict) {
                drawing.ink_of(step.verdict)?;
                inked = Some(step.verdict);
            }
            drawing.step(step);
        }
        let mut free_from = 0.0;
        for run in runs(steps) {
            free_from = drawing.run(&run, &names.word(run.verdict), free_from)?;
        }
        Ok(())
    }
}

struct Drawing<'a> {
    context: &'a CanvasRenderingContext2d,
    style: &'a CssStyleDeclaration,
    width: f64,
    height: f64,
    start_s: f64,
    px_per_s: f64,
}

impl Drawing<'_> {
    fn x(&self, at_s: f64) -> f64 {
        ((at_s - self.start_s) * self.px_per_s)
            .max(0.0)
            .min(self.width)
    }

    fn base(&self) -> f64 {
        self.height - TIMES
    }

    fn ink(&self, name: &str) -> Result<(), JsValue> {
        let colour = self.style.get_property_value(&["--", name].concat())?;
        self.context.set_fill_style_str(&colour);
        Ok(())
    }

    fn ink_of(&self, verdict: Verdict) -> Result<(), JsValue> {
        match verdict {
            Verdict::Emotion(class) => self.ink(&colour(class)),
            _ => self.ink("unsure"),
        }
    }

    fn font(&self, weight: &str) -> Result<(), JsValue> {
        let family = self.style.get_property_value("font-family")?;
        self.context.set_font(&[weight, " 12px ", &family].concat());
        Ok(())
    }

    fn axis(&self, end_s: f64) -> Result<(), JsValue> {
        self.ink("line")?;
        self.context.fill_rect(0.0, self.base(), self.width, 1.0);
        let gap_s = TIME_STEPS
            .into_iter()
            .find(|step| step * self.px_per_s >= TIME_GAP)
            .unwrap_or(900.0);
        self.font("400")?;
        let mut at_s = (self.start_s / gap_s).ceil() * gap_s;
        while at_s <= end_s {
            let x = self.x(at_s);
            let text = clock(at_s);
            let text_width = self.context.measure_text(&text)?.width();
            self.ink("line")?;
            self.context.fill_rect(x, self.base(), 1.0, 5.0);
            let left = (x - text_width / 2.0).min(self.width - text_width).max(0.0);
            self.ink("muted")?;
            self.context.fill_text(&text, left, self.height - 5.0)?;
            at_s += gap_s;
        }
        Ok(())
    }

    /// A pale band over the run's whole height, and its name where there is room right of `free_from`;
    /// gives where the next name may begin.
    fn run(&self, run: &Step, name: &str, free_from: f64) -> Result<f64, JsValue> {
        let (left, right) = (self.x(run.start_s), self.x(run.end_s));
        self.ink_of(run.verdict)?;
        self.context.set_global_alpha(0.14);
        self.context
            .fill_rect(left, NAMES, right - left, self.base() - NAMES);
        self.context.set_global_alpha(1.0);
        self.font("600")?;
        let width = self.context.measure_text(name)?.width();
        let left = left.min(self.width - width).max(0.0);
        // An emotion's name may reach into the silence after it; the lack of one must not.
        let is_emotion = matches!(run.verdict, Verdict::Emotion(_));
        if left < free_from || (!is_emotion && width > right - left) {
            return Ok(free_from);
        }
        if !is_emotion {
            self.ink("muted")?;
        }
        self.context.fill_text(name, left, NAMES - 9.0)?;
        Ok(left + width + NAME_GAP)
    }

    fn step(&self, step: &Step) {
        let (left, right) = (self.x(step.start_s), self.x(step.end_s));
        let height = f64::from(step.confidence) * (self.base() - NAMES);
        // Columns meet without a gap on whole pixels.
        let left = left.round_ties_even();
        let width = (right.round_ties_even() - left).max(1.0);
        self.context
            .fill_rect(left, self.base() - height, width, height);
    }
}
