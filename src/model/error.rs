/// Why a model cannot be used or did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A logit was NaN or infinite.
    #[error("the model answered with a number that is not finite")]
    NonFinite,
}
