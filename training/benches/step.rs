//! One training step on one thread: forward, backward, clipping, Muon, AdamW and weight averaging
//! for a batch.
//!
//! `cargo bench -p training --bench step -- BATCH FRAMES SECONDS` prints the median in milliseconds;
//! scripts/bench runs it in turns with PyTorch.

#![allow(clippy::unwrap_used)]

use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use speech_emotion::{class::Class, features::N_FEATURES};
use training::{
    learning::optimizer::{Matrices, Optimizer, clip_gradients, update_average},
    network::{Batch, Network, Target},
};

const CLASSES: usize = 8;

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<usize>().ok());
    let size = numbers.next().unwrap_or(32);
    let frames = numbers.next().unwrap_or(124);
    let seconds = numbers.next().unwrap_or(3) as f64;

    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut batch = Batch::default();
    let mut targets = Vec::new();
    for item in 0..size {
        let segment: Vec<f32> = (0..frames * N_FEATURES)
            .map(|_| rng.random_range(-12.0..0.0))
            .collect();
        batch.push(&segment);
        targets.extend(Class::new(item % CLASSES).map(Target::new));
    }
    let mut network = Network::new(CLASSES, &mut rng);
    let mut optimizer = Optimizer::new(Matrices::Muon, network.parameters());
    let mut average: Vec<Vec<f32>> = network
        .parameters()
        .iter()
        .map(|parameter| parameter.value.clone())
        .collect();
    let mut took = Vec::new();
    let begun = Instant::now();
    while took.len() < 3 || begun.elapsed().as_secs_f64() < seconds {
        let started = Instant::now();
        let loss = network.gradients(&batch, &targets, 0.1).loss;
        assert!(loss.is_finite());
        clip_gradients(network.parameters_mut(), 5.0);
        optimizer.step(network.parameters_mut(), 1e-3, 1e-2);
        update_average(&mut average, network.parameters(), optimizer.steps);
        took.push(started.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    println!("{:.3}", took[took.len() / 2]);
}
