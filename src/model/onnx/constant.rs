//! The constants of a model file, in single precision whatever precision they are stored in.

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
    /// What they were made of.
    pub blocks: Option<Arc<Blocks>>,
}

/// Whole numbers with a scale for every block of them.
#[derive(Debug)]
pub struct Blocks {
    /// As many as there are numbers.
    pub integers: Arc<[i16]>,
    /// One for each block.
    pub scales: Vec<f32>,
    /// Along which axis a block lies.
    pub axis: usize,
    /// How many numbers it has.
    pub length: usize,
}

/// Numbers of a constant.
#[derive(Clone, Debug)]
pub enum Values {
    /// From single or half precision.
    Floats(Vec<f32>),
    /// From whole numbers of 64 bits, as shapes have.
    Integers(Vec<i64>),
    /// From whole numbers of 4 or 8 bits, to be scaled.
    Quantized(Arc<[i16]>),
}

impl Constant {
    /// Reads an initializer.
    ///
    /// # Errors
    /// When its numbers are of a type that none of our networks has, or do not match its shape in
    /// number.
    pub fn read(proto: &TensorProto) -> TractResult<Self> {
        let shape: TVec<usize> = proto
            .dims
            .iter()
            .map(|&size| usize::try_from(size))
            .collect::<Result<_, _>>()?;
        let count = shape
            .iter()
            .try_fold(1usize, |n, &size| n.checked_mul(size))
            .context("its shape is too large")?;
        ensure!(count > 0, "it holds no numbers");
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
                Values::Quantized(numbers(raw, |bytes| i8::from_le_bytes(bytes).into()).into())
            }
            Ok(DataType::Int4) => Values::Quantized(nibbles(raw, count).into()),
            Ok(DataType::Uint8) => {
                Values::Quantized(numbers(raw, |bytes| u8::from_le_bytes(bytes).into()).into())
            }
            _ => bail!("its numbers are of kind {}", proto.data_type),
        };
        let held = match &values {
            Values::Floats(values) => values.len(),
            Values::Integers(values) => values.len(),
            Values::Quantized(values) => values.len(),
        };
        ensure!(
            held == count,
            "it holds {held} numbers, its shape is {shape:?}"
        );
        Ok(Self {
            shape,
            values,
            blocks: None,
        })
    }

    /// Its numbers.
    ///
    /// # Errors
    /// When they are whole numbers.
    pub fn floats(&self) -> TractResult<&[f32]> {
        match &self.values {
            Values::Floats(values) => Ok(values),
            Values::Integers(_) | Values::Quantized(_) => bail!("a constant holds whole numbers"),
        }
    }

    /// Its numbers.
    ///
    /// # Errors
    /// When they are not whole numbers of 64 bits.
    pub fn integers(&self) -> TractResult<&[i64]> {
        match &self.values {
            Values::Integers(values) => Ok(values),
            Values::Floats(_) => bail!("a constant holds fractions"),
            Values::Quantized(_) => bail!("a constant holds numbers of 4 or 8 bits"),
        }
    }

    /// Its numbers.
    ///
    /// # Errors
    /// When they are not whole numbers of 4 or 8 bits.
    pub fn quantized(&self) -> TractResult<&Arc<[i16]>> {
        match &self.values {
            Values::Quantized(values) => Ok(values),
            _ => bail!("a constant does not hold numbers of 4 or 8 bits"),
        }
    }

    /// `(whole number - zero) · scale`, with one scale, or one for each index along `axis`.
    ///
    /// # Errors
    /// When there is another number of scales or zeros than that.
    pub fn dequantize(&self, scale: &[f32], zero: &[i16], axis: usize) -> TractResult<Self> {
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
        let integers = self.quantized()?;
        let slice_length = if along == 1 { integers.len() } else { inner };
        let mut values = Vec::with_capacity(integers.len());
        for (index, slice) in integers.chunks(slice_length.max(1)).enumerate() {
            let zero = zero.get(index % along).copied().unwrap_or(0);
            scale_slice(slice, scale[index % along], zero, &mut values);
        }
        Ok(Self {
            shape: self.shape.clone(),
            values: Values::Floats(values),
            blocks: None,
        })
    }

    /// `whole number · scale`, with a scale for every `block` indices along `axis`; the last block may be
    /// shorter.
    ///
    /// # Errors
    /// When the scales have another shape than that.
    pub fn dequantize_blocks(&self, scale: &Self, block: usize, axis: usize) -> TractResult<Self> {
        let mut expected = self.shape.clone();
        let block = block.min(expected[axis]).max(1);
        expected[axis] = expected[axis].div_ceil(block);
        ensure!(
            scale.shape == expected,
            "its scales have shape {:?}, expected {expected:?}",
            scale.shape
        );
        let inner: usize = self.shape[axis + 1..].iter().product();
        let integers = self.quantized()?;
        let mut values = Vec::with_capacity(integers.len());
        let along = |count: usize| (count * inner).max(1);
        for (integers, scale) in integers
            .chunks(along(self.shape[axis]))
            .zip(scale.floats()?.chunks(along(expected[axis])))
        {
            for (block, scale) in integers.chunks(along(block)).zip(scale.chunks(along(1))) {
                match *scale {
                    [scale] => scale_slice(block, scale, 0, &mut values),
                    _ => scale_rows(block, scale, &mut values),
                }
            }
        }
        Ok(Self {
            shape: self.shape.clone(),
            values: Values::Floats(values),
            blocks: Some(Arc::new(Blocks {
                integers: integers.clone(),
                scales: scale.floats()?.to_vec(),
                axis,
                length: block,
            })),
        })
    }
}

// Browsers compile a function as a whole, and again once it has run for long, so whatever loops
// over all weights is kept small.
#[inline(never)]
fn numbers<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|&bytes| read(bytes))
        .collect()
}

/// Two 4-bit numbers per byte, the first in the lower half.
#[inline(never)]
fn nibbles(bytes: &[u8], count: usize) -> Vec<i16> {
    let mut numbers = Vec::with_capacity(2 * bytes.len());
    for &byte in bytes {
        let byte = byte as i8;
        numbers.extend([i16::from(byte << 4 >> 4), i16::from(byte >> 4)]);
    }
    if count.checked_add(1) == Some(numbers.len()) {
        numbers.truncate(count);
    }
    numbers
}

#[inline(never)]
fn scale_rows(rows: &[i16], scale: &[f32], values: &mut Vec<f32>) {
    for row in rows.chunks(scale.len()) {
        values.extend(
            row.iter()
                .zip(scale)
                .map(|(&value, scale)| f32::from(value) * scale),
        );
    }
}

#[inline(never)]
fn scale_slice(slice: &[i16], scale: f32, zero: i16, values: &mut Vec<f32>) {
    values.extend(slice.iter().map(|value| f32::from(value - zero) * scale));
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
    fn halves_of_bytes_become_numbers_by_the_scale_of_their_block() {
        let scale = |dims: &[i64], values: &[f32]| {
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            read(DataType::Float, dims, &bytes).unwrap()
        };
        // [[1, -2, 7], [-8, 0, -1], [5, 4, 3]]
        let bytes = [0xe1, 0x87, 0xf0, 0x45, 0x03];
        let constant = read(DataType::Int4, &[3, 3], &bytes).unwrap();
        let down = scale(&[2, 3], &[1.0, 2.0, 3.0, 0.5, 0.25, 10.0]);
        let restored = |scale: &Constant, block, axis| {
            let restored = constant.dequantize_blocks(scale, block, axis).unwrap();
            restored.floats().unwrap().to_vec()
        };
        assert_eq!(
            restored(&down, 2, 0),
            [1.0, -4.0, 21.0, -8.0, 0.0, -3.0, 2.5, 1.0, 30.0]
        );
        let across = scale(&[3, 2], &[1.0, 2.0, 3.0, 0.5, 0.25, 10.0]);
        assert_eq!(
            restored(&across, 2, 1),
            [1.0, -2.0, 14.0, -24.0, 0.0, -0.5, 1.25, 1.0, 30.0]
        );
        let whole = scale(&[3, 1], &[1.0, 2.0, 3.0]);
        for block in [3, 4, usize::MAX] {
            assert_eq!(
                restored(&whole, block, 1),
                [1.0, -2.0, 7.0, -16.0, 0.0, -2.0, 15.0, 12.0, 9.0]
            );
        }
        let error = constant.dequantize_blocks(&down, 2, 1).unwrap_err();
        assert!(error.to_string().contains("expected [3, 2]"), "{error}");
    }

    #[test]
    fn a_constant_that_is_cut_off_is_refused() {
        assert!(read(DataType::Float, &[2], &[0; 4]).is_err());
        assert!(read(DataType::Int4, &[3], &[0; 1]).is_err());
        assert!(read(DataType::Int4, &[3], &[0; 3]).is_err());
        assert!(read(DataType::Float, &[-1], &[]).is_err());
        assert!(read(DataType::Float, &[0, 1 << 40], &[]).is_err());
        assert!(read(DataType::String, &[0], &[]).is_err());
    }
}
