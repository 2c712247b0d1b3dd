//! Long short-term memory (Hochreiter & Schmidhuber, 1997), one direction, over items of any lengths.
//!
//! ```text
//! i, f, o = σ(W x_t + U h_{t-1} + b)    g = tanh(…)    c_t = f c_{t-1} + i g    h_t = o tanh(c_t)
//! ```
//!
//! Rows are processed step by step, the longest item first, so that the items still running at a
//! step are the first rows of the previous step: nothing is padded.

use rand::Rng;
use speech_emotion::dsp::{
    activation::{sigmoid, tanh},
    vectorise,
};

use super::matrix::{add_product, add_rows, matrix, product};
use super::parameter::{Id, Kind, Parameters};

/// `weight_ih` `[4H, inputs]`, `weight_hh` `[4H, H]` and bias `[4H]`, gates in the order i, f, g, o.
#[derive(Clone, Debug)]
pub struct Lstm {
    weight_ih: Id,
    weight_hh: Id,
    bias: Id,
    inputs: usize,
    units: usize,
}

/// What a forward pass keeps for the backward pass; rows in the order of [`Steps`].
#[derive(Clone, Debug)]
pub struct Memory {
    steps: Steps,
    x: Vec<f32>,
    /// Activated: i, f, g, o.
    gates: Vec<f32>,
    cells: Vec<f32>,
    hidden: Vec<f32>,
}

/// Rows of all items in order of time and, within each step, of decreasing item length.
#[derive(Clone, Debug)]
struct Steps {
    /// For each row, its position when items follow one another.
    source: Vec<usize>,
    /// First row of each step, and the number of rows.
    starts: Vec<usize>,
}

impl Steps {
    fn new(lengths: &[usize]) -> Self {
        let firsts = lengths.iter().scan(0, |next, length| {
            let first = *next;
            *next += length;
            Some(first)
        });
        let mut items: Vec<(usize, usize)> = firsts.zip(lengths.iter().copied()).collect();
        items.sort_by_key(|&(_, length)| std::cmp::Reverse(length));
        let mut source = Vec::new();
        let mut starts = vec![0];
        for step in 0..items.first().map_or(0, |&(_, length)| length) {
            let going = items.iter().take_while(|&&(_, length)| length > step);
            source.extend(going.map(|&(first, _)| first + step));
            starts.push(source.len());
        }
        Self { source, starts }
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// From items one after another to this order.
    fn gather(&self, rows: &[f32], columns: usize) -> Vec<f32> {
        let mut steps = Vec::with_capacity(rows.len());
        for source in &self.source {
            steps.extend_from_slice(&rows[source * columns..][..columns]);
        }
        steps
    }

    /// From this order to items one after another.
    fn scatter(&self, rows: &[f32], columns: usize) -> Vec<f32> {
        let mut items = vec![0.0; rows.len()];
        for (row, &source) in rows.chunks_exact(columns).zip(&self.source) {
            items[source * columns..(source + 1) * columns].copy_from_slice(row);
        }
        items
    }
}

impl Lstm {
    /// Draws the weights.
    pub fn new(
        parameters: &mut Parameters,
        name: &str,
        inputs: usize,
        units: usize,
        rng: &mut impl Rng,
    ) -> Self {
        let mut add = |part, kind, shape: &[usize]| {
            parameters.uniform(&format!("{name}.{part}"), kind, shape, units, rng)
        };
        Self {
            weight_ih: add("weight_ih", Kind::Matrix, &[4 * units, inputs]),
            weight_hh: add("weight_hh", Kind::Matrix, &[4 * units, units]),
            bias: add("bias", Kind::Vector, &[4 * units]),
            inputs,
            units,
        }
    }

    /// The forget gates' biases `[H]`.
    pub fn forget_bias<'a>(&self, parameters: &'a mut Parameters) -> &'a mut [f32] {
        &mut parameters[self.bias].value[self.units..2 * self.units]
    }

    /// `[ΣT, inputs]` to `[ΣT, H]`; every item starts from zeros.
    pub fn forward(
        &self,
        parameters: &Parameters,
        x: &[f32],
        lengths: &[usize],
    ) -> (Vec<f32>, Memory) {
        let units = self.units;
        let steps = Steps::new(lengths);
        let x = steps.gather(x, self.inputs);
        let mut gates = parameters[self.bias].value.repeat(steps.source.len());
        let weight_ih = matrix(&parameters[self.weight_ih].value, self.inputs);
        let weight_hh = matrix(&parameters[self.weight_hh].value, units);
        add_product(matrix(&x, self.inputs), weight_ih.transpose(), &mut gates);
        let mut cells = vec![0.0; steps.source.len() * units];
        let mut hidden = cells.clone();
        for step in 0..steps.count() {
            let (start, end) = (steps.starts[step], steps.starts[step + 1]);
            let gates = &mut gates[start * 4 * units..end * 4 * units];
            let (past_cells, cells) = cells.split_at_mut(start * units);
            let (past_hidden, hidden) = hidden.split_at_mut(start * units);
            let previous = steps.starts[step.saturating_sub(1)] * units;
            if step > 0 {
                let past = &past_hidden[previous..previous + (end - start) * units];
                add_product(matrix(past, units), weight_hh.transpose(), gates);
            }
            vectorise(|| {
                for row in 0..end - start {
                    activate(
                        &mut gates[row * 4 * units..(row + 1) * 4 * units],
                        (step > 0).then(|| &past_cells[previous + row * units..][..units]),
                        &mut cells[row * units..(row + 1) * units],
                        &mut hidden[row * units..(row + 1) * units],
                    );
                }
            });
        }
        let y = steps.scatter(&hidden, units);
        (
            y,
            Memory {
                steps,
                x,
                gates,
                cells,
                hidden,
            },
        )
    }

    /// Back-propagation through time: adds the parameters' gradients, returns that of the input.
    pub fn backward(&self, parameters: &mut Parameters, memory: &Memory, dy: &[f32]) -> Vec<f32> {
        let units = self.units;
        let Memory {
            steps,
            x,
            gates,
            cells,
            hidden,
        } = memory;
        let dy = steps.gather(dy, units);
        let mut d_gates = vec![0.0; gates.len()];
        let items = steps.starts.get(1).copied().unwrap_or(0);
        let mut d_hidden = vec![0.0; items * units];
        let mut d_cells = vec![0.0; items * units];
        let weight_hh = &mut parameters[self.weight_hh];
        for step in (0..steps.count()).rev() {
            let (start, end) = (steps.starts[step], steps.starts[step + 1]);
            let previous = steps.starts[step.saturating_sub(1)] * units;
            vectorise(|| {
                for row in 0..end - start {
                    let at = (start + row) * units;
                    let past = (step > 0).then(|| &cells[previous + row * units..][..units]);
                    let d_hidden = &mut d_hidden[row * units..(row + 1) * units];
                    for (d_hidden, dy) in d_hidden.iter_mut().zip(&dy[at..]) {
                        *d_hidden += dy;
                    }
                    deactivate(
                        &gates[at * 4..(at + units) * 4],
                        past,
                        &cells[at..at + units],
                        d_hidden,
                        &mut d_cells[row * units..(row + 1) * units],
                        &mut d_gates[at * 4..(at + units) * 4],
                    );
                }
            });
            let d_step = matrix(&d_gates[start * 4 * units..end * 4 * units], 4 * units);
            let d_past = &mut d_hidden[..(end - start) * units];
            d_past.fill(0.0);
            if step > 0 {
                add_product(d_step, matrix(&weight_hh.value, units), d_past);
                let past = &hidden[previous..previous + (end - start) * units];
                add_product(
                    d_step.transpose(),
                    matrix(past, units),
                    &mut weight_hh.gradient,
                );
            }
        }
        add_rows(&d_gates, &mut parameters[self.bias].gradient);
        let d_rows = matrix(&d_gates, 4 * units);
        let weight_ih = &mut parameters[self.weight_ih];
        add_product(
            d_rows.transpose(),
            matrix(x, self.inputs),
            &mut weight_ih.gradient,
        );
        let dx = product(d_rows, matrix(&weight_ih.value, self.inputs));
        steps.scatter(&dx, self.inputs)
    }
}

/// One row of one step: activates the gates, returns cells and hidden state.
#[inline(always)]
fn activate(gates: &mut [f32], past: Option<&[f32]>, cells: &mut [f32], hidden: &mut [f32]) {
    let units = cells.len();
    let (input_forget, rest) = gates.split_at_mut(2 * units);
    let (candidate, output) = rest.split_at_mut(units);
    for gate in input_forget.iter_mut() {
        *gate = sigmoid(*gate);
    }
    for gate in output.iter_mut() {
        *gate = sigmoid(*gate);
    }
    for gate in candidate.iter_mut() {
        *gate = tanh(*gate);
    }
    let (input, forget) = input_forget.split_at(units);
    for ((cell, input), candidate) in cells.iter_mut().zip(input).zip(candidate.iter()) {
        *cell = input * candidate;
    }
    for ((cell, forget), past) in cells.iter_mut().zip(forget).zip(past.unwrap_or_default()) {
        *cell += forget * past;
    }
    for ((hidden, output), cell) in hidden.iter_mut().zip(output).zip(cells) {
        *hidden = *output * tanh(*cell);
    }
}

/// Back through [`activate`]: `d_cells` comes in as the gradient from the following step and goes
/// out as that for the previous step.
#[inline(always)]
fn deactivate(
    gates: &[f32],
    past: Option<&[f32]>,
    cells: &[f32],
    d_hidden: &[f32],
    d_cells: &mut [f32],
    d_gates: &mut [f32],
) {
    let units = cells.len();
    let (input_forget, candidate_output) = gates.split_at(2 * units);
    let (input, forget) = input_forget.split_at(units);
    let (candidate, output) = candidate_output.split_at(units);
    let (d_input_forget, d_candidate_output) = d_gates.split_at_mut(2 * units);
    let (d_input, d_forget) = d_input_forget.split_at_mut(units);
    let (d_candidate, d_output) = d_candidate_output.split_at_mut(units);
    let (d_hidden, d_cells) = (&d_hidden[..units], &mut d_cells[..units]);
    for u in 0..units {
        let (i, f, g, o) = (input[u], forget[u], candidate[u], output[u]);
        let tanh = tanh(cells[u]);
        let d_cell = d_cells[u] + d_hidden[u] * o * (1.0 - tanh * tanh);
        d_input[u] = d_cell * g * i * (1.0 - i);
        d_forget[u] = d_cell * f * (1.0 - f);
        d_candidate[u] = d_cell * i * (1.0 - g * g);
        d_output[u] = d_hidden[u] * tanh * o * (1.0 - o);
        d_cells[u] = d_cell * f;
    }
    match past {
        Some(past) => {
            for (d_forget, past) in d_forget.iter_mut().zip(past) {
                *d_forget *= past;
            }
        }
        None => d_forget.fill(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::gradient_check::{check, noise, rng};

    #[test]
    fn gradients_match_differences_on_items_of_different_length() {
        let mut parameters = Parameters::default();
        let lstm = Lstm::new(&mut parameters, "lstm", 3, 4, &mut rng());
        let lengths = [2, 5, 1, 5];
        check(
            &mut parameters,
            noise(13 * 3, 1),
            |parameters, x| lstm.forward(parameters, x, &lengths).0,
            |parameters, x, dy| {
                let (_, memory) = lstm.forward(parameters, x, &lengths);
                lstm.backward(parameters, &memory, dy)
            },
        );
    }

    #[test]
    fn items_of_a_batch_do_not_see_each_other() {
        let mut parameters = Parameters::default();
        let lstm = Lstm::new(&mut parameters, "lstm", 3, 4, &mut rng());
        let lengths = [3, 7, 1, 7, 4];
        let x = noise(22 * 3, 2);
        let dy = noise(22 * 4, 3);
        let (y, memory) = lstm.forward(&parameters, &x, &lengths);
        let dx = lstm.backward(&mut parameters, &memory, &dy);
        let together = parameters.clone();
        parameters.clear_gradients();
        let mut first = 0;
        for length in lengths {
            let rows = first..first + length;
            let x = &x[rows.start * 3..rows.end * 3];
            let (alone, memory) = lstm.forward(&parameters, x, &[length]);
            assert_close(&alone, &y[rows.start * 4..rows.end * 4]);
            let dy = &dy[rows.start * 4..rows.end * 4];
            let d_alone = lstm.backward(&mut parameters, &memory, dy);
            assert_close(&d_alone, &dx[rows.start * 3..rows.end * 3]);
            first = rows.end;
        }
        for (alone, together) in parameters.iter().zip(together.iter()) {
            assert_close(&alone.gradient, &together.gradient);
        }
    }

    #[test]
    fn one_step_is_the_formula() {
        let mut parameters = Parameters::default();
        let lstm = Lstm::new(&mut parameters, "lstm", 1, 1, &mut rng());
        parameters[lstm.weight_ih].value = vec![0.1, 0.2, 0.3, 0.4];
        parameters[lstm.weight_hh].value = vec![0.5, 0.6, 0.7, 0.8];
        parameters[lstm.bias].value = vec![0.01, 0.02, 0.03, 0.04];
        let (y, _) = lstm.forward(&parameters, &[1.0, -1.0], &[2]);
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let c1 = sigmoid(0.11) * 0.33f32.tanh();
        let h1 = sigmoid(0.44) * c1.tanh();
        let c2 =
            sigmoid(-0.18 + 0.6 * h1) * c1 + sigmoid(-0.09 + 0.5 * h1) * (-0.27 + 0.7 * h1).tanh();
        let h2 = sigmoid(-0.36 + 0.8 * h1) * c2.tanh();
        assert_close(&y, &[h1, h2]);
    }

    fn assert_close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-5, "{a} and {b}");
        }
    }
}
