//! Digests that distinguish one input from another in files and messages.

use sha2::{Digest, Sha256};

/// `bytes` in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest's first eight bytes in hexadecimal digits.
pub fn short(sha256: Sha256) -> String {
    hex(&sha256.finalize()[..8])
}
