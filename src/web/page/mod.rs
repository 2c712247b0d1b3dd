//! The page: what people see and do, on top of [`client`](super::client).

mod app;
mod boot;
mod display;
mod dom;
mod explain;
mod gestures;
mod history;
mod language;
mod model;
mod offline;
mod panel;
mod reading;
mod samples;
mod signal;
mod timeline;
mod view;
mod voice;
mod wording;

pub use app::run;
