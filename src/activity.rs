//! The speech gate: no emotion is claimed over silence or noise.
//!
//! earshot's neural voice activity detector scores every hop of 16 ms. It misses faint speech and
//! takes loud noise for speech, so every hop is brought to one level first. The gate opens after a
//! few hops of speech in a row and closes after a longer silence, so that a click does not open it
//! and a pause between words does not close it. It is deterministic: the same frames give the same
//! answers.
//!
//! The detector also takes held tones for speech: a plucked string, a horn, a dial tone. No voice holds
//! its pitch as they do, sung notes included, so what turns out to be a tone is taken back.

use earshot::Detector;

use crate::{
    audio::SAMPLE_RATE_HZ,
    dsp::sum::sum_of_squares,
    features::{Frame, HOP_SAMPLES, PITCH, VOICING},
};

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

/// Hops over which the pitch of a tone is as steady as no voice's: 0.26 s.
const TONE_HOPS: usize = 16;

/// Standard deviation of its pitch over these, at most: 0.015 semitones, in octaves. In none of 1,439 spoken
/// clips of RAVDESS, 4,481 of nEMO and 454 of EMO-DB is it below 0.02, in none of RAVDESS's 1,012 sung
/// ones either; plucked strings have 0.0002, through MP3 and over noise less than 0.005.
const TONE_DEVIATION: f32 = 0.015 / 12.0;

/// Height of the autocorrelation peak that every hop of a tone reaches.
const TONE_VOICING: f32 = 0.6;

/// Hops of a tone's attack, in which its pitch cannot be read yet: as many as the stretch that it is read
/// from reaches back and forth.
const ATTACK_HOPS: usize = 5;

/// Hops that are taken back once they turn out to be a tone with its attack.
const TONE_SPAN: u32 = (TONE_HOPS + ATTACK_HOPS) as u32;

/// Decides hop by hop whether somebody is speaking.
pub struct SpeechGate {
    detector: Box<Detector>,
    tone: Tone,
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
            tone: Tone::default(),
            level_dbfs: MIN_LEVEL_DBFS,
            open: false,
            is_speech: false,
            contrary: 0,
        }
    }

    /// Takes in the next frame, whose samples are at full scale ±1 (clipped beyond ±1,000), and says
    /// whether speech is going on.
    ///
    /// The gate opens with the last of [`ONSET_HOPS`] hops of speech in a row and closes with the
    /// last of [`HANGOVER_HOPS`] hops in a row without, those [taken back](Self::taken_back) among
    /// them. On acted speech it opens 0.05 s after the
    /// voice begins (median), and within 0.15 s in 95 of 100 cases: keep that much audio from
    /// before if you need the first words.
    pub fn push(&mut self, frame: &Frame) -> bool {
        let samples = frame.samples.map(|sample| {
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
        self.tone
            .push(frame.features[PITCH], frame.features[VOICING]);
        self.is_speech =
            score >= SPEECH_SCORE && level_dbfs >= MIN_LEVEL_DBFS && !self.tone.is_held();

        self.contrary = if self.is_speech == self.open {
            0
        } else {
            self.contrary + 1
        };
        if self.open {
            self.contrary = self.contrary.max(self.taken_back());
        }
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

    /// How many of the latest hops are no speech after all, whatever was said of them, since they
    /// turn out to be a held tone; 0 if none.
    pub fn taken_back(&self) -> u32 {
        if self.tone.is_held() { TONE_SPAN } else { 0 }
    }

    /// Forgets everything; the same as a new gate.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.tone = Tone::default();
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

/// Whether one pitch is held.
#[derive(Default)]
struct Tone {
    /// The latest pitches, in octaves.
    pitches: [f32; TONE_HOPS],
    /// Hops in a row that have a pitch.
    voiced: usize,
}

impl Tone {
    fn push(&mut self, pitch: f32, voicing: f32) {
        self.pitches.rotate_left(1);
        self.pitches[TONE_HOPS - 1] = pitch;
        self.voiced = if voicing >= TONE_VOICING {
            self.voiced.saturating_add(1)
        } else {
            0
        };
    }

    fn is_held(&self) -> bool {
        let mean = self.pitches.iter().sum::<f32>() / TONE_HOPS as f32;
        let squares = self.pitches.map(|pitch| (pitch - mean) * (pitch - mean));
        let variance = squares.iter().sum::<f32>() / TONE_HOPS as f32;
        self.voiced >= TONE_HOPS && variance < TONE_DEVIATION * TONE_DEVIATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{FrontEnd, N_FEATURES};

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
        hops.iter().map(|&hop| gate.push(&unpitched(hop))).collect()
    }

    /// A frame without features.
    fn unpitched(samples: Hop) -> Frame {
        Frame {
            features: [0.0; N_FEATURES],
            samples,
        }
    }

    fn frames(samples: &[f32]) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut front_end = FrontEnd::new(SAMPLE_RATE_HZ).unwrap();
        front_end.push(&[samples], |frame| frames.push(frame.clone()));
        frames
    }

    /// What is speech of all frames once it is known which are tones.
    fn spoken(frames: &[Frame]) -> Vec<bool> {
        let mut gate = SpeechGate::new();
        let mut spoken = Vec::new();
        for frame in frames {
            gate.push(frame);
            spoken.push(gate.hears_speech());
            let kept = spoken.len().saturating_sub(gate.taken_back() as usize);
            spoken[kept..].fill(false);
        }
        spoken
    }

    /// Two seconds of a string that is plucked again and again (Karplus and Strong, 1983).
    fn plucked(period: usize, pluck_samples: usize) -> Vec<f32> {
        let mut string = Vec::new();
        let count = 2 * SAMPLE_RATE_HZ as usize;
        let mut sound = Vec::with_capacity(count);
        for n in 0..count {
            if n % pluck_samples == 0 {
                string = noise(2, 0.5).concat()[..period].to_vec();
            }
            let at = n % pluck_samples % period;
            sound.push(string[at]);
            string[at] = 0.5 * (string[at] + string[(at + 1) % period]);
        }
        sound
    }

    /// Two seconds of a tone with overtones, around 220 Hz, whose pitch swings by so many semitones.
    fn horn(swing: f32) -> Vec<f32> {
        let mut phase = 0.0;
        let rate_hz = SAMPLE_RATE_HZ as f32;
        (0..2 * SAMPLE_RATE_HZ)
            .map(|n| {
                let vibrato = (std::f32::consts::TAU * 5.5 * n as f32 / rate_hz).sin();
                phase += 220.0 * (swing * vibrato / 12.0).exp2() / rate_hz;
                let overtone = |k: u8| (std::f32::consts::TAU * f32::from(k) * phase).sin();
                0.2 * (1..=30).map(|k| overtone(k) / f32::from(k)).sum::<f32>()
            })
            .collect()
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
    fn tones_are_no_speech_once_they_are_held() {
        for (name, sound) in [
            ("plucked every 2 s", plucked(73, 32_000)),
            ("plucked every 0.5 s", plucked(73, 8_000)),
            ("horn", horn(0.0)),
        ] {
            let frames = frames(&sound);
            let mut gate = SpeechGate::new();
            let taken = frames.iter().filter(|frame| {
                gate.push(frame);
                gate.hears_speech()
            });
            assert!(taken.count() > 0, "{name}: the detector alone is right");
            let spoken = spoken(&frames);
            assert_eq!(spoken.iter().position(|&spoken| spoken), None, "{name}");
            assert!(!gate.is_open(), "{name}");
        }
    }

    #[test]
    fn a_pitch_that_swings_as_little_as_a_sung_note_is_not_taken_back() {
        let frames = frames(&horn(0.06));
        let mut gate = SpeechGate::new();
        assert!(frames.iter().all(|frame| {
            gate.push(frame);
            gate.taken_back() == 0
        }));
        assert!(spoken(&frames).contains(&true));
    }

    #[test]
    fn of_speech_nothing_is_taken_back() {
        let frames = frames(&speech().concat());
        let mut gate = SpeechGate::new();
        let heard: Vec<bool> = frames
            .iter()
            .map(|frame| {
                gate.push(frame);
                gate.hears_speech()
            })
            .collect();
        assert_eq!(spoken(&frames), heard);
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
        gate.push(&unpitched([f32::NAN; HOP_SAMPLES]));
        frames(&horn(0.0)).iter().for_each(|frame| {
            gate.push(frame);
        });
        answers(&mut gate, &speech());
        gate.reset();
        assert_eq!(
            answers(&mut gate, &speech()),
            answers(&mut SpeechGate::new(), &speech())
        );
    }
}
