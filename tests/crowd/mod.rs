//! Many connections made by hand: half-closes and stays in TIME-WAIT, and the screens that show them.
#![allow(dead_code, missing_docs)] // no test file uses all of it

use std::io::{self, Write};

use tcptrace_states::model::*;
use tcptrace_states::population::leaks::leaks_with;
use tcptrace_states::population::sockets::Listings;
use tcptrace_states::population::{By, Span, TimeWaits, leaks, time_wait};
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};

use super::handmade::{self, SECOND, Story, at};

pub const MINUTE: i64 = 60 * SECOND;

/// A half-close that began at `since` and lasted so long, both in nanoseconds; `open` at the end of the capture.
pub fn half_close(
    id: u64,
    (client, server): (&str, &str),
    side: Role,
    since: i64,
    ns: i64,
    open: bool,
) -> Connection {
    let step = |from, to, ns, cause| Transition {
        from,
        to,
        cause,
        packet: Some(id),
        at: at(ns),
        earliest: None,
        latest: None,
        evidence: Evidence::Confirmed,
        proven_by: Some(id),
    };
    let mut connection = Story::new(id, client, server).outcome(Outcome::HalfClosed);
    connection.last_time = at(since);
    let close = &mut connection.close;
    close.kind = Some(CloseKind::ActivePassive);
    close.first_closer = Some(side.other());
    close.close_wait_endpoint = Some(side);
    close.close_wait_since = Some(at(since));
    close.half_close_ns = Some(ns);
    close.half_close_open = open;
    close.half_close_bytes = Some(0);
    close.request_answered = Some(!id.is_multiple_of(5));
    close.half_close_probes = Some(SidePair::default());
    let (own, peer) = match side {
        Role::Client => (&mut connection.endpoints.client, &mut connection.endpoints.server),
        Role::Server => (&mut connection.endpoints.server, &mut connection.endpoints.client),
    };
    (own.state, peer.state) = (State::CloseWait, State::FinWait2);
    own.transitions.push(step(
        State::Established,
        State::CloseWait,
        since,
        Cause::FinReceived,
    ));
    peer.unacknowledged_bytes = Some(10);
    if !open {
        own.state = State::LastAck;
        own.transitions
            .push(step(State::CloseWait, State::LastAck, since + ns, Cause::FinSent));
    }
    connection
}

/// TIME-WAIT from `since` on, left after so many nanoseconds by this cause, if it was.
pub fn waiting(
    id: u64,
    (client, server): (&str, &str),
    side: Role,
    since: i64,
    left: Option<(i64, Cause)>,
) -> Connection {
    let step = |from, to, ns, cause| Transition {
        from,
        to,
        cause,
        packet: Some(id),
        at: at(ns),
        earliest: None,
        latest: None,
        evidence: Evidence::Sent,
        proven_by: Some(id),
    };
    let mut connection = Story::new(id, client, server).outcome(Outcome::Closed);
    let end = match side {
        Role::Client => &mut connection.endpoints.client,
        Role::Server => &mut connection.endpoints.server,
    };
    end.state = State::TimeWait;
    end.transitions
        .push(step(State::FinWait2, State::TimeWait, since, Cause::FinReceived));
    if let Some((ns, cause)) = left {
        end.state = State::Closed;
        end.transitions
            .push(step(State::TimeWait, State::Closed, since + ns, cause));
    }
    connection
}

pub fn span(ns: i64) -> Span {
    Span {
        from: at(0),
        to: at(ns),
    }
}

pub fn server(number: usize) -> &'static str {
    ["10.0.0.5:8080", "10.0.0.5:9090", "[2001:db8::1]:443"][number % 3]
}

pub fn client(number: u64) -> String {
    format!("10.0.0.{}:{}", 9 + number % 3, 40_000 + number)
}

/// A service that leaks 22 half-closes in five minutes, one that closes, and a client that leaks one.
pub fn leaky() -> Analysis {
    let mut connections = Vec::new();
    for nth in 0_u64..22 {
        let since = 9 * SECOND + nth as i64 * 12 * SECOND;
        let ends = (&client(nth)[..], server(0));
        connections.push(half_close(
            nth + 1,
            ends,
            Role::Server,
            since,
            5 * MINUTE - since,
            true,
        ));
    }
    for nth in 22..62 {
        let ends = (&client(nth)[..], server(1));
        let since = nth as i64 * SECOND;
        connections.push(half_close(
            nth + 1,
            ends,
            Role::Server,
            since,
            12_000_000 * (nth as i64 - 20),
            nth == 61,
        ));
    }
    let one = ("10.0.0.77:50001", server(1));
    connections.push(half_close(
        63,
        one,
        Role::Client,
        100 * SECOND,
        200 * SECOND,
        true,
    ));
    connections[2].endpoints.client.owes_answer = Some(Owed {
        packet: 1,
        since: at(200 * SECOND),
        asked: 3,
        only_probes: true,
    });
    connections[3].close.half_close_probes = Some(SidePair { client: 0, server: 2 });
    let mut analysis = handmade::analysis(connections, 5 * MINUTE);
    let settings = tcptrace_states::findings::Settings::default();
    analysis.findings =
        tcptrace_states::findings::service::judge(&analysis.capture, &analysis.connections, &settings);
    analysis
}

/// A busy client, a server that waits, and some that came back too early.
pub fn waiting_room() -> (Analysis, TimeWaits) {
    let mut connections = Vec::new();
    for nth in 0_u64..600 {
        let since = 60 * SECOND + nth as i64 * SECOND / 10;
        let from = format!("10.0.0.9:{}", 32_768 + nth);
        connections.push(waiting(nth + 1, (&from, server(0)), Role::Client, since, None));
    }
    for nth in 600..610 {
        let left = match nth % 3 {
            0 => None,
            1 => Some((MINUTE, Cause::Timer)),
            _ => Some((SECOND, Cause::NewIncarnation)),
        };
        let ends = ("10.0.0.10:40000", server(1));
        connections.push(waiting(
            nth + 1,
            ends,
            Role::Server,
            (nth as i64 - 600) * 4 * SECOND,
            left,
        ));
    }
    for (place, verdict, age, delay) in [
        (604, ReuseVerdict::LegalByIss, 1, None),
        (605, ReuseVerdict::Refused, 12, Some(3)),
        (606, ReuseVerdict::Refused, 14, Some(1)),
        (607, ReuseVerdict::Illegal, 2, None),
    ] {
        connections[place].reuse = Some(Reuse {
            previous_first_packet: 0,
            previous: place as u64,
            same_roles: true,
            gap_ns: None,
            opener_state: State::Closed,
            peer_state: State::TimeWait,
            time_wait_age_ns: Some(age * SECOND),
            time_wait_holder: Some(TimeWaitHolder::Server),
            iss_distance: Some(-5),
            tsval_distance: None,
            linux_time_wait_iss: false,
            verdict,
            refused_by_packet: None,
            reset_packet: None,
            delay_ns: delay.map(|seconds: i64| seconds * SECOND),
        });
    }
    let analysis = handmade::analysis(connections, 2 * MINUTE);
    let waits = time_wait(&analysis.connections, Span::of(&analysis.capture), MINUTE, 1_000);
    (analysis, waits)
}

pub fn look(width: usize, ascii: bool) -> Look {
    Look {
        width,
        rows: Rows::Limit(10),
        ascii,
        color: false,
        seq: SequenceNumbers::Absolute,
    }
}

pub fn written(view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    view(&mut out).expect("a Vec takes everything");
    String::from_utf8(out).expect("views write UTF-8")
}

/// The screen of `leaks`, with a listing of `ss` if there is one.
pub fn leaks_text(analysis: &Analysis, by: By, listing: Option<&str>, look: &Look) -> String {
    let span = Span::of(&analysis.capture);
    let connections = &analysis.connections;
    let Some(listing) = listing else {
        let leaks = leaks(connections, span, by, 0);
        return written(|out| report::leaks::write(out, analysis, &leaks, None, look));
    };
    let (names, parsed) = (["ss.txt".to_owned()], [tcptrace_states::ss::parse(listing)]);
    let known = Listings::join(&names, &parsed, connections);
    let leaks = leaks_with(connections, span, by, 0, |connection, endpoint| {
        known.holder(connection, endpoint, by)
    });
    let sockets = known.tell(connections, &leaks);
    written(|out| report::leaks::write(out, analysis, &leaks, Some(&sockets), look))
}

pub fn time_wait_text(look: &Look) -> String {
    let (analysis, waits) = waiting_room();
    written(|out| report::time_wait::write(out, &analysis, &waits, look))
}
