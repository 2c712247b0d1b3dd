//! An ONNX graph under construction, and the protobuf messages of its file.

use anyhow::Result;
use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint},
};
use speech_emotion::features::N_FEATURES;
use tract_onnx::{
    pb::{
        AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
        StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
        attribute_proto::AttributeType, tensor_proto::DataType, tensor_shape_proto, type_proto,
    },
    prelude::f16,
};

use super::{
    Layout, Weights,
    storage::{BLOCK, Storage},
};

/// Nodes and initialisers so far; functions that add to them return the name of their result.
pub struct Graph {
    layout: Layout,
    /// Prefix of names still to be added.
    pub prefix: String,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl Weights {
    /// Versions of the file format and of the operators: the first with 4-bit numbers and block
    /// scales where these are used, otherwise versions that most programs know.
    fn versions(self) -> (i64, i64) {
        match self {
            Self::Packed => (10, 21),
            Self::Single | Self::Half => (8, 17),
        }
    }
}

impl Graph {
    /// An empty one.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            prefix: String::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
        }
    }

    /// Whether weights are stored as rounded numbers, not multiplied out.
    pub fn is_packed(&self) -> bool {
        self.layout.weights == Weights::Packed
    }

    /// The model file; `metadata` goes into it as key and value.
    pub fn encode(self, classes: Option<usize>, metadata: &[(&str, String)]) -> Vec<u8> {
        let (ir_version, opset) = self.layout.weights.versions();
        let model = ModelProto {
            ir_version,
            opset_import: vec![OperatorSetIdProto {
                version: opset,
                ..Default::default()
            }],
            producer_name: "speech-emotion".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            metadata_props: metadata
                .iter()
                .map(|(key, value)| StringStringEntryProto {
                    key: (*key).to_owned(),
                    value: value.clone(),
                })
                .collect(),
            graph: Some(GraphProto {
                name: "speech_emotion".to_owned(),
                node: self.nodes,
                initializer: self.initializers,
                input: vec![value_info(
                    "features",
                    &[Some(1), self.layout.frames, Some(N_FEATURES)],
                )],
                output: vec![value_info("logits", &[Some(1), classes])],
                ..Default::default()
            }),
            ..Default::default()
        };
        LISTS
            .iter()
            .fold(model.encode_to_vec(), |model, path| unpacked(&model, path))
    }

    /// Renames the result of the last node.
    pub fn name_output(&mut self, name: &str) {
        if let Some(last) = self.nodes.last_mut() {
            last.output = vec![name.to_owned()];
        }
    }

    pub fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        name: &str,
        attribute: Vec<AttributeProto>,
    ) -> String {
        let name = format!("{}{name}", self.prefix);
        self.nodes.push(NodeProto {
            name: name.clone(),
            op_type: op.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            attribute,
            ..Default::default()
        });
        name
    }

    fn initializer(
        &mut self,
        name: &str,
        shape: &[usize],
        data_type: DataType,
        raw: Vec<u8>,
    ) -> String {
        let name = format!("{}{name}", self.prefix);
        self.initializers.push(TensorProto {
            name: name.clone(),
            dims: shape.iter().map(|&size| size as i64).collect(),
            data_type: data_type as i32,
            raw_data: raw,
            ..Default::default()
        });
        name
    }

    /// A tensor stored in single precision.
    pub fn single(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.initializer(name, shape, DataType::Float, raw)
    }

    /// A matrix: rounded by `storage`, or multiplied out.
    pub fn matrix(
        &mut self,
        name: &str,
        shape: &[usize],
        values: &[f32],
        storage: Storage,
    ) -> String {
        match self.layout.weights {
            Weights::Packed => self.packed(name, shape, values, storage),
            Weights::Single => self.single(name, shape, values),
            Weights::Half => {
                let raw = values
                    .iter()
                    .flat_map(|&value| f16::from_f32(value).to_le_bytes())
                    .collect();
                let half = format!("{name}_half");
                let half = self.initializer(&half, shape, DataType::Float16, raw);
                let to = int("to", DataType::Float as i64);
                self.node("Cast", &[&half], name, vec![to])
            }
        }
    }

    /// A tensor stored as whole numbers.
    fn packed(&mut self, name: &str, shape: &[usize], values: &[f32], storage: Storage) -> String {
        let (numbers, scales) = storage.quantised(values, shape);
        let stored = format!("{name}_quantised");
        let scales_name = format!("{name}_scales");
        let scales_shape = storage.scales_shape(shape);
        let (stored, scales, attributes) = match storage {
            Storage::Bytes(axis) => {
                let raw = numbers.into_iter().flat_map(i8::to_le_bytes).collect();
                (
                    self.initializer(&stored, shape, DataType::Int8, raw),
                    self.single(&scales_name, &scales_shape, &scales),
                    vec![int("axis", axis as i64)],
                )
            }
            Storage::Blocks(axis) => {
                let pair = |pair: &[i8]| {
                    let nibble = |index| pair.get(index).map_or(0, |&number| number as u8 & 15);
                    nibble(0) | nibble(1) << 4
                };
                let raw = numbers.chunks(2).map(pair).collect();
                let halves = scales
                    .iter()
                    .flat_map(|&scale| f16::from_f32(scale).to_le_bytes())
                    .collect();
                let halves = self.initializer(
                    &format!("{name}_half_scales"),
                    &scales_shape,
                    DataType::Float16,
                    halves,
                );
                (
                    self.initializer(&stored, shape, DataType::Int4, raw),
                    self.node(
                        "Cast",
                        &[&halves],
                        &scales_name,
                        vec![int("to", DataType::Float as i64)],
                    ),
                    vec![int("axis", axis as i64), int("block_size", BLOCK as i64)],
                )
            }
        };
        self.node("DequantizeLinear", &[&stored, &scales], name, attributes)
    }

    pub fn reshape(&mut self, x: &str, name: &str, shape: &[i64]) -> String {
        let raw = shape.iter().flat_map(|size| size.to_le_bytes()).collect();
        let shape_name = self.initializer(
            &format!("{name}_shape"),
            &[shape.len()],
            DataType::Int64,
            raw,
        );
        self.node("Reshape", &[x, &shape_name], name, vec![])
    }

    /// `x · weightᵀ` with the network's `parameter` `[outputs, inputs]`, its rows times `scale`.
    pub fn linear<'a>(
        &mut self,
        name: &str,
        x: &str,
        parameter: &str,
        get: &impl Fn(&str) -> Result<&'a [f32]>,
        scale: &[f32],
    ) -> Result<String> {
        let weight = get(parameter)?;
        let outputs = scale.len();
        let inputs = weight.len() / outputs;
        let mut transposed: Vec<f32> = (0..inputs)
            .flat_map(|i| weight.iter().skip(i).step_by(inputs).zip(scale))
            .map(|(weight, scale)| weight * scale)
            .collect();
        let storage = Storage::of(parameter, 1, 0);
        if self.is_packed() && matches!(storage, Storage::Blocks(_)) {
            transposed.resize(inputs.next_multiple_of(BLOCK) * outputs, 0.0);
        }
        let shape = [transposed.len() / outputs, outputs];
        let weight = self.matrix(&format!("{name}_weight"), &shape, &transposed, storage);
        Ok(self.node("MatMul", &[x, &weight], name, vec![]))
    }

    pub fn add_bias(&mut self, x: &str, name: &str, bias: &[f32]) -> String {
        let bias = self.single(&format!("{name}_bias"), &[bias.len()], bias);
        self.node("Add", &[x, &bias], name, vec![])
    }
}

/// Where lists of whole numbers lie that the format's definition does not pack: attributes of nodes of the graph, the
/// shapes of tensors in attributes, and those of constants.
pub(super) const LISTS: [&[u32]; 3] = [&[7, 1, 5, 8], &[7, 1, 5, 5, 1], &[7, 5, 1]];

/// `message` with the packed list of whole numbers that lies at `path`, the numbers of the fields from the outer to
/// the inner, number by number: as the format's definition has it, which some programs insist on.
pub(super) fn unpacked(mut message: &[u8], path: &[u32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len());
    while let Ok((tag, wire_type)) = decode_key(&mut message) {
        let mut length = match wire_type {
            WireType::Varint => message.iter().take_while(|&&byte| byte >= 0x80).count() + 1,
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            _ => decode_varint(&mut message).unwrap_or(0) as usize,
        };
        length = length.min(message.len());
        let (field, rest) = message.split_at(length);
        message = rest;
        match path {
            [first, inner @ ..] if *first == tag && wire_type == WireType::LengthDelimited => {
                if inner.is_empty() {
                    let mut list = field;
                    while let Ok(number) = decode_varint(&mut list) {
                        encode_key(tag, WireType::Varint, &mut out);
                        encode_varint(number, &mut out);
                    }
                } else {
                    let field = unpacked(field, inner);
                    encode_key(tag, wire_type, &mut out);
                    encode_varint(field.len() as u64, &mut out);
                    out.extend(field);
                }
            }
            _ => {
                encode_key(tag, wire_type, &mut out);
                if wire_type == WireType::LengthDelimited {
                    encode_varint(length as u64, &mut out);
                }
                out.extend(field);
            }
        }
    }
    out
}

fn attribute(name: &str, r#type: AttributeType) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: r#type as i32,
        ..Default::default()
    }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        i,
        ..attribute(name, AttributeType::Int)
    }
}

pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        ints: ints.to_vec(),
        ..attribute(name, AttributeType::Ints)
    }
}

/// A float tensor; a size that is not given becomes T.
fn value_info(name: &str, shape: &[Option<usize>]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let dim = |size: &Option<usize>| Dimension {
        value: Some(match size {
            Some(size) => Value::DimValue(*size as i64),
            None => Value::DimParam("T".to_owned()),
        }),
        ..Default::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape: Some(TensorShapeProto {
            dim: shape.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..Default::default()
        }),
        ..Default::default()
    }
}
