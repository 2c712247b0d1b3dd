//! Live audio for minutes, and on request for hours: nothing grows, nothing is lost or doubled, the clock stays right.
//!
//! `cargo test --release --test soak -- --ignored --nocapture` listens for eight hours.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;

use speech_emotion::{
    calibration::Calibration,
    class::Class,
    model::{Manifest, OnnxClassifier},
    session::{Pacing, Session, Update},
};

const MODEL: &[u8] = include_bytes!("../assets/model.onnx");
const MANIFEST: &str = include_str!("../assets/model.json");

/// Seconds from one spoken sentence to the next.
const PERIOD_S: f64 = 4.0;

/// When a sentence begins, after the beginning of its period.
const SPEECH_AT_S: f64 = 1.0;

/// Numbers without a pattern.
struct Draw(u32);

impl Draw {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(self.0 >> 8) * u64::from(bound)) >> 24) as u32
    }

    fn sample(&mut self) -> f32 {
        self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0
    }
}

/// 1.1 s of synthetic speech at this rate.
fn sentence(rate_hz: u32) -> Vec<f32> {
    let speech: Vec<f32> = include_bytes!("golden/speech.s16")
        .chunks_exact(2)
        .map(|bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .collect();
    let at = |n: usize| speech.get(n).copied().unwrap_or(0.0);
    let samples = speech.len() * rate_hz as usize / 16_000;
    let samples = (0..samples).map(|n| {
        let place = n as f64 * 16_000.0 / f64::from(rate_hz);
        let (before, share) = (place as usize, place.fract() as f32);
        at(before) + share * (at(before + 1) - at(before))
    });
    samples.collect()
}

/// A microphone: a sentence in every period, faint noise throughout. Counts what it gave.
struct Microphone {
    rate_hz: u32,
    sentence: Vec<f32>,
    given: u64,
    noise: Draw,
    chunk: Vec<f32>,
}

impl Microphone {
    fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz,
            sentence: sentence(rate_hz),
            given: 0,
            noise: Draw(rate_hz),
            chunk: Vec::new(),
        }
    }

    fn at_s(&self) -> f64 {
        self.given as f64 / f64::from(self.rate_hz)
    }

    fn next(&mut self, samples: u64) -> &[f32] {
        self.chunk.clear();
        let period = (PERIOD_S * f64::from(self.rate_hz)) as u64;
        let begin = (SPEECH_AT_S * f64::from(self.rate_hz)) as u64;
        for n in self.given..self.given + samples {
            let spoken = (n % period).checked_sub(begin);
            let spoken = spoken.and_then(|n| self.sentence.get(n as usize));
            let noise = 3e-4 * self.noise.sample();
            self.chunk.push(spoken.copied().unwrap_or(0.0) + noise);
        }
        self.given += samples;
        &self.chunk
    }

    /// What is lost is never heard, but time goes on.
    fn lose(&mut self, samples: u64) -> f64 {
        self.given += samples;
        samples as f64 / f64::from(self.rate_hz)
    }
}

/// How far the beginnings of utterances lie from where they should, first and last ones.
#[derive(Default)]
struct Drift {
    first: Vec<f64>,
    last: VecDeque<f64>,
}

impl Drift {
    const COUNT: usize = 50;

    fn note(&mut self, error_s: f64) {
        if self.first.len() < Self::COUNT {
            self.first.push(error_s);
        }
        self.last.push_back(error_s);
        if self.last.len() > Self::COUNT {
            self.last.pop_front();
        }
    }

    /// From the first to the last.
    fn s(&self) -> f64 {
        let mean = |sum: f64, count: usize| sum / count.max(1) as f64;
        mean(self.last.iter().sum(), self.last.len())
            - mean(self.first.iter().sum(), self.first.len())
    }
}

/// What is done while listening.
struct Soak {
    manifest: Manifest,
    classifier: Option<OnnxClassifier>,
    draw: Draw,
    utterances: usize,
    gaps: usize,
    most_bytes: Vec<u64>,
}

impl Soak {
    fn new() -> Self {
        let manifest = Manifest::from_json(MANIFEST).unwrap();
        let classifier = Some(OnnxClassifier::load(MODEL, &manifest).unwrap());
        Self {
            manifest,
            classifier,
            draw: Draw(7),
            utterances: 0,
            gaps: 0,
            most_bytes: Vec::new(),
        }
    }

    /// One session of whole periods, from start to stop; nothing of it is left in memory.
    fn session(&mut self, rate_hz: u32, periods: u64) {
        let mut classifier = self.classifier.take();
        let found = allocation_counter::measure(|| {
            classifier = Some(self.listen(classifier.take().unwrap(), rate_hz, periods));
        });
        // The classifier keeps what it has once needed; the vector of those noted grows by a number a session.
        let is_first = self.most_bytes.is_empty();
        assert!(
            is_first || found.bytes_current <= 1_024,
            "{found:?} after {rate_hz} Hz"
        );
        self.classifier = classifier;
        self.most_bytes.push(found.bytes_max);
    }

    fn listen(&mut self, classifier: OnnxClassifier, rate_hz: u32, periods: u64) -> OnnxClassifier {
        let settings = &self.manifest.session;
        let mut session = Session::new(classifier, settings, rate_hz, Pacing::Live).unwrap();
        let mut microphone = Microphone::new(rate_hz);
        let period = (PERIOD_S * f64::from(rate_hz)) as u64;
        let mut updates = Vec::with_capacity(256);
        let (mut drift, mut usual) = (Drift::default(), None);
        let (mut last_s, mut last_end_s, mut level_s) = (-1.0, 0.0, 0.0);
        let mut heard = vec![false; periods as usize];
        for number in 0..periods {
            self.calibrate(&mut session, number);
            // Audio is lost in one of seven periods: between sentences or in the middle of one.
            let gap = match self.draw.below(14) {
                0 => Some(3.2),
                1 => Some(SPEECH_AT_S + 0.8),
                _ => None,
            };
            let gap = gap.map(|gap_s| number * period + (gap_s * f64::from(rate_hz)) as u64);
            let end = (number + 1) * period;
            while microphone.given < end {
                let most = u64::from(64 + self.draw.below(rate_hz / 5));
                let to = match gap {
                    Some(gap) if microphone.given < gap => gap,
                    _ => end,
                };
                let samples = most.min(to - microphone.given);
                session
                    .push(&[microphone.next(samples)], &mut updates)
                    .unwrap();
                if self.draw.below(8) > 0 {
                    session.catch_up(&mut updates).unwrap();
                }
                if gap == Some(microphone.given) {
                    let lost = (end - microphone.given) / 2 + u64::from(self.draw.below(7));
                    session.gap(microphone.lose(lost), &mut updates).unwrap();
                    assert!((session.at_s() - microphone.at_s()).abs() < 1e-6);
                    self.gaps += 1;
                }
                // What the front end holds back is less than 50 ms.
                let late_s = microphone.at_s() - session.at_s();
                assert!(
                    (-0.001..0.05).contains(&late_s),
                    "{late_s} at {}",
                    microphone.at_s()
                );
                for update in updates.drain(..) {
                    match update {
                        Update::Level { at_s, .. } => {
                            assert!(at_s >= level_s, "{at_s} after {level_s}");
                            level_s = at_s;
                        }
                        Update::Prediction { .. } => {}
                        Update::Utterance { start_s, end_s, .. } => {
                            assert!(start_s > last_s && start_s >= last_end_s && end_s > start_s);
                            (last_s, last_end_s) = (start_s, end_s);
                            let of = (start_s / PERIOD_S) as usize;
                            assert!(!heard[of], "doubled in period {of}: {start_s} to {end_s}");
                            heard[of] = true;
                            let error_s = start_s - of as f64 * PERIOD_S - SPEECH_AT_S;
                            // The noise decides in which frame speech is heard first.
                            let usual_s = *usual.get_or_insert(error_s);
                            assert!((error_s - usual_s).abs() < 0.15, "{error_s} for {usual_s}");
                            drift.note(error_s);
                        }
                    }
                }
            }
        }
        let summary = session.finish(&mut updates).unwrap();
        let ended_s = microphone.at_s();
        assert!(
            (summary.duration_s - ended_s).abs() < 1e-6,
            "{summary:?} for {ended_s}"
        );
        assert!(
            drift.s().abs() < 0.01,
            "the clock drifted by {} s",
            drift.s()
        );
        let lost = heard.iter().position(|heard| !heard);
        assert_eq!(
            lost, None,
            "lost in this period of {periods} at {rate_hz} Hz"
        );
        self.utterances += heard.len();
        session.into_classifier()
    }

    /// To nobody, by listening, to a speaker, in turn.
    fn calibrate(&self, session: &mut Session<OnnxClassifier>, period: u64) {
        let model = &self.manifest.onnx.sha256;
        let statistics = self.manifest.speaker.as_ref().unwrap();
        match period % 12 {
            0 => session.set_calibration(None),
            4 => session.calibrate_while_listening(model, statistics),
            8 => {
                let mut updates = Vec::new();
                let heard = session.take_reference(Class::default(), &mut updates);
                assert!(
                    updates
                        .iter()
                        .all(|update| !matches!(update, Update::Utterance { .. }))
                );
                let fitted = Calibration::fit(model, statistics, &[heard.unwrap().unwrap()]);
                session.set_calibration(Some(fitted.unwrap()));
            }
            _ => {}
        }
    }
}

const RATES_HZ: [u32; 5] = [16_000, 44_100, 48_000, 8_000, 96_000];

/// Sessions of this many periods at every rate, twice: the second time takes no more memory.
fn soak(periods: u64) -> Soak {
    let mut soak = Soak::new();
    // What is made once and kept.
    soak.session(16_000, 13);
    soak.most_bytes.clear();
    for _ in 0..2 {
        for rate_hz in RATES_HZ {
            soak.session(rate_hz, periods);
        }
    }
    let (first, second) = soak.most_bytes.split_at(RATES_HZ.len());
    for (first, second) in first.iter().zip(second) {
        assert!(
            *second <= first + first / 20 + 4_096,
            "{first} bytes, then {second}"
        );
    }
    assert!(soak.gaps > 0);
    soak
}

#[test]
fn minutes_of_listening_lose_nothing() {
    soak(13);
}

#[test]
#[ignore = "takes minutes: eight hours of sound"]
fn eight_hours_of_listening_lose_nothing() {
    let periods = (8.0 * 3_600.0 / PERIOD_S) as u64 / (2 * RATES_HZ.len() as u64);
    let soak = soak(periods);
    println!(
        "{} utterances, {} gaps, at most {:?} bytes by session",
        soak.utterances, soak.gaps, soak.most_bytes
    );
}
