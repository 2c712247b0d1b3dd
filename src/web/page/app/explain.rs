//! What the app does to show how an answer came about.

use super::App;
use crate::{explanation::Explanation, protocol::Command};

impl App {
    /// Asks how the newest answer came about, while anybody looks.
    pub(super) fn explain(&self) {
        if self.display.view.explain.is_open() {
            let session = self.shown;
            self.tell(&Command::Explain { session });
        }
    }

    /// Shows how it did.
    pub(super) fn explained(&self, explanation: Option<&Explanation>) {
        let view = &self.display.view;
        match explanation {
            // A canvas that cannot be drawn leaves the words.
            Some(explanation) => drop(view.explain.show(explanation, &view.names)),
            None => view.explain.clear(),
        }
    }
}
