//! Files that are there as a whole or not at all, whatever happens while they are written.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A file beside its place until all of it is written; gone when it is dropped before.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    part: PathBuf,
}

impl Draft {
    /// For a file at `path`, whose folder must be there.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub fn begin(path: PathBuf) -> io::Result<Self> {
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let draft = Self {
            path,
            part: part.into(),
        };
        fs::File::create(&draft.part)?;
        Ok(draft)
    }

    /// Writes all of it, puts it in its place and gives that.
    ///
    /// # Errors
    /// When it cannot be written; what was there before stays.
    pub fn finish(self, bytes: &[u8]) -> io::Result<PathBuf> {
        let file = fs::File::create(&self.part)?;
        io::Write::write_all(&mut &file, bytes)?;
        // Some disks tell only now that they are full.
        file.sync_all()?;
        fs::rename(&self.part, &self.path)?;
        Ok(self.path.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Not there any more when it took its place.
        let _ = fs::remove_file(&self.part);
    }
}

/// Writes a file at `path` in place of what is there.
///
/// # Errors
/// When it cannot be written; what was there before stays and nothing else.
pub fn replace(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    Draft::begin(path.to_owned())?
        .finish(contents.as_ref())
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        replace(&path, b"old").unwrap();
        drop(Draft::begin(path.clone()).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        // A folder stands where the file should be.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(replace(&taken, b"new").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let part = folder.path().join("model.onnx.part");
        std::os::unix::fs::symlink("/dev/full", &part).unwrap();
        let error = replace(&path, b"weights").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(fs::symlink_metadata(&part).is_err() && !path.exists());
    }
}
