//! Power spectra and autocorrelations of real signals; the only user of the FFT crate.
//!
//! microfft packs the real Nyquist bin into the imaginary part of bin 0; here every spectrum is
//! unpacked: `N / 2 + 1` bins from 0 Hz to half the sample rate.

use std::f64::consts::PI;

use microfft::Complex32;

use super::{sum::sum, vectorise};

/// Bins of a 512-point spectrum.
pub const BINS_512: usize = 257;

/// Power `|X[k]|²` of the 512-point DFT of `signal`, which is overwritten as working space.
pub fn power_512(signal: &mut [f32; 512], power: &mut [f32; BINS_512]) {
    let bins = microfft::real::rfft_512(signal);
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

/// Turns power spectra of 512 points into autocorrelations.
pub struct Autocorrelation {
    /// `sin(π n / 256)`.
    sine: [f32; 256],
    /// `cos(π n / 256)`.
    cosine: [f32; 256],
    folded: [f32; 256],
}

impl Autocorrelation {
    /// The tables.
    pub fn new() -> Self {
        let angle = |n: usize| PI * n as f64 / 256.0;
        Self {
            sine: std::array::from_fn(|n| angle(n).sin() as f32),
            cosine: std::array::from_fn(|n| angle(n).cos() as f32),
            folded: [0.0; 256],
        }
    }

    /// Circular autocorrelation of period 512, lags 0 to `lags.len() - 1` (at most 255), from a power
    /// spectrum.
    ///
    /// It equals the linear autocorrelation of a signal of at most `512 - lags.len()` samples.
    pub fn of_power(&mut self, power: &[f32; BINS_512], lags: &mut [f32]) {
        // A cosine transform of 257 points by a Fourier transform of 256, whose real parts are the even
        // lags and whose imaginary parts the differences of the odd ones (Cooley, Lewis & Welch, 1970).
        let mut lag = vectorise(
            #[inline(always)]
            || self.fold(power),
        );
        let bins = microfft::real::rfft_256(&mut self.folded);
        bins[0].im = 0.0;
        for (pair, bin) in lags.chunks_mut(2).zip(bins.iter()) {
            lag -= bin.im;
            pair[0] = bin.re / 256.0;
            if let [_, odd] = pair {
                *odd = lag / 256.0;
            }
        }
    }

    /// Gives 256 times lag 1.
    #[inline(always)]
    fn fold(&mut self, power: &[f32; BINS_512]) -> f32 {
        let mut reversed = *power;
        reversed.reverse();
        let mut weighted = [0.0; 256];
        for n in 0..256 {
            let (low, high) = (power[n], reversed[n]);
            self.folded[n] = 0.5 * (low + high) - self.sine[n] * (low - high);
            weighted[n] = low * self.cosine[n];
        }
        sum(&weighted) - 0.5 * (power[0] + power[256])
    }
}

impl Default for Autocorrelation {
    fn default() -> Self {
        Self::new()
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
        let signal = signal(380);
        let mut buffer = [0.0; 512];
        for (sample, &value) in buffer.iter_mut().zip(&signal) {
            *sample = value as f32;
        }
        let mut power = [0.0; BINS_512];
        power_512(&mut buffer, &mut power);
        let mut lags = [0.0; 132];
        Autocorrelation::new().of_power(&power, &mut lags);
        for (lag, &value) in lags.iter().enumerate() {
            let expected: f64 = (lag..380).map(|n| signal[n] * signal[n - lag]).sum();
            assert!(
                (f64::from(value) - expected).abs() < 1e-3,
                "lag {lag}: {value} for {expected}"
            );
        }
    }
}
