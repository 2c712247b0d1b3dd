//! Cross entropy with label smoothing (Szegedy et al., 2016), among the classes that were possible.

use speech_emotion::class::Class;

/// What an item should be recognised as, and among which classes: a corpus without clips of a class
/// says nothing about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What it expresses.
    pub class: Class,
    /// A bit for each class that it is distinguished from.
    among: u32,
}

impl Target {
    /// A class distinguished from all others.
    pub fn new(class: Class) -> Self {
        Self {
            class,
            among: u32::MAX,
        }
    }

    /// A class distinguished from these alone.
    pub fn among(class: Class, classes: impl IntoIterator<Item = Class>) -> Self {
        let bit = |class: Class| 1 << class.index();
        Self {
            class,
            among: classes
                .into_iter()
                .fold(bit(class), |among, class| among | bit(class)),
        }
    }

    fn has(&self, class: usize) -> bool {
        self.among >> class & 1 == 1
    }

    /// The class with the highest logit in `[K]` among those that count.
    pub fn answer(&self, logits: &[f32]) -> Class {
        let mut top = self.class;
        for class in Class::first(logits.len()).filter(|class| self.has(class.index())) {
            if logits[class.index()] > logits[top.index()] {
                top = class;
            }
        }
        top
    }
}

/// Mean loss over a batch, in nats, and its gradient with respect to the logits `[B, K]`.
///
/// The target gives the label `1 - smoothing` and spreads the rest evenly over all classes it is
/// distinguished from; the logits of other classes neither count nor get a gradient.
pub fn cross_entropy(logits: &[f32], targets: &[Target], smoothing: f32) -> (f32, Vec<f32>) {
    let classes = logits.len() / targets.len();
    let mut loss = 0.0;
    let mut gradient = vec![0.0; logits.len()];
    let items = logits.chunks_exact(classes).zip(targets);
    for ((logits, target), gradient) in items.zip(gradient.chunks_exact_mut(classes)) {
        let counted = || (0..classes).filter(|&class| target.has(class));
        let max = counted()
            .map(|class| logits[class])
            .fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = counted().map(|class| (logits[class] - max).exp()).sum();
        let log_sum = max + sum.ln();
        let spread = smoothing / counted().count() as f32;
        for class in counted() {
            let is_label = class == target.class.index();
            let share = spread + if is_label { 1.0 - smoothing } else { 0.0 };
            loss += share * (log_sum - logits[class]);
            gradient[class] = ((logits[class] - log_sum).exp() - share) / targets.len() as f32;
        }
    }
    (loss / targets.len() as f32, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::ravdess::Emotion;

    fn target(emotion: Emotion) -> Target {
        Target::new(emotion.class())
    }

    #[test]
    fn certain_and_right_costs_nothing_without_smoothing() {
        let mut logits = [0.0; 8];
        logits[2] = 50.0;
        assert!(cross_entropy(&logits, &[target(Emotion::Happy)], 0.0).0 < 1e-6);
        assert!((cross_entropy(&logits, &[target(Emotion::Sad)], 0.0).0 - 50.0).abs() < 1e-4);
        let even = cross_entropy(&[0.0; 8], &[target(Emotion::Sad)], 0.1).0;
        assert!((even - 8f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn classes_that_could_not_have_been_said_neither_count_nor_learn() {
        let [happy, sad, calm] = [Emotion::Happy, Emotion::Sad, Emotion::Calm].map(Emotion::class);
        let target = Target::among(happy, [sad]);
        let mut logits = [0.5; 8];
        logits[calm.index()] = 30.0;
        let (loss, gradient) = cross_entropy(&logits, &[target], 0.1);
        assert!((loss - 2f32.ln()).abs() < 1e-6);
        for class in Class::first(8) {
            let learns = class == happy || class == sad;
            assert_eq!(gradient[class.index()] != 0.0, learns, "{class:?}");
        }
        assert_eq!(target.answer(&logits), happy);
        assert_eq!(Target::new(happy).answer(&logits), calm);
    }

    #[test]
    fn gradient_matches_differences() {
        let logits = [0.3, -1.0, 2.0, 0.1, 0.0, 0.7, -0.4, 1.1, 0.5, 0.5];
        // Two items with five classes, the second distinguished from only two others.
        let [one, two, four] = [1, 2, 4].map(|index| Class::new(index).unwrap());
        let targets = [Target::new(two), Target::among(four, [one, two])];
        let (_, gradient) = cross_entropy(&logits, &targets, 0.1);
        for (i, gradient) in gradient.into_iter().enumerate() {
            let shifted = |step: f32| {
                let mut logits = logits;
                logits[i] += step;
                cross_entropy(&logits, &targets, 0.1).0
            };
            let difference = (shifted(0.01) - shifted(-0.01)) / 0.02;
            assert!(
                (gradient - difference).abs() < 2e-4,
                "{i}: {gradient}, {difference}"
            );
        }
    }
}
