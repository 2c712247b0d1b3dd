//! The corpora behind an evaluation: what they are and on what terms they are available.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{corpus::Corpus, dataset::Dataset};

/// A corpus of the data set that was evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its short name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// SPDX name of its licence.
    pub licence: String,
    /// The credit that is due to it.
    pub attribution: String,
    /// Languages spoken (ISO 639-1), if known.
    pub languages: Vec<String>,
    /// The classes for which it has clips, in class order.
    pub labels: Vec<String>,
    /// Its clips.
    pub clips: u32,
    /// Their speakers.
    pub speakers: u32,
    /// Whether models are trained on it.
    pub trains: bool,
    /// Whether its clips are among those judged.
    pub tested: bool,
}

/// All corpora of a data set; those at these positions were `tested`.
pub fn of(dataset: &Dataset, tested: &BTreeSet<usize>) -> Vec<Source> {
    let source = |(index, corpus): (usize, &Corpus)| {
        let clips: Vec<_> = dataset
            .clips_of(index)
            .map(|clip| &dataset.clips[clip])
            .collect();
        let languages: BTreeSet<&String> = clips
            .iter()
            .filter_map(|clip| clip.language.as_ref())
            .collect();
        let labels = dataset.labels_of(index).into_iter();
        Source {
            name: corpus.name.clone(),
            title: corpus.data_set.clone(),
            licence: corpus.licence.clone(),
            attribution: corpus.attribution.clone(),
            languages: languages.into_iter().cloned().collect(),
            labels: labels
                .map(|class| dataset.labels.name(class).to_owned())
                .collect(),
            clips: clips.len() as u32,
            speakers: dataset.speakers_of(index).len() as u32,
            trains: corpus.trains,
            tested: tested.contains(&index),
        }
    };
    dataset.corpora.iter().enumerate().map(source).collect()
}
