//! LSTM over a whole sequence, batch size 1.

use pulp::Simd;

use super::matrix::{Dense, Matrix, Vectorised, dispatch};
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
    recurrence: Matrix,
}

impl Lstm {
    /// `w` `[D, 4 H, I]`, `r` `[D, 4 H, H]`, `b` `[D, 8 H]`; `backwards` says for each of the D
    /// directions whether it reads the sequence from its end.
    pub fn new(units: usize, backwards: &[bool], w: &[f32], r: &[f32], b: &[f32]) -> Self {
        let gates = 4 * units;
        let inputs = w.len() / (backwards.len() * gates).max(1);
        let directions = backwards.iter().enumerate().map(|(direction, &backwards)| {
            let w = &w[direction * gates * inputs..];
            let r = &r[direction * gates * units..];
            let b = &b[direction * 2 * gates..];
            let bias: Vec<f32> = (0..gates).map(|gate| b[gate] + b[gates + gate]).collect();
            let input = Matrix::new(inputs, gates, |input, gate| w[gate * inputs + input]);
            Direction {
                backwards,
                input: Dense::new(input, &bias, false),
                recurrence: Matrix::new(units, gates, |unit, gate| r[gate * units + unit]),
            }
        });
        Self {
            units,
            directions: directions.collect(),
        }
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
    pub fn run(&self, x: &[f32], y: &mut [f32]) {
        let stride = self.directions.len() * self.units;
        let steps = y.len() / stride;
        let mut gates = vec![0.0; steps * 4 * self.units];
        let mut state = vec![0.0; 2 * self.units];
        for (index, direction) in self.directions.iter().enumerate() {
            direction.input.apply(x, &mut gates);
            state.fill(0.0);
            let (hidden, cell) = state.split_at_mut(self.units);
            dispatch(Recurrence {
                direction,
                gates: &mut gates,
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
            let recurrence = &self.direction.recurrence;
            recurrence.add_product(simd, self.hidden, gates);
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
