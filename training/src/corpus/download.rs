//! Fetches the archive of a published corpus: resumes where an earlier download stopped and accepts
//! nothing but the published bytes.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use md5::{Digest, Md5};
use ureq::http::{HeaderMap, StatusCode, header};
use zip::ZipArchive;

pub use super::published::Proof;
use super::published::{Published, Source};
use crate::{digest::hex, interrupt};

/// A published file: where it is and how to recognise it.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Its name on disk.
    pub file_name: String,
    /// Where it is.
    pub url: String,
    /// What it is recognised by.
    pub proof: Proof,
}

impl fmt::Display for Archive {
    /// Address and proof, in lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.proof {
            Proof::Md5 { size, md5 } => write!(
                f,
                "{}\n  {size} bytes ({:.0} MB), MD5 {md5}",
                self.url,
                size as f64 / 1e6
            ),
            Proof::Commit(commit) => write!(
                f,
                "{}\n  commit {commit}, packed anew for every download: its size is not known in \
                 advance, and every file in it is checked against its own checksum",
                self.url
            ),
        }
    }
}

impl Archive {
    /// The archive of a corpus.
    ///
    /// # Errors
    /// When no address for it could be verified; the error says how else to get it.
    pub fn of(corpus: Published) -> Result<Self> {
        let about = corpus.about();
        match about.source {
            Source::Archive {
                file_name,
                url,
                proof,
            } => Ok(Self {
                file_name: file_name.into(),
                url: url.into(),
                proof,
            }),
            Source::Elsewhere(how) => bail!(
                "{} cannot be downloaded by this program, because no address is known that publishes it with \
                 a checksum. {how}. Give extract that folder with --corpus {corpus}=DIR",
                about.title
            ),
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
            // All its bytes are there and some are wrong: nothing in it can be reused.
            fs::remove_file(&part).with_context(|| format!("cannot remove {}", part.display()))?;
            return Err(error.context(
                "the download was damaged in transit and has been removed; run the same command \
                 again",
            ));
        }
        fs::rename(&part, &path)
            .with_context(|| format!("cannot rename {} to {}", part.display(), path.display()))?;
        Ok(path)
    }

    fn fetch_part(&self, part: &Path, progress: &ProgressBar, stop: &AtomicBool) -> Result<()> {
        let mut have = fs::metadata(part).map_or(0, |metadata| metadata.len());
        let published = match self.proof {
            Proof::Md5 { size, .. } => Some(size),
            Proof::Commit(_) => None,
        };
        if published == Some(have) {
            return Ok(());
        }
        if published.is_some_and(|size| have > size) {
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
                    "{} did not send the file from byte {have} onwards; delete {} and run the same \
                     command again",
                    self.url,
                    part.display()
                );
            }
            // The server does not resume downloads: start again.
            StatusCode::OK => have = 0,
            // There is nothing more to send.
            StatusCode::RANGE_NOT_SATISFIABLE if have > 0 && published.is_none() => return Ok(()),
            status => bail!(
                "{} answered {status}; try again later, or download the file with a browser and \
                 put it beside {}",
                self.url,
                part.display()
            ),
        }

        let size = published.or_else(|| announced(response.headers(), have));
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
        if let Some(size) = size {
            progress.set_length(size);
        }
        progress.set_position(have);
        progress.reset_eta();
        let mut body = response.body_mut().as_reader();
        let mut block = vec![0; 1 << 16];
        while size.is_none_or(|size| have < size) {
            interrupt::check(stop)?;
            let stopped_early = || {
                let of = size.map_or(String::new(), |size| format!(" of {size}"));
                format!(
                    "the download stopped after {have}{of} bytes; run the same command again to \
                     continue it"
                )
            };
            let n = body.read(&mut block).with_context(stopped_early)?;
            if n == 0 && size.is_none() {
                break;
            }
            ensure!(n > 0, stopped_early());
            let rest = size.map_or(u64::MAX, |size| size - have);
            let n = n.min(usize::try_from(rest).unwrap_or(n));
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
        match self.proof {
            Proof::Md5 { size, md5 } => verify_md5(path, size, md5),
            Proof::Commit(commit) => verify_commit(path, commit),
        }
    }
}

/// Size of the whole file, according to the answer to a request from byte `from` onwards.
fn announced(headers: &HeaderMap, from: u64) -> Option<u64> {
    let number = |name| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    Some(from + number(header::CONTENT_LENGTH)?)
}

fn verify_md5(path: &Path, size: u64, md5: &str) -> Result<()> {
    let read = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(read)?;
    let found = file.metadata().with_context(read)?.len();
    ensure!(
        found == size,
        "{} has {found} bytes instead of {size}",
        path.display()
    );
    let mut digest = Md5::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut block).with_context(read)?;
        if n == 0 {
            break;
        }
        digest.update(&block[..n]);
    }
    let found = hex(&digest.finalize());
    ensure!(
        found == md5,
        "{} is not the published file: its MD5 is {found} instead of {md5}",
        path.display()
    );
    Ok(())
}

/// Checks that the archive's comment is the commit, and that every file in it has the right
/// checksum.
fn verify_commit(path: &Path, commit: &str) -> Result<()> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let whole = || format!("{name} is not a whole zip archive");
    let mut archive = ZipArchive::new(file).with_context(whole)?;
    let comment = String::from_utf8_lossy(archive.comment()).into_owned();
    ensure!(
        comment == commit,
        "{name} is not the published file: it is of commit {comment:?} instead of {commit}"
    );
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).with_context(whole)?;
        io::copy(&mut entry, &mut io::sink()).with_context(|| format!("{name} is damaged"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        net::TcpListener,
        thread,
    };

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    const CONTENT: &[u8] = b"Kids are talking by the door. Dogs are sitting by the door.";
    const MD5: &str = "982f164bb0d660d98bf4ba93aeb746be";
    const PROOF: Proof = Proof::Md5 {
        size: CONTENT.len() as u64,
        md5: MD5,
    };
    const COMMIT: &str = "06f1f83dde8f1a780443a57d53b2af3971af34ab";

    /// A small archive, packed as code hosts do for a commit.
    fn packed(comment: &str) -> &'static [u8] {
        let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file("nEMO/samples/KD0_anger_1.wav", stored)
            .unwrap();
        zip.write_all(b"angry angry angry").unwrap();
        zip.set_comment(comment).unwrap();
        Box::leak(zip.finish().unwrap().into_inner().into_boxed_slice())
    }

    fn of_commit(server: &Server) -> Archive {
        Archive {
            proof: Proof::Commit(COMMIT),
            ..server.archive()
        }
    }

    /// Answers one request and returns the first byte it asked for. Only `send` bytes of the rest
    /// are sent, although all of it is announced.
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
                proof: PROOF,
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
        assert!(error.contains("damaged in transit"), "{error}");
        assert!(error.contains(&format!("instead of {MD5}")), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_archive_of_a_commit_is_continued_and_known_by_its_comment_and_checksums() {
        let folder = tempfile::tempdir().unwrap();
        let content = packed(COMMIT);
        let server = Server::start(content, true, 50);
        let error = fetch(&of_commit(&server), folder.path()).unwrap_err();
        let stopped = format!("stopped after 50 of {} bytes", content.len());
        assert!(format!("{error:#}").contains(&stopped), "{error:#}");
        let server = Server::start(content, true, content.len());
        let path = fetch(&of_commit(&server), folder.path()).unwrap();
        assert_eq!(server.thread.join().unwrap(), 50);
        assert_eq!(fs::read(path).unwrap(), content);
    }

    #[test]
    fn an_archive_of_another_commit_or_with_a_damaged_file_is_refused_and_removed() {
        let mut damaged = packed(COMMIT).to_vec();
        let at = damaged.windows(5).position(|w| w == b"angry").unwrap();
        damaged[at] = b'h';
        let damaged: &'static [u8] = Box::leak(damaged.into_boxed_slice());
        for (content, said) in [
            (
                packed("0123"),
                "it is of commit \"0123\" instead of 06f1f83",
            ),
            (damaged, "is damaged"),
            (CONTENT, "is not a whole zip archive"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let server = Server::start(content, true, content.len());
            let error = format!(
                "{:#}",
                fetch(&of_commit(&server), folder.path()).unwrap_err()
            );
            assert!(error.contains("damaged in transit"), "{error}");
            assert!(error.contains(said), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn addresses_are_shown_with_what_the_file_is_known_by_and_none_is_made_up() {
        let shown = Archive::of(Published::RavdessSong).unwrap().to_string();
        assert!(
            shown.contains("Audio_Song_Actors_01-24.zip")
                && shown.contains("225505317 bytes")
                && shown.contains("MD5 5411230427d67a21e18aa4d466e6d1b9"),
            "{shown}"
        );
        let shown = Archive::of(Published::Nemo).unwrap().to_string();
        assert!(shown.contains(COMMIT), "{shown}");
        let error = Archive::of(Published::Emodb).unwrap_err().to_string();
        assert!(
            error.contains("EMO-DB cannot be downloaded") && error.contains("--corpus emodb=DIR"),
            "{error}"
        );
    }

    #[test]
    fn a_file_already_there_is_checked_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive {
            file_name: "archive.zip".into(),
            url: "http://127.0.0.1:9/never-asked".into(),
            proof: PROOF,
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
            proof: PROOF,
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
