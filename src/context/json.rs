//! The same with JSON in and out, as programs in other languages call it.

use serde::{Serialize, de::DeserializeOwned};

use super::{
    AnnotateOptions, AnnotatedTranscript, PromptOptions, TranscriptError, read_transcript,
    to_prompt_context,
};
use crate::record::Utterance;

/// What is wrong with what was given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options are no options of this, or out of their range.
    #[error("the options cannot be used: {0}")]
    Options(String),
    /// What should be utterances is something else.
    #[error("the utterances cannot be read: {0}")]
    Utterances(serde_json::Error),
    /// The transcript cannot be read.
    #[error("the transcript cannot be read: {0}")]
    Transcript(#[from] TranscriptError),
}

impl Error {
    /// Stable name of the case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Options(_) => "bad-option",
            Self::Utterances(_) => "bad-utterances",
            Self::Transcript(_) => "bad-transcript",
        }
    }
}

/// [`to_prompt_context`] of a JSON list of utterances and an object of [`PromptOptions`].
///
/// # Errors
/// When one of them is none, or `minConfidence` is not within 0..=1.
pub fn prompt_context(utterances: &str, options: &str) -> Result<String, Error> {
    let options: PromptOptions = read(options).map_err(of_options)?;
    check_confidence(options.min_confidence)?;
    Ok(written(&to_prompt_context(
        &read::<Vec<Utterance>>(utterances).map_err(Error::Utterances)?,
        &options,
    )))
}

/// [`annotate`](super::annotate()) of a transcript as [`read_transcript`] takes it, a JSON list of utterances
/// and an object of [`AnnotateOptions`].
///
/// # Errors
/// When one of them is none, or `minConfidence` is not within 0..=1.
pub fn annotated(transcript: &str, utterances: &str, options: &str) -> Result<String, Error> {
    Ok(written(&annotate(transcript, utterances, options)?))
}

/// The same as text, a line for each sentence: `[angry 0.83] I waited.`
///
/// # Errors
/// As [`annotated`].
pub fn annotated_text(transcript: &str, utterances: &str, options: &str) -> Result<String, Error> {
    Ok(annotate(transcript, utterances, options)?.to_string())
}

fn annotate(
    transcript: &str,
    utterances: &str,
    options: &str,
) -> Result<AnnotatedTranscript, Error> {
    let options: AnnotateOptions = read(options).map_err(of_options)?;
    check_confidence(options.min_confidence)?;
    let utterances: Vec<Utterance> = read(utterances).map_err(Error::Utterances)?;
    let sentences = read_transcript(transcript)?;
    Ok(super::annotate(&sentences, &utterances, &options))
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(json)
}

fn of_options(error: serde_json::Error) -> Error {
    Error::Options(error.to_string())
}

fn check_confidence(least: f32) -> Result<(), Error> {
    let refusal = || {
        Error::Options(format!(
            "`minConfidence` must be a number from 0 to 1, not {least}"
        ))
    };
    (0.0..=1.0)
        .contains(&least)
        .then_some(())
        .ok_or_else(refusal)
}

/// Neither has a map whose keys could be no texts.
fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARD: &str = "[{\"id\": 1, \"lane\": 0, \"startMs\": 0, \"endMs\": 2000.4, \"speechMs\": 1500, \
        \"label\": \"angry\", \"confidence\": 0.83, \"probabilities\": {\"angry\": 0.83, \"sad\": 0.17}, \
        \"activation\": {\"value\": 0.6, \"sounds\": null}}]";

    #[test]
    fn what_the_browser_heard_is_told() {
        let context = prompt_context(HEARD, "{\"turnStartMs\": 0}").unwrap();
        assert!(context.contains("\"label\":\"angry\""), "{context}");
        assert!(
            context.contains("The voice sounds angry (0.83)"),
            "{context}"
        );
        let later = prompt_context(HEARD, "{\"turnStartMs\": 2000}").unwrap();
        assert!(later.ends_with("\"text\":\"\"}"), "{later}");
        let srt = "1\n00:00:00,000 --> 00:00:02,000\nI waited.\n";
        let fields = annotated(srt, HEARD, "{}").unwrap();
        assert!(
            fields.contains("\"label\":\"angry\",\"confidence\":0.83"),
            "{fields}"
        );
        let text = |options| annotated_text(srt, HEARD, options).unwrap();
        assert_eq!(text("{}"), "[angry 0.83] I waited.");
        assert_eq!(text("{\"minConfidence\": 0.9}"), "I waited.");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |utterances, options| prompt_context(utterances, options).unwrap_err();
        for (options, says) in [
            (
                "{}",
                "the options cannot be used: missing field `turnStartMs`",
            ),
            (
                "{\"turnStartMs\": 0, \"minConfidense\": 1}",
                "unknown field `minConfidense`",
            ),
            (
                "{\"turnStartMs\": 0, \"minConfidence\": 1.5}",
                "`minConfidence` must be a number from 0 to 1, not 1.5",
            ),
        ] {
            let error = refused(HEARD, options).to_string();
            assert!(error.contains(says), "{error}");
        }
        let error = refused("[{\"id\": 1}]", "{\"turnStartMs\": 0}").to_string();
        assert!(
            error.starts_with("the utterances cannot be read: missing field"),
            "{error}"
        );
        let error = annotated("Hello", HEARD, "{}").unwrap_err().to_string();
        assert!(
            error.starts_with("the transcript cannot be read: it holds no sentence"),
            "{error}"
        );
        let error = annotated("Hello", HEARD, "{\"minConfidence\": -1}").unwrap_err();
        assert!(matches!(error, Error::Options(_)), "{error}");
    }
}
