//! What can be wrong with what the user named.

use crate::capture::CaptureError;

/// Why an input cannot be read, or not together with the others.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// One file was named twice.
    #[error("{name}: is the same file as {other}; name each capture once")]
    Twice {
        /// As it was named the second time.
        name: String,
        /// As it was named the first time.
        other: String,
    },
    /// Standard input was named twice.
    #[error("-: standard input is named twice; it can be read only once")]
    StandardInputTwice,
    /// What must be read twice can be read only once.
    #[error("{name}: clocks are aligned by reading all files twice; write it to a file first")]
    ReadTwice {
        /// As it was named.
        name: String,
    },
    /// Only one file can be followed.
    #[error("--follow reads one capture that grows; name one file, or - for standard input")]
    NotOne,
    /// A pattern that fits no file.
    #[error("{pattern}: no file has a name like this; check the path")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// A directory without a capture.
    #[error(
        "{name}: no capture in this directory ({passed_over} other entries; directories in it are not searched)"
    )]
    NoCapture {
        /// The directory.
        name: String,
        /// Entries that are no captures.
        passed_over: u64,
    },
    /// A directory that cannot be listed to its end.
    #[error("{name}: the directory cannot be listed: {reason}")]
    Unlisted {
        /// The directory.
        name: String,
        /// What the system said.
        #[source]
        reason: std::io::Error,
    },
    /// A file that cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// Nothing could be read of several inputs.
    #[error("{first}; of {others} more inputs none could be read either")]
    Nothing {
        /// What is wrong with the first one.
        first: Box<InputError>,
        /// How many more there are.
        others: usize,
    },
}
