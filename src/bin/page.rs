//! The page's program.

fn main() {
    speech_emotion::web::run_page();
}
