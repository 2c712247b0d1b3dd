//! From segments to the inputs of the convolutions and the projection.

use std::sync::LazyLock;

use speech_emotion::features::{
    self, ENERGY, N_FEATURES, N_MFCC, PITCH, SEGMENT_MULTIPLE, VOICING,
};

use super::matrix::{first_columns, matrix, product};

/// Number of side inputs: energy, pitch, voicing.
pub const SIDE_INPUTS: usize = 3;
/// Lower limit of log-mel energies and log energy, in nats relative to full scale.
pub const MIN_LOG_ENERGY: f32 = -14.0;

/// Several segments, one after another, with log-mel energies in place of the MFCC.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// `[ΣT, F]`.
    pub frames: Vec<f32>,
    /// T of each segment, multiples of [`SEGMENT_MULTIPLE`] above 0.
    pub lengths: Vec<usize>,
}

impl Batch {
    /// Appends a segment `[T, F]` with log-mel energies, without the first T mod 4 frames.
    ///
    /// # Panics
    /// When fewer than four frames are given.
    pub fn push(&mut self, segment: &[f32]) {
        let frames = segment.len() / N_FEATURES;
        assert!(
            frames >= SEGMENT_MULTIPLE,
            "a segment of {frames} frames has no step of four"
        );
        let whole = frames - frames % SEGMENT_MULTIPLE;
        self.frames
            .extend_from_slice(&segment[(frames - whole) * N_FEATURES..]);
        self.lengths.push(whole);
    }

    /// Log-mel energies clamped and standardised per band, `[ΣT, M]`.
    pub fn standardised(&self, mean: &[f32], deviation: &[f32]) -> Vec<f32> {
        let mut bands = Vec::with_capacity(self.frames.len());
        for frame in self.frames.chunks_exact(N_FEATURES) {
            let scaled = frame[..N_MFCC].iter().zip(mean).zip(deviation);
            bands
                .extend(scaled.map(|((band, mean), deviation)| {
                    (band.max(MIN_LOG_ENERGY) - mean) / deviation
                }));
        }
        bands
    }

    /// Energy, pitch and voicing scaled to about ±1 and averaged over the frames of each step,
    /// `[ΣT / 4, 3]`.
    pub fn side_inputs(&self) -> Vec<f32> {
        self.frames
            .chunks_exact(SEGMENT_MULTIPLE * N_FEATURES)
            .flat_map(|step| {
                let mut mean = [0.0; SIDE_INPUTS];
                for frame in step.chunks_exact(N_FEATURES) {
                    let voiced = 1.0 / (1.0 + (-12.0 * (frame[VOICING] - 0.6)).exp());
                    mean[0] += (frame[ENERGY].max(MIN_LOG_ENERGY) + 9.0) / 3.0;
                    mean[1] += voiced * (frame[PITCH] - 1.0);
                    mean[2] += 2.0 * voiced - 1.0;
                }
                mean.map(|sum| sum / SEGMENT_MULTIPLE as f32)
            })
            .collect()
    }
}

/// Puts log-mel energies in place of the MFCC of `[T, F]`.
pub fn with_log_mel(frames: &[f32]) -> Vec<f32> {
    let mfcc = first_columns(frames, N_FEATURES, N_MFCC);
    static DCT: LazyLock<Vec<f32>> = LazyLock::new(features::dct_matrix);
    let log_mel = product(matrix(&mfcc, N_MFCC), matrix(&DCT, N_MFCC));
    let mut frames = frames.to_vec();
    for (frame, log_mel) in frames
        .chunks_exact_mut(N_FEATURES)
        .zip(log_mel.chunks_exact(N_MFCC))
    {
        frame[..N_MFCC].copy_from_slice(log_mel);
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_inputs_are_the_mean_of_four_frames() {
        let mut segment = vec![0.0; 6 * N_FEATURES];
        for (t, frame) in segment.chunks_exact_mut(N_FEATURES).enumerate() {
            frame[ENERGY] = -20.0 * (t % 2) as f32;
            frame[PITCH] = 3.0;
            frame[VOICING] = if t < 4 { 0.6 } else { 10.0 };
        }
        let mut batch = Batch::default();
        batch.push(&segment);
        assert_eq!(batch.lengths, [4]);
        let expected = [(9.0 - 5.0) / 6.0, (0.5 * 2.0 + 2.0) / 2.0, 0.5];
        for (value, expected) in batch.side_inputs().iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} for {expected}");
        }
    }

    #[test]
    fn log_mel_comes_back_from_mfcc() {
        let mut frame = vec![0.0; N_FEATURES];
        frame[0] = 8.0;
        frame[PITCH] = 2.0;
        let frame = with_log_mel(&frame);
        assert!(frame[..N_MFCC].iter().all(|band| (band - 1.0).abs() < 1e-6));
        assert_eq!(frame[PITCH], 2.0);
    }
}
