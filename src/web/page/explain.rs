//! How the newest answer came about: the steps drawn from the engine's own numbers, for as long as the section
//! is open.

use js_sys::Math;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, Document, HtmlElement, ImageData};

use super::{
    dom::{Finder, set_hidden, set_text},
    view::Row,
    wording::Names,
};
use crate::{
    class::Class,
    explanation::Explanation,
    model::Posterior,
    web::{
        numbers::{percent, tenths, thousands},
        words::{tell, tr},
    },
};

/// Bands of the mel spectrogram, and coefficients.
const BANDS: usize = 64;
/// Edges of the lowest and of the highest band, in mel.
const EDGES_MEL: [f64; 2] = [77.755, 2840.038];
/// What is so far below the strongest band is blank, in nats.
const RANGE: f32 = 10.0;
/// Rows of a picture for each band, so that the pitch lies between bands.
const ROWS: usize = 3;
/// Height of the waveform's picture, and of the bars of attention.
const HEIGHT: usize = 96;
/// Of what is positive, and of the sound itself. Both can be told from light and from dark.
const INDIGO: [u8; 3] = [106, 94, 224];
/// Of what is negative, and of the pitch.
const ORANGE: [u8; 3] = [214, 112, 20];

/// The elements.
pub struct Explain {
    document: Document,
    /// Opens and closes it.
    pub section: HtmlElement,
    empty: HtmlElement,
    steps: HtmlElement,
    wave: Picture,
    mel: Picture,
    mfcc: Picture,
    lstm: Picture,
    attention: Picture,
    memory: HtmlElement,
    emotions: HtmlElement,
    answer: HtmlElement,
}

/// A canvas, and its numbers in words.
struct Picture {
    canvas: HtmlElement,
    text: HtmlElement,
}

impl Explain {
    /// Finds the elements.
    pub fn new(document: &Document, finder: &mut Finder) -> Self {
        let mut picture = |canvas, text| Picture {
            canvas: finder.find(canvas),
            text: finder.find(text),
        };
        Self {
            document: document.clone(),
            wave: picture("explain-wave", "explain-wave-text"),
            mel: picture("explain-mel", "explain-mel-text"),
            mfcc: picture("explain-mfcc", "explain-mfcc-text"),
            lstm: picture("explain-lstm", "explain-lstm-text"),
            attention: picture("explain-attention", "explain-attention-text"),
            section: finder.find("explain"),
            empty: finder.find("explain-empty"),
            steps: finder.find("explain-steps"),
            memory: finder.find("explain-memory"),
            emotions: finder.find("explain-emotions"),
            answer: finder.find("explain-answer"),
        }
    }

    /// Whether anybody looks.
    pub fn is_open(&self) -> bool {
        self.section.has_attribute("open")
    }

    /// Shows that nothing was judged yet.
    pub fn clear(&self) {
        set_hidden(&self.empty, false);
        set_hidden(&self.steps, true);
    }

    /// Shows the steps.
    pub fn show(&self, explanation: &Explanation, names: &Names) -> Result<(), JsValue> {
        let Explanation {
            start_s,
            end_s,
            envelope,
            log_mel,
            mfcc,
            pitch_hz,
            states,
            units,
            attention,
            posterior,
            segments,
            answer,
        } = explanation;
        set_hidden(&self.empty, true);
        set_hidden(&self.steps, false);

        self.wave.draw(&wave(&envelope.0))?;
        let [start, end] = [*start_s, *end_s].map(seconds);
        self.wave
            .say(&tell("{0} to {1} of what was heard.", &[&start, &end]));

        self.mel.draw(&mel(&log_mel.0, &pitch_hz.0))?;
        self.mel.say(&match pitches(&pitch_hz.0) {
            Some(pitches) => tell(
                "The pitch is mostly between {0} and {2} Hz, {1} Hz in the middle.",
                &pitches.each_ref().map(String::as_str),
            ),
            None => tr("No pitch was found."),
        });

        self.mfcc.draw(&deviations(&mfcc.0))?;
        let count = |count: usize| thousands(count as u32);
        let frames = count(pitch_hz.0.len());
        let numbers = count(mfcc.0.len());
        self.mfcc.say(&tell(
            "{0} frames of 64 coefficients: {1} numbers.",
            &[&frames, &numbers],
        ));

        // A model of another kind has none.
        set_hidden(&self.memory, *units == 0);
        if *units > 0 {
            let steps = states.0.len() / *units as usize;
            self.lstm
                .draw(&signed(&states.0, *units as usize, |state| state))?;
            let units = thousands(*units);
            self.lstm
                .say(&tell("{0} steps, {1} units.", &[&count(steps), &units]));
            self.attention.draw(&bars(&attention.0))?;
            let most = attention.0.iter().enumerate();
            let most = most.max_by(|a, b| a.1.total_cmp(b.1));
            let at_s = most.map_or(0.0, |(step, _)| {
                start_s + (end_s - start_s) * (step as f64 + 0.5) / steps.max(1) as f64
            });
            self.attention
                .say(&tell("What counts most is around {0}.", &[&seconds(at_s)]));
        }

        self.emotions.set_text_content(None);
        let (top, _) = posterior.top();
        for class in Class::first(posterior.0.len()) {
            let row = Row::new(&self.document, &self.emotions, class, names)?;
            row.show(posterior.get(class), class == top);
        }
        let said = |posterior: &Posterior| {
            let (class, share) = posterior.top();
            [&names.name(class), ", ", &percent(share)].concat()
        };
        let answer = match (answer, segments) {
            (None, _) => tr("Somebody is still speaking; more stretches follow."),
            (Some(answer), 1) => tell(
                "This stretch is all that was said. The answer: {0}.",
                &[&said(answer)],
            ),
            (Some(answer), segments) => tell(
                "The answer is the mean of {0} stretches: {1}.",
                &[&segments.to_string(), &said(answer)],
            ),
        };
        set_text(&self.answer, &answer);
        Ok(())
    }
}

impl Picture {
    fn draw(&self, pixels: &Pixels) -> Result<(), JsValue> {
        let [width, height] = [pixels.width, pixels.height].map(|size| size as u32);
        for (name, size) in [("width", width), ("height", height)] {
            self.canvas.set_attribute(name, &size.to_string())?;
        }
        if width == 0 {
            return Ok(());
        }
        let canvas: &web_sys::HtmlCanvasElement = self.canvas.unchecked_ref();
        let context = canvas.get_context("2d")?.ok_or("no 2d context")?;
        let image = ImageData::new_with_u8_clamped_array_and_sh(
            Clamped(pixels.bytes.as_slice()),
            width,
            height,
        )?;
        let context: CanvasRenderingContext2d = context.unchecked_into();
        context.put_image_data(&image, 0.0, 0.0)
    }

    fn say(&self, text: &str) {
        set_text(&self.text, text);
    }
}

/// A picture of its own size, which the style sheet stretches; blank at first.
struct Pixels {
    width: usize,
    height: usize,
    /// Red, green, blue and opacity, from the top left.
    bytes: Vec<u8>,
}

impl Pixels {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            bytes: vec![0; width * height * 4],
        }
    }

    /// Colours a pixel, counted from the bottom left, with an opacity of 0 to 1.
    fn set(&mut self, x: usize, y: usize, [red, green, blue]: [u8; 3], opacity: f32) {
        let Some(row) = self.height.checked_sub(y + 1) else {
            return;
        };
        let at = (row * self.width + x) * 4;
        if let Some(pixel) = self.bytes.get_mut(at..at + 4) {
            pixel.copy_from_slice(&[red, green, blue, (opacity * 255.0) as u8]);
        }
    }
}

/// From the least to the greatest sample, the loudest filling the height.
fn wave(envelope: &[f32]) -> Pixels {
    let mut pixels = Pixels::new(envelope.len() / 2, HEIGHT);
    let peak = envelope.iter().fold(1e-6_f32, |peak, v| peak.max(v.abs()));
    let row = |value: f32| ((value / peak + 1.0) * 0.5 * (HEIGHT - 1) as f32) as usize;
    for (x, range) in envelope.chunks_exact(2).enumerate() {
        for y in row(range[0])..=row(range[1]) {
            pixels.set(x, y, INDIGO, 1.0);
        }
    }
    pixels
}

/// Strong bands dark, the pitch as a line.
fn mel(log_mel: &[f32], pitch_hz: &[f32]) -> Pixels {
    let mut pixels = Pixels::new(log_mel.len() / BANDS, BANDS * ROWS);
    let top = log_mel.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (x, bands) in log_mel.chunks_exact(BANDS).enumerate() {
        for (band, value) in bands.iter().enumerate() {
            let opacity = ((value - top) / RANGE + 1.0).max(0.0);
            for row in 0..ROWS {
                pixels.set(x, band * ROWS + row, INDIGO, opacity);
            }
        }
    }
    let [low, high] = EDGES_MEL;
    let per_band = (high - low) / (BANDS + 1) as f64;
    for (x, &hz) in pitch_hz.iter().enumerate().filter(|(_, hz)| **hz > 0.0) {
        let mel = 2595.0 * Math::log10(1.0 + f64::from(hz) / 700.0);
        let y = ((mel - low) / per_band - 0.5) * ROWS as f64;
        for y in [y, y + 1.0] {
            pixels.set(x, y as usize, ORANGE, 1.0);
        }
    }
    pixels
}

/// Each coefficient's deviation from its mean, against the largest.
fn deviations(mfcc: &[f32]) -> Pixels {
    let frames = (mfcc.len() / BANDS).max(1) as f32;
    let mut means = [0.0; BANDS];
    let mut largest = [1e-6_f32; BANDS];
    for frame in mfcc.chunks_exact(BANDS) {
        for (mean, value) in means.iter_mut().zip(frame) {
            *mean += value / frames;
        }
    }
    for frame in mfcc.chunks_exact(BANDS) {
        for ((largest, value), mean) in largest.iter_mut().zip(frame).zip(means) {
            *largest = largest.max((value - mean).abs());
        }
    }
    let frames = mfcc.chunks_exact(BANDS).flat_map(|frame| {
        let scales = means.iter().zip(&largest);
        let scaled = |(value, (mean, largest)): (&f32, (&f32, &f32))| (value - mean) / largest;
        frame.iter().zip(scales).map(scaled)
    });
    signed(&Vec::from_iter(frames), BANDS, |value| value)
}

/// Rows of numbers in -1..=1 over time.
fn signed(values: &[f32], rows: usize, scale: impl Fn(f32) -> f32) -> Pixels {
    let mut pixels = Pixels::new(values.len() / rows, rows);
    for (x, column) in values.chunks_exact(rows).enumerate() {
        for (y, value) in column.iter().enumerate() {
            let value = scale(*value);
            let ink = if value < 0.0 { ORANGE } else { INDIGO };
            pixels.set(x, y, ink, value.abs().min(1.0));
        }
    }
    pixels
}

/// A bar for each number, the greatest filling the height.
fn bars(values: &[f32]) -> Pixels {
    let mut pixels = Pixels::new(values.len(), HEIGHT);
    let greatest = values.iter().copied().fold(1e-6, f32::max);
    for (x, value) in values.iter().enumerate() {
        for y in 0..(value / greatest * HEIGHT as f32) as usize {
            pixels.set(x, y, INDIGO, 1.0);
        }
    }
    pixels
}

/// The tenth, the half and the nine tenths of the pitches that were found, in whole Hz.
fn pitches(pitch_hz: &[f32]) -> Option<[String; 3]> {
    let mut found: Vec<u32> = pitch_hz.iter().map(|hz| *hz as u32).collect();
    found.retain(|hz| *hz > 0);
    found.sort_unstable();
    let at = |tenths: usize| found.get(found.len() * tenths / 10).map(u32::to_string);
    Some([at(1)?, at(5)?, at(9)?])
}

/// Seconds in tenths, "1.2 s".
fn seconds(at_s: f64) -> String {
    [&tenths((at_s * 10.0).round_ties_even() as u32), "\u{202f}s"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_counted_from_the_bottom_left_and_none_is_set_outside() {
        let mut pixels = Pixels::new(2, 2);
        pixels.set(1, 0, INDIGO, 1.0);
        pixels.set(0, 2, ORANGE, 1.0);
        assert_eq!(pixels.bytes[..12], [0; 12]);
        assert_eq!(pixels.bytes[12..], [106, 94, 224, 255]);
    }

    #[test]
    fn the_loudest_part_fills_the_height_of_the_waveform() {
        let pixels = wave(&[-0.5, 0.5, 0.0, 0.0]);
        let column = |x: usize| {
            pixels
                .bytes
                .chunks(4)
                .skip(x)
                .step_by(2)
                .filter(|p| p[3] > 0)
        };
        assert_eq!(column(0).count(), HEIGHT);
        assert_eq!(column(1).count(), 1);
    }

    #[test]
    fn the_middle_of_pitches_leaves_out_what_is_not_voiced() {
        let found = pitches(&[0.0, 100.0, 0.0, 300.0, 200.0]);
        assert_eq!(found, Some(["100", "200", "300"].map(String::from)));
        assert_eq!(pitches(&[0.0]), None);
        assert_eq!(seconds(1.26), "1.3\u{202f}s");
    }
}
