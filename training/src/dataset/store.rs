//! Where the features of a data set are: in a file that is read on demand, or in memory.

use std::{fs::File, io, sync::Arc};

/// Bytes that can be read at any position, by several threads at once.
#[derive(Clone, Debug)]
pub(super) enum Store {
    /// In a file, which stays open for as long as the data set exists: a file that replaces it
    /// changes nothing.
    File(Arc<File>),
    /// In memory.
    Memory(Arc<Vec<u8>>),
}

impl Store {
    /// The `count` bytes from `offset` on.
    ///
    /// # Errors
    /// When there are fewer bytes than that, or the disk refuses.
    pub fn read(&self, offset: u64, count: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; count];
                read_exact_at(file, &mut bytes, offset)?;
                Ok(bytes)
            }
            Self::Memory(bytes) => usize::try_from(offset)
                .ok()
                .and_then(|offset| bytes.get(offset..offset.checked_add(count)?))
                .map(<[u8]>::to_vec)
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[n..];
        offset += n as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn file_and_memory_give_the_same_bytes_and_refuse_those_beyond_the_end() {
        let bytes: Vec<u8> = (0..200).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        for store in [
            Store::File(Arc::new(file)),
            Store::Memory(Arc::new(bytes.clone())),
        ] {
            assert_eq!(store.read(150, 50).unwrap(), bytes[150..]);
            assert_eq!(store.read(3, 4).unwrap(), [3, 4, 5, 6]);
            for (offset, count) in [(150, 51), (201, 1), (200, 1)] {
                let error = store.read(offset, count).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
            }
        }
    }
}
