//! The classifier that runs model.onnx.
//!
//! Input `features` `[1, T, F]`, output `logits` `[1, K]`; batch size 1, T any multiple of
//! [`SEGMENT_MULTIPLE`]. tract's messages read the file; the operators are the few that the exporter writes,
//! made for small networks on one core, and computed one after the other. That keeps tract's own two hundred,
//! and what chooses among and runs them, out of the download.

mod array;
mod constant;
mod convolution;
mod graph;
mod layer;
mod lstm;
mod matrix;
mod plan;
mod size;

use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use tract_onnx::{pb::ModelProto, tract_hir::internal::*};

use self::{
    graph::Tap,
    plan::{Memory, Plan},
    size::Size,
};
use super::{Classifier, Manifest, ModelError, Posterior, Trace};
use crate::{
    class::PerClass,
    features::{N_FEATURES, SEGMENT_MULTIPLE},
};

/// A network ready to run. Cloning shares the weights.
pub struct OnnxClassifier {
    plan: Arc<Plan>,
    /// What the outputs after the logits are.
    taps: Arc<[Tap]>,
    classes: usize,
    temperature: f32,
    /// Of the last run.
    memory: Mutex<Memory>,
}

impl Clone for OnnxClassifier {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            taps: self.taps.clone(),
            classes: self.classes,
            temperature: self.temperature,
            memory: Mutex::default(),
        }
    }
}

impl OnnxClassifier {
    /// Loads the bytes of model.onnx according to its manifest.
    ///
    /// # Errors
    /// When `model` is not the manifest's file, uses an operator this program does not know, or
    /// lacks the input and output that the features and the labels need.
    pub fn load(model: &[u8], manifest: &Manifest) -> Result<Self, ModelError> {
        manifest.check_file(model)?;
        Self::load_unchecked(model, manifest)
    }

    /// Loads a file without [checking](Manifest::check_file) that it is the manifest's; the check
    /// takes just as long.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_unchecked(model: &[u8], manifest: &Manifest) -> Result<Self, ModelError> {
        let classes = manifest.labels.len();
        let (plan, taps) =
            plan(model, classes).map_err(|error| ModelError::Graph(format!("{error:#}")))?;
        Ok(Self {
            plan: Arc::new(plan),
            taps,
            classes,
            temperature: manifest.temperature,
            memory: Mutex::default(),
        })
    }

    /// Logits `[K]` of a segment `[T, F]`.
    ///
    /// # Errors
    /// When inference fails or returns a number that is not finite.
    pub fn logits(&self, segment: &[f32]) -> Result<PerClass, ModelError> {
        self.run(segment, |_| {}).map(|(logits, ())| logits)
    }

    /// What the network computes on its way to the answer for a segment `[T, F]`.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn trace(&self, segment: &[f32]) -> Result<Trace, ModelError> {
        let (logits, tapped) = self.run(segment, |outputs| {
            let own = |(numbers, shape): &(&[f32], &[usize])| (numbers.to_vec(), shape.to_vec());
            outputs[1..].iter().map(own).collect::<Vec<_>>()
        })?;
        let mut trace = Trace::of(Posterior::from_logits(&logits, self.temperature));
        for (tap, (numbers, shape)) in self.taps.iter().zip(&tapped) {
            match tap {
                Tap::States => trace.add_states(numbers, shape[1..].iter().product()),
                Tap::Attention => trace.add_attention(numbers, shape[shape.len() - 1]),
            }
        }
        Ok(trace.finish())
    }

    /// The logits, and what `take` makes of all outputs.
    fn run<R>(
        &self,
        segment: &[f32],
        take: impl FnOnce(&[(&[f32], &[usize])]) -> R,
    ) -> Result<(PerClass, R), ModelError> {
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = segment.len() / (SEGMENT_MULTIPLE * N_FEATURES);
        // Whoever runs it at the same time begins with none.
        let mut own = std::mem::take(&mut *memory());
        let result = self.plan.run(segment, steps, &mut own, |outputs| {
            let logits = PerClass::of(outputs[0].0).filter(|logits| logits.len() == self.classes);
            let logits = logits.context("its logits are not one for each label")?;
            Ok((logits, take(outputs)))
        });
        *memory() = own;
        let (logits, taken) = result
            .and_then(|result| result)
            .map_err(|error: TractError| ModelError::Inference(format!("{error:#}")))?;
        if logits.iter().all(|logit| logit.is_finite()) {
            Ok((logits, taken))
        } else {
            Err(ModelError::NonFinite)
        }
    }
}

impl Classifier for OnnxClassifier {
    fn classify(&mut self, segment: &[f32]) -> Result<Posterior, ModelError> {
        Ok(Posterior::from_logits(
            &self.logits(segment)?,
            self.temperature,
        ))
    }
}

fn plan(model: &[u8], classes: usize) -> TractResult<(Plan, Arc<[Tap]>)> {
    let proto = ModelProto::decode(model)?;
    let graph = proto.graph.as_ref().context("it holds no graph")?;
    let frames = Size::per_step(SEGMENT_MULTIPLE);
    let (plan, taps) = graph::build(graph, &[1.into(), frames, N_FEATURES.into()])?;
    let output = plan.output(0);
    ensure!(
        *output == [1.into(), classes.into()],
        "its output is {output:?}, expected logits [1, {classes}] for the labels of model.json"
    );
    Ok((plan, taps))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tract_onnx::pb::{
        AttributeProto, GraphProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
        TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
        tensor_shape_proto, type_proto,
    };

    use super::{constant::Constant, *};
    use crate::model::manifest::tests::manifest;

    /// Pseudo-random numbers, -1 to 1.
    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// The output of `model` with tract's own operators.
    fn plain(model: &ModelProto, input: Tensor) -> Vec<f32> {
        let mut graph = tract_onnx::onnx().parse(model, None).unwrap().model;
        let fact = InferenceFact::dt_shape(f32::datum_type(), input.shape());
        graph.set_input_fact(0, fact).unwrap();
        let plan = graph.into_optimized().unwrap().into_runnable().unwrap();
        let output = plan.run(tvec!(input.into())).unwrap();
        let numbers = output[0].try_as_plain_ram().unwrap();
        numbers.as_slice().unwrap().to_vec()
    }

    fn ours(model: &ModelProto, input: Tensor) -> Vec<f32> {
        let shape: TVec<Size> = input.shape().iter().map(|&size| size.into()).collect();
        let (plan, _) = graph::build(model.graph.as_ref().unwrap(), &shape).unwrap();
        let input = input.try_as_plain_ram().unwrap();
        let input = input.as_slice::<f32>().unwrap();
        let run = |memory: &mut Memory| plan.run(input, 1, memory, |y| y[0].0.to_vec()).unwrap();
        // What is left in memory changes nothing.
        let mut memory = Memory::default();
        let first = run(&mut memory);
        assert_eq!(run(&mut memory), first);
        first
    }

    fn assert_close(ours: &[f32], plain: &[f32], what: &str) {
        assert_eq!(ours.len(), plain.len(), "{what}");
        for (ours, plain) in ours.iter().zip(plain) {
            let apart = (ours - plain).abs() / plain.abs().max(1.0);
            assert!(apart < 1e-5, "{what}: {ours} and {plain}");
        }
    }

    /// `model` with its weights in single precision, since tract does not read 4-bit ones.
    fn in_single_precision(mut model: ModelProto) -> ModelProto {
        let mut graph = model.graph.take().unwrap();
        let constant = |name: &str| {
            let mut tensors = graph.initializer.iter();
            Constant::read(tensors.find(|tensor| tensor.name == name).unwrap()).unwrap()
        };
        let mut casts = HashMap::new();
        let mut weights = vec![];
        for node in &graph.node {
            let attribute = |name: &str| {
                let mut attributes = node.attribute.iter();
                Some(attributes.find(|attribute| attribute.name == name)?.i as usize)
            };
            match &*node.op_type {
                "Cast" => _ = casts.insert(&*node.output[0], &*node.input[0]),
                "DequantizeLinear" => {
                    let stored = constant(&node.input[0]);
                    let scale = &*node.input[1];
                    let scale = constant(casts.get(scale).copied().unwrap_or(scale));
                    let axis = attribute("axis").unwrap();
                    let weight = match attribute("block_size") {
                        Some(block) => stored.dequantize_blocks(&scale, block, axis),
                        None => stored.dequantize(scale.floats().unwrap(), &[], axis),
                    };
                    let weight = weight.unwrap();
                    let floats = weight.floats().unwrap().iter();
                    let bytes = floats.flat_map(|value| value.to_le_bytes()).collect();
                    let dims: Vec<i64> = weight.shape.iter().map(|&size| size as i64).collect();
                    weights.push(raw(&node.output[0], &dims, DataType::Float, bytes));
                }
                _ => {}
            }
        }
        graph
            .node
            .retain(|node| !["Cast", "DequantizeLinear"].contains(&&*node.op_type));
        graph.initializer.extend(weights);
        graph.initializer.retain(|tensor| {
            let read = |node: &NodeProto| node.input.contains(&tensor.name);
            graph.node.iter().any(read)
        });
        model.graph = Some(graph);
        model
    }

    #[test]
    fn the_shipped_model_gives_what_tracts_own_operators_give() {
        let file = include_bytes!("../../../assets/model.onnx");
        let model = ModelProto::decode(&file[..]).unwrap();
        let classifier = OnnxClassifier::load(file, &manifest(file)).unwrap();
        let model = in_single_precision(model);
        for frames in [4, 24, 100, 188, 252] {
            let mut segment = noise(frames * N_FEATURES, frames as u32);
            for frame in segment.chunks_exact_mut(N_FEATURES) {
                frame[0] = frame[0] * 10.0 - 60.0;
            }
            let input = Tensor::from_shape(&[1, frames, N_FEATURES], &segment).unwrap();
            let logits = classifier.logits(&segment).unwrap();
            assert_close(&logits, &plain(&model, input), &format!("{frames} frames"));
        }
    }

    #[test]
    fn what_is_traced_in_the_shipped_model_is_what_tracts_own_operators_give() {
        let file = include_bytes!("../../../assets/model.onnx");
        let proto = ModelProto::decode(&file[..]).unwrap();
        let classifier = OnnxClassifier::load(file, &manifest(file)).unwrap();
        let proto = in_single_precision(proto);
        let frames = 100;
        let mut segment = noise(frames * N_FEATURES, 5);
        for frame in segment.chunks_exact_mut(N_FEATURES) {
            frame[0] = frame[0] * 10.0 - 60.0;
        }
        let trace = classifier.trace(&segment).unwrap();
        let outputs = |op: &str| -> Vec<Vec<f32>> {
            let nodes = proto.graph.as_ref().unwrap().node.iter();
            let named = nodes.filter(|node| node.op_type == op);
            let part = named.map(|node| {
                let mut model = proto.clone();
                model.graph.as_mut().unwrap().output[0].name = node.output[0].clone();
                model.graph.as_mut().unwrap().output[0].r#type = None;
                let input = Tensor::from_shape(&[1, frames, N_FEATURES], &segment).unwrap();
                plain(&model, input)
            });
            part.collect()
        };
        let (states, weights) = (outputs("LSTM"), outputs("Softmax"));
        assert_eq!((states.len(), weights.len()), (2, 2));
        let steps = frames / 4;
        let units = trace.units / 2;
        for (network, states) in states.iter().enumerate() {
            let rows = trace.states.chunks_exact(trace.units);
            let ours = rows.flat_map(|row| &row[network * units..][..units]);
            assert_close(&Vec::from_iter(ours.copied()), states, "states");
        }
        let heads: Vec<&[f32]> = weights.iter().flat_map(|w| w.chunks_exact(steps)).collect();
        let mean =
            |step: usize| heads.iter().map(|head| head[step]).sum::<f32>() / heads.len() as f32;
        assert_close(
            &trace.attention,
            &Vec::from_iter((0..steps).map(mean)),
            "attention",
        );
    }

    fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
        NodeProto {
            name: output.to_owned(),
            op_type: op.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            attribute,
            ..Default::default()
        }
    }

    fn ints(name: &str, ints: &[i64]) -> AttributeProto {
        AttributeProto {
            name: name.to_owned(),
            r#type: AttributeType::Ints as i32,
            ints: ints.to_vec(),
            ..Default::default()
        }
    }

    fn int(name: &str, i: i64) -> AttributeProto {
        AttributeProto {
            name: name.to_owned(),
            r#type: AttributeType::Int as i32,
            i,
            ..Default::default()
        }
    }

    fn text(name: &str, s: &str) -> AttributeProto {
        AttributeProto {
            name: name.to_owned(),
            r#type: AttributeType::String as i32,
            s: s.as_bytes().to_vec(),
            ..Default::default()
        }
    }

    fn raw(name: &str, dims: &[i64], data_type: DataType, raw_data: Vec<u8>) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            dims: dims.to_vec(),
            data_type: data_type as i32,
            raw_data,
            ..Default::default()
        }
    }

    fn floats(name: &str, dims: &[i64], seed: u32) -> TensorProto {
        let values = noise(dims.iter().product::<i64>() as usize, seed);
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        raw(name, dims, DataType::Float, bytes)
    }

    fn integers(name: &str, values: &[i64]) -> TensorProto {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        raw(name, &[values.len() as i64], DataType::Int64, bytes)
    }

    fn model(shape: &[i64], node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
        let dim = |&size: &i64| tensor_shape_proto::Dimension {
            value: Some(tensor_shape_proto::dimension::Value::DimValue(size)),
            ..Default::default()
        };
        let tensor = type_proto::Tensor {
            elem_type: DataType::Float as i32,
            shape: Some(TensorShapeProto {
                dim: shape.iter().map(dim).collect(),
            }),
        };
        let input = ValueInfoProto {
            name: "x".to_owned(),
            r#type: Some(TypeProto {
                value: Some(type_proto::Value::TensorType(tensor)),
                ..Default::default()
            }),
            ..Default::default()
        };
        let output = ValueInfoProto {
            name: node.last().unwrap().output[0].clone(),
            ..Default::default()
        };
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto {
                version: 17,
                ..Default::default()
            }],
            graph: Some(GraphProto {
                name: "test".to_owned(),
                node,
                initializer,
                input: vec![input],
                output: vec![output],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// Compares on an input of noise.
    fn check(shape: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>, what: &str) {
        let model = model(shape, nodes, constants);
        let sizes: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
        let values = noise(sizes.iter().product(), 99);
        let input = || Tensor::from_shape(&sizes, &values).unwrap();
        assert_close(&ours(&model, input()), &plain(&model, input()), what);
    }

    #[test]
    fn an_lstm_of_one_or_two_directions_gives_what_tracts_own_gives() {
        // tract reads a sequence backwards only together with one that is read forwards.
        for (direction, directions) in [("forward", 1), ("bidirectional", 2)] {
            let attributes = vec![int("hidden_size", 20), text("direction", direction)];
            let nodes = vec![node("LSTM", &["x", "w", "r", "b"], "y", attributes)];
            let constants = vec![
                floats("w", &[directions, 80, 7], 1),
                floats("r", &[directions, 80, 20], 2),
                floats("b", &[directions, 160], 3),
            ];
            check(&[30, 1, 7], nodes, constants, direction);
        }
    }

    #[test]
    fn a_convolution_gives_what_tracts_own_gives_with_whatever_follows_it() {
        let conv = |height: i64, strides: &[i64], pads: &[i64]| {
            let attributes = vec![
                ints("kernel_shape", &[height, 3]),
                ints("strides", strides),
                ints("pads", pads),
            ];
            node("Conv", &["x", "w", "b"], "y", attributes)
        };
        let constants = |height| {
            vec![
                floats("w", &[6, 3, height, 3], 1),
                floats("b", &[6], 2),
                floats("scale", &[1, 6, 1, 1], 3),
                floats("shift", &[6, 1, 1], 4),
            ]
        };
        for (height, strides, pads) in [
            (5, [1, 1], [0, 0, 0, 0]),
            (5, [2, 3], [2, 1, 1, 0]),
            (5, [2, 1], [4, 3, 4, 3]),
            // An even and an odd number of lines.
            (3, [1, 1], [0, 0, 0, 0]),
            (3, [1, 2], [1, 1, 2, 1]),
            (3, [2, 1], [1, 1, 1, 1]),
        ] {
            let plain = vec![conv(height, &strides, &pads)];
            check(&[1, 3, 12, 9], plain, constants(height), "convolution");
            let followed = vec![
                conv(height, &strides, &pads),
                node("Mul", &["y", "scale"], "scaled", vec![]),
                node("Add", &["shift", "scaled"], "shifted", vec![]),
                node("Relu", &["shifted"], "relu", vec![]),
                node(
                    "Transpose",
                    &["relu"],
                    "last",
                    vec![ints("perm", &[0, 3, 1, 2])],
                ),
                node("Exp", &["last"], "z", vec![]),
            ];
            check(
                &[1, 3, 12, 9],
                followed,
                constants(height),
                "followed convolution",
            );
        }
    }

    #[test]
    fn what_is_read_twice_is_not_folded_away() {
        let nodes = vec![
            node("MatMul", &["x", "w"], "y", vec![]),
            node("Relu", &["y"], "positive", vec![]),
            node("Sub", &["positive", "y"], "z", vec![]),
        ];
        check(&[4, 5], nodes, vec![floats("w", &[5, 3], 1)], "read twice");
    }

    #[test]
    fn averaged_posteriors_of_several_networks_give_what_tracts_own_give() {
        let mut nodes = vec![];
        for (product, softmax, weight) in [("a", "p", "v"), ("b", "q", "w")] {
            nodes.push(node("MatMul", &["x", weight], product, vec![]));
            nodes.push(node("Softmax", &[product], softmax, vec![int("axis", -1)]));
        }
        nodes.push(node("Add", &["p", "q"], "sum", vec![]));
        nodes.push(node("Div", &["sum", "two"], "mean", vec![]));
        nodes.push(node("Log", &["mean"], "logits", vec![]));
        let two = raw("two", &[1], DataType::Float, 2f32.to_le_bytes().to_vec());
        let constants = vec![floats("v", &[5, 8], 1), floats("w", &[5, 8], 2), two];
        check(&[2, 5], nodes, constants, "two networks");
    }

    #[test]
    fn rearranging_and_pooling_give_what_tracts_own_give() {
        let nodes = vec![
            node(
                "Transpose",
                &["x"],
                "channels",
                vec![ints("perm", &[0, 2, 1])],
            ),
            node(
                "AveragePool",
                &["channels"],
                "pooled",
                vec![ints("kernel_shape", &[4]), ints("strides", &[4])],
            ),
            node(
                "Transpose",
                &["pooled"],
                "steps",
                vec![ints("perm", &[0, 2, 1])],
            ),
            node("Sigmoid", &["steps"], "s", vec![]),
            node("Tanh", &["steps"], "t", vec![]),
            node("Max", &["s", "t"], "m", vec![]),
            node("Concat", &["s", "m"], "joined", vec![int("axis", 2)]),
            node("Reshape", &["joined", "shape"], "rows", vec![]),
            node(
                "Transpose",
                &["rows"],
                "columns",
                vec![ints("perm", &[1, 0])],
            ),
            node("MatMul", &["rows", "columns"], "square", vec![]),
            node("Mul", &["square", "square"], "squared", vec![]),
            node("Sqrt", &["squared"], "z", vec![]),
        ];
        check(
            &[1, 12, 3],
            nodes,
            vec![integers("shape", &[-1, 6])],
            "rearranging",
        );
    }

    #[test]
    fn weights_of_bytes_give_what_tracts_own_give() {
        let bytes = (0..15).map(|n: u8| n.wrapping_mul(91)).collect();
        let nodes = vec![
            node(
                "DequantizeLinear",
                &["q", "scale", "zero"],
                "w",
                vec![int("axis", 1)],
            ),
            node("MatMul", &["x", "w"], "y", vec![]),
        ];
        let scale = [0.01f32, 0.02, 0.005]
            .iter()
            .flat_map(|scale| scale.to_le_bytes());
        let constants = vec![
            raw("q", &[5, 3], DataType::Int8, bytes),
            raw("scale", &[3], DataType::Float, scale.collect()),
            raw("zero", &[3], DataType::Int8, vec![0; 3]),
        ];
        check(&[2, 5], nodes, constants, "bytes");
    }

    #[test]
    fn an_operator_that_is_not_known_is_named() {
        let model = model(&[1, 2], vec![node("Erf", &["x"], "erf", vec![])], vec![]);
        let shape = [1.into(), 2.into()];
        let error = graph::build(model.graph.as_ref().unwrap(), &shape).unwrap_err();
        assert!(format!("{error:#}").contains("node erf (Erf)"), "{error:#}");
    }

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        for bytes in [&b""[..], b"not a model", &[0xff; 64]] {
            let error = OnnxClassifier::load(bytes, &manifest(bytes))
                .err()
                .unwrap()
                .to_string();
            assert!(error.starts_with("model.onnx cannot be loaded"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_the_manifests_is_refused_before_it_is_parsed() {
        let error = OnnxClassifier::load(b"other", &manifest(b"model"))
            .err()
            .unwrap();
        assert!(matches!(error, ModelError::WrongFile { .. }), "{error}");
    }
}
