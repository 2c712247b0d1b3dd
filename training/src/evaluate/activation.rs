//! How lively voices sound: fits the scale and the thresholds of activation on speakers used
//! neither for training nor for testing, and tests them.

use serde::{Deserialize, Serialize};
use speech_emotion::{
    class::{Labels, PerClass},
    model::{ActivationSettings, Liveliness, Posterior},
};

use super::{
    calibrated::{Fitted, Judged, weights},
    confidence::{CLAIMED_ACCURACY, Claim, threshold},
};

/// Lively and quiet emotions; all others are neither.
const LIVELY: [&str; 4] = ["angry", "happy", "fearful", "surprised"];
const QUIET: [&str; 3] = ["sad", "calm", "neutral"];

/// Steps of Newton's method, which converges long before.
const STEPS: usize = 30;

/// How often it is right about how lively a voice is. Shares are 0..=1 of clips that are lively or quiet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationResults {
    /// Mean recall of the two sides, with each clip given to the more probable one.
    pub uar: f64,
    /// Share of clips that are called lively or quiet.
    pub claimed: f64,
    /// Share of these calls that are right.
    pub claimed_right: f64,
    /// Mean difference of activation and share of lively clips, in ten bins.
    pub expected_calibration_error: f64,
}

/// The side of each class; none when no label is lively or none is quiet.
fn sides(labels: &Labels) -> Option<PerClass> {
    let side = |name: &str| {
        let is = |names: &[&str]| f32::from(u8::from(names.contains(&name)));
        is(&LIVELY) - is(&QUIET)
    };
    let names = labels.names();
    let sides = PerClass::from_fn(names.len(), |i| side(&names[i]));
    (sides.contains(&1.0) && sides.contains(&-1.0)).then_some(sides)
}

/// Without fitting: the posterior's own odds.
fn plain(sides: PerClass) -> ActivationSettings {
    ActivationSettings {
        sides,
        slope: 1.0,
        offset: 0.0,
        lively_from: 1.0,
        quiet_to: 0.0,
    }
}

/// The scale under which the truth is the least surprising, and the thresholds from which four
/// claims in five are right; every corpus counts equally, and so does each side within it. None
/// without lively or quiet labels or clips.
pub fn fit(labels: &Labels, judged: &[Judged], temperature: f32) -> Option<ActivationSettings> {
    let plain = plain(sides(labels)?);
    let weight = weights(judged);
    let share = |corpus: usize, side: f32| {
        let of =
            |(clip, _): &&Judged| clip.corpus == corpus && plain.sides[clip.class.index()] == side;
        judged.iter().filter(of).count().max(1) as f64
    };
    let clips: Vec<(f64, bool, f64)> = judged
        .iter()
        .filter_map(|(clip, judgement)| {
            let side = plain.sides[clip.class.index()];
            let evidence = judgement.posterior?.evidence();
            let posterior = Posterior::from_logits(&evidence, temperature);
            let value = f64::from(plain.read(&posterior).value).clamp(1e-6, 1.0 - 1e-6);
            let both = share(clip.corpus, 1.0) + share(clip.corpus, -1.0);
            let balanced = weight[&clip.corpus] * both / share(clip.corpus, side);
            (side != 0.0).then_some(((value / (1.0 - value)).ln(), side > 0.0, balanced))
        })
        .collect();
    if clips.is_empty() {
        return None;
    }
    let (slope, offset) = logistic(&clips);
    let value = |odds: f64| 1.0 / (1.0 + (-(slope * odds + offset)).exp());
    let from = |lively: bool| {
        let claims: Vec<(Claim, f64)> = clips
            .iter()
            .map(|&(odds, is_lively, weight)| {
                let confidence = if lively {
                    value(odds)
                } else {
                    1.0 - value(odds)
                };
                (
                    Claim {
                        confidence,
                        is_right: is_lively == lively,
                    },
                    weight,
                )
            })
            .collect();
        threshold(&claims, CLAIMED_ACCURACY).max(0.5)
    };
    Some(ActivationSettings {
        slope: slope as f32,
        offset: offset as f32,
        lively_from: from(true),
        quiet_to: 1.0 - from(false),
        ..plain
    })
}

/// Slope (at least 0) and offset of the logistic curve through (odds, truth, weight), by Newton's
/// method with a small ridge.
fn logistic(clips: &[(f64, bool, f64)]) -> (f64, f64) {
    let (mut slope, mut offset) = (1.0, 0.0);
    for _ in 0..STEPS {
        let (mut gradient, mut hessian) = ([1e-3 * slope, 1e-3 * offset], [1e-3, 0.0, 1e-3]);
        for &(odds, is_lively, weight) in clips {
            let p = 1.0 / (1.0 + f64::exp(-(slope * odds + offset)));
            let error = weight * (p - f64::from(u8::from(is_lively)));
            let curve = weight * p * (1.0 - p);
            gradient[0] += error * odds;
            gradient[1] += error;
            hessian[0] += curve * odds * odds;
            hessian[1] += curve * odds;
            hessian[2] += curve;
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        slope -= (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant;
        offset -= (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant;
        slope = slope.clamp(0.0, 10.0);
        offset = offset.clamp(-10.0, 10.0);
    }
    (slope, offset)
}

/// How judgements fare with settings fitted on others; none if nothing was fitted.
pub fn test(parts: &[(Vec<Judged>, &Fitted)]) -> Option<ActivationResults> {
    let (mut recalled, mut counted) = ([0.0; 2], [0.0; 2]);
    let (mut claimed, mut right) = (0.0, 0.0);
    let mut claims = Vec::new();
    for (judged, fitted) in parts {
        let settings = fitted.settings.activation.as_ref()?;
        for (clip, judgement) in judged {
            let side = settings.sides[clip.class.index()];
            if side == 0.0 {
                continue;
            }
            let is_lively = side > 0.0;
            counted[usize::from(is_lively)] += 1.0;
            let Some(posterior) = fitted.posterior(judgement) else {
                continue;
            };
            let activation = settings.read(&posterior);
            let value = f64::from(activation.value);
            recalled[usize::from(is_lively)] += f64::from(u8::from((value > 0.5) == is_lively));
            let is_right = match activation.sounds {
                Liveliness::Lively => Some(is_lively),
                Liveliness::Quiet => Some(!is_lively),
                Liveliness::Unsure => None,
            };
            if let Some(is_right) = is_right.filter(|_| judgement.is_firm) {
                claimed += 1.0;
                right += f64::from(u8::from(is_right));
            }
            claims.push(Claim {
                confidence: value,
                is_right: is_lively,
            });
        }
    }
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let recalls = [0, 1].map(|side| share(recalled[side], counted[side]));
    Some(ActivationResults {
        uar: (recalls[0] + recalls[1]) / 2.0,
        claimed: share(claimed, counted[0] + counted[1]),
        claimed_right: share(right, claimed),
        expected_calibration_error: super::Confidence::new(&claims).expected_calibration_error,
    })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_curve_that_made_the_truth_is_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let clips: Vec<(f64, bool, f64)> = (0..20_000)
            .map(|_| {
                let odds: f64 = rng.random_range(-4.0..4.0);
                let p = 1.0 / (1.0 + f64::exp(-(0.6 * odds + 0.4)));
                (odds, rng.random::<f64>() < p, 0.5)
            })
            .collect();
        let (slope, offset) = logistic(&clips);
        assert!(
            (slope - 0.6).abs() < 0.03 && (offset - 0.4).abs() < 0.05,
            "{slope} {offset}"
        );
    }

    #[test]
    fn odds_that_tell_nothing_are_not_believed_and_separable_ones_do_not_run_away() {
        let useless = [
            (2.0, false, 1.0),
            (2.0, true, 1.0),
            (-2.0, true, 1.0),
            (-2.0, false, 1.0),
        ];
        let (slope, offset) = logistic(&useless);
        assert!(
            slope.abs() < 0.01 && offset.abs() < 0.01,
            "{slope} {offset}"
        );
        let (slope, _) = logistic(&[(1.0, true, 1.0), (-1.0, false, 1.0)]);
        assert!(slope.is_finite() && slope <= 10.0);
    }

    #[test]
    fn labels_without_a_lively_one_have_no_activation() {
        let labels = |names: &[&str]| {
            Labels::new(names.iter().map(|&name| name.to_owned()).collect()).unwrap()
        };
        assert_eq!(sides(&labels(&["awake", "tired"])), None);
        assert_eq!(sides(&labels(&["sad", "tired"])), None);
        let mixed = sides(&labels(&["sad", "tired", "angry"])).unwrap();
        assert_eq!(*mixed, [-1.0, 0.0, 1.0]);
    }
}
