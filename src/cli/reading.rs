//! How captures are read.

use clap::Args;
use clap::builder::ValueParser;

use super::LimitArgs;
use crate::input::Dedup;
use crate::time::duration;

/// How captures are read.
#[derive(Debug, Args)]
pub struct ReadingArgs {
    /// Leave out copies of a segment that another file holds (two taps on one way): `auto` between files that overlap in
    /// time, within 200 ms; a duration: between any files, within that; `off`
    #[arg(long, help_heading = "Reading", value_name = "WINDOW", default_value = "auto", value_parser = ValueParser::new(dedup))]
    pub dedup: Dedup,
    /// Set the clocks of captures by one another where they hold the same segments (two taps whose clocks are apart): the
    /// earliest keeps its own. All files are read once more for that
    #[arg(long, help_heading = "Reading")]
    pub align_clocks: bool,
    /// Verify the checksums of IPv4 headers and TCP; wrong ones are told (CP07), and `info` counts them. Those left to the
    /// network card are recognised. No segment is dropped for its checksum
    #[arg(long, help_heading = "Reading")]
    pub verify_checksums: bool,
    /// How much is kept at once.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// The window for copies in other files.
fn dedup(text: &str) -> Result<Dedup, String> {
    match text {
        "auto" => Ok(Dedup::Auto),
        "off" => Ok(Dedup::Off),
        text => duration(text)
            .map(Dedup::Within)
            .ok_or_else(|| "write auto, off, or a duration with its unit such as 50ms or 1s".to_owned()),
    }
}
