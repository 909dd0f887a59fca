//! The terminal explorer: connections as a list with filter, search and sort, one of them with its ladder, and their states
//! over time.
//!
//! It is a state and two functions: [`App::update`] takes what happens and says what is to be done (read the capture again,
//! end), [`view::draw`] shows the state on a screen. Neither reads, waits or knows a terminal; the program does, with a
//! thread that reads and one that draws.
//!
//! What is shown while the capture is read is what stands at that packet, and says so. The list keeps a small part of each
//! connection ([`Row`]), of a million at most; for the ladder of one the capture is read again.

mod app;
mod contents;
mod event;
mod input;
mod lane;
mod order;
mod pages;
mod query;
mod row;
mod styled;
mod theme;
mod timeline;
pub mod view;

pub use app::App;
pub use contents::{Contents, MOST, Rows, Taking};
pub use event::{Effect, Event, Job, Key};
pub use order::Order;
pub use query::Query;
pub use row::{Found, Row, Stretch};
pub use theme::{Palette, Theme};
