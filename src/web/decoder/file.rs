//! A file of the browser's as bytes that can be read and sought, a block at a time.

use std::{
    cell::RefCell,
    io::{self, Read, Seek, SeekFrom},
};

use js_sys::Uint8Array;
use web_sys::{Blob, FileReaderSync};

use crate::recording::MediaSource;

/// Bytes read at once.
const BLOCK_BYTES: u64 = 1 << 18;

thread_local! {
    /// The file of this worker. A source may be sent to another thread, what belongs to JavaScript may not.
    static FILE: RefCell<Option<Blob>> = const { RefCell::new(None) };
}

/// Reads the file of this worker.
pub struct FileSource {
    at: u64,
    length: u64,
    /// The block read last, and where it begins.
    block: Vec<u8>,
    block_at: u64,
}

impl FileSource {
    /// From the beginning of a file, which becomes that of this worker.
    pub fn new(file: Blob) -> Self {
        let length = file.size() as u64;
        FILE.set(Some(file));
        Self {
            at: 0,
            length,
            block: Vec::new(),
            block_at: 0,
        }
    }

    /// Bytes of the block from the present place on.
    fn ahead(&self) -> &[u8] {
        let skipped = self.at.checked_sub(self.block_at);
        let skipped = skipped.and_then(|skipped| usize::try_from(skipped).ok());
        skipped
            .and_then(|skipped| self.block.get(skipped..))
            .unwrap_or_default()
    }
}

impl Read for FileSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.length || buffer.is_empty() {
            return Ok(0);
        }
        if self.ahead().is_empty() {
            let end = self.length.min(self.at + BLOCK_BYTES);
            self.block = read(self.at, end).ok_or(io::ErrorKind::NotFound)?;
            self.block_at = self.at;
        }
        let ahead = self.ahead();
        let count = ahead.len().min(buffer.len());
        if count == 0 {
            // Shorter than when it was chosen.
            return Err(io::ErrorKind::NotFound.into());
        }
        buffer[..count].copy_from_slice(&ahead[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

/// None when the file was moved, changed or removed since it was chosen.
fn read(start: u64, end: u64) -> Option<Vec<u8>> {
    FILE.with_borrow(|file| {
        let slice = file
            .as_ref()?
            .slice_with_f64_and_f64(start as f64, end as f64)
            .ok()?;
        let reader = FileReaderSync::new().ok()?;
        let bytes = reader.read_as_array_buffer(&slice).ok()?;
        Some(Uint8Array::new(bytes.as_ref()).to_vec())
    })
}

impl Seek for FileSource {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl MediaSource for FileSource {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
