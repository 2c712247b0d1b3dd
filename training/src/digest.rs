//! Digests that tell one input from another in files and messages.

use sha2::{Digest, Sha256};

/// Its first eight bytes in hexadecimal digits.
pub fn hex(sha256: Sha256) -> String {
    sha256.finalize()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
