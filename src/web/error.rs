//! What can go wrong for a person using the page: each case with its sentence and its next step.

use wasm_bindgen::JsValue;

use super::{
    numbers::{clock, duration, isolated},
    words::{tell, tr},
};
use crate::protocol::{Fields, Stage};

/// A situation in which the person cannot continue as intended.
#[derive(Clone, Debug, PartialEq)]
pub enum WebError {
    /// The browser or the person refused this site access to the microphone.
    PermissionDenied,
    /// The permission prompt was closed without an answer.
    PermissionDismissed,
    /// The site's own header forbids the microphone.
    MicrophonePolicy,
    /// The page is in a frame that is not given the microphone.
    MicrophoneNotPassedOn,
    /// The page is in a sandboxed frame, which has no origin that could be allowed anything.
    MicrophoneSandboxed,
    /// The system does not give the microphone to the browser.
    MicrophoneSystem,
    /// No microphone is connected.
    NoMicrophone,
    /// Another program is using the microphone.
    MicrophoneBusy,
    /// Browsers give microphones only to HTTPS pages and localhost.
    NotSecure,
    /// The microphone was unplugged or switched off while listening.
    MicrophoneLost,
    /// The person or the browser took the permission back while listening.
    PermissionWithdrawn,
    /// A call or another program took over the sound system while listening.
    MicrophoneInterrupted,
    /// The microphone delivers nothing but zeros.
    SilentMicrophone,
    /// The microphone delivers hardly anything.
    FaintMicrophone,
    /// The microphone could not be opened for a reason given by the browser.
    MicrophoneFailed(String),
    /// The browser lacks something that the page needs.
    Unsupported(&'static str),
    /// A model file could not be fetched.
    ModelUnavailable(String),
    /// The model files do not fit this program or each other.
    ModelMismatch(String),
    /// Files that are no model of the visitor's own.
    ModelFiles(ModelFiles),
    /// One of them is too large.
    ModelTooLarge(String),
    /// One of them cannot be read.
    ModelUnreadable(String),
    /// A model of the visitor's own, given or removed while another one is listening.
    ModelWhileListening,
    /// The engine cannot use a model of the visitor's own.
    ModelRefused(Stage, String),
    /// The engine could not be fetched or started.
    EngineUnavailable(String),
    /// The engine does not come, and nothing says why.
    EngineSlow,
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
    /// A file is no transcript.
    NoTranscript(String),
    /// There is nothing yet to tell an assistant.
    NothingToTell,
    /// The browser does not take what is to be copied or shared.
    NotCopied,
    /// A session could not be saved as a file.
    NotExported(String),
    /// A recording that ships with the page could not be fetched.
    SampleUnavailable(String),
    /// The browser keeps no session on this device, or no more of it.
    NotKept(String),
    /// Another tab keeps its session on this device.
    KeptElsewhere,
    /// The browser cannot decode the file as audio.
    FileNotAudio(String),
    /// The browser does not finish opening the file.
    FileStalled(String),
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

/// Why files are no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFiles {
    /// model.onnx is missing.
    NoModel,
    /// model.json is missing.
    NoManifest,
    /// There is more than one of either.
    TooMany,
}

/// What the button beside an error does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the microphone again for the same purpose.
    Listen,
    /// Go on listening after an interruption.
    GoOn,
    /// Open the page in a tab of its own.
    OpenTab,
    /// Choose a file.
    ChooseFile,
    /// Choose a saved calibration.
    ChooseCalibration,
    /// Choose a saved session.
    ChooseSession,
    /// Choose the files of a model.
    ChooseModel,
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
            Self::GoOn => "Go on",
            Self::OpenTab => "Open in a tab",
            Self::ChooseFile => "Choose a file",
            Self::ChooseCalibration | Self::ChooseSession => "Choose another",
            Self::ChooseModel => "Choose both files",
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
            "NotAllowedError" | "SecurityError" => Self::PermissionDenied,
            "NotFoundError" | "OverconstrainedError" => Self::NoMicrophone,
            "NotReadableError" | "AbortError" => Self::MicrophoneBusy,
            _ => Self::MicrophoneFailed(message),
        }
    }

    /// Stable name of the case.
    pub fn id(&self) -> &'static str {
        match self {
            Self::PermissionDenied => "permission-denied",
            Self::PermissionDismissed => "permission-dismissed",
            Self::MicrophonePolicy => "microphone-policy",
            Self::MicrophoneNotPassedOn => "microphone-not-passed-on",
            Self::MicrophoneSandboxed => "microphone-sandboxed",
            Self::MicrophoneSystem => "microphone-system",
            Self::NoMicrophone => "no-microphone",
            Self::MicrophoneBusy => "microphone-busy",
            Self::NotSecure => "not-secure",
            Self::MicrophoneLost => "microphone-lost",
            Self::PermissionWithdrawn => "permission-withdrawn",
            Self::MicrophoneInterrupted => "microphone-interrupted",
            Self::SilentMicrophone => "silent-microphone",
            Self::FaintMicrophone => "faint-microphone",
            Self::MicrophoneFailed(_) => "microphone-failed",
            Self::Unsupported(_) => "unsupported",
            Self::ModelUnavailable(_) => "model-unavailable",
            Self::ModelMismatch(_) => "model-mismatch",
            Self::ModelFiles(_) => "model-files",
            Self::ModelTooLarge(_) => "model-too-large",
            Self::ModelUnreadable(_) => "model-unreadable",
            Self::ModelWhileListening => "model-while-listening",
            Self::ModelRefused(..) => "model-refused",
            Self::EngineUnavailable(_) => "engine-unavailable",
            Self::EngineSlow => "engine-slow",
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
            Self::NoTranscript(_) => "no-transcript",
            Self::NothingToTell => "nothing-to-tell",
            Self::NotCopied => "not-copied",
            Self::NotExported(_) => "not-exported",
            Self::SampleUnavailable(_) => "sample-unavailable",
            Self::NotKept(_) => "not-kept",
            Self::KeptElsewhere => "kept-elsewhere",
            Self::FileNotAudio(_) => "file-not-audio",
            Self::FileStalled(_) => "file-stalled",
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
            Self::PermissionDismissed => tr("The microphone has not been allowed yet."),
            Self::MicrophonePolicy => {
                tr("The site that serves this page has switched the microphone off.")
            }
            Self::MicrophoneNotPassedOn => {
                tr("The page around this one does not pass the microphone on.")
            }
            Self::MicrophoneSandboxed => {
                tr("This page is in a sandboxed frame, which has no microphone.")
            }
            Self::MicrophoneSystem => {
                tr("The system does not let this browser use the microphone.")
            }
            Self::NoMicrophone => tr("No microphone was found."),
            Self::MicrophoneBusy => tr("The microphone is in use by another program."),
            Self::NotSecure => tr("Browsers allow the microphone only on secure pages."),
            Self::MicrophoneLost => tr("The microphone was disconnected."),
            Self::PermissionWithdrawn => tr("This page may no longer use the microphone."),
            Self::MicrophoneInterrupted => tr("Listening was interrupted."),
            Self::SilentMicrophone => tr("The microphone delivers complete silence."),
            Self::FaintMicrophone => tr("Hardly anything arrives from the microphone."),
            Self::MicrophoneFailed(reason) => {
                tell("The microphone could not be opened: {0}.", &[reason])
            }
            Self::Unsupported(what) => tell("This browser lacks {0}.", &[&tr(what)]),
            Self::ModelUnavailable(_) => tr("The model could not be loaded."),
            Self::ModelMismatch(_) => tr("The model does not fit this version of the page."),
            Self::ModelFiles(ModelFiles::NoModel) => tr("model.onnx is missing."),
            Self::ModelFiles(ModelFiles::NoManifest) => tr("model.json is missing."),
            Self::ModelFiles(ModelFiles::TooMany) => tr("That is more than one model."),
            Self::ModelTooLarge(name) => {
                tell("“{0}” is too large for a model.", &[&isolated(name)])
            }
            Self::ModelUnreadable(name) => tell("“{0}” could not be read.", &[&isolated(name)]),
            Self::ModelWhileListening => tr("The model cannot be changed now."),
            Self::ModelRefused(stage, _) => tr(match stage {
                Stage::Manifest => "model.json is damaged, or is not the description of a model.",
                Stage::Comparison => "That model was made for another version of this program.",
                Stage::Pairing => "model.onnx and model.json do not belong together.",
                _ => "model.onnx cannot be run here.",
            }),
            Self::EngineUnavailable(_) => tr("The engine could not be started."),
            Self::EngineSlow => tr("The engine is taking unusually long to start."),
            Self::EngineCrashed => tr("The engine stopped unexpectedly."),
            Self::EngineOutdated => tr("The page was updated and needs its new engine."),
            Self::AnalysisFailed(_) => tr("The sound could not be analysed."),
            Self::ReadNothing => tr("No speech was heard."),
            Self::ReadTooLittle { speech_s, .. } => {
                tell("Too little speech was heard: {0}.", &[&duration(*speech_s)])
            }
            Self::CalibrationOfOtherModel => tr("That file was made with another model."),
            Self::NoCalibration => tr("That file is not a saved voice, or it is damaged."),
            Self::NoSession(name) => tell(
                "“{0}” is neither a saved session nor a saved voice.",
                &[&isolated(name)],
            ),
            Self::SessionOfOtherVersion(name) => tell(
                "“{0}” was saved by another version of this page.",
                &[&isolated(name)],
            ),
            Self::SessionDamaged { name, .. } => tell("“{0}” is damaged.", &[&isolated(name)]),
            Self::RecordsUnavailable => tr("The part that saves and opens sessions is missing."),
            Self::NoTranscript(name) => tell("“{0}” is not a transcript.", &[&isolated(name)]),
            Self::NothingToTell => tr("There is nothing to tell an assistant yet."),
            Self::NotCopied => tr("The browser does not let this page copy."),
            Self::NotExported(_) => tr("The file could not be made."),
            Self::NotKept(_) => tr("This browser does not keep the session."),
            Self::KeptElsewhere => tr("Another tab keeps its session on this device."),
            Self::SampleUnavailable(_) => tr("The recording could not be fetched."),
            Self::FileNotAudio(name) => tell(
                "“{0}” is not audio that this browser can read.",
                &[&isolated(name)],
            ),
            Self::FileCodec { name, codec } => tell(
                "“{0}” is in the format {1}, which cannot be read here.",
                &[&isolated(name), &isolated(codec)],
            ),
            Self::FileCutOff(name) => tell("“{0}” is not complete.", &[&isolated(name)]),
            Self::FileDamaged(name) => tell("“{0}” is damaged.", &[&isolated(name)]),
            Self::FileStalled(name) => tell(
                "The browser never finished opening “{0}”.",
                &[&isolated(name)],
            ),
            Self::FileGone(name) => tell("“{0}” cannot be read any more.", &[&isolated(name)]),
            Self::FileEmpty(name) => tell("“{0}” is empty.", &[&isolated(name)]),
            Self::FileSilent(name) => tell("There is no sound in “{0}”.", &[&isolated(name)]),
            Self::FileTooLong {
                name, duration_s, ..
            } => tell(
                "“{0}” is too long: {1}.",
                &[&isolated(name), &clock(*duration_s)],
            ),
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
            Self::MicrophonePolicy => {
                "Its Permissions-Policy header forbids it, and no setting of the browser changes that: whoever \
                 runs the site can. Files can be analysed here all the same."
            }
            Self::MicrophoneNotPassedOn => {
                "Open this page in a tab of its own. Whoever runs the page around it can give the frame \
                 allow=\"microphone\"."
            }
            Self::MicrophoneSandboxed => {
                "Open this page in a tab of its own. Whoever runs the page around it can take the sandbox away."
            }
            Self::MicrophoneSystem => {
                "Allow it in the system's own settings, under privacy and microphone, then start the browser \
                 again. Or choose a file."
            }
            Self::NoMicrophone => "Connect one and try again, or choose a file.",
            Self::MicrophoneBusy => "Close the program that uses it, then try again.",
            Self::NotSecure => {
                "Open this page with https:// or from localhost. Files can be analysed here too."
            }
            Self::MicrophoneLost => {
                "Plug it in again, or choose another one: listening then goes on by itself. What was shown is \
                 kept below."
            }
            Self::PermissionWithdrawn => {
                "Allow it again in the browser's site settings, at the left of the address, and press “Go on”: \
                 the recording then continues. What was shown is kept below."
            }
            Self::MicrophoneInterrupted => {
                "A call or another program took over the sound. Listening goes on when it gives it back; \
                 what was shown is kept below."
            }
            Self::SilentMicrophone => {
                "It may be muted, by a key or in the system's settings. Listening goes on."
            }
            Self::FaintMicrophone => {
                "Speak, and if this stays: turn the microphone up in the system's settings, bring it nearer, or \
                 choose another one. Listening goes on."
            }
            Self::MicrophoneFailed(_) => "Try again, or choose a file.",
            Self::Unsupported(_) => {
                "Please use a current version of Firefox, Chrome, Edge or Safari."
            }
            Self::ModelUnavailable(reason) => {
                return tell("{0}. Check the connection and try again.", &[&tr(reason)]);
            }
            Self::ModelMismatch(reason) => return tell("{0}. Reload the page.", &[&tr(reason)]),
            Self::ModelFiles(ModelFiles::TooMany) => {
                "Choose one model.onnx and its model.json. Nothing has changed."
            }
            Self::ModelFiles(_) => {
                "Choose or drop both together: the trainer's export writes one beside the other. \
                 Nothing has changed."
            }
            Self::ModelTooLarge(_) => {
                "model.onnx may be up to 64 MB, model.json up to 1 MB. Nothing has changed."
            }
            Self::ModelUnreadable(_) => {
                "It may have been moved or changed. Choose both files again. Nothing has changed."
            }
            Self::ModelWhileListening => "Stop first, then choose or remove a model.",
            Self::ModelRefused(stage, reason) => {
                let step = match stage {
                    Stage::Manifest => "Choose the model.json that was exported with model.onnx.",
                    Stage::Comparison => "Train and export it with this version's trainer.",
                    Stage::Pairing => "Choose both from the folder of one export.",
                    _ => "Export it with this version's trainer.",
                };
                return tell(
                    "{0} Nothing has changed. The reason: {1}.",
                    &[&tr(step), &tr(reason)],
                );
            }
            Self::EngineUnavailable(reason) => {
                return tell("{0}. Check the connection and try again.", &[&tr(reason)]);
            }
            Self::EngineSlow => {
                "The connection may be slow or the device busy: it may still come by itself. Or load it again."
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
            Self::NoSession(_) => {
                "Nothing has changed. Choose a JSON file that “Take along” has made here."
            }
            Self::SessionOfOtherVersion(_) => {
                "Nothing has changed. Open it with the version that saved it."
            }
            Self::SessionDamaged { reason, .. } => {
                return tell(
                    "Nothing has changed. Take another copy of it. The reason: {0}.",
                    &[&tr(reason)],
                );
            }
            Self::RecordsUnavailable => {
                "Nothing is lost. Check the connection and try again; it is needed only once."
            }
            Self::NoTranscript(_) => {
                "Nothing has changed. Choose a WebVTT or SRT file, or the JSON of whisper, with times."
            }
            Self::NothingToTell => {
                "No utterance of this recording names an emotion. Listen longer, or add a transcript."
            }
            Self::NotCopied => {
                "Nothing is lost. Press it again, or take the text with times along."
            }
            Self::NotExported(reason) => {
                return tell(
                    "Nothing is lost. Try again, or take another format. The reason: {0}.",
                    &[&tr(reason)],
                );
            }
            Self::SampleUnavailable(reason) => {
                return tell(
                    "{0}. Check the connection and press it again.",
                    &[&tr(reason)],
                );
            }
            Self::NotKept(reason) => {
                return tell(
                    "It is still here until the page is closed: take it along as JSON. The reason: {0}.",
                    &[&tr(reason)],
                );
            }
            Self::KeptElsewhere => {
                "This tab's is not kept: take it along as JSON. Or close the other tab and switch it on again: both \
                 are then kept here."
            }
            Self::FileNotAudio(_) => "Choose a WAV, MP3, M4A, FLAC, OGG or WebM file.",
            Self::FileStalled(_) => {
                "It may be damaged, or not be on this device yet. Save it here and choose it again, or choose \
                 a WAV or MP3 of it."
            }
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
                    "Files may be up to {0} long. Cut it into parts and choose one.",
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
            | Self::MicrophoneSystem
            | Self::MicrophoneFailed(_)
            | Self::ReadNothing
            | Self::ReadTooLittle { .. } => Action::Listen,
            Self::CalibrationOfOtherModel | Self::NoCalibration => Action::ChooseCalibration,
            Self::NoSession(_)
            | Self::NoTranscript(_)
            | Self::SessionOfOtherVersion(_)
            | Self::SessionDamaged { .. } => Action::ChooseSession,
            Self::ModelFiles(_)
            | Self::ModelTooLarge(_)
            | Self::ModelUnreadable(_)
            | Self::ModelRefused(..) => Action::ChooseModel,
            Self::ModelUnavailable(_) | Self::EngineUnavailable(_) | Self::EngineSlow => {
                Action::LoadAgain
            }
            Self::MicrophoneNotPassedOn | Self::MicrophoneSandboxed => Action::OpenTab,
            Self::MicrophoneLost | Self::PermissionWithdrawn | Self::MicrophoneInterrupted => {
                Action::GoOn
            }
            Self::ModelMismatch(_) | Self::EngineOutdated => Action::Reload,
            Self::NotSecure
            | Self::MicrophonePolicy
            | Self::FileStalled(_)
            | Self::FileGone(_)
            | Self::FileNotAudio(_)
            | Self::FileCodec { .. }
            | Self::FileCutOff(_)
            | Self::FileDamaged(_)
            | Self::FileEmpty(_)
            | Self::FileSilent(_)
            | Self::FileTooLong { .. } => Action::ChooseFile,
            Self::SilentMicrophone
            | Self::FaintMicrophone
            | Self::RecordsUnavailable
            | Self::NothingToTell
            | Self::NotCopied
            | Self::NotExported(_)
            | Self::NotKept(_)
            | Self::KeptElsewhere
            | Self::Unsupported(_)
            | Self::EngineCrashed
            | Self::SampleUnavailable(_)
            | Self::ModelWhileListening
            | Self::AnalysisFailed(_) => Action::Dismiss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::numbers::plain;

    #[test]
    fn each_refusal_of_a_microphone_is_its_own_situation() {
        let error = |name| WebError::from_exception_name(name, "because".into());
        assert_eq!(error("NotAllowedError"), WebError::PermissionDenied);
        assert_eq!(error("NotFoundError"), WebError::NoMicrophone);
        assert_eq!(error("NotReadableError"), WebError::MicrophoneBusy);
        assert_eq!(error("SecurityError"), WebError::PermissionDenied);
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
        assert_eq!(plain(&error.title()), "“talk.mp3” is too long: 3:00:00.");
        assert!(error.advice().contains(&clock(3_600.0)));
        assert_eq!(error.action(), Action::ChooseFile);
    }
}
