//! What calibration to the speaker brings, and where it can mislead.

use std::collections::BTreeMap;

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use speech_emotion::{
    Emotion,
    calibration::{Calibration, Evidence, Reference, SpeakerStatistics},
    model::Posterior,
};

use super::{
    Scores,
    confidence::{Claim, Confidence, surprise},
};
use crate::metrics::{Confusion, interval};

const K: usize = Emotion::COUNT;

/// Random choices of labelled references, and orders of listening.
const DRAWS: u64 = 3;

/// Strengths tried.
const STRENGTHS: [f32; 10] = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5];

/// Added to the covariance of clips, as a share of their variance: the covariance of evidence, which
/// sums to 0, is singular.
const RIDGE: f64 = 0.1;

/// A clip that a network judged without having heard its speaker.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Who speaks.
    pub actor: u8,
    /// What is acted.
    pub emotion: Emotion,
    /// Not calibrated to the speaker, but by temperature; none when no speech was heard.
    pub posterior: Option<Posterior>,
    /// Seconds of speech.
    pub speech_s: f64,
}

impl Heard {
    fn reference_of(&self, emotion: Emotion) -> Option<Reference> {
        Some(Reference {
            emotion,
            evidence: self.posterior?.evidence(),
            speech_s: self.speech_s,
        })
    }
}

/// What is known of a speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// The speaker's neutral clips, about 8 s of speech, but for the one judged.
    NeutralReading,
    /// One clip of each emotion.
    OneLabelledClip,
    /// Three clips of each emotion.
    ThreeLabelledClips,
    /// All clips before in a random order, without what they express.
    Listening,
    /// Four angry clips, taken for a neutral reading.
    AngryTakenForNeutral,
}

impl Known {
    /// All, as reported.
    pub const ALL: [Self; 5] = [
        Self::NeutralReading,
        Self::OneLabelledClip,
        Self::ThreeLabelledClips,
        Self::Listening,
        Self::AngryTakenForNeutral,
    ];

    /// In words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NeutralReading => "8 s of neutral reading",
            Self::OneLabelledClip => "1 labelled clip per emotion",
            Self::ThreeLabelledClips => "3 labelled clips per emotion",
            Self::Listening => "while listening",
            Self::AngryTakenForNeutral => "angry speech taken for neutral",
        }
    }

    /// Judges clips of one speaker: for each that is not a reference its position, the answer, and
    /// the posterior with calibration.
    fn judge(
        self,
        clips: &[&Heard],
        statistics: &SpeakerStatistics,
    ) -> Vec<(usize, Option<Posterior>)> {
        let fit = |references: &[Reference]| Calibration::fit("", statistics, references).ok();
        let apply = |calibration: &Option<Calibration>, index: usize| {
            let posterior = clips[index].posterior?;
            Some(
                calibration
                    .as_ref()
                    .map_or(posterior, |c| c.apply(&posterior)),
            )
        };
        match self {
            Self::NeutralReading => {
                let neutral = |but: usize| -> Vec<Reference> {
                    let others = clips
                        .iter()
                        .enumerate()
                        .filter(|(index, clip)| *index != but && clip.emotion == Emotion::Neutral);
                    others
                        .filter_map(|(_, clip)| clip.reference_of(Emotion::Neutral))
                        .collect()
                };
                let all = fit(&neutral(usize::MAX));
                let judge = |index: usize| match clips[index].emotion {
                    Emotion::Neutral => apply(&fit(&neutral(index)), index),
                    _ => apply(&all, index),
                };
                (0..clips.len())
                    .map(|index| (index, judge(index)))
                    .collect()
            }
            Self::OneLabelledClip => labelled(clips, 1, None, fit, apply),
            Self::ThreeLabelledClips => labelled(clips, 3, None, fit, apply),
            Self::AngryTakenForNeutral => labelled(clips, 4, Some(Emotion::Angry), fit, apply),
            Self::Listening => (0..DRAWS)
                .flat_map(|draw| listening(clips, statistics, draw))
                .collect(),
        }
    }
}

/// With a few clips of each emotion as references, drawn several times; or with clips of one
/// emotion, taken for neutral.
fn labelled(
    clips: &[&Heard],
    per_emotion: usize,
    taken_for_neutral: Option<Emotion>,
    fit: impl Fn(&[Reference]) -> Option<Calibration>,
    apply: impl Fn(&Option<Calibration>, usize) -> Option<Posterior>,
) -> Vec<(usize, Option<Posterior>)> {
    let mut judged = Vec::new();
    for draw in 0..DRAWS {
        let mut left: BTreeMap<Emotion, usize> = Emotion::ALL
            .into_iter()
            .filter(|emotion| taken_for_neutral.is_none_or(|only| only == *emotion))
            .map(|emotion| (emotion, per_emotion))
            .collect();
        let mut references = Vec::new();
        let mut others = Vec::new();
        for index in shuffled(clips, draw) {
            let clip = clips[index];
            let label = taken_for_neutral.map_or(clip.emotion, |_| Emotion::Neutral);
            match (left.get_mut(&clip.emotion), clip.reference_of(label)) {
                (Some(left), Some(reference)) if *left > 0 => {
                    *left -= 1;
                    references.push(reference);
                }
                _ => others.push(index),
            }
        }
        let calibration = fit(&references);
        judged.extend(
            others
                .into_iter()
                .map(|index| (index, apply(&calibration, index))),
        );
    }
    judged
}

/// Clip after clip, each with the calibration from those before.
fn listening(
    clips: &[&Heard],
    statistics: &SpeakerStatistics,
    draw: u64,
) -> Vec<(usize, Option<Posterior>)> {
    let mut sum = [0.0; K];
    let mut speech_s = 0.0;
    let mut judged = Vec::new();
    for index in shuffled(clips, draw) {
        let clip = clips[index];
        let posterior = clip.posterior.map(|posterior| {
            let mean: Evidence = sum.map(|sum: f64| (sum / f64::max(speech_s, 1e-9)) as f32);
            let calibration = Calibration::while_listening("", statistics, &mean, speech_s);
            for (sum, evidence) in sum.iter_mut().zip(posterior.evidence()) {
                *sum += clip.speech_s * f64::from(evidence);
            }
            speech_s += clip.speech_s;
            calibration.apply(&posterior)
        });
        judged.push((index, posterior));
    }
    judged
}

fn shuffled(clips: &[&Heard], draw: u64) -> Vec<usize> {
    let actor = clips.first().map_or(0, |clip| u64::from(clip.actor));
    let mut order: Vec<usize> = (0..clips.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(1_000 * draw + actor));
    order
}

fn by_actor(clips: &[Heard]) -> BTreeMap<u8, Vec<&Heard>> {
    let mut by_actor = BTreeMap::<_, Vec<_>>::new();
    for clip in clips {
        by_actor.entry(clip.actor).or_default().push(clip);
    }
    by_actor
}

/// The same clips judged with and without calibration to their speaker. Shares are 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What was known of the speaker.
    pub known: Known,
    /// Without calibration.
    pub without: Scores,
    /// With it.
    pub with: Scores,
    /// 95 % interval over actors of the UAR with calibration.
    pub uar_interval: [f64; 2],
    /// 95 % interval over actors of the WAR with calibration.
    pub war_interval: [f64; 2],
    /// Expected calibration error of the posteriors with calibration.
    pub expected_calibration_error: f64,
    /// WAR without and with calibration of every actor.
    pub by_actor: BTreeMap<u8, [f64; 2]>,
}

impl Compared {
    /// Compares on the clips of one fold of one seed after another, each with the statistics that
    /// were fitted without the fold's actors.
    pub fn new(known: Known, parts: &[(Vec<Heard>, &SpeakerStatistics)]) -> Self {
        let mut counts = BTreeMap::<u8, [Confusion; 2]>::new();
        let mut claims = Vec::new();
        for (clips, statistics) in parts {
            for (actor, clips) in by_actor(clips) {
                let counts = counts.entry(actor).or_default();
                for (index, posterior) in known.judge(&clips, statistics) {
                    let clip = clips[index];
                    let answer = |posterior: Option<Posterior>| Some(posterior?.top().0);
                    counts[0].count(clip.emotion, answer(clip.posterior));
                    counts[1].count(clip.emotion, answer(posterior));
                    claims.extend(posterior.map(|posterior| Claim::new(&posterior, clip.emotion)));
                }
            }
        }
        let [without, with] = [0, 1].map(|side| {
            let actors: Vec<Confusion> = counts.values().map(|counts| counts[side]).collect();
            actors
        });
        let sum = |actors: &[Confusion]| {
            let mut sum = Confusion::default();
            actors.iter().for_each(|actor| sum.add(actor));
            Scores::from(&sum)
        };
        Self {
            known,
            without: sum(&without),
            with: sum(&with),
            uar_interval: interval(&with, Confusion::uar),
            war_interval: interval(&with, Confusion::war),
            expected_calibration_error: Confidence::new(&claims).expected_calibration_error,
            by_actor: counts
                .iter()
                .map(|(&actor, counts)| (actor, [counts[0].war(), counts[1].war()]))
                .collect(),
        }
    }
}

/// Statistics of the speakers of these clips, and the strengths under which the truth is most
/// probable when every speaker in turn is calibrated with the statistics of the others.
///
/// None when an emotion has no clip that was heard, or there are fewer than two speakers.
pub fn fit(clips: &[Heard]) -> Option<SpeakerStatistics> {
    let statistics = distribution(clips)?;
    let others: Vec<(Vec<&Heard>, SpeakerStatistics)> = by_actor(clips)
        .into_iter()
        .filter_map(|(actor, own)| {
            let others: Vec<Heard> = clips.iter().filter(|c| c.actor != actor).cloned().collect();
            Some((own, distribution(&others)?))
        })
        .collect();
    let best = |known: Known| {
        let loss = |strength: f32| -> f64 {
            let mut sum = 0.0;
            for (own, statistics) in &others {
                let statistics = SpeakerStatistics {
                    neutral_strength: strength,
                    labelled_strength: strength,
                    ..statistics.clone()
                };
                for (index, posterior) in known.judge(own, &statistics) {
                    let truth = own[index].emotion;
                    sum += posterior.map_or(0.0, |posterior| surprise(&posterior, truth));
                }
            }
            sum
        };
        STRENGTHS
            .into_iter()
            .map(|strength| (strength, loss(strength)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map_or(0.0, |(strength, _)| strength)
    };
    Some(SpeakerStatistics {
        neutral_strength: best(Known::NeutralReading),
        labelled_strength: best(Known::ThreeLabelledClips),
        ..statistics
    })
}

/// Everything but the strengths, which are 0.
fn distribution(clips: &[Heard]) -> Option<SpeakerStatistics> {
    let heard: Vec<(&Heard, [f64; K])> = clips
        .iter()
        .filter_map(|clip| Some((clip, clip.posterior?.evidence().map(f64::from))))
        .collect();
    let mean = |of: &dyn Fn(&Heard) -> bool| -> Option<[f64; K]> {
        let chosen: Vec<&[f64; K]> = heard
            .iter()
            .filter(|(clip, _)| of(clip))
            .map(|(_, evidence)| evidence)
            .collect();
        (!chosen.is_empty()).then(|| {
            std::array::from_fn(|i| {
                chosen.iter().map(|evidence| evidence[i]).sum::<f64>() / chosen.len() as f64
            })
        })
    };
    let mut means = [[0.0; K]; K];
    for emotion in Emotion::ALL {
        means[emotion.index()] = mean(&|clip| clip.emotion == emotion)?;
    }

    let (mut speakers, mut emotions, mut residuals) = (Vec::new(), Vec::new(), Vec::new());
    for actor in by_actor(clips).into_keys() {
        let mut shifts = Vec::new();
        for emotion in Emotion::ALL {
            let is_meant = |clip: &Heard| clip.actor == actor && clip.emotion == emotion;
            let Some(own) = mean(&is_meant) else {
                continue;
            };
            shifts.push(minus(&own, &means[emotion.index()]));
            let around = heard.iter().filter(|(clip, _)| is_meant(clip));
            residuals.extend(around.map(|(_, evidence)| minus(evidence, &own)));
        }
        let common: [f64; K] = std::array::from_fn(|i| {
            shifts.iter().map(|shift| shift[i]).sum::<f64>() / shifts.len().max(1) as f64
        });
        emotions.extend(shifts.iter().map(|shift| minus(shift, &common)));
        speakers.push(common);
    }
    let variance = |vectors: &[[f64; K]]| {
        let squares: f64 = vectors.as_flattened().iter().map(|x| x * x).sum();
        (squares / (K * vectors.len().max(1)) as f64).max(1e-6)
    };
    let clip_variance = variance(&residuals);
    let mut covariance = [[0.0; K]; K];
    for residual in &residuals {
        for (row, a) in covariance.iter_mut().zip(residual) {
            for (cell, b) in row.iter_mut().zip(residual) {
                *cell += a * b / residuals.len() as f64;
            }
        }
    }
    for (i, row) in covariance.iter_mut().enumerate() {
        row[i] += RIDGE * clip_variance;
    }
    let narrow = |matrix: [[f64; K]; K]| matrix.map(|row| row.map(|x| x as f32));
    let speech_s = heard.iter().map(|(clip, _)| clip.speech_s).sum::<f64>();
    Some(SpeakerStatistics {
        means: narrow(means),
        precision: narrow(inverse(covariance)),
        speaker_variance: variance(&speakers) as f32,
        emotion_variance: variance(&emotions) as f32,
        clip_variance: clip_variance as f32,
        clip_speech_s: (speech_s / heard.len() as f64) as f32,
        neutral_strength: 0.0,
        labelled_strength: 0.0,
    })
}

fn minus(a: &[f64; K], b: &[f64; K]) -> [f64; K] {
    std::array::from_fn(|i| a[i] - b[i])
}

/// Of a symmetric matrix without zero eigenvalues; Gauss-Jordan, no pivoting needed.
fn inverse(mut matrix: [[f64; K]; K]) -> [[f64; K]; K] {
    let mut inverse = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(i == j)));
    for pivot in 0..K {
        let scale = 1.0 / matrix[pivot][pivot];
        matrix[pivot] = matrix[pivot].map(|x| scale * x);
        inverse[pivot] = inverse[pivot].map(|x: f64| scale * x);
        for row in (0..K).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            for column in 0..K {
                matrix[row][column] -= factor * matrix[pivot][column];
                inverse[row][column] -= factor * inverse[pivot][column];
            }
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// Clips of speakers who are each shifted in a direction of their own.
    fn clips(actors: std::ops::Range<u8>) -> Vec<Heard> {
        let mut clips = Vec::new();
        for actor in actors {
            let mut rng = ChaCha8Rng::seed_from_u64(u64::from(actor));
            let mut noise = |scale: f32| -> Evidence {
                std::array::from_fn(|_| scale * rng.random_range(-1.7..1.7))
            };
            let shift = noise(1.0);
            for index in 0..64 {
                let emotion = Emotion::ALL[index % K];
                let clip = noise(0.6);
                let mut logits: Evidence = std::array::from_fn(|i| shift[i] + clip[i]);
                logits[emotion.index()] += 1.5;
                clips.push(Heard {
                    actor,
                    emotion,
                    posterior: Some(Posterior::from_logits(&logits, 1.0)),
                    speech_s: 2.0,
                });
            }
        }
        clips
    }

    #[test]
    fn speakers_who_differ_steadily_are_recognised_better_once_known() {
        let statistics = fit(&clips(1..13)).unwrap();
        assert!(statistics.labelled_strength > 0.0, "{statistics:?}");
        let parts = [(clips(20..32), &statistics)];
        let gain = |known| {
            let compared = Compared::new(known, &parts);
            compared.with.war - compared.without.war
        };
        let neutral = gain(Known::NeutralReading);
        assert!(neutral > 0.1, "{neutral}");
        assert!(gain(Known::OneLabelledClip) > 0.1);
        assert!(gain(Known::ThreeLabelledClips) > 0.1);
        assert!(gain(Known::Listening) > 0.0);
        assert!(gain(Known::AngryTakenForNeutral) < neutral);
    }

    #[test]
    fn references_are_never_judged_with_themselves() {
        let clips = clips(1..3);
        let statistics = fit(&clips).unwrap();
        let own: Vec<&Heard> = clips.iter().filter(|clip| clip.actor == 1).collect();
        let judged = Known::ThreeLabelledClips.judge(&own, &statistics);
        assert_eq!(judged.len(), DRAWS as usize * (64 - 3 * K));
        // Without its neutral clip among the references, a speaker's only one is judged as it was.
        let alone: Vec<&Heard> = own[..K].to_vec();
        let judged = Known::NeutralReading.judge(&alone, &statistics);
        assert_eq!(judged[0].1, alone[0].posterior);
    }

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let matrix: [[f64; K]; K] = std::array::from_fn(|i| {
            std::array::from_fn(|j| f64::from(i == j) + 0.9_f64.powi((i as i32 - j as i32).abs()))
        });
        let inverse = inverse(matrix);
        for (i, row) in matrix.iter().enumerate() {
            for j in 0..K {
                let column = inverse.iter().map(|row| row[j]);
                let product: f64 = row.iter().zip(column).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(i == j)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn speakers_without_all_emotions_are_no_statistics() {
        let mut clips = clips(1..4);
        clips.retain(|clip| clip.emotion != Emotion::Calm);
        assert!(fit(&clips).is_none());
    }
}
