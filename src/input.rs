//! Captures as one timeline: what the user named to files, and files to records in time order, whatever the order in which
//! they were named.
//!
//! Inside a file the order of its packets stays: a packet has the time of the newest packet before it if its own time steps
//! back (its *effective time*). Across files the earlier effective time comes first; equal ones by the rank of the file,
//! which is the order of the files by the time of their first packet, then by name. Files that do not overlap in time are
//! therefore read one after another.
//!
//! A file is opened once to learn whether it is a capture and when it begins, and again when the timeline comes to it. While
//! it is being read, its descriptor may be closed in between (`Descriptors`), so any number of files may overlap. Standard
//! input and FIFOs are opened once, and their first packet is held.

mod clocks;
mod copies;
mod descriptors;
mod error;
mod named;
mod origins;
mod timeline;

pub use clocks::{Clock, Sketch, clocks};
pub use copies::{Copies, Dedup};
pub use error::InputError;
pub use named::{Inputs, find};
pub use origins::Origins;
pub use timeline::{Facts, FileFacts, Item, PassedOver, Place, Span, Taker, Timeline};
