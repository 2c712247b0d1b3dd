//! From listed clips to a data set: drops duplicates and runs the front end over every clip at
//! every speed.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, ensure};
use half::vec::HalfFloatVecExt;
use indicatif::ProgressBar;
use speech_emotion::features::{FrontEnd, FrontEndConfig, N_FEATURES, energies, level, trim};

use super::{Draft, Features, MIN_FRAMES, Origin, Outline, SPEEDS};
use crate::{
    corpus::{Listed, Reason, Skipped, clip_list::ClipList},
    digest::hex,
    interrupt,
    recording::audio::Recording,
};

/// The features, and remarks on the files they come from.
#[derive(Debug)]
pub struct Extraction {
    /// The features of every clip used, to be finished.
    pub draft: Draft,
    /// Audio files not used.
    pub skipped: Vec<Skipped>,
    /// Clips with samples that are not finite, and how many; they were taken as 0.
    pub nonfinite: Vec<(String, u64)>,
}

/// Files named for each reason; bad clips are always named.
const NAMES_SHOWN: usize = 5;

impl Extraction {
    /// The files skipped for one reason.
    pub fn skipped_for(&self, reason: Reason) -> impl Iterator<Item = &Skipped> {
        self.skipped
            .iter()
            .filter(move |file| file.reason == reason)
    }

    /// What was skipped and why, in lines.
    pub fn report(&self) -> String {
        let mut lines = String::new();
        for reason in [
            Reason::Closed,
            Reason::Name,
            Reason::Kind,
            Reason::Doubled,
            Reason::Duplicate,
            Reason::Bad,
        ] {
            let count = self.skipped_for(reason).count();
            if count == 0 {
                continue;
            }
            lines += &format!("skipped {count}, because {reason}:\n");
            let shown = if matches!(reason, Reason::Bad | Reason::Closed) {
                count
            } else {
                NAMES_SHOWN
            };
            for file in self.skipped_for(reason).take(shown) {
                lines += &format!("  {}\n", file.detail);
            }
            if count > shown {
                lines += &format!("  and {} more\n", count - shown);
            }
        }
        for (path, samples) in &self.nonfinite {
            lines += &format!(
                "warning: {samples} samples of {path} are not numbers and were taken as 0\n"
            );
        }
        lines
    }
}

/// The result for one clip.
struct Heard {
    sha256: [u8; 32],
    outline: Outline,
    features: Features,
    nonfinite_samples: u64,
}

const DB_PER_NAT: f32 = 10.0 / std::f32::consts::LN_10;

/// Clips that are processed before they are written: memory holds no more than these.
const CLIPS_AT_ONCE: usize = 64;

/// Extracts the features of the listed clips into `data`, clip by clip; `progress` counts the
/// clips.
///
/// The result does not depend on the number of threads.
///
/// # Errors
/// When they cannot be written, and when `stop` is set.
pub fn extract(
    list: &ClipList,
    data: &Path,
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Extraction> {
    progress.set_length(list.clips.len() as u64);
    let mut extraction = Extraction {
        draft: Draft::begin(data, &FrontEndConfig::default().fingerprint())?,
        skipped: list.skipped.clone(),
        nonfinite: Vec::new(),
    };
    let mut first_with = HashMap::new();
    for clips in list.clips.chunks(CLIPS_AT_ONCE) {
        let heard = hear_all(list, clips, progress, stop)?;
        for (clip, heard) in clips.iter().zip(heard) {
            extraction.take(list, clip, heard, &mut first_with)?;
        }
    }
    Ok(extraction)
}

impl Extraction {
    /// Writes the result for a clip, or notes why the clip is not used.
    fn take<'a>(
        &mut self,
        list: &ClipList,
        clip: &'a Listed,
        heard: Result<Heard>,
        first_with: &mut HashMap<[u8; 32], &'a Listed>,
    ) -> Result<()> {
        let heard = match heard {
            Ok(heard) => heard,
            Err(error) => {
                let detail = format!("{error:#}");
                self.skipped.push(Skipped::new(Reason::Bad, detail));
                return Ok(());
            }
        };
        if let Some(&first) = first_with.get(&heard.sha256) {
            self.skipped.push(doubled(list, clip, first));
            return Ok(());
        }
        if heard.nonfinite_samples > 0 {
            let samples = heard.nonfinite_samples;
            self.nonfinite.push((list.named(clip), samples));
        }
        first_with.insert(heard.sha256, clip);
        let origin = Origin {
            sha256: hex(&heard.sha256),
            outline: heard.outline,
        };
        self.draft.add(clip.clone(), &heard.features, origin)
    }
}

/// A clip that sounds the same as an earlier one: a mistake if it has another label or speaker.
fn doubled(list: &ClipList, clip: &Listed, first: &Listed) -> Skipped {
    let (path, first_path) = (list.named(clip), list.named(first));
    let said = |clip: &Listed| format!("{} by {}", list.labels.name(clip.class), clip.speaker);
    if said(first) == said(clip) {
        Skipped::new(Reason::Duplicate, format!("{path}, as {first_path}"))
    } else {
        let detail = format!(
            "{path} is {}, but holds the same audio as {first_path}, which is {}",
            said(clip),
            said(first)
        );
        Skipped::new(Reason::Bad, detail)
    }
}

fn hear_all(
    list: &ClipList,
    clips: &[Listed],
    progress: &ProgressBar,
    stop: &AtomicBool,
) -> Result<Vec<Result<Heard>>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Result<Heard>>>> =
        Mutex::new(clips.iter().map(|_| None).collect());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while interrupt::check(stop).is_ok() {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(clip) = clips.get(index) else {
                        break;
                    };
                    let heard = hear(&list.corpora[clip.corpus].folder.join(&clip.path));
                    results.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(heard);
                    progress.inc(1);
                }
            });
        }
    });
    interrupt::check(stop)?;
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(results.into_iter().flatten().collect())
}

/// Decodes a clip once and feeds it to one front end per speed.
fn hear(path: &Path) -> Result<Heard> {
    let recording = Recording::open(path)?;
    let rate_hz = recording.sample_rate_hz();
    let mut front_ends = Vec::with_capacity(SPEEDS.len());
    for speed in SPEEDS {
        // Samples treated as if recorded at a higher rate play faster and at a higher pitch.
        let front_end = FrontEnd::new((rate_hz as f32 * speed).round() as u32)
            .with_context(|| format!("{} at speed {speed}", path.display()))?;
        front_ends.push((front_end, Vec::new()));
    }
    let decoded = recording.decode(|channels| {
        for (front_end, frames) in &mut front_ends {
            front_end.push(channels, |frame| frames.extend_from_slice(&frame.features));
        }
        Ok(())
    })?;
    decoded.ensure_whole(path)?;

    let mut features = Features::default();
    let mut outline = Outline::default();
    for (index, (mut front_end, mut frames)) in front_ends.into_iter().enumerate() {
        front_end.finish(|frame| frames.extend_from_slice(&frame.features));
        let (rows, _) = frames.as_chunks::<N_FEATURES>();
        let speech = trim(&energies(&frames))
            .with_context(|| format!("{} holds nothing but silence", path.display()))?;
        ensure!(
            speech.len() >= MIN_FRAMES,
            "{} holds too little speech: {} frames of 16 ms, {MIN_FRAMES} are needed",
            path.display(),
            speech.len()
        );
        let leading_frames = speech.start;
        let recorded_frames = rows.len();
        let speech = rows[speech].as_flattened();
        if index == 0 {
            outline = Outline {
                recorded_frames,
                leading_frames,
                speech_frames: speech.len() / N_FEATURES,
                level_db: level(&energies(speech)) * DB_PER_NAT,
            };
            features.as_recorded = speech.to_vec();
        } else {
            features.at_speeds.push(Vec::from_f32_slice(speech));
        }
    }
    Ok(Heard {
        sha256: decoded.sha256,
        outline,
        features,
        nonfinite_samples: decoded.nonfinite_samples,
    })
}
