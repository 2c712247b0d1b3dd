//! Which clips make up an epoch: neither the largest corpus nor the commonest label dominates.
//!
//! Clips of one corpus and class form a stratum. A corpus has weight in proportion to its clips,
//! but a large one no more than [`MOST_CLIPS`] would give it; its classes have equal weight. Within
//! a stratum every clip comes once before any clip comes again.

use std::collections::BTreeMap;

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use speech_emotion::class::Class;

use crate::dataset::Clip;

/// Most clips in proportion to which a corpus is weighted.
const MOST_CLIPS: usize = 1_200;

/// How an epoch's clips are drawn; the same seed gives the same clips.
#[derive(Clone, Debug)]
pub struct Draw {
    strata: Vec<Stratum>,
    segments: usize,
    seed: u64,
}

#[derive(Clone, Debug)]
struct Stratum {
    /// Positions of its clips.
    clips: Vec<usize>,
    /// Its clips in an epoch, on average.
    per_epoch: f64,
}

impl Draw {
    /// For these clips; an epoch has as many as there are, but at most `segments`.
    pub fn new(clips: &[&Clip], segments: usize, seed: u64) -> Self {
        let mut by_corpus = BTreeMap::<usize, BTreeMap<Class, Vec<usize>>>::new();
        for (index, clip) in clips.iter().enumerate() {
            let classes = by_corpus.entry(clip.corpus).or_default();
            classes.entry(clip.class).or_default().push(index);
        }
        let weight = |classes: &BTreeMap<Class, Vec<usize>>| {
            let clips: usize = classes.values().map(Vec::len).sum();
            clips.min(MOST_CLIPS) as f64
        };
        let total: f64 = by_corpus.values().map(weight).sum();
        let segments = segments.min(clips.len());
        let mut strata = Vec::new();
        for classes in by_corpus.into_values() {
            let per_epoch = segments as f64 * weight(&classes) / total / classes.len() as f64;
            strata.extend(
                classes
                    .into_values()
                    .map(|clips| Stratum { clips, per_epoch }),
            );
        }
        Self {
            strata,
            segments,
            seed,
        }
    }

    /// Clips in an epoch; single epochs have a few more or less.
    pub fn segments(&self) -> usize {
        self.segments
    }

    /// The positions of the clips of an epoch, counted from 1, in no order. Does not depend on
    /// earlier calls.
    pub fn epoch(&self, epoch: usize) -> Vec<usize> {
        let mut drawn = Vec::with_capacity(self.segments + self.strata.len());
        for (number, stratum) in self.strata.iter().enumerate() {
            let until = |epoch: usize| (epoch as f64 * stratum.per_epoch).round() as usize;
            let size = stratum.clips.len();
            let (mut at, end) = (until(epoch - 1), until(epoch));
            while at < end {
                let pass = at / size;
                let order = self.shuffled(number, pass);
                let part = &order[at - pass * size..size.min(end - pass * size)];
                drawn.extend(part);
                at += part.len();
            }
        }
        drawn
    }

    /// The clips of a stratum in the order in which they come for the `pass`th time.
    fn shuffled(&self, stratum: usize, pass: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream((stratum as u64 + 1) << 32 | pass as u64);
        let mut clips = self.strata[stratum].clips.clone();
        clips.shuffle(&mut rng);
        clips
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        corpus::{Corpus, Listed, Speaker, ravdess::Emotion},
        dataset::{Dataset, Features},
    };

    /// 4,000 clips of a large corpus, nine in ten of one class, and 600 of a small one that has a
    /// third class.
    fn clips() -> Dataset {
        let clip = |corpus: usize, class: usize| {
            let speaker = Speaker::new("1");
            let listed = Listed {
                corpus,
                ..Listed::new(String::new(), Class::new(class).unwrap(), speaker)
            };
            (listed, Features::default())
        };
        let large = (0..4_000).map(|n| clip(0, usize::from(n % 10 == 0)));
        let small = (0..600).map(|n| clip(1, n % 3));
        let corpora =
            ["large", "small"].map(|name| Corpus::manifest(name.into(), name.into(), "".into()));
        Dataset::in_memory(Emotion::labels(), corpora.into(), large.chain(small))
    }

    #[test]
    fn a_large_corpus_counts_by_a_part_of_its_clips_and_classes_count_alike() {
        let dataset = clips();
        let clips: Vec<&Clip> = dataset.clips.iter().collect();
        let draw = Draw::new(&clips, 300, 1);
        assert_eq!(draw.segments(), 300);
        let mut counts = BTreeMap::<(usize, usize), usize>::new();
        for index in (1..=10).flat_map(|epoch| draw.epoch(epoch)) {
            let clip = clips[index];
            *counts.entry((clip.corpus, clip.class.index())).or_default() += 1;
        }
        // Two thirds of 3,000 by two classes and a third by three.
        for ((corpus, _), count) in &counts {
            let expected = if *corpus == 0 { 1_000 } else { 333 };
            assert!(count.abs_diff(expected) <= 1, "{counts:?}");
        }
        assert_eq!(counts.len(), 5);
    }

    #[test]
    fn every_clip_of_a_stratum_comes_before_one_comes_again() {
        let dataset = clips();
        let clips: Vec<&Clip> = dataset.clips.iter().collect();
        let draw = Draw::new(&clips, 300, 7);
        let mut times = vec![0; clips.len()];
        for index in (1..=30).flat_map(|epoch| draw.epoch(epoch)) {
            times[index] += 1;
        }
        for corpus in [0, 1] {
            let of = (0..clips.len()).filter(|&i| clips[i].corpus == corpus);
            let first = of.filter(|&i| clips[i].class.index() == 0);
            let times: Vec<usize> = first.map(|i| times[i]).collect();
            let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            assert!(most - least <= 1, "{times:?}");
        }
    }

    #[test]
    fn an_epoch_is_the_same_whatever_came_before_and_another_with_another_seed() {
        let dataset = clips();
        let clips: Vec<&Clip> = dataset.clips.iter().collect();
        let draw = Draw::new(&clips, 300, 1);
        let fifth = draw.epoch(5);
        draw.epoch(2);
        assert_eq!(draw.epoch(5), fifth);
        assert_ne!(Draw::new(&clips, 300, 2).epoch(5), fifth);
    }

    #[test]
    fn one_corpus_alone_has_as_many_clips_in_an_epoch_as_there_are() {
        let dataset = clips();
        let clips: Vec<&Clip> = dataset
            .clips_of(1)
            .map(|index| &dataset.clips[index])
            .collect();
        let draw = Draw::new(&clips, 3_000, 1);
        assert_eq!((draw.segments(), draw.epoch(1).len()), (600, 600));
    }
}
