//! The short way for what most segments are: data and acknowledgments in order, on an open connection where nothing waits.
//!
//! It does what [`Tracker::on_own`] does for such a segment, in the same order, and leaves out what can have no effect. What
//! makes a connection calm is looked at when the long way was gone, not for each segment; whatever else touches the
//! connection ends it. Tests hold both ways equal, segment by segment.

use super::passing::Passing;
use super::state::State;
use super::{Role, Tracker};
use crate::segment::{Flags, Segment};
use crate::seq::Seq;

/// More payload than this in one segment goes the long way, octets: numbers stay comparable.
pub(super) const LONGEST: u32 = 1 << 20;

/// What the short way needs to know of the handshake.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calm {
    /// The short way can be gone.
    pub holds: bool,
    /// Window fields can be read.
    scale_known: bool,
    /// Both SYNs offered timestamps: all segments carry them.
    timestamps: bool,
    /// The TSval of each side's SYN.
    first_tsval: [Option<u32>; 2],
}

impl Tracker {
    /// Looks whether the connection is calm.
    pub(super) fn look_for_calm(&mut self) {
        self.calm.holds = self.is_calm();
        if self.calm.holds {
            let of_syn = |side: usize| self.opening.syn[side].and_then(|syn| syn.options.timestamps);
            self.calm = Calm {
                holds: true,
                scale_known: self.scale_known(),
                timestamps: of_syn(0).is_some() && of_syn(1).is_some(),
                first_tsval: [0, 1].map(|side| of_syn(side).map(|(value, _)| value)),
            };
        }
    }

    /// Both ends are open, nothing is on its way to them that could change them, nothing is missing, and the opening is
    /// over.
    fn is_calm(&self) -> bool {
        self.ends
            .iter()
            .all(|end| end.proven() == State::Established && end.is_settled())
            && self.ladder.is_none()
            && self.streams.iter().all(|stream| stream.is_whole())
            && (self.opening.ack.is_some() || self.opening.syn_ack.is_none())
            && (!self.midstream || self.streams.iter().all(|stream| stream.sent_data))
            && self.aside.awaits_nothing()
    }

    /// Whether a segment of data or an acknowledgment may go the short way: then this connection is the one that it belongs to.
    pub fn is_calm_for(&self, seg: &Segment) -> bool {
        self.calm.holds && seg.flags.0 & Passing::CONTROL == Flags::ACK
    }

    /// Takes data or an acknowledgment by the short way: it changes no state and takes no memory. False if it has to go the long
    /// one; nothing has changed then.
    #[inline]
    pub fn take_calmly(&mut self, seg: &Passing, from: Role) -> bool {
        let me = from as usize;
        if !self.calm.holds || seg.payload_len > LONGEST || seg.mark.time < self.last.time {
            return false;
        }
        let (sent, received) = from.own_and_others(&mut self.streams);
        let in_order = sent.nxt == Some(seg.seq) && received.nxt.is_some_and(|nxt| seg.ack.at_or_before(nxt));
        if !in_order || !sent.continues_at(seg.seq) || sent.has_seen(seg.print) {
            return false;
        }
        match seg.timestamps {
            Some((value, _)) => {
                let value = Seq(value);
                let before = |first: u32| value.before(Seq(first));
                if self.calm.first_tsval[me].is_some_and(before)
                    || sent.ts_recent.is_some_and(|(recent, _)| before(recent))
                {
                    return false;
                }
            }
            None if self.calm.timestamps && !seg.header_cut => return false,
            None => {}
        }

        self.last = seg.mark;
        self.cut += u64::from(seg.cut);
        sent.go_on(seg);
        if seg.payload_len > 0 {
            received.owes.ask(seg.mark);
        }
        received.on_ack(seg.ack, seg.mark.time);
        if self.calm.scale_known {
            sent.offer(seg.ack, seg.window, sent.scale);
        }
        sent.note_floor([
            received.time_of(seg.ack),
            seg.timestamps.and_then(|(_, echo)| received.time_of_tsval(echo)),
        ]);
        debug_assert!(self.is_calm(), "the short way leads out of calm: from {from:?}");
        true
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::segment::{ChecksumState, Endpoint, Options, Scope};
    use crate::time::Timestamp;

    /// One segment of a story: who sends it, and how far from what is due it is.
    #[derive(Clone, Debug)]
    pub struct Step {
        pub from_client: bool,
        pub payload: u32,
        pub flags: u16,
        pub seq_off: i32,
        pub ack_off: i32,
        pub ns: i64,
        pub timestamps: bool,
        pub ticks: i32,
        pub oddity: u8,
    }

    /// Mostly what an open connection carries.
    pub fn step() -> impl Strategy<Value = Step> {
        let mostly = |off: core::ops::RangeInclusive<i32>| prop_oneof![12 => Just(0), 1 => off];
        let flags = prop_oneof![30 => Just(Flags::ACK), 10 => Just(Flags::ACK | Flags::PSH), 1 => Just(Flags::ACK | Flags::FIN),
            1 => Just(Flags::RST), 1 => Just(Flags::SYN), 1 => Just(Flags::SYN | Flags::ACK), 1 => 0..0x200u16];
        let payload = prop_oneof![4 => Just(0), 6 => 1..2_000u32, 1 => Just(1), 1 => Just(1 << 21)];
        let ns = prop_oneof![20 => 0..30_000_000i64, 1 => 0..5_000_000_000i64, 1 => -10_000_000..0i64];
        (
            any::<bool>(),
            payload,
            flags,
            mostly(-3_000..=3_000),
            mostly(-3_000..=3_000),
            ns,
            prop_oneof![15 => Just(true), 1 => Just(false)],
            prop_oneof![15 => 0..50i32, 1 => -100..0i32],
            prop_oneof![30 => Just(0u8), 1 => 1..5u8],
        )
            .prop_map(
                |(from_client, payload, flags, seq_off, ack_off, ns, timestamps, ticks, oddity)| Step {
                    from_client,
                    payload,
                    flags,
                    seq_off,
                    ack_off,
                    ns,
                    timestamps,
                    ticks,
                    oddity,
                },
            )
    }

    /// The segments of a story that begins with a handshake, or in the middle.
    pub fn segments(story: &[Step], handshake: bool, with_timestamps: bool) -> Vec<Segment> {
        let ends = [(1, 40_000), (2, 80)].map(|(host, port)| Endpoint {
            ip: std::net::IpAddr::from([10, 0, 0, host]),
            port,
        });
        let (mut nxt, mut tsval, mut time) = ([Seq(u32::MAX - 500), Seq(7)], [100u32, 9_000], 0);
        let mut packet = 0;
        let opening = [(0, Flags::SYN), (1, Flags::SYN | Flags::ACK), (0, Flags::ACK)];
        let opening = opening.iter().filter(|_| handshake).map(|(side, flags)| Step {
            from_client: *side == 0,
            payload: 0,
            flags: *flags,
            seq_off: 0,
            ack_off: 0,
            ns: 1_000_000,
            timestamps: true,
            ticks: 1,
            oddity: 0,
        });
        let steps: Vec<Step> = opening.chain(story.iter().cloned()).collect();
        let mut out = Vec::new();
        for step in steps {
            let me = usize::from(!step.from_client);
            packet += 1;
            time += step.ns;
            tsval[me] = tsval[me].wrapping_add_signed(step.ticks);
            let flags = Flags(step.flags);
            let seq = Seq(nxt[me].0.wrapping_add_signed(step.seq_off));
            let ack = Seq(nxt[1 - me].0.wrapping_add_signed(step.ack_off));
            let mut options = Options::default();
            if with_timestamps && step.timestamps {
                // Echoes of what was not captured, now and then.
                let uncaptured = u32::from(step.payload % 7 == 3);
                options.timestamps = Some((tsval[me], tsval[1 - me].wrapping_sub(uncaptured)));
            }
            if flags.syn() {
                options.window_scale = Some(7);
            }
            let seg = Segment {
                packet,
                time: Timestamp::from_ns(time),
                source: ends[me],
                destination: ends[1 - me],
                scope: Scope::default(),
                seq,
                ack: flags.ack().then_some(ack),
                raw_ack: ack.0,
                flags,
                window: 500,
                payload_len: step.payload,
                options,
                ip_id: (step.oddity != 1).then_some(packet as u16),
                ttl: 64,
                checksum: Some(packet as u16),
                checksum_state: if step.oddity == 2 {
                    ChecksumState::Bad
                } else {
                    ChecksumState::NotVerified
                },
                header_cut: step.oddity == 3,
                cut: step.oddity == 3,
            };
            if step.seq_off == 0 {
                nxt[me] = seg.seq_end();
            }
            out.push(seg);
            if step.oddity == 4 {
                out.push(Segment {
                    packet: packet + 1,
                    ..seg
                });
                packet += 1;
            }
        }
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn both_ways_are_the_same(story in prop::collection::vec(step(), 1..40), handshake: bool, timestamps: bool) {
            let segments = segments(&story, handshake, timestamps);
            let mut short = Tracker::new(&segments[0], 0);
            let mut long = short.clone();
            let mut buffer = Vec::new();
            for seg in &segments {
                long.calm.holds = false;
                short.on_segment(seg);
                long.on_segment(seg);
                let plain = |tracker: &Tracker| Tracker { calm: Calm::default(), ..tracker.clone() };
                prop_assert_eq!(format!("{:?}", plain(&short)), format!("{:?}", plain(&long)), "packet {}", seg.packet);
                // Packed and unpacked it is the same, and goes on the same.
                if short.pack(&mut buffer) {
                    let back = Tracker::unpack(&buffer);
                    prop_assert_eq!(format!("{:?}", plain(&back)), format!("{:?}", plain(&short)), "packet {}", seg.packet);
                    short = back;
                }
            }
        }
    }

    #[test]
    fn ordinary_segments_go_the_short_way() {
        let step = |from_client, payload| Step {
            from_client,
            payload,
            flags: Flags::ACK,
            seq_off: 0,
            ack_off: 0,
            ns: 1_000,
            timestamps: true,
            ticks: 1,
            oddity: 0,
        };
        let story = [step(true, 100), step(false, 0), step(false, 1_000), step(true, 0)];
        for (handshake, opened) in [(true, 5), (false, 3)] {
            let segments = segments(&story, handshake, true);
            let mut tracker = Tracker::new(&segments[0], 0);
            let short = segments
                .iter()
                .map(|seg| tracker.on_segment(seg))
                .collect::<Vec<_>>();
            assert_eq!(
                short.iter().rposition(|short| !short),
                Some(opened - 1),
                "{short:?}"
            );
        }
    }
}
