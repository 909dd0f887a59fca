//! Findings for people: folded by code above a list of connections, one by one below a ladder.

use hashbrown::HashMap;

use crate::findings::Sure;
use crate::model::{Analysis, Confidence, Connection, Finding, ServiceFinding, Severity};
use crate::report::header::{self, Fact};
use crate::report::look::{counted, number, seconds_since};
use crate::report::{Look, Tone};

/// Codes that get a line of their own on the default screen; the others are named in one.
const LINES: usize = 8;
/// How loud a severity is.
pub fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Attention,
        Severity::Note | Severity::Info => Tone::Dim,
    }
}

/// What is found with one code, folded.
struct Folded {
    severity: Severity,
    name: &'static str,
    /// Connections or services with it.
    places: u64,
    /// Something the finding is about.
    example: String,
    /// Id of the connection that the example is about; none for a service.
    id: Option<u64>,
}

/// Findings by their codes, of one connection after the other.
#[derive(Default)]
pub struct ByCode {
    folded: HashMap<&'static str, Folded, foldhash::fast::RandomState>,
}

impl ByCode {
    /// Takes those of a connection.
    pub fn add(&mut self, connection: &Connection) {
        for finding in first_of_each_code(&connection.findings) {
            let (severity, message) = (finding.severity, &finding.message);
            self.fold(finding.code, finding.name, severity, message, Some(connection.id));
        }
    }

    /// Counts what is found in one more connection, if it has an example of that which is as bad. False if not.
    pub fn counts(&mut self, found: Sure) -> bool {
        let known = self.folded.get_mut(found.rule.code);
        let known = known.filter(|known| known.severity >= found.severity);
        let places = known.map(|known| known.places += 1);
        places.is_some()
    }

    /// Takes one about a service or the capture.
    pub fn add_together(&mut self, finding: &ServiceFinding) {
        let (severity, message) = (finding.severity, &finding.message);
        self.fold(finding.code, finding.name, severity, message, None);
    }

    /// Takes those of connections that come behind the ones that were shown.
    pub fn merge(&mut self, later: ByCode) {
        for (code, more) in later.folded {
            match self.folded.get_mut(code) {
                Some(known) if known.severity >= more.severity => known.places += more.places,
                Some(known) => {
                    let places = known.places + more.places;
                    *known = Folded { places, ..more };
                }
                None => {
                    self.folded.insert(code, more);
                }
            }
        }
    }

    /// The example is the first of the worst ones.
    fn fold(
        &mut self,
        code: &'static str,
        name: &'static str,
        severity: Severity,
        example: &str,
        id: Option<u64>,
    ) {
        let known = self.folded.get_mut(code);
        let places = known.as_ref().map_or(0, |known| known.places) + 1;
        match known {
            Some(known) if known.severity >= severity => known.places = places,
            Some(_) | None => {
                let folded = Folded {
                    severity,
                    name,
                    places,
                    example: example.to_owned(),
                    id,
                };
                self.folded.insert(code, folded);
            }
        }
    }
}

/// The lines between the summary and the table: one a code from warnings on, the worst first; notes together in one. Only
/// connections that the analysis still has are counted.
pub fn summary(analysis: &Analysis, look: &Look) -> Vec<String> {
    let mut by_code = ByCode::default();
    analysis
        .connections
        .iter()
        .for_each(|connection| by_code.add(connection));
    analysis
        .findings
        .iter()
        .for_each(|finding| by_code.add_together(finding));
    by_code.lines(look)
}

impl ByCode {
    /// See [`summary`].
    pub fn lines(&self, look: &Look) -> Vec<String> {
        let mut codes: Vec<(&'static str, &Folded)> =
            self.folded.iter().map(|(code, folded)| (*code, folded)).collect();
        codes.sort_by_key(|(code, folded)| (std::cmp::Reverse((folded.severity, folded.places)), *code));
        lines_of(&codes, look)
    }
}

fn lines_of(codes: &[(&'static str, &Folded)], look: &Look) -> Vec<String> {
    let loud = codes
        .iter()
        .take_while(|(_, folded)| folded.severity >= Severity::Warning)
        .count()
        .min(LINES);
    let (alone, together) = codes.split_at(loud);
    let mut lines: Vec<String> = alone
        .iter()
        .flat_map(|(code, folded)| line(code, folded, look))
        .collect();
    if !together.is_empty() {
        let facts: Vec<Fact> = together
            .iter()
            .map(|(code, folded)| {
                let text = format!("{code} {} {}", folded.name, number(folded.places));
                Fact::new(tone(folded.severity), text)
            })
            .collect();
        let worst = together.iter().map(|(_, folded)| folded.severity).max();
        let label = if worst.is_some_and(|worst| worst >= Severity::Warning) {
            "also"
        } else {
            "notes"
        };
        lines.extend(header::labelled(look, label, Tone::Dim, &facts));
    }
    lines
}

/// A connection counts once for each code; its findings are sorted worst first.
fn first_of_each_code(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings
        .iter()
        .enumerate()
        .filter(|(index, finding)| {
            findings
                .iter()
                .take(*index)
                .all(|before| before.code != finding.code)
        })
        .map(|(_, finding)| finding)
}

/// `error        TW04 reuse-illegal · 2 · a SYN 0.84 s into TIME-WAIT … (connection 7)`.
fn line(code: &str, folded: &Folded, look: &Look) -> Vec<String> {
    let tone = tone(folded.severity);
    let mut example = look.text(folded.example.clone());
    if let Some(id) = folded.id {
        example.push_str(&format!(" (connection {id})"));
    }
    let mut facts = vec![Fact::new(tone, format!("{code} {}", folded.name))];
    match folded.id {
        Some(_) => facts.push(Fact::new(Tone::Strong, counted(folded.places, "connection"))),
        None => facts.push(Fact::new(Tone::Strong, counted(folded.places, "service"))),
    }
    facts.push(Fact::plain(example));
    header::labelled(look, folded.severity.name(), tone, &facts)
}

/// Each finding of one connection, with its packets and what weakens it.
pub fn list(connection: &Connection, look: &Look) -> Vec<String> {
    let lines = connection.findings.iter().flat_map(|finding| {
        let tone = tone(finding.severity);
        let mut facts = vec![
            Fact::new(tone, format!("{} {}", finding.code, finding.name)),
            Fact::plain(look.text(finding.message.clone())),
        ];
        facts.extend(place(finding, connection, look).map(|text| Fact::new(Tone::Dim, text)));
        facts.extend(doubt(finding).map(|text| Fact::new(Tone::Dim, text)));
        header::labelled(look, finding.severity.name(), tone, &facts)
    });
    lines.collect()
}

/// `packet 7`, `packets 7, 9, 12 … 90`, or since when.
fn place(finding: &Finding, connection: &Connection, look: &Look) -> Option<String> {
    const SHOWN: usize = 4;
    let Some(last) = finding.packets.last() else {
        return finding
            .at
            .map(|at| format!("since {} s", seconds_since(connection.first_time, at)));
    };
    if let [only] = finding.packets.as_slice() {
        return Some(format!("packet {only}"));
    }
    let mut text: Vec<String> = finding.packets.iter().take(SHOWN).map(u64::to_string).collect();
    let end = finding.last_packet.unwrap_or(*last);
    if finding.packets.len() > SHOWN || end != *last {
        text.push(format!("{} {end}", look.ellipsis()));
    }
    Some(format!("packets {}", text.join(", ")))
}

/// `possible: capture-loss`; nothing for what is proven.
fn doubt(finding: &Finding) -> Option<String> {
    match (finding.confidence, finding.weakened_by.as_slice()) {
        (Confidence::Proven, _) => None,
        (confidence, []) => Some(confidence.name().to_owned()),
        (confidence, reasons) => Some(format!("{}: {}", confidence.name(), reasons.join(", "))),
    }
}

/// The codes of a connection's warnings and errors, for a column of the table.
pub fn codes(connection: &Connection, look: &Look) -> String {
    let loud =
        first_of_each_code(&connection.findings).filter(|finding| finding.severity >= Severity::Warning);
    let codes: Vec<String> = loud
        .map(|finding| look.paint(tone(finding.severity), finding.code))
        .collect();
    codes.join(" ")
}

/// Findings about services, one by one.
pub fn services<'a>(findings: impl Iterator<Item = &'a ServiceFinding>, look: &Look) -> Vec<String> {
    let lines = findings.flat_map(|finding| {
        let tone = tone(finding.severity);
        let facts = [
            Fact::new(tone, format!("{} {}", finding.code, finding.name)),
            Fact::plain(look.text(finding.message.clone())),
        ];
        header::labelled(look, finding.severity.name(), tone, &facts)
    });
    lines.collect()
}
