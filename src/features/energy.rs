//! Short-time energy of the part of the spectrum that carries speech.
//!
//! What lies below (mains hum and rumble) and above, where a telephone passes nothing, does not
//! count, so that level and trimming are the same with and without it.

use crate::{
    audio::SAMPLE_RATE_HZ,
    dsp::{spectrum::BINS_512, sum::sum, vectorise},
};

use super::FRAME_SAMPLES;

/// Band in which the energy is measured: a telephone's.
pub(super) const ENERGY_MIN_HZ: f32 = 300.0;
pub(super) const ENERGY_MAX_HZ: f32 = 3_400.0;
/// Added to the mean square: -100 dBFS.
pub(super) const ENERGY_FLOOR: f32 = 1e-10;

const BIN_HZ: f32 = SAMPLE_RATE_HZ as f32 / FRAME_SAMPLES as f32;

/// Natural logarithm of the mean square between 300 and 3,400 Hz plus the floor 1e-10, given the
/// power spectrum over the window's energy ([`Mfcc::power`](super::Mfcc::power)). A full-scale sine in the
/// band gives -0.7, silence -23.0.
pub fn log_energy(power: &[f32; BINS_512]) -> f32 {
    let band = (ENERGY_MIN_HZ / BIN_HZ).ceil() as usize..=(ENERGY_MAX_HZ / BIN_HZ) as usize;
    let sum = vectorise(
        #[inline(always)]
        || sum(&power[band]),
    );
    (sum / (FRAME_SAMPLES / 2) as f32 + ENERGY_FLOOR).ln()
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;
    use crate::features::Mfcc;

    fn of_sine(hz: f32) -> f32 {
        let frame = std::array::from_fn(|n| 0.1 * (TAU * hz * n as f32 / 16_000.0).sin());
        log_energy(Mfcc::new().power(&frame))
    }

    #[test]
    fn energy_is_the_log_of_the_mean_square_within_the_band() {
        for hz in [400.0, 1_234.0, 3_300.0] {
            assert!((of_sine(hz) - 0.005f32.ln()).abs() < 0.01, "{hz} Hz");
        }
        assert!((log_energy(&[0.0; BINS_512]) - 1e-10f32.ln()).abs() < 1e-5);
    }

    #[test]
    fn rumble_hum_and_hiss_do_not_count() {
        for hz in [30.0, 50.0, 150.0, 5_000.0] {
            assert!(of_sine(hz) < 0.005f32.ln() - 8.0, "{hz} Hz");
        }
    }
}
