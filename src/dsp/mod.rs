//! Numerics that know nothing of speech: taper, spectrum, mel filterbank, cosine transform, sums,
//! sigmoid functions.
//!
//! Tables are computed in `f64` and rounded once; signals are `f32`.

pub mod activation;
pub mod dct;
pub mod mel;
pub mod spectrum;
pub mod sum;
pub mod window;
