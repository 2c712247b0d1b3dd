//! The page: what people see and do, on top of [`client`](super::client).

mod app;
mod awake;
mod boot;
mod display;
mod dom;
mod dropped;
mod explain;
mod gestures;
mod inputs;
mod lanes;
mod language;
mod model;
mod offline;
mod panel;
mod reading;
mod results;
mod samples;
mod session;
mod signal;
mod sources;
mod view;
mod voice;
mod wording;

pub use app::run;
