//! The trainer as a person runs it: every command on a small corpus of synthetic voices, and what
//! it says about input it cannot use.

#![allow(clippy::unwrap_used)]

use std::{
    f32::consts::TAU,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::AtomicBool,
    thread,
    time::Duration,
};

use indicatif::ProgressBar;
use safetensors::SafeTensors;
use serde_json::Value;
use speech_emotion::{
    context::{AnnotateOptions, annotate, read_transcript},
    export::{self, Format},
    features::{self, FrontEnd, FrontEndConfig, Mfcc, N_FEATURES, PITCH, VOICING},
    model::OnnxFile,
    record::Utterance,
};
use tempfile::TempDir;
use training::{
    corpus::{
        Published,
        clip_list::{ClipList, Source},
        ravdess::Emotion,
    },
    dataset::{Dataset, SPEEDS, extract::extract},
    learning::ensemble::MEMBERS,
};

const RATE_HZ: u32 = 16_000;

/// 1.2 s of a buzzing vowel between 0.3 s of faint noise. Pitch, its movement, the rate of syllables
/// and the vowel's formants depend on the emotion; the register on the actor.
fn voice(emotion: Emotion, actor: u8, statement: u8) -> Vec<f32> {
    let kind = emotion.index() as f32;
    let rate = RATE_HZ as f32;
    let register = if actor % 2 == 1 { 110.0 } else { 190.0 };
    let pitch = register * (0.85 + 0.1 * kind) * (1.0 + 0.01 * f32::from(actor));
    let syllables_hz = 3.0 + 0.5 * kind + 0.2 * f32::from(statement);
    let formants = [500.0 + 60.0 * kind, 1100.0 + 150.0 * kind, 2600.0];
    let mut state = [[0.0_f32; 2]; 3];
    let mut noise = 1 + u32::from(actor) * 977 + u32::from(statement) * 31 + kind as u32;
    let mut phase = 0.0;
    let samples = (1.8 * rate) as usize;
    (0..samples)
        .map(|n| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = noise as f32 / u32::MAX as f32 - 0.5;
            let at_s = n as f32 / rate - 0.3;
            // No voice holds its pitch as a tone does.
            let tremor = 0.004 * (TAU * 5.5 * at_s).sin();
            let glide = 1.0 + tremor + 0.03 * kind * (TAU * 1.5 * at_s).sin();
            phase += pitch * glide / rate;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase -= pulse;
            let mut sound = 0.0;
            for (state, formant_hz) in state.iter_mut().zip(formants) {
                let radius = (-TAU / 2.0 * 90.0 / rate).exp();
                let turn = 2.0 * radius * (TAU * formant_hz / rate).cos();
                let out = pulse + 0.02 * hiss + turn * state[0] - radius * radius * state[1];
                *state = [out, state[0]];
                sound += out;
            }
            let speaking = (0.0..1.2).contains(&at_s);
            let loudness = 0.55 - 0.45 * (TAU * syllables_hz * at_s).cos();
            0.0005 * hiss
                + if speaking {
                    0.04 * loudness * sound
                } else {
                    0.0
                }
        })
        .collect()
}

fn write_wav(path: &Path, samples: &[f32], announced_samples: usize) {
    let bytes = announced_samples as u32 * 4;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((bytes + 36).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend(3_u16.to_le_bytes());
    wav.extend(1_u16.to_le_bytes());
    wav.extend(RATE_HZ.to_le_bytes());
    wav.extend((RATE_HZ * 4).to_le_bytes());
    wav.extend(4_u16.to_le_bytes());
    wav.extend(32_u16.to_le_bytes());
    wav.extend(b"data");
    wav.extend(bytes.to_le_bytes());
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, wav).unwrap();
}

fn write_voice(folder: &Path, emotion: Emotion, actor: u8, statement: u8) -> String {
    let code = emotion.ravdess_code();
    let name = format!("Actor_{actor:02}/03-01-{code:02}-01-{statement:02}-01-{actor:02}.wav");
    let samples = voice(emotion, actor, statement);
    write_wav(&folder.join(&name), &samples, samples.len());
    name
}

/// 4 actors, 8 emotions, 2 statements.
fn write_corpus(folder: &Path) {
    for actor in 1..=4 {
        for emotion in Emotion::ALL {
            for statement in 1..=2 {
                write_voice(folder, emotion, actor, statement);
            }
        }
    }
}

/// A folder for the test, in which the trainer runs.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_training"));
        command
            .args(line.split_whitespace())
            .current_dir(self.0.path());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    fn succeeds(&self, line: &str) -> String {
        let output = self.run(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{line}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn fails(&self, line: &str, sentences: &[&str]) -> String {
        let output = self.run(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {stderr}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        for sentence in sentences {
            assert!(
                stderr.contains(sentence) || stdout.contains(sentence),
                "{line}: {sentence:?} is not in: {stdout}{stderr}"
            );
        }
        let errors = stderr.lines().filter(|line| line.starts_with("error: "));
        assert!(errors.count() >= 1, "{line}: {stderr}");
        stdout
    }
}

/// Frames of the copy of a clip, and the median pitch of those that are clearly voiced, in octaves.
fn length_and_pitch(copy: &[f32]) -> (f32, f32) {
    let frames = copy.chunks_exact(N_FEATURES);
    let voiced = frames.clone().filter(|frame| frame[VOICING] > 0.8);
    let mut pitches: Vec<f32> = voiced.map(|frame| frame[PITCH]).collect();
    pitches.sort_by(f32::total_cmp);
    (frames.len() as f32, pitches[pitches.len() / 2])
}

#[test]
fn copies_at_another_speed_move_duration_and_pitch() {
    let bench = Bench::new();
    write_voice(&bench.path("corpus"), Emotion::Calm, 2, 1);
    let progress = ProgressBar::hidden();
    let source = Source::Published(Published::Ravdess, bench.path("corpus"));
    let list = ClipList::of(&[source], None, &[]).unwrap();
    let data = bench.path("data");
    let found = extract(&list, &data, &progress, &AtomicBool::new(false)).unwrap();
    let dataset = found
        .draft
        .finish(list.labels, list.corpora)
        .unwrap()
        .dataset;
    let clip = &dataset.clips[0];
    assert_eq!(clip.frames().len(), SPEEDS.len());
    let (frames, pitch) = length_and_pitch(&dataset.features(clip).unwrap());
    for (index, speed) in SPEEDS.iter().enumerate().skip(1) {
        let copy = dataset.at_speed(clip, index).unwrap();
        let (copy_frames, copy_pitch) = length_and_pitch(&copy);
        assert!(
            (copy_frames * speed / frames - 1.0).abs() < 0.05,
            "{speed}: {copy_frames} of {frames}"
        );
        assert!(
            (copy_pitch - pitch - speed.log2()).abs() < 0.02,
            "{speed}: {copy_pitch}"
        );
    }
}

#[test]
fn the_stages_of_a_recording_come_as_tensors() {
    let bench = Bench::new();
    let clip = write_voice(bench.0.path(), Emotion::Calm, 2, 1);
    let told = bench.succeeds(&format!("features {clip} --out clip.safetensors"));
    assert!(told.contains("mel       [113, 64] "), "{told}");
    let bytes = fs::read(bench.path("clip.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let about: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["json"]).unwrap();
    assert_eq!(about["hop_samples"], 256);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| {
        let tensor = file.tensor(name).unwrap();
        let values = tensor.data().as_chunks::<4>().0.iter();
        let values: Vec<f32> = values.map(|&bytes| f32::from_le_bytes(bytes)).collect();
        (tensor.shape().to_vec(), values)
    };
    let sound = voice(Emotion::Calm, 2, 1);
    assert_eq!(tensor("samples"), (vec![sound.len()], sound.clone()));
    let mut features = Vec::new();
    let mut front_end = FrontEnd::new(RATE_HZ).unwrap();
    front_end.push(&[&sound], |frame| features.extend(frame.features));
    front_end.finish(|frame| features.extend(frame.features));
    let segment = features::segment(&features).unwrap();
    assert_eq!(tensor("features"), (vec![113, N_FEATURES], features));
    let frames = segment.len() / N_FEATURES;
    assert!((60..113).contains(&frames), "{frames}");
    assert_eq!(tensor("segment"), (vec![frames, N_FEATURES], segment));
    // Mean power of the bands of frame 60, whose centre is sample 15,360.
    let (shape, mel) = tensor("mel");
    assert_eq!(shape, [113, 64]);
    let expected = Mfcc::new().log_mel(sound[15_104..15_616].try_into().unwrap());
    for (band, expected) in mel[60 * 64..].iter().zip(expected) {
        assert!((band - expected).abs() < 1e-3, "{band} for {expected}");
    }

    write_wav(&bench.path("silence.wav"), &[0.0; 4_000], 4_000);
    let told = bench.succeeds("features silence.wav --out silence.safetensors");
    assert!(told.contains("mel") && !told.contains("segment"), "{told}");
    bench.fails(
        "features none.wav --out none.safetensors",
        &["cannot read none.wav"],
    );
    assert!(!bench.path("none.safetensors").exists());
}

#[test]
fn a_folder_without_ravdess_names_is_refused() {
    let bench = Bench::new();
    let samples = voice(Emotion::Happy, 1, 1);
    write_wav(&bench.path("music/song.wav"), &samples, samples.len());
    bench.fails(
        "extract --ravdess music",
        &["error: music holds 1 audio files but no clip of RAVDESS speech, audio only"],
    );
    bench.fails(
        "extract --ravdess nowhere",
        &["error: there is no folder nowhere"],
    );
    assert!(!bench.path("data").exists());
}

#[test]
fn bad_clips_are_named_and_nothing_is_saved_unless_they_are_left_out() {
    let bench = Bench::new();
    let clips = bench.path("clips");
    write_voice(&clips, Emotion::Happy, 1, 1);
    write_wav(
        &clips.join("03-01-04-01-01-01-01.wav"),
        &[0.0; 20_000],
        20_000,
    );
    write_wav(&clips.join("03-01-05-01-01-01-01.wav"), &[], 0);
    write_wav(
        &clips.join("03-01-06-01-01-01-01.wav"),
        &[0.1; 4_000],
        20_000,
    );
    let reasons = [
        "skipped 3, because they cannot be used",
        "03-01-04-01-01-01-01.wav holds nothing but silence",
        "03-01-05-01-01-01-01.wav has a length of zero",
        "03-01-06-01-01-01-01.wav is damaged after 0.2",
    ];
    let told = bench.fails(
        "extract --ravdess clips",
        &["error: 3 clips cannot be used"],
    );
    assert!(reasons.iter().all(|reason| told.contains(reason)), "{told}");
    assert!(!bench.path("data").exists());

    let told = bench.succeeds("extract --ravdess clips --skip-bad");
    assert!(reasons.iter().all(|reason| told.contains(reason)), "{told}");
    assert!(
        told.contains("features of 1 clips by 1 speakers in data/features-"),
        "{told}"
    );
}

#[test]
fn duplicates_and_foreign_files_are_left_out_and_reported() {
    let bench = Bench::new();
    let clips = bench.path("clips");
    let first = write_voice(&clips, Emotion::Happy, 1, 1);
    fs::copy(
        clips.join(&first),
        clips.join("Actor_01/03-01-03-01-01-02-01.wav"),
    )
    .unwrap();
    fs::copy(
        clips.join(&first),
        clips.join("Actor_01/03-02-03-01-01-01-01.wav"),
    )
    .unwrap();
    fs::copy(clips.join(&first), clips.join("notes.wav")).unwrap();
    let mut samples = voice(Emotion::Sad, 1, 1);
    samples[5_000] = f32::NAN;
    write_wav(
        &clips.join("03-01-04-01-01-01-01.wav"),
        &samples,
        samples.len(),
    );
    let told = bench.succeeds("extract --ravdess clips");
    for line in [
        "skipped 1, because their names are not those of the corpus:\n  notes.wav\n",
        "skipped 1, because they belong to another part of RAVDESS:\n  Actor_01/03-02-",
        "skipped 1, because the same audio came before:\n  Actor_01/03-01-03-01-01-02-01.wav, as \
         Actor_01/03-01-03-01-01-01-01.wav\n",
        "warning: 1 samples of 03-01-04-01-01-01-01.wav are not numbers",
        "features of 2 clips by 1 speakers",
    ] {
        assert!(told.contains(line), "{line:?} is not in: {told}");
    }
}

/// Clips named like those of RAVDESS's speech and song and of EMO-DB, and a list of two people's
/// own.
fn write_several_corpora(bench: &Bench) {
    for actor in 1..=2 {
        for emotion in Emotion::ALL {
            write_voice(&bench.path("speech"), emotion, actor, 1);
        }
    }
    let sung = voice(Emotion::Angry, 1, 2);
    let name = "song/Actor_01/03-02-05-01-02-01-01.wav";
    write_wav(&bench.path(name), &sung, sung.len());
    for (name, emotion, actor) in [
        ("03a01Fa", Emotion::Happy, 3),
        ("03a01Wa", Emotion::Angry, 3),
        ("08a01Ta", Emotion::Sad, 4),
        ("08a01La", Emotion::Calm, 4),
    ] {
        let samples = voice(emotion, actor, 2);
        write_wav(
            &bench.path(&format!("berlin/{name}.wav")),
            &samples,
            samples.len(),
        );
    }
    let mut csv = String::from("path,speaker,label,language\n");
    for (actor, speaker) in [(5, "1"), (6, "2")] {
        for emotion in [Emotion::Happy, Emotion::Sad] {
            let name = format!("{speaker}{emotion}.wav");
            let samples = voice(emotion, actor, 1);
            write_wav(
                &bench.path(&format!("club/{name}")),
                &samples,
                samples.len(),
            );
            csv += &format!("{name},{speaker},{emotion},cy\n");
        }
    }
    fs::write(bench.path("club/clips.csv"), csv).unwrap();
}

#[test]
fn several_corpora_and_a_list_make_one_data_set_of_the_eight_emotions() {
    let bench = Bench::new();
    write_several_corpora(&bench);
    let line = "extract --corpus ravdess=speech --corpus ravdess-song=song --corpus emodb=berlin \
                --manifest club/clips.csv --name club";
    bench.fails(
        line,
        &[
            "other labels than the eight emotions",
            "--leave-out boredom:\n  emodb: 1 boredom",
        ],
    );
    assert!(!bench.path("data").exists());

    let output = bench.run(&format!("{line} --leave-out boredom"));
    let told = String::from_utf8(output.stdout).unwrap();
    for part in [
        "  ravdess: 16 clips by 2 speakers\n",
        "  ravdess-song: 1 clips by 1 speakers\n",
        "  emodb: 3 clips by 2 speakers\n",
        "  club: 4 clips by 2 speakers\n",
        // Actor 1 speaks and sings.
        "features of 24 clips by 6 speakers in data/",
    ] {
        assert!(told.contains(part), "{part:?} is not in: {told}");
    }
    let notes = String::from_utf8(output.stderr).unwrap();
    for part in [
        "note: 1424 of the 1440 published clips of RAVDESS speech, audio only are missing from speech: \
         03-01-01-01-01-02-01, ",
        "note: 531 of the 535 published clips of EMO-DB are missing from berlin: 47 of 49 by 03, ",
        "note: clips left out by their label: 1 boredom",
    ] {
        assert!(notes.contains(part), "{part:?} is not in: {notes}");
    }

    let data = bench.path("data");
    let dataset = Dataset::load(&data, &FrontEndConfig::default().fingerprint()).unwrap();
    assert_eq!(dataset.labels, Emotion::labels());
    assert_eq!(dataset.licence(), "NOASSERTION");
    assert_eq!(
        dataset.title(),
        "RAVDESS speech, audio only; RAVDESS song, audio only; EMO-DB; club"
    );
    let credits = dataset.attribution();
    assert!(
        credits.starts_with("Trained on RAVDESS: ") && credits.contains("; on EMO-DB: Burkhardt"),
        "{credits}"
    );
    let (sung, own) = (&dataset.clips[16], &dataset.clips[20]);
    assert_eq!(sung.speaker, dataset.clips[0].speaker);
    assert!(sung.ravdess.is_some_and(|name| name.channel == 2));
    assert_eq!(own.speaker.to_string(), "club-1");
    assert_eq!((own.sex, own.language.as_deref()), (None, Some("cy")));
    assert_eq!(dataset.labels_of(2).len(), 3);
    let unfit: Vec<Option<String>> = (0..4)
        .map(|corpus| dataset.unfit_for_testing(corpus))
        .collect();
    assert!(
        unfit[1]
            .as_ref()
            .is_some_and(|why| why.contains("ravdess-song has one speaker only (1)")),
        "{unfit:?}"
    );
    assert_eq!((&unfit[0], &unfit[2], &unfit[3]), (&None, &None, &None));
    bench.succeeds("train --epochs 1");

    // A recording that has been replaced by another is named when it is next read.
    dataset.sound(sung).unwrap();
    let changed = voice(Emotion::Sad, 1, 2);
    write_wav(&dataset.recording(sung), &changed, changed.len());
    let error = dataset.sound(sung).unwrap_err().to_string();
    assert!(
        error.contains("03-02-05-01-02-01-01.wav has changed since its features were extracted"),
        "{error}"
    );
    fs::remove_file(dataset.recording(sung)).unwrap();
    let error = dataset.sound(sung).unwrap_err().to_string();
    assert!(error.contains("cannot read the clip"), "{error}");

    // It may be replaced by a part of itself, but not by something else.
    bench.succeeds("extract --ravdess speech");
    bench.fails(
        "extract --manifest club/clips.csv --name club",
        &["data holds the features of RAVDESS speech, audio only; name another folder for club"],
    );
}

#[test]
fn corpora_that_are_not_known_or_not_there_are_told_with_the_next_step() {
    let bench = Bench::new();
    for (line, code, sentence) in [
        (
            "extract --corpus iemocap",
            2,
            "there is no corpus \"iemocap\"; the known ones are ravdess, ravdess-song, nemo, emodb",
        ),
        ("extract --corpus nemo=", 2, "name a folder after the ="),
        (
            "extract --corpus nemo",
            1,
            "there is no folder data/nemo; run the download command with --corpus nemo",
        ),
        (
            "download --corpus emodb",
            1,
            "audb.load('emodb', version='1.4.1')",
        ),
        ("extract --corpus nemo --labels happy", 2, "--manifest"),
    ] {
        let output = bench.run(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {stderr}");
        assert!(stderr.contains(sentence), "{line}: {stderr}");
    }
    fs::create_dir_all(bench.path("data/nemo")).unwrap();
    bench.fails(
        "extract --corpus nemo",
        &[
            "data/nemo holds 0 audio files but no clip of nEMO",
            "KD0_anger_12.wav",
        ],
    );
}

#[test]
fn a_corpus_padded_by_label_is_told_of() {
    let bench = Bench::new();
    for actor in 1..=4 {
        for emotion in Emotion::ALL {
            for statement in 1..=2 {
                let name = write_voice(&bench.path("clips"), emotion, actor, statement);
                let mut samples = voice(emotion, actor, statement);
                let noise: Vec<f32> = samples[..4_000].to_vec();
                for _ in 0..emotion.index() {
                    samples.extend(&noise);
                }
                write_wav(&bench.path("clips").join(name), &samples, samples.len());
            }
        }
    }
    let output = bench.run("extract --ravdess clips");
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains(
            "note: ravdess: the length of the recording alone gives the label away in 88 % of cases"
        ),
        "{notes}"
    );
    assert!(!notes.contains("the level of the speech alone"), "{notes}");
}

#[cfg(unix)]
#[test]
fn a_full_disk_keeps_the_features_made_before() {
    let bench = Bench::new();
    let clips = bench.path("clips");
    write_voice(&clips, Emotion::Happy, 1, 1);
    bench.succeeds("extract --ravdess clips");
    write_voice(&clips, Emotion::Sad, 1, 1);
    // Files cannot grow beyond 64 blocks.
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 64; exec \"$0\" extract --ravdess clips",
        ])
        .arg(env!("CARGO_BIN_EXE_training"))
        .current_dir(bench.0.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("error: cannot write data/features-"),
        "{stderr}"
    );
    assert!(stderr.contains("make room"), "{stderr}");
    let entries: Vec<_> = fs::read_dir(bench.path("data")).unwrap().collect();
    assert_eq!(entries.len(), 1);
    let index = entries[0].as_ref().unwrap().path().join("index.json");
    let index: Value = serde_json::from_slice(&fs::read(index).unwrap()).unwrap();
    assert_eq!(index["clips"].as_array().unwrap().len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn what_nobody_reads_ends_the_program_quietly_and_a_full_disk_is_told() {
    let bench = Bench::new();
    write_voice(&bench.path("clips"), Emotion::Happy, 1, 1);
    let line = "extract --ravdess clips";
    let mut reader = bench
        .command(line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(reader.stdout.take());
    let output = reader.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    assert!(
        !told.contains("panicked") && !told.contains("error"),
        "{told}"
    );

    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = bench.command(line).stdout(full).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("error: cannot write the answer to standard output; make room"),
        "{told}"
    );
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_read_is_left_out_and_named() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};

    let bench = Bench::new();
    write_voice(&bench.path("clips/open"), Emotion::Happy, 1, 1);
    write_voice(&bench.path("clips/closed"), Emotion::Sad, 1, 1);
    let allow = |path: &str, mode| {
        fs::set_permissions(bench.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    allow("clips/closed", 0o000);
    allow("", 0o777);
    let mut command = bench.command("extract --ravdess clips");
    if fs::read_dir(bench.path("clips/closed")).is_ok() {
        // Nothing is closed to root.
        command.uid(65_534);
    }
    let output = command.output();
    allow("clips/closed", 0o755);
    let Ok(output) = output else {
        // The program lies where others may not go.
        return;
    };
    let told = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    assert!(
        told.contains("skipped 1, because these folders cannot be read")
            && told.contains("cannot read the folder clips/closed: Permission denied"),
        "{told}"
    );
    assert!(told.contains("features of 1 clips"), "{told}");
}

#[test]
fn an_archive_that_is_not_the_published_one_is_refused_and_kept() {
    let bench = Bench::new();
    let path = bench.path("data/Audio_Speech_Actors_01-24.zip");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"PK half of an archive").unwrap();
    bench.fails(
        "download",
        &[
            "has 21 bytes instead of 208468073",
            "delete data/Audio_Speech",
        ],
    );
    assert!(path.exists());
}

#[test]
fn a_model_comes_out_of_a_small_corpus_and_hears_it() {
    let bench = Bench::new();
    write_corpus(&bench.path("clips"));
    let told = bench.succeeds("extract --ravdess clips");
    assert!(
        told.contains("features of 64 clips by 4 speakers"),
        "{told}"
    );

    bench.fails(
        "--data other extract",
        &["error: there is no folder other/ravdess; run the download command"],
    );
    bench.fails(
        "evaluate",
        &[
            "the folds of luna5 need all 24 actors",
            "choose --folds loso",
        ],
    );
    let told = bench.succeeds("evaluate --quick --folds loso --epochs 2");
    assert!(
        told.contains("loso in 4 folds, seed 1: 64 clips by 4 speakers"),
        "{told}"
    );
    let path = bench.path("data/runs/loso-seed1/evaluation.json");
    let first = fs::read(&path).unwrap();
    let evaluation: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(evaluation["clips"], 64);
    let epochs = bench.path("data/runs/loso-seed1/fold4/member2/epochs.jsonl");
    let epochs = fs::read_to_string(epochs).unwrap();
    let epochs: Vec<Value> = epochs
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((epochs.len(), epochs[1]["epoch"].as_u64()), (2, Some(2)));
    let judged = bench.path("data/runs/loso-seed1/fold4/clean.jsonl");
    let judged = fs::read_to_string(judged).unwrap();
    assert_eq!(judged.lines().count(), 1 + 16);
    assert!(!judged.contains("Actor_03") && judged.contains("Actor_04"));
    // Folds that are already trained are not trained again and give the same output.
    bench.succeeds("evaluate --quick --folds loso --epochs 2");
    assert_eq!(fs::read(&path).unwrap(), first);
    bench.fails(
        "evaluate --quick --folds loso --epochs 3",
        &["cannot train fold"],
    );

    bench.fails(
        "export --folds loso --out model",
        &["run the train command"],
    );
    bench.succeeds("train --epochs 2");
    let told = bench.succeeds("export --folds loso --out model");
    assert!(
        told.contains("same logits as the rounded networks on 32 clips"),
        "{told}"
    );

    bench.succeeds("train --seed 2 --epochs 1");
    bench.fails(
        "export --seed 2 --folds loso --out other",
        &[
            "the evaluation does not belong to the networks in data/runs/all-seed2",
            "run evaluate and train again",
        ],
    );
    assert!(!bench.path("other").exists());

    // The same seed gives the same artifact, with one command as with four.
    let all = "--data again all --quick --ravdess clips --folds loso --epochs 2 --out again";
    bench.succeeds(all);
    for name in ["model.onnx", "model.json"] {
        let [first, again] =
            ["model", "again"].map(|out| fs::read(bench.path(out).join(name)).unwrap());
        assert!(first == again, "{name} differs");
    }

    fs::write(bench.path("notes.wav"), b"not audio").unwrap();
    let clip = "clips/Actor_01/03-01-05-01-01-01-01.wav";
    let line =
        format!("predict --model model/model.onnx --json --timeline {clip} notes.wav {clip}");
    let told = bench.fails(
        &line,
        &[
            "error: notes.wav is not audio",
            "error: 1 of 3 files could not be analysed",
        ],
    );
    let lines: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[0]["path"], clip);
    assert!((lines[0]["duration_s"].as_f64().unwrap() - 1.8).abs() < 0.01);
    let posterior = lines[0]["posterior"].as_object().unwrap();
    let labels: Vec<&str> = posterior.keys().map(String::as_str).collect();
    let mut expected = Emotion::ALL.map(Emotion::label);
    expected.sort_unstable();
    assert_eq!(labels, expected);
    let sum: f64 = posterior
        .values()
        .map(|share| share.as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    assert!(!lines[0]["timeline"].as_array().unwrap().is_empty());

    exports_are_complete_or_not_there(&bench);

    let read = |emotion: u8, actor: u8| {
        format!("clips/Actor_{actor:02}/03-01-{emotion:02}-01-01-01-{actor:02}.wav")
    };
    let neutral = format!(" --reference {}", read(1, 2)).repeat(4);
    let line = format!("predict --model model/model.onnx --json {}", read(5, 2));
    bench.fails(
        &format!("{line} {neutral}"),
        &["has no statistics of speakers", "evaluate without --quick"],
    );

    let told = bench.succeeds("evaluate --folds loso --epochs 2");
    assert!(told.contains("3 labelled clips per emotion"), "{told}");
    assert!(told.contains("mains hum, 10 dB SNR"), "{told}");
    let page = bench.path("data/runs/loso-seed1/report.html");
    assert!(fs::read_to_string(page).unwrap().contains("Robustness"));
    bench.succeeds("export --folds loso --out model");
    bench.succeeds("card --folds loso --out card");
    let card = fs::read_to_string(bench.path("card/MODEL_CARD.md")).unwrap();
    assert!(card.contains("each of 64 clips by 4 actors"), "{card}");
    let picture = fs::read_to_string(bench.path("card/pictures/robustness.svg")).unwrap();
    assert!(picture.contains("mains hum, 10 dB SNR"), "{picture}");
    // With so little training, calibration may not be worthwhile.
    let manifest = bench.path("model/model.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    json["speaker"]["neutral_strength"] = 0.3.into();
    fs::write(&manifest, json.to_string()).unwrap();
    let plain = bench.succeeds(&line);
    let known = bench.succeeds(&format!("{line} {neutral} --save-calibration mine.json"));
    assert!(known != plain);
    assert_eq!(
        bench.succeeds(&format!("{line} --calibration mine.json")),
        known
    );
    bench.succeeds(&format!("{line} --listen"));
    bench.fails(
        &format!("{line} --together"),
        &["--together needs at least 16 files with speech, found 1"],
    );
    let all: Vec<String> = (1..=8)
        .flat_map(|emotion| (1..=4).map(move |actor| (emotion, actor)))
        .map(|(emotion, actor)| read(emotion, actor))
        .collect();
    let all = format!("predict --model model/model.onnx --json {}", all.join(" "));
    let alone = bench.succeeds(&all);
    let together = bench.succeeds(&format!("{all} --together"));
    assert_eq!(together.lines().count(), 32);
    assert!(together != alone);
    bench.succeeds(&format!(
        "{line} {neutral} --reference angry={}",
        read(5, 2)
    ));
    bench.fails(
        &format!("{line} --reference bored={}", read(1, 2)),
        &["there is no label \"bored\"; use neutral, calm"],
    );
    bench.fails(
        &format!("{line} --reference {}", read(1, 2)),
        &["the reference holds 0.", "at least 3 s are needed"],
    );
    let mine = fs::read_to_string(bench.path("mine.json")).unwrap();
    let other = mine.replacen("\"model\": \"", "\"model\": \"0", 1);
    fs::write(bench.path("other.json"), other).unwrap();
    bench.fails(
        &format!("{line} --calibration other.json"),
        &[
            "cannot use the calibration other.json",
            "made with another model",
        ],
    );
    write_wav(&bench.path("nothing.wav"), &[0.0; 40_000], 40_000);
    bench.fails(
        &format!("{line} --reference nothing.wav"),
        &["the reference nothing.wav holds no speech"],
    );

    write_wav(&bench.path("silence.wav"), &[0.0; 40_000], 40_000);
    let told = bench.succeeds("predict --model model/model.onnx silence.wav");
    assert_eq!(told, "silence.wav  no speech (2.5 s)\n");
    let three_hours = 3 * 3600 * RATE_HZ as usize;
    write_wav(&bench.path("long.wav"), &[0.0; 100], three_hours);
    let told = bench.succeeds("predict --model model/model.onnx long.wav");
    assert_eq!(told, "long.wav  no speech (0.0 s; the file ends early)\n");
    // Its bytes take no room on the disk.
    let long = fs::File::options().write(true).open(bench.path("long.wav"));
    long.unwrap().set_len(44 + 4 * three_hours as u64).unwrap();
    bench.fails(
        "predict --model model/model.onnx long.wav",
        &[
            "error: long.wav is longer than 2 hours",
            "split it into shorter files",
        ],
    );

    // A name as another system or keyboard spells it.
    fs::create_dir(bench.path("Größen")).unwrap();
    write_wav(&bench.path("Größen/Stille.wav"), &[0.0; 40_000], 40_000);
    for spelt in ["Größen\\Stille.wav", "gro\u{308}ßen/STILLE.WAV"] {
        let told = bench.succeeds(&format!("predict --model model/model.onnx {spelt}"));
        assert_eq!(told, "Größen/Stille.wav  no speech (2.5 s)\n");
    }
    bench.fails(
        "predict --model model/model.onnx Größen/stille.mp3",
        &["error: cannot read Größen/stille.mp3: there is no such file; did you mean Größen/Stille.wav?"],
    );

    let json = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, json.replace("\"calm\"", "\"happy\"")).unwrap();
    bench.fails(
        &format!("predict --model model/model.onnx {clip}"),
        &[
            "error: cannot use the model model/model.onnx: model.json cannot be read",
            "labels hold \"happy\" twice",
        ],
    );
    bench.fails(
        &format!("predict {clip}"),
        &["error: cannot read assets/model.onnx; name another model with --model"],
    );
}

/// What `predict` writes with the model in `model`, a recording that is none in `notes.wav`.
fn exports_are_complete_or_not_there(bench: &Bench) {
    let predict = "predict --model model/model.onnx";
    let clips =
        [1, 2].map(|actor| format!("clips/Actor_{actor:02}/03-01-05-01-01-01-{actor:02}.wav"));
    let [first, second] = &clips;
    let files = || -> Vec<String> {
        let entries = fs::read_dir(bench.path("out")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    fs::create_dir(bench.path("out")).unwrap();

    let output = bench.run(&format!("{predict} {first} --format praat --out out/a"));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    let list = "csv, json, webvtt, textgrid, elan, audacity, emotionml, audformat, text";
    assert!(told.contains("'praat'") && told.contains(list), "{told}");
    for (options, sentence) in [
        (
            "--format csv --out nowhere/a.csv",
            "cannot write nowhere/a.csv",
        ),
        ("--format csv --out nowhere/", "there is no folder nowhere/"),
        (
            "notes.wav --format textgrid --out out/a.TextGrid",
            "holds one recording, not 2; name a folder with --out",
        ),
        (
            &format!("./{first} --format elan --out out"),
            "elan of two recordings would be out/03-01-05-01-01-01-01.eaf",
        ),
        (
            &format!("--format csv --out ./{first}"),
            "would take the place of a recording",
        ),
        (
            "--transcript notes.wav",
            "cannot use the transcript notes.wav: it holds no sentence",
        ),
        (
            &format!("{second} --transcript talk.vtt"),
            "--transcript belongs to one recording, not to 2",
        ),
    ] {
        bench.fails(&format!("{predict} {first} {options}"), &[sentence]);
    }
    bench.fails(
        &format!("{predict} notes.wav --format csv --out out/a.csv"),
        &["1 of 1 files"],
    );
    assert_eq!(files(), [""; 0]);

    // One that cannot be analysed does not stop the others.
    bench.fails(
        &format!("{predict} {first} notes.wav {second} --format json --out out/a.json"),
        &[
            "wrote out/a.json",
            "error: 1 of 3 files could not be analysed",
        ],
    );
    let json = fs::read_to_string(bench.path("out/a.json")).unwrap();
    let record = export::json::read(&json).unwrap();
    let names: Vec<&String> = record.sources.iter().map(|source| &source.name).collect();
    assert_eq!(names, [first, second]);
    let model = fs::read(bench.path("model/model.onnx")).unwrap();
    assert_eq!(record.model.sha256, OnnxFile::of(&model).sha256);
    assert_eq!(record.labels, Emotion::labels());
    let heard = &record.sources[0].utterances;
    assert_eq!(heard.len(), 1, "{json}");
    for source in &record.sources {
        assert_eq!(source.duration_ms, 1_800);
        let is_inside = |utterance: &Utterance| utterance.end_ms <= source.duration_ms;
        assert!(source.utterances.iter().all(is_inside), "{json}");
    }

    bench.succeeds(&format!(
        "{predict} {first} {second} --format textgrid --out out"
    ));
    bench.succeeds(&format!("{predict} {first} --format json --out out/a.json"));
    let [one, two] = [1, 2].map(|actor| format!("03-01-05-01-01-01-{actor:02}.TextGrid"));
    assert_eq!(files(), [one.as_str(), &two, "a.json"]);
    let mut alone = record.clone();
    alone.sources.truncate(1);
    let written = |name: &str| fs::read_to_string(bench.path(&format!("out/{name}"))).unwrap();
    assert_eq!(written("a.json"), export::json::write(&alone));
    assert_eq!(written(&one), Format::TextGrid.write(&alone).unwrap());

    let srt = "1\n00:00:00,300 --> 00:00:01,500\nAaah!\n\n2\n00:00:05,000 --> 00:00:06,000\nBye.\n";
    fs::write(bench.path("talk.srt"), srt).unwrap();
    let sentences = read_transcript(srt).unwrap();
    let annotated = annotate(&sentences, heard, &AnnotateOptions::default());
    let line = format!("{predict} {first} --transcript talk.srt");
    assert_eq!(bench.succeeds(&line), format!("{annotated}\n"));
    let told: Value = serde_json::from_str(&bench.succeeds(&format!("{line} --json"))).unwrap();
    assert_eq!(told, serde_json::to_value(&annotated).unwrap());
}

#[test]
fn ctrl_c_ends_a_training_which_the_same_command_completes_to_the_same_networks() {
    let bench = Bench::new();
    write_corpus(&bench.path("clips"));
    for data in ["data", "other"] {
        bench.succeeds(&format!("--data {data} extract --ravdess clips"));
    }
    let line = "train --epochs 4";
    bench.succeeds(&format!("--data other {line}"));

    let training = bench
        .command(line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = bench.path("data/runs/all-seed1/member1/epochs.jsonl");
    while !log.exists() {
        thread::sleep(Duration::from_millis(5));
    }
    bench.fails(
        line,
        &["a training is already running in data/runs/all-seed1/member1; wait until it has ended"],
    );
    let interrupt = Command::new("kill")
        .args(["-INT", &training.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = training.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{told}");
    assert!(
        told.contains("run the same command again to continue"),
        "{told}"
    );
    let member = |data: &str, member: usize| {
        bench.path(&format!(
            "{data}/runs/all-seed1/member{member}/network.safetensors"
        ))
    };
    assert!(!member("data", 1).exists());

    bench.succeeds(line);
    for number in 1..=MEMBERS {
        let [ours, other] = ["data", "other"].map(|data| fs::read(member(data, number)).unwrap());
        assert!(ours == other, "network {number} differs");
    }
    assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 4);
}

/// Clips of three speakers with two labels in class order "très content", "bored", and a CSV that
/// lists them.
fn write_own_clips(folder: &Path) -> String {
    let mut csv = String::from("label,path,speaker,room\n");
    for (actor, speaker) in [(1, "anna"), (2, "ben"), (3, "carl, jr.")] {
        for (label, emotion) in [("très content", Emotion::Happy), ("bored", Emotion::Sad)] {
            for statement in 1..=3 {
                let name = format!("{speaker} {}{statement}.wav", emotion.label());
                let samples = voice(emotion, actor, statement);
                write_wav(&folder.join("wav").join(&name), &samples, samples.len());
                csv += &format!("{label},\"wav/{name}\",\"{speaker}\",kitchen\n");
            }
        }
    }
    fs::write(folder.join("clips.csv"), &csv).unwrap();
    csv
}

#[test]
fn a_model_of_other_labels_comes_out_of_a_list_of_clips() {
    let bench = Bench::new();
    let csv = write_own_clips(bench.0.path());
    let output = bench.run("--data own extract --manifest clips.csv");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("features of 18 clips by 3 speakers in own/"),
        "{told}"
    );
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains("note: columns that are not used: room"),
        "{notes}"
    );

    let told = bench.succeeds("--data own evaluate --as-recorded --epochs 1");
    assert!(
        told.contains("split3 in 3 folds, seed 1: 18 clips by 3 speakers"),
        "{told}"
    );
    assert!(
        told.contains("while listening") && !told.contains("neutral"),
        "{told}"
    );
    assert!(
        !told.contains("women") && told.contains("carl, jr."),
        "{told}"
    );
    let page = fs::read_to_string(bench.path("own/runs/split3-seed1/report.html")).unwrap();
    assert!(page.contains("clips: 18 clips by 3 speakers") && page.contains("Guessing gives 50 %"));
    assert!(page.contains("très content") && !page.contains("North American"));

    bench.succeeds("--data own train --epochs 1");
    bench.succeeds("--data own export --out model");
    let manifest = fs::read_to_string(bench.path("model/model.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(
        manifest["labels"],
        serde_json::json!(["très content", "bored"])
    );
    assert_eq!(manifest["training"]["data_set"], "clips");
    assert_eq!(manifest["training"]["actors"], 3);
    assert_eq!(manifest["licence"], "NOASSERTION");
    assert_eq!(manifest["speaker"]["means"].as_array().unwrap().len(), 2);

    let clip = "wav/ben happy1.wav";
    fs::copy(bench.path(clip), bench.path("ben.wav")).unwrap();
    let line = "predict --model model/model.onnx --json ben.wav";
    let told = bench.succeeds(line);
    let order = [told.find("très content"), told.rfind("bored")];
    assert!(order[0].is_some() && order[0] < order[1], "{told}");
    bench.fails(
        &format!("{line} --reference ben.wav"),
        &[
            "the model knows no neutral speech",
            "LABEL=ben.wav with one of très content, bored",
        ],
    );
    bench.succeeds(&format!(
        "{line} --reference bored=ben.wav --reference bored=ben.wav --reference bored=ben.wav"
    ));

    bench.fails(
        "--data own card",
        &["the card can only describe a model of RAVDESS"],
    );
    bench.fails(
        "--data own evaluate --quick --folds 4 --epochs 1",
        &["4 folds need as many speakers, and there are 3"],
    );
    bench.fails(
        "--data own evaluate --quick --epochs 2",
        &["cannot train fold", "epochs = 1"],
    );
    // Other recordings, and the same ones with other labels.
    fs::write(bench.path("other.csv"), &csv).unwrap();
    bench.fails(
        "--data own extract --manifest other.csv",
        &["own holds the features of clips; name another folder for other with --data"],
    );
    fs::write(bench.path("clips.csv"), csv.replace("bored", "tired")).unwrap();
    bench.succeeds("--data own extract --manifest clips.csv");
    bench.fails(
        "--data own train --epochs 1",
        &["belongs to a training with"],
    );
    bench.fails(
        "--data own export --out model",
        &["the evaluation is for the labels très content, bored, the networks for très content, tired"],
    );
}

#[test]
fn a_list_of_clips_that_cannot_be_used_is_refused_before_anything_is_extracted() {
    let bench = Bench::new();
    let csv = write_own_clips(bench.0.path());
    let line = "extract --manifest clips.csv";
    fs::write(
        bench.path("clips.csv"),
        format!("{csv}bored,wav/nobody.wav,anna,\n"),
    )
    .unwrap();
    bench.fails(
        line,
        &[
            "clips.csv cannot be used and nothing was saved",
            "line 20: there is no file wav/nobody.wav",
        ],
    );
    fs::write(bench.path("clips.csv"), &csv).unwrap();
    bench.fails(
        &format!("{line} --labels bored,happy"),
        &["line 2: \"très content\" is not one of the labels given: bored, happy"],
    );
    assert!(!bench.path("data").exists());

    // The same sound with another label is a mistake; the same line again is merely left out.
    fs::copy(bench.path("wav/anna sad1.wav"), bench.path("copy.wav")).unwrap();
    let again = csv.lines().nth(1).unwrap();
    fs::write(
        bench.path("clips.csv"),
        format!("{csv}{again}\ntrès content,copy.wav,anna,\n"),
    )
    .unwrap();
    let told = bench.fails(line, &["1 clips cannot be used"]);
    assert!(
        told.contains("copy.wav is très content by anna, but holds the same audio as wav/anna sad1.wav, which is bored"),
        "{told}"
    );
    assert!(
        told.contains("wav/anna happy1.wav, as wav/anna happy1.wav"),
        "{told}"
    );

    // A label with a single speaker can be trained on, but not tested on a stranger.
    let alone = csv.replace("bored,\"wav/anna", "calm,\"wav/anna");
    fs::write(bench.path("clips.csv"), alone).unwrap();
    let output = bench.run(line);
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains("\"calm\" is expressed by one speaker only (anna)"),
        "{notes}"
    );
    bench.fails(
        "evaluate --quick --epochs 1",
        &[
            "\"calm\" is expressed by one speaker only (anna)",
            "record it by a second speaker",
        ],
    );
    bench.succeeds("train --epochs 1");
}

/// A notebook and what is in the outputs of its code cells: texts and pictures, cell by cell.
struct Notebook(Value);

impl Notebook {
    fn read(path: &Path) -> Self {
        Self(serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    }

    fn code(&self) -> impl Iterator<Item = &Value> {
        let cells = self.0["cells"].as_array().unwrap().iter();
        cells.filter(|cell| cell["cell_type"] == "code")
    }

    fn outputs(&self) -> impl Iterator<Item = &Value> {
        self.code()
            .flat_map(|cell| cell["outputs"].as_array().unwrap())
    }

    /// All that was printed.
    fn printed(&self) -> String {
        let texts = self.outputs().map(|output| &output["text"]);
        let lines = texts.flat_map(|text| match text {
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
            text => text.as_str().into_iter().collect::<Vec<_>>(),
        });
        lines.collect()
    }

    fn pictures(&self) -> usize {
        let pictures = self
            .outputs()
            .filter(|output| output["data"]["image/png"].is_string());
        pictures.count()
    }

    fn assert_whole(&self) {
        for (index, cell) in self.code().enumerate() {
            assert_eq!(cell["execution_count"], index + 1, "{cell}");
        }
        for output in self.outputs() {
            assert_ne!(output["output_type"], "error", "{output}");
        }
        // Two of the stages, the curves, confusion, reliability, protocols and the recording.
        assert_eq!(self.pictures(), 7);
    }
}

fn notebook() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("speech_emotion.ipynb")
}

#[test]
fn the_notebook_runs_from_top_to_bottom() {
    let jupyter =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/notebook/bin/jupyter-execute");
    if !jupyter.is_file() {
        eprintln!("skipped: needs Jupyter (scripts/setup installs it)");
        return;
    }
    let bench = Bench::new();
    write_corpus(&bench.path("clips"));
    let mine = write_voice(&bench.path("mine"), Emotion::Happy, 5, 1);
    let executed = bench.path("executed.ipynb");
    let output = Command::new(jupyter)
        .arg(format!("--output={}", executed.display()))
        .arg(notebook())
        .env("SPEECH_EMOTION_TRAINER", env!("CARGO_BIN_EXE_training"))
        .env("SPEECH_EMOTION_WORK", bench.0.path())
        .env("SPEECH_EMOTION_RAVDESS", bench.path("clips"))
        .env("SPEECH_EMOTION_EPOCHS", "1")
        .env("SPEECH_EMOTION_RECORDING", bench.path("mine").join(mine))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let executed = Notebook::read(&executed);
    executed.assert_whole();
    let printed = executed.printed();
    for told in [
        "64 clips by 4 actors",
        "features of 64 clips by 4 speakers",
        "2 networks in data/runs/all-seed1",
        "loso in 4 folds, seed 1: 64 clips by 4 speakers",
        "guessing 12.5 %",
        "random split, every clip twice",
        "neutral, calm, happy, sad, angry, fearful, disgust, surprised",
        " s of speech",
    ] {
        assert!(printed.contains(told), "{told:?} is not in: {printed}");
    }
    assert!(!printed.contains("no recording of yours"), "{printed}");
    assert!(bench.path("data/model/model.onnx").exists());
}

#[test]
fn the_notebook_is_kept_with_the_outputs_of_one_whole_run_or_with_none() {
    let text = fs::read_to_string(notebook()).unwrap();
    for folder in ["home", "root", "tmp", "Users", "work"] {
        assert!(!text.contains(&format!("/{folder}/")), "{folder}");
    }
    assert!(!text.contains("C:\\\\"));
    let kept = Notebook::read(&notebook());
    if kept.outputs().next().is_none() {
        return;
    }
    kept.assert_whole();
    for output in kept.outputs() {
        assert_ne!(output["name"], "stderr", "{output}");
    }
    let printed = kept.printed();
    assert!(printed.contains("1440 clips by 24 actors"), "{printed}");
    assert!(printed.contains("luna5 in 5 folds"), "{printed}");
}
