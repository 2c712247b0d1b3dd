//! Short-time energy.

use crate::dsp::sum::sum_of_squares;

/// Added to the mean square: -90 dBFS.
pub(super) const ENERGY_FLOOR: f32 = 1e-9;

/// Natural logarithm of the mean square of a frame, plus the floor 1e-9. A full-scale square wave
/// gives 0, silence -20.7.
pub fn log_energy(frame: &[f32]) -> f32 {
    (sum_of_squares(frame) / frame.len() as f32 + ENERGY_FLOOR).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_the_log_of_the_mean_square() {
        assert!((log_energy(&[0.1; 512]) - 0.01f32.ln()).abs() < 1e-5);
        assert!((log_energy(&[0.0; 512]) - 1e-9f32.ln()).abs() < 1e-5);
    }
}
