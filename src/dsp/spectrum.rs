//! Power spectra and autocorrelations of real signals; the only user of the FFT crate.
//!
//! microfft packs the real Nyquist bin into the imaginary part of bin 0; here every spectrum is
//! unpacked: `N / 2 + 1` bins from 0 Hz to half the sample rate.

use microfft::Complex32;

use super::vectorise;

/// Bins of a 512-point spectrum.
pub const BINS_512: usize = 257;

/// Bins of a 2048-point spectrum.
pub const BINS_2048: usize = 1025;

/// Power `|X[k]|²` of the 512-point DFT of `signal`, which is overwritten as working space.
pub fn power_512(signal: &mut [f32; 512], power: &mut [f32; BINS_512]) {
    let bins = microfft::real::rfft_512(signal);
    vectorise(|| unpack(bins, power));
}

/// Power `|X[k]|²` of the 2048-point DFT of `signal`, which is overwritten as working space.
pub fn power_2048(signal: &mut [f32; 2048], power: &mut [f32; BINS_2048]) {
    let bins = microfft::real::rfft_2048(signal);
    vectorise(|| unpack(bins, power));
}

#[inline(always)]
fn unpack(bins: &[Complex32], power: &mut [f32]) {
    for (power, bin) in power.iter_mut().zip(bins) {
        *power = bin.norm_sqr();
    }
    power[0] = bins[0].re * bins[0].re;
    power[bins.len()] = bins[0].im * bins[0].im;
}

/// Circular autocorrelation of period 2048, lags 0 to `lags.len() - 1` (at most 1023), from a power
/// spectrum; `scratch` is working space.
///
/// It equals the linear autocorrelation of a signal of at most `2048 - lags.len()` samples.
pub fn autocorrelation_2048(power: &[f32; BINS_2048], scratch: &mut [f32; 2048], lags: &mut [f32]) {
    // A spectrum of real even values: the forward transform is the inverse one times 2048.
    scratch[..BINS_2048].copy_from_slice(power);
    for k in 1..1024 {
        scratch[2048 - k] = power[k];
    }
    let bins = microfft::real::rfft_2048(scratch);
    for (lag, bin) in lags.iter_mut().zip(bins.iter()) {
        *lag = bin.re / 2048.0;
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn signal(len: usize) -> Vec<f64> {
        (0..len)
            .map(|n| (0.3 * n as f64).sin() + 0.1 * (0.7 * (n * n) as f64).cos() + 0.05)
            .collect()
    }

    #[test]
    fn power_equals_the_discrete_fourier_transform_at_every_bin() {
        let signal = signal(512);
        let mut buffer = [0.0; 512];
        for (sample, &value) in buffer.iter_mut().zip(&signal) {
            *sample = value as f32;
        }
        let mut power = [0.0; BINS_512];
        power_512(&mut buffer, &mut power);
        for (k, &power) in power.iter().enumerate() {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, value) in signal.iter().enumerate() {
                let angle = TAU * ((k * n) % 512) as f64 / 512.0;
                re += value * angle.cos();
                im -= value * angle.sin();
            }
            let expected = re * re + im * im;
            let error = (f64::from(power) - expected).abs();
            assert!(
                error < 1e-3 + 1e-4 * expected,
                "bin {k}: {power} for {expected}"
            );
        }
    }

    #[test]
    fn autocorrelation_equals_the_sum_of_lagged_products() {
        let signal = signal(1024);
        let mut buffer = [0.0; 2048];
        for (sample, &value) in buffer.iter_mut().zip(&signal) {
            *sample = value as f32;
        }
        let mut power = [0.0; BINS_2048];
        power_2048(&mut buffer, &mut power);
        let mut lags = [0.0; 247];
        autocorrelation_2048(&power, &mut buffer, &mut lags);
        for (lag, &value) in lags.iter().enumerate() {
            let expected: f64 = (lag..1024).map(|n| signal[n] * signal[n - lag]).sum();
            assert!(
                (f64::from(value) - expected).abs() < 1e-2,
                "lag {lag}: {value} for {expected}"
            );
        }
    }
}
