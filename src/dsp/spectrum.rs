//! Power spectra and autocorrelations of real signals of 512 samples.
//!
//! A spectrum has 257 bins from 0 Hz to half the sample rate.

use std::f64::consts::PI;

use super::{
    fourier::{Fourier, POINTS, Planes},
    vectorise,
};

/// Bins of a 512-point spectrum.
pub const BINS_512: usize = POINTS + 1;

const HALF: usize = POINTS / 2;

/// The Fourier transform of 512 real numbers by one of half as many complex ones.
#[derive(Clone, Debug)]
pub struct Spectrum {
    fourier: Fourier,
    turns: Turns,
}

/// `exp(πi k / 256)`.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Turns {
    cosine: [f32; HALF],
    sine: [f32; HALF],
}

impl Spectrum {
    /// The tables.
    pub fn new() -> Self {
        let angle = |k: usize| PI * k as f64 / POINTS as f64;
        Self {
            fourier: Fourier::new(),
            turns: Turns {
                cosine: std::array::from_fn(|k| angle(k).cos() as f32),
                sine: std::array::from_fn(|k| angle(k).sin() as f32),
            },
        }
    }

    /// Power `|X[k]|²` of the 512-point DFT of `signal`.
    pub fn power(&mut self, signal: &[f32; 512], power: &mut [f32; BINS_512]) {
        self.transform(signal, power, |re, im| 0.25 * (re * re + im * im));
    }

    /// Circular autocorrelation of period 512, lags 0 to 256, from a power spectrum.
    ///
    /// Up to lag n it equals the linear autocorrelation of a signal of at most `512 - n` samples.
    pub fn autocorrelation(&mut self, power: &[f32; BINS_512], lags: &mut [f32; BINS_512]) {
        let mut both_sides = [0.0; 512];
        both_sides[..BINS_512].copy_from_slice(power);
        both_sides[BINS_512..].copy_from_slice(&power[1..POINTS]);
        both_sides[BINS_512..].reverse();
        self.transform(&both_sides, lags, |re, _| re / 1024.0);
    }

    /// What `take` makes of real and imaginary part of twice each bin.
    fn transform(
        &mut self,
        signal: &[f32; 512],
        bins: &mut [f32; BINS_512],
        take: impl Fn(f32, f32) -> f32,
    ) {
        // Even samples are the real parts, odd ones the imaginary parts of half as many numbers.
        let planes = self.fourier.transform(signal);
        vectorise(
            #[inline(always)]
            || separate(planes, &self.turns, bins, take),
        );
    }
}

/// Of the transform of half as many numbers, what is symmetric belongs to the even samples and the rest to the
/// odd ones.
#[inline(always)]
fn separate(
    planes: &Planes,
    turns: &Turns,
    bins: &mut [f32; BINS_512],
    take: impl Fn(f32, f32) -> f32,
) {
    let (re, im) = (&planes.re, &planes.im);
    let mut mirrored = [0.0; HALF];
    for k in 0..HALF {
        let other = POINTS - k;
        let even = [re[k] + re[other], im[k] - im[other]];
        let odd = [im[k] + im[other], re[other] - re[k]];
        let (cosine, sine) = (turns.cosine[k], turns.sine[k]);
        let turned = [
            odd[0] * cosine + odd[1] * sine,
            odd[1] * cosine - odd[0] * sine,
        ];
        bins[k] = take(even[0] + turned[0], even[1] + turned[1]);
        mirrored[k] = take(even[0] - turned[0], turned[1] - even[1]);
    }
    bins[HALF] = take(2.0 * re[HALF], -2.0 * im[HALF]);
    for (bin, mirrored) in bins[HALF + 1..].iter_mut().rev().zip(mirrored) {
        *bin = mirrored;
    }
}

impl Default for Spectrum {
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
        Spectrum::new().power(&buffer, &mut power);
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
        Spectrum::new().power(&buffer, &mut power);
        let mut lags = [0.0; BINS_512];
        Spectrum::new().autocorrelation(&power, &mut lags);
        for (lag, &value) in lags[..=132].iter().enumerate() {
            let expected: f64 = (lag..380).map(|n| signal[n] * signal[n - lag]).sum();
            assert!(
                (f64::from(value) - expected).abs() < 1e-3,
                "lag {lag}: {value} for {expected}"
            );
        }
    }
}
