//! Trimming the silence around speech.

use std::ops::Range;

/// Energy in natural logarithm per decibel.
const NATS_PER_DB: f32 = std::f32::consts::LN_10 / 10.0;

/// Sound must reach this level; everything below is silence whatever its dynamics.
pub(super) const SILENCE_DBFS: f32 = -72.0;
/// Sound is at most this far below the loudest frames ...
pub(super) const RANGE_DB: f32 = 35.0;
/// ... and at least this far above the quietest ...
pub(super) const ABOVE_NOISE_DB: f32 = 6.0;
/// ... but anything this close to the loudest frames is sound in any noise.
pub(super) const LOUD_RANGE_DB: f32 = 15.0;
/// Share of frames below the level that is taken for the loudest frames'.
pub(super) const LOUD_QUANTILE: f32 = 0.98;
/// Share of frames below the level that is taken for the noise's.
pub(super) const NOISE_QUANTILE: f32 = 0.05;
/// A frame is sound when most of this many frames around it are.
pub(super) const MAJORITY_FRAMES: usize = 5;
/// Frames kept on either side of the sound.
pub(super) const MARGIN_FRAMES: usize = 6;

/// The frames from the first to the last sound with a margin of 6, given the log energies of all
/// frames (natural logarithm of the mean square, as in [`log_energy`](super::log_energy)).
///
/// A frame is loud above `max(p98 - 35 dB, p5 + 6 dB)`, or `p98 - 15 dB` if that is lower, p98 and p5
/// being percentiles of the energies; it is sound when 3 of the 5 frames around it are loud. None
/// when nothing is, or when p98 is below -72 dBFS.
pub fn trim(energies: &[f32]) -> Option<Range<usize>> {
    let loudest = quantile(energies, LOUD_QUANTILE)?;
    let quietest = quantile(energies, NOISE_QUANTILE)?;
    if loudest < SILENCE_DBFS * NATS_PER_DB {
        return None;
    }
    let threshold = (loudest - RANGE_DB * NATS_PER_DB)
        .max(quietest + ABOVE_NOISE_DB * NATS_PER_DB)
        .min(loudest - LOUD_RANGE_DB * NATS_PER_DB);
    let is_sound = |&frame: &usize| {
        let first = frame.saturating_sub(MAJORITY_FRAMES / 2);
        let last = (frame + MAJORITY_FRAMES / 2).min(energies.len() - 1);
        let loud = energies[first..=last]
            .iter()
            .filter(|&&energy| energy > threshold)
            .count();
        loud > MAJORITY_FRAMES / 2
    };
    let first = (0..energies.len()).find(is_sound)?;
    let last = (0..energies.len()).rfind(is_sound)?;
    Some(first.saturating_sub(MARGIN_FRAMES)..(last + 1 + MARGIN_FRAMES).min(energies.len()))
}

/// Value below which a share (0 to 1) of `values` lies, interpolated linearly between ranks as in
/// `numpy.quantile`; none if there are no values.
pub(super) fn quantile(values: &[f32], share: f32) -> Option<f32> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let rank = share * sorted.len().checked_sub(1)? as f32;
    let below = sorted.get(rank.floor() as usize)?;
    let above = sorted.get(rank.ceil() as usize)?;
    Some(below + (above - below) * rank.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn energies(levels_dbfs: &[(usize, f32)]) -> Vec<f32> {
        levels_dbfs
            .iter()
            .flat_map(|&(frames, level)| vec![level * NATS_PER_DB; frames])
            .collect()
    }

    #[test]
    fn silence_around_speech_is_left_out_but_for_a_margin() {
        let energies = energies(&[(50, -80.0), (60, -25.0), (40, -80.0)]);
        assert_eq!(trim(&energies), Some(44..116));
    }

    #[test]
    fn pauses_inside_and_clicks_outside_change_nothing() {
        let energies = energies(&[
            (10, -80.0),
            (2, -20.0),
            (38, -80.0),
            (30, -25.0),
            (25, -80.0),
            (30, -25.0),
            (40, -80.0),
        ]);
        assert_eq!(trim(&energies), Some(44..141));
    }

    #[test]
    fn steady_sound_is_kept_whole() {
        assert_eq!(trim(&energies(&[(100, -30.0)])), Some(0..100));
    }

    #[test]
    fn noise_20_db_below_speech_is_trimmed() {
        let energies = energies(&[(50, -45.0), (60, -25.0), (50, -45.0)]);
        assert_eq!(trim(&energies), Some(44..116));
    }

    #[test]
    fn silence_and_nothing_have_no_speech() {
        assert_eq!(trim(&energies(&[(100, -73.0)])), None);
        assert_eq!(trim(&[]), None);
    }

    #[test]
    fn quantile_is_linear_between_ranks() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[4.0, 1.0], 0.25), Some(1.75));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
