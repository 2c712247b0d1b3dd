//! An epoch's batches: each clip with a different voice and room each time.

use anyhow::Result;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use speech_emotion::features::N_FEATURES;

use super::augment::{Augmentation, mask, subtract_level};
use super::background::Voices;
use crate::dataset::{Clip, Dataset};
use crate::network::{Batch, Target, with_log_mel};

/// Shortest and longest segment of training, in frames.
pub const MIN_FRAMES: usize = 24;
pub const MAX_FRAMES: usize = 190;
/// Share of clips played at another speed.
const SPEED_PROBABILITY: f32 = 0.6;
/// Share of clips that are cut to their beginning, so that early answers are learned too.
const CUT_PROBABILITY: f32 = 0.2;
/// Least share of a clip that is kept when it is cut.
const LEAST_SHARE: f32 = 0.4;
/// Most frames left out at the start of a segment.
const START_JITTER: usize = 8;

/// Segments of these clips and their targets, for every step of an epoch, read and made on demand;
/// an error when a clip cannot be read.
///
/// The batches, `count` of them, differ by at most one in size.
pub fn epoch_batches<'a>(
    dataset: &'a Dataset,
    clips: Vec<(&'a Clip, Target)>,
    voices: &'a dyn Voices,
    count: usize,
    augmentation: &'a Augmentation,
    mean: &'a [f32],
    rng: &'a mut ChaCha8Rng,
) -> impl Iterator<Item = Result<(Batch, Vec<Target>)>> + 'a {
    (0..count).map(move |index| {
        let members = index * clips.len() / count..(index + 1) * clips.len() / count;
        let mut batch = Batch::default();
        let mut targets = Vec::with_capacity(members.len());
        for (clip, target) in &clips[members] {
            batch.push(&segment(dataset, clip, voices, augmentation, mean, rng)?);
            targets.push(*target);
        }
        Ok((batch, targets))
    })
}

/// Number of batches of about `batch_size` for this number of clips.
pub fn batch_count(clips: usize, batch_size: usize) -> usize {
    ((clips + batch_size / 2) / batch_size).max(1)
}

/// What the network is shown of a clip this time, `[T, F]` with log-mel energies.
fn segment(
    dataset: &Dataset,
    clip: &Clip,
    voices: &dyn Voices,
    augmentation: &Augmentation,
    mean: &[f32],
    rng: &mut ChaCha8Rng,
) -> Result<Vec<f32>> {
    let speeds = clip.frames().len();
    let other = (speeds > 1).then(|| rng.random_range(..speeds - 1) + 1);
    let speed = other.filter(|_| rng.random::<f32>() < SPEED_PROBABILITY);
    let features = dataset.at_speed(clip, speed.unwrap_or(0))?;
    let frames = augmentation.apply(&with_log_mel(&features), voices, rng)?;
    let kept = excerpt(frames.len() / N_FEATURES, rng);
    let mut segment = frames[kept.start * N_FEATURES..kept.end * N_FEATURES].to_vec();
    subtract_level(&mut segment);
    augmentation.compress(&mut segment, rng);
    mask(&mut segment, mean, rng);
    Ok(segment)
}

/// The frames to use out of `count`: without a few at the start, now and then only the beginning,
/// and at most 190.
fn excerpt(count: usize, rng: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let spare = count.saturating_sub(MIN_FRAMES);
    let start = rng.random_range(0..=START_JITTER.min(spare));
    let mut length = count - start;
    if rng.random::<f32>() < CUT_PROBABILITY {
        let share = rng.random_range(LEAST_SHARE..1.0);
        length = ((length as f32 * share) as usize).max(MIN_FRAMES.min(length));
    }
    let excess = length.saturating_sub(MAX_FRAMES);
    let start = start + rng.random_range(0..=excess);
    start..start + length - excess
}

#[cfg(test)]
mod tests {
    use half::f16;
    use rand::SeedableRng;
    use speech_emotion::class::Class;

    use super::*;
    use crate::corpus::{Corpus, Listed, Speaker, ravdess::Emotion};
    use crate::dataset::Features;
    use crate::learning::augment::Ranges;
    use crate::learning::background::tests::NOBODY;

    #[test]
    fn excerpts_stay_inside_and_within_the_lengths_of_training() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut cut = 0;
        for _ in 0..2000 {
            let long = excerpt(400, &mut rng);
            assert!(long.end <= 400 && long.len() <= MAX_FRAMES && long.len() >= MIN_FRAMES);
            let usual = excerpt(100, &mut rng);
            assert!(usual.start <= START_JITTER && usual.len() >= 36 && usual.end <= 100);
            cut += usize::from(usual.end < 100);
            let short = excerpt(25, &mut rng);
            assert!(short.end <= 25 && short.len() >= MIN_FRAMES);
            assert_eq!(excerpt(10, &mut rng), 0..10);
        }
        assert!((300..500).contains(&cut), "{cut} of 2000");
    }

    /// Clips with these numbers of frames, as recorded and at other speeds, with the classes in
    /// turn.
    fn dataset(frames: impl IntoIterator<Item = [usize; 2]>) -> Dataset {
        let clips = (frames.into_iter().enumerate()).map(|(index, [as_recorded, at_speeds])| {
            let class = Class::new(index % 8).unwrap();
            let features = Features {
                as_recorded: vec![-6.0; as_recorded * N_FEATURES],
                at_speeds: vec![vec![f16::from_f32(-6.0); at_speeds * N_FEATURES]; 4],
            };
            let listed = Listed::new(index.to_string(), class, Speaker::new("1"));
            (listed, features)
        });
        Dataset::in_memory(Emotion::labels(), vec![Corpus::ravdess("".into())], clips)
    }

    #[test]
    fn three_clips_in_five_are_taken_at_another_speed() {
        let dataset = dataset([[180, 40]]);
        let augmentation = Augmentation::new(Ranges {
            room_probability: 0.0,
            noise_probability: 0.0,
            ..Ranges::default()
        });
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mean = [0.0; 64];
        let clip = &dataset.clips[0];
        let mut frames = || {
            let segment = segment(&dataset, clip, NOBODY, &augmentation, &mean, &mut rng);
            segment.unwrap().len() / N_FEATURES
        };
        // The longest of 40 frames has 49, the shortest beginning of 180 has 55.
        let other = (0..1_000).filter(|_| frames() < 52).count();
        assert!((530..670).contains(&other), "{other} of 1000");
    }

    #[test]
    fn batches_are_of_like_size_and_go_with_their_targets() {
        let dataset = dataset((0..70).map(|index| [60 + index * 2; 2]));
        let target = |clip: &Clip| Target::new(clip.class);
        let clips: Vec<(&Clip, Target)> = (dataset.clips.iter())
            .map(|clip| (clip, target(clip)))
            .collect();
        let expected: Vec<Target> = clips.iter().map(|(_, target)| *target).collect();
        let augmentation = Augmentation::new(Ranges::default());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mean = [0.0; 64];
        assert_eq!(batch_count(70, 16), 4);
        let batches = epoch_batches(&dataset, clips, NOBODY, 4, &augmentation, &mean, &mut rng);
        let batches: Vec<_> = batches.collect::<Result<_>>().unwrap();
        let sizes: Vec<usize> = batches
            .iter()
            .map(|(batch, _)| batch.lengths.len())
            .collect();
        assert_eq!(sizes, [17, 18, 17, 18]);
        let targets: Vec<Target> = batches
            .into_iter()
            .flat_map(|(_, targets)| targets)
            .collect();
        assert_eq!(targets, expected);
    }
}
