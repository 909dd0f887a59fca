//! Populations over time: states of each service, CLOSE-WAIT, TIME-WAIT and its ports, what begins and ends, half-closes.

use maud::{Markup, html};

use super::charts::{Chart, Charts, Series};
use super::percent;
use super::strip::colour_class;
use crate::model::{Role, State};
use crate::population::leaks::LeakGroup;
use crate::population::over_time::{Curves, HALF_CLOSE_LIMITS, HalfCloseClasses, StateCurve, Told};
use crate::population::time_wait::{Holder, Pressure};
use crate::population::{Leaks, Span, TimeWaits};
use crate::report::look::{counted, number};
use crate::time::human_duration;

/// Services with curves of their own.
pub(super) const SERVICES: usize = 6;
/// Groups of half-closes, and holders of TIME-WAIT, with curves.
const GROUPS: usize = 6;
/// Pairs of client and service whose ports are counted.
const PAIRS: usize = 8;

pub(super) fn section(
    charts: &mut Charts,
    told: &Told,
    leaks: &Leaks,
    waits: &TimeWaits,
    span: Span,
) -> Markup {
    let all = &told.all;
    let empty = all.connections == 0 || span.length_ns() == 0;
    html! {
        section id="population" aria-labelledby="population-h" {
            h2 id="population-h" { "Populations over time" }
            @if empty {
                p.dim { "There is no time to draw: " @if all.connections == 0 { "no connection." } @else { "all packets have the same time." } }
            } @else {
                p.lead {
                    "Endpoints in each state at the end of each interval of " (human_duration(told.bucket_ns))
                    ", all connections counted. Hatched: no segment of the endpoint itself proves it."
                }
                (states(charts, all, told, span, "All services"))
                @if told.services_total > 1 { @for service in &told.services { details.service {
                    summary {
                        @if let Some(server) = service.server { strong { (server) } }
                        span.extent { (counted(service.connections, "connection")) }
                    }
                    (states(charts, service, told, span, "This service"))
                } } }
                @if told.services_total > told.services.len() as u64 {
                    p.note {
                        (number(told.services.len() as u64)) " of " (counted(told.services_total, "service"))
                        " have curves of their own: those with most in CLOSE-WAIT at the end, then in TIME-WAIT, then with most connections."
                        @if told.services_dropped > 0 {
                            " " (number(told.services_dropped)) " small ones were given up on the way, to bound memory; if one of them grew later, its own curves lack its beginning."
                        }
                    }
                }
                (begin_and_end(charts, all, told, span))
                (close_wait(charts, leaks, span))
                (time_wait(charts, waits, span))
                (half_closes(&told.half_closes))
            }
        }
    }
}

fn series(curve: &StateCurve) -> Series {
    Series {
        name: curve.state.name().to_owned(),
        class: format!("s-{}", colour_class(curve.state)),
        counts: curve.count.clone(),
        unproven: curve.unproven.clone(),
    }
}

/// Both sides of a service, or of all.
fn states(charts: &mut Charts, curves: &Curves, told: &Told, span: Span, of: &str) -> Markup {
    let mut side = |role: Role, noun: &str| {
        let list: Vec<Series> = (curves.states.iter())
            .filter(|curve| curve.role == role)
            .map(series)
            .collect();
        let title = format!("{of}: {noun} by state");
        let chart = Chart {
            title: &title,
            span,
            bucket_ns: told.bucket_ns,
            limit: None,
            small: false,
        };
        charts.stacked(&chart, &list)
    };
    html! { div.columns { (side(Role::Server, "servers")) (side(Role::Client, "clients")) } }
}

fn begin_and_end(charts: &mut Charts, all: &Curves, told: &Told, span: Span) -> Markup {
    let one = |name: &str, class: &str, counts: &[u64]| Series {
        name: name.to_owned(),
        class: class.to_owned(),
        counts: counts.to_vec(),
        unproven: Vec::new(),
    };
    let chart = Chart {
        title: "New connections (up), closed and reset ones (down) in each interval",
        span,
        bucket_ns: told.bucket_ns,
        limit: None,
        small: false,
    };
    let series = [
        one("new", "opened", &all.opened),
        one("closed by FINs", "closed", &all.closed),
        one("reset or refused", "reset", &all.reset),
    ];
    html! {
        h3 { "Connections that begin and end" }
        (charts.bars(&chart, &series))
    }
}

/// One curve with the exact most of each bucket.
fn alone(charts: &mut Charts, chart: &Chart<'_>, state: State, counts: &[u64]) -> Markup {
    let series = Series {
        name: state.name().to_owned(),
        class: format!("s-{}", colour_class(state)),
        counts: counts.to_vec(),
        unproven: Vec::new(),
    };
    charts.stacked(chart, &[series])
}

fn close_wait(charts: &mut Charts, leaks: &Leaks, span: Span) -> Markup {
    let groups: Vec<(&LeakGroup, &crate::population::Curve)> = (leaks.groups.iter())
        .filter_map(|group| Some((group, group.curve.as_ref()?)))
        .take(GROUPS)
        .collect();
    html! {
        h3 { "CLOSE-WAIT: who does not close" }
        @if leaks.groups.is_empty() { p.dim { "Nobody was in CLOSE-WAIT." } } @else {
            p {
                strong { (number(leaks.open)) " open at the end" } ", at most " (number(leaks.peak)) " at the same time; "
                (number(leaks.ended)) " ended"
                @if let Some(spread) = leaks.ended_ns {
                    " (half within " (human_duration(spread.p50_ns)) ", 99 % within " (human_duration(spread.p99_ns))
                    ", longest " (human_duration(spread.max_ns)) ")"
                } "."
            }
            p.dim { "The most in each interval, presumed ones included: what of them is proven stands in the curves by state." }
            div.grid { @for (group, curve) in &groups {
                @let title = group.holder.server.map_or_else(
                    || group.holder.client.map_or_else(String::new, |client| format!("{client} (client)")),
                    |server| server.to_string());
                div.card {
                    (alone(charts, &Chart { title: &title, span, bucket_ns: curve.bucket_ns, limit: None, small: true }, State::CloseWait, &curve.most))
                    p.dim {
                        strong { (number(group.open)) " open" } " · at most " (number(group.peak)) " · "
                        (growth(group.growth_milli_per_minute))
                        @if let Some(spread) = group.open_ns { " · oldest " (human_duration(spread.max_ns)) "+" }
                    }
                }
            } }
            @if leaks.groups.len() > groups.len() {
                p.note { (number(groups.len() as u64)) " of " (counted(leaks.groups.len() as u64, "endpoint"))
                    " are drawn, those with most open ones; " code { "tcptrace-states leaks" } " has all." }
            }
        }
    }
}

fn growth(milli: i64) -> String {
    let sign = if milli < 0 { "−" } else { "+" };
    let size = milli.unsigned_abs();
    if size == 0 {
        return "steady".to_owned();
    }
    format!("{sign}{}.{:01} a minute", size / 1_000, size % 1_000 / 100)
}

fn time_wait(charts: &mut Charts, waits: &TimeWaits, span: Span) -> Markup {
    let ports = u64::from(waits.ephemeral_ports);
    let holders: Vec<(&Holder, &crate::population::Curve)> = (waits.holders.iter())
        .filter_map(|holder| Some((holder, holder.held.curve.as_ref()?)))
        .take(GROUPS)
        .collect();
    html! {
        h3 { "TIME-WAIT and the ports it takes" }
        @if waits.total.entered == 0 { p.dim { "Nobody was in TIME-WAIT." } } @else {
            p {
                strong { (number(waits.total.now)) " held at the end" } ", at most " (number(waits.total.peak))
                " at the same time, " (number(waits.total.entered)) " entered; 2 MSL taken as " (human_duration(waits.time_wait_ns))
                ". A client has " (number(ports)) " ports for connections to one service: the dashed line, where it is near. Presumed ones are counted, too."
            }
            div.grid { @for (holder, curve) in &holders {
                @let title = match holder.port {
                    Some(port) => format!("{} (server)", crate::model::Address { ip: holder.ip, port }),
                    None => format!("{} (client)", holder.ip),
                };
                // A limit far above would press the curve to the ground.
                @let near = holder.endpoint == Role::Client && holder.held.peak.saturating_mul(5) >= ports;
                @let limit = near.then(|| (ports, format!("{} ports", number(ports))));
                div.card {
                    (alone(charts, &Chart { title: &title, span, bucket_ns: curve.bucket_ns, limit, small: true }, State::TimeWait, &curve.most))
                    p.dim {
                        strong { (number(holder.held.now)) " held" } " · at most " (number(holder.held.peak))
                        @if holder.endpoint == Role::Client { " · " (percent(holder.held.peak, ports)) " % of the ports to one service" }
                    }
                }
            } }
            @if waits.holders.len() > holders.len() {
                p.note { (number(holders.len() as u64)) " of " (counted(waits.holders.len() as u64, "holder"))
                    " are drawn, those that hold most; " code { "tcptrace-states time-wait" } " has all." }
            }
            (pressure(&waits.pressure, ports))
        }
    }
}

fn pressure(pairs: &[Pressure], ports: u64) -> Markup {
    let clients: Vec<&Pressure> = pairs.iter().filter(|pair| pair.holder == Role::Client).collect();
    html! {
        @if !clients.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="Ports in TIME-WAIT" { table.list {
                thead { tr {
                    th scope="col" { "Client" } th scope="col" { "Service" } th.n scope="col" { "Held at most" }
                    th scope="col" { "Share of " (number(ports)) " ports" } th.n scope="col" { "Entered a second" } th scope="col" { "All taken at" }
                } }
                tbody { @for pair in clients.iter().take(PAIRS) { tr {
                    td { (pair.client) } td { (pair.server) } td.n { (number(pair.held.peak)) }
                    td.meter {
                        svg width="100" height="10" aria-hidden="true" {
                            rect.track width="100" height="10" rx="2" {}
                            rect.fill width=(percent(pair.held.peak, ports) + "%") height="10" rx="2" {}
                        }
                        (pair.peak_permille / 10) "." (pair.peak_permille % 10) " %"
                    }
                    td.n { @match pair.rate_milli_per_second { Some(rate) => { (rate / 1_000) "." (rate % 1_000 / 100) }, None => "–" } }
                    td { @match pair.full_at { Some(at) => (at.to_string().replace('T', " ").get(..19).unwrap_or_default()), None => "–" } }
                } } }
            } }
            @if clients.len() > PAIRS { p.note { (number((clients.len() - PAIRS) as u64)) " more pairs are not listed here." } }
        }
    }
}

/// How long half-closes lasted, from the first class that has one to the last.
fn half_closes(classes: &HalfCloseClasses) -> Markup {
    let both = |class: usize| {
        let at = |list: &[u64]| list.get(class).copied().unwrap_or(0);
        (at(&classes.ended), at(&classes.open))
    };
    let count = HALF_CLOSE_LIMITS.len() + 1;
    let there = |class: &usize| both(*class) != (0, 0);
    let (first, last) = ((0..count).find(there), (0..count).rfind(there));
    let most = (0..count)
        .map(|class| both(class).0 + both(class).1)
        .max()
        .unwrap_or(0);
    let name = |class: usize| {
        let limit = |place: usize| HALF_CLOSE_LIMITS.get(place).map(|ns| round(*ns));
        match (class.checked_sub(1).and_then(limit), limit(class)) {
            (None, Some(to)) => format!("under {to}"),
            (Some(from), Some(to)) => format!("{from} to {to}"),
            (Some(from), None) => format!("{from} and more"),
            (None, None) => String::new(),
        }
    };
    html! {
        h3 { "How long half-closes lasted" }
        @if let (Some(first), Some(last)) = (first, last) {
            p.dim { "Solid: ended. Hatched: still open at the end of the capture, by how long they have lasted at least." }
            table.bars {
                caption.sr { "Half-closes by duration" }
                thead.sr { tr { th scope="col" { "Duration" } th scope="col" { "Share" } th scope="col" { "Ended, and still open" } } }
                tbody { @for class in first..=last {
                    @let (ended, open) = both(class);
                    tr {
                        th scope="row" { (name(class)) }
                        td.bar { svg width="100%" height="14" aria-hidden="true" {
                            rect.s.s-CW width=(percent(ended + open, most) + "%") height="14" {}
                            rect.hatch x=(percent(ended, most) + "%") width=(percent(open, most) + "%") height="14" {}
                        } }
                        td.n { (number(ended)) @if open > 0 { " + " (number(open)) " open" } }
                    }
                } }
            }
        } @else { p.dim { "There was no half-close." } }
    }
}

/// A round duration, `30 s`, `5 min`.
fn round(ns: i64) -> String {
    match ns {
        ..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        1_000_000_000..120_000_000_000 => format!("{} s", ns / 1_000_000_000),
        120_000_000_000..3_600_000_000_000 => format!("{} min", ns / 60_000_000_000),
        _ => format!("{} h", ns / 3_600_000_000_000),
    }
}
