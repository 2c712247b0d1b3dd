//! Arithmetic on small arrays and rearranging them: everything between the matrix products.

use crate::dsp::{activation, vectorise};

/// Functions of one number.
#[derive(Clone, Copy, Debug)]
pub enum Unary {
    Exp,
    Log,
    Relu,
    Sigmoid,
    Sqrt,
    Tanh,
}

/// Functions of two numbers.
#[derive(Clone, Copy, Debug)]
pub enum Binary {
    Add,
    Div,
    Max,
    Mul,
    Sub,
}

impl Unary {
    /// `y = f(x)`, number by number.
    pub fn run(self, x: &[f32], y: &mut [f32]) {
        fn map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
            vectorise(
                #[inline(always)]
                || {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = f(x);
                    }
                },
            );
        }
        match self {
            Self::Exp => map(x, y, f32::exp),
            Self::Log => map(x, y, f32::ln),
            Self::Relu => map(x, y, |x| if x < 0.0 { 0.0 } else { x }),
            Self::Sigmoid => map(x, y, activation::sigmoid),
            Self::Sqrt => map(x, y, f32::sqrt),
            Self::Tanh => map(x, y, activation::tanh),
        }
    }
}

impl Binary {
    /// `y = f(a, b)`; a size of 1 in the shape of `a` or `b` is broadcast to the size in that of
    /// `y`. All three have the same number of axes.
    pub fn run(self, [a, b]: [&[f32]; 2], shapes: [&[usize]; 2], y: &mut [f32], shape: &[usize]) {
        match self {
            Self::Add => broadcast([a, b], shapes, y, shape, |a, b| a + b),
            Self::Div => broadcast([a, b], shapes, y, shape, |a, b| a / b),
            Self::Max => broadcast([a, b], shapes, y, shape, |a, b| if a < b { b } else { a }),
            Self::Mul => broadcast([a, b], shapes, y, shape, |a, b| a * b),
            Self::Sub => broadcast([a, b], shapes, y, shape, |a, b| a - b),
        }
    }
}

fn broadcast(
    [a, b]: [&[f32]; 2],
    shapes: [&[usize]; 2],
    y: &mut [f32],
    shape: &[usize],
    f: impl Fn(f32, f32) -> f32 + Copy,
) {
    vectorise(
        #[inline(always)]
        || rows([a, b], shapes, y, shape, f),
    );
}

#[inline(always)]
fn rows(
    [a, b]: [&[f32]; 2],
    shapes: [&[usize]; 2],
    y: &mut [f32],
    shape: &[usize],
    f: impl Fn(f32, f32) -> f32 + Copy,
) {
    let Some((&size, outer)) = shape.split_last() else {
        if let ([y], [a, ..], [b, ..]) = (y, a, b) {
            *y = f(*a, *b);
        }
        return;
    };
    if size == 0 {
        return;
    }
    let [row_a, row_b] = shapes.map(|shape| shape.last().copied().unwrap_or(1));
    let [step_a, step_b] = shapes.map(|shape| step(outer, shape));
    let start = |index: usize, step: Option<usize>, shape: &[usize]| match step {
        Some(step) => index * step,
        None => row(index, outer, shape),
    };
    for (index, y) in y.chunks_exact_mut(size).enumerate() {
        let start_a = start(index, step_a, shapes[0]);
        let start_b = start(index, step_b, shapes[1]);
        let (a, b) = (&a[start_a..][..row_a], &b[start_b..][..row_b]);
        match (a, b) {
            (a, &[b]) if a.len() == size => {
                for (y, &a) in y.iter_mut().zip(a) {
                    *y = f(a, b);
                }
            }
            (&[a], b) => {
                for (y, &b) in y.iter_mut().zip(b) {
                    *y = f(a, b);
                }
            }
            (a, b) => {
                for (y, (&a, &b)) in y.iter_mut().zip(a.iter().zip(b)) {
                    *y = f(a, b);
                }
            }
        }
    }
}

/// Numbers from one row of an array of shape `shape` to that of the next row of the result, whose rows are
/// arranged as `outer`; none if that is not always the same.
fn step(outer: &[usize], shape: &[usize]) -> Option<usize> {
    let (&length, own) = shape.split_last()?;
    if own == outer {
        Some(length)
    } else {
        own.iter().all(|&size| size == 1).then_some(0)
    }
}

/// Where the row that belongs to row `index` of the result begins in an array of shape `shape`; the
/// rows of the result are arranged as `outer`.
fn row(mut index: usize, outer: &[usize], shape: &[usize]) -> usize {
    let mut stride = shape.last().copied().unwrap_or(1);
    let mut start = 0;
    for (&size, &own) in outer.iter().zip(shape).rev() {
        if own != 1 {
            start += index % size * stride;
        }
        index /= size.max(1);
        stride *= own;
    }
    start
}

/// Permutes axes: axis `i` of `y`, which has shape `shape`, is axis `order[i]` of `x`.
pub fn permute(x: &[f32], x_shape: &[usize], order: &[usize], y: &mut [f32], shape: &[usize]) {
    let stride = |axis: usize| x_shape[axis + 1..].iter().product::<usize>();
    let Some((&last, outer)) = order.split_last() else {
        y.copy_from_slice(x);
        return;
    };
    let (step, size) = (stride(last), shape[outer.len()]);
    if size == 0 {
        return;
    }
    for (index, y) in y.chunks_exact_mut(size).enumerate() {
        let (mut index, mut start) = (index, 0);
        for (&axis, &size) in outer.iter().zip(shape).rev() {
            start += index % size * stride(axis);
            index /= size;
        }
        if step == 1 {
            y.copy_from_slice(&x[start..start + size]);
            continue;
        }
        for (y, x) in y.iter_mut().zip(x[start..].iter().step_by(step)) {
            *y = *x;
        }
    }
}

/// Concatenates arrays: `parts` are rows of the given lengths, with the same number of rows each.
pub fn concat(parts: &[(&[f32], usize)], y: &mut [f32]) {
    let width: usize = parts.iter().map(|(_, length)| length).sum();
    for (index, mut y) in y.chunks_exact_mut(width.max(1)).enumerate() {
        for (part, length) in parts {
            let (now, later) = y.split_at_mut(*length);
            now.copy_from_slice(&part[index * length..][..*length]);
            y = later;
        }
    }
}

/// Softmax along an axis of size `size` with `inner` numbers between its neighbours.
pub fn softmax(x: &[f32], size: usize, inner: usize, y: &mut [f32]) {
    let block = (size * inner).max(1);
    for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
        for start in 0..inner {
            let along = || x[start..].iter().step_by(inner);
            let max = along().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for (y, x) in y[start..].iter_mut().step_by(inner).zip(along()) {
                *y = (x - max).exp();
                sum += *y;
            }
            for y in y[start..].iter_mut().step_by(inner) {
                *y /= sum;
            }
        }
    }
}

/// Means of `kernel` neighbours every `stride` numbers, for each row of `length` numbers.
pub fn average_pool(x: &[f32], length: usize, [kernel, stride]: [usize; 2], y: &mut [f32]) {
    let out = if length < kernel {
        0
    } else {
        (length - kernel) / stride + 1
    };
    if out == 0 {
        return;
    }
    for (x, y) in x.chunks_exact(length).zip(y.chunks_exact_mut(out)) {
        for (index, y) in y.iter_mut().enumerate() {
            let sum: f32 = x[index * stride..][..kernel].iter().sum();
            *y = sum / kernel as f32;
        }
    }
}

/// Products of `batch` pairs of matrices `a` `[m, k]` and `b` `[k, n]`, neither of them constant.
pub fn multiply(a: &[f32], b: &[f32], [batch, m, k, n]: [usize; 4], y: &mut [f32]) {
    y.fill(0.0);
    vectorise(
        #[inline(always)]
        || add_products(a, b, [batch, m, k, n], y),
    );
}

#[inline(always)]
fn add_products(a: &[f32], b: &[f32], [batch, m, k, n]: [usize; 4], y: &mut [f32]) {
    for index in 0..batch {
        let a = &a[index * m * k..][..m * k];
        let b = &b[index * k * n..][..k * n];
        let y = &mut y[index * m * n..][..m * n];
        for (a, y) in a.chunks_exact(k).zip(y.chunks_exact_mut(n)) {
            for (&a, b) in a.iter().zip(b.chunks_exact(n)) {
                for (y, &b) in y.iter_mut().zip(b) {
                    *y += a * b;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_one_go_with_any_size() {
        let mut y = [0.0; 6];
        Binary::Sub.run(
            [&[1.0, 2.0], &[1.0, 2.0, 3.0]],
            [&[2, 1], &[1, 3]],
            &mut y,
            &[2, 3],
        );
        assert_eq!(y, [0.0, -1.0, -2.0, 1.0, 0.0, -1.0]);
        let mut y = [0.0; 2];
        Binary::Max.run(
            [&[4.0], &[1.0, 5.0]],
            [&[1, 1, 1], &[2, 1, 1]],
            &mut y,
            &[2, 1, 1],
        );
        assert_eq!(y, [4.0, 5.0]);
        let mut y = [0.0; 2];
        Binary::Div.run(
            [&[4.0, 9.0], &[2.0, 3.0]],
            [&[2, 1], &[2, 1]],
            &mut y,
            &[2, 1],
        );
        assert_eq!(y, [2.0, 3.0]);
    }

    #[test]
    fn axes_are_rearranged_by_their_order() {
        let x: Vec<f32> = (0..24).map(|n| n as f32).collect();
        let mut y = [0.0; 24];
        permute(&x, &[2, 3, 4], &[2, 0, 1], &mut y, &[4, 2, 3]);
        for (i, j, k) in [(0, 0, 0), (3, 1, 2), (1, 1, 0), (2, 0, 1)] {
            assert_eq!(y[(i * 2 + j) * 3 + k], x[(j * 3 + k) * 4 + i]);
        }
    }

    #[test]
    fn parts_are_joined_row_by_row() {
        let mut y = [0.0; 6];
        concat(&[(&[1.0, 2.0, 3.0, 4.0], 2), (&[5.0, 6.0], 1)], &mut y);
        assert_eq!(y, [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    }

    #[test]
    fn softmax_sums_to_one_along_its_axis() {
        let mut y = [0.0; 4];
        softmax(&[0.0, 1000.0, 0.0, 1000.0 - 3f32.ln()], 2, 2, &mut y);
        for (y, expected) in y.into_iter().zip([0.5, 0.75, 0.5, 0.25]) {
            assert!((y - expected).abs() < 1e-4, "{y}");
        }
    }

    #[test]
    fn pooling_leaves_out_what_does_not_fill_a_window() {
        let mut y = [0.0; 2];
        average_pool(&[1.0, 3.0, 5.0, 7.0, 9.0], 5, [2, 2], &mut y);
        assert_eq!(y, [2.0, 6.0]);
    }

    #[test]
    fn each_pair_of_matrices_is_multiplied() {
        let mut y = [9.0; 4];
        let (a, b) = (
            [1.0, 2.0, 3.0, 4.0],
            [1.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 2.0],
        );
        multiply(&a, &b, [2, 1, 2, 2], &mut y);
        assert_eq!(y, [1.0, 2.0, 6.0, 8.0]);
    }
}
