//! LSTM over a whole sequence, batch size 1.

use pulp::Simd;
use tract_onnx::tract_hir::internal::*;

use super::{
    constant::Constant,
    matrix::{Dense, Matrix, PackedMatrix, Vectorised, dispatch, is_wide},
    plan::Scratch,
};
use crate::dsp::activation::{sigmoid, tanh};

/// One ONNX LSTM node; gates in ONNX's order: input, output, forget, cell.
#[derive(Debug)]
pub struct Lstm {
    units: usize,
    /// One or two of them.
    directions: Vec<Direction>,
}

#[derive(Debug)]
struct Direction {
    backwards: bool,
    /// `[I, 4 H]` and both biases.
    input: Dense,
    /// `[H, 4 H]`.
    recurrence: Recurrent,
}

#[derive(Debug)]
enum Recurrent {
    Plain(Matrix),
    Packed(PackedMatrix),
}

impl Lstm {
    /// `w` `[D, 4 H, I]`, `r` `[D, 4 H, H]`, `b` `[D, 8 H]`; `backwards` says for each of the D
    /// directions whether it reads the sequence from its end.
    ///
    /// # Errors
    /// When the constants hold whole numbers.
    pub fn new(
        units: usize,
        backwards: &[bool],
        [w, recurrence, b]: [&Constant; 3],
    ) -> TractResult<Self> {
        let [w, r, b] = [w.floats()?, recurrence.floats()?, b.floats()?];
        let gates = 4 * units;
        let inputs = w.len() / (backwards.len() * gates).max(1);
        let directions = backwards.iter().enumerate().map(|(direction, &backwards)| {
            let w = &w[direction * gates * inputs..];
            let r = &r[direction * gates * units..];
            let b = &b[direction * 2 * gates..];
            let bias: Vec<f32> = (0..gates).map(|gate| b[gate] + b[gates + gate]).collect();
            let input = Matrix::new(inputs, gates, |input, gate| w[gate * inputs + input]);
            let blocks = recurrence.blocks.as_ref();
            let packed = blocks.filter(|blocks| blocks.axis == 2 && is_wide());
            let packed = packed.and_then(|blocks| {
                let first = direction * gates;
                let integer = |unit, gate| blocks.integers[(first + gate) * units + unit];
                let along = units.div_ceil(blocks.length);
                let scale = |block, gate| blocks.scales[(first + gate) * along + block];
                PackedMatrix::new([units, gates], blocks.length, integer, scale)
            });
            Direction {
                backwards,
                input: Dense::new(input, &bias, false),
                recurrence: packed.map_or_else(
                    || {
                        let weight = |unit, gate| r[gate * units + unit];
                        Recurrent::Plain(Matrix::new(units, gates, weight))
                    },
                    Recurrent::Packed,
                ),
            }
        });
        Ok(Self {
            units,
            directions: directions.collect(),
        })
    }

    /// I.
    pub fn inputs(&self) -> usize {
        self.directions
            .first()
            .map_or(0, |direction| direction.input.inputs())
    }

    /// H.
    pub fn units(&self) -> usize {
        self.units
    }

    /// D.
    pub fn directions(&self) -> usize {
        self.directions.len()
    }

    /// Turns `x` `[T, I]` into the hidden states `y` `[T, D, H]`.
    pub fn run(&self, x: &[f32], y: &mut [f32], scratch: &mut Scratch) {
        let stride = self.directions.len() * self.units;
        let steps = y.len() / stride;
        let scratch = scratch.numbers((4 * steps + 2) * self.units);
        let (gates, state) = scratch.split_at_mut(4 * steps * self.units);
        for (index, direction) in self.directions.iter().enumerate() {
            direction.input.apply(x, gates);
            state.fill(0.0);
            let (hidden, cell) = state.split_at_mut(self.units);
            dispatch(Recurrence {
                direction,
                gates: &mut *gates,
                hidden,
                cell,
                y: &mut y[index * self.units..],
                stride,
            });
        }
    }
}

struct Recurrence<'a> {
    direction: &'a Direction,
    /// `[T, 4 H]`: the input's contribution.
    gates: &'a mut [f32],
    hidden: &'a mut [f32],
    cell: &'a mut [f32],
    /// The states of a step begin every `stride` numbers.
    y: &'a mut [f32],
    stride: usize,
}

impl Vectorised for Recurrence<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let units = self.hidden.len();
        let steps = self.gates.len() / (4 * units);
        for turn in 0..steps {
            let step = if self.direction.backwards {
                steps - 1 - turn
            } else {
                turn
            };
            let gates = &mut self.gates[step * 4 * units..][..4 * units];
            match &self.direction.recurrence {
                Recurrent::Plain(matrix) => matrix.add_product(simd, self.hidden, gates),
                Recurrent::Packed(matrix) => matrix.add_product(simd, self.hidden, gates),
            }
            let (input, rest) = gates.split_at(units);
            let (output, rest) = rest.split_at(units);
            let (forget, update) = rest.split_at(units);
            let update = &update[..units];
            let (hidden, cell) = (&mut self.hidden[..units], &mut self.cell[..units]);
            // Unlike this loop, chains of iterators are not always compiled for the same
            // instructions.
            for unit in 0..units {
                cell[unit] =
                    sigmoid(forget[unit]) * cell[unit] + sigmoid(input[unit]) * tanh(update[unit]);
                hidden[unit] = sigmoid(output[unit]) * tanh(cell[unit]);
            }
            self.y[step * self.stride..][..units].copy_from_slice(self.hidden);
        }
    }
}
