//! Matrix products over slices.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// `data` as a row-major matrix.
///
/// # Panics
/// When `data` is not whole rows.
pub fn matrix(data: &[f32], columns: usize) -> ArrayView2<'_, f32> {
    match ArrayView2::from_shape((data.len() / columns, columns), data) {
        Ok(matrix) if data.len().is_multiple_of(columns) => matrix,
        _ => panic!("{} numbers are not rows of {columns}", data.len()),
    }
}

/// `a · b`, row-major.
pub fn product(a: ArrayView2<f32>, b: ArrayView2<f32>) -> Vec<f32> {
    let mut c = vec![0.0; a.nrows() * b.ncols()];
    add_product(a, b, &mut c);
    c
}

/// Adds `a · b` to the row-major `c`.
///
/// # Panics
/// When the shapes do not fit.
pub fn add_product(a: ArrayView2<f32>, b: ArrayView2<f32>, c: &mut [f32]) {
    let shape = (a.nrows(), b.ncols());
    match ArrayViewMut2::from_shape(shape, &mut *c) {
        Ok(mut c) => general_mat_mul(1.0, &a, &b, 1.0, &mut c),
        Err(error) => panic!("the product's shape {shape:?} does not fit: {error}"),
    }
}

/// Adds every row of `rows` to `sum`.
pub fn add_rows(rows: &[f32], sum: &mut [f32]) {
    for row in rows.chunks_exact(sum.len()) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
