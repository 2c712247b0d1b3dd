//! How matrices are rounded to the whole numbers that the file stores.

use tract_onnx::prelude::f16;

/// Inputs that share a scale when numbers have 4 bits.
pub const BLOCK: usize = 32;
/// Matrices stored in 4 bits.
const IN_BLOCKS: [&str; 4] = [
    "projection.weight",
    "lstm.weight_ih",
    "lstm.weight_hh",
    "attention.hidden.weight",
];

/// How a matrix is stored.
#[derive(Clone, Copy, Debug)]
pub enum Storage {
    /// In 8 bits, with a scale for each index along this axis, the outputs' axis.
    Bytes(usize),
    /// In 4 bits, with a scale in half precision for every [`BLOCK`] indices along this axis, the
    /// inputs' axis.
    Blocks(usize),
}

impl Storage {
    /// For a parameter of the network whose outputs and inputs lie along these axes.
    pub fn of(parameter: &str, outputs: usize, inputs: usize) -> Self {
        if IN_BLOCKS.contains(&parameter) {
            Self::Blocks(inputs)
        } else {
            Self::Bytes(outputs)
        }
    }

    /// The smallest and the largest of the numbers.
    fn range(self) -> (f32, f32) {
        match self {
            Self::Bytes(_) => (-127.0, 127.0),
            Self::Blocks(_) => (-8.0, 7.0),
        }
    }

    pub fn scales_shape(self, shape: &[usize]) -> Vec<usize> {
        match self {
            Self::Bytes(axis) => vec![shape[axis]],
            Self::Blocks(axis) => {
                let mut scales = shape.to_vec();
                scales[axis] = scales[axis].div_ceil(BLOCK);
                scales
            }
        }
    }

    /// Which scale belongs to the number at `index`.
    pub fn slice(self, index: usize, shape: &[usize]) -> usize {
        let (Self::Bytes(axis) | Self::Blocks(axis)) = self;
        let inner: usize = shape[axis + 1..].iter().product();
        let along = index / inner % shape[axis];
        match self {
            Self::Bytes(_) => along,
            Self::Blocks(_) => {
                let outer = index / inner / shape[axis];
                (outer * shape[axis].div_ceil(BLOCK) + along / BLOCK) * inner + index % inner
            }
        }
    }

    /// The nearest whole numbers, to be multiplied by a scale, and the scales.
    pub fn quantised(self, values: &[f32], shape: &[usize]) -> (Vec<i8>, Vec<f32>) {
        let mut slices = vec![vec![]; self.scales_shape(shape).iter().product()];
        for (index, &value) in values.iter().enumerate() {
            slices[self.slice(index, shape)].push(value);
        }
        let scales: Vec<f32> = slices.iter().map(|slice| self.scale(slice)).collect();
        let numbers = values
            .iter()
            .enumerate()
            .map(|(index, value)| self.number(*value, scales[self.slice(index, shape)]) as i8)
            .collect();
        (numbers, scales)
    }

    fn number(self, value: f32, scale: f32) -> f32 {
        let (least, largest) = self.range();
        (value / scale).round().clamp(least, largest)
    }

    /// For a slice in 8 bits, the scale that maps its largest value to the largest number. For a
    /// block in 4 bits, the scale with the least squared error: the largest values may be clipped,
    /// and a negative scale gives positive values the eighth number that otherwise only negative
    /// ones have.
    fn scale(self, slice: &[f32]) -> f32 {
        let larger = |a: f32, b: f32| if b.abs() > a.abs() { b } else { a };
        let extreme = slice.iter().copied().fold(0.0, larger);
        match self {
            Self::Bytes(_) => (extreme.abs() / 127.0).max(f32::MIN_POSITIVE),
            Self::Blocks(_) => {
                let error = |scale: f32| -> f32 {
                    let off = |value: &f32| value - scale * self.number(*value, scale);
                    slice.iter().map(|value| off(value).powi(2)).sum()
                };
                // The extreme value becomes a number from 7 to 12, which is clipped to 7 or -8.
                (28..=48u8)
                    .flat_map(|quarters| [f32::from(quarters), -f32::from(quarters)])
                    .map(|quarters| f16::from_f32(4.0 * extreme / quarters).to_f32())
                    .filter(|scale| *scale != 0.0)
                    .min_by(|a, b| error(*a).total_cmp(&error(*b)))
                    .unwrap_or(1.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn quantised_numbers_are_the_nearest_and_stay_when_quantised_again() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let shape = [3, 40, 5];
        let restore = |storage: Storage, numbers: &[i8], scales: &[f32]| -> Vec<f32> {
            let numbers = numbers.iter().enumerate();
            numbers
                .map(|(index, &number)| f32::from(number) * scales[storage.slice(index, &shape)])
                .collect()
        };
        let mut values: Vec<f32> = (0..600).map(|_| rng.random_range(-2.0..2.0)).collect();
        values[200..400].fill(0.0);
        for (storage, scales_shape) in [
            (Storage::Bytes(0), vec![3]),
            (Storage::Bytes(1), vec![40]),
            (Storage::Blocks(1), vec![3, 2, 5]),
            (Storage::Blocks(2), vec![3, 40, 1]),
        ] {
            let (numbers, scales) = storage.quantised(&values, &shape);
            assert_eq!(storage.scales_shape(&shape), scales_shape);
            assert_eq!(scales.len(), scales_shape.iter().product::<usize>());
            let restored = restore(storage, &numbers, &scales);
            for slice in 0..scales.len() {
                let of_slice = |&index: &usize| storage.slice(index, &shape) == slice;
                let of = |values: &[f32]| -> Vec<f32> {
                    (0..600)
                        .filter(of_slice)
                        .map(|index| values[index])
                        .collect()
                };
                let (values, restored) = (of(&values), of(&restored));
                let off = |rounded: &[f32]| -> f32 {
                    let pairs = values.iter().zip(rounded);
                    pairs
                        .map(|(value, rounded)| (value - rounded).powi(2))
                        .sum()
                };
                // With the largest value mapped to the largest number.
                let step = values.iter().fold(0.0f32, |a, b| a.max(b.abs())) / storage.range().1;
                let step = step.max(f32::MIN_POSITIVE);
                let usual = values.iter().map(|value| step * (value / step).round());
                let usual: Vec<f32> = usual.collect();
                match storage {
                    Storage::Bytes(_) => assert_eq!(restored, usual),
                    Storage::Blocks(_) => assert!(off(&restored) <= 1.01 * off(&usual)),
                }
            }
            let (numbers, scales) = storage.quantised(&restored, &shape);
            assert_eq!(restore(storage, &numbers, &scales), restored);
        }
    }

    #[test]
    fn a_block_has_the_scale_of_least_error() {
        let error = |values: &[f32]| -> f32 {
            let shape = [values.len()];
            let (numbers, scales) = Storage::Blocks(0).quantised(values, &shape);
            assert_eq!(scales.len(), 1);
            assert!(numbers.iter().all(|number| (-8..=7).contains(number)));
            let off = |(value, number): (&f32, &i8)| value - scales[0] * f32::from(*number);
            values
                .iter()
                .zip(&numbers)
                .map(off)
                .map(|off| off * off)
                .sum()
        };
        for whole in [
            [-8.0, 3.0, 7.0],
            [8.0, -3.0, -7.0],
            [7.0, -7.0, 1.0],
            [0.0; 3],
        ] {
            assert_eq!(error(&whole), 0.0, "{whole:?}");
        }
        // The outlier is clipped to 8 / 8.5 of its value, which brings the others closer to whole
        // numbers.
        let mut values = [1.0f32; 32];
        values[0] = 9.5;
        assert!(error(&values) < 0.8, "{}", error(&values));
    }
}
