//! `leaks`: who does not close. A table of the endpoints in CLOSE-WAIT, and what is known of the worst of them.

mod sockets;

use std::io::{self, Write};

use serde::Serialize;

use super::grid::{self, Column, LEFT, RIGHT};
use crate::model::{Analysis, Capture, Role, ServiceFinding, Severity};
use crate::population::leaks::{Holder, LeakGroup, Leaks, Oldest};
use crate::population::sockets::{GroupSockets, Sockets};
use crate::population::{By, Spread};
use crate::report::escape::{self, Escaped};
use crate::report::header::{self, Fact, labelled};
use crate::report::look::number;
use crate::report::{Look, Rows, Tone, sparkline};

/// Groups described in full.
const DESCRIBED: usize = 3;
/// Oldest connections named of each.
const OLDEST: usize = 5;
const LABEL: usize = 13;
/// Characters of a process in the name of a group: the longest name that Linux keeps, and its number.
const NAME: usize = 28;
/// The column that is there only with listings of sockets.
const PROCESS: &str = "process";

#[derive(Serialize)]
struct Document<'a> {
    capture: &'a Capture,
    leaks: &'a Leaks,
    findings: Vec<&'a ServiceFinding>,
    sockets: Option<&'a Sockets>,
}

/// Writes `{"capture": …, "leaks": …, "findings": […], "sockets": …}`, indented: the capture as everywhere, the
/// half-closes as [`Leaks`], what the rule about leaks found in all of the capture, and what listings of sockets say as
/// [`Sockets`]; null where none were given. Names of processes stand there exactly as they came.
///
/// # Errors
///
/// Those of `out`.
pub fn json(
    out: &mut dyn Write,
    analysis: &Analysis,
    leaks: &Leaks,
    sockets: Option<&Sockets>,
) -> io::Result<()> {
    let document = Document {
        capture: &analysis.capture,
        leaks,
        findings: findings(analysis).collect(),
        sockets,
    };
    escape::json::write_pretty(out, &document)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}

/// What the rule about leaks found.
fn findings(analysis: &Analysis) -> impl Iterator<Item = &ServiceFinding> {
    analysis.findings.iter().filter(|finding| finding.code == "HC05")
}

/// Writes the screen. `sockets` is what listings say of these connections, where there are any.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    analysis: &Analysis,
    leaks: &Leaks,
    sockets: Option<&Sockets>,
    look: &Look,
) -> io::Result<()> {
    let mut lines = header::capture(&analysis.capture, look);
    lines.extend(labelled(look, "half-closes", Tone::Strong, &totals(leaks, look)));
    if let Some(sockets) = sockets {
        let facts = sockets::totals(sockets, leaks.open);
        lines.extend(labelled(look, "ss join", Tone::Strong, &facts));
    }
    write_lines(out, &lines)?;
    let told = |place: usize| sockets.and_then(|sockets| sockets.groups.get(place));
    let open: Vec<Row<'_>> = (leaks.groups.iter().enumerate())
        .filter(|(_, group)| group.open > 0)
        .map(|(place, group)| Row {
            group,
            told: told(place),
        })
        .collect();
    if open.is_empty() {
        let nothing = if leaks.ended == 0 {
            "Nothing leaks: there is no half-close."
        } else {
            "Nothing leaks: no half-close was open when the capture ended."
        };
        let tone = if analysis.capture.complete {
            Tone::Good
        } else {
            Tone::Attention
        };
        writeln!(out, "\n{}", look.paint(tone, nothing))?;
        return match sockets {
            Some(sockets) => write_lines(out, &sockets::leftovers(sockets, look)),
            None => Ok(()),
        };
    }
    let limit = match look.rows {
        Rows::All => usize::MAX,
        Rows::Limit(limit) => limit,
        Rows::Screen(lines) => lines / 2,
    };
    let shown: Vec<Row<'_>> = open.iter().take(limit).copied().collect();
    if !shown.is_empty() {
        writeln!(out)?;
        let named = sockets.is_some() && leaks.by != By::Process;
        let wanted = |column: &Column<Row<'_>>| named || column.heading != PROCESS;
        let columns: Vec<Column<Row<'_>>> = columns().into_iter().filter(wanted).collect();
        grid::write(out, &columns, &shown, look)?;
    }
    for row in shown.iter().take(DESCRIBED) {
        writeln!(out)?;
        write_lines(out, &description(*row, leaks, analysis, sockets, look))?;
    }
    if let Some(sockets) = sockets {
        let told = shown.iter().take(DESCRIBED).filter_map(|row| row.told);
        write_lines(out, &sockets::meanings(told, look))?;
        write_lines(out, &sockets::leftovers(sockets, look))?;
    }
    writeln!(out)?;
    let growth = if leaks.span.length_ns() < 60_000_000_000 {
        "per min: least-squares slope of the open ones, extrapolated: the capture is shorter"
    } else {
        "per min: least-squares slope of the open ones"
    };
    let legend = [
        Fact::new(Tone::Dim, "+ and counting"),
        Fact::new(Tone::Dim, growth),
    ];
    write_lines(out, &header::wrapped(look, look.width, &legend))?;
    let more = open.len().saturating_sub(shown.len()) as u64;
    write_lines(
        out,
        &header::wrapped(look, look.width, &hints(&shown, more, look)),
    )
}

/// A group of half-closes, and what listings say of it.
#[derive(Clone, Copy)]
struct Row<'a> {
    group: &'a LeakGroup,
    told: Option<&'a GroupSockets>,
}

fn write_lines(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

fn totals(leaks: &Leaks, look: &Look) -> Vec<Fact> {
    let tone = if leaks.open > 0 {
        Tone::Attention
    } else {
        Tone::Good
    };
    let mut facts = vec![Fact::new(tone, format!("{} open now", number(leaks.open)))];
    if let Some(at) = leaks.peak_at {
        let text = format!("at most {} at {}", number(leaks.peak), sparkline::clock(at));
        facts.push(Fact::plain(text));
    }
    let mut ended = format!("{} ended", number(leaks.ended));
    if let Some(spread) = leaks.ended_ns {
        ended += &format!(" ({})", spread_text(spread, look));
    }
    facts.push(Fact::plain(ended));
    if leaks.shorter > 0 {
        let least = look.duration(leaks.min_age_ns);
        facts.push(Fact::new(
            Tone::Dim,
            format!("{} shorter than {least} left out", number(leaks.shorter)),
        ));
    }
    facts
}

/// The name of a group.
fn name(holder: &Holder, look: &Look) -> String {
    let who = match (holder.endpoint, holder.server, holder.client) {
        (Role::Server, Some(server), Some(client)) => format!("{server} for {client}"),
        (Role::Client, Some(server), Some(client)) => format!("{client} for {server}"),
        (Role::Server | Role::Client, Some(server), None) => server.to_string(),
        (Role::Server, None, Some(client)) => format!("servers of {client}"),
        (Role::Client, None, Some(client)) => format!("{client} (client)"),
        (Role::Server | Role::Client, None, None) => format!("a {}", holder.endpoint.name()),
    };
    match &holder.process {
        Some(process) => format!("{} at {who}", sockets::shown(process, NAME, look)),
        None => who,
    }
}

fn columns<'a>() -> [Column<Row<'a>>; 10] {
    [
        Column {
            heading: "CLOSE-WAIT held by",
            alignment: LEFT,
            rank: 0,
            cell: |row, look| name(&row.group.holder, look),
        },
        Column {
            heading: "open",
            alignment: RIGHT,
            rank: 0,
            cell: |row, _| number(row.group.open),
        },
        Column {
            heading: "peak",
            alignment: RIGHT,
            rank: 3,
            cell: |row, _| number(row.group.peak),
        },
        Column {
            heading: "per min",
            alignment: RIGHT,
            rank: 1,
            cell: |row, _| growth(row.group.growth_milli_per_minute),
        },
        Column {
            heading: "age p50",
            alignment: RIGHT,
            rank: 2,
            cell: |row, look| {
                row.group
                    .open_ns
                    .map_or(String::new(), |ages| look.duration(ages.p50_ns) + "+")
            },
        },
        Column {
            heading: "oldest",
            alignment: RIGHT,
            rank: 0,
            cell: |row, look| {
                row.group
                    .open_ns
                    .map_or(String::new(), |ages| look.duration(ages.max_ns) + "+")
            },
        },
        Column {
            heading: PROCESS,
            alignment: LEFT,
            rank: 1,
            cell: |row, look| {
                row.told
                    .map_or(String::new(), |told| sockets::holders(told, look))
            },
        },
        Column {
            heading: "ended",
            alignment: RIGHT,
            rank: 4,
            cell: |row, _| number(row.group.ended.total),
        },
        Column {
            heading: "after p50",
            alignment: RIGHT,
            rank: 5,
            cell: |row, look| {
                row.group
                    .ended_ns
                    .map_or("-".to_owned(), |spread| look.duration(spread.p50_ns))
            },
        },
        Column {
            heading: "request before the FIN",
            alignment: LEFT,
            rank: 6,
            cell: |row, _| request(row.group),
        },
    ]
}

/// `+4.3`, `-0.2`, `+1 204`, `0`.
fn growth(milli: i64) -> String {
    let sign = match milli {
        i64::MIN..0 => "-",
        0 => "",
        1.. => "+",
    };
    let milli = milli.unsigned_abs();
    if milli == 0 {
        "0".to_owned()
    } else if milli < 100_000 {
        let tenths = (milli + 50) / 100;
        format!("{sign}{}.{}", tenths / 10, tenths % 10)
    } else {
        format!("{sign}{}", number(milli / 1_000))
    }
}

/// `22 answered, 1 not`.
fn request(group: &LeakGroup) -> String {
    let request = group.request;
    let mut parts = Vec::new();
    for (count, word) in [
        (request.answered, "answered"),
        (request.not_answered, "not answered"),
        (request.unknown, "unknown"),
    ] {
        if count > 0 {
            parts.push(format!("{} {word}", number(count)));
        }
    }
    parts.join(", ")
}

fn description(
    row: Row<'_>,
    leaks: &Leaks,
    analysis: &Analysis,
    sockets: Option<&Sockets>,
    look: &Look,
) -> Vec<String> {
    let group = row.group;
    let mut lines = vec![look.paint(Tone::Strong, &name(&group.holder, look))];
    let found = findings(analysis).filter(|finding| {
        let holder = &group.holder;
        (finding.server, finding.client, finding.endpoint)
            == (holder.server, holder.client, Some(holder.endpoint))
    });
    for finding in found {
        let label = format!("{} {}", finding.code, finding.severity.name());
        let text = look.text(format!("{} ({})", finding.message, finding.confidence.name()));
        lines.extend(labelled(
            look,
            &label,
            tone(finding.severity),
            &[Fact::plain(Escaped(&text).to_string())],
        ));
    }
    let mut say = |label: &str, facts: &[Fact]| lines.extend(labelled(look, label, Tone::Dim, facts));
    if let Some(curve) = &group.curve {
        let room = look.width.saturating_sub(LABEL).max(20);
        say(
            "over time",
            &[
                Fact::new(Tone::Attention, sparkline::bars(curve, room, look)),
                Fact::plain(sparkline::scale(curve, leaks.span.to, look)),
            ],
        );
    }
    say(
        "request",
        &[Fact::plain(format!("before the FIN: {}", request(group)))],
    );
    say("peer since", &peer(group));
    let octets = [
        Fact::plain(format!("{} sent in CLOSE-WAIT", number(group.sent_bytes))),
        Fact::plain(format!(
            "{} of the peer not acknowledged",
            number(group.unacknowledged_bytes)
        )),
    ];
    say("octets", &octets);
    if group.ended.total > 0 {
        say("ended", &ended(group, look));
    }
    let servers = group.holder.server.is_none() || group.holder.endpoint == Role::Client;
    say(if servers { "servers" } else { "clients" }, &peers(group, look));
    let oldest: Vec<(u64, Fact)> = (group.oldest.iter().take(OLDEST))
        .map(|one| (one.id, oldest(one, group, look)))
        .collect();
    match (row.told, sockets) {
        (Some(told), Some(sockets)) => {
            for (nth, facts) in sockets::processes(told, look).iter().enumerate() {
                say(if nth == 0 { "process" } else { "" }, facts);
            }
            say("ss join", &sockets::joined(told, group.open));
            for (nth, (id, fact)) in oldest.into_iter().enumerate() {
                let socket = sockets.of(id);
                let facts = sockets::beside(fact, socket, group.holder.endpoint, look);
                say(if nth == 0 { "oldest" } else { "" }, &facts);
            }
        }
        (None, _) | (_, None) => {
            let oldest: Vec<Fact> = oldest.into_iter().map(|(_, fact)| fact).collect();
            say("oldest", &oldest);
        }
    }
    lines
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Attention,
        Severity::Note | Severity::Info => Tone::Dim,
    }
}

fn peer(group: &LeakGroup) -> Vec<Fact> {
    let peer = group.peer;
    let facts = [
        (
            peer.there,
            "still there: keepalives were sent or answered",
            Tone::Plain,
        ),
        (peer.silent, "asked and silent", Tone::Attention),
        (peer.gone, "gone: it sent a RST", Tone::Bad),
        (peer.not_asked, "not asked", Tone::Plain),
    ];
    (facts.into_iter().filter(|(count, ..)| *count > 0))
        .map(|(count, words, tone)| Fact::new(tone, format!("{} {words}", number(count))))
        .collect()
}

fn ended(group: &LeakGroup, look: &Look) -> Vec<Fact> {
    let ended = group.ended;
    let counts = [
        (ended.by_fin, "by FIN"),
        (ended.by_own_reset, "by its own RST"),
        (ended.by_peer_reset, "by a RST of the peer"),
        (ended.otherwise, "otherwise"),
    ];
    let mut facts: Vec<Fact> = (counts.into_iter().filter(|(count, _)| *count > 0))
        .map(|(count, words)| Fact::plain(format!("{} {words}", number(count))))
        .collect();
    if let Some(spread) = group.ended_ns {
        facts.push(Fact::plain(spread_text(spread, look)));
    }
    facts
}

fn peers(group: &LeakGroup, look: &Look) -> Vec<Fact> {
    let mut facts: Vec<Fact> = (group.peers.iter())
        .map(|peer| {
            let end = match (peer.port, peer.ip.is_ipv6()) {
                (Some(port), true) => format!("[{}]:{port}", peer.ip),
                (Some(port), false) => format!("{}:{port}", peer.ip),
                (None, _) => peer.ip.to_string(),
            };
            Fact::plain(format!("{end} ({})", number(peer.open)))
        })
        .collect();
    let more = group.peers_total.saturating_sub(facts.len() as u64);
    if more > 0 {
        facts.push(Fact::new(
            Tone::Dim,
            format!("{} {} more", look.ellipsis(), number(more)),
        ));
    }
    facts
}

fn oldest(one: &Oldest, group: &LeakGroup, look: &Look) -> Fact {
    let ends = match (group.holder.endpoint, group.holder.server) {
        (Role::Server, Some(_)) => one.client.to_string(),
        (Role::Server, None) | (Role::Client, _) => {
            format!("{} {} {}", one.client, look.arrow(), one.server)
        }
    };
    Fact::plain(format!("#{} {ends} {}+", one.id, look.duration(one.age_ns)))
}

fn hints(shown: &[Row<'_>], more: u64, look: &Look) -> Vec<Fact> {
    let mut facts = Vec::new();
    if more > 0 {
        let text = format!("{} {} more: --limit N", look.ellipsis(), number(more));
        facts.push(Fact::plain(text));
    }
    if let Some(first) = shown.first().and_then(|row| row.group.oldest.first()) {
        let show = format!("next: tcptrace-states show FILE --conn {}", first.id);
        let family = if first.client.ip.is_ipv6() { "ipv6" } else { "ip" };
        let filter = format!(
            "tshark -r FILE -Y '{family}.addr=={} && tcp.port=={} && tcp.port=={}'",
            first.client.ip, first.client.port, first.server.port
        );
        facts.extend([Fact::new(Tone::Dim, show), Fact::new(Tone::Dim, filter)]);
    }
    facts
}

fn spread_text(spread: Spread, look: &Look) -> String {
    let [p50, p99, max] = [spread.p50_ns, spread.p99_ns, spread.max_ns].map(|ns| look.duration(ns));
    format!("p50 {p50}, p99 {p99}, longest {max}")
}
