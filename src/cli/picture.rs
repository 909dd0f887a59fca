//! What `show` draws instead of its ladder, or beside it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::Role;

/// What `show` draws.
#[derive(Debug, Args)]
pub struct PictureArgs {
    /// Draw the state diagram of RFC 9293 with the way that both ends took, instead of the ladder
    #[arg(long, help_heading = "Pictures")]
    pub diagram: bool,
    /// Write the picture as SVG to a file: the ladder, with --diagram the state diagram, with --graph a graph; `-` is
    /// standard output
    #[arg(long, help_heading = "Pictures", value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// With --svg: the time-sequence graph of what this end sent
    #[arg(
        long,
        help_heading = "Pictures",
        value_name = "END",
        requires = "svg",
        conflicts_with = "diagram"
    )]
    pub graph: Option<Direction>,
    /// Print nothing but the display filter of Wireshark for the connection; with --finding for the packets that show it
    #[arg(long, help_heading = "Wireshark", conflicts_with_all = ["diagram", "svg"])]
    pub wireshark_filter: bool,
}

/// One of both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Direction {
    /// What the client sent
    Client,
    /// What the server sent
    Server,
}

impl From<Direction> for Role {
    fn from(direction: Direction) -> Role {
        match direction {
            Direction::Client => Role::Client,
            Direction::Server => Role::Server,
        }
    }
}
