//! The bytes of a recording on their way to its reader: what they are by their beginning, a WAV's header
//! mended, the end looked at.

use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use symphonia::core::{errors::Error as DecoderError, io::MediaSource};

use super::{RecordingError, wav::Wav};

/// Bytes from which a format is told.
pub const HEAD_BYTES: u64 = 64;

/// Bytes of the end that are kept: more than two frames of MPEG audio.
const TAIL_BYTES: usize = 8_192;

const EBML: &[u8] = &[0x1a, 0x45, 0xdf, 0xa3];
const SEGMENT: &[u8] = &[0x18, 0x53, 0x80, 0x67];

/// Reads at most so much at once, so that the tail is never all there is.
const READ_BYTES: usize = 1 << 16;

/// How a format finds its sound, as far as that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RIFF and its relatives.
    Wav,
    /// With an index that may stand behind what it points to.
    Indexed,
    /// Frames of MPEG audio, one after the other.
    Frames,
    /// Matroska, WebM among it.
    Matroska,
    /// Anything else, read from beginning to end.
    Stream,
}

/// A source with its beginning read.
pub struct Input {
    source: Box<dyn MediaSource>,
    kind: Kind,
    /// What stands in for the beginning of the source.
    head: Cursor<Vec<u8>>,
    /// Bytes of the source that may still be read.
    left: u64,
    certain_frames: Option<(u64, u32)>,
    unreadable: Option<String>,
    watch: Watch,
}

/// What is known of the bytes read so far.
#[derive(Clone)]
pub struct Watch(Arc<Mutex<Seen>>);

struct Seen {
    kind: Kind,
    read: u64,
    length: Option<u64>,
    /// Bytes that there should be, where a header tells.
    expected: Option<u64>,
    has_index: bool,
    cut_off: bool,
    tail: Vec<u8>,
    /// Of an Ogg.
    pages: Option<Pages>,
}

/// The pages of an Ogg as they come by, RFC 3533 section 6: a reader that begins with the next of several
/// recordings does not tell whether that one breaks off.
#[derive(Default)]
struct Pages {
    /// Of the page that comes by, until it is whole.
    header: Vec<u8>,
    /// Bytes of the page behind its header that are still to come.
    left: u64,
    /// Recordings that have begun.
    recordings: u32,
    /// Whether the last page is the last of its recording.
    is_over: bool,
}

impl Pages {
    const HEADER: usize = 27;

    /// Takes the next bytes; false when they are no pages.
    fn note(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len() as u64) as usize;
            self.left -= skipped as u64;
            bytes = &bytes[skipped..];
            let segments = self.header.get(Self::HEADER - 1).copied().unwrap_or(0);
            let missing = Self::HEADER + usize::from(segments) - self.header.len();
            let (next, rest) = bytes.split_at(missing.min(bytes.len()));
            self.header.extend_from_slice(next);
            bytes = rest;
            let Some(segments) = self.header.get(Self::HEADER - 1).copied() else {
                continue;
            };
            if !self.header.starts_with(b"OggS") {
                return false;
            }
            let sizes = &self.header[Self::HEADER..];
            if sizes.len() == usize::from(segments) {
                self.left = sizes.iter().map(|size| u64::from(*size)).sum();
                let kind = self.header[5];
                self.recordings +=
                    u32::from(kind & 2 != 0 && (self.is_over || self.recordings == 0));
                self.is_over = kind & 4 != 0;
                self.header.clear();
            }
        }
        true
    }

    fn is_cut(&self) -> bool {
        let within = self.left > 0 || !self.header.is_empty();
        within || (self.recordings > 1 && !self.is_over)
    }
}

impl Input {
    /// Reads the beginning of a source.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or is a WAV without sound.
    pub fn new(mut source: Box<dyn MediaSource>) -> Result<(Self, Watch), RecordingError> {
        let length = source.byte_len();
        let mut head = Vec::new();
        source.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
        if head.is_empty() {
            return Err(RecordingError::Empty);
        }
        let kind = kind(&head);
        let mut seen = Seen {
            kind,
            read: head.len() as u64,
            length,
            expected: None,
            has_index: true,
            cut_off: false,
            tail: Vec::new(),
            pages: head.starts_with(b"OggS").then(Pages::default),
        };
        seen.note_pages(&head);
        let mut left = u64::MAX;
        let mut certain_frames = None;
        let mut unreadable = foreign(&head).map(str::to_owned);
        match kind {
            Kind::Wav => {
                let mut whole = Cursor::new(head).chain(&mut source);
                let wav = Wav::read(&mut whole, length)?;
                let (mut rest, _) = whole.into_inner();
                head = wav.header();
                let written = head.len();
                rest.read_to_end(&mut head)?;
                let rest = (head.len() - written) as u64;
                unreadable = unreadable.or(wav.unreadable());
                seen.read = wav.data_start + rest;
                seen.expected = wav.claimed_bytes.map(|bytes| wav.data_start + bytes);
                left = wav
                    .bytes_left()
                    .map_or(u64::MAX, |bytes| bytes.saturating_sub(rest));
                certain_frames = wav.frames().map(|frames| (frames, wav.rate_hz));
            }
            Kind::Indexed if source.is_seekable() => {
                let (end, has_index) = atoms(&mut source)?;
                seen.expected = Some(end);
                seen.has_index = has_index;
                seen.read = 0;
                head = Vec::new();
                source.rewind()?;
            }
            Kind::Matroska => seen.expected = segment_end(&head),
            _ => {}
        }
        let watch = Watch(Arc::new(Mutex::new(seen)));
        let input = Self {
            source,
            kind,
            head: Cursor::new(head),
            left,
            certain_frames,
            unreadable,
            watch: watch.clone(),
        };
        Ok((input, watch))
    }

    /// What kind of format it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Samples per channel that are there for sure, and their rate in Hz.
    pub fn certain_frames(&self) -> Option<(u64, u32)> {
        self.certain_frames
    }

    /// The format by name, when it is known and has no decoder here.
    pub fn unreadable(&self) -> Option<String> {
        self.unreadable.clone()
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let given = self.head.read(buffer)?;
        if given > 0 {
            return Ok(given);
        }
        let most = buffer.len().min(READ_BYTES) as u64;
        let most = most.min(self.left) as usize;
        let read = self.source.read(&mut buffer[..most])?;
        self.left -= read as u64;
        self.watch.lock().note(&buffer[..read]);
        Ok(read)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match (to, self.byte_len()) {
            (SeekFrom::End(offset), Some(length)) => {
                let to = length.saturating_add_signed(offset);
                self.source.seek(SeekFrom::Start(to))
            }
            _ => self.source.seek(to),
        }
    }
}

impl MediaSource for Input {
    // What can be read from beginning to end is: readers that may seek look for an end first, or guess.
    fn is_seekable(&self) -> bool {
        self.kind == Kind::Indexed && self.source.is_seekable()
    }

    /// As its own index has it: its reader would not read a file at all that ends early.
    fn byte_len(&self) -> Option<u64> {
        let length = self.source.byte_len().filter(|_| self.is_seekable())?;
        let expected = self.watch.lock().expected.unwrap_or_default();
        Some(length.max(expected))
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes read, and of how many.
    pub fn progress(&self) -> (u64, Option<u64>) {
        let seen = self.lock();
        (seen.read, seen.length)
    }

    /// Notes that the reader found less than it looked for.
    pub fn cut_off(&self) {
        self.lock().cut_off = true;
    }

    /// Whether the source ended before it should; `last_packet` was the last that was whole.
    pub fn ended_early(&self, last_packet: &[u8]) -> bool {
        let seen = self.lock();
        let short = match (seen.expected, seen.length) {
            (Some(expected), Some(length)) => length < expected,
            (Some(expected), None) => seen.read < expected,
            (None, _) => false,
        };
        let cut = match seen.kind {
            // Read to an end that nobody knows, it has nothing to be cut off from.
            Kind::Wav => false,
            Kind::Frames => seen.cut_off || is_frame(after(&seen.tail, last_packet)),
            // Its reader finds the end unexpected too.
            Kind::Matroska => seen.expected.is_none() && !after(&seen.tail, last_packet).is_empty(),
            Kind::Indexed | Kind::Stream => {
                seen.cut_off || seen.pages.as_ref().is_some_and(Pages::is_cut)
            }
        };
        short || cut
    }

    /// What it means that no reader takes it.
    pub fn why_unreadable(&self, error: DecoderError) -> RecordingError {
        let seen = self.lock();
        let short = seen.expected > seen.length && seen.length.is_some();
        match error {
            DecoderError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                error.into()
            }
            _ if seen.kind == Kind::Indexed && (short || !seen.has_index) => {
                RecordingError::NoIndex
            }
            _ => RecordingError::NotAudio,
        }
    }
}

impl Seen {
    fn note(&mut self, bytes: &[u8]) {
        self.read += bytes.len() as u64;
        self.note_pages(bytes);
        if self.kind.keeps_tail() {
            self.tail.extend_from_slice(bytes);
            let surplus = self.tail.len().saturating_sub(TAIL_BYTES);
            self.tail.drain(..surplus);
        }
    }
}

impl Seen {
    fn note_pages(&mut self, bytes: &[u8]) {
        if self.pages.as_mut().is_some_and(|pages| !pages.note(bytes)) {
            self.pages = None;
        }
    }
}

/// Whether a recording that begins like this can only be read from where one can go back: what its beginning
/// points to may stand before the pointer.
pub fn may_have_index_at_end(head: &[u8]) -> bool {
    kind(head) == Kind::Indexed
}

impl Kind {
    /// Whether what follows the last packet tells if it is the last.
    pub fn keeps_tail(self) -> bool {
        matches!(self, Self::Frames | Self::Matroska)
    }
}

/// Told by the first bytes.
fn kind(head: &[u8]) -> Kind {
    let at = |range: std::ops::Range<usize>| head.get(range).unwrap_or_default();
    match at(0..4) {
        b"RIFF" | b"RF64" | b"BW64" if at(8..12) == b"WAVE" => return Kind::Wav,
        b"caff" => return Kind::Indexed,
        [0xff, second, ..] if second & 0xe0 == 0xe0 => return Kind::Frames,
        [b'I', b'D', b'3', _] => return Kind::Frames,
        EBML => return Kind::Matroska,
        _ => {}
    }
    match at(4..8) {
        b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" => Kind::Indexed,
        _ => Kind::Stream,
    }
}

/// Formats of recordings that people have and that have no decoder here.
fn foreign(head: &[u8]) -> Option<&'static str> {
    const ASF: &[u8] = &[0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11];
    let brand = head.get(8..11).filter(|_| head.get(4..8) == Some(b"ftyp"));
    [
        (&b"#!AMR"[..], "AMR"),
        (ASF, "WMA"),
        (&[0x0b, 0x77], "AC-3"),
        (b".RMF", "RealAudio"),
        (b".ra\xfd", "RealAudio"),
        (b"MAC ", "Monkey's Audio"),
        (b"wvpk", "WavPack"),
        (b"TTA1", "True Audio"),
        (b"NIST_1A", "NIST SPHERE"),
        (b"MThd", "MIDI, which holds notes and no sound"),
        (b"RIFX", "RIFX, a WAV in the reverse order of bytes"),
        (b"riff\x2e\x91\xcf\x11", "Wave64"),
        (b".snd", "Sun AU"),
    ]
    .into_iter()
    .find_map(|(magic, name)| head.starts_with(magic).then_some(name))
    .or_else(|| (brand == Some(b"aax")).then_some("AAX, which is encrypted"))
}

/// Where the last of a file's atoms ends by their own sizes, and whether the index is among them.
fn atoms(source: &mut Box<dyn MediaSource>) -> io::Result<(u64, bool)> {
    let length = source.byte_len().unwrap_or(u64::MAX);
    let (mut at, mut has_index) = (0_u64, false);
    while at < length {
        source.seek(SeekFrom::Start(at))?;
        let mut header = [0; 16];
        let mut found = Vec::new();
        source.by_ref().take(16).read_to_end(&mut found)?;
        header[..found.len()].copy_from_slice(&found);
        let [a, b, c, d, n0, n1, n2, n3, rest @ ..] = header;
        if found.len() < 8 || (at == 0 && &header[..4] == b"caff") {
            return Ok((length, true));
        }
        has_index |= matches!(&[n0, n1, n2, n3], b"moov" | b"moof");
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => return Ok((length, has_index)),
            1 => u64::from_be_bytes(rest),
            size => u64::from(size),
        };
        if size < 8 {
            return Ok((length, has_index));
        }
        at = at.saturating_add(size);
    }
    Ok((at, has_index))
}

/// What follows the last packet at the end; nothing where that cannot be found.
fn after<'a>(tail: &'a [u8], last_packet: &[u8]) -> &'a [u8] {
    let end = &last_packet[last_packet.len().saturating_sub(64)..];
    if end.is_empty() {
        return &[];
    }
    let found = tail.windows(end.len()).rposition(|bytes| bytes == end);
    found
        .and_then(|at| tail.get(at + end.len()..))
        .unwrap_or_default()
}

/// Whether a frame of MPEG audio begins here.
fn is_frame(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, second, ..] if second & 0xe0 == 0xe0)
}

/// Where the one segment of a Matroska file ends, unless it was recorded with an open end.
fn segment_end(head: &[u8]) -> Option<u64> {
    let number = |at: usize| {
        let first = *head.get(at)?;
        let length = first.leading_zeros() as usize + 1;
        let bytes = head.get(at..at + length)?;
        let value = bytes[1..].iter().fold(
            u64::from(first) & ((1_u64 << (8 - length.min(8))) - 1),
            |value, &byte| value << 8 | u64::from(byte),
        );
        let open = value == (1_u64 << (7 * length)) - 1;
        Some((value, length, open))
    };
    let (size, length, _) = number(4)?;
    let at = 4 + length + usize::try_from(size).ok()?;
    let size_at = (head.get(at..at + 4)? == SEGMENT).then_some(at + 4)?;
    let (size, length, open) = number(size_at)?;
    (!open).then_some((size_at + length) as u64 + size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert_eq!(kind(b"RF64\xff\xff\xff\xffWAVEds64"), Kind::Wav);
        assert_eq!(kind(b"RIFF\0\0\0\0AVI "), Kind::Stream);
        assert_eq!(kind(b"\0\0\0\x1cftypM4A "), Kind::Indexed);
        assert_eq!(kind(b"\xff\xfb\x90\x64"), Kind::Frames);
        assert_eq!(kind(b"Og"), Kind::Stream);
        assert_eq!(foreign(b"#!AMR\n"), Some("AMR"));
        assert_eq!(foreign(b"OggS"), None);
    }

    #[test]
    fn only_the_beginning_of_another_frame_is_a_cut() {
        let cut = |tail: &[u8]| is_frame(after(tail, b"a frame"));
        assert!(cut(b"....a frame\xff\xfbxy"));
        assert!(!cut(b"....a frame"));
        assert!(!cut(b"....a frameTAGtitle"));
        assert!(!cut(b"") && after(b"tail", b"").is_empty());
    }

    #[test]
    fn a_segment_tells_its_end_unless_it_is_open() {
        let head = |size: [u8; 8]| [EBML, &[0x82, 9, 9], SEGMENT, &size].concat();
        assert_eq!(segment_end(&head([1, 0, 0, 0, 0, 0, 1, 2])), Some(19 + 258));
        assert_eq!(segment_end(&head([0xff; 8])), None);
        assert_eq!(
            segment_end(&head([1, 255, 255, 255, 255, 255, 255, 255])),
            None
        );
        assert_eq!(
            segment_end(&head([0x84, 0, 0, 0, 0, 0, 0, 0])),
            Some(12 + 4)
        );
    }
}
