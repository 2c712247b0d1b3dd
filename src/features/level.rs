//! Independence from the input gain, and how a segment is made.
//!
//! A factor on the signal adds the same number to the log energy and to every log-mel band, and so
//! also to the level, the 0.9 quantile of the energies. Subtracting the level removes the factor.

use super::trim::{quantile, trim};
use super::{ENERGY, N_FEATURES, N_MFCC};

/// Share of a segment's frames below its level.
pub(super) const LEVEL_QUANTILE: f32 = 0.9;

/// Where a segment's level lies after subtraction, in nats below full scale.
pub const LEVEL_OFFSET: f32 = 5.0;

/// A segment's number of frames is a multiple of this, the network's decimation in time.
pub const SEGMENT_MULTIPLE: usize = 4;

/// The level of a stretch: the 0.9 quantile of its log energies; negative infinity if it is empty.
pub fn level(energies: &[f32]) -> f32 {
    quantile(energies, LEVEL_QUANTILE).unwrap_or(f32::NEG_INFINITY)
}

/// Brings the level of a segment `[T, F]` to -5 nats, as if it had been recorded with a different
/// gain.
///
/// The energy loses `level + 5`, and so does every log-mel band: the 0th MFCC loses `8 (level + 5)`.
pub fn subtract_level(segment: &mut [f32]) {
    let shift = level_shift(segment);
    for frame in segment.chunks_exact_mut(N_FEATURES) {
        frame[0] -= shift * (N_MFCC as f32).sqrt();
        frame[ENERGY] -= shift;
    }
}

/// What to subtract from a segment's log energies `[T, F]`: its level + 5, in nats.
pub fn level_shift(segment: &[f32]) -> f32 {
    level(&energies(segment)) + LEVEL_OFFSET
}

/// What the network is given for a stretch of frames, both `[T, F]`: silence around the speech is
/// [trimmed](trim), then the rest is [`levelled`]. None when there is only silence.
pub fn segment(frames: &[f32]) -> Option<Vec<f32>> {
    let speech = trim(&energies(frames))?;
    Some(levelled(
        &frames[speech.start * N_FEATURES..speech.end * N_FEATURES],
    ))
}

/// What the network is given for frames that are all speech, both `[T, F]`: the first frames are
/// dropped to leave a multiple of [`SEGMENT_MULTIPLE`], and the [level is
/// subtracted](subtract_level).
pub fn levelled(speech: &[f32]) -> Vec<f32> {
    let excess = speech.len() / N_FEATURES % SEGMENT_MULTIPLE;
    let mut segment = speech[excess * N_FEATURES..].to_vec();
    subtract_level(&mut segment);
    segment
}

/// The log energies of frames `[T, F]`, `[T]`.
pub fn energies(frames: &[f32]) -> Vec<f32> {
    frames
        .chunks_exact(N_FEATURES)
        .map(|frame| frame[ENERGY])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{PITCH, VOICING};

    #[test]
    fn level_goes_to_minus_five_and_pitch_stays() {
        let mut segment: Vec<f32> = (0..100 * N_FEATURES).map(|i| (i % 71) as f32).collect();
        let before = segment.clone();
        let shift = level(&energies(&before)) + 5.0;
        subtract_level(&mut segment);
        assert!((level(&energies(&segment)) + 5.0).abs() < 1e-5);
        for (after, before) in segment
            .chunks_exact(N_FEATURES)
            .zip(before.chunks_exact(N_FEATURES))
        {
            assert_eq!(after[0], before[0] - 8.0 * shift);
            assert_eq!(after[1..N_MFCC], before[1..N_MFCC]);
            assert_eq!(after[ENERGY], before[ENERGY] - shift);
            assert_eq!(after[PITCH..=VOICING], before[PITCH..=VOICING]);
        }
    }

    #[test]
    fn nothing_is_no_segment() {
        assert_eq!(segment(&[]), None);
    }
}
