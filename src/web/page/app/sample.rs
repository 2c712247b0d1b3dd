//! What the app does with a sample: fetches it, lets it be heard, has it judged as any file.

use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use super::App;
use crate::web::{
    error::WebError,
    page::{
        samples::{Playing, Sample},
        signal::Signal,
    },
    words::tr,
};

impl App {
    /// Fetches a sample that was asked for.
    pub(super) fn fetch_sample(&mut self, sample: &'static Sample) {
        self.open(None);
        self.display.interlude(
            &tr("One moment"),
            &tr(sample.name),
            &tr("Fetching the recording…"),
        );
        let (mailbox, attempt) = (self.mailbox.clone(), self.attempt);
        spawn_local(async move {
            let fetched = sample.fetch().await;
            mailbox.send(Signal::SampleFetched(attempt, fetched));
        });
    }

    /// Lets a sample be heard and has it judged.
    pub(super) fn open_sample(&mut self, fetched: Result<File, WebError>) {
        match fetched {
            Ok(file) => {
                let playing = Playing::start(&file);
                self.open_file(file);
                self.playing = playing;
            }
            Err(error) => self.opened(Err(error)),
        }
    }
}
