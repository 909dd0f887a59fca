//! HS15

use std::any::Any;
use std::net::IpAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::findings::Settings;
use crate::findings::rule;
use crate::findings::service::{Collector, Found, Kept, Together};
use crate::model::{Address, Cause, Confidence, Connection, Outcome, Role, State, Usual};
use crate::population::grouped::{Lots, Names};
use crate::time::{Timestamp, human_duration};

/// A flood has its connections within this time, nanoseconds; slower ones fill no queue.
const WITHIN_NS: i64 = 60_000_000_000;
/// Connections named.
const NAMED: usize = 10;

rule! {
    /// Connections to a service are opened in numbers and never completed.
    ///
    /// # Why it matters
    ///
    /// Each SYN takes a place in the service's queue until the handshake is completed or given up. When the queue is full, the
    /// SYNs of others are dropped or answered without options. New SYNs with ever different initial sequence numbers on one
    /// 4-tuple do the same.
    ///
    /// It is one where within a minute as many attempts as the threshold (100 unless set otherwise) were not completed (no
    /// SYN-ACK, or no ACK of the SYN-ACK), and they are more than half of all attempts between the first and the last of them.
    /// Refused connections do not count.
    ///
    /// # What to do
    ///
    /// Look at the sources. Many that never send their SYN again are an attack with forged addresses: SYN cookies let the
    /// others through. A few that do send it again are clients that do not hear the service: if it answered no one, it is
    /// down or filtered.
    ///
    /// # Reference
    ///
    /// RFC 4987; RFC 9293 section 3.5.
    ///
    /// # Example
    ///
    /// ```text
    /// repeat 120 every 0.01
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 1.010 S>C SYN,ACK seq=300 ack=101
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// repeat 120 every 0.01
    /// open
    /// 0.100 C>S PSH,ACK seq=101 ack=301 len=50
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_synack_flood, 3whs_syn_flood.
    "HS15", "syn-flood", Warning,
    on: [],
    excused_by: [OneSided],
    together
}

/// Attempts to open a connection, by service.
struct ByService {
    /// Of those that hang.
    services: Names<Address>,
    /// Those that were completed, refused or ended, but for usual ones: most of them are of services of which none hangs.
    others: Lots<Other>,
    hanging: Vec<Hanging>,
    /// So many make a flood.
    least: usize,
}

/// Finds the services that are flooded.
pub fn collector(settings: &Settings, _: i64) -> Box<dyn Collector> {
    let least = usize::try_from(settings.thresholds.flood_connections).unwrap_or(usize::MAX);
    Box::new(ByService {
        services: Names::default(),
        others: Lots::default(),
        hanging: Vec::new(),
        least: least.max(2),
    })
}

/// What is kept of an attempt elsewhere.
#[derive(Serialize, Deserialize)]
struct KeptAttempt {
    server: Address,
    at: Timestamp,
    id: u64,
    /// Client and traits of one that hangs.
    hanging: Option<(Address, u8)>,
}

/// One attempt.
#[derive(Clone, Copy)]
struct Attempt {
    at: Timestamp,
    id: u64,
    service: u32,
}

/// One that does not hang.
#[derive(Clone, Copy)]
struct Other {
    at: Timestamp,
    id: u64,
    server: Address,
}

/// One that hangs. A flood has millions: 40 octets each.
#[derive(Clone, Copy)]
struct Hanging {
    at: Timestamp,
    id: u64,
    service: u32,
    /// The client.
    port: u16,
    ip: IpAddr,
    /// Bits of [`UNANSWERED`], [`AGAIN`] and [`ONE_SIDED`].
    traits: u8,
}

/// The server sent nothing.
const UNANSWERED: u8 = 1;
/// The SYN came again.
const AGAIN: u8 = 2;
/// Only one side was captured.
const ONE_SIDED: u8 = 4;

impl Attempt {
    /// Attempts are told in the order of their beginnings.
    fn order(&self) -> (Timestamp, u64) {
        (self.at, self.id)
    }
}

impl Other {
    /// None if the beginning is not known.
    fn of(usual: &Usual) -> Option<Other> {
        (!usual.midstream).then_some(Other {
            at: usual.first_time,
            id: usual.id,
            server: usual.server,
        })
    }
}

impl Hanging {
    fn of(service: u32, connection: &Connection) -> Hanging {
        Hanging {
            at: connection.first_time,
            id: connection.id,
            service,
            port: connection.client.port,
            ip: connection.client.ip,
            traits: traits(connection),
        }
    }

    fn order(&self) -> (Timestamp, u64) {
        (self.at, self.id)
    }

    fn has(&self, bit: u8) -> bool {
        self.traits & bit != 0
    }
}

impl Collector for ByService {
    fn add(&mut self, connection: &Connection) {
        if connection.handshake.syn_packet.is_none() {
            return;
        }
        if hangs(connection) {
            let service = self.services.number(connection.server);
            self.hanging.push(Hanging::of(service, connection));
        } else {
            self.others.push(Other {
                at: connection.first_time,
                id: connection.id,
                server: connection.server,
            });
        }
    }

    fn add_unanswered(&mut self, usual: &Usual) {
        self.hanging.push(Hanging {
            at: usual.first_time,
            id: usual.id,
            service: self.services.number(usual.server),
            port: usual.client.port,
            ip: usual.client.ip,
            traits: UNANSWERED,
        });
    }

    fn merge(&mut self, later: Box<dyn Any>) {
        if let Ok(later) = later.downcast::<ByService>() {
            let names = later.services.in_order();
            let numbers: Vec<u32> = names.into_iter().map(|name| self.services.number(name)).collect();
            // More services than there are numbers share the last one.
            let number = |service: u32| numbers.get(service as usize).copied().unwrap_or(u32::MAX);
            self.others.append(later.others);
            self.hanging.extend(later.hanging.into_iter().map(|hanging| Hanging {
                service: number(hanging.service),
                ..hanging
            }));
        }
    }

    fn shares(&self, connection: &Connection) -> Vec<Kept> {
        if connection.handshake.syn_packet.is_none() {
            return Vec::new();
        }
        let kept = KeptAttempt {
            server: connection.server,
            at: connection.first_time,
            id: connection.id,
            hanging: hangs(connection).then(|| (connection.client, traits(connection))),
        };
        Kept::new(connection.server.to_string(), &kept).into_iter().collect()
    }

    fn take(&mut self, kept: &str) -> Result<(), serde_json::Error> {
        let KeptAttempt {
            server,
            at,
            id,
            hanging,
        } = serde_json::from_str(kept)?;
        match hanging {
            Some((client, traits)) => self.hanging.push(Hanging {
                at,
                id,
                service: self.services.number(server),
                port: client.port,
                ip: client.ip,
                traits,
            }),
            None => self.others.push(Other { at, id, server }),
        }
        Ok(())
    }

    /// One finding for each flooded service, the one with the most connections first.
    fn judge(self: Box<Self>, together: &Together<'_>) -> Vec<Found> {
        let ByService {
            services,
            others,
            mut hanging,
            least,
        } = *self;
        if hanging.len() < least {
            return Vec::new();
        }
        // In place: a flood has millions.
        hanging.sort_unstable_by_key(|one| (one.service, one.order()));
        let mut suspects: Vec<&mut [Hanging]> = hanging
            .chunk_by_mut(|a, b| a.service == b.service)
            .filter(|attempts| attempts.len() >= least)
            .collect();
        if suspects.is_empty() {
            return Vec::new();
        }
        let numbers: Vec<u32> = (suspects.iter())
            .flat_map(|attempts| attempts.first())
            .map(|one| one.service)
            .collect(); // in order
        let usual = together.usual.iter().filter_map(Other::of);
        let mut others: Vec<Attempt> = (others.into_iter().chain(usual))
            .filter_map(|Other { at, id, server }| {
                let service = services.known(&server)?;
                numbers.binary_search(&service).ok()?;
                Some(Attempt { at, id, service })
            })
            .collect();
        others.sort_unstable_by_key(|other| (other.service, other.order()));
        let mut named: Vec<(Address, usize)> = services
            .into_iter()
            .filter_map(|(server, service)| {
                let service = u32::try_from(service).ok()?;
                Some((server, numbers.binary_search(&service).ok()?))
            })
            .collect();
        named.sort_unstable();
        let mut found: Vec<Found> = (named.into_iter())
            .filter_map(|(server, place)| {
                let hanging = suspects.get_mut(place)?;
                let service = *numbers.get(place)?;
                let begin = others.partition_point(|other| other.service < service);
                let end = others.partition_point(|other| other.service <= service);
                judge_service(server, hanging, others.get(begin..end)?, least)
            })
            .collect();
        found.sort_by_key(|found| std::cmp::Reverse(found.connections));
        found
    }
}

fn traits(connection: &Connection) -> u8 {
    let trait_if = |bit: u8, has: bool| if has { bit } else { 0 };
    trait_if(UNANSWERED, connection.endpoints.server.packets == 0)
        | trait_if(AGAIN, connection.handshake.syn_retransmissions > 0)
        | trait_if(ONE_SIDED, connection.quality.one_sided)
}

/// The attempt was not completed, and nobody said why.
fn hangs(connection: &Connection) -> bool {
    !connection.handshake.complete
        && match connection.outcome {
            Outcome::Unanswered | Outcome::HalfOpen => true,
            Outcome::Open => gave_way(connection),
            Outcome::Closed
            | Outcome::Reset
            | Outcome::Refused
            | Outcome::HalfClosed
            | Outcome::Closing
            | Outcome::Evicted => false,
        }
}

/// The next SYN took the 4-tuple before the handshake was done.
fn gave_way(connection: &Connection) -> bool {
    let ends = [&connection.endpoints.client, &connection.endpoints.server];
    let mut last = ends.into_iter().filter_map(|end| end.transitions.last());
    last.any(|step| {
        step.cause == Cause::NewIncarnation && matches!(step.from, State::SynSent | State::SynReceived)
    })
}

/// All attempts at one service, both kinds in order.
fn judge_service(
    server: Address,
    hanging: &mut [Hanging],
    others: &[Attempt],
    least: usize,
) -> Option<Found> {
    // Every row of `least` of them in which they are dense enough; the flood is what those rows cover.
    let mut flood: Vec<Range<usize>> = Vec::new();
    let mut reaches: Option<(usize, usize)> = None;
    let firsts = places(hanging, others);
    let lasts = places(hanging, others).skip(least - 1);
    for ((start, row), (first_place, last_place)) in hanging.windows(least).enumerate().zip(firsts.zip(lasts)) {
        let [first, .., last] = row else { continue };
        let all = last_place - first_place + 1;
        if 2 * least > all && last.at.since(first.at) <= WITHIN_NS {
            match flood.last_mut() {
                Some(covered) if covered.end >= start => covered.end = start + least,
                Some(_) | None => flood.push(start..start + least),
            }
            reaches = Some((reaches.map_or(first_place, |(from, _)| from), last_place));
        }
    }
    let (from, to) = reaches?;
    let mut count = 0;
    for covered in flood {
        hanging.copy_within(covered.clone(), count);
        count += covered.len();
    }
    about(server, to - from + 1, hanging.get_mut(..count)?)
}

/// The place of each attempt that hangs among all.
fn places(hanging: &[Hanging], others: &[Attempt]) -> impl Iterator<Item = usize> {
    let mut before = others.iter().peekable();
    let mut passed = 0;
    hanging.iter().enumerate().map(move |(index, one)| {
        let order = one.order();
        while before.next_if(|other| other.order() < order).is_some() {
            passed += 1;
        }
        index + passed
    })
}

/// The connections of a flood, in order of time.
fn about(server: Address, attempts: usize, flood: &mut [Hanging]) -> Option<Found> {
    let at = flood.first()?.at;
    let span = flood.last()?.at.since(at);
    let ids = flood.iter().take(NAMED).map(|one| one.id).collect();
    let behind = flood.iter().map(|one| one.id).collect();
    let count = flood.len();
    let rate = count as i128 * 1_000_000_000 / i128::from(span.max(1_000_000));
    flood.sort_unstable_by_key(|one| (one.ip, one.port));
    let tuples = flood.chunk_by(|a, b| (a.ip, a.port) == (b.ip, b.port)).count();
    let sources = flood.chunk_by(|a, b| a.ip == b.ip).count();
    let client = flood.first().map(|one| one.ip);
    let unanswered = flood.iter().filter(|one| one.has(UNANSWERED)).count();
    let again = flood.iter().filter(|one| one.has(AGAIN)).count();
    let one_sided = flood.iter().any(|one| one.has(ONE_SIDED));
    let mut message = format!(
        "{count} of {attempts} connections to {server} in {} were never completed ({rate}/s), from {}",
        human_duration(span),
        plural(sources, "address", "addresses"),
    );
    if tuples < count {
        message += &format!(" and {}", plural(tuples, "4-tuple", "4-tuples"));
    }
    message += &match unanswered {
        0 => "; the SYN-ACK of each was never acknowledged".to_owned(),
        _ if unanswered == count => "; none was answered".to_owned(),
        _ => format!("; {unanswered} were not answered, the other SYN-ACKs never acknowledged"),
    };
    if again > 0 {
        message += &format!("; {again} sent their SYN again");
    }
    Some(Found {
        confidence: Confidence::Likely,
        server: Some(server),
        client: client.filter(|_| sources == 1),
        endpoint: Some(Role::Client),
        connections: count as u64,
        ids,
        behind,
        at: Some(at),
        message,
        weakened_by: if one_sided { vec!["one-sided"] } else { Vec::new() },
    })
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::*;

    /// The members of a flood by the definition: every row of `least` in order that is dense and quick enough.
    fn members(hanging: &[Hanging], others: &[Attempt], least: usize) -> BTreeSet<u64> {
        let place = |one: &Hanging| {
            let before = others.iter().filter(|other| other.order() < one.order()).count();
            before + hanging.iter().filter(|other| other.order() < one.order()).count()
        };
        let rows = hanging.windows(least).filter(|row| {
            let (first, last) = (&row[0], &row[least - 1]);
            let all = place(last) - place(first) + 1;
            2 * least > all && last.at.since(first.at) <= WITHIN_NS
        });
        rows.flatten().map(|one| one.id).collect()
    }

    #[test]
    fn a_flood_is_what_the_definition_says() {
        let server = Address {
            ip: Ipv4Addr::LOCALHOST.into(),
            port: 80,
        };
        let mut state = 7_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut floods = 0;
        for round in 0..300 {
            let (least, seconds) = (2 + (round % 5) as usize, 1 + draw(300));
            let (mut hanging, mut others) = (Vec::new(), Vec::new());
            for id in 1..=60 {
                let at = Timestamp::from_ns(i64::try_from(draw(seconds)).expect("few") * 1_000_000_000);
                if draw(3) == 0 {
                    hanging.push(Hanging {
                        at,
                        id,
                        service: 0,
                        port: u16::try_from(draw(9)).expect("few"),
                        ip: Ipv4Addr::from_bits(u32::try_from(draw(3)).expect("few")).into(),
                        traits: 0,
                    });
                } else {
                    others.push(Attempt { at, id, service: 0 });
                }
            }
            hanging.sort_unstable_by_key(Hanging::order);
            others.sort_unstable_by_key(Attempt::order);
            let expected = members(&hanging, &others, least);
            let in_it: Vec<&Hanging> = hanging.iter().filter(|one| expected.contains(&one.id)).collect();
            let tuples: BTreeSet<_> = in_it.iter().map(|one| (one.ip, one.port)).collect();
            let (at, ids) = (
                in_it.first().map(|one| one.at),
                in_it.iter().take(NAMED).map(|one| one.id).collect::<Vec<_>>(),
            );
            let said = format!(" and {}", plural(tuples.len(), "4-tuple", "4-tuples"));
            let count = in_it.len();
            match judge_service(server, &mut hanging, &others, least) {
                None => assert_eq!(count, 0, "round {round}"),
                Some(found) => {
                    floods += 1;
                    assert_eq!(
                        (found.connections, found.at, found.ids),
                        (count as u64, at, ids),
                        "round {round}"
                    );
                    assert!(found.behind.iter().eq(expected.iter().copied()), "round {round}");
                    assert_eq!(found.message.contains(&said), tuples.len() < count, "{}", found.message);
                }
            }
        }
        assert!((50..290).contains(&floods), "{floods} floods");
    }
}
