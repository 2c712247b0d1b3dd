//! Orthonormal cosine transform (DCT-II), as in `scipy.fft.dct(norm="ortho")`.

use std::f64::consts::PI;

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

/// The transpose of `matrix` `[n, n]`.
pub fn transposed(matrix: &[f32], n: usize) -> Vec<f32> {
    (0..n * n)
        .map(|index| matrix[index % n * n + index / n])
        .collect()
}

/// Coefficient `k` is the `sum over m of transposed[m, k] input[m]`: computed row by row, so that
/// all coefficients are summed side by side.
#[inline(always)]
pub fn apply<const N: usize>(transposed: &[f32], input: &[f32; N]) -> [f32; N] {
    let mut output = [0.0; N];
    for (value, row) in input.iter().zip(transposed.as_chunks::<N>().0) {
        for (output, weight) in output.iter_mut().zip(row) {
            *output += weight * value;
        }
    }
    output
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
        let coefficients = apply(&transposed(&matrix(64), 64), &[3.0; 64]);
        assert!((coefficients[0] - 24.0).abs() < 1e-5);
        assert!(coefficients[1..].iter().all(|c| c.abs() < 1e-5));
    }
}
