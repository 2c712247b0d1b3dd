//! Matrix products over slices.

use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};

/// `data` as a row-major matrix.
///
/// # Panics
/// When `data` is not whole rows.
pub fn matrix(data: &[f32], columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(data, data.len() / columns, columns)
}

/// `a · b`, row-major.
pub fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Vec<f32> {
    let mut c = vec![0.0; a.nrows() * b.ncols()];
    multiply(a, b, &mut c, Accum::Replace);
    c
}

/// Adds `a · b` to the row-major `c`.
///
/// # Panics
/// When the shapes do not fit.
pub fn add_product(a: MatRef<'_, f32>, b: MatRef<'_, f32>, c: &mut [f32]) {
    multiply(a, b, c, Accum::Add);
}

fn multiply(a: MatRef<'_, f32>, b: MatRef<'_, f32>, c: &mut [f32], accum: Accum) {
    let c = MatMut::from_row_major_slice_mut(c, a.nrows(), b.ncols());
    matmul(c, accum, a, b, 1.0, Par::Seq);
}

/// Adds every row of `rows` to `sum`.
pub fn add_rows(rows: &[f32], sum: &mut [f32]) {
    for row in rows.chunks_exact(sum.len()) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
}
