//! TIME-WAIT: who holds it, the ports it takes from a client, and the reuse of 4-tuples in it.
//!
//! A stay in TIME-WAIT lasts from the ACK of the peer's FIN until 2 MSL are over (RFC 9293 section 3.10.8; a FIN that comes
//! again starts them anew), until a RST, or until a new connection takes the 4-tuple (section 3.6.1). After a simultaneous
//! close both endpoints hold it. The model says when each stay began and ended; here they are counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::curve::{Stay, Sweep};
use super::grouped::{Grouped, Lots, Names};
use super::{CURVES, Curve, Span, nearest_rank};
use crate::model::{
    Address, Cause, Connection, EndpointReport, EventKind, Numbers, PacketNumber, Reuse, ReuseVerdict, Role,
    State, TimeWaitHolder, Usual,
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

impl Pressure {
    /// The highest peak comes first.
    fn order(&self) -> Reverse<(u64, u64, u64)> {
        Reverse((self.held.peak, self.held.now, self.held.entered))
    }
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
    let mut stays = Stays::default();
    connections.iter().for_each(|connection| stays.add(connection));
    stays.time_waits(span, time_wait_ns, ephemeral_ports)
}

/// Stays in TIME-WAIT of a capture, and reuse of 4-tuples, collected from one connection after the other.
#[derive(Default)]
pub struct Stays {
    stays: Lots<StayOf>,
    /// Retransmitted FINs that started 2 MSL anew.
    restarts: Vec<(Pair, u64)>,
    reuses: MetReuses,
}

/// Client, service, and the side that holds TIME-WAIT.
type Pair = (IpAddr, Address, Role);

/// The endpoint that holds TIME-WAIT: which side it is, its address, and its port if it is a server.
type Endpoint = (Role, IpAddr, Option<u16>);

fn endpoint_of((client, server, role): Pair) -> Endpoint {
    match role {
        Role::Client => (role, client, None),
        Role::Server => (role, server.ip, Some(server.port)),
    }
}

/// See [`Stays::pressure`].
const BUCKETS: usize = 1 << 12;

/// The same number for the same pair, quickly. Whoever makes many pairs share one gains nothing: they are told apart later.
fn bucket((client, server, _): &Pair) -> usize {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    };
    let both = bits(*client) ^ bits(server.ip).rotate_left(24) ^ u64::from(server.port).rotate_left(48);
    (both.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

/// One stay, and what it belongs to.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct StayOf {
    from: Timestamp,
    /// When it was left. Of one that is held at the end: from when on 2 MSL count.
    until: Timestamp,
    pair: Pair,
    /// The connection.
    id: u64,
    /// What ended it; none if it is held at the end.
    left: Option<LeftBy>,
}

/// See [`Left`].
#[derive(Clone, Copy, Serialize, Deserialize)]
enum LeftBy {
    Timer,
    Reset,
    Reused,
    Other,
}

impl StayOf {
    /// That of a connection that was closed as most are; none if it was not.
    fn of_usual(usual: &Usual) -> Option<StayOf> {
        let close = usual.close()?;
        Some(StayOf {
            from: close.closed,
            until: close.time_wait_over.unwrap_or(close.closed),
            pair: (usual.client.ip, usual.server, close.closer),
            id: usual.id,
            left: close.time_wait_over.map(|_| LeftBy::Timer),
        })
    }

    /// Whether it is held at this moment: who leaves at a moment is not there any more.
    fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && (self.left.is_none() || self.until > at)
    }

    fn stay(&self) -> Stay {
        Stay {
            from: self.from,
            until: self.left.map(|_| self.until),
        }
    }
}

/// One stay in TIME-WAIT, to be collected elsewhere.
#[derive(Serialize, Deserialize)]
pub struct KeptStay(StayOf);

impl KeptStay {
    /// Those of a connection.
    pub fn of(connection: &Connection) -> impl Iterator<Item = KeptStay> + use<> {
        let mut stays = Stays::default();
        stays.add(connection);
        stays.stays.into_iter().map(KeptStay)
    }

    /// Client and service.
    pub fn between(&self) -> (IpAddr, Address) {
        let (client, server, _) = self.0.pair;
        (client, server)
    }
}

impl Stays {
    /// Takes a stay that was kept elsewhere. Restarts of 2 MSL and reuse are not among what is kept of it.
    pub fn add_kept(&mut self, kept: KeptStay) {
        self.stays.push(kept.0);
    }

    /// Looks at the next connection.
    pub fn add(&mut self, connection: &Connection) {
        self.add_side(connection, Role::Client, &connection.endpoints.client);
        self.add_side(connection, Role::Server, &connection.endpoints.server);
        if let Some(reuse) = &connection.reuse {
            self.reuses.add(connection, reuse);
        }
    }

    /// As [`Stays::add`] of the connection that it stands for.
    #[cfg(test)]
    pub(crate) fn add_usual(&mut self, usual: &Usual) {
        if let Some(stay) = StayOf::of_usual(usual) {
            self.stays.push(stay);
        }
    }

    /// Takes those of connections that come behind the ones that were looked at.
    pub fn merge(&mut self, later: Stays) {
        self.stays.append(later.stays);
        self.restarts.extend(later.restarts);
        self.reuses.merge(later.reuses);
    }

    fn add_side(&mut self, connection: &Connection, role: Role, end: &EndpointReport) {
        if end.state != State::TimeWait && end.transitions.iter().all(|step| step.to != State::TimeWait) {
            return;
        }
        let pair = (connection.client.ip, connection.server, role);
        let (restarts, restarted) = restarts(connection, role.other());
        let counting = |from: Timestamp| restarted.map_or(from, |at| at.max(from));
        if restarts > 0 {
            self.restarts.push((pair, restarts));
        }
        let mut held = false;
        let mut steps = end.transitions.iter().peekable();
        while let Some(step) = steps.next() {
            if step.to != State::TimeWait {
                continue;
            }
            let from = step.at;
            // Transitions beyond the bound of the model were not kept; the state at the end is that of all of them.
            let next = steps.peek();
            held = next.is_none() && end.state == State::TimeWait;
            let (until, left) = match next.map(|next| (next.at, next.cause)) {
                _ if held => (counting(from), None),
                Some((at, Cause::Timer)) => (at, Some(LeftBy::Timer)),
                Some((at, Cause::RstReceived | Cause::RstSent)) => (at, Some(LeftBy::Reset)),
                Some((at, Cause::NewIncarnation)) => (at, Some(LeftBy::Reused)),
                Some((
                    at,
                    Cause::SynSent
                    | Cause::SynReceived
                    | Cause::SynAcknowledged
                    | Cause::FinSent
                    | Cause::FinReceived
                    | Cause::FinAcknowledged
                    | Cause::FirstSeen,
                )) => (at, Some(LeftBy::Other)),
                None => (from, Some(LeftBy::Other)),
            };
            self.stays.push(StayOf {
                from,
                until,
                pair,
                id: connection.id,
                left,
            });
        }
        if end.state == State::TimeWait && !held {
            let last = end.transitions.last();
            let from = last.map_or(connection.last_time, |last| last.at);
            self.stays.push(StayOf {
                from,
                until: counting(from),
                pair,
                id: connection.id,
                left: None,
            });
        }
    }

    /// Counts them. See [`time_wait`].
    pub fn time_waits(self, span: Span, time_wait_ns: i64, ephemeral_ports: u32) -> TimeWaits {
        let restarts = self.restarts.iter().map(|(_, count)| count).sum();
        let sweep = Sweep::of(self.stays.iter().map(StayOf::stay));
        let all: Vec<StayOf> = self.stays.into_iter().collect();
        let holders = grouped(
            &all,
            &self.restarts,
            endpoint_of,
            |(endpoint, ip, port), stays, restarts| {
                let sweep = Sweep::of(stays.iter().map(StayOf::stay));
                let held = held(stays, restarts, &sweep);
                let holder = Holder {
                    endpoint,
                    ip,
                    port,
                    held,
                };
                (holder, sweep)
            },
        );
        let pressure = grouped(
            &all,
            &self.restarts,
            |pair| pair,
            |pair, stays, restarts| pressure(pair, stays, restarts, span, time_wait_ns, ephemeral_ports),
        );
        TimeWaits {
            span,
            time_wait_ns,
            ephemeral_ports,
            total: Held {
                curve: Some(sweep.curve(span)),
                ..held(&all, restarts, &sweep)
            },
            holders: ranked(holders, span),
            pressure: pressed(pressure),
            reuse: self.reuses.told(),
        }
    }

    /// The entries of [`TimeWaits::pressure`] whose peak is at least so many thousandths of the ports, each with the
    /// connections that were in TIME-WAIT at its peak; the others are not looked at. Those that `usual` ones stand for are there,
    /// too.
    pub(crate) fn pressure(
        self,
        span: Span,
        time_wait_ns: i64,
        ephemeral_ports: u32,
        least_permille: u64,
        usual: &Lots<Usual>,
    ) -> Vec<(Pressure, Numbers)> {
        // There were never more at the same time than entered.
        let enough = |entered: u64| permille(entered, ephemeral_ports) >= least_permille;
        if !enough((self.stays.len() + usual.len()) as u64) {
            return Vec::new();
        }
        let usual = || usual.iter().filter_map(StayOf::of_usual);
        // Nearly all pairs have few. Counted together with others, those with many are among the buckets with many.
        let mut buckets = vec![0_u64; BUCKETS];
        let bucket = |stay: &StayOf| bucket(&stay.pair) % BUCKETS;
        self.stays.iter().for_each(|stay| buckets[bucket(stay)] += 1);
        usual().for_each(|stay| buckets[bucket(&stay)] += 1);
        let all = self.stays.into_iter().chain(usual());
        let mut all: Vec<StayOf> = all.filter(|stay| enough(buckets[bucket(stay)])).collect();
        let mut entered: HashMap<Pair, u64, RandomState> = HashMap::default();
        for stay in &all {
            *entered.entry(stay.pair).or_default() += 1;
        }
        entered.retain(|_, count| enough(*count));
        if entered.is_empty() {
            return Vec::new();
        }
        all.retain(|stay| entered.contains_key(&stay.pair));
        let mut pressure = grouped(
            &all,
            &self.restarts,
            |pair| pair,
            |pair, stays, restarts| {
                let pressure = pressure(pair, stays, restarts, span, time_wait_ns, ephemeral_ports);
                let enough = pressure.peak_permille >= least_permille;
                let peak = pressure.held.peak_at.filter(|_| enough);
                let there = stays.iter().filter(|stay| peak.is_some_and(|at| stay.holds(at)));
                let ids = there.map(|stay| stay.id).collect();
                (pressure, ids)
            },
        );
        pressure.retain(|(pair, _)| pair.peak_permille >= least_permille);
        pressure.sort_by_key(|(pair, _)| pair.order());
        pressure
    }
}

/// What `make` makes of the stays (and restarts) of each name that `name` gives their pairs, in the order of the names.
fn grouped<K: Hash + Ord + Copy, G>(
    stays: &[StayOf],
    restarted: &[(Pair, u64)],
    name: impl Fn(Pair) -> K,
    make: impl Fn(K, &[StayOf], u64) -> G,
) -> Vec<G> {
    let mut names = Names::default();
    let numbers: Vec<u32> = (stays.iter()).map(|stay| names.number(name(stay.pair))).collect();
    let mut restarts = vec![0; names.len()];
    for (pair, count) in restarted {
        if let Some(number) = names.known(&name(*pair))
            && let Some(all) = restarts.get_mut(number as usize)
        {
            *all += count;
        }
    }
    let grouped = Grouped::of(stays, &numbers, names.len());
    let mut names: Vec<(K, usize)> = names.into_iter().collect();
    names.sort_unstable();
    (names.into_iter())
        .map(|(name, number)| {
            let restarts = restarts.get(number).copied().unwrap_or(0);
            make(name, grouped.group(number), restarts)
        })
        .collect()
}

/// In the order of [`TimeWaits::holders`]; the first ones get their curves.
fn ranked(mut holders: Vec<(Holder, Sweep)>, span: Span) -> Vec<Holder> {
    // Stable: equal ones stay in the order of their addresses.
    holders.sort_by_key(|(holder, _)| Reverse((holder.held.now, holder.held.peak, holder.held.entered)));
    for (holder, sweep) in holders.iter_mut().take(CURVES) {
        holder.held.curve = Some(sweep.curve(span));
    }
    holders.into_iter().map(|(holder, _)| holder).collect()
}

/// In the order of [`TimeWaits::pressure`].
fn pressed(mut pressure: Vec<Pressure>) -> Vec<Pressure> {
    pressure.sort_by_key(Pressure::order);
    pressure
}

fn pressure(
    (client, server, holder): Pair,
    stays: &[StayOf],
    restarts: u64,
    span: Span,
    time_wait_ns: i64,
    ports: u32,
) -> Pressure {
    let sweep = Sweep::of(stays.iter().map(StayOf::stay));
    let held = held(stays, restarts, &sweep);
    let rate = Rate::of(stays, span, time_wait_ns);
    Pressure {
        client,
        server,
        holder,
        peak_permille: permille(held.peak, ports),
        rate_milli_per_second: rate.map(Rate::milli_per_second),
        steady: rate.map(|rate| rate.in_time(time_wait_ns)),
        full_at: full_at(stays, &sweep, rate, span.to, time_wait_ns, ports),
        held,
    }
}

/// So many ports as a share of all, thousandths, rounded down.
fn permille(count: u64, ports: u32) -> u64 {
    count.saturating_mul(1_000) / u64::from(ports.max(1))
}

fn held(stays: &[StayOf], restarts: u64, sweep: &Sweep) -> Held {
    let peak = sweep.peak();
    let mut left = Left::default();
    for stay in stays {
        match stay.left {
            None => {}
            Some(LeftBy::Timer) => left.timer += 1,
            Some(LeftBy::Reset) => left.reset += 1,
            Some(LeftBy::Reused) => left.reused += 1,
            Some(LeftBy::Other) => left.otherwise += 1,
        }
    }
    let open = stays.iter().filter(|stay| stay.left.is_none());
    Held {
        now: sweep.now(),
        peak: peak.map_or(0, |(count, _)| count),
        peak_at: peak.map(|(_, at)| at),
        entered: stays.len() as u64,
        left,
        restarts,
        oldest_since: open.map(|stay| stay.from).min(),
        curve: None,
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
    fn of(stays: &[StayOf], span: Span, time_wait_ns: i64) -> Option<Rate> {
        let window_ns = (time_wait_ns / 2).min(span.length_ns());
        let recent = |stay: &&StayOf| span.to.since(stay.from) < window_ns;
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
    stays: &[StayOf],
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
    let mut due: Vec<i64> = (stays.iter())
        .filter(|stay| stay.left.is_none())
        .map(|stay| stay.until.plus(time_wait_ns).since(end))
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
#[derive(Default)]
struct MetReuses {
    total: u64,
    verdicts: BTreeMap<ReuseVerdict, Verdicts>,
    /// Those that tell of trouble: the first few and perhaps some more.
    telling: Vec<ReuseCase>,
    telling_total: u64,
}

/// Those of one verdict.
#[derive(Default)]
struct Verdicts {
    count: u64,
    ages: Vec<i64>,
    delay_max_ns: Option<i64>,
    linux: u64,
}

impl MetReuses {
    fn add(&mut self, connection: &Connection, reuse: &Reuse) {
        if reuse.time_wait_holder.is_none() {
            return;
        }
        self.total += 1;
        let verdicts = self.verdicts.entry(reuse.verdict).or_default();
        verdicts.count += 1;
        verdicts.ages.extend(reuse.time_wait_age_ns);
        verdicts.delay_max_ns = verdicts.delay_max_ns.max(reuse.delay_ns);
        verdicts.linux += u64::from(reuse.linux_time_wait_iss);
        if trouble(reuse.verdict).is_some() {
            self.telling_total += 1;
            self.telling.push(case(connection, reuse));
            if self.telling.len() >= 8 * NAMED {
                self.keep_first_few();
            }
        }
    }

    fn merge(&mut self, later: MetReuses) {
        self.total += later.total;
        for (verdict, more) in later.verdicts {
            let verdicts = self.verdicts.entry(verdict).or_default();
            verdicts.count += more.count;
            verdicts.ages.extend(more.ages);
            verdicts.delay_max_ns = verdicts.delay_max_ns.max(more.delay_max_ns);
            verdicts.linux += more.linux;
        }
        self.telling.extend(later.telling);
        self.telling_total += later.telling_total;
        self.keep_first_few();
    }

    fn keep_first_few(&mut self) {
        self.telling
            .sort_by_key(|case| (trouble(case.verdict), Reverse(case.delay_ns), case.id));
        self.telling.truncate(NAMED);
    }

    fn told(mut self) -> Reuses {
        self.keep_first_few();
        Reuses {
            total: self.total,
            verdicts: (self.verdicts.into_iter())
                .map(|(verdict, all)| all.told(verdict))
                .collect(),
            telling: self.telling,
            telling_total: self.telling_total,
        }
    }
}

impl Verdicts {
    fn told(mut self, verdict: ReuseVerdict) -> ReuseCount {
        self.ages.sort_unstable();
        ReuseCount {
            verdict,
            count: self.count,
            age_min_ns: self.ages.first().copied(),
            age_p50_ns: nearest_rank(&self.ages, 50),
            delay_max_ns: self.delay_max_ns,
            linux: self.linux,
        }
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
