//! TW11

use std::any::Any;

use crate::findings::rule;
use crate::findings::Settings;
use crate::findings::service::{Collector, Found, Kept, Together};
use crate::model::{Confidence, Connection, Numbers, Role};
use crate::population::Stays;
use crate::population::time_wait::{KeptStay, Pressure};
use crate::time::human_duration;

rule! {
    /// Many 4-tuples between a client and a service are in TIME-WAIT at the same time.
    ///
    /// # Why it matters
    ///
    /// TIME-WAIT keeps a 4-tuple for 2 MSL. Where the client holds it, each one takes an ephemeral port for connections to
    /// that service; when all are taken, connect() fails ("cannot assign requested address"). Where the server holds it,
    /// they take its memory, and the client, which comes back to the same ports, is refused now and then.
    ///
    /// The share is that of the peak among the ports a client has for one service (28 232 on Linux unless set otherwise).
    ///
    /// # What to do
    ///
    /// Keep connections open and use them again; let the other side close first; or give the client more addresses or a wider
    /// range of ports. Do not shorten TIME-WAIT: it protects the next connection from old segments. See `time-wait`.
    ///
    /// # Reference
    ///
    /// RFC 9293 sections 3.4.3 and 3.6.1; RFC 6056 section 3.2 for ephemeral ports.
    ///
    /// # Example
    ///
    /// ```text
    /// repeat 14200 every 0.001
    /// closed
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// repeat 1000 every 0.001
    /// closed
    /// ```
    "TW11", "time-wait-pressure", Warning,
    on: [],
    excused_by: [],
    together
}

/// Stays in TIME-WAIT by client and service.
struct ByPair {
    stays: Stays,
    /// 2 MSL, nanoseconds.
    time_wait_ns: i64,
}

/// Finds the clients and services with too many.
pub fn collector(_: &Settings, time_wait_ns: i64) -> Box<dyn Collector> {
    Box::new(ByPair {
        stays: Stays::default(),
        time_wait_ns,
    })
}

impl Collector for ByPair {
    fn add(&mut self, connection: &Connection) {
        self.stays.add(connection);
    }

    fn merge(&mut self, later: Box<dyn Any>) {
        if let Ok(later) = later.downcast::<ByPair>() {
            self.stays.merge(later.stays);
        }
    }

    fn shares(&self, connection: &Connection) -> Vec<Kept> {
        let shares = KeptStay::of(connection).filter_map(|stay| {
            let (client, server) = stay.between();
            Kept::new(format!("{client} {server}"), &stay)
        });
        shares.collect()
    }

    fn take(&mut self, kept: &str) -> Result<(), serde_json::Error> {
        self.stays.add_kept(serde_json::from_str(kept)?);
        Ok(())
    }

    /// One finding for each client, service and holder, the worst first.
    fn judge(self: Box<Self>, together: &Together<'_>) -> Vec<Found> {
        let thresholds = &together.settings.thresholds;
        let (ports, least) = (
            thresholds.ephemeral_ports,
            u64::from(thresholds.time_wait_percent) * 10,
        );
        let (span, usual) = (together.span, together.usual);
        let heavy = (self.stays).pressure(span, self.time_wait_ns, ports, least.max(1), usual);
        let found = heavy.into_iter();
        found.map(|(pair, ids)| about(&pair, ids, together, ports)).collect()
    }
}

fn about(pair: &Pressure, behind: Numbers, together: &Together<'_>, ports: u32) -> Found {
    let end = together.span.to;
    let full = match pair.full_at {
        Some(at) if at <= end => "; all were taken".to_owned(),
        Some(at) => format!("; at this rate all are taken in {}", human_duration(at.since(end))),
        None => String::new(),
    };
    let holder = match pair.holder {
        Role::Client => "the client holds them",
        Role::Server => "the server holds them",
    };
    let message = format!(
        "{} ports of {} for {} were in TIME-WAIT at the same time, {}.{} % of {ports}; {holder}{full}",
        pair.held.peak,
        pair.client,
        pair.server,
        pair.peak_permille / 10,
        pair.peak_permille % 10,
    );
    Found {
        // Until when TIME-WAIT lasts is the clock's word, not a segment's.
        confidence: Confidence::Likely,
        server: Some(pair.server),
        client: Some(pair.client),
        endpoint: Some(pair.holder),
        connections: pair.held.peak,
        ids: Vec::new(),
        behind,
        at: pair.held.peak_at,
        message,
        weakened_by: Vec::new(),
    }
}
