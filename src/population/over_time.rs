//! Connections in each state over time, by service, those that begin and end, and how half-closes are spread.
//!
//! Counted in buckets of equal length, at the end of each: a stay that begins and ends within one bucket is not seen by
//! these curves. The peaks of [`mod@super::leaks`] and [`mod@super::time_wait`] are exact.

use std::cmp::Reverse;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::Span;
use crate::model::{Address, Cause, Connection, Outcome, Role, State};
use crate::time::Timestamp;

/// Points of a curve, at most.
const BUCKETS: u64 = 160;
/// Changes kept for all services together; a change takes eight octets.
const MOST_CHANGES: usize = 4_000_000;
/// Changes of a service before equal ones are added up.
const LOOSE: usize = 64;

/// The upper ends of the classes of half-closes, nanoseconds; what lasts longer is in one more class.
pub const HALF_CLOSE_LIMITS: [i64; 14] = [
    1_000_000,
    3_000_000,
    10_000_000,
    30_000_000,
    100_000_000,
    300_000_000,
    1_000_000_000,
    3_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
    300_000_000_000,
    900_000_000_000,
    3_600_000_000_000,
];

/// Connections over time, collected from one connection after the other.
pub struct OverTime {
    clock: Clock,
    all: Changes,
    services: HashMap<Address, Service, RandomState>,
    /// Changes of all services.
    kept: usize,
    /// How many may be kept.
    most: usize,
    /// Services that were given up for the bound, and their connections.
    dropped: (u64, u64),
    half_closes: HalfCloseClasses,
    connections: u64,
}

#[derive(Default)]
struct Service {
    connections: u64,
    changes: Changes,
}

/// How long half-closes lasted, by class: see [`HALF_CLOSE_LIMITS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HalfCloseClasses {
    /// Those that ended.
    pub ended: [u64; HALF_CLOSE_LIMITS.len() + 1],
    /// Those that are open at the end of the capture, by how long they have lasted at least.
    pub open: [u64; HALF_CLOSE_LIMITS.len() + 1],
}

/// What [`OverTime`] found.
#[derive(Debug, Clone)]
pub struct Told {
    /// The time that is covered.
    pub span: Span,
    /// Length of a bucket, nanoseconds.
    pub bucket_ns: i64,
    /// How many buckets there are.
    pub buckets: usize,
    /// All services together.
    pub all: Curves,
    /// Some of them: those with most in CLOSE-WAIT at the end first, then TIME-WAIT, then connections.
    pub services: Vec<Curves>,
    /// Services in the capture; where some were given up for the bound, at least so many.
    pub services_total: u64,
    /// Of these, those that were given up for the bound; their connections are in `all`.
    pub services_dropped: u64,
    /// How half-closes are spread.
    pub half_closes: HalfCloseClasses,
}

/// The curves of a service, or of all.
#[derive(Debug, Clone)]
pub struct Curves {
    /// None: all of them.
    pub server: Option<Address>,
    /// Its connections.
    pub connections: u64,
    /// States in which something stood at the end of a bucket, in the order of [`State::ALL`], the server's first.
    pub states: Vec<StateCurve>,
    /// Connections that began in each bucket: their SYN was captured in it.
    pub opened: Vec<u64>,
    /// Connections in which the second FIN was sent in the bucket.
    pub closed: Vec<u64>,
    /// Connections that a RST ended, or refused, in the bucket.
    pub reset: Vec<u64>,
}

/// Endpoints of one side in one state.
#[derive(Debug, Clone)]
pub struct StateCurve {
    /// The side.
    pub role: Role,
    /// The state.
    pub state: State,
    /// How many at the end of each bucket.
    pub count: Vec<u64>,
    /// Of these, those for which no segment of the endpoint itself proves it.
    pub unproven: Vec<u64>,
}

impl Curves {
    /// How many endpoints of a side are in a state at the end of each bucket, where there ever are.
    pub fn of(&self, role: Role, state: State) -> Option<&StateCurve> {
        self.states
            .iter()
            .find(|curve| (curve.role, curve.state) == (role, state))
    }
}

impl OverTime {
    /// Over the time that a capture covers.
    pub fn new(span: Span) -> OverTime {
        OverTime {
            clock: Clock::of(span),
            all: Changes::default(),
            services: HashMap::default(),
            kept: 0,
            most: MOST_CHANGES,
            dropped: (0, 0),
            half_closes: HalfCloseClasses::default(),
            connections: 0,
        }
    }

    /// Looks at the next connection.
    pub fn add(&mut self, connection: &Connection) {
        self.connections += 1;
        let service = self.services.entry(connection.server).or_default();
        service.connections += 1;
        let before = service.changes.list.len();
        let (clock, all) = (self.clock, &mut self.all);
        let mut put = |slot: u16, at: Timestamp, by: i32| {
            all.add(clock.key(slot, at), by);
            service.changes.add(clock.key(slot, at), by);
        };
        for role in [Role::Client, Role::Server] {
            for stretch in connection.stretches(role) {
                if matches!(stretch.state, State::Closed | State::Listen) {
                    continue;
                }
                let left = stretch.until.map(|until| clock.bucket(until.max(stretch.from)));
                if left == Some(clock.bucket(stretch.from)) {
                    continue;
                }
                let slot = slot(stretch.state, role, stretch.is_proven());
                put(slot, stretch.from, 1);
                if let Some(until) = stretch.until {
                    put(slot, until, -1);
                }
            }
        }
        if connection.handshake.syn_packet.is_some() {
            put(OPENED, connection.first_time, 1);
        }
        if let Some((slot, at)) = ended(connection) {
            put(slot, at, 1);
        }
        let after = service.changes.list.len();
        self.kept = (self.kept + after).saturating_sub(before);
        if self.kept > self.most {
            self.give_up_small_ones();
        }
        if let Some(ns) = connection.close.half_close_ns {
            self.half_closes.add(ns, connection.close.half_close_open);
        }
    }

    /// Gives up the services with fewest connections until half of the room is free.
    fn give_up_small_ones(&mut self) {
        let mut sizes: Vec<u64> = self.services.values().map(|one| one.connections).collect();
        sizes.sort_unstable();
        let least = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
        let dropped = &mut self.dropped;
        self.services.retain(|_, service| {
            let keep = service.connections > least;
            if !keep {
                *dropped = (dropped.0 + 1, dropped.1 + service.connections);
            }
            keep
        });
        self.kept = self.services.values().map(|one| one.changes.list.len()).sum();
    }

    /// The curves of all services together, and of so many of them.
    pub fn told(self, services: usize) -> Told {
        let clock = self.clock;
        let total = self.services.len() as u64 + self.dropped.0;
        // Curves are large: only those that are told are made.
        let mut by_service: Vec<(Address, Service)> = self.services.into_iter().collect();
        by_service.sort_by_cached_key(|(server, service)| {
            let at_end = |state| service.changes.at_end(clock, state);
            let waiting = (at_end(State::CloseWait), at_end(State::TimeWait));
            (Reverse((waiting, service.connections)), *server)
        });
        by_service.truncate(services);
        let curves = by_service
            .into_iter()
            .map(|(server, service)| service.changes.curves(clock, Some(server), service.connections));
        Told {
            span: clock.span,
            bucket_ns: i64::try_from(clock.bucket_ns).unwrap_or(i64::MAX),
            buckets: usize::from(clock.buckets),
            all: self.all.curves(clock, None, self.connections),
            services: curves.collect(),
            services_total: total,
            services_dropped: self.dropped.0,
            half_closes: self.half_closes,
        }
    }
}

impl HalfCloseClasses {
    fn add(&mut self, ns: i64, open: bool) {
        let class = HALF_CLOSE_LIMITS.partition_point(|limit| *limit <= ns);
        let classes = if open { &mut self.open } else { &mut self.ended };
        if let Some(count) = classes.get_mut(class) {
            *count += 1;
        }
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.ended.iter().chain(&self.open).all(|count| *count == 0)
    }
}

/// When a connection ended, and whether by FINs or by a RST.
fn ended(connection: &Connection) -> Option<(u16, Timestamp)> {
    let ends = [&connection.endpoints.client, &connection.endpoints.server];
    let first = |causes: &[Cause]| {
        let times = ends.map(|end| {
            let mut steps = end.transitions.iter();
            steps
                .find(|step| causes.contains(&step.cause))
                .map(|step| step.at)
        });
        times.into_iter().flatten()
    };
    match connection.outcome {
        Outcome::Closed | Outcome::Closing => first(&[Cause::FinSent]).max().map(|at| (CLOSED, at)),
        Outcome::Reset => {
            let at = first(&[Cause::RstSent, Cause::RstReceived]).min();
            Some((RESET, at.unwrap_or(connection.last_time)))
        }
        Outcome::Refused => Some((RESET, connection.last_time)),
        Outcome::Unanswered | Outcome::HalfOpen | Outcome::HalfClosed | Outcome::Open | Outcome::Evicted => {
            None
        }
    }
}

/// What is counted: a state of a side, proven or not, and three kinds of events.
const STATES: u16 = 12;
const _: () = assert!(State::ALL.len() == 12);
const OPENED: u16 = STATES * 4;
const CLOSED: u16 = OPENED + 1;
const RESET: u16 = CLOSED + 1;

fn slot(state: State, role: Role, proven: bool) -> u16 {
    let side = u16::from(role == Role::Client);
    (side * 2 + u16::from(!proven)) * STATES + state as u16
}

/// Time in buckets.
#[derive(Clone, Copy)]
struct Clock {
    span: Span,
    bucket_ns: u64,
    buckets: u16,
}

impl Clock {
    fn of(span: Span) -> Clock {
        let length = span.length_ns().unsigned_abs().max(1);
        let bucket_ns = length.div_ceil(BUCKETS);
        Clock {
            span,
            bucket_ns,
            buckets: u16::try_from(length.div_ceil(bucket_ns)).unwrap_or(1),
        }
    }

    /// The bucket of a moment; what lies outside is in the first or the last one.
    fn bucket(self, at: Timestamp) -> u16 {
        let place = at.since(self.span.from).unsigned_abs() / self.bucket_ns;
        u16::try_from(place).unwrap_or(u16::MAX).min(self.buckets - 1)
    }

    fn key(self, slot: u16, at: Timestamp) -> u16 {
        slot * self.buckets + self.bucket(at)
    }
}

/// By how much counts change, each in its bucket.
#[derive(Default)]
struct Changes {
    list: Vec<(u16, i32)>,
    /// How long the list was when equal places were added up last.
    packed: usize,
}

impl Changes {
    fn add(&mut self, key: u16, by: i32) {
        self.list.push((key, by));
        if self.list.len() >= (self.packed * 2).max(LOOSE) {
            self.pack();
        }
    }

    fn pack(&mut self) {
        self.list.sort_unstable_by_key(|(key, _)| *key);
        self.list.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            same
        });
        self.list.retain(|(_, by)| *by != 0);
        self.packed = self.list.len();
    }

    /// How many endpoints of both sides are in a state at the end.
    fn at_end(&self, clock: Clock, state: State) -> i64 {
        let counts = |key: u16| key < OPENED * clock.buckets && key / clock.buckets % STATES == state as u16;
        let changes = self.list.iter().filter(|(key, _)| counts(*key));
        changes.map(|(_, by)| i64::from(*by)).sum()
    }

    fn curves(mut self, clock: Clock, server: Option<Address>, connections: u64) -> Curves {
        self.pack();
        let changes = |slot: u16| {
            let from = slot * clock.buckets;
            let mut line = vec![0_i64; usize::from(clock.buckets)];
            let begin = self.list.partition_point(|(key, _)| *key < from);
            let here = self.list.iter().skip(begin);
            for (key, by) in here.take_while(|(key, _)| *key - from < clock.buckets) {
                if let Some(place) = line.get_mut(usize::from(*key - from)) {
                    *place += i64::from(*by);
                }
            }
            line
        };
        let events = |slot| {
            let line = changes(slot).into_iter();
            line.map(|count| u64::try_from(count).unwrap_or(0)).collect()
        };
        let standing = |slot| {
            let mut now = 0_i64;
            let line = changes(slot).into_iter();
            line.map(|by| {
                now = now.saturating_add(by);
                u64::try_from(now).unwrap_or(0)
            })
            .collect::<Vec<u64>>()
        };
        let mut states = Vec::new();
        for role in [Role::Server, Role::Client] {
            for state in State::ALL {
                let unproven = standing(slot(state, role, false));
                let proven = standing(slot(state, role, true));
                let count: Vec<u64> = proven.iter().zip(&unproven).map(|(a, b)| a + b).collect();
                if count.iter().any(|count| *count > 0) {
                    states.push(StateCurve {
                        role,
                        state,
                        count,
                        unproven,
                    });
                }
            }
        }
        Curves {
            server,
            connections,
            states,
            opened: events(OPENED),
            closed: events(CLOSED),
            reset: events(RESET),
        }
    }
}
