//! Audio files, pipes and standard input as recordings, with the digest that tells copies apart.

use std::{
    fs::{self, File},
    io::{self, Cursor, Read, Seek},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use sha2::{Digest, Sha256};
use speech_emotion::recording::{
    self, Ending, HEAD_BYTES, MediaSource, ReadOnlySource, RecordingError,
};
use tempfile::NamedTempFile;

/// Most of a pipe that is kept on disk to be read again.
const KEPT_BYTES: u64 = 4 << 30;

/// Stands for standard input on the command line.
const STANDARD_INPUT: &str = "-";

/// An audio file opened for decoding.
pub struct Recording {
    name: String,
    inner: recording::Recording,
}

/// A file, or what a pipe held, which can be opened as often as needed.
pub struct Input {
    path: PathBuf,
    /// Of a pipe.
    kept: Option<(String, NamedTempFile)>,
}

impl Input {
    /// Of a file, a pipe, or standard input for `-`. A pipe is read to its end.
    ///
    /// # Errors
    /// When a pipe cannot be read or kept on disk.
    pub fn new(path: &Path) -> Result<Self> {
        let is_standard_input = path.as_os_str() == STANDARD_INPUT;
        let is_pipe = !is_standard_input
            && fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        let path = path.to_owned();
        if !is_standard_input && !is_pipe {
            return Ok(Self { path, kept: None });
        }
        let name = named(&path);
        let read = || format!("cannot read {name}");
        let mut kept = NamedTempFile::new().with_context(read)?;
        let source: Box<dyn Read> = if is_standard_input {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(&path).with_context(read)?)
        };
        io::copy(&mut source.take(KEPT_BYTES), &mut kept).with_context(read)?;
        Ok(Self {
            path,
            kept: Some((name, kept)),
        })
    }

    /// Opens it for decoding.
    ///
    /// # Errors
    /// As [`Recording::open`].
    pub fn open(&self) -> Result<Recording> {
        match &self.kept {
            None => Recording::open(&self.path),
            Some((name, kept)) => {
                let file = kept
                    .reopen()
                    .with_context(|| format!("cannot read {name}"))?;
                Recording::new(name.clone(), Box::new(file))
            }
        }
    }
}

/// What was found while decoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decoded {
    /// Length in seconds.
    pub duration_s: f64,
    /// Samples that are NaN or infinite.
    pub nonfinite_samples: u64,
    /// SHA-256 of all samples, moment by moment across channels.
    pub sha256: [u8; 32],
    /// Whether all of it was there.
    pub ending: Ending,
}

impl Recording {
    /// Opens a file or pipe, or standard input for `-`, and decodes its beginning.
    ///
    /// # Errors
    /// When it cannot be read, is empty, is no audio that can be decoded, or is certainly longer than
    /// [`recording::MAX_DURATION`].
    pub fn open(path: &Path) -> Result<Self> {
        let name = named(path);
        let read = || format!("cannot read {name}");
        let source: Box<dyn MediaSource> = if path.as_os_str() == STANDARD_INPUT {
            pipe(io::stdin()).with_context(read)?
        } else {
            let file = File::open(path).with_context(read)?;
            let metadata = file.metadata().with_context(read)?;
            ensure!(
                !metadata.is_dir(),
                "{name} is not a file; name the audio files inside it"
            );
            if metadata.is_file() {
                Box::new(file)
            } else {
                pipe(file).with_context(read)?
            }
        };
        Self::new(name, source)
    }

    fn new(name: String, source: Box<dyn MediaSource>) -> Result<Self> {
        match recording::Recording::open(source) {
            Ok(inner) => Ok(Self { name, inner }),
            Err(error) => Err(refused(&name, error)),
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.inner.channels()
    }

    /// Sample rate of the blocks [`decode`](Self::decode) gives.
    pub fn sample_rate_hz(&self) -> u32 {
        self.inner.sample_rate_hz()
    }

    /// Decodes the recording; `take_block` gets one slice per channel, of equal lengths, at full scale
    /// -1..=1.
    ///
    /// # Errors
    /// When it cannot be decoded ([`RecordingError`]), and any error of `take_block`.
    pub fn decode(
        mut self,
        mut take_block: impl FnMut(&[&[f32]]) -> Result<()>,
    ) -> Result<Decoded> {
        let mut nonfinite_samples = 0;
        let mut sha256 = Sha256::new();
        let mut bytes = Vec::new();
        loop {
            let planes = match self.inner.next_block() {
                Ok(Some(planes)) => planes,
                Ok(None) => break,
                Err(error) => return Err(refused(&self.name, error)),
            };
            let channels: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            nonfinite_samples += channels
                .iter()
                .flat_map(|channel| channel.iter())
                .filter(|sample| !sample.is_finite())
                .count() as u64;
            // Moment by moment, so that the block size of a format does not matter.
            bytes.clear();
            for n in 0..channels.first().map_or(0, |channel| channel.len()) {
                let moment = channels.iter().map(|channel| channel[n]);
                bytes.extend(moment.flat_map(f32::to_le_bytes));
            }
            sha256.update(&bytes);
            take_block(&channels)?;
        }
        Ok(Decoded {
            duration_s: self.inner.duration_s(),
            nonfinite_samples,
            sha256: sha256.finalize().into(),
            ending: self.inner.ending().unwrap_or_default(),
        })
    }
}

impl Decoded {
    /// Refuses a recording of which a part is missing, which nothing should be learned from.
    ///
    /// # Errors
    /// In that case.
    pub fn ensure_whole(&self, path: &Path) -> Result<()> {
        let Ending {
            early,
            damaged_parts,
        } = self.ending;
        let (name, duration_s) = (path.display(), self.duration_s);
        ensure!(
            !early,
            "{name} is damaged after {duration_s:.2} s: the file ends early; use a whole copy of it"
        );
        ensure!(
            damaged_parts == 0,
            "{name} is damaged: {damaged_parts} parts of it cannot be decoded; use a whole copy of it"
        );
        Ok(())
    }
}

/// A source that can be read once.
fn pipe(mut source: impl Read + Send + Sync + 'static) -> io::Result<Box<dyn MediaSource>> {
    let mut head = Vec::new();
    source.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    let has_index = recording::may_have_index_at_end(&head);
    let whole = Cursor::new(head).chain(source);
    if !has_index {
        return Ok(Box::new(ReadOnlySource::new(whole)));
    }
    let mut kept = tempfile::tempfile()?;
    io::copy(&mut whole.take(KEPT_BYTES), &mut kept)?;
    kept.rewind()?;
    Ok(Box::new(kept))
}

/// What a recording is called in sentences.
fn named(path: &Path) -> String {
    if path.as_os_str() == STANDARD_INPUT {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

fn refused(name: &str, error: RecordingError) -> anyhow::Error {
    match error {
        RecordingError::Read(error) => anyhow!(error).context(format!("cannot read {name}")),
        error => anyhow!("{name} {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{f32::consts::TAU, fs, path::PathBuf};

    use super::*;

    /// A 16-bit or 32-bit float WAV file; `announced` overrides the length in its header.
    fn wav(channels: &[Vec<f32>], rate_hz: u32, float: bool, announced: Option<u32>) -> Vec<u8> {
        let bytes_per_sample = if float { 4 } else { 2 };
        let block = channels.len() as u32 * bytes_per_sample;
        let length = announced.unwrap_or(channels[0].len() as u32 * block);
        let mut bytes = Vec::new();
        bytes.extend(b"RIFF");
        bytes.extend(length.saturating_add(36).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend((if float { 3_u16 } else { 1 }).to_le_bytes());
        bytes.extend((channels.len() as u16).to_le_bytes());
        bytes.extend(rate_hz.to_le_bytes());
        bytes.extend((rate_hz * block).to_le_bytes());
        bytes.extend((block as u16).to_le_bytes());
        bytes.extend((bytes_per_sample as u16 * 8).to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(length.to_le_bytes());
        for frame in 0..channels[0].len() {
            for channel in channels {
                if float {
                    bytes.extend(channel[frame].to_le_bytes());
                } else {
                    bytes.extend(((channel[frame] * 32768.0) as i16).to_le_bytes());
                }
            }
        }
        bytes
    }

    fn tone(samples: usize) -> Vec<f32> {
        (0..samples)
            .map(|n| 0.125 * (TAU * 440.0 * n as f32 / 16_000.0).sin())
            .collect()
    }

    /// The folder lives as long as the file is needed.
    struct Stored(#[allow(dead_code)] tempfile::TempDir, PathBuf);

    fn file(name: &str, bytes: &[u8]) -> Stored {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        Stored(folder, path)
    }

    fn decode(path: &Path) -> Result<(Decoded, Vec<Vec<f32>>)> {
        let mut channels: Vec<Vec<f32>> = Vec::new();
        let decoded = Recording::open(path)?.decode(|block| {
            channels.resize(block.len(), Vec::new());
            for (channel, block) in channels.iter_mut().zip(block) {
                channel.extend_from_slice(block);
            }
            Ok(())
        })?;
        Ok((decoded, channels))
    }

    fn error(bytes: &[u8]) -> String {
        let file = file("voice.wav", bytes);
        format!("{:#}", decode(&file.1).err().unwrap())
    }

    #[test]
    fn stereo_wav_comes_back_sample_by_sample() {
        let channels = [vec![0.5, -0.25, 0.0], vec![-1.0, 0.125, 0.75]];
        for float in [false, true] {
            let file = file("voice.wav", &wav(&channels, 22_050, float, None));
            assert_eq!(Recording::open(&file.1).unwrap().sample_rate_hz(), 22_050);
            let (decoded, found) = decode(&file.1).unwrap();
            assert_eq!(found, channels);
            assert_eq!(decoded.duration_s, 3.0 / 22_050.0);
        }
    }

    /// tests/audio/tone.*: ffmpeg -f lavfi -i sine=frequency=440:sample_rate=16000:duration=0.5
    fn kept(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/audio")
            .join(name)
    }

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32).sqrt()
    }

    /// tests/audio/tone*: ffmpeg -f lavfi -i sine=frequency=440:sample_rate=16000:duration=0.5, by the codec
    /// and the container of each.
    #[test]
    fn every_format_holds_the_same_tone() {
        let expected = rms(&tone(8000)[2000..6000]);
        for name in [
            "tone.flac",
            "tone.mp3",
            "tone.ogg",
            "tone.m4a",
            "tone-index-first.m4a",
            "tone-fragmented.mp4",
            "tone-lossless.m4a",
            "tone.aac",
            "tone.opus",
            "tone.webm",
            "tone-ms-adpcm.wav",
            "tone-ima-adpcm.wav",
            "tone.aiff",
        ] {
            let path = kept(name);
            let rate_hz = Recording::open(&path).unwrap().sample_rate_hz();
            let (decoded, channels) = decode(&path).unwrap();
            let length_s = decoded.duration_s;
            assert!((length_s - 0.5).abs() < 0.15, "{name}: {decoded:?}");
            assert!(decoded.ending.is_whole(), "{name}: {decoded:?}");
            assert_eq!(channels.len(), 1, "{name}");
            // Lossy encoders change the edges and the phase, not the level in the middle.
            let middle = rate_hz as usize / 8..rate_hz as usize * 3 / 8;
            let found = rms(&channels[0][middle]);
            assert!(
                (found / expected - 1.0).abs() < 0.1,
                "{name}: {found} {expected}"
            );
            let file = Box::new(File::open(&path).unwrap());
            let measured_s = recording::Recording::measure(file).unwrap();
            assert!(
                (measured_s - length_s).abs() < 0.08,
                "{name}: {measured_s} {length_s}"
            );
        }
    }

    /// tests/audio/tone-44100-stereo.*: the same with sample_rate=44100, on two channels.
    #[test]
    fn recordings_joined_in_one_file_are_one_at_the_first_ones_rate_and_channels() {
        for format in ["mp3", "ogg"] {
            let read = |name: &str| fs::read(kept(&format!("{name}.{format}"))).unwrap();
            let (one, other) = (read("tone"), read("tone-44100-stereo"));
            let level = |path: &Path| {
                let (decoded, channels) = decode(path).unwrap();
                let count = channels[0].len();
                (
                    decoded.duration_s,
                    rms(&channels[0][count / 4..count * 3 / 4]),
                )
            };
            let alone: f64 = ["tone", "tone-44100-stereo"]
                .map(|name| level(&kept(&format!("{name}.{format}"))).0)
                .iter()
                .sum();
            for (parts, rate_hz, channels) in [
                ([&one[..], &other, &one].concat(), 16_000, 1),
                ([&other[..], &one, &other].concat(), 44_100, 2),
            ] {
                let stored = file("joined", &parts);
                let recording = Recording::open(&stored.1).unwrap();
                assert_eq!(recording.sample_rate_hz(), rate_hz, "{format}");
                let (decoded, planes) = decode(&stored.1).unwrap();
                assert_eq!(planes.len(), channels, "{format}");
                assert!(decoded.ending.is_whole(), "{format}: {decoded:?}");
                assert!(
                    (decoded.duration_s - 1.5 * alone).abs() < 0.2,
                    "{format} {rate_hz}: {} of {alone}",
                    decoded.duration_s
                );
                let measured = Box::new(File::open(&stored.1).unwrap());
                let measured_s = recording::Recording::measure(measured).unwrap();
                assert!(
                    (measured_s - decoded.duration_s).abs() < 0.25,
                    "{format} {rate_hz}: {measured_s} for {}",
                    decoded.duration_s
                );
                // The middle of each part holds the tone, at its level and pitch.
                let part = planes[0].len() / 3;
                for (n, plane) in planes
                    .iter()
                    .flat_map(|plane| plane.chunks(part))
                    .enumerate()
                {
                    if plane.len() < part {
                        continue;
                    }
                    let middle = &plane[part / 3..part * 2 / 3];
                    let found = rms(middle);
                    assert!(
                        (0.07..0.1).contains(&found),
                        "{format} {rate_hz} {n}: {found}"
                    );
                    let rises = middle
                        .windows(2)
                        .filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0);
                    let hz = rises.count() as f32 / (middle.len() as f32 / rate_hz as f32);
                    assert!((hz - 440.0).abs() < 10.0, "{format} {rate_hz} {n}: {hz} Hz");
                }
            }
        }
    }

    #[test]
    fn a_wav_is_read_to_its_end_whatever_its_sizes_say() {
        let samples = tone(16_000);
        let whole = wav(std::slice::from_ref(&samples), 16_000, false, None);
        let with = |riff: u32, data: u32| {
            let mut bytes = whole.clone();
            bytes[4..8].copy_from_slice(&riff.to_le_bytes());
            bytes[40..44].copy_from_slice(&data.to_le_bytes());
            bytes
        };
        let (riff, data) = (whole.len() as u32 - 8, 32_000);
        for (riff, data) in [
            (riff, data),
            (0, 0),
            (riff, 0),
            (riff - 8, data),
            (u32::MAX, u32::MAX),
            (0x7fff_ffff, 0x7fff_ffdb),
            (0, data),
        ] {
            let bytes = with(riff, data);
            let file = file("voice.wav", &bytes);
            let (decoded, channels) = decode(&file.1).unwrap();
            assert_eq!(channels[0].len(), 16_000, "{riff} {data}");
            assert!(decoded.ending.is_whole(), "{riff} {data}: {decoded:?}");
            // The same through a pipe, which cannot be measured.
            let pipe = pipe(io::Cursor::new(bytes)).unwrap();
            let mut piped = recording::Recording::open(pipe).unwrap();
            let mut count = 0;
            while let Some(planes) = piped.next_block().unwrap() {
                count += planes[0].len();
            }
            assert_eq!(count, 16_000, "{riff} {data}");
            assert!(piped.ending().unwrap().is_whole(), "{riff} {data}");
        }
        // More is claimed than there is.
        let file = file("voice.wav", &with(riff + 32_000, data + 32_000));
        assert!(decode(&file.1).unwrap().0.ending.early);
    }

    /// A WAV of these samples as 64-bit floats.
    fn float64(samples: &[f32]) -> Vec<u8> {
        let mut bytes = wav(&[samples.to_vec()], 16_000, true, None);
        bytes.truncate(44);
        bytes[32] = 8;
        bytes[34] = 64;
        bytes[40..44].copy_from_slice(&(8 * samples.len() as u32).to_le_bytes());
        bytes.extend(samples.iter().flat_map(|&x| f64::from(x).to_le_bytes()));
        bytes
    }

    #[test]
    fn headers_of_other_programs_are_understood() {
        let samples = tone(1_000);
        let file64 = file("voice.wav", &float64(&samples));
        assert_eq!(decode(&file64.1).unwrap().1[0], samples);

        let plain = wav(std::slice::from_ref(&samples), 16_000, true, None);
        // A chunk of odd size whose padding was forgotten, and one that has it.
        for list in [&b"LIST\x05\0\0\0INFOx"[..], b"LIST\x05\0\0\0INFOx\0"] {
            let bytes = [&plain[..36], list, &plain[36..]].concat();
            let file = file("voice.wav", &bytes);
            assert_eq!(decode(&file.1).unwrap().1[0], samples);
        }
        // RF64, whose sizes stand in a chunk of their own.
        let size = 4 * samples.len() as u64;
        let mut bytes = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
        bytes.extend((size + 72).to_le_bytes());
        bytes.extend(size.to_le_bytes());
        bytes.extend([0; 12]);
        bytes.extend(&plain[12..40]);
        bytes.extend([0xff; 4]);
        bytes.extend(&plain[44..]);
        let rf64 = file("voice.wav", &bytes);
        let (decoded, channels) = decode(&rf64.1).unwrap();
        assert_eq!(channels[0], samples);
        assert!(decoded.ending.is_whole());
        // A WAV without sound, and one with a chunk after none.
        let mut nothing = wav(&[vec![]], 16_000, false, None);
        assert!(error(&nothing).contains("has a length of zero"));
        nothing.extend(b"LIST\x04\0\0\0INFO");
        assert!(error(&nothing).contains("has a length of zero"));
    }

    #[test]
    fn a_format_without_a_decoder_is_named_with_a_next_step() {
        let mut gsm = wav(&[tone(100)], 8_000, false, None);
        gsm[20] = 0x31;
        let message = error(&gsm);
        assert!(
            message.contains("voice.wav is in the format WAV with GSM 6.10")
                && message.contains("convert it to WAV or FLAC"),
            "{message}"
        );
        assert!(error(b"#!AMR\n0123456789").contains("is in the format AMR"));
        let mp4 = fs::read(kept("tone.m4a")).unwrap();
        assert!(error(&mp4[..1_500]).contains("breaks off before its index"));
    }

    #[test]
    fn recordings_that_end_early_are_decoded_as_far_as_they_go() {
        for name in [
            "tone.flac",
            "tone.mp3",
            "tone.ogg",
            "tone-index-first.m4a",
            "tone-fragmented.mp4",
            "tone.aac",
            "tone.opus",
            "tone.webm",
            "tone-ms-adpcm.wav",
        ] {
            let bytes = fs::read(kept(name)).unwrap();
            let whole_s = decode(&kept(name)).unwrap().0.duration_s;
            // Not on a boundary of anything. An Ogg as short as this has one page of sound.
            let is_ogg = [".ogg", ".opus"].iter().any(|end| name.ends_with(end));
            let cut = file(name, &bytes[..bytes.len() * 4 / 5 + 1]);
            match decode(&cut.1) {
                Ok((decoded, _)) => {
                    assert!(decoded.ending.early, "{name}: {decoded:?}");
                    assert!(decoded.duration_s < whole_s, "{name}: {decoded:?}");
                    let message = decoded.ensure_whole(&cut.1).unwrap_err().to_string();
                    assert!(message.contains("the file ends early"), "{message}");
                }
                Err(error) => assert!(is_ogg, "{name}: {error:#}"),
            }
        }
    }

    #[test]
    fn several_pages_of_an_ogg_are_decoded_without_the_last() {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/tone.ogg");
        let bytes = fs::read(&cases).unwrap();
        let one_s = decode(&cases).unwrap().0.duration_s;
        // The same stream twice, one after the other, the second whole and cut off in its sound and its header.
        for kept in [bytes.len(), bytes.len() - 9, 100] {
            let two = [&bytes[..], &bytes[..kept]].concat();
            let file = file("two.ogg", &two);
            let (decoded, _) = decode(&file.1).unwrap();
            let is_whole = kept == bytes.len();
            assert!(decoded.duration_s >= one_s, "{decoded:?}");
            assert_eq!(decoded.duration_s > 1.9 * one_s, is_whole, "{decoded:?}");
            assert_eq!(decoded.ending.is_whole(), is_whole, "{kept}: {decoded:?}");
        }
    }

    /// MPEG-2 audio, 24 kHz mono, of `frames` empty frames at a bit rate by its index.
    fn mpeg(index: u8, bytes: usize, frames: usize) -> Vec<u8> {
        let mut frame = vec![0; bytes];
        frame[..4].copy_from_slice(&[0xff, 0xf3, index << 4 | 0x04, 0xc0]);
        frame.repeat(frames)
    }

    #[test]
    fn an_mp3_without_an_index_is_as_long_as_its_frames() {
        // The first frames are so small that the size of the file lets one expect three hours.
        let bytes = [mpeg(1, 24, 50), mpeg(14, 480, 20_000)].concat();
        let expected_s = 20_050.0 * 576.0 / 24_000.0;
        assert!(bytes.len() as f64 / 24.0 * 576.0 / 24_000.0 > 7_200.0);
        let file = file("talk.mp3", &bytes);
        let source = || Box::new(File::open(&file.1).unwrap());
        let measured_s = recording::Recording::measure(source()).unwrap();
        assert!((measured_s - expected_s).abs() < 0.1, "{measured_s}");
        let (decoded, _) = decode(&file.1).unwrap();
        assert!((decoded.duration_s - expected_s).abs() < 0.1, "{decoded:?}");
        assert!(decoded.ending.is_whole());
    }

    #[test]
    fn of_two_recordings_in_one_mp3_both_are_heard() {
        let mp3 = fs::read(kept("tone.mp3")).unwrap();
        let one_s = decode(&kept("tone.mp3")).unwrap().0.duration_s;
        let two = file("two.mp3", &[&mp3[..], &mp3].concat());
        let (decoded, _) = decode(&two.1).unwrap();
        assert!(decoded.duration_s > 1.9 * one_s, "{decoded:?} {one_s}");
        assert!(decoded.ending.is_whole(), "{decoded:?}");
    }

    #[test]
    fn pipes_are_read_whatever_is_in_them() {
        for name in [
            "tone.flac",
            "tone.m4a",
            "tone.opus",
            "tone.mp3",
            "tone.webm",
        ] {
            let source = pipe(File::open(kept(name)).unwrap()).unwrap();
            let mut piped = recording::Recording::open(source).unwrap();
            while piped.next_block().unwrap().is_some() {}
            let whole_s = decode(&kept(name)).unwrap().0.duration_s;
            assert_eq!(piped.duration_s(), whole_s, "{name}");
            assert!(piped.ending().unwrap().is_whole(), "{name}");
        }
    }

    #[test]
    fn samples_that_are_no_numbers_are_counted() {
        let samples = vec![0.0, f32::NAN, 0.5, f32::INFINITY, -0.5];
        let file = file("voice.wav", &wav(&[samples], 16_000, true, None));
        assert_eq!(decode(&file.1).unwrap().0.nonfinite_samples, 2);
    }

    #[test]
    fn what_is_no_audio_is_named() {
        assert!(error(b"").contains("voice.wav is empty: it has 0 bytes"));
        assert!(error(b"Kids are talking by the door").contains("voice.wav is not audio"));
        assert!(error(&vec![7; 100_000]).contains("voice.wav is not audio"));
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", decode(folder.path()).err().unwrap());
        assert!(error.contains("is not a file"), "{error}");
        let error = format!(
            "{:#}",
            decode(&folder.path().join("none.wav")).err().unwrap()
        );
        assert!(error.starts_with("cannot read"), "{error}");
    }

    #[test]
    fn nothing_is_learned_from_audio_that_is_cut_off_or_damaged() {
        let refused = |name: &str, bytes: &[u8]| {
            let file = file(name, bytes);
            let decoded = decode(&file.1).unwrap().0;
            decoded.ensure_whole(&file.1).unwrap_err().to_string()
        };
        let bytes = wav(&[tone(32_000)], 16_000, false, None);
        let message = refused("voice.wav", &bytes[..bytes.len() / 2]);
        assert!(
            message.contains("voice.wav is damaged after 1.00 s: the file ends early"),
            "{message}"
        );
        let mut flac = fs::read(kept("tone.flac")).unwrap();
        let message = refused("voice.flac", &flac[..flac.len() - 500]);
        assert!(message.contains("is damaged after 0."), "{message}");
        let middle = flac.len() * 3 / 4;
        flac[middle..middle + 100].fill(0x55);
        let message = refused("voice.flac", &flac);
        assert!(message.contains("is damaged"), "{message}");
    }

    #[test]
    fn three_hours_are_refused_before_they_are_decoded() {
        let three_hours = 3 * 60 * 60 * 16_000 * 2;
        let header = wav(&[vec![]], 16_000, false, Some(three_hours));
        let stored = file("voice.wav", &header);
        // Its bytes take no room on the disk.
        let file = File::options().write(true).open(&stored.1).unwrap();
        file.set_len(u64::from(three_hours) + 44).unwrap();
        let message = format!("{:#}", decode(&stored.1).err().unwrap());
        assert!(
            message.contains("voice.wav is longer than 2 hours"),
            "{message}"
        );
        assert!(message.contains("split it"), "{message}");
    }
}
