//! Single connections: what became of each, transition by transition, with its ladder where there is one.

use std::collections::VecDeque;

use maud::{Markup, PreEscaped, html};

use super::overview::badge;
use super::packed::packed;
use super::since;
use crate::model::{Capture, Connection, Evidence, Role};
use crate::population::Span;
use crate::report::escape::{Html, clipped, visible};
use crate::report::look::{counted, number, state_label};
use crate::report::svg::{self, Options, Place};
use crate::report::{SequenceNumbers, ending};
use crate::time::human_duration;

/// Connections drawn in the page itself at most, and their octets; the others are packed.
const IN_PAGE: usize = 30;
const IN_PAGE_OCTETS: usize = 700_000;
/// So many are packed together: they have much in common.
const TOGETHER: usize = 32;
/// Octets that a connection takes beside what is packed.
const BESIDE: usize = 24;
/// Transitions listed of an endpoint.
const TRANSITIONS: usize = 40;
/// File names in a command, and their characters.
const FILES: usize = 3;
const LETTERS: usize = 200;

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
    packs: Vec<(Vec<u64>, String)>,
    total: u64,
    why_not: Option<&'static str>,
    files: String,
}

/// Which connections are shown one by one.
pub(super) struct Packs {
    /// Those that stand in the page.
    pub in_page: Vec<u64>,
    /// The others: numbers, and their packed parts, each as in the page, with a NUL between.
    pub packed: Vec<(Vec<u64>, String)>,
}

impl Ladders {
    /// As many as there is room for.
    pub(super) fn drawn(&self, capture: &Capture, span: Span, room: usize) -> Drawn {
        let mut drawn = Drawn {
            ids: Vec::new(),
            parts: VecDeque::new(),
            packs: Vec::new(),
            total: self.total,
            why_not: self.why_not,
            files: files(capture),
        };
        let mut left = room;
        let mut in_page = IN_PAGE_OCTETS.min(room);
        let mut later: Vec<&Connection> = Vec::new();
        for connection in &self.connections {
            if drawn.ids.len() >= IN_PAGE || in_page == 0 {
                later.push(connection);
                continue;
            }
            let part = one(capture, connection, span, drawn.ids.is_empty());
            match in_page.checked_sub(part.0.len()) {
                Some(rest) => {
                    left = left.saturating_sub(part.0.len());
                    in_page = rest;
                    drawn.ids.push(connection.id);
                    drawn.parts.push_back(part);
                }
                // Those that need attention most stand in the page: what follows does not go before them.
                None => {
                    in_page = 0;
                    later.push(connection);
                }
            }
        }
        drawn.pack(capture, span, &later, left);
        drawn
    }
}

impl Drawn {
    /// Packs connections, in order, until there is no room.
    fn pack(&mut self, capture: &Capture, span: Span, connections: &[&Connection], room: usize) {
        let (mut left, mut together) = (room, TOGETHER);
        let mut rest = connections;
        while !rest.is_empty() && together > 0 {
            let (some, after) = rest.split_at(together.min(rest.len()));
            let parts: Vec<String> = some
                .iter()
                .map(|connection| one(capture, connection, span, true).into_string())
                .collect();
            let text = packed(parts.join("\0").as_bytes());
            match left.checked_sub(text.len() + BESIDE * some.len()) {
                Some(less) => {
                    left = less;
                    rest = after;
                    self.packs
                        .push((some.iter().map(|connection| connection.id).collect(), text));
                }
                None => together /= 2,
            }
        }
    }

    /// The section, in parts, and what the script draws.
    pub fn told(self) -> (impl Iterator<Item = Markup>, Packs) {
        let in_page = self.ids.len() as u64;
        let packed: u64 = self.packs.iter().map(|(ids, _)| ids.len() as u64).sum();
        let packs = Packs {
            in_page: self.ids,
            packed: self.packs,
        };
        let shown = in_page.saturating_add(packed);
        let head = html! {
            (PreEscaped("<section id=\"connections\" aria-labelledby=\"connections-h\" data-files=\""))
            (Html(&self.files))
            (PreEscaped("\">"))
            h2 id="connections-h" { "Connections" }
            @if shown > 0 {
                p.lead {
                    @if shown >= self.total { "All " (counted(self.total, "connection")) " with their ladders, those" } @else {
                        (number(shown)) " of " (counted(self.total, "connection")) " with their ladders, those"
                    }
                    " that need attention most first."
                    @if packed > 0 {
                        " " (number(in_page)) " are drawn below, " (number(packed))
                        " more are packed in this file: the script draws each when it is chosen. On paper are those that are drawn."
                    }
                }
            }
            @if shown < self.total {
                p {
                    @if shown > 0 { "The other " (number(self.total - shown)) " have none here. For any of them: " } @else { "For any connection: " }
                    code { "tcptrace-states show " (Html(&self.files)) " --conn NUMBER --svg ladder.svg" }
                    " draws its ladder, "
                    code { "tcptrace-states show " (Html(&self.files)) " --conn NUMBER --wireshark-filter" }
                    " tells its display filter."
                }
            }
            @if let Some(why) = self.why_not { p.note { (why) } }
            @if self.total == 0 && self.why_not.is_none() { p.dim { "There is no connection to show." } }
            div.controls id="number" hidden {}
        };
        let end = html! { div id="unpacked" {} (PreEscaped("</section></main>")) };
        let parts = std::iter::once(head)
            .chain(self.parts)
            .chain(std::iter::once(end));
        (parts, packs)
    }
}

/// The files of the capture as a shell takes them; `FILE` where their names are too many, too long, or no plain text.
fn files(capture: &Capture) -> String {
    let plain = |name: &String| {
        let (_, long) = clipped(name, LETTERS);
        !long && name != "-" && visible(name).eq(name.chars())
    };
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@%=,".contains(letter);
    if capture.files.is_empty() || capture.files.len() > FILES || !capture.files.iter().all(plain) {
        return "FILE".to_owned();
    }
    let quoted: Vec<String> = (capture.files.iter())
        .map(|name| match name.chars().all(safe) && !name.starts_with('-') {
            true => name.clone(),
            false => {
                let here = if name.starts_with('-') { "./" } else { "" };
                format!("'{here}{}'", name.replace('\'', "'\\''"))
            }
        })
        .collect();
    quoted.join(" ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_words_of_a_shell() {
        let of = |names: &[&str]| {
            files(&Capture {
                files: names.iter().map(|name| (*name).to_owned()).collect(),
                ..Capture::default()
            })
        };
        assert_eq!(of(&["a/b-1.pcap"]), "a/b-1.pcap");
        assert_eq!(of(&["it's $HOME.pcap", "b"]), "'it'\\''s $HOME.pcap' b");
        assert_eq!(of(&["-rf"]), "'./-rf'");
        assert_eq!(of(&["a\u{1b}[31m"]), "FILE");
        assert_eq!(of(&["-"]), "FILE");
        assert_eq!(of(&["a", "b", "c", "d"]), "FILE");
        assert_eq!(of(&[]), "FILE");
    }
}
