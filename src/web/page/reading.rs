//! A text being read aloud for a calibration: how much speech was heard, and whether it is enough.

use crate::{session::Update, web::error::WebError};

/// Speech that ends the reading, in seconds.
pub const ENOUGH_S: f64 = 8.0;
/// Speech that a reading which is ended early must hold.
const LEAST_S: f64 = 5.0;
/// The reading ends so long after the first speech, or after its beginning without any.
const LONGEST_S: f64 = 15.0;

/// The reading so far. Times are seconds of audio.
#[derive(Debug, Default)]
pub struct Reading {
    at_s: f64,
    /// When the first speech was heard.
    first_s: Option<f64>,
    /// When the open stretch of speech began.
    open_s: Option<f64>,
    /// Speech in the stretches that have ended.
    ended_s: f64,
}

impl Reading {
    /// Takes in what the session found out.
    pub fn update(&mut self, update: &Update) {
        match *update {
            Update::Level { at_s, speaking, .. } => {
                self.at_s = at_s;
                if speaking {
                    self.first_s.get_or_insert(at_s);
                    self.open_s.get_or_insert(at_s);
                } else {
                    self.open_s = None;
                }
            }
            Update::Utterance { start_s, end_s, .. } => {
                self.ended_s += end_s - start_s;
                self.open_s = None;
            }
            Update::Prediction { .. } => {}
        }
    }

    /// Seconds of speech.
    pub fn speech_s(&self) -> f64 {
        self.ended_s + self.open_s.map_or(0.0, |open_s| self.at_s - open_s)
    }

    /// Whether it ends by itself: enough was heard, or it takes too long.
    pub fn is_over(&self) -> bool {
        let began_s = self.first_s.unwrap_or(0.0);
        self.speech_s() >= ENOUGH_S || self.at_s - began_s >= LONGEST_S
    }

    /// Whether what was heard will do when it ends now.
    ///
    /// # Errors
    /// What the person can do about it otherwise.
    pub fn check(&self) -> Result<(), WebError> {
        match self.speech_s() {
            speech_s if speech_s >= LEAST_S => Ok(()),
            speech_s if speech_s >= 1.0 => Err(self.too_little()),
            _ => Err(WebError::ReadNothing),
        }
    }

    /// What is wrong when what was heard is too little.
    pub fn too_little(&self) -> WebError {
        WebError::ReadTooLittle {
            speech_s: self.speech_s(),
            least_s: LEAST_S,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Verdict;

    fn level(at_s: f64, speaking: bool) -> Update {
        Update::Level {
            at_s,
            rms_dbfs: -30.0,
            clipped: false,
            speaking,
        }
    }

    fn utterance(start_s: f64, end_s: f64) -> Update {
        Update::Utterance {
            start_s,
            end_s,
            speech_s: end_s - start_s,
            posterior: crate::model::Posterior::uniform(2),
            evidence: [0.0, 0.0].into(),
            verdict: Verdict::Unsure,
            confidence: 0.5,
            activation: None,
        }
    }

    fn reading(updates: &[Update]) -> Reading {
        let mut reading = Reading::default();
        updates.iter().for_each(|update| reading.update(update));
        reading
    }

    #[test]
    fn open_and_ended_speech_count_and_silence_does_not() {
        let begun = [level(2.0, true), level(5.0, true)];
        assert_eq!(reading(&begun).speech_s(), 3.0);
        let paused = [
            begun.as_slice(),
            &[utterance(1.75, 4.75), level(6.0, false)],
        ]
        .concat();
        assert_eq!(reading(&paused).speech_s(), 3.0);
        let resumed = [paused.as_slice(), &[level(7.0, true), level(12.0, true)]].concat();
        assert_eq!(reading(&resumed).speech_s(), 8.0);
        assert!(reading(&resumed).is_over());
        assert!(!reading(&paused).is_over());
        // A click that was taken for speech is no utterance.
        assert_eq!(
            reading(&[level(1.0, true), level(1.5, false)]).speech_s(),
            0.0
        );
    }

    #[test]
    fn five_seconds_will_do_and_less_is_named() {
        let spoken = |for_s| reading(&[level(1.0, true), level(1.0 + for_s, true)]);
        assert_eq!(spoken(5.0).check(), Ok(()));
        let too_little = WebError::ReadTooLittle {
            speech_s: 3.0,
            least_s: 5.0,
        };
        assert_eq!(spoken(3.0).check(), Err(too_little));
        assert_eq!(spoken(0.5).check(), Err(WebError::ReadNothing));
    }

    #[test]
    fn it_ends_fifteen_seconds_after_the_first_speech() {
        assert!(!reading(&[level(14.0, false)]).is_over());
        assert!(reading(&[level(15.0, false)]).is_over());
        let late = [level(10.0, true), level(11.0, false), level(24.0, false)];
        assert!(!reading(&late).is_over());
        assert!(reading(&[late.as_slice(), &[level(25.0, false)]].concat()).is_over());
    }
}
