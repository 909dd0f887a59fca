//! One connection, segment by segment, as a tap halfway between its ends sees it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Shape;
use super::random::{Random, scramble};

pub const SECOND: u64 = 1_000_000_000;
/// Octets of payload of a full segment.
const FULL: u64 = 1_440;
/// Between segments of one side that leave together, nanoseconds.
const TOGETHER: u64 = 12_000;
/// Until a segment that was not acknowledged is sent again, nanoseconds.
const TIMEOUT: u64 = SECOND / 5;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both sides closed, one after the other.
    Closed,
    /// The same, and the second side went on sending for a while.
    ClosedLater,
    /// A RST in the middle.
    Reset,
    /// A RST for the SYN.
    Refused,
    /// Four SYNs, and nothing for them.
    Unanswered,
    /// A SYN-ACK that nobody acknowledged.
    HalfOpen,
    /// One FIN.
    HalfClosed,
    /// Two FINs, the second one not acknowledged.
    Closing,
    /// Neither FIN nor RST.
    Open,
    /// One SYN, and nothing for it.
    Flooded,
}

impl Ending {
    /// All of them that a weight is for; [`Ending::Flooded`] is last.
    pub const ALL: [Ending; 10] = [
        Ending::Closed,
        Ending::ClosedLater,
        Ending::Reset,
        Ending::Refused,
        Ending::Unanswered,
        Ending::HalfOpen,
        Ending::HalfClosed,
        Ending::Closing,
        Ending::Open,
        Ending::Flooded,
    ];

    /// Weights of this one and no other.
    pub const fn only(self) -> [u64; Ending::ALL.len()] {
        let mut weights = [0; Ending::ALL.len()];
        weights[self as usize] = 1;
        weights
    }

    /// What a reader of the capture is to call it.
    pub fn outcome(self) -> &'static str {
        match self {
            Ending::Closed | Ending::ClosedLater => "closed",
            Ending::Reset => "reset",
            Ending::Refused => "refused",
            Ending::Unanswered | Ending::Flooded => "unanswered",
            Ending::HalfOpen => "half-open",
            Ending::HalfClosed => "half-closed",
            Ending::Closing => "closing",
            Ending::Open => "open",
        }
    }
}

/// What was made of a connection; counts are of the client, then of the server.
#[derive(Clone, Debug)]
pub struct Told {
    pub ending: Ending,
    pub ends: [SocketAddr; 2],
    pub packets: [u64; 2],
    pub payload: [u64; 2],
    /// Segments with data or a SYN that were sent again.
    pub again: [u64; 2],
}

/// What all packets of a connection have in common.
#[derive(Clone, Copy)]
pub struct Path {
    /// The client, then the server.
    pub ends: [SocketAddr; 2],
    pub vlan: Option<u16>,
    /// Every segment has a timestamp option.
    pub timestamps: bool,
}

/// A segment; `from` is 0 for the client and 1 for the server.
#[derive(Clone, Copy)]
pub struct Segment {
    pub from: usize,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub payload: usize,
    /// Number of the packet among those of its sender, for the IP identification.
    pub nth: u16,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Next {
    Syn {
        tries: u32,
    },
    SynAck,
    Established,
    Refuse,
    /// So many octets of data are left of a message; `unacknowledged` segments of it passed since the last ACK.
    Data {
        from: usize,
        left: u64,
        unacknowledged: u8,
    },
    /// The data that just passed, once more.
    Again {
        from: usize,
        left: u64,
        octets: u64,
    },
    /// The receiver acknowledges; so many octets of the message are left.
    Receive {
        from: usize,
        left: u64,
    },
    Rst {
        from: usize,
    },
    /// The first FIN.
    Fin {
        from: usize,
    },
    FinAck {
        from: usize,
    },
    /// The second FIN, which may acknowledge the first one.
    SecondFin {
        from: usize,
    },
    LastAck {
        from: usize,
    },
}

pub struct Conversation {
    path: Path,
    told: Told,
    /// SND.NXT of both sides.
    nxt: [u32; 2],
    next: Next,
    /// Requests that are still to come, with their responses.
    rounds: u64,
    /// Half a round trip, nanoseconds.
    way: u64,
    closed: [bool; 2],
}

impl Conversation {
    pub fn new(id: u64, shape: &Shape, random: &mut Random) -> Conversation {
        let ending = Ending::ALL[random.weighted(&shape.endings)];
        let ends = ends(id, random.percent(shape.ipv6), shape.hosts, random);
        Conversation {
            path: Path {
                ends,
                vlan: random.percent(shape.vlan).then_some(7),
                timestamps: random.percent(70),
            },
            told: Told {
                ending,
                ends,
                packets: [0; 2],
                payload: [0; 2],
                again: [0; 2],
            },
            nxt: [random.next() as u32, random.next() as u32],
            next: Next::Syn { tries: 1 },
            rounds: random.between((1, shape.rounds)),
            way: random.between((1_000_000, 25_000_000)),
            closed: [false; 2],
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn told(&self) -> &Told {
        &self.told
    }

    /// The next segment, and how long after it comes another one, nanoseconds, if one does.
    pub fn step(&mut self, shape: &Shape, random: &mut Random) -> (Segment, Option<u64>) {
        let next = self.next;
        let segment = self.segment(next);
        let wait = self.follow(next, shape, random);
        (segment, wait)
    }

    fn segment(&mut self, next: Next) -> Segment {
        let (from, flags, payload) = match next {
            Next::Syn { .. } => (0, SYN, 0),
            Next::SynAck => (1, SYN | ACK, 0),
            Next::Established => (0, ACK, 0),
            Next::Refuse => (1, RST | ACK, 0),
            Next::Data { from, left, .. } => {
                let push = if left <= FULL { PSH } else { 0 };
                (from, ACK | push, left.min(FULL))
            }
            Next::Again { from, octets, .. } => (from, ACK | PSH, octets),
            Next::Receive { from, .. } | Next::FinAck { from } | Next::LastAck { from } => (from, ACK, 0),
            Next::Rst { from } => (from, RST | ACK, 0),
            Next::Fin { from } | Next::SecondFin { from } => (from, FIN | ACK, 0),
        };
        let seq = match next {
            Next::Again { octets, .. } => self.nxt[from].wrapping_sub(octets as u32),
            Next::Syn { tries } if tries > 1 => self.nxt[from].wrapping_sub(1),
            // A closed port has no number of its own (RFC 9293 section 3.10.7.1).
            Next::Refuse => 0,
            _ => {
                let seq = self.nxt[from];
                let taken = payload as u32 + u32::from(flags & (SYN | FIN) != 0);
                self.nxt[from] = seq.wrapping_add(taken);
                seq
            }
        };
        let told = &mut self.told;
        told.packets[from] += 1;
        told.payload[from] += payload;
        told.again[from] += u64::from(match next {
            Next::Again { .. } => true,
            Next::Syn { tries } => tries > 1,
            _ => false,
        });
        Segment {
            from,
            flags,
            seq,
            ack: if flags & ACK == 0 { 0 } else { self.nxt[1 - from] },
            payload: payload as usize,
            nth: told.packets[from] as u16,
        }
    }

    /// Sets what comes next, and tells after how long.
    fn follow(&mut self, next: Next, shape: &Shape, random: &mut Random) -> Option<u64> {
        let (next, wait) = match next {
            Next::Syn { tries } => match self.told.ending {
                Ending::Flooded => return None,
                Ending::Unanswered if tries == 4 => return None,
                Ending::Unanswered => (Next::Syn { tries: tries + 1 }, SECOND << (tries - 1)),
                Ending::Refused => (Next::Refuse, self.way),
                _ => (Next::SynAck, self.way),
            },
            Next::Refuse | Next::Rst { .. } | Next::LastAck { .. } => return None,
            Next::SynAck if self.told.ending == Ending::HalfOpen => return None,
            Next::SynAck => (Next::Established, self.way),
            Next::Established => (self.message(0, shape, random), TOGETHER),
            Next::Data {
                from,
                left,
                unacknowledged,
            } => {
                let octets = left.min(FULL);
                let left = left - octets;
                if random.below(1_000) < shape.again {
                    (Next::Again { from, left, octets }, TIMEOUT)
                } else if left == 0 || unacknowledged == 1 {
                    (Next::Receive { from: 1 - from, left }, self.way)
                } else {
                    let unacknowledged = unacknowledged + 1;
                    (
                        Next::Data {
                            from,
                            left,
                            unacknowledged,
                        },
                        TOGETHER,
                    )
                }
            }
            Next::Again { from, left, .. } => (Next::Receive { from: 1 - from, left }, self.way),
            Next::Receive { from, left } if left > 0 => {
                let from = 1 - from;
                (
                    Next::Data {
                        from,
                        left,
                        unacknowledged: 0,
                    },
                    self.way,
                )
            }
            Next::Receive { from: 1, .. } if !self.closed[1] && !self.closed[0] => (
                self.message(1, shape, random),
                random.between((TOGETHER, 2_000_000)),
            ),
            Next::Receive { from, .. } if self.closed[from] => return self.close_second(1 - from, random),
            Next::Receive { .. } => {
                self.rounds -= 1;
                if self.rounds > 0 {
                    (
                        self.message(0, shape, random),
                        random.between((TOGETHER, shape.pause)),
                    )
                } else {
                    return self.end(random);
                }
            }
            Next::Fin { from } => {
                self.closed[from] = true;
                match self.told.ending {
                    // The FIN is acknowledged by the other one, or before it.
                    Ending::Closed | Ending::Closing if random.percent(50) => {
                        (Next::SecondFin { from: 1 - from }, self.way)
                    }
                    _ => (Next::FinAck { from: 1 - from }, self.way),
                }
            }
            Next::FinAck { from } => match self.told.ending {
                Ending::HalfClosed => return None,
                Ending::ClosedLater => {
                    let left = random.between((1, 3 * FULL));
                    let wait = random.between((SECOND, 4 * SECOND));
                    (
                        Next::Data {
                            from,
                            left,
                            unacknowledged: 0,
                        },
                        wait,
                    )
                }
                _ => (Next::SecondFin { from }, random.between((TOGETHER, 2_000_000))),
            },
            Next::SecondFin { .. } if self.told.ending == Ending::Closing => return None,
            Next::SecondFin { from } => (Next::LastAck { from: 1 - from }, self.way),
        };
        self.next = next;
        Some(wait)
    }

    fn message(&self, from: usize, shape: &Shape, random: &mut Random) -> Next {
        let left = if from == 0 {
            random.between(shape.request)
        } else {
            let (least, doublings) = shape.response;
            let least = least << random.below(doublings + 1);
            random.between((least, least + least / 2))
        };
        Next::Data {
            from,
            left,
            unacknowledged: 0,
        }
    }

    /// All requests have their response.
    fn end(&mut self, random: &mut Random) -> Option<u64> {
        let from = usize::from(random.percent(40));
        self.next = match self.told.ending {
            Ending::Open => return None,
            Ending::Reset => Next::Rst { from },
            _ => Next::Fin { from },
        };
        Some(random.between((TOGETHER, SECOND / 10)))
    }

    /// The side that went on after the first FIN closes, too.
    fn close_second(&mut self, from: usize, random: &mut Random) -> Option<u64> {
        self.next = Next::SecondFin { from };
        Some(random.between((TOGETHER, SECOND)))
    }
}

/// The addresses of a connection: no two have the same.
fn ends(id: u64, ipv6: bool, hosts: u32, random: &mut Random) -> [SocketAddr; 2] {
    let place = scramble(id, hosts + 15);
    let host = (place & ((1 << hosts) - 1)) as u32;
    let client_port = 1_024 + (place >> hosts) as u16;
    let service = random.below(400) as u16;
    let server_port = [443, 443, 443, 80, 8080, 8443, 9000, 5000][usize::from(service % 8)];
    let [high, low] = [(host >> 16) as u16, host as u16];
    let [client, server] = if ipv6 {
        [
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, high, low)),
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, service)),
        ]
    } else {
        [
            IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | host)),
            IpAddr::V4(Ipv4Addr::from_bits(0xc0a8_0000 | u32::from(service))),
        ]
    };
    [
        SocketAddr::new(client, client_port),
        SocketAddr::new(server, server_port),
    ]
}
