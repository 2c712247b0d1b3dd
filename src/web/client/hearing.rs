//! Whether what a microphone gives can be judged: from the levels of its sound.

use crate::session::Update;

/// Nothing but zeros for so long before there was any sound: it may be muted.
const NO_SOUND_S: f64 = 3.0;
/// The same once there was: gates of headsets and rooms give zeros in every pause.
const SOUND_LOST_S: f64 = 60.0;
/// Level of digital silence, in dB relative to full scale.
const SILENCE_DBFS: f32 = -119.0;

/// So long with nothing louder than this, hardly anything arrives.
const FAINT_S: f64 = 12.0;
const FAINT_DBFS: f32 = -58.0;
/// So much speech shows that something does, however faint; noise is taken for speech for a moment only.
const SPOKEN_S: f64 = 2.0;

/// Speech that never gets louder is too quiet to be judged well: 12 dB above what is cut off as silence.
const QUIET_DBFS: f32 = -60.0;
/// Speech that is judged as loud or quiet lasts so long.
const SPEECH_S: f64 = 1.0;

/// So many measurements of late that reach full scale are no accident.
const CLIPPED: u32 = 3;
/// How long a measurement counts.
const CLIPPED_S: f64 = 5.0;

/// What is wrong with the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but zeros arrives.
    Silent,
    /// Sound arrives, but hardly any.
    Faint,
    /// Speech is heard, and it is very quiet.
    Quiet,
    /// Sound is louder than can be recorded, and cut off.
    Clipped,
}

/// What was heard of a microphone. Times are seconds of audio.
#[derive(Clone, Debug, Default)]
pub struct Hearing {
    at_s: f64,
    /// When there was last anything but zeros.
    sound_s: Option<f64>,
    /// When there was last sound that is not faint.
    loud_s: f64,
    spoken_s: f64,
    /// When the open stretch of speech began, and its highest level.
    speech: Option<(f64, f32)>,
    is_quiet: bool,
    clipped: u32,
    clipped_s: f64,
}

impl Hearing {
    /// Takes in what a session found out.
    pub fn update(&mut self, update: &Update) {
        let Update::Level {
            at_s,
            rms_dbfs,
            clipped,
            speaking,
        } = *update
        else {
            return;
        };
        if speaking {
            self.spoken_s += at_s - self.at_s;
        }
        self.at_s = at_s;
        if rms_dbfs > SILENCE_DBFS {
            self.sound_s = Some(at_s);
        }
        if rms_dbfs > FAINT_DBFS {
            self.loud_s = at_s;
        }
        self.speech = speaking.then(|| {
            let (began_s, loudest_dbfs) = self.speech.unwrap_or((at_s, rms_dbfs));
            (began_s, loudest_dbfs.max(rms_dbfs))
        });
        if let Some((began_s, loudest_dbfs)) = self.speech
            && at_s - began_s > SPEECH_S
        {
            self.is_quiet = loudest_dbfs < QUIET_DBFS;
        }
        if at_s - self.clipped_s > CLIPPED_S {
            self.clipped = 0;
        }
        if clipped {
            self.clipped += 1;
            self.clipped_s = at_s;
        }
    }

    /// What is wrong now.
    pub fn fault(&self) -> Option<Fault> {
        let patience_s = self.sound_s.map_or(NO_SOUND_S, |_| SOUND_LOST_S);
        if self.at_s - self.sound_s.unwrap_or(0.0) > patience_s {
            Some(Fault::Silent)
        } else if self.spoken_s < SPOKEN_S && self.at_s - self.loud_s > FAINT_S {
            Some(Fault::Faint)
        } else if self.clipped >= CLIPPED {
            Some(Fault::Clipped)
        } else {
            self.is_quiet.then_some(Fault::Quiet)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Faults from one second to the next; each second has a level, whether it clips, whether somebody speaks.
    fn faults(seconds: &[(f32, bool, bool)]) -> Vec<Option<Fault>> {
        let mut hearing = Hearing::default();
        let mut faults = Vec::new();
        for (second, &(rms_dbfs, clipped, speaking)) in (0..).zip(seconds) {
            for twentieth in 1..=20 {
                hearing.update(&Update::Level {
                    at_s: f64::from(second) + f64::from(twentieth) / 20.0,
                    rms_dbfs,
                    clipped,
                    speaking,
                });
            }
            faults.push(hearing.fault());
        }
        faults
    }

    const ZEROS: (f32, bool, bool) = (-120.0, false, false);
    const HISS: (f32, bool, bool) = (-71.0, false, false);
    const ROOM: (f32, bool, bool) = (-50.0, false, false);
    const SPEECH: (f32, bool, bool) = (-25.0, false, true);

    #[test]
    fn zeros_are_a_muted_microphone_before_any_sound_or_when_they_last() {
        assert_eq!(faults(&[ZEROS; 4]), [None, None, None, Some(Fault::Silent)]);
        let gated = [
            vec![SPEECH; 3],
            vec![ZEROS; 30],
            vec![SPEECH; 3],
            vec![ZEROS; 62],
        ]
        .concat();
        let faults = faults(&gated);
        assert_eq!(
            faults.iter().position(Option::is_some),
            Some(3 + 30 + 3 + 60)
        );
    }

    #[test]
    fn hiss_without_speech_is_hardly_anything_and_a_quiet_room_or_a_pause_is_not() {
        assert_eq!(faults(&[HISS; 14])[12..], [Some(Fault::Faint); 2]);
        assert_eq!(faults(&[ROOM; 60]), [None; 60]);
        let paused = [vec![SPEECH; 2], vec![HISS; 60]].concat();
        assert_eq!(faults(&paused), [None; 62]);
        let late = [vec![HISS; 20], vec![SPEECH; 2]].concat();
        assert_eq!(faults(&late)[20..], [None; 2]);
        // Noise that is taken for speech at its beginning.
        let taken = [vec![(-71.0, false, true)], vec![HISS; 13]].concat();
        assert_eq!(faults(&taken)[13], Some(Fault::Faint));
    }

    #[test]
    fn speech_that_is_quiet_is_told_until_it_is_louder() {
        let quiet = (-64.0, false, true);
        let spoken = [vec![quiet; 3], vec![HISS; 2], vec![SPEECH; 3]].concat();
        let quiet = Some(Fault::Quiet);
        assert_eq!(
            faults(&spoken),
            [None, quiet, quiet, quiet, quiet, quiet, None, None]
        );
    }

    #[test]
    fn sound_that_is_cut_off_is_told_for_a_while() {
        let shouted = [vec![(-4.0, true, true); 1], vec![SPEECH; 7]].concat();
        let clipped = Some(Fault::Clipped);
        assert_eq!(
            faults(&shouted),
            [
                clipped, clipped, clipped, clipped, clipped, clipped, None, None
            ]
        );
    }
}
