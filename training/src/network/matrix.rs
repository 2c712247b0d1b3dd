//! Matrix products over slices.

use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};

/// `data` as a row-major matrix.
///
/// # Panics
/// When `data` does not consist of whole rows.
pub fn matrix(data: &[f32], columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(data, data.len() / columns, columns)
}

/// `a · b`, row-major.
pub fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Vec<f32> {
    let mut c = vec![0.0; a.nrows() * b.ncols()];
    write_product(a, b, &mut c);
    c
}

/// Sets the row-major `c` to `a · b`, whatever it was.
///
/// # Panics
/// When the shapes do not fit.
pub fn write_product(a: MatRef<'_, f32>, b: MatRef<'_, f32>, c: &mut [f32]) {
    multiply(a, b, c, Accum::Replace);
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

/// Approximately the orthogonal matrix nearest to a row-major one: its singular values become 0.7
/// to 1.2, by five Newton-Schulz steps with Jordan's coefficients (2024).
pub fn nearest_orthogonal(mut x: Vec<f32>, columns: usize) -> Vec<f32> {
    let norm = x.iter().map(|x| x * x).sum::<f32>().sqrt() + f32::MIN_POSITIVE;
    x.iter_mut().for_each(|x| *x /= norm);
    let is_wide = x.len() / columns <= columns;
    for _ in 0..5 {
        let rows = matrix(&x, columns);
        let (left, right) = if is_wide {
            (rows, rows.transpose())
        } else {
            (rows.transpose(), rows)
        };
        let gram = product(left, right);
        let side = left.nrows();
        let mut factor: Vec<f32> = gram.iter().map(|gram| -4.775 * gram).collect();
        let square = MatMut::from_row_major_slice_mut(&mut factor, side, side);
        let gram = matrix(&gram, side);
        matmul(square, Accum::Add, gram, gram, 2.0315, Par::Seq);
        factor
            .iter_mut()
            .step_by(side + 1)
            .for_each(|diagonal| *diagonal += 3.4445);
        let factor = matrix(&factor, side);
        x = if is_wide {
            product(factor, rows)
        } else {
            product(rows, factor)
        };
    }
    x
}

/// The first `kept` of the `columns` of a row-major matrix.
pub fn first_columns(rows: &[f32], columns: usize, kept: usize) -> Vec<f32> {
    let mut first = Vec::with_capacity(rows.len() / columns * kept);
    for row in rows.chunks_exact(columns) {
        first.extend_from_slice(&row[..kept]);
    }
    first
}

/// Adds every row of `rows` to `sum`.
pub fn add_rows(rows: &[f32], sum: &mut [f32]) {
    for row in rows.chunks_exact(sum.len()) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orthogonal_matrix_keeps_its_directions_whatever_its_length() {
        let (sin, cos) = (0.6, 0.8);
        let wide = [cos, sin, 0.0, -sin, cos, 0.0];
        let tall = [cos, -sin, sin, cos, 0.0, 0.0];
        for (matrix, columns) in [(wide, 3), (tall, 2)] {
            for length in [1e-3, 1.0, 50.0] {
                let result = nearest_orthogonal(matrix.map(|x| length * x).to_vec(), columns);
                let scale = result[0] / matrix[0];
                assert!((0.6..1.3).contains(&scale), "{scale}");
                for (result, x) in result.iter().zip(matrix) {
                    assert!((result - scale * x).abs() < 1e-5, "{result} for {x}");
                }
            }
        }
        assert_eq!(nearest_orthogonal(vec![0.0; 6], 3), [0.0; 6]);
    }
}
