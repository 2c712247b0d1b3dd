//! Cross entropy with label smoothing (Szegedy et al., 2016).

use speech_emotion::class::Class;
use speech_emotion::model::Posterior;

/// Mean loss over a batch, in nats, and its gradient with respect to the logits `[B, K]`.
///
/// The target gives the label `1 - smoothing` and spreads the rest evenly over all classes.
pub fn cross_entropy(logits: &[f32], labels: &[Class], smoothing: f32) -> (f32, Vec<f32>) {
    let classes = logits.len() / labels.len();
    let mut loss = 0.0;
    let mut gradient = Vec::with_capacity(logits.len());
    for (logits, label) in logits.chunks_exact(classes).zip(labels) {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let log_sum = max
            + logits
                .iter()
                .map(|logit| (logit - max).exp())
                .sum::<f32>()
                .ln();
        let posterior = Posterior::from_logits(logits, 1.0);
        for (class, logit) in logits.iter().enumerate() {
            let mut target = smoothing / classes as f32;
            if class == label.index() {
                target += 1.0 - smoothing;
            }
            loss += target * (log_sum - logit);
            gradient.push((posterior.0[class] - target) / labels.len() as f32);
        }
    }
    (loss / labels.len() as f32, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::ravdess::Emotion;

    #[test]
    fn certain_and_right_costs_nothing_without_smoothing() {
        let mut logits = [0.0; 8];
        logits[2] = 50.0;
        assert!(cross_entropy(&logits, &[Emotion::Happy.class()], 0.0).0 < 1e-6);
        assert!((cross_entropy(&logits, &[Emotion::Sad.class()], 0.0).0 - 50.0).abs() < 1e-4);
        assert!(
            (cross_entropy(&[0.0; 8], &[Emotion::Sad.class()], 0.1).0 - 8f32.ln()).abs() < 1e-6
        );
    }

    #[test]
    fn gradient_matches_differences() {
        let logits = [0.3, -1.0, 2.0, 0.1, 0.0, 0.7, -0.4, 1.1, 0.5, 0.5];
        // Two items of five classes.
        let labels = [Class::new(2).unwrap(), Class::new(4).unwrap()];
        let (_, gradient) = cross_entropy(&logits, &labels, 0.1);
        for (i, gradient) in gradient.into_iter().enumerate() {
            let shifted = |step: f32| {
                let mut logits = logits;
                logits[i] += step;
                cross_entropy(&logits, &labels, 0.1).0
            };
            let difference = (shifted(0.01) - shifted(-0.01)) / 0.02;
            assert!(
                (gradient - difference).abs() < 2e-4,
                "{i}: {gradient}, {difference}"
            );
        }
    }
}
