//! How text is drawn: what all commands that show text understand.

use clap::Args;

use super::Color;

/// Colour, characters and width.
#[derive(Debug, Args)]
pub struct ScreenArgs {
    /// When to use colours; `auto` heeds NO_COLOR and CLICOLOR_FORCE
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
    /// Columns to use [default: those of the terminal; 160 without one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..))]
    pub width: Option<u16>,
}
