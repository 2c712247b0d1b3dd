use rand::{RngExt, SeedableRng};
use speech_emotion::class::Class;
use speech_emotion::features::{ENERGY, N_FEATURES, VOICING};

use super::gradient_check::rng;
use super::*;

/// Frames like those of speech, with log-mel energies in place of the MFCC.
fn frames(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut frames = Vec::new();
    for _ in 0..count {
        let level = rng.random_range(-10.0..-4.0);
        let mut frame: Vec<f32> = (0..N_FEATURES)
            .map(|_| level + rng.random_range(-2.0..2.0))
            .collect();
        frame[ENERGY] = level;
        frame[ENERGY + 1] = rng.random_range(0.5..1.5);
        frame[VOICING] = rng.random_range(0.2..1.0);
        frames.extend(frame);
    }
    frames
}

fn batch(lengths: &[usize]) -> Batch {
    let mut batch = Batch::default();
    for (seed, &length) in lengths.iter().enumerate() {
        batch.push(&frames(length, seed as u64));
    }
    batch
}

fn targets(count: usize) -> Vec<Target> {
    (0..count)
        .map(|i| Target::new(Class::new(i * 3 % 8).unwrap()))
        .collect()
}

fn standardised_network() -> Network {
    let mut network = Network::new(8, &mut rng());
    network.set_standardisation(vec![-7.0; 64], vec![2.0; 64]);
    network
}

#[test]
fn it_has_the_documented_parameters() {
    let network = standardised_network();
    let page = include_str!("mod.rs");
    let mut learned = 0;
    for parameter in network.parameters().iter() {
        if parameter.kind != Kind::Statistic {
            learned += parameter.value.len();
        }
        let part = parameter.name.split('.').next().unwrap();
        assert!(
            page.contains(&format!("//! | `{part}."))
                || page.contains(&format!("{part},"))
                || page.contains(&format!("{part}}}")),
            "{} is not documented",
            parameter.name
        );
    }
    assert_eq!(learned, 196_952);
}

/// A step along the gradient of a tensor changes the loss by the square of its norm. The tensors of a
/// rectified network have kinks everywhere, so single numbers cannot be checked in f32.
#[test]
fn gradients_of_the_whole_network_match_differences() {
    let batch = batch(&[24, 40, 8, 33, 60, 17, 28, 52]);
    let targets = targets(8);
    let mut network = standardised_network();
    for parameter in network.parameters_mut().iter_mut() {
        if parameter.name.starts_with("attention") {
            // With their initial values they weight all frames alike and hardly matter.
            parameter.value.iter_mut().for_each(|value| *value *= 5.0);
        }
    }
    let loss = |network: &Network| {
        let tape = network.pass(&batch, true);
        f64::from(loss::cross_entropy(&tape.logits, &targets, 0.1).0)
    };
    network.gradients(&batch, &targets, 0.1);
    let parameters: Vec<Parameter> = network.parameters().iter().cloned().collect();
    for (index, parameter) in parameters.iter().enumerate() {
        if parameter.kind == Kind::Statistic {
            continue;
        }
        let square: f64 = parameter
            .gradient
            .iter()
            .map(|g| f64::from(*g).powi(2))
            .sum();
        let norm = square.sqrt();
        assert!(
            norm > 1e-4,
            "{}: gradient {norm} says nothing",
            parameter.name
        );
        let mut shifted = |step: f64| {
            if let Some(moved) = network.parameters_mut().iter_mut().nth(index) {
                for (i, value) in moved.value.iter_mut().enumerate() {
                    let along = step * f64::from(parameter.gradient[i]) / norm;
                    *value = (f64::from(parameter.value[i]) + along) as f32;
                }
            }
            loss(&network)
        };
        let step = (0.0002 / norm).min(0.001);
        let difference = (shifted(step) - shifted(-step)) / (2.0 * step);
        shifted(0.0);
        assert!(
            (difference / norm - 1.0).abs() < 0.02,
            "{}: gradient {norm}, difference {difference}",
            parameter.name
        );
    }
}

#[test]
fn segments_of_a_batch_do_not_see_each_other() {
    let network = standardised_network();
    let lengths = [24, 61, 4, 190, 43];
    let together = network.pass(&batch(&lengths), false).logits;
    let together = together.chunks_exact(network.classes());
    for (seed, (&length, together)) in lengths.iter().zip(together).enumerate() {
        let mut alone = Batch::default();
        alone.push(&frames(length, seed as u64));
        let alone = network.pass(&alone, false).logits;
        for (alone, together) in alone.iter().zip(together) {
            assert!(
                (alone - together).abs() < 1e-5,
                "{length}: {alone} and {together}"
            );
        }
    }
}

#[test]
fn the_first_frames_beyond_whole_steps_do_not_count() {
    let network = standardised_network();
    let segment = frames(51, 1);
    let logits = network.forward(&segment);
    assert_eq!(network.forward(&segment[3 * N_FEATURES..]), logits);
    assert_ne!(network.forward(&segment[4 * N_FEATURES..]), logits);
}

#[test]
fn eight_segments_are_learned_by_heart() {
    let batch = batch(&[24, 40, 28, 33, 60, 36, 28, 52]);
    let targets = targets(8);
    let mut network = standardised_network();
    let mut steps = 0;
    loop {
        let result = network.gradients(&batch, &targets, 0.0);
        assert!(result.loss.is_finite());
        for parameter in network.parameters_mut().iter_mut() {
            for (value, gradient) in parameter.value.iter_mut().zip(&parameter.gradient) {
                *value -= 0.05 * gradient;
            }
        }
        steps += 1;
        if steps >= 80 && result.correct == 8 && result.loss < 0.3 {
            break;
        }
        assert!(steps < 600, "loss {} after {steps} steps", result.loss);
    }
    let logits = network.pass(&batch, false).logits;
    for (logits, target) in logits.chunks_exact(8).zip(&targets) {
        assert_eq!(target.answer(logits), target.class);
    }
}

#[test]
fn a_saved_network_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    let network = standardised_network();
    network.save(&path).unwrap();
    let read = Network::load(&path, 8).unwrap();
    let segment = frames(50, 3);
    assert_eq!(read.forward(&segment), network.forward(&segment));
    assert!(Network::load(&folder.path().join("none"), 8).is_err());
    let error = format!("{:#}", Network::load(&path, 3).unwrap_err());
    assert!(
        error.contains("output.weight has shape [8, 64], this trainer's has [3, 64]"),
        "{error}"
    );
}
