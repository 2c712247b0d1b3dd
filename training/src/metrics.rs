//! How often the model is right: confusion matrix, recall, precision, F1, UAR, WAR and their
//! confidence interval over speakers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use speech_emotion::Emotion;

/// Resamples of the actors behind a confidence interval.
const BOOTSTRAP_RESAMPLES: usize = 2000;
const BOOTSTRAP_SEED: u64 = 1;

/// Clips counted by true emotion (row) and predicted emotion (column), `[K, K + 1]` in class order;
/// the last column counts clips without an answer, which are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confusion(pub [[u32; Emotion::COUNT + 1]; Emotion::COUNT]);

impl Confusion {
    /// Counts one clip; none is no answer.
    pub fn count(&mut self, truth: Emotion, predicted: Option<Emotion>) {
        self.0[truth.index()][predicted.map_or(Emotion::COUNT, Emotion::index)] += 1;
    }

    /// Adds all counts of another matrix.
    pub fn add(&mut self, other: &Self) {
        for (row, other) in self.0.iter_mut().zip(other.0) {
            for (count, other) in row.iter_mut().zip(other) {
                *count += other;
            }
        }
    }

    /// Number of clips counted.
    pub fn total(&self) -> u32 {
        self.0.as_flattened().iter().sum()
    }

    /// Number of clips of an emotion.
    pub fn support(&self, truth: Emotion) -> u32 {
        self.0[truth.index()].iter().sum()
    }

    fn hits(&self, emotion: Emotion) -> u32 {
        self.0[emotion.index()][emotion.index()]
    }

    /// Share of an emotion's clips that were recognised; none when it has no clips.
    pub fn recall(&self, emotion: Emotion) -> Option<f64> {
        ratio(self.hits(emotion), self.support(emotion))
    }

    /// Share of the clips taken for an emotion that were of it; none when no clip was.
    pub fn precision(&self, emotion: Emotion) -> Option<f64> {
        let predicted = self.0.iter().map(|row| row[emotion.index()]).sum();
        ratio(self.hits(emotion), predicted)
    }

    /// Harmonic mean of precision and recall; none when neither has a clip.
    pub fn f1(&self, emotion: Emotion) -> Option<f64> {
        let predicted: u32 = self.0.iter().map(|row| row[emotion.index()]).sum();
        ratio(2 * self.hits(emotion), predicted + self.support(emotion))
    }

    /// Weighted average recall: the share of clips classified correctly; 0 without clips.
    pub fn war(&self) -> f64 {
        let hits = Emotion::ALL.into_iter().map(|e| self.hits(e)).sum();
        ratio(hits, self.total()).unwrap_or(0.0)
    }

    /// Unweighted average recall: the mean recall of the emotions that have clips; 0 without clips.
    pub fn uar(&self) -> f64 {
        let recalls: Vec<f64> = Emotion::ALL
            .into_iter()
            .filter_map(|emotion| self.recall(emotion))
            .collect();
        recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }
}

fn ratio(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) / f64::from(whole))
}

/// The 95 % confidence interval of `statistic` for a speaker not heard before: percentiles of a
/// bootstrap over actors, since clips of one actor are not independent.
///
/// `by_actor` holds one matrix per actor; the same matrices give the same interval.
pub fn interval(by_actor: &[Confusion], statistic: fn(&Confusion) -> f64) -> [f64; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(BOOTSTRAP_SEED);
    let mut values: Vec<f64> = (0..BOOTSTRAP_RESAMPLES)
        .map(|_| {
            let mut resample = Confusion::default();
            for _ in by_actor {
                resample.add(&by_actor[rng.random_range(0..by_actor.len())]);
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

    /// Neutral: 3 of 4 right; happy: 1 of 6 right, 4 taken for neutral, 1 for sad.
    fn example() -> Confusion {
        let mut confusion = Confusion::default();
        for (truth, predicted, clips) in [
            (Emotion::Neutral, Emotion::Neutral, 3),
            (Emotion::Neutral, Emotion::Happy, 1),
            (Emotion::Happy, Emotion::Happy, 1),
            (Emotion::Happy, Emotion::Neutral, 4),
            (Emotion::Happy, Emotion::Sad, 1),
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
        assert_eq!(confusion.recall(Emotion::Neutral), Some(0.75));
        assert!(close(confusion.recall(Emotion::Happy).unwrap(), 1.0 / 6.0));
        assert_eq!(confusion.recall(Emotion::Sad), None);
        assert!(close(
            confusion.precision(Emotion::Neutral).unwrap(),
            3.0 / 7.0
        ));
        assert_eq!(confusion.precision(Emotion::Sad), Some(0.0));
        assert_eq!(confusion.precision(Emotion::Angry), None);
        // 2 * 3/4 * 3/7 / (3/4 + 3/7)
        assert!(close(confusion.f1(Emotion::Neutral).unwrap(), 6.0 / 11.0));
        assert_eq!(confusion.f1(Emotion::Angry), None);
    }

    #[test]
    fn uar_weighs_classes_and_war_weighs_clips() {
        let confusion = example();
        assert!(close(confusion.war(), 0.4));
        assert!(close(confusion.uar(), (0.75 + 1.0 / 6.0) / 2.0));
        assert!(close(Confusion::default().uar(), 0.0));
        assert!(close(Confusion::default().war(), 0.0));
    }

    #[test]
    fn matrices_add_up_clip_by_clip() {
        let mut sum = example();
        sum.add(&example());
        assert_eq!(sum.total(), 20);
        assert!(close(sum.uar(), example().uar()));
    }

    #[test]
    fn the_interval_reflects_how_much_actors_differ() {
        let mut right = Confusion::default();
        right.count(Emotion::Calm, Some(Emotion::Calm));
        let mut wrong = Confusion::default();
        wrong.count(Emotion::Calm, None);

        assert_eq!(interval(&[right; 24], Confusion::war), [1.0, 1.0]);

        // 12 of 24: the binomial's 95 % interval is 0.5 ± 1.96 * 0.5 / sqrt(24) = 0.30 to 0.70.
        let mut actors = vec![right; 12];
        actors.extend([wrong; 12]);
        let [low, high] = interval(&actors, Confusion::war);
        assert!(
            (low - 0.30).abs() < 0.05 && (high - 0.70).abs() < 0.05,
            "{low} {high}"
        );
        assert_eq!(interval(&actors, Confusion::war), [low, high]);
    }
}
