//! How much calibrating to the speaker helps, and where it can mislead.

use std::collections::{BTreeMap, BTreeSet};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use speech_emotion::{
    calibration::{Calibration, Reference, SpeakerStatistics},
    class::{Class, Labels},
    model::{Evidence, Posterior, WeightedMean},
};

use super::{
    Scores,
    confidence::{Claim, Confidence, surprise},
    metrics::{Confusion, best_among, interval},
};
use crate::corpus::Speaker;

/// The label whose clips are taken for neutral, to see how that misleads.
const MISLEADING: &str = "angry";

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
    pub speaker: Speaker,
    /// What is expressed.
    pub class: Class,
    /// Scaled by temperature but not calibrated to the speaker; none if no speech was heard.
    pub posterior: Option<Posterior>,
    /// Seconds of speech.
    pub speech_s: f64,
}

impl Heard {
    fn reference_of(&self, class: Class) -> Option<Reference> {
        Some(Reference {
            class,
            evidence: self.posterior?.evidence(),
            speech_s: self.speech_s,
        })
    }
}

/// What is known about a speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// The speaker's neutral clips, about 8 s of speech, except the one judged.
    NeutralReading,
    /// One clip of each class.
    OneLabelledClip,
    /// Three clips of each class.
    ThreeLabelledClips,
    /// All preceding clips in a random order, without their labels.
    Listening,
    /// All clips of the same recordings, whoever speaks, without their labels.
    Together,
    /// Four angry clips, taken for a neutral reading.
    AngryTakenForNeutral,
}

impl Known {
    /// What can be known with these labels, in the order of the report.
    pub fn of(labels: &Labels) -> Vec<Self> {
        let mut known = vec![
            Self::OneLabelledClip,
            Self::ThreeLabelledClips,
            Self::Listening,
            Self::Together,
        ];
        if labels.neutral().is_some() {
            known.insert(0, Self::NeutralReading);
            if labels.class(MISLEADING).is_some() {
                known.push(Self::AngryTakenForNeutral);
            }
        }
        known
    }

    /// In words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NeutralReading => "8 s of neutral reading",
            Self::OneLabelledClip => "1 labelled clip per emotion",
            Self::ThreeLabelledClips => "3 labelled clips per emotion",
            Self::Listening => "while listening",
            Self::Together => "all recordings together",
            Self::AngryTakenForNeutral => "angry speech taken for neutral",
        }
    }

    /// Judges clips of one speaker out of `everybody`: for each that is not a reference, its position,
    /// the answer, and the posterior with calibration.
    fn judge(
        self,
        labels: &Labels,
        clips: &[&Heard],
        everybody: &[Heard],
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
                let is_neutral = |clip: &Heard| Some(clip.class) == labels.neutral();
                let neutral = |but: usize| -> Vec<Reference> {
                    let others = clips
                        .iter()
                        .enumerate()
                        .filter(|(index, clip)| *index != but && is_neutral(clip));
                    others
                        .filter_map(|(_, clip)| clip.reference_of(clip.class))
                        .collect()
                };
                let all = fit(&neutral(usize::MAX));
                let judge = |index: usize| match is_neutral(clips[index]) {
                    true => apply(&fit(&neutral(index)), index),
                    false => apply(&all, index),
                };
                (0..clips.len())
                    .map(|index| (index, judge(index)))
                    .collect()
            }
            Self::OneLabelledClip => labelled(labels, clips, 1, None, fit, apply),
            Self::ThreeLabelledClips => labelled(labels, clips, 3, None, fit, apply),
            Self::AngryTakenForNeutral => {
                let taken = labels.class(MISLEADING).zip(labels.neutral());
                labelled(labels, clips, 4, taken, fit, apply)
            }
            Self::Together => {
                let calibration = together(everybody, statistics);
                (0..clips.len())
                    .map(|index| (index, apply(&calibration, index)))
                    .collect()
            }
            Self::Listening => (0..DRAWS)
                .flat_map(|draw| listening(clips, statistics, draw))
                .collect(),
        }
    }
}

/// With a few clips of each class as references, drawn several times; or with clips of one class,
/// taken for another.
fn labelled(
    labels: &Labels,
    clips: &[&Heard],
    per_class: usize,
    taken: Option<(Class, Class)>,
    fit: impl Fn(&[Reference]) -> Option<Calibration>,
    apply: impl Fn(&Option<Calibration>, usize) -> Option<Posterior>,
) -> Vec<(usize, Option<Posterior>)> {
    let mut judged = Vec::new();
    for draw in 0..DRAWS {
        let mut left: BTreeMap<Class, usize> = labels
            .classes()
            .filter(|class| taken.is_none_or(|(only, _)| only == *class))
            .map(|class| (class, per_class))
            .collect();
        let mut references = Vec::new();
        let mut others = Vec::new();
        for index in shuffled(clips, draw) {
            let clip = clips[index];
            let label = taken.map_or(clip.class, |(_, other)| other);
            match (left.get_mut(&clip.class), clip.reference_of(label)) {
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

/// From all clips that were heard; none when none was.
fn together(clips: &[Heard], statistics: &SpeakerStatistics) -> Option<Calibration> {
    let mut heard = WeightedMean::default();
    for clip in clips {
        if let Some(posterior) = clip.posterior {
            heard.add(&posterior.evidence(), clip.speech_s);
        }
    }
    let mean = heard.evidence()?;
    Some(Calibration::together("", statistics, &mean, heard.weight()))
}

/// Clip after clip, each with the calibration from those before.
fn listening(
    clips: &[&Heard],
    statistics: &SpeakerStatistics,
    draw: u64,
) -> Vec<(usize, Option<Posterior>)> {
    let mut heard = WeightedMean::default();
    let mut judged = Vec::new();
    for index in shuffled(clips, draw) {
        let clip = clips[index];
        let posterior = clip.posterior.map(|posterior| {
            let calibration = heard
                .evidence()
                .map(|mean| Calibration::while_listening("", statistics, &mean, heard.weight()));
            heard.add(&posterior.evidence(), clip.speech_s);
            calibration.map_or(posterior, |calibration| calibration.apply(&posterior))
        });
        judged.push((index, posterior));
    }
    judged
}

fn shuffled(clips: &[&Heard], draw: u64) -> Vec<usize> {
    let speaker = clips.first().map_or(0, |clip| clip.speaker.seed());
    let mut order: Vec<usize> = (0..clips.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(1_000 * draw + speaker));
    order
}

fn by_speaker(clips: &[Heard]) -> BTreeMap<&Speaker, Vec<&Heard>> {
    let mut by_speaker = BTreeMap::<_, Vec<_>>::new();
    for clip in clips {
        by_speaker.entry(&clip.speaker).or_default().push(clip);
    }
    by_speaker
}

/// The same clips judged with and without calibration to their speaker. Shares are 0..=1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// What was known about the speaker.
    pub known: Known,
    /// Without calibration.
    pub without: Scores,
    /// With it.
    pub with: Scores,
    /// 95 % interval over speakers of the UAR with calibration.
    pub uar_interval: [f64; 2],
    /// 95 % interval over speakers of the WAR with calibration.
    pub war_interval: [f64; 2],
    /// Expected calibration error of the posteriors with calibration.
    pub expected_calibration_error: f64,
    /// WAR of every speaker without and with calibration.
    pub by_actor: BTreeMap<Speaker, [f64; 2]>,
}

impl Compared {
    /// Compares on the clips of one fold and seed after another, each with the statistics that were
    /// fitted without the fold's speakers. Answers are chosen among the emotions of these clips.
    pub fn new(known: Known, labels: &Labels, parts: &[(Vec<Heard>, &SpeakerStatistics)]) -> Self {
        let mut counts = BTreeMap::<&Speaker, [Confusion; 2]>::new();
        let mut claims = Vec::new();
        let everyone = parts.iter().flat_map(|(everybody, _)| everybody);
        let classes: BTreeSet<Class> = everyone.map(|clip| clip.class).collect();
        for (everybody, statistics) in parts {
            for (speaker, clips) in by_speaker(everybody) {
                let none = || [0, 1].map(|_| Confusion::new(labels.len()));
                let counts = counts.entry(speaker).or_insert_with(none);
                for (index, posterior) in known.judge(labels, &clips, everybody, statistics) {
                    let clip = clips[index];
                    let answer = |posterior: Option<Posterior>| best_among(&posterior?, &classes);
                    counts[0].count(clip.class, answer(clip.posterior));
                    counts[1].count(clip.class, answer(posterior));
                    claims.extend(posterior.map(|posterior| Claim::new(&posterior, clip.class)));
                }
            }
        }
        let [without, with] = [0, 1].map(|side| {
            let side = counts.values().map(|counts| counts[side].clone());
            side.collect::<Vec<Confusion>>()
        });
        let sum = |speakers: &[Confusion]| {
            let mut sum = Confusion::new(labels.len());
            speakers.iter().for_each(|speaker| sum.add(speaker));
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
                .map(|(&speaker, counts)| (speaker.clone(), [counts[0].war(), counts[1].war()]))
                .collect(),
        }
    }
}

/// Statistics of the speakers of these clips, and the strengths under which the truth is most
/// probable when each speaker in turn is calibrated with the statistics of the others.
///
/// A class without clips is assumed to lie in the middle of all. None if there are no clips with
/// speech.
pub fn fit(labels: &Labels, clips: &[Heard]) -> Option<SpeakerStatistics> {
    let statistics = distribution(labels, clips)?;
    let others: Vec<(Vec<&Heard>, SpeakerStatistics)> = by_speaker(clips)
        .into_iter()
        .filter_map(|(speaker, own)| {
            let others = clips.iter().filter(|clip| clip.speaker != *speaker);
            let others: Vec<Heard> = others.cloned().collect();
            Some((own, distribution(labels, &others)?))
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
                for (index, posterior) in known.judge(labels, own, clips, &statistics) {
                    let truth = own[index].class;
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
    // Without neutral speech there can be no reading, only listening.
    let unlabelled = match labels.neutral() {
        Some(_) => Known::NeutralReading,
        None => Known::Listening,
    };
    Some(SpeakerStatistics {
        neutral_strength: best(unlabelled),
        labelled_strength: best(Known::ThreeLabelledClips),
        ..statistics
    })
}

/// Everything but the strengths, which are 0.
fn distribution(labels: &Labels, clips: &[Heard]) -> Option<SpeakerStatistics> {
    let classes = labels.len();
    let numbers = |evidence: Evidence| evidence.iter().copied().map(f64::from).collect();
    let heard: Vec<(&Heard, Vec<f64>)> = clips
        .iter()
        .filter_map(|clip| Some((clip, numbers(clip.posterior?.evidence()))))
        .collect();
    let mean = |of: &dyn Fn(&Heard) -> bool| -> Option<Vec<f64>> {
        let chosen: Vec<&Vec<f64>> = heard
            .iter()
            .filter(|(clip, _)| of(clip))
            .map(|(_, evidence)| evidence)
            .collect();
        (!chosen.is_empty()).then(|| {
            let sum = |i: usize| chosen.iter().map(|evidence| evidence[i]).sum::<f64>();
            (0..classes).map(|i| sum(i) / chosen.len() as f64).collect()
        })
    };
    let of_class = |class: Class| mean(&|clip: &Heard| clip.class == class);
    let middle = mean(&|_| true)?;
    let means: Vec<Vec<f64>> = labels
        .classes()
        .map(|class| of_class(class).unwrap_or_else(|| middle.clone()))
        .collect();

    let (mut speakers, mut emotions, mut residuals) = (Vec::new(), Vec::new(), Vec::new());
    for speaker in by_speaker(clips).into_keys() {
        let mut shifts: Vec<Vec<f64>> = Vec::new();
        for class in labels.classes() {
            let is_meant = |clip: &Heard| clip.speaker == *speaker && clip.class == class;
            let Some(own) = mean(&is_meant) else {
                continue;
            };
            shifts.push(minus(&own, &means[class.index()]));
            let around = heard.iter().filter(|(clip, _)| is_meant(clip));
            residuals.extend(around.map(|(_, evidence)| minus(evidence, &own)));
        }
        let sum = |i: usize| shifts.iter().map(|shift| shift[i]).sum::<f64>();
        let common: Vec<f64> = (0..classes)
            .map(|i| sum(i) / shifts.len().max(1) as f64)
            .collect();
        emotions.extend(shifts.iter().map(|shift| minus(shift, &common)));
        speakers.push(common);
    }
    let variance = |vectors: &[Vec<f64>]| {
        let squares: f64 = vectors.iter().flatten().map(|x| x * x).sum();
        (squares / (classes * vectors.len().max(1)) as f64).max(1e-6)
    };
    let clip_variance = variance(&residuals);
    let mut covariance = vec![vec![0.0; classes]; classes];
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
    let narrow = |matrix: Vec<Vec<f64>>| -> Vec<Evidence> {
        let row = |row: &Vec<f64>| Evidence::from_fn(row.len(), |i| row[i] as f32);
        matrix.iter().map(row).collect()
    };
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

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// The inverse of a symmetric matrix without zero eigenvalues; Gauss-Jordan, no pivoting needed.
fn inverse(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = matrix.len();
    let unit = |i: usize| (0..n).map(|j| f64::from(i == j)).collect();
    let mut inverse: Vec<Vec<f64>> = (0..n).map(unit).collect();
    for pivot in 0..n {
        let scale = 1.0 / matrix[pivot][pivot];
        matrix[pivot].iter_mut().for_each(|x| *x *= scale);
        inverse[pivot].iter_mut().for_each(|x| *x *= scale);
        for row in (0..n).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            for column in 0..n {
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
    use crate::corpus::ravdess::Emotion;

    const K: usize = Emotion::COUNT;

    /// Clips of speakers who are each shifted in their own direction.
    fn clips(actors: std::ops::Range<u8>) -> Vec<Heard> {
        let mut clips = Vec::new();
        for actor in actors {
            let mut rng = ChaCha8Rng::seed_from_u64(u64::from(actor));
            let mut noise = |scale: f32| -> Evidence {
                Evidence::from_fn(K, |_| scale * rng.random_range(-1.7..1.7))
            };
            let shift = noise(1.0);
            for index in 0..64 {
                let emotion = Emotion::ALL[index % K];
                let clip = noise(0.6);
                let mut logits = Evidence::from_fn(K, |i| shift[i] + clip[i]);
                logits[emotion.index()] += 1.5;
                clips.push(Heard {
                    speaker: Speaker::new(actor.to_string()),
                    class: emotion.class(),
                    posterior: Some(Posterior::from_logits(&logits, 1.0)),
                    speech_s: 2.0,
                });
            }
        }
        clips
    }

    #[test]
    fn speakers_who_differ_steadily_are_recognised_better_once_known() {
        let statistics = fit(&Emotion::labels(), &clips(1..13)).unwrap();
        assert!(statistics.labelled_strength > 0.0, "{statistics:?}");
        let parts = [(clips(20..32), &statistics)];
        let gain = |known| {
            let compared = Compared::new(known, &Emotion::labels(), &parts);
            compared.with.war - compared.without.war
        };
        let neutral = gain(Known::NeutralReading);
        assert!(neutral > 0.1, "{neutral}");
        assert!(gain(Known::OneLabelledClip) > 0.1);
        assert!(gain(Known::ThreeLabelledClips) > 0.1);
        assert!(gain(Known::Listening) > 0.0);
        assert!(gain(Known::AngryTakenForNeutral) < neutral);
        // Recordings of one speaker each, whose steady direction is what they have in common.
        let alone = (20..32).map(|actor| (clips(actor..actor + 1), &statistics));
        let alone: Vec<_> = alone.collect();
        let compared = Compared::new(Known::Together, &Emotion::labels(), &alone);
        let gained = compared.with.war - compared.without.war;
        assert!(gained > 0.1, "{gained}");
    }

    #[test]
    fn what_no_clip_expresses_is_no_answer() {
        let labels = Emotion::labels();
        let statistics = fit(&labels, &clips(1..13)).unwrap();
        let mut few = clips(20..32);
        few.retain(|clip| clip.class.index() < 2);
        // All would be called something else.
        for clip in &mut few {
            let mut logits = clip.posterior.unwrap().evidence();
            logits[K - 1] += 9.0;
            clip.posterior = Some(Posterior::from_logits(&logits, 1.0));
        }
        let compared = Compared::new(Known::Together, &labels, &[(few, &statistics)]);
        assert!(compared.without.war > 0.5, "{compared:?}");
    }

    #[test]
    fn references_are_never_judged_with_themselves() {
        let clips = clips(1..3);
        let labels = Emotion::labels();
        let statistics = fit(&labels, &clips).unwrap();
        let own: Vec<&Heard> = clips
            .iter()
            .filter(|clip| clip.speaker == Speaker::new("1"))
            .collect();
        let judged = Known::ThreeLabelledClips.judge(&labels, &own, &clips, &statistics);
        assert_eq!(judged.len(), DRAWS as usize * (64 - 3 * K));
        // A speaker's only neutral clip cannot be its own reference, so it is judged as before.
        let alone: Vec<&Heard> = own[..K].to_vec();
        let judged = Known::NeutralReading.judge(&labels, &alone, &clips, &statistics);
        assert_eq!(judged[0].1, alone[0].posterior);
    }

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let cell = |i: i32, j: i32| f64::from(i == j) + 0.9_f64.powi((i - j).abs());
        let row = |i: i32| (0..K as i32).map(|j| cell(i, j)).collect();
        let matrix: Vec<Vec<f64>> = (0..K as i32).map(row).collect();
        let inverse = inverse(matrix.clone());
        for (i, row) in matrix.iter().enumerate() {
            for j in 0..K {
                let column = inverse.iter().map(|row| row[j]);
                let product: f64 = row.iter().zip(column).map(|(a, b)| a * b).sum();
                assert!((product - f64::from(i == j)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn an_emotion_without_clips_lies_in_the_middle_of_all_and_nothing_is_told_of_no_clips() {
        let mut clips = clips(1..4);
        clips.retain(|clip| clip.class != Emotion::Calm.class());
        let statistics = fit(&Emotion::labels(), &clips).unwrap();
        // Every other emotion has the same number of clips.
        let others = || {
            Emotion::ALL
                .into_iter()
                .filter(|emotion| *emotion != Emotion::Calm)
        };
        for i in 0..K {
            let mean = |emotion: Emotion| statistics.means[emotion.class().index()][i];
            let middle = others().map(mean).sum::<f32>() / (K - 1) as f32;
            assert!((mean(Emotion::Calm) - middle).abs() < 1e-4);
        }
        assert!(fit(&Emotion::labels(), &[]).is_none());
    }
}
