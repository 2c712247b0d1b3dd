//! The networks as an ONNX graph.
//!
//! Input `features` `[1, T, F]` with T a multiple of four, output `logits` `[1, K]`. Batch
//! normalisation is one scale and one shift for each channel. Matrices are rounded to whole numbers: the large
//! ones to 4 bits with a scale for every 32 inputs of an output, the others to 8 bits with a scale for each
//! output.
//!
//! The program's own file stores these numbers, which makes it four to eight times smaller, and
//! uses only operators that the program's loader knows. For other programs they are multiplied out,
//! and the scale of the normalisation is merged into the weights.

mod graph;
mod storage;

use anyhow::{Context, Result, ensure};
use speech_emotion::features::{
    self, ENERGY, N_FEATURES, N_MFCC, PITCH, SEGMENT_MULTIPLE, VOICING,
};

use crate::learning::ensemble::Ensemble;
use crate::network::{MIN_LOG_ENERGY, NORMALISATION_EPSILON, Network, POOLING_EPSILON, Parameters};
use graph::{Graph, int, ints};
use storage::{BLOCK, Storage};

/// Energy, pitch and voicing.
const SIDE_INPUTS: usize = 3;

/// How weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// In 4 and 8 bits, as the program reads them; opset 21.
    #[default]
    Packed,
    /// In single precision; opset 17.
    Single,
    /// In half precision, computed in single precision; opset 17.
    Half,
}

/// How a file is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// How weights are stored.
    pub weights: Weights,
    /// T, a multiple of four; any if none is given.
    pub frames: Option<usize>,
}

/// The bytes of model.onnx: the mean logits of the ensemble, with its weights rounded. `metadata`
/// goes into the file as key and value.
///
/// # Errors
/// When a network lacks a parameter, when one is not a finite number, or when the number of frames
/// has no step of four.
pub fn encode(ensemble: &Ensemble, layout: Layout, metadata: &[(&str, String)]) -> Result<Vec<u8>> {
    ensure!(
        layout
            .frames
            .is_none_or(|t| t > 0 && t % SEGMENT_MULTIPLE == 0),
        "the network takes multiples of {SEGMENT_MULTIPLE} frames"
    );
    for (index, network) in ensemble.members().iter().enumerate() {
        for parameter in network.parameters().iter() {
            ensure!(
                parameter.value.iter().all(|value| value.is_finite()),
                "{} of network {} has values that are not finite numbers",
                parameter.name,
                index + 1
            );
        }
    }
    let mut graph = Graph::new(layout);
    if graph.is_packed() {
        wire(ensemble, &mut graph)?;
    } else {
        let mut rounded = ensemble.clone();
        rounded.members_mut().iter_mut().for_each(quantise);
        wire(&rounded, &mut graph)?;
    }
    let classes = ensemble.members().first().map(Network::classes);
    Ok(graph.encode(classes, metadata))
}

/// `network` with its matrices rounded as [`encode`] stores them.
pub fn quantise(network: &mut Network) {
    for parameter in network.parameters_mut().iter_mut() {
        let shape = &*parameter.shape;
        if shape.len() > 1 {
            let storage = Storage::of(&parameter.name, 0, shape.len() - 1);
            let (numbers, scales) = storage.quantised(&parameter.value, shape);
            for (index, (value, number)) in parameter.value.iter_mut().zip(numbers).enumerate() {
                *value = f32::from(number) * scales[storage.slice(index, shape)];
            }
        }
    }
}

fn wire(ensemble: &Ensemble, graph: &mut Graph) -> Result<()> {
    // Columns of the features are picked by matrices; the MFCC turn into log-mel energies in the
    // same step.
    let mut inverse_dct = features::dct_matrix();
    inverse_dct.resize(N_FEATURES * N_MFCC, 0.0);
    let inverse_dct = graph.single("inverse_dct", &[N_FEATURES, N_MFCC], &inverse_dct);
    let log_mel = graph.node("MatMul", &["features", &inverse_dct], "log_mel", vec![]);
    let lowest = graph.single("lowest", &[1], &[MIN_LOG_ENERGY]);
    let clamped = graph.node("Max", &[&log_mel, &lowest], "clamped", vec![]);
    let side = side_inputs(graph);

    let mut sum: Option<String> = None;
    for (index, (network, share)) in ensemble.shares().enumerate() {
        graph.prefix = format!("n{}_", index + 1);
        let logits = wire_network(network.parameters(), graph, &clamped, &side)?;
        let share = graph.single("share", &[1], &[share]);
        let shared = graph.node("Mul", &[&logits, &share], "shared_logits", vec![]);
        sum = Some(match sum {
            Some(sum) => graph.node("Add", &[&sum, &shared], "logits_sum", vec![]),
            None => shared,
        });
    }
    sum.context("there is no network")?;
    graph.name_output("logits");
    Ok(())
}

/// From the clamped log-mel energies and the side inputs to the logits of one network.
fn wire_network(
    parameters: &Parameters,
    graph: &mut Graph,
    clamped: &str,
    side: &str,
) -> Result<String> {
    let get = |name: &str| -> Result<&[f32]> {
        let parameter = parameters.get(name);
        Ok(&parameter
            .with_context(|| format!("the network has no parameter {name}"))?
            .value)
    };
    let mean = graph.single("mel_mean", &[N_MFCC], get("input.mean")?);
    let centred = graph.node("Sub", &[clamped, &mean], "centred", vec![]);
    let inverse: Vec<f32> = get("input.deviation")?.iter().map(|d| 1.0 / d).collect();
    let inverse = graph.single("mel_inverse_deviation", &[N_MFCC], &inverse);
    let standardised = graph.node("Mul", &[&centred, &inverse], "standardised", vec![]);
    let image = graph.reshape(&standardised, "image", &[1, 1, -1, N_MFCC as i64]);

    let conv1 = Conv {
        inputs: 1,
        outputs: 16,
        kernel: [5, 3],
        strides: [2, 2],
    };
    let conv2 = Conv {
        inputs: 16,
        outputs: 32,
        kernel: [3, 3],
        strides: [2, 2],
    };
    let conv3 = Conv {
        inputs: 32,
        outputs: 48,
        kernel: [3, 3],
        strides: [1, 2],
    };
    let mut x = image;
    for (index, conv) in [conv1, conv2, conv3].into_iter().enumerate() {
        let index = index + 1;
        let norm = Norm::new(parameters, &format!("norm{index}"))?;
        x = conv.wire(
            graph,
            &format!("conv{index}"),
            &x,
            get(&format!("conv{index}.weight"))?,
            &norm,
        );
    }
    let rows = graph.node(
        "Transpose",
        &[&x],
        "rows",
        vec![ints("perm", &[0, 2, 3, 1])],
    );
    let flat = graph.reshape(&rows, "flat", &[1, -1, 48 * (N_MFCC / 8) as i64]);

    let joined = graph.node("Concat", &[&flat, side], "joined", vec![int("axis", 2)]);
    let norm = Norm::new(parameters, "projection_norm")?;
    let projected = norm.linear(graph, "projection", &joined, "projection.weight", &get)?;
    let projected = graph.node("Relu", &[&projected], "projected", vec![]);

    let sequence = graph.node(
        "Transpose",
        &[&projected],
        "sequence",
        vec![ints("perm", &[1, 0, 2])],
    );
    let states = lstm(graph, &sequence, &get)?;
    let pooled = attention(graph, &states, &get)?;
    let norm = Norm::new(parameters, "hidden_norm")?;
    let hidden = norm.linear(graph, "hidden", &pooled, "hidden.weight", &get)?;
    let hidden = graph.node("Relu", &[&hidden], "hidden_active", vec![]);
    let bias = get("output.bias")?;
    let scale = vec![1.0; bias.len()];
    let output = graph.linear("output", &hidden, "output.weight", &get, &scale)?;
    Ok(graph.add_bias(&output, "network_logits", bias))
}

/// `(energy + 9) / 3`, `voiced · (pitch - 1)` and `2 voiced - 1` with
/// `voiced = sigmoid(12 (voicing - 0.6))`, averaged over steps of four frames: `[1, T / 4, 3]`.
fn side_inputs(graph: &mut Graph) -> String {
    let mut column = |name: &str, index: usize, scale: f32, shift: f32| {
        let mut pick = vec![0.0; N_FEATURES];
        pick[index] = scale;
        let pick = graph.single(&format!("{name}_pick"), &[N_FEATURES, 1], &pick);
        let shift = graph.single(&format!("{name}_shift"), &[1], &[shift]);
        let picked = graph.node(
            "MatMul",
            &["features", &pick],
            &format!("{name}_column"),
            vec![],
        );
        graph.node("Add", &[&picked, &shift], name, vec![])
    };
    let energy = column("energy", ENERGY, 1.0 / 3.0, 3.0);
    let pitch = column("pitch", PITCH, 1.0, -1.0);
    let voicing = column("voicing", VOICING, 12.0, -7.2);
    let lowest = graph.single("energy_lowest", &[1], &[(MIN_LOG_ENERGY + 9.0) / 3.0]);
    let energy = graph.node("Max", &[&energy, &lowest], "energy_clamped", vec![]);
    let voiced = graph.node("Sigmoid", &[&voicing], "voiced", vec![]);
    let pitch = graph.node("Mul", &[&voiced, &pitch], "voiced_pitch", vec![]);
    let two = graph.single("two", &[1], &[2.0]);
    let one = graph.single("one", &[1], &[1.0]);
    let doubled = graph.node("Mul", &[&voiced, &two], "voiced_doubled", vec![]);
    let voiced = graph.node("Sub", &[&doubled, &one], "voiced_centred", vec![]);
    let side = graph.node(
        "Concat",
        &[&energy, &pitch, &voiced],
        "side",
        vec![int("axis", 2)],
    );
    let channels = graph.node(
        "Transpose",
        &[&side],
        "side_channels",
        vec![ints("perm", &[0, 2, 1])],
    );
    let step = [SEGMENT_MULTIPLE as i64];
    let attributes = vec![ints("kernel_shape", &step), ints("strides", &step)];
    let pooled = graph.node("AveragePool", &[&channels], "side_pooled", attributes);
    let steps = graph.node(
        "Transpose",
        &[&pooled],
        "side_steps",
        vec![ints("perm", &[0, 2, 1])],
    );
    if !graph.is_packed() {
        return steps;
    }
    // With as many zeros as make a whole block, for programs that take no others.
    let widen: Vec<f32> = (0..SIDE_INPUTS * BLOCK)
        .map(|n| if n % BLOCK == n / BLOCK { 1.0 } else { 0.0 })
        .collect();
    let widen = graph.single("side_widen", &[SIDE_INPUTS, BLOCK], &widen);
    graph.node("MatMul", &[&steps, &widen], "side_block", vec![])
}

/// ONNX orders the gates i, o, f, c; the network i, f, g (= c), o. Gives `[T, H]`.
fn lstm<'a>(
    graph: &mut Graph,
    sequence: &str,
    get: &impl Fn(&str) -> Result<&'a [f32]>,
) -> Result<String> {
    let reordered = |values: &[f32]| -> Vec<f32> {
        let gate = values.len() / 4;
        [0, 3, 1, 2]
            .into_iter()
            .flat_map(|g| &values[g * gate..(g + 1) * gate])
            .copied()
            .collect()
    };
    let bias = get("lstm.bias")?;
    let units = bias.len() / 4;
    let inputs = get("lstm.weight_ih")?.len() / bias.len();
    let mut matrix = |name: &str, parameter: &str, inputs: usize| -> Result<String> {
        let storage = Storage::of(parameter, 1, 2);
        let weight = reordered(get(parameter)?);
        Ok(graph.matrix(name, &[1, 4 * units, inputs], &weight, storage))
    };
    let w = matrix("lstm_w", "lstm.weight_ih", inputs)?;
    let r = matrix("lstm_r", "lstm.weight_hh", units)?;
    let mut both = reordered(bias);
    both.resize(8 * units, 0.0);
    let b = graph.single("lstm_b", &[1, 8 * units], &both);
    let mut inputs = vec![sequence, &w, &r, &b];
    let start;
    if !graph.is_packed() {
        // Not every program takes the initial states to be 0 when none are given.
        start = graph.single("lstm_start", &[1, 1, units], &vec![0.0; units]);
        inputs.extend(["", &start, &start]);
    }
    let size = vec![int("hidden_size", units as i64)];
    let y = graph.node("LSTM", &inputs, "lstm", size);
    Ok(graph.reshape(&y, "states", &[-1, units as i64]))
}

/// Attentive statistics of `[T, H]`: `[1, 2 H]`, means then deviations.
fn attention<'a>(
    graph: &mut Graph,
    states: &str,
    get: &impl Fn(&str) -> Result<&'a [f32]>,
) -> Result<String> {
    let bias = get("attention.hidden.bias")?;
    let units = get("attention.hidden.weight")?.len() / bias.len();
    let heads = get("attention.scores.weight")?.len() / bias.len();
    let hidden = graph.linear(
        "attention_hidden",
        states,
        "attention.hidden.weight",
        get,
        &vec![1.0; bias.len()],
    )?;
    let hidden = graph.add_bias(&hidden, "attention_raised", bias);
    let hidden = graph.node("Tanh", &[&hidden], "attention_active", vec![]);
    let scores = graph.linear(
        "attention_scores",
        &hidden,
        "attention.scores.weight",
        get,
        &vec![1.0; heads],
    )?;
    let by_head = graph.node(
        "Transpose",
        &[&scores],
        "scores_by_head",
        vec![ints("perm", &[1, 0])],
    );
    let weights = graph.node("Softmax", &[&by_head], "weights", vec![int("axis", 1)]);
    let weights = graph.reshape(&weights, "weight_rows", &[heads as i64, 1, -1]);
    let slices = graph.reshape(
        states,
        "slices",
        &[-1, heads as i64, (units / heads) as i64],
    );
    let slices = graph.node(
        "Transpose",
        &[&slices],
        "head_slices",
        vec![ints("perm", &[1, 0, 2])],
    );
    let mean = graph.node("MatMul", &[&weights, &slices], "pooled_mean", vec![]);
    let centred = graph.node("Sub", &[&slices, &mean], "slices_centred", vec![]);
    let squares = graph.node("Mul", &[&centred, &centred], "slices_squared", vec![]);
    let variance = graph.node("MatMul", &[&weights, &squares], "pooled_variance", vec![]);
    let shape: &[usize] = if graph.is_packed() { &[1] } else { &[] };
    let epsilon = graph.single("epsilon", shape, &[POOLING_EPSILON]);
    let raised = graph.node("Add", &[&variance, &epsilon], "variance_raised", vec![]);
    let deviation = graph.node("Sqrt", &[&raised], "pooled_deviation", vec![]);
    let pooled = graph.node(
        "Concat",
        &[&mean, &deviation],
        "pooled_parts",
        vec![int("axis", 0)],
    );
    Ok(graph.reshape(&pooled, "pooled", &[1, 2 * units as i64]))
}

/// Batch normalisation in evaluation mode as one scale and one shift per channel.
struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Norm {
    fn new(parameters: &Parameters, name: &str) -> Result<Self> {
        let get = |field: &str| -> Result<&[f32]> {
            let parameter = parameters.get(&format!("{name}.{field}"));
            Ok(&parameter
                .with_context(|| format!("the network has no {name}.{field}"))?
                .value)
        };
        let deviation = get("variance")?
            .iter()
            .map(|variance| (variance + NORMALISATION_EPSILON).sqrt());
        let scale: Vec<f32> = get("scale")?
            .iter()
            .zip(deviation)
            .map(|(scale, deviation)| scale / deviation)
            .collect();
        let shift = get("shift")?
            .iter()
            .zip(get("mean")?.iter().zip(&scale))
            .map(|(shift, (mean, scale))| shift - mean * scale)
            .collect();
        Ok(Self { scale, shift })
    }

    /// Scaled and shifted, unless the scale has been merged into the weights.
    fn wire(&self, graph: &mut Graph, name: &str, x: &str, shape: &[usize]) -> String {
        let scale = graph.single(&format!("{name}_scale"), shape, &self.scale);
        let scaled = graph.node("Mul", &[x, &scale], &format!("{name}_scaled"), vec![]);
        self.shift(graph, name, &scaled, shape)
    }

    fn shift(&self, graph: &mut Graph, name: &str, x: &str, shape: &[usize]) -> String {
        let shift = graph.single(&format!("{name}_shift"), shape, &self.shift);
        graph.node("Add", &[x, &shift], &format!("{name}_shifted"), vec![])
    }

    /// A linear layer and its normalisation.
    fn linear<'a>(
        &self,
        graph: &mut Graph,
        name: &str,
        x: &str,
        parameter: &str,
        get: &impl Fn(&str) -> Result<&'a [f32]>,
    ) -> Result<String> {
        let shape = [self.scale.len()];
        if graph.is_packed() {
            let y = graph.linear(name, x, parameter, get, &vec![1.0; shape[0]])?;
            return Ok(self.wire(graph, name, &y, &shape));
        }
        let y = graph.linear(name, x, parameter, get, &self.scale)?;
        Ok(self.shift(graph, name, &y, &shape))
    }
}

/// A convolution followed by batch normalisation and ReLU. Pairs are time, mel.
struct Conv {
    inputs: usize,
    outputs: usize,
    kernel: [usize; 2],
    strides: [i64; 2],
}

impl Conv {
    /// `weight`: `[out, time, mel, in]`. If weights are packed, the scale of the normalisation
    /// stays a separate factor, so that the stored weights are exactly those rounded.
    fn wire(self, graph: &mut Graph, name: &str, x: &str, weight: &[f32], norm: &Norm) -> String {
        let taps = self.kernel[0] * self.kernel[1];
        let mut by_channel = Vec::with_capacity(weight.len());
        for kernel in weight.chunks_exact(taps * self.inputs) {
            for input in 0..self.inputs {
                by_channel.extend(kernel.iter().skip(input).step_by(self.inputs));
            }
        }
        let shape = [self.outputs, self.inputs, self.kernel[0], self.kernel[1]];
        if !graph.is_packed() {
            let outputs = by_channel.chunks_exact_mut(taps * self.inputs);
            for (kernel, scale) in outputs.zip(&norm.scale) {
                kernel.iter_mut().for_each(|weight| *weight *= scale);
            }
        }
        let storage = Storage::of(&format!("{name}.weight"), 0, 1);
        let weight = graph.matrix(&format!("{name}_weight"), &shape, &by_channel, storage);
        let [time, mel] = self.kernel.map(|size| (size / 2) as i64);
        // As T is a multiple of four, a stride over time never reaches the last padding zeros at
        // the end; without them tract sees that T / 4 steps result, as from the side inputs.
        let time_after = time + 1 - self.strides[0];
        let attributes = vec![
            ints("kernel_shape", &self.kernel.map(|size| size as i64)),
            ints("strides", &self.strides),
            ints("pads", &[time, mel, time_after, mel]),
        ];
        let y = if graph.is_packed() {
            let y = graph.node("Conv", &[x, &weight], name, attributes);
            norm.wire(graph, name, &y, &[1, self.outputs, 1, 1])
        } else {
            let bias = graph.single(&format!("{name}_bias"), &[self.outputs], &norm.shift);
            graph.node("Conv", &[x, &weight, &bias], name, attributes)
        };
        graph.node("Relu", &[&y], &format!("{name}_active"), vec![])
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use speech_emotion::model::OnnxClassifier;
    use tract_onnx::pb::ModelProto;

    use super::*;
    use crate::artifact::export::tests::untrained_manifest;

    #[test]
    fn a_network_of_what_is_not_a_number_is_refused_by_name() {
        let mut network = Network::new(8, &mut ChaCha8Rng::seed_from_u64(7));
        for parameter in network.parameters_mut().iter_mut() {
            if parameter.name == "lstm.weight_hh" {
                parameter.value[3] = f32::NAN;
            }
        }
        let error = encode(&Ensemble::new(vec![network]), Layout::default(), &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("lstm.weight_hh of network 1"), "{error}");
    }

    #[test]
    fn every_block_is_full_and_no_list_is_packed() {
        let network = Network::new(8, &mut ChaCha8Rng::seed_from_u64(7));
        let model = encode(&Ensemble::new(vec![network]), Layout::default(), &[]).unwrap();
        let graph = ModelProto::decode(&*model).unwrap().graph.unwrap();
        let mut blocks = 0;
        for node in graph
            .node
            .iter()
            .filter(|node| node.op_type == "DequantizeLinear")
        {
            let of = |name: &str| {
                node.attribute
                    .iter()
                    .find(|attribute| attribute.name == name)
            };
            let Some(block) = of("block_size") else {
                continue;
            };
            let mut stored = graph.initializer.iter();
            let stored = stored.find(|tensor| tensor.name == node.input[0]).unwrap();
            let along = stored.dims[of("axis").unwrap().i as usize];
            assert_eq!(along % block.i, 0, "{}: {along} in {}", node.name, block.i);
            blocks += 1;
        }
        assert_eq!(blocks, 4);
        // AttributeProto.ints is field 8: packed it has wire type 2, else each number has 0.
        let pads = |wire: u8| -> Vec<u8> {
            let mut bytes = b"\x0a\x04pads".to_vec();
            bytes.push(8 << 3 | wire);
            bytes
        };
        let holds = |part: &[u8]| model.windows(part.len()).any(|window| window == part);
        assert!(holds(&pads(0)) && !holds(&pads(2)));
        // TensorProto.dims is field 1; type and name come after it.
        let mut vectors = graph.initializer.iter();
        let vector = vectors.find(|tensor| tensor.dims == [8]).unwrap();
        let shape = |dims: &[u8]| -> Vec<u8> {
            let (name, data_type) = (vector.name.as_bytes(), vector.data_type as u8);
            let after = [2 << 3, data_type, 8 << 3 | 2, name.len() as u8];
            [dims, &after, name].concat()
        };
        assert!(holds(&shape(&[1 << 3, 8])) && !holds(&shape(&[1 << 3 | 2, 1, 8])));
        for path in graph::LISTS {
            assert!(graph::unpacked(&model, path) == model);
        }
    }

    #[test]
    fn tract_and_the_trainer_give_the_same_logits() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut ensemble =
            Ensemble::new(vec![Network::new(5, &mut rng), Network::new(5, &mut rng)]);
        for network in ensemble.members_mut() {
            for parameter in network.parameters_mut().iter_mut() {
                let positive = parameter.name.ends_with("variance")
                    || parameter.name.ends_with("deviation")
                    || parameter.name.ends_with("scale");
                for value in &mut parameter.value {
                    let noise: f32 = rng.random_range(-0.3..0.3);
                    *value += if positive { noise.abs() } else { noise };
                }
            }
            quantise(network);
        }
        let model = encode(&ensemble, Layout::default(), &[]).unwrap();
        let classifier = OnnxClassifier::load(&model, &untrained_manifest(&model, 5)).unwrap();
        for frames in [4, 24, 60, 188, 400] {
            let segment: Vec<f32> = (0..frames * N_FEATURES)
                .map(|_| rng.random_range(-8.0..3.0))
                .collect();
            let ours = ensemble.forward(&segment);
            let tracts = classifier.logits(&segment).unwrap();
            for (ours, tracts) in ours.iter().zip(&*tracts) {
                assert!(
                    (ours - tracts).abs() < 1e-4,
                    "{frames} frames: {ours} and {tracts}"
                );
            }
        }
    }
}
