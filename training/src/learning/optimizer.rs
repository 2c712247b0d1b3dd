//! Updates of the parameters by Muon and AdamW, the learning rate schedule, and the average of the
//! weights.

use std::f32::consts::PI;

use serde::{Deserialize, Serialize};

use crate::network::{Kind, Parameter, Parameters, nearest_orthogonal};

/// Constants of AdamW (Loshchilov & Hutter, 2019).
const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;
/// Constant of Muon.
const MOMENTUM: f32 = 0.95;
/// Root mean square of Muon's update of a matrix, relative to the learning rate; AdamW's is at most
/// 1.
const STEP_RMS: f32 = 0.4;
/// Share of the steps during which the learning rate rises.
const WARM_UP: f32 = 0.15;
/// Learning rate of the first and of the last step, relative to the peak.
const FIRST_RATE: f32 = 0.1;
const LAST_RATE: f32 = 0.002;
const MAX_AVERAGE_DECAY: f32 = 0.99;

/// How matrices are updated; vectors are always updated by AdamW.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Matrices {
    /// Like vectors.
    AdamW,
    /// All directions of a matrix by the same amount (Jordan et al., 2024): learns as much in two
    /// thirds of the steps.
    Muon,
}

/// Moments of the gradients, one vector for each parameter; those of statistics stay 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    matrices: Matrices,
    /// Running mean of the gradient.
    pub first: Vec<Vec<f32>>,
    /// Running mean of its square; stays 0 for parameters that Muon updates.
    pub second: Vec<Vec<f32>>,
    /// Steps made.
    pub steps: usize,
}

impl Optimizer {
    /// Before the first step.
    pub fn new(matrices: Matrices, parameters: &Parameters) -> Self {
        let zeros: Vec<Vec<f32>> = parameters
            .iter()
            .map(|parameter| vec![0.0; parameter.value.len()])
            .collect();
        Self {
            matrices,
            first: zeros.clone(),
            second: zeros,
            steps: 0,
        }
    }

    /// One step against the gradients. Weight decay subtracts `rate · decay` from matrices only.
    pub fn step(&mut self, parameters: &mut Parameters, rate: f32, decay: f32) {
        self.steps += 1;
        let correction_1 = 1.0 - (f64::from(BETA_1).powf(self.steps as f64)) as f32;
        let correction_2 = 1.0 - (f64::from(BETA_2).powf(self.steps as f64)) as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for (parameter, (first, second)) in parameters.iter_mut().zip(moments) {
            let kept = match parameter.kind {
                Kind::Matrix => 1.0 - rate * decay,
                Kind::Vector => 1.0,
                Kind::Statistic => continue,
            };
            if parameter.kind == Kind::Matrix && self.matrices == Matrices::Muon {
                step_matrix(parameter, first, rate, kept);
                continue;
            }
            let moments = first.iter_mut().zip(second);
            let values = parameter.value.iter_mut().zip(&parameter.gradient);
            for ((value, gradient), (first, second)) in values.zip(moments) {
                *first += (1.0 - BETA_1) * (gradient - *first);
                *second += (1.0 - BETA_2) * (gradient * gradient - *second);
                let deviation = (*second / correction_2).sqrt() + EPSILON;
                *value = *value * kept - rate * (*first / correction_1) / deviation;
            }
        }
    }
}

/// Moves a matrix along the orthogonal matrix nearest to its running gradient, with Nesterov's
/// look-ahead.
fn step_matrix(parameter: &mut Parameter, mean: &mut [f32], rate: f32, kept: f32) {
    let mut ahead = Vec::with_capacity(mean.len());
    for (mean, gradient) in mean.iter_mut().zip(&parameter.gradient) {
        *mean += (1.0 - MOMENTUM) * (gradient - *mean);
        ahead.push(*mean + (1.0 - MOMENTUM) * (gradient - *mean));
    }
    let (rows, columns) = parameter.sides();
    let direction = nearest_orthogonal(ahead, columns);
    // The root mean square of the orthogonal matrix is one over this root.
    let length = STEP_RMS * rate * (rows.max(columns) as f32).sqrt();
    for (value, direction) in parameter.value.iter_mut().zip(direction) {
        *value = *value * kept - length * direction;
    }
}

/// Scales all gradients so that their joint norm is at most `limit`; returns the norm before
/// scaling.
pub fn clip_gradients(parameters: &mut Parameters, limit: f32) -> f32 {
    let square: f64 = parameters
        .iter()
        .flat_map(|parameter| &parameter.gradient)
        .map(|gradient| f64::from(*gradient).powi(2))
        .sum();
    let norm = square.sqrt() as f32;
    if norm > limit {
        let scale = limit / norm;
        for parameter in parameters.iter_mut() {
            parameter
                .gradient
                .iter_mut()
                .for_each(|gradient| *gradient *= scale);
        }
    }
    norm
}

/// One-cycle schedule of the learning rate (Smith & Topin, 2018): from a tenth of the peak up to
/// the peak in 15 % of the steps, then down to 1/500, each along half a cosine. `step` counts from
/// 0.
pub fn learning_rate(peak: f32, step: usize, steps: usize) -> f32 {
    let last = steps.saturating_sub(1).max(1) as f32;
    let position = step as f32 / last;
    let (from, to, share) = if position < WARM_UP {
        (FIRST_RATE, 1.0, position / WARM_UP)
    } else {
        (1.0, LAST_RATE, (position - WARM_UP) / (1.0 - WARM_UP))
    };
    peak * (to + (from - to) * 0.5 * (1.0 + (PI * share).cos()))
}

/// Moves the average of all parameters, running statistics included, towards their values after
/// `step` steps: with decay `min(0.99, (1 + step) / (10 + step))`.
pub fn update_average(average: &mut [Vec<f32>], parameters: &Parameters, step: usize) {
    let step = step as f32;
    let weight = 1.0 - ((1.0 + step) / (10.0 + step)).min(MAX_AVERAGE_DECAY);
    for (average, parameter) in average.iter_mut().zip(parameters.iter()) {
        for (average, value) in average.iter_mut().zip(&parameter.value) {
            *average += weight * (value - *average);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(kind: Kind, value: f32, gradient: f32) -> Parameters {
        let mut parameters = Parameters::default();
        parameters.constant("x", kind, &[1], value);
        set_gradient(&mut parameters, gradient);
        parameters
    }

    fn set_gradient(parameters: &mut Parameters, gradient: f32) {
        parameters
            .iter_mut()
            .for_each(|parameter| parameter.gradient.fill(gradient));
    }

    fn value(parameters: &Parameters) -> f32 {
        parameters.get("x").unwrap().value[0]
    }

    #[test]
    fn two_steps_are_the_formula() {
        let mut parameters = parameters(Kind::Matrix, 2.0, 0.5);
        let mut optimizer = Optimizer::new(Matrices::AdamW, &parameters);
        optimizer.step(&mut parameters, 0.1, 0.01);
        assert!((value(&parameters) - (2.0 * 0.999 - 0.1)).abs() < 1e-6);
        set_gradient(&mut parameters, -1.0);
        optimizer.step(&mut parameters, 0.1, 0.01);
        let first = (0.9 * 0.05 - 0.1) / (1.0 - 0.81f32);
        let second = (0.999 * 0.001 * 0.25 + 0.001) / (1.0 - 0.998001f32);
        let expected = 1.898 * 0.999 - 0.1 * first / second.sqrt();
        assert!(
            (value(&parameters) - expected).abs() < 1e-5,
            "{}",
            value(&parameters)
        );
    }

    #[test]
    fn vectors_do_not_decay_and_statistics_stay() {
        for kind in [Kind::Vector, Kind::Statistic] {
            let mut parameters = parameters(kind, 2.0, 0.0);
            let mut optimizer = Optimizer::new(Matrices::Muon, &parameters);
            optimizer.step(&mut parameters, 0.1, 0.5);
            assert_eq!(value(&parameters), 2.0);
        }
    }

    #[test]
    fn muon_goes_equally_far_in_all_directions_of_a_matrix() {
        let mut parameters = Parameters::default();
        let id = parameters.constant("x", Kind::Matrix, &[2, 3], 1.0);
        // A hundred times as steep along the first axis as along the second.
        parameters[id].gradient = vec![100.0, 0.0, 0.0, 0.0, -1.0, 0.0];
        let mut optimizer = Optimizer::new(Matrices::Muon, &parameters);
        optimizer.step(&mut parameters, 0.1, 0.5);
        let length = STEP_RMS * 0.1 * 3f32.sqrt();
        let moved = |index: usize| (parameters[id].value[index] - 0.95) / length;
        for (index, direction) in [(0, -1.0), (4, 1.0)] {
            assert!(
                (moved(index) / direction - 1.0).abs() < 0.4,
                "{}",
                moved(index)
            );
        }
        for index in [1, 2, 3, 5] {
            assert!(moved(index).abs() < 1e-4, "{}", moved(index));
        }
    }

    #[test]
    fn long_gradients_are_shortened_and_short_ones_stay() {
        let mut long = parameters(Kind::Matrix, 0.0, -12.0);
        assert_eq!(clip_gradients(&mut long, 5.0), 12.0);
        assert!((long.get("x").unwrap().gradient[0] + 5.0).abs() < 1e-6);
        let mut short = parameters(Kind::Matrix, 0.0, 3.0);
        assert_eq!(clip_gradients(&mut short, 5.0), 3.0);
        assert_eq!(short.get("x").unwrap().gradient[0], 3.0);
    }

    #[test]
    fn the_rate_rises_to_its_peak_and_falls() {
        let rates: Vec<f32> = (0..1001)
            .map(|step| learning_rate(2e-3, step, 1001))
            .collect();
        assert!((rates[0] - 2e-4).abs() < 1e-9);
        assert!((rates[150] - 2e-3).abs() < 1e-9);
        assert!((rates[1000] - 4e-6).abs() < 1e-9);
        assert!(rates[..=150].is_sorted());
        assert!(rates[150..].iter().rev().is_sorted());
    }

    #[test]
    fn the_average_forgets_its_start_quickly_and_then_lags() {
        let parameters = parameters(Kind::Statistic, 1.0, 0.0);
        let mut average = vec![vec![0.0]];
        for step in 1..=100 {
            update_average(&mut average, &parameters, step);
        }
        assert!(average[0][0] > 0.999);
        let mut late = vec![vec![0.0]];
        update_average(&mut late, &parameters, 100_000);
        assert!((late[0][0] - 0.01).abs() < 1e-6);
    }
}
