//! Memory is bounded: by limits that evict what is least worth keeping and count it, and by caps on every list.

mod repository;
mod tap;

use std::collections::BTreeMap;
use std::path::PathBuf;

use assert_cmd::Command;
use repository::captures;
use tap::*;
use tcptrace_states::analyze::{Limits, Settings, analyze};
use tcptrace_states::flow::{Class, FlowKey};
use tcptrace_states::model::{Connection, Outcome};
use tcptrace_states::segment::Flags;
use tcptrace_states::time::Timestamp;

fn with(connections: &[Connection], outcome: Outcome) -> usize {
    connections.iter().filter(|c| c.outcome == outcome).count()
}

#[test]
fn a_flood_of_a_million_syns_stays_within_the_limit_and_is_counted_exactly() {
    const CAP: u64 = 10_000;
    const SYNS: u32 = 1_000_000;
    let mut tap = Tap::new(Some(CAP), None);
    let (mut most, mut most_memory) = (0, 0);
    for id in 0..SYNS {
        tap.pass(id, true, SYN, id, 0);
        most = most.max(tap.flows.len());
        most_memory = most_memory.max(tap.flows.memory());
    }
    assert_eq!(most, CAP);
    assert!(most_memory < CAP * 8192, "{most_memory}");
    let servers = tap.flows.evicted().servers();
    let (connections, totals, classes) = tap.end();
    assert_eq!(totals.begun, u64::from(SYNS));
    assert_eq!(classes, BTreeMap::from([("unanswered", totals.evicted)]));
    assert_eq!(with(&connections, Outcome::Unanswered), connections.len());
    assert_eq!(servers, [(server(), totals.evicted)], "the victim is named");
    // The newest are those that are left, numbered in order.
    let numbers: Vec<u64> = connections.iter().map(|c| c.id).collect();
    assert!(numbers.into_iter().eq(1..=totals.standing));
    let first = connections.iter().map(|c| c.first_packet).min();
    assert_eq!(first, Some(u64::from(SYNS) - totals.standing + 1));
}

#[test]
fn real_half_closes_outlive_a_flood() {
    let mut tap = Tap::new(Some(2_000), None);
    let mut flood = 1_000_000;
    for id in 0..1_000 {
        tap.half_close(id);
        for _ in 0..50 {
            flood += 1;
            tap.pass(flood, true, SYN, flood, 0);
            if flood.is_multiple_of(2) {
                tap.pass(flood, false, SYN_ACK, 1, flood + 1); // a flood that is answered
            }
        }
        tap.close(100_000 + id); // and ordinary work
    }
    let (connections, totals, classes) = tap.end();
    assert_eq!(totals.begun, 52_000);
    assert_eq!(with(&connections, Outcome::HalfClosed), 1_000);
    assert!(!classes.contains_key("half-closed"), "{classes:?}");
    let open = connections.iter().filter(|c| c.close.half_close_open);
    assert_eq!(open.count(), 1_000);
}

#[test]
fn what_is_least_worth_keeping_goes_first() {
    // One of each class, the most precious first, so that age would take them in the other order.
    let order = |cap: u64| {
        let mut tap = Tap::new(Some(cap), None);
        tap.half_close(1);
        tap.open(2);
        tap.reset(3);
        tap.close(4);
        tap.pass(5, true, SYN, 100, 0);
        tap.pass(5, false, SYN_ACK, 300, 101);
        tap.pass(6, true, ACK, 100, 300);
        tap.pass(7, true, SYN, 100, 0);
        // Room for others is made one by one: more half-closed ones.
        for id in 8..15 {
            tap.half_close(id);
        }
        tap.end().2
    };
    let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
    for cap in 7..14_u64 {
        let gone = order(cap);
        let goes: Vec<&str> = gone.keys().copied().collect();
        let mut wanted: Vec<&str> = names[..goes.len()].to_vec();
        wanted.sort_unstable();
        assert_eq!(goes, wanted, "with room for {cap}");
        assert_eq!(gone.values().sum::<u64>(), 14 - cap);
    }
}

#[test]
fn among_equals_the_one_that_was_silent_for_longest_goes() {
    let mut tap = Tap::new(Some(3), None);
    (1..=3).for_each(|id| tap.open(id));
    tap.pass(1, false, ACK, 301, 101); // the oldest speaks again
    tap.open(4);
    let (connections, _, classes) = tap.end();
    let ports: Vec<u16> = connections.iter().map(|c| c.client.port).collect();
    assert_eq!(ports, [1, 3, 4].map(|id| client(id).port));
    assert_eq!(classes, BTreeMap::from([("open", 1)]));
}

#[test]
fn memory_is_a_limit_of_its_own() {
    const MEMORY: u64 = 2 << 20;
    let mut tap = Tap::new(None, Some(MEMORY));
    for id in 0..5_000 {
        tap.close(id);
        assert!(tap.flows.memory() <= MEMORY);
    }
    let kept = tap.flows.len();
    let (connections, totals, classes) = tap.end();
    assert_eq!(classes, BTreeMap::from([("closed", totals.evicted)]));
    assert!((200..2_000).contains(&kept), "{kept}");
    assert_eq!(connections.len() as u64, kept);
}

#[test]
fn what_comes_after_an_eviction_is_no_truth_about_what_was_before() {
    let mut tap = Tap::new(Some(3), None);
    tap.open(1);
    (2..=4).for_each(|id| tap.half_close(id)); // the last one evicts the first
    assert_eq!(
        tap.flows.evicted().classes().collect::<Vec<_>>(),
        [(Class::Open, 1)]
    );
    tap.pass(1, true, FIN_ACK, 101, 301); // which comes back without a beginning, as the newest one
    let ports =
        |connections: &[Connection]| -> Vec<u16> { connections.iter().map(|c| c.client.port).collect() };
    let (connections, totals, _) = tap.end();
    assert_eq!((totals.begun, totals.standing), (5, 3));
    assert_eq!(ports(&connections), [3, 4, 1].map(|id| client(id).port));
    let back = &connections[2];
    assert!(back.quality.midstream);
    assert_ne!(back.outcome, Outcome::Closed);
    assert!(
        back.reuse.is_none(),
        "nothing is said of the life that is not there"
    );

    let mut tap = Tap::new(Some(3), None);
    tap.open(1);
    (2..=4).for_each(|id| tap.half_close(id));
    tap.pass(1, true, FIN_ACK, 101, 301);
    tap.half_close(5); // now it is not the newest any more
    assert_eq!(ports(&tap.end().0), [3, 4, 5].map(|id| client(id).port));

    let mut tap = Tap::new(Some(1), None);
    tap.close(1);
    tap.pass(2, true, SYN, 1, 0);
    tap.close(3); // evicts the SYN, which had evicted the first
    tap.pass(1, true, SYN, 500_000, 0);
    let (connections, ..) = tap.end();
    let reuse: Vec<bool> = connections.iter().map(|c| c.reuse.is_some()).collect();
    assert_eq!(reuse, [false], "no reuse of what is not there");
}

#[test]
fn every_reference_is_to_a_connection_that_is_told() {
    // Many lives of few 4-tuples under a small limit: closed, refused, reused, answered by old numbers.
    for seed in 0..40_u64 {
        let mut next = dice(seed);
        let mut tap = Tap::new(Some(4 + seed % 8), None);
        for _ in 0..3_000 {
            let id = next(12) as u32;
            let flags = [SYN, SYN_ACK, ACK, FIN_ACK, RST_ACK, Flags::RST][next(6) as usize];
            let (seq, ack) = (next(6) as u32 * 100_000_000, next(6) as u32 * 100_000_000 + 1);
            tap.pass(id, next(2) == 0, flags, seq, ack);
        }
        let (connections, ..) = tap.end();
        for (place, connection) in (1..).zip(&connections) {
            assert_eq!(connection.id, place);
            if let Some(reuse) = &connection.reuse {
                let before = &connections[reuse.previous as usize - 1];
                assert!(before.id < connection.id);
                assert_eq!(before.successor.map(|next| next.id), Some(connection.id));
                let ends = |c: &Connection| {
                    let mut ends = [c.client, c.server];
                    ends.sort();
                    ends
                };
                assert_eq!(ends(before), ends(connection), "seed {seed}");
            }
        }
    }
}

#[test]
fn one_connection_is_bounded_however_long_it_lives() {
    // Twice the input does not take more: structures are compared, not times.
    let footprint = |rounds: u32| {
        let mut tap = Tap::new(None, None);
        tap.open(1);
        for round in 0..rounds {
            // Every other octet, from behind: a comb of holes; odd flags; RSTs outside the window; late FINs.
            tap.pass(
                1,
                true,
                ACK | Flags::PSH,
                500_000_000_u32.wrapping_sub(round * 2),
                301,
            );
            tap.pass(1, false, Flags::RST, 900_000_000 + round, 0);
            tap.pass(1, true, SYN | Flags::FIN, 100 + round, 0);
            tap.pass(1, true, 0, 101, 0);
            tap.pass(1, false, ACK, 301, 1_500_000_000 + round);
        }
        let totals = tap.flows.totals();
        assert_eq!(tap.flows.len(), totals.begun - totals.absorbed);
        tap.flows.memory() / tap.flows.len()
    };
    let (once, twice) = (footprint(20_000), footprint(40_000));
    assert!(twice <= once + 64, "{once} grew to {twice}");
    assert!(twice < 64 << 10, "{twice}");
}

#[test]
fn lives_of_one_4_tuple_are_bounded_by_the_limit() {
    let mut tap = Tap::new(Some(100), None);
    for life in 0..100_000_u32 {
        let iss = life.wrapping_mul(1 << 20);
        tap.pass(1, true, SYN, iss, 0);
        tap.pass(1, false, RST_ACK, 0, iss.wrapping_add(1));
        assert!(tap.flows.len() <= 100);
    }
    let (connections, totals, _) = tap.end();
    assert_eq!(totals.begun, totals.evicted + connections.len() as u64);
    assert!(connections.len() >= 90);
}

#[test]
fn a_comb_of_holes_costs_the_same_however_long_it_is() {
    // Each segment behind a hole, forwards and backwards; what compared each with all others would take hours.
    let began = std::time::Instant::now();
    let mut tap = Tap::new(None, None);
    (1..=2).for_each(|id| tap.open(id));
    for round in 1..=500_000_u32 {
        tap.data(1, 101 + round * 2);
        tap.data(2, 101 + 4_000_000 - round * 2);
    }
    assert!(tap.flows.memory() < 64 << 10, "{}", tap.flows.memory());
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    let (connections, ..) = tap.end();
    assert_eq!(connections.len(), 2);
    assert_eq!(connections[0].endpoints.client.payload_bytes, 500_000);
}

#[test]
fn a_connection_that_is_reset_and_opened_again_for_ever_is_bounded() {
    let mut tap = Tap::new(None, Some(4 << 20));
    for round in 0..200_000_u32 {
        // The same SYN and its RST, in both directions in turn; now and then another SYN.
        let iss = (round / 1_000).wrapping_mul(50_000_000);
        tap.pass(1, round % 2 == 0, SYN, iss, 0);
        tap.pass(1, round % 2 == 1, RST_ACK, 0, iss.wrapping_add(1));
    }
    assert!(tap.flows.memory() <= 4 << 20);
    tap.end(); // where each segment is accounted for
}

#[test]
fn the_first_and_the_last_transitions_are_kept_and_the_others_counted() {
    // A client whose RST is overtaken again and again: each time it goes on after it.
    use tcptrace_states::tracker::endpoint::{FIRST_KEPT, LAST_KEPT, Mirror};
    use tcptrace_states::tracker::evidence::{Cause, Mark};
    use tcptrace_states::tracker::state::State;

    for count in [0_usize, 1, 255, 256, 257, 383, 384, 385, 10_000] {
        let mut mirror = Mirror::new(State::Closed);
        for step in 1..=count {
            let to = if step % 2 == 1 {
                State::Established
            } else {
                State::Closed
            };
            let mark = Mark {
                packet: step as u64,
                time: Timestamp::from_ns(step as i64),
            };
            mirror.infer(to, Cause::FirstSeen, mark, None);
        }
        let record = mirror.into_record();
        let kept = count.min(FIRST_KEPT + LAST_KEPT);
        assert_eq!(record.transitions.len(), kept);
        assert_eq!(record.transitions_folded, (count - kept) as u64);
        let packets: Vec<u64> = record.transitions.iter().filter_map(|step| step.packet).collect();
        let head = packets.iter().copied().take(FIRST_KEPT);
        assert!(head.eq(1..=kept.min(FIRST_KEPT) as u64));
        assert!(
            packets
                .iter()
                .rev()
                .take(LAST_KEPT)
                .copied()
                .eq((1..=count as u64).rev().take(LAST_KEPT))
        );
    }
}

#[test]
fn the_order_of_the_table_is_never_that_of_its_hashes() {
    use std::hash::BuildHasher;
    // Each table has a seed of its own, and the result does not depend on it.
    let key = |state: &foldhash::fast::RandomState| state.hash_one(server());
    let seeds: Vec<u64> = (0..8)
        .map(|_| key(&foldhash::fast::RandomState::default()))
        .collect();
    assert!(seeds.windows(2).any(|pair| pair[0] != pair[1]), "{seeds:?}");
    let told = || {
        let mut tap = Tap::new(Some(500), None);
        for id in 0..3_000 {
            match id % 3 {
                0 => tap.close(id),
                1 => tap.half_close(id),
                _ => tap.pass(id, true, SYN, id, 0),
            }
        }
        let (connections, totals, classes) = tap.end();
        (
            serde_json::to_string(&connections).expect("plain data"),
            totals,
            classes,
        )
    };
    assert_eq!(told(), told());
}

#[test]
fn keys_that_collide_under_one_seed_do_not_under_another() {
    use std::collections::HashSet;
    use std::hash::BuildHasher;
    const PLACES: u64 = 1 << 10;
    let key = |id: u32| FlowKey::between(client(id), server(), Default::default());
    let places = |state: &dyn Fn(&FlowKey) -> u64, keys: &[FlowKey]| {
        let places: HashSet<u64> = keys.iter().map(|key| state(key) % PLACES).collect();
        places.len()
    };
    // Made for one seed, so that all fall into one place of a small table.
    let fixed = foldhash::quality::FixedState::with_seed(1);
    let crafted: Vec<FlowKey> = (0..2_000_000)
        .map(key)
        .filter(|key| fixed.hash_one(key) % PLACES == 7)
        .collect();
    assert!(crafted.len() > 1_000, "{}", crafted.len());
    assert_eq!(places(&|key| fixed.hash_one(key), &crafted), 1);
    // Under the seed of a run they spread as any others do, and so do ports and addresses in sequence.
    let sequence: Vec<FlowKey> = (0..2_000).map(key).collect();
    for _ in 0..8 {
        let seeded = foldhash::quality::RandomState::default();
        for keys in [&crafted, &sequence] {
            let spread = places(&|key| seeded.hash_one(key), keys);
            assert!(
                spread > 700,
                "{spread} places of {PLACES} for {} keys",
                keys.len()
            );
        }
    }
}

/// A capture with more connections than a limit allows.
fn crowded() -> (PathBuf, u64) {
    let many = |path: &PathBuf| {
        let settings = Settings {
            files: vec![path.clone()],
            limits: Limits::NONE,
            ..Settings::default()
        };
        analyze(&settings, &mut |_| {}).map_or(0, |analysis| analysis.summary.connections)
    };
    let found = captures().into_iter().map(|path| (many(&path), path));
    let (connections, path) = found
        .max_by_key(|(connections, _)| *connections)
        .expect("captures");
    (path, connections)
}

#[test]
fn every_view_says_that_something_was_evicted() {
    let (path, connections) = crowded();
    assert!(connections > 2, "{connections}");
    let run = |args: &[&str]| {
        let output = Command::cargo_bin("tcptrace-states")
            .expect("the program")
            .args(args)
            .arg(&path)
            .env_remove("TCPTRACE_STATES_CONFIG")
            .output()
            .expect("a run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, screen, complaint) = run(&["--max-connections", "2"]);
    assert_eq!(code, Some(0));
    assert!(screen.contains("EVICTED"), "{screen}");
    assert!(complaint.contains("given up for a limit"), "{complaint}");

    let (_, json, _) = run(&["--max-connections", "2", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let reported = json["connections"].as_array().expect("a list").len() as u64;
    let evicted = json["capture"]["evicted_connections"].as_u64().expect("a number");
    assert_eq!(json["summary"]["connections"].as_u64(), Some(reported + evicted));
    let sum = |value: &serde_json::Value| -> u64 {
        let counts = value.as_object().expect("counts").values();
        counts.filter_map(serde_json::Value::as_u64).sum()
    };
    assert_eq!(sum(&json["summary"]["evicted"]), evicted);
    assert_eq!(sum(&json["summary"]["outcomes"]), reported + evicted);
    assert_eq!(json["summary"]["outcomes"]["evicted"].as_u64(), Some(evicted));
    assert_eq!(
        json["capture"]["complete"].as_bool(),
        Some(true),
        "the input is whole"
    );
    let codes = json["findings"].as_array().expect("a list");
    assert!(codes.iter().any(|finding| finding["code"] == "CP11"));

    let (code, ..) = run(&[
        "check",
        "--no-config",
        "--fail-on",
        "never",
        "--max-connections",
        "2",
    ]);
    assert_eq!(code, Some(3));
    let (code, ..) = run(&["check", "--no-config", "--fail-on", "never"]);
    assert_eq!(code, Some(0));
}
