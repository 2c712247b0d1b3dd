//! Compares hand-written gradients with central differences.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::parameter::{Kind, Parameters};

/// Relative to the largest gradient of the tensor.
const TOLERANCE: f64 = 5e-3;
const STEP: f32 = 4e-3;

pub fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(7)
}

/// Numbers from U(-1, 1).
pub fn noise(size: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..size).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Checks every number of `x` and of all learned parameters for the loss `Σ r y`, r random.
///
/// `backward` takes parameters, `x` and `dy`, and returns `dx`.
pub fn check(
    parameters: &mut Parameters,
    mut x: Vec<f32>,
    forward: impl Fn(&Parameters, &[f32]) -> Vec<f32>,
    backward: impl Fn(&mut Parameters, &[f32], &[f32]) -> Vec<f32>,
) {
    let weights = noise(forward(parameters, &x).len(), 99);
    let loss = |parameters: &Parameters, x: &[f32]| -> f64 {
        let y = forward(parameters, x);
        y.iter()
            .zip(&weights)
            .map(|(y, w)| f64::from(*y) * f64::from(*w))
            .sum()
    };
    parameters.clear_gradients();
    let dx = backward(parameters, &x, &weights);
    let differences: Vec<f64> = (0..x.len())
        .map(|i| {
            let value = x[i];
            x[i] = value + STEP;
            let above = loss(parameters, &x);
            x[i] = value - STEP;
            let below = loss(parameters, &x);
            x[i] = value;
            (above - below) / f64::from(2.0 * STEP)
        })
        .collect();
    compare("x", &dx, &differences);

    let expected = parameters.clone();
    for (index, parameter) in expected.iter().enumerate() {
        if parameter.kind == Kind::Statistic {
            continue;
        }
        let mut differences = Vec::new();
        for i in 0..parameter.value.len() {
            let mut shifted = |step: f32| {
                if let Some(moved) = parameters.iter_mut().nth(index) {
                    moved.value[i] = parameter.value[i] + step;
                }
                loss(parameters, &x)
            };
            let difference = shifted(STEP) - shifted(-STEP);
            shifted(0.0);
            differences.push(difference / f64::from(2.0 * STEP));
        }
        compare(&parameter.name, &parameter.gradient, &differences);
    }
}

fn compare(name: &str, gradient: &[f32], differences: &[f64]) {
    assert_eq!(gradient.len(), differences.len(), "{name}");
    let largest = differences.iter().fold(0.0, |max: f64, d| max.max(d.abs()));
    assert!(
        largest > 1e-3,
        "{name}: the check says nothing, all differences are near 0"
    );
    for (i, (&gradient, &difference)) in gradient.iter().zip(differences).enumerate() {
        assert!(
            (f64::from(gradient) - difference).abs() < TOLERANCE * largest,
            "{name}[{i}]: gradient {gradient}, difference {difference}, largest {largest}"
        );
    }
}
