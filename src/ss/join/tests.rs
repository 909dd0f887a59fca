use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::parse;
use super::*;
use crate::model::{
    Cause, Close, Dwell, Endpoints, Evidence, Handshake, Outcome, Quality, RolesFrom, Transition,
};
use crate::time::Timestamp;

const CLIENT: &str = "10.0.0.9:51234";
const SERVER: &str = "10.0.0.5:8080";

fn address(text: &str) -> Address {
    let address: std::net::SocketAddr = text.parse().expect("test data");
    Address {
        ip: address.ip(),
        port: address.port(),
    }
}

/// An endpoint that moved into its state.
fn endpoint(state: State) -> EndpointReport {
    let transition = Transition {
        from: State::Unknown,
        to: state,
        cause: Cause::SynSent,
        packet: None,
        at: Timestamp::from_ns(0),
        earliest: None,
        latest: None,
        evidence: Evidence::Sent,
        proven_by: None,
    };
    EndpointReport {
        state,
        state_evidence: Some(Evidence::Sent),
        transitions: vec![transition],
        transitions_folded: 0,
        withdrawn_folded: 0,
        withdrawn: Vec::new(),
        dwell_ns: Dwell::default(),
        packets: 1,
        payload_bytes: 0,
        retransmitted_segments: 0,
        probes: 0,
        fin_packet: None,
        fin_acknowledged: None,
        unacknowledged_bytes: None,
        silent_before_reset_ns: None,
        owes_answer: None,
        tap_rtt_ns: None,
    }
}

fn connection(id: u64, client: &str, server: &str, states: (State, State)) -> Connection {
    Connection {
        id,
        incarnation: 0,
        client: address(client),
        server: address(server),
        roles_from: RolesFrom::Syn,
        vlans: Vec::new(),
        tunnels: Vec::new(),
        first_packet: 1,
        last_packet: 2,
        first_time: Timestamp::from_ns(0),
        last_time: Timestamp::from_ns(1),
        handshake: Handshake {
            complete: true,
            simultaneous: false,
            syn_packet: None,
            syn_ack_packet: None,
            ack_packet: None,
            client_iss: None,
            server_iss: None,
            rtt_ns: None,
            client_options: None,
            server_options: None,
            in_force: None,
            syn_retransmissions: 0,
            syn_ack_retransmissions: 0,
            syn_data_bytes: 0,
            syn_data_accepted: None,
        },
        outcome: Outcome::Open,
        close: Close {
            kind: None,
            first_closer: None,
            half_close_ns: None,
            half_close_bytes: None,
            half_close_open: false,
            close_wait_endpoint: None,
            close_wait_since: None,
            request_answered: None,
            half_close_probes: None,
            time_wait_holder: None,
            time_wait_restarts: 0,
            reset_by: None,
        },
        endpoints: Endpoints {
            client: endpoint(states.0),
            server: endpoint(states.1),
        },
        quality: Quality::default(),
        reuse: None,
        successor: None,
        findings: Vec::new(),
        events: Vec::new(),
        events_folded: Vec::new(),
        ladder: Vec::new(),
        trace: None,
    }
}

fn at(listing: usize, socket: usize) -> SocketRef {
    SocketRef { listing, socket }
}

fn fits(found: Option<Match>) -> Option<(SocketRef, Fit)> {
    found.map(|found| (found.socket, found.fit))
}

#[test]
fn the_listing_of_the_server_or_of_the_client() {
    let half_closed = [connection(1, CLIENT, SERVER, (State::FinWait2, State::CloseWait))];
    let server = [parse(&format!(
        "LISTEN 0 9 *:8080 *:*\nCLOSE-WAIT 1 0 [::ffff:10.0.0.5]:8080 [::ffff:10.0.0.9]:51234 users:((\"java\",pid=4,fd=5))\n\
         ESTAB 0 0 {SERVER} 10.0.0.9:51235\n"
    ))];
    let found = join(&server, &half_closed);
    let joined = found.joined.first().expect("joined");
    assert_eq!(fits(joined.end(Role::Server)), Some((at(0, 1), Fit::Same)));
    assert_eq!(joined.end(Role::Client), None);
    assert_eq!(
        found.without_connection,
        [Stray {
            socket: at(0, 2),
            reason: StrayReason::NotCaptured
        }]
    );
    let socket = at(0, 1).find(&server).expect("the socket");
    assert_eq!(socket.processes.first().map(|process| process.pid), Some(4));
    assert_eq!(at(0, 9).find(&server), None);
    assert_eq!(at(9, 0).find(&server), None);

    let client = [parse(&format!("FIN-WAIT-2 0 0 {CLIENT} {SERVER}\n"))];
    let found = join(&client, &half_closed);
    let joined = found.joined.first().expect("joined");
    assert_eq!(fits(joined.client), Some((at(0, 0), Fit::Same)));
    assert_eq!(joined.server, None);
    assert_eq!(found.without_connection, []);
    assert_eq!(found.without_socket, []);
}

#[test]
fn a_listing_with_both_ends() {
    let listing = [parse(include_str!("../../../testdata/ss/tanp.txt"))];
    let connections: Vec<Connection> = (1..=7)
        .map(|n| {
            let client = format!("127.0.0.1:{}", 50_000 + n);
            connection(n, &client, "127.0.0.1:18080", (State::FinWait2, State::CloseWait))
        })
        .collect();
    let found = join(&listing, &connections);
    assert_eq!(found.joined.len(), 7);
    for joined in &found.joined {
        // 50001 is still open.
        let expected = if joined.id == 1 {
            Fit::Contradicts
        } else {
            Fit::Same
        };
        assert_eq!(joined.client.map(|found| found.fit), Some(expected));
        assert_eq!(joined.server.map(|found| found.fit), Some(expected));
    }
    let all = listing.first().expect("one").sockets.len();
    let listening = 6;
    assert_eq!(found.without_connection.len(), all - listening - 14);
}

#[test]
fn only_the_last_life_takes_part() {
    let first = connection(1, CLIENT, SERVER, (State::TimeWait, State::Closed));
    let mut second = connection(2, SERVER, CLIENT, (State::Established, State::Established)); // roles swapped
    second.incarnation = 1;
    let listing = [parse(&format!("ESTAB 0 0 {CLIENT} {SERVER}\n"))];
    for connections in [[first.clone(), second.clone()], [second.clone(), first.clone()]] {
        let found = join(&listing, &connections);
        let ids: Vec<u64> = found.joined.iter().map(|joined| joined.id).collect();
        assert_eq!(ids, [2]);
        assert_eq!(
            found
                .joined
                .first()
                .and_then(|joined| joined.server)
                .map(|found| found.fit),
            Some(Fit::Same)
        );
        assert_eq!(found.without_socket, []);
    }
    // Over at the end of the capture: the socket is told from one that was never captured.
    second.endpoints.client.state = State::Closed;
    second.endpoints.server.state = State::Closed;
    let found = join(&listing, &[first, second]);
    assert_eq!(found.joined, []);
    assert_eq!(found.without_socket, []);
    assert_eq!(
        found.without_connection,
        [Stray {
            socket: at(0, 0),
            reason: StrayReason::Over(2)
        }]
    );
}

#[test]
fn connections_without_socket_know_if_their_host_was_listed() {
    let connections = [
        connection(1, CLIENT, SERVER, (State::Established, State::Established)),
        connection(2, "10.1.0.1:1", "10.1.0.2:2", (State::TimeWait, State::Closed)),
        connection(3, "10.1.0.1:3", "10.1.0.2:2", (State::Closed, State::Listen)),
    ];
    let listing = [parse("ESTAB 0 0 10.0.0.5:8080 10.0.0.9:1\n")];
    let found = join(&listing, &connections);
    let missing: Vec<(usize, u64, bool)> = found
        .without_socket
        .iter()
        .map(|missing| (missing.connection, missing.id, missing.host_listed))
        .collect();
    assert_eq!(missing, [(0, 1, true), (1, 2, false)]);
}

#[test]
fn the_last_listing_counts_and_in_it_the_best_fit() {
    let line = |state: &str| format!("{state} 0 0 {SERVER} {CLIENT}\n");
    let connections = [connection(1, CLIENT, SERVER, (State::FinWait2, State::CloseWait))];
    let found = |listings: &[String]| {
        let listings: Vec<Listing> = listings.iter().map(|text| parse(text)).collect();
        join(&listings, &connections)
            .joined
            .first()
            .and_then(|joined| joined.server)
    };
    let best = found(&[line("CLOSE-WAIT"), line("LAST-ACK")]);
    assert_eq!(fits(best), Some((at(1, 0), Fit::Later)));
    assert_eq!(best.map(|best| best.candidates), Some(2));
    let same = line("ESTAB") + &line("CLOSE-WAIT") + &line("LAST-ACK");
    assert_eq!(
        fits(found(&[line("LAST-ACK"), same])),
        Some((at(1, 1), Fit::Same))
    );
    let twice = line("CLOSE-WAIT") + &line("CLOSE-WAIT");
    assert_eq!(fits(found(&[twice])), Some((at(0, 1), Fit::Same)));
}

#[test]
fn equal_tuples_in_two_vlans_are_two_connections() {
    let outside = connection(1, CLIENT, SERVER, (State::Established, State::Established));
    let mut inside = outside.clone();
    inside.id = 2;
    inside.vlans = vec![7];
    let listing = [parse(&format!("ESTAB 0 0 {CLIENT} {SERVER}\n"))];
    assert_eq!(join(&listing, &[outside, inside]).joined.len(), 2);
}

#[test]
fn an_endpoint_that_the_capture_never_saw_may_have_any_state() {
    let mut unheard = connection(1, CLIENT, SERVER, (State::SynSent, State::Closed));
    let listing = [parse(&format!("SYN-RECV 0 0 {SERVER} {CLIENT}\n"))];
    let fit_of = |connection: &Connection| {
        let found = join(&listing, std::slice::from_ref(connection));
        found
            .joined
            .first()
            .and_then(|joined| joined.server)
            .map(|found| found.fit)
    };
    assert_eq!(fit_of(&unheard), Some(Fit::Contradicts));
    unheard.endpoints.server.transitions.clear();
    assert_eq!(fit_of(&unheard), Some(Fit::Later));
}

#[test]
fn fits_follow_figure_5() {
    for (mirrored, socket, expected) in [
        (State::Established, State::Established, Fit::Same),
        (State::Established, State::CloseWait, Fit::Later),
        (State::Established, State::TimeWait, Fit::Later),
        (State::Established, State::SynReceived, Fit::Contradicts),
        (State::SynSent, State::LastAck, Fit::Later),
        (State::SynReceived, State::FinWait1, Fit::Later),
        (State::FinWait1, State::FinWait2, Fit::Later),
        (State::FinWait1, State::CloseWait, Fit::Contradicts),
        (State::FinWait2, State::Closing, Fit::Contradicts),
        (State::FinWait2, State::TimeWait, Fit::Later),
        (State::CloseWait, State::LastAck, Fit::Later),
        (State::CloseWait, State::Established, Fit::Contradicts),
        (State::CloseWait, State::TimeWait, Fit::Contradicts),
        (State::Closing, State::TimeWait, Fit::Later),
        (State::LastAck, State::TimeWait, Fit::Contradicts),
        (State::TimeWait, State::Established, Fit::Contradicts),
        (State::Closed, State::Established, Fit::Contradicts),
        (State::Listen, State::Established, Fit::Later),
        (State::Unknown, State::FinWait1, Fit::Later),
        (State::FinWait1, State::Unknown, Fit::Later),
    ] {
        assert_eq!(fit(mirrored, socket), expected, "{mirrored} {socket}");
    }
    // What is later than later is later: the relation is transitive within one life.
    for from in State::ALL {
        for middle in later(from) {
            for to in later(*middle) {
                let new_life = matches!(middle, State::Unknown | State::Listen);
                assert!(new_life || later(from).contains(to), "{from} {middle} {to}");
            }
        }
    }
    assert_eq!(Fit::Contradicts.name(), "contradicts");
}

#[test]
fn a_self_connection_has_one_socket_for_both_ends() {
    let own = [connection(
        1,
        SERVER,
        SERVER,
        (State::Established, State::Established),
    )];
    let found = join(&[parse(&format!("ESTAB 0 0 {SERVER} {SERVER}\n"))], &own);
    let joined = found.joined.first().expect("joined");
    assert_eq!(joined.client, joined.server);
    assert!(joined.client.is_some());
}

#[test]
fn one_tuple_many_times_takes_linear_time() {
    let start = Instant::now();
    let listing = [parse(&format!("ESTAB 0 0 {CLIENT} {SERVER}\n").repeat(20_000))];
    let one = connection(1, CLIENT, SERVER, (State::Established, State::Established));
    let connections: Vec<Connection> = (0..4_000)
        .map(|vlan| {
            let mut other = one.clone();
            other.vlans = vec![vlan];
            other
        })
        .collect();
    assert_eq!(join(&listing, &connections).joined.len(), 4_000);
    assert!(start.elapsed() < Duration::from_secs(10));
}

proptest! {
    /// Every connection that takes part is named once, and every socket with a peer is taken or stray.
    #[test]
    fn nothing_is_lost(
        sockets in prop::collection::vec((0u16..4, 0u16..4, 0usize..12), 0..20),
        ends in prop::collection::vec((0u16..4, 0u16..4, 0usize..12, 0usize..12, 0u32..3), 0..20),
    ) {
        let words = ["ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSE-WAIT", "LAST-ACK",
            "CLOSING", "LISTEN", "UNCONN", "UNKNOWN"];
        let text: String = sockets.iter()
            .map(|(a, b, state)| format!("{} 0 0 10.0.0.1:{} 10.0.0.1:{}\n", words.get(*state).unwrap_or(&""), a + 1, b + 1))
            .collect();
        let connections: Vec<Connection> = ends.iter().enumerate().map(|(id, (a, b, client, server, life))| {
            let state = |index: &usize| State::ALL.get(*index).copied().unwrap_or(State::Unknown);
            let (from, to) = (format!("10.0.0.1:{}", a + 1), format!("10.0.0.1:{}", b + 1));
            let mut one = connection(id as u64, &from, &to, (state(client), state(server)));
            one.incarnation = *life;
            one
        }).collect();
        let listings = [parse(&text)];
        let found = join(&listings, &connections);
        let mut named: Vec<usize> = found.joined.iter().map(|joined| joined.connection)
            .chain(found.without_socket.iter().map(|missing| missing.connection)).collect();
        named.sort_unstable();
        let mut expected = last_lives(&connections);
        expected.retain(|index| connections.get(*index).is_some_and(|one| !is_over(one)));
        prop_assert_eq!(named, expected);
        for joined in &found.joined {
            let one = connections.get(joined.connection).expect("an index");
            prop_assert!(joined.client.is_some() || joined.server.is_some());
            for (found, own, peer) in [(joined.client, one.client, one.server), (joined.server, one.server, one.client)] {
                if let Some(socket) = found.and_then(|found| found.socket.find(&listings)) {
                    prop_assert_eq!((socket.local.address(), socket.peer.address()), (Some(own), Some(peer)));
                }
            }
        }
        for stray in &found.without_connection {
            let socket = stray.socket.find(&listings).expect("an index");
            let captured = connections.iter().any(|one| {
                let ends = (socket.local.address(), socket.peer.address());
                ends == (Some(one.client), Some(one.server)) || ends == (Some(one.server), Some(one.client))
            });
            prop_assert_eq!(captured, stray.reason != StrayReason::NotCaptured);
        }
    }
}
