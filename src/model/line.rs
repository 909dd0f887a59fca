//! The lines of a JSON Lines stream: the tagged form of the contract.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Analysis, Capture, Connection, ServiceFinding, Summary};

/// One line of the JSON Lines contract, told apart by `type`. A stream is one `capture`, the connections, the findings
/// about services and about the capture, and one `summary`: a stream without it was cut off. Fields may be added; none is
/// renamed or dropped without a new `schema_version`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line<'a> {
    /// The first line.
    Capture(&'a Capture),
    /// One for each connection (incarnation) that the selection left.
    Connection(&'a Connection),
    /// One for each finding about a service or about the capture as a whole.
    Finding(&'a ServiceFinding),
    /// The last line.
    Summary(&'a Summary),
}

/// All lines, in order.
pub fn lines(analysis: &Analysis) -> impl Iterator<Item = Line<'_>> {
    let head = std::iter::once(Line::Capture(&analysis.capture));
    head.chain(analysis.connections.iter().map(Line::Connection))
        .chain(analysis.findings.iter().map(Line::Finding))
        .chain(std::iter::once(Line::Summary(&analysis.summary)))
}
