//! Whom the engine judges: nobody in particular, one person it is calibrated to, or whoever speaks.
//!
//! The page asks, the engine answers, and only what it has answered is in use and kept: in the browser's
//! local storage, a few numbers and no sound.

use js_sys::Reflect;
use web_sys::{Storage, Window};

use crate::{
    protocol::{Command, Fields, Refusal, Speaker},
    web::error::WebError,
};

/// Name in the local storage, which this page may share with others of its host.
const KEY: &str = "speech-emotion voice";
/// What is kept there of [`Speaker::Listening`].
const LISTENING: &str = "listening";

/// The page's sessions, of which one runs at a time, are judged as one speaker's.
pub const OWNER: u32 = 0;

/// What the page knows of who speaks.
pub struct Voice {
    storage: Option<Storage>,
    /// In use.
    speaker: Speaker,
    /// A calibration that the engine has not answered yet.
    asked: Option<Asked>,
}

struct Asked {
    calibration: String,
    /// From the local storage, not by the person.
    is_kept: bool,
}

/// A calibration that has been taken up.
pub struct Adopted {
    /// The person gave it just now.
    pub is_new: bool,
    /// It is there at the next visit.
    pub is_kept: bool,
}

impl Voice {
    /// As it was kept.
    pub fn new(window: &Window) -> Self {
        let storage = window.local_storage().ok().flatten();
        // A storage has its items for fields.
        let kept = storage.as_ref().and_then(|storage| storage.text(KEY));
        let mut voice = Self {
            storage,
            speaker: Speaker::Unknown,
            asked: None,
        };
        match kept {
            Some(kept) if kept == LISTENING => voice.speaker = Speaker::Listening,
            kept => {
                voice.asked = kept.map(|calibration| Asked {
                    calibration,
                    is_kept: true,
                });
            }
        }
        voice
    }

    /// Nobody yet, and nothing is kept.
    pub fn in_memory() -> Self {
        Self {
            storage: None,
            speaker: Speaker::Unknown,
            asked: None,
        }
    }

    /// In use.
    pub fn speaker(&self) -> &Speaker {
        &self.speaker
    }

    /// What a new engine must be told.
    pub fn commands(&self) -> impl Iterator<Item = Command> {
        let in_use = (self.speaker != Speaker::Unknown).then(|| self.speaker.clone());
        let asked = self
            .asked
            .as_ref()
            .map(|asked| Speaker::Calibrated(asked.calibration.clone()));
        in_use.into_iter().chain(asked).map(adapt)
    }

    /// Asks for a calibration.
    pub fn ask(&mut self, calibration: String) -> Command {
        self.asked = Some(Asked {
            calibration: calibration.clone(),
            is_kept: false,
        });
        adapt(Speaker::Calibrated(calibration))
    }

    /// Takes up anything but a calibration, which needs no answer.
    pub fn take_up(&mut self, speaker: Speaker) -> Command {
        self.asked = None;
        self.speaker = speaker.clone();
        self.keep();
        adapt(speaker)
    }

    /// The engine takes up what was asked, or again what was in use.
    pub fn calibrated(&mut self, calibration: String) -> Adopted {
        let asked = self.asked.take();
        self.speaker = Speaker::Calibrated(calibration);
        Adopted {
            is_new: asked.is_some_and(|asked| !asked.is_kept),
            is_kept: self.keep(),
        }
    }

    /// The engine's refusal; nothing changes. None when it refuses what was kept.
    pub fn refused(&mut self, refusal: Refusal) -> Option<WebError> {
        let asked = self.asked.take()?;
        (!asked.is_kept).then_some(match refusal {
            Refusal::OtherModel => WebError::CalibrationOfOtherModel,
            Refusal::Unreadable => WebError::NoCalibration,
        })
    }

    /// Whether it is there at the next visit.
    fn keep(&self) -> bool {
        let Some(storage) = &self.storage else {
            return false;
        };
        let kept = match &self.speaker {
            Speaker::Unknown => return storage.remove_item(KEY).is_ok(),
            Speaker::Calibrated(calibration) => calibration,
            Speaker::Listening => LISTENING,
        };
        Reflect::set(storage, &KEY.into(), &kept.into()).is_ok()
    }
}

fn adapt(speaker: Speaker) -> Command {
    Command::Adapt {
        owner: OWNER,
        speaker,
    }
}
