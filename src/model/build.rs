//! From a tracker to the plain data of the model. Whatever is derived once the capture has ended stands here.

use std::mem::size_of;

use super::reuse;
use super::{
    Address, Close, CloseKind, Connection, Dwell, EndpointReport, Endpoints, Event, EventKind, Finding,
    FoldedEvents, Handshake, LadderContent, LadderRow, OfferedOptions, OptionsInForce, Outcome, Owed,
    Quality, SidePair, Successor, TimeWaitHolder,
};
use crate::segment::{Decoder, Endpoint, PacketNumber, TunnelId, TunnelPath};
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::tracker::endpoint::{FIRST_KEPT, Record};
use crate::tracker::evidence::{Cause, Evidence, Transition};
use crate::tracker::footprint::list;
use crate::tracker::ladder::{Content, Row};
use crate::tracker::state::State;
use crate::tracker::{Finished, Role, Syn, Tracker};

/// All connections, in order of their first packet. `end` is the time of the capture's last packet, `time_wait_ns` 2 MSL,
/// `decoder` the one that read the segments: it knows the tunnels.
pub fn connections(
    trackers: impl IntoIterator<Item = Box<Tracker>>,
    decoder: &Decoder,
    end: Timestamp,
    time_wait_ns: i64,
) -> Vec<Connection> {
    let numbered = trackers.into_iter().zip(1..);
    let mut connections: Vec<Connection> = numbered
        .map(|(mut tracker, id)| {
            let around = Around {
                tunnels: tunnels(&tracker, decoder),
                successor: None,
            };
            build(id, &mut tracker, around, end, time_wait_ns)
        })
        .collect();
    for index in 0..connections.len() {
        let Some((previous, successor)) = connections[index].reuse.as_ref().map(|reuse| {
            let successor = Successor {
                id: connections[index].id,
                first_packet: connections[index].first_packet,
                reset_packet: reuse.reset_packet,
            };
            (reuse.previous, successor)
        }) else {
            continue;
        };
        let before = usize::try_from(previous - 1).ok();
        if let Some(before) = before.and_then(|before| connections.get_mut(before)) {
            before.successor = Some(successor);
        }
    }
    connections
}

/// A connection that was given out on its own, of which the tracker then has lost what the connection has got. `now` is the time
/// at which it was given out, `time_wait_ns` 2 MSL, `around` the tunnels that it is in.
pub fn finished(
    finished: &mut Finished,
    around: Option<&TunnelPath>,
    now: Timestamp,
    time_wait_ns: i64,
) -> Connection {
    let around = Around {
        tunnels: around.map_or_else(Vec::new, names),
        successor: finished.successor.map(|heir| Successor {
            id: heir.number,
            first_packet: heir.first_packet,
            reset_packet: heir.reset_packet,
        }),
    };
    build(finished.number, &mut finished.tracker, around, now, time_wait_ns)
}

/// What a tracker does not know of its connection.
#[derive(Default)]
struct Around {
    tunnels: Vec<String>,
    successor: Option<Successor>,
}

/// The names of the tunnels that a connection is in, the outermost first.
fn tunnels(tracker: &Tracker, decoder: &Decoder) -> Vec<String> {
    let path = decoder.tunnel(tracker.scope.tunnel);
    path.map_or_else(Vec::new, names)
}

fn names(path: &TunnelPath) -> Vec<String> {
    path.tunnels().iter().map(ToString::to_string).collect()
}

/// Octets that the report of a connection takes, with what rules find in it.
pub fn report_bytes(tracker: &Tracker) -> u64 {
    /// Findings of a connection and their words: a list of four.
    const FINDINGS: u64 = 4 * size_of::<Finding>() as u64 + 256;
    /// Names of tunnels.
    const TUNNELS: u64 = 512;
    /// What the rules about services keep of it, in lists that have just doubled.
    const KEPT: u64 = 512;
    let in_tunnel = tracker.scope.tunnel != TunnelId::default();
    let observations = &tracker.aside.observations;
    let ladder = tracker.ladder.as_ref().map_or(0, |ladder| {
        list::<LadderRow>(ladder.len())
            .saturating_add((ladder.len() as u64).saturating_mul(64))
            .saturating_add(ladder.trace_bytes())
    });
    (size_of::<Connection>() as u64)
        .saturating_add(FINDINGS)
        .saturating_add(KEPT)
        .saturating_add(if in_tunnel { TUNNELS } else { 0 })
        .saturating_add(list::<Event>(observations.kept().len()))
        .saturating_add(list::<FoldedEvents>(observations.tallies().len()))
        .saturating_add(tracker.record_bytes())
        .saturating_add(ladder)
}

/// One connection as the views show it, without the names of its tunnels and without its successor. `end` is the time of
/// the capture's last packet, `time_wait_ns` 2 MSL.
pub fn connection(id: u64, mut tracker: Box<Tracker>, end: Timestamp, time_wait_ns: i64) -> Connection {
    build(id, &mut tracker, Around::default(), end, time_wait_ns)
}

fn build(id: u64, tracker: &mut Tracker, around: Around, end: Timestamp, time_wait_ns: i64) -> Connection {
    let reuse = reuse::of(tracker, end, time_wait_ns);
    let start = if tracker.midstream {
        State::Unknown
    } else {
        State::Closed
    };
    let quality = quality(tracker);
    let handshake = handshake(tracker);
    let gone = [State::Unknown; 2].map(crate::tracker::endpoint::Mirror::new);
    let ends = std::mem::replace(&mut tracker.ends, gone);
    let [client, server] = ends;
    let mut lives = [Life::of(client, start), Life::of(server, start)];
    let fins = [Fin::of(tracker, 0), Fin::of(tracker, 1)];
    let close = close(tracker, &lives, &fins, end);
    let outcome = outcome(tracker, &lives, &fins);
    for (life, (_, restarted)) in lives.iter_mut().zip(tracker.aside.restarts) {
        life.expire_time_wait(restarted, end, time_wait_ns);
    }
    let [client, server] = lives;
    let [client_fin, server_fin] = fins;
    let endpoints = Endpoints {
        client: endpoint(tracker, 0, client, &client_fin, end),
        server: endpoint(tracker, 1, server, &server_fin, end),
    };
    let observations = &tracker.aside.observations;
    let kept = observations.kept().iter().map(|seen| Event {
        kind: seen.kind,
        endpoint: seen.role,
        packet: seen.mark.packet,
        at: seen.mark.time,
    });
    let tallies = observations.tallies().iter().filter(|tally| tally.folded() > 0);
    let folded = tallies.map(|tally| FoldedEvents {
        kind: tally.kind,
        endpoint: tally.role,
        count: tally.folded(),
        last_packet: tally.last.packet,
        last_at: tally.last.time,
    });
    let (rows, trace) = match tracker.ladder.take() {
        Some(ladder) => {
            let (rows, trace) = ladder.into_parts();
            (rows, Some(Box::new(trace)))
        }
        None => (Vec::new(), None),
    };
    Connection {
        id,
        incarnation: tracker.incarnation,
        client: address(tracker.addresses[0]),
        server: address(tracker.addresses[1]),
        roles_from: tracker.roles_from,
        vlans: tracker.scope.vlan_ids().collect(),
        tunnels: around.tunnels,
        first_packet: tracker.first.packet,
        last_packet: tracker.last.packet,
        first_time: tracker.first.time,
        last_time: tracker.last.time,
        handshake,
        outcome,
        close,
        endpoints,
        quality,
        reuse,
        successor: around.successor,
        findings: Vec::new(),
        events: kept.collect(),
        events_folded: folded.collect(),
        ladder: rows.into_iter().map(ladder_row).collect(),
        trace,
    }
}

fn endpoint(tracker: &Tracker, side: usize, life: Life, fin: &Fin, end: Timestamp) -> EndpointReport {
    let stream = &tracker.streams[side];
    EndpointReport {
        state: life.state,
        state_evidence: match life.record.transitions.last() {
            Some(last) => Some(last.evidence),
            // What was sent to it may have met a listener, or nothing at all.
            None if stream.packets == 0 && life.state != State::Unknown => Some(Evidence::Presumed),
            None => None,
        },
        dwell_ns: life.dwell(end),
        transitions: life.record.transitions,
        transitions_folded: life.record.transitions_folded,
        withdrawn: life.record.withdrawn,
        withdrawn_folded: life.record.withdrawn_folded,
        packets: stream.packets,
        payload_bytes: stream.payload_bytes,
        retransmitted_segments: u64::from(stream.retransmitted),
        probes: u64::from(stream.probes),
        fin_packet: fin.packet,
        fin_acknowledged: fin.seq.map(|_| fin.acknowledged),
        unacknowledged_bytes: unacknowledged(tracker, side, fin),
        silent_before_reset_ns: tracker.aside.silent_before_reset[side],
        owes_answer: stream.owes.open().map(|(since, asked, only_probes)| Owed {
            since: since.time,
            packet: since.packet,
            asked: u64::from(asked),
            only_probes,
        }),
        tap_rtt_ns: tracker.streams[1 - side].receiver_rtt,
    }
}

/// The FIN of one side.
struct Fin {
    /// Its number; none if the side sent none.
    seq: Option<Seq>,
    /// The first packet that carried it, if that was captured.
    packet: Option<PacketNumber>,
    /// An acknowledgment of it passed.
    acknowledged: bool,
}

impl Fin {
    fn of(tracker: &Tracker, side: usize) -> Fin {
        let stream = &tracker.streams[side];
        let fin = stream.fin();
        Fin {
            seq: fin.map(|fin| fin.seq),
            packet: fin.filter(|fin| !fin.inferred).map(|fin| fin.first.packet),
            acknowledged: match (fin, stream.una) {
                (Some(fin), Some(una)) => una.at_or_after(fin.covered_by()),
                _ => false,
            },
        }
    }
}

/// One endpoint's transitions, presumed ones included.
struct Life {
    state: State,
    record: Record,
    /// One bit for each state that was entered.
    entered: u16,
    /// A RST moved it out of another state than TIME-WAIT.
    reset: bool,
}

impl Life {
    fn of(mirror: crate::tracker::endpoint::Mirror, start: State) -> Life {
        let state = mirror.presumed();
        let mut record = mirror.into_record();
        let (mut entered, mut reset) = (0, false);
        // What crossed in flight passed the tap in another order than the endpoint's own: no step is before the last.
        let mut before = None;
        for transition in &mut record.transitions {
            let at = before.map_or(transition.at, |before| transition.at.max(before));
            transition.at = transition.latest.map_or(at, |latest| at.min(latest));
            before = Some(transition.at);
            entered |= 1 << (transition.to as u16);
            reset |= transition.from != State::TimeWait
                && matches!(transition.cause, Cause::RstSent | Cause::RstReceived);
        }
        let state = if record.transitions.is_empty() {
            start
        } else {
            state
        };
        Life {
            state,
            record,
            entered,
            reset,
        }
    }

    /// The first change into a state, and the one after it.
    fn stay(&self, state: State) -> Option<(&Transition, Option<&Transition>)> {
        let mut steps = self.record.transitions.iter();
        let entered = steps.find(|step| step.to == state)?;
        Some((entered, steps.next()))
    }

    fn passed(&self, state: State) -> bool {
        self.entered >> (state as u16) & 1 == 1
    }

    fn ended_by_reset(&self) -> bool {
        self.reset
            && self.record.transitions.iter().any(|transition| {
                matches!(transition.cause, Cause::RstSent | Cause::RstReceived)
                    && matches!(transition.to, State::Closed | State::Listen)
                    && transition.from != State::TimeWait
            })
    }

    /// TIME-WAIT ends 2 MSL after it began or was restarted (section 3.10.8): an expectation, not a fact.
    fn expire_time_wait(&mut self, restarted: Option<Timestamp>, end: Timestamp, time_wait_ns: i64) {
        if self.state != State::TimeWait {
            return;
        }
        let Some(entered) = self.record.transitions.last().map(|last| last.at) else {
            return;
        };
        let due = restarted.map_or(entered, |at| at.max(entered)).plus(time_wait_ns);
        if due <= end {
            self.record.transitions.push(Transition {
                from: State::TimeWait,
                to: State::Closed,
                cause: Cause::Timer,
                packet: None,
                at: due,
                earliest: None,
                latest: None,
                evidence: Evidence::Timer,
                proven_by: None,
            });
            self.state = State::Closed;
        }
    }

    /// Time in each state; the last one counts until the end of the capture.
    fn dwell(&self, end: Timestamp) -> Dwell {
        let mut dwell = Dwell::default();
        let mut steps = self.record.transitions.iter().enumerate().peekable();
        while let Some((index, transition)) = steps.next() {
            if matches!(transition.to, State::Closed | State::Listen | State::Unknown) {
                continue;
            }
            // What came after it was not kept.
            if self.record.transitions_folded > 0 && index + 1 == FIRST_KEPT {
                continue;
            }
            let left = steps.peek().map_or(end, |(_, next)| next.at);
            dwell.add(transition.to, left.since(transition.at));
        }
        dwell
    }
}

fn address(endpoint: Endpoint) -> Address {
    Address {
        ip: endpoint.ip,
        port: endpoint.port,
    }
}

fn handshake(tracker: &Tracker) -> Handshake {
    let opening = &tracker.opening;
    let [client, server] = opening.syn.each_ref().map(Option::as_ref);
    let syn_data_bytes = client.map_or(0, |syn| syn.data);
    let acknowledged = |side: usize| match (tracker.streams[side].iss, tracker.streams[side].una) {
        (Some(iss), Some(una)) => una.after(iss),
        _ => false,
    };
    Handshake {
        complete: client.is_some() && server.is_some() && acknowledged(0) && acknowledged(1),
        simultaneous: opening.simultaneous,
        syn_packet: client.map(|syn| syn.first.packet),
        syn_ack_packet: opening.syn_ack.map(|mark| mark.packet),
        ack_packet: opening.ack.map(|mark| mark.packet),
        client_iss: tracker.streams[0].iss.map(|iss| iss.0),
        server_iss: tracker.streams[1].iss.map(|iss| iss.0),
        rtt_ns: opening.rtt,
        client_options: client.map(offered),
        server_options: server.map(offered),
        in_force: match (client, server) {
            (Some(client), Some(server)) if !client.cut && !server.cut => Some(OptionsInForce {
                window_scaling: client.options.window_scale.is_some()
                    && server.options.window_scale.is_some(),
                sack: client.options.sack_permitted && server.options.sack_permitted,
                timestamps: client.options.timestamps.is_some() && server.options.timestamps.is_some(),
            }),
            _ => None,
        },
        syn_retransmissions: client.map_or(0, |syn| syn.copies),
        syn_ack_retransmissions: server.map_or(0, |syn| syn.copies),
        syn_data_bytes,
        syn_data_accepted: opening.syn_data_accepted,
    }
}

fn offered(syn: &Syn) -> OfferedOptions {
    OfferedOptions {
        mss: syn.options.mss,
        window_scale: syn.options.window_scale,
        sack_permitted: syn.options.sack_permitted,
        timestamps: syn.options.timestamps.is_some(),
        fast_open: syn.options.fast_open.is_some(),
        cut: syn.cut,
    }
}

/// Octets of payload that a side sent and its peer has not acknowledged.
fn unacknowledged(tracker: &Tracker, side: usize, fin: &Fin) -> Option<u64> {
    let stream = &tracker.streams[side];
    let nxt = stream.nxt?;
    let end = fin.seq.unwrap_or(nxt);
    // A SYN that nobody acknowledged takes a number, too; it is no payload.
    let first = stream.iss.map(|iss| iss.plus(1));
    let una = match (stream.una, first) {
        (Some(una), Some(first)) => una.max(first),
        (Some(una), None) => una,
        (None, first) => first?,
    };
    Some(u64::from(end.offset_from(una).max(0).unsigned_abs()))
}

fn outcome(tracker: &Tracker, lives: &[Life; 2], fins: &[Fin; 2]) -> Outcome {
    let reset = lives.iter().any(Life::ended_by_reset);
    let answered = tracker.streams[1].packets > 0;
    let synchronized = tracker.opening.syn_ack.is_some() || lives[1].passed(State::SynReceived);
    if fins.iter().all(|fin| fin.acknowledged) {
        return Outcome::Closed;
    }
    if reset {
        let refused = !synchronized
            && lives[0]
                .record
                .transitions
                .iter()
                .any(|t| t.from == State::SynSent && t.cause == Cause::RstReceived);
        return if refused { Outcome::Refused } else { Outcome::Reset };
    }
    match fins.each_ref().map(|fin| fin.seq.is_some()) {
        [true, true] => Outcome::Closing,
        [true, false] | [false, true] => Outcome::HalfClosed,
        [false, false] => {
            let opening = lives.iter().any(|life| {
                matches!(life.state, State::SynSent | State::SynReceived)
                    || (life.state == State::Listen && life.passed(State::SynReceived))
            });
            match (opening, answered) {
                (true, false) if tracker.opening.syn[0].is_some() => Outcome::Unanswered,
                // The client gave it up for another attempt on the same 4-tuple.
                (false, false)
                    if tracker.opening.syn[0].is_some() && !lives[0].passed(State::Established) =>
                {
                    Outcome::Unanswered
                }
                (true, _) => Outcome::HalfOpen,
                (false, _) => Outcome::Open,
            }
        }
    }
}

fn close(tracker: &Tracker, lives: &[Life; 2], fins: &[Fin; 2], end: Timestamp) -> Close {
    let roles = [Role::Client, Role::Server];
    // The first RST that ended anything: later ones answer what was still under way.
    let moved = roles.into_iter().zip(lives).filter(|(_, life)| life.reset);
    let resets = moved.flat_map(|(role, life)| {
        life.record.transitions.iter().filter_map(move |t| match t.cause {
            _ if t.from == State::TimeWait => None,
            Cause::RstReceived => Some((t.packet, role.other())),
            Cause::RstSent => Some((t.packet, role)),
            Cause::SynSent
            | Cause::SynReceived
            | Cause::SynAcknowledged
            | Cause::FinSent
            | Cause::FinReceived
            | Cause::FinAcknowledged
            | Cause::NewIncarnation
            | Cause::FirstSeen
            | Cause::Timer => None,
        })
    });
    let reset_by = resets.min_by_key(|(packet, _)| *packet).map(|(_, by)| by);
    let simultaneous = lives.iter().any(|life| life.passed(State::Closing));
    let active = roles
        .into_iter()
        .find(|role| lives[*role as usize].passed(State::FinWait1));
    let passive = roles
        .into_iter()
        .find(|role| lives[*role as usize].passed(State::CloseWait));
    let first_closer = match (simultaneous, active, passive) {
        (true, _, _) => None,
        (false, _, Some(passive)) => Some(passive.other()),
        (false, Some(active), None) => Some(active),
        (false, None, None) => reset_by,
    };
    let any_fin = fins.iter().any(|fin| fin.seq.is_some());
    let both_closed = fins.iter().all(|fin| fin.acknowledged);
    let kind = match (simultaneous, any_fin, reset_by) {
        (_, _, Some(_)) if !both_closed => Some(CloseKind::Reset),
        (true, _, _) => Some(CloseKind::Simultaneous),
        (false, true, _) => Some(CloseKind::ActivePassive),
        (false, false, _) => None,
    };
    let half_close = passive.filter(|_| !simultaneous).and_then(|second| {
        let (entered, left) = lives[second as usize].stay(State::CloseWait)?;
        let ns = left.map_or(end, |next| next.at).since(entered.at);
        let stream = &tracker.streams[second as usize];
        let bytes = tracker.half_close_from[second as usize].and_then(|from| {
            let nxt = stream.nxt?;
            let until = fins[second as usize].seq.unwrap_or(nxt);
            Some(u64::try_from(until.offset_from(from.from).max(0)).unwrap_or(0))
        });
        Some((ns, bytes, left.is_none(), entered.at))
    });
    let start = half_close
        .and(passive)
        .and_then(|second| tracker.half_close_from[second as usize]);
    let holds = |side: usize| lives[side].passed(State::TimeWait);
    Close {
        kind,
        first_closer,
        half_close_ns: half_close.map(|(ns, ..)| ns),
        half_close_bytes: half_close.and_then(|(_, bytes, ..)| bytes),
        half_close_open: half_close.is_some_and(|(_, _, open, _)| open),
        close_wait_endpoint: half_close.and(passive),
        close_wait_since: half_close.map(|(.., since)| since),
        request_answered: start.zip(passive).and_then(|(start, second)| {
            let asked = start.last_data[second.other() as usize]?;
            Some(start.last_data[second as usize].is_some_and(|answered| answered > asked))
        }),
        half_close_probes: start.map(|start| {
            let since =
                |side: usize| u64::from(tracker.streams[side].probes.saturating_sub(start.probes[side]));
            SidePair {
                client: since(0),
                server: since(1),
            }
        }),
        time_wait_holder: match (holds(0), holds(1)) {
            (true, true) => Some(TimeWaitHolder::Both),
            (true, false) => Some(TimeWaitHolder::Client),
            (false, true) => Some(TimeWaitHolder::Server),
            (false, false) => None,
        },
        time_wait_restarts: tracker.aside.restarts[0]
            .0
            .saturating_add(tracker.aside.restarts[1].0),
        reset_by,
    }
}

/// How well a connection was captured.
pub fn quality(tracker: &Tracker) -> Quality {
    let sent = [tracker.streams[0].packets, tracker.streams[1].packets];
    Quality {
        // A SYN that nobody answered is not a one-sided capture: there may have been no other side.
        one_sided: sent.contains(&0) && tracker.streams.iter().any(|stream| stream.una.is_some()),
        midstream: tracker.midstream,
        duplicate_segments: tracker.duplicates,
        missed_bytes: tracker.streams.iter().map(|stream| stream.missed).sum(),
        inferred_segments: (tracker.aside.observations.tallies().iter())
            .filter(|tally| tally.kind == EventKind::FinMissing)
            .map(|tally| tally.count)
            .sum(),
        cut_segments: tracker.cut,
        time_steps_back: tracker.time_steps_back,
        longest_step_back_ns: tracker.longest_step_back,
    }
}

fn ladder_row(row: Row) -> LadderRow {
    LadderRow {
        first_packet: row.first.packet,
        last_packet: row.last.packet,
        first_time: row.first.time,
        last_time: row.last.time,
        content: match row.content {
            Content::Segment {
                from,
                flags,
                seq,
                ack,
                payload,
                notes,
            } => LadderContent::Segment {
                from,
                flags: flags.to_string(),
                seq: seq.0,
                ack: ack.map(|ack| ack.0),
                payload,
                notes,
            },
            Content::Run {
                first_from,
                segments,
                bytes,
            } => LadderContent::Run {
                first_from,
                client_segments: segments[0],
                client_bytes: bytes[0],
                server_segments: segments[1],
                server_bytes: bytes[1],
            },
        },
    }
}
