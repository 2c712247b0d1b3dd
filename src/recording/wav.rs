//! The header of a WAV, as recorders leave it behind: with sizes that were never written, that are too
//! short, or that stand for "until the end"; with chunks whose padding was forgotten; with more in the format
//! than readers expect. It is read leniently and written anew, plainly, for the reader that follows.

use std::io::{self, Read};

use super::RecordingError;

/// Sizes from here on are what programs write that do not know the end.
const UNKNOWN_SIZE: u64 = 0x7fff_0000;

/// Longest format chunk: more than any codec's.
const FORMAT_BYTES: u64 = 1_024;

const PCM: u16 = 1;
const MS_ADPCM: u16 = 2;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const IMA_ADPCM: u16 = 0x11;
const MP3: u16 = 0x55;
const EXTENSIBLE: u16 = 0xfffe;

/// Chunks that may follow the sound.
const FURTHER: [&[u8; 4]; 10] = [
    b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"fact", b"smpl", b"JUNK", b"PAD ", b"iXML",
];

/// What the header of a WAV tells.
#[derive(Debug, PartialEq)]
pub struct Wav {
    codec: u16,
    channels: u16,
    /// Samples per second of each channel.
    pub rate_hz: u32,
    block_bytes: u16,
    bits: u16,
    /// What a codec adds to the format.
    extra: Vec<u8>,
    /// Where the sound begins.
    pub data_start: u64,
    /// Bytes of sound that the header claims, where it does.
    pub claimed_bytes: Option<u64>,
    /// Bytes of sound that are there, where that can be known.
    pub data_bytes: Option<u64>,
    /// Of the sound, read already.
    ahead: Vec<u8>,
}

impl Wav {
    /// Reads up to the first byte of sound of a source that is `length` bytes long.
    ///
    /// # Errors
    /// When it cannot be read or has no sound or no format.
    pub fn read(source: &mut impl Read, length: Option<u64>) -> Result<Self, RecordingError> {
        let mut chunks = Chunks {
            source,
            at: 0,
            ahead: Vec::new(),
        };
        chunks.take(&mut [0; 12])?;
        let mut large_size = None;
        let mut format = None;
        loop {
            let mut header = [0; 8];
            // A file that ends here never had any sound.
            if chunks.take(&mut header).is_err() {
                return Err(if format.is_some() {
                    RecordingError::NoSamples
                } else {
                    RecordingError::NotAudio
                });
            }
            let [a, b, c, d, size @ ..] = header;
            let size = u64::from(u32::from_le_bytes(size));
            match &[a, b, c, d] {
                b"ds64" => {
                    let body = chunks.body(size)?;
                    large_size = body
                        .get(8..16)
                        .and_then(|size| Some(u64::from_le_bytes(size.try_into().ok()?)));
                }
                b"fmt " => format = Some(chunks.body(size)?),
                b"data" => {
                    let format = format.ok_or(RecordingError::NotAudio)?;
                    let mut wav = Self::of(&format).ok_or(RecordingError::NotAudio)?;
                    wav.data_start = chunks.at;
                    let size = large_size
                        .filter(|_| size == u64::from(u32::MAX))
                        .unwrap_or(size);
                    let there = length.map(|length| length.saturating_sub(chunks.at));
                    if size == 0 {
                        chunks.source.by_ref().take(4).read_to_end(&mut wav.ahead)?;
                    }
                    wav.measure(size, there);
                    return Ok(wav);
                }
                _ => chunks.skip(size)?,
            }
        }
    }

    /// What a format chunk tells; none when that is not enough.
    fn of(format: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u16::from_le_bytes(format.get(at..at + 2)?.try_into().ok()?));
        let (mut codec, channels, block_bytes) = (number(0)?, number(2)?, number(12)?);
        let rate_hz = u32::from_le_bytes(format.get(4..8)?.try_into().ok()?);
        let mut bits = number(14)?;
        let mut extra = format.get(18..).unwrap_or_default();
        if codec == EXTENSIBLE {
            // The codec stands at the beginning of the identifier at the end.
            codec = number(24)?;
            extra = &[];
        }
        if channels == 0 || rate_hz == 0 {
            return None;
        }
        if matches!(codec, PCM | FLOAT | A_LAW | MU_LAW) {
            // Samples take whole bytes, whatever part of them is said to count.
            let bytes = (block_bytes / channels).max(bits.div_ceil(8));
            bits = bytes.checked_mul(8)?;
            extra = &[];
        }
        Some(Self {
            codec,
            channels,
            rate_hz,
            block_bytes: match codec {
                PCM | FLOAT | A_LAW | MU_LAW => channels.checked_mul(bits / 8)?,
                _ => block_bytes,
            },
            bits,
            extra: extra.to_vec(),
            data_start: 0,
            claimed_bytes: None,
            data_bytes: None,
            ahead: Vec::new(),
        })
    }

    /// Decides how long the sound is that is said to be `size` bytes long while there are `there`.
    fn measure(&mut self, size: u64, there: Option<u64>) {
        let nothing = self.ahead.is_empty() || FURTHER.iter().any(|name| *name == &self.ahead[..]);
        let missing = there.is_none_or(|there| size > there);
        let unknown = (size == 0 && !nothing) || (size >= UNKNOWN_SIZE && missing);
        if unknown {
            self.data_bytes = there;
        } else {
            self.claimed_bytes = Some(size);
            self.data_bytes = Some(there.map_or(size, |there| there.min(size)));
        }
    }

    /// Bytes of sound that come after what [`header`](Self::header) gives.
    pub fn bytes_left(&self) -> Option<u64> {
        let ahead = self.ahead.len() as u64;
        self.data_bytes.map(|bytes| bytes.saturating_sub(ahead))
    }

    /// Samples per channel, where the codec and the number of bytes tell.
    pub fn frames(&self) -> Option<u64> {
        let plain = matches!(self.codec, PCM | FLOAT | A_LAW | MU_LAW);
        let bytes = self.data_bytes.filter(|_| plain)?;
        bytes.checked_div(u64::from(self.block_bytes))
    }

    /// The codec by name, when it has no decoder here.
    pub fn unreadable(&self) -> Option<String> {
        let named = match (self.codec, self.bits) {
            (PCM, 8 | 16 | 24 | 32) | (FLOAT, 32 | 64) | (A_LAW | MU_LAW, 8) => return None,
            (MS_ADPCM | IMA_ADPCM, 4) | (MP3, _) => return None,
            (PCM, bits) => return Some(["WAV with ", &bits.to_string(), " bits"].concat()),
            (MS_ADPCM | IMA_ADPCM, _) => "ADPCM of another width than 4 bits",
            (0x31, _) => "GSM 6.10",
            (0x14 | 0x40 | 0x45 | 0x64, _) => "G.726 ADPCM",
            (0x22, _) => "TrueSpeech",
            (0x42 | 0x111, _) => "G.723.1",
            (0x50, _) => "MPEG audio",
            (0x65 | 0x28f, _) => "G.722",
            (0x83 | 0x133, _) => "G.729",
            (0x160..=0x163, _) => "WMA",
            (0x200, _) => "Creative ADPCM",
            (0x2000, _) => "AC-3",
            (0xff | 0x1600 | 0x1610 | 0x706d, _) => "AAC",
            (0x566f | 0x6750..=0x6771, _) => "Vorbis",
            (0xa109, _) => "Speex",
            (codec, _) => return Some(["codec ", &codec.to_string()].concat()),
        };
        Some(["WAV with ", named].concat())
    }

    /// What stands before the sound in a file that a plain reader takes, and what of it was read already.
    pub fn header(&self) -> Vec<u8> {
        if self.codec == MP3 {
            return self.ahead.clone();
        }
        let mut format = Vec::new();
        for number in [self.codec, self.channels] {
            format.extend(number.to_le_bytes());
        }
        format.extend(self.rate_hz.to_le_bytes());
        let per_second = u64::from(self.rate_hz) * u64::from(self.block_bytes);
        format.extend((per_second.min(u64::from(u32::MAX)) as u32).to_le_bytes());
        for number in [self.block_bytes, self.bits] {
            format.extend(number.to_le_bytes());
        }
        if !matches!(self.codec, PCM | FLOAT) {
            format.extend((self.extra.len() as u16).to_le_bytes());
            format.extend(&self.extra);
        }
        let whole = |bytes: u64| bytes - bytes % u64::from(self.block_bytes.max(1));
        let data_bytes = self.data_bytes.map(whole);
        let data_bytes = data_bytes.and_then(|bytes| u32::try_from(bytes).ok());
        let riff_bytes = data_bytes.and_then(|bytes| bytes.checked_add(20 + format.len() as u32));
        let mut header = b"RIFF".to_vec();
        header.extend(riff_bytes.unwrap_or(u32::MAX).to_le_bytes());
        header.extend(b"WAVEfmt ");
        header.extend((format.len() as u32).to_le_bytes());
        header.extend(format);
        header.extend(b"data");
        let known = riff_bytes.and(data_bytes);
        header.extend(known.unwrap_or(u32::MAX).to_le_bytes());
        header.extend(&self.ahead);
        header
    }
}

/// Reads chunk by chunk.
struct Chunks<'a, R> {
    source: &'a mut R,
    at: u64,
    /// Read already, to be read again.
    ahead: Vec<u8>,
}

impl<R: Read> Chunks<'_, R> {
    fn take(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let again = buffer.len().min(self.ahead.len());
        for (to, from) in buffer.iter_mut().zip(self.ahead.drain(..again)) {
            *to = from;
        }
        self.source.read_exact(&mut buffer[again..])?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    fn body(&mut self, size: u64) -> Result<Vec<u8>, RecordingError> {
        let mut body = vec![0; size.min(FORMAT_BYTES) as usize];
        self.take(&mut body)?;
        self.skip_rest(size, body.len() as u64)?;
        Ok(body)
    }

    fn skip(&mut self, size: u64) -> Result<(), RecordingError> {
        self.skip_rest(size, 0)
    }

    /// Goes to the next chunk, which stands on an even byte unless the padding was forgotten.
    fn skip_rest(&mut self, size: u64, read: u64) -> Result<(), RecordingError> {
        let mut left = size.saturating_sub(read);
        let mut scratch = [0; 4_096];
        while left > 0 {
            let now = left.min(scratch.len() as u64) as usize;
            self.take(&mut scratch[..now])?;
            left -= now as u64;
        }
        if !size.is_multiple_of(2) {
            let mut pad = [0];
            self.take(&mut pad)?;
            if pad[0].is_ascii_alphabetic() {
                self.ahead.insert(0, pad[0]);
                self.at -= 1;
            }
        }
        Ok(())
    }
}
