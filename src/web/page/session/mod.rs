//! The whole session on the page: kept, shown, corrected, summed up, played again, taken along.
//!
//! `keeper` holds it as data, the other parts each show one side of it, and [`Session`] ties them together. The
//! app tells it what the engine says and what a person does, and does what it [asks](Ask) for.

mod chosen;
mod device;
mod history;
mod keeper;
mod lesson;
mod list;
mod marks;
mod records;
mod sound;
mod summary;
mod timeline;
mod view;
mod written;

use std::{cell::Cell, rc::Rc};

use js_sys::{Array, Date};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, File};

pub use self::records::is_transcript;
use self::{
    keeper::{Keeper, Kept},
    lesson::Lessons,
    records::Opened,
    sound::{Player, Sound},
    view::View,
};
use super::{
    dom::Finder,
    signal::{Mailbox, Signal},
};
use crate::{
    class::{Class, Labels},
    protocol::{Command, Fields, Lesson, ModelSummary, Speaker},
    record::{ModelIdentity, Overview, SourceKind, Utterance},
    session::Update,
    web::{
        client::lifeline::Claim,
        error::WebError,
        numbers::isolated,
        object::{later, object},
        words::{tell, tr},
    },
};

/// Seconds that the timeline of a running recording spans at first.
const LIVE_SPAN_S: f64 = 60.0;
/// Least span of a timeline.
const LEAST_SPAN_S: f64 = 5.0;
/// Largest scale, in CSS pixels.
const MOST_PX_PER_S: f64 = 400.0;
/// One step of zooming.
const ZOOM: f64 = 1.6;
/// What is played before and after an utterance, in seconds.
const MARGIN_S: f64 = 0.15;
/// Time after a change until it is written to this device, in ms.
const KEEP_MS: i32 = 5_000;
/// Numbers of stretches of sound are of the same length, so that their keys sort as they do.
const SOUNDS: usize = 100_000;
/// Time between predictions until the model has said its own.
const STEP_S: f64 = 0.256;

/// What a person does with the session, and what comes of it later.
pub enum Act {
    /// A button or row with this `data-act` and `data-value`.
    Pressed(String, String),
    /// A field with this `data-edit` and `data-value`, and what it says now.
    Edited(String, String, String),
    /// A key on the list of utterances, or on the timeline.
    ListKey(String),
    TimelineKey(String),
    /// A key anywhere but in a field.
    Key(String),
    Scrolled,
    ListScrolled,
    /// By a factor, around a place of the timeline in CSS pixels.
    Zoomed(f64, f64),
    /// At a place of the timeline in CSS pixels.
    Pointed(f64, f64),
    Playing,
    /// To be taken along in this format.
    Taken(String),
    Exported(String, Result<Blob, WebError>),
    /// What an assistant is told is on the clipboard, or with another app.
    Told(Result<(), WebError>),
    FileGiven(File),
    Opened(Result<Opened, WebError>),
    /// What is kept on this device, if something is, and the right to keep more: records, and keys and values of
    /// everything. Without the right, another page has it.
    Claimed(Option<(Claim, Result<Option<Stored>, JsValue>)>),
    /// It is time to write to this device, or it has been done: not if the site's data was cleared.
    KeepDue,
    WrittenHere(Result<bool, JsValue>),
}

/// Records, and keys and values of everything that is kept on this device.
type Stored = (JsValue, Array, Array);

/// What the session wants of the app.
pub enum Ask {
    Nothing,
    Announce(String),
    Fail(WebError),
    Tell(Command),
    /// Judge by this calibration.
    Adopt(String),
    /// Judge as before.
    Restore(Speaker),
}

/// A lane of a recording that the engine listens to, or has listened to.
struct Heard {
    session: u32,
    key: u32,
    lane: usize,
    is_over: bool,
}

/// The emotions of a mixed recording, and their shares in words.
pub type Mixture = (Vec<Class>, String);

/// The session.
pub struct Session {
    mailbox: Mailbox,
    view: View,
    keeper: Keeper,
    model: Option<(ModelIdentity, Labels)>,
    step_s: f64,
    heard: Vec<Heard>,
    sounds: Vec<Sound>,
    keeps_sound: bool,
    player: Player,
    lessons: Lessons,
    /// What was said in recordings, by their keys.
    transcripts: Vec<(u32, String)>,
    /// Place of the recording that is shown.
    shown: usize,
    selected: Option<u64>,
    cursor_s: Option<f64>,
    /// Scale of the timeline; none when it shows all.
    px_per_s: Option<f64>,
    /// Whether the timeline stays at the newest.
    follows: bool,
    /// Whether what is chosen must be shown anew.
    is_stale: bool,
    /// Whether the list, the summary and the rest must be, too.
    is_changed: bool,
    /// Whether something would be lost if the page were closed.
    would_lose: Rc<Cell<bool>>,
    /// Whether the program that writes files is on its way.
    is_equipped: bool,
    device: Device,
}

/// How far the session is kept on this device.
#[derive(Default)]
struct Device {
    is_on: bool,
    /// Whether a person wants it, or did so at an earlier visit.
    is_wanted: bool,
    is_due: bool,
    is_writing: bool,
    /// Whether what is there must go first.
    is_anew: bool,
    /// Keys of the sound that is there already, with the records.
    written: Option<Vec<String>>,
    /// Kept from other pages while it is on.
    claim: Option<Claim>,
}

impl Session {
    /// Of nothing yet.
    pub fn new(finder: &mut Finder, mailbox: &Mailbox) -> Result<Self, JsValue> {
        let view = View::new(finder);
        Ok(Self {
            player: Player::new(mailbox)?,
            mailbox: mailbox.clone(),
            view,
            keeper: Keeper::default(),
            model: None,
            step_s: STEP_S,
            heard: Vec::new(),
            sounds: Vec::new(),
            keeps_sound: true,
            lessons: Lessons::default(),
            transcripts: Vec::new(),
            shown: 0,
            selected: None,
            cursor_s: None,
            px_per_s: None,
            follows: true,
            is_stale: true,
            is_changed: true,
            would_lose: Rc::default(),
            is_equipped: false,
            device: Device::default(),
        })
    }

    /// Listens to what people do with it, and brings back what is kept on this device.
    pub fn listen(&mut self) -> Result<(), JsValue> {
        if device::is_kept() {
            self.claim_device();
        }
        self.view.listen(&self.mailbox, &self.would_lose)
    }

    /// Takes the right to keep the session on this device, and brings back what is there.
    fn claim_device(&mut self) {
        self.device.is_wanted = true;
        let mailbox = self.mailbox.clone();
        let unreadable = self.device.claim.take();
        spawn_local(async move {
            let claimed = match unreadable {
                Some(claim) => Some((claim, Ok(None))),
                None => match device::claim().await {
                    Some(claim) if device::is_kept() => {
                        Some((claim, device::read().await.map(Some)))
                    }
                    Some(claim) => Some((claim, Ok(None))),
                    None => None,
                },
            };
            mailbox.send(Signal::Session(Act::Claimed(claimed)));
        });
    }

    /// What judges from now on.
    pub fn model(&mut self, model: &ModelSummary) {
        let identity = ModelIdentity {
            name: "Speech Emotion".to_owned(),
            version: model.version.clone(),
            sha256: model.sha256.clone(),
            trained_on: model.data_set.clone(),
        };
        self.step_s = f64::from(model.step_s);
        let labels = Labels::new(model.labels.clone()).ok();
        self.model = labels.map(|labels| (identity, labels));
        self.lessons.can_learn = model.can_calibrate;
    }

    /// A recording begins, judged in sessions of the engine from `first` on, one for each lane with its
    /// speaker's name.
    pub fn begin(&mut self, name: Option<String>, first: u32, speakers: &[String], is_shown: bool) {
        let now = Date::new_0();
        let kind = if name.is_some() {
            SourceKind::File
        } else {
            SourceKind::Stream
        };
        let name = name.unwrap_or_else(|| microphone_at(&now));
        if let Some((model, labels)) = self.model.clone() {
            let named = speakers.iter().map(|speaker| match speaker.as_str() {
                "" => tr("Speaker"),
                name => name.to_owned(),
            });
            let started_ms = now.get_time() as u64;
            let kept = Kept::begun(model, labels, name, kind, named.collect(), started_ms);
            let place = self.keeper.begin(kept);
            if is_shown {
                self.shown = place;
                self.selected = None;
                self.cursor_s = None;
                self.follows = true;
                self.px_per_s = match kind {
                    SourceKind::Stream => Some(self.view.width() / LIVE_SPAN_S),
                    SourceKind::File => None,
                };
            }
            // Of what cannot come back, no sound is kept.
            self.sounds.retain(|sound| self.keeper.holds(sound.key));
            let key = self.keeper.recordings.get(place).map_or(0, |kept| kept.key);
            for (lane, session) in (first..).take(speakers.len()).enumerate() {
                self.heard.push(Heard {
                    session,
                    key,
                    lane,
                    is_over: false,
                });
                if self.keeps_sound {
                    self.sounds.push(Sound::new(key, lane));
                }
            }
        }
        self.is_changed = true;
    }

    /// Whether the engine is to hand over the sound of recordings that begin now.
    pub fn keeps_sound(&self) -> bool {
        self.keeps_sound
    }

    /// Takes in what the engine found out in one of its sessions.
    pub fn update(&mut self, session: u32, update: &Update) {
        let Some((at, lane)) = self.place(session) else {
            return;
        };
        let step_s = self.step_s;
        let Some(kept) = self.keeper.recordings.get_mut(at) else {
            return;
        };
        match update {
            Update::Level { at_s, .. } => kept.reach((at_s * 1e3) as u64),
            Update::Prediction {
                at_s,
                heard_s,
                verdict,
                confidence,
                ..
            } => {
                kept.reach((at_s * 1e3) as u64);
                // The first of a recording's utterance comes late and stands for all that it holds.
                let new_s = match kept.source.kind {
                    SourceKind::Stream => step_s,
                    SourceKind::File => f64::from(*heard_s),
                };
                if let Some(history) = kept.histories.get_mut(lane) {
                    history.add(*at_s, step_s, new_s, *verdict, *confidence);
                }
            }
            Update::Utterance { .. } => {
                let id = kept.next_id();
                if let Some(utterance) = Utterance::of(update, id, lane, &kept.labels) {
                    kept.add(utterance);
                    self.keeper.is_unsaved = true;
                    self.is_changed |= at == self.shown;
                    self.equip();
                }
            }
        }
    }

    /// There is something to take along: has the program for that ready when it is wanted.
    fn equip(&mut self) {
        if !std::mem::replace(&mut self.is_equipped, true) {
            self.view.when_idle(records::fetch);
        }
    }

    /// Notes how far a file has been read.
    pub fn progress(&mut self, session: u32, at_s: f64) {
        if let Some((at, _)) = self.place(session)
            && let Some(kept) = self.keeper.recordings.get_mut(at)
        {
            kept.reach((at_s * 1e3) as u64);
        }
    }

    /// Keeps sound of one of the engine's sessions.
    pub fn sound(&mut self, session: u32, pcm: &[u8]) {
        let heard = self.heard.iter().find(|heard| heard.session == session);
        let Some(Heard { key, lane, .. }) = heard else {
            return;
        };
        let is_here = |sound: &&mut Sound| sound.key == *key && sound.lane == *lane;
        if let Some(sound) = self.sounds.iter_mut().find(is_here) {
            // Sound for which there is no room is missing at its end.
            let _ = sound.push(pcm);
        }
    }

    /// One of the engine's sessions is over; `duration_s` is its length where that is known.
    pub fn end(&mut self, session: u32, duration_s: Option<f64>) {
        let Some((at, _)) = self.place(session) else {
            return;
        };
        let ended = self.heard.iter_mut().find(|heard| heard.session == session);
        ended.into_iter().for_each(|heard| heard.is_over = true);
        if let Some(kept) = self.keeper.recordings.get_mut(at) {
            let key = kept.key;
            if let Some(duration_s) = duration_s {
                kept.reach((duration_s * 1e3).round() as u64);
            }
            let mut lanes = self.heard.iter().filter(|heard| heard.key == key);
            kept.is_running = lanes.any(|heard| !heard.is_over);
            // Its length and the last of its sound.
            self.keeper.is_unsaved |= self.device.is_on;
            if !kept.is_running && at == self.shown && kept.source.kind == SourceKind::Stream {
                // Now that it is over, all of it.
                self.px_per_s = None;
            }
        }
        self.is_changed = true;
    }

    /// Shows the recording of one of the engine's sessions.
    pub fn show_session(&mut self, session: u32) {
        if let Some((at, _)) = self.place(session)
            && at != self.shown
        {
            self.show(at);
        }
    }

    /// The engine's first session of the recording that is shown; none of an opened one.
    pub fn shown_session(&self) -> Option<u32> {
        let key = self.kept()?.key;
        let heard = self.heard.iter().find(|heard| heard.key == key)?;
        Some(heard.session)
    }

    /// What a lane is made of where it is mixed.
    pub fn mixture(&self, session: u32) -> Option<Mixture> {
        let (at, lane) = self.place(session)?;
        let kept = self.keeper.recordings.get(at)?;
        let of_lane = |utterance: &&Utterance| utterance.lane == lane;
        let utterances = kept.source.utterances.iter().filter(of_lane);
        let overview = Overview::of(&kept.labels, utterances, |utterance| {
            utterance.label.as_deref()
        });
        let mixture = overview.mixture();
        let words = summary::shares(&overview, &kept.labels, &mixture);
        (!mixture.is_empty()).then_some((mixture, words))
    }

    /// What a person's labels make of the voice.
    pub fn learned(&mut self, lesson: Option<Lesson>) {
        self.lessons.learned(lesson);
        self.is_changed = true;
    }

    /// Notes what the page would lose, and writes to this device in a while what is to be kept there.
    fn note(&mut self) {
        let is_running = self.heard.iter().any(|heard| !heard.is_over);
        let is_lost = self.keeper.is_unsaved || self.device.is_writing;
        self.would_lose.set(is_lost || is_running);
        let is_new = self.keeper.is_unsaved || is_running;
        if self.device.is_on && is_new && !self.device.is_due && !self.device.is_writing {
            self.device.is_due = true;
            let mailbox = self.mailbox.clone();
            later(KEEP_MS, move || {
                mailbox.send(Signal::Session(Act::KeepDue));
            });
        }
    }

    /// Writes to this device.
    fn keep_here(&mut self) {
        self.device.is_due = false;
        if !self.device.is_on || self.device.is_writing {
            return;
        }
        if std::mem::take(&mut self.device.is_anew) {
            self.device.written = None;
        }
        let mut written = self.device.written.take();
        let expected = written.as_ref().map(|written| written.len() + 1);
        let written = written.get_or_insert_default();
        let number = |number: usize| (number as u32).to_string();
        let mut parts = Vec::new();
        for sound in &mut self.sounds {
            // What cannot be gathered is missing here, not in memory.
            let _ = sound.gather();
            if self.keeper.place(sound.key).is_none() {
                continue;
            }
            let (recording, lane) = (sound.key.to_string(), number(sound.lane));
            for (index, blob) in sound.blobs().iter().enumerate() {
                let order = number(SOUNDS + index);
                let key = ["sound ", &recording, " ", &lane, " ", &order].concat();
                if !written.contains(&key) {
                    written.push(key.clone());
                    parts.push((key, blob));
                }
            }
        }
        let records = self.keeper.recordings.iter().filter_map(|kept| {
            let record = written::record(&[kept])?;
            Some(object(&[("key", kept.key.into()), ("record", record)]))
        });
        let records: JsValue = records.collect::<Array>().into();
        self.device.written = Some(std::mem::take(written));
        self.device.is_writing = true;
        // Of a recording that goes on more is to come; other changes are noted anew.
        self.keeper.is_unsaved = false;
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            let written = device::write(records, parts, expected).await;
            mailbox.send(Signal::Session(Act::WrittenHere(written)));
        });
    }

    /// Forgets what is kept on this device.
    fn forget_here(&mut self) {
        let device = std::mem::take(&mut self.device);
        self.view.kept(false);
        // What another page keeps is its own.
        if let Some(claim) = device.claim {
            spawn_local(async move {
                // A browser that keeps nothing has nothing to forget.
                let _ = device::clear().await;
                drop(claim);
            });
        }
    }

    /// Brings back what is kept on this device, beside what was recorded here meanwhile, and keeps both.
    fn restored(&mut self, (records, keys, values): Stored) -> Ask {
        // What is there has keys of its own, from 1 as well.
        let last = self.keeper.last_key();
        let is_alone = last == 0;
        let mut sounds: Vec<(String, JsValue)> = keys
            .iter()
            .zip(values.iter())
            .filter_map(|(key, value)| Some((key.as_string()?, value)))
            .filter(|(key, _)| key.starts_with("sound "))
            .collect();
        sounds.sort_by(|a, b| a.0.cmp(&b.0));
        let records: Array = records.unchecked_into();
        for entry in records.iter() {
            let record = entry.object("record");
            let (Some(key), Some(record)) = (entry.number("key"), record) else {
                continue;
            };
            let (key, here) = (key as u32, last + key as u32);
            for kept in written::read(&record).unwrap_or_default() {
                for lane in 0..kept.source.lanes.len() {
                    let [key_text, lane_text] = [key, lane as u32].map(|n| n.to_string());
                    let beginning = ["sound ", &key_text, " ", &lane_text, " "].concat();
                    let parts = sounds.iter().filter(|(key, _)| key.starts_with(&beginning));
                    let parts: Array = parts.map(|(_, blob)| blob.clone()).collect();
                    // What cannot be held is missing here, and still on the device.
                    let sound = Sound::restored(here, lane, &parts);
                    self.sounds.extend(sound.ok().flatten());
                }
                self.keeper.restore(kept, here);
            }
        }
        if is_alone {
            self.device.written = Some(sounds.into_iter().map(|(key, _)| key).collect());
        } else {
            self.keeper.is_unsaved = true;
            self.is_changed = true;
        }
        if is_alone && !self.keeper.recordings.is_empty() {
            self.show(self.keeper.recordings.len() - 1);
            self.view.reveal_panels();
            self.equip();
        }
        Ask::Announce(tr("The session kept on this device is here again"))
    }

    /// Says everything anew, in another language.
    pub fn retell(&mut self) {
        self.is_changed = true;
    }

    /// Opens the dialogue for a saved session.
    pub fn choose(&self) {
        self.view.file.click();
    }

    /// Place of the recording and lane of one of the engine's sessions.
    fn place(&self, session: u32) -> Option<(usize, usize)> {
        let heard = self.heard.iter().find(|heard| heard.session == session)?;
        Some((self.keeper.place(heard.key)?, heard.lane))
    }

    fn kept(&self) -> Option<&Kept> {
        self.keeper.recordings.get(self.shown)
    }

    /// Does what a person wants; `speaker` is whom the engine judges now.
    pub fn act(&mut self, act: Act, speaker: &Speaker) -> Ask {
        let asked = self.acted(act, speaker);
        self.note();
        asked
    }

    fn acted(&mut self, act: Act, speaker: &Speaker) -> Ask {
        match act {
            Act::Pressed(what, value) => return self.pressed(&what, &value, speaker),
            Act::Edited(what, value, text) => self.edited(&what, &value, text),
            Act::Key(key) => match key.as_str() {
                "m" | "M" => return self.pressed("mark", "", speaker),
                "n" | "N" => return self.pressed("note", "", speaker),
                _ => {}
            },
            Act::ListKey(key) => return self.list_key(&key, speaker),
            Act::TimelineKey(key) => match key.as_str() {
                "+" | "=" => self.zoom(ZOOM, self.view.width() / 2.0),
                "-" => self.zoom(1.0 / ZOOM, self.view.width() / 2.0),
                "0" => self.px_per_s = None,
                "Home" => self.view.scroll_to(0.0),
                "End" => self.view.scroll_to(f64::MAX),
                _ => {}
            },
            Act::Scrolled => {
                let is_running = self.kept().is_some_and(|kept| kept.is_running);
                self.follows = is_running && self.view.is_at_end();
            }
            Act::ListScrolled => {}
            Act::Zoomed(by, x) => self.zoom(by, x),
            Act::Pointed(x, y) => self.pointed(x, y),
            Act::Playing => match self.player.at_s() {
                Some(at_s) => self.cursor_s = Some(at_s),
                None => self.player.stop(),
            },
            Act::Taken(format) => self.export(&format),
            Act::Exported(name, Ok(file)) => {
                // What a browser saves no file of stays unsaved.
                match self.view.save(&file, &name) {
                    Ok(()) if name.ends_with(".json") => self.keeper.is_unsaved = false,
                    Ok(()) => {}
                    Err(_) => {
                        return Ask::Fail(WebError::NotExported(
                            "The browser saved no file".into(),
                        ));
                    }
                }
                self.is_changed = true;
                return Ask::Announce(tell("{0} saved", &[&isolated(&name)]));
            }
            Act::Exported(_, Err(error)) | Act::Told(Err(error)) => return Ask::Fail(error),
            Act::Told(Ok(())) => {
                return Ask::Announce(tr("Copied: paste it into the conversation"));
            }
            Act::FileGiven(file) => {
                let mailbox = self.mailbox.clone();
                spawn_local(async move {
                    let opened = records::open(file).await;
                    mailbox.send(Signal::Session(Act::Opened(opened)));
                });
            }
            // Switched off meanwhile.
            Act::Claimed(_) if !self.device.is_wanted => {}
            Act::Claimed(None) => {
                self.device = Device::default();
                self.view.kept(false);
                return Ask::Fail(WebError::KeptElsewhere);
            }
            Act::Claimed(Some((claim, Err(_)))) => {
                // Whoever switches it on all the same gives up what is there.
                self.device.claim = Some(claim);
                self.view.kept(false);
                return Ask::Fail(WebError::NotKept("It cannot be read".into()));
            }
            Act::Claimed(Some((claim, Ok(stored)))) => {
                self.device.claim = Some(claim);
                self.device.is_on = true;
                self.view.kept(true);
                match stored {
                    Some(stored) => return self.restored(stored),
                    None => self.keep_here(),
                }
            }
            Act::KeepDue => self.keep_here(),
            Act::WrittenHere(Ok(true)) => self.device.is_writing = false,
            Act::WrittenHere(Ok(false)) => {
                self.device.is_writing = false;
                self.device.is_anew = true;
                self.keep_here();
            }
            Act::WrittenHere(Err(error)) => {
                self.device = Device::default();
                self.keeper.is_unsaved = true;
                self.view.kept(false);
                // Of an event it is its target's.
                let failed = error
                    .object("target")
                    .and_then(|target| target.object("error"));
                let reason = failed
                    .unwrap_or(error)
                    .text("name")
                    .unwrap_or_else(|| "no room is left".into());
                return Ask::Fail(WebError::NotKept(reason));
            }
            Act::Opened(Ok(Opened::Session(record))) => return self.opened(&record),
            // The app takes it.
            Act::Opened(Ok(Opened::Calibration(text))) => return Ask::Adopt(text),
            Act::Opened(Ok(Opened::Transcript(text))) => {
                if let Some(key) = self.kept().map(|kept| kept.key) {
                    self.transcripts.retain(|(of, _)| *of != key);
                    self.transcripts.push((key, text));
                    return Ask::Announce(tr("Transcript added to the recording shown"));
                }
                return Ask::Fail(WebError::NothingToTell);
            }
            Act::Opened(Err(error)) => return Ask::Fail(error),
        }
        Ask::Nothing
    }

    fn pressed(&mut self, what: &str, value: &str, speaker: &Speaker) -> Ask {
        let number = || value.parse::<usize>().unwrap_or_default();
        match what {
            "zoom-in" | "zoom-out" | "zoom-all" | "select" | "play" | "play-on" => {
                match what {
                    "zoom-in" => self.zoom(ZOOM, self.view.width() / 2.0),
                    "zoom-out" => self.zoom(1.0 / ZOOM, self.view.width() / 2.0),
                    "zoom-all" => self.px_per_s = None,
                    "select" => self.select(value.parse().ok()),
                    "play" => self.play(),
                    _ => self.play_from_cursor(),
                }
                return Ask::Nothing;
            }
            "show" => self.show(number()),
            "mark" => {
                let at_ms = self.moment_ms();
                if let Some(place) = self.keeper.mark(self.shown, at_ms) {
                    self.begin_name("section", place);
                    return Ask::Announce(tr("Section added"));
                }
            }
            "note" => {
                let at_ms = self.moment_ms();
                if let Some(place) = self.keeper.note(self.shown, at_ms) {
                    self.begin_name("note", place);
                    return Ask::Nothing;
                }
            }
            "delete-section" => self.keeper.delete_section(self.shown, number()),
            "delete-note" => self.keeper.delete_note(self.shown, number()),
            "delete-recording" => {
                self.player.stop();
                self.keeper.delete_recording(self.shown);
                self.device.is_anew = true;
                self.show(
                    self.shown
                        .min(self.keeper.recordings.len().saturating_sub(1)),
                );
            }
            "clear" => {
                if self.heard.iter().all(|heard| heard.is_over) {
                    self.player.stop();
                    self.keeper.clear();
                    self.show(0);
                    self.forget_here();
                }
            }
            "undo" => {
                self.keeper.undo();
                self.device.is_anew = true;
                self.shown = self
                    .shown
                    .min(self.keeper.recordings.len().saturating_sub(1));
                self.is_changed = true;
            }
            "open" => self.view.file.click(),
            "export" => {
                self.view.close_menus();
                let (mailbox, format) = (self.mailbox.clone(), value.to_owned());
                // The menu closes first.
                self.view.after_frame(move || {
                    mailbox.send(Signal::Session(Act::Taken(format)));
                });
                return Ask::Nothing;
            }
            "assistant" => self.tell_assistant(),
            "learn" => {
                let references = self.references();
                return Ask::Tell(self.lessons.ask(references));
            }
            "adopt" => {
                self.is_changed = true;
                if let Some(calibration) = self.lessons.adopt(speaker) {
                    return Ask::Adopt(calibration);
                }
            }
            "decline" => self.lessons.decline(),
            "unlearn" => {
                self.is_changed = true;
                if let Some(before) = self.lessons.undo() {
                    return Ask::Restore(before);
                }
            }
            _ => return Ask::Nothing,
        }
        self.is_changed = true;
        Ask::Nothing
    }

    fn edited(&mut self, what: &str, value: &str, text: String) {
        let place = value.parse::<usize>().unwrap_or_default();
        match what {
            "section" => self.keeper.rename_section(self.shown, place, text),
            "note" => self.keeper.rewrite_note(self.shown, place, text),
            "lane" => self.keeper.rename_lane(self.shown, place, text),
            "correction" => {
                if let Some(id) = self.selected {
                    let label = (!text.is_empty()).then_some(text);
                    self.keeper.correct(self.shown, id, label);
                    self.lessons.decline();
                }
            }
            "sound" => self.keeps_sound = text == "on",
            "device" if text == "on" => {
                self.keeper.is_unsaved = true;
                self.claim_device();
            }
            "device" => {
                self.forget_here();
                self.keeper.is_unsaved = !self.keeper.recordings.is_empty();
            }
            _ => {}
        }
        self.is_changed = true;
    }

    fn list_key(&mut self, key: &str, speaker: &Speaker) -> Ask {
        let Some(kept) = self.kept() else {
            return Ask::Nothing;
        };
        let count = kept.source.utterances.len();
        // From the newest on, as they are listed.
        let now = self.selected.and_then(|id| kept.position(id));
        let now = now.map(|position| count - 1 - position);
        let page = self.view.list.page();
        let next = match (key, now) {
            ("Enter" | " ", Some(_)) => return self.pressed("play", "", speaker),
            ("ArrowDown", Some(place)) => place + 1,
            ("ArrowUp", Some(place)) => place.saturating_sub(1),
            ("PageDown", Some(place)) => place + page,
            ("PageUp", Some(place)) => place.saturating_sub(page),
            ("End", _) => count,
            _ => 0,
        };
        let next = next.min(count.saturating_sub(1));
        let utterance = kept.source.utterances.get((count - 1).saturating_sub(next));
        let id = utterance.map(|utterance| utterance.id);
        self.view.list.reveal(next);
        self.select(id);
        Ask::Nothing
    }

    fn show(&mut self, at: usize) {
        self.player.stop();
        self.shown = at;
        self.selected = None;
        self.cursor_s = None;
        let is_live = self.kept().is_some_and(|kept| kept.is_running);
        self.follows = is_live;
        self.px_per_s = None;
        self.view.list.view.set_scroll_top(0);
        self.is_changed = true;
    }

    fn select(&mut self, id: Option<u64>) {
        self.selected = id;
        let utterance = id.and_then(|id| self.kept()?.utterance(id));
        let times = utterance.map(|utterance| {
            (
                utterance.start_ms as f64 / 1e3,
                utterance.end_ms as f64 / 1e3,
            )
        });
        if let Some((start_s, end_s)) = times {
            self.cursor_s = Some(start_s);
            self.view.reveal(start_s, end_s, self.scale());
        }
        self.is_stale = true;
    }

    fn pointed(&mut self, x: f64, y: f64) {
        let Some(kept) = self.kept() else { return };
        let scale = self.scale();
        let at_s = (self.view.scrolled() + x) / scale;
        let at_ms = (at_s * 1e3) as u64;
        let lane = timeline::lane_at(kept, y);
        let near_ms = (4.0 / scale * 1e3) as u64;
        let near = kept.between(at_ms.saturating_sub(near_ms), at_ms + near_ms);
        let hit = near.iter().find(|utterance| {
            utterance.lane == lane
                && utterance.start_ms <= at_ms + near_ms
                && at_ms <= utterance.end_ms + near_ms
        });
        let place = hit.and_then(|utterance| kept.position(utterance.id));
        let id = hit.map(|utterance| utterance.id);
        let count = kept.source.utterances.len();
        if let Some(place) = place {
            self.view.list.reveal(count - 1 - place);
        }
        if id.is_some() {
            self.selected = id;
        }
        self.cursor_s = Some(at_s.min(self.duration_s()));
        self.is_stale = true;
    }

    /// The moment that a section or a note is for: now, while it listens, else where the cursor is.
    fn moment_ms(&self) -> u64 {
        let Some(kept) = self.kept() else { return 0 };
        match (kept.is_running, self.cursor_s) {
            (true, _) => kept.source.duration_ms,
            (false, Some(at_s)) => (at_s * 1e3).round() as u64,
            (false, None) => 0,
        }
    }

    fn duration_s(&self) -> f64 {
        self.kept()
            .map_or(0.0, |kept| kept.source.duration_ms as f64 / 1e3)
    }

    /// CSS pixels of a second.
    fn scale(&self) -> f64 {
        let all = self.view.width() / self.duration_s().max(LEAST_SPAN_S);
        self.px_per_s.map_or(all, |scale| scale.max(all))
    }

    fn zoom(&mut self, by: f64, x: f64) {
        let before = self.scale();
        let all = self.view.width() / self.duration_s().max(LEAST_SPAN_S);
        let after = (before * by).min(MOST_PX_PER_S);
        self.px_per_s = (after > all).then_some(after);
        let at_s = (self.view.scrolled() + x) / before;
        let scale = self.scale();
        self.view
            .stretch(self.duration_s().max(LEAST_SPAN_S) * scale);
        self.view.scroll_to(at_s * scale - x);
    }

    fn sound_of(&self, lane: usize) -> Option<&Sound> {
        let key = self.kept()?.key;
        let mut sounds = self.sounds.iter();
        sounds.find(|sound| sound.key == key && sound.lane == lane && sound.bytes > 0.0)
    }

    fn play(&mut self) {
        if self.player.at_s().is_some() {
            return self.player.stop();
        }
        let utterance = self.selected.and_then(|id| self.kept()?.utterance(id));
        let Some(utterance) = utterance else {
            return self.play_from_cursor();
        };
        let start_s = (utterance.start_ms as f64 / 1e3 - MARGIN_S).max(0.0);
        let end_s = utterance.end_ms as f64 / 1e3 + MARGIN_S;
        self.play_between(utterance.lane, start_s, end_s);
    }

    fn play_from_cursor(&mut self) {
        let lane = self.selected.and_then(|id| self.kept()?.utterance(id));
        let lane = lane.map_or(0, |utterance| utterance.lane);
        self.play_between(lane, self.cursor_s.unwrap_or(0.0), f64::MAX);
    }

    fn play_between(&mut self, lane: usize, start_s: f64, end_s: f64) {
        let wav = self.sound_of(lane).map(|sound| sound.wav(start_s, end_s));
        if let Some(Ok(wav)) = wav {
            // A browser that will not play leaves the button as it is.
            let _ = self.player.play(&wav, start_s);
        }
    }

    /// What a person has labelled of what the model in use has heard.
    fn references(&self) -> Vec<crate::calibration::Reference> {
        let Some((model, labels)) = &self.model else {
            return Vec::new();
        };
        let recordings = self.keeper.recordings.iter();
        let of_model = recordings.filter(|kept| kept.model.sha256 == model.sha256);
        of_model
            .flat_map(|kept| &kept.source.utterances)
            .filter_map(|utterance| lesson::reference(utterance, labels))
            .collect()
    }

    /// Puts what an assistant is told of the recording shown on the clipboard.
    fn tell_assistant(&mut self) {
        self.view.close_menus();
        let Some(kept) = self.kept() else {
            return;
        };
        let key = kept.key;
        let transcript = self.transcripts.iter().find(|(of, _)| *of == key);
        let transcript = transcript.map(|(_, text)| text.clone());
        let record = written::record(&[kept]);
        let utterances = record.and_then(|record| {
            let sources = record.object("sources")?;
            sources.object("0")?.object("utterances")
        });
        let Some(utterances) = utterances else {
            return;
        };
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            let told = records::for_assistant(utterances, transcript).await;
            let copied = match told {
                Ok(text) => view::copy(&text).await,
                Err(error) => Err(error),
            };
            mailbox.send(Signal::Session(Act::Told(copied)));
        });
    }

    fn export(&mut self, format: &str) {
        let Some(kept) = self.kept() else {
            return;
        };
        let (format, extension) = format.split_once('/').unwrap_or((format, format));
        let (format, is_whole) = match format.strip_prefix("all-") {
            Some(format) => (format, true),
            None => (format, false),
        };
        if format == "png" {
            let name = [&view::stem(&kept.source.name), ".png"].concat();
            let mailbox = self.mailbox.clone();
            let drawn = self.view.picture(kept);
            spawn_local(async move {
                let failed = || WebError::NotExported("The browser drew no picture".into());
                let png = match drawn {
                    Ok(drawn) => JsFuture::from(drawn).await,
                    Err(error) => Err(error),
                };
                let png = png.and_then(|png| png.dyn_into::<Blob>());
                let png = png.map_err(|_| failed());
                mailbox.send(Signal::Session(Act::Exported(name, png)));
            });
            return;
        }
        // A record is of one model.
        let all = self.keeper.recordings.iter();
        let of_model: Vec<&Kept> = all
            .filter(|other| other.model == kept.model && other.labels == kept.labels)
            .collect();
        let (stem, recordings) = if is_whole && of_model.len() > 1 {
            ("session".to_owned(), of_model)
        } else {
            (view::stem(&kept.source.name), vec![kept])
        };
        let name = [&stem, ".", extension].concat();
        let Some(record) = written::record(&recordings) else {
            return;
        };
        let (format, mailbox) = (format.to_owned(), self.mailbox.clone());
        spawn_local(async move {
            let text = records::export(record, format).await;
            let file = text.and_then(|text| {
                Blob::new_with_str_sequence(&Array::of1(&text))
                    .map_err(|_| WebError::NotExported("There is no room for it".into()))
            });
            mailbox.send(Signal::Session(Act::Exported(name, file)));
        });
    }

    fn opened(&mut self, record: &JsValue) -> Ask {
        let Some(recordings) = written::read(record).filter(|read| !read.is_empty()) else {
            return Ask::Fail(WebError::NoSession(tr("The file")));
        };
        let count = recordings.len() as u32;
        let first = self.keeper.recordings.len();
        let was_unsaved = self.keeper.is_unsaved;
        for kept in recordings {
            self.keeper.begin(kept);
        }
        self.keeper.is_unsaved = was_unsaved;
        self.show(first);
        self.view.reveal_panels();
        let count = count.to_string();
        Ask::Announce(tell("Recordings opened: {0}", &[&count]))
    }

    /// Puts the keyboard on the name of a new section or note; the rest follows with the next frame.
    fn begin_name(&mut self, what: &str, place: usize) {
        let kept = self.keeper.recordings.get(self.shown);
        // What cannot be drawn leaves the rest.
        let _ = self.view.marks.show(kept);
        self.view.marks.focus(what, place);
        self.is_changed = true;
    }

    /// Shows what has changed, and notes what would be lost; whether it goes on without anything new, as while it plays.
    pub fn draw(&mut self) -> bool {
        if let Some(at_s) = self.player.at_s() {
            self.cursor_s = Some(at_s);
        }
        self.note();
        let is_changed = std::mem::take(&mut self.is_changed);
        let is_stale = std::mem::take(&mut self.is_stale) || is_changed;
        let kept = self.keeper.recordings.get(self.shown);
        let (scale, duration_s) = (self.scale(), self.duration_s().max(LEAST_SPAN_S));
        self.view.stretch(duration_s * scale);
        if self.follows && self.px_per_s.is_some() {
            self.view.scroll_to(f64::MAX);
        }
        // What cannot be drawn leaves the rest. What looks at the page comes before what changes it.
        let _ = self
            .view
            .timeline(kept, scale, self.selected, self.cursor_s);
        let list = self.view.list.show(kept, self.selected, is_changed);
        if is_stale {
            let utterance = self.selected.and_then(|id| kept?.utterance(id));
            let lane = utterance.map_or(0, |utterance| utterance.lane);
            let has_sound = self.sound_of(lane).is_some();
            let bytes: f64 = self.sounds.iter().map(|sound| sound.bytes).sum();
            let _ = chosen::show(&mut self.view.chosen, kept, utterance);
            self.view.sound(has_sound, bytes);
        }
        if is_changed {
            let references = self.references();
            let labels = self.model.as_ref().map(|(_, labels)| labels);
            let _ = self.view.recordings(&self.keeper, self.shown);
            let _ = self.view.marks.show(kept);
            let _ = summary::show(&self.view.summary, kept);
            let _ = self.lessons.show(&self.view.lesson, labels, &references);
            self.view.undo(self.keeper.last_change());
        }
        let plays = self.player.at_s().is_some();
        self.view.plays(plays);
        plays || list.unwrap_or(false)
    }
}

/// What a recording from the microphone is called that began then.
pub fn microphone_at(begun: &Date) -> String {
    let two = |n: u32| [if n < 10 { "0" } else { "" }, &n.to_string()].concat();
    let (hours, minutes) = (begun.get_hours(), begun.get_minutes());
    tell("Microphone {0}:{1}", &[&two(hours), &two(minutes)])
}
