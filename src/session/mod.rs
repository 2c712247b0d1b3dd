//! The whole live loop as a pure state machine: chunks of PCM in, [`Update`]s out.
//!
//! Frame by frame the speech gate opens and closes utterances. While one is open at a microphone,
//! every `step_frames` its newest `max_segment_frames` are trimmed, level-normalised and
//! classified, or half as often once it is longer than that: this is what is shown while somebody
//! speaks. When it ends, and every few seconds of a long one, it is reviewed: trimmed as a whole
//! and classified in segments of full and of half length that overlap by half. Their mean is the
//! answer: with both lengths the network is right more often than with either, above all in noise.
//! Segments begin and end on frame numbers that do not depend on how the audio was cut into chunks,
//! so that a recording gives the same answer as the same sound through a microphone.

mod heard;
mod settings;
mod smoothing;
mod update;

pub use heard::{Heard, PARTS};
pub use settings::{Claims, SessionSettings};
pub use update::{Summary, Update, Verdict};

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    activity::{HANGOVER_HOPS, ONSET_HOPS, SpeechGate},
    audio::{AudioError, SAMPLE_RATE_HZ},
    calibration::{Calibration, Reference, SpeakerStatistics},
    class::Class,
    dsp::sum::sum_of_squares,
    features::{self, Frame, FrontEnd, HOP_SAMPLES, N_FEATURES},
    model::{Activation, Classifier, Liveliness, ModelError, Posterior, WeightedMean},
};
use heard::{Envelope, envelope};
use smoothing::Smoother;

/// How inference keeps up with the audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pacing {
    /// A microphone: [`Session::push`] takes audio in, [`Session::catch_up`] classifies the newest
    /// segment; segments that are late are skipped, never queued.
    Live,
    /// A recording: predictions are made only for the segments of full length that an utterance's
    /// answer is made from, and arrive together with it.
    Recorded,
}

/// Frames before the gate opened that still belong to the utterance, since the gate needs some
/// speech before it opens.
const PREROLL_FRAMES: u64 = 20;

/// In a review, a segment begins at most its length divided by this after the previous one.
const OVERLAP_DIVISOR: u64 = 2;

/// Greatest length that is reviewed at once, in longest segments.
const REVIEW_SEGMENTS: usize = 2;

/// Steps from one prediction to the next once the utterance is longer than a segment: by then only
/// a small part of each segment is new.
const STEPS_WHEN_LONG: u64 = 2;

/// A sample that reaches this has been cut off, or would be in the next moment.
const FULL_SCALE: f32 = 0.99;

/// Frames in one [`Update::Level`].
const LEVEL_FRAMES: u64 = 3;

/// The live loop. One session is one stream of audio at one sample rate.
pub struct Session<C> {
    classifier: C,
    front_end: FrontEnd,
    sample_rate_hz: u32,
    /// Taken in since the front end was started.
    samples: u64,
    track: Track,
}

impl<C: Classifier> Session<C> {
    /// A session that has heard nothing yet.
    ///
    /// # Errors
    /// When `sample_rate_hz` is outside what the front end takes.
    pub fn new(
        classifier: C,
        settings: &SessionSettings,
        sample_rate_hz: u32,
        pacing: Pacing,
    ) -> Result<Self, AudioError> {
        let front_end = FrontEnd::new(sample_rate_hz)?;
        Ok(Self {
            classifier,
            front_end,
            sample_rate_hz,
            samples: 0,
            track: Track::new(settings.clone(), Claims::default(), pacing),
        })
    }

    /// Limits what it may claim; call this before the first chunk.
    #[must_use]
    pub fn claiming(mut self, claims: Claims) -> Self {
        let mut settings = self.track.settings;
        settings.unsure_below = settings.unsure_below.max(claims.at_least);
        self.track = Track::new(settings, claims, self.track.pacing);
        self
    }

    /// Takes in a chunk of planar channels of equal length and adds its findings to `updates`.
    ///
    /// # Errors
    /// When the classifier fails; the chunk has been taken in nevertheless.
    pub fn push(
        &mut self,
        channels: &[&[f32]],
        updates: &mut Vec<Update>,
    ) -> Result<(), ModelError> {
        let samples = channels.iter().map(|channel| channel.len()).min();
        self.samples += samples.unwrap_or(0) as u64;
        self.feed(updates, |front_end, sink| front_end.push(channels, sink))
    }

    /// Classifies the newest segment that is due, if any.
    ///
    /// # Errors
    /// When the classifier fails.
    pub fn catch_up(&mut self, updates: &mut Vec<Update>) -> Result<(), ModelError> {
        self.track.predict(&mut self.classifier, updates)
    }

    /// Records that audio was lost: closes the utterance and starts the front end afresh.
    ///
    /// # Errors
    /// When the classifier fails on the utterance so far.
    pub fn gap(&mut self, lost_s: f64, updates: &mut Vec<Update>) -> Result<(), ModelError> {
        let result = self.flush(updates);
        self.track.gate.reset();
        self.track.set_clock(self.track.started_s + lost_s);
        result
    }

    /// Seconds of audio so far, lost audio included.
    pub fn at_s(&self) -> f64 {
        self.track.time_s(self.track.frames)
    }

    /// Takes in what the front end still holds, closes the open utterance and returns the summary.
    ///
    /// # Errors
    /// When the classifier fails on the last utterance.
    pub fn finish(&mut self, updates: &mut Vec<Update>) -> Result<Summary, ModelError> {
        self.flush(updates)?;
        Ok(self.track.summary(self.front_end.nonfinite_samples()))
    }

    /// From now on judges what is heard, and all of an open utterance, as this speaker's; with
    /// `None` there is no calibration. In either case calibration while listening ends.
    pub fn set_calibration(&mut self, calibration: Option<Calibration>) {
        self.track.listener = None;
        self.track.calibration = calibration;
    }

    /// The calibration in use.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.track.calibration.as_ref()
    }

    /// Calibrates to the speaker while listening: after every utterance, with everything heard
    /// since, see [`Calibration::while_listening`]. Replaces a calibration that was set. `model`
    /// and `statistics` come from the classifier's manifest.
    pub fn calibrate_while_listening(&mut self, model: &str, statistics: &SpeakerStatistics) {
        self.track.calibration = None;
        self.track.listener = Some(Listener {
            model: model.to_owned(),
            statistics: statistics.clone(),
            heard: WeightedMean::default(),
        });
    }

    /// Closes the open utterance and returns everything heard since the session began, or since the
    /// last call, as a reference for a [`Calibration`]; none if there was no speech.
    ///
    /// # Errors
    /// When the classifier fails on the utterance so far.
    pub fn take_reference(
        &mut self,
        class: Class,
        updates: &mut Vec<Update>,
    ) -> Result<Option<Reference>, ModelError> {
        self.flush(updates)?;
        self.track.gate.reset();
        let heard = std::mem::take(&mut self.track.heard);
        Ok(heard.evidence().map(|evidence| Reference {
            class,
            evidence,
            speech_s: heard.weight(),
        }))
    }

    /// The newest segment that was judged in a review; none before the first.
    pub fn heard(&self) -> Option<&Heard> {
        let heard = &self.track.newest;
        (!heard.segment.is_empty()).then_some(heard)
    }

    /// What judges.
    pub fn classifier(&self) -> &C {
        &self.classifier
    }

    /// From now on keeps the sound, at 16 kHz, until it is taken.
    pub fn keep_sound(&mut self) {
        self.track.sound = Some(Sound {
            samples: Vec::new(),
            next: self.track.position(),
        });
    }

    /// The sound kept since the last call, as 16-bit samples at 16 kHz. What is taken follows on what was
    /// taken before, lost audio as silence: sample n is heard at n / 16,000 s after it was first kept.
    pub fn take_sound(&mut self) -> Vec<i16> {
        let sound = self.track.sound.as_mut();
        sound.map_or_else(Vec::new, |sound| std::mem::take(&mut sound.samples))
    }

    /// Number of samples that [`take_sound`](Self::take_sound) would give.
    pub fn sound_samples(&self) -> usize {
        let sound = self.track.sound.as_ref();
        sound.map_or(0, |sound| sound.samples.len())
    }

    /// Returns the classifier for use in the next session.
    pub fn into_classifier(self) -> C {
        self.classifier
    }

    /// Takes in what the front end still holds and closes the open utterance; the clock then stands at the last
    /// sample, not at the end of its frame.
    fn flush(&mut self, updates: &mut Vec<Update>) -> Result<(), ModelError> {
        let fed = self.feed(updates, |front_end, sink| front_end.finish(sink));
        let heard_s = self.samples as f64 / f64::from(self.sample_rate_hz);
        self.samples = 0;
        let end_s = self.track.started_s + heard_s;
        let closed = self
            .track
            .close_utterance(&mut self.classifier, end_s, updates);
        self.track.set_clock(end_s);
        fed.and(closed)
    }

    /// Tracks the frames that `feed` makes the front end produce; the first error counts.
    fn feed(
        &mut self,
        updates: &mut Vec<Update>,
        feed: impl FnOnce(&mut FrontEnd, &mut dyn FnMut(&Frame)),
    ) -> Result<(), ModelError> {
        let Self {
            classifier,
            front_end,
            track,
            ..
        } = self;
        let mut result = Ok(());
        feed(front_end, &mut |frame| {
            let outcome = track.push(frame, classifier, updates);
            if result.is_ok() {
                result = outcome;
            }
        });
        result
    }
}

/// All the state of a session apart from the classifier and the front end.
struct Track {
    settings: SessionSettings,
    claims: Claims,
    pacing: Pacing,
    gate: SpeechGate,
    smoother: Smoother,
    /// Frames seen.
    frames: u64,
    /// When the front end was last started, in seconds of the stream.
    started_s: f64,
    /// Its first frame.
    started: u64,
    /// The newest rows `[T, F]`, at least as many as are reviewed at once; the last is frame
    /// `frames - 1`.
    history: Vec<f32>,
    /// Whether the gate hears speech in each of these rows.
    spoken: Vec<bool>,
    /// Envelopes of these.
    envelopes: Vec<Envelope>,
    newest: Heard,
    /// The frames classified last and what they were found to be: in a pause, the newest speech stays the same.
    classified: Option<(Range<u64>, Posterior)>,
    /// Sum of squares over the current level update.
    square_sum: f32,
    /// Whether a sample of it reached full scale.
    clipped: bool,
    utterance: Option<Utterance>,
    /// End of the segment that is due for classification.
    due: Option<u64>,
    /// Last frame of the previous utterance.
    last_end: u64,
    speech_frames: u64,
    /// Whether an utterance has contained enough speech for a claim.
    is_firm: bool,
    posterior_sum: WeightedMean,
    calibration: Option<Calibration>,
    listener: Option<Listener>,
    /// Evidence before calibration, for a reference.
    heard: WeightedMean,
    /// None when it is not kept.
    sound: Option<Sound>,
}

/// Sound that waits to be taken.
struct Sound {
    samples: Vec<i16>,
    /// Position in the stream of the sample to come next.
    next: u64,
}

/// What calibration while listening needs.
struct Listener {
    model: String,
    statistics: SpeakerStatistics,
    /// Evidence before calibration.
    heard: WeightedMean,
}

/// An utterance that is still open. All numbers are frame numbers.
struct Utterance {
    start: u64,
    /// Frames of it in which the gate hears speech.
    spoken: u64,
    /// Where the last review ended.
    reviewed: u64,
    /// Segments reviewed.
    segments: u32,
    /// Evidence of the segments reviewed, before calibration.
    heard: WeightedMean,
}

impl Utterance {
    fn new(start: u64, spoken: u64) -> Self {
        Self {
            start,
            spoken,
            reviewed: start,
            segments: 0,
            heard: WeightedMean::default(),
        }
    }

    /// Where a review up to frame `end` (exclusive) begins: chosen so that its first segment
    /// overlaps the last one reviewed by half, and so that the remainder of a long utterance is
    /// heard in a whole segment.
    fn review_start(&self, end: u64, max_segment_frames: u64) -> u64 {
        let overlap = max_segment_frames - max_segment_frames / OVERLAP_DIVISOR;
        let overlapping = self.reviewed.saturating_sub(overlap);
        let whole = end.saturating_sub(max_segment_frames);
        overlapping.min(whole).max(self.start)
    }
}

impl Track {
    fn new(settings: SessionSettings, claims: Claims, pacing: Pacing) -> Self {
        Self {
            gate: SpeechGate::new(),
            smoother: Smoother::new(settings.clone(), claims),
            frames: 0,
            started_s: 0.0,
            started: 0,
            history: Vec::with_capacity(
                2 * REVIEW_SEGMENTS * settings.max_segment_frames * N_FEATURES,
            ),
            spoken: Vec::with_capacity(2 * REVIEW_SEGMENTS * settings.max_segment_frames),
            envelopes: Vec::with_capacity(2 * REVIEW_SEGMENTS * settings.max_segment_frames),
            newest: Heard::new(settings.max_segment_frames, N_FEATURES),
            classified: None,
            square_sum: 0.0,
            clipped: false,
            utterance: None,
            due: None,
            last_end: 0,
            speech_frames: 0,
            is_firm: false,
            posterior_sum: WeightedMean::default(),
            calibration: None,
            listener: None,
            heard: WeightedMean::default(),
            sound: None,
            pacing,
            claims,
            settings,
        }
    }

    /// Position in the stream of the next frame's first sample, lost audio included.
    fn position(&self) -> u64 {
        (self.time_s(self.frames) * f64::from(SAMPLE_RATE_HZ)).round() as u64
    }

    /// Lets the sound that is kept go on at the clock's time: silence for what was lost, without what fills
    /// up a last frame.
    fn align_sound(&mut self) {
        let position = self.position();
        if let Some(sound) = &mut self.sound {
            let end = sound.samples.len() as u64 + position;
            let end = end.saturating_sub(sound.next);
            sound.samples.resize(end as usize, 0);
            sound.next = position;
        }
    }

    fn time_s(&self, frame: u64) -> f64 {
        self.started_s + hops_s(frame.saturating_sub(self.started))
    }

    /// Says when the next frame begins.
    fn set_clock(&mut self, at_s: f64) {
        self.started_s = at_s;
        self.started = self.frames;
        self.align_sound();
    }

    fn push<C: Classifier>(
        &mut self,
        frame: &Frame,
        classifier: &mut C,
        updates: &mut Vec<Update>,
    ) -> Result<(), ModelError> {
        let kept = REVIEW_SEGMENTS * self.settings.max_segment_frames * N_FEATURES;
        if self.history.len() == 2 * kept {
            self.history.copy_within(kept.., 0);
            self.history.truncate(kept);
            self.spoken.drain(..kept / N_FEATURES);
            self.envelopes.drain(..kept / N_FEATURES);
        }
        self.history.extend_from_slice(&frame.features);
        self.frames += 1;
        if let Some(sound) = &mut self.sound {
            let samples = frame.samples.iter();
            sound
                .samples
                .extend(samples.map(|sample| (sample * 32_767.0).round() as i16));
            sound.next += HOP_SAMPLES as u64;
        }

        let speaking = self.gate.push(frame);
        self.spoken.push(self.gate.hears_speech());
        self.envelopes.push(envelope(&frame.samples));
        if let Some(utterance) = &mut self.utterance {
            utterance.spoken += u64::from(self.gate.hears_speech());
        }
        self.take_back(self.gate.taken_back().into());
        self.square_sum += sum_of_squares(&frame.samples);
        self.clipped |= frame.samples.iter().any(|x| x.abs() >= FULL_SCALE);
        if self.frames.is_multiple_of(LEVEL_FRAMES) {
            let mean_square = self.square_sum / (LEVEL_FRAMES * HOP_SAMPLES as u64) as f32;
            self.square_sum = 0.0;
            let rms_dbfs = (10.0 * mean_square.max(1e-12).log10()).max(-120.0);
            updates.push(Update::Level {
                at_s: self.time_s(self.frames),
                rms_dbfs,
                clipped: std::mem::take(&mut self.clipped),
                speaking,
            });
        }

        if speaking && self.utterance.is_none() {
            let start = (self.frames - 1)
                .saturating_sub(PREROLL_FRAMES)
                .max(self.last_end)
                .max(self.started);
            self.utterance = Some(Utterance::new(start, self.spoken(start, self.frames)));
        }
        if !speaking && self.utterance.is_some() {
            return self.close_utterance(classifier, f64::INFINITY, updates);
        }
        if self.pacing == Pacing::Live && self.is_step() {
            self.due = Some(self.frames);
        }
        if self.is_to_review() {
            return self.review(classifier, updates);
        }
        Ok(())
    }

    /// Counts the newest frames, this many, as frames without speech.
    fn take_back(&mut self, frames: u64) {
        let start = self.frames.saturating_sub(frames).max(self.started);
        if let Some(utterance) = &self.utterance {
            let spoken = self.spoken(start.max(utterance.start), self.frames);
            if let Some(utterance) = &mut self.utterance {
                utterance.spoken -= spoken;
            }
        }
        let first = self.row(start);
        self.spoken[first..].fill(false);
    }

    /// Whether a segment that ends with the newest frame is due.
    fn is_step(&self) -> bool {
        let steps = if self.is_long() { STEPS_WHEN_LONG } else { 1 };
        self.utterance.is_some()
            && self
                .frames
                .is_multiple_of(steps * self.settings.step_frames as u64)
    }

    /// Whether the open utterance is longer than a segment.
    fn is_long(&self) -> bool {
        let max = self.settings.max_segment_frames as u64;
        let utterance = self.utterance.as_ref();
        utterance.is_some_and(|utterance| self.frames - utterance.start > max)
    }

    /// Whether the next review has as much as fits into one.
    fn is_to_review(&self) -> bool {
        let max = self.settings.max_segment_frames as u64;
        let most = REVIEW_SEGMENTS as u64 * max;
        let utterance = self.utterance.as_ref();
        utterance
            .is_some_and(|utterance| self.frames - utterance.review_start(self.frames, max) == most)
    }

    /// Classifies the due segment and adds a prediction.
    fn predict<C: Classifier>(
        &mut self,
        classifier: &mut C,
        updates: &mut Vec<Update>,
    ) -> Result<(), ModelError> {
        let Some(end) = self.due.take() else {
            return Ok(());
        };
        let Some(utterance) = &self.utterance else {
            return Ok(());
        };
        let max = self.settings.max_segment_frames as u64;
        let start = utterance.start.max(end.saturating_sub(max));
        let Some(speech) = self.speech(start..end) else {
            return Ok(());
        };
        let heard = count(&speech);
        let (posterior, _) = self.classify(speech, classifier)?;
        self.show(start..end, heard, &self.calibrated(&posterior), updates);
        Ok(())
    }

    /// What of these frames is speech; none if there is too little.
    fn speech(&self, frames: Range<u64>) -> Option<Range<u64>> {
        let energies = features::energies(self.rows(frames.clone()));
        features::trim(&energies)
            .filter(|speech| speech.len() >= self.settings.min_segment_frames)
            .map(|speech| frames.start + speech.start as u64..frames.start + speech.end as u64)
    }

    /// What these frames, all of them speech, express before calibration, and the segment `[T, F]`
    /// they make.
    fn classify<C: Classifier>(
        &mut self,
        frames: Range<u64>,
        classifier: &mut C,
    ) -> Result<(Posterior, Vec<f32>), ModelError> {
        let segment = features::levelled(self.rows(frames.clone()));
        if let Some((classified, posterior)) = &self.classified
            && *classified == frames
        {
            return Ok((*posterior, segment));
        }
        let posterior = classifier.classify(&segment)?;
        self.classified = Some((frames, posterior));
        Ok((posterior, segment))
    }

    /// Classifies the segments of the open utterance that end after the last review.
    fn review<C: Classifier>(
        &mut self,
        classifier: &mut C,
        updates: &mut Vec<Update>,
    ) -> Result<(), ModelError> {
        let max = self.settings.max_segment_frames as u64;
        let Some(utterance) = &mut self.utterance else {
            return Ok(());
        };
        let start = utterance.review_start(self.frames, max);
        let reviewed = std::mem::replace(&mut utterance.reviewed, self.frames);
        let Some(speech) = self
            .speech(start..self.frames)
            .filter(|speech| speech.end > reviewed)
        else {
            return Ok(());
        };
        let new = speech.end - speech.start.max(reviewed);
        let is_short = count(&speech) <= max / 2;
        let lengths = if is_short {
            &[max][..]
        } else {
            &[max, max / 2]
        };
        for &length in lengths {
            let mut segments = overlapping(&speech, length);
            segments.retain(|segment| segment.end > reviewed);
            let weight = new as f64 / (lengths.len() * segments.len()) as f64;
            for segment in segments {
                let (posterior, rows) = self.classify(segment.clone(), classifier)?;
                if let Some(utterance) = &mut self.utterance {
                    utterance.heard.add(&posterior.evidence(), weight);
                    utterance.segments += 1;
                }
                if length == max {
                    self.keep(&rows, segment.end);
                }
                if self.pacing == Pacing::Recorded && length == max {
                    let heard = count(&segment);
                    self.show(segment, heard, &self.calibrated(&posterior), updates);
                }
            }
        }
        Ok(())
    }

    /// Keeps a segment `[T, F]` that was judged, up to frame `end` (exclusive).
    fn keep(&mut self, segment: &[f32], end: u64) {
        let start = end - (segment.len() / N_FEATURES) as u64;
        let times_s = [start, end].map(|frame| self.time_s(frame));
        let envelopes = &self.envelopes[self.row(start)..self.row(end)];
        self.newest.replace(times_s, segment, envelopes);
    }

    /// Adds a prediction for a segment of these frames, of which `heard` remain after trimming.
    fn show(
        &mut self,
        frames: Range<u64>,
        heard: u64,
        newest: &Posterior,
        updates: &mut Vec<Update>,
    ) {
        let posterior = self
            .smoother
            .push(newest, self.settings.trust(heard as usize));
        let limited = self.claims.limit(&posterior);
        let (mut verdict, mut confidence) = self.smoother.verdict();
        let is_firm = self.is_firm(heard as f64, self.spoken(frames.start, frames.end));
        if !is_firm || confidence < self.claims.at_least {
            (verdict, confidence) = (Verdict::Unsure, limited.top().1);
        }
        updates.push(Update::Prediction {
            at_s: self.time_s(frames.end),
            heard_s: heard as f32 * HOP_SAMPLES as f32 / SAMPLE_RATE_HZ as f32,
            posterior: limited,
            verdict,
            confidence,
            activation: self.activation(&posterior, is_firm),
        });
    }

    /// Whether anything may be claimed for `heard` frames of speech, after trimming, if the gate
    /// hears speech in `spoken` of them.
    fn is_firm(&self, heard: f64, spoken: u64) -> bool {
        heard >= self.settings.firm_segment_frames as f64
            && spoken >= self.settings.min_speech_frames as u64
    }

    fn activation(&self, posterior: &Posterior, is_firm: bool) -> Option<Activation> {
        let activation = self.settings.activation.as_ref()?.read(posterior);
        Some(if is_firm {
            activation
        } else {
            Activation {
                sounds: Liveliness::Unsure,
                ..activation
            }
        })
    }

    /// The number of frames from `start` to `end` (exclusive), as far as they are held, in which
    /// the gate hears speech.
    fn spoken(&self, start: u64, end: u64) -> u64 {
        let (first, last) = (self.row(start), self.row(end));
        let spoken = self.spoken[first..last].iter();
        spoken.filter(|spoken| **spoken).count() as u64
    }

    /// The position at which frame `frame` is held; 0 when it no longer is.
    fn row(&self, frame: u64) -> usize {
        (frame + self.spoken.len() as u64).saturating_sub(self.frames) as usize
    }

    /// These frames `[T, F]`, as far as they are held.
    fn rows(&self, frames: Range<u64>) -> &[f32] {
        &self.history[self.row(frames.start) * N_FEATURES..self.row(frames.end) * N_FEATURES]
    }

    fn calibrated(&self, posterior: &Posterior) -> Posterior {
        match &self.calibration {
            Some(calibration) => calibration.apply(posterior),
            None => *posterior,
        }
    }

    /// Ends the open utterance, if any, with what it expresses, `last_s` at the latest.
    fn close_utterance<C: Classifier>(
        &mut self,
        classifier: &mut C,
        last_s: f64,
        updates: &mut Vec<Update>,
    ) -> Result<(), ModelError> {
        let result = self.review(classifier, updates);
        self.due = None;
        self.smoother.reset();
        let Some(utterance) = self.utterance.take() else {
            return result;
        };
        let end = self.frames;
        self.last_end = end;
        let silence = if self.gate.is_open() {
            0
        } else {
            u64::from(HANGOVER_HOPS)
        };
        let end_s = self.time_s(end - silence).min(last_s);
        let start_s = self.time_s(utterance.start);
        // What opened the gate may have been taken back.
        let is_speech = utterance.spoken >= u64::from(ONSET_HOPS);
        if let Some(heard) = utterance.heard.posterior().filter(|_| is_speech) {
            let posterior = self.calibrated(&heard);
            let speech_s = hops_s(utterance.spoken);
            let is_firm = self.is_firm(utterance.heard.weight(), utterance.spoken);
            self.speech_frames += utterance.spoken;
            self.is_firm |= is_firm;
            self.posterior_sum.add(&posterior.evidence(), speech_s);
            self.heard.add(&heard.evidence(), speech_s);
            self.listen(&heard, speech_s);
            let limited = self.claims.limit(&posterior);
            let (verdict, confidence) = self.verdict(&limited, is_firm);
            self.newest.segments = utterance.segments;
            self.newest.answer = Some(limited);
            updates.push(Update::Utterance {
                start_s,
                end_s,
                speech_s,
                posterior: limited,
                evidence: heard.evidence(),
                verdict,
                confidence,
                activation: self.activation(&posterior, is_firm),
            });
        }
        result
    }

    /// Takes an utterance into the calibration while listening, if that is on.
    fn listen(&mut self, heard: &Posterior, speech_s: f64) {
        let Some(listener) = &mut self.listener else {
            return;
        };
        listener.heard.add(&heard.evidence(), speech_s);
        self.calibration = listener.heard.evidence().map(|mean| {
            let Listener {
                model, statistics, ..
            } = listener;
            Calibration::while_listening(model, statistics, &mean, listener.heard.weight())
        });
    }

    fn verdict(&self, posterior: &Posterior, is_firm: bool) -> (Verdict, f32) {
        let (top, confidence) = posterior.top();
        if is_firm && confidence >= self.settings.claimed_from(top) {
            (Verdict::Emotion(top), confidence)
        } else {
            (Verdict::Unsure, confidence)
        }
    }

    fn summary(&self, nonfinite_samples: u64) -> Summary {
        let posterior = self.posterior_sum.posterior();
        let limited = posterior
            .as_ref()
            .map(|posterior| self.claims.limit(posterior));
        let (verdict, confidence) = match &limited {
            Some(posterior) => self.verdict(posterior, self.is_firm),
            None => (Verdict::NoSpeech, 0.0),
        };
        Summary {
            duration_s: self.time_s(self.frames),
            speech_s: hops_s(self.speech_frames),
            activation: posterior
                .as_ref()
                .and_then(|posterior| self.activation(posterior, self.is_firm)),
            posterior: limited,
            verdict,
            confidence,
            nonfinite_samples,
        }
    }
}

/// Duration of this number of hops, in seconds.
fn hops_s(hops: u64) -> f64 {
    (hops * HOP_SAMPLES as u64) as f64 / f64::from(SAMPLE_RATE_HZ)
}

/// Number of frames.
fn count(frames: &Range<u64>) -> u64 {
    frames.end - frames.start
}

/// Stretches of `length` in `whole` that overlap by half or more, evenly spread from beginning to
/// end; `whole` itself if it is no longer than that.
fn overlapping(whole: &Range<u64>, length: u64) -> Vec<Range<u64>> {
    let spare = count(whole).saturating_sub(length);
    let last = spare.div_ceil((length / OVERLAP_DIVISOR).max(1));
    (0..=last)
        .map(|i| {
            let start = whole.start + (i * spare).checked_div(last).unwrap_or(0);
            start..(start + length).min(whole.end)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_overlap_by_half_or_more_from_beginning_to_end() {
        let of = |length| overlapping(&(10..40), length);
        for length in [30, 31, 1_000] {
            assert_eq!(of(length), std::slice::from_ref(&(10..40)));
        }
        assert_eq!(of(29), [10..39, 11..40]);
        assert_eq!(of(20), [10..30, 20..40]);
        assert_eq!(of(19), [10..29, 15..34, 21..40]);
        assert_eq!(of(15), [10..25, 15..30, 20..35, 25..40]);
        assert_eq!(of(1).len(), 30);
    }
}
