//! The state timeline: a lane for each connection.
//!
//! The first lanes are drawn here, for readers without the script. The script gets all lanes as numbers, and draws those
//! that are in sight.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use maud::{Markup, html};

use super::charts::Charts;
use super::found::{Found, link};
use super::ladders::Packs;
use super::lane::{EVIDENCE, End, Lane, evidence_number};
use super::sample::Sample;
use super::strip::{colour_class, is_drawn, strip};
use crate::model::{Analysis, Outcome, Role, State};
use crate::population::Span;
use crate::report::look::{counted, number, state_label, state_letter};
use crate::time::{Timestamp, human_duration};

/// Octets for the lanes as numbers at most: half for those that need attention most, half for the sample of the others.
const SHARE: usize = 2_000_000;
/// Octets of the lanes that are drawn without the script.
const DRAWN_OCTETS: usize = 400_000;
/// Lanes drawn without the script.
const DRAWN: usize = 60;

/// The lanes there is room for.
pub(super) struct Timeline {
    span: Span,
    total: u64,
    foremost: usize,
    others: usize,
    /// The first ones, drawn.
    rows: Vec<Markup>,
    /// All of them, in the form of the data.
    text: String,
    ips: Vec<IpAddr>,
}

impl Timeline {
    /// With so many octets of room.
    pub fn of(lanes: Sample, span: Span, room: usize) -> Timeline {
        let share = SHARE.min(room.saturating_sub(DRAWN_OCTETS));
        let total = lanes.total();
        let (foremost, mut others) = lanes.told();
        let mut data = Data::default();
        let first = data.take(&foremost, span, share / 2);
        // Of an even sample, the first ones are one, too.
        let second = data.clone().take(&others, span, share);
        others.truncate(second);
        others.sort_unstable_by_key(|lane| lane.id);
        data.take(&others, span, usize::MAX);
        let mut left = DRAWN_OCTETS.min(room);
        let rows = foremost.iter().take(DRAWN.min(first));
        let rows = rows.map(|lane| row(lane, span)).take_while(|row| {
            let rest = left.checked_sub(row.0.len());
            left = rest.unwrap_or(0);
            rest.is_some()
        });
        Timeline {
            rows: rows.collect(),
            span,
            total,
            foremost: first,
            others: second,
            text: data.text,
            ips: data.ips,
        }
    }

    /// Octets of the lanes as numbers.
    pub fn len(&self) -> usize {
        self.text.len() + 42 * self.ips.len()
    }

    /// What is shown of how many.
    fn extent(&self) -> String {
        let kept = (self.foremost + self.others) as u64;
        if kept >= self.total {
            return format!("All {}.", counted(self.total, "connection"));
        }
        format!(
            "{} of {}: the {} that need attention most, and {} taken evenly from the others.",
            number(kept),
            counted(self.total, "connection"),
            number(self.foremost as u64),
            number(self.others as u64)
        )
    }

    pub fn section(&self, analysis: &Analysis) -> Markup {
        html! {
            section id="timeline" aria-labelledby="timeline-h" {
                h2 id="timeline-h" { "State timeline" }
                p.lead id="extent" { (self.extent()) }
                @if self.total == 0 {
                    p.dim { @if analysis.summary.connections > 0 { "No connection matches the selection." } @else { "There is no connection to draw." } }
                } @else {
                    (legend())
                    div.controls id="controls" hidden {}
                    div.lanes id="lanes" {
                        (axis(self.span))
                        ol.rows id="rows" { @for row in &self.rows { (row) } }
                    }
                    @if (self.rows.len() as u64) < self.total {
                        p.note.noscript {
                            "The first " (number(self.rows.len() as u64)) " lanes are drawn here. The script, if it runs, draws the others of this file, too, and filters and sorts them."
                        }
                    }
                    div.detail id="detail" aria-live="polite" {}
                }
            }
        }
    }

    /// Everything that the script works with. Only numbers, addresses and words of the program are in it.
    pub fn write_data(
        &self,
        out: &mut dyn Write,
        found: &Found<'_>,
        ladders: &Packs,
        charts: &Charts,
    ) -> io::Result<()> {
        let names = |list: &mut dyn Iterator<Item = &'static str>| {
            let quoted: Vec<String> = list.map(|name| format!("\"{name}\"")).collect();
            quoted.join(",")
        };
        write!(
            out,
            "{{\"from\":{},\"span\":{},\"total\":{},\"foremost\":{},",
            self.span.from.ns() / 1_000,
            self.span.length_ns() / 1_000,
            self.total,
            self.foremost
        )?;
        let states = names(&mut State::ALL.into_iter().map(State::name));
        let short: Vec<String> = (State::ALL.into_iter())
            .map(|state| format!("\"{}\"", state_letter(state)))
            .collect();
        let short = short.join(",");
        let classes = names(&mut State::ALL.into_iter().map(colour_class));
        write!(
            out,
            "\"states\":[{states}],\"letters\":[{short}],\"classes\":[{classes}],"
        )?;
        write!(
            out,
            "\"evidence\":[{}],\"causes\":[{}],\"outcomes\":[{}],",
            names(&mut EVIDENCE.into_iter()),
            names(&mut CAUSES.into_iter()),
            names(&mut Outcome::ALL.into_iter().map(Outcome::name))
        )?;
        out.write_all(b"\"rules\":[")?;
        for (index, rule) in found.rules().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let (code, name, severity) = (rule.code, rule.name, rule.severity.name());
            write!(out, "{comma}[\"{code}\",\"{name}\",\"{severity}\"]")?;
        }
        out.write_all(b"],\n\"lists\":{")?;
        for (index, (name, text)) in found.lists().iter().enumerate() {
            let comma = if index > 0 { ",\n" } else { "" };
            write!(out, "{comma}\"{name}\":\"{text}\"")?;
        }
        out.write_all(b"},\"rest\":{")?;
        for (index, (code, parts)) in found.rest().enumerate() {
            let comma = if index > 0 { ",\n" } else { "" };
            let parts: Vec<String> = (parts.iter())
                .map(|part| format!("[\"{}\",\"{}\"]", part.words, part.numbers))
                .collect();
            write!(out, "{comma}\"{code}\":[{}]", parts.join(",\n"))?;
        }
        let numbers = |ids: &[u64]| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        write!(
            out,
            "}},\"ladders\":[{}],\n\"packs\":[",
            numbers(&ladders.in_page)
        )?;
        for (index, (ids, text)) in ladders.packed.iter().enumerate() {
            let comma = if index > 0 { ",\n" } else { "" };
            write!(out, "{comma}[[{}],\"{text}\"]", numbers(ids))?;
        }
        let ips: Vec<String> = self.ips.iter().map(|ip| format!("\"{ip}\"")).collect();
        write!(out, "],\n\"ips\":[{}],\n\"lanes\":[\n", ips.join(","))?;
        out.write_all(self.text.as_bytes())?;
        out.write_all(b"],\n\"charts\":")?;
        charts.write(out)?;
        out.write_all(b"}")
    }
}

/// Every cause by its name; nothing first.
const CAUSES: [&str; 12] = [
    "",
    "SYN sent",
    "SYN received",
    "SYN acknowledged",
    "FIN sent",
    "FIN received",
    "FIN acknowledged",
    "RST sent",
    "RST received",
    "new incarnation",
    "first seen",
    "timer",
];

/// Lanes as numbers.
#[derive(Clone, Default)]
struct Data {
    text: String,
    ips: Vec<IpAddr>,
    places: HashMap<IpAddr, usize, RandomState>,
}

impl Data {
    /// Takes lanes until the text has so many octets. Returns how many it took.
    fn take(&mut self, lanes: &[Lane], span: Span, most: usize) -> usize {
        for (index, lane) in lanes.iter().enumerate() {
            let before = self.text.len();
            if before > 0 {
                self.text.push_str(",\n");
            }
            self.lane(lane, span);
            if self.text.len() + 42 * self.ips.len() > most {
                self.text.truncate(before);
                return index;
            }
        }
        lanes.len()
    }

    fn ip(&mut self, ip: IpAddr) -> usize {
        let next = self.ips.len();
        let place = *self.places.entry(ip).or_insert(next);
        if place == next {
            self.ips.push(ip);
        }
        place
    }

    /// `[id, client, port, server, port, first, last, outcome, half-close, open, flags, [client], [server], [marks]]`: times
    /// in microseconds since the beginning, an address by its place.
    fn lane(&mut self, lane: &Lane, span: Span) {
        let (client, server) = (self.ip(lane.client.ip), self.ip(lane.server.ip));
        let (half_close, open) = lane
            .half_close
            .map_or((-1, false), |(ns, open)| (ns / 1_000, open));
        let [first, second] = &lane.ends;
        let text = &mut self.text;
        let states = |end: &End| (end.state as u32) * 8 + u32::from(evidence_number(end.evidence));
        // A String takes everything.
        let _ = write!(
            text,
            "[{},{client},{},{server},{},{},{},{},{half_close},{},{},{},{},[",
            lane.id,
            lane.client.port,
            lane.server.port,
            micros(span, lane.first_time),
            micros(span, lane.last_time),
            lane.outcome as u8,
            u8::from(open),
            u8::from(lane.one_sided),
            states(first),
            states(second),
        );
        for (index, end) in lane.ends.iter().enumerate() {
            if index > 0 {
                text.push_str("],[");
            }
            // Each less the one before: state and evidence, time, packet, cause.
            let (mut time, mut packet) = (0, 0);
            for (place, piece) in end.stretches.iter().enumerate() {
                let at = micros(span, piece.from);
                let number = piece
                    .packet
                    .map_or(0, |number| i64::try_from(number).unwrap_or(i64::MAX));
                let known = if number == 0 { packet } else { number };
                let what = (piece.state as u32) * 16
                    + u32::from(evidence_number(piece.evidence)) * 2
                    + u32::from(piece.proven);
                let cause = CAUSES.iter().position(|name| *name == piece.cause).unwrap_or(0);
                let comma = if place > 0 { "," } else { "" };
                let there = if number == 0 {
                    "null".to_owned()
                } else {
                    (known - packet).to_string()
                };
                let _ = write!(text, "{comma}{what},{},{there},{cause}", at - time);
                (time, packet) = (at, known);
            }
            if end.more > 0 {
                let _ = write!(text, ",{}", end.more);
            }
        }
        text.push_str("],[");
        for (index, mark) in lane.marks.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let role = match mark.endpoint {
                None => 0,
                Some(Role::Client) => 1,
                Some(Role::Server) => 2,
            };
            let at = mark.at.map_or(-1, |at| micros(span, at));
            let _ = write!(text, "{comma}\"{}\",{role},{at}", mark.code);
        }
        text.push_str("]]");
    }
}

fn micros(span: Span, at: Timestamp) -> i64 {
    at.since(span.from) / 1_000
}

/// States by their colours and letters, and what else is drawn.
fn legend() -> Markup {
    let states = State::ALL.into_iter().filter(|state| is_drawn(*state));
    html! {
        ul.legend aria-label="Legend" {
            @for state in states {
                li {
                    svg width="30" height="15" aria-hidden="true" {
                        rect.s.{ "s-" (colour_class(state)) } width="30" height="15" {}
                        text x="15" y="11" text-anchor="middle" { (state_letter(state)) }
                    }
                    (state)
                }
            }
            li { svg width="30" height="15" aria-hidden="true" { rect.s.s-E width="30" height="15" {} rect.hatch width="30" height="15" {} }
                "not proven (? presumed or by timer, ~ inferred)" }
            li { svg width="30" height="15" aria-hidden="true" { rect.s.s-E width="30" height="15" {} rect.quiet width="30" height="15" {} }
                "after the last packet" }
            li { svg width="30" height="15" aria-hidden="true" { g.mark.error { path d="M5 3h10l-5 8z" {} } }
                "a finding" }
            li.key { "Upper strip: client. Lower strip: server." }
        }
    }
}

/// Times below the lanes, in quarters.
fn axis(span: Span) -> Markup {
    html! {
        div.axis aria-hidden="true" { div.ticks id="ticks" {
            @for quarter in 0..=4_i64 {
                span { (human_duration(span.length_ns() / 4 * quarter)) }
            }
        } }
    }
}

/// One lane with its head.
fn row(lane: &Lane, span: Span) -> Markup {
    let [client, server] = &lane.ends;
    html! {
        li.row data-id=(lane.id) {
            div.head {
                span.who { (link(lane.id)) " " (lane.client) " → " (lane.server) }
                span.what {
                    (state_label(client.state, client.evidence)) " / " (state_label(server.state, server.evidence))
                    " · " (lane.ending)
                    @if let Some((ns, open)) = lane.half_close { " · half-close " (human_duration(ns)) @if open { "+" } }
                    @for (code, severity) in lane.codes() { " " span.badge.(severity.name()) { (code) } }
                    @if lane.more_marks > 0 { " +" (lane.more_marks) }
                }
            }
            (strip(lane, span))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Cause;

    #[test]
    fn every_cause_has_a_number() {
        let all = [
            Cause::SynSent,
            Cause::SynReceived,
            Cause::SynAcknowledged,
            Cause::FinSent,
            Cause::FinReceived,
            Cause::FinAcknowledged,
            Cause::RstSent,
            Cause::RstReceived,
            Cause::NewIncarnation,
            Cause::FirstSeen,
            Cause::Timer,
        ];
        assert_eq!(all.map(Cause::name), CAUSES[1..]);
    }
}
