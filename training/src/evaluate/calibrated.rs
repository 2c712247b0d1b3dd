//! Fits confidence and calibration on actors that neither trained nor test, and tests them.

use speech_emotion::{
    audio::SAMPLE_RATE_HZ,
    calibration::SpeakerStatistics,
    class::{Class, Labels},
    features::HOP_SAMPLES,
    model::Posterior,
    session::SessionSettings,
};

use super::{
    Calibrated, Compared, Known, Shown, Trial,
    confidence::{Claim, Confidence, surprise, temperature, threshold},
    speaker::{self, Heard},
};
use crate::{artifact::export::Shipped, dataset::Clip};

/// Duration of a frame.
const FRAME_S: f32 = HOP_SAMPLES as f32 / SAMPLE_RATE_HZ as f32;

/// Frames of speech tried as enough to trust the evidence in full.
const SETTLED_FRAMES: [usize; 9] = [1, 50, 62, 75, 88, 100, 112, 138, 162];

/// What one network's test is judged with, fitted on other actors.
struct Fitted {
    temperature: f32,
    settings: SessionSettings,
    speaker: Option<SpeakerStatistics>,
}

impl Fitted {
    /// From judgements of actors that the networks have not heard.
    fn new(labels: &Labels, clips: &[Clip], trials: &[&Trial]) -> Self {
        let posteriors: Vec<(Posterior, Class)> = judged(clips, trials)
            .filter_map(|(clip, judgement)| Some((judgement.posterior?, clip.class)))
            .collect();
        let temperature = temperature(&posteriors);
        let claims: Vec<Claim> = posteriors
            .iter()
            .map(|(posterior, truth)| Claim::new(&cooled(posterior, temperature), *truth))
            .collect();
        let heard = heard(clips, trials, temperature);
        Self {
            temperature,
            settings: SessionSettings {
                unsure_below: threshold(&claims),
                settled_segment_frames: settled(clips, trials, temperature),
                ..SessionSettings::default()
            },
            speaker: speaker::fit(labels, &heard),
        }
    }

    /// As shown while listening.
    fn shown(&self, shown: &Shown) -> Posterior {
        let trust = self
            .settings
            .trust((shown.heard_s / FRAME_S).round() as usize);
        cooled(&shown.posterior, self.temperature / trust)
    }
}

/// Frames of speech from which evidence counts in full: those under which the truth is the least
/// surprise while listening.
fn settled(clips: &[Clip], trials: &[&Trial], temperature: f32) -> usize {
    let loss = |frames: usize| -> f64 {
        let fitted = Fitted {
            temperature,
            settings: SessionSettings {
                settled_segment_frames: frames,
                ..SessionSettings::default()
            },
            speaker: None,
        };
        judged(clips, trials)
            .flat_map(|(clip, judgement)| judgement.live.iter().map(|shown| (clip.class, shown)))
            .map(|(truth, shown)| surprise(&fitted.shown(shown), truth))
            .sum()
    };
    let losses = SETTLED_FRAMES.map(|frames| (frames, loss(frames)));
    let best = losses.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(1, |(frames, _)| frames)
}

fn judged<'a>(
    clips: &'a [Clip],
    trials: &'a [&Trial],
) -> impl Iterator<Item = (&'a Clip, &'a super::Judgement)> {
    trials
        .iter()
        .flat_map(|trial| &trial.judged)
        .map(|(index, judgement)| (&clips[*index], judgement))
}

fn cooled(posterior: &Posterior, temperature: f32) -> Posterior {
    Posterior::from_logits(&posterior.evidence(), temperature)
}

fn heard(clips: &[Clip], trials: &[&Trial], temperature: f32) -> Vec<Heard> {
    judged(clips, trials)
        .map(|(clip, judgement)| Heard {
            speaker: clip.speaker.clone(),
            class: clip.class,
            posterior: judgement.posterior.map(|p| cooled(&p, temperature)),
            speech_s: f64::from(judgement.speech_s),
        })
        .collect()
}

/// None when there are no inner networks to fit on.
pub fn calibrated(labels: &Labels, clips: &[Clip], trials: &[Trial]) -> Option<Calibrated> {
    let outer: Vec<&Trial> = trials.iter().filter(|t| t.validation.is_none()).collect();
    let folds = outer.iter().map(|trial| trial.fold + 1).max()?;
    let fitted: Vec<Fitted> = (0..folds)
        .map(|fold| {
            let is_inner = |trial: &&Trial| trial.fold == fold && trial.validation.is_some();
            let inner: Vec<&Trial> = trials.iter().filter(is_inner).collect();
            (!inner.is_empty()).then(|| Fitted::new(labels, clips, &inner))
        })
        .collect::<Option<_>>()?;

    let (mut summary, mut live) = (Vec::new(), Vec::new());
    let (mut all, mut claimed, mut right) = (0_u32, 0_u32, 0_u32);
    for trial in &outer {
        let fitted = &fitted[trial.fold];
        for (clip, judgement) in judged(clips, &[trial]) {
            all += 1;
            let shown = judgement.live.iter().map(|shown| fitted.shown(shown));
            live.extend(shown.map(|posterior| Claim::new(&posterior, clip.class)));
            if let Some(posterior) = &judgement.posterior {
                let claim = Claim::new(&cooled(posterior, fitted.temperature), clip.class);
                if claim.confidence >= f64::from(fitted.settings.unsure_below) {
                    claimed += 1;
                    right += u32::from(claim.is_right);
                }
                summary.push(claim);
            }
        }
    }

    let parts: Vec<(Vec<Heard>, &SpeakerStatistics)> = outer
        .iter()
        .filter_map(|trial| {
            let fitted = &fitted[trial.fold];
            let heard = heard(clips, &[trial], fitted.temperature);
            Some((heard, fitted.speaker.as_ref()?))
        })
        .collect();
    let whole = Fitted::new(labels, clips, &outer);
    Some(Calibrated {
        temperatures: fitted.iter().map(|fitted| fitted.temperature).collect(),
        thresholds: fitted
            .iter()
            .map(|fitted| fitted.settings.unsure_below)
            .collect(),
        summary: Confidence::new(&summary),
        live: Confidence::new(&live),
        claimed: f64::from(claimed) / f64::from(all),
        claimed_right: f64::from(right) / f64::from(claimed.max(1)),
        speaker: Known::of(labels)
            .into_iter()
            .filter(|_| !parts.is_empty())
            .map(|known| Compared::new(known, labels, &parts))
            .collect(),
        shipped: Shipped {
            temperature: whole.temperature,
            unsure_below: whole.settings.unsure_below,
            settled_segment_frames: whole.settings.settled_segment_frames,
            speaker: whole.speaker,
        },
    })
}
