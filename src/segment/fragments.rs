//! IP fragments (RFC 791, RFC 8200 section 4.5) put together in a bounded pool.
//!
//! Of octets that come twice the first ones count, whatever the later ones say. A packet is whole at the fragment that
//! fills its last gap, and has that fragment's time and number. What the pool gives up, because it is full, because a
//! minute of capture time went by or because the capture ends, is counted and gives no segment.

use std::collections::VecDeque;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::layers::ip::Fragment;
use super::{Scope, TunnelId};
use crate::capture::Skip;
use crate::time::Timestamp;

/// The largest payload and header of an IP packet together, octets.
const LARGEST_PACKET: usize = 65_535;
/// What a piece costs besides its octets.
const PIECE_COST: usize = 64;

/// Entries of packets that are gone, at least this many before they are looked for.
const MOST_STALE: usize = 1_024;

/// How much the pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Octets of fragments held at most.
    pub octets: usize,
    /// Packets that wait for fragments at most.
    pub datagrams: usize,
    /// For how long after its first fragment a packet waits, nanoseconds of capture time.
    pub wait_ns: i64,
}

impl Default for FragmentLimits {
    /// 16 MiB, 4,096 packets, 60 seconds.
    fn default() -> FragmentLimits {
        FragmentLimits {
            octets: 16 << 20,
            datagrams: 4_096,
            wait_ns: 60_000_000_000,
        }
    }
}

/// What became of the fragments seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentFacts {
    /// Fragments taken in, of packets with TCP, a tunnel or UDP that might hold one.
    pub fragments: u64,
    /// Packets put together.
    pub completed: u64,
    /// Packets that still wait for fragments.
    pub incomplete: u64,
    /// Octets held for them.
    pub octets_held: u64,
    /// Packets given up because the pool was full.
    pub evicted: u64,
    /// Packets given up because their time was over.
    pub timed_out: u64,
    /// Fragments that brought octets already there, with the same content.
    pub duplicates: u64,
    /// Fragments that brought octets already there, with another content; the first ones count.
    pub overlaps: u64,
    /// Packets with a fragment that the capture cut: they cannot be put together.
    pub cut: u64,
    /// Packets of UDP let go because their first fragment shows no tunnel.
    pub no_tunnel: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    /// IPv4 numbers packets per protocol, IPv6 does not: 0 there.
    protocol: u8,
    id: u32,
    scope: Scope,
}

#[derive(Clone, Debug)]
struct Datagram {
    since: Timestamp,
    /// Which packet with this key it is: keys come again.
    serial: u64,
    /// Without gaps between what is there, in order, not overlapping.
    pieces: Vec<(usize, Vec<u8>)>,
    /// Octets in `pieces`.
    received: usize,
    /// Octets of the whole payload, by the last fragment.
    total: Option<usize>,
    /// The header of the first fragment, and where in it IPv6 names what follows.
    header: Option<(Vec<u8>, usize, u8)>,
    /// It cannot be put together or is not wanted: nothing more is kept of it.
    given_up: bool,
}

/// The packets that wait for fragments.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    limits: FragmentLimits,
    waiting: HashMap<Key, Datagram, RandomState>,
    /// Keys in order of arrival; a packet that is gone leaves its entry behind until it comes to the front.
    order: VecDeque<(Key, u64)>,
    serial: u64,
    octets: usize,
    facts: FragmentFacts,
}

impl Pool {
    pub fn new(limits: FragmentLimits) -> Pool {
        Pool {
            limits,
            ..Pool::default()
        }
    }

    pub fn facts(&self) -> FragmentFacts {
        let waiting = self.waiting.values().filter(|datagram| !datagram.given_up);
        FragmentFacts {
            incomplete: u64::try_from(waiting.count()).unwrap_or(u64::MAX),
            octets_held: u64::try_from(self.octets).unwrap_or(u64::MAX),
            ..self.facts
        }
    }

    /// Takes a fragment in, and gives the whole packet out if this was its last one. `wanted` looks at the first octets of a
    /// packet and says whether it is worth keeping.
    ///
    /// # Errors
    ///
    /// The fragment's own lengths contradict each other.
    pub fn add(
        &mut self,
        fragment: &Fragment<'_>,
        (scope, tunnel): (Scope, TunnelId),
        now: Timestamp,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Vec<u8>>, Skip> {
        let end = fragment.offset.saturating_add(fragment.payload_len);
        let ragged = fragment.more && !fragment.payload_len.is_multiple_of(8);
        if fragment.payload_len == 0 || ragged || end.saturating_add(fragment.header.len()) > LARGEST_PACKET {
            return Err(Skip::BadIpHeader);
        }
        self.facts.fragments = self.facts.fragments.saturating_add(1);
        self.forget_old(now);
        let key = Key {
            source: fragment.source,
            destination: fragment.destination,
            protocol: if fragment.source.is_ipv4() {
                fragment.protocol
            } else {
                0
            },
            id: fragment.id,
            scope: Scope { tunnel, ..scope },
        };
        if !self.waiting.contains_key(&key) {
            self.begin(key, now);
        }
        let Some(datagram) = self.waiting.get_mut(&key) else {
            return Ok(None);
        };
        if datagram.given_up {
            return Ok(None);
        }
        let before = datagram.cost();
        let cut = fragment.payload.len() < fragment.payload_len;
        let unwanted = fragment.offset == 0 && !wanted(fragment.payload);
        if cut || unwanted {
            self.facts.cut = self.facts.cut.saturating_add(u64::from(cut));
            self.facts.no_tunnel = self.facts.no_tunnel.saturating_add(u64::from(unwanted));
            datagram.give_up();
        } else {
            match datagram.take(fragment, end) {
                Taken::New => {}
                Taken::Duplicate => self.facts.duplicates = self.facts.duplicates.saturating_add(1),
                Taken::Overlap => self.facts.overlaps = self.facts.overlaps.saturating_add(1),
            }
        }
        let whole = datagram.whole();
        let after = datagram.cost();
        self.octets = self.octets.saturating_sub(before).saturating_add(after);
        if let Some(whole) = whole {
            self.remove(&key);
            self.facts.completed = self.facts.completed.saturating_add(1);
            return Ok(Some(whole));
        }
        while self.octets > self.limits.octets && self.evict() {}
        Ok(None)
    }

    fn begin(&mut self, key: Key, now: Timestamp) {
        while self.waiting.len() >= self.limits.datagrams.max(1) && self.evict() {}
        // One that waits at the front must not keep the entries of all that came and went behind it.
        if self.order.len() >= self.limits.datagrams.max(MOST_STALE).saturating_mul(2) {
            let waiting = &self.waiting;
            self.order.retain(|(key, serial)| {
                waiting
                    .get(key)
                    .is_some_and(|datagram| datagram.serial == *serial)
            });
        }
        self.serial = self.serial.wrapping_add(1);
        self.order.push_back((key, self.serial));
        self.waiting.insert(
            key,
            Datagram {
                since: now,
                serial: self.serial,
                pieces: Vec::new(),
                received: 0,
                total: None,
                header: None,
                given_up: false,
            },
        );
    }

    /// Gives the oldest packet up; false if there is none.
    fn evict(&mut self) -> bool {
        while let Some((key, serial)) = self.order.pop_front() {
            if self
                .waiting
                .get(&key)
                .is_some_and(|datagram| datagram.serial == serial)
            {
                let counts = self.remove(&key);
                self.facts.evicted = self.facts.evicted.saturating_add(u64::from(counts));
                return true;
            }
        }
        false
    }

    /// Gives up what has waited for too long.
    fn forget_old(&mut self, now: Timestamp) {
        while let Some((key, serial)) = self.order.front().copied() {
            let datagram = self
                .waiting
                .get(&key)
                .filter(|datagram| datagram.serial == serial);
            if datagram.is_some_and(|datagram| now.since(datagram.since) <= self.limits.wait_ns) {
                return;
            }
            let there = datagram.is_some();
            self.order.pop_front();
            if there {
                let counts = self.remove(&key);
                self.facts.timed_out = self.facts.timed_out.saturating_add(u64::from(counts));
            }
        }
    }

    /// Takes a packet out; true if it was still hoped for.
    fn remove(&mut self, key: &Key) -> bool {
        let Some(datagram) = self.waiting.remove(key) else {
            return false;
        };
        self.octets = self.octets.saturating_sub(datagram.cost());
        !datagram.given_up
    }
}

enum Taken {
    New,
    Duplicate,
    Overlap,
}

impl Datagram {
    fn cost(&self) -> usize {
        self.received
            .saturating_add(self.pieces.len().saturating_mul(PIECE_COST))
    }

    fn give_up(&mut self) {
        self.pieces = Vec::new();
        self.received = 0;
        self.header = None;
        self.given_up = true;
    }

    /// Keeps what is new of a fragment's payload, which ends at `end` in the packet's.
    fn take(&mut self, fragment: &Fragment<'_>, end: usize) -> Taken {
        if fragment.offset == 0 && self.header.is_none() {
            self.header = Some((
                fragment.header.to_vec(),
                fragment.next_header_at,
                fragment.protocol,
            ));
        }
        let mut contradicts = false;
        if !fragment.more {
            contradicts = self.total.is_some_and(|total| total != end);
            self.total.get_or_insert(end);
        }
        let mut twice = false;
        let mut start = fragment.offset;
        // The pieces from the one before this fragment on.
        let mut index = self
            .pieces
            .partition_point(|(at, _)| *at < start)
            .saturating_sub(1);
        while start < end {
            let octets = |from: usize, to: usize| {
                let range = from.saturating_sub(fragment.offset)..to.saturating_sub(fragment.offset);
                fragment.payload.get(range).unwrap_or_default()
            };
            match self.pieces.get(index) {
                Some((at, piece)) if at.saturating_add(piece.len()) <= start => {
                    index = index.saturating_add(1)
                }
                Some((at, piece)) if *at <= start => {
                    let stop = at.saturating_add(piece.len()).min(end);
                    let there = piece.get(start.saturating_sub(*at)..stop.saturating_sub(*at));
                    twice = true;
                    contradicts |= there != Some(octets(start, stop));
                    start = stop;
                }
                following => {
                    let stop = following.map_or(end, |(at, _)| end.min(*at));
                    let fresh = octets(start, stop).to_vec();
                    self.received = self.received.saturating_add(fresh.len());
                    self.pieces.insert(index, (start, fresh));
                    start = stop;
                }
            }
        }
        match (contradicts, twice) {
            (true, _) => Taken::Overlap,
            (false, true) => Taken::Duplicate,
            (false, false) => Taken::New,
        }
    }

    /// The whole packet, if nothing is missing: its header as if it had never been split, and the payload.
    fn whole(&self) -> Option<Vec<u8>> {
        let total = self.total?;
        let (header, next_header_at, protocol) = self.header.as_ref()?;
        if self.received < total {
            return None;
        }
        let mut packet = header.clone();
        packet.reserve_exact(total);
        for (at, piece) in &self.pieces {
            if packet.len().saturating_sub(header.len()) != *at {
                return None; // a gap, and octets beyond the end that make up for its length
            }
            packet.extend_from_slice(piece);
        }
        packet.truncate(header.len().saturating_add(total));
        let version = packet.first()? >> 4;
        *packet.get_mut(*next_header_at)? = *protocol;
        // Length and, in IPv4, no fragment fields; the checksum of the header is not looked at again.
        let (length, length_at) = match version {
            4 => (packet.len(), 2),
            _ => (packet.len().saturating_sub(40), 4),
        };
        let length = u16::try_from(length).ok()?;
        packet
            .get_mut(length_at..)?
            .first_chunk_mut()
            .map(|field| *field = length.to_be_bytes())?;
        if version == 4 {
            packet
                .get_mut(6..)?
                .first_chunk_mut()
                .map(|field| *field = [0u8; 2])?;
        }
        Some(packet)
    }
}

#[cfg(test)]
mod tests;
