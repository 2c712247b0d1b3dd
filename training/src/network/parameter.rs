//! The network's numbers as one flat, named list, so that optimiser, averaging, files and export
//! can all go through them in the same way.

use std::ops::{Index, IndexMut};

use rand::{Rng, RngExt};

/// How training treats a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Learned, with weight decay.
    Matrix,
    /// Learned, without weight decay: biases, scales and shifts.
    Vector,
    /// Measured on the training data, not learned.
    Statistic,
}

/// A named tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Unique within the network, e.g. `lstm.weight_ih`.
    pub name: String,
    /// Sizes, slowest first.
    pub shape: Vec<usize>,
    /// How training treats it.
    pub kind: Kind,
    /// The numbers, row-major.
    pub value: Vec<f32>,
    /// Gradient of the loss, as long as `value`.
    pub gradient: Vec<f32>,
}

impl Parameter {
    /// Rows and columns of the tensor, seen as a matrix acting on its inputs.
    pub fn sides(&self) -> (usize, usize) {
        let rows = self.shape[0];
        (rows, self.value.len() / rows)
    }
}

/// Position of a parameter in [`Parameters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(usize);

/// All parameters of a network in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(Vec<Parameter>);

impl Parameters {
    /// Adds a tensor with every number equal to `value`.
    pub fn constant(&mut self, name: &str, kind: Kind, shape: &[usize], value: f32) -> Id {
        let size = shape.iter().product();
        self.0.push(Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            kind,
            value: vec![value; size],
            gradient: vec![0.0; size],
        });
        Id(self.0.len() - 1)
    }

    /// Adds a tensor drawn from U(-1, 1) / √`fan_in`.
    pub fn uniform(
        &mut self,
        name: &str,
        kind: Kind,
        shape: &[usize],
        fan_in: usize,
        rng: &mut impl Rng,
    ) -> Id {
        let id = self.constant(name, kind, shape, 0.0);
        let bound = 1.0 / (fan_in as f32).sqrt();
        self[id].value.fill_with(|| rng.random_range(-bound..bound));
        id
    }

    /// The parameter with that name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.0.iter().find(|parameter| parameter.name == name)
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.0.iter()
    }

    /// In the order in which they were added.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Parameter> {
        self.0.iter_mut()
    }

    /// Sets every gradient to 0.
    pub fn clear_gradients(&mut self) {
        for parameter in &mut self.0 {
            parameter.gradient.fill(0.0);
        }
    }
}

impl Index<Id> for Parameters {
    type Output = Parameter;

    fn index(&self, id: Id) -> &Parameter {
        &self.0[id.0]
    }
}

impl IndexMut<Id> for Parameters {
    fn index_mut(&mut self, id: Id) -> &mut Parameter {
        &mut self.0[id.0]
    }
}
