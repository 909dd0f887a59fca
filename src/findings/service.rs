//! What concerns all connections of a service together, or the capture.

use std::any::Any;
use std::cmp::Reverse;
use std::convert::Infallible;
use std::net::IpAddr;

use serde::Serialize;

use super::{Rule, Settings, half_close, handshake, quality, sequence, time_wait};
use crate::model::{
    Address, Capture, Confidence, Connection, Ending, Numbers, Role, ServiceFinding, Severity, Usual,
};
use crate::parts::in_order;
use crate::population::Span;
use crate::population::grouped::Lots;
use crate::time::Timestamp;

/// The capture, before a rule about all of it.
pub struct Together<'a> {
    /// The capture.
    pub capture: &'a Capture,
    /// The time that it covers.
    pub span: Span,
    /// Limits among them.
    pub settings: &'a Settings,
    /// Connections about which there was nothing else to tell: no [`Collector`] has seen them, but for unanswered ones
    /// ([`Collector::add_unanswered`]), which are not here. They are in their order, but not among those: what a rule finds must not
    /// depend on it.
    pub(crate) usual: &'a Lots<Usual>,
}

/// What a rule about connections together keeps of them: it sees each once.
pub trait Collector: Any + Send {
    /// Looks at the next connection, whose own findings are judged.
    fn add(&mut self, connection: &Connection);

    /// As [`Collector::add`] of a connection that this stands for and that nobody answered. A flood has millions of them: they are
    /// not kept for all rules, and most rules have nothing to learn of them.
    fn add_unanswered(&mut self, usual: &Usual) {
        let _ = usual;
    }

    /// Takes what another one of this rule has kept of connections that come behind those that this one has seen.
    fn merge(&mut self, later: Box<dyn Any>);

    /// What it keeps of a connection, to be collected elsewhere. Those of one group must come together.
    fn shares(&self, connection: &Connection) -> Vec<Kept>;

    /// Takes what another one kept of a connection: as good as [`Collector::add`] of the connection.
    ///
    /// # Errors
    ///
    /// It is not what this rule keeps.
    fn take(&mut self, kept: &str) -> Result<(), serde_json::Error>;

    /// What the rule finds in those it has seen, and in those that are usual.
    fn judge(self: Box<Self>, together: &Together<'_>) -> Vec<Found>;
}

/// What a rule keeps of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Those of other groups do not matter to it.
    pub group: String,
    /// JSON.
    pub kept: String,
}

impl Kept {
    /// As JSON; none if it has no JSON, which cannot be.
    pub fn new(group: String, kept: &impl Serialize) -> Option<Kept> {
        let kept = serde_json::to_string(kept).ok()?;
        Some(Kept { group, kept })
    }
}

/// A finding as its rule drafts it; the rest follows from the rule. The fields are those of [`ServiceFinding`].
#[derive(Debug, Clone)]
pub struct Found {
    /// How sure.
    pub confidence: Confidence,
    /// The service.
    pub server: Option<Address>,
    /// The client, where it is about one.
    pub client: Option<IpAddr>,
    /// Which side it is about.
    pub endpoint: Option<Role>,
    /// How many connections.
    pub connections: u64,
    /// Some of them, those that show it best first.
    pub ids: Vec<u64>,
    /// All of them.
    pub behind: Numbers,
    /// Since when.
    pub at: Option<Timestamp>,
    /// In words, one line.
    pub message: String,
    /// Faults of the capture that could explain it; they make it one step less bad, and merely possible.
    pub weakened_by: Vec<&'static str>,
}

/// How a rule about everything together looks.
#[derive(Clone, Copy)]
enum Look {
    /// At the capture alone.
    Capture(fn(&Together<'_>) -> Vec<Found>),
    /// At connections: what it keeps of them, where 2 MSL are so many nanoseconds.
    Connections(fn(&Settings, i64) -> Box<dyn Collector>),
}

const LOOKS: [(&Rule, Look); 5] = [
    (
        &half_close::close_wait_leak::RULE,
        Look::Connections(half_close::close_wait_leak::collector),
    ),
    (
        &time_wait::pressure::RULE,
        Look::Connections(time_wait::pressure::collector),
    ),
    (
        &handshake::syn_flood::RULE,
        Look::Connections(handshake::syn_flood::collector),
    ),
    (
        &sequence::bad_header::RULE,
        Look::Capture(sequence::bad_header::judge),
    ),
    (
        &quality::connections_evicted::RULE,
        Look::Capture(quality::connections_evicted::judge),
    ),
];

/// The rules about services and about the capture, shown one connection after the other.
pub struct Services {
    collectors: Vec<(&'static str, Box<dyn Collector>)>,
    /// See [`Together::usual`]. They are kept once, for all rules: most connections are usual.
    usual: Lots<Usual>,
}

impl Services {
    /// Those that are wanted. `time_wait_ns` is 2 MSL.
    pub fn new(settings: &Settings, time_wait_ns: i64) -> Services {
        let collectors = LOOKS.into_iter().filter_map(|(rule, look)| match look {
            Look::Connections(collector) if settings.severity(rule).is_some() => {
                Some((rule.code, collector(settings, time_wait_ns)))
            }
            Look::Connections(_) | Look::Capture(_) => None,
        });
        Services {
            collectors: collectors.collect(),
            usual: Lots::default(),
        }
    }

    /// Shows them the next connection.
    pub fn add(&mut self, connection: &Connection) {
        for (_, collector) in &mut self.collectors {
            collector.add(connection);
        }
    }

    /// As [`Services::add`] of the connection that it stands for.
    pub fn add_usual(&mut self, usual: &Usual) {
        if usual.ending == Ending::Unanswered {
            for (_, collector) in &mut self.collectors {
                collector.add_unanswered(usual);
            }
        } else if !self.collectors.is_empty() {
            self.usual.push(*usual);
        }
    }

    /// Takes what others of these rules have kept of connections that come behind those that these have seen.
    pub fn merge(&mut self, later: Services) {
        for ((_, own), (_, later)) in self.collectors.iter_mut().zip(later.collectors) {
            own.merge(later);
        }
        self.usual.append(later.usual);
    }

    /// What each of them keeps of a connection, by the code of its rule.
    pub fn shares(&self, connection: &Connection) -> impl Iterator<Item = (&'static str, Kept)> {
        let shares = self.collectors.iter().map(|(code, collector)| {
            let kept = collector.shares(connection).into_iter();
            kept.map(|kept| (*code, kept))
        });
        shares.flatten()
    }

    /// Shows the rule with this code what was kept of a connection.
    ///
    /// # Errors
    ///
    /// It is not what this rule keeps.
    pub fn take(&mut self, code: &str, kept: &str) -> Result<(), serde_json::Error> {
        let asked = self.collectors.iter_mut().find(|(other, _)| *other == code);
        asked.map_or(Ok(()), |(_, collector)| collector.take(kept))
    }

    /// What they find, the worst first, by so many threads. `settings` are those at the beginning.
    pub fn judge(self, capture: &Capture, settings: &Settings, threads: usize) -> Vec<ServiceFinding> {
        self.judge_those(capture, settings, threads, |_, _| true)
    }

    /// As [`Services::judge`], without what is found in the capture as a whole.
    pub fn judge_services(self, capture: &Capture, settings: &Settings) -> Vec<ServiceFinding> {
        let of_services = |_: &Rule, look: &Look| matches!(look, Look::Connections(_));
        self.judge_those(capture, settings, 1, of_services)
    }

    /// What the rule with this code finds in the connections that it was shown.
    pub fn judge_one(self, code: &str, capture: &Capture, settings: &Settings) -> Vec<ServiceFinding> {
        self.judge_those(capture, settings, 1, |rule, look| {
            rule.code == code && matches!(look, Look::Connections(_))
        })
    }

    fn judge_those(
        self,
        capture: &Capture,
        settings: &Settings,
        threads: usize,
        wanted: impl Fn(&Rule, &Look) -> bool,
    ) -> Vec<ServiceFinding> {
        let together = Together {
            capture,
            span: Span::of(capture),
            settings,
            usual: &self.usual,
        };
        let mut collectors = self.collectors;
        let mut jobs = Vec::new();
        for (rule, look) in LOOKS.into_iter().filter(|(rule, look)| wanted(rule, look)) {
            let Some(severity) = settings.severity(rule) else {
                continue;
            };
            let together = &together;
            let job: Job<'_> = match look {
                Look::Capture(judge) => Box::new(move || judge(together)),
                Look::Connections(_) => match collectors.iter().position(|(code, _)| *code == rule.code) {
                    Some(place) => {
                        let (_, collector) = collectors.swap_remove(place);
                        Box::new(move || collector.judge(together))
                    }
                    None => continue,
                },
            };
            jobs.push((rule, severity, Some(job)));
        }
        let judge = |(_, _, job): &mut (_, _, Option<Job<'_>>)| job.take().map_or_else(Vec::new, |job| job());
        let mut findings = Vec::new();
        let Ok(()) = in_order("judging", jobs, threads, judge, |(rule, severity, _), found| {
            findings.extend(found.into_iter().map(|found| graded(found, rule, severity)));
            Ok::<_, Infallible>(())
        });
        findings.retain(|finding| finding.severity >= settings.least);
        // Stable: equal ones stay in the order of the rules.
        findings.sort_by_key(|finding: &ServiceFinding| Reverse((finding.severity, finding.connections)));
        findings
    }
}

/// What a rule has still to do, once.
type Job<'a> = Box<dyn FnOnce() -> Vec<Found> + Send + 'a>;

/// With the rule's names on it, graded down by what is wrong with the capture.
fn graded(found: Found, rule: &Rule, severity: Severity) -> ServiceFinding {
    let weak = !found.weakened_by.is_empty();
    ServiceFinding {
        code: rule.code,
        name: rule.name,
        severity: if weak { severity.lower() } else { severity },
        confidence: if weak {
            Confidence::Possible
        } else {
            found.confidence
        },
        server: found.server,
        client: found.client,
        endpoint: found.endpoint,
        connections: found.connections,
        ids: found.ids,
        behind: found.behind,
        at: found.at,
        message: found.message,
        weakened_by: found.weakened_by,
    }
}

/// What the rules about the capture as a whole find, the worst first.
pub fn judge_capture(capture: &Capture, settings: &Settings) -> Vec<ServiceFinding> {
    let none = Services {
        collectors: Vec::new(),
        usual: Lots::default(),
    };
    none.judge_those(capture, settings, 1, |_, look| matches!(look, Look::Capture(_)))
}

/// What the rules about services and about the capture find, the worst first.
pub fn judge(capture: &Capture, connections: &[Connection], settings: &Settings) -> Vec<ServiceFinding> {
    let mut services = Services::new(settings, capture.time_wait_ns);
    connections.iter().for_each(|connection| services.add(connection));
    services.judge(capture, settings, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{Check, rules};

    #[test]
    fn every_rule_about_everything_has_its_judge() {
        for rule in rules() {
            let judged = LOOKS.iter().any(|(other, _)| other.code == rule.code);
            assert_eq!(judged, matches!(rule.check, Check::Together), "{}", rule.code);
        }
    }
}
