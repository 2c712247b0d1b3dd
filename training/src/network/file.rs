//! A network as a file.

use std::path::Path;

use anyhow::{Context, Result};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::Network;
use crate::dataset::tensor_file::TensorFile;

impl Network {
    /// Writes all parameters as safetensors under their names.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut file = TensorFile::default();
        for parameter in self.parameters().iter() {
            file.insert(parameter.name.clone(), &parameter.shape, &parameter.value);
        }
        file.write(path)
    }

    /// Reads a network written by [`save`](Self::save).
    ///
    /// # Errors
    /// When the file cannot be read or is damaged, or when a tensor is missing or has another shape
    /// than in a network with this number of classes.
    pub fn load(path: &Path, classes: usize) -> Result<Self> {
        let file = TensorFile::read(path)?;
        let mut network = Self::new(classes, &mut ChaCha8Rng::seed_from_u64(0));
        for parameter in network.parameters_mut().iter_mut() {
            file.copy_to(&parameter.name, &parameter.shape, &mut parameter.value)
                .with_context(|| format!("cannot use the network {}", path.display()))?;
        }
        Ok(network)
    }
}
