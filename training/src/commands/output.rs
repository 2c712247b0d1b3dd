//! What the program prints: answers to standard output, remarks to standard error. Whoever reads the answers
//! may stop, as `head` does, and the disk they are sent to may be full.

use std::io::{self, ErrorKind, Write};

use anyhow::{Error, Result};

/// Nobody reads the answers any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub struct Closed;

/// Prints an answer and ends the line.
///
/// # Errors
/// [`Closed`], and when it cannot be written where it is sent.
pub fn say(answer: impl std::fmt::Display) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{answer}").and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        Err(error) => Err(Error::new(error).context(
            "cannot write the answer to standard output; make room where it is sent, or send it elsewhere",
        )),
    }
}

/// Prints a remark, if anybody listens.
pub fn remark(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
