//! Speaker-independent cross-validation: the speakers tested in each fold; all others are trained
//! on.

use std::{collections::BTreeMap, fmt, str::FromStr};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use speech_emotion::class::{Class, Labels};

use super::{Corpus, Speaker};

/// Clips of every speaker by class, `[K]`.
pub type Voices = BTreeMap<Speaker, Vec<u32>>;

/// Number of folds for a data set without published ones, if there are as many speakers.
const USUAL_FOLDS: usize = 5;

/// A way to divide the speakers into folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Protocol {
    /// RAVDESS's actors in 5 folds of 4 or 5 (Luna-Jiménez et al., 2021).
    Luna5,
    /// RAVDESS's actors in 6 folds of 4 (EmoBox, Ma et al., 2024).
    Emobox6,
    /// One fold for each speaker (leave one speaker out).
    Loso,
    /// This many folds, in which every class is about as frequent.
    Split(usize),
    /// One fold for each corpus; corpora that share speakers are in one fold.
    Corpora,
}

const LUNA5: [&[u64]; 5] = [
    &[2, 5, 14, 15, 16],
    &[3, 6, 7, 13, 18],
    &[10, 11, 12, 19, 20],
    &[8, 17, 21, 23, 24],
    &[1, 4, 9, 22],
];

const EMOBOX6: [&[u64]; 6] = [
    &[1, 11, 20, 21],
    &[4, 10, 12, 14],
    &[8, 9, 19, 23],
    &[3, 5, 7, 24],
    &[2, 15, 16, 18],
    &[6, 13, 17, 22],
];

impl fmt::Display for Protocol {
    /// Its name in file names and reports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Luna5 => f.write_str("luna5"),
            Self::Emobox6 => f.write_str("emobox6"),
            Self::Loso => f.write_str("loso"),
            Self::Split(folds) => write!(f, "split{folds}"),
            Self::Corpora => f.write_str("corpora"),
        }
    }
}

impl FromStr for Protocol {
    type Err = String;

    /// From its name, or from a number of folds.
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "luna5" => Ok(Self::Luna5),
            "emobox6" => Ok(Self::Emobox6),
            "loso" => Ok(Self::Loso),
            "corpora" => Ok(Self::Corpora),
            _ => match name.strip_prefix("split").unwrap_or(name).parse() {
                Ok(folds @ 2..) => Ok(Self::Split(folds)),
                _ => Err(
                    "use luna5, emobox6, loso, corpora or a number of folds, 2 or more".to_owned(),
                ),
            },
        }
    }
}

impl TryFrom<String> for Protocol {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<Protocol> for String {
    fn from(protocol: Protocol) -> Self {
        protocol.to_string()
    }
}

impl Protocol {
    /// The default: the published folds if RAVDESS is trained on.
    pub fn usual(corpora: &[Corpus], voices: &Voices) -> Self {
        if corpora
            .iter()
            .any(|corpus| corpus.trains && corpus.is_ravdess())
        {
            Self::Luna5
        } else {
            Self::Split(voices.len().clamp(2, USUAL_FOLDS))
        }
    }

    /// The test speakers of every fold.
    ///
    /// # Errors
    /// With [`Corpora`](Self::Corpora), whose folds the data set makes; when there are fewer
    /// speakers than folds; when the published folds are requested and the speakers are not
    /// RAVDESS's 24 actors; or when a fold would leave a class without clips to train on.
    pub fn folds(self, voices: &Voices, labels: &Labels) -> Result<Vec<Vec<Speaker>>> {
        ensure!(
            voices.len() >= 2,
            "cannot test on unseen speakers with {} speaker(s); extract clips of at least two",
            voices.len()
        );
        for class in labels.classes() {
            let speakers: Vec<&Speaker> = speakers_of(class, voices).collect();
            if let [only] = speakers[..] {
                anyhow::bail!(
                    "{:?} is expressed by one speaker only ({only}), so nobody else's {0:?} can be \
                     recognised by what was learned; record it by a second speaker, or leave the \
                     label out and extract again",
                    labels.name(class)
                );
            }
        }
        let folds = match self {
            Self::Luna5 => self.published(&LUNA5, voices)?,
            Self::Emobox6 => self.published(&EMOBOX6, voices)?,
            Self::Loso => voices.keys().map(|speaker| vec![speaker.clone()]).collect(),
            Self::Corpora => {
                anyhow::bail!("speakers alone do not tell the folds of corpora")
            }
            Self::Split(folds) => {
                ensure!(
                    folds <= voices.len(),
                    "{folds} folds need as many speakers, and there are {}; choose --folds {0} or \
                     fewer",
                    voices.len()
                );
                split(folds, voices)
            }
        };
        for (index, fold) in folds.iter().enumerate() {
            if let Some(class) = class_left_out(&[fold], voices) {
                anyhow::bail!(
                    "fold {} of {self} would leave {:?} without a clip to train on: all who express \
                     it are tested there; choose another number of --folds, or --folds loso",
                    index + 1,
                    labels.name(class)
                );
            }
        }
        Ok(folds)
    }

    fn published(self, folds: &[&[u64]], voices: &Voices) -> Result<Vec<Vec<Speaker>>> {
        let actor = |number: &u64| Speaker::new(number.to_string());
        let missing: Vec<String> = (1..=24)
            .filter(|number| !voices.contains_key(&actor(number)))
            .map(|number| number.to_string())
            .collect();
        ensure!(
            missing.is_empty(),
            "the folds of {self} need all 24 actors, but actor(s) {} are missing from the data; add \
             them or choose --folds loso",
            missing.join(", ")
        );
        Ok(folds
            .iter()
            .map(|fold| fold.iter().map(actor).collect())
            .collect())
    }
}

/// The speakers with clips of a class.
fn speakers_of(class: Class, voices: &Voices) -> impl Iterator<Item = &Speaker> {
    let has_clips = move |(_, clips): &(&Speaker, &Vec<u32>)| clips[class.index()] > 0;
    voices.iter().filter(has_clips).map(|(speaker, _)| speaker)
}

/// A class that has clips, but none by a speaker outside these folds.
pub fn class_left_out(folds: &[&Vec<Speaker>], voices: &Voices) -> Option<Class> {
    let classes = voices.values().next().map_or(0, Vec::len);
    Class::first(classes).find(|&class| {
        let mut speakers = speakers_of(class, voices).peekable();
        speakers.peek().is_some()
            && speakers.all(|speaker| folds.iter().any(|fold| fold.contains(speaker)))
    })
}

/// Assigns one speaker after another, those with most clips first, to the fold that keeps the
/// shares of all classes most alike, and avoids putting all speakers of a class into one fold.
fn split(folds: usize, voices: &Voices) -> Vec<Vec<Speaker>> {
    let classes = voices.values().next().map_or(0, Vec::len);
    let totals: Vec<u32> = (0..classes)
        .map(|class| voices.values().map(|clips| clips[class]).sum())
        .collect();
    let mut speakers: Vec<(&Speaker, &Vec<u32>)> = voices.iter().collect();
    speakers.sort_by_key(|(_, clips)| std::cmp::Reverse(clips.iter().sum::<u32>()));
    let mut held = vec![vec![0; classes]; folds];
    let mut divided = vec![Vec::new(); folds];
    for (speaker, clips) in speakers {
        let cost = |held: &[u32]| {
            let mut complete = 0;
            let mut uneven = 0.0;
            for ((held, clips), total) in held.iter().zip(clips).zip(&totals) {
                let share = |clips: u32| f64::from(clips) / f64::from((*total).max(1));
                complete += u32::from(*clips > 0 && held + clips == *total);
                uneven += share(held + clips).powi(2) - share(*held).powi(2);
            }
            (complete, uneven, held.iter().sum::<u32>())
        };
        let costs = held.iter().map(|held| cost(held)).enumerate();
        let cheapest = costs.min_by(|(_, a), (_, b)| {
            (a.0.cmp(&b.0))
                .then(a.1.total_cmp(&b.1))
                .then(a.2.cmp(&b.2))
        });
        let fold = cheapest.map_or(0, |(fold, _)| fold);
        for (held, clips) in held[fold].iter_mut().zip(clips) {
            *held += clips;
        }
        divided[fold].push(speaker.clone());
    }
    divided.iter_mut().for_each(|fold| fold.sort());
    divided
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::ravdess::Emotion;

    fn voices(speakers: impl IntoIterator<Item = (String, Vec<u32>)>) -> Voices {
        let named = |(name, clips)| (Speaker::new(name), clips);
        speakers.into_iter().map(named).collect()
    }

    fn actors(numbers: impl IntoIterator<Item = u64>) -> Voices {
        voices(numbers.into_iter().map(|n| (n.to_string(), vec![2; 8])))
    }

    fn labels(names: &[&str]) -> Labels {
        Labels::new(names.iter().map(|&name| name.to_owned()).collect()).unwrap()
    }

    #[test]
    fn every_speaker_is_tested_exactly_once() {
        let voices = actors(1..=24);
        for name in ["luna5", "emobox6", "loso", "2", "5", "7"] {
            let protocol: Protocol = name.parse().unwrap();
            let mut tested = protocol
                .folds(&voices, &Emotion::labels())
                .unwrap()
                .concat();
            tested.sort();
            assert!(tested.iter().eq(voices.keys()), "{protocol}: {tested:?}");
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        assert!("1".parse::<Protocol>().is_err() && "five".parse::<Protocol>().is_err());
    }

    #[test]
    fn leaving_one_speaker_out_follows_the_speakers_there_are() {
        let voices = actors([3, 8, 21]);
        assert_eq!(
            Protocol::Loso.folds(&voices, &Emotion::labels()).unwrap(),
            ["3", "8", "21"].map(|name| vec![Speaker::new(name)])
        );
        assert!(
            Protocol::Loso
                .folds(&actors([3]), &Emotion::labels())
                .is_err()
        );
    }

    #[test]
    fn published_folds_name_the_missing_actors() {
        let voices = actors((1..=24).filter(|actor| ![7, 9].contains(actor)));
        let error = Protocol::Luna5
            .folds(&voices, &Emotion::labels())
            .unwrap_err();
        assert!(
            error.to_string().contains("actor(s) 7, 9 are missing"),
            "{error}"
        );
    }

    #[test]
    fn a_split_spreads_rare_classes_and_does_not_depend_on_chance() {
        // Everybody has clips labelled "calm", four of ten also "tired".
        let voices = voices((0..10).map(|n| (format!("s{n}"), vec![4, if n < 4 { 2 } else { 0 }])));
        let labels = labels(&["calm", "tired"]);
        let folds = Protocol::Split(4).folds(&voices, &labels).unwrap();
        for fold in &folds {
            let tired: u32 = fold.iter().map(|speaker| voices[speaker][1]).sum();
            assert_eq!(tired, 2, "{folds:?}");
            assert!((2..=3).contains(&fold.len()), "{folds:?}");
        }
        assert_eq!(Protocol::Split(4).folds(&voices, &labels).unwrap(), folds);
        let error = Protocol::Split(11)
            .folds(&voices, &labels)
            .unwrap_err()
            .to_string();
        assert!(error.contains("choose --folds 10 or fewer"), "{error}");
        let own = Corpus::manifest("own".into(), "own".into(), "".into());
        let ravdess = Corpus::ravdess("".into());
        let both = [ravdess, own.clone()];
        assert_eq!(Protocol::usual(&[own], &voices), Protocol::Split(5));
        assert_eq!(Protocol::usual(&both, &voices), Protocol::Luna5);
    }

    #[test]
    fn a_class_that_a_fold_would_take_away_from_training_is_named() {
        let labels = labels(&["calm", "tired"]);
        let one = voices([("anna".into(), vec![1, 1]), ("ben".into(), vec![1, 0])]);
        let error = Protocol::Loso.folds(&one, &labels).unwrap_err().to_string();
        assert!(
            error.contains("\"tired\" is expressed by one speaker only (anna)"),
            "{error}"
        );
        // Actors 2 and 5 share a fold of luna5.
        let mut voices = actors(1..=24);
        for (speaker, clips) in &mut voices {
            let tests_together = speaker.number().is_some_and(|n| n == 2 || n == 5);
            clips[3] = u32::from(tests_together);
        }
        let error = Protocol::Luna5
            .folds(&voices, &Emotion::labels())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("fold 1 of luna5 would leave \"sad\" without a clip"),
            "{error}"
        );
        let apart = Protocol::Split(2)
            .folds(&voices, &Emotion::labels())
            .unwrap();
        assert_eq!(
            class_left_out(&[&apart[0], &apart[1]], &voices),
            Class::new(0)
        );
    }
}
