//! Lengths of segments, their step and the rules for the verdict, as stored in model.json.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    class::{Class, PerClass},
    model::{ActivationSettings, Posterior},
};

/// Segment length, step and the rules for the verdict; part of model.json.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionSettings {
    /// Longest segment the classifier sees.
    pub max_segment_frames: usize,
    /// Least speech, after trimming, for anything to be classified.
    pub min_segment_frames: usize,
    /// Frames between two predictions, while the utterance is no longer than a segment.
    pub step_frames: usize,
    /// Least speech, after trimming, for anything to be claimed.
    pub firm_segment_frames: usize,
    /// Least number of frames with speech according to the gate, among those an answer is made
    /// from, for the answer to claim anything: knocks, barks and strings have fewer.
    pub min_speech_frames: usize,
    /// Amount of speech, after trimming, from which the evidence shown during an utterance counts
    /// in full; less speech counts by the square root of its share.
    pub settled_segment_frames: usize,
    /// Share of the newest posterior in the smoothed one, 0..=1.
    pub smoothing_weight: f32,
    /// No emotion is claimed below this probability.
    pub unsure_below: f32,
    /// For each class, `[K]`, the probability that it must reach in addition, 0..=1; none if all
    /// are treated alike.
    pub stricter: Option<PerClass>,
    /// The lead that another emotion needs to replace the one shown.
    pub switch_margin: f32,
    /// How activation is read; none if it was not fitted.
    pub activation: Option<ActivationSettings>,
}

/// What the caller of a session lets it claim, within the limits of the model's settings: by
/// default everything.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// No emotion is claimed below this probability or below that of the settings; 0..=1.
    pub at_least: f32,
    /// The classes to judge among, one bit for each; the lowest bit is the first class.
    pub among: u32,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            at_least: 0.0,
            among: u32::MAX,
        }
    }
}

impl Claims {
    /// Whether a class is one of those to judge among.
    pub fn has(&self, class: Class) -> bool {
        self.among >> class.index() & 1 == 1
    }

    /// The posterior given that only these classes are possible: the probability of the others is
    /// shared out among them in proportion.
    pub(crate) fn limit(&self, posterior: &Posterior) -> Posterior {
        let classes = Class::first(posterior.0.len());
        if classes.clone().all(|class| self.has(class)) {
            return *posterior;
        }
        let mut evidence = posterior.evidence();
        for (class, evidence) in classes.zip(evidence.iter_mut()) {
            if !self.has(class) {
                *evidence = f32::NEG_INFINITY;
            }
        }
        Posterior::from_logits(&evidence, 1.0)
    }
}

impl Default for SessionSettings {
    /// 3 s segments every 256 ms; nothing is classified before 0.4 s of speech or claimed before 1
    /// s, and nothing is trusted in full before 1.8 s.
    fn default() -> Self {
        Self {
            max_segment_frames: 188,
            min_segment_frames: 24,
            step_frames: 16,
            firm_segment_frames: 62,
            min_speech_frames: 20,
            settled_segment_frames: 112,
            smoothing_weight: 0.5,
            unsure_below: 0.4,
            stricter: None,
            switch_margin: 0.08,
            activation: None,
        }
    }
}

impl SessionSettings {
    /// How much the evidence of a segment with this many frames of speech counts during an
    /// utterance, 0..=1.
    pub fn trust(&self, heard_frames: usize) -> f32 {
        (heard_frames as f32 / self.settled_segment_frames as f32)
            .min(1.0)
            .sqrt()
    }

    /// The probability from which a class is claimed.
    pub fn claimed_from(&self, class: Class) -> f32 {
        let stricter = self.stricter.as_ref();
        let stricter = stricter.and_then(|stricter| stricter.get(class.index()));
        stricter.map_or(self.unsure_below, |stricter| {
            stricter.max(self.unsure_below)
        })
    }

    /// Checks that a session can run with these; the error is field, expected, found.
    pub(crate) fn check(&self, classes: usize) -> Result<(), (&'static str, &'static str, String)> {
        let frames = |field, value: usize, range: Range<usize>, expected| {
            if range.contains(&value) {
                Ok(())
            } else {
                Err((field, expected, value.to_string()))
            }
        };
        let share = |field, value: f32| {
            if (0.0..=1.0).contains(&value) {
                Ok(())
            } else {
                Err((field, "0 to 1", value.to_string()))
            }
        };
        frames(
            "session.max_segment_frames",
            self.max_segment_frames,
            16..1000,
            "16 to 999",
        )?;
        let longest = self.max_segment_frames + 1;
        let expected = "1 to max_segment_frames";
        frames(
            "session.min_segment_frames",
            self.min_segment_frames,
            1..longest,
            expected,
        )?;
        frames(
            "session.step_frames",
            self.step_frames,
            1..longest,
            expected,
        )?;
        frames(
            "session.firm_segment_frames",
            self.firm_segment_frames,
            1..longest,
            expected,
        )?;
        frames(
            "session.min_speech_frames",
            self.min_speech_frames,
            0..longest,
            "0 to max_segment_frames",
        )?;
        frames(
            "session.settled_segment_frames",
            self.settled_segment_frames,
            1..longest,
            expected,
        )?;
        share("session.smoothing_weight", self.smoothing_weight)?;
        share("session.unsure_below", self.unsure_below)?;
        share("session.switch_margin", self.switch_margin)?;
        if let Some(stricter) = &self.stricter {
            if stricter.len() != classes {
                let found = format!("{} numbers", stricter.len());
                return Err(("session.stricter", "a number for each label", found));
            }
            for number in stricter.iter() {
                share("session.stricter", *number)?;
            }
        }
        match &self.activation {
            Some(activation) => activation.check(classes),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(among: u32) -> Claims {
        Claims {
            among,
            ..Claims::default()
        }
    }

    #[test]
    fn what_may_not_be_claimed_leaves_its_probability_to_the_others_in_proportion() {
        let posterior = Posterior(PerClass::from([0.5, 0.1, 0.3, 0.1]));
        let limited = among(0b0110).limit(&posterior);
        assert_eq!(limited.0[0], 0.0);
        assert_eq!(limited.0[3], 0.0);
        assert!((limited.0[1] - 0.25).abs() < 1e-6);
        assert!((limited.0[2] - 0.75).abs() < 1e-6);
    }

    #[test]
    fn without_a_limit_nothing_changes_and_certainty_of_others_leaves_numbers() {
        let posterior = Posterior(PerClass::from([0.2, 0.7, 0.1]));
        assert_eq!(Claims::default().limit(&posterior), posterior);
        assert_eq!(among(0b111).limit(&posterior), posterior);
        let certain = Posterior(PerClass::from([1.0, 0.0, 0.0]));
        let limited = among(0b110).limit(&certain);
        assert_eq!(*limited.0, [0.0, 0.5, 0.5]);
    }
}
