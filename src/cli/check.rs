//! `check`: its arguments.

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Args, ValueEnum};

use super::{ProgressWhen, ReadingArgs, ScreenArgs};
use crate::model::Severity;
use crate::time::time_wait;

pub(super) const EXAMPLES: &str = "\
The configuration is the file of -c, else the one that TCPTRACE_STATES_CONFIG names, else ./tcptrace-states.toml if there
is one. --json, --junit, --sarif, --markdown and --github write a file besides what --format writes to standard output. A file
is replaced; only the one that GITHUB_STEP_SUMMARY names is appended to, as all steps do.

Examples:
  tcptrace-states check test.pcapng
  tcptrace-states check test.pcapng --fail-on warning --junit report.xml --sarif report.sarif
  tcptrace-states check test.pcapng --baseline known.json --update-baseline    accept what fails now
  tcptrace-states check test.pcapng --baseline known.json                      fail at what is new or grows
  tcptrace-states check *.pcap --github - --markdown \"$GITHUB_STEP_SUMMARY\"    in a GitHub workflow

Exit codes: 0 nothing fails; 1 something fails; 2 wrong usage or configuration, or unreadable input; 3 nothing fails, but the
input is damaged or cut off, or connections were evicted; 4 an output could not be written; 130 interrupted, the verdict
covers what was read before. They do not depend on the format.";

/// `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Captures: files, directories of them, patterns; read as one in time order; `-` is standard input
    #[arg(required = true, value_name = "CAPTURE")]
    pub files: Vec<PathBuf>,
    /// The configuration [default: ./tcptrace-states.toml, if it is there]
    #[arg(short, long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Read no configuration
    #[arg(long)]
    pub no_config: bool,
    /// From which severity on a finding fails [default: the configuration's, else error]
    #[arg(long, value_name = "LEVEL")]
    pub fail_on: Option<FailOn>,
    /// Exit with 0 although something fails
    #[arg(long)]
    pub exit_zero: bool,
    /// Findings that are accepted: only what is not in this file, or grows beyond it, fails
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write what fails now into the baseline
    #[arg(long, requires = "baseline")]
    pub update_baseline: bool,
    /// What is written to standard output
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "human")]
    pub format: CheckFormat,
    /// Files to write.
    #[command(flatten)]
    pub outputs: Outputs,
    /// The maximum segment lifetime: a duration (30s, 2m, 500ms), or linux, bsd, windows, rfc [default: the
    /// configuration's, else linux]
    #[arg(long, value_name = "MSL", value_parser = ValueParser::new(time_wait))]
    pub msl: Option<i64>,
    /// How captures are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Colour, characters and width.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// A progress bar on standard error, for long runs on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressWhen,
}

/// Files that `check` writes besides standard output.
#[derive(Debug, Args)]
pub struct Outputs {
    /// Write a report as one HTML file: the verdict, findings, states over time, populations, ladders
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the verdict as JSON
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the verdict as JUnit XML
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the verdict as SARIF
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write the verdict as Markdown
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Write the verdict as annotations of a GitHub workflow; `-` is standard output, where GitHub looks for them
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub github: Option<PathBuf>,
}

impl Outputs {
    /// Those that are wanted.
    pub fn wanted(&self) -> impl Iterator<Item = (CheckFormat, &PathBuf)> {
        let all = [
            (CheckFormat::Json, &self.json),
            (CheckFormat::Junit, &self.junit),
            (CheckFormat::Sarif, &self.sarif),
            (CheckFormat::Markdown, &self.markdown),
            (CheckFormat::Github, &self.github),
        ];
        all.into_iter()
            .filter_map(|(format, path)| path.as_ref().map(|path| (format, path)))
    }
}

/// How a verdict is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Human,
    /// One indented JSON document
    Json,
    /// JUnit XML: one test case for each rule or budget at each service
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
    /// Markdown, for a job summary or a comment
    Markdown,
}

impl CheckFormat {
    /// The word of `--format`, which is that of the option for a file, too.
    pub fn name(self) -> &'static str {
        match self {
            CheckFormat::Human => "human",
            CheckFormat::Json => "json",
            CheckFormat::Junit => "junit",
            CheckFormat::Sarif => "sarif",
            CheckFormat::Github => "github",
            CheckFormat::Markdown => "markdown",
        }
    }
}

/// From which severity on a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Only errors
    Error,
    /// Warnings, too
    Warning,
    /// Notes, too
    Note,
    /// Nothing fails
    Never,
}

impl FailOn {
    /// The least severity that fails.
    pub fn severity(self) -> Option<Severity> {
        match self {
            FailOn::Error => Some(Severity::Error),
            FailOn::Warning => Some(Severity::Warning),
            FailOn::Note => Some(Severity::Note),
            FailOn::Never => None,
        }
    }
}
