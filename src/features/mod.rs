//! Acoustic features: from 16 kHz mono audio to the numbers the network sees.
//!
//! ```text
//! PCM → mix → Resampler → Framer ─┬─ Mfcc ──────── 64 MFCC ──┐
//!                                 ├─ energy ────── ln power ─┼─ Frame [F = 67] → segment [T, F]
//!                                 └─ PitchTracker ─ f0, v ───┘
//! ```
//!
//! Frame `n` is centred on sample `256 n`; everything before the first and after the last sample is
//! zero, so N samples give `1 + floor(N / 256)` frames. Live use and training call the same
//! [`FrontEnd`] and the same [`segment`]; there is no second implementation.
//!
//! Not done here: deltas, per-speaker or per-clip mean normalisation (it removes what distinguishes
//! emotions), and the standardisation of mel bands, which is part of the network.

mod config;
mod energy;
mod framer;
mod front_end;
mod level;
mod mfcc;
mod pitch;
mod trim;

pub use config::FrontEndConfig;
pub use energy::log_energy;
pub use framer::{FRAME_SAMPLES, HOP_SAMPLES};
pub use front_end::{Frame, FrontEnd, PITCH_REFERENCE_HZ};
pub use level::{
    LEVEL_OFFSET, SEGMENT_MULTIPLE, energies, level, level_shift, levelled, segment, subtract_level,
};
pub use mfcc::{Mfcc, dct_matrix};
pub use pitch::{Pitch, PitchTracker};
pub use trim::trim;

/// Number of cepstral coefficients, at index 0 of a frame; as many as mel bands.
pub const N_MFCC: usize = 64;

/// Index of the log energy in a frame.
pub const ENERGY: usize = 64;

/// Index of the pitch in a frame: `log2(f0 / 100 Hz)`, 0 when no period was found.
pub const PITCH: usize = 65;

/// Index of the voicing in a frame: height of the autocorrelation peak, 0 to 1.
pub const VOICING: usize = 66;

/// Number of features of a frame, F.
pub const N_FEATURES: usize = 67;
