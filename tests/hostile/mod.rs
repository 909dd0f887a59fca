//! What must hold for any octets whatever: one function for each way by which they come in. Each takes them as they are and
//! panics where something does not hold.
//!
//! Two programs use these functions: `cargo test --test hostile` on what is known to be nasty and on some thousands of
//! mutations of it, and the fuzz targets in `tests/fuzz`, which look for more.
#![allow(dead_code)] // neither program uses all of it

pub mod bytes;
pub mod container;
pub mod frame;
pub mod mutation;
pub mod seeds;
pub mod story;
pub mod text;

/// A target: its name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 4] = [
    ("container", container::survive),
    ("frame", frame::survive),
    ("story", story::survive),
    ("text", text::survive),
];

/// Nothing in a message that a terminal obeys.
pub fn assert_inert(message: &str) {
    assert!(
        !message.chars().any(|character| character.is_control()),
        "control characters in {message:?}"
    );
}
