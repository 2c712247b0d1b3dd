//! Which speakers are tested together, and in which corpora.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::{
    corpus::{Kind, Published, Speaker, folds::Protocol},
    dataset::Dataset,
};

/// Speakers who are tested by networks that have not heard them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Names of its corpora, or its number from 1.
    pub name: String,
    /// Who is tested; left out of training in every corpus.
    pub speakers: Vec<Speaker>,
    /// Positions of the corpora in which they are tested.
    pub corpora: Vec<usize>,
    /// Positions of the corpora from which nothing is left to train on, tested or not.
    pub left_out: Vec<usize>,
    /// Whether any of them is used to train other folds' networks.
    pub trains: bool,
}

/// The folds of a data set.
///
/// RAVDESS's published folds test only its speech; all others test every corpus, except that
/// left-out corpora are not tested on song.
///
/// # Errors
/// Those of [`Protocol::folds`]; with [`Protocol::Corpora`] also when there are fewer than two
/// corpora without common speakers to train on, or when one has a single speaker or label.
pub fn of(protocol: Protocol, dataset: &Dataset) -> Result<Vec<Fold>> {
    if protocol == Protocol::Corpora {
        return corpora(dataset);
    }
    let is_ravdess_speech =
        |&index: &usize| dataset.corpora[index].kind == Kind::Published(Published::Ravdess);
    let trained = |&index: &usize| dataset.corpora[index].trains;
    let all = 0..dataset.corpora.len();
    let tested: Vec<usize> = match protocol {
        Protocol::Luna5 | Protocol::Emobox6 => all.filter(is_ravdess_speech).collect(),
        _ => all.filter(trained).collect(),
    };
    let mut voices = dataset.voices();
    voices.retain(|speaker, _| {
        let mut clips = dataset.clips.iter();
        clips.any(|clip| clip.speaker == *speaker && dataset.corpora[clip.corpus].trains)
    });
    let folds = protocol.folds(&voices, &dataset.labels)?;
    Ok(folds
        .into_iter()
        .enumerate()
        .map(|(index, speakers)| Fold {
            name: (index + 1).to_string(),
            speakers,
            corpora: tested.clone(),
            left_out: Vec::new(),
            trains: true,
        })
        .collect())
}

/// A fold for each corpus; corpora with common speakers are in one fold.
fn corpora(dataset: &Dataset) -> Result<Vec<Fold>> {
    for corpus in 0..dataset.corpora.len() {
        if let Some(reason) = dataset.unfit_for_testing(corpus) {
            anyhow::bail!(
                "cannot test on left-out corpora: {reason}; leave it out and extract again"
            );
        }
    }
    let speakers_of = |corpus: usize| -> BTreeSet<&Speaker> {
        let clips = dataset.clips.iter().filter(|clip| clip.corpus == corpus);
        clips.map(|clip| &clip.speaker).collect()
    };
    let mut groups: Vec<(Vec<usize>, BTreeSet<&Speaker>)> = Vec::new();
    for corpus in 0..dataset.corpora.len() {
        let speakers = speakers_of(corpus);
        let common = groups
            .iter_mut()
            .find(|(_, others)| !others.is_disjoint(&speakers));
        match common {
            Some((corpora, others)) => {
                corpora.push(corpus);
                others.extend(speakers);
            }
            None => groups.push((vec![corpus], speakers)),
        }
    }
    let is_spoken =
        |&corpus: &usize| dataset.corpora[corpus].kind != Kind::Published(Published::RavdessSong);
    let folds: Vec<Fold> = groups
        .into_iter()
        .map(|(corpora, speakers)| Fold {
            name: dataset.corpora[corpora[0]].name.clone(),
            speakers: speakers.into_iter().cloned().collect(),
            trains: corpora.iter().any(|&corpus| dataset.corpora[corpus].trains),
            corpora: corpora.iter().copied().filter(is_spoken).collect(),
            left_out: corpora,
        })
        .collect();
    ensure!(
        folds.iter().filter(|fold| fold.trains).count() >= 2,
        "to leave a corpus out there must be another to train on: extract at least two that share no \
         speakers"
    );
    Ok(folds)
}

#[cfg(test)]
mod tests {
    use speech_emotion::class::Class;

    use super::*;
    use crate::{
        corpus::{Corpus, Listed, ravdess::Emotion},
        dataset::Features,
    };

    /// RAVDESS's speech and song, and corpora of these names with two speakers each, the last held out.
    fn dataset(names: &[&str]) -> Dataset {
        let mut corpora = vec![Corpus::ravdess("speech".into())];
        corpora.extend(
            ["song"]
                .iter()
                .chain(names)
                .map(|&name| Corpus::manifest(name.into(), name.into(), "".into())),
        );
        if let Some(last) = corpora.last_mut() {
            last.trains = names.is_empty();
        }
        let mut clips = Vec::new();
        for corpus in 0..corpora.len() {
            for actor in 0..24 {
                for class in 0..2 {
                    let speaker = match corpus {
                        0 | 1 => Speaker::new((actor + 1).to_string()),
                        _ => Speaker::new(format!("{corpus}-{}", actor % 2)),
                    };
                    let class = Class::new(class).unwrap();
                    let listed = Listed {
                        corpus,
                        ..Listed::new(String::new(), class, speaker)
                    };
                    clips.push((listed, Features::default()));
                }
            }
        }
        Dataset::in_memory(Emotion::labels(), corpora, clips)
    }

    #[test]
    fn corpora_with_common_speakers_are_left_out_together() {
        let folds = of(Protocol::Corpora, &dataset(&["nemo", "korean"])).unwrap();
        let names: Vec<(&str, &[usize], bool)> = folds
            .iter()
            .map(|fold| (fold.name.as_str(), fold.corpora.as_slice(), fold.trains))
            .collect();
        let expected: [(&str, &[usize], bool); 3] = [
            ("ravdess", &[0, 1], true),
            ("nemo", &[2], true),
            ("korean", &[3], false),
        ];
        assert_eq!(names, expected);
        assert_eq!(folds[0].left_out, [0, 1]);
        assert_eq!(folds[0].speakers.len(), 24);
        assert_eq!(folds[1].speakers, ["2-0", "2-1"].map(Speaker::new));
    }

    #[test]
    fn one_corpus_alone_cannot_be_left_out() {
        for names in [&[][..], &["korean"]] {
            let error = of(Protocol::Corpora, &dataset(names))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("at least two that share no speakers"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_corpus_of_one_label_is_refused_with_the_reason() {
        let mut dataset = dataset(&["nemo", "korean"]);
        dataset
            .clips
            .retain(|clip| clip.corpus != 2 || clip.class.index() == 0);
        let error = of(Protocol::Corpora, &dataset).unwrap_err().to_string();
        assert!(error.contains("nemo has one label only"), "{error}");
    }

    #[test]
    fn published_folds_test_ravdess_s_speech_alone_and_others_all_that_trains() {
        let dataset = dataset(&["nemo", "korean"]);
        let luna = of(Protocol::Luna5, &dataset).unwrap();
        assert!(luna.iter().all(|fold| fold.corpora == [0]));
        let loso = of(Protocol::Loso, &dataset).unwrap();
        assert_eq!(loso.len(), 26);
        assert!(loso.iter().all(|fold| fold.corpora == [0, 1, 2]));
    }
}
