//! Sums of many numbers, taken in several lanes at once: additions need not wait for one another,
//! and rounding errors are smaller than in a single running sum.

/// Number of sums taken side by side.
const LANES: usize = 16;

/// Sum of `values`.
#[inline(always)]
pub fn sum(values: &[f32]) -> f32 {
    lanes(values, |value| value)
}

/// Sum of the squares of `values`.
#[inline(always)]
pub fn sum_of_squares(values: &[f32]) -> f32 {
    lanes(values, |value| value * value)
}

/// Sum of the products of `a` and `b`, which are of the same length.
#[inline(always)]
pub fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += a * b;
    }
    sums.iter().sum()
}

#[inline(always)]
fn lanes(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        for lane in 0..LANES {
            sums[lane] += term(block[lane]);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum += term(value);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_counts_once_whatever_their_number() {
        for count in [0, 1, 15, 16, 17, 256, 1_000] {
            let values: Vec<f32> = (0..count).map(|n| n as f32 - 3.0).collect();
            let expected: f64 = values.iter().map(|&value| f64::from(value)).sum();
            assert_eq!(f64::from(sum(&values)), expected);
            let expected: f64 = values.iter().map(|&value| f64::from(value).powi(2)).sum();
            assert!((f64::from(sum_of_squares(&values)) - expected).abs() <= 1e-6 * expected);
            assert_eq!(sum_of_products(&values, &values), sum_of_squares(&values));
        }
    }
}
