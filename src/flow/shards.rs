//! One table of connections as several, which can be worked on at once.
//!
//! A connection knows of others of its own 4-tuple at most, so what is told does not depend on how 4-tuples are shared out, but
//! for what is given up for a limit: each table has its share of the memory. So that this is told alike, too, the same 4-tuples
//! go together in each run, and one thread works on as many tables as many threads do.

use super::by_birth::ByBirth;
use super::key::Pair;
use super::{Batch, Evicted, FlowKey, Flows, Keyer, Ladders, Rest, Totals, grown};
use crate::segment::{Lean, Scope, Segment, Wide};
use crate::time::Timestamp;

/// Tables: more than the threads that track on most machines, so that each of them finds one that is free.
const TABLES: usize = 8;
/// Less memory is not shared out, octets: a share is to hold many connections, whatever they hold.
const LEAST_SHARED: u64 = 1 << 30;

/// Tables of connections, each with 4-tuples of its own.
pub struct Shards(Vec<Flows>);

impl Shards {
    /// This table, which is empty, as several: where no single connection can take much of a share.
    pub fn of(flows: Flows) -> Shards {
        let limits = flows.limits;
        let shared = flows.ladders == Ladders::None
            && flows.report_bytes.is_none()
            && limits.connections.is_none()
            && limits.memory.is_none_or(|most| most >= LEAST_SHARED);
        // A batch is not taken in capture order.
        let mut shard = flows.born_by_packet();
        if !shared {
            return Shards(vec![shard]);
        }
        shard.limits.memory = limits.memory.map(|most| most / TABLES as u64);
        Shards(vec![shard; TABLES])
    }

    /// The tables.
    pub fn tables(&mut self) -> &mut Vec<Flows> {
        &mut self.0
    }

    /// As [`Flows::finish`], of all tables.
    pub fn finish(self, end: Timestamp) -> Rest {
        let (mut totals, mut evicted) = (Totals::default(), Evicted::default());
        let mut lives = Vec::with_capacity(self.0.len());
        for mut flows in self.0 {
            let births = flows.settled();
            totals.add(flows.totals());
            evicted.merge(&flows.evicted);
            lives.push((flows.lives, births));
        }
        Rest {
            totals,
            evicted,
            lives: ByBirth::of(lives, grown),
            end,
        }
    }
}

impl From<Flows> for Shards {
    /// One table.
    fn from(flows: Flows) -> Shards {
        Shards(vec![flows])
    }
}

impl From<Vec<Flows>> for Shards {
    /// The tables of one that was taken apart, in their order.
    fn from(tables: Vec<Flows>) -> Shards {
        Shards(tables)
    }
}

/// Sorts segments by the tables that they are for.
pub struct Sorter {
    keyer: Keyer,
    batches: Vec<Batch>,
    /// Room for the addresses of the lean segment that comes next.
    wide: Wide,
}

impl Sorter {
    /// For these tables.
    pub fn new(shards: &Shards) -> Sorter {
        Sorter {
            // They are copies of one.
            keyer: shards.0.first().map(Flows::keyer).unwrap_or_default(),
            batches: shards.0.iter().map(|_| Batch::default()).collect(),
            wide: Wide::default(),
        }
    }

    /// Adds the next segment. Returns the table that it is for.
    pub fn add(&mut self, segment: &Segment) -> usize {
        let key = FlowKey::of(segment);
        let table = self.table(key.spread());
        if let Some(batch) = self.batches.get_mut(table) {
            let hash = self.keyer.hash(&key);
            let tuple = if key.scope == Scope::default() {
                hash
            } else {
                self.keyer.hash(&key.under(Scope::default()))
            };
            batch.add(segment, hash, tuple);
        }
        table
    }

    /// Adds the next segment, which came over IPv4. Returns the table that it is for.
    #[inline(always)]
    pub fn add_lean(&mut self, lean: Lean) -> usize {
        let pair = Pair::of(lean.v4_ends());
        let hash = self.keyer.hash(&pair);
        let table = self.table(pair.spread());
        if let Some(batch) = self.batches.get_mut(table) {
            batch.add_lean(lean, hash);
        }
        table
    }

    /// As [`Sorter::add_lean`], of one that came over IPv6: [`Sorter::wide`] has got its addresses.
    pub fn add_wide(&mut self, lean: Lean) -> usize {
        let [source, destination] = lean.ends(&self.wide);
        let key = FlowKey::between(source, destination, Scope::default());
        let (hash, table) = (self.keyer.hash(&key), self.table(key.spread()));
        if let Some(batch) = self.batches.get_mut(table) {
            batch.add_wide(lean, &mut self.wide, hash);
        }
        table
    }

    /// Where the IPv6 addresses of the next lean segment are to be added.
    #[inline]
    pub fn wide(&mut self) -> &mut Wide {
        &mut self.wide
    }

    /// What was added for each table.
    pub fn batches(&mut self) -> &mut [Batch] {
        &mut self.batches
    }

    #[inline]
    fn table(&self, spread: u64) -> usize {
        ((u128::from(spread) * self.batches.len() as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::Limits;
    use crate::segment::{Endpoint, Flags};
    use crate::seq::Seq;

    fn sorter() -> Sorter {
        Sorter::new(&Shards::of(Flows::new(Ladders::None)))
    }

    fn segment(host: u32, port: u16, v6: bool) -> Segment {
        let end = |host: u32, port| Endpoint {
            ip: if v6 {
                std::net::Ipv6Addr::from(0xfd00 << 112 | u128::from(host)).into()
            } else {
                std::net::Ipv4Addr::from(host).into()
            },
            port,
        };
        Segment {
            source: end(host, port),
            destination: end(0x0a00_0001, 443),
            ..Segment::default()
        }
    }

    #[test]
    fn both_directions_and_all_contexts_of_a_4_tuple_go_to_one_table() {
        let mut sorter = sorter();
        for v6 in [false, true] {
            for number in 0..100 {
                let there = segment(0x0a01_0000 + number, 40_000 + number as u16, v6);
                let back = Segment {
                    source: there.destination,
                    destination: there.source,
                    ..there
                };
                let mut tagged = there;
                tagged.scope.vlans[0] = 5;
                let tables = [there, back, tagged].map(|segment| sorter.add(&segment));
                assert!(tables.iter().all(|table| *table == tables[0]), "{tables:?}");
            }
        }
    }

    /// Ports one after the other, hosts one after the other: each table gets its share of them.
    #[test]
    fn tables_get_equal_shares() {
        for v6 in [false, true] {
            for step in [(0, 1), (1, 0), (256, 0), (0, 2), (1, 1)] {
                let mut counts = [0; TABLES];
                let mut sorter = sorter();
                for number in 0..8_000 {
                    let (host, port) = (step.0 * number, (step.1 * number) as u16);
                    counts[sorter.add(&segment(0x0a01_0000 + host, 20_000 + port, v6))] += 1;
                }
                assert!(
                    counts.iter().all(|count| (700..1_300).contains(count)),
                    "{v6} {step:?}: {counts:?}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        /// Few 4-tuples, opened again and again, in few contexts; each segment by itself, and of many at once.
        #[test]
        fn several_tables_tell_what_one_tells(
            steps in prop::collection::vec((0..5u16, 0..3u16, any::<bool>(), 0..6usize, 0..4u32, 0..4u32), 1..400),
            at_once in 1..50usize,
        ) {
            const FLAGS: [u16; 6] =
                [Flags::SYN, Flags::SYN | Flags::ACK, Flags::ACK, Flags::ACK, Flags::FIN | Flags::ACK, Flags::RST];
            let mut one = Flows::new(Ladders::None);
            let mut shards = Shards::of(Flows::new(Ladders::None));
            let mut sorter = Sorter::new(&shards);
            let mut end = Timestamp::default();
            for (packet, (port, vlan, back, flags, seq, ack)) in (1..).zip(steps) {
                end = end.plus(1_000_000);
                let flags = Flags(FLAGS[flags]);
                let there = segment(0x0a01_0000 + u32::from(port % 2), port, port == 4);
                let mut seg = Segment {
                    packet,
                    time: end,
                    seq: Seq(seq),
                    ack: flags.ack().then_some(Seq(ack)),
                    raw_ack: ack,
                    flags,
                    ..there
                };
                seg.scope.vlans[0] = vlan;
                if back {
                    (seg.source, seg.destination) = (seg.destination, seg.source);
                }
                one.on_segment(&seg);
                let table = sorter.add(&seg);
                if sorter.batches()[table].len() == at_once {
                    shards.0[table].on_batch(&mut sorter.batches()[table]);
                }
            }
            for (flows, batch) in shards.0.iter_mut().zip(sorter.batches()) {
                flows.on_batch(batch);
            }
            let (one, several) = (one.finish(end), shards.finish(end));
            prop_assert_eq!(one.totals(), several.totals());
            let told = |rest: Rest| {
                let finished = rest.numbered();
                finished.map(|finished| format!("{finished:?}")).collect::<Vec<_>>()
            };
            prop_assert_eq!(told(one), told(several));
        }
    }

    /// What was given up does not depend on the seeds of the tables, and adds up.
    #[test]
    fn what_is_given_up_is_the_same_in_each_run() {
        let limits = Limits {
            connections: Some(100),
            ..Limits::default()
        };
        let run = || {
            let table = Flows::bounded(Ladders::None, limits, None).born_by_packet();
            let mut shards = Shards(vec![table; TABLES]);
            let mut sorter = Sorter::new(&shards);
            for packet in 1..=9_000_u32 {
                let syn = Segment {
                    packet: packet.into(),
                    flags: Flags(Flags::SYN),
                    ..segment(0x0a01_0000 + packet, 40_000, false)
                };
                let table = sorter.add(&syn);
                shards.0[table].on_batch(&mut sorter.batches()[table]);
            }
            let rest = shards.finish(Timestamp::default());
            let evicted = rest.evicted().clone();
            let told = (rest.totals(), evicted.total(), evicted.servers());
            (told, rest.map(|tracker| tracker.first.packet).collect::<Vec<_>>())
        };
        let ((totals, evicted, servers), left) = run();
        assert_eq!(totals.begun, 9_000);
        assert_eq!(totals.begun, evicted + totals.standing);
        assert_eq!(left.len() as u64, totals.standing);
        assert!(left.len() <= 100 * TABLES && left.is_sorted());
        assert_eq!(servers, [(segment(1, 1, false).destination, evicted)]);
        assert_eq!(run(), ((totals, evicted, servers), left));
    }

    #[test]
    fn little_memory_is_not_shared_out() {
        let tables = |limits, ladders| Shards::of(Flows::bounded(ladders, limits, None)).tables().len();
        assert_eq!(tables(Limits::default(), Ladders::None), TABLES);
        assert_eq!(tables(Limits::default(), Ladders::All), 1);
        let few = Limits {
            connections: Some(1 << 40),
            ..Limits::default()
        };
        assert_eq!(tables(few, Ladders::None), 1);
        let little = Limits {
            memory: Some(LEAST_SHARED - 1),
            ..Limits::default()
        };
        assert_eq!(tables(little, Ladders::None), 1);
    }
}
