//! Mel-frequency cepstral coefficients (Davis & Mermelstein, 1980).
//!
//! Periodic Hann → 512-point power spectrum over the window's energy → 64 HTK mel bands from 50 to
//! 8,000 Hz → natural logarithm above a fixed floor → orthonormal DCT-II. With as many coefficients
//! as bands this is a rotation of the log-mel energies: nothing is lost.
//!
//! The floor is absolute (no `top_db` relative to a clip's maximum, which a live stream does not
//! know yet); there is no pre-emphasis and no liftering.

use crate::audio::SAMPLE_RATE_HZ;
use crate::dsp::{
    activation::ln,
    dct::{self, Dct64},
    mel::Filterbank,
    spectrum::{BINS_512, Spectrum},
    vectorise, window,
};

use super::{FRAME_SAMPLES, N_MFCC};

/// Number of mel bands, M.
pub(super) const N_MELS: usize = 64;
/// Lower edge of the lowest band.
pub(super) const MIN_HZ: f32 = 50.0;
/// Upper edge of the highest band.
pub(super) const MAX_HZ: f32 = 8_000.0;
/// Added to the mean power of a band before the logarithm.
pub(super) const LOG_FLOOR: f32 = 1e-10;

/// Matrix D of the orthonormal DCT-II, `[64, 64]` row-major: `mfcc = D · log_mel`, and as it is
/// orthogonal `log_mel = mfcc · D` with `mfcc` as a row.
pub fn dct_matrix() -> Vec<f32> {
    dct::matrix(N_MELS)
}

/// Computes log-mel energies and MFCC of one frame at a time.
pub struct Mfcc {
    /// The window divided by the root of its energy.
    window: Vec<f32>,
    spectrum: Spectrum,
    filterbank: Filterbank,
    dct: Dct64,
    tapered: [f32; FRAME_SAMPLES],
    power: [f32; BINS_512],
}

impl Mfcc {
    /// The tables for frames of 512 samples at 16 kHz.
    pub fn new() -> Self {
        let window = window::hann(FRAME_SAMPLES);
        let norm = window::energy(&window).sqrt();
        Self {
            window: window.iter().map(|weight| weight / norm).collect(),
            spectrum: Spectrum::new(),
            filterbank: Filterbank::new(SAMPLE_RATE_HZ, FRAME_SAMPLES, N_MELS, MIN_HZ, MAX_HZ),
            dct: Dct64::new(),
            tapered: [0.0; FRAME_SAMPLES],
            power: [0.0; BINS_512],
        }
    }

    /// Power spectrum of a frame over the window's energy, 257 bins 31.25 Hz apart.
    pub fn power(&mut self, frame: &[f32; FRAME_SAMPLES]) -> &[f32; BINS_512] {
        vectorise(
            #[inline(always)]
            || {
                let tapered = self.tapered.iter_mut();
                for ((tapered, sample), weight) in tapered.zip(frame).zip(&self.window) {
                    *tapered = sample * weight;
                }
            },
        );
        self.spectrum.power(&self.tapered, &mut self.power);
        &self.power
    }

    /// What [`power`](Self::power) gave for the last frame.
    pub(super) fn last_power(&self) -> &[f32; BINS_512] {
        &self.power
    }

    /// Log-mel energies of a frame, `[M]`: `ln(mean power of the band + 1e-10)`.
    pub fn log_mel(&mut self, frame: &[f32; FRAME_SAMPLES]) -> [f32; N_MELS] {
        self.power(frame);
        vectorise(
            #[inline(always)]
            || self.log_bands(),
        )
    }

    /// Cepstral coefficients of a frame, `[64]`.
    pub fn mfcc(&mut self, frame: &[f32; FRAME_SAMPLES]) -> [f32; N_MFCC] {
        let log_mel = self.log_mel(frame);
        self.dct.apply(&log_mel)
    }

    /// Log-mel energies of the last frame.
    #[inline(always)]
    fn log_bands(&self) -> [f32; N_MELS] {
        let mut mel = [0.0; N_MELS];
        self.filterbank.apply(&self.power, &mut mel);
        for mel in &mut mel {
            *mel = ln(*mel + LOG_FLOOR);
        }
        mel
    }
}

impl Default for Mfcc {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_leads_from_mfcc_back_to_log_mel() {
        let mut frame = [0.0; FRAME_SAMPLES];
        for (n, sample) in frame.iter_mut().enumerate() {
            *sample = (0.2 * n as f32).sin() * 0.1;
        }
        let mut mfcc = Mfcc::new();
        let log_mel = mfcc.log_mel(&frame);
        let coefficients = mfcc.mfcc(&frame);
        let matrix = dct_matrix();
        for (m, expected) in log_mel.into_iter().enumerate() {
            let value: f32 = (0..N_MFCC)
                .map(|k| coefficients[k] * matrix[k * N_MELS + m])
                .sum();
            assert!(
                (value - expected).abs() < 1e-4,
                "band {m}: {value} for {expected}"
            );
        }
    }

    #[test]
    fn silence_gives_the_floor_in_every_band() {
        let log_mel = Mfcc::new().log_mel(&[0.0; FRAME_SAMPLES]);
        assert!(log_mel.iter().all(|&value| value == LOG_FLOOR.ln()));
    }
}
