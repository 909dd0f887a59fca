//! Single connections: what became of each, transition by transition, with its ladder where there is one.

use std::collections::VecDeque;

use maud::{Markup, PreEscaped, html};

use super::overview::badge;
use super::since;
use crate::model::{Capture, Connection, Evidence, Role};
use crate::population::Span;
use crate::report::escape::Html;
use crate::report::look::{counted, number, state_label};
use crate::report::svg::{self, Options, Place};
use crate::report::{SequenceNumbers, ending};
use crate::time::human_duration;

/// Octets for all single connections together.
const SHARE: usize = 1_000_000;
/// Transitions listed of an endpoint.
const TRANSITIONS: usize = 40;

/// The connections to show one by one, those that need attention most first.
#[derive(Default)]
pub struct Ladders {
    /// With their segments.
    pub connections: Vec<Connection>,
    /// Connections that there are.
    pub total: u64,
    /// Why there are none, or fewer than wanted.
    pub why_not: Option<&'static str>,
}

/// Those that there is room for.
pub(super) struct Drawn {
    ids: Vec<u64>,
    parts: VecDeque<Markup>,
    total: u64,
    why_not: Option<&'static str>,
}

impl Ladders {
    pub(super) fn drawn(&self, capture: &Capture, span: Span) -> Drawn {
        let mut left = SHARE;
        let mut drawn = Drawn {
            ids: Vec::new(),
            parts: VecDeque::new(),
            total: self.total,
            why_not: self.why_not,
        };
        for connection in &self.connections {
            let part = one(capture, connection, span, drawn.ids.is_empty());
            if part.0.len() > left {
                continue;
            }
            left -= part.0.len();
            drawn.ids.push(connection.id);
            drawn.parts.push_back(part);
        }
        drawn
    }
}

impl Drawn {
    pub fn ids(&self) -> Vec<u64> {
        self.ids.clone()
    }

    /// The section, in parts.
    pub fn section(self, _span: Span) -> impl Iterator<Item = Markup> {
        let shown = self.ids.len() as u64;
        let head = html! {
            (PreEscaped("<section id=\"connections\" aria-labelledby=\"connections-h\">"))
            h2 id="connections-h" { "Connections" }
            @if shown > 0 {
                p.lead {
                    @if shown >= self.total { "All " (counted(self.total, "connection")) ", those" } @else {
                        (number(shown)) " of " (counted(self.total, "connection")) ", those that need attention most"
                    }
                    @if shown >= self.total { " that need attention most first." } @else { ". Any other: " code { "tcptrace-states show FILE --conn ID" } "." }
                }
            }
            @if let Some(why) = self.why_not { p.note { (why) } }
            @if shown == 0 && self.why_not.is_none() { p.dim { "There is no connection to show." } }
        };
        let end = html! { (PreEscaped("</section></main>")) };
        std::iter::once(head)
            .chain(self.parts)
            .chain(std::iter::once(end))
    }
}

fn one(capture: &Capture, connection: &Connection, span: Span, open: bool) -> Markup {
    html! {
        details.connection id={ "c" (connection.id) } open[open] {
            summary {
                span.code { (connection.id) }
                span.name { (connection.client) " → " (connection.server) }
                span.extent { (ending(connection)) }
            }
            div.body {
                (facts(connection, span))
                (drawing(capture, connection))
                details.life.told { summary { "Transitions, one by one" }
                    div.columns {
                        (life(connection, Role::Client, span))
                        (life(connection, Role::Server, span))
                    }
                }
            }
        }
    }
}

fn facts(connection: &Connection, span: Span) -> Markup {
    let handshake = &connection.handshake;
    let close = &connection.close;
    html! {
        dl.tiles.plain {
            div { dt { "Packets" } dd { (number(connection.endpoints.client.packets.saturating_add(connection.endpoints.server.packets))) } }
            div { dt { "First packet" } dd { (number(connection.first_packet)) } }
            div { dt { "Begins" } dd { (since(span, connection.first_time)) } }
            div { dt { "Lasts" } dd { (human_duration(connection.last_time.since(connection.first_time))) } }
            div { dt { "Handshake" } dd { @match handshake.rtt_ns { Some(ns) => (human_duration(ns)), None => "–" } } }
            div { dt { "Half-close" } dd { @match close.half_close_ns {
                Some(ns) => { (human_duration(ns)) @if close.half_close_open { "+" } }, None => "–" } } }
            div { dt { "ISN client" } dd { @match handshake.client_iss { Some(iss) => (iss), None => "–" } } }
            div { dt { "ISN server" } dd { @match handshake.server_iss { Some(iss) => (iss), None => "–" } } }
        }
        @if !connection.findings.is_empty() { ul.facts { @for finding in &connection.findings { li {
            (badge(finding.severity)) " " strong { (finding.code) } " " (Html(&finding.message))
            @if let Some(packet) = finding.packet { span.dim { " · packet " (packet) } }
        } } } }
    }
}

/// Ladder and time-sequence graphs. What they show of the capture is escaped where they are drawn.
fn drawing(capture: &Capture, connection: &Connection) -> Markup {
    let ids = format!("c{}", connection.id);
    let graphs = [Role::Client, Role::Server].map(|role| {
        let ids = format!("{ids}-{}", role.name());
        svg::time_sequence(connection, role, &options(&ids)).map(|picture| (role, picture))
    });
    let ladder = svg::ladder_in_sheets(capture, connection, &options(&ids));
    html! {
        div.drawing.tall[!ladder.sheets.is_empty()] tabindex="0" role="region" aria-label={ "Ladder of connection " (connection.id) } {
            (PreEscaped(ladder.whole))
            @if !ladder.sheets.is_empty() { div.sheets aria-hidden="true" {
                @for sheet in &ladder.sheets { (PreEscaped(sheet)) }
            } }
        }
        details.life.extra { summary { "The states of RFC 9293, and the way through them" }
            div.drawing tabindex="0" role="region" aria-label={ "State diagram of connection " (connection.id) } {
                (PreEscaped(svg::diagram(connection, &options(&format!("{ids}-states")))))
            }
        }
        @for (role, picture) in graphs.into_iter().flatten() {
            details.life.extra { summary { "Time and sequence numbers: what the " (role.name()) " sent" }
                div.drawing tabindex="0" role="region" aria-label={ "Time-sequence graph of the " (role.name()) } {
                    (PreEscaped(picture))
                }
            }
        }
    }
}

/// Few enough marks that many pictures have room in one page.
fn options(ids: &str) -> Options<'_> {
    Options {
        place: Place::Fragment { ids },
        seq: SequenceNumbers::Absolute,
        most_steps: 120,
        most_marks: 400,
    }
}

fn life(connection: &Connection, role: Role, span: Span) -> Markup {
    let end = connection.endpoint(role);
    let steps = &end.transitions;
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Transitions of the " (role.name()) } {
            h4 { (role.name()) ": " (state_label(end.state, end.state_evidence)) }
            @if steps.is_empty() { p.dim { "No transition is known." } } @else { table.list {
                thead { tr { th.n scope="col" { "At" } th scope="col" { "State" } th scope="col" { "Cause" } th.n scope="col" { "Packet" } th scope="col" { "Evidence" } } }
                tbody { @for step in steps.iter().take(TRANSITIONS) { tr {
                    td.n { (since(span, step.at)) }
                    td { (step.from) " → " strong { (state_label(step.to, Some(step.evidence))) } }
                    td { (step.cause.name()) }
                    td.n { @match step.packet { Some(packet) => (packet), None => "–" } }
                    td { (evidence(step.evidence, step.proven_by)) }
                } } }
            } }
            @let more = (steps.len().saturating_sub(TRANSITIONS) as u64).saturating_add(end.transitions_folded);
            @if more > 0 { p.note { (counted(more, "more transition")) " not listed here." } }
        }
    }
}

fn evidence(evidence: Evidence, proven_by: Option<u64>) -> String {
    match (evidence, proven_by) {
        (Evidence::Confirmed, Some(packet)) => format!("confirmed by packet {packet}"),
        (evidence, _) => evidence.name().to_owned(),
    }
}
