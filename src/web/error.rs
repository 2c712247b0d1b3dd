//! What can go wrong for a person using the page: each case with its sentence and its next step.

use wasm_bindgen::JsValue;

use super::{
    numbers::{clock, duration},
    words::{tell, tr},
};
use crate::protocol::Fields;

/// A situation in which the person cannot continue as intended.
#[derive(Clone, Debug, PartialEq)]
pub enum WebError {
    /// The browser or the person refused this site access to the microphone.
    PermissionDenied,
    /// The permission prompt was closed without an answer.
    PermissionDismissed,
    /// No microphone is connected.
    NoMicrophone,
    /// Another program is using the microphone.
    MicrophoneBusy,
    /// Browsers give microphones only to HTTPS pages and localhost.
    NotSecure,
    /// The microphone was unplugged or switched off while listening.
    MicrophoneLost,
    /// A call or another program took over the sound system while listening.
    MicrophoneInterrupted,
    /// The microphone delivers nothing but zeros.
    SilentMicrophone,
    /// The microphone could not be opened for a reason given by the browser.
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
    /// The browser kept an engine from another version than the page.
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
    /// A file that is not a calibration, or is a broken one.
    NoCalibration,
    /// The browser cannot decode the file as audio.
    FileNotAudio(String),
    /// The file is audio of a codec that nothing here decodes.
    FileCodec {
        /// Name of the file.
        name: String,
        /// Name of the codec.
        codec: String,
    },
    /// The file breaks off before the index without which nothing of it is found.
    FileCutOff(String),
    /// Too little of the file can be decoded.
    FileDamaged(String),
    /// The file cannot be read any more.
    FileGone(String),
    /// The file contains nothing.
    FileEmpty(String),
    /// The file holds digital silence.
    FileSilent(String),
    /// The file is too long.
    FileTooLong {
        /// Name of the file.
        name: String,
        /// Its length.
        duration_s: f64,
        /// The longest that is accepted.
        limit_s: f64,
    },
}

/// What the button beside an error does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the microphone again for the same purpose.
    Listen,
    /// Choose a file.
    ChooseFile,
    /// Choose a saved calibration.
    ChooseCalibration,
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
            Self::ChooseCalibration => "Choose another",
            Self::Reload => "Reload",
            Self::Dismiss => "Close",
        }
    }
}

impl WebError {
    /// Makes one from a rejected `getUserMedia`.
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
            Self::FileNotAudio(_) => "file-not-audio",
            Self::FileCodec { .. } => "file-codec",
            Self::FileCutOff(_) => "file-cut-off",
            Self::FileDamaged(_) => "file-damaged",
            Self::FileGone(_) => "file-gone",
            Self::FileEmpty(_) => "file-empty",
            Self::FileSilent(_) => "file-silent",
            Self::FileTooLong { .. } => "file-too-long",
        }
    }

    /// What happened, in one sentence.
    pub fn title(&self) -> String {
        match self {
            Self::PermissionDenied => tr("This page may not use the microphone."),
            Self::PermissionDismissed => tr("The microphone was not allowed yet."),
            Self::NoMicrophone => tr("No microphone was found."),
            Self::MicrophoneBusy => tr("The microphone is in use by another program."),
            Self::NotSecure => tr("Browsers allow the microphone only on secure pages."),
            Self::MicrophoneLost => tr("The microphone was disconnected."),
            Self::MicrophoneInterrupted => tr("Listening was interrupted."),
            Self::SilentMicrophone => tr("The microphone delivers complete silence."),
            Self::MicrophoneFailed(reason) => {
                tell("The microphone could not be opened: {0}.", &[reason])
            }
            Self::Unsupported(what) => tell("This browser lacks {0}.", &[&tr(what)]),
            Self::ModelUnavailable(_) => tr("The model could not be loaded."),
            Self::ModelMismatch(_) => tr("The model does not fit this version of the page."),
            Self::EngineUnavailable(_) => tr("The engine could not be started."),
            Self::EngineCrashed => tr("The engine stopped unexpectedly."),
            Self::EngineOutdated => tr("The page was updated and needs its new engine."),
            Self::AnalysisFailed(_) => tr("The sound could not be analysed."),
            Self::ReadNothing => tr("No speech was heard."),
            Self::ReadTooLittle { speech_s, .. } => {
                tell("Too little speech was heard: {0}.", &[&duration(*speech_s)])
            }
            Self::CalibrationOfOtherModel => tr("That file was made with another model."),
            Self::NoCalibration => tr("That file is not a saved voice, or it is damaged."),
            Self::FileNotAudio(name) => {
                tell("“{0}” is not audio that this browser can read.", &[name])
            }
            Self::FileCodec { name, codec } => tell(
                "“{0}” is in the format {1}, which cannot be read here.",
                &[name, codec],
            ),
            Self::FileCutOff(name) => tell("“{0}” is not complete.", &[name]),
            Self::FileDamaged(name) => tell("“{0}” is damaged.", &[name]),
            Self::FileGone(name) => tell("“{0}” cannot be read any more.", &[name]),
            Self::FileEmpty(name) => tell("“{0}” is empty.", &[name]),
            Self::FileSilent(name) => tell("There is no sound in “{0}”.", &[name]),
            Self::FileTooLong {
                name, duration_s, ..
            } => tell("“{0}” is too long: {1}.", &[name, &clock(*duration_s)]),
        }
    }

    /// The next step, with the reason where a person can use it.
    pub fn advice(&self) -> String {
        tr(match self {
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
                return tell("{0}. Check the connection and try again.", &[&tr(reason)]);
            }
            Self::ModelMismatch(reason) => return tell("{0}. Reload the page.", &[&tr(reason)]),
            Self::EngineUnavailable(reason) => {
                return tell("{0}. Check the connection and try again.", &[&tr(reason)]);
            }
            Self::EngineCrashed => {
                "It is being started again. What was shown is kept below; start again when you like."
            }
            Self::EngineOutdated => "Reload the page to get it.",
            Self::AnalysisFailed(reason) => {
                return tell(
                    "Start again, or choose a file. The reason: {0}.",
                    &[&tr(reason)],
                );
            }
            Self::ReadNothing => {
                "Check that the microphone is the right one and not muted, then read the text aloud."
            }
            Self::ReadTooLittle { least_s, .. } => {
                let least = duration(*least_s);
                return tell(
                    "At least {0} are needed. Read the whole text; it ends by itself.",
                    &[&least],
                );
            }
            Self::CalibrationOfOtherModel => {
                "It does not fit the one in use, so nothing has changed. Make a new one."
            }
            Self::NoCalibration => "Nothing has changed. Choose a file that was saved here.",
            Self::FileNotAudio(_) => "Choose a WAV, MP3, M4A, FLAC, OGG or WebM file.",
            Self::FileCodec { .. } => {
                "Convert it to WAV, FLAC or MP3 with a sound editor, and choose that."
            }
            Self::FileCutOff(_) => {
                "Its end is missing, and with it the index that the sound is found by. Choose a whole copy of it."
            }
            Self::FileDamaged(_) => "Choose a whole copy of it.",
            Self::FileGone(_) => {
                "It was moved, changed or removed, or its disk is gone. Choose it again."
            }
            Self::FileEmpty(_) | Self::FileSilent(_) => "Choose another file.",
            Self::FileTooLong { limit_s, .. } => {
                let limit = clock(*limit_s);
                return tell(
                    "Files may last {0}. Cut it into parts and choose one.",
                    &[&limit],
                );
            }
        })
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
            Self::ModelUnavailable(_) | Self::EngineUnavailable(_) => Action::LoadAgain,
            Self::ModelMismatch(_) | Self::EngineOutdated => Action::Reload,
            Self::NotSecure
            | Self::FileNotAudio(_)
            | Self::FileCodec { .. }
            | Self::FileCutOff(_)
            | Self::FileDamaged(_)
            | Self::FileGone(_)
            | Self::FileEmpty(_)
            | Self::FileSilent(_)
            | Self::FileTooLong { .. } => Action::ChooseFile,
            Self::SilentMicrophone
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
