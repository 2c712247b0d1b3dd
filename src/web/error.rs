//! What can go wrong for a person at the page: each case with its sentence and its next step.

use wasm_bindgen::JsValue;

use super::numbers::{clock, duration};
use crate::protocol::Fields;

/// A situation in which the person cannot go on as meant.
#[derive(Clone, Debug, PartialEq)]
pub enum WebError {
    /// The browser or the person forbade the microphone for this site.
    PermissionDenied,
    /// The permission question was closed without an answer.
    PermissionDismissed,
    /// No microphone is connected.
    NoMicrophone,
    /// Another program holds the microphone.
    MicrophoneBusy,
    /// Browsers give microphones only to HTTPS pages and localhost.
    NotSecure,
    /// The microphone was unplugged or switched off while listening.
    MicrophoneLost,
    /// A call or another program took the sound system while listening.
    MicrophoneInterrupted,
    /// The microphone delivers nothing but zeros.
    SilentMicrophone,
    /// The microphone could not be opened for a reason of the browser's own.
    MicrophoneFailed(String),
    /// The browser lacks something that the page needs.
    Unsupported(&'static str),
    /// A model file could not be fetched.
    ModelUnavailable(String),
    /// The model files do not fit this program or each other.
    ModelMismatch(String),
    /// The engine could not be fetched or started.
    EngineUnavailable(String),
    /// The engine stopped while running.
    EngineCrashed,
    /// The browser kept an engine of another version than the page.
    EngineOutdated,
    /// The engine could not process the audio.
    AnalysisFailed(String),
    /// A reading without speech.
    ReadNothing,
    /// A reading with too little speech.
    ReadTooLittle {
        /// Seconds of speech.
        speech_s: f64,
        /// What is needed.
        least_s: f64,
    },
    /// A calibration that was made with another model.
    CalibrationOfOtherModel,
    /// A file that is no calibration, or a broken one.
    NoCalibration,
    /// A JSON file that is neither a session nor a calibration.
    NoSession(String),
    /// A session that another version of the page has saved.
    SessionOfOtherVersion(String),
    /// A session that is broken.
    SessionDamaged {
        /// Name of the file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The program that writes and reads sessions could not be loaded.
    RecordsUnavailable,
    /// A session could not be saved as a file.
    NotExported(String),
    /// The browser keeps no session on this device, or no more of it.
    NotKept(String),
    /// The browser cannot decode the file as audio.
    FileNotAudio(String),
    /// The file has a length of nothing.
    FileEmpty(String),
    /// The file holds digital silence.
    FileSilent(String),
    /// The file is too long.
    FileTooLong {
        /// Name of the file.
        name: String,
        /// Its length.
        duration_s: f64,
        /// The longest that is taken.
        limit_s: f64,
    },
}

/// What the button beside an error does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the microphone again, for what it was opened for.
    Listen,
    /// Choose a file.
    ChooseFile,
    /// Choose a saved calibration.
    ChooseCalibration,
    /// Choose a saved session.
    ChooseSession,
    /// Load the engine and the model again.
    LoadAgain,
    /// Fetch the program afresh and reload the page.
    Reload,
    /// Close the message.
    Dismiss,
}

impl Action {
    /// What the button says.
    pub fn label(self) -> &'static str {
        match self {
            Self::Listen | Self::LoadAgain => "Try again",
            Self::ChooseFile => "Choose a file",
            Self::ChooseCalibration | Self::ChooseSession => "Choose another",
            Self::Reload => "Reload",
            Self::Dismiss => "Close",
        }
    }
}

impl WebError {
    /// From a rejected `getUserMedia`.
    pub fn from_microphone(error: &JsValue) -> Self {
        match (error.text("name"), error.text("message")) {
            (Some(name), Some(message)) => Self::from_exception_name(&name, message),
            _ => Self::MicrophoneFailed("unknown reason".into()),
        }
    }

    fn from_exception_name(name: &str, message: String) -> Self {
        match name {
            "NotAllowedError" => Self::PermissionDenied,
            "NotFoundError" | "OverconstrainedError" => Self::NoMicrophone,
            "NotReadableError" | "AbortError" => Self::MicrophoneBusy,
            "SecurityError" => Self::NotSecure,
            _ => Self::MicrophoneFailed(message),
        }
    }

    /// Stable name of the case.
    pub fn id(&self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission-denied",
            Self::PermissionDismissed => "permission-dismissed",
            Self::NoMicrophone => "no-microphone",
            Self::MicrophoneBusy => "microphone-busy",
            Self::NotSecure => "not-secure",
            Self::MicrophoneLost => "microphone-lost",
            Self::MicrophoneInterrupted => "microphone-interrupted",
            Self::SilentMicrophone => "silent-microphone",
            Self::MicrophoneFailed(_) => "microphone-failed",
            Self::Unsupported(_) => "unsupported",
            Self::ModelUnavailable(_) => "model-unavailable",
            Self::ModelMismatch(_) => "model-mismatch",
            Self::EngineUnavailable(_) => "engine-unavailable",
            Self::EngineCrashed => "engine-crashed",
            Self::EngineOutdated => "engine-outdated",
            Self::AnalysisFailed(_) => "analysis-failed",
            Self::ReadNothing => "read-nothing",
            Self::ReadTooLittle { .. } => "read-too-little",
            Self::CalibrationOfOtherModel => "calibration-of-other-model",
            Self::NoCalibration => "no-calibration",
            Self::NoSession(_) => "no-session",
            Self::SessionOfOtherVersion(_) => "session-of-other-version",
            Self::SessionDamaged { .. } => "session-damaged",
            Self::RecordsUnavailable => "records-unavailable",
            Self::NotExported(_) => "not-exported",
            Self::NotKept(_) => "not-kept",
            Self::FileNotAudio(_) => "file-not-audio",
            Self::FileEmpty(_) => "file-empty",
            Self::FileSilent(_) => "file-silent",
            Self::FileTooLong { .. } => "file-too-long",
        }
    }

    /// What happened, in one sentence.
    pub fn title(&self) -> String {
        let quoted = |name: &str| ["“", name, "”"].concat();
        match self {
            Self::PermissionDenied => "This page may not use the microphone.".into(),
            Self::PermissionDismissed => "The microphone was not allowed yet.".into(),
            Self::NoMicrophone => "No microphone was found.".into(),
            Self::MicrophoneBusy => "The microphone is in use by another program.".into(),
            Self::NotSecure => "Browsers allow the microphone only on secure pages.".into(),
            Self::MicrophoneLost => "The microphone was disconnected.".into(),
            Self::MicrophoneInterrupted => "Listening was interrupted.".into(),
            Self::SilentMicrophone => "The microphone delivers complete silence.".into(),
            Self::MicrophoneFailed(reason) => {
                ["The microphone could not be opened: ", reason, "."].concat()
            }
            Self::Unsupported(what) => ["This browser lacks ", what, "."].concat(),
            Self::ModelUnavailable(_) => "The model could not be loaded.".into(),
            Self::ModelMismatch(_) => "The model does not fit this version of the page.".into(),
            Self::EngineUnavailable(_) => "The engine could not be started.".into(),
            Self::EngineCrashed => "The engine stopped unexpectedly.".into(),
            Self::EngineOutdated => "The page was updated and needs its new engine.".into(),
            Self::AnalysisFailed(_) => "The sound could not be analysed.".into(),
            Self::ReadNothing => "No speech was heard.".into(),
            Self::ReadTooLittle { speech_s, .. } => {
                ["Too little speech was heard: ", &duration(*speech_s), "."].concat()
            }
            Self::CalibrationOfOtherModel => "That file was made with another model.".into(),
            Self::NoCalibration => "That file is not a saved voice, or it is damaged.".into(),
            Self::NoSession(name) => [
                &quoted(name),
                " is neither a saved session nor a saved voice.",
            ]
            .concat(),
            Self::SessionOfOtherVersion(name) => {
                [&quoted(name), " was saved by another version of this page."].concat()
            }
            Self::SessionDamaged { name, .. } => [&quoted(name), " is damaged."].concat(),
            Self::RecordsUnavailable => "The part that saves and opens sessions is missing.".into(),
            Self::NotExported(_) => "The file could not be made.".into(),
            Self::NotKept(_) => "This browser does not keep the session.".into(),
            Self::FileNotAudio(name) => {
                [&quoted(name), " is not audio that this browser can read."].concat()
            }
            Self::FileEmpty(name) => [&quoted(name), " is empty."].concat(),
            Self::FileSilent(name) => ["There is no sound in ", &quoted(name), "."].concat(),
            Self::FileTooLong {
                name, duration_s, ..
            } => [&quoted(name), " is too long: ", &clock(*duration_s), "."].concat(),
        }
    }

    /// The next step, with the reason where a person can use it.
    pub fn advice(&self) -> String {
        match self {
            Self::PermissionDenied => {
                "Allow it in the browser's site settings, at the left of the address, then try again. \
                 Or choose a file."
            }
            Self::PermissionDismissed => "Start again and answer “Allow” when the browser asks.",
            Self::NoMicrophone => "Connect one and try again, or choose a file.",
            Self::MicrophoneBusy => "Close the program that uses it, then try again.",
            Self::NotSecure => {
                "Open this page with https:// or from localhost. Files can be analysed here too."
            }
            Self::MicrophoneLost => {
                "What was shown is kept below. Connect a microphone and try again."
            }
            Self::MicrophoneInterrupted => {
                "A call or another program took over the sound. What was shown is kept below."
            }
            Self::SilentMicrophone => {
                "It may be muted, by a key or in the system's settings. Listening goes on."
            }
            Self::MicrophoneFailed(_) => "Try again, or choose a file.",
            Self::Unsupported(_) => {
                "Please use a current version of Firefox, Chrome, Edge or Safari."
            }
            Self::ModelUnavailable(reason) => {
                return [reason, ". Check the connection and try again."].concat();
            }
            Self::ModelMismatch(reason) => return [reason, ". Reload the page."].concat(),
            Self::EngineUnavailable(reason) => {
                return [reason, ". Check the connection and try again."].concat();
            }
            Self::EngineCrashed => {
                "It is being started again. What was shown is kept below; start again when you like."
            }
            Self::EngineOutdated => "Reload the page to get it.",
            Self::AnalysisFailed(reason) => {
                return ["Start again, or choose a file. The reason: ", reason, "."].concat();
            }
            Self::ReadNothing => {
                "Check that the microphone is the right one and not muted, then read the text aloud."
            }
            Self::ReadTooLittle { least_s, .. } => {
                let least = duration(*least_s);
                return ["At least ", &least, " are needed. Read the whole text; it ends by itself."]
                    .concat();
            }
            Self::CalibrationOfOtherModel => {
                "It does not fit the one in use, so nothing has changed. Make a new one."
            }
            Self::NoCalibration => "Nothing has changed. Choose a file that was saved here.",
            Self::NoSession(_) => {
                "Nothing has changed. Choose a JSON file that “Take along” has made here."
            }
            Self::SessionOfOtherVersion(_) => {
                "Nothing has changed. Open it with the version that saved it."
            }
            Self::SessionDamaged { reason, .. } => {
                return ["Nothing has changed. Take another copy of it. The reason: ", reason, "."]
                    .concat();
            }
            Self::RecordsUnavailable => {
                "Nothing is lost. Check the connection and try again; it is needed only once."
            }
            Self::NotExported(reason) => {
                return ["Nothing is lost. Try again, or take another format. The reason: ", reason, "."]
                    .concat();
            }
            Self::NotKept(reason) => {
                return [
                    "It is still here until the page is closed: take it along as JSON. The reason: ",
                    reason,
                    ".",
                ]
                .concat();
            }
            Self::FileNotAudio(_) => "Choose a WAV, MP3, M4A, FLAC, OGG or WebM file.",
            Self::FileEmpty(_) | Self::FileSilent(_) => "Choose another file.",
            Self::FileTooLong { limit_s, .. } => {
                let limit = clock(*limit_s);
                return ["Files may last ", &limit, ". Cut it into parts and choose one."].concat();
            }
        }
        .into()
    }

    /// What the button beside it does.
    pub fn action(&self) -> Action {
        match self {
            Self::PermissionDenied
            | Self::PermissionDismissed
            | Self::NoMicrophone
            | Self::MicrophoneBusy
            | Self::MicrophoneLost
            | Self::MicrophoneInterrupted
            | Self::MicrophoneFailed(_)
            | Self::ReadNothing
            | Self::ReadTooLittle { .. } => Action::Listen,
            Self::CalibrationOfOtherModel | Self::NoCalibration => Action::ChooseCalibration,
            Self::NoSession(_) | Self::SessionOfOtherVersion(_) | Self::SessionDamaged { .. } => {
                Action::ChooseSession
            }
            Self::ModelUnavailable(_) | Self::EngineUnavailable(_) => Action::LoadAgain,
            Self::ModelMismatch(_) | Self::EngineOutdated => Action::Reload,
            Self::NotSecure
            | Self::FileNotAudio(_)
            | Self::FileEmpty(_)
            | Self::FileSilent(_)
            | Self::FileTooLong { .. } => Action::ChooseFile,
            Self::SilentMicrophone
            | Self::RecordsUnavailable
            | Self::NotExported(_)
            | Self::NotKept(_)
            | Self::Unsupported(_)
            | Self::EngineCrashed
            | Self::AnalysisFailed(_) => Action::Dismiss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_a_microphone_is_its_own_situation() {
        let error = |name| WebError::from_exception_name(name, "because".into());
        assert_eq!(error("NotAllowedError"), WebError::PermissionDenied);
        assert_eq!(error("NotFoundError"), WebError::NoMicrophone);
        assert_eq!(error("NotReadableError"), WebError::MicrophoneBusy);
        assert_eq!(error("SecurityError"), WebError::NotSecure);
        assert_eq!(
            error("TypeError"),
            WebError::MicrophoneFailed("because".into())
        );
    }

    #[test]
    fn a_file_that_is_too_long_is_named_with_its_length_and_the_limit() {
        let error = WebError::FileTooLong {
            name: "talk.mp3".into(),
            duration_s: 10_800.0,
            limit_s: 3_600.0,
        };
        assert_eq!(error.title(), "“talk.mp3” is too long: 3:00:00.");
        assert!(error.advice().contains(&clock(3_600.0)));
        assert_eq!(error.action(), Action::ChooseFile);
    }
}
