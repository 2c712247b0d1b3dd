//! What a session's updates look like: words, bars, timeline, list, and what screen readers hear.

use super::{
    history::History,
    view::{View, Words},
};
use crate::{
    model::{Activation, Liveliness, Posterior},
    protocol::ModelSummary,
    session::{Summary, Update, Verdict},
    web::{
        numbers::{clock, duration, percent},
        words::{tell, tr},
    },
};

/// Seconds that the timeline of a running microphone spans.
const LIVE_SPAN_S: f64 = 60.0;
/// Least span of a finished timeline.
const LEAST_SPAN_S: f64 = 5.0;
/// Silence after which the last verdict leaves the headline.
const HOLD_S: f64 = 6.0;
/// Complete silence after which a microphone is taken for muted.
const MUTED_S: f64 = 3.0;
/// Level of digital silence, in dB relative to full scale.
const MUTED_DBFS: f32 = -119.0;
/// Least time between two announcements.
const ANNOUNCE_EVERY_S: f64 = 4.0;
/// Share of the newest answer in the mean time of one.
const COMPUTE_WEIGHT: f32 = 0.1;
/// Speech that is heard before "not sure" is an answer.
const FIRM_S: f32 = 1.5;
/// Time between predictions until the model has said its own.
const STEP_S: f64 = 0.256;

/// What the input is.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A microphone.
    Microphone,
    /// A file.
    File {
        /// Its name.
        name: String,
        /// Its length in seconds.
        duration_s: f64,
    },
}

/// The shown session.
pub struct Display {
    /// The elements.
    pub view: View,
    origin: Origin,
    history: History,
    announcer: Announcer,
    step_s: f64,
    at_s: f64,
    /// Start and end of the timeline once the session is over.
    finished_s: Option<f64>,
    /// When speech was last heard.
    speech_s: Option<f64>,
    /// Of a file: updates come faster than anyone reads.
    newest: Option<Update>,
    /// What was last expressed.
    last: Option<(Verdict, f32)>,
    /// When sound was last heard.
    sound_s: f64,
    /// Sound that never reached the engine.
    lost_s: f64,
    /// How long an answer takes: a running mean.
    compute_ms: Option<f32>,
    /// What the session says, or the invitation before the first.
    words: Words,
}

impl Display {
    /// Shows nothing yet.
    pub fn new(view: View) -> Self {
        Self {
            words: view.invitation(),
            view,
            origin: Origin::Microphone,
            history: History::default(),
            announcer: Announcer::default(),
            step_s: STEP_S,
            at_s: 0.0,
            finished_s: None,
            speech_s: None,
            newest: None,
            last: None,
            sound_s: 0.0,
            lost_s: 0.0,
            compute_ms: None,
        }
    }

    /// Takes over what is known of the model.
    ///
    /// Returns whether another one judged before.
    pub fn model(&mut self, model: ModelSummary) -> bool {
        self.step_s = f64::from(model.step_s);
        self.view
            .panel
            .offer(model.can_calibrate, model.has_neutral);
        self.view.engine_ready(model)
    }

    /// Empties the screen as it was before the first session.
    pub fn forget(&mut self) {
        self.begin(Origin::Microphone);
        self.view.forget();
        self.say(self.view.invitation());
    }

    /// Says everything anew, in another language.
    pub fn retell(&mut self) {
        self.view.retell();
        // A session says more soon, or has its file's name and numbers on screen.
        if self.words.verdict.is_none() && self.finished_s.is_none() && self.at_s == 0.0 {
            self.words = self.view.invitation();
        }
        self.draw();
    }

    /// Shows words that belong to no session; what the last one showed stays underneath.
    pub fn interlude(&self, kicker: &str, text: &str, detail: &str) {
        self.view.words(&Words::plain(kicker, text, detail));
    }

    /// Shows the last session again, or the invitation, after an interlude.
    ///
    /// Returns whether there is a session to show.
    pub fn resume(&self) -> bool {
        self.view.words(&self.words);
        self.finished_s.is_some()
    }

    /// Empties the screen for a new session.
    pub fn begin(&mut self, origin: Origin) {
        self.view.clear();
        self.history = History::default();
        self.announcer = Announcer::default();
        self.at_s = 0.0;
        self.finished_s = None;
        self.speech_s = None;
        self.newest = None;
        self.last = None;
        self.sound_s = 0.0;
        self.lost_s = 0.0;
        self.compute_ms = None;
        self.origin = origin;
        let words = match &self.origin {
            Origin::Microphone => listening(),
            Origin::File { name, duration_s } => {
                self.view.file_progress(0.0, *duration_s);
                Words::plain(name, &tr("Analysing…"), &tr("Faster than it sounds."))
            }
        };
        self.say(words);
    }

    /// Shows one update and how long it took, of a file's when it is next drawn; says whether to draw.
    pub fn update(&mut self, update: Update, compute_ms: f32) -> bool {
        let is_live = self.origin == Origin::Microphone;
        match &update {
            Update::Level {
                at_s,
                rms_dbfs,
                speaking,
            } => self.level(*at_s, *rms_dbfs, *speaking),
            Update::Prediction {
                at_s,
                heard_s,
                verdict,
                confidence,
                ..
            } => {
                // The first of a recording's utterance comes late and stands for all that it holds.
                let new_s = if is_live {
                    self.step_s
                } else {
                    f64::from(*heard_s)
                };
                self.history
                    .add(*at_s, self.step_s, new_s, *verdict, *confidence);
                self.last = Some((*verdict, *confidence));
                if is_live {
                    self.at_s = self.at_s.max(*at_s);
                    let before = self.compute_ms.unwrap_or(compute_ms);
                    let mean = before + COMPUTE_WEIGHT * (compute_ms - before);
                    self.compute_ms = Some(mean);
                    self.view.latency(mean);
                }
            }
            Update::Utterance {
                start_s,
                end_s,
                posterior,
                verdict,
                confidence,
                activation,
                ..
            } => {
                self.last = Some((*verdict, *confidence));
                let word = match verdict {
                    Verdict::Unsure => unsure(&LISTED, activation),
                    _ => self.view.names.word(*verdict),
                };
                let times_s = *start_s..*end_s;
                // A list that cannot grow still leaves the timeline.
                let _ = self
                    .view
                    .utterance(times_s, *verdict, &word, *confidence, posterior);
            }
        }
        if is_live {
            self.show(&update);
        } else {
            self.newest = Some(update);
        }
        is_live
    }

    fn show(&mut self, update: &Update) {
        let (posterior, verdict, confidence, activation, kicker) = match update {
            Update::Level { .. } => return,
            Update::Prediction {
                heard_s,
                posterior,
                verdict,
                confidence,
                activation,
                ..
            } => {
                self.view.posterior(posterior);
                // At first nobody can be sure, which says nothing about the voice.
                if *verdict == Verdict::Unsure && *heard_s < FIRM_S {
                    return;
                }
                (posterior, verdict, confidence, activation, tr("Now"))
            }
            Update::Utterance {
                posterior,
                verdict,
                confidence,
                activation,
                ..
            } => {
                self.view.posterior(posterior);
                (posterior, verdict, confidence, activation, tr("Just heard"))
            }
        };
        self.expressed(posterior, *verdict, *confidence, activation, kicker);
    }

    /// Shows that sound was lost; the timeline stays blank there.
    pub fn gap(&mut self, lost_s: f64) {
        self.lost_s += lost_s;
        self.view.lost(self.lost_s);
    }

    /// Notes how far a file has been read; says whether to draw, which is about a hundred times.
    pub fn progress(&mut self, at_s: f64) -> bool {
        let before_s = std::mem::replace(&mut self.at_s, at_s);
        let Origin::File { duration_s, .. } = self.origin else {
            return false;
        };
        let percent = |at_s: f64| (100.0 * at_s / duration_s) as u32;
        percent(at_s) != percent(before_s)
    }

    /// Whether the microphone has given nothing but zeros for a while.
    pub fn is_muted(&self) -> bool {
        self.origin == Origin::Microphone && self.at_s - self.sound_s > MUTED_S
    }

    /// Shows the result of a session that is over.
    pub fn finish(&mut self, summary: &Summary) {
        self.finished_s = Some(summary.duration_s);
        self.newest = None;
        let kicker = match &self.origin {
            Origin::Microphone => tr("Overall"),
            Origin::File { name, .. } => name.clone(),
        };
        let confidence = percent(summary.confidence);
        let speech = duration(summary.speech_s);
        let length = clock(summary.duration_s);
        let heard = tell("{0} of speech in {1}", &[&speech, &length]);
        let (text, detail) = match (summary.verdict, &summary.posterior) {
            (Verdict::Emotion(class), _) => (
                self.view.names.said("Sounded {0}", class),
                [&tell("{0} confident", &[&confidence]), " · ", &heard].concat(),
            ),
            (Verdict::Unsure, Some(posterior)) => (
                unsure(&SOUNDED, &summary.activation),
                [&self.closest(posterior), " · ", &heard].concat(),
            ),
            _ => (tr("No speech heard"), tell("in {0} of sound", &[&length])),
        };
        self.view
            .announce(&[&kicker, ": ", &text, ", ", &detail].concat());
        self.say(Words {
            kicker,
            text,
            detail,
            verdict: Some(summary.verdict),
        });
        if let Some(posterior) = &summary.posterior {
            self.view.posterior(posterior);
        }
        self.view.level(-120.0, false, summary.duration_s);
    }

    /// The session ended without a summary; what was heard stays.
    pub fn abandon(&mut self) {
        self.finished_s = Some(self.at_s);
        if self.last.is_none() {
            let kicker = match &self.origin {
                Origin::Microphone => tr("Stopped"),
                Origin::File { name, .. } => name.clone(),
            };
            self.say(Words::plain(
                &kicker,
                &tr("No result"),
                &tr("It ended before any speech was heard."),
            ));
        }
        self.view.level(-120.0, false, self.at_s);
    }

    /// Draws the timeline, and what of a file is not shown yet.
    pub fn draw(&mut self) {
        if let Some(update) = self.newest.take() {
            self.show(&update);
        }
        if let Origin::File { duration_s, .. } = self.origin {
            self.view.file_progress(self.at_s, duration_s);
        }
        let end_s = match (&self.origin, self.finished_s) {
            (_, Some(finished_s)) => finished_s.max(LEAST_SPAN_S),
            (Origin::File { duration_s, .. }, None) => duration_s.max(LEAST_SPAN_S),
            (Origin::Microphone, None) => {
                let end_s = self.at_s.max(LIVE_SPAN_S);
                return self
                    .view
                    .timeline(&self.history, end_s - LIVE_SPAN_S, end_s);
            }
        };
        self.view.timeline(&self.history, 0.0, end_s);
    }

    fn level(&mut self, at_s: f64, rms_dbfs: f32, speaking: bool) {
        self.at_s = at_s;
        if rms_dbfs > MUTED_DBFS {
            self.sound_s = at_s;
        }
        self.view.level(rms_dbfs, speaking, at_s);
        if speaking {
            self.speech_s = Some(at_s);
        } else if self.speech_s.is_some_and(|last_s| at_s - last_s > HOLD_S) {
            self.speech_s = None;
            let last = self.last.map(|(verdict, confidence)| match verdict {
                Verdict::Emotion(class) => {
                    let name = self.view.names.name(class);
                    tell("Last heard: {0}, {1}", &[&name, &percent(confidence)])
                }
                _ => tell("Last heard: {0}", &[&self.view.names.word(verdict)]),
            });
            let detail = last.unwrap_or_else(|| tr("Too little was said to tell."));
            self.say(Words {
                kicker: tr("Listening"),
                text: tr("No speech"),
                detail,
                verdict: Some(Verdict::NoSpeech),
            });
        }
    }

    fn closest(&self, posterior: &Posterior) -> String {
        let (class, share) = posterior.top();
        let name = self.view.names.name(class);
        tell("Closest: {0}, {1}", &[&name, &percent(share)])
    }

    fn say(&mut self, words: Words) {
        self.view.words(&words);
        self.words = words;
    }

    fn expressed(
        &mut self,
        posterior: &Posterior,
        verdict: Verdict,
        confidence: f32,
        activation: &Option<Activation>,
        kicker: String,
    ) {
        let (text, detail) = match verdict {
            Verdict::Emotion(class) => (
                self.view.names.said("Sounds {0}", class),
                tell("{0} confident", &[&percent(confidence)]),
            ),
            _ => (unsure(&SOUNDS, activation), self.closest(posterior)),
        };
        let kicker = match &self.origin {
            Origin::Microphone => kicker,
            Origin::File { name, .. } => name.clone(),
        };
        if self.origin == Origin::Microphone && self.announcer.should_say(&text, self.at_s) {
            self.view.announce(&text);
        }
        self.say(Words {
            kicker,
            text,
            detail,
            verdict: Some(verdict),
        });
    }
}

/// What is said of a voice whose emotion is not claimed: lively, quiet, neither.
type Unclear = [&'static str; 3];

const SOUNDS: Unclear = [
    "Sounds lively, emotion unclear",
    "Sounds quiet, emotion unclear",
    "Not sure",
];
const SOUNDED: Unclear = [
    "Sounded lively, emotion unclear",
    "Sounded quiet, emotion unclear",
    "Not sure",
];
/// In the list of what was heard.
const LISTED: Unclear = ["lively, unclear", "quiet, unclear", "not sure"];

fn unsure([lively, quiet, neither]: &Unclear, activation: &Option<Activation>) -> String {
    let sounds = activation.as_ref().map(|activation| activation.sounds);
    tr(match sounds {
        Some(Liveliness::Lively) => lively,
        Some(Liveliness::Quiet) => quiet,
        Some(Liveliness::Unsure) | None => neither,
    })
}

fn listening() -> Words {
    Words::plain(
        &tr("Listening"),
        &tr("Listening…"),
        &tr("Speak a sentence or two."),
    )
}

/// Lets changes through to screen readers, and not too many.
#[derive(Debug, Default)]
struct Announcer {
    said: Option<(String, f64)>,
}

impl Announcer {
    /// Whether `text` is new and the last announcement is long enough ago.
    fn should_say(&mut self, text: &str, at_s: f64) -> bool {
        if let Some((said, said_s)) = &self.said
            && (said == text || at_s - said_s < ANNOUNCE_EVERY_S)
        {
            return false;
        }
        self.said = Some((text.to_owned(), at_s));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_without_a_clear_emotion_is_called_lively_or_quiet_where_that_is_clear() {
        let activation = |sounds| Some(Activation { value: 0.5, sounds });
        let lively = activation(Liveliness::Lively);
        assert_eq!(unsure(&SOUNDS, &lively), "Sounds lively, emotion unclear");
        let quiet = activation(Liveliness::Quiet);
        assert_eq!(unsure(&SOUNDED, &quiet), "Sounded quiet, emotion unclear");
        assert_eq!(unsure(&SOUNDS, &activation(Liveliness::Unsure)), "Not sure");
        assert_eq!(unsure(&SOUNDS, &None), "Not sure");
    }

    #[test]
    fn screen_readers_hear_changes_and_at_most_one_in_four_seconds() {
        let mut announcer = Announcer::default();
        assert!(announcer.should_say("Sounds happy", 1.0));
        assert!(!announcer.should_say("Sounds happy", 9.0));
        assert!(announcer.should_say("Sounds sad", 10.0));
        assert!(!announcer.should_say("Sounds angry", 12.0));
        assert!(announcer.should_say("Sounds angry", 14.0));
    }
}
