//! The command line: arguments and what they mean. It reads no file and prints nothing but its own help.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, Args, Parser, Subcommand, ValueEnum};

use crate::findings;
use crate::model::{Outcome, Severity};
use crate::report::SequenceNumbers;
use crate::select::{AddressFilter, FindingFilter, Selection, StateFilter};
use crate::time::{duration, time_wait};

pub mod check;
mod diff;
mod explain;
mod export;
mod info;
mod leaks;
mod limits;
mod picture;
mod reading;
mod schema;
mod screen;
mod time_wait;
#[cfg(feature = "tui")]
mod tui;

pub use check::Check;
pub use diff::{Diff, DiffFormat, Level};
pub use explain::{Explain, TextFormat};
pub use export::{Export, ExportKind, Only};
pub use info::Info;
pub use leaks::{Grouping, Leaks};
pub use limits::{LimitArgs, Memory};
pub use picture::{Direction, PictureArgs};
pub use reading::ReadingArgs;
pub use schema::Schema;
pub use screen::ScreenArgs;
pub use time_wait::TimeWait;
#[cfg(feature = "tui")]
pub use tui::Tui;

/// A line of the examples that is there where its command is.
#[cfg(feature = "tui")]
macro_rules! with_tui {
    ($line:literal) => {
        $line
    };
}
#[cfg(not(feature = "tui"))]
macro_rules! with_tui {
    ($line:literal) => {
        ""
    };
}

const EXAMPLES: &str = concat!(
    "\
Values of one selection option are alternatives; different ones must all hold.

Examples:
  tcptrace-states capture.pcapng              what needs attention, on one screen
  tcptrace-states show capture.pcapng         one connection, segment by segment
  tcptrace-states leaks capture.pcapng        who does not close: CLOSE-WAIT over time
  tcptrace-states time-wait capture.pcapng    who holds TIME-WAIT, and the ports it takes
  tcptrace-states info capture.pcapng         how far the capture can be trusted
",
    with_tui!("  tcptrace-states tui capture.pcapng          all of it to explore, on the terminal\n"),
    "  tcptrace-states diff old.pcapng new.pcapng  what changed
  tcptrace-states export a.pcap --to pcapng -o b.pcapng   the capture with comments, for Wireshark
  tcptrace-states explain CLOSE-WAIT          what a state, a rule or a field means
  tcptrace-states a.pcap --state CLOSE-WAIT --all
  tcptrace-states a.pcap --state server=LAST-ACK --port 5432
  tcptrace-states a.pcap b.pcap --format jsonl | jq -c 'select(.id == 7)'
  tcptrace-states ring/ 'old*.pcap'           all captures of a directory and those of a pattern
  tcpdump -w - tcp | tcptrace-states -        from standard input
  tcptrace-states --follow growing.pcap       a screen that is drawn anew as the file grows
  tcptrace-states check a.pcap                for CI: fails by rules and budgets

Exit codes: 0 done (a damaged capture is shown as far as it goes, with a warning); 2 wrong usage or unreadable input; 4 the
output could not be written; 130 interrupted (Ctrl-C), the report covers what was read before; `explain EXIT` has all.
A file named like a command (`show`, `leaks`, `check`, `help`) is written ./show and so on."
);

const SHOW_EXAMPLES: &str = "\
Examples:
  tcptrace-states show capture.pcapng                  the connection that needs attention most
  tcptrace-states show capture.pcapng --conn 7 --seq rel
  tcptrace-states show capture.pcapng --svg ladder.svg
  tcptrace-states show capture.pcapng --diagram        the states of RFC 9293, and the way through them
  tcptrace-states show capture.pcapng --wireshark-filter
  tcptrace-states show capture.pcapng --addr 10.0.0.5:8080 --outcome reset";

/// The RFC 9293 state of both endpoints of every TCP connection in a packet capture, and which packet proves it
#[derive(Debug, Parser)]
#[command(name = "tcptrace-states", version, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(subcommand_value_name = "COMMAND")]
pub struct Cli {
    /// Another command than the default one.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Arguments of the default command.
    #[command(flatten)]
    pub list: List,
}

/// The commands beside the default one.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show one connection as a ladder: its segments, both states beside them, and what proves each
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
    /// Show who does not close: half-closes by the endpoint in CLOSE-WAIT, how many, since when, and whether they grow
    #[command(after_help = leaks::EXAMPLES, mut_arg("format", together))]
    Leaks(Leaks),
    /// Show who holds TIME-WAIT, the ports it takes from clients, and the reuse of 4-tuples in it
    #[command(after_help = time_wait::EXAMPLES, mut_arg("format", together))]
    TimeWait(TimeWait),
    /// Show what a capture holds and lacks, where it was made, and what that means for the states
    #[command(after_help = info::EXAMPLES, mut_arg("format", together))]
    Info(Info),
    /// Explore a capture on the terminal: list, filter, ladders, states over time
    #[cfg(feature = "tui")]
    #[command(after_help = tui::EXAMPLES)]
    Tui(Tui),
    /// Fail on findings and exceeded budgets, for CI
    #[command(after_help = check::EXAMPLES)]
    Check(Check),
    /// Say what changed between two captures or two saved reports
    #[command(after_help = diff::EXAMPLES)]
    Diff(Diff),
    /// Take what is found to Wireshark: the capture with comments, or a plug-in with the states
    #[command(after_help = export::EXAMPLES)]
    Export(Export),
    /// Explain a rule, a state, a field, an exit code, or any word of the output
    #[command(after_help = explain::EXAMPLES)]
    Explain(Explain),
    /// Print the JSON Schema of one line of --format jsonl
    Schema(Schema),
}

impl Command {
    /// The names of the commands.
    pub const NAMES: &'static [&'static str] = &[
        "show",
        "leaks",
        "time-wait",
        "info",
        #[cfg(feature = "tui")]
        "tui",
        "check",
        "diff",
        "export",
        "explain",
        "schema",
    ];
}

/// The default command: the screen of connections.
#[derive(Debug, Args)]
pub struct List {
    /// Captures: files, directories of them, patterns; read as one in time order; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show all connections in the table, not only what fits on the screen
    #[arg(long)]
    pub all: bool,
    /// Show at most N connections in the table
    #[arg(long, value_name = "N", conflicts_with = "all")]
    pub limit: Option<usize>,
    /// Go on as the capture grows, until Ctrl-C: the screen is drawn anew, or, with --format jsonl, each connection is
    /// written when it is over and 2 MSL have passed in the capture
    #[arg(long, conflicts_with_all = ["all", "limit"])]
    pub follow: bool,
    /// What all commands understand.
    #[command(flatten)]
    pub common: Common,
}

impl List {
    /// The command that stands behind an option, where it reads as the name of a file.
    pub fn misplaced(&self) -> Option<&'static str> {
        let stands = |name: &&str| {
            self.files
                .iter()
                .any(|file| file.as_os_str() == *name && !file.exists())
        };
        Command::NAMES.iter().copied().find(stands)
    }
}

/// `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Captures: files, directories of them, patterns; read as one in time order; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Sequence numbers as on the wire, or counted from each side's ISS (those of SYNs stay absolute)
    #[arg(long, value_name = "KIND", default_value = "abs")]
    pub seq: Seq,
    /// What is drawn of the connection
    #[command(flatten)]
    pub picture: PictureArgs,
    /// What all commands understand.
    #[command(flatten)]
    pub common: Common,
}

/// What all commands understand.
#[derive(Debug, Args)]
pub struct Common {
    /// Which connections to show.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// How the output is written
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
    /// The maximum segment lifetime: a TIME-WAIT lasts twice that. A duration (30s, 2m, 500ms) is one MSL; a name
    /// stands for a system's 2 MSL: linux and bsd 60 s, windows 120 s, rfc 240 s
    #[arg(long, value_name = "MSL", default_value = "linux", value_parser = ValueParser::new(time_wait))]
    pub msl: i64,
    /// Write a report as one HTML file, too: findings, the states of each connection over time, populations, ladders
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How captures are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Findings from this severity on
    #[arg(long, value_name = "LEVEL", default_value = "note", value_parser = severity_parser())]
    pub severity: Severity,
    /// Colour, characters and width.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// A progress bar on standard error, for long runs on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressWhen,
}

/// Which connections to show.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// The connection with this number (repeatable)
    #[arg(long, help_heading = "Selection", value_name = "ID")]
    pub conn: Vec<u64>,
    /// An end with this address (repeatable)
    #[arg(long, help_heading = "Selection", value_name = "IP[:PORT]")]
    pub addr: Vec<AddressFilter>,
    /// An end with this port (repeatable)
    #[arg(long, help_heading = "Selection", value_name = "N")]
    pub port: Vec<u16>,
    /// An end in this state when the capture ended; client=STATE or server=STATE for one end (repeatable)
    #[arg(long, help_heading = "Selection", value_name = "STATE")]
    pub state: Vec<StateFilter>,
    /// A connection with this finding, by code or name; TW* for a family (repeatable)
    #[arg(long, help_heading = "Selection", value_name = "CODE", value_parser = finding_filter)]
    pub finding: Vec<FindingFilter>,
    /// A connection that ended like this (repeatable)
    #[arg(long, help_heading = "Selection", value_name = "OUTCOME", value_parser = outcome_parser())]
    pub outcome: Vec<Outcome>,
}

impl SelectionArgs {
    /// Whether all connections are selected.
    pub fn is_empty(&self) -> bool {
        let SelectionArgs {
            conn,
            addr,
            port,
            state,
            finding,
            outcome,
        } = self;
        conn.is_empty()
            && addr.is_empty()
            && port.is_empty()
            && state.is_empty()
            && finding.is_empty()
            && outcome.is_empty()
    }

    /// As a filter.
    pub fn to_selection(&self) -> Selection {
        Selection {
            ids: self.conn.clone(),
            addresses: self.addr.clone(),
            ports: self.port.clone(),
            states: self.state.clone(),
            findings: self.finding.clone(),
            outcomes: self.outcome.clone(),
        }
    }
}

/// How the output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: a table, or the ladder of `show`
    Table,
    /// One indented JSON document
    Json,
    /// JSON Lines: the capture, one connection a line, the summary
    Jsonl,
    /// One row a connection
    Csv,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Also into files and pipes
    Always,
    /// Never
    Never,
}

/// When to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressWhen {
    /// If standard error is a terminal and it takes more than a second
    Auto,
    /// Never
    Never,
}

/// Which sequence numbers `show` draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Seq {
    /// Counted from the ISS
    Rel,
    /// As on the wire
    Abs,
}

impl From<Seq> for SequenceNumbers {
    fn from(seq: Seq) -> SequenceNumbers {
        match seq {
            Seq::Rel => SequenceNumbers::Relative,
            Seq::Abs => SequenceNumbers::Absolute,
        }
    }
}

fn severity_parser() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name)).try_map(|name| {
        Severity::ALL
            .into_iter()
            .find(|severity| severity.name() == name)
            .ok_or("not a severity")
    })
}

/// `--format` of a view of all connections together, which has no line or row a connection.
fn together(format: Arg) -> Arg {
    let values = [Format::Table, Format::Json];
    let names = values.iter().filter_map(ValueEnum::to_possible_value);
    format.value_parser(PossibleValuesParser::new(names).try_map(|name| Format::from_str(&name, false)))
}

/// A rule that there is, or a family of them.
fn finding_filter(text: &str) -> Result<FindingFilter, String> {
    let known = |filter: &FindingFilter| findings::rules().any(|rule| filter.names(rule.code, rule.name));
    let filter = FindingFilter::new(text);
    if known(&filter) {
        Ok(filter)
    } else {
        Err("no rule has this code or name; `explain` lists them".to_owned())
    }
}

fn outcome_parser() -> impl TypedValueParser<Value = Outcome> {
    PossibleValuesParser::new(Outcome::ALL.map(Outcome::name)).try_map(|name| {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.name() == name)
            .ok_or("not an outcome")
    })
}

/// A duration as an argument, in nanoseconds.
fn duration_argument(text: &str) -> Result<i64, String> {
    duration(text).ok_or_else(|| "write a duration with its unit such as 30s, 2m, 500ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn examples_name_only_commands_that_are_there() {
        let mut seen = 0;
        for line in EXAMPLES.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["tcptrace-states", name, ..] = words.as_slice()
                && name
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '-')
                && !name.starts_with('-')
            {
                assert!(Command::NAMES.contains(name), "{line}");
                seen += 1;
            }
        }
        assert!(seen >= 8, "{seen} commands in the examples");
        assert_eq!(EXAMPLES.contains("tui"), cfg!(feature = "tui"));
    }

    #[test]
    fn files_come_first_or_behind_show() {
        let list = Cli::try_parse_from([
            "tcptrace-states",
            "a.pcap",
            "b.pcap",
            "--state",
            "client=FIN-WAIT-2",
        ]);
        assert_eq!(list.map(|cli| cli.list.files.len()).ok(), Some(2));
        let show = Cli::try_parse_from(["tcptrace-states", "show", "a.pcap", "--conn", "7"]);
        assert!(matches!(show.map(|cli| cli.command), Ok(Some(Command::Show(_)))));
        let check = Cli::try_parse_from(["tcptrace-states", "check", "a.pcap", "--baseline", "b.json"]);
        assert!(matches!(
            check.map(|cli| cli.command),
            Ok(Some(Command::Check(_)))
        ));
        for wrong in [
            &["tcptrace-states"][..],
            &["tcptrace-states", "show"],
            &["tcptrace-states", "a.pcap", "--outcome", "closd"],
            &["tcptrace-states", "a.pcap", "--all", "--limit", "3"],
            &["tcptrace-states", "a.pcap", "--width", "10"],
            &["tcptrace-states", "check"],
            &["tcptrace-states", "leaks", "a.pcap", "--format", "csv"],
            &["tcptrace-states", "time-wait", "a.pcap", "--format", "jsonl"],
            &["tcptrace-states", "check", "a.pcap", "--update-baseline"],
            &[
                "tcptrace-states",
                "check",
                "a.pcap",
                "-c",
                "a.toml",
                "--no-config",
            ],
        ] {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
