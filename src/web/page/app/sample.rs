//! What the app does with a sample: fetches it, lets it be heard, has it judged as any file.

use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use super::{App, Live};
use crate::web::{
    error::WebError,
    page::{
        samples::{Playing, Sample},
        signal::Signal,
    },
};

impl App {
    /// Fetches a sample that was asked for.
    pub(super) fn fetch_sample(&mut self, sample: &'static Sample) {
        self.playing = None;
        let mailbox = self.mailbox.clone();
        spawn_local(async move {
            let fetched = sample.fetch().await;
            mailbox.send(Signal::SampleFetched(fetched));
        });
    }

    /// Lets a sample be heard and has it judged.
    pub(super) fn open_sample(&mut self, fetched: Result<File, WebError>) {
        match fetched {
            Ok(file) => {
                // A microphone that is listened to would hear it.
                if matches!(self.live, Live::None) {
                    self.playing = Playing::start(&file);
                }
                self.open_files(vec![file], 0);
            }
            Err(error) => self.show_error(error),
        }
    }
}
