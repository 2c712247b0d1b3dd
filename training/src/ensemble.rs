//! Several networks of one recipe, each from a seed of its own, whose logits are averaged: networks
//! err in different places, and together less.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::Result;

use crate::{
    network::Network,
    train::{self, Material, Outcome, Progress, TrainConfig},
};

/// Networks of an ensemble.
pub const MEMBERS: usize = 2;

const NETWORK_FILE: &str = "network.safetensors";

/// Networks of the same architecture.
#[derive(Clone, Debug)]
pub struct Ensemble {
    members: Vec<Network>,
}

impl Ensemble {
    /// Of these networks, at least one.
    pub fn new(members: Vec<Network>) -> Self {
        assert!(!members.is_empty(), "an ensemble without networks");
        Self { members }
    }

    /// Mean logits of one segment `[T, F]`; see [`Network::forward`].
    ///
    /// # Panics
    /// When the segment has fewer than four frames.
    pub fn forward(&self, segment: &[f32]) -> Vec<f32> {
        let mut mean = vec![0.0; self.members[0].classes()];
        for network in &self.members {
            for (mean, logit) in mean.iter_mut().zip(network.forward(segment)) {
                *mean += logit / self.members.len() as f32;
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

/// Where a member, counted from 0, of the ensemble in `run_dir` is trained.
pub fn member_folder(run_dir: &Path, member: usize) -> PathBuf {
    run_dir.join(format!("member{}", member + 1))
}

/// Seed of a member, counted from 0: ensemble 1 has networks 1 and 2, ensemble 2 has 3 and 4.
fn member_seed(ensemble: u64, member: usize) -> u64 {
    (ensemble.wrapping_sub(1))
        .wrapping_mul(MEMBERS as u64)
        .wrapping_add(member as u64 + 1)
}

/// Trains a member, counted from 0, of the ensemble in `run_dir` by [`train::train`]; `config.seed` is that of
/// the ensemble.
///
/// # Errors
/// Those of [`train::train`].
pub fn train_member(
    material: &Material,
    clips: &[usize],
    config: &TrainConfig,
    run_dir: &Path,
    member: usize,
    progress: &mut dyn Progress,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let config = TrainConfig {
        seed: member_seed(config.seed, member),
        ..config.clone()
    };
    let folder = member_folder(run_dir, member);
    train::train(material, clips, &config, &folder, progress, stop)
}

/// Trains all members, one after the other, by [`train_member`]; none when stopped from outside.
///
/// `progress` is asked for each member, by number from 0 and folder, how its training is to be shown.
///
/// # Errors
/// Those of [`train::train`].
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
    fn logits_are_the_mean_of_the_members() {
        let network = |seed| Network::new(8, &mut ChaCha8Rng::seed_from_u64(seed));
        let segment: Vec<f32> = (0..24 * N_FEATURES).map(|i| (i % 7) as f32 - 9.0).collect();
        let both = Ensemble::new(vec![network(1), network(2)]).forward(&segment);
        let (first, second) = (network(1).forward(&segment), network(2).forward(&segment));
        assert_ne!(first, second);
        for (both, (first, second)) in both.iter().zip(first.iter().zip(second)) {
            assert!((both - 0.5 * (first + second)).abs() < 1e-6);
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
