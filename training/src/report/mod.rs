//! An [evaluation](crate::evaluate::Evaluation) as people read it: in a terminal, as an HTML page,
//! and as the model card.

mod card;
mod page;
mod plot;
mod strangers;
mod terminal;

pub use card::{CARD_FILE, PICTURES_FOLDER, card};
pub use page::{PAGE_FILE, page, pictures};
