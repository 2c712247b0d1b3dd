//! How lively a voice sounds, read off a posterior: it carries over to voices, languages and
//! microphones to which the emotion itself does not.
//!
//! Emotions are either lively (such as angry, happy, fearful, surprised), quiet (such as sad, calm,
//! neutral), or neither. The log odds of one side against the other, on a scale fitted on
//! recordings of corpora that the model was never given, are the activation (called arousal in
//! Russell, 1980).

use serde::{Deserialize, Serialize};

use super::Posterior;
use crate::class::PerClass;

/// How activation is read off a posterior; part of model.json.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationSettings {
    /// For each class, `[K]`: 1 for a lively emotion, -1 for a quiet one, 0 for neither.
    pub sides: PerClass,
    /// Multiplies the log odds.
    pub slope: f32,
    /// Added to them, in nats.
    pub offset: f32,
    /// Activation from which a voice is called lively, 0.5..=1.
    pub lively_from: f32,
    /// Activation up to which a voice is called quiet, 0..=0.5.
    pub quiet_to: f32,
}

/// What can be said about how lively a voice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liveliness {
    /// As angry, happy, fearful or surprised voices are.
    Lively,
    /// As sad, calm or neutral voices are.
    Quiet,
    /// Neither can be said.
    Unsure,
}

/// How lively a voice sounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    /// Probability that the emotion is one of the lively ones, if it is lively or quiet at all, 0..=1.
    pub value: f32,
    /// What can be said.
    pub sounds: Liveliness,
}

impl ActivationSettings {
    /// The activation in a posterior over the same classes.
    pub fn read(&self, posterior: &Posterior) -> Activation {
        let side = |sign: f32| -> f32 {
            let of = self.sides.iter().zip(posterior.0.iter());
            of.filter(|(side, _)| **side == sign).map(|(_, p)| p).sum()
        };
        let log = |share: f32| share.max(f32::MIN_POSITIVE).ln();
        let odds = self.slope * (log(side(1.0)) - log(side(-1.0))) + self.offset;
        let value = 1.0 / (1.0 + (-odds).exp());
        let sounds = if value >= self.lively_from {
            Liveliness::Lively
        } else if value <= self.quiet_to {
            Liveliness::Quiet
        } else {
            Liveliness::Unsure
        };
        Activation { value, sounds }
    }

    /// Checks that it has this number of classes and can be read; the error is field, expected,
    /// found.
    pub(crate) fn check(&self, classes: usize) -> Result<(), (&'static str, &'static str, String)> {
        let has = |sign: f32| self.sides.contains(&sign);
        if self.sides.len() != classes
            || !self
                .sides
                .iter()
                .all(|side| [-1.0, 0.0, 1.0].contains(side))
            || !(has(1.0) && has(-1.0))
        {
            let found = format!("{:?}", &*self.sides);
            return Err((
                "session.activation.sides",
                "-1, 0 or 1 for each label, and 1 and -1 among them",
                found,
            ));
        }
        for (field, value, range, expected) in [
            (
                "session.activation.slope",
                self.slope,
                0.0..=1e3,
                "0 to 1000",
            ),
            (
                "session.activation.offset",
                self.offset,
                -1e3..=1e3,
                "-1000 to 1000",
            ),
            (
                "session.activation.lively_from",
                self.lively_from,
                0.5..=1.0,
                "0.5 to 1",
            ),
            (
                "session.activation.quiet_to",
                self.quiet_to,
                0.0..=0.5,
                "0 to 0.5",
            ),
        ] {
            if !range.contains(&value) {
                return Err((field, expected, value.to_string()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// For the classes of the project's model, in their order.
    pub(crate) fn settings() -> ActivationSettings {
        ActivationSettings {
            sides: PerClass::from([-1.0, -1.0, 1.0, -1.0, 1.0, 1.0, 0.0, 1.0]),
            slope: 0.5,
            offset: 0.2,
            lively_from: 0.8,
            quiet_to: 0.3,
        }
    }

    #[test]
    fn activation_is_the_fitted_odds_of_lively_against_quiet() {
        // Lively 0.4, quiet 0.2, disgust, which is neither, 0.4.
        let posterior = Posterior(PerClass::from([0.1, 0.05, 0.1, 0.05, 0.2, 0.05, 0.4, 0.05]));
        let Activation { value, sounds } = settings().read(&posterior);
        let odds = 0.5 * 2f32.ln() + 0.2;
        assert!((value - 1.0 / (1.0 + (-odds).exp())).abs() < 1e-6);
        assert_eq!(sounds, Liveliness::Unsure);
    }

    #[test]
    fn thresholds_decide_what_is_said() {
        let sure = |index: usize| {
            let share = |i| if i == index { 0.93 } else { 0.01 };
            settings()
                .read(&Posterior(PerClass::from_fn(8, share)))
                .sounds
        };
        assert_eq!(sure(4), Liveliness::Lively);
        assert_eq!(sure(3), Liveliness::Quiet);
        let mut never = settings();
        (never.lively_from, never.quiet_to) = (1.0, 0.0);
        let uniform = never.read(&Posterior::uniform(8));
        assert_eq!(uniform.sounds, Liveliness::Unsure);
    }

    #[test]
    fn certain_posteriors_give_numbers() {
        for index in 0..8 {
            let certain = Posterior(PerClass::from_fn(8, |i| f32::from(u8::from(i == index))));
            assert!((0.0..=1.0).contains(&settings().read(&certain).value));
        }
    }
}
