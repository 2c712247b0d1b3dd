//! The state of training after an epoch, as a file: training resumes from it bit for bit.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::optimizer::Optimizer;
use crate::dataset::tensor_file::TensorFile;
use crate::network::{Network, Parameter};

/// Everything that changes from epoch to epoch. Random numbers depend on seed and epoch alone.
#[derive(Clone, Debug)]
pub struct State {
    /// With the weights from which the next step starts.
    pub network: Network,
    /// Averaged values of all parameters.
    pub average: Vec<Vec<f32>>,
    /// Moments and number of steps.
    pub optimizer: Optimizer,
    /// Epochs completed.
    pub epoch: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// What the training depends on: an object of named fields.
    run: Value,
    epoch: usize,
    steps: usize,
}

/// Where the checkpoint of a run is.
pub fn path(run_dir: &Path) -> PathBuf {
    run_dir.join("checkpoint.safetensors")
}

/// Writes the state; a reader sees the old file or the new one, never a part of one.
///
/// # Errors
/// When the disk refuses.
pub fn write(path: &Path, run: &Value, state: &State) -> Result<()> {
    let header = Header {
        run: run.clone(),
        epoch: state.epoch,
        steps: state.optimizer.steps,
    };
    let mut file = TensorFile {
        json: serde_json::to_string(&header)?,
        ..TensorFile::default()
    };
    for (index, parameter) in state.network.parameters().iter().enumerate() {
        let parts = [
            ("weight", &parameter.value),
            ("average", &state.average[index]),
            ("first", &state.optimizer.first[index]),
            ("second", &state.optimizer.second[index]),
        ];
        for (part, values) in parts {
            file.insert(tensor_name(part, parameter), &parameter.shape, values);
        }
    }
    file.write(path)
}

/// Reads a state into `state`, which must come from the same trainer's [`Network::new`].
///
/// # Errors
/// When the file cannot be read or is damaged, or belongs to a training run with another
/// configuration: the first field that differs is named.
pub fn read(path: &Path, run: &Value, state: &mut State) -> Result<()> {
    let file = TensorFile::read(path)?;
    let header: Header = serde_json::from_str(&file.json)
        .with_context(|| format!("{} has no description of its training", path.display()))?;
    refuse_other_run(path, &header.run, run)?;
    for (index, parameter) in state.network.parameters_mut().iter_mut().enumerate() {
        let shape = &parameter.shape;
        let optimizer = &mut state.optimizer;
        let copies = [
            file.copy_to(
                &tensor_name("average", parameter),
                shape,
                &mut state.average[index],
            ),
            file.copy_to(
                &tensor_name("first", parameter),
                shape,
                &mut optimizer.first[index],
            ),
            file.copy_to(
                &tensor_name("second", parameter),
                shape,
                &mut optimizer.second[index],
            ),
            file.copy_to(
                &tensor_name("weight", parameter),
                shape,
                &mut parameter.value,
            ),
        ];
        copies
            .into_iter()
            .collect::<Result<()>>()
            .with_context(|| format!("cannot resume from {}", path.display()))?;
    }
    state.epoch = header.epoch;
    state.optimizer.steps = header.steps;
    Ok(())
}

fn tensor_name(part: &str, parameter: &Parameter) -> String {
    format!("{part}/{}", parameter.name)
}

fn refuse_other_run(path: &Path, found: &Value, expected: &Value) -> Result<()> {
    let (Some(found), Some(expected)) = (found.as_object(), expected.as_object()) else {
        bail!("{} has no description of its training", path.display());
    };
    for field in expected.keys().chain(found.keys()) {
        let (found, expected) = (&found.get(field), &expected.get(field));
        if found != expected {
            let show = |value: &Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
            bail!(
                "{} belongs to a training with {field} = {}, this one has {}; delete the file or \
                 choose another folder to start again",
                path.display(),
                show(found),
                show(expected)
            );
        }
    }
    Ok(())
}
