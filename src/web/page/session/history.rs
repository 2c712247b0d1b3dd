//! What was expressed over time: the predictions of a session, for drawing.

use crate::session::Verdict;

/// One prediction, valid for the time up to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Where it begins, in seconds.
    pub start_s: f64,
    /// Where it ends: the time of the prediction.
    pub end_s: f64,
    /// What was expressed.
    pub verdict: Verdict,
    /// How sure that is, 0..=1.
    pub confidence: f32,
}

/// All predictions of one session, in order.
#[derive(Debug, Default)]
pub struct History {
    steps: Vec<Step>,
}

impl History {
    /// Adds a prediction that stands for the last `new_s`, or the time since the previous one if that is
    /// shorter. There is one for every `step_s` of speech.
    pub fn add(&mut self, at_s: f64, step_s: f64, new_s: f64, verdict: Verdict, confidence: f32) {
        let previous_s = self.steps.last().map_or(0.0, |step| step.end_s);
        // Neither a step that came late nor the double step of a long utterance leaves a hole.
        let start_s = if at_s - previous_s < new_s.max(2.5 * step_s) {
            previous_s
        } else {
            at_s - new_s
        };
        self.steps.push(Step {
            start_s,
            end_s: at_s,
            verdict,
            confidence,
        });
    }

    /// The steps that end after `start_s` and begin before `end_s`.
    pub fn between(&self, start_s: f64, end_s: f64) -> &[Step] {
        let first = self.steps.partition_point(|step| step.end_s <= start_s);
        let last = self.steps.partition_point(|step| step.start_s < end_s);
        self.steps.get(first..last).unwrap_or_default()
    }
}

/// Adjoining steps of one verdict, as one step without a meaningful confidence of its own: the highest.
pub fn runs(steps: &[Step]) -> impl Iterator<Item = Step> {
    steps
        .chunk_by(|a, b| a.verdict == b.verdict && a.end_s == b.start_s)
        .filter_map(|run| {
            let (first, last) = (run.first()?, run.last()?);
            Some(Step {
                end_s: last.end_s,
                confidence: run.iter().map(|step| step.confidence).fold(0.0, f32::max),
                ..*first
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::tests::{HAPPY, SAD};

    #[test]
    fn steps_adjoin_within_speech_and_leave_silence_blank() {
        let mut history = History::default();
        let happy = Verdict::Emotion(HAPPY);
        for at_s in [2.0, 2.25, 2.6, 9.0] {
            history.add(at_s, 0.25, 0.25, happy, 0.5);
        }
        let spans: Vec<_> = history
            .between(0.0, 99.0)
            .iter()
            .map(|step| (step.start_s, step.end_s))
            .collect();
        assert_eq!(spans, [(1.75, 2.0), (2.0, 2.25), (2.25, 2.6), (8.75, 9.0)]);
        assert_eq!(runs(history.between(0.0, 99.0)).count(), 2);
        assert_eq!(history.between(2.25, 99.0).len(), 2);
        assert_eq!(history.between(2.1, 2.2).len(), 1);
    }

    #[test]
    fn a_late_prediction_stands_for_all_it_was_made_of_and_not_for_the_silence_before() {
        let mut history = History::default();
        for (at_s, new_s) in [(3.0, 2.5), (3.25, 2.75), (9.0, 3.0), (9.5, 3.0)] {
            history.add(at_s, 0.25, new_s, Verdict::Unsure, 0.5);
        }
        let spans = history.between(0.0, 99.0).iter();
        let spans: Vec<_> = spans.map(|step| (step.start_s, step.end_s)).collect();
        assert_eq!(spans, [(0.5, 3.0), (3.0, 3.25), (6.0, 9.0), (9.0, 9.5)]);
    }

    #[test]
    fn a_change_of_verdict_begins_a_run() {
        let mut history = History::default();
        history.add(1.0, 0.25, 0.25, Verdict::Unsure, 0.2);
        history.add(1.25, 0.25, 0.25, Verdict::Emotion(SAD), 0.6);
        history.add(1.5, 0.25, 0.25, Verdict::Emotion(SAD), 0.7);
        let runs: Vec<_> = runs(history.between(0.0, 99.0)).collect();
        assert_eq!(runs.len(), 2);
        assert_eq!((runs[1].start_s, runs[1].end_s), (1.0, 1.5));
        assert_eq!(runs[1].confidence, 0.7);
    }
}
