//! What each subcommand takes and does; the steps themselves are in the library.

pub mod data;
pub mod model;
pub mod output;
pub mod predict;
mod progress;
