//! What was listened to and what still waits: microphones and files, each with what is newest of it, so that it
//! can be shown again.

use web_sys::File;

use super::wording::Names;
use crate::{
    class::Class,
    session::{Summary, Update, Verdict},
    web::{
        client::{decoder::Ending, file::Recording},
        error::WebError,
        numbers::{isolated, percent},
        words::{tell, tr},
    },
};

/// How far a source is.
pub enum State {
    /// To be read.
    Waiting(File),
    /// Being read.
    Opening,
    /// Waits for the engine, or for a microphone to be stopped.
    Ready(Recording),
    /// Being listened to.
    Running(Option<Recording>),
    /// Stopped; the summary is still to come.
    Closing,
    /// Over.
    Done,
    /// Over, without a summary.
    Abandoned,
    /// Given up before anything was heard.
    Cancelled,
    /// Refused.
    Failed(WebError),
}

/// A microphone or a file.
pub struct Source {
    /// Rises from one to the next.
    pub number: u32,
    /// A file's name; none of a microphone.
    pub file: Option<String>,
    /// What a person reads.
    pub name: String,
    /// How far it is.
    pub state: State,
    /// Whether it was given by itself: its failure is then told in large words.
    pub is_alone: bool,
    /// Its length in seconds, once it is known.
    pub duration_s: f64,
    /// The engine's session of the first lane; those of the others follow.
    pub first: u32,
    /// Who speaks.
    pub lanes: Vec<Lane>,
    /// What of a file was missing.
    pub ending: Ending,
    /// Who was heard last.
    latest: usize,
}

/// One speaker.
#[derive(Default)]
pub struct Lane {
    /// What the speaker is called.
    pub name: String,
    /// How far the engine is, in seconds.
    pub at_s: f64,
    /// Sound that never reached the engine, in seconds.
    pub lost_s: f64,
    /// The newest utterance.
    uttered: Option<Update>,
    /// What was predicted since.
    predicted: Option<Update>,
    /// What was heard, once it is over.
    pub summary: Option<Summary>,
    /// What it is made of where it is mixed.
    pub mixture: Vec<Class>,
}

/// All of them, in the order in which they were given.
#[derive(Default)]
pub struct Sources {
    list: Vec<Source>,
    given: u32,
}

impl Source {
    /// Begins to be listened to, in sessions of the engine from `first` on.
    pub fn begin(&mut self, first: u32, lanes: u32, duration_s: f64, recording: Option<Recording>) {
        self.first = first;
        self.duration_s = duration_s;
        let names = lane_names(lanes).into_iter();
        self.lanes = names
            .map(|name| Lane {
                name,
                ..Lane::default()
            })
            .collect();
        self.state = State::Running(recording);
    }

    /// Keeps what is newest of a lane; all of it is in the session.
    pub fn note(&mut self, number: usize, update: &Update) {
        let Some(lane) = self.lanes.get_mut(number) else {
            return;
        };
        match update {
            Update::Level { .. } => return,
            Update::Prediction { .. } => lane.predicted = Some(update.clone()),
            Update::Utterance { .. } => {
                lane.uttered = Some(update.clone());
                lane.predicted = None;
            }
        }
        self.latest = number;
    }

    /// What is newest of each lane, of who was heard last at the end.
    pub fn newest(&self) -> impl Iterator<Item = (usize, &Update)> {
        let others = (0..self.lanes.len()).filter(|number| *number != self.latest);
        let numbers = others.chain(std::iter::once(self.latest));
        numbers.flat_map(|number| {
            let lane = self.lanes.get(number);
            let newest = lane.map(|lane| [&lane.uttered, &lane.predicted]);
            let newest = newest.into_iter().flatten().flatten();
            newest.map(move |update| (number, update))
        })
    }

    /// Sessions of the engine.
    pub fn sessions(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.lanes.len() as u32
    }

    /// Whether the engine has something to do with it.
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running(_) | State::Closing)
    }

    /// Whether something is still to come of it.
    pub fn is_open(&self) -> bool {
        let is_waiting = matches!(
            self.state,
            State::Waiting(_) | State::Opening | State::Ready(_)
        );
        is_waiting || self.is_running()
    }

    /// Whether it has anything to show.
    pub fn has_result(&self) -> bool {
        self.is_running() || matches!(self.state, State::Done | State::Abandoned)
    }

    /// How far the slowest lane is, in seconds.
    pub fn at_s(&self) -> f64 {
        let at_s = self.lanes.iter().map(|lane| lane.at_s);
        at_s.reduce(f64::min).unwrap_or(0.0)
    }

    /// Its length and the seconds of speech in it, of all lanes; none before it is over.
    pub fn heard_s(&self) -> Option<(f64, f64)> {
        let summaries: Option<Vec<&Summary>> = self
            .lanes
            .iter()
            .map(|lane| lane.summary.as_ref())
            .collect();
        let summaries = summaries.filter(|summaries| !summaries.is_empty())?;
        let length_s = summaries.iter().map(|summary| summary.duration_s);
        let speech_s = summaries.iter().map(|summary| summary.speech_s).sum();
        Some((length_s.fold(0.0, f64::max), speech_s))
    }

    /// What it expresses in a few words, of each lane.
    pub fn headline(&self, names: &Names) -> String {
        let mut headline = String::new();
        for lane in &self.lanes {
            let Some(summary) = &lane.summary else {
                continue;
            };
            if !headline.is_empty() {
                headline.push_str(" · ");
            }
            let said = match summary.verdict {
                _ if !lane.mixture.is_empty() => names.mixture(&lane.mixture),
                Verdict::Emotion(class) => {
                    let word = isolated(&names.name(class));
                    [&word, " ", &percent(summary.confidence)].concat()
                }
                verdict => names.word(verdict),
            };
            headline.push_str(&if self.lanes.len() > 1 {
                tell("{0}: {1}", &[&isolated(&lane.name), &said])
            } else {
                said
            });
        }
        headline
    }
}

impl Sources {
    /// Adds a file that waits.
    pub fn add(&mut self, file: File, is_alone: bool) {
        let name = file.name();
        self.push(Some(name.clone()), name, State::Waiting(file), is_alone);
    }

    /// Adds a microphone that is about to be listened to; its number.
    pub fn add_microphone(&mut self, name: String) -> u32 {
        self.push(None, name, State::Opening, true)
    }

    fn push(&mut self, file: Option<String>, name: String, state: State, is_alone: bool) -> u32 {
        self.given += 1;
        self.list.push(Source {
            number: self.given,
            file,
            name,
            state,
            is_alone,
            duration_s: 0.0,
            first: 0,
            lanes: Vec::new(),
            ending: Ending::default(),
            latest: 0,
        });
        self.given
    }

    /// The source of this number.
    pub fn get(&mut self, number: u32) -> Option<&mut Source> {
        let at = self
            .list
            .binary_search_by_key(&number, |source| source.number);
        self.list.get_mut(at.ok()?)
    }

    /// Takes a source off the list.
    pub fn remove(&mut self, number: u32) {
        self.list.retain(|source| source.number != number);
    }

    /// The source that a running session of the engine belongs to, and the lane.
    pub fn of_session(&mut self, session: u32) -> Option<(&mut Source, usize)> {
        let mut list = self.list.iter_mut();
        let source =
            list.find(|source| source.is_running() && source.sessions().contains(&session))?;
        let lane = session - source.first;
        Some((source, lane as usize))
    }

    /// The file that is being read or listened to.
    pub fn current_file(&self) -> Option<&Source> {
        let mut files = self.list.iter().filter(|source| source.file.is_some());
        files.find(|source| source.is_open() && !matches!(source.state, State::Waiting(_)))
    }

    /// The next file that waits: its number.
    pub fn next_file(&self) -> Option<u32> {
        let mut list = self.list.iter();
        let next = list.find(|source| matches!(source.state, State::Waiting(_)))?;
        Some(next.number)
    }

    /// Takes all off the list.
    pub fn forget(&mut self) {
        self.list.clear();
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.list.iter()
    }

    /// All of them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Source> {
        self.list.iter_mut()
    }
}

/// What speakers are called until somebody calls them otherwise; one alone needs no name.
fn lane_names(lanes: u32) -> Vec<String> {
    match lanes {
        1 => vec![String::new()],
        2 => vec![tr("Left"), tr("Right")],
        _ => {
            let numbers = 1..=lanes;
            let name = |number: u32| tell("Channel {0}", &[&number.to_string()]);
            numbers.map(name).collect()
        }
    }
}
