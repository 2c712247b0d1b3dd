//! The decoder's program, which the page starts for its first file.

fn main() {
    speech_emotion::web::run_decoder();
}
