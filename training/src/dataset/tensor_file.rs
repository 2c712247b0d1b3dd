//! Named f32 tensors and one JSON text in a safetensors file.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::whole_file;

use anyhow::{Context, Result, bail};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// The one metadata key, so that equal contents give equal bytes.
const METADATA_KEY: &str = "json";

/// The contents of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorFile {
    /// Free-form description.
    pub json: String,
    /// Shape and row-major numbers by name.
    pub tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

impl TensorFile {
    /// Adds a tensor.
    pub fn insert(&mut self, name: String, shape: &[usize], values: &[f32]) {
        self.tensors.insert(name, (shape.to_vec(), values.to_vec()));
    }

    /// Copies the tensor with that name into `values`.
    ///
    /// # Errors
    /// When there is no such tensor or its shape is different.
    pub fn copy_to(&self, name: &str, shape: &[usize], values: &mut [f32]) -> Result<()> {
        let Some((found, numbers)) = self.tensors.get(name) else {
            bail!("it has no tensor {name}; it was written by another version of the trainer");
        };
        if found != shape {
            bail!("its tensor {name} has shape {found:?}, this trainer's has {shape:?}");
        }
        values.copy_from_slice(numbers);
        Ok(())
    }

    /// Writes the file next to `path` under a temporary name, then renames it, so that a file of
    /// that name is always complete.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes: HashMap<&str, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, (_, values))| {
                (
                    name.as_str(),
                    values
                        .iter()
                        .flat_map(|value| value.to_le_bytes())
                        .collect(),
                )
            })
            .collect();
        let mut views = Vec::new();
        for (name, (shape, _)) in &self.tensors {
            let view = TensorView::new(Dtype::F32, shape.clone(), &bytes[name.as_str()])?;
            views.push((name, view));
        }
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), self.json.clone())]);
        let contents = safetensors::serialize(views, Some(metadata))?;
        whole_file::replace(path, &contents)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is incomplete.
    pub fn read(path: &Path) -> Result<Self> {
        let contents = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&contents)
            .with_context(|| format!("{} is damaged; delete it to start again", path.display()))
    }

    fn parse(contents: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(contents)?;
        let json = header
            .metadata()
            .as_ref()
            .and_then(|map| map.get(METADATA_KEY));
        let mut file = Self {
            json: json.cloned().unwrap_or_default(),
            ..Self::default()
        };
        for (name, view) in SafeTensors::deserialize(contents)?.tensors() {
            if view.dtype() != Dtype::F32 {
                bail!("tensor {name} is not of type f32");
            }
            let (numbers, _) = view.data().as_chunks();
            let values = numbers
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            file.tensors.insert(name, (view.shape().to_vec(), values));
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_bit_for_bit_and_has_the_same_bytes_every_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let mut file = TensorFile {
            json: "{\"epoch\": 3}".to_owned(),
            ..TensorFile::default()
        };
        for name in ["b", "a", "c"] {
            file.insert(name.to_owned(), &[2, 1], &[f32::MIN_POSITIVE, -0.1]);
        }
        file.write(&path).unwrap();
        let first = fs::read(&path).unwrap();
        let read = TensorFile::read(&path).unwrap();
        assert_eq!(read, file);
        read.write(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_cut_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.safetensors");
        let mut file = TensorFile::default();
        file.insert("a".to_owned(), &[100], &[1.0; 100]);
        file.write(&path).unwrap();
        let contents = fs::read(&path).unwrap();
        fs::write(&path, &contents[..contents.len() - 7]).unwrap();
        let error = TensorFile::read(&path).unwrap_err();
        assert!(
            format!("{error:#}").contains("cut.safetensors is damaged"),
            "{error:#}"
        );
    }
}
