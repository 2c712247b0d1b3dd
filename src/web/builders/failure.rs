//! What is thrown at a builder: a stable code, a sentence, and what to do.

use js_sys::{Error, Reflect};
use wasm_bindgen::JsValue;

use crate::{
    calibration::MIN_REFERENCE_S,
    web::{
        error::WebError,
        numbers::{duration, plain},
    },
};

/// A situation in which the builder's program cannot go on as meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// What the page has a sentence for too.
    Web(WebError),
    /// An option has another value than it can have.
    Option {
        /// Its name.
        name: &'static str,
        /// What it can be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// What was to be heard is no sound.
    NotSound(String),
    /// A stream or media element without a track of sound.
    NoAudioTrack,
    /// The document or its frame may not use the microphone, whatever the person says.
    PermissionsPolicy,
    /// What was heard is too little for a calibration.
    TooLittleSpeech,
    /// The session has ended.
    SessionClosed,
    /// The recognizer was disposed of.
    Disposed,
}

impl From<WebError> for Failure {
    fn from(error: WebError) -> Self {
        match error {
            WebError::MicrophonePolicy | WebError::MicrophoneNotPassedOn => Self::PermissionsPolicy,
            error => Self::Web(error),
        }
    }
}

impl Failure {
    /// Stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Web(error) => error.id(),
            Self::Option { .. } => "bad-option",
            Self::NotSound(_) => "bad-audio",
            Self::NoAudioTrack => "no-audio-track",
            Self::PermissionsPolicy => "permissions-policy",
            Self::TooLittleSpeech => "read-too-little",
            Self::SessionClosed => "session-closed",
            Self::Disposed => "disposed",
        }
    }

    /// What happened, in one sentence.
    pub fn message(&self) -> String {
        match self {
            Self::Web(WebError::ModelMismatch(_)) => {
                "The model does not fit this version of the library.".into()
            }
            Self::Web(WebError::EngineOutdated) => {
                "The engine's files are of another version than the library.".into()
            }
            Self::Web(error) => plain(&error.title()),
            Self::Option {
                name,
                expected,
                found,
            } => ["`", name, "` must be ", expected, ", not ", found, "."].concat(),
            Self::NotSound(what) => [what, "."].concat(),
            Self::NoAudioTrack => "There is no track of sound to listen to.".into(),
            Self::PermissionsPolicy => {
                "This document's permissions policy does not allow the microphone.".into()
            }
            Self::TooLittleSpeech => "Too little speech was heard for a calibration.".into(),
            Self::SessionClosed => "The session has ended.".into(),
            Self::Disposed => "The recognizer was disposed of.".into(),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::Web(WebError::PermissionDenied) => {
                "The person can allow it in the browser's site settings. In a frame, the frame needs \
                 allow=\"microphone\"."
            }
            Self::Web(WebError::PermissionDismissed) => {
                "Ask again when the person asks for it, and say why."
            }
            Self::Web(WebError::MicrophoneSandboxed) => {
                "Give the frame's sandbox allow-same-origin, or take the sandbox away."
            }
            Self::Web(WebError::MicrophoneSystem) => {
                "The person can allow it in the system's own settings, under privacy and microphone, and start \
                 the browser again."
            }
            Self::Web(WebError::MicrophoneFailed(_)) => "Ask the person to try again, or take a file.",
            Self::Web(WebError::NoMicrophone) => "Ask the person to connect one, or take a file.",
            Self::Web(WebError::NotSecure) => "Serve the page over https:// or from localhost.",
            Self::Web(WebError::MicrophoneLost | WebError::MicrophoneInterrupted) => {
                "What was heard until then comes with `close`. Listen again when the person asks for it."
            }
            Self::Web(WebError::ModelMismatch(reason)) => {
                return [reason, ". Serve model.onnx and model.json.js of one build."].concat();
            }
            Self::Web(WebError::EngineOutdated) => {
                "Serve all files of one build, and let browsers revalidate them (Cache-Control: no-cache)."
            }
            Self::Web(WebError::EngineCrashed) => {
                "What was heard until then comes with `close`. Create another recognizer."
            }
            Self::Web(WebError::AnalysisFailed(reason)) => {
                return ["Start another session. The reason: ", reason, "."].concat();
            }
            Self::Web(WebError::CalibrationOfOtherModel) => {
                "Nothing has changed. Make another calibration with this model."
            }
            Self::Web(WebError::NoCalibration) => {
                "Nothing has changed. Give the text that `calibrate` gave, as it was."
            }
            Self::Web(error) => return error.advice(),
            Self::Option { .. } => "Leave it out for its default, or give what it can be.",
            Self::NotSound(_) => "Give Float32Arrays that hold samples, a Blob or an AudioBuffer.",
            Self::NoAudioTrack => {
                "Give a stream with sound, or an element that has loaded a medium with sound."
            }
            Self::PermissionsPolicy => {
                "Give the frame allow=\"microphone\", and let the page's Permissions-Policy header allow it."
            }
            Self::TooLittleSpeech => {
                let least = duration(MIN_REFERENCE_S);
                return ["At least ", &least, " are needed; eight or more are better."].concat();
            }
            Self::SessionClosed => "Start another one.",
            Self::Disposed => "Create another one.",
        }
        .into()
    }

    /// Whether the same call may work later without a change to the program.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::TooLittleSpeech
                | Self::Web(
                    WebError::PermissionDismissed
                        | WebError::NoMicrophone
                        | WebError::MicrophoneBusy
                        | WebError::MicrophoneLost
                        | WebError::MicrophoneInterrupted
                        | WebError::MicrophoneFailed(_)
                        | WebError::ModelUnavailable(_)
                        | WebError::EngineUnavailable(_)
                        | WebError::EngineCrashed
                )
        )
    }
}

impl From<Failure> for JsValue {
    /// An `Error` with `code`, `advice` and `retryable`.
    fn from(failure: Failure) -> Self {
        let error = Error::new(&failure.message());
        error.set_name("EmotionError");
        for (name, value) in [
            ("code", failure.code().into()),
            ("advice", failure.advice().into()),
            ("retryable", failure.is_retryable().into()),
        ] {
            // An error takes every field.
            let _ = Reflect::set(&error, &name.into(), &value);
        }
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_named_with_what_it_can_be_and_what_it_is() {
        let failure = Failure::Option {
            name: "minConfidence",
            expected: "a number from 0 to 1".into(),
            found: "1.5".into(),
        };
        assert_eq!(failure.code(), "bad-option");
        assert_eq!(
            failure.message(),
            "`minConfidence` must be a number from 0 to 1, not 1.5."
        );
        assert!(!failure.is_retryable());
    }

    #[test]
    fn no_advice_speaks_of_what_only_the_page_has() {
        for error in [
            WebError::PermissionDenied,
            WebError::PermissionDismissed,
            WebError::MicrophoneSandboxed,
            WebError::MicrophoneSystem,
            WebError::MicrophoneFailed("because".into()),
            WebError::NoMicrophone,
            WebError::MicrophoneLost,
            WebError::MicrophoneInterrupted,
            WebError::NotSecure,
            WebError::ModelMismatch("because".into()),
            WebError::EngineOutdated,
            WebError::EngineCrashed,
            WebError::CalibrationOfOtherModel,
            WebError::NoCalibration,
        ] {
            let failure = Failure::from(error);
            for word in ["below", "choose a file", "Reload", "left of the address"] {
                let text = [failure.message(), failure.advice()].concat();
                assert!(!text.contains(word), "{text}");
            }
        }
    }
}
