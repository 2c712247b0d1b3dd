//! The live loop with a classifier whose answers reveal which segment it was given.

#![allow(clippy::unwrap_used)]

use speech_emotion::{
    calibration::{Calibration, SpeakerStatistics},
    class::{Class, PerClass},
    features::{N_FEATURES, SEGMENT_MULTIPLE},
    model::{ActivationSettings, Classifier, Liveliness, ModelError, Posterior},
    session::{Claims, Pacing, Session, SessionSettings, Summary, Update, Verdict},
};

const CLASSES: usize = 8;
const NEUTRAL: Class = Class::new(0).unwrap();
const HAPPY: Class = Class::new(2).unwrap();
const SAD: Class = Class::new(3).unwrap();

/// Answers "happy" with a certainty that depends on every number of the segment.
#[derive(Default)]
struct Fake {
    lengths: Vec<usize>,
    fails: bool,
}

impl Classifier for Fake {
    fn classify(&mut self, segment: &[f32]) -> Result<Posterior, ModelError> {
        if self.fails {
            return Err(ModelError::NonFinite);
        }
        assert!(segment.iter().all(|x| x.is_finite()));
        self.lengths.push(segment.len() / N_FEATURES);
        let sum: f32 = segment
            .iter()
            .enumerate()
            .map(|(i, x)| x * ((i % 7) as f32 - 3.0))
            .sum();
        let mut logits = [0.0; CLASSES];
        logits[HAPPY.index()] = 3.0 + sum.sin();
        Ok(Posterior::from_logits(&logits, 1.0))
    }
}

/// Silence, 1.1 s of synthetic speech, 1 s of silence; 16 kHz.
fn recording() -> Vec<f32> {
    let mut samples: Vec<f32> = include_bytes!("golden/speech.s16")
        .chunks_exact(2)
        .map(|bytes| f32::from(i16::from_le_bytes([bytes[0], bytes[1]])) / 32_768.0)
        .collect();
    samples.resize(samples.len() + 16_000, 0.0);
    samples
}

fn session(pacing: Pacing) -> Session<Fake> {
    Session::new(Fake::default(), &SessionSettings::default(), 16_000, pacing).unwrap()
}

fn run(
    session: &mut Session<Fake>,
    samples: &[f32],
    chunk: usize,
    catch_up: bool,
) -> (Vec<Update>, Summary) {
    let mut updates = vec![];
    for chunk in samples.chunks(chunk) {
        session.push(&[chunk], &mut updates).unwrap();
        if catch_up {
            session.catch_up(&mut updates).unwrap();
        }
    }
    let summary = session.finish(&mut updates).unwrap();
    (updates, summary)
}

fn predictions(updates: &[Update]) -> Vec<&Update> {
    updates
        .iter()
        .filter(|update| matches!(update, Update::Prediction { .. }))
        .collect()
}

/// Frames after which predictions were made.
fn times(updates: &[Update]) -> Vec<usize> {
    updates
        .iter()
        .filter_map(|update| match update {
            Update::Prediction { at_s, .. } => Some((at_s * 62.5).round() as usize),
            _ => None,
        })
        .collect()
}

fn utterances(updates: &[Update]) -> Vec<(f64, f64, Verdict)> {
    updates
        .iter()
        .filter_map(|update| match update {
            Update::Utterance {
                start_s,
                end_s,
                verdict,
                ..
            } => Some((*start_s, *end_s, *verdict)),
            _ => None,
        })
        .collect()
}

#[test]
fn one_utterance_is_heard_with_its_times_and_its_emotion() {
    let mut session = session(Pacing::Recorded);
    let (updates, summary) = run(&mut session, &recording(), 2_048, false);
    let [(start_s, end_s, verdict)] = utterances(&updates)[..] else {
        panic!("{updates:?}")
    };
    assert!(
        start_s < 0.25 && (1.2..1.5).contains(&end_s),
        "{start_s} to {end_s}"
    );
    assert_eq!(verdict, Verdict::Emotion(HAPPY));
    assert_eq!(summary.verdict, verdict);
    // Pauses, and the frames before the gate opened, do not count.
    let length_s = end_s - start_s;
    assert!(
        (0.6 * length_s..length_s).contains(&summary.speech_s),
        "{summary:?}"
    );
    assert!((summary.duration_s - recording().len() as f64 / 16_000.0).abs() < 0.02);
    let lengths = session.into_classifier().lengths;
    assert!(
        lengths.iter().all(|frames| frames % SEGMENT_MULTIPLE == 0),
        "{lengths:?}"
    );
    assert!(
        lengths.iter().max().is_some_and(|&frames| frames >= 62),
        "{lengths:?}"
    );
}

#[test]
fn an_emotion_is_claimed_only_after_a_second_of_speech() {
    let (updates, _) = run(&mut session(Pacing::Recorded), &recording(), 2_048, false);
    let mut claimed = 0;
    for update in predictions(&updates) {
        if let Update::Prediction {
            heard_s, verdict, ..
        } = update
        {
            assert_eq!(*verdict == Verdict::Unsure, *heard_s < 0.99, "{update:?}");
            claimed += usize::from(*verdict != Verdict::Unsure);
        }
    }
    assert!(claimed > 0);
}

#[test]
fn chunk_size_does_not_change_what_is_found() {
    let whole = run(
        &mut session(Pacing::Recorded),
        &recording(),
        usize::MAX,
        false,
    );
    for chunk in [1, 127, 256, 2_048] {
        assert_eq!(
            run(&mut session(Pacing::Recorded), &recording(), chunk, false),
            whole
        );
    }
}

#[test]
fn a_microphone_kept_up_with_or_not_gets_the_answer_of_a_recording() {
    let long = recording()[3_072..20_736].repeat(6);
    for samples in [recording(), long] {
        let recorded = run(&mut session(Pacing::Recorded), &samples, 683, false);
        assert!(!utterances(&recorded.0).is_empty());
        for keeps_up in [true, false] {
            let live = run(&mut session(Pacing::Live), &samples, 683, keeps_up);
            let ended = |updates: &[Update]| -> Vec<Update> {
                let ends = |update: &&Update| matches!(update, Update::Utterance { .. });
                updates.iter().filter(ends).cloned().collect()
            };
            assert_eq!(ended(&live.0), ended(&recorded.0));
            assert_eq!(live.1, recorded.1);
            assert_eq!(times(&live.0).is_empty(), !keeps_up);
        }
    }
}

#[test]
fn an_utterance_is_answered_from_segments_of_full_and_of_half_length_that_overlap() {
    let settings = SessionSettings::default();
    let half = settings.max_segment_frames / 2 / SEGMENT_MULTIPLE * SEGMENT_MULTIPLE;

    let mut short = session(Pacing::Recorded);
    let (updates, _) = run(&mut short, &recording(), 700, false);
    let lengths = short.into_classifier().lengths;
    let [(_, end_s, _)] = utterances(&updates)[..] else {
        panic!("{updates:?}")
    };
    let [at] = times(&updates)[..] else {
        panic!("{updates:?}")
    };
    assert!(
        (at as f64 / 62.5 - end_s).abs() < 0.2,
        "{at} frames, {end_s} s"
    );
    assert!((62..settings.max_segment_frames).contains(&lengths[0]));

    let mut long = session(Pacing::Recorded);
    let speech = recording()[3_072..20_736].repeat(6);
    let (updates, _) = run(&mut long, &speech, 700, false);
    let lengths = long.into_classifier().lengths;
    let of = |length| lengths.iter().filter(|&&other| other == length).count();
    let times = times(&updates);
    assert_eq!(of(settings.max_segment_frames), times.len());
    assert_eq!(of(settings.max_segment_frames) + of(half), lengths.len());
    assert!(of(half) > times.len(), "{lengths:?}");
    // As often before the end of the first review, after two segments, as after it.
    assert!(
        times.contains(&(2 * settings.max_segment_frames)),
        "{times:?}"
    );
    let most = settings.max_segment_frames / 2;
    assert!(
        times
            .windows(2)
            .all(|at| (1..=most).contains(&(at[1] - at[0]))),
        "{times:?}"
    );
}

#[test]
fn predictions_of_a_recording_come_in_order_however_an_utterance_ends() {
    let settings = SessionSettings::default();
    let speech = recording()[3_072..20_736].repeat(7);
    let most = 2 * settings.max_segment_frames;
    for frames in (most - 40..most + 60).step_by(7) {
        let mut samples = speech[..frames * 256].to_vec();
        samples.resize(samples.len() + 16_000, 0.0);
        let (updates, _) = run(&mut session(Pacing::Recorded), &samples, 700, false);
        let times = times(&updates);
        assert!(
            times.windows(2).all(|at| at[0] < at[1]),
            "{frames}: {times:?}"
        );
        assert!(
            times.last().is_some_and(|&at| at > frames - 30),
            "{frames}: {times:?}"
        );
    }
}

#[test]
fn late_segments_are_skipped_and_the_newest_is_classified() {
    let all = run(&mut session(Pacing::Live), &recording(), 683, true).0;
    let mut session = session(Pacing::Live);
    let mut updates = vec![];
    session
        .push(&[&recording()[..20_000]], &mut updates)
        .unwrap();
    assert!(predictions(&updates).is_empty());
    session.catch_up(&mut updates).unwrap();
    session.catch_up(&mut updates).unwrap();
    let [Update::Prediction { at_s, .. }] = predictions(&updates)[..] else {
        panic!()
    };
    assert!((1.0..=1.25).contains(at_s), "{at_s}");
    assert!(
        predictions(&all).iter().any(
            |update| matches!(update, Update::Prediction { at_s: other, .. } if other == at_s)
        )
    );
}

/// A door, a bark: sound in which the speech gate briefly hears speech.
fn bark() -> Vec<f32> {
    let mut samples = recording();
    samples[7_000..].fill(0.0);
    samples
}

#[test]
fn nothing_is_claimed_of_less_than_a_second_of_speech_however_sure_the_model_is() {
    let (updates, summary) = run(&mut session(Pacing::Recorded), &bark(), 2_048, false);
    let [(.., verdict)] = utterances(&updates)[..] else {
        panic!("{updates:?}")
    };
    assert_eq!(verdict, Verdict::Unsure);
    assert_eq!(summary.verdict, Verdict::Unsure);
    assert!(
        summary.confidence > 0.7 && summary.speech_s < 0.4,
        "{summary:?}"
    );
    // Ten of them do not add up to a second of speech.
    let (_, summary) = run(
        &mut session(Pacing::Recorded),
        &bark().repeat(10),
        2_048,
        false,
    );
    assert_eq!(summary.verdict, Verdict::Unsure, "{summary:?}");
}

#[test]
fn nothing_is_claimed_where_the_gate_hears_too_little_speech() {
    let settings = SessionSettings {
        min_speech_frames: 100,
        ..SessionSettings::default()
    };
    let session = || Session::new(Fake::default(), &settings, 16_000, Pacing::Live).unwrap();
    let (updates, summary) = run(&mut session(), &recording(), 256, true);
    for update in &updates {
        if let Update::Prediction { verdict, .. } | Update::Utterance { verdict, .. } = update {
            assert_eq!(*verdict, Verdict::Unsure);
        }
    }
    assert!(!predictions(&updates).is_empty());
    assert_eq!(summary.verdict, Verdict::Unsure);
}

/// Three plucks of a string, each left to ring for 2 s (Karplus and Strong, 1983).
fn plucked() -> Vec<f32> {
    let mut string = [0.0; 73];
    let mut state = 1u32;
    (0..3 * 32_000)
        .map(|n| {
            if n % 32_000 == 0 {
                string = std::array::from_fn(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    0.5 * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
                });
            }
            let at = n % 32_000 % string.len();
            let sample = string[at];
            string[at] = 0.5 * (sample + string[(at + 1) % string.len()]);
            sample
        })
        .collect()
}

#[test]
fn held_tones_are_no_speech() {
    for pacing in [Pacing::Live, Pacing::Recorded] {
        let (updates, summary) = run(&mut session(pacing), &plucked(), 2_048, true);
        assert_eq!(summary.verdict, Verdict::NoSpeech, "{summary:?}");
        assert_eq!(summary.speech_s, 0.0);
        assert!(utterances(&updates).is_empty());
    }
    // What is said between and after them is heard as ever.
    let (_, alone) = run(&mut session(Pacing::Recorded), &recording(), 2_048, false);
    let among = [plucked(), recording(), plucked(), recording()].concat();
    let (updates, summary) = run(&mut session(Pacing::Recorded), &among, 2_048, false);
    assert_eq!(utterances(&updates).len(), 2, "{updates:?}");
    assert!(
        (summary.speech_s - 2.0 * alone.speech_s).abs() < 0.2,
        "{summary:?} {alone:?}"
    );
}

#[test]
fn there_is_never_more_speech_than_sound() {
    let sound = recording()[3_000..9_000].to_vec();
    let (updates, summary) = run(&mut session(Pacing::Recorded), &sound, 500, false);
    assert!(summary.speech_s <= summary.duration_s, "{summary:?}");
    let spoken: f64 = updates
        .iter()
        .filter_map(|update| match update {
            Update::Utterance {
                start_s,
                end_s,
                speech_s,
                ..
            } => {
                assert!(*speech_s <= end_s - start_s, "{update:?}");
                Some(*speech_s)
            }
            _ => None,
        })
        .sum();
    assert!((summary.speech_s - spoken).abs() < 1e-9 && spoken > 0.0);
}

#[test]
fn how_lively_a_voice_sounds_is_told_with_the_answer_and_claimed_of_enough_speech_alone() {
    let settings = SessionSettings {
        activation: Some(ActivationSettings {
            sides: PerClass::from([-1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 0.0, 1.0]),
            slope: 1.0,
            offset: 0.0,
            lively_from: 0.6,
            quiet_to: 0.4,
        }),
        ..SessionSettings::default()
    };
    let heard = |sound: &[f32]| {
        let mut session =
            Session::new(Fake::default(), &settings, 16_000, Pacing::Recorded).unwrap();
        run(&mut session, sound, 2_048, false)
    };
    let (updates, summary) = heard(&recording());
    let [Update::Utterance { activation, .. }] = updates
        .iter()
        .filter(|update| matches!(update, Update::Utterance { .. }))
        .collect::<Vec<_>>()[..]
    else {
        panic!("{updates:?}")
    };
    assert_eq!(summary.activation, *activation);
    let told = summary.activation.unwrap();
    assert!(
        told.value > 0.6 && told.sounds == Liveliness::Lively,
        "{told:?}"
    );
    let short = heard(&bark()).1.activation.unwrap();
    assert!(
        short.value > 0.6 && short.sounds == Liveliness::Unsure,
        "{short:?}"
    );
    assert_eq!(heard(&[0.0; 16_000]).1.activation, None);
}

/// The answers of predictions, utterances and the summary.
fn answers(updates: &[Update], summary: &Summary) -> Vec<(Verdict, f32, Posterior)> {
    let told = updates.iter().filter_map(|update| match update {
        Update::Prediction {
            verdict,
            confidence,
            posterior,
            ..
        }
        | Update::Utterance {
            verdict,
            confidence,
            posterior,
            ..
        } => Some((*verdict, *confidence, *posterior)),
        Update::Level { .. } => None,
    });
    let over = summary
        .posterior
        .map(|posterior| (summary.verdict, summary.confidence, posterior));
    told.chain(over).collect()
}

#[test]
fn only_what_may_be_claimed_is_claimed_and_the_rest_is_answered_as_ever() {
    let claiming = |claims| {
        let (updates, summary) = run(
            &mut session(Pacing::Live).claiming(claims),
            &recording(),
            1_600,
            true,
        );
        answers(&updates, &summary)
    };
    let all = claiming(Claims::default());
    assert!(
        all.iter()
            .any(|(verdict, ..)| *verdict == Verdict::Emotion(HAPPY))
    );
    let few = claiming(Claims {
        among: 1 << NEUTRAL.index() | 1 << SAD.index(),
        ..Claims::default()
    });
    assert_eq!(few.len(), all.len());
    for (verdict, confidence, posterior) in few {
        assert_ne!(verdict, Verdict::Emotion(HAPPY));
        assert_eq!(posterior.get(HAPPY), 0.0);
        // The fake model does not distinguish these two.
        assert!((posterior.get(NEUTRAL) - 0.5).abs() < 1e-4, "{posterior:?}");
        assert!((confidence - 0.5).abs() < 1e-4);
    }
    let none = claiming(Claims {
        at_least: 1.0,
        ..Claims::default()
    });
    for ((verdict, _, posterior), (_, _, before)) in none.iter().zip(&all) {
        assert_eq!(*verdict, Verdict::Unsure);
        assert_eq!(posterior, before);
    }
}

#[test]
fn silence_and_an_empty_recording_are_no_speech() {
    for samples in [vec![], vec![0.0; 50_000]] {
        let (updates, summary) = run(&mut session(Pacing::Recorded), &samples, 1_000, false);
        assert_eq!(summary.verdict, Verdict::NoSpeech);
        assert_eq!((summary.posterior, summary.speech_s), (None, 0.0));
        assert!(utterances(&updates).is_empty() && predictions(&updates).is_empty());
    }
}

#[test]
fn level_is_reported_in_dbfs_twenty_times_a_second() {
    let tone: Vec<f32> = (0..16_000).map(|n| (n as f32 * 0.3).sin()).collect();
    let (updates, _) = run(&mut session(Pacing::Recorded), &tone, 500, false);
    let levels: Vec<f32> = updates
        .iter()
        .filter_map(|update| match update {
            Update::Level { rms_dbfs, .. } => Some(*rms_dbfs),
            _ => None,
        })
        .collect();
    assert_eq!(levels.len(), 21);
    assert!(
        levels[..20].iter().all(|level| (level + 3.01).abs() < 0.1),
        "{levels:?}"
    );
}

#[test]
fn a_long_utterance_is_classified_half_as_often_once_it_fills_a_segment() {
    let settings = SessionSettings::default();
    let speech = recording()[3_072..20_736].repeat(6);
    let (updates, _) = run(&mut session(Pacing::Live), &speech, 700, true);
    let frames_at = times(&updates);
    let Some(filled) = frames_at
        .iter()
        .position(|&frame| frame > settings.max_segment_frames)
    else {
        panic!("{frames_at:?}")
    };
    assert!(filled > 5 && frames_at.len() > filled + 4, "{frames_at:?}");
    let step = settings.step_frames;
    assert!(
        frames_at[..filled]
            .windows(2)
            .all(|at| at[1] - at[0] == step)
    );
    assert!(
        frames_at[filled..]
            .windows(2)
            .all(|at| at[1] - at[0] == 2 * step)
    );
}

#[test]
fn in_a_pause_and_at_the_end_the_same_speech_is_not_classified_again() {
    let mut session = session(Pacing::Live);
    let mut samples = recording();
    samples.resize(samples.len() + 16_000, 0.0);
    let (updates, _) = run(&mut session, &samples, 700, true);
    let shown = predictions(&updates).len();
    let answers = utterances(&updates).len();
    let mut lengths = session.classifier().lengths.clone();
    let classified = lengths.len();
    assert!(classified < shown + answers, "{lengths:?}, {shown} shown");
    lengths.dedup();
    assert_eq!(lengths.len(), classified, "{lengths:?}");
}

#[test]
fn a_gap_closes_the_utterance_and_time_goes_on() {
    let mut session = session(Pacing::Recorded);
    let mut updates = vec![];
    session
        .push(&[&recording()[..16_000]], &mut updates)
        .unwrap();
    session.gap(2.0, &mut updates).unwrap();
    assert_eq!(utterances(&updates).len(), 1);
    assert!((session.at_s() - 3.0).abs() < 1e-9, "{}", session.at_s());
    session.push(&[&recording()], &mut updates).unwrap();
    let summary = session.finish(&mut updates).unwrap();
    let [_, (start_s, ..)] = utterances(&updates)[..] else {
        panic!("{updates:?}")
    };
    assert!(start_s >= 3.0, "{start_s}");
    assert!(summary.duration_s > 5.0);
}

#[test]
fn the_clock_is_right_however_often_audio_is_lost() {
    for rate_hz in [16_000, 44_100] {
        let settings = SessionSettings::default();
        let mut session = Session::new(Fake::default(), &settings, rate_hz, Pacing::Live).unwrap();
        let mut updates = vec![];
        let mut at_s = 0.0;
        for _ in 0..100 {
            session.push(&[&[0.01; 1_001]], &mut updates).unwrap();
            session.gap(0.01, &mut updates).unwrap();
            at_s += 1_001.0 / f64::from(rate_hz) + 0.01;
            assert!(
                (session.at_s() - at_s).abs() < 1e-9,
                "{} for {at_s}",
                session.at_s()
            );
        }
        let summary = session.finish(&mut updates).unwrap();
        assert!((summary.duration_s - at_s).abs() < 1e-9, "{summary:?}");
    }
}

#[test]
fn a_classifier_that_fails_says_so_and_the_session_goes_on() {
    let fake = Fake {
        fails: true,
        ..Fake::default()
    };
    let mut session =
        Session::new(fake, &SessionSettings::default(), 16_000, Pacing::Recorded).unwrap();
    let mut updates = vec![];
    assert!(session.push(&[&recording()], &mut updates).is_err());
    assert!(
        updates
            .iter()
            .any(|update| matches!(update, Update::Level { speaking: true, .. }))
    );
    assert_eq!(
        session.finish(&mut updates).unwrap().verdict,
        Verdict::NoSpeech
    );
}

#[test]
fn samples_that_are_no_numbers_are_counted_and_harm_nothing() {
    let mut samples = recording();
    samples[8_000] = f32::NAN;
    samples[9_000] = f32::INFINITY;
    let (_, summary) = run(&mut session(Pacing::Recorded), &samples, 999, false);
    assert_eq!(summary.nonfinite_samples, 2);
    assert_eq!(summary.verdict, Verdict::Emotion(HAPPY));
}

/// Of speakers as the fake hears them: happy means evidence for happy.
fn statistics() -> SpeakerStatistics {
    let identity = |scale: f32| {
        let row = |i| PerClass::from_fn(CLASSES, |j| if i == j { scale } else { 0.0 });
        (0..CLASSES).map(row).collect()
    };
    SpeakerStatistics {
        means: identity(2.0),
        precision: identity(1.0),
        speaker_variance: 1.0,
        emotion_variance: 0.2,
        clip_variance: 0.5,
        clip_speech_s: 1.5,
        neutral_strength: 0.5,
        labelled_strength: 0.5,
    }
}

#[test]
fn someone_whose_neutral_voice_sounds_happy_is_no_longer_called_happy() {
    let mut updates = vec![];
    let mut reading = session(Pacing::Recorded);
    let whole = recording().repeat(4);
    reading.push(&[&whole], &mut updates).unwrap();
    let reference = reading
        .take_reference(NEUTRAL, &mut updates)
        .unwrap()
        .unwrap();
    assert!(reference.speech_s > 4.0, "{reference:?}");
    assert_eq!(reading.take_reference(SAD, &mut updates).unwrap(), None);

    let calibration = Calibration::fit("model", &statistics(), &[reference]).unwrap();
    let happy = |calibration: Option<Calibration>| {
        let mut session = session(Pacing::Recorded);
        session.set_calibration(calibration);
        let (_, summary) = run(&mut session, &recording(), 683, false);
        summary.posterior.unwrap()
    };
    let (without, with) = (happy(None), happy(Some(calibration.clone())));
    assert!(with.get(HAPPY) < without.get(HAPPY) - 0.1);
    // Calibrating segment by segment amounts to calibrating their mean.
    for (found, expected) in with.0.iter().zip(&*calibration.apply(&without).0) {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

#[test]
fn listening_changes_answers_from_the_second_utterance_on_until_it_is_switched_off() {
    let twice = recording().repeat(2);
    let posteriors = |listening: bool| -> Vec<Posterior> {
        let mut session = session(Pacing::Recorded);
        if listening {
            session.calibrate_while_listening("model", &statistics());
        }
        let updates = run(&mut session, &twice, 683, false).0;
        assert_eq!(session.calibration().is_some(), listening);
        session.set_calibration(None);
        assert!(session.calibration().is_none());
        let of = |update: &Update| match update {
            Update::Utterance { posterior, .. } => Some(*posterior),
            _ => None,
        };
        updates.iter().filter_map(of).collect()
    };
    let (off, on) = (posteriors(false), posteriors(true));
    assert_eq!(on[0], off[0]);
    assert!(on[1].get(HAPPY) < off[1].get(HAPPY));
}

#[test]
fn sound_that_is_kept_lies_where_the_session_heard_it_and_lost_sound_is_silence() {
    let samples = recording();
    let whole = |samples: &[f32]| -> Vec<i16> {
        let samples = samples.iter();
        samples.map(|x| (x * 32_767.0).round() as i16).collect()
    };
    let mut session = session(Pacing::Live);
    let mut updates = vec![];
    session.keep_sound();
    let mut kept = vec![];
    for chunk in samples.chunks(1_000) {
        session.push(&[chunk], &mut updates).unwrap();
        assert!(session.sound_samples() <= 1_000 + 512);
        kept.extend(session.take_sound());
    }
    session.gap(0.5, &mut updates).unwrap();
    let resumed = (session.at_s() * 16_000.0).round() as usize;
    kept.extend(session.take_sound());
    assert_eq!(kept.len(), resumed);
    session.push(&[&samples], &mut updates).unwrap();
    session.finish(&mut updates).unwrap();
    kept.extend(session.take_sound());
    assert_eq!(kept[..samples.len()], whole(&samples));
    assert!(kept[samples.len()..resumed].iter().all(|x| *x == 0));
    assert_eq!(kept[resumed..][..samples.len()], whole(&samples));
    assert!(session.take_sound().is_empty());

    let mut other = self::session(Pacing::Live);
    other.push(&[&samples], &mut updates).unwrap();
    assert_eq!((other.sound_samples(), other.take_sound()), (0, vec![]));
}
