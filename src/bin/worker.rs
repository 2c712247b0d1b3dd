//! The worker's program.

fn main() {
    speech_emotion::web::run_worker();
}
