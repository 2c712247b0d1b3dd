//! The engine's sessions: a source has one for each lane, what is found in them is kept in the session, and what
//! is on screen is shown as it comes.

use wasm_bindgen::JsValue;
use web_sys::{MessageChannel, MessagePort};

use super::{App, Live};
use crate::{
    protocol::Command,
    session::{Claims, Pacing, Summary, Update},
    web::{
        error::WebError,
        page::{
            display::Origin,
            session::Mixture,
            sources::{Source, State},
            voice::OWNER,
        },
    },
};

impl App {
    /// Takes in what was found out in a session.
    pub(super) fn update(&mut self, session: u32, update: Update, compute_ms: f32) {
        if self.reads(session) {
            return self.read(&update);
        }
        let Some((source, lane)) = self.sources.of_session(session) else {
            return;
        };
        self.session.update(session, &update);
        source.note(lane, &update);
        let (number, is_live) = (source.number, source.file.is_none());
        if is_live {
            self.hear(lane, &update);
        }
        if self.shown != Some(number) {
            return;
        }
        // A file's are too many to show each of them.
        let is_to_explain = is_live && matches!(update, Update::Utterance { .. });
        if self.display.update(lane, update, compute_ms) {
            self.draw_soon();
        }
        if is_to_explain {
            self.explain();
        }
    }

    pub(super) fn progress(&mut self, session: u32, at_s: f64) {
        let Some((source, lane)) = self.sources.of_session(session) else {
            return;
        };
        self.session.progress(session, at_s);
        let percent = |source: &Source| (100.0 * source.at_s() / source.duration_s) as u32;
        let before = percent(source);
        source.lanes[lane].at_s = at_s;
        let (number, at_s, is_news) = (source.number, source.at_s(), percent(source) != before);
        if is_news {
            self.show_row(number);
        }
        if self.shown == Some(number) && self.display.progress(at_s) {
            self.draw_soon();
        }
    }

    pub(super) fn gap(&mut self, session: u32, lost_s: f64) {
        let Some((source, lane)) = self.sources.of_session(session) else {
            return;
        };
        source.lanes[lane].lost_s += lost_s;
        let is_shown = self.shown == Some(source.number);
        // All lanes of a microphone lose the same.
        if is_shown && lane == 0 && !std::mem::take(&mut self.has_missed) {
            self.display.gap(lost_s);
        }
    }

    /// Takes a lane's summary; the last one ends the source.
    pub(super) fn stopped(&mut self, session: u32, summary: Summary) {
        let Some((source, lane)) = self.sources.of_session(session) else {
            return;
        };
        self.session.end(session, Some(summary.duration_s));
        let mixture = self.session.mixture(session);
        source.lanes[lane].mixture = mixture.map(|(classes, _)| classes).unwrap_or_default();
        source.lanes[lane].summary = Some(summary);
        if source.lanes.iter().any(|lane| lane.summary.is_none()) {
            return;
        }
        if let State::Running(Some(recording)) = std::mem::replace(&mut source.state, State::Done) {
            source.ending = recording.ending();
        }
        let (number, is_live) = (source.number, source.file.is_none());
        if is_live {
            self.end_live();
        }
        if self.shown == Some(number) {
            self.show_end(number);
            self.explain();
        }
        self.show_phase();
        self.show_sources();
        self.advance();
    }

    /// A session cannot go on; its source's other lanes end too.
    pub(super) fn session_failed(&mut self, session: u32, error: WebError) {
        let Some((source, _)) = self.sources.of_session(session) else {
            return;
        };
        source.state = State::Abandoned;
        let (number, is_live, is_alone) = (source.number, source.file.is_none(), source.is_alone);
        let sessions = source.sessions();
        for other in sessions {
            self.session.end(other, None);
            if other != session {
                self.tell(&Command::Stop { session: other });
            }
        }
        if is_live {
            self.end_live();
        }
        if self.shown == Some(number) {
            self.show_end(number);
        }
        if is_alone || is_live {
            self.show_error(error);
        }
        self.show_phase();
        self.show_sources();
        self.advance();
    }

    /// The engine is gone; what was heard so far stays, what waits is for the next engine.
    pub(super) fn abandon_sessions(&mut self) {
        if self.reading.is_some() || matches!(self.live, Live::Running(_) | Live::Closing) {
            self.abandon_live();
        }
        let running = self.sources.iter_mut().filter(|source| source.is_running());
        let numbers: Vec<u32> = running
            .map(|source| {
                source.state = State::Abandoned;
                let session = &mut self.session;
                source.sessions().for_each(|ended| session.end(ended, None));
                source.number
            })
            .collect();
        if let Some(shown) = self.shown.filter(|shown| numbers.contains(shown)) {
            self.show_end(shown);
        }
        self.show_phase();
        self.show_sources();
        self.advance();
        self.draw_soon();
    }

    /// Shows what a source that is over has come to.
    pub(super) fn show_end(&mut self, number: u32) {
        let Some(source) = self.sources.get(number) else {
            return;
        };
        let lanes = source.lanes.iter().zip(source.sessions());
        let summaries: Option<Vec<(&Summary, Option<Mixture>)>> = lanes
            .map(|(lane, session)| Some((lane.summary.as_ref()?, self.session.mixture(session))))
            .collect();
        match summaries {
            Some(summaries) if matches!(source.state, State::Done) => {
                self.display.finish(&summaries)
            }
            _ => self.display.abandon(),
        }
        self.display.view.missing(source.ending);
        self.draw_soon();
    }

    /// Puts a source on screen, with what is newest of it.
    pub(super) fn show_source(&mut self, number: u32) {
        let Some(source) = self
            .sources
            .get(number)
            .filter(|source| source.has_result())
        else {
            return;
        };
        self.follows = false;
        self.shown = Some(number);
        let names: Vec<String> = source.lanes.iter().map(|lane| lane.name.clone()).collect();
        self.session.show_session(source.first);
        self.display.begin(origin(source), &names);
        for (lane, update) in source.newest() {
            self.display.update(lane, update.clone(), 0.0);
        }
        let lost_s = source.lanes.first().map_or(0.0, |lane| lane.lost_s);
        if lost_s > 0.0 {
            self.display.gap(lost_s);
        }
        if source.is_running() {
            self.display.progress(source.at_s());
        } else {
            self.show_end(number);
            self.explain();
        }
        self.show_phase();
        self.show_sources();
        self.draw_soon();
    }

    pub(super) fn show_sources(&mut self) {
        let names = &self.display.view.names;
        self.display
            .view
            .results
            .show(&self.sources, self.shown, names, self.left_out);
    }

    pub(super) fn show_row(&mut self, number: u32) {
        if let Some(source) = self.sources.get(number) {
            let names = &self.display.view.names;
            self.display
                .view
                .results
                .show_one(source, self.shown, names);
        }
    }

    /// Starts sessions of the engine, each with a port for its sound: the number of the first, and the ports'
    /// other ends.
    pub(super) fn start_sessions(
        &mut self,
        lanes: u32,
        sample_rate_hz: u32,
        pacing: Pacing,
        keeps_sound: bool,
    ) -> Result<(u32, Vec<MessagePort>), JsValue> {
        let first = self.next_session;
        self.next_session += lanes;
        let engine = self.engine.as_ref().ok_or("no engine")?;
        let ports = (first..first + lanes).map(|session| {
            let channel = MessageChannel::new()?;
            let start = Command::Start {
                owner: OWNER,
                session,
                sample_rate_hz,
                pacing,
                claims: Claims::default(),
            };
            engine.send(&start, Some(&channel.port1()))?;
            if keeps_sound {
                // Before any sound is on its way: the first sample that is kept is the session's first.
                engine.send(&Command::Keep { session }, None)?;
            }
            Ok(channel.port2())
        });
        Ok((first, ports.collect::<Result<_, JsValue>>()?))
    }

    /// The engine's session whose words and bars are on screen.
    pub(super) fn shown_session(&mut self) -> Option<u32> {
        let source = self.sources.get(self.shown?)?;
        Some(source.first + self.display.lane() as u32)
    }

    /// Whether anything is being listened to, or waits for it.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.live, Live::None) || self.sources.iter().any(Source::is_open)
    }

    /// Keeps what is heard of a source that begins in the session.
    pub(super) fn keep(&mut self, number: u32) {
        let Some(source) = self.sources.get(number) else {
            return;
        };
        let names: Vec<String> = source.lanes.iter().map(|lane| lane.name.clone()).collect();
        let is_shown = self.shown == Some(number);
        let file = source.file.clone();
        self.session.begin(file, source.first, &names, is_shown);
    }

    /// Tells the engine that a source is over; what was heard of it comes as a summary.
    pub(super) fn stop_source(&mut self, number: u32) {
        let Some(source) = self
            .sources
            .get(number)
            .filter(|source| source.is_running())
        else {
            return;
        };
        source.state = State::Closing;
        let sessions = source.sessions();
        sessions.for_each(|session| self.tell(&Command::Stop { session }));
    }

    /// Whether this is the session of a reading that goes on.
    pub(super) fn reads(&self, session: u32) -> bool {
        self.reading.is_some()
            && session == self.live_session
            && matches!(self.live, Live::Running(_) | Live::Closing)
    }
}

/// What the display is told of a source.
fn origin(source: &Source) -> Origin {
    match &source.file {
        None => Origin::Microphone,
        Some(name) => Origin::File {
            name: name.clone(),
            duration_s: source.duration_s,
        },
    }
}
