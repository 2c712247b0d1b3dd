//! One program at a time in a folder: two that write the same files would ruin them for each other.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Held by whoever works in the folder.
const LOCK_FILE: &str = "running.lock";

/// The folder is ours until this is dropped, or the program ends however it ends.
#[derive(Debug)]
pub struct Running {
    file: File,
    path: PathBuf,
}

impl Running {
    /// Takes a folder, which must be there, for `what`, such as "a training".
    ///
    /// # Errors
    /// When another program has it, or it cannot be written to.
    pub fn begin(folder: &Path, what: &str) -> Result<Self> {
        let path = folder.join(LOCK_FILE);
        let write = || format!("cannot write {}", path.display());
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(write)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path }),
            Err(TryLockError::WouldBlock) => bail!(
                "{what} is already running in {}; wait until it has ended, or name another folder with --data",
                folder.display()
            ),
            Err(TryLockError::Error(error)) => Err(error).with_context(write),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // First, so that nobody takes a lock that is about to be nobody's.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let first = Running::begin(folder.path(), "a training").unwrap();
        let error = Running::begin(folder.path(), "a training").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("a training is already running in "),
            "{error}"
        );
        drop(first);
        drop(Running::begin(folder.path(), "a training").unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
