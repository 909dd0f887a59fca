//! `--html`: the report as one file, from any command that shows connections.
//!
//! The connections are looked at as they pass ([`super::Selected`]), so that no more of them is in memory than the command
//! itself keeps. Then the captures are read a second time for the ladders of a few.

use std::path::{Path, PathBuf};

use anyhow::bail;
use hashbrown::HashMap;

use tcptrace_states::analyze::{LadderRequest, Settings};
use tcptrace_states::cli::ProgressWhen;
use tcptrace_states::findings::Thresholds;
use tcptrace_states::input;
use tcptrace_states::model::{Analysis, Connection};
use tcptrace_states::population::Span;
use tcptrace_states::report;
use tcptrace_states::report::html::{Besides, Gathered, Ladders};

use super::output::{self, Taken};
use super::{Onlooker, Unwritten, connections_by, interrupt};

/// The report that is wanted, or none.
pub struct Html<'a> {
    wanted: Option<Report<'a>>,
}

struct Report<'a> {
    path: &'a Path,
    settings: Settings,
    progress: ProgressWhen,
    gathered: Gathered,
    /// Why captures are not read again for ladders.
    no_ladders: Option<&'static str>,
}

impl<'a> Html<'a> {
    /// None.
    pub fn none() -> Html<'a> {
        Html { wanted: None }
    }

    /// The one that `path` names, if there is a path.
    ///
    /// # Errors
    ///
    /// It would overwrite an input or what standard output goes to, or an input cannot be found.
    pub fn of(
        path: Option<&'a Path>,
        settings: &Settings,
        progress: ProgressWhen,
    ) -> anyhow::Result<Html<'a>> {
        let Some(path) = path else {
            return Ok(Html::none());
        };
        if path.as_os_str() == "-" {
            bail!("--html takes the name of a file");
        }
        let mut taken = Taken::by_inputs(&settings.files)?;
        taken.by_stdout();
        taken.take("html", path)?;
        Ok(Html {
            wanted: Some(Report {
                path,
                settings: settings.clone(),
                progress,
                gathered: Gathered::new(Span::default()),
                no_ladders: None,
            }),
        })
    }

    /// Refuses to overwrite files that are read besides the captures.
    ///
    /// # Errors
    ///
    /// It would.
    pub fn apart_from(&self, files: &[PathBuf]) -> anyhow::Result<()> {
        let Some(report) = &self.wanted else {
            return Ok(());
        };
        let mut taken = Taken::default();
        files.iter().for_each(|file| taken.by(file));
        taken.take("html", report.path)
    }

    /// Whether there is one.
    pub fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// The captures cannot be read again, for this reason.
    pub fn without_ladders(&mut self, why: &'static str) {
        if let Some(report) = &mut self.wanted {
            report.no_ladders = Some(why);
        }
    }

    /// Looks at all connections of an analysis.
    pub fn add_all(&mut self, analysis: &Analysis) {
        self.begin(Span::of(&analysis.capture));
        analysis
            .connections
            .iter()
            .for_each(|connection| self.see(connection));
    }

    /// Writes the report, as a whole or not at all. Of the analysis, the connections are given up: they would stand in the
    /// way of reading the captures again. Returns why it could not be written.
    pub fn write(self, analysis: &mut Analysis, besides: &Besides<'_>) -> Option<Unwritten> {
        let report = self.wanted?;
        analysis.connections = Vec::new();
        let besides = Besides {
            ephemeral_ports: match besides.ephemeral_ports {
                0 => report.settings.findings.thresholds.ephemeral_ports,
                ports => ports,
            },
            ..*besides
        };
        let ladders = report.ladders(analysis);
        let Report { path, gathered, .. } = report;
        let written = output::write(path, |out| {
            report::html::write(out, analysis, gathered, &ladders, &besides)
        });
        let error = written.err()?;
        Some(Unwritten::new(path.to_string_lossy(), error))
    }
}

impl Onlooker for Html<'_> {
    fn looks(&self) -> bool {
        self.is_wanted()
    }

    fn begin(&mut self, span: Span) {
        if let Some(report) = &mut self.wanted {
            report.gathered = Gathered::new(span);
        }
    }

    fn see(&mut self, connection: &Connection) {
        if let Some(report) = &mut self.wanted {
            report.gathered.add(connection);
        }
    }
}

impl Report<'_> {
    /// The connections that need attention most, with their segments.
    fn ladders(&self, analysis: &Analysis) -> Ladders {
        let total = analysis.summary.connections_selected;
        let none = |why_not| Ladders {
            why_not: Some(why_not),
            total,
            ..Ladders::default()
        };
        if self.gathered.has_ladders() {
            return Ladders {
                connections: self.gathered.ladders(),
                total,
                why_not: None,
            };
        }
        let wanted = self.gathered.wanted();
        if wanted.is_empty() {
            return Ladders::default();
        }
        if let Some(why) = self.no_ladders {
            return none(why);
        }
        if !analysis.capture.complete && interrupt::came() {
            return none("Reading was interrupted: connections are not shown one by one.");
        }
        if !input::find(&self.settings.files).is_ok_and(|found| found.can_be_read_again()) {
            return none(
                "Standard input can be read only once: connections are not shown one by one. Save the capture to a file for that.",
            );
        }
        let settings = Settings {
            ladder: LadderRequest::Among(wanted.iter().map(|one| one.between).collect()),
            ..self.settings.clone()
        };
        let places: HashMap<u64, usize, foldhash::fast::RandomState> = wanted
            .iter()
            .enumerate()
            .map(|(place, one)| (one.id, place))
            .collect();
        let read = connections_by(&settings, self.progress, |connections| {
            let mut found: Vec<(usize, Connection)> = Vec::new();
            for connection in connections {
                // A file that has changed in between holds other connections.
                if let Some(place) = places.get(&connection.id)
                    && let Some(one) = wanted.get(*place)
                    && one.packets == (connection.first_packet, connection.last_packet)
                    && one.between == (connection.client, connection.server)
                {
                    found.push((*place, connection));
                }
            }
            Ok(found)
        });
        let Ok(mut found) = read else {
            return none(
                "The capture could not be read a second time: connections are not shown one by one.",
            );
        };
        found.sort_by_key(|(place, _)| *place);
        let changed = found.len() < wanted.len();
        Ladders {
            connections: found.into_iter().map(|(_, connection)| connection).collect(),
            total,
            why_not: changed.then_some(
                "The capture was not the same when it was read a second time: some connections that belong here are missing.",
            ),
        }
    }
}

/// What a command without ports of its own says: the limits that findings are judged by.
pub fn besides(thresholds: &Thresholds) -> Besides<'static> {
    Besides {
        ephemeral_ports: thresholds.ephemeral_ports,
        ..Besides::default()
    }
}
