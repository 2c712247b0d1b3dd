//! What may come between a voice and the program: the conditions under which clips are judged.
//!
//! Training mixes features of its own clips and of synthetic colours, see [`Powers`]; none of the
//! noises here is one of these: synthetic voices are eSpeak NG's, hum and street noise are
//! synthesised, and recorded voices, though from the same data set, belong to actors not used in
//! training, if a fold tests more than one. Training's colours include tones and swelling noises,
//! narrow channels and reverberation too, so that only the synthetic voices are of a kind it never
//! meets; but training makes them from features, not from samples. Everything random is derived
//! from the clip's path, so that a clip always meets the same sound.
//!
//! [`Powers`]: crate::learning::background::Powers

use std::{
    borrow::Cow,
    f32::consts::TAU,
    f64::consts::PI,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, Result, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::recording::sound::{
    Biquad, Sound, add_noise, decibels, power, reverberated, scaled, speech_power,
};

/// A way to change a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// As recorded.
    Clean,
    /// Five voices at once, 10 dB below: clips of other actors.
    Babble,
    /// The same with synthetic voices.
    SyntheticBabble,
    /// 50 Hz and its harmonics, 10 dB below.
    Hum,
    /// Rumble and passing cars, 10 dB below.
    Street,
    /// 12 dB louder; samples may exceed full scale but are not clipped.
    Louder,
    /// 12 dB fainter.
    Fainter,
    /// 300 to 3400 Hz.
    Telephone,
    /// A room whose sound decays by 60 dB in 0.5 s.
    Room,
    /// At another sample rate.
    Rate44100,
    /// Encoded as MP3 at 64 kbit/s and decoded.
    Mp3,
}

/// Speech power over noise power, in decibels.
const SNR_DB: f32 = 10.0;
/// Voices in babble.
const VOICES: usize = 5;
/// Synthetic voices: accent and timbre, pitch (0 to 99) and words per minute of eSpeak NG.
const SPEAKERS: [(&str, u32, u32); 10] = [
    ("en-us+m1", 35, 165),
    ("en-us+f2", 60, 180),
    ("en-gb+m3", 45, 150),
    ("en-gb+f4", 70, 170),
    ("en-us+m7", 25, 190),
    ("en-us+f5", 55, 160),
    ("en-gb+m4", 55, 200),
    ("en-gb+f1", 45, 175),
    ("en-us+m2", 40, 185),
    ("en-us+f3", 80, 155),
];
/// The text that synthetic voices speak.
const SPOKEN: &str = "We took the early train because the road along the river was closed. Nobody had told us \
    about the market, so we walked across the square with our bags, bought bread and two lemons, and waited \
    under the clock. At noon the rain stopped. My brother asked whether the boat would leave on time, and \
    the woman at the counter laughed and said that it never had in thirty years.";
/// Reverberation time, seconds.
const RT60_S: f32 = 0.5;
/// Power of the reverberation relative to the direct sound.
const REVERBERATION_DB: f32 = -3.0;

impl Condition {
    /// All but [`Clean`](Self::Clean), in the order of the report.
    pub const CHANGED: [Self; 10] = [
        Self::Babble,
        Self::SyntheticBabble,
        Self::Hum,
        Self::Street,
        Self::Louder,
        Self::Fainter,
        Self::Telephone,
        Self::Room,
        Self::Rate44100,
        Self::Mp3,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Babble => "babble",
            Self::SyntheticBabble => "synthetic-babble",
            Self::Hum => "hum",
            Self::Street => "street",
            Self::Louder => "louder",
            Self::Fainter => "fainter",
            Self::Telephone => "telephone",
            Self::Room => "room",
            Self::Rate44100 => "rate-44100",
            Self::Mp3 => "mp3",
        }
    }

    /// In words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Clean => "as recorded",
            Self::Babble => "babble of five recorded voices, 10 dB SNR",
            Self::SyntheticBabble => "babble of five synthetic voices, 10 dB SNR",
            Self::Hum => "mains hum, 10 dB SNR",
            Self::Street => "street, 10 dB SNR",
            Self::Louder => "12 dB louder",
            Self::Fainter => "12 dB fainter",
            Self::Telephone => "telephone, 300-3400 Hz",
            Self::Room => "room, 0.5 s reverberation",
            Self::Rate44100 => "44.1 kHz",
            Self::Mp3 => "MP3, 64 kbit/s",
        }
    }

    /// The recording under this condition; the same `path` gives the same sound. `voices` are files
    /// for babble.
    ///
    /// # Errors
    /// When a voice cannot be read or the encoder fails.
    pub fn apply(self, sound: &Sound, path: &str, voices: &[&Path]) -> Result<Sound> {
        let digest = Sha256::digest(format!("{} {path}", self.name()));
        let mut rng = ChaCha8Rng::from_seed(digest.into());
        let n = sound.samples.len();
        let rate_hz = sound.rate_hz as f32;
        let with = |samples| Sound {
            samples,
            rate_hz: sound.rate_hz,
        };
        Ok(match self {
            Self::Clean => sound.clone(),
            Self::Babble => {
                let babble = babble(sound.samples.len(), &mut rng, |rng| {
                    ensure!(!voices.is_empty(), "there are no other actors for babble");
                    let path = voices[rng.random_range(0..voices.len())];
                    let voice = Sound::read(path)
                        .with_context(|| format!("cannot hear {}", path.display()))?;
                    Ok(Cow::Owned(voice))
                })?;
                with(add_noise(sound, &babble, SNR_DB))
            }
            Self::SyntheticBabble => {
                let voices = synthetic_voices(sound.rate_hz)?;
                let babble = babble(sound.samples.len(), &mut rng, |rng| {
                    Ok(Cow::Borrowed(&voices[rng.random_range(0..voices.len())]))
                })?;
                with(add_noise(sound, &babble, SNR_DB))
            }
            Self::Hum => with(add_noise(sound, &hum(n, rate_hz, &mut rng), SNR_DB)),
            Self::Street => with(add_noise(sound, &street(n, rate_hz, &mut rng), SNR_DB)),
            Self::Louder => with(scaled(&sound.samples, decibels(12.0))),
            Self::Fainter => with(scaled(&sound.samples, decibels(-12.0))),
            Self::Telephone => {
                let mut samples = sound.samples.clone();
                for _ in 0..2 {
                    samples = Biquad::high_pass(300.0, rate_hz).filter(&samples);
                    samples = Biquad::low_pass(3400.0, rate_hz).filter(&samples);
                }
                with(samples)
            }
            Self::Room => with(reverberated(sound, RT60_S, REVERBERATION_DB, &mut rng)),
            Self::Rate44100 => resampled(sound, 44_100)?,
            Self::Mp3 => mp3(sound)?,
        })
    }

    /// Whether this machine can make it: MP3 needs ffmpeg, synthetic voices espeak-ng.
    pub fn is_available(self) -> bool {
        let runs = |program, version| {
            Command::new(program)
                .arg(version)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        match self {
            Self::Mp3 => runs("ffmpeg", "-version"),
            Self::SyntheticBabble => runs("espeak-ng", "--version"),
            _ => true,
        }
    }
}

/// Voices on top of each other, equally loud, each repeated from a random position.
fn babble<'a>(
    n: usize,
    rng: &mut ChaCha8Rng,
    mut voice: impl FnMut(&mut ChaCha8Rng) -> Result<Cow<'a, Sound>>,
) -> Result<Vec<f32>> {
    let mut noise = vec![0.0; n];
    for _ in 0..VOICES {
        let voice = voice(rng)?;
        let loudness = speech_power(&voice).sqrt().max(1e-10);
        // Roughly without the silence at both ends.
        let third = voice.samples.len() / 3;
        let spoken = &voice.samples[third / 2..voice.samples.len() - third / 2];
        let start = rng.random_range(0..spoken.len().max(1));
        for (noise, sample) in noise.iter_mut().zip(spoken.iter().cycle().skip(start)) {
            *noise += sample / loudness;
        }
    }
    Ok(noise)
}

/// eSpeak NG's [`SPEAKERS`] reading [`SPOKEN`], made once for the first sample rate asked for.
fn synthetic_voices(rate_hz: u32) -> Result<Cow<'static, [Sound]>> {
    static VOICES: OnceLock<Vec<Sound>> = OnceLock::new();
    if let Some(voices) = VOICES.get().filter(|voices| voices[0].rate_hz == rate_hz) {
        return Ok(Cow::Borrowed(voices));
    }
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("voice.wav");
    let speak = |(voice, pitch, words): (&str, u32, u32)| {
        let status = Command::new("espeak-ng")
            .args([
                "-v",
                voice,
                "-p",
                &pitch.to_string(),
                "-s",
                &words.to_string(),
                "-w",
            ])
            .arg(&path)
            .arg(SPOKEN)
            .status()
            .context("cannot run espeak-ng, which speaks for babble")?;
        ensure!(status.success(), "espeak-ng could not speak as {voice}");
        resampled(&Sound::read(&path)?, rate_hz)
    };
    let voices: Vec<Sound> = SPEAKERS.into_iter().map(speak).collect::<Result<_>>()?;
    let kept = VOICES.get_or_init(|| voices.clone());
    Ok(if kept[0].rate_hz == rate_hz {
        Cow::Borrowed(kept)
    } else {
        Cow::Owned(voices)
    })
}

/// 50 Hz and nine harmonics, on the whole each weaker than the one before, in random phase.
fn hum(n: usize, rate_hz: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let partials: Vec<(f32, f32, f32)> = (1..=10)
        .map(|k| {
            let amplitude = rng.random_range(0.5..1.0) / k as f32;
            (50.0 * k as f32, amplitude, rng.random_range(0.0..TAU))
        })
        .collect();
    (0..n)
        .map(|i| {
            let at_s = i as f32 / rate_hz;
            partials
                .iter()
                .map(|(hz, amplitude, phase)| amplitude * (TAU * (hz * at_s).fract() + phase).sin())
                .sum()
        })
        .collect()
}

/// Steady rumble below 200 Hz, and broader noise that swells and fades like passing cars.
fn street(n: usize, rate_hz: f32, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let white =
        |rng: &mut ChaCha8Rng| -> Vec<f32> { (0..n).map(|_| rng.sample(StandardNormal)).collect() };
    let unit = |samples: Vec<f32>| scaled(&samples, 1.0 / power(&samples).sqrt().max(1e-10));
    let mut noise = unit(Biquad::low_pass(200.0, rate_hz).filter(&white(rng)));
    for _ in 0..3 {
        let passing =
            unit(Biquad::low_pass(rng.random_range(600.0..1500.0), rate_hz).filter(&white(rng)));
        let centre = rng.random_range(0.0..1.0) * n as f32;
        let width = rng.random_range(0.3..0.8) * rate_hz;
        for (i, (noise, passing)) in noise.iter_mut().zip(passing).enumerate() {
            *noise += 1.5 * passing * (-0.5 * ((i as f32 - centre) / width).powi(2)).exp();
        }
    }
    noise
}

/// Band-limited interpolation: each new sample is a windowed sinc around its position.
fn resampled(sound: &Sound, rate_hz: u32) -> Result<Sound> {
    ensure!(rate_hz > 0 && sound.rate_hz > 0, "a sample rate is zero");
    const REACH: usize = 24;
    let step = f64::from(sound.rate_hz) / f64::from(rate_hz);
    let cutoff = (1.0 / step).min(1.0);
    let weight = |x: f64| {
        let window = 0.5 + 0.5 * (PI * x / (REACH + 1) as f64).cos();
        let y = PI * cutoff * x;
        let sinc = if y == 0.0 { 1.0 } else { y.sin() / y };
        (cutoff * window * sinc) as f32
    };
    // New samples fall on this many different positions between two old ones.
    let places = rate_hz / greatest_common_divisor(rate_hz, sound.rate_hz);
    let kernels: Vec<[f32; 2 * REACH + 1]> = (0..places)
        .map(|i| {
            let between = (f64::from(i) * step).fract();
            std::array::from_fn(|j| weight(between + REACH as f64 - j as f64))
        })
        .collect();
    let mut padded = vec![0.0; REACH];
    padded.extend(&sound.samples);
    padded.resize(padded.len() + REACH + 1, 0.0);
    let n = (sound.samples.len() as f64 / step).round() as usize;
    let samples = (0..n)
        .map(|i| {
            let centre = (i as u64 * u64::from(sound.rate_hz) / u64::from(rate_hz)) as usize;
            let kernel = &kernels[i % kernels.len()];
            let pairs = kernel.iter().zip(&padded[centre..]);
            pairs.map(|(weight, sample)| weight * sample).sum()
        })
        .collect();
    Ok(Sound { samples, rate_hz })
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// Through ffmpeg's encoder and this program's decoder.
fn mp3(sound: &Sound) -> Result<Sound> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("sound.mp3");
    let mut encoder = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-f", "f32le", "-ar"])
        .arg(sound.rate_hz.to_string())
        .args([
            "-ac",
            "1",
            "-i",
            "-",
            "-codec:a",
            "libmp3lame",
            "-b:a",
            "64k",
        ])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot run ffmpeg, which encodes MP3")?;
    let bytes: Vec<u8> = sound.samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    if let Some(mut stdin) = encoder.stdin.take() {
        stdin
            .write_all(&bytes)
            .context("cannot hand the sound to ffmpeg")?;
    }
    let status = encoder.wait().context("cannot wait for ffmpeg")?;
    ensure!(status.success(), "ffmpeg could not encode MP3");
    Sound::read(&path)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const RATE_HZ: u32 = 48_000;

    fn tone(hz: f32, rate_hz: u32, n: usize) -> Sound {
        let samples = (0..n)
            .map(|i| 0.25 * (TAU * (hz * i as f32 / rate_hz as f32).fract()).sin())
            .collect();
        Sound { samples, rate_hz }
    }

    fn apply(condition: Condition, sound: &Sound) -> Sound {
        let voice = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/tone.flac");
        condition.apply(sound, "clip.wav", &[&voice]).unwrap()
    }

    /// Level of the middle of a sound, in decibels relative to another's.
    fn level_db(sound: &Sound, reference: &Sound) -> f32 {
        let middle = |sound: &Sound| {
            let n = sound.samples.len();
            power(&sound.samples[n / 4..3 * n / 4])
        };
        10.0 * (middle(sound) / middle(reference)).log10()
    }

    #[test]
    fn noise_lies_10_db_below_the_voice_and_is_the_same_every_time() {
        let clean = tone(440.0, RATE_HZ, 48_000);
        let mut heard = Vec::new();
        for condition in [
            Condition::Babble,
            Condition::SyntheticBabble,
            Condition::Hum,
            Condition::Street,
        ] {
            if !condition.is_available() {
                continue;
            }
            let noisy = apply(condition, &clean);
            let noise: Vec<f32> = noisy
                .samples
                .iter()
                .zip(&clean.samples)
                .map(|(noisy, clean)| noisy - clean)
                .collect();
            let snr_db = 10.0 * (power(&clean.samples) / power(&noise)).log10();
            assert!((snr_db - SNR_DB).abs() < 0.1, "{condition:?}: {snr_db}");
            assert_eq!(apply(condition, &clean), noisy);
            assert!(!heard.contains(&noise));
            heard.push(noise);
        }
    }

    #[test]
    fn silence_around_a_voice_does_not_make_its_noise_fainter() {
        let mut sound = tone(440.0, RATE_HZ, 24_000);
        let spoken = speech_power(&sound);
        sound.samples.resize(96_000, 0.0);
        assert!((speech_power(&sound) / spoken - 1.0).abs() < 0.01);
    }

    #[test]
    fn gain_is_12_db_and_nothing_is_clipped() {
        let clean = tone(440.0, RATE_HZ, 9_600);
        let louder = apply(Condition::Louder, &clean);
        assert!((level_db(&louder, &clean) - 12.0).abs() < 1e-3);
        assert!(louder.samples.iter().any(|sample| sample.abs() > 0.99));
        let fainter = apply(Condition::Fainter, &clean);
        assert!((level_db(&fainter, &clean) + 12.0).abs() < 1e-3);
    }

    #[test]
    fn a_telephone_passes_the_middle_of_speech_alone() {
        for (hz, passes) in [(60.0, false), (1_000.0, true), (8_000.0, false)] {
            let clean = tone(hz, RATE_HZ, 48_000);
            let level_db = level_db(&apply(Condition::Telephone, &clean), &clean);
            assert_eq!(level_db > -1.0, passes, "{hz} Hz: {level_db}");
            assert_eq!(level_db < -20.0, !passes, "{hz} Hz: {level_db}");
        }
    }

    #[test]
    fn a_room_rings_after_a_click_and_decays_by_60_db_in_its_time() {
        let mut click = Sound {
            samples: vec![0.0; 48_000],
            rate_hz: RATE_HZ,
        };
        click.samples[0] = 1.0;
        let room = apply(Condition::Room, &click).samples;
        assert_eq!(room.len(), click.samples.len());
        let at =
            |from: f32, to: f32| power(&room[(from * 48_000.0) as usize..(to * 48_000.0) as usize]);
        // 0.3 s apart, 36 dB.
        let decay_db = 10.0 * (at(0.05, 0.15) / at(0.35, 0.45)).log10();
        assert!((decay_db - 36.0).abs() < 4.0, "{decay_db}");
        assert_eq!(at(0.55, 0.9), 0.0);
    }

    #[test]
    fn another_sample_rate_holds_the_same_tone() {
        let found = apply(Condition::Rate44100, &tone(1_000.0, RATE_HZ, 48_000));
        let expected = tone(1_000.0, 44_100, 44_100);
        assert_eq!((found.rate_hz, found.samples.len()), (44_100, 44_100));
        let pairs = found.samples.iter().zip(&expected.samples);
        let off = pairs.map(|(a, b)| (a - b).abs()).skip(100).take(43_900);
        assert!(off.fold(0.0, f32::max) < 0.005);
    }

    #[test]
    fn mp3_keeps_the_tone_and_changes_its_samples() {
        if !Condition::Mp3.is_available() {
            return;
        }
        let clean = tone(1_000.0, RATE_HZ, 48_000);
        let coded = apply(Condition::Mp3, &clean);
        assert_eq!(coded.rate_hz, RATE_HZ);
        assert!(level_db(&coded, &clean).abs() < 0.5);
        assert!(coded.samples != clean.samples);
    }

    #[test]
    fn every_condition_has_a_name_and_clean_changes_nothing() {
        let clean = tone(440.0, RATE_HZ, 4_800);
        assert_eq!(apply(Condition::Clean, &clean), clean);
        let missing = PathBuf::from("none.wav");
        let error = Condition::Babble
            .apply(&clean, "clip.wav", &[&missing])
            .unwrap_err();
        assert!(format!("{error:#}").contains("cannot hear none.wav"));
        for condition in Condition::CHANGED {
            assert!(
                apply_or_skip(condition, &clean) != clean.samples,
                "{condition:?}"
            );
        }
    }

    fn apply_or_skip(condition: Condition, sound: &Sound) -> Vec<f32> {
        if condition.is_available() {
            apply(condition, sound).samples
        } else {
            Vec::new()
        }
    }
}
