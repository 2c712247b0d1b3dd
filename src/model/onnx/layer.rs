//! The operators of the network; numbers are single precision, the batch size is 1.

use tract_onnx::tract_hir::internal::*;

use super::{
    array::{self, Binary, Unary},
    convolution::Convolution,
    lstm::Lstm,
    matrix::Dense,
    plan::Scratch,
    size::Size,
};

/// What a layer computes.
#[derive(Debug)]
pub enum Kernel {
    /// `[.., n]` pooled over the last axis: kernel and stride.
    AveragePool([usize; 2]),
    /// Two arrays, sizes of 1 broadcast.
    Binary(Binary),
    /// Arrays concatenated along an axis.
    Concat(usize),
    /// `[1, H, W, C]` to `[1, H', W', K]`.
    Convolution(Convolution),
    /// `[.., I]` to `[.., O]`.
    Dense(Dense),
    /// `[T, 1, I]` to `[T, D, 1, H]`.
    Lstm(Lstm),
    /// `[.., m, k]` times `[.., k, n]`.
    Multiply,
    /// Axis `i` of the result is the given axis of the input.
    Permute(TVec<usize>),
    /// As in ONNX: 0 keeps a size, -1 takes what is left.
    Reshape(Vec<i64>),
    /// Along an axis.
    Softmax(usize),
    /// Element by element.
    Unary(Unary),
}

impl Kernel {
    /// Shape of the result.
    #[inline(never)]
    pub fn shape(&self, inputs: &[&[Size]]) -> TractResult<TVec<Size>> {
        let [first, ..] = inputs else {
            bail!("it has no input");
        };
        let mut shape: TVec<Size> = (*first).into();
        let rank = shape.len();
        match self {
            Self::AveragePool([kernel, stride]) => {
                ensure!(rank > 0, "it pools no axis");
                shape[rank - 1] = shape[rank - 1].windows(*kernel, *stride)?;
            }
            Self::Binary(_) => {
                let [a, b] = inputs else {
                    bail!("it has {} inputs, expected 2", inputs.len());
                };
                ensure!(a.len() == b.len(), "{a:?} and {b:?} do not fit");
                let one = Size::from(1);
                for (size, other) in shape.iter_mut().zip(*b) {
                    if *size == one {
                        *size = *other;
                    } else {
                        ensure!(*other == one || other == size, "{a:?} and {b:?} do not fit");
                    }
                }
            }
            Self::Concat(axis) => {
                ensure!(*axis < rank, "it has no axis {axis}");
                for part in &inputs[1..] {
                    let fits = |(n, size): (usize, &Size)| n == *axis || *size == shape[n];
                    ensure!(
                        part.len() == rank && part.iter().enumerate().all(fits),
                        "{part:?} does not fit {first:?}"
                    );
                    shape[*axis] = shape[*axis].plus(part[*axis]);
                }
            }
            Self::Convolution(convolution) => {
                let channels = convolution.channels();
                ensure!(
                    rank == 4 && shape[0] == 1.into() && shape[3] == channels.into(),
                    "{shape:?} does not have {channels} channels"
                );
                for axis in 0..2 {
                    let padding = convolution.before[axis] + convolution.after[axis];
                    shape[1 + axis] = shape[1 + axis]
                        .plus(padding.into())
                        .windows(convolution.kernel[axis], convolution.strides[axis])?;
                }
                shape[3] = convolution.outputs().into();
            }
            Self::Dense(dense) => {
                ensure!(
                    rank > 0 && shape[rank - 1] == dense.inputs().into(),
                    "{shape:?} does not end with {}",
                    dense.inputs()
                );
                shape[rank - 1] = dense.outputs().into();
            }
            Self::Lstm(lstm) => {
                ensure!(
                    rank == 3 && shape[1] == 1.into() && shape[2] == lstm.inputs().into(),
                    "{shape:?} is not [T, 1, {}]",
                    lstm.inputs()
                );
                let (steps, one) = (shape[0], Size::from(1));
                shape = tvec!(steps, lstm.directions().into(), one, lstm.units().into());
            }
            Self::Multiply => {
                let [a, b] = inputs else {
                    bail!("it has {} inputs, expected 2", inputs.len());
                };
                ensure!(
                    rank > 1
                        && b.len() == rank
                        && a[..rank - 2] == b[..rank - 2]
                        && a[rank - 1] == b[rank - 2],
                    "{a:?} and {b:?} do not fit"
                );
                shape[rank - 1] = b[rank - 1];
            }
            Self::Permute(order) => {
                ensure!(
                    order.len() == rank,
                    "{shape:?} does not have {} axes",
                    order.len()
                );
                shape = order.iter().map(|&axis| first[axis]).collect();
            }
            Self::Reshape(sizes) => {
                let mut rest = None;
                shape = tvec!();
                for (axis, &size) in sizes.iter().enumerate() {
                    shape.push(match usize::try_from(size) {
                        Ok(0) => *first.get(axis).context("no size to keep")?,
                        Ok(size) => size.into(),
                        Err(_) => {
                            rest = Some(axis);
                            1.into()
                        }
                    });
                }
                let size = volume(first)?.divided_by(volume(&shape)?)?;
                match rest {
                    Some(rest) => shape[rest] = size,
                    None => ensure!(size == 1.into(), "{first:?} does not become {shape:?}"),
                }
            }
            Self::Softmax(axis) => ensure!(*axis < rank, "it has no axis {axis}"),
            Self::Unary(_) => {}
        }
        Ok(shape)
    }

    /// Whether the result is the input's numbers in the same order.
    pub fn keeps_order(&self, shape: &[Size]) -> bool {
        match self {
            Self::Reshape(_) => true,
            Self::Permute(order) => {
                let long = order.iter().filter(|&&axis| shape[axis] != 1.into());
                long.is_sorted()
            }
            _ => false,
        }
    }

    /// Computes the result `y` of shape `shape`.
    pub fn run(
        &self,
        x: &[(&[f32], &[usize])],
        y: &mut [f32],
        shape: &[usize],
        scratch: &mut Scratch,
    ) {
        let [(first, size), ..] = *x else { return };
        match (self, x) {
            (Self::AveragePool(pool), _) => {
                let length = size.last().copied().unwrap_or(0);
                array::average_pool(first, length, *pool, y);
            }
            (Self::Binary(binary), [(a, a_shape), (b, b_shape)]) => {
                binary.run([a, b], [a_shape, b_shape], y, shape);
            }
            (Self::Concat(axis), _) => {
                let parts: TVec<_> = x
                    .iter()
                    .map(|(part, shape)| (*part, shape[*axis..].iter().product()))
                    .collect();
                array::concat(&parts, y);
            }
            (Self::Convolution(convolution), _) => {
                let (size, out) = ([size[1], size[2]], [shape[1], shape[2]]);
                convolution.run(first, size, y, out, scratch);
            }
            (Self::Dense(dense), _) => dense.apply(first, y),
            (Self::Lstm(lstm), _) => lstm.run(first, y, scratch),
            (Self::Multiply, [(a, a_shape), (b, _)]) => {
                let rank = shape.len();
                let batch = shape[..rank - 2].iter().product();
                let sizes = [batch, shape[rank - 2], a_shape[rank - 1], shape[rank - 1]];
                array::multiply(a, b, sizes, y);
            }
            (Self::Permute(order), _) => array::permute(first, size, order, y, shape),
            (Self::Softmax(axis), _) => {
                let inner = shape[axis + 1..].iter().product();
                array::softmax(first, shape[*axis], inner, y);
            }
            (Self::Unary(unary), _) => unary.run(first, y),
            (Self::Reshape(_) | Self::Binary(_) | Self::Multiply, _) => {}
        }
    }
}

fn volume(shape: &[Size]) -> TractResult<Size> {
    shape
        .iter()
        .try_fold(1.into(), |volume: Size, &size| volume.times(size))
}
