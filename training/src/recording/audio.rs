//! Decodes WAV, FLAC, MP3 and Ogg Vorbis files block by block, so that hours of audio need little
//! memory.

use std::{fs::File, io, path::Path, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use sha2::{Digest, Sha256};
use symphonia::core::{
    codecs::audio::{AudioDecoder, AudioDecoderOptions, well_known::CODEC_ID_FLAC},
    errors::Error as DecoderError,
    formats::{FormatOptions, FormatReader, TrackType, probe::Hint},
    io::MediaSourceStream,
    meta::MetadataOptions,
};

/// The longest recording accepted.
pub const MAX_DURATION: Duration = Duration::from_secs(2 * 60 * 60);

/// An audio file opened for decoding.
pub struct Recording {
    name: String,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    sample_rate_hz: u32,
    announced_frames: Option<u64>,
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
}

impl Recording {
    /// Opens a file and reads its header. The format is told from the content, not from the name.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, is no audio of a supported format, or announces
    /// more than [`MAX_DURATION`].
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let read = || format!("cannot read {name}");
        let file = File::open(path).with_context(read)?;
        let metadata = file.metadata().with_context(read)?;
        ensure!(
            metadata.is_file(),
            "{name} is not a file; name the audio files inside it"
        );
        ensure!(metadata.len() > 0, "{name} is empty: it has 0 bytes");

        let not_audio = || {
            format!("{name} is not audio this program can read; use WAV, FLAC, MP3 or Ogg Vorbis")
        };
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let format = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .with_context(not_audio)?;
        let track = format
            .default_track(TrackType::Audio)
            .with_context(not_audio)?;
        let (track_id, announced_frames) = (track.id, track.num_frames);
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .with_context(not_audio)?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .with_context(not_audio)?;
        let sample_rate_hz = parameters
            .sample_rate
            .filter(|&rate| rate > 0)
            .with_context(|| format!("{name} does not say its sample rate"))?;
        let recording = Self {
            name,
            format,
            decoder,
            track_id,
            sample_rate_hz,
            announced_frames,
        };
        if let Some(frames) = announced_frames {
            ensure!(frames > 0, "{} has a length of zero", recording.name);
            recording.check_duration(frames)?;
        }
        Ok(recording)
    }

    /// Sample rate of the blocks [`decode`](Self::decode) gives.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Samples per channel, when the file announces them.
    pub fn announced_frames(&self) -> Option<u64> {
        self.announced_frames
    }

    /// Decodes the file; `take_block` gets one slice per channel, of equal lengths, at full scale
    /// -1..=1.
    ///
    /// # Errors
    /// When the audio is damaged or shorter than announced (with the time reached), has a length
    /// of zero, changes its sample rate or is longer than [`MAX_DURATION`]; and any error of
    /// `take_block`.
    pub fn decode(
        mut self,
        mut take_block: impl FnMut(&[&[f32]]) -> Result<()>,
    ) -> Result<Decoded> {
        // The FLAC reader skips what it cannot read; time stamps and length, exact in this format,
        // tell.
        let is_flac = self.decoder.codec_params().codec == CODEC_ID_FLAC;
        let mut planes: Vec<Vec<f32>> = Vec::new();
        let mut frames = 0;
        let mut next_timestamp = None;
        let mut nonfinite_samples = 0;
        let mut sha256 = Sha256::new();
        let mut bytes = Vec::new();
        loop {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                // Written into a pipe, so that its header cannot know where it ends.
                Err(DecoderError::IoError(error))
                    if self.announced_frames.is_none()
                        && error.kind() == io::ErrorKind::UnexpectedEof =>
                {
                    break;
                }
                Err(error) => return Err(self.damaged(frames, error)),
            };
            if packet.track_id != self.track_id {
                continue;
            }
            if is_flac && next_timestamp.is_some_and(|expected| packet.pts > expected) {
                return Err(self.damaged(frames, DecoderError::DecodeError("audio is missing")));
            }
            next_timestamp = packet.pts.checked_add(packet.dur);
            let block = match self.decoder.decode(&packet) {
                Ok(block) => block,
                Err(error) => return Err(self.damaged(frames, error)),
            };
            ensure!(
                block.spec().rate() == self.sample_rate_hz,
                "{} changes its sample rate from {} to {} Hz after {}",
                self.name,
                self.sample_rate_hz,
                block.spec().rate(),
                self.at(frames)
            );
            block.copy_to_vecs_planar(&mut planes);
            let count = block.frames();
            frames += count as u64;
            self.check_duration(frames)?;
            let channels: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
            nonfinite_samples += channels
                .iter()
                .flat_map(|channel| channel.iter())
                .filter(|sample| !sample.is_finite())
                .count() as u64;
            // Moment by moment, so that the block size of a format does not matter.
            bytes.clear();
            for n in 0..count {
                let moment = channels.iter().map(|channel| channel[n]);
                bytes.extend(moment.flat_map(f32::to_le_bytes));
            }
            sha256.update(&bytes);
            take_block(&channels)?;
        }
        ensure!(frames > 0, "{} has a length of zero", self.name);
        // FLAC alone announces an exact length and drops damaged blocks at the end silently.
        let is_exact = self.decoder.codec_params().codec == CODEC_ID_FLAC;
        if is_exact
            && self
                .announced_frames
                .is_some_and(|announced| frames < announced)
        {
            return Err(self.damaged(frames, DecoderError::DecodeError("audio is missing")));
        }
        Ok(Decoded {
            duration_s: self.seconds(frames),
            nonfinite_samples,
            sha256: sha256.finalize().into(),
        })
    }

    fn seconds(&self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.sample_rate_hz)
    }

    fn at(&self, frames: u64) -> String {
        format!("{:.2} s", self.seconds(frames))
    }

    fn damaged(&self, frames: u64, error: DecoderError) -> anyhow::Error {
        anyhow!(error).context(format!(
            "{} is damaged after {}; use a whole copy of it",
            self.name,
            self.at(frames)
        ))
    }

    fn check_duration(&self, frames: u64) -> Result<()> {
        ensure!(
            self.seconds(frames) <= MAX_DURATION.as_secs_f64(),
            "{} is longer than {:.0} hours, the most this program takes; split it into shorter \
             files",
            self.name,
            MAX_DURATION.as_secs_f64() / 3600.0
        );
        Ok(())
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
    #[test]
    fn flac_mp3_and_ogg_hold_the_same_tone() {
        let reference = tone(8000);
        for name in ["tone.flac", "tone.mp3", "tone.ogg"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/audio")
                .join(name);
            let (decoded, channels) = decode(&path).unwrap();
            assert!(
                (decoded.duration_s - 0.5).abs() < 0.1,
                "{name}: {decoded:?}"
            );
            assert_eq!(channels.len(), 1, "{name}");
            // Lossy encoders change the edges and the phase, not the level in the middle.
            let rms = |x: &[f32]| (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt();
            let (found, expected) = (rms(&channels[0][2000..6000]), rms(&reference[2000..6000]));
            assert!(
                (found / expected - 1.0).abs() < 0.1,
                "{name}: {found} {expected}"
            );
        }
    }

    #[test]
    fn a_wav_written_into_a_pipe_ends_where_it_ends() {
        let file = file(
            "pipe.wav",
            &wav(&[tone(16_000)], 16_000, false, Some(u32::MAX)),
        );
        let (decoded, _) = decode(&file.1).unwrap();
        assert!((decoded.duration_s - 1.0).abs() < 0.1, "{decoded:?}");
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
        assert!(error(&wav(&[vec![]], 16_000, false, None)).contains("has a length of zero"));
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
    fn audio_cut_off_in_the_middle_is_named_with_its_time() {
        let bytes = wav(&[tone(32_000)], 16_000, false, None);
        let message = error(&bytes[..bytes.len() / 2]);
        assert!(
            message.contains("voice.wav is damaged after 1.00 s"),
            "{message}"
        );

        let flac =
            fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/tone.flac")).unwrap();
        let message = error(&flac[..flac.len() - 500]);
        assert!(message.contains("is damaged after 0."), "{message}");
    }

    #[test]
    fn audio_damaged_in_the_middle_is_named_with_its_time() {
        let mut flac =
            fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audio/tone.flac")).unwrap();
        let middle = flac.len() * 3 / 4;
        flac[middle..middle + 100].fill(0x55);
        let message = error(&flac);
        assert!(message.contains("is damaged after 0."), "{message}");
    }

    #[test]
    fn three_hours_are_refused_before_they_are_decoded() {
        let three_hours = 3 * 60 * 60 * 16_000 * 2;
        let message = error(&wav(&[tone(100)], 16_000, false, Some(three_hours)));
        assert!(
            message.contains("voice.wav is longer than 2 hours"),
            "{message}"
        );
        assert!(message.contains("split it"), "{message}");
    }
}
