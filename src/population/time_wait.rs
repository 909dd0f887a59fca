//! TIME-WAIT: who holds it, the ports it takes from a client, and the reuse of 4-tuples in it.
//!
//! A stay in TIME-WAIT lasts from the ACK of the peer's FIN until 2 MSL are over (RFC 9293 section 3.10.8; a FIN that comes
//! again starts them anew), until a RST, or until a new connection takes the 4-tuple (section 3.6.1). After a simultaneous
//! close both endpoints hold it. The model says when each stay began and ended; here they are counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::curve::{Stay, Sweep};
use super::{CURVES, Curve, Span, nearest_rank};
use crate::model::{
    Address, Cause, Connection, EventKind, PacketNumber, Reuse, ReuseVerdict, Role, State, TimeWaitHolder,
};
use crate::time::Timestamp;

const SECOND: i64 = 1_000_000_000;
/// Cases of reuse told one by one.
const NAMED: usize = 10;
/// So many must have entered in the time observed, and that must be so long, for a rate that can be extrapolated.
const RATE_ENTERED: u64 = 10;
const RATE_NS: i64 = SECOND;

/// TIME-WAIT in a capture.
#[derive(Debug, Clone, Serialize)]
pub struct TimeWaits {
    /// The time that the capture covers.
    pub span: Span,
    /// 2 MSL in force, nanoseconds.
    pub time_wait_ns: i64,
    /// Ports that a client has for connections to one service.
    pub ephemeral_ports: u32,
    /// All endpoints together.
    pub total: Held,
    /// By endpoint: the address and port of a server, the address of a client. Most held now first.
    pub holders: Vec<Holder>,
    /// By client, service and side that holds it. The highest peak first.
    pub pressure: Vec<Pressure>,
    /// 4-tuples that were used again in TIME-WAIT.
    pub reuse: Reuses,
}

/// How many are in TIME-WAIT.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// Held at the end of the capture.
    pub now: u64,
    /// The most at the same time.
    pub peak: u64,
    /// When there were so many first; null if there never was one.
    pub peak_at: Option<Timestamp>,
    /// Entered in the capture.
    pub entered: u64,
    /// How many were left, and by what.
    pub left: Left,
    /// Retransmitted FINs that started 2 MSL anew.
    pub restarts: u64,
    /// Since when the oldest of those held at the end has been; null if none is.
    pub oldest_since: Option<Timestamp>,
    /// The count over time; null but for the total and the first hundred holders.
    pub curve: Option<Curve>,
}

/// What ended stays in TIME-WAIT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// 2 MSL were over, by the clock of the capture.
    pub timer: u64,
    /// A RST (RFC 1337).
    pub reset: u64,
    /// A new connection took the 4-tuple.
    pub reused: u64,
    /// Something else.
    pub otherwise: u64,
}

/// An endpoint that holds or held TIME-WAIT.
#[derive(Debug, Clone, Serialize)]
pub struct Holder {
    /// Which side of its connections it is.
    pub endpoint: Role,
    /// Its address.
    pub ip: IpAddr,
    /// Its port, if it is a server.
    pub port: Option<u16>,
    /// How many.
    #[serde(flatten)]
    pub held: Held,
}

/// 4-tuples in TIME-WAIT between a client and a service. Where the client holds them, each takes one of its ephemeral ports
/// for connections to that service; where the server does, they take its memory, and a client that comes back with the same
/// port may be refused.
#[derive(Debug, Clone, Serialize)]
pub struct Pressure {
    /// The client.
    pub client: IpAddr,
    /// The service.
    pub server: Address,
    /// The side that holds TIME-WAIT.
    pub holder: Role,
    /// How many.
    #[serde(flatten)]
    pub held: Held,
    /// The peak as a share of the client's ephemeral ports, thousandths, rounded down.
    pub peak_permille: u64,
    /// How fast TIME-WAIT is entered, thousandths of a connection per second: over the last MSL of the capture, or over all
    /// of it if it is shorter. Null if too little was seen: fewer than ten entered in it, or less than a second.
    pub rate_milli_per_second: Option<u64>,
    /// How many there will be at the same time if that rate lasts: what enters in 2 MSL. Null without a rate.
    pub steady: Option<u64>,
    /// When all ephemeral ports are taken: a time in the capture if they were; a later one if they will be at that rate,
    /// while those held now leave when their 2 MSL are over. Null if that is not so, or without a rate.
    pub full_at: Option<Timestamp>,
}

/// Reuse of 4-tuples in TIME-WAIT.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reuses {
    /// New connections that met TIME-WAIT.
    pub total: u64,
    /// By judgement.
    pub verdicts: Vec<ReuseCount>,
    /// Those that tell of trouble: illegal ones, refused ones (the longest delay first), unanswered ones, those by the
    /// holder itself. The first few.
    pub telling: Vec<ReuseCase>,
    /// How many tell of trouble.
    pub telling_total: u64,
}

/// New connections of one verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReuseCount {
    /// The judgement.
    pub verdict: ReuseVerdict,
    /// How many.
    pub count: u64,
    /// Age of the TIME-WAIT that the SYN met, nanoseconds: the shortest. Null if not known.
    pub age_min_ns: Option<i64>,
    /// Half of them were no older.
    pub age_p50_ns: Option<i64>,
    /// What it cost, nanoseconds: from the first SYN to the one that was answered; the longest. Null where nothing was lost.
    pub delay_max_ns: Option<i64>,
    /// The SYN-ACK shows a Linux host that had the 4-tuple in TIME-WAIT.
    pub linux: u64,
}

/// One new connection that met TIME-WAIT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReuseCase {
    /// Its id.
    pub id: u64,
    /// Id of the connection before.
    pub previous: u64,
    /// Its client.
    pub client: Address,
    /// Its server.
    pub server: Address,
    /// The judgement.
    pub verdict: ReuseVerdict,
    /// Who held TIME-WAIT, in the roles of the new connection.
    pub holder: Option<TimeWaitHolder>,
    /// Age of that TIME-WAIT, nanoseconds.
    pub age_ns: Option<i64>,
    /// What it cost, nanoseconds.
    pub delay_ns: Option<i64>,
    /// The answer by old numbers that the SYN got.
    pub refused_by_packet: Option<PacketNumber>,
    /// The first packet of the new connection.
    pub first_packet: PacketNumber,
}

/// Counts TIME-WAIT in these connections. `span` is the time that the capture covers, `time_wait_ns` 2 MSL,
/// `ephemeral_ports` how many ports a client has for connections to one service.
pub fn time_wait(
    connections: &[Connection],
    span: Span,
    time_wait_ns: i64,
    ephemeral_ports: u32,
) -> TimeWaits {
    let mut all = Stays::default();
    let mut stays = Stays::default(); // of one endpoint; kept for its memory
    let mut holders: BTreeMap<(Role, IpAddr, Option<u16>), Stays> = BTreeMap::new();
    let mut pairs: BTreeMap<(IpAddr, Address, Role), Stays> = BTreeMap::new();
    for connection in connections {
        for role in [Role::Client, Role::Server] {
            if !stays.read(connection, role) {
                continue;
            }
            let holder = match role {
                Role::Client => (role, connection.client.ip, None),
                Role::Server => (role, connection.server.ip, Some(connection.server.port)),
            };
            let pair = (connection.client.ip, connection.server, role);
            all.add(&stays);
            holders.entry(holder).or_default().add(&stays);
            pairs.entry(pair).or_default().add(&stays);
        }
    }
    TimeWaits {
        span,
        time_wait_ns,
        ephemeral_ports,
        total: Held {
            curve: Some(Sweep::of(&all.stays).curve(span)),
            ..all.held(&Sweep::of(&all.stays))
        },
        holders: ranked(holders, span),
        pressure: pressure(pairs, span, time_wait_ns, ephemeral_ports),
        reuse: reuses(connections),
    }
}

fn ranked(holders: BTreeMap<(Role, IpAddr, Option<u16>), Stays>, span: Span) -> Vec<Holder> {
    let mut holders: Vec<(Holder, Sweep)> = (holders.into_iter())
        .map(|((endpoint, ip, port), stays)| {
            let sweep = Sweep::of(&stays.stays);
            let held = stays.held(&sweep);
            let holder = Holder {
                endpoint,
                ip,
                port,
                held,
            };
            (holder, sweep)
        })
        .collect();
    // Stable: equal ones stay in the order of their addresses.
    holders.sort_by_key(|(holder, _)| Reverse((holder.held.now, holder.held.peak, holder.held.entered)));
    for (holder, sweep) in holders.iter_mut().take(CURVES) {
        holder.held.curve = Some(sweep.curve(span));
    }
    holders.into_iter().map(|(holder, _)| holder).collect()
}

fn pressure(
    pairs: BTreeMap<(IpAddr, Address, Role), Stays>,
    span: Span,
    time_wait_ns: i64,
    ports: u32,
) -> Vec<Pressure> {
    let mut pressure: Vec<Pressure> = (pairs.into_iter())
        .map(|((client, server, holder), stays)| {
            let sweep = Sweep::of(&stays.stays);
            let held = stays.held(&sweep);
            let rate = Rate::of(&stays.stays, span, time_wait_ns);
            Pressure {
                client,
                server,
                holder,
                peak_permille: held.peak.saturating_mul(1_000) / u64::from(ports.max(1)),
                rate_milli_per_second: rate.map(Rate::milli_per_second),
                steady: rate.map(|rate| rate.in_time(time_wait_ns)),
                full_at: full_at(&stays, &sweep, rate, span.to, time_wait_ns, ports),
                held,
            }
        })
        .collect();
    pressure.sort_by_key(|pair| Reverse((pair.held.peak, pair.held.now, pair.held.entered)));
    pressure
}

/// Stays of one group, and what is counted with them.
#[derive(Default)]
struct Stays {
    stays: Vec<Stay>,
    /// From when on 2 MSL count, of those that are held at the end.
    counting: Vec<Timestamp>,
    left: Left,
    restarts: u64,
}

impl Stays {
    /// Takes those of one side of a connection in place of what was there. False if it never was in TIME-WAIT.
    fn read(&mut self, connection: &Connection, role: Role) -> bool {
        let end = match role {
            Role::Client => &connection.endpoints.client,
            Role::Server => &connection.endpoints.server,
        };
        self.stays.clear();
        self.counting.clear();
        self.left = Left::default();
        let mut steps = end.transitions.iter().peekable();
        while let Some(step) = steps.next() {
            if step.to != State::TimeWait {
                continue;
            }
            // Transitions beyond the bound of the model were not kept; the state at the end is that of all of them.
            let next = steps.peek();
            let held = next.is_none() && end.state == State::TimeWait;
            self.stays.push(Stay {
                from: step.at,
                until: (!held).then(|| next.map_or(step.at, |next| next.at)),
            });
            match next.map(|next| next.cause) {
                _ if held => {}
                Some(Cause::Timer) => self.left.timer += 1,
                Some(Cause::RstReceived | Cause::RstSent) => self.left.reset += 1,
                Some(Cause::NewIncarnation) => self.left.reused += 1,
                Some(
                    Cause::SynSent
                    | Cause::SynReceived
                    | Cause::SynAcknowledged
                    | Cause::FinSent
                    | Cause::FinReceived
                    | Cause::FinAcknowledged
                    | Cause::FirstSeen,
                )
                | None => self.left.otherwise += 1,
            }
        }
        let held = self.stays.last().is_some_and(|stay| stay.until.is_none());
        if end.state == State::TimeWait && !held {
            let from = end
                .transitions
                .last()
                .map_or(connection.last_time, |last| last.at);
            self.stays.push(Stay { from, until: None });
        }
        let Some(last) = self.stays.last() else {
            return false;
        };
        let (restarts, restarted) = restarts(connection, role.other());
        self.restarts = restarts;
        if last.until.is_none() {
            self.counting
                .push(restarted.map_or(last.from, |at| at.max(last.from)));
        }
        true
    }

    fn add(&mut self, other: &Stays) {
        self.stays.extend(&other.stays);
        self.counting.extend(&other.counting);
        self.restarts += other.restarts;
        self.left.timer += other.left.timer;
        self.left.reset += other.left.reset;
        self.left.reused += other.left.reused;
        self.left.otherwise += other.left.otherwise;
    }

    fn held(&self, sweep: &Sweep) -> Held {
        let peak = sweep.peak();
        let open = self.stays.iter().filter(|stay| stay.until.is_none());
        Held {
            now: sweep.now(),
            peak: peak.map_or(0, |(count, _)| count),
            peak_at: peak.map(|(_, at)| at),
            entered: self.stays.len() as u64,
            left: self.left,
            restarts: self.restarts,
            oldest_since: open.map(|stay| stay.from).min(),
            curve: None,
        }
    }
}

/// How often the FIN of `sender` came again into TIME-WAIT, and when last.
fn restarts(connection: &Connection, sender: Role) -> (u64, Option<Timestamp>) {
    let wanted = (EventKind::TimeWaitRestarted, sender);
    let kept = (connection.events.iter())
        .filter(|event| (event.kind, event.endpoint) == wanted)
        .map(|event| (1, event.at));
    let folded = (connection.events_folded.iter())
        .filter(|folded| (folded.kind, folded.endpoint) == wanted)
        .map(|folded| (folded.count, folded.last_at));
    kept.chain(folded).fold((0, None), |(all, last), (count, at)| {
        (all + count, last.max(Some(at)))
    })
}

/// How many entered in how long.
#[derive(Clone, Copy)]
struct Rate {
    entered: u64,
    window_ns: i64,
}

impl Rate {
    /// Over the last MSL, or over all of the capture if that is shorter; None if that says too little.
    fn of(stays: &[Stay], span: Span, time_wait_ns: i64) -> Option<Rate> {
        let window_ns = (time_wait_ns / 2).min(span.length_ns());
        let recent = |stay: &&Stay| span.to.since(stay.from) < window_ns;
        let entered = stays.iter().filter(recent).count() as u64;
        (window_ns >= RATE_NS && entered >= RATE_ENTERED).then_some(Rate { entered, window_ns })
    }

    fn milli_per_second(self) -> u64 {
        self.in_time(SECOND.saturating_mul(1_000))
    }

    /// How many enter in so many nanoseconds.
    fn in_time(self, ns: i64) -> u64 {
        let count = i128::from(self.entered) * i128::from(ns) / i128::from(self.window_ns.max(1));
        u64::try_from(count).unwrap_or(0)
    }

    /// How long it takes until so many have entered, nanoseconds.
    fn time_for(self, count: u64) -> i64 {
        let ns = i128::from(count) * i128::from(self.window_ns) / i128::from(self.entered.max(1));
        i64::try_from(ns).unwrap_or(i64::MAX)
    }
}

/// When all ports are taken: see [`Pressure::full_at`].
fn full_at(
    stays: &Stays,
    sweep: &Sweep,
    rate: Option<Rate>,
    end: Timestamp,
    time_wait_ns: i64,
    ports: u32,
) -> Option<Timestamp> {
    let ports = u64::from(ports.max(1));
    if let Some((at, _)) = sweep.steps().find(|(_, count)| *count >= ports) {
        return Some(at);
    }
    let rate = rate.filter(|rate| rate.in_time(time_wait_ns) >= ports)?;
    // Those held now leave one by one, others enter at the rate: how many have to enter until all ports are taken, and is
    // the next one still there then?
    let mut due: Vec<i64> = (stays.counting.iter())
        .map(|from| from.plus(time_wait_ns).since(end))
        .collect();
    due.sort_unstable();
    let mut held = due.len() as u64;
    let mut since = 0;
    for leaves in due {
        let full = rate.time_for(ports.saturating_sub(held)).max(since);
        if full < leaves {
            return Some(end.plus(full));
        }
        (held, since) = (held - 1, leaves);
    }
    Some(end.plus(rate.time_for(ports).max(since)))
}

/// The verdicts in which TIME-WAIT was met.
fn reuses(connections: &[Connection]) -> Reuses {
    let met: Vec<(&Connection, &Reuse)> = (connections.iter())
        .filter_map(|connection| Some((connection, connection.reuse.as_ref()?)))
        .filter(|(_, reuse)| reuse.time_wait_holder.is_some())
        .collect();
    let mut verdicts: BTreeMap<ReuseVerdict, Vec<&Reuse>> = BTreeMap::new();
    for (_, reuse) in &met {
        verdicts.entry(reuse.verdict).or_default().push(reuse);
    }
    let mut telling: Vec<ReuseCase> = (met.iter())
        .filter(|(_, reuse)| trouble(reuse.verdict).is_some())
        .map(|(connection, reuse)| case(connection, reuse))
        .collect();
    let telling_total = telling.len() as u64;
    telling.sort_by_key(|case| (trouble(case.verdict), Reverse(case.delay_ns), case.id));
    telling.truncate(NAMED);
    Reuses {
        total: met.len() as u64,
        verdicts: verdicts
            .into_iter()
            .map(|(verdict, all)| count(verdict, &all))
            .collect(),
        telling,
        telling_total,
    }
}

/// Rank of a verdict that tells of trouble, 0 for the worst.
fn trouble(verdict: ReuseVerdict) -> Option<u8> {
    match verdict {
        ReuseVerdict::Illegal => Some(0),
        ReuseVerdict::Refused => Some(1),
        ReuseVerdict::Unanswered => Some(2),
        ReuseVerdict::ByHolder => Some(3),
        ReuseVerdict::Free
        | ReuseVerdict::LegalByIss
        | ReuseVerdict::LegalByTimestamp
        | ReuseVerdict::NotOver
        | ReuseVerdict::AfterUnanswered
        | ReuseVerdict::Unknown => None,
    }
}

fn count(verdict: ReuseVerdict, all: &[&Reuse]) -> ReuseCount {
    let mut ages: Vec<i64> = all.iter().filter_map(|reuse| reuse.time_wait_age_ns).collect();
    ages.sort_unstable();
    ReuseCount {
        verdict,
        count: all.len() as u64,
        age_min_ns: ages.first().copied(),
        age_p50_ns: nearest_rank(&ages, 50),
        delay_max_ns: all.iter().filter_map(|reuse| reuse.delay_ns).max(),
        linux: all.iter().filter(|reuse| reuse.linux_time_wait_iss).count() as u64,
    }
}

fn case(connection: &Connection, reuse: &Reuse) -> ReuseCase {
    ReuseCase {
        id: connection.id,
        previous: reuse.previous,
        client: connection.client,
        server: connection.server,
        verdict: reuse.verdict,
        holder: reuse.time_wait_holder,
        age_ns: reuse.time_wait_age_ns,
        delay_ns: reuse.delay_ns,
        refused_by_packet: reuse.refused_by_packet,
        first_packet: connection.first_packet,
    }
}
