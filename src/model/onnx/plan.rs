//! Layers that are computed one after the other, in the order of the file.

use tract_onnx::tract_hir::internal::*;

use super::{layer::Kernel, size::Size};

/// Index of an array of numbers in a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value(usize);

/// A network of one input, ready to run.
#[derive(Debug)]
pub struct Plan {
    arrays: Vec<Array>,
    layers: Vec<Layer>,
    outputs: Vec<Value>,
}

/// What is known of a plan that is not complete.
#[derive(Debug)]
pub struct PlanBuilder {
    arrays: Vec<Array>,
    layers: Vec<Layer>,
}

/// Memory that a plan works in; kept from one run to the next.
#[derive(Debug, Default)]
pub struct Memory {
    buffers: Vec<Vec<f32>>,
    scratch: Scratch,
}

/// Memory within a layer.
#[derive(Debug, Default)]
pub struct Scratch(Vec<f32>);

#[derive(Debug)]
struct Array {
    shape: TVec<Size>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Input,
    Constant(Arc<[f32]>),
    /// What layer of this index gives; in a plan the index of a buffer.
    Computed(usize),
}

#[derive(Debug)]
struct Layer {
    kernel: Kernel,
    inputs: TVec<Value>,
    output: Value,
}

impl PlanBuilder {
    /// A plan without layers, and its input, of shape `input`.
    pub fn new(input: &[Size]) -> (Self, Value) {
        let input = Array {
            shape: input.into(),
            place: Place::Input,
        };
        let builder = Self {
            arrays: vec![input],
            layers: vec![],
        };
        (builder, Value(0))
    }

    /// Numbers that are the same in every run.
    pub fn constant(&mut self, shape: &[usize], values: &[f32]) -> Value {
        self.array(Array {
            shape: shape.iter().map(|&size| size.into()).collect(),
            place: Place::Constant(values.into()),
        })
    }

    /// What `kernel` makes of `inputs`.
    ///
    /// # Errors
    /// When it does not take inputs of their shapes.
    pub fn layer(&mut self, kernel: Kernel, inputs: &[Value]) -> TractResult<Value> {
        let (shape, keeps_order) = {
            let shapes: TVec<&[Size]> = inputs.iter().map(|&input| self.shape(input)).collect();
            (kernel.shape(&shapes)?, kernel.keeps_order(shapes[0]))
        };
        if keeps_order {
            let place = self.arrays[inputs[0].0].place.clone();
            return Ok(self.array(Array { shape, place }));
        }
        let place = Place::Computed(self.layers.len());
        let output = self.array(Array { shape, place });
        self.layers.push(Layer {
            kernel,
            inputs: inputs.into(),
            output,
        });
        Ok(output)
    }

    /// Shape of an array.
    pub fn shape(&self, value: Value) -> &[Size] {
        &self.arrays[value.0].shape
    }

    /// The plan that computes `outputs`.
    pub fn build(mut self, outputs: &[Value]) -> Plan {
        let mut last_read: Vec<usize> = (0..self.layers.len()).collect();
        let computed = |arrays: &[Array], value: Value| match arrays[value.0].place {
            Place::Computed(layer) => Some(layer),
            _ => None,
        };
        for (index, layer) in self.layers.iter().enumerate() {
            for &input in &layer.inputs {
                if let Some(source) = computed(&self.arrays, input) {
                    last_read[source] = index;
                }
            }
        }
        for &output in outputs {
            if let Some(source) = computed(&self.arrays, output) {
                last_read[source] = usize::MAX;
            }
        }
        // A buffer serves again when nobody reads it any more.
        let (mut buffers, mut free) = (Vec::new(), Vec::new());
        let mut count = 0;
        for index in 0..self.layers.len() {
            buffers.push(free.pop().unwrap_or_else(|| {
                count += 1;
                count - 1
            }));
            let read = |&source: &usize| last_read[source] == index;
            free.extend((0..=index).filter(read).map(|source| buffers[source]));
        }
        for array in &mut self.arrays {
            if let Place::Computed(layer) = &mut array.place {
                *layer = buffers[*layer];
            }
        }
        Plan {
            arrays: self.arrays,
            layers: self.layers,
            outputs: outputs.to_vec(),
        }
    }

    fn array(&mut self, array: Array) -> Value {
        self.arrays.push(array);
        Value(self.arrays.len() - 1)
    }
}

impl Plan {
    /// Shape of an output.
    pub fn output(&self, index: usize) -> &[Size] {
        &self.arrays[self.outputs[index].0].shape
    }

    /// Hands the outputs for an input of `steps` steps to `take`, each with its shape.
    ///
    /// # Errors
    /// When the input has another length than that, or is too short for a layer.
    pub fn run<R>(
        &self,
        input: &[f32],
        steps: usize,
        memory: &mut Memory,
        take: impl FnOnce(&[(&[f32], &[usize])]) -> R,
    ) -> TractResult<R> {
        let length = self.sizes(Value(0), steps)?.iter().product::<usize>();
        ensure!(
            input.len() == length,
            "{} numbers came in, expected {length}",
            input.len()
        );
        for layer in &self.layers {
            let shape = self.sizes(layer.output, steps)?;
            let shapes = layer.inputs.iter().map(|&input| self.sizes(input, steps));
            let shapes = shapes.collect::<TractResult<TVec<_>>>()?;
            let buffer = match self.arrays[layer.output.0].place {
                Place::Computed(buffer) => buffer,
                _ => bail!("a layer computes no array"),
            };
            if memory.buffers.len() <= buffer {
                memory.buffers.resize_with(buffer + 1, Vec::new);
            }
            let mut y = std::mem::take(&mut memory.buffers[buffer]);
            // As long as the longest array that was in it.
            let count = shape.iter().product();
            if y.len() < count {
                y.resize(count, 0.0);
            }
            let values = layer.inputs.iter().zip(&shapes);
            let values: TVec<(&[f32], &[usize])> = values
                .map(|(&value, shape)| {
                    let numbers = self.numbers(value, input, &memory.buffers);
                    (&numbers[..shape.iter().product()], &**shape)
                })
                .collect();
            layer
                .kernel
                .run(&values, &mut y[..count], &shape, &mut memory.scratch);
            drop(values);
            memory.buffers[buffer] = y;
        }
        let shapes = self.outputs.iter().map(|&output| self.sizes(output, steps));
        let shapes = shapes.collect::<TractResult<TVec<_>>>()?;
        let outputs = self.outputs.iter().zip(&shapes);
        let outputs: TVec<(&[f32], &[usize])> = outputs
            .map(|(&output, shape)| {
                let numbers = self.numbers(output, input, &memory.buffers);
                (&numbers[..shape.iter().product()], &**shape)
            })
            .collect();
        Ok(take(&outputs))
    }

    fn numbers<'a>(&'a self, value: Value, input: &'a [f32], buffers: &'a [Vec<f32>]) -> &'a [f32] {
        match &self.arrays[value.0].place {
            Place::Input => input,
            Place::Constant(values) => values,
            Place::Computed(buffer) => &buffers[*buffer],
        }
    }

    fn sizes(&self, value: Value, steps: usize) -> TractResult<TVec<usize>> {
        let sizes = self.arrays[value.0].shape.iter();
        let sizes: Option<TVec<usize>> = sizes.map(|size| size.at(steps)).collect();
        sizes.context("its result is shorter than nothing")
    }
}

impl Scratch {
    /// So many numbers, of any value.
    pub fn numbers(&mut self, count: usize) -> &mut [f32] {
        if self.0.len() < count {
            self.0.resize(count, 0.0);
        }
        &mut self.0[..count]
    }
}
