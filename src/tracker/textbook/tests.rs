use proptest::prelude::*;

use super::*;
use crate::segment::Scope;
use crate::time::Timestamp;
use crate::tracker::calm::Calm;
pub(crate) use crate::tracker::calm::tests::segments;
use crate::tracker::calm::tests::{Step, step};

const PLAIN: Step = Step {
    from_client: true,
    payload: 0,
    flags: Flags::ACK,
    seq_off: 0,
    ack_off: 0,
    ns: 1_000_000,
    timestamps: true,
    ticks: 1,
    oddity: 0,
};

pub(crate) fn said(from_client: bool, payload: u32, flags: u16) -> Step {
    Step {
        from_client,
        payload,
        flags,
        ..PLAIN
    }
}

/// What goes by the book, in any order, and what does not now and then.
fn ordinary() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![16 => Just(Flags::ACK), 4 => Just(Flags::ACK | Flags::PSH), 3 => Just(Flags::ACK | Flags::FIN),
        1 => Just(Flags::RST | Flags::ACK), 1 => Just(Flags::RST)];
    let payload = prop_oneof![3 => Just(0), 2 => 1..2_000u32];
    let ordinary = (
        any::<bool>(),
        payload,
        flags,
        0..30_000_000i64,
        0..50i32,
        prop_oneof![6 => Just(0), 1 => -3_000..0i32],
    );
    let ordinary = ordinary.prop_map(|(from_client, payload, flags, ns, ticks, ack_off)| Step {
        from_client,
        payload,
        flags,
        ns,
        ticks,
        ack_off,
        ..PLAIN
    });
    prop_oneof![30 => ordinary, 4 => back(), 1 => step()]
}

/// A keepalive, or payload sent again, as is due or a little off.
fn back() -> impl Strategy<Value = Step> {
    let octets = prop_oneof![2 => Just(0), 1 => 1..3u32, 2 => 1..900u32];
    let off = prop_oneof![8 => Just(0), 1 => -900..=900i32];
    let back = (any::<bool>(), octets, off, 0..30_000_000i64, 0..50i32);
    back.prop_map(|(from_client, payload, off, ns, ticks)| Step {
        from_client,
        payload,
        seq_off: -(payload.max(1) as i32) + off,
        ns,
        ticks,
        ..PLAIN
    })
}

fn plain(tracker: &Tracker) -> String {
    let tracker = Tracker {
        calm: Calm::default(),
        ..tracker.clone()
    };
    format!("{tracker:?}")
}

/// The connection that these open by the book, if they do.
fn begun(syn: &Segment, answer: &Segment) -> Option<Textbook> {
    let between =
        answer.source == syn.destination && answer.source != syn.source && answer.scope == syn.scope;
    let [syn_opens, answer_opens] = [Opening::of(syn)?, Opening::of(answer)?];
    Textbook::begin(&syn_opens, &answer_opens, syn.scope != Scope::default()).filter(|_| between)
}

/// How many segments went by the book, each of them with the tracker that all together make.
/// Of a usual story it is also known when it is over.
fn by_the_book(segments: &[Segment], usual: bool) -> Result<usize, TestCaseError> {
    let (Some(syn), Some(answer)) = (segments.first(), segments.get(1)) else {
        return Ok(0);
    };
    let mut tracker = Tracker::new(syn, 0);
    tracker.on_segment(syn);
    let Some(mut book) = begun(syn, answer) else {
        return Ok(0);
    };
    tracker.on_segment(answer);
    for (before, seg) in segments.iter().enumerate().skip(2) {
        let untouched = plain(&book.tracker(syn));
        prop_assert_eq!(
            &untouched,
            &plain(&book.replay(syn)),
            "before packet {}",
            seg.packet
        );
        prop_assert_eq!(&untouched, &plain(&tracker), "before packet {}", seg.packet);
        prop_assert_eq!(
            book.packets(),
            tracker.streams.iter().map(|stream| stream.packets).sum::<u64>()
        );
        if usual {
            prop_assert_eq!(book.is_over(), tracker.is_over(), "before packet {}", seg.packet);
        }
        prop_assert_eq!(tracker.duplicates, 0);
        if !book.take(seg, tracker.role_of(seg), Mark::of(syn)) {
            prop_assert_eq!(
                &untouched,
                &plain(&book.tracker(syn)),
                "after packet {}",
                seg.packet
            );
            return Ok(before);
        }
        tracker.on_segment(seg);
    }
    prop_assert_eq!(plain(&book.tracker(syn)), plain(&tracker));
    prop_assert_eq!(plain(&book.replay(syn)), plain(&tracker));
    Ok(segments.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_telling_segments_tell_it_all(story in prop::collection::vec(ordinary(), 1..24), timestamps: bool) {
        by_the_book(&segments(&story, true, timestamps), false)?;
    }
}

/// The close by four segments, or by three, as far as it goes; with data, late acknowledgments and clocks that stand still.
fn usual_close() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0..40_000_000i64,
        0..3i32,
        prop_oneof![3 => Just(0), 1 => 1..900u32],
    );
    (
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(step, 4),
        0usize..5,
        -900..=0i32,
    )
        .prop_map(|(closer, at_once, steps, length, late)| {
            let fin = Flags::FIN | Flags::ACK;
            let mut close = vec![
                (closer, fin),
                (!closer, Flags::ACK),
                (!closer, fin),
                (closer, Flags::ACK),
            ];
            if at_once {
                close.remove(1);
            }
            let steps = close.into_iter().zip(steps).enumerate().take(length);
            let step = |(index, ((from_client, flags), (ns, ticks, payload)))| Step {
                from_client,
                payload: if from_client == closer && index > 0 {
                    0
                } else {
                    payload
                },
                flags,
                ns,
                ticks,
                ack_off: if index == 0 { late } else { 0 },
                ..PLAIN
            };
            steps.map(step).collect()
        })
}

/// The segments of a connection that closes in a usual way, as far as it goes.
pub(crate) fn usual_stories() -> impl Strategy<Value = Vec<Segment>> {
    let stories = (
        prop::collection::vec(ordinary(), 0..6),
        usual_close(),
        any::<bool>(),
    );
    stories.prop_map(|(story, close, timestamps)| {
        let open = story.into_iter().map(|step| Step {
            flags: Flags::ACK,
            ..step
        });
        let story: Vec<Step> = open.chain(close).collect();
        segments(&story, true, timestamps)
    })
}

/// The same, of which some segments were sent again, not captured, cut, or overtaken on the way.
pub(crate) fn troubled_stories() -> impl Strategy<Value = Vec<Segment>> {
    let trouble = (any::<prop::sample::Index>(), 1..4usize, 0..5u8);
    let troubles = prop::collection::vec(trouble, 0..4);
    (usual_stories(), troubles).prop_map(|(mut story, troubles)| {
        for (index, later, kind) in troubles {
            let place = index.index(story.len());
            let segment = story[place];
            let other = (place + later).min(story.len() - 1);
            match kind {
                0 => story.insert(other, segment),
                1 => story.insert(
                    other,
                    Segment {
                        ip_id: segment.ip_id.map(|id| id + 1_000),
                        ..segment
                    },
                ),
                2 => story.swap(place, other),
                3 => (story[place].cut, story[place].header_cut) = (true, later == 1),
                _ if story.len() > 1 => drop(story.remove(place)),
                _ => {}
            }
        }
        let mut time = Timestamp::default();
        for (packet, seg) in (1..).zip(&mut story) {
            time = time.max(seg.time);
            (seg.packet, seg.time) = (packet, time);
        }
        story
    })
}

/// The RST that answers a SYN, as packet so much.
pub(crate) fn refusal(syn: &Segment, packet: u64) -> Segment {
    Segment {
        packet,
        time: syn.time.plus(packet as i64),
        source: syn.destination,
        destination: syn.source,
        seq: Seq(0),
        ack: Some(syn.seq_end()),
        raw_ack: syn.seq_end().0,
        flags: Flags(Flags::RST | Flags::ACK),
        options: Options::default(),
        ip_id: Some(packet as u16),
        checksum: Some(packet as u16),
        ..*syn
    }
}

/// Connections that were refused, not answered, or reset, and those of which the beginning is missing.
pub(crate) fn other_stories() -> impl Strategy<Value = Vec<Segment>> {
    let opening = |timestamps| segments(&[], true, timestamps);
    let shift = || prop_oneof![8 => Just(0), 1 => -1..=1i32];
    let reset = |ack: bool| Flags::RST | if ack { Flags::ACK } else { 0 };
    let refused = (any::<bool>(), any::<bool>(), shift(), 0..3usize, 0..3usize).prop_map(
        move |(timestamps, ack, off, times, later)| {
            let mut story = opening(timestamps);
            story.truncate(1);
            let syn = story[0];
            for packet in 2..=1 + times as u64 {
                let refusal = refusal(&syn, packet);
                let raw_ack = refusal.raw_ack.wrapping_add_signed(off);
                story.push(Segment {
                    ack: ack.then_some(Seq(raw_ack)),
                    raw_ack,
                    flags: Flags(reset(ack)),
                    ..refusal
                });
            }
            let again = story[story.len().saturating_sub(later)..].to_vec();
            for seg in again {
                story.push(Segment {
                    packet: story.len() as u64 + 1,
                    time: syn.time.plus(1_000_000_000),
                    ip_id: Some(99),
                    ..seg
                });
            }
            story
        },
    );
    let unanswered = (any::<bool>(), 0..0x200u16, 0..3u32, any::<[bool; 4]>()).prop_map(
        move |(timestamps, flags, payload_len, [plain, malformed, cut, tagged])| {
            let mut story = opening(timestamps);
            story.truncate(1);
            let syn = &mut story[0];
            if !plain {
                (syn.flags.0, syn.payload_len) =
                    (Flags::SYN | flags & !(Flags::ACK | Flags::RST), payload_len);
                syn.options.malformed = malformed;
                (syn.cut, syn.header_cut) = (cut, cut && malformed);
                syn.scope.vlans[0] = u16::from(tagged);
            }
            story
        },
    );
    let step = (any::<bool>(), 0..900u32, 0..2_000_000_000i64).prop_map(|(from_client, payload, ns)| Step {
        ns,
        ..said(from_client, payload, Flags::ACK)
    });
    let step = prop_oneof![4 => step, 1 => back()];
    let ended = (
        prop::collection::vec(step, 1..6),
        any::<[bool; 4]>(),
        shift(),
        shift(),
    );
    let was_reset = ended.prop_map(
        move |(mut story, [from_client, ack, timestamps, stamped], seq_off, ack_off)| {
            story.extend([
                said(!from_client, 0, Flags::ACK),
                Step {
                    seq_off,
                    ack_off,
                    timestamps: stamped,
                    ..said(from_client, 0, reset(ack))
                },
            ]);
            segments(&story, true, timestamps)
        },
    );
    let midstream = (usual_stories(), 1..6usize)
        .prop_map(|(story, missing)| story.into_iter().skip(missing).collect())
        .prop_filter("no segments", |story: &Vec<Segment>| !story.is_empty());
    prop_oneof![refused, unanswered, was_reset, midstream]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_usual_closes_are_told_at_once(story in usual_stories()) {
        by_the_book(&story, true)?;
    }
}

#[test]
fn a_whole_life_goes_by_the_book() {
    let (client, server) = (true, false);
    let data = |count: u32| {
        (0..count).flat_map(|_| [said(client, 100, Flags::ACK), said(server, 1_400, Flags::ACK)])
    };
    let fin = Flags::FIN | Flags::ACK;
    let closes: [(bool, Vec<Step>); 6] = [
        (true, vec![]),
        (
            true,
            vec![
                said(client, 0, fin),
                said(server, 0, Flags::ACK),
                said(server, 0, fin),
                said(client, 0, Flags::ACK),
            ],
        ),
        (
            true,
            vec![
                said(server, 9, fin),
                said(client, 0, fin),
                said(server, 0, Flags::ACK),
            ],
        ),
        (
            true,
            vec![said(server, 9, fin), said(client, 10, fin | Flags::PSH)],
        ),
        (
            false,
            vec![
                said(client, 0, fin),
                said(server, 700, Flags::ACK),
                said(client, 0, Flags::RST),
            ],
        ),
        (false, vec![said(server, 0, Flags::RST | Flags::ACK)]),
    ];
    for (usual, close) in closes {
        let story: Vec<Step> = data(40).chain(close).collect();
        for timestamps in [true, false] {
            let segments = segments(&story, true, timestamps);
            let taken = by_the_book(&segments, true).expect("the same");
            assert_eq!(taken, segments.len(), "{story:?}");
            let mut book = begun(&segments[0], &segments[1]).expect("by the book");
            for seg in &segments[2..] {
                let from = if seg.source == segments[0].source {
                    Role::Client
                } else {
                    Role::Server
                };
                assert!(book.take(seg, from, Mark::of(&segments[0])));
            }
            assert_eq!(book.retell(&segments[0]).is_some(), usual, "{story:?}");
        }
    }
}

/// So many times, and as many octets, as can be counted.
#[test]
fn what_was_sent_before_goes_by_the_book() {
    let (client, server) = (true, false);
    let data = [said(client, 100, Flags::ACK), said(server, 1_400, Flags::ACK)];
    let back = |from_client, payload: u32, seq_off| Step {
        seq_off,
        ..said(from_client, payload, Flags::ACK)
    };
    let begin: Vec<Step> = data.iter().cycle().take(80).cloned().collect();
    let (probe, answer) = (back(client, 0, -1), said(server, 0, Flags::ACK));
    let again = |octets: u32| back(server, octets, -1_400);
    let close = [
        said(client, 0, Flags::ACK | Flags::FIN),
        said(server, 0, Flags::ACK | Flags::FIN),
        said(client, 0, Flags::ACK),
    ];
    let probed = [probe.clone(), answer.clone(), probe.clone(), probe.clone()];
    // Whole, its first half, and its first octet; one octet before the last may be a probe; and more than was sent.
    let stories: [(&[Step], bool); 9] = [
        (&probed, true),
        (&[again(1_400)], true),
        (&[again(700), again(1_399), again(1)], true),
        (&[back(server, 700, -700)], true),
        (&[back(server, 1, -1)], false),
        (&[back(server, 1_401, -1_400)], false),
        (&[back(server, 1, 1)], false),
        (&[back(client, 1, -4_001)], false), // the SYN's number
        (&[back(server, 0, -2)], false),
    ];
    for (steps, expected) in stories {
        for timestamps in [true, false] {
            let story: Vec<Step> = [&begin, steps, &close[..]].concat();
            let segments = segments(&story, true, timestamps);
            let taken = by_the_book_so_far(&segments);
            let before = 3 + begin.len();
            assert_eq!(
                taken,
                if expected { segments.len() } else { before },
                "{steps:?} {timestamps}"
            );
        }
    }
    for (step, most) in [(probe, 255), (again(9), 255), (again(1_400), 65_535 / 1_400)] {
        let steps = std::iter::repeat_n(step, 300);
        let story: Vec<Step> = begin.iter().cloned().chain(steps).collect();
        assert_eq!(
            by_the_book_so_far(&segments(&story, true, true)),
            3 + begin.len() + most
        );
    }
}

fn by_the_book_so_far(segments: &[Segment]) -> usize {
    by_the_book(segments, true).expect("the same")
}

/// A direction knows how much payload it had by its numbers alone.
#[test]
fn numbers_that_come_round_are_not_by_the_book() {
    let most = LONGEST as usize;
    let story: Vec<Step> = std::iter::once(said(false, 100, Flags::ACK))
        .chain((0..5_000).map(|_| said(false, LONGEST, Flags::ACK)))
        .collect();
    let segments = segments(&story, true, true);
    let taken = by_the_book(&segments, false).expect("the same");
    let opening = 4; // and the first hundred octets
    assert_eq!(taken, opening + ((1 << 32) - 1) / most);
}
