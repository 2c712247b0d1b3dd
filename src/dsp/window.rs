//! The window applied to a frame before its spectrum is computed.

use std::f64::consts::TAU;

/// Periodic Hann window of `len` samples: `0.5 - 0.5 cos(2πn / len)`.
///
/// Periodic as in spectral analysis (`scipy.signal.get_window`), not symmetric as in filter design:
/// the first sample is 0 and the last is not.
pub fn hann(len: usize) -> Vec<f32> {
    (0..len)
        .map(|n| (0.5 - 0.5 * (TAU * n as f64 / len as f64).cos()) as f32)
        .collect()
}

/// Energy of a window, the sum of its squares.
pub fn energy(window: &[f32]) -> f32 {
    window.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hann_is_periodic_and_its_shifts_by_half_sum_to_one() {
        let window = hann(512);
        assert_eq!(window[0], 0.0);
        assert_eq!(window[256], 1.0);
        for n in 0..256 {
            assert!((window[n] + window[n + 256] - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn hann_energy_is_three_eighths_of_its_length() {
        assert!((energy(&hann(512)) - 192.0).abs() < 1e-4);
    }
}
