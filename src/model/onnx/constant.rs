//! The constants of a model file, in single precision whatever precision they are stored with.

use tract_onnx::{
    pb::{TensorProto, tensor_proto::DataType},
    prelude::f16,
    tract_hir::internal::*,
};

/// A tensor of the file.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Sizes of its axes.
    pub shape: TVec<usize>,
    /// Its numbers.
    pub values: Values,
}

/// Numbers of a constant.
#[derive(Clone, Debug)]
pub enum Values {
    /// From single or half precision.
    Floats(Vec<f32>),
    /// From whole numbers of any size.
    Integers(Vec<i64>),
}

impl Constant {
    /// Reads an initializer.
    ///
    /// # Errors
    /// When its numbers are of a kind that no network of ours has, or not as many as its shape says.
    pub fn read(proto: &TensorProto) -> TractResult<Self> {
        let shape: TVec<usize> = proto
            .dims
            .iter()
            .map(|&size| usize::try_from(size))
            .collect::<Result<_, _>>()?;
        let raw = &*proto.raw_data;
        let values = match DataType::try_from(proto.data_type) {
            Ok(DataType::Float) if raw.is_empty() => Values::Floats(proto.float_data.clone()),
            Ok(DataType::Float) => Values::Floats(numbers(raw, f32::from_le_bytes)),
            Ok(DataType::Float16) => {
                Values::Floats(numbers(raw, |bytes| f16::from_le_bytes(bytes).to_f32()))
            }
            Ok(DataType::Int64) if raw.is_empty() => Values::Integers(proto.int64_data.clone()),
            Ok(DataType::Int64) => Values::Integers(numbers(raw, i64::from_le_bytes)),
            Ok(DataType::Int8) => {
                Values::Integers(numbers(raw, |bytes| i8::from_le_bytes(bytes).into()))
            }
            Ok(DataType::Uint8) => {
                Values::Integers(numbers(raw, |bytes| u8::from_le_bytes(bytes).into()))
            }
            _ => bail!("its numbers are of kind {}", proto.data_type),
        };
        let count = match &values {
            Values::Floats(values) => values.len(),
            Values::Integers(values) => values.len(),
        };
        ensure!(
            Some(count)
                == shape
                    .iter()
                    .try_fold(1usize, |n, &size| n.checked_mul(size)),
            "it holds {count} numbers, its shape is {shape:?}"
        );
        Ok(Self { shape, values })
    }

    /// Its numbers.
    ///
    /// # Errors
    /// When they are whole numbers.
    pub fn floats(&self) -> TractResult<&[f32]> {
        match &self.values {
            Values::Floats(values) => Ok(values),
            Values::Integers(_) => bail!("a constant holds whole numbers"),
        }
    }

    /// Its numbers.
    ///
    /// # Errors
    /// When they are not whole numbers.
    pub fn integers(&self) -> TractResult<&[i64]> {
        match &self.values {
            Values::Integers(values) => Ok(values),
            Values::Floats(_) => bail!("a constant holds fractions"),
        }
    }

    /// `(whole number - zero) · scale`, with one scale, or one for each index along `axis`.
    ///
    /// # Errors
    /// When there are other than as many scales and zeros.
    pub fn dequantize(&self, scale: &[f32], zero: &[i64], axis: usize) -> TractResult<Self> {
        let inner: usize = self.shape.iter().skip(axis + 1).product();
        let along = if scale.len() == 1 {
            1
        } else {
            self.shape.get(axis).copied().unwrap_or(1)
        };
        ensure!(
            scale.len() == along && (zero.is_empty() || zero.len() == along),
            "{} scales and {} zeros for {along} slices",
            scale.len(),
            zero.len()
        );
        let integers = self.integers()?;
        let slice_length = if along == 1 { integers.len() } else { inner };
        let mut values = Vec::with_capacity(integers.len());
        for (index, slice) in integers.chunks(slice_length.max(1)).enumerate() {
            let zero = zero.get(index % along).copied().unwrap_or(0);
            scale_slice(slice, scale[index % along], zero, &mut values);
        }
        Ok(Self {
            shape: self.shape.clone(),
            values: Values::Floats(values),
        })
    }
}

// Browsers compile a function as a whole, and again once it has run for long: what loops over all weights
// stays small.
#[inline(never)]
fn numbers<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&bytes| read(bytes))
        .collect()
}

#[inline(never)]
fn scale_slice(slice: &[i64], scale: f32, zero: i64, values: &mut Vec<f32>) {
    values.extend(slice.iter().map(|value| (value - zero) as f32 * scale));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data_type: DataType, dims: &[i64], raw_data: &[u8]) -> TractResult<Constant> {
        Constant::read(&TensorProto {
            dims: dims.to_vec(),
            data_type: data_type as i32,
            raw_data: raw_data.to_vec(),
            ..Default::default()
        })
    }

    #[test]
    fn half_precision_is_read_exactly() {
        let constant = read(DataType::Float16, &[2], &[0x00, 0x3c, 0x00, 0xb8]).unwrap();
        assert_eq!(constant.floats().unwrap(), [1.0, -0.5]);
    }

    #[test]
    fn bytes_become_numbers_by_the_scale_of_their_slice() {
        let constant = read(DataType::Int8, &[2, 2], &[1, 0xff, 2, 127]).unwrap();
        let by_row = constant.dequantize(&[0.5, 2.0], &[], 0).unwrap();
        assert_eq!(by_row.floats().unwrap(), [0.5, -0.5, 4.0, 254.0]);
        let by_column = constant.dequantize(&[0.5, 2.0], &[1, 0], 1).unwrap();
        assert_eq!(by_column.floats().unwrap(), [0.0, -2.0, 0.5, 254.0]);
        assert!(constant.dequantize(&[1.0, 1.0, 1.0], &[], 0).is_err());
    }

    #[test]
    fn a_constant_that_is_cut_off_is_refused() {
        assert!(read(DataType::Float, &[2], &[0; 4]).is_err());
        assert!(read(DataType::Float, &[-1], &[]).is_err());
        assert!(read(DataType::String, &[0], &[]).is_err());
    }
}
