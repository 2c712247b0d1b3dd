//! The timeline of a recording, drawn on a canvas: a row for each speaker. Each prediction is a column in its
//! class's colour, as high as the confidence, or each utterance where predictions would be thinner than a
//! pixel; each run of one verdict has its name above; silence stays blank. Only what is in sight is drawn.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, CssStyleDeclaration, HtmlCanvasElement, Window};

use super::{
    history::{Step, runs},
    keeper::Kept,
};
use crate::{
    class::Labels,
    record::Utterance,
    session::Verdict,
    web::{
        numbers::clock,
        page::{lanes, wording::ink_of},
        words::tr,
    },
};

/// Height of a row of names, in CSS pixels.
const NAMES: f64 = 24.0;
/// Height of what is drawn of one speaker below the names, when there is one and when there are several.
const BARS: [f64; 2] = [104.0, 64.0];
/// Height of the row of sections and notes.
const MARKS: f64 = 26.0;
/// Least distance of two names.
const NAME_GAP: f64 = 8.0;
/// Height of the row of times.
const TIMES: f64 = 24.0;
/// Least distance of two times.
const TIME_GAP: f64 = 72.0;
/// Distances of times, in seconds.
const TIME_STEPS: [f64; 12] = [
    0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];
/// Predictions thinner than this are not drawn, in CSS pixels; there is about one in a quarter of a second.
const THIN: f64 = 0.25;

/// What of a recording is shown.
pub struct Scene<'a> {
    /// The recording.
    pub kept: &'a Kept,
    /// Left edge, in seconds.
    pub start_s: f64,
    /// Scale.
    pub px_per_s: f64,
    /// The utterance that is chosen.
    pub selected: Option<u64>,
    /// The moment that is chosen or played, in seconds.
    pub cursor_s: Option<f64>,
}

/// The height of the timeline of a recording, in CSS pixels.
pub fn height(kept: &Kept) -> f64 {
    let lanes = kept.source.lanes.len().max(1);
    marks(kept) + lanes as f64 * (NAMES + bars(kept)) + TIMES
}

/// The lane at a height of the timeline, in CSS pixels.
pub fn lane_at(kept: &Kept, y: f64) -> usize {
    let lane = ((y - marks(kept)) / (NAMES + bars(kept))).max(0.0) as usize;
    lane.min(kept.source.lanes.len().saturating_sub(1))
}

fn marks(kept: &Kept) -> f64 {
    if kept.source.sections.is_empty() && kept.source.notes.is_empty() {
        0.0
    } else {
        MARKS
    }
}

fn bars(kept: &Kept) -> f64 {
    let [one, several] = BARS;
    if kept.source.lanes.len() > 1 {
        several
    } else {
        one
    }
}

/// Draws a scene on a canvas of so many CSS pixels.
pub fn draw(
    window: &Window,
    canvas: &HtmlCanvasElement,
    style: &CssStyleDeclaration,
    size: (f64, f64),
    scene: &Scene,
    ground: Option<&str>,
) -> Result<(), JsValue> {
    let (width, height) = size;
    let scale = window.device_pixel_ratio().max(1.0);
    let pixels = ((width * scale) as u32, (height * scale) as u32);
    if (canvas.width(), canvas.height()) != pixels {
        canvas.set_width(pixels.0);
        canvas.set_height(pixels.1);
    }
    let context: CanvasRenderingContext2d = canvas
        .get_context("2d")?
        .ok_or("no 2d context")?
        .unchecked_into();
    context.set_transform(scale, 0.0, 0.0, scale, 0.0, 0.0)?;
    context.clear_rect(0.0, 0.0, width, height);
    if let Some(ground) = ground {
        context.set_fill_style_str(ground);
        context.fill_rect(0.0, 0.0, width, height);
    }
    let labels = &scene.kept.labels;
    let palette = labels.classes().map(|class| ink_of(style, labels, class));
    context.set_font(&font("600", &style.get_property_value("font-family")?));
    // Measuring a text takes longer than drawing it.
    let measured = |name: String| {
        let width = context.measure_text(&name).map(|measured| measured.width());
        (name, width.unwrap_or(f64::MAX))
    };
    let names = labels.names().iter().map(|name| measured(tr(name)));
    let names = names.chain(std::iter::once_with(|| measured(tr("not sure"))));
    let drawing = Drawing {
        context: &context,
        style,
        palette: palette.collect(),
        names: names.collect(),
        unsure: style.get_property_value("--unsure")?,
        family: style.get_property_value("font-family")?,
        width,
        height,
        scene,
        end_s: scene.start_s + width / scene.px_per_s,
    };
    drawing.sections()?;
    drawing.axis()?;
    let kept = scene.kept;
    for lane in 0..kept.source.lanes.len() {
        drawing.lane(lane)?;
    }
    drawing.cursor()
}

struct Drawing<'a> {
    context: &'a CanvasRenderingContext2d,
    style: &'a CssStyleDeclaration,
    palette: Vec<String>,
    /// Of each class and of none, with their widths.
    names: Vec<(String, f64)>,
    unsure: String,
    family: String,
    width: f64,
    height: f64,
    scene: &'a Scene<'a>,
    end_s: f64,
}

impl Drawing<'_> {
    fn x(&self, at_s: f64) -> f64 {
        ((at_s - self.scene.start_s) * self.scene.px_per_s)
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

    fn ink_of(&self, verdict: Verdict) {
        let ink = ink_index(verdict).and_then(|index| self.palette.get(index));
        self.context.set_fill_style_str(ink.unwrap_or(&self.unsure));
    }

    fn font(&self, weight: &str) {
        self.context.set_font(&font(weight, &self.family));
    }

    fn axis(&self) -> Result<(), JsValue> {
        let Scene {
            start_s, px_per_s, ..
        } = *self.scene;
        self.ink("line")?;
        self.context.fill_rect(0.0, self.base(), self.width, 1.0);
        let gap_s = TIME_STEPS
            .into_iter()
            .find(|step| step * px_per_s >= TIME_GAP)
            .unwrap_or(1_200.0);
        self.font("400");
        let first = (start_s / gap_s).ceil() as u32;
        let last = (self.end_s / gap_s).floor() as u32;
        for mark in first..=last {
            let at_s = f64::from(mark) * gap_s;
            let x = self.x(at_s);
            // Tenths of a second have lines and no words.
            self.ink("line")?;
            self.context.fill_rect(x, self.base(), 1.0, 5.0);
            if gap_s < 1.0 && at_s.fract() > 1e-6 {
                continue;
            }
            let text = clock(at_s + 1e-6);
            let text_width = self.context.measure_text(&text)?.width();
            let left = (x - text_width / 2.0).min(self.width - text_width).max(0.0);
            self.ink("muted")?;
            self.context.fill_text(&text, left, self.height - 5.0)?;
        }
        Ok(())
    }

    /// Bands with the sections' names, and a flag for each note.
    fn sections(&self) -> Result<(), JsValue> {
        let source = &self.scene.kept.source;
        self.font("600");
        for section in &source.sections {
            let (left, right) = (
                self.x(seconds(section.start_ms)),
                self.x(seconds(section.end_ms)),
            );
            if right - left < 1.0 {
                continue;
            }
            self.ink("track")?;
            self.context
                .fill_rect(left, 0.0, right - left - 1.0, MARKS - 6.0);
            self.ink("accent")?;
            self.context.fill_rect(left, 0.0, 2.0, self.base());
            self.ink("text")?;
            self.text_within(&section.name, left + 8.0, right - 8.0, MARKS - 12.0)?;
        }
        for note in &source.notes {
            let at_s = seconds(note.at_ms);
            if at_s < self.scene.start_s || at_s > self.end_s {
                continue;
            }
            let x = self.x(at_s);
            self.ink("alert-line")?;
            self.context.fill_rect(x - 1.0, 0.0, 2.0, self.base());
            self.context.fill_rect(x - 1.0, 0.0, 9.0, 8.0);
        }
        Ok(())
    }

    fn text_within(&self, text: &str, left: f64, right: f64, y: f64) -> Result<(), JsValue> {
        // No letter is narrower.
        let most = ((right - left) / 3.0) as usize;
        let mut text: String = text.chars().take(most).collect();
        while self.context.measure_text(&text)?.width() > right - left {
            text.pop();
            if text.pop().is_none() {
                return Ok(());
            }
            text.push('…');
        }
        self.context.fill_text(&text, left, y)
    }

    /// A speaker's colour along the row, and number and name at its end.
    fn speaker(&self, lane: usize, name: &str, top: f64, base: f64) -> Result<(), JsValue> {
        let context = self.context;
        let colour = self.style.get_property_value(&lanes::ink(lane))?;
        context.set_fill_style_str(&colour);
        context.fill_rect(0.0, top + 4.0, 3.0, base - top - 4.0);
        self.font("600");
        let text = [&lanes::number(lane), "\u{2002}", name].concat();
        let width = context.measure_text(&text)?.width();
        let left = (self.width - width - 16.0).max(0.0);
        context.fill_rect(left, base - 20.0, width + 12.0, 18.0);
        self.ink("surface")?;
        context.fill_text(&text, left + 6.0, base - 7.0)
    }

    fn lane(&self, number: usize) -> Result<(), JsValue> {
        let kept = self.scene.kept;
        let bars = bars(kept);
        let top = marks(kept) + number as f64 * (NAMES + bars);
        let row = Row {
            drawing: self,
            top: top + NAMES,
            bars,
        };
        if number > 0 {
            self.ink("line")?;
            self.context.fill_rect(0.0, top, self.width, 1.0);
        }
        let from_ms = (self.scene.start_s.max(0.0) * 1e3) as u64;
        let spoken = kept.between(from_ms, (self.end_s * 1e3) as u64).iter();
        let spoken: Vec<&Utterance> = spoken.filter(|spoken| spoken.lane == number).collect();
        let steps = kept.histories.get(number).map_or(&[][..], |history| {
            history.between(self.scene.start_s, self.end_s)
        });
        let whole: Vec<Step> = spoken
            .iter()
            .map(|spoken| step(spoken, &kept.labels))
            .collect();
        let is_fine = self.scene.px_per_s * 0.25 >= THIN && !steps.is_empty();
        let shown = if is_fine { steps } else { &whole };
        let runs: Vec<Step> = runs(shown).collect();
        // One colour after the other: choosing one takes longer than drawing with it.
        let unsure = std::iter::once(Verdict::Unsure);
        let verdicts = kept.labels.classes().map(Verdict::Emotion).chain(unsure);
        for verdict in verdicts {
            let is_of = |step: &&Step| ink_index(step.verdict) == ink_index(verdict);
            self.ink_of(verdict);
            shown.iter().filter(is_of).for_each(|step| row.step(step));
            self.context.set_global_alpha(0.14);
            runs.iter().filter(is_of).for_each(|run| row.band(run));
            self.context.set_global_alpha(1.0);
        }
        self.font("600");
        let mut free_from = 0.0;
        for run in &runs {
            free_from = row.name(run, free_from)?;
        }
        for spoken in spoken {
            row.marks(spoken)?;
        }
        if kept.source.lanes.len() > 1
            && let Some(lane) = kept.source.lanes.get(number)
        {
            self.speaker(number, &lane.name, top, row.top + bars)?;
        }
        Ok(())
    }

    fn cursor(&self) -> Result<(), JsValue> {
        let Some(at_s) = self.scene.cursor_s else {
            return Ok(());
        };
        if at_s < self.scene.start_s || at_s > self.end_s {
            return Ok(());
        }
        let x = self.x(at_s);
        self.ink("text")?;
        self.context.fill_rect(x - 1.0, 0.0, 2.0, self.base());
        self.context.fill_rect(x - 4.0, self.base(), 8.0, 4.0);
        Ok(())
    }
}

/// One speaker's part of the canvas.
struct Row<'a> {
    drawing: &'a Drawing<'a>,
    top: f64,
    bars: f64,
}

impl Row<'_> {
    fn step(&self, step: &Step) {
        let drawing = self.drawing;
        let (left, right) = (drawing.x(step.start_s), drawing.x(step.end_s));
        let height = f64::from(step.confidence) * self.bars;
        // Columns meet without a gap on whole pixels.
        let left = left.round_ties_even();
        let width = (right.round_ties_even() - left).max(1.0);
        drawing
            .context
            .fill_rect(left, self.top + self.bars - height, width, height);
    }

    /// A pale band over the run's whole height.
    fn band(&self, run: &Step) {
        let drawing = self.drawing;
        let (left, right) = (drawing.x(run.start_s), drawing.x(run.end_s));
        let context = drawing.context;
        context.fill_rect(left, self.top, right - left, self.bars);
    }

    /// The run's name where there is room right of `free_from`; gives where the next name may begin.
    fn name(&self, run: &Step, free_from: f64) -> Result<f64, JsValue> {
        let drawing = self.drawing;
        let (left, right) = (drawing.x(run.start_s), drawing.x(run.end_s));
        let names = &drawing.names;
        let name = ink_index(run.verdict).and_then(|index| names.get(index));
        let Some((name, width)) = name.or(names.last()) else {
            return Ok(free_from);
        };
        // An emotion's name may reach into the silence after it; the lack of one must not.
        let is_emotion = matches!(run.verdict, Verdict::Emotion(_));
        if left < free_from || (!is_emotion && right - left < width.max(4.0 * NAME_GAP)) {
            return Ok(free_from);
        }
        let left = left.min(drawing.width - width).max(0.0);
        if left < free_from {
            return Ok(free_from);
        }
        if is_emotion {
            drawing.ink_of(run.verdict);
        } else {
            drawing.ink("muted")?;
        }
        let y = self.top - 9.0;
        drawing.context.fill_text(name, left, y)?;
        Ok(left + width + NAME_GAP)
    }

    /// A frame around the chosen utterance, and a foot in the colour of what a person said.
    fn marks(&self, spoken: &Utterance) -> Result<(), JsValue> {
        let drawing = self.drawing;
        let context = drawing.context;
        let left = drawing.x(seconds(spoken.start_ms));
        let width = (drawing.x(seconds(spoken.end_ms)) - left).max(2.0);
        let labels = &drawing.scene.kept.labels;
        let corrected = spoken.correction.as_ref();
        if let Some(class) = corrected.and_then(|label| labels.class(label)) {
            drawing.ink_of(Verdict::Emotion(class));
            context.fill_rect(left, self.top + self.bars - 5.0, width, 5.0);
            drawing.ink("surface")?;
            context.fill_rect(left, self.top + self.bars - 6.0, width, 1.0);
        }
        if drawing.scene.selected == Some(spoken.id) {
            drawing.ink("text")?;
            let (top, bottom) = (self.top - 2.0, self.top + self.bars);
            context.fill_rect(left, top, width, 2.0);
            context.fill_rect(left, bottom - 1.0, width, 2.0);
            context.fill_rect(left, top, 2.0, bottom - top);
            context.fill_rect(left + width - 2.0, top, 2.0, bottom - top);
        }
        Ok(())
    }
}

fn font(weight: &str, family: &str) -> String {
    [weight, " 12px ", family].concat()
}

/// Which of the classes' colours it has; the one for none otherwise.
fn ink_index(verdict: Verdict) -> Option<usize> {
    match verdict {
        Verdict::Emotion(class) => Some(class.index()),
        _ => None,
    }
}

/// An utterance as one step.
fn step(utterance: &Utterance, labels: &Labels) -> Step {
    let label = utterance.label.as_ref();
    let class = label.and_then(|label| labels.class(label));
    Step {
        start_s: seconds(utterance.start_ms),
        end_s: seconds(utterance.end_ms),
        verdict: class.map_or(Verdict::Unsure, Verdict::Emotion),
        confidence: utterance.confidence,
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1e3
}
