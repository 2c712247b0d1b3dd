//! From incoming PCM to 16 kHz mono: who speaks on which channel, mixing of channels, and sample-rate conversion.

mod lanes;
mod mix;
mod resampler;

pub use lanes::{Lanes, Loudness, UnknownLanes};
pub use mix::{MAX_AMPLITUDE, Mixer};
pub use resampler::{CUTOFF, Resampler, SINC_TAPS};

/// The rate at which everything after [`Resampler`] works.
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// Lowest sample rate accepted.
pub const MIN_SAMPLE_RATE_HZ: u32 = 8_000;

/// Highest sample rate accepted.
pub const MAX_SAMPLE_RATE_HZ: u32 = 192_000;

/// Why audio cannot be processed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The sample rate is out of range.
    #[error(
        "audio at {0} Hz cannot be processed: use a sample rate from {MIN_SAMPLE_RATE_HZ} to \
         {MAX_SAMPLE_RATE_HZ} Hz"
    )]
    SampleRate(u32),
}
