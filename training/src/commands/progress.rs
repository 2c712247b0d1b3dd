//! Progress bars; nothing is drawn when standard error is not a terminal.

use std::{path::Path, time::Duration};

use anyhow::Result;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::output;
use training::{
    learning::{EpochReport, Progress, epochs::EpochLog},
    network::Network,
};

/// A bar that counts bytes.
pub fn bytes(what: &str) -> ProgressBar {
    bar(
        what,
        "{msg}  {wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
    )
}

/// A bar that counts clips, files or epochs.
pub fn items(what: &str) -> ProgressBar {
    bar(what, "{msg}  {wide_bar} {pos}/{len}  {eta} left")
}

fn bar(what: &str, template: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0)
        .with_style(style)
        .with_message(what.to_owned())
}

/// Shows one training run (a bar over all its steps and a line per epoch) and logs its epochs.
pub struct TrainingBar {
    bar: ProgressBar,
    epochs: usize,
    log: EpochLog,
}

impl TrainingBar {
    /// For a training run of this many epochs in this folder.
    pub fn new(epochs: usize, run_dir: &Path) -> Self {
        let bar = items(&format!("training, {epochs} epochs"));
        let log = EpochLog::new(run_dir);
        Self { bar, epochs, log }
    }
}

impl Progress for TrainingBar {
    fn step(&mut self, epoch: usize, done: usize, steps: usize) {
        let position = ((epoch - 1) * steps + done) as u64;
        self.bar.set_length((self.epochs * steps) as u64);
        if self.bar.position() == 0 {
            // A training run that is resumed does not start at 0; the time left is estimated from
            // here.
            self.bar.set_position(position);
            self.bar.reset_eta();
        }
        self.bar.set_position(position);
    }

    fn epoch(&mut self, report: &EpochReport, _network: &dyn Fn() -> Network) -> Result<()> {
        self.log.note(report, None)?;
        let EpochReport { epoch, epochs, .. } = *report;
        self.bar.suspend(|| {
            output::remark(format_args!(
                "epoch {epoch}/{epochs}: loss {:.3}, accuracy {:.1} %, {:.0} s, {} left",
                report.loss,
                100.0 * report.accuracy,
                report.seconds,
                HumanDuration(Duration::from_secs_f32(report.eta_s))
            ));
        });
        Ok(())
    }
}
