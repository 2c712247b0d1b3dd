//! What is done with an input, and what must hold of it whatever it is: for the fuzzer's programs, and for the
//! ordinary test that replays what is kept in `seeds/` (training/tests/fuzz_seeds.rs, which takes these files in).

pub mod engine;
#[cfg(feature = "onnx")]
pub mod model;
#[cfg(feature = "trainer")]
pub mod trainer;
