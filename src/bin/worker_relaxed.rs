//! The worker's program for browsers with relaxed SIMD.

fn main() {
    speech_emotion::web::run_worker();
}
