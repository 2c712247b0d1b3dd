//! Ctrl-C: a flag set by the signal and checked between units of work.

use std::sync::atomic::{AtomicBool, Ordering};

/// Ctrl-C was pressed. Everything finished before is kept.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; run the same command again to continue from here")]
pub struct Interrupted;

/// Whether to continue.
///
/// # Errors
/// [`Interrupted`] once `stop` is set.
pub fn check(stop: &AtomicBool) -> Result<(), Interrupted> {
    if stop.load(Ordering::Relaxed) {
        return Err(Interrupted);
    }
    Ok(())
}
