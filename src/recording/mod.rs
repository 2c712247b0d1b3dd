//! Audio files and streams decoded block by block, so that hours of sound need little memory: the same for
//! the trainer and, as a program of its own, for the browser.
//!
//! Formats are told from the content, never from a name. What a container says of its length is not
//! believed: a recording lasts as long as it can be decoded, and one that ends before it should is given as
//! far as it goes, with an [`Ending`] that says so. Where several recordings were joined in one file, later
//! ones get the first one's sample rate and channels. Reads WAV of every kind, FLAC, MP3, Ogg, Opus, AAC,
//! MP4, WebM, AIFF and CAF; it writes nothing and seeks nothing.

mod conversion;
mod input;
mod opus;
mod wav;

use std::{collections::VecDeque, io, sync::LazyLock, time::Duration};

use conversion::Conversion;
pub use input::{HEAD_BYTES, may_have_index_at_end};
use input::{Input, Kind};
pub use symphonia::core::io::{MediaSource, ReadOnlySource};
use symphonia::core::{
    codecs::{
        audio::{
            AudioCodecId, AudioDecoder, AudioDecoderOptions,
            well_known::{
                CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_ADPCM_G722, CODEC_ID_ADPCM_G726,
                CODEC_ID_ADPCM_G726LE, CODEC_ID_DCA, CODEC_ID_EAC3, CODEC_ID_FLAC, CODEC_ID_MP3,
                CODEC_ID_SPEEX, CODEC_ID_TTA, CODEC_ID_WAVPACK, CODEC_ID_WMA,
            },
        },
        registry::CodecRegistry,
    },
    errors::Error as DecoderError,
    formats::{FormatOptions, FormatReader, Track, TrackType, probe::Hint},
    io::MediaSourceStream,
    meta::MetadataOptions,
    packet::Packet,
};

/// The longest recording accepted.
pub const MAX_DURATION: Duration = Duration::from_secs(2 * 60 * 60);

/// Packets of padding that an MP3 may end with: encoders fill their last frame and one more.
const PADDING_PACKETS: usize = 2;

/// An encoder's announcement of its length is right to within so many samples.
const ANNOUNCED_TO: u64 = 4_608;

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<opus::OpusDecoder>();
    codecs
});

/// A recording opened for decoding.
pub struct Recording {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    kind: Kind,
    input: input::Watch,
    sample_rate_hz: u32,
    /// Samples per channel that it says it holds.
    announced_frames: Option<u64>,
    /// Samples per channel that are there for sure, and their rate in Hz.
    certain: Option<(u64, u32)>,
    /// Of the block given last, a plane for each channel.
    planes: Vec<Vec<f32>>,
    /// Of a later part that is not like the first.
    conversion: Option<Conversion>,
    /// As the decoder gave it.
    decoded: Vec<Vec<f32>>,
    /// Whether `planes` hold the first block, which was decoded when the file was opened.
    first: bool,
    /// Rate and channels of what was decoded last.
    part: (u32, usize),
    /// A packet of another rate or other channels, until the next one tells whether it is damaged.
    strange: Option<Packet>,
    frames: u64,
    packets: u64,
    damaged_packets: u64,
    /// Read, but all padding by what the file announces.
    held: VecDeque<Packet>,
    due: VecDeque<Packet>,
    next_timestamp: Option<symphonia::core::units::Timestamp>,
    last_packet: Vec<u8>,
    ended: Option<Ending>,
}

/// How a recording came to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// It stops before it should: a copy or recording was cut off, or the rest cannot be read.
    pub early: bool,
    /// Parts within it that are damaged and were left out.
    pub damaged_parts: u64,
}

impl Ending {
    /// Whether nothing of the recording is missing.
    pub fn is_whole(self) -> bool {
        self == Self::default()
    }
}

/// Why a recording cannot be decoded: each a predicate, to stand behind the recording's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// There is nothing in it.
    #[error("is empty: it has 0 bytes")]
    Empty,
    /// It is no audio of a known format.
    #[error("is not audio this program can read; use WAV, FLAC, MP3, M4A, AAC, Ogg, Opus or WebM")]
    NotAudio,
    /// It is audio of a format or codec that has no decoder here.
    #[error(
        "is in the format {0}, which this program cannot read; convert it to WAV or FLAC, for example with \
         ffmpeg -i FILE voice.flac"
    )]
    Codec(String),
    /// It breaks off before the index without which nothing of it can be found.
    #[error(
        "breaks off before its index, so that nothing of it can be read; use a whole copy of it"
    )]
    NoIndex,
    /// It holds no samples.
    #[error("has a length of zero")]
    NoSamples,
    /// It is longer than [`MAX_DURATION`].
    #[error(
        "is longer than {} hours, the most this program takes; split it into shorter files",
        MAX_DURATION.as_secs() / 3600
    )]
    TooLong {
        /// Its length, or as much as was decoded of it.
        seconds: f64,
    },
    /// Most of it cannot be decoded.
    #[error("is damaged after {after_s:.2} s; use a whole copy of it")]
    Damaged {
        /// Seconds decoded before.
        after_s: f64,
    },
    /// It cannot be read from where it is.
    #[error("cannot be read")]
    Read(#[from] io::Error),
}

impl Recording {
    /// Opens a recording and decodes its first block.
    ///
    /// # Errors
    /// When it cannot be read, is empty, is no audio with a decoder here, holds no samples or certainly more
    /// than [`MAX_DURATION`].
    pub fn open(source: Box<dyn MediaSource>) -> Result<Self, RecordingError> {
        let (input, watch) = Input::new(source)?;
        let kind = input.kind();
        if let Some(codec) = input.unreadable() {
            return Err(RecordingError::Codec(codec));
        }
        let certain = input.certain_frames();
        let stream = MediaSourceStream::new(Box::new(input), Default::default());
        let probed = symphonia::default::get_probe().probe(
            &Hint::new(),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        );
        let format = probed.map_err(|error| watch.why_unreadable(error))?;
        let track = playable(&*format).ok_or(RecordingError::NotAudio)?;
        let (track_id, announced_frames) = (track.id, track.num_frames);
        let decoder = decoder(track)?;
        let mut sample_rate_hz = decoder.codec_params().sample_rate.unwrap_or_default();
        // Only this format counts its samples; others tell a length that may be an estimate.
        let is_flac = decoder.codec_params().codec == CODEC_ID_FLAC;
        let counted = announced_frames.filter(|_| is_flac);
        let certain = certain.or(counted.map(|frames| (frames, sample_rate_hz)));
        if let Some((frames, rate_hz)) = certain {
            sample_rate_hz = rate_hz;
            check_duration(frames, rate_hz)?;
        }
        let mut recording = Self {
            sample_rate_hz,
            format,
            decoder,
            track_id,
            kind,
            input: watch,
            announced_frames,
            certain,
            planes: Vec::new(),
            conversion: None,
            decoded: Vec::new(),
            first: false,
            part: (0, 0),
            strange: None,
            frames: 0,
            packets: 0,
            damaged_packets: 0,
            held: VecDeque::new(),
            due: VecDeque::new(),
            next_timestamp: None,
            last_packet: Vec::new(),
            ended: None,
        };
        // Only what is decoded tells the rate and the channels for sure.
        recording.first = recording.decode_block()?;
        if !recording.first {
            return Err(RecordingError::NoSamples);
        }
        if recording.sample_rate_hz == 0 {
            return Err(RecordingError::NotAudio);
        }
        Ok(recording)
    }

    /// Samples per second of each channel.
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.planes.len()
    }

    /// Bytes read so far, and of how many where that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.input.progress()
    }

    /// Seconds decoded so far.
    pub fn duration_s(&self) -> f64 {
        seconds(self.frames, self.sample_rate_hz)
    }

    /// How it ended; none before [`next_block`](Self::next_block) has given none.
    pub fn ending(&self) -> Option<Ending> {
        self.ended
    }

    /// The next samples, a plane for each channel, of equal lengths, at full scale ±1; none at the end.
    ///
    /// # Errors
    /// When it cannot be read, most of it is damaged, or it is longer than [`MAX_DURATION`].
    pub fn next_block(&mut self) -> Result<Option<&[Vec<f32>]>, RecordingError> {
        let there = std::mem::take(&mut self.first) || self.decode_block()?;
        Ok(there.then_some(&self.planes))
    }

    /// Seconds of sound that a source holds, by its packets: none is decoded, and what its header says of its
    /// length is not looked at.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn measure(source: Box<dyn MediaSource>) -> Result<f64, RecordingError> {
        let mut recording = Self::open(source)?;
        if let Some((frames, rate_hz)) = recording.certain {
            return Ok(seconds(frames, rate_hz));
        }
        let (mut told_s, mut begin_s, mut end_s) = (0.0, None, 0.0f64);
        while let Some(packet) = recording.next_packet()? {
            let tick_s = recording.tick_s(&packet);
            told_s += packet.dur.get() as f64 * tick_s;
            let at_s = packet.pts.get() as f64 * tick_s;
            end_s = end_s.max(at_s - *begin_s.get_or_insert(at_s));
        }
        // Containers that tell no durations of packets tell when they begin.
        let rest_s = if told_s > 0.0 { told_s } else { end_s };
        let seconds = recording.duration_s() + rest_s;
        check_seconds(seconds)?;
        Ok(seconds)
    }

    /// Decodes packets until one gives samples; false at the end.
    fn decode_block(&mut self) -> Result<bool, RecordingError> {
        while self.ended.is_none() {
            let Some(packet) = self.next_packet()? else {
                self.finish()?;
                self.planes.iter_mut().for_each(Vec::clear);
                self.end_part();
                return Ok(self.planes.iter().any(|plane| !plane.is_empty()));
            };
            let Some(packet) = self.in_its_part(packet)? else {
                continue;
            };
            self.packets += 1;
            let block = match self.decoder.decode(&packet) {
                Ok(block) => block,
                Err(DecoderError::IoError(_) | DecoderError::DecodeError(_)) => {
                    self.damaged_packets += 1;
                    self.refuse_ruins()?;
                    continue;
                }
                Err(_) => return Err(self.damaged()),
            };
            let rate_hz = block.spec().rate();
            if block.frames() == 0 {
                continue;
            }
            block.copy_to_vecs_planar(&mut self.decoded);
            if self.frames == 0 {
                self.sample_rate_hz = rate_hz;
                self.planes.resize(self.decoded.len(), Vec::new());
            }
            self.part = (rate_hz, self.decoded.len());
            self.take_in()?;
            check_duration(self.frames, self.sample_rate_hz)?;
            if self.kind.keeps_tail() {
                self.last_packet.clear();
                self.last_packet.extend_from_slice(&packet.data);
            }
            if self.planes.iter().any(|plane| !plane.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The packet to decode: of a later part of an MP3 its first, with a new decoder, once two in a row are
    /// alike; one alone is damage.
    fn in_its_part(&mut self, packet: Packet) -> Result<Option<Packet>, RecordingError> {
        if self.decoder.codec_params().codec != CODEC_ID_MP3 || self.frames == 0 {
            return Ok(Some(packet));
        }
        let part = mp3_part(&packet.data).unwrap_or(self.part);
        let strange = self.strange.take();
        if let Some(first) = strange.as_ref().filter(|_| part != self.part)
            && mp3_part(&first.data) == Some(part)
        {
            let track = playable(&*self.format).ok_or_else(|| self.damaged())?;
            self.decoder = decoder(track)?;
            self.part = part;
            self.due.push_front(packet);
            return Ok(strange);
        }
        self.damaged_packets += u64::from(strange.is_some());
        self.refuse_ruins()?;
        if part == self.part {
            return Ok(Some(packet));
        }
        self.packets += 1;
        self.strange = Some(packet);
        Ok(None)
    }

    /// Makes the planes of what was decoded.
    fn take_in(&mut self) -> Result<(), RecordingError> {
        let part = self.part;
        let first = (self.sample_rate_hz, self.planes.len());
        if self.conversion.is_none() && part == first {
            std::mem::swap(&mut self.planes, &mut self.decoded);
        } else {
            self.convert(part, first)?;
        }
        self.frames += self.planes.first().map_or(0, |plane| plane.len()) as u64;
        Ok(())
    }

    /// Makes the planes what is left of the part before and what was decoded, like the first part.
    fn convert(&mut self, part: (u32, usize), first: (u32, usize)) -> Result<(), RecordingError> {
        self.planes.iter_mut().for_each(Vec::clear);
        let goes_on = (self.conversion.as_ref()).is_some_and(|it| it.is_for(part));
        if !goes_on {
            self.end_part();
            self.conversion = (part != first)
                .then(|| Conversion::new(part, first))
                .transpose()
                .map_err(|_| RecordingError::Codec(format!("of a part at {} Hz", part.0)))?;
        }
        match &mut self.conversion {
            Some(conversion) => conversion.push(&self.decoded, &mut self.planes),
            None => {
                for (plane, decoded) in self.planes.iter_mut().zip(&self.decoded) {
                    plane.extend_from_slice(decoded);
                }
            }
        }
        Ok(())
    }

    /// Adds what the conversion of a part still holds.
    fn end_part(&mut self) {
        if let Some(mut conversion) = self.conversion.take() {
            conversion.finish(&mut self.planes);
        }
    }

    /// Seconds that a tick of a packet's time stamps lasts.
    fn tick_s(&self, packet: &Packet) -> f64 {
        let is_mp3 = self.decoder.codec_params().codec == CODEC_ID_MP3;
        // Each packet says at which rate it is, in a file of several parts not the reader's.
        if let Some((rate_hz, _)) = mp3_part(&packet.data).filter(|_| is_mp3) {
            return 1.0 / f64::from(rate_hz);
        }
        let base = playable(&*self.format).and_then(|track| track.time_base);
        base.map_or(0.0, |base| {
            f64::from(base.numer.get()) / f64::from(base.denom.get())
        })
    }

    /// The next packet of the track; none where nothing more can be read.
    fn next_packet(&mut self) -> Result<Option<Packet>, RecordingError> {
        loop {
            if let Some(packet) = self.due.pop_front() {
                return Ok(Some(packet));
            }
            let mut packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(None),
                // Several recordings in one file, as internet radio sends them.
                Err(DecoderError::ResetRequired) => {
                    let track = playable(&*self.format).ok_or_else(|| self.damaged())?;
                    self.track_id = track.id;
                    self.announced_frames = None;
                    self.decoder = decoder(track)?;
                    continue;
                }
                Err(DecoderError::IoError(error))
                    if error.kind() != io::ErrorKind::UnexpectedEof =>
                {
                    return Err(error.into());
                }
                Err(_) => {
                    self.input.cut_off();
                    return Ok(None);
                }
            };
            if packet.track_id != self.track_id {
                continue;
            }
            let codec = self.decoder.codec_params().codec;
            if codec == CODEC_ID_FLAC {
                // The reader goes on after what it cannot read; time stamps tell that something is missing.
                let gap = self.next_timestamp.is_some_and(|next| packet.pts > next);
                self.damaged_packets += u64::from(gap);
                self.next_timestamp = packet.pts.checked_add(packet.dur);
            }
            if codec == CODEC_ID_MP3 && packet.trim_end.get() > 0 && packet.trim_end >= packet.dur {
                // Padding, unless more follows than an encoder adds: the announcement was of the first of
                // several recordings in one file.
                packet.trim_end = Default::default();
                self.last_packet.clear();
                self.last_packet.extend_from_slice(&packet.data);
                self.held.push_back(packet);
                if self.held.len() > PADDING_PACKETS {
                    self.due.append(&mut self.held);
                    self.announced_frames = None;
                }
                continue;
            }
            return Ok(Some(packet));
        }
    }

    fn finish(&mut self) -> Result<(), RecordingError> {
        self.damaged_packets += u64::from(self.strange.take().is_some());
        if self.frames == 0 {
            return Err(if self.damaged_packets > 0 {
                self.damaged()
            } else {
                RecordingError::NoSamples
            });
        }
        let codec = self.decoder.codec_params().codec;
        let slack = if codec == CODEC_ID_FLAC {
            0
        } else {
            ANNOUNCED_TO
        };
        let announces = matches!(codec, CODEC_ID_FLAC | CODEC_ID_MP3);
        let short = self
            .announced_frames
            .is_some_and(|announced| announces && self.frames + slack < announced);
        self.ended = Some(Ending {
            early: short || self.input.ended_early(&self.last_packet),
            damaged_parts: self.damaged_packets,
        });
        Ok(())
    }

    /// More damage than sound is no recording.
    fn refuse_ruins(&self) -> Result<(), RecordingError> {
        if self.damaged_packets > 16 && self.damaged_packets * 2 > self.packets {
            return Err(self.damaged());
        }
        Ok(())
    }

    fn damaged(&self) -> RecordingError {
        RecordingError::Damaged {
            after_s: self.duration_s(),
        }
    }
}

/// None at all without a rate.
fn seconds(frames: u64, rate_hz: u32) -> f64 {
    match rate_hz {
        0 => 0.0,
        rate_hz => frames as f64 / f64::from(rate_hz),
    }
}

fn check_duration(frames: u64, rate_hz: u32) -> Result<(), RecordingError> {
    check_seconds(seconds(frames, rate_hz))
}

fn check_seconds(seconds: f64) -> Result<(), RecordingError> {
    if seconds > MAX_DURATION.as_secs_f64() {
        return Err(RecordingError::TooLong { seconds });
    }
    Ok(())
}

/// Sample rate and channels by the header that each frame of an MP3 begins with.
fn mp3_part(frame: &[u8]) -> Option<(u32, usize)> {
    let &[_, version, rates, mode, ..] = frame else {
        return None;
    };
    let halved = match version >> 3 & 3 {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let rate_hz: u32 = *[44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3))?;
    let channels = if mode >> 6 == 3 { 1 } else { 2 };
    Some((rate_hz >> halved, channels))
}

/// The track that is heard.
fn playable(format: &dyn FormatReader) -> Option<&Track> {
    format.default_track(TrackType::Audio)
}

fn decoder(track: &Track) -> Result<Box<dyn AudioDecoder>, RecordingError> {
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio())
        .ok_or(RecordingError::NotAudio)?;
    CODECS
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|_| RecordingError::Codec(codec_name(parameters.codec).to_owned()))
}

/// What people call a codec that has no decoder here.
fn codec_name(codec: AudioCodecId) -> &'static str {
    match codec {
        CODEC_ID_AC3 => "AC-3",
        CODEC_ID_EAC3 => "E-AC-3",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_SPEEX => "Speex",
        CODEC_ID_WMA => "WMA",
        CODEC_ID_AAC => "AAC of a profile other than LC",
        CODEC_ID_WAVPACK => "WavPack",
        CODEC_ID_TTA => "True Audio",
        CODEC_ID_ADPCM_G722 => "G.722",
        CODEC_ID_ADPCM_G726 | CODEC_ID_ADPCM_G726LE => "G.726 ADPCM",
        _ => "of its own",
    }
}
