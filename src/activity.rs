//! The speech gate: no emotion is claimed over silence or noise.
//!
//! earshot's neural voice activity detector scores every hop of 16 ms; the gate opens after a few
//! hops of speech in a row and closes after a longer silence, so that neither a click opens it nor a
//! pause between words closes it. Deterministic: the same samples give the same answers.

use earshot::Detector;

use crate::features::HOP_SAMPLES;

/// Score from which a hop is speech, 0 to 1.
const SPEECH_SCORE: f32 = 0.5;

/// Hops of speech in a row that open the gate: 48 ms.
pub const ONSET_HOPS: u32 = 3;

/// Hops without speech that close the gate: 0.6 s.
pub const HANGOVER_HOPS: u32 = 38;

/// A hop whose root mean square is below this is never speech: digital silence, faint hiss or hum.
pub const MIN_LEVEL_DBFS: f32 = -60.0;

/// Decides hop by hop whether somebody is speaking.
pub struct SpeechGate {
    detector: Box<Detector>,
    min_mean_square: f32,
    open: bool,
    /// Hops in a row that speak against the present state.
    contrary: u32,
}

impl SpeechGate {
    /// A closed gate that has heard nothing.
    pub fn new() -> Self {
        Self {
            detector: Detector::default_boxed(),
            min_mean_square: 10f32.powf(MIN_LEVEL_DBFS / 10.0),
            open: false,
            contrary: 0,
        }
    }

    /// Takes in the next 256 samples at 16 kHz, full scale ±1 (what is beyond is clipped), and tells
    /// whether speech is going on.
    ///
    /// It says yes from the last of [`ONSET_HOPS`] hops of speech in a row to the one before the last
    /// of [`HANGOVER_HOPS`] hops without.
    pub fn push(&mut self, hop: &[f32; HOP_SAMPLES]) -> bool {
        let clipped = hop.map(|sample| {
            if sample.is_nan() {
                0.0
            } else {
                sample.clamp(-1.0, 1.0)
            }
        });
        let mean_square =
            clipped.iter().map(|sample| sample * sample).sum::<f32>() / HOP_SAMPLES as f32;
        let score = self.detector.predict_f32(&clipped);
        let is_speech = score >= SPEECH_SCORE && mean_square >= self.min_mean_square;

        self.contrary = if is_speech == self.open {
            0
        } else {
            self.contrary + 1
        };
        let patience = if self.open { HANGOVER_HOPS } else { ONSET_HOPS };
        if self.contrary == patience {
            self.open = !self.open;
            self.contrary = 0;
        }
        self.open
    }

    /// Whether speech is going on, as [`push`](Self::push) said last.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Forgets everything; the same as a new gate.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.open = false;
        self.contrary = 0;
    }
}

impl Default for SpeechGate {
    fn default() -> Self {
        Self::new()
    }
}
