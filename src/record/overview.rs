//! A session at a glance: speaking time by emotion, how often it changes, and whether it is mixed.

use super::Utterance;
use crate::class::{Class, Labels};

/// Share of the speech that must be claimed for a recording to be called anything by its parts.
const LEAST_CLAIMED: f32 = 1.0 / 3.0;

/// Share of what is claimed from which an emotion is one of a mixture.
const LEAST_PART: f32 = 0.12;

/// Share of what is claimed from which one emotion is that of the whole.
const PREVAILING: f32 = 0.6;

/// Speaking time of some utterances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Number of utterances.
    pub utterances: u32,
    /// Ms of speech in them.
    pub speech_ms: u64,
    /// Of it, ms that express each label, in the labels' order.
    pub by_class: Vec<u64>,
    /// How often an utterance with a label follows one with another, by the same speaker.
    pub changes: u32,
}

impl Overview {
    /// Of utterances in order of time; `said` gives the label that counts.
    pub fn of<'a>(
        labels: &Labels,
        utterances: impl IntoIterator<Item = &'a Utterance>,
        said: impl Fn(&'a Utterance) -> Option<&'a str>,
    ) -> Self {
        let mut overview = Self {
            utterances: 0,
            speech_ms: 0,
            by_class: vec![0; labels.len()],
            changes: 0,
        };
        let mut last: Vec<(usize, Class)> = Vec::new();
        for utterance in utterances {
            overview.utterances += 1;
            overview.speech_ms += utterance.speech_ms;
            let Some(class) = said(utterance).and_then(|label| labels.class(label)) else {
                continue;
            };
            if let Some(ms) = overview.by_class.get_mut(class.index()) {
                *ms += utterance.speech_ms;
            }
            match last.iter_mut().find(|(lane, _)| *lane == utterance.lane) {
                None => last.push((utterance.lane, class)),
                Some((_, before)) => {
                    overview.changes += u32::from(*before != class);
                    *before = class;
                }
            }
        }
        overview
    }

    /// Share of the speech that expresses a class, 0..=1.
    pub fn share(&self, class: Class) -> f32 {
        let ms = self.by_class.get(class.index()).copied().unwrap_or(0);
        share(ms, self.speech_ms)
    }

    /// Share of the speech that expresses nothing for sure.
    pub fn unsure(&self) -> f32 {
        1.0 - share(self.claimed_ms(), self.speech_ms).min(1.0)
    }

    /// The classes that are expressed, most speech first.
    pub fn classes(&self) -> Vec<Class> {
        let mut classes: Vec<Class> = Class::first(self.by_class.len())
            .filter(|class| self.by_class.get(class.index()) > Some(&0))
            .collect();
        classes.sort_by_key(|class| std::cmp::Reverse(self.by_class.get(class.index())));
        classes
    }

    /// What it is mixed of, most speech first; nothing where one emotion prevails, or where too little is
    /// sure.
    pub fn mixture(&self) -> Vec<Class> {
        let claimed_ms = self.claimed_ms();
        if share(claimed_ms, self.speech_ms) < LEAST_CLAIMED {
            return Vec::new();
        }
        let part = |class: &Class| {
            let ms = self.by_class.get(class.index()).copied().unwrap_or(0);
            share(ms, claimed_ms)
        };
        let mut parts = self.classes();
        parts.retain(|class| part(class) >= LEAST_PART);
        let prevails = parts.first().is_none_or(|class| part(class) >= PREVAILING);
        if prevails || parts.len() < 2 {
            return Vec::new();
        }
        parts
    }

    fn claimed_ms(&self) -> u64 {
        self.by_class.iter().sum()
    }
}

fn share(ms: u64, of_ms: u64) -> f32 {
    if of_ms == 0 {
        0.0
    } else {
        ms as f32 / of_ms as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::{record, utterance};

    fn overview(said: &[(u64, Option<&str>)]) -> Overview {
        let labels = record(vec![]).labels;
        let utterances: Vec<Utterance> = said
            .iter()
            .enumerate()
            .map(|(id, (speech_ms, label))| Utterance {
                speech_ms: *speech_ms,
                ..utterance(
                    id as u64,
                    10_000 * id as u64,
                    10_000 * id as u64 + 9_000,
                    *label,
                )
            })
            .collect();
        Overview::of(&labels, &utterances, |utterance| utterance.label.as_deref())
    }

    #[test]
    fn speaking_time_is_shared_among_emotions_and_what_is_not_sure() {
        let heard = overview(&[
            (3_000, Some("angry")),
            (1_000, None),
            (2_000, Some("angry")),
            (4_000, Some("sad")),
        ]);
        let labels = record(vec![]).labels;
        let class = |label| labels.class(label).unwrap();
        assert_eq!((heard.utterances, heard.speech_ms), (4, 10_000));
        assert_eq!(heard.share(class("angry")), 0.5);
        assert_eq!(heard.share(class("sad")), 0.4);
        assert_eq!(heard.share(class("neutral")), 0.0);
        assert!((heard.unsure() - 0.1).abs() < 1e-6);
        assert_eq!(heard.changes, 1);
        assert_eq!(heard.classes(), [class("angry"), class("sad")]);
        let nothing = overview(&[]);
        assert_eq!((nothing.speech_ms, nothing.unsure()), (0, 1.0));
        assert_eq!(nothing.mixture(), []);
    }

    #[test]
    fn a_change_is_of_one_speaker() {
        let labels = record(vec![]).labels;
        let mut said = [
            utterance(1, 0, 1_000, Some("angry")),
            utterance(2, 1_000, 2_000, Some("sad")),
            utterance(3, 2_000, 3_000, Some("angry")),
        ];
        said[1].lane = 1;
        let changes = |said: &[Utterance]| {
            Overview::of(&labels, said, |utterance| utterance.label.as_deref()).changes
        };
        assert_eq!(changes(&said), 0);
        said[1].lane = 0;
        assert_eq!(changes(&said), 2);
    }

    #[test]
    fn a_recording_is_mixed_where_no_emotion_prevails_and_enough_is_sure() {
        let labels = record(vec![]).labels;
        let class = |label| labels.class(label).unwrap();
        let (angry, sad, neutral) = (Some("angry"), Some("sad"), Some("neutral"));
        let mixture = |said: &[(u64, Option<&str>)]| overview(said).mixture();
        assert_eq!(
            mixture(&[(3_000, angry), (4_000, sad), (3_000, neutral)]),
            [class("sad"), class("neutral"), class("angry")]
        );
        assert_eq!(mixture(&[(6_000, angry), (4_000, sad)]), []);
        assert_eq!(mixture(&[(5_000, angry), (1_000, None)]), []);
        // Too little is sure.
        assert_eq!(mixture(&[(500, angry), (500, sad), (9_000, None)]), []);
        // A short one is no part of the mixture.
        assert_eq!(
            mixture(&[(5_000, angry), (5_000, sad), (500, neutral)]),
            [class("angry"), class("sad")]
        );
    }
}
