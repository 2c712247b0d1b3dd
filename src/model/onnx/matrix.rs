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
    /// Length of a row of the input.
    inputs: usize,
    /// Inputs before the first that counts.
    skipped: usize,
    /// Of those that count.
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

/// A constant matrix of whole numbers with a scale for every block of inputs of an output, in half the
/// memory: where a matrix is read for one row at a time, reading it is what takes long.
#[derive(Debug)]
pub struct PackedMatrix {
    /// Pairs of inputs in a block.
    pairs: usize,
    /// `[outputs / (P WIDTH), inputs / 2, P, WIDTH]` for as many panels P as are gone through side by side: the
    /// upper halves of two numbers in single precision, which are whole ones of 8 bits exactly.
    panels: Vec<[u32; WIDTH]>,
    /// `[outputs / (P WIDTH), inputs / block, P, WIDTH]`.
    scales: Vec<Lane>,
}

impl PackedMatrix {
    /// The matrix with `integer(input, output) · scale(input / block, output)` at every place; none if it
    /// cannot hold that.
    pub fn new(
        [inputs, outputs]: [usize; 2],
        block: usize,
        integer: impl Fn(usize, usize) -> i16,
        scale: impl Fn(usize, usize) -> f32,
    ) -> Option<Self> {
        let together = panels_at_once() * WIDTH;
        let fits = block > 0
            && block.is_multiple_of(2)
            && inputs.is_multiple_of(block)
            && outputs.is_multiple_of(together);
        if !fits {
            return None;
        }
        let upper = |input, output| {
            let integer = i8::try_from(integer(input, output)).ok()?;
            Some(f32::from(integer).to_bits() >> 16)
        };
        let mut panels = Vec::with_capacity(outputs * inputs / 2 / WIDTH);
        let mut scales = Vec::with_capacity(outputs * inputs / block / WIDTH);
        for group in (0..outputs).step_by(together) {
            let columns = || (group..group + together).step_by(WIDTH);
            for input in (0..inputs).step_by(2) {
                for column in columns() {
                    let mut lane = [0; WIDTH];
                    for (output, place) in lane.iter_mut().enumerate() {
                        let output = column + output;
                        *place = upper(input, output)? | (upper(input + 1, output)? << 16);
                    }
                    panels.push(lane);
                }
            }
            for block in 0..inputs / block {
                for column in columns() {
                    scales.push(std::array::from_fn(|output| scale(block, column + output)));
                }
            }
        }
        Some(Self {
            pairs: block / 2,
            panels,
            scales,
        })
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

    #[inline(always)]
    fn add_panels<S: Simd, const P: usize, const V: usize>(
        &self,
        simd: S,
        x: &[f32],
        sums: &mut [f32],
    ) {
        let pairs = self.pairs;
        let blocks = x.len() / (2 * pairs);
        let (upper, half) = (simd.splat_u32s(0xffff_0000), simd.splat_u32s(16));
        let groups = self.panels.chunks_exact(P * blocks * pairs);
        let scales = self.scales.chunks_exact(P * blocks);
        let columns = sums.chunks_exact_mut(P * WIDTH);
        for ((group, scales), columns) in groups.zip(scales).zip(columns) {
            let mut sums = [[simd.splat_f32s(0.0); V]; P];
            for (p, sums) in sums.iter_mut().enumerate() {
                *sums = load::<S, V>(simd, &columns[p * WIDTH..]);
            }
            let group = group.chunks_exact(P * pairs);
            let scales = scales.as_chunks::<P>().0;
            for ((panels, scales), x) in group.zip(scales).zip(x.chunks_exact(2 * pairs)) {
                let mut products = [[simd.splat_f32s(0.0); V]; P];
                let panels = panels.as_chunks::<P>().0;
                for (panels, x) in panels.iter().zip(x.as_chunks::<2>().0) {
                    let [even, odd] = x.map(|x| simd.splat_f32s(x));
                    for p in 0..P {
                        let (vectors, _) = S::as_simd_u32s(&panels[p]);
                        for v in 0..V {
                            let low = simd.wrapping_dyn_shl_u32s(vectors[v], half);
                            let low = simd.transmute_f32s_u32s(low);
                            let high = simd.and_u32s(vectors[v], upper);
                            let high = simd.transmute_f32s_u32s(high);
                            let sum = simd.mul_add_e_f32s(even, low, products[p][v]);
                            products[p][v] = simd.mul_add_e_f32s(odd, high, sum);
                        }
                    }
                }
                for p in 0..P {
                    let scales = load::<S, V>(simd, &scales[p]);
                    for v in 0..V {
                        sums[p][v] = simd.mul_add_e_f32s(scales[v], products[p][v], sums[p][v]);
                    }
                }
            }
            for (p, sums) in sums.iter().enumerate() {
                store::<S, V>(&mut columns[p * WIDTH..], sums);
            }
        }
    }
}

impl Dense {
    /// `bias`: one number per column of `matrix`.
    pub fn new(matrix: Matrix, bias: &[f32], relu: bool) -> Self {
        let widen = |bias: &[f32]| std::array::from_fn(|n| bias.get(n).copied().unwrap_or(0.0));
        Self {
            inputs: matrix.inputs,
            skipped: 0,
            matrix,
            bias: bias.chunks(WIDTH).map(widen).collect(),
            relu,
        }
    }

    /// As [`new`](Self::new) with the matrix of `value(input, output)`; inputs before the first and after the
    /// last that any output takes are not read.
    pub fn of_rows(
        inputs: usize,
        outputs: usize,
        value: impl Fn(usize, usize) -> f32,
        bias: &[f32],
        relu: bool,
    ) -> Self {
        let counts = |&input: &usize| (0..outputs).any(|output| value(input, output) != 0.0);
        let first = (0..inputs).find(counts).unwrap_or(0);
        let last = (first..inputs).rfind(counts).unwrap_or(first);
        let count = inputs.min(last + 1) - first;
        let matrix = Matrix::new(count, outputs, |input, output| value(first + input, output));
        Self {
            inputs,
            skipped: first,
            ..Self::new(matrix, bias, relu)
        }
    }

    /// As [`new`](Self::new) for rows of three pieces, to be [applied in pairs](Self::apply_pairs).
    pub fn of_pairs(
        inputs: usize,
        outputs: usize,
        value: impl Fn(usize, usize) -> f32,
        bias: &[f32],
        relu: bool,
    ) -> Self {
        let length = inputs / 3;
        let matrix = Matrix::new(4 * length, outputs, |input, output| {
            let (piece, place) = (input / length, input % length);
            let [a, b, c] = [0, 1, 2].map(|piece| value(piece * length + place, output));
            [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c][piece]
        });
        Self {
            inputs,
            ..Self::new(matrix, bias, relu)
        }
    }

    /// Length of a row of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Length of a row of the output.
    pub fn outputs(&self) -> usize {
        self.matrix.outputs
    }

    /// Turns rows `x` `[n, inputs]` into rows `y` `[n, outputs]`.
    pub fn apply(&self, x: &[f32], y: &mut [f32]) {
        let rows = Rows {
            lines: [1, 0],
            rows: [x.len() / self.inputs.max(1), self.inputs],
            pieces: [1, 0],
            length: self.matrix.inputs,
        };
        self.apply_rows(x.get(self.skipped..).unwrap_or(&[]), &rows, y);
    }

    /// Turns the `rows` of `x` into rows `y` `[lines, rows, outputs]`.
    pub fn apply_rows(&self, x: &[f32], rows: &Rows, y: &mut [f32]) {
        dispatch(Apply::<false> {
            dense: self,
            x,
            rows,
            y,
        });
    }

    /// Turns the `rows` of `x` into rows `y`, where each line gives two: of four pieces a to d that follow one
    /// another, the first of them what a, b and c give, and the second what b, c and d give. The pieces of `x`
    /// must be a - c, b + c, c - b and d - b. That takes four products instead of six (Winograd, 1980).
    pub fn apply_pairs(&self, x: &[f32], rows: &Rows, y: &mut [f32]) {
        dispatch(Apply::<true> {
            dense: self,
            x,
            rows,
            y,
        });
    }
}

struct Apply<'a, const PAIRS: bool> {
    dense: &'a Dense,
    x: &'a [f32],
    rows: &'a Rows,
    y: &'a mut [f32],
}

impl<const PAIRS: bool> Vectorised for Apply<'_, PAIRS> {
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

impl<const PAIRS: bool> Apply<'_, PAIRS> {
    /// `R` rows at a time: as many as there are registers for their sums, `V` vectors each.
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
                match (PAIRS, rows.rows[0] < R) {
                    (false, false) => target.tiles::<R>(x, line),
                    (false, true) => target.tiles::<1>(x, line),
                    (true, false) => target.pairs::<R>(x, line),
                    (true, true) => target.pairs::<1>(x, line),
                }
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
    /// Products with the rows of a line, `R` at a time, of which it has at least so many; the last ones are
    /// computed again where `R` does not divide their number. The line begins at `x` and gives this line of `y`.
    #[inline(always)]
    fn tiles<const R: usize>(&mut self, x: &[f32], line: usize) {
        let rows = self.rows.rows[0];
        for row in (0..rows).step_by(R).map(|row| row.min(rows - R)) {
            let mut sums = [[self.bias; 1]; R];
            for piece in 0..self.rows.pieces[0] {
                self.add_piece(x, row, piece, &mut sums);
            }
            self.write(&sums, line, row);
        }
    }

    /// As [`tiles`](Self::tiles) for a line that gives two lines of `y`; the last may be missing.
    #[inline(always)]
    fn pairs<const R: usize>(&mut self, x: &[f32], line: usize) {
        let simd = self.simd;
        let rows = self.rows.rows[0];
        let both = (2 * line + 2) * rows * self.outputs <= self.y.len();
        for row in (0..rows).step_by(R).map(|row| row.min(rows - R)) {
            let mut sums = [[self.bias; 1]; R];
            let mut apart = [[[simd.splat_f32s(0.0); V]; 1]; R];
            self.add_piece(x, row, 1, &mut sums);
            self.add_piece(x, row, 2, &mut apart);
            let mut second = sums;
            for r in 0..R {
                for v in 0..V {
                    second[r][0][v] = simd.sub_f32s(sums[r][0][v], apart[r][0][v]);
                    sums[r][0][v] = simd.add_f32s(sums[r][0][v], apart[r][0][v]);
                }
            }
            self.add_piece(x, row, 0, &mut sums);
            self.write(&sums, 2 * line, row);
            if both {
                self.add_piece(x, row, 3, &mut second);
                self.write(&second, 2 * line + 1, row);
            }
        }
    }

    /// Adds the products with a piece of `R` rows.
    #[inline(always)]
    fn add_piece<const R: usize>(
        &self,
        x: &[f32],
        row: usize,
        piece: usize,
        sums: &mut [[[S::f32s; V]; 1]; R],
    ) {
        let Rows {
            rows: [_, row_apart],
            pieces: [_, piece_apart],
            length,
            ..
        } = *self.rows;
        let mut x = [&x[row * row_apart + piece * piece_apart..]; R];
        for (r, x) in x.iter_mut().enumerate() {
            *x = &x[r * row_apart..][..length];
        }
        let panel = &self.panel[piece * length..][..length];
        accumulate(self.simd, x, [panel], sums);
    }

    /// Writes the rows from `row` on of a line of `y`.
    #[inline(always)]
    fn write<const R: usize>(&mut self, sums: &[[[S::f32s; V]; 1]; R], line: usize, row: usize) {
        for (r, [sums]) in sums.iter().enumerate() {
            let sums = self.activate(*sums);
            let start = (line * self.rows.rows[0] + row + r) * self.outputs;
            let y = &mut self.y[start..][..self.outputs];
            write::<S, V>(&mut y[self.column..], &sums);
        }
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

/// Whether numbers are computed faster than a large matrix is read, as with AVX-512.
pub fn is_wide() -> bool {
    lanes() >= 16
}

/// How many panels one row is multiplied with at a time: as many as there are registers for their sums.
fn panels_at_once() -> usize {
    (lanes() / 2).max(1)
}

/// Numbers in a vector.
fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }
    arch().dispatch(Lanes)
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

    struct AddPacked<'a>(&'a PackedMatrix, &'a [f32], &'a mut [f32]);

    impl Vectorised for AddPacked<'_> {
        fn run<S: Simd>(self, simd: S) {
            self.0.add_product(simd, self.1, self.2);
        }
    }

    #[test]
    fn whole_numbers_in_blocks_give_the_products_of_what_they_stand_for() {
        let integer = |input: usize, output: usize| ((input * 37 + output * 11) % 256) as i16 - 128;
        let scale = |block: usize, output: usize| 0.01 + number(block * 7 + output).abs();
        let [inputs, outputs, block] = [96, 256, 32];
        let x: Vec<f32> = (0..inputs).map(number).collect();
        let packed = PackedMatrix::new([inputs, outputs], block, integer, scale).unwrap();
        let mut sums = vec![0.5; outputs];
        dispatch(AddPacked(&packed, &x, &mut sums));
        for (output, sum) in sums.into_iter().enumerate() {
            let weight = |input| integer(input, output) as f32 * scale(input / block, output);
            let products = x.iter().enumerate().map(|(i, x)| x * weight(i));
            let plain = f64::from(0.5 + products.sum::<f32>());
            assert!((f64::from(sum) - plain).abs() < 1e-3, "{sum}, {plain}");
        }
        assert!(PackedMatrix::new([96, 256], 32, |_, _| 128, scale).is_none());
        assert!(PackedMatrix::new([97, 256], 32, integer, scale).is_none());
        assert!(PackedMatrix::new([96, 100], 32, integer, scale).is_none());
    }

    #[test]
    fn inputs_that_do_not_count_are_left_out() {
        for (first, last) in [(0, 4), (2, 3), (4, 4), (5, 4)] {
            let weight = |input, output| {
                if (first..=last).contains(&input) {
                    number(input * 3 + output)
                } else {
                    0.0
                }
            };
            let x: Vec<f32> = (0..10).map(number).collect();
            let [mut plain, mut y] = [[0.0; 6]; 2];
            Dense::new(Matrix::new(5, 3, weight), &[1.0; 3], false).apply(&x, &mut plain);
            Dense::of_rows(5, 3, weight, &[1.0; 3], false).apply(&x, &mut y);
            for (y, plain) in y.into_iter().zip(plain) {
                assert!((y - plain).abs() < 1e-6, "{first} to {last}: {y}, {plain}");
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
