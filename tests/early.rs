//! Connections that are packed, or given out while reading goes on, are told of as others.

mod repository;
mod tap;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use repository::captures;
use tap::*;
use tcptrace_states::capture::{CaptureReader, Record};
use tcptrace_states::flow::{Flows, Ladders, Packing};
use tcptrace_states::model::{self, Connection};
use tcptrace_states::segment::{Decoder, Endpoint, Flags, Segment};
use tcptrace_states::time::Timestamp;

fn segments(path: &Path) -> (Vec<Segment>, Timestamp) {
    let (mut decoder, mut segments, mut end) = (Decoder::default(), Vec::new(), Timestamp::default());
    let Ok(mut reader) = CaptureReader::open(path) else {
        return (segments, end);
    };
    while let Ok(Some(record)) = reader.next_record() {
        if let Record::Frame(frame) = record {
            end = end.max(frame.time);
            segments.extend(decoder.decode(&frame).ok().copied());
        }
    }
    (segments, end)
}

/// What is told of connections does not depend on when they were packed, nor on which of them had no tracker because all went
/// by the book.
#[test]
fn packed_connections_are_told_of_as_others() {
    let never = Packing {
        over: false,
        awake: u64::MAX,
        idle_ns: i64::MAX,
        by_the_book: false,
    };
    let always = Packing {
        over: true,
        awake: 0,
        idle_ns: 0,
        by_the_book: false,
    };
    let by_the_book = Packing {
        by_the_book: true,
        ..always
    };
    let (mut packed, mut ordinary) = (0, 0);
    for path in captures() {
        let (segments, end) = segments(&path);
        let told = |packing: Packing| {
            let mut flows = Flows::new(Ladders::None).packing(packing);
            segments.iter().for_each(|seg| flows.on_segment(seg));
            let short = (flows.packed(), flows.by_the_book());
            let told = model::connections(flows.finish(end), &Decoder::default(), end, TIME_WAIT);
            (serde_json::to_string(&told).expect("plain data"), short)
        };
        let (plain, none) = told(never);
        assert_eq!(none, (0, 0));
        for packing in [always, by_the_book, Packing::default()] {
            let (also, some) = told(packing);
            assert_eq!(also, plain, "{}", path.display());
            packed += some.0;
            ordinary += some.1;
        }
    }
    assert!(packed > 500 && ordinary > 500, "{packed}, {ordinary}");
}

/// Numbers without gaps, in every reference; `successor` and `reuse` only where both connections stood at once, since one
/// that was given out is not remembered.
fn renumbered(mut connections: Vec<Connection>) -> Vec<String> {
    connections.sort_by_key(|connection| connection.id);
    let places: BTreeMap<u64, u64> = connections.iter().map(|c| c.id).zip(1..).collect();
    for connection in &mut connections {
        connection.id = places[&connection.id];
        if let Some(reuse) = &mut connection.reuse {
            reuse.previous = places[&reuse.previous];
        }
        if let Some(successor) = &mut connection.successor {
            successor.id = places[&successor.id];
        }
    }
    let json = |connection: &Connection| serde_json::to_string(connection).expect("plain data");
    connections.iter().map(json).collect()
}

/// The segments of captures one after the other, each on addresses of its own and with an idle time after it, which a packet
/// of somebody else ends.
fn with_idle_times(captures: &[PathBuf], idle: i64) -> (Vec<Segment>, Timestamp) {
    let (mut all, mut now, mut packet) = (Vec::new(), Timestamp::from_ns(SECOND), 0);
    for (index, path) in (0_u16..).zip(captures) {
        let (segments, end) = segments(path);
        let Some(start) = segments.iter().map(|seg| seg.time).min() else {
            continue;
        };
        let (shift, before) = (now.since(start), packet);
        let elsewhere = |end: Endpoint| {
            let ip = match end.ip {
                IpAddr::V4(ip) => u128::from(u32::from(ip)),
                IpAddr::V6(ip) => u128::from(ip),
            };
            let ip = IpAddr::V6(Ipv6Addr::from(ip ^ (u128::from(index + 1) << 112)));
            Endpoint { ip, ..end }
        };
        for mut seg in segments {
            seg.time = seg.time.plus(shift);
            seg.packet += before;
            (seg.source, seg.destination) = (elsewhere(seg.source), elsewhere(seg.destination));
            packet = packet.max(seg.packet);
            all.push(seg);
        }
        now = end.plus(shift).plus(idle);
        packet += 1;
        let [mut somebody] = [all[all.len() - 1]];
        somebody.source.ip = IpAddr::V6(Ipv6Addr::from(u128::from(index) + 1));
        somebody.flags = Flags(SYN);
        (somebody.time, somebody.packet) = (now, packet);
        all.push(somebody);
    }
    (all, now)
}

#[test]
fn connections_that_are_given_out_early_are_those_of_the_end() {
    let captures = captures();
    assert!(captures.len() > 20, "{}", captures.len());
    let mut early = 0;
    for idle in [2 * TIME_WAIT, TIME_WAIT / 4] {
        for path in &captures {
            let (segments, end) = with_idle_times(std::slice::from_ref(path), idle);
            early += given_out_early(&segments, end, &path.display().to_string());
        }
        let (segments, end) = with_idle_times(&captures, idle);
        early += given_out_early(&segments, end, "all captures");
    }
    assert!(early > 1_000, "{early}");
}

#[test]
fn a_4_tuple_that_is_used_again_is_told_the_same_where_both_lives_stand() {
    let (mut early, mut reused) = (0, 0);
    for seed in 0..60 {
        let mut next = dice(seed);
        let mut tap = Tap::new(None, None);
        tap.keeps = true;
        for round in 0..200_u32 {
            let id = next(8) as u32;
            tap.first_number = round * 20_000_000;
            match next(5) {
                0 => tap.reset(id),
                1 => tap.half_close(id),
                2 => tap.pass(id, true, SYN, 100, 0),
                _ => tap.close(id),
            }
            tap.offset += [0, SECOND, TIME_WAIT / 3, 2 * TIME_WAIT][next(4) as usize];
        }
        tap.offset += 2 * TIME_WAIT;
        tap.open(1_000);
        reused += tap.said.iter().filter(|seg| seg.flags.0 == SYN).count() - 9;
        early += given_out_early(&tap.said, tap.now(), &format!("seed {seed}"));
    }
    assert!(early > 3_000 && reused > 3_000, "{early} {reused}");
}

/// How many connections were given out early, each as it would have been told at the end.
fn given_out_early(segments: &[Segment], end: Timestamp, path: &str) -> usize {
    let decoder = Decoder::default();
    let mut flows = Flows::new(Ladders::None);
    segments.iter().for_each(|seg| flows.on_segment(seg));
    let mut at_end = model::connections(flows.finish(end), &decoder, end, TIME_WAIT);

    let mut flows = Flows::new(Ladders::None);
    let (mut streamed, mut now) = (Vec::new(), Timestamp::default());
    for seg in segments {
        flows.on_segment(seg);
        now = now.max(seg.time);
        let finished = flows.take_finished(now, TIME_WAIT).into_iter();
        streamed.extend(finished.map(|mut one| model::finished(&mut one, None, now, TIME_WAIT)));
    }
    let early = streamed.len();
    let (totals, _, rest) = flows.finish_rest(end);
    streamed.extend(rest.map(|mut one| model::finished(&mut one, None, end, TIME_WAIT)));
    assert_eq!(totals.taken, early as u64, "{path}");
    assert_eq!(totals.taken + totals.standing, at_end.len() as u64, "{path}");
    streamed.sort_by_key(|connection| connection.id);
    assert!(
        streamed.windows(2).all(|pair| pair[0].id < pair[1].id),
        "{path}: each once"
    );

    // What came on the 4-tuple of one that had been given out cannot know it, and is the first of its 4-tuple again. What had
    // been given out does not know that its opener was seen to be ready for another one.
    for index in 0..at_end.len() {
        let Some(reuse) = &at_end[index].reuse else {
            continue;
        };
        let previous = reuse.previous as usize - 1;
        if streamed[index].reuse.is_none() {
            let gap = at_end[index].first_time.since(at_end[previous].last_time);
            assert!(gap >= TIME_WAIT, "{path}: forgotten after {gap} ns");
            at_end[index].reuse = None;
            at_end[previous].successor = None;
            at_end[previous].endpoints = streamed[previous].endpoints.clone();
        }
        at_end[index].incarnation = streamed[index].incarnation;
    }
    for (wanted, got) in renumbered(at_end).iter().zip(&renumbered(streamed)) {
        assert_eq!(wanted, got, "{path}");
    }
    early
}

#[test]
fn a_connection_is_given_out_once_and_when_it_is_over() {
    let mut tap = Tap::new(None, None);
    tap.close(1);
    tap.half_close(2);
    tap.reset(3);
    let soon = tap.now();
    assert!(tap.flows.take_finished(soon, TIME_WAIT).is_empty());
    let later = soon.plus(TIME_WAIT);
    let taken: Vec<u64> = tap
        .flows
        .take_finished(later, TIME_WAIT)
        .iter()
        .map(|one| one.number)
        .collect();
    let mut sorted = taken.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 3], "the half-closed one is not over");
    assert!(tap.flows.take_finished(later, TIME_WAIT).is_empty());
    let (totals, _, rest) = tap.flows.finish_rest(later);
    let rest: Vec<u64> = rest.map(|one| one.number).collect();
    assert_eq!(rest, [2]);
    assert_eq!((totals.begun, totals.taken, totals.standing), (3, 2, 1));
}
