//! Makes captures to measure with: ordinary, many, short, unanswered, large or idle connections, in time order. The same
//! arguments give the same octets, and what was made of each connection is told, so that a reader can be held against it.
//!
//! Lengths, sequence and acknowledgment numbers are right; checksums are zero.

#![allow(dead_code)] // nobody who includes it uses all of it

mod conversation;
mod random;
mod wire;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use conversation::{Conversation, SECOND};
pub use conversation::{Ending, Told};
use random::Random;
pub use wire::Format;
use wire::Wire;

/// 2026-01-01, nanoseconds since the Unix epoch.
const START: u64 = 1_767_225_600 * SECOND;

/// What the traffic is like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// How many connections there are.
    pub connections: u64,
    /// How many of them at once; when one ends, the next begins.
    pub at_once: u64,
    /// Octets that are kept of a packet.
    pub snap: usize,
    /// How often each ending comes, in the order of [`Ending::ALL`].
    pub endings: [u64; Ending::ALL.len()],
    /// Requests and their responses of a connection, at most; at least one.
    pub rounds: u64,
    /// The smallest request and the largest, octets.
    pub request: (u64, u64),
    /// The smallest response, and how often it doubles at most: each doubling is as likely.
    pub response: (u64, u64),
    /// Of a hundred connections, how many are over IPv6.
    pub ipv6: u64,
    /// Of a hundred connections, how many are in a VLAN.
    pub vlan: u64,
    /// Of a hundred packets, behind how many comes one of UDP.
    pub udp: u64,
    /// Of a thousand segments with data, how many are sent again.
    pub again: u64,
    /// The longest wait before the next request, nanoseconds.
    pub pause: u64,
    /// Clients' addresses, as a power of two.
    pub hosts: u32,
}

impl Shape {
    /// The shapes by name.
    pub const ALL: [(&'static str, Shape); 6] = [
        ("mixed", Shape::MIXED),
        ("headers", Shape::HEADERS),
        ("shortflows", Shape::SHORT_FLOWS),
        ("synflood", Shape::SYN_FLOOD),
        ("elephants", Shape::ELEPHANTS),
        ("longtail", Shape::LONG_TAIL),
    ];

    /// Everything: about 30 packets a connection of 670 octets on average, a third of them not closed in an orderly way.
    pub const MIXED: Shape = Shape {
        connections: 52_000,
        at_once: 4_000,
        snap: 262_144,
        endings: [62, 6, 8, 3, 6, 2, 4, 2, 7, 0],
        rounds: 4,
        request: (120, 1_100),
        response: (300, 6),
        ipv6: 20,
        vlan: 5,
        udp: 6,
        again: 5,
        pause: SECOND / 3,
        hosts: 16,
    };

    /// The same, of which only the headers were kept.
    pub const HEADERS: Shape = Shape {
        connections: 360_000,
        snap: 96,
        ..Shape::MIXED
    };

    /// One small request and its response each, all closed in an orderly way.
    pub const SHORT_FLOWS: Shape = Shape {
        connections: 1_000_000,
        at_once: 20_000,
        endings: Ending::only(Ending::Closed),
        rounds: 1,
        response: (300, 2),
        udp: 0,
        again: 0,
        ..Shape::MIXED
    };

    /// A SYN each, from as many addresses.
    pub const SYN_FLOOD: Shape = Shape {
        connections: 10_000_000,
        at_once: 1,
        endings: Ending::only(Ending::Flooded),
        hosts: 24,
        ..Shape::SHORT_FLOWS
    };

    /// Ten downloads of 100 to 150 MB.
    pub const ELEPHANTS: Shape = Shape {
        connections: 10,
        at_once: 10,
        response: (100_000_000, 0),
        again: 1,
        ..Shape::SHORT_FLOWS
    };

    /// Many connections at once, most of them idle most of the time; only the headers were kept.
    pub const LONG_TAIL: Shape = Shape {
        connections: 400_000,
        at_once: 300_000,
        pause: 60 * SECOND,
        ..Shape::HEADERS
    };

    /// The shape of this name.
    pub fn named(name: &str) -> Option<Shape> {
        Shape::ALL
            .into_iter()
            .find_map(|(known, shape)| (known == name).then_some(shape))
    }
}

/// How much was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Made {
    /// Packets, those of UDP included.
    pub packets: u64,
    /// Octets of the file.
    pub octets: u64,
    /// Connections.
    pub connections: u64,
}

/// Writes a capture, and tells of each connection as it ends.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    shape: &Shape,
    seed: u64,
    format: Format,
    out: impl Write,
    told: &mut dyn FnMut(&Told),
) -> io::Result<Made> {
    let mut random = Random::new(seed);
    let mut wire = Wire::new(out, format, shape.snap, &mut random)?;
    let mut begun = 0;
    let mut slots = Vec::new();
    let mut due = BinaryHeap::new();
    while begun < shape.at_once.min(shape.connections) {
        // Not all at the same moment, but before the first of them is over.
        let start = START + random.below(SECOND / 50);
        due.push(Reverse((start, slots.len())));
        slots.push(Conversation::new(begun, shape, &mut random));
        begun += 1;
    }
    while let Some(Reverse((time, slot))) = due.pop() {
        let conversation = &mut slots[slot];
        let (segment, wait) = conversation.step(shape, &mut random);
        wire.tcp(time, conversation.path(), &segment)?;
        if let Some(wait) = wait {
            due.push(Reverse((time + wait, slot)));
        } else {
            told(conversation.told());
            if begun < shape.connections {
                *conversation = Conversation::new(begun, shape, &mut random);
                begun += 1;
                due.push(Reverse((
                    time + 1 + random.below(2_000_000 / shape.at_once),
                    slot,
                )));
            }
        }
        if random.percent(shape.udp) {
            wire.udp(time, &mut random)?;
        }
    }
    let (packets, octets) = wire.finish()?;
    Ok(Made {
        packets,
        octets,
        connections: begun,
    })
}
