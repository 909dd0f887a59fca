//! HC05

use std::any::Any;

use crate::findings::rule;
use crate::findings::Settings;
use crate::findings::service::{Collector, Found, Kept, Together};
use crate::model::{Confidence, Connection, Role};
use crate::population::leaks::{KeptHalfClose, Leaking, Overdue};
use crate::population::{By, HalfCloses};
use crate::time::human_duration;

rule! {
    /// An endpoint leaves many half-closes open: it does not close its side after its peers did.
    ///
    /// # Why it matters
    ///
    /// The system does not end CLOSE-WAIT by itself: RFC 9293 sets no limit to a half-close, only the program can close.
    /// Each one keeps a socket, a file descriptor and often a thread or a place in a pool until the program has none left.
    ///
    /// A capture that is cut in ordinary traffic has open half-closes, too. So those count that are overdue: open for more
    /// than a second, and for more than twice the time within which the endpoint itself ended 99 of 100 others. One that
    /// carried payload in the last three seconds of the capture is in use. There must be as many as the threshold (5 unless
    /// set otherwise), and more than the endpoint ended after such a time.
    ///
    /// It is proven where that many have lasted for more than 30 s and segments of the endpoint itself prove CLOSE-WAIT, else
    /// likely: the endpoint may still come to them.
    ///
    /// # What to do
    ///
    /// See `leaks` for who they are. If the request was answered, the program forgets to close after its answer, or keeps the
    /// connection in a pool whose end it does not notice; if not, the work on the request is stuck. `ss -tnp state close-wait`
    /// names the process; a Recv-Q of 1 says that it never read the end of the stream.
    ///
    /// # Reference
    ///
    /// RFC 9293 sections 3.3.2 and 3.6: CLOSE-WAIT waits for a CLOSE by the local user.
    ///
    /// # Example
    ///
    /// ```text
    /// repeat 6 every 10.0
    /// open
    /// 0.100 C>S PSH,ACK seq=101 ack=301 len=50
    /// 0.110 S>C PSH,ACK seq=301 ack=151 len=800
    /// 1.000 C>S FIN,ACK seq=151 ack=1101
    /// 1.010 S>C ACK     seq=1101 ack=152
    /// 200.000 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// repeat 6 every 0.1
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 9.000 S>C PSH,ACK seq=301 ack=102 len=1000
    /// 9.010 C>S ACK     seq=102 ack=1301
    /// ```
    "HC05", "close-wait-leak", Error,
    on: [],
    excused_by: [Loss, OneSided],
    together
}

/// Half-closes by endpoint.
struct ByEndpoint {
    half_closes: HalfCloses,
    /// So many make a leak.
    least: u64,
}

/// Finds the endpoints that leak.
pub fn collector(settings: &Settings, _: i64) -> Box<dyn Collector> {
    Box::new(ByEndpoint {
        half_closes: HalfCloses::new(By::Server, 0),
        least: settings.thresholds.leak_connections.max(1),
    })
}

impl Collector for ByEndpoint {
    fn add(&mut self, connection: &Connection) {
        self.half_closes.add(connection);
    }

    fn merge(&mut self, later: Box<dyn Any>) {
        if let Ok(later) = later.downcast::<ByEndpoint>() {
            self.half_closes.merge(later.half_closes);
        }
    }

    fn shares(&self, connection: &Connection) -> Vec<Kept> {
        let kept = KeptHalfClose::of(connection);
        let kept = kept.and_then(|kept| {
            let holder = kept.holder(By::Server);
            let group = match (holder.server, holder.client) {
                (Some(server), _) => server.to_string(),
                (None, Some(client)) => client.to_string(),
                (None, None) => String::new(),
            };
            Kept::new(group, &kept)
        });
        kept.into_iter().collect()
    }

    fn take(&mut self, kept: &str) -> Result<(), serde_json::Error> {
        self.half_closes.add_kept(serde_json::from_str(kept)?);
        Ok(())
    }

    /// One finding for each endpoint that leaks, the worst first.
    fn judge(self: Box<Self>, together: &Together<'_>) -> Vec<Found> {
        let least = self.least;
        let groups = self.half_closes.overdue(least, together.span.to, together.usual);
        let leaking = groups
            .iter()
            .filter(|group| group.overdue.open >= least && group.overdue.open > group.overdue.ended);
        leaking.map(|group| about(group, least)).collect()
    }
}

fn about(group: &Leaking, least: u64) -> Found {
    let (holder, overdue) = (&group.holder, &group.overdue);
    let confidence = if overdue.certain >= least {
        Confidence::Proven
    } else {
        Confidence::Likely
    };
    let faults = [("capture-loss", overdue.lossy), ("one-sided", overdue.one_sided)];
    let faults = faults.iter().filter(|(_, count)| *count > 0).map(|(name, _)| *name);
    Found {
        confidence,
        server: holder.server,
        client: holder.client,
        endpoint: Some(holder.endpoint),
        connections: overdue.open,
        ids: overdue.ids.clone(),
        behind: group.behind.clone(),
        at: overdue.oldest_since,
        message: message(group, overdue),
        // As long as enough of them are seen in full, the others do not matter.
        weakened_by: if overdue.sound >= least {
            Vec::new()
        } else {
            faults.collect()
        },
    }
}

fn message(group: &Leaking, overdue: &Overdue) -> String {
    let who = match (group.holder.endpoint, group.holder.server, group.holder.client) {
        (Role::Server, Some(server), _) => format!("server {server}"),
        (Role::Client, _, Some(client)) => format!("client {client}"),
        (role @ (Role::Client | Role::Server), _, _) => format!("the {}", role.name()),
    };
    let oldest = group.oldest_ns;
    let usual = match group.ended_ns {
        Some(spread) => format!(
            "{} others ended, half of them within {}",
            group.ended,
            human_duration(spread.p50_ns)
        ),
        None => "none ended".to_owned(),
    };
    format!(
        "{who} does not close: {} half-closes open for more than {}, the oldest for {}+; {usual}",
        overdue.open,
        human_duration(overdue.limit_ns),
        human_duration(oldest),
    )
}
