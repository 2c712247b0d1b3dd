//! Fetches RAVDESS's speech archive: resumes where an earlier download stopped and accepts nothing
//! but the published bytes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use md5::{Digest, Md5};
use ureq::http::{StatusCode, header};

use crate::{digest::hex, interrupt};

/// A published file: where it is and what it is known to be.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its name on disk.
    pub file_name: String,
    /// Where it is.
    pub url: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its MD5 in lower-case hexadecimal digits.
    pub md5: String,
}

impl Archive {
    /// The audio-only speech of all 24 actors, from Zenodo record 1188976.
    pub fn ravdess_speech() -> Self {
        let file_name = "Audio_Speech_Actors_01-24.zip";
        Self {
            file_name: file_name.into(),
            url: format!("https://zenodo.org/records/1188976/files/{file_name}?download=1"),
            size_bytes: 208_468_073,
            md5: "bc696df654c87fed845eb13823edef8a".into(),
        }
    }

    /// Makes sure that the archive is in `folder` and whole, and returns its path.
    ///
    /// A file already there is checked, not fetched again. A download in progress is kept as
    /// `<file name>.part` and continued by the next call. `progress` counts bytes.
    ///
    /// # Errors
    /// When the server cannot be reached or stops early, when the bytes are not the published
    /// ones, when the disk is full, or when `stop` is set.
    pub fn fetch(
        &self,
        folder: &Path,
        progress: &ProgressBar,
        stop: &AtomicBool,
    ) -> Result<PathBuf> {
        let path = folder.join(&self.file_name);
        if path.exists() {
            self.verify(&path).with_context(|| {
                format!("delete {} and run the same command again", path.display())
            })?;
            return Ok(path);
        }
        let part = folder.join(format!("{}.part", self.file_name));
        self.fetch_part(&part, progress, stop)?;
        if let Err(error) = self.verify(&part) {
            // All its bytes are there and some are wrong: nothing in it can be continued.
            fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
            return Err(error.context(
                "the download was damaged on its way and has been removed; run the same command \
                 again",
            ));
        }
        fs::rename(&part, &path)
            .with_context(|| format!("cannot rename {} to {}", part.display(), path.display()))?;
        Ok(path)
    }

    fn fetch_part(&self, part: &Path, progress: &ProgressBar, stop: &AtomicBool) -> Result<()> {
        let mut have = fs::metadata(part).map_or(0, |metadata| metadata.len());
        if have == self.size_bytes {
            return Ok(());
        }
        if have > self.size_bytes {
            have = 0;
        }
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut response = agent
            .get(&self.url)
            .header(header::RANGE, format!("bytes={have}-"))
            .call()
            .with_context(|| {
                format!(
                    "cannot reach {}; check the network connection and run the same command again",
                    self.url
                )
            })?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = response.headers().get(header::CONTENT_RANGE);
                let starts_there = range
                    .and_then(|range| range.to_str().ok())
                    .is_some_and(|range| range.starts_with(&format!("bytes {have}-")));
                ensure!(
                    starts_there,
                    "{} answered with another part of the file than byte {have} onwards; delete {} \
                     and run the same command again",
                    self.url,
                    part.display()
                );
            }
            // The server does not continue downloads: begin anew.
            StatusCode::OK => have = 0,
            status => bail!(
                "{} answered {status}; try again later, or download the file with a browser and \
                 put it beside {}",
                self.url,
                part.display()
            ),
        }

        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(part)
            .and_then(|mut file| {
                file.set_len(have)?;
                io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
                Ok(file)
            })
            .with_context(|| format!("cannot write {}", part.display()))?;
        progress.set_length(self.size_bytes);
        progress.set_position(have);
        progress.reset_eta();
        let mut body = response.body_mut().as_reader();
        let mut block = vec![0; 1 << 16];
        while have < self.size_bytes {
            interrupt::check(stop)?;
            let stopped_early = || {
                format!(
                    "the download stopped after {have} of {} bytes; run the same command again to \
                     continue it",
                    self.size_bytes
                )
            };
            let n = body.read(&mut block).with_context(stopped_early)?;
            ensure!(n > 0, stopped_early());
            let n = n.min(usize::try_from(self.size_bytes - have).unwrap_or(n));
            file.write_all(&block[..n]).with_context(|| {
                format!(
                    "cannot write {}; make room and run the same command again to continue",
                    part.display()
                )
            })?;
            have += n as u64;
            progress.set_position(have);
        }
        file.sync_all()
            .with_context(|| format!("cannot write {}", part.display()))
    }

    fn verify(&self, path: &Path) -> Result<()> {
        let read = || format!("cannot read {}", path.display());
        let mut file = File::open(path).with_context(read)?;
        let size = file.metadata().with_context(read)?.len();
        ensure!(
            size == self.size_bytes,
            "{} has {size} bytes instead of {}",
            path.display(),
            self.size_bytes
        );
        let mut md5 = Md5::new();
        let mut block = vec![0; 1 << 20];
        loop {
            let n = file.read(&mut block).with_context(read)?;
            if n == 0 {
                break;
            }
            md5.update(&block[..n]);
        }
        let found = hex(&md5.finalize());
        ensure!(
            found == self.md5,
            "{} is not the published file: its MD5 is {found} instead of {}",
            path.display(),
            self.md5
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        net::TcpListener,
        thread,
    };

    use super::*;

    const CONTENT: &[u8] = b"Kids are talking by the door. Dogs are sitting by the door.";
    const MD5: &str = "982f164bb0d660d98bf4ba93aeb746be";

    /// Answers one request and returns the first byte it asked for. `send` bytes of the rest are
    /// sent although all of it is announced.
    struct Server {
        url: String,
        thread: thread::JoinHandle<u64>,
    }

    impl Server {
        fn start(content: &'static [u8], ranges: bool, send: usize) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/archive.zip", listener.local_addr().unwrap());
            let thread = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = 0;
                for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                    let line = line.unwrap().to_lowercase();
                    if let Some(range) = line.strip_prefix("range: bytes=") {
                        asked = range.trim_end_matches('-').parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let (status, from) = match ranges {
                    true => ("206 Partial Content", usize::try_from(asked).unwrap()),
                    false => ("200 OK", 0),
                };
                let rest = &content[from..];
                let last = content.len() - 1;
                let all = content.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\
                     Content-Range: bytes {from}-{last}/{all}\r\nConnection: close\r\n\r\n",
                    rest.len()
                )
                .unwrap();
                stream.write_all(&rest[..send.min(rest.len())]).unwrap();
                asked
            });
            Self { url, thread }
        }

        fn archive(&self) -> Archive {
            Archive {
                file_name: "archive.zip".into(),
                url: self.url.clone(),
                size_bytes: CONTENT.len() as u64,
                md5: MD5.into(),
            }
        }
    }

    fn fetch(archive: &Archive, folder: &Path) -> Result<PathBuf> {
        archive.fetch(folder, &ProgressBar::hidden(), &AtomicBool::new(false))
    }

    #[test]
    fn a_download_cut_short_is_continued_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(CONTENT, true, 20);
        let error = fetch(&server.archive(), folder.path()).unwrap_err();
        assert!(
            format!("{error:#}").contains("stopped after 20 of 59 bytes"),
            "{error:#}"
        );
        assert_eq!(server.thread.join().unwrap(), 0);
        assert_eq!(
            fs::read(folder.path().join("archive.zip.part")).unwrap(),
            CONTENT[..20]
        );

        let server = Server::start(CONTENT, true, CONTENT.len());
        let path = fetch(&server.archive(), folder.path()).unwrap();
        assert_eq!(server.thread.join().unwrap(), 20);
        assert_eq!(fs::read(path).unwrap(), CONTENT);
        assert!(!folder.path().join("archive.zip.part").exists());
    }

    #[test]
    fn a_server_without_ranges_is_read_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("archive.zip.part"), b"old bytes").unwrap();
        let server = Server::start(CONTENT, false, CONTENT.len());
        let path = fetch(&server.archive(), folder.path()).unwrap();
        assert_eq!(fs::read(path).unwrap(), CONTENT);
    }

    #[test]
    fn other_bytes_than_the_published_ones_are_refused_and_removed() {
        const OTHER: &[u8] = b"Kids are talking by the door. Cats are sitting by the door.";
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(OTHER, true, OTHER.len());
        let error = format!("{:#}", fetch(&server.archive(), folder.path()).unwrap_err());
        assert!(error.contains("damaged on its way"), "{error}");
        assert!(error.contains(&format!("instead of {MD5}")), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_already_there_is_checked_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive {
            file_name: "archive.zip".into(),
            url: "http://127.0.0.1:9/never-asked".into(),
            size_bytes: CONTENT.len() as u64,
            md5: MD5.into(),
        };
        let path = folder.path().join("archive.zip");
        fs::write(&path, CONTENT).unwrap();
        assert_eq!(fetch(&archive, folder.path()).unwrap(), path);

        fs::write(&path, &CONTENT[..40]).unwrap();
        let error = format!("{:#}", fetch(&archive, folder.path()).unwrap_err());
        assert!(error.contains("40 bytes instead of 59"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), CONTENT[..40]);
    }

    #[test]
    fn without_a_network_the_address_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive {
            file_name: "archive.zip".into(),
            url: "http://127.0.0.1:9/archive.zip".into(),
            size_bytes: 1,
            md5: MD5.into(),
        };
        let error = format!("{:#}", fetch(&archive, folder.path()).unwrap_err());
        assert!(
            error.starts_with("cannot reach http://127.0.0.1:9/archive.zip"),
            "{error}"
        );
    }

    #[test]
    fn an_interrupted_download_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("archive.zip.part");
        fs::write(&part, &CONTENT[..10]).unwrap();
        let server = Server::start(CONTENT, true, CONTENT.len());
        let error = server
            .archive()
            .fetch(
                folder.path(),
                &ProgressBar::hidden(),
                &AtomicBool::new(true),
            )
            .unwrap_err();
        assert!(error.is::<interrupt::Interrupted>(), "{error:#}");
        assert_eq!(fs::read(part).unwrap(), CONTENT[..10]);
    }
}
