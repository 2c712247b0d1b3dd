//! The classifier that runs model.onnx with tract.
//!
//! Input `features` `[1, T, F]`, output `logits` `[1, K]`; batch size 1, T any multiple of
//! [`SEGMENT_MULTIPLE`]. Only the operators
//! that the exporter writes are registered, which keeps tract's other two hundred out of the
//! download.

use std::sync::Arc;

use tract_onnx::{
    Onnx,
    model::{OnnxOpRegister, ParsingContext},
    pb::NodeProto,
    tract_core::ops::{
        cast::cast,
        cnn::{PaddingSpec, PoolSpec},
        nn::DataFormat,
    },
    tract_hir::{
        internal::*,
        ops::{
            activations::Clip,
            array,
            binary::Nary,
            cnn::{Conv, HirSumPool},
            math,
            matmul::MatMulInference,
            nn,
        },
    },
};

use super::{Classifier, Manifest, ModelError, Posterior};
use crate::{
    Emotion,
    features::{N_FEATURES, SEGMENT_MULTIPLE},
};

type Builder =
    fn(&ParsingContext<'_>, &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// ONNX operators a model may use, in their opset 17 meaning.
const OPERATORS: [(&str, Builder); 17] = [
    ("Add", |_, _| Ok((math::Add.into_hir(), vec![]))),
    ("AveragePool", average_pool),
    ("Cast", |_, node| {
        Ok((Box::new(cast(node.get_attr::<DatumType>("to")?)), vec![]))
    }),
    ("Concat", |_, node| {
        Ok((expand(array::Concat::new(node.get_attr("axis")?)), vec![]))
    }),
    ("Conv", conv),
    ("LSTM", tract_onnx::ops::rec::lstm::lstm),
    ("MatMul", |_, _| {
        Ok((expand(MatMulInference::default()), vec![]))
    }),
    ("Max", |_, _| {
        Ok((Box::new(Nary(Box::new(math::Max), false)), vec![]))
    }),
    ("Mul", |_, _| Ok((math::Mul.into_hir(), vec![]))),
    ("Relu", |_, _| {
        Ok((expand(Clip::new(Some(0.0), None)), vec![]))
    }),
    ("Reshape", |_, _| {
        Ok((expand(array::Reshape::new(false)), vec![]))
    }),
    ("Sigmoid", |_, _| Ok((nn::sigmoid().into_hir(), vec![]))),
    ("Softmax", |_, node| {
        Ok((expand(nn::Softmax::new(node.get_attr("axis")?)), vec![]))
    }),
    ("Sqrt", |_, _| Ok((math::sqrt().into_hir(), vec![]))),
    ("Sub", |_, _| Ok((math::Sub.into_hir(), vec![]))),
    ("Tanh", |_, _| Ok((math::tanh().into_hir(), vec![]))),
    ("Transpose", |_, node| {
        let axes = node.get_attr_tvec::<usize>("perm")?;
        Ok((expand(array::PermuteAxes::new(Some(axes))), vec![]))
    }),
];

fn conv(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let pads: TVec<usize> = node.get_attr_tvec("pads")?;
    let (before, after) = pads.split_at(pads.len() / 2);
    let op = Conv::default()
        .kernel_shape(node.get_attr_tvec("kernel_shape")?)
        .strides(node.get_attr_tvec("strides")?)
        .padding(PaddingSpec::Explicit(before.into(), after.into()));
    Ok((expand(op), vec![]))
}

fn average_pool(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let pool = PoolSpec::new(
        DataFormat::NCHW,
        node.get_attr_tvec("kernel_shape")?,
        PaddingSpec::Valid,
        None,
        Some(node.get_attr_tvec("strides")?),
        0,
        0,
    );
    Ok((expand(HirSumPool::new(pool, false, true)), vec![]))
}

/// A network ready to run. Cloning shares the weights.
#[derive(Clone)]
pub struct OnnxClassifier {
    plan: Arc<TypedSimplePlan>,
    temperature: f32,
}

impl OnnxClassifier {
    /// Loads the bytes of model.onnx under the terms of its manifest.
    ///
    /// # Errors
    /// When `model` is not the manifest's file, uses an operator this program does not know, or has
    /// not the input and output that the features and the labels need.
    pub fn load(model: &[u8], manifest: &Manifest) -> Result<Self, ModelError> {
        manifest.check_file(model)?;
        let plan = plan(model).map_err(|error| ModelError::Graph(format!("{error:#}")))?;
        Ok(Self {
            plan,
            temperature: manifest.temperature,
        })
    }

    /// Logits `[K]` of a segment `[T, F]`.
    ///
    /// # Errors
    /// When inference fails or gives a number that is not finite.
    pub fn logits(&self, segment: &[f32]) -> Result<[f32; Emotion::COUNT], ModelError> {
        let run = || -> TractResult<[f32; Emotion::COUNT]> {
            let shape = [1, segment.len() / N_FEATURES, N_FEATURES];
            let input = Tensor::from_shape(&shape, segment)?;
            let output = self.plan.run(tvec!(input.into()))?;
            let logits = output[0].try_as_plain_ram()?;
            Ok(logits.as_slice::<f32>()?.try_into()?)
        };
        let logits = run().map_err(|error| ModelError::Inference(format!("{error:#}")))?;
        if logits.iter().all(|logit| logit.is_finite()) {
            Ok(logits)
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

fn plan(mut model: &[u8]) -> TractResult<Arc<TypedSimplePlan>> {
    let mut op_register = OnnxOpRegister::default();
    for (name, builder) in OPERATORS {
        op_register.insert(name, builder);
    }
    let onnx = Onnx {
        op_register,
        ..Onnx::default()
    };
    let mut model = onnx.model_for_read(&mut model)?;
    let frames = model.symbols.sym("steps").to_dim() * SEGMENT_MULTIPLE;
    let shape = [1.to_dim(), frames, N_FEATURES.to_dim()];
    model.set_input_fact(0, f32::fact(shape).into())?;
    let model = model.into_optimized()?;
    let output = model.output_fact(0)?;
    ensure!(
        model.outputs.len() == 1
            && output.datum_type == f32::datum_type()
            && *output.shape == [1.to_dim(), Emotion::COUNT.to_dim()],
        "its output is {output:?}, expected logits [1, {}]",
        Emotion::COUNT
    );
    model.into_runnable()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::manifest::tests::manifest;

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
