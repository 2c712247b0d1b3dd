/// Why a model cannot be used or gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// model.json is not the JSON of a manifest.
    #[error("model.json cannot be read: {0}")]
    Manifest(#[from] serde_json::Error),
    /// model.json and this program disagree on a field.
    #[error("model.json does not fit this program: {field} is {found}, expected {expected}")]
    Mismatch {
        /// Name of the field in model.json.
        field: &'static str,
        /// What this program needs.
        expected: String,
        /// What model.json says.
        found: String,
    },
    /// model.onnx is not the file that model.json describes.
    #[error(
        "model.onnx is not the file that model.json describes: {what} is {found}, expected {expected}"
    )]
    WrongFile {
        /// The property that differs.
        what: &'static str,
        /// From model.json.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// model.onnx cannot be turned into a runnable network.
    #[error("model.onnx cannot be loaded: {0}")]
    Graph(String),
    /// Running the network failed.
    #[error("inference failed: {0}")]
    Inference(String),
    /// A logit was NaN or infinite.
    #[error("the model answered with a number that is not finite")]
    NonFinite,
}
