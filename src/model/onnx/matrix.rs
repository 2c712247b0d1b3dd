//! Products with a constant matrix, which make up nearly all of the network's work.
//!
//! The matrix is stored in panels of [`WIDTH`] columns, so that the innermost loop reads it in
//! order and keeps its sums in registers. The loop is compiled for the target's own vectors and,
//! natively, also for AVX2 and AVX-512; the best that the processor has is used. On wasm32 the
//! feature `relaxed-simd` decides.

use pulp::{Arch, Simd, WithSimd};

/// Columns of a panel.
pub const WIDTH: usize = 16;

/// One input's weights for the columns of a panel.
type Lane = [f32; WIDTH];

/// A constant matrix `[inputs, outputs]`.
#[derive(Debug)]
pub struct Matrix {
    inputs: usize,
    outputs: usize,
    /// `[outputs / WIDTH, inputs, WIDTH]`, zeros after the last column.
    panels: Vec<Lane>,
}

/// What is done with a product: `max(x · matrix + bias, 0)`, the maximum only on request.
#[derive(Debug)]
pub struct Dense {
    matrix: Matrix,
    /// As wide as the panels.
    bias: Vec<Lane>,
    relu: bool,
}

/// Where the rows of a product's left factor are in an array: `[lines, rows]` of them, each made of
/// `pieces` of the array.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Number of lines, and numbers from one to the next.
    pub lines: [usize; 2],
    /// Number of rows in a line, and numbers from one to the next.
    pub rows: [usize; 2],
    /// Number of pieces of a row, and numbers from one to the next.
    pub pieces: [usize; 2],
    /// Length of a piece.
    pub length: usize,
}

impl Matrix {
    /// The matrix whose entries are `value(input, output)`.
    // A separate function, which browsers compile quickly.
    #[inline(never)]
    pub fn new(inputs: usize, outputs: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let mut panels = vec![[0.0; WIDTH]; outputs.div_ceil(WIDTH) * inputs];
        for (index, panel) in panels.chunks_exact_mut(inputs.max(1)).enumerate() {
            let columns = index * WIDTH..outputs.min((index + 1) * WIDTH);
            for (input, lane) in panel.iter_mut().enumerate() {
                for (place, output) in lane.iter_mut().zip(columns.clone()) {
                    *place = value(input, output);
                }
            }
        }
        Self {
            inputs,
            outputs,
            panels,
        }
    }

    /// Adds `x · matrix` to `sums`, for one row `x`.
    #[inline(always)]
    pub fn add_product<S: Simd>(&self, simd: S, x: &[f32], sums: &mut [f32]) {
        match S::F32_LANES {
            16 => self.add_panels::<S, 8, 1>(simd, x, sums),
            8 => self.add_panels::<S, 4, 2>(simd, x, sums),
            4 => self.add_panels::<S, 2, 4>(simd, x, sums),
            _ => self.add_panels::<S, 1, WIDTH>(simd, x, sums),
        }
    }

    /// `P` panels side by side, so that additions need not wait for one another.
    #[inline(always)]
    fn add_panels<S: Simd, const P: usize, const V: usize>(
        &self,
        simd: S,
        x: &[f32],
        sums: &mut [f32],
    ) {
        let inputs = self.inputs.max(1);
        let mut groups = self.panels.chunks_exact(P * inputs);
        let mut columns = sums.chunks_exact_mut(P * WIDTH);
        for group in &mut groups {
            let Some(columns) = columns.next() else {
                // The last panel is wider than the columns that are left.
                return self.add_last::<S, V>(simd, x, group, columns.into_remainder());
            };
            let mut panels = [group; P];
            let mut tile = [[[simd.splat_f32s(0.0); V]; P]; 1];
            for (p, panel) in panels.iter_mut().enumerate() {
                *panel = &group[p * inputs..][..inputs];
                tile[0][p] = load::<S, V>(simd, &columns[p * WIDTH..]);
            }
            accumulate(simd, [x], panels, &mut tile);
            for (p, sums) in tile[0].iter().enumerate() {
                store::<S, V>(&mut columns[p * WIDTH..], sums);
            }
        }
        self.add_last::<S, V>(simd, x, groups.remainder(), columns.into_remainder());
    }

    #[inline(always)]
    fn add_last<S: Simd, const V: usize>(
        &self,
        simd: S,
        x: &[f32],
        panels: &[Lane],
        columns: &mut [f32],
    ) {
        let panels = panels.chunks_exact(self.inputs.max(1));
        for (panel, columns) in panels.zip(columns.chunks_mut(WIDTH)) {
            let mut tile = [[[simd.splat_f32s(0.0); V]; 1]; 1];
            accumulate(simd, [x], [panel], &mut tile);
            let mut added = [0.0; WIDTH];
            store::<S, V>(&mut added, &tile[0][0]);
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
        let inputs = self.matrix.inputs;
        let rows = Rows {
            lines: [1, 0],
            rows: [x.len() / inputs.max(1), inputs],
            pieces: [1, 0],
            length: inputs,
        };
        self.apply_rows(x, &rows, y);
    }

    /// Turns the `rows` of `x` into rows `y` `[lines, rows, outputs]`.
    pub fn apply_rows(&self, x: &[f32], rows: &Rows, y: &mut [f32]) {
        dispatch(Apply {
            dense: self,
            x,
            rows,
            y,
        });
    }
}

struct Apply<'a> {
    dense: &'a Dense,
    x: &'a [f32],
    rows: &'a Rows,
    y: &'a mut [f32],
}

impl Vectorised for Apply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.panels::<S, 8, 1>(simd),
            8 => self.panels::<S, 4, 2>(simd),
            4 => self.panels::<S, 2, 4>(simd),
            _ => self.panels::<S, 1, WIDTH>(simd),
        }
    }
}

impl Apply<'_> {
    /// Up to `R` rows at a time: as many as there are registers for their sums, `V` vectors each.
    #[inline(always)]
    fn panels<S: Simd, const R: usize, const V: usize>(self, simd: S) {
        let Self { dense, x, rows, y } = self;
        let outputs = dense.matrix.outputs;
        let panels = dense.matrix.panels.chunks_exact(dense.matrix.inputs.max(1));
        for (index, (panel, bias)) in panels.zip(&dense.bias).enumerate() {
            let mut target = Target::<S, V> {
                simd,
                rows,
                panel,
                bias: load(simd, bias),
                relu: dense.relu,
                outputs,
                column: index * WIDTH,
                y: &mut *y,
            };
            let [lines, apart] = rows.lines;
            for line in 0..lines {
                let x = &x[line * apart..];
                let first = line * rows.rows[0];
                let mut row = target.tiles::<R>(x, first, 0);
                if R > 4 {
                    row = target.tiles::<4>(x, first, row);
                }
                if R > 2 {
                    row = target.tiles::<2>(x, first, row);
                }
                target.tiles::<1>(x, first, row);
            }
        }
    }
}

/// The columns that one panel gives.
struct Target<'a, S: Simd, const V: usize> {
    simd: S,
    rows: &'a Rows,
    panel: &'a [Lane],
    bias: [S::f32s; V],
    relu: bool,
    /// Length of a row of `y`.
    outputs: usize,
    /// First of the columns in a row of `y`.
    column: usize,
    y: &'a mut [f32],
}

impl<S: Simd, const V: usize> Target<'_, S, V> {
    /// Products with the rows of a line from `row` on, as long as there are `R` of them; returns
    /// the row after the last. The line begins at `x`; its first row is row `first` of `y`.
    #[inline(always)]
    fn tiles<const R: usize>(&mut self, x: &[f32], first: usize, mut row: usize) -> usize {
        let Rows {
            rows: [rows, row_apart],
            pieces: [pieces, piece_apart],
            length,
            ..
        } = *self.rows;
        while row + R <= rows {
            let mut sums = [[self.bias; 1]; R];
            for piece in 0..pieces {
                let start = row * row_apart + piece * piece_apart;
                let mut x = [&x[start..]; R];
                for (r, x) in x.iter_mut().enumerate() {
                    *x = &x[r * row_apart..][..length];
                }
                let panel = &self.panel[piece * length..][..length];
                accumulate(self.simd, x, [panel], &mut sums);
            }
            for (r, [sums]) in sums.iter().enumerate() {
                let sums = self.activate(*sums);
                let start = (first + row + r) * self.outputs;
                let y = &mut self.y[start..][..self.outputs];
                write::<S, V>(&mut y[self.column..], &sums);
            }
            row += R;
        }
        row
    }

    #[inline(always)]
    fn activate(&self, mut sums: [S::f32s; V]) -> [S::f32s; V] {
        if self.relu {
            let zero = self.simd.splat_f32s(0.0);
            for sum in &mut sums {
                // NaN is kept.
                let negative = self.simd.less_than_f32s(*sum, zero);
                *sum = self.simd.select_f32s(negative, zero, *sum);
            }
        }
        sums
    }
}

/// Adds to the tile the products of `R` rows with `P` panels.
#[inline(always)]
fn accumulate<S: Simd, const R: usize, const P: usize, const V: usize>(
    simd: S,
    x: [&[f32]; R],
    panels: [&[Lane]; P],
    tile: &mut [[[S::f32s; V]; P]; R],
) {
    let mut sums = *tile;
    let inputs = panels[0].len();
    let (mut rows, mut weights) = (x, panels);
    for row in &mut rows {
        *row = &row[..inputs];
    }
    for panel in &mut weights {
        *panel = &panel[..inputs];
    }
    for input in 0..inputs {
        for p in 0..P {
            let weights = load::<S, V>(simd, &weights[p][input]);
            for r in 0..R {
                let x = simd.splat_f32s(rows[r][input]);
                for v in 0..V {
                    sums[r][p][v] = simd.mul_add_e_f32s(x, weights[v], sums[r][p][v]);
                }
            }
        }
    }
    *tile = sums;
}

/// The first `V` vectors in `numbers`.
#[inline(always)]
fn load<S: Simd, const V: usize>(simd: S, numbers: &[f32]) -> [S::f32s; V] {
    let (from, _) = S::as_simd_f32s(numbers);
    let mut vectors = [simd.splat_f32s(0.0); V];
    vectors.copy_from_slice(&from[..V]);
    vectors
}

/// Writes `sums` to the columns of a row; the last panel may have fewer columns.
#[inline(always)]
fn write<S: Simd, const V: usize>(columns: &mut [f32], sums: &[S::f32s; V]) {
    if columns.len() >= WIDTH {
        store::<S, V>(columns, sums);
    } else {
        let mut all = [0.0; WIDTH];
        store::<S, V>(&mut all, sums);
        columns.copy_from_slice(&all[..columns.len()]);
    }
}

/// Writes `vectors` over the first of `numbers`.
#[inline(always)]
fn store<S: Simd, const V: usize>(numbers: &mut [f32], vectors: &[S::f32s; V]) {
    let (to, _) = S::as_mut_simd_f32s(numbers);
    to[..V].copy_from_slice(vectors);
}

/// Work that is compiled once for each instruction set.
pub trait Vectorised {
    /// Does the work. The implementation must be `#[inline(always)]`, and so must everything that
    /// is to be vectorised.
    fn run<S: Simd>(self, simd: S);
}

/// Does `work` with the best instructions available.
pub fn dispatch(work: impl Vectorised) {
    struct Work<W>(W);
    impl<W: Vectorised> WithSimd for Work<W> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.0.run(simd);
        }
    }
    arch().dispatch(Work(work));
}

#[cfg(not(all(target_arch = "wasm32", feature = "relaxed-simd")))]
fn arch() -> Arch {
    Arch::new()
}

/// What this program was built for: a browser without it would have refused the program.
#[cfg(all(target_arch = "wasm32", feature = "relaxed-simd"))]
fn arch() -> Arch {
    use pulp::{core_arch, wasm};
    Arch::RelaxedSimd(wasm::RelaxedSimd {
        simd128: core_arch::wasm::Simd128::new_unchecked(),
        relaxed_simd: core_arch::wasm::RelaxedSimd::new_unchecked(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: usize) -> f32 {
        ((n * 37 + 11) % 101) as f32 / 50.0 - 1.0
    }

    struct AddProduct<'a> {
        matrix: &'a Matrix,
        x: &'a [f32],
        sums: &'a mut [f32],
    }

    impl Vectorised for AddProduct<'_> {
        fn run<S: Simd>(self, simd: S) {
            self.matrix.add_product(simd, self.x, self.sums);
        }
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
            dispatch(AddProduct {
                matrix: &matrix,
                x: &x[..inputs],
                sums: &mut added,
            });
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
