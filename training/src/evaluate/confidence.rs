//! Whether confidence means what it says: temperature, calibration error, and what to claim.

use serde::{Deserialize, Serialize};
use speech_emotion::{class::Class, model::Posterior};

/// Least share of claims that should be right.
pub const CLAIMED_ACCURACY: f64 = 0.8;

/// Width of the bins of a reliability diagram.
const BINS: usize = 10;

/// Fewest answers for which the share of right ones is trusted.
const MIN_ANSWERS: usize = 30;

/// An answer, how sure it was, and whether it was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// The highest posterior.
    pub confidence: f64,
    /// Whether its class was expressed.
    pub is_right: bool,
}

impl Claim {
    /// The claim of a posterior, given the truth.
    pub fn new(posterior: &Posterior, truth: Class) -> Self {
        let (top, confidence) = posterior.top();
        Self {
            confidence: f64::from(confidence),
            is_right: top == truth,
        }
    }
}

/// How confidence and accuracy agree. Shares are 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Answers that were compared.
    pub answers: usize,
    /// Expected calibration error: mean difference of confidence and accuracy in ten bins of equal
    /// width, weighted by their answers.
    pub expected_calibration_error: f64,
    /// Bins that hold answers, by confidence.
    pub reliability: Vec<Bin>,
    /// Accuracy of the surest answers, for every twentieth of them.
    pub risk_coverage: Vec<Coverage>,
}

/// Answers of similar confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Bin {
    pub confidence: f64,
    pub accuracy: f64,
    pub answers: usize,
}

/// The surest answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Their share of all answers.
    pub coverage: f64,
    /// The share of them that are right.
    pub accuracy: f64,
    /// The confidence of the least sure of them.
    pub confidence: f64,
}

impl Confidence {
    /// Compares the claims with the truth.
    pub fn new(claims: &[Claim]) -> Self {
        let mut bins = [(0.0, 0, 0); BINS];
        for claim in claims {
            let bin = &mut bins[((claim.confidence * BINS as f64) as usize).min(BINS - 1)];
            bin.0 += claim.confidence;
            bin.1 += usize::from(claim.is_right);
            bin.2 += 1;
        }
        let reliability: Vec<Bin> = bins
            .into_iter()
            .filter(|(.., answers)| *answers > 0)
            .map(|(confidence, right, answers)| Bin {
                confidence: confidence / answers as f64,
                accuracy: right as f64 / answers as f64,
                answers,
            })
            .collect();
        let off: f64 = reliability
            .iter()
            .map(|bin| bin.answers as f64 * (bin.confidence - bin.accuracy).abs())
            .sum();
        let surest = surest_first(claims);
        let risk_coverage = (1..=20)
            .filter_map(|twentieths| {
                let answers = (surest.len() * twentieths).div_ceil(20);
                let last = answers.checked_sub(1).and_then(|last| surest.get(last))?;
                let right = surest[..answers].iter().filter(|claim| claim.is_right);
                Some(Coverage {
                    coverage: answers as f64 / surest.len() as f64,
                    accuracy: right.count() as f64 / answers as f64,
                    confidence: last.confidence,
                })
            })
            .collect();
        Self {
            answers: claims.len(),
            expected_calibration_error: off / claims.len().max(1) as f64,
            reliability,
            risk_coverage,
        }
    }
}

fn surest_first(claims: &[Claim]) -> Vec<Claim> {
    let mut surest = claims.to_vec();
    surest.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    surest
}

/// Negative logarithm of the posterior of the truth, in nats.
pub fn surprise(posterior: &Posterior, truth: Class) -> f64 {
    -f64::from(posterior.get(truth).max(f32::MIN_POSITIVE)).ln()
}

/// The temperature under which the truth is the least surprising, given posteriors with their truth
/// and weight. 1 if there are none.
pub fn temperature(posteriors: &[(Posterior, Class, f64)]) -> f32 {
    if posteriors.is_empty() {
        return 1.0;
    }
    let loss = |log: f64| -> f64 {
        let temperature = log.exp() as f32;
        posteriors
            .iter()
            .map(|(posterior, truth, weight)| {
                let cooled = Posterior::from_logits(&posterior.evidence(), temperature);
                weight * surprise(&cooled, *truth)
            })
            .sum()
    };
    // Golden section; the loss has a single minimum.
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-2.5, 2.5);
    for _ in 0..40 {
        let width = ratio * (high - low);
        if loss(high - width) < loss(low + width) {
            high = low + width;
        } else {
            low = high - width;
        }
    }
    ((low + high) / 2.0).exp() as f32
}

/// The lowest confidence, in hundredths, from which at least `accuracy` of the claims are right,
/// each with its weight; 0.95 if there is none.
pub fn threshold(claims: &[(Claim, f64)], accuracy: f64) -> f32 {
    (0..95)
        .map(|hundredths| f64::from(hundredths) / 100.0)
        .find(|&threshold| {
            let claimed = || {
                claims
                    .iter()
                    .filter(|(claim, _)| claim.confidence >= threshold)
            };
            let weight = |right_only: bool| -> f64 {
                let counted = claimed().filter(|(claim, _)| claim.is_right || !right_only);
                counted.map(|(_, weight)| weight).sum()
            };
            claimed().count() >= MIN_ANSWERS && weight(true) >= accuracy * weight(false)
        })
        .unwrap_or(0.95) as f32
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Claims that are right as often as their confidence says, times `honesty`.
    fn claims(honesty: f64) -> Vec<Claim> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        (0..20_000)
            .map(|_| {
                let confidence = rng.random_range(0.2..1.0);
                Claim {
                    confidence,
                    is_right: rng.random::<f64>() < honesty * confidence,
                }
            })
            .collect()
    }

    #[test]
    fn honest_claims_have_no_calibration_error_and_boastful_ones_do() {
        let honest = Confidence::new(&claims(1.0));
        assert!(honest.expected_calibration_error < 0.02, "{honest:?}");
        assert_eq!(honest.reliability.len(), 8);
        let boastful = Confidence::new(&claims(0.5));
        assert!((boastful.expected_calibration_error - 0.3).abs() < 0.02);
    }

    #[test]
    fn the_surest_answers_are_right_most_often_and_full_coverage_is_all() {
        let claims = claims(1.0);
        let curve = Confidence::new(&claims).risk_coverage;
        assert_eq!(curve.len(), 20);
        assert!(curve[0].accuracy > 0.95 && curve[0].confidence > 0.94);
        let right = claims.iter().filter(|claim| claim.is_right).count() as f64;
        assert_eq!(curve[19].coverage, 1.0);
        assert!((curve[19].accuracy - right / claims.len() as f64).abs() < 1e-12);
        assert!(Confidence::new(&[]).risk_coverage.is_empty());
    }

    #[test]
    fn the_threshold_leaves_four_right_answers_in_five() {
        // Uniform over t..1 and right as often as said: the mean (t + 1) / 2 is 0.8 at 0.6.
        let weighted = |honesty, weight: fn(&Claim) -> f64| -> Vec<(Claim, f64)> {
            let weigh = |claim: Claim| (claim, weight(&claim));
            claims(honesty).into_iter().map(weigh).collect()
        };
        let found = threshold(&weighted(1.0, |_| 0.3), CLAIMED_ACCURACY);
        assert!((found - 0.6).abs() < 0.02, "{found}");
        // Wrong ones count twice.
        let strict = threshold(&weighted(1.0, |c| if c.is_right { 1.0 } else { 2.0 }), 0.8);
        assert!(strict > found + 0.1, "{strict}");
        assert_eq!(threshold(&weighted(0.5, |_| 1.0), CLAIMED_ACCURACY), 0.95);
    }

    #[test]
    fn the_temperature_undoes_what_made_posteriors_too_sharp() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let posteriors: Vec<(Posterior, Class, f64)> = (0..4_000)
            .map(|_| {
                let logits: [f32; 8] = std::array::from_fn(|_| rng.random_range(-2.0..2.0));
                let honest = Posterior::from_logits(&logits, 1.0);
                let mut draw = rng.random::<f32>();
                let truth = Class::first(8).find(|&class| {
                    draw -= honest.get(class);
                    draw < 0.0
                });
                let truth = truth.or(Class::new(7)).unwrap();
                (Posterior::from_logits(&logits, 1.0 / 1.7), truth, 0.5)
            })
            .collect();
        let found = temperature(&posteriors);
        assert!((found - 1.7).abs() < 0.1, "{found}");
        assert_eq!(temperature(&[]), 1.0);
    }
}
