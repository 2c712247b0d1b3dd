use half::vec::HalfFloatVecExt;
use rand::RngExt;
use speech_emotion::features::ENERGY;

use super::*;
use crate::corpus::ravdess::Emotion;
use crate::corpus::{Corpus, Listed, Speaker};
use crate::dataset::{Features, SPEEDS};

/// Eight clips whose energy rises and falls at a different place for each emotion.
fn clips() -> Vec<(Listed, Features)> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let clips = Emotion::ALL.map(|emotion| {
        let frames = 30 + 4 * emotion.index();
        let mut features = || {
            let mut features = Vec::new();
            for t in 0..frames {
                let mut frame = [0.0; N_FEATURES];
                frame[..N_MFCC].fill_with(|| rng.random_range(-2.0..2.0));
                frame[ENERGY] = -6.0 + ((t * (1 + emotion.index())) as f32 * 0.1).sin();
                frame[0] += 8.0 * frame[ENERGY];
                frame[1 + emotion.index()] += 8.0;
                features.extend(frame);
            }
            features
        };
        let path = format!("{emotion}.wav");
        let features = Features {
            as_recorded: features(),
            at_speeds: (SPEEDS[1..].iter())
                .map(|_| Vec::from_f32_slice(&features()))
                .collect(),
        };
        let listed = Listed::new(path, emotion.class(), Speaker::new("1"));
        (listed, features)
    });
    clips.into()
}

fn dataset_of(clips: Vec<(Listed, Features)>) -> Dataset {
    let corpora = vec![Corpus::ravdess("clips".into())];
    let mut dataset = Dataset::in_memory(Emotion::labels(), corpora, clips);
    dataset.fingerprint = "0123".to_owned();
    dataset
}

fn dataset() -> Dataset {
    dataset_of(clips())
}

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 3,
        batch_size: 4,
        ..TrainConfig::default()
    }
}

/// Raises `stop` after some steps of an epoch.
struct Watch<'a> {
    stop: &'a AtomicBool,
    at: Option<(usize, usize)>,
    reports: Vec<EpochReport>,
}

impl Progress for Watch<'_> {
    fn step(&mut self, epoch: usize, done: usize, steps: usize) {
        assert!(done <= steps);
        if self.at == Some((epoch, done)) {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    fn epoch(&mut self, report: &EpochReport, _network: &dyn Fn() -> Network) -> Result<()> {
        self.reports.push(*report);
        Ok(())
    }
}

fn run(
    dataset: &Dataset,
    config: &TrainConfig,
    run_dir: &Path,
    stop_at: Option<(usize, usize)>,
) -> Result<(Outcome, Vec<EpochReport>)> {
    let stop = AtomicBool::new(false);
    let mut watch = Watch {
        stop: &stop,
        at: stop_at,
        reports: Vec::new(),
    };
    let clips: Vec<usize> = (0..dataset.clips.len()).collect();
    let outcome = train(
        &Material::new(dataset),
        &clips,
        config,
        run_dir,
        &mut watch,
        &stop,
    )?;
    Ok((outcome, watch.reports))
}

fn weights(outcome: Outcome) -> Vec<Vec<u32>> {
    let Outcome::Finished(network) = outcome else {
        panic!("it was interrupted")
    };
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    network
        .parameters()
        .iter()
        .map(|parameter| bits(&parameter.value))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_weights_and_another_seed_others() {
    let dataset = dataset();
    let folder = tempfile::tempdir().unwrap();
    let train = |config: &TrainConfig, name: &str| {
        weights(
            run(&dataset, config, &folder.path().join(name), None)
                .unwrap()
                .0,
        )
    };
    let first = train(&config(), "a");
    assert_eq!(train(&config(), "b"), first);
    assert_ne!(
        train(
            &TrainConfig {
                seed: 2,
                ..config()
            },
            "c"
        ),
        first
    );
}

#[test]
fn an_interrupted_training_ends_with_the_same_weights() {
    let dataset = dataset();
    let folder = tempfile::tempdir().unwrap();
    let (whole, reports) = run(&dataset, &config(), &folder.path().join("a"), None).unwrap();
    assert_eq!(
        reports
            .iter()
            .map(|report| report.epoch)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(
        reports
            .iter()
            .all(|report| report.loss.is_finite() && report.epochs == 3)
    );
    let run_dir = folder.path().join("b");
    for (stop_at, expected) in [((1, 1), 0), ((2, 1), 1), ((2, 2), 2)] {
        let (outcome, _) = run(&dataset, &config(), &run_dir, Some(stop_at)).unwrap();
        match outcome {
            Outcome::Interrupted { epochs_done } => assert_eq!(epochs_done, expected),
            Outcome::Finished(_) => panic!("it was not interrupted at {stop_at:?}"),
        }
    }
    let (resumed, rest) = run(&dataset, &config(), &run_dir, None).unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].loss, reports[2].loss);
    let whole = weights(whole);
    assert_eq!(weights(resumed), whole);
    let (again, none) = run(&dataset, &config(), &run_dir, None).unwrap();
    assert_eq!(weights(again), whole);
    assert!(none.is_empty());
}

#[test]
fn a_checkpoint_of_another_training_is_refused_by_the_field_that_differs() {
    let dataset = dataset();
    let folder = tempfile::tempdir().unwrap();
    run(&dataset, &config(), folder.path(), Some((2, 1))).unwrap();
    let refusal = |dataset: &Dataset, config: &TrainConfig| {
        format!(
            "{:#}",
            run(dataset, config, folder.path(), None).unwrap_err()
        )
    };
    let error = refusal(
        &dataset,
        &TrainConfig {
            peak_rate: 0.5,
            ..config()
        },
    );
    assert!(
        error.contains("peak_rate = 0.002") && error.contains("0.5"),
        "{error}"
    );
    let error = refusal(
        &dataset,
        &TrainConfig {
            seed: 9,
            ..config()
        },
    );
    assert!(error.contains("seed = 1, this one has 9"), "{error}");
    let quiet = TrainConfig {
        ranges: Ranges {
            noise_probability: 0.0,
            ..Ranges::default()
        },
        ..config()
    };
    assert!(refusal(&dataset, &quiet).contains("ranges = "));
    let mut other = dataset.clone();
    other.fingerprint = "4567".to_owned();
    assert!(refusal(&other, &config()).contains("front_end"));
    other = dataset.clone();
    other.clips[3].path = "else.wav".to_owned();
    assert!(refusal(&other, &config()).contains("training_clips"));
    let mut changed = clips();
    changed[3].1.as_recorded[0] += 1.0;
    other = dataset_of(changed);
    assert!(refusal(&other, &config()).contains("training_clips"));
}

#[test]
fn a_loss_that_is_not_a_number_stops_and_keeps_the_checkpoint() {
    let dataset = dataset();
    let folder = tempfile::tempdir().unwrap();
    run(&dataset, &config(), folder.path(), Some((2, 1))).unwrap();
    let path = checkpoint::path(folder.path());
    let clips: Vec<&Clip> = dataset.clips.iter().collect();
    let run_of = description(&dataset, &dataset.digest_of(&clips), &config()).unwrap();
    let mut state = start(&dataset, &clips, &config()).unwrap();
    checkpoint::read(&path, &run_of, &mut state).unwrap();
    for parameter in state.network.parameters_mut().iter_mut() {
        parameter.value[0] = f32::NAN;
    }
    checkpoint::write(&path, &run_of, &state).unwrap();
    let before = fs::read(&path).unwrap();
    let error = run(&dataset, &config(), folder.path(), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("epoch 2, batch 1 of 2"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_clip_without_speech_is_named() {
    let mut clips = clips();
    clips[4].1.at_speeds[2].truncate(7 * N_FEATURES);
    let dataset = dataset_of(clips);
    let folder = tempfile::tempdir().unwrap();
    let error = run(&dataset, &config(), folder.path(), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("angry.wav"), "{error}");
}

#[test]
fn clips_as_noise_are_kept_while_there_is_room_and_are_the_same_without() {
    let dataset = dataset();
    let (roomy, cramped) = (Material::new(&dataset), Material::keeping(&dataset, 20_000));
    let mut kept = [0, 0];
    for _ in 0..2 {
        for index in 0..dataset.clips.len() {
            let both = [&roomy, &cramped].map(|material| material.powers(index).unwrap());
            assert_eq!(format!("{:?}", both[0]), format!("{:?}", both[1]));
            for (kept, powers) in kept.iter_mut().zip(both) {
                *kept += usize::from(matches!(powers, Cow::Borrowed(_)));
            }
        }
    }
    // With 30 to 58 frames of 68 numbers each.
    assert_eq!(kept, [16, 4]);
}
