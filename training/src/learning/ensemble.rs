//! Several networks, each from its own seed, whose logits are averaged: networks err in different
//! places, and less together. The last one is trained in more noise and through stranger
//! microphones, and its weight is a third larger, since none of them is best both in noise and
//! without it.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{Material, Outcome, Progress, TrainConfig, augment::Ranges};
use crate::{
    dataset::{Clip, Dataset},
    digest::short,
    network::Network,
};

/// Networks of an ensemble.
pub const MEMBERS: usize = 2;

/// Weight of the last network, relative to the others.
const LAST_WEIGHT: f32 = 4.0 / 3.0;

const NETWORK_FILE: &str = "network.safetensors";

/// Networks of the same architecture.
#[derive(Clone, Debug)]
pub struct Ensemble {
    members: Vec<Network>,
}

impl Ensemble {
    /// Takes these networks, at least one.
    pub fn new(members: Vec<Network>) -> Self {
        assert!(!members.is_empty(), "an ensemble without networks");
        Self { members }
    }

    /// Each network with its share of the mean.
    pub fn shares(&self) -> impl Iterator<Item = (&Network, f32)> {
        let last = self.members.len() - 1;
        let share = move |weight: f32| weight / (last as f32 + LAST_WEIGHT);
        let members = self.members.iter().enumerate();
        members.map(move |(index, network)| {
            let weight = if index == last { LAST_WEIGHT } else { 1.0 };
            (network, share(weight))
        })
    }

    /// Mean logits of one segment `[T, F]`; see [`Network::forward`].
    ///
    /// # Panics
    /// When the segment has fewer than four frames.
    pub fn forward(&self, segment: &[f32]) -> Vec<f32> {
        let mut mean = vec![0.0; self.members[0].classes()];
        for (network, share) in self.shares() {
            for (mean, logit) in mean.iter_mut().zip(network.forward(segment)) {
                *mean += share * logit;
            }
        }
        mean
    }

    /// Writes every network into its [`member_folder`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&self, run_dir: &Path) -> Result<()> {
        for (member, network) in self.members.iter().enumerate() {
            network.save(&member_folder(run_dir, member).join(NETWORK_FILE))?;
        }
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// Those of [`Network::load`].
    pub fn load(run_dir: &Path, classes: usize) -> Result<Self> {
        (0..MEMBERS)
            .map(|member| {
                Network::load(&member_folder(run_dir, member).join(NETWORK_FILE), classes)
            })
            .collect::<Result<_>>()
            .map(Self::new)
    }

    /// The networks.
    pub fn members(&self) -> &[Network] {
        &self.members
    }

    /// The networks.
    pub fn members_mut(&mut self) -> &mut [Network] {
        &mut self.members
    }
}

/// Folder in which a member, counted from 0, of the ensemble in `run_dir` is trained.
pub fn member_folder(run_dir: &Path, member: usize) -> PathBuf {
    run_dir.join(format!("member{}", member + 1))
}

/// Seed of a member, counted from 0: ensemble 1 has networks 1 and 2, ensemble 2 has 3 and 4.
fn member_seed(ensemble: u64, member: usize) -> u64 {
    (ensemble.wrapping_sub(1))
        .wrapping_mul(MEMBERS as u64)
        .wrapping_add(member as u64 + 1)
}

/// How a member, counted from 0, is trained.
fn member_config(ensemble: &TrainConfig, member: usize) -> TrainConfig {
    let ranges = if member + 1 == MEMBERS {
        Ranges::rough()
    } else {
        ensemble.ranges.clone()
    };
    TrainConfig {
        seed: member_seed(ensemble.seed, member),
        ranges,
        ..ensemble.clone()
    }
}

/// Digest of everything that decides how good an ensemble trained on a data set is, except the seed
/// and the speakers left out: an evaluation holds for networks with the same recipe.
///
/// # Errors
/// None are expected.
pub fn recipe(dataset: &Dataset, config: &TrainConfig) -> Result<String> {
    let clips: Vec<&Clip> = dataset.clips.iter().collect();
    let clips = dataset.digest_of(&clips);
    let mut sha256 = Sha256::new();
    for member in 0..MEMBERS {
        let config = TrainConfig {
            seed: 0,
            ..member_config(config, member)
        };
        sha256.update(super::description(dataset, &clips, &config)?.to_string());
    }
    Ok(short(sha256))
}

/// Trains a member, counted from 0, of the ensemble in `run_dir` with [`super::train`];
/// `config.seed` is that of the ensemble, `config.ranges` apply to all but the last.
///
/// # Errors
/// Those of [`super::train`].
pub fn train_member(
    material: &Material,
    clips: &[usize],
    config: &TrainConfig,
    run_dir: &Path,
    member: usize,
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let config = member_config(config, member);
    let folder = member_folder(run_dir, member);
    super::train(material, clips, &config, &folder, progress, stop)
        .with_context(|| format!("network {} of {MEMBERS}", member + 1))
}

/// Trains all members, one after another, with [`train_member`]; none when stopped from outside.
///
/// For each member, `progress` is given its number from 0 and its folder, and returns how to show
/// its training.
///
/// # Errors
/// Those of [`super::train`].
pub fn train<P: Progress>(
    material: &Material,
    clips: &[usize],
    config: &TrainConfig,
    run_dir: &Path,
    mut progress: impl FnMut(usize, &Path) -> P,
    stop: &AtomicBool,
) -> Result<Option<Ensemble>> {
    let mut members = Vec::with_capacity(MEMBERS);
    for member in 0..MEMBERS {
        let mut progress = progress(member, &member_folder(run_dir, member));
        match train_member(
            material,
            clips,
            config,
            run_dir,
            member,
            &mut progress,
            stop,
        )? {
            Outcome::Finished(network) => members.push(*network),
            Outcome::Interrupted { .. } => return Ok(None),
        }
    }
    Ok(Some(Ensemble::new(members)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use speech_emotion::features::N_FEATURES;

    use super::*;

    #[test]
    fn logits_are_the_mean_of_the_members_of_which_the_last_counts_more() {
        let network = |seed| Network::new(8, &mut ChaCha8Rng::seed_from_u64(seed));
        let segment: Vec<f32> = (0..24 * N_FEATURES).map(|i| (i % 7) as f32 - 9.0).collect();
        let both = Ensemble::new(vec![network(1), network(2)]).forward(&segment);
        let (first, second) = (network(1).forward(&segment), network(2).forward(&segment));
        assert_ne!(first, second);
        for (both, (first, second)) in both.iter().zip(first.iter().zip(second)) {
            assert!((both - (3.0 * first + 4.0 * second) / 7.0).abs() < 1e-5);
        }
        let shares: Vec<f32> = Ensemble::new(vec![network(1), network(2), network(3)])
            .shares()
            .map(|(_, share)| share)
            .collect();
        for (share, expected) in shares.iter().zip([0.3, 0.3, 0.4]) {
            assert!((share - expected).abs() < 1e-6, "{shares:?}");
        }
        let alone = Ensemble::new(vec![network(1)]).forward(&segment);
        assert_eq!(alone, first);
    }

    #[test]
    fn the_last_network_alone_is_trained_in_more_noise() {
        let ensemble = TrainConfig {
            seed: 2,
            epochs: 7,
            ..TrainConfig::default()
        };
        for member in 0..MEMBERS {
            let config = member_config(&ensemble, member);
            assert_eq!(config.ranges == Ranges::rough(), member == MEMBERS - 1);
            assert_eq!(config.ranges == ensemble.ranges, member < MEMBERS - 1);
            assert_eq!(config.epochs, 7);
        }
    }

    #[test]
    fn no_two_ensembles_share_a_network() {
        let seeds: BTreeSet<u64> = (0..10)
            .flat_map(|ensemble| (0..MEMBERS).map(move |member| member_seed(ensemble, member)))
            .collect();
        assert_eq!(seeds.len(), 10 * MEMBERS);
        assert_eq!(member_seed(1, 0), 1);
    }
}
