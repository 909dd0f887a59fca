//! One incarnation.
pub mod state;
