//! How lively voices sound: fits the scale and the thresholds of activation on speakers used
//! neither for training nor for testing, and tests them.

use std::collections::BTreeSet;

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

/// A clip of one of the two sides.
struct Sided {
    corpus: usize,
    /// Logarithm of the odds that it is lively.
    odds: f64,
    is_lively: bool,
    /// So that every corpus counts equally, and so does each side within it.
    weight: f64,
}

/// The scale and the thresholds from which four claims in five are right. None without lively or quiet labels or
/// clips.
///
/// The scale is that of the corpus that needs the flattest one. It has no offset: each corpus is heard as livelier
/// or quieter than it is in its own way, and an offset fitted on some misleads about the others.
pub fn fit(labels: &Labels, judged: &[Judged], temperature: f32) -> Option<ActivationSettings> {
    let plain = plain(sides(labels)?);
    let weight = weights(judged);
    let share = |corpus: usize, side: f32| {
        let of =
            |(clip, _): &&Judged| clip.corpus == corpus && plain.sides[clip.class.index()] == side;
        judged.iter().filter(of).count().max(1) as f64
    };
    let clips: Vec<Sided> = judged
        .iter()
        .filter_map(|(clip, judgement)| {
            let side = plain.sides[clip.class.index()];
            let evidence = judgement.posterior?.evidence();
            let posterior = Posterior::from_logits(&evidence, temperature);
            let value = f64::from(plain.read(&posterior).value).clamp(1e-6, 1.0 - 1e-6);
            let both = share(clip.corpus, 1.0) + share(clip.corpus, -1.0);
            (side != 0.0).then(|| Sided {
                corpus: clip.corpus,
                odds: (value / (1.0 - value)).ln(),
                is_lively: side > 0.0,
                weight: weight[&clip.corpus] * both / share(clip.corpus, side),
            })
        })
        .collect();
    let corpora: BTreeSet<usize> = clips.iter().map(|clip| clip.corpus).collect();
    let slope = corpora
        .into_iter()
        .map(|corpus| slope(clips.iter().filter(|clip| clip.corpus == corpus)))
        .min_by(f64::total_cmp)?;
    let from = |lively: bool| {
        let claims: Vec<(Claim, f64)> = clips
            .iter()
            .map(|clip| {
                let odds = if lively { clip.odds } else { -clip.odds };
                let claim = Claim {
                    confidence: probability(slope * odds),
                    is_right: clip.is_lively == lively,
                };
                (claim, clip.weight)
            })
            .collect();
        threshold(&claims, CLAIMED_ACCURACY).max(CLAIMED_ACCURACY as f32)
    };
    Some(ActivationSettings {
        slope: slope as f32,
        lively_from: from(true),
        quiet_to: 1.0 - from(false),
        ..plain
    })
}

fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// What the logarithm of the odds is multiplied by, 0 to 10, so that the truth is the least surprising, by Newton's
/// method with a small ridge.
fn slope<'a>(clips: impl Iterator<Item = &'a Sided> + Clone) -> f64 {
    let mut slope = 1.0;
    for _ in 0..STEPS {
        let (mut gradient, mut curvature) = (1e-3 * slope, 1e-3);
        for clip in clips.clone() {
            let p = probability(slope * clip.odds);
            gradient += clip.weight * (p - f64::from(u8::from(clip.is_lively))) * clip.odds;
            curvature += clip.weight * p * (1.0 - p) * clip.odds * clip.odds;
        }
        slope = (slope - gradient / curvature).clamp(0.0, 10.0);
    }
    slope
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

    fn sided(odds: f64, is_lively: bool) -> Sided {
        Sided {
            corpus: 0,
            odds,
            is_lively,
            weight: 0.5,
        }
    }

    #[test]
    fn the_slope_that_made_the_truth_is_found() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let clips: Vec<Sided> = (0..20_000)
            .map(|_| {
                let odds: f64 = rng.random_range(-4.0..4.0);
                sided(odds, rng.random::<f64>() < probability(0.6 * odds))
            })
            .collect();
        let slope = slope(clips.iter());
        assert!((slope - 0.6).abs() < 0.03, "{slope}");
    }

    #[test]
    fn odds_that_tell_nothing_are_not_believed_and_separable_ones_do_not_run_away() {
        let useless = [(2.0, false), (2.0, true), (-2.0, true), (-2.0, false)];
        let useless = useless.map(|(odds, is_lively)| sided(odds, is_lively));
        assert!(slope(useless.iter()).abs() < 0.01);
        let separable = [sided(1.0, true), sided(-1.0, false)];
        let slope = slope(separable.iter());
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
