//! Speaker-independent cross-validation: the actors tested in each fold; all others train it.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// A way to divide the actors into folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// 5 folds of 4 or 5 actors (Luna-Jiménez et al., 2021)
    Luna5,
    /// 6 folds of 4 actors (EmoBox, Ma et al., 2024)
    Emobox6,
    /// One fold for each actor (leave one speaker out)
    Loso,
}

const LUNA5: [&[u8]; 5] = [
    &[2, 5, 14, 15, 16],
    &[3, 6, 7, 13, 18],
    &[10, 11, 12, 19, 20],
    &[8, 17, 21, 23, 24],
    &[1, 4, 9, 22],
];

const EMOBOX6: [&[u8]; 6] = [
    &[1, 11, 20, 21],
    &[4, 10, 12, 14],
    &[8, 9, 19, 23],
    &[3, 5, 7, 24],
    &[2, 15, 16, 18],
    &[6, 13, 17, 22],
];

impl Protocol {
    /// Its name on the command line and in file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Luna5 => "luna5",
            Self::Emobox6 => "emobox6",
            Self::Loso => "loso",
        }
    }

    /// The test actors of every fold.
    ///
    /// # Errors
    /// When the published folds are asked for and `actors` are not all 24, or when there are
    /// fewer than two actors.
    pub fn folds(self, actors: &BTreeSet<u8>) -> Result<Vec<Vec<u8>>> {
        ensure!(
            actors.len() >= 2,
            "cannot test on unseen speakers with {} actor(s); extract clips of at least two",
            actors.len()
        );
        let published: &[&[u8]] = match self {
            Self::Luna5 => &LUNA5,
            Self::Emobox6 => &EMOBOX6,
            Self::Loso => return Ok(actors.iter().map(|&actor| vec![actor]).collect()),
        };
        let missing: Vec<String> = (1..=24)
            .filter(|actor| !actors.contains(actor))
            .map(|actor| actor.to_string())
            .collect();
        ensure!(
            missing.is_empty(),
            "the folds of {} need all 24 actors, but actor(s) {} are missing from the data; add \
             them or choose --folds loso",
            self.name(),
            missing.join(", ")
        );
        Ok(published.iter().map(|fold| fold.to_vec()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_actor_is_tested_exactly_once() {
        let actors: BTreeSet<u8> = (1..=24).collect();
        for protocol in [Protocol::Luna5, Protocol::Emobox6, Protocol::Loso] {
            let mut tested = protocol.folds(&actors).unwrap().concat();
            tested.sort_unstable();
            assert!(tested.iter().eq(actors.iter()), "{protocol:?}: {tested:?}");
        }
    }

    #[test]
    fn leaving_one_speaker_out_follows_the_actors_there_are() {
        let actors = BTreeSet::from([3, 8, 21]);
        assert_eq!(
            Protocol::Loso.folds(&actors).unwrap(),
            [vec![3], vec![8], vec![21]]
        );
        assert!(Protocol::Loso.folds(&BTreeSet::from([3])).is_err());
    }

    #[test]
    fn published_folds_name_the_missing_actors() {
        let actors: BTreeSet<u8> = (1..=24).filter(|actor| ![7, 9].contains(actor)).collect();
        let error = Protocol::Luna5.folds(&actors).unwrap_err().to_string();
        assert!(error.contains("actor(s) 7, 9 are missing"), "{error}");
    }
}
