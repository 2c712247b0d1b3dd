//! From a sequence of posteriors to an answer a person can read: smoothing over time, hysteresis of
//! the emotion shown, and abstaining.

use super::{Claims, SessionSettings, Verdict};
use crate::{class::Class, model::Posterior};

/// Exponential smoothing of the evidence in posteriors and a verdict that changes only for a clear reason.
#[derive(Clone, Debug)]
pub struct Smoother {
    settings: SessionSettings,
    claims: Claims,
    smoothed: Option<Posterior>,
    posterior: Option<Posterior>,
    shown: Option<Class>,
}

impl Smoother {
    /// Before the verdict changes, another emotion must lead the shown one by `switch_margin`, or
    /// the shown one must fall that far below the probability from which it is claimed. `claims`
    /// limits what it may be.
    pub fn new(settings: SessionSettings, claims: Claims) -> Self {
        Self {
            settings,
            claims,
            smoothed: None,
            posterior: None,
            shown: None,
        }
    }

    /// Forgets everything it has heard.
    pub fn reset(&mut self) {
        self.smoothed = None;
        self.posterior = None;
        self.shown = None;
    }

    /// Takes the newest posterior and returns the smoothed one, with its evidence times `trust`,
    /// 0..=1: little speech is no reason to be sure. The next posterior is smoothed as if `trust`
    /// had been 1. The result still includes what may not be claimed.
    pub fn push(&mut self, newest: &Posterior, trust: f32) -> Posterior {
        let smoothed = match self.smoothed {
            Some(before) => before.mix(newest, self.settings.smoothing_weight),
            None => *newest,
        };
        self.smoothed = Some(smoothed);
        let smoothed = Posterior::from_logits(&smoothed.evidence(), 1.0 / trust.max(1e-3));
        let limited = self.claims.limit(&smoothed);
        self.posterior = Some(limited);
        let (top, confidence) = limited.top();
        let keep = self.shown.is_some_and(|shown| {
            let (held, margin) = (limited.get(shown), self.settings.switch_margin);
            held >= self.settings.claimed_from(shown) - margin && confidence - held < margin
        });
        if !keep {
            self.shown = (confidence >= self.settings.claimed_from(top)).then_some(top);
        }
        smoothed
    }

    /// What to show, and its probability.
    pub fn verdict(&self) -> (Verdict, f32) {
        match (self.shown, self.posterior) {
            (Some(class), Some(posterior)) => (Verdict::Emotion(class), posterior.get(class)),
            (None, Some(posterior)) => (Verdict::Unsure, posterior.top().1),
            (_, None) => (Verdict::NoSpeech, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::tests::{ANGRY, CALM, HAPPY, SAD};

    fn smoother(smoothing_weight: f32, unsure_below: f32) -> Smoother {
        let settings = SessionSettings {
            smoothing_weight,
            unsure_below,
            switch_margin: 0.1,
            ..SessionSettings::default()
        };
        Smoother::new(settings, Claims::default())
    }

    fn split(first: Class, p: f32, second: Class) -> Posterior {
        let mut posterior = Posterior([0.0; 8].into());
        posterior.0[first.index()] = p;
        posterior.0[second.index()] = 1.0 - p;
        posterior
    }

    #[test]
    fn a_narrow_lead_does_not_change_the_shown_emotion_and_a_clear_one_does() {
        let mut smoother = smoother(1.0, 0.4);
        smoother.push(&split(HAPPY, 0.8, ANGRY), 1.0);
        smoother.push(&split(HAPPY, 0.46, ANGRY), 1.0);
        assert_eq!(smoother.verdict().0, Verdict::Emotion(HAPPY));
        smoother.push(&split(HAPPY, 0.3, ANGRY), 1.0);
        let (verdict, confidence) = smoother.verdict();
        assert_eq!(verdict, Verdict::Emotion(ANGRY));
        assert!((confidence - 0.7).abs() < 1e-5, "{confidence}");
    }

    #[test]
    fn nothing_is_claimed_below_the_threshold_nor_after_a_reset() {
        let mut smoother = smoother(1.0, 0.4);
        smoother.push(&Posterior::uniform(8), 1.0);
        assert_eq!(smoother.verdict(), (Verdict::Unsure, 0.125));
        smoother.push(&split(CALM, 0.9, SAD), 1.0);
        assert_eq!(smoother.verdict().0, Verdict::Emotion(CALM));
        smoother.reset();
        assert_eq!(smoother.verdict().0, Verdict::NoSpeech);
    }

    #[test]
    fn a_class_that_must_be_surer_is_claimed_later_than_others() {
        let mut smoother = smoother(1.0, 0.4);
        let mut stricter = [0.0; 8];
        stricter[CALM.index()] = 0.95;
        smoother.settings.stricter = Some(stricter.into());
        smoother.push(&split(CALM, 0.9, SAD), 1.0);
        assert_eq!(smoother.verdict().0, Verdict::Unsure);
        smoother.push(&split(SAD, 0.6, CALM), 1.0);
        assert_eq!(smoother.verdict().0, Verdict::Emotion(SAD));
        smoother.push(&split(CALM, 0.97, SAD), 1.0);
        assert_eq!(smoother.verdict().0, Verdict::Emotion(CALM));
        smoother.push(&split(CALM, 0.9, SAD), 1.0);
        assert_eq!(smoother.verdict().0, Verdict::Emotion(CALM), "hysteresis");
        smoother.push(&split(CALM, 0.8, SAD), 1.0);
        assert_eq!(smoother.verdict().0, Verdict::Unsure);
    }

    #[test]
    fn smoothing_moves_the_evidence_by_its_weight() {
        let (first, second) = (split(CALM, 0.9, SAD), split(CALM, 0.2, SAD));
        let mut smoother = smoother(0.25, 0.4);
        smoother.push(&first, 1.0);
        let smoothed = smoother.push(&second, 1.0);
        let odds = |posterior: &Posterior| (posterior.get(CALM) / posterior.get(SAD)).ln();
        assert!((odds(&smoothed) - (0.75 * odds(&first) + 0.25 * odds(&second))).abs() < 1e-4);
        assert!((smoothed.0.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn little_speech_makes_less_sure_and_is_made_good_by_more() {
        let sure = split(CALM, 0.9, SAD);
        let mut smoother = smoother(0.5, 0.8);
        let hesitant = smoother.push(&sure, 0.5);
        assert!((hesitant.get(CALM) - 0.75).abs() < 1e-4, "{hesitant:?}");
        assert_eq!(smoother.verdict().0, Verdict::Unsure);
        let settled = smoother.push(&sure, 1.0);
        assert!((settled.get(CALM) - 0.9).abs() < 1e-4, "{settled:?}");
        assert_eq!(smoother.verdict().0, Verdict::Emotion(CALM));
    }
}
