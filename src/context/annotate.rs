//! Emotions beside the words of a transcript, joined by time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{NOTE, Sentence, VERSION, sure_label};
use crate::record::{Utterance, write_optional_share};

/// Share of the shorter of the two that an utterance and a sentence must have in common: the times
/// of transcripts are rough, and a mere touch does not make them belong together.
const LEAST_OVERLAP: f64 = 0.25;

/// Options of [`annotate`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct AnnotateOptions {
    /// Confidence from which an emotion is written, 0..=1; at 0 every label is written.
    pub min_confidence: f32,
    /// Names of the lanes. A sentence whose speaker bears the name of a lane is joined with that
    /// lane only.
    pub lanes: Vec<String>,
}

/// A transcript with what its sentences sounded like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnotatedTranscript {
    /// [`VERSION`].
    pub version: u32,
    /// What to bear in mind.
    pub note: String,
    /// All sentences of the transcript, in order.
    pub sentences: Vec<AnnotatedSentence>,
}

/// A sentence of a transcript and what it sounded like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnotatedSentence {
    /// As in the transcript.
    #[serde(flatten)]
    pub sentence: Sentence,
    /// What it sounded like; none if nothing was heard or the program is not sure enough.
    pub label: Option<String>,
    /// Mean probability of the label, weighted by overlap, 0..=1; none without a label.
    #[serde(serialize_with = "write_optional_share")]
    pub confidence: Option<f32>,
    /// The utterances that the label comes from.
    pub utterance_ids: Vec<u64>,
}

impl fmt::Display for AnnotatedSentence {
    /// `[angry 0.83] text`, or the text alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(label), Some(confidence)) = (&self.label, self.confidence) {
            write!(f, "[{label} {confidence:.2}] ")?;
        }
        f.write_str(&self.sentence.text)
    }
}

impl fmt::Display for AnnotatedTranscript {
    /// A line for each sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.sentences.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Joins sentences with the utterances they overlap in time; the words stay as they are.
///
/// If there are several utterances, the label heard longest in the sentence counts, and "none" is
/// one of them. An utterance that a sentence only touches, or that is merely the nearest, is never
/// joined with it.
pub fn annotate(
    sentences: &[Sentence],
    utterances: &[Utterance],
    options: &AnnotateOptions,
) -> AnnotatedTranscript {
    AnnotatedTranscript {
        version: VERSION,
        note: NOTE.to_owned(),
        sentences: sentences
            .iter()
            .map(|sentence| annotated(sentence, utterances, options))
            .collect(),
    }
}

/// How long a label was heard in a sentence.
struct Heard<'a> {
    label: Option<&'a str>,
    overlap_ms: f64,
    /// Confidence times overlap.
    weighed: f64,
    utterance_ids: Vec<u64>,
}

fn annotated(
    sentence: &Sentence,
    utterances: &[Utterance],
    options: &AnnotateOptions,
) -> AnnotatedSentence {
    let lane = sentence.speaker.as_ref().and_then(|speaker| {
        let is_of = |name: &String| name.trim().to_lowercase() == speaker.trim().to_lowercase();
        options.lanes.iter().position(is_of)
    });
    let mut heard: Vec<Heard> = Vec::new();
    let in_lane = |utterance: &&Utterance| lane.is_none_or(|lane| lane == utterance.lane);
    for utterance in utterances.iter().filter(in_lane) {
        let Some(overlap_ms) = overlap_ms(sentence, utterance) else {
            continue;
        };
        let label = sure_label(utterance, options.min_confidence);
        let index = heard.iter().position(|heard| heard.label == label);
        let index = index.unwrap_or_else(|| {
            heard.push(Heard {
                label,
                overlap_ms: 0.0,
                weighed: 0.0,
                utterance_ids: Vec::new(),
            });
            heard.len() - 1
        });
        let heard = &mut heard[index];
        heard.overlap_ms += overlap_ms;
        heard.weighed += overlap_ms * f64::from(utterance.confidence);
        heard.utterance_ids.push(utterance.id);
    }
    // The first in a tie.
    let longest = heard
        .into_iter()
        .rev()
        .max_by(|a, b| a.overlap_ms.total_cmp(&b.overlap_ms));
    let (label, confidence, utterance_ids) = match longest {
        Some(Heard {
            label: Some(label),
            overlap_ms,
            weighed,
            utterance_ids,
        }) => {
            let confidence = (weighed / overlap_ms) as f32;
            (Some(label.to_owned()), Some(confidence), utterance_ids)
        }
        _ => (None, None, Vec::new()),
    };
    AnnotatedSentence {
        sentence: sentence.clone(),
        label,
        confidence,
        utterance_ids,
    }
}

/// How long the two overlap, if that is long enough.
fn overlap_ms(sentence: &Sentence, utterance: &Utterance) -> Option<f64> {
    let start_ms = sentence.start_ms.max(utterance.start_ms);
    let overlap_ms = sentence
        .end_ms
        .min(utterance.end_ms)
        .checked_sub(start_ms)?;
    let lengths_ms = [
        sentence.end_ms.saturating_sub(sentence.start_ms),
        utterance.end_ms.saturating_sub(utterance.start_ms),
    ];
    let shorter_ms = lengths_ms[0].min(lengths_ms[1]) as f64;
    let overlap_ms = overlap_ms as f64;
    (overlap_ms > 0.0 && overlap_ms >= LEAST_OVERLAP * shorter_ms).then_some(overlap_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::utterance;

    fn sentence(start_ms: u64, end_ms: u64) -> Sentence {
        Sentence {
            start_ms,
            end_ms,
            speaker: None,
            text: "I waited an hour.".to_owned(),
        }
    }

    fn line(sentence: Sentence, utterances: &[Utterance]) -> String {
        annotate(&[sentence], utterances, &AnnotateOptions::default()).to_string()
    }

    #[test]
    fn a_sentence_gets_the_emotion_it_overlaps() {
        let heard = [
            utterance(1, 0, 2_000, Some("angry")),
            utterance(2, 2_500, 4_000, Some("sad")),
        ];
        assert_eq!(
            line(sentence(100, 1_900), &heard),
            "[angry 0.83] I waited an hour."
        );
        assert_eq!(
            line(sentence(1_500, 4_200), &heard),
            "[sad 0.83] I waited an hour."
        );
        let both = [sentence(0, 2_000), sentence(2_000, 4_000)];
        let both = annotate(&both, &heard, &AnnotateOptions::default()).to_string();
        assert_eq!(
            both,
            "[angry 0.83] I waited an hour.\n[sad 0.83] I waited an hour."
        );
    }

    #[test]
    fn what_is_near_or_only_touches_is_not_joined() {
        let heard = [utterance(1, 1_000, 2_000, Some("angry"))];
        for (start_ms, end_ms) in [
            (2_000, 3_000),
            (0, 1_000),
            (2_001, 2_002),
            (0, 1_249),
            (1_500, 1_500),
        ] {
            assert_eq!(
                line(sentence(start_ms, end_ms), &heard),
                "I waited an hour."
            );
        }
        assert!(line(sentence(0, 1_250), &heard).starts_with("[angry"));
        assert!(line(sentence(0, 60_000), &heard).starts_with("[angry"));
    }

    #[test]
    fn the_label_heard_longest_counts_and_none_is_one() {
        let mut calmer = utterance(3, 3_000, 4_000, Some("angry"));
        calmer.confidence = 0.63;
        let angry_twice = [
            utterance(1, 0, 1_000, Some("angry")),
            utterance(2, 1_000, 2_500, Some("sad")),
            calmer,
        ];
        let annotated = annotate(
            &[sentence(0, 4_000)],
            &angry_twice,
            &AnnotateOptions::default(),
        );
        let first = &annotated.sentences[0];
        assert_eq!(first.label.as_deref(), Some("angry"));
        assert!((first.confidence.unwrap() - 0.73).abs() < 1e-6, "{first:?}");
        assert_eq!(first.utterance_ids, [1, 3]);
        let unsure = [
            utterance(1, 0, 1_000, Some("angry")),
            utterance(2, 1_000, 2_500, None),
        ];
        assert_eq!(line(sentence(0, 4_000), &unsure), "I waited an hour.");
    }

    #[test]
    fn little_confidence_is_none() {
        let heard = [utterance(1, 0, 2_000, Some("angry"))];
        let options = AnnotateOptions {
            min_confidence: 0.9,
            ..AnnotateOptions::default()
        };
        let annotated = annotate(&[sentence(0, 2_000)], &heard, &options);
        assert_eq!(annotated.sentences[0].label, None);
    }

    #[test]
    fn a_speaker_who_has_a_lane_is_joined_with_that_lane_only() {
        let mut other = utterance(2, 0, 2_000, Some("sad"));
        other.lane = 1;
        let heard = [utterance(1, 500, 2_000, Some("angry")), other];
        let options = AnnotateOptions {
            lanes: vec!["Anna".to_owned(), "Ben".to_owned()],
            ..AnnotateOptions::default()
        };
        let said_by = |speaker: Option<&str>| {
            let mut sentence = sentence(0, 2_000);
            sentence.speaker = speaker.map(str::to_owned);
            annotate(&[sentence], &heard, &options).sentences[0]
                .label
                .clone()
                .unwrap()
        };
        assert_eq!(said_by(Some("anna ")), "angry");
        assert_eq!(said_by(Some("Ben")), "sad");
        assert_eq!(said_by(Some("Carl")), "sad");
        assert_eq!(said_by(None), "sad");
    }

    #[test]
    fn it_is_written_and_read_as_json() {
        let heard = [utterance(7, 0, 2_000, Some("angry"))];
        let annotated = annotate(&[sentence(0, 2_000)], &heard, &AnnotateOptions::default());
        let json = serde_json::to_string(&annotated).unwrap();
        assert_eq!(
            json,
            format!(
                "{{\"version\":1,\"note\":\"{NOTE}\",\"sentences\":[{{\"startMs\":0,\"endMs\":2000,\
                 \"speaker\":null,\"text\":\"I waited an hour.\",\"label\":\"angry\",\
                 \"confidence\":0.83,\"utteranceIds\":[7]}}]}}"
            )
        );
        assert_eq!(
            serde_json::from_str::<AnnotatedTranscript>(&json).unwrap(),
            annotated
        );
    }
}
