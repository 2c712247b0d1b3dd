//! epochs.jsonl: how every epoch of a training run went, one JSON object per line.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::EpochReport;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counts from 1.
    pub epoch: usize,
    /// Mean training loss in nats.
    pub loss: f32,
    /// Share of training segments recognised, augmented.
    pub accuracy: f32,
    /// Unweighted average recall of the averaged weights on actors not used in training; only if a
    /// network has such actors to be monitored on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_uar: Option<f64>,
    /// Duration.
    pub seconds: f32,
}

/// The log file of one training run.
#[derive(Clone, Debug)]
pub struct EpochLog {
    path: PathBuf,
}

impl EpochLog {
    /// For the folder of a run.
    pub fn new(run_dir: &Path) -> Self {
        Self {
            path: run_dir.join("epochs.jsonl"),
        }
    }

    /// Adds a line; the first epoch starts the file afresh.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn note(&self, report: &EpochReport, validation_uar: Option<f64>) -> Result<()> {
        let epoch = Epoch {
            epoch: report.epoch,
            loss: report.loss,
            accuracy: report.accuracy,
            validation_uar,
            seconds: report.seconds,
        };
        let line = serde_json::to_string(&epoch)? + "\n";
        let starts = report.epoch == 1;
        fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(starts)
            .append(!starts)
            .open(&self.path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// The epochs logged so far; none if there is no file.
    pub fn read(&self) -> Vec<Epoch> {
        let Ok(file) = fs::File::open(&self.path) else {
            return Vec::new();
        };
        BufReader::new(file)
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str(&line).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(epoch: usize) -> EpochReport {
        EpochReport {
            epoch,
            epochs: 3,
            loss: 2.0 / epoch as f32,
            accuracy: 0.5,
            seconds: 4.0,
            eta_s: 8.0,
        }
    }

    #[test]
    fn epochs_are_added_line_by_line_and_the_first_starts_afresh() {
        let folder = tempfile::tempdir().unwrap();
        let log = EpochLog::new(folder.path());
        assert_eq!(log.read(), []);
        log.note(&report(2), None).unwrap();
        for epoch in 1..=3 {
            log.note(&report(epoch), Some(0.25)).unwrap();
        }
        let epochs = log.read();
        assert_eq!(epochs.len(), 3);
        assert_eq!((epochs[2].epoch, epochs[1].loss), (3, 1.0));
        assert_eq!(epochs[0].validation_uar, Some(0.25));
    }
}
