//! Batch normalisation (Ioffe & Szegedy, 2015) followed by rectification.

use std::convert::Infallible;

use speech_emotion::dsp::vectorise;

use super::parameter::{Id, Kind, Parameters};

/// Added to the variance before the square root.
pub const EPSILON: f32 = 1e-5;
/// Weight of a batch in the running statistics.
const MOMENTUM: f32 = 0.1;

/// `y = max(0, scale · (x - mean) / √(variance + 1e-5) + shift)` per channel.
#[derive(Clone, Debug)]
pub struct BatchNormRelu {
    scale: Id,
    shift: Id,
    mean: Id,
    variance: Id,
}

/// What a forward pass keeps for the backward pass.
#[derive(Clone, Debug)]
pub struct Normalised {
    /// Input minus the mean, divided by the deviation; `[rows, C]`.
    x: Vec<f32>,
    mean: Vec<f32>,
    /// Biased, over the rows of the batch.
    variance: Vec<f32>,
}

impl BatchNormRelu {
    /// Adds `{name}.scale`, `.shift`, `.mean` and `.variance`, each `[C]`.
    pub fn new(parameters: &mut Parameters, name: &str, channels: usize) -> Self {
        let mut add = |part, kind, value| {
            parameters.constant(&format!("{name}.{part}"), kind, &[channels], value)
        };
        Self {
            scale: add("scale", Kind::Vector, 1.0),
            shift: add("shift", Kind::Vector, 0.0),
            mean: add("mean", Kind::Statistic, 0.0),
            variance: add("variance", Kind::Statistic, 1.0),
        }
    }

    /// Normalises with the statistics of the rows in training, with the running ones otherwise.
    pub fn forward(
        &self,
        parameters: &Parameters,
        mut x: Vec<f32>,
        training: bool,
    ) -> (Vec<f32>, Normalised) {
        let (scale, shift) = (&parameters[self.scale].value, &parameters[self.shift].value);
        let channels = scale.len();
        let (mean, variance) = if training {
            statistics(std::iter::once(&x), channels)
        } else {
            (
                parameters[self.mean].value.clone(),
                parameters[self.variance].value.clone(),
            )
        };
        let inverse = inverse_deviation(&variance);
        let mut y = vec![0.0; x.len()];
        vectorise(|| {
            let (mean, inverse) = (&mean[..channels], &inverse[..channels]);
            let (scale, shift) = (&scale[..channels], &shift[..channels]);
            for (x, y) in x
                .chunks_exact_mut(channels)
                .zip(y.chunks_exact_mut(channels))
            {
                for c in 0..channels {
                    x[c] = (x[c] - mean[c]) * inverse[c];
                    y[c] = (x[c] * scale[c] + shift[c]).max(0.0);
                }
            }
        });
        (y, Normalised { x, mean, variance })
    }

    /// Adds the parameters' gradients; turns `dy` into the gradient of the input. Training only.
    pub fn backward(
        &self,
        parameters: &mut Parameters,
        saved: &Normalised,
        mut dy: Vec<f32>,
    ) -> Vec<f32> {
        let scale = parameters[self.scale].value.clone();
        let shift = parameters[self.shift].value.clone();
        let channels = scale.len();
        let mut d_scale = vec![0.0; channels];
        let mut d_shift = vec![0.0; channels];
        vectorise(|| {
            for (x, dy) in saved
                .x
                .chunks_exact(channels)
                .zip(dy.chunks_exact_mut(channels))
            {
                rectify_gradient(x, dy, [&scale, &shift]);
                add_gradients(x, dy, &mut d_scale, &mut d_shift);
            }
        });
        let rows = (saved.x.len() / channels) as f32;
        let factor: Vec<f32> = inverse_deviation(&saved.variance)
            .iter()
            .zip(&scale)
            .map(|(inverse, scale)| inverse * scale)
            .collect();
        let per_row = |sums: &[f32]| -> Vec<f32> { sums.iter().map(|sum| sum / rows).collect() };
        let (mean_scale, mean_shift) = (per_row(&d_scale), per_row(&d_shift));
        vectorise(|| {
            let factor = &factor[..channels];
            let (mean_scale, mean_shift) = (&mean_scale[..channels], &mean_shift[..channels]);
            for (x, dy) in saved
                .x
                .chunks_exact(channels)
                .zip(dy.chunks_exact_mut(channels))
            {
                for c in 0..channels {
                    dy[c] = factor[c] * (dy[c] - (mean_shift[c] + x[c] * mean_scale[c]));
                }
            }
        });
        add(&mut parameters[self.scale].gradient, &d_scale);
        add(&mut parameters[self.shift].gradient, &d_shift);
        dy
    }

    /// Updates the running statistics with those of a training batch.
    pub fn update_statistics(&self, parameters: &mut Parameters, saved: &Normalised) {
        let rows = (saved.x.len() / saved.mean.len()) as f32;
        let unbiased = rows / (rows - 1.0).max(1.0);
        for (running, mean) in parameters[self.mean].value.iter_mut().zip(&saved.mean) {
            *running += MOMENTUM * (mean - *running);
        }
        for (running, variance) in parameters[self.variance]
            .value
            .iter_mut()
            .zip(&saved.variance)
        {
            *running += MOMENTUM * (variance * unbiased - *running);
        }
    }
}

/// No gradient where the output was 0.
#[inline(always)]
fn rectify_gradient(x: &[f32], dy: &mut [f32], [scale, shift]: [&[f32]; 2]) {
    for (((x, dy), scale), shift) in x.iter().zip(dy).zip(scale).zip(shift) {
        *dy = if x * scale + shift > 0.0 { *dy } else { 0.0 };
    }
}

#[inline(always)]
fn add_gradients(x: &[f32], dy: &[f32], d_scale: &mut [f32], d_shift: &mut [f32]) {
    for (((x, dy), d_scale), d_shift) in x.iter().zip(dy).zip(d_scale).zip(d_shift) {
        *d_scale += dy * x;
        *d_shift += dy;
    }
}

fn add(sum: &mut [f32], values: &[f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += value;
    }
}

fn inverse_deviation(variance: &[f32]) -> Vec<f32> {
    variance
        .iter()
        .map(|variance| 1.0 / (variance + EPSILON).sqrt())
        .collect()
}

/// Mean and biased variance of every column of the blocks `[rows, columns]` together; the blocks
/// are read twice.
pub fn statistics<B: AsRef<[f32]>>(
    blocks: impl Iterator<Item = B> + Clone,
    columns: usize,
) -> (Vec<f32>, Vec<f32>) {
    let Ok(statistics) = try_statistics(blocks.map(Ok::<_, Infallible>), columns);
    statistics
}

/// The same for blocks that are made on demand.
///
/// # Errors
/// The first error from a block.
pub fn try_statistics<B: AsRef<[f32]>, E>(
    blocks: impl Iterator<Item = Result<B, E>> + Clone,
    columns: usize,
) -> Result<(Vec<f32>, Vec<f32>), E> {
    let mut rows = 0.0;
    let mut sum = vec![0.0f64; columns];
    for block in blocks.clone() {
        let block = block?;
        rows += (block.as_ref().len() / columns) as f64;
        vectorise(|| {
            for row in block.as_ref().chunks_exact(columns) {
                for (sum, value) in sum.iter_mut().zip(row) {
                    *sum += f64::from(*value);
                }
            }
        });
    }
    let mean: Vec<f32> = sum.iter().map(|sum| (sum / rows) as f32).collect();
    sum.fill(0.0);
    for block in blocks {
        let block = block?;
        vectorise(|| {
            for row in block.as_ref().chunks_exact(columns) {
                for ((sum, value), mean) in sum.iter_mut().zip(row).zip(&mean) {
                    let centred = value - mean;
                    *sum += f64::from(centred * centred);
                }
            }
        });
    }
    let variance = sum.iter().map(|sum| (sum / rows) as f32).collect();
    Ok((mean, variance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::gradient_check::{check, noise};

    #[test]
    fn statistics_do_not_depend_on_how_the_rows_are_cut_into_blocks() {
        let rows = noise(30, 4);
        let whole = statistics(std::iter::once(&rows), 3);
        assert_eq!(statistics([&rows[..6], &rows[6..]].into_iter(), 3), whole);
        let mean: f32 = rows.iter().step_by(3).sum::<f32>() / 10.0;
        assert!((whole.0[0] - mean).abs() < 1e-6);
    }

    #[test]
    fn gradients_match_differences() {
        let mut parameters = Parameters::default();
        let norm = BatchNormRelu::new(&mut parameters, "norm", 3);
        parameters[norm.scale].value = vec![0.7, 1.3, -0.9];
        // Never, sometimes and hardly ever rectified.
        parameters[norm.shift].value = vec![8.0, 0.1, 1.0];
        check(
            &mut parameters,
            noise(24, 3),
            |parameters, x| norm.forward(parameters, x.to_vec(), true).0,
            |parameters, x, dy| {
                let (_, saved) = norm.forward(parameters, x.to_vec(), true);
                norm.backward(parameters, &saved, dy.to_vec())
            },
        );
    }

    #[test]
    fn negative_outputs_pass_no_gradient() {
        let mut parameters = Parameters::default();
        let norm = BatchNormRelu::new(&mut parameters, "norm", 1);
        parameters[norm.shift].value = vec![-8.0];
        let (y, saved) = norm.forward(&parameters, noise(20, 4), true);
        assert_eq!(y, [0.0; 20]);
        assert_eq!(
            norm.backward(&mut parameters, &saved, vec![1.0; 20]),
            [0.0; 20]
        );
    }

    #[test]
    fn running_statistics_come_to_those_of_the_data() {
        let mut parameters = Parameters::default();
        let norm = BatchNormRelu::new(&mut parameters, "norm", 2);
        let x = [1.0, -4.0, 3.0, -2.0, 5.0, 0.0];
        for _ in 0..200 {
            let (_, saved) = norm.forward(&parameters, x.to_vec(), true);
            norm.update_statistics(&mut parameters, &saved);
        }
        for (value, expected) in parameters[norm.mean].value.iter().zip([3.0, -2.0]) {
            assert!(
                (value - expected).abs() < 1e-4,
                "mean {value} for {expected}"
            );
        }
        for value in &parameters[norm.variance].value {
            assert!((value - 4.0).abs() < 1e-4, "variance {value}");
        }
    }
}
