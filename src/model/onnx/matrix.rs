//! Products with a constant matrix, the work that nearly all of the network is.
//!
//! The matrix is stored in panels of [`WIDTH`] columns, so that the innermost loop reads it in order
//! and keeps its sums in registers. The loops are plain Rust that the compiler vectorises: for the
//! target's own instructions, and natively for AVX2 with fused multiply-add where the processor has it.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

/// Columns of a panel.
const WIDTH: usize = 16;

/// A constant matrix `[inputs, outputs]`.
#[derive(Debug)]
pub struct Matrix {
    inputs: usize,
    outputs: usize,
    /// `[outputs / WIDTH, inputs, WIDTH]`, zeros after the last column.
    panels: Vec<[f32; WIDTH]>,
}

/// What is done to a product: `max(x · matrix + bias, 0)`, the maximum only on demand.
#[derive(Debug)]
pub struct Dense {
    matrix: Matrix,
    /// As wide as the panels.
    bias: Vec<[f32; WIDTH]>,
    relu: bool,
}

impl Matrix {
    /// The matrix with `value(input, output)` at every place.
    pub fn new(inputs: usize, outputs: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let panels = (0..outputs)
            .step_by(WIDTH)
            .flat_map(|start| (0..inputs).map(move |input| (start, input)))
            .map(|(start, input)| {
                std::array::from_fn(|lane| {
                    let output = start + lane;
                    if output < outputs {
                        value(input, output)
                    } else {
                        0.0
                    }
                })
            })
            .collect();
        Self {
            inputs,
            outputs,
            panels,
        }
    }

    /// Adds `x · matrix` to `sums`, for one row `x`.
    #[inline(always)]
    pub fn add_product<const FUSED: bool>(&self, x: &[f32], sums: &mut [f32]) {
        // Panels side by side, so that additions need not wait for one another.
        let pairs = self.outputs / (2 * WIDTH);
        let (paired, rest) = self.panels.split_at(pairs * 2 * self.inputs);
        let (columns, last) = sums.split_at_mut(pairs * 2 * WIDTH);
        for (pair, columns) in paired
            .chunks_exact(2 * self.inputs.max(1))
            .zip(columns.chunks_exact_mut(2 * WIDTH))
        {
            let (first, second) = pair.split_at(self.inputs);
            let mut added = [[0.0; WIDTH]; 2];
            for ((&x, first), second) in x.iter().zip(first).zip(second) {
                for lane in 0..WIDTH {
                    added[0][lane] = multiply_add::<FUSED>(x, first[lane], added[0][lane]);
                    added[1][lane] = multiply_add::<FUSED>(x, second[lane], added[1][lane]);
                }
            }
            for (sum, added) in columns.iter_mut().zip(added.as_flattened()) {
                *sum += added;
            }
        }
        for (panel, columns) in rest
            .chunks_exact(self.inputs.max(1))
            .zip(last.chunks_mut(WIDTH))
        {
            let [added] = tile::<1, FUSED>([x], panel);
            for (sum, added) in columns.iter_mut().zip(added) {
                *sum += added;
            }
        }
    }
}

impl Dense {
    /// `bias`: one number per column of `matrix`.
    pub fn new(matrix: Matrix, bias: &[f32], relu: bool) -> Self {
        let widen = |bias: &[f32]| std::array::from_fn(|n| bias.get(n).copied().unwrap_or(0.0));
        Self {
            matrix,
            bias: bias.chunks(WIDTH).map(widen).collect(),
            relu,
        }
    }

    /// Length of a row of the input.
    pub fn inputs(&self) -> usize {
        self.matrix.inputs
    }

    /// Length of a row of the output.
    pub fn outputs(&self) -> usize {
        self.matrix.outputs
    }

    /// Turns rows `x` `[n, inputs]` into rows `y` `[n, outputs]`.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) {
        vectorise(Apply { dense: self, x, y });
    }

    #[inline(always)]
    fn apply_rows<const FUSED: bool>(&self, x: &[f32], y: &mut [f32]) {
        let (inputs, outputs) = (self.matrix.inputs.max(1), self.matrix.outputs);
        let panels = self.matrix.panels.chunks_exact(inputs).zip(&self.bias);
        for ((panel, bias), start) in panels.zip((0..outputs).step_by(WIDTH)) {
            let end = outputs.min(start + WIDTH);
            let target = Target {
                columns: start..end,
                bias,
                relu: self.relu,
            };
            // As many rows as their sums find registers.
            if FUSED {
                tiles::<6, FUSED>(x, inputs, panel, y, outputs, &target);
            } else {
                tiles::<2, FUSED>(x, inputs, panel, y, outputs, &target);
            }
        }
    }
}

/// Where the products with a panel go.
struct Target<'a> {
    columns: Range<usize>,
    bias: &'a [f32; WIDTH],
    relu: bool,
}

impl Target<'_> {
    #[inline(always)]
    fn write(&self, row: &mut [f32], mut sums: [f32; WIDTH]) {
        for (sum, bias) in sums.iter_mut().zip(self.bias) {
            *sum += bias;
        }
        if self.relu {
            for sum in &mut sums {
                *sum = if *sum < 0.0 { 0.0 } else { *sum };
            }
        }
        let columns = &mut row[self.columns.clone()];
        match <&mut [f32; WIDTH]>::try_from(&mut *columns) {
            Ok(columns) => *columns = sums,
            Err(_) => columns.copy_from_slice(&sums[..columns.len()]),
        }
    }
}

struct Apply<'a> {
    dense: &'a Dense,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Vectorised for Apply<'_> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        self.dense.apply_rows::<FUSED>(self.x, self.y);
    }
}

/// Work that is compiled once per instruction set.
pub trait Vectorised {
    /// Does it; `FUSED` tells that multiplication and addition are one instruction. The
    /// implementation must be `#[inline(always)]`, and so must all that is to be vectorised.
    fn run<const FUSED: bool>(self);
}

/// Does `work` with the best instructions at hand.
pub fn vectorise(work: impl Vectorised) {
    struct Work<W>(W);
    impl<W: Vectorised> WithSimd for Work<W> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            // Vectors of eight come with fused multiply-add; elsewhere it may be a slow function.
            if S::F32_LANES >= 8 {
                self.0.run::<true>();
            } else {
                self.0.run::<false>();
            }
        }
    }
    Arch::new().dispatch(Work(work));
}

#[inline(always)]
fn multiply_add<const FUSED: bool>(x: f32, y: f32, sum: f32) -> f32 {
    if FUSED {
        x.mul_add(y, sum)
    } else {
        x * y + sum
    }
}

/// Products of all rows with one panel, `R` rows at a time.
#[inline(always)]
fn tiles<const R: usize, const FUSED: bool>(
    x: &[f32],
    inputs: usize,
    panel: &[[f32; WIDTH]],
    y: &mut [f32],
    outputs: usize,
    target: &Target<'_>,
) {
    let mut blocks = x.chunks_exact(R * inputs);
    let mut results = y.chunks_exact_mut(R * outputs);
    for (block, result) in (&mut blocks).zip(&mut results) {
        let rows = std::array::from_fn(|row| &block[row * inputs..][..inputs]);
        let sums = tile::<R, FUSED>(rows, panel);
        for (row, sums) in result.chunks_exact_mut(outputs).zip(sums) {
            target.write(row, sums);
        }
    }
    let rest = blocks.remainder().chunks_exact(inputs);
    for (row, result) in rest.zip(results.into_remainder().chunks_exact_mut(outputs)) {
        let [sums] = tile::<1, FUSED>([row], panel);
        target.write(result, sums);
    }
}

/// Products of `R` rows with one panel.
#[inline(always)]
fn tile<const R: usize, const FUSED: bool>(
    rows: [&[f32]; R],
    panel: &[[f32; WIDTH]],
) -> [[f32; WIDTH]; R] {
    let rows = rows.map(|row| &row[..panel.len()]);
    let mut sums = [[0.0; WIDTH]; R];
    for (input, weights) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let x = row[input];
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum = multiply_add::<FUSED>(x, weight, *sum);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: usize) -> f32 {
        ((n * 37 + 11) % 101) as f32 / 50.0 - 1.0
    }

    #[test]
    fn products_are_those_of_the_definition_at_any_size() {
        for (rows, inputs, outputs) in
            [(1, 1, 1), (3, 67, 1), (5, 9, 17), (4, 128, 512), (7, 3, 48)]
        {
            let weight = |input, output| number(input * outputs + output);
            let x: Vec<f32> = (0..rows * inputs).map(|n| number(3 * n)).collect();
            let bias: Vec<f32> = (0..outputs).map(number).collect();
            let mut plain = Vec::new();
            for row in x.chunks(inputs) {
                for (output, bias) in bias.iter().enumerate() {
                    let products = row.iter().enumerate().map(|(i, x)| x * weight(i, output));
                    plain.push(products.sum::<f32>() + bias);
                }
            }
            let matrix = Matrix::new(inputs, outputs, weight);
            let mut added = vec![0.5; outputs];
            matrix.add_product::<false>(&x[..inputs], &mut added);
            for relu in [false, true] {
                let matrix = Matrix::new(inputs, outputs, weight);
                let mut y = vec![f32::NAN; rows * outputs];
                Dense::new(matrix, &bias, relu).apply(&x, &mut y);
                for (y, plain) in y.iter().zip(&plain) {
                    let plain = if relu { plain.max(0.0) } else { *plain };
                    assert!((y - plain).abs() < 1e-4, "{y} and {plain}");
                }
            }
            for ((added, plain), bias) in added.iter().zip(&plain).zip(&bias) {
                assert!(
                    (added - 0.5 - (plain - bias)).abs() < 1e-4,
                    "{added} and {plain}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_visible() {
        let matrix = Matrix::new(2, 1, |_, _| 1.0);
        let mut y = [0.0];
        Dense::new(matrix, &[0.0], true).apply(&[f32::NAN, 1.0], &mut y);
        assert!(y[0].is_nan());
    }
}
