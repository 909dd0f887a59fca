//! What concerns all connections of a service together, or the capture.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::{Rule, Settings, half_close, handshake, quality, sequence, time_wait};
use crate::model::{Address, Capture, Confidence, Connection, Role, ServiceFinding};
use crate::population::Span;
use crate::time::Timestamp;

/// Everything, before a rule about all of it.
pub struct Together<'a> {
    /// The capture.
    pub capture: &'a Capture,
    /// All of its connections.
    pub connections: &'a [Connection],
    /// The time that it covers.
    pub span: Span,
    /// Limits among them.
    pub settings: &'a Settings,
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
    /// Since when.
    pub at: Option<Timestamp>,
    /// In words, one line.
    pub message: String,
    /// Faults of the capture that could explain it; they make it one step less bad, and merely possible.
    pub weakened_by: Vec<&'static str>,
}

/// Rules about everything together, and how each looks.
type Judge = fn(&Together<'_>) -> Vec<Found>;
const JUDGES: [(&Rule, Judge); 5] = [
    (
        &half_close::close_wait_leak::RULE,
        half_close::close_wait_leak::judge,
    ),
    (&time_wait::pressure::RULE, time_wait::pressure::judge),
    (&handshake::syn_flood::RULE, handshake::syn_flood::judge),
    (&sequence::bad_header::RULE, sequence::bad_header::judge),
    (
        &quality::connections_evicted::RULE,
        quality::connections_evicted::judge,
    ),
];

/// What the rules about services and about the capture find, the worst first.
pub fn judge(capture: &Capture, connections: &[Connection], settings: &Settings) -> Vec<ServiceFinding> {
    let together = Together {
        capture,
        connections,
        span: Span::of(capture),
        settings,
    };
    let mut findings = Vec::new();
    for (rule, judge) in JUDGES {
        let Some(severity) = settings.severity(rule) else {
            continue;
        };
        findings.extend(judge(&together).into_iter().map(|found| {
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
                at: found.at,
                message: found.message,
                weakened_by: found.weakened_by,
            }
        }));
    }
    findings.retain(|finding| finding.severity >= settings.least);
    // Stable: equal ones stay in the order of the rules.
    findings.sort_by_key(|finding| Reverse((finding.severity, finding.connections)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{Check, rules};

    #[test]
    fn every_rule_about_everything_has_its_judge() {
        for rule in rules() {
            let judged = JUDGES.iter().any(|(other, _)| other.code == rule.code);
            assert_eq!(judged, matches!(rule.check, Check::Together), "{}", rule.code);
        }
    }
}
