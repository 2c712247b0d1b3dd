//! What a session's updates look like: words, bars, timeline, list, and what screen readers hear.

use super::{
    session::Mixture,
    view::{View, Words},
};
use crate::{
    model::{Activation, Liveliness, Posterior},
    protocol::ModelSummary,
    session::{Summary, Update, Verdict},
    web::{
        numbers::{clock, isolated, percent, speech_in},
        words::{tell, tr},
    },
};

/// Silence after which the last verdict leaves the headline.
const HOLD_S: f64 = 6.0;
/// Least time between two announcements.
const ANNOUNCE_EVERY_S: f64 = 4.0;
/// Share of the newest answer in the mean time of one.
const COMPUTE_WEIGHT: f32 = 0.1;
/// Speech that is heard before "not sure" is an answer.
const FIRM_S: f32 = 1.5;

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
    lanes: Vec<Lane>,
    /// Whose bars, words and timeline are on screen.
    lane: usize,
    /// Whether a person chose it; else it is whoever spoke last.
    is_chosen: bool,
    announcer: Announcer,
    at_s: f64,
    /// Whether the session is over.
    is_finished: bool,
    /// Of a file: updates come faster than anyone reads.
    newest: Option<(usize, Update)>,
    /// Sound that never reached the engine.
    lost_s: f64,
    /// How long an answer takes: a running mean.
    compute_ms: Option<f32>,
    /// What the session says, or the invitation before the first.
    words: Words,
    model: Option<ModelSummary>,
}

/// One speaker of the session.
#[derive(Default)]
struct Lane {
    name: String,
    /// When speech was last heard.
    speech_s: Option<f64>,
    /// What was last expressed.
    last: Option<(Verdict, f32)>,
    level_dbfs: f32,
    speaking: bool,
    /// What is said of it, and the bars.
    words: Option<Words>,
    posterior: Option<Posterior>,
}

impl Display {
    /// Shows nothing yet.
    pub fn new(view: View) -> Self {
        Self {
            words: view.invitation(),
            model: None,
            view,
            origin: Origin::Microphone,
            lanes: vec![Lane::default()],
            lane: 0,
            is_chosen: false,
            announcer: Announcer::default(),
            at_s: 0.0,
            is_finished: false,
            newest: None,
            lost_s: 0.0,
            compute_ms: None,
        }
    }

    /// Takes over what is known of the model.
    ///
    /// Returns whether another one judged before.
    pub fn model(&mut self, model: ModelSummary) -> bool {
        self.view
            .panel
            .offer(model.can_calibrate, model.has_neutral);
        let before = self.model.replace(model.clone());
        let is_other = before.is_some_and(|before| before != model);
        self.view.engine_ready(model);
        is_other
    }

    /// Empties the screen as it was before the first session.
    pub fn forget(&mut self) {
        self.begin(Origin::Microphone, &[String::new()]);
        self.view.forget();
        self.say(self.view.invitation());
    }

    /// Says everything anew, in another language.
    pub fn retell(&mut self) {
        self.view.retell();
        // A session says more soon, or has its file's name and numbers on screen.
        if self.words.verdict.is_none() && !self.is_finished && self.at_s == 0.0 {
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
        self.is_finished
    }

    /// Empties the screen for a new session with a lane for each of these speakers.
    pub fn begin(&mut self, origin: Origin, names: &[String]) {
        self.view.clear();
        self.view.explain.clear();
        self.view.lanes.begin(names);
        let lane = |name: &String| Lane {
            name: name.clone(),
            level_dbfs: -120.0,
            ..Lane::default()
        };
        self.lanes = names.iter().map(lane).collect();
        self.lane = 0;
        self.is_chosen = false;
        self.announcer = Announcer::default();
        self.at_s = 0.0;
        self.is_finished = false;
        self.newest = None;
        self.lost_s = 0.0;
        self.compute_ms = None;
        self.origin = origin;
        let words = match &self.origin {
            Origin::Microphone => listening(),
            Origin::File { name, duration_s } => {
                self.view.file_progress(0.0, *duration_s);
                Words::plain(
                    &isolated(name),
                    &tr("Analysing…"),
                    &tr("Faster than it sounds."),
                )
            }
        };
        self.say(words);
    }

    /// Shows one update of a lane and how long it took, of a file's when it is next drawn; says whether to
    /// draw.
    pub fn update(&mut self, number: usize, update: Update, compute_ms: f32) -> bool {
        let is_live = self.origin == Origin::Microphone;
        let Some(lane) = self.lanes.get_mut(number) else {
            return false;
        };
        match &update {
            Update::Level {
                at_s,
                rms_dbfs,
                speaking,
                ..
            } => self.level(number, *at_s, *rms_dbfs, *speaking),
            Update::Prediction {
                at_s,
                verdict,
                confidence,
                ..
            } => {
                lane.last = Some((*verdict, *confidence));
                if is_live {
                    self.at_s = self.at_s.max(*at_s);
                    let before = self.compute_ms.unwrap_or(compute_ms);
                    let mean = before + COMPUTE_WEIGHT * (compute_ms - before);
                    self.compute_ms = Some(mean);
                    self.view.latency(mean);
                }
            }
            Update::Utterance {
                verdict,
                confidence,
                ..
            } => {
                lane.last = Some((*verdict, *confidence));
                self.view
                    .lanes
                    .show(number, *verdict, *confidence, &self.view.names);
            }
        }
        if is_live {
            self.show(number, &update);
        } else {
            self.newest = Some((number, update));
        }
        is_live
    }

    fn show(&mut self, number: usize, update: &Update) {
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
                self.bars(number, posterior);
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
                self.bars(number, posterior);
                (posterior, verdict, confidence, activation, tr("Just heard"))
            }
        };
        self.expressed(number, posterior, *verdict, *confidence, activation, kicker);
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

    /// Shows the result of a session that is over, of all its lanes. Of a lane with a mixture of several
    /// emotions, the words name them with their shares of the speech.
    pub fn finish(&mut self, summaries: &[(&Summary, Option<Mixture>)]) {
        let duration_s = summaries.iter().map(|(summary, _)| summary.duration_s);
        let duration_s = duration_s.fold(0.0, f64::max);
        self.is_finished = true;
        self.newest = None;
        let kicker = match &self.origin {
            Origin::Microphone => tr("Overall"),
            Origin::File { name, .. } => isolated(name),
        };
        for (number, (summary, mixture)) in summaries.iter().enumerate() {
            let verdict = summary.verdict;
            self.view
                .lanes
                .show(number, verdict, summary.confidence, &self.view.names);
            self.view.lanes.speaking(number, false);
            let words = self.summed_up(kicker.clone(), summary, mixture.as_ref());
            if let Some(lane) = self.lanes.get_mut(number) {
                lane.words = Some(words);
                lane.posterior = summary.posterior;
            }
        }
        let words = match summaries {
            [(summary, mixture)] => self.summed_up(kicker, summary, mixture.as_ref()),
            _ => {
                let count = summaries.len().to_string();
                let speech_s = summaries.iter().map(|(summary, _)| summary.speech_s).sum();
                let detail = speech_in(speech_s, duration_s);
                Words::plain(&kicker, &tell("{0} speakers", &[&count]), &detail)
            }
        };
        self.view
            .announce(&[&words.kicker, ": ", &words.text, ", ", &words.detail].concat());
        self.say(words);
        self.view.lanes.choose(self.lane);
        if let Some(posterior) = self
            .lanes
            .get(self.lane)
            .and_then(|lane| lane.posterior.as_ref())
        {
            self.view.posterior(posterior);
        }
        self.view.level(-120.0, false, duration_s);
    }

    fn summed_up(&self, kicker: String, summary: &Summary, mixture: Option<&Mixture>) -> Words {
        let confidence = percent(summary.confidence);
        let heard = speech_in(summary.speech_s, summary.duration_s);
        let length = clock(summary.duration_s.round_ties_even());
        let (text, detail) = match (summary.verdict, &summary.posterior, mixture) {
            (_, _, Some((classes, shares))) => {
                let text = self.view.names.mixture(classes);
                (text, [shares, " · ", &heard].concat())
            }
            (Verdict::Emotion(class), _, None) => (
                self.view.names.said("Sounded {0}", class),
                [&tell("{0} confident", &[&confidence]), " · ", &heard].concat(),
            ),
            (Verdict::Unsure, Some(posterior), None) => (
                unsure(&SOUNDED, &summary.activation),
                [&self.closest(posterior), " · ", &heard].concat(),
            ),
            _ => (tr("No speech heard"), tell("in {0} of sound", &[&length])),
        };
        Words {
            kicker,
            text,
            detail,
            verdict: mixture.is_none().then_some(summary.verdict),
            is_mixed: mixture.is_some(),
        }
    }

    /// The speaker whose bars and words are on screen.
    pub fn lane(&self) -> usize {
        self.lane
    }

    /// Shows the bars and words of this speaker from now on.
    pub fn choose(&mut self, number: usize) {
        let Some(lane) = self.lanes.get(number) else {
            return;
        };
        self.lane = number;
        self.is_chosen = true;
        self.view.lanes.choose(number);
        if let Some(posterior) = &lane.posterior {
            self.view.posterior(posterior);
        }
        if let Some(words) = lane.words.clone() {
            self.say(words);
        }
    }

    fn bars(&mut self, number: usize, posterior: &Posterior) {
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.posterior = Some(*posterior);
        }
        if !self.is_chosen && self.lane != number {
            self.lane = number;
            self.view.lanes.choose(number);
        }
        if self.lane == number {
            self.view.posterior(posterior);
        }
    }

    /// The session ended without a summary; what was heard stays.
    pub fn abandon(&mut self) {
        self.is_finished = true;
        if self.lanes.iter().all(|lane| lane.last.is_none()) {
            let kicker = match &self.origin {
                Origin::Microphone => tr("Stopped"),
                Origin::File { name, .. } => isolated(name),
            };
            self.say(Words::plain(
                &kicker,
                &tr("No result"),
                &tr("It ended before any speech was heard."),
            ));
        }
        self.view.level(-120.0, false, self.at_s);
    }

    /// Shows what of a file is not shown yet.
    pub fn draw(&mut self) {
        if let Some((number, update)) = self.newest.take() {
            self.show(number, &update);
        }
        if let Origin::File { duration_s, .. } = self.origin {
            self.view.file_progress(self.at_s, duration_s);
        }
    }

    fn level(&mut self, number: usize, at_s: f64, rms_dbfs: f32, speaking: bool) {
        self.at_s = at_s;
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.level_dbfs = rms_dbfs;
            lane.speaking = speaking;
            if speaking {
                lane.speech_s = Some(at_s);
            }
        }
        self.view.lanes.speaking(number, speaking);
        let loudest = self.lanes.iter().map(|lane| lane.level_dbfs);
        let anybody = self.lanes.iter().any(|lane| lane.speaking);
        self.view
            .level(loudest.fold(-120.0, f32::max), anybody, at_s);
        let lanes = self.lanes.iter();
        let last_s = lanes.filter_map(|lane| lane.speech_s).reduce(f64::max);
        if last_s.is_some_and(|last_s| at_s - last_s > HOLD_S) {
            for lane in &mut self.lanes {
                lane.speech_s = None;
            }
            let last = self.lanes.get(self.lane).and_then(|lane| lane.last);
            let last = last.map(|(verdict, confidence)| match verdict {
                Verdict::Emotion(class) => {
                    let name = isolated(&self.view.names.name(class));
                    tell("Last heard: {0}, {1}", &[&name, &percent(confidence)])
                }
                _ => tell(
                    "Last heard: {0}",
                    &[&isolated(&self.view.names.word(verdict))],
                ),
            });
            let detail = last.unwrap_or_else(|| tr("Too little was said to tell."));
            self.say(Words {
                kicker: tr("Listening"),
                text: tr("No speech"),
                detail,
                verdict: Some(Verdict::NoSpeech),
                is_mixed: false,
            });
        }
    }

    fn closest(&self, posterior: &Posterior) -> String {
        let (class, share) = posterior.top();
        let name = isolated(&self.view.names.name(class));
        tell("Closest: {0}, {1}", &[&name, &percent(share)])
    }

    fn say(&mut self, words: Words) {
        self.view.words(&words);
        self.words = words;
    }

    fn expressed(
        &mut self,
        number: usize,
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
        let kicker = match (&self.origin, self.lanes.get(number)) {
            (_, Some(lane)) if !lane.name.is_empty() => isolated(&lane.name),
            (Origin::File { name, .. }, _) => isolated(name),
            _ => kicker,
        };
        let words = Words {
            kicker,
            text,
            detail,
            verdict: Some(verdict),
            is_mixed: false,
        };
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.words = Some(words.clone());
        }
        if number != self.lane {
            return;
        }
        let text = &words.text;
        if self.origin == Origin::Microphone && self.announcer.should_say(text, self.at_s) {
            self.view.announce(text);
        }
        self.say(words);
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
