//! How often the model is right: confusion matrix, recall, precision, F1, UAR, WAR and their
//! confidence interval over speakers.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use speech_emotion::{class::Class, model::Posterior};

/// The most probable of these classes (the last in a tie); none if there are none.
pub fn best_among(posterior: &Posterior, classes: &BTreeSet<Class>) -> Option<Class> {
    let share = |class: &Class| posterior.get(*class);
    let by_share = |a: &Class, b: &Class| share(a).total_cmp(&share(b));
    classes.iter().copied().max_by(by_share)
}

/// Resamples of the speakers behind a confidence interval.
const BOOTSTRAP_RESAMPLES: usize = 2000;
const BOOTSTRAP_SEED: u64 = 1;

/// Clips counted by true class (row) and predicted class (column), `[K, K + 1]` in class order;
/// the last column counts clips without an answer, which are wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion(pub Vec<Vec<u32>>);

impl Confusion {
    /// For this number of classes, without any clips.
    pub fn new(classes: usize) -> Self {
        Self(vec![vec![0; classes + 1]; classes])
    }

    /// Counts one clip; `None` means no answer.
    pub fn count(&mut self, truth: Class, predicted: Option<Class>) {
        let column = predicted.map_or(self.0.len(), Class::index);
        self.0[truth.index()][column] += 1;
    }

    /// Adds all counts of another matrix.
    pub fn add(&mut self, other: &Self) {
        for (row, other) in self.0.iter_mut().zip(&other.0) {
            for (count, other) in row.iter_mut().zip(other) {
                *count += other;
            }
        }
    }

    /// Number of clips counted.
    pub fn total(&self) -> u32 {
        self.0.iter().flatten().sum()
    }

    /// Number of clips of a class.
    pub fn support(&self, truth: Class) -> u32 {
        self.0[truth.index()].iter().sum()
    }

    fn hits(&self, class: Class) -> u32 {
        self.0[class.index()][class.index()]
    }

    fn classes(&self) -> impl Iterator<Item = Class> {
        Class::first(self.0.len())
    }

    /// Share of a class's clips that were recognised; none if it has no clips.
    pub fn recall(&self, class: Class) -> Option<f64> {
        ratio(self.hits(class), self.support(class))
    }

    /// Share of the clips taken for a class that belong to it; none if no clip was taken for it.
    pub fn precision(&self, class: Class) -> Option<f64> {
        let predicted = self.0.iter().map(|row| row[class.index()]).sum();
        ratio(self.hits(class), predicted)
    }

    /// Harmonic mean of precision and recall; none if neither exists.
    pub fn f1(&self, class: Class) -> Option<f64> {
        let predicted: u32 = self.0.iter().map(|row| row[class.index()]).sum();
        ratio(2 * self.hits(class), predicted + self.support(class))
    }

    /// Weighted average recall: the share of clips classified correctly; 0 without clips.
    pub fn war(&self) -> f64 {
        let hits = self.classes().map(|class| self.hits(class)).sum();
        ratio(hits, self.total()).unwrap_or(0.0)
    }

    /// Unweighted average recall: the mean recall of the classes that have clips; 0 without clips.
    pub fn uar(&self) -> f64 {
        let recalls: Vec<f64> = self
            .classes()
            .filter_map(|class| self.recall(class))
            .collect();
        recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }
}

fn ratio(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) / f64::from(whole))
}

/// The 95 % confidence interval of `statistic` for a speaker not heard before: percentiles of a
/// bootstrap over speakers, since clips of one speaker are not independent.
///
/// `by_speaker` holds one matrix per speaker; the same matrices give the same interval.
pub fn interval(by_speaker: &[Confusion], statistic: fn(&Confusion) -> f64) -> [f64; 2] {
    let classes = by_speaker.first().map_or(0, |confusion| confusion.0.len());
    let mut rng = ChaCha8Rng::seed_from_u64(BOOTSTRAP_SEED);
    let mut values: Vec<f64> = (0..BOOTSTRAP_RESAMPLES)
        .map(|_| {
            let mut resample = Confusion::new(classes);
            for _ in by_speaker {
                resample.add(&by_speaker[rng.random_range(0..by_speaker.len())]);
            }
            statistic(&resample)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let percentile = |p: f64| values[((BOOTSTRAP_RESAMPLES - 1) as f64 * p).round() as usize];
    [percentile(0.025), percentile(0.975)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: usize = 8;
    const NEUTRAL: Class = Class::new(0).unwrap();
    const CALM: Class = Class::new(1).unwrap();
    const HAPPY: Class = Class::new(2).unwrap();
    const SAD: Class = Class::new(3).unwrap();
    const ANGRY: Class = Class::new(4).unwrap();

    /// Neutral: 3 of 4 right; happy: 1 of 6 right, 4 taken for neutral, 1 for sad.
    fn example() -> Confusion {
        let mut confusion = Confusion::new(CLASSES);
        for (truth, predicted, clips) in [
            (NEUTRAL, NEUTRAL, 3),
            (NEUTRAL, HAPPY, 1),
            (HAPPY, HAPPY, 1),
            (HAPPY, NEUTRAL, 4),
            (HAPPY, SAD, 1),
        ] {
            for _ in 0..clips {
                confusion.count(truth, Some(predicted));
            }
        }
        confusion
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn recall_precision_and_f1_are_those_computed_by_hand() {
        let confusion = example();
        assert_eq!(confusion.total(), 10);
        assert_eq!(confusion.recall(NEUTRAL), Some(0.75));
        assert!(close(confusion.recall(HAPPY).unwrap(), 1.0 / 6.0));
        assert_eq!(confusion.recall(SAD), None);
        assert!(close(confusion.precision(NEUTRAL).unwrap(), 3.0 / 7.0));
        assert_eq!(confusion.precision(SAD), Some(0.0));
        assert_eq!(confusion.precision(ANGRY), None);
        // 2 * 3/4 * 3/7 / (3/4 + 3/7)
        assert!(close(confusion.f1(NEUTRAL).unwrap(), 6.0 / 11.0));
        assert_eq!(confusion.f1(ANGRY), None);
    }

    #[test]
    fn uar_weighs_classes_and_war_weighs_clips() {
        let confusion = example();
        assert!(close(confusion.war(), 0.4));
        assert!(close(confusion.uar(), (0.75 + 1.0 / 6.0) / 2.0));
        assert!(close(Confusion::new(CLASSES).uar(), 0.0));
        assert!(close(Confusion::new(CLASSES).war(), 0.0));
    }

    #[test]
    fn matrices_add_up_clip_by_clip() {
        let mut sum = example();
        sum.add(&example());
        assert_eq!(sum.total(), 20);
        assert!(close(sum.uar(), example().uar()));
    }

    #[test]
    fn the_interval_reflects_how_much_speakers_differ() {
        let mut right = Confusion::new(CLASSES);
        right.count(CALM, Some(CALM));
        let mut wrong = Confusion::new(CLASSES);
        wrong.count(CALM, None);

        assert_eq!(
            interval(&vec![right.clone(); 24], Confusion::war),
            [1.0, 1.0]
        );

        // 12 of 24: the binomial's 95 % interval is 0.5 ± 1.96 * 0.5 / sqrt(24) = 0.30 to 0.70.
        let mut actors = vec![right; 12];
        actors.extend(vec![wrong; 12]);
        let [low, high] = interval(&actors, Confusion::war);
        assert!(
            (low - 0.30).abs() < 0.05 && (high - 0.70).abs() < 0.05,
            "{low} {high}"
        );
        assert_eq!(interval(&actors, Confusion::war), [low, high]);
    }
}
