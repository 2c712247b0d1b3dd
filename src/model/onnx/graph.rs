//! From the nodes of a model file to the layers that are computed.
//!
//! Everything that can be done once is done here: constants are turned into single precision,
//! scalings, additions and ReLUs after a product are merged into it, and a Transpose is only noted
//! until somebody needs the numbers in that order. Convolutions keep their channels last.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tract_onnx::{
    pb::{GraphProto, NodeProto},
    tract_hir::internal::*,
};

use super::{
    array::{Binary, Unary},
    constant::Constant,
    convolution::Convolution,
    layer::Kernel,
    lstm::Lstm,
    matrix::Dense,
    plan::{Plan, PlanBuilder, Value},
    size::Size,
};

/// What else than the answer a plan gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// The hidden states `[T, D, 1, H]` of an LSTM.
    States,
    /// Weights `[.., T]` that sum to 1 over time.
    Attention,
}

/// The layers of a file with one input of shape `input` and one output, and what the plan's outputs after this
/// one are.
///
/// # Errors
/// When the file has an operator, an attribute or a shape that this program does not know; the node is
/// named.
pub fn build(graph: &GraphProto, input: &[Size]) -> TractResult<(Plan, Arc<[Tap]>)> {
    let constants: HashMap<&str, Constant> = graph
        .initializer
        .iter()
        .map(|proto| {
            let constant = Constant::read(proto);
            Ok((&*proto.name, constant.with_context(|| proto.name.clone())?))
        })
        .collect::<TractResult<_>>()?;
    let mut inputs = graph
        .input
        .iter()
        .filter(|input| !constants.contains_key(&*input.name));
    let (Some(features), None, [output]) = (inputs.next(), inputs.next(), &*graph.output) else {
        bail!("expected one input and one output");
    };
    let (plan, source) = PlanBuilder::new(input);
    let mut builder = Builder {
        nodes: &graph.node,
        readers: readers(graph),
        constants,
        wires: HashMap::from([(&*features.name, Wire::new(source, input.len()))]),
        folded: HashSet::new(),
        taps: Vec::new(),
        plan,
    };
    for (index, node) in graph.node.iter().enumerate() {
        if !builder.folded.contains(&index) {
            builder
                .node(node)
                .with_context(|| format!("node {} ({})", node.name, node.op_type))?;
        }
    }
    let output = builder.take(&output.name)?;
    let (taps, tapped): (Vec<_>, Vec<_>) = builder.taps.into_iter().unzip();
    let outputs: Vec<Value> = [output].into_iter().chain(tapped).collect();
    Ok((builder.plan.build(&outputs), taps.into()))
}

/// For every name, the node that reads it; none if it is the output or more than one node reads it.
fn readers(graph: &GraphProto) -> HashMap<&str, Option<usize>> {
    let mut readers: HashMap<&str, Option<usize>> = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in &node.input {
            let more = readers.contains_key(&**name);
            readers.insert(name, (!more).then_some(index));
        }
    }
    for output in &graph.output {
        readers.insert(&output.name, None);
    }
    readers
}

/// The numbers behind a name of the file: axis `i` of it is axis `order[i]` of the value.
#[derive(Clone)]
struct Wire {
    value: Value,
    order: TVec<usize>,
}

impl Wire {
    fn new(value: Value, rank: usize) -> Self {
        Self {
            value,
            order: (0..rank).collect(),
        }
    }

    fn permuted(&self, order: &[usize]) -> TractResult<Self> {
        let axes = order.iter().map(|&axis| self.order.get(axis).copied());
        let axes: Option<TVec<usize>> = axes.collect();
        Ok(Self {
            value: self.value,
            order: axes.context("it has fewer axes")?,
        })
    }
}

struct Builder<'a> {
    nodes: &'a [NodeProto],
    readers: HashMap<&'a str, Option<usize>>,
    constants: HashMap<&'a str, Constant>,
    wires: HashMap<&'a str, Wire>,
    /// Nodes that were merged into another one.
    folded: HashSet<usize>,
    taps: Vec<(Tap, Value)>,
    plan: PlanBuilder,
}

impl<'a> Builder<'a> {
    #[inline(never)]
    fn node(&mut self, node: &'a NodeProto) -> TractResult<()> {
        match &*node.op_type {
            "Add" => self.binary(node, Binary::Add),
            "AveragePool" => {
                let [kernel] = sizes(node, "kernel_shape")?;
                let [stride] = sizes(node, "strides")?;
                ensure!(stride > 0, "its stride is 0");
                self.layer(node, Kernel::AveragePool([kernel, stride]))
            }
            // Constants are in single precision already.
            "Cast" => {
                let constant = self.constant(node, 0)?.clone();
                self.keep(node, constant)
            }
            "Concat" => {
                let axis = self.axis(node, "axis", None)?;
                self.layer(node, Kernel::Concat(axis))
            }
            "Conv" => self.convolution(node),
            "DequantizeLinear" => self.dequantize(node),
            "Div" => self.binary(node, Binary::Div),
            "Exp" => self.layer(node, Kernel::Unary(Unary::Exp)),
            "LSTM" => self.lstm(node),
            "Log" => self.layer(node, Kernel::Unary(Unary::Log)),
            "MatMul" => self.product(node),
            "Max" => self.binary(node, Binary::Max),
            "Mul" => self.binary(node, Binary::Mul),
            "Relu" => self.layer(node, Kernel::Unary(Unary::Relu)),
            "Reshape" => {
                let sizes = self.constant(node, 1)?.integers()?.to_vec();
                let input = self.input(node, 0)?;
                self.wire(node, Kernel::Reshape(sizes), &[input])
            }
            "Sigmoid" => self.layer(node, Kernel::Unary(Unary::Sigmoid)),
            "Softmax" => {
                let axis = self.axis(node, "axis", Some(-1))?;
                self.layer(node, Kernel::Softmax(axis))
            }
            "Sqrt" => self.layer(node, Kernel::Unary(Unary::Sqrt)),
            "Sub" => self.binary(node, Binary::Sub),
            "Tanh" => self.layer(node, Kernel::Unary(Unary::Tanh)),
            "Transpose" => {
                let order: TVec<usize> = node.get_attr_tvec("perm")?;
                let wire = self.look_up(name(node, 0)?)?.permuted(&order)?;
                self.name(node, wire)
            }
            _ => bail!("this program does not know the operator"),
        }
    }

    #[inline(never)]
    fn dequantize(&mut self, node: &'a NodeProto) -> TractResult<()> {
        let (constant, scale) = (self.constant(node, 0)?, self.constant(node, 1)?);
        let axis = node.get_attr_opt("axis")?.unwrap_or(1);
        let axis = within(axis, constant.shape.len())?;
        let zero = match node.input.get(2) {
            Some(_) => &self.constant(node, 2)?.quantized()?[..],
            None => &[],
        };
        let block: usize = node.get_attr_opt("block_size")?.unwrap_or(0);
        let constant = if block == 0 {
            constant.dequantize(scale.floats()?, zero, axis)?
        } else {
            ensure!(zero.is_empty(), "its blocks have zeros");
            constant.dequantize_blocks(scale, block, axis)?
        };
        self.keep(node, constant)
    }

    /// A node whose inputs are all arrays that are computed or constant.
    fn layer(&mut self, node: &'a NodeProto, kernel: Kernel) -> TractResult<()> {
        let inputs = (0..node.input.len())
            .map(|index| self.input(node, index))
            .collect::<TractResult<TVec<_>>>()?;
        self.wire(node, kernel, &inputs)
    }

    #[inline(never)]
    fn binary(&mut self, node: &'a NodeProto, binary: Binary) -> TractResult<()> {
        let mut inputs = [self.input(node, 0)?, self.input(node, 1)?];
        let ranks = [self.rank(inputs[0]), self.rank(inputs[1])];
        let rank = ranks[0].max(ranks[1]);
        for (input, own) in inputs.iter_mut().zip(ranks) {
            if own < rank {
                let ones = std::iter::repeat_n(Some(1), rank - own);
                let own = self.plan.shape(*input).iter().map(|size| size.known());
                let sizes = ones.chain(own).map(|size| Some(size? as i64));
                let sizes: Option<Vec<i64>> = sizes.collect();
                let sizes = sizes.context("the shorter of its operands grows with the segment")?;
                *input = self.plan.layer(Kernel::Reshape(sizes), &[*input])?;
            }
        }
        self.wire(node, Kernel::Binary(binary), &inputs)
    }

    #[inline(never)]
    fn product(&mut self, node: &'a NodeProto) -> TractResult<()> {
        let Some(weight) = self.constants.get(name(node, 1)?) else {
            return self.layer(node, Kernel::Multiply);
        };
        let [inputs, outputs] = *weight.shape else {
            bail!("its matrix has shape {:?}", weight.shape);
        };
        let weight = weight.clone();
        let weight = weight.floats()?;
        let after = self.after(node, outputs, 1)?;
        let value =
            |input: usize, output: usize| weight[input * outputs + output] * after.scale[output];
        let dense = Dense::of_rows(inputs, outputs, value, &after.shift, after.relu);
        let input = self.input(node, 0)?;
        self.wire(after.last, Kernel::Dense(dense), &[input])
    }

    #[inline(never)]
    fn convolution(&mut self, node: &'a NodeProto) -> TractResult<()> {
        let weight = self.constant(node, 1)?.clone();
        let [outputs, channels, height, width] = *weight.shape else {
            bail!("its kernel has shape {:?}", weight.shape);
        };
        ensure!(
            node.get_attr_opt("group")?.unwrap_or(1) == 1,
            "it has groups"
        );
        let weight = weight.floats()?;
        let mut after = self.after(node, outputs, 3)?;
        if node.input.len() > 2 {
            for ((shift, scale), bias) in after
                .shift
                .iter_mut()
                .zip(&after.scale)
                .zip(self.constant(node, 2)?.floats()?)
            {
                *shift += scale * bias;
            }
        }
        // From [K, C, height, width] to [height, width, C] rows.
        let weight = |input, output| {
            let (place, channel) = (input / channels, input % channels);
            weight[(output * channels + channel) * height * width + place] * after.scale[output]
        };
        let [top, left, bottom, right] = sizes(node, "pads")?;
        let strides: [usize; 2] = sizes(node, "strides")?;
        ensure!(!strides.contains(&0), "a stride is 0");
        let convolution = Convolution::new(
            [[height, width], strides],
            [[top, left], [bottom, right]],
            channels,
            weight,
            &after.shift,
            after.relu,
        );
        let input = self.look_up(name(node, 0)?)?.permuted(&[0, 2, 3, 1])?;
        let input = self.in_order(&input)?;
        let value = self
            .plan
            .layer(Kernel::Convolution(convolution), &[input])?;
        let wire = Wire::new(value, 4).permuted(&[0, 3, 1, 2])?;
        self.name(after.last, wire)
    }

    #[inline(never)]
    fn lstm(&mut self, node: &'a NodeProto) -> TractResult<()> {
        let units: usize = node.get_attr("hidden_size")?;
        let backwards: &[bool] = match node.get_attr_opt("direction")?.unwrap_or("forward") {
            "forward" => &[false],
            "bidirectional" => &[false, true],
            direction => bail!("its direction is {direction}"),
        };
        ensure!(
            node.get_attr_opt("layout")?.unwrap_or(0) == 0,
            "its layout is not 0"
        );
        ensure!(
            node.input.iter().skip(4).all(|name| name.is_empty()) && node.output.len() == 1,
            "it has lengths, initial states, peepholes or a second output"
        );
        let [w, r, b] = [1, 2, 3].map(|index| self.constant(node, index));
        let (w, r, b) = (w?, r?, b?);
        let rows = [backwards.len(), 4 * units];
        ensure!(
            w.shape.len() == 3
                && w.shape[..2] == rows
                && *r.shape == [rows[0], rows[1], units]
                && *b.shape == [rows[0], 2 * rows[1]],
            "its weights have shapes {:?}, {:?}, {:?}",
            w.shape,
            r.shape,
            b.shape
        );
        let lstm = Lstm::new(units, backwards, [w, r, b])?;
        let input = self.input(node, 0)?;
        self.wire(node, Kernel::Lstm(lstm), &[input])
    }

    /// Takes the scalings, additions and the ReLU that follow a product's outputs, which lie along
    /// the axis that is `from_end` axes from the end.
    #[inline(never)]
    fn after(
        &mut self,
        node: &'a NodeProto,
        outputs: usize,
        from_end: usize,
    ) -> TractResult<After<'a>> {
        let mut after = After {
            scale: vec![1.0; outputs],
            shift: vec![0.0; outputs],
            relu: false,
            last: node,
        };
        while let Some((index, next)) = self.only_reader(after.last) {
            let constant = next.input.iter().find_map(|name| {
                let constant = self.constants.get(&**name)?;
                let axis = constant.shape.len().wrapping_sub(from_end);
                let along = constant.shape.get(axis) == Some(&outputs);
                let values = constant.floats().ok()?;
                (values.len() == 1 || along && values.len() == outputs).then_some(values)
            });
            let each = |values: &[f32]| -> Vec<f32> {
                values.iter().copied().cycle().take(outputs).collect()
            };
            match (&*next.op_type, constant) {
                ("Mul", Some(factors)) => {
                    for (n, factor) in each(factors).into_iter().enumerate() {
                        after.scale[n] *= factor;
                        after.shift[n] *= factor;
                    }
                }
                ("Add", Some(summands)) => {
                    for (shift, summand) in after.shift.iter_mut().zip(each(summands)) {
                        *shift += summand;
                    }
                }
                ("Relu", _) => after.relu = true,
                _ => break,
            }
            self.folded.insert(index);
            after.last = next;
            if after.relu {
                break;
            }
        }
        Ok(after)
    }

    /// The only node that reads the result of `node`, if there is only one.
    fn only_reader(&self, node: &NodeProto) -> Option<(usize, &'a NodeProto)> {
        let [result] = &*node.output else { return None };
        let index = (*self.readers.get(&**result)?)?;
        Some((index, &self.nodes[index]))
    }

    fn wire(&mut self, node: &'a NodeProto, kernel: Kernel, inputs: &[Value]) -> TractResult<()> {
        let softmax = match kernel {
            Kernel::Softmax(axis) => Some(axis),
            _ => None,
        };
        let is_lstm = matches!(kernel, Kernel::Lstm(_));
        let value = self.plan.layer(kernel, inputs)?;
        let shape = self.plan.shape(value);
        // Over an axis that is last and grows with the segment.
        let over_time = |axis: usize| axis + 1 == shape.len() && shape[axis].known().is_none();
        if is_lstm {
            self.taps.push((Tap::States, value));
        } else if softmax.is_some_and(over_time) {
            self.taps.push((Tap::Attention, value));
        }
        let wire = Wire::new(value, self.rank(value));
        self.name(node, wire)
    }

    /// Records the result of `node`.
    fn name(&mut self, node: &'a NodeProto, wire: Wire) -> TractResult<()> {
        let result = node.output.first().context("it has no output")?;
        self.wires.insert(result, wire);
        Ok(())
    }

    /// Records a result of `node` that is already known.
    fn keep(&mut self, node: &'a NodeProto, constant: Constant) -> TractResult<()> {
        let result = node.output.first().context("it has no output")?;
        self.constants.insert(result, constant);
        Ok(())
    }

    fn rank(&self, value: Value) -> usize {
        self.plan.shape(value).len()
    }

    fn constant(&self, node: &NodeProto, index: usize) -> TractResult<&Constant> {
        let name = name(node, index)?;
        let constant = self.constants.get(name);
        constant.with_context(|| format!("{name} is not a constant"))
    }

    fn input(&mut self, node: &'a NodeProto, index: usize) -> TractResult<Value> {
        self.take(name(node, index)?)
    }

    fn take(&mut self, name: &'a str) -> TractResult<Value> {
        let wire = self.look_up(name)?;
        self.in_order(&wire)
    }

    fn look_up(&mut self, name: &'a str) -> TractResult<Wire> {
        if let Some(constant) = self.constants.get(name) {
            let value = self.plan.constant(&constant.shape, constant.floats()?);
            return Ok(Wire::new(value, constant.shape.len()));
        }
        let wire = self.wires.get(name).cloned();
        wire.with_context(|| format!("nothing gives {name}"))
    }

    /// Puts the numbers in the order of their axes.
    fn in_order(&mut self, wire: &Wire) -> TractResult<Value> {
        if wire.order.is_sorted() {
            return Ok(wire.value);
        }
        self.plan
            .layer(Kernel::Permute(wire.order.clone()), &[wire.value])
    }

    /// An attribute that is an axis of the first input, counted from its end if negative.
    fn axis(
        &self,
        node: &'a NodeProto,
        attribute: &str,
        default: Option<i64>,
    ) -> TractResult<usize> {
        let axis = match node.get_attr_opt(attribute)?.or(default) {
            Some(axis) => axis,
            None => node.get_attr(attribute)?,
        };
        let wire = self
            .wires
            .get(name(node, 0)?)
            .context("its input is constant")?;
        within(axis, wire.order.len())
    }
}

/// What follows a product: `x · scale + shift` per output, and ReLU.
struct After<'a> {
    scale: Vec<f32>,
    shift: Vec<f32>,
    relu: bool,
    /// The node whose result this is.
    last: &'a NodeProto,
}

fn name(node: &NodeProto, input: usize) -> TractResult<&str> {
    let name = node.input.get(input).map(String::as_str);
    name.with_context(|| format!("it has no input {input}"))
}

fn sizes<const N: usize>(node: &NodeProto, attribute: &str) -> TractResult<[usize; N]> {
    let sizes: TVec<usize> = node.get_attr_tvec(attribute)?;
    <[usize; N]>::try_from(&*sizes)
        .map_err(|_| format_err!("{attribute} has {} sizes, expected {N}", sizes.len()))
}

fn within(axis: i64, rank: usize) -> TractResult<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    let axis = usize::try_from(axis).ok().filter(|&axis| axis < rank);
    axis.with_context(|| format!("it has no such axis, of {rank}"))
}
