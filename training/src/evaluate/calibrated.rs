//! Fits confidence and calibration on speakers used neither for training nor for testing, and tests
//! them.

use std::collections::{BTreeMap, BTreeSet};

use speech_emotion::{
    audio::SAMPLE_RATE_HZ,
    calibration::SpeakerStatistics,
    class::{Class, Labels, PerClass},
    features::HOP_SAMPLES,
    model::Posterior,
    session::SessionSettings,
};

use super::{
    Calibrated, Compared, Judgement, Known, Shown, Trial, activation,
    confidence::{CLAIMED_ACCURACY, Claim, Confidence, surprise, temperature, threshold},
    speaker::{self, Heard},
};
use crate::{artifact::export::Shipped, dataset::Clip};

/// Duration of a frame.
const FRAME_S: f32 = HOP_SAMPLES as f32 / SAMPLE_RATE_HZ as f32;

/// Candidates for the number of frames of speech from which the evidence is trusted in full.
const SETTLED_FRAMES: [usize; 9] = [1, 50, 62, 75, 88, 100, 112, 138, 162];

/// Least probability for claiming a class that no clip had.
const NEVER_SHOWN: f32 = 0.95;

/// A clip, and the judgement of networks that had not heard its speaker.
pub type Judged<'a> = (&'a Clip, &'a Judgement);

/// The settings that one network is tested with, fitted on other speakers.
pub struct Fitted {
    temperature: f32,
    pub settings: SessionSettings,
    speaker: Option<SpeakerStatistics>,
}

impl Fitted {
    /// Fits settings to judgements of speakers that the networks have not heard, so that claims are
    /// right with this `accuracy`. Every corpus counts equally.
    pub fn new(labels: &Labels, judged: &[Judged], accuracy: f64) -> Self {
        let weight = weights(judged);
        let posteriors: Vec<(Posterior, Class, f64)> = judged
            .iter()
            .filter_map(|(clip, judgement)| {
                Some((judgement.posterior?, clip.class, weight[&clip.corpus]))
            })
            .collect();
        let temperature = temperature(&posteriors);
        let heard_of: BTreeSet<Class> = judged.iter().map(|(clip, _)| clip.class).collect();
        let claims: Vec<(Claim, f64)> = judged
            .iter()
            .filter(|(_, judgement)| judgement.is_firm)
            .filter_map(|(clip, judgement)| {
                let posterior = cooled(&judgement.posterior?, temperature);
                let claim = Claim::new(&posterior, clip.class);
                let can_be_right = heard_of.contains(&posterior.top().0);
                can_be_right.then_some((claim, weight[&clip.corpus]))
            })
            .collect();
        let heard = heard(judged, temperature);
        Self {
            temperature,
            settings: SessionSettings {
                unsure_below: threshold(&claims, accuracy),
                stricter: stricter(labels, &heard_of),
                settled_segment_frames: settled(judged, temperature),
                activation: activation::fit(labels, judged, temperature),
                ..SessionSettings::default()
            },
            speaker: speaker::fit(labels, &heard),
        }
    }

    /// In the form of model.json.
    pub fn shipped(&self) -> Shipped {
        Shipped {
            temperature: self.temperature,
            unsure_below: self.settings.unsure_below,
            stricter: self.settings.stricter,
            settled_segment_frames: self.settings.settled_segment_frames,
            activation: self.settings.activation.clone(),
            speaker: self.speaker.clone(),
        }
    }

    /// Settings that were fitted elsewhere.
    fn given(shipped: &Shipped) -> Self {
        Self {
            temperature: shipped.temperature,
            settings: SessionSettings {
                unsure_below: shipped.unsure_below,
                stricter: shipped.stricter,
                settled_segment_frames: shipped.settled_segment_frames,
                activation: shipped.activation.clone(),
                ..SessionSettings::default()
            },
            speaker: shipped.speaker.clone(),
        }
    }

    /// The posterior of a whole clip.
    pub fn posterior(&self, judgement: &Judgement) -> Option<Posterior> {
        Some(cooled(&judgement.posterior?, self.temperature))
    }

    /// As shown while listening.
    fn shown(&self, shown: &Shown) -> Posterior {
        let trust = self
            .settings
            .trust((shown.heard_s / FRAME_S).round() as usize);
        cooled(&shown.posterior, self.temperature / trust)
    }
}

/// Classes without clips must be nearly certain, since nothing shows when claims of them are right.
/// None if there are clips of all classes.
fn stricter(labels: &Labels, heard_of: &BTreeSet<Class>) -> Option<PerClass> {
    let is_missing = |class: &Class| !heard_of.contains(class);
    let strictness = |class: Class| if is_missing(&class) { NEVER_SHOWN } else { 0.0 };
    let classes: Vec<Class> = labels.classes().collect();
    let stricter = || PerClass::from_fn(classes.len(), |index| strictness(classes[index]));
    classes.iter().any(is_missing).then(stricter)
}

/// The weight of a clip of each corpus that makes all corpora count equally; 1 if there is only
/// one.
pub fn weights(judged: &[Judged]) -> BTreeMap<usize, f64> {
    let mut clips = BTreeMap::<usize, f64>::new();
    for (clip, _) in judged {
        *clips.entry(clip.corpus).or_default() += 1.0;
    }
    let mean = judged.len() as f64 / clips.len().max(1) as f64;
    clips
        .into_iter()
        .map(|(corpus, clips)| (corpus, mean / clips))
        .collect()
}

/// Frames of speech from which evidence counts in full: the number under which the truth is the
/// least surprising while listening.
fn settled(judged: &[Judged], temperature: f32) -> usize {
    let weight = weights(judged);
    let loss = |frames: usize| -> f64 {
        let fitted = Fitted {
            temperature,
            settings: SessionSettings {
                settled_segment_frames: frames,
                ..SessionSettings::default()
            },
            speaker: None,
        };
        judged
            .iter()
            .flat_map(|(clip, judgement)| judgement.live.iter().map(move |shown| (clip, shown)))
            .map(|(clip, shown)| weight[&clip.corpus] * surprise(&fitted.shown(shown), clip.class))
            .sum()
    };
    let losses = SETTLED_FRAMES.map(|frames| (frames, loss(frames)));
    let best = losses.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(1, |(frames, _)| frames)
}

/// The judgements of some trials.
pub fn judged<'a>(clips: &'a [Clip], trials: &[&'a Trial]) -> Vec<Judged<'a>> {
    let judged = trials.iter().flat_map(|trial| &trial.judged);
    judged
        .map(|(index, judgement)| (&clips[*index], judgement))
        .collect()
}

fn cooled(posterior: &Posterior, temperature: f32) -> Posterior {
    Posterior::from_logits(&posterior.evidence(), temperature)
}

fn heard(judged: &[Judged], temperature: f32) -> Vec<Heard> {
    let heard = judged.iter().map(|(clip, judgement)| Heard {
        speaker: clip.speaker.clone(),
        class: clip.class,
        posterior: judgement.posterior.map(|p| cooled(&p, temperature)),
        speech_s: f64::from(judgement.speech_s),
    });
    heard.collect()
}

/// How judgements fare with settings fitted on others, part by part.
pub fn test(labels: &Labels, parts: &[(Vec<Judged>, &Fitted)]) -> Calibrated {
    let (mut summary, mut live) = (Vec::new(), Vec::new());
    let (mut all, mut claimed, mut right) = (0_u32, 0_u32, 0_u32);
    for (judged, fitted) in parts {
        for (clip, judgement) in judged {
            all += 1;
            let shown = judgement.live.iter().map(|shown| fitted.shown(shown));
            live.extend(shown.map(|posterior| Claim::new(&posterior, clip.class)));
            if let Some(posterior) = fitted.posterior(judgement) {
                let claim = Claim::new(&posterior, clip.class);
                let from = fitted.settings.claimed_from(posterior.top().0);
                let is_sure = claim.confidence >= f64::from(from);
                if is_sure && judgement.is_firm {
                    claimed += 1;
                    right += u32::from(claim.is_right);
                }
                summary.push(claim);
            }
        }
    }
    let speakers: Vec<(Vec<Heard>, &SpeakerStatistics)> = parts
        .iter()
        .filter_map(|(judged, fitted)| {
            Some((heard(judged, fitted.temperature), fitted.speaker.as_ref()?))
        })
        .collect();
    let fitted = || parts.iter().map(|(_, fitted)| fitted);
    Calibrated {
        temperatures: fitted().map(|fitted| fitted.temperature).collect(),
        thresholds: fitted()
            .map(|fitted| fitted.settings.unsure_below)
            .collect(),
        summary: Confidence::new(&summary),
        live: Confidence::new(&live),
        claimed: f64::from(claimed) / f64::from(all.max(1)),
        claimed_right: f64::from(right) / f64::from(claimed.max(1)),
        activation: activation::test(parts),
        speaker: Known::of(labels)
            .into_iter()
            .filter(|_| !speakers.is_empty())
            .map(|known| Compared::new(known, labels, &speakers))
            .collect(),
    }
}

/// How the folds of one data set's speakers fare with settings fitted on other folds' speakers, and
/// the settings fitted on all; with `strangers`, the settings fitted on left-out corpora are used
/// instead. None if there are neither these nor inner networks to fit on.
pub fn calibrated(
    labels: &Labels,
    clips: &[Clip],
    trials: &[Trial],
    strangers: Option<&Shipped>,
) -> Option<(Calibrated, Shipped)> {
    let outer: Vec<&Trial> = trials.iter().filter(|t| t.validation.is_none()).collect();
    let folds = outer.iter().map(|trial| trial.fold + 1).max()?;
    let fitted: Vec<Fitted> = (0..folds)
        .map(|fold| {
            let is_inner = |trial: &&Trial| trial.fold == fold && trial.validation.is_some();
            let inner: Vec<&Trial> = trials.iter().filter(is_inner).collect();
            let fit = || Fitted::new(labels, &judged(clips, &inner), CLAIMED_ACCURACY);
            match strangers {
                Some(shipped) => Some(Fitted::given(shipped)),
                None => (!inner.is_empty()).then(fit),
            }
        })
        .collect::<Option<_>>()?;
    let parts: Vec<(Vec<Judged>, &Fitted)> = outer
        .iter()
        .map(|trial| (judged(clips, &[trial]), &fitted[trial.fold]))
        .collect();
    let mut calibrated = test(labels, &parts);
    calibrated.temperatures = fitted.iter().map(|fitted| fitted.temperature).collect();
    calibrated.thresholds = fitted
        .iter()
        .map(|fitted| fitted.settings.unsure_below)
        .collect();
    let whole = Fitted::new(labels, &judged(clips, &outer), CLAIMED_ACCURACY);
    Some((calibrated, whole.shipped()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        corpus::{Corpus, Listed, Speaker, ravdess::Emotion},
        dataset::{Dataset, Features},
    };

    #[test]
    fn a_class_that_no_clip_is_of_neither_moves_the_threshold_nor_is_claimed_by_it() {
        let labels = Emotion::labels();
        let emotions: Vec<Class> = labels.classes().collect();
        let calm = Emotion::Calm.class();
        // All are sure; the answers for every emotion but calm are right, and half as many clips
        // again are taken for calm.
        let truths: Vec<Class> = (0..40)
            .flat_map(|_| emotions.iter().copied().filter(|&class| class != calm))
            .collect();
        let clip = |class: &Class| {
            let listed = Listed::new(String::new(), *class, Speaker::new("1"));
            (listed, Features::default())
        };
        let corpora = vec![Corpus::ravdess("clips".into())];
        let dataset = Dataset::in_memory(labels.clone(), corpora, truths.iter().map(clip));
        let judgement = |class: Class| Judgement {
            path: String::new(),
            whole: None,
            posterior: Some(Posterior(PerClass::from_fn(8, |index| {
                if index == class.index() { 0.65 } else { 0.05 }
            }))),
            speech_s: 3.0,
            is_firm: true,
            live: Vec::new(),
        };
        let answers = truths.iter().enumerate();
        let answers = answers.map(|(index, truth)| if index % 3 == 0 { calm } else { *truth });
        let judgements: Vec<Judgement> = answers.map(judgement).collect();
        let judged: Vec<Judged> = dataset.clips.iter().zip(&judgements).collect();

        let fitted = Fitted::new(&labels, &judged, 0.9);
        assert_eq!(fitted.settings.unsure_below, 0.0);
        assert_eq!(fitted.settings.claimed_from(calm), NEVER_SHOWN);
        let sad = Emotion::Sad.class();
        assert_eq!(fitted.settings.claimed_from(sad), 0.0);
        let tested = test(&labels, &[(judged, &fitted)]);
        assert!((tested.claimed - 2.0 / 3.0).abs() < 0.01, "{tested:?}");
        assert_eq!(tested.claimed_right, 1.0);
    }
}
