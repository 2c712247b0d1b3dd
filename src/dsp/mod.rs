//! Numerics that know nothing of speech: taper, spectrum, mel filterbank, cosine transform, sums,
//! exponentials and logarithms.
//!
//! Tables are computed in `f64` and rounded once; signals are `f32`.

pub mod activation;
pub mod dct;
pub mod mel;
pub mod spectrum;
pub mod sum;
pub mod window;

/// Runs loops of `f` with the widest vector instructions of the processor; the results do not depend
/// on which they are. What `f` calls must be `#[inline(always)]` to be among them.
pub fn vectorise<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
