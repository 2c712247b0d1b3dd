//! The speech gate: no emotion is claimed over silence or noise.
//!
//! earshot's neural voice activity detector scores every hop of 16 ms. It misses faint speech and
//! takes loud noise for speech, so every hop is brought to one level first. The gate opens after a
//! few hops of speech in a row and closes after a longer silence, so that a click does not open it
//! and a pause between words does not close it. It is deterministic: the same samples give the same
//! answers.

use earshot::Detector;

use crate::{audio::SAMPLE_RATE_HZ, dsp::sum::sum_of_squares, features::HOP_SAMPLES};

/// Score from which a hop is speech, 0 to 1.
const SPEECH_SCORE: f32 = 0.42;

/// Root mean square to which the loudest recent hop is scaled before scoring, and the most it is
/// amplified for that. All of 480 RAVDESS clips open the gate, as recorded and 12 dB louder or
/// fainter. Unscaled, 3 of the fainter ones are not heard, and street noise alone keeps the gate
/// open for 7 to 52 % of the time, depending on its level, instead of 0.3 %.
const LEVEL_DBFS: f32 = -36.0;
const MAX_GAIN_DB: f32 = 18.0;

/// How fast the loudest hop is forgotten: by 4 dB a second.
const LEVEL_DECAY_DB: f32 = 4.0 * HOP_SAMPLES as f32 / SAMPLE_RATE_HZ as f32;

/// Hops of speech in a row that open the gate: 48 ms.
pub const ONSET_HOPS: u32 = 3;

/// Hops without speech that close the gate: 0.6 s.
pub const HANGOVER_HOPS: u32 = 38;

/// A hop whose root mean square is below this is never speech: digital silence, faint hiss or hum.
pub const MIN_LEVEL_DBFS: f32 = -78.0;

/// Decides hop by hop whether somebody is speaking.
pub struct SpeechGate {
    detector: Box<Detector>,
    /// Level of the loudest recent hop.
    level_dbfs: f32,
    open: bool,
    /// Whether the latest hop is speech by itself.
    is_speech: bool,
    /// Hops in a row that contradict the present state.
    contrary: u32,
}

impl SpeechGate {
    /// A closed gate that has heard nothing.
    pub fn new() -> Self {
        Self {
            detector: Detector::default_boxed(),
            level_dbfs: MIN_LEVEL_DBFS,
            open: false,
            is_speech: false,
            contrary: 0,
        }
    }

    /// Takes in the next 256 samples at 16 kHz, full scale ±1 (clipped beyond ±1,000), and says
    /// whether speech is going on.
    ///
    /// The gate opens with the last of [`ONSET_HOPS`] hops of speech in a row and closes with the
    /// last of [`HANGOVER_HOPS`] hops in a row without. On acted speech it opens 0.05 s after the
    /// voice begins (median), and within 0.15 s in 95 of 100 cases: keep that much audio from
    /// before if you need the first words.
    pub fn push(&mut self, hop: &[f32; HOP_SAMPLES]) -> bool {
        let samples = hop.map(|sample| {
            if sample.is_nan() {
                0.0
            } else {
                sample.clamp(-1_000.0, 1_000.0)
            }
        });
        let mean_square = sum_of_squares(&samples) / HOP_SAMPLES as f32;
        let level_dbfs = 10.0 * mean_square.log10();
        self.level_dbfs = (self.level_dbfs - LEVEL_DECAY_DB).max(level_dbfs);
        let gain_db = (LEVEL_DBFS - self.level_dbfs).min(MAX_GAIN_DB);
        let gain = 10f32.powf(gain_db / 20.0);
        let scaled = samples.map(|sample| (gain * sample).clamp(-1.0, 1.0));
        let score = self.detector.predict_f32(&scaled);
        self.is_speech = score >= SPEECH_SCORE && level_dbfs >= MIN_LEVEL_DBFS;

        self.contrary = if self.is_speech == self.open {
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

    /// Whether speech is going on, as [`push`](Self::push) last said.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the latest hop is speech by itself, whatever came before it.
    pub fn hears_speech(&self) -> bool {
        self.is_speech
    }

    /// Forgets everything; the same as a new gate.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.level_dbfs = MIN_LEVEL_DBFS;
        self.open = false;
        self.is_speech = false;
        self.contrary = 0;
    }
}

impl Default for SpeechGate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Hop = [f32; HOP_SAMPLES];

    const SILENCE: Hop = [0.0; HOP_SAMPLES];

    /// Synthetic speech of 1.1 s, without the silence around it.
    fn speech() -> Vec<Hop> {
        let hops: Vec<Hop> = include_bytes!("../tests/golden/speech.s16")
            .chunks_exact(2 * HOP_SAMPLES)
            .map(|bytes| {
                std::array::from_fn(|n| {
                    f32::from(i16::from_le_bytes([bytes[2 * n], bytes[2 * n + 1]])) / 32_768.0
                })
            })
            .collect();
        hops[12..81].to_vec()
    }

    fn noise(hops: usize, amplitude: f32) -> Vec<Hop> {
        let mut state = 1u32;
        let mut sample = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            amplitude * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
        };
        (0..hops)
            .map(|_| std::array::from_fn(|_| sample()))
            .collect()
    }

    fn answers(gate: &mut SpeechGate, hops: &[Hop]) -> Vec<bool> {
        hops.iter().map(|hop| gate.push(hop)).collect()
    }

    #[test]
    fn speech_opens_the_gate_within_a_fifth_of_a_second() {
        let answers = answers(&mut SpeechGate::new(), &speech());
        let opened = answers.iter().position(|&open| open).unwrap();
        assert!(opened < 12, "after {opened} hops");
        assert!(answers[opened..].iter().all(|&open| open));
    }

    #[test]
    fn neither_silence_nor_faint_sounds_are_speech() {
        let faint_speech: Vec<Hop> = speech()
            .iter()
            .map(|hop| hop.map(|sample| sample * 2.5e-4))
            .collect();
        for hops in [vec![SILENCE; 200], noise(200, 1e-4), faint_speech] {
            assert!(!answers(&mut SpeechGate::new(), &hops).contains(&true));
        }
    }

    #[test]
    fn steady_noise_is_taken_for_speech_at_its_beginning_at_most() {
        for amplitude in [1e-3, 0.01, 0.1, 1.0, 100.0] {
            let answers = answers(&mut SpeechGate::new(), &noise(400, amplitude));
            let closed = answers
                .iter()
                .rposition(|&open| open)
                .map_or(0, |last| last + 1);
            assert!(
                closed < HANGOVER_HOPS as usize + 20,
                "{amplitude}: {closed} hops"
            );
        }
    }

    #[test]
    fn speech_is_heard_alike_at_any_level() {
        let opened = |gain: f32| {
            let hops: Vec<Hop> = speech()
                .iter()
                .map(|hop| hop.map(|sample| gain * sample))
                .collect();
            let answers = answers(&mut SpeechGate::new(), &hops);
            answers.iter().position(|&open| open)
        };
        for gain in [0.1, 0.5, 4.0, 20.0] {
            let (there, here) = (opened(gain).unwrap(), opened(1.0).unwrap());
            assert!(there.abs_diff(here) <= 1, "{gain}: {there} for {here}");
        }
    }

    #[test]
    fn a_click_does_not_open_the_gate() {
        let mut hops = vec![SILENCE; 60];
        hops[20] = noise(1, 0.9)[0];
        assert!(!answers(&mut SpeechGate::new(), &hops).contains(&true));
    }

    #[test]
    fn a_pause_keeps_the_gate_open_and_silence_closes_it_after_the_hangover() {
        let mut gate = SpeechGate::new();
        let speech = speech();
        assert!(answers(&mut gate, &speech[..20])[19]);
        assert!(!answers(&mut gate, &[SILENCE; 20]).contains(&false));
        assert!(!answers(&mut gate, &speech[..20]).contains(&false));
        let open = answers(&mut gate, &[SILENCE; 100])
            .iter()
            .filter(|&&open| open)
            .count();
        assert_eq!(open, HANGOVER_HOPS as usize - 1);
    }

    #[test]
    fn a_reset_gate_answers_like_a_new_one_whatever_it_was_given() {
        let mut gate = SpeechGate::new();
        answers(&mut gate, &noise(3, 1e30));
        gate.push(&[f32::NAN; HOP_SAMPLES]);
        answers(&mut gate, &speech());
        gate.reset();
        assert_eq!(
            answers(&mut gate, &speech()),
            answers(&mut SpeechGate::new(), &speech())
        );
    }
}
