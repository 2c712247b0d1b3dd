//! Numerics that know nothing about speech: window, Fourier transform, spectrum, mel filterbank, cosine transform,
//! sums, exponentials and logarithms.
//!
//! Tables are computed in `f64` and rounded once; signals are `f32`.

pub mod activation;
pub mod dct;
pub mod fourier;
pub mod mel;
pub mod spectrum;
pub mod sum;
pub mod window;

/// Runs the loops of `f` with the processor's widest vector instructions; the results do not depend
/// on which those are. Whatever `f` calls must be `#[inline(always)]` to be included.
pub fn vectorise<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
