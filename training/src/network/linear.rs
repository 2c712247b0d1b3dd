//! Fully connected layer: `y = x · Wᵀ + b`.

use rand::Rng;

use super::matrix::{add_product, add_rows, matrix, product};
use super::parameter::{Id, Kind, Parameters};

/// Weight `[outputs, inputs]` and, if given, bias `[outputs]`.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Id,
    bias: Option<Id>,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// Draws the weights; without a name for the bias there is none.
    pub fn new(
        parameters: &mut Parameters,
        weight: &str,
        bias: Option<&str>,
        inputs: usize,
        outputs: usize,
        rng: &mut impl Rng,
    ) -> Self {
        Self {
            weight: parameters.uniform(weight, Kind::Matrix, &[outputs, inputs], inputs, rng),
            bias: bias.map(|bias| parameters.uniform(bias, Kind::Vector, &[outputs], inputs, rng)),
            inputs,
            outputs,
        }
    }

    /// `[rows, inputs]` to `[rows, outputs]`.
    pub fn forward(&self, parameters: &Parameters, x: &[f32]) -> Vec<f32> {
        let rows = x.len() / self.inputs;
        let mut y = match self.bias {
            Some(bias) => parameters[bias].value.repeat(rows),
            None => vec![0.0; rows * self.outputs],
        };
        let weight = matrix(&parameters[self.weight].value, self.inputs);
        add_product(matrix(x, self.inputs), weight.transpose(), &mut y);
        y
    }

    /// Adds the parameters' gradients; returns that of `x`.
    pub fn backward(&self, parameters: &mut Parameters, x: &[f32], dy: &[f32]) -> Vec<f32> {
        let dy_rows = matrix(dy, self.outputs);
        let weight = &mut parameters[self.weight];
        add_product(
            dy_rows.transpose(),
            matrix(x, self.inputs),
            &mut weight.gradient,
        );
        let dx = product(dy_rows, matrix(&weight.value, self.inputs));
        if let Some(bias) = self.bias {
            add_rows(dy, &mut parameters[bias].gradient);
        }
        dx
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::gradient_check::{check, noise, rng};

    #[test]
    fn gradients_match_differences() {
        let mut parameters = Parameters::default();
        let linear = Linear::new(&mut parameters, "w", Some("b"), 5, 3, &mut rng());
        check(
            &mut parameters,
            noise(20, 1),
            |parameters, x| linear.forward(parameters, x),
            |parameters, x, dy| linear.backward(parameters, x, dy),
        );
    }
}
