//! Orthonormal cosine transform (DCT-II), as in `scipy.fft.dct(norm="ortho")`; the only user of the FFT crate.

use std::f64::consts::PI;

use microfft::Complex32;

/// Matrix D of the orthonormal DCT-II, `[n, n]` row-major: coefficient `k` of `x` is
/// `sum over m of D[k, m] x[m]`.
///
/// D is orthogonal, so `x[m] = sum over k of D[k, m] c[k]` inverts it.
pub fn matrix(n: usize) -> Vec<f32> {
    let mut matrix = Vec::with_capacity(n * n);
    for k in 0..n {
        let scale = if k == 0 { 1.0 } else { 2.0 } / n as f64;
        for m in 0..n {
            let angle = PI * k as f64 * (m as f64 + 0.5) / n as f64;
            matrix.push((scale.sqrt() * angle.cos()) as f32);
        }
    }
    matrix
}

/// Multiplies by the [`matrix`] of 64 rows.
#[derive(Clone, Debug)]
pub struct Dct64 {
    /// `sqrt(2 / 64) exp(πi k / 128)`.
    turns: [Complex32; 32],
}

impl Dct64 {
    /// The table.
    pub fn new() -> Self {
        let turn = |k: usize| {
            let (sine, cosine) = (PI * k as f64 / 128.0).sin_cos();
            let scale = (2.0f64 / 64.0).sqrt();
            Complex32::new((scale * cosine) as f32, (scale * sine) as f32)
        };
        Self {
            turns: std::array::from_fn(turn),
        }
    }

    /// Coefficients of `input`.
    pub fn apply(&self, input: &[f32; 64]) -> [f32; 64] {
        // A Fourier transform of what stands at even places and, backwards after it, at odd ones (Makhoul, 1980).
        let mut ordered = [0.0; 64];
        for (n, pair) in input.as_chunks::<2>().0.iter().enumerate() {
            [ordered[n], ordered[63 - n]] = *pair;
        }
        let bins = microfft::real::rfft_64(&mut ordered);
        let mut output = [0.0; 64];
        for k in 1..32 {
            let (bin, turn) = (bins[k], self.turns[k]);
            output[k] = bin.re * turn.re + bin.im * turn.im;
            output[64 - k] = bin.re * turn.im - bin.im * turn.re;
        }
        // The real bin 32 is in the imaginary part of bin 0.
        output[0] = bins[0].re * 0.125;
        output[32] = bins[0].im * 0.125;
        output
    }
}

impl Default for Dct64 {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_orthonormal() {
        let matrix = matrix(64);
        for (i, a) in matrix.chunks_exact(64).enumerate() {
            for (j, b) in matrix.chunks_exact(64).enumerate() {
                let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((dot - expected).abs() < 1e-6, "rows {i} and {j}: {dot}");
            }
        }
    }

    #[test]
    fn a_constant_has_only_the_first_coefficient() {
        let coefficients = Dct64::new().apply(&[3.0; 64]);
        assert!((coefficients[0] - 24.0).abs() < 1e-5);
        assert!(coefficients[1..].iter().all(|c| c.abs() < 1e-5));
    }

    #[test]
    fn coefficients_are_the_product_with_the_matrix() {
        let input: [f32; 64] = std::array::from_fn(|n| (0.7 * (n * n) as f32).sin() - 4.0);
        let coefficients = Dct64::new().apply(&input);
        for (row, value) in matrix(64).chunks_exact(64).zip(coefficients) {
            let products = row.iter().zip(input).map(|(a, b)| f64::from(a * b));
            let expected: f64 = products.sum();
            assert!(
                (f64::from(value) - expected).abs() < 1e-5,
                "{value} for {expected}"
            );
        }
    }
}
