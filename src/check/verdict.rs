//! Findings, budgets, allowances and the baseline together: what stands, and whether it counts.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use hashbrown::HashMap;
use jiff::civil::Date;

use super::baseline::{Baseline, fingerprint};
use super::budget::{Budget, Overrun, Services, of_finding, of_service_finding};
use super::config::{Allowance, Config};
use super::{Case, EXAMPLES, Example, Passed, Standing, Verdict};
use crate::findings;
use crate::model::{Address, Analysis, Confidence, Connection, Finding, Role, ServiceFinding, Severity};

/// Names told in a remark that is about many.
const NAMED: usize = 5;

/// Holds an analysis against a configuration and a baseline. `today` is the day on which allowances are judged; one
/// that expires today still allows.
///
/// The analysis is to be made with [`Config::findings`], so that levels and limits are in it.
pub fn verdict(analysis: &Analysis, config: &Config, baseline: Option<&Baseline>, today: Date) -> Verdict {
    let services = Services::of(analysis);
    // A check of nothing passes; it should not look like one of something.
    let nothing = (analysis.summary.connections == 0)
        .then(|| "no TCP connection was found: nothing could be checked".to_owned());
    let mut judge = Judge {
        config,
        baseline,
        today,
        used: vec![false; config.allowances.len()],
        accepted: BTreeSet::new(),
        cases: Vec::new(),
        passed: Vec::new(),
        remarks: nothing.into_iter().collect(),
    };
    for found in Found::fold(analysis, &services, config) {
        judge.rule(found);
    }
    judge.silent_rules();
    for budget in &config.budgets {
        judge.budget(budget, &services);
    }
    judge.remark();
    judge.cases.sort_by(|a, b| order(a).cmp(&order(b)));
    Verdict {
        files: analysis.capture.files.clone(),
        packets: analysis.capture.packets,
        connections: analysis.summary.connections,
        complete: analysis.capture.complete,
        damage: analysis.capture.damage.clone(),
        fail_on: config.fail_on,
        cases: judge.cases,
        passed: judge.passed,
        remarks: judge.remarks,
    }
}

/// What fails first; among equals the worst, then the most frequent, then by name.
fn order(case: &Case) -> impl Ord + '_ {
    let fails = case.standing == Standing::Fails;
    let worst = (Reverse(fails), Reverse(case.severity), Reverse(case.connections));
    (worst, case.code.as_str(), case.service, case.endpoint)
}

struct Judge<'a> {
    config: &'a Config,
    baseline: Option<&'a Baseline>,
    today: Date,
    /// Which allowances matched something, in their order.
    used: Vec<bool>,
    /// Fingerprints of the baseline that were met.
    accepted: BTreeSet<String>,
    cases: Vec<Case>,
    passed: Vec<Passed>,
    remarks: Vec<String>,
}

impl Judge<'_> {
    fn rule(&mut self, found: Found<'_>) {
        let Key {
            code,
            service,
            endpoint,
        } = found.key;
        let (severity, confidence) = found.worst();
        let message = found.message();
        let allowed = self.allowance(code, found.name, service);
        self.push(
            Case {
                code: code.to_owned(),
                title: found.name.to_owned(),
                budget: false,
                severity,
                confidence,
                service,
                endpoint,
                standing: Standing::Reported,
                connections: found.connections,
                count: found.count,
                message,
                examples: found.examples(),
                fingerprint: fingerprint(code, false, service, endpoint),
            },
            allowed,
        );
    }

    fn budget(&mut self, budget: &Budget, services: &Services<'_>) {
        let (overruns, applied) = services.exceeding(budget);
        if !applied {
            let nothing = format!("budget {:?}: no connection to {}", budget.name, budget.service);
            self.remarks.push(nothing);
        }
        if overruns.is_empty() {
            self.passed.push(Passed {
                code: budget.name.clone(),
                title: format!("{} at {}", budget.demand(), budget.service),
            });
        }
        for overrun in overruns {
            let Overrun {
                service,
                connections,
                count,
                message,
                examples,
            } = overrun;
            let case = Case {
                code: budget.name.clone(),
                title: budget.demand(),
                budget: true,
                severity: budget.level,
                confidence: Confidence::Proven,
                service,
                endpoint: None,
                standing: Standing::Reported,
                connections,
                count,
                message,
                examples,
                fingerprint: fingerprint(&budget.name, true, service, None),
            };
            self.push(case, None);
        }
    }

    /// Decides how a case stands.
    fn push(&mut self, mut case: Case, allowed: Option<Standing>) {
        let counts = self
            .config
            .fail_on
            .is_some_and(|fail_on| case.severity >= fail_on);
        let accepted = self
            .baseline
            .and_then(|baseline| baseline.accepts(&case.fingerprint));
        if accepted.is_some() {
            self.accepted.insert(case.fingerprint.clone());
        }
        let grown = accepted.filter(|accepted| case.connections > *accepted);
        case.standing = match (allowed, accepted, grown) {
            (Some(allowed), _, _) => allowed,
            (None, Some(_), None) => Standing::Known,
            (None, _, _) if counts => Standing::Fails,
            (None, _, _) => Standing::Reported,
        };
        if let (Some(accepted), Standing::Fails | Standing::Reported) = (grown, &case.standing) {
            case.message = format!(
                "{}; {} connections now, the baseline accepts {accepted}",
                case.message, case.connections
            );
        }
        self.cases.push(case);
    }

    /// The first allowance in force for a rule at a service.
    fn allowance(&mut self, code: &str, name: &str, service: Option<Address>) -> Option<Standing> {
        let mut standing = None;
        for (allowance, used) in self.config.allowances.iter().zip(&mut self.used) {
            if !matches(allowance, code, name, service) {
                continue;
            }
            *used = true;
            if expired(allowance, self.today).is_none() && standing.is_none() {
                standing = Some(Standing::Allowed {
                    reason: allowance.reason.clone(),
                    expires: allowance.expires.map(|day| day.to_string()),
                });
            }
        }
        standing
    }

    /// Rules that were asked and found nothing.
    fn silent_rules(&mut self) {
        let found: BTreeSet<&str> = self.cases.iter().map(|case| case.code.as_str()).collect();
        let silent = findings::rules().filter(|rule| {
            let asked = self.config.findings.severity(rule);
            asked.is_some_and(|severity| heeded(self.config, rule.code, severity))
                && !found.contains(rule.code)
        });
        let passed = silent.map(|rule| Passed {
            code: rule.code.to_owned(),
            title: rule.name.to_owned(),
        });
        self.passed.extend(passed);
    }

    /// What is wrong with the configuration and the baseline without being an error.
    fn remark(&mut self) {
        for (allowance, used) in self.config.allowances.iter().zip(&self.used) {
            let what = match allowance.server {
                None => allowance.rules.to_string(),
                Some(server) => format!("{} at {server}", allowance.rules),
            };
            if let Some(day) = expired(allowance, self.today) {
                let text = format!(
                    "the allowance for {what} ({}) expired on {day}: it no longer allows",
                    allowance.reason
                );
                self.remarks.push(text);
            } else if !used {
                let text = format!("the allowance for {what} ({}) matched nothing", allowance.reason);
                self.remarks.push(text);
            }
        }
        let gone = self.baseline.into_iter().flat_map(Baseline::fingerprints);
        let gone: Vec<&str> = gone.filter(|key| !self.accepted.contains(*key)).collect();
        if !gone.is_empty() {
            let named = gone.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = if gone.len() > NAMED { ", …" } else { "" };
            let (count, entries) = match gone.len() {
                1 => (1, "entry"),
                count => (count, "entries"),
            };
            self.remarks.push(format!(
                "{count} {entries} of the baseline matched nothing: {named}{more}"
            ));
        }
    }
}

fn matches(allowance: &Allowance, code: &str, name: &str, service: Option<Address>) -> bool {
    let here = match (allowance.server, service) {
        (None, _) => true,
        (Some(server), Some(service)) => server.matches(service),
        (Some(_), None) => false,
    };
    here && allowance.rules.matches(code, name)
}

/// The day on which an allowance ended, if it did.
fn expired(allowance: &Allowance, today: Date) -> Option<Date> {
    allowance.expires.filter(|expires| *expires < today)
}

/// Information is left out unless the configuration asks for this rule's.
fn heeded(config: &Config, code: &str, severity: Severity) -> bool {
    severity > Severity::Info || config.level(code) == Some(Some(Severity::Info))
}

/// What makes findings one case.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    code: &'static str,
    service: Option<Address>,
    endpoint: Option<Role>,
}

/// A finding and where it was found.
#[derive(Clone, Copy)]
enum Source<'a> {
    One(&'a Connection, &'a Finding),
    /// With the connection that shows it, if it is known.
    Together(&'a ServiceFinding, Option<&'a Connection>),
}

/// One finding's place among those of its case: the greater, the better it shows the case.
type Rank = (Severity, Confidence, u64, Reverse<u64>);

/// All findings of one case.
struct Found<'a> {
    key: Key,
    name: &'static str,
    connections: u64,
    count: u64,
    /// The connection counted last: they come one after another.
    last: Option<u64>,
    /// Those that show it best, best first, at most [`EXAMPLES`].
    best: Vec<(Rank, Source<'a>)>,
}

impl<'a> Found<'a> {
    fn fold(analysis: &'a Analysis, services: &Services<'a>, config: &Config) -> Vec<Found<'a>> {
        let mut folded: Vec<Found<'a>> = Vec::new();
        let mut index: HashMap<Key, usize, foldhash::fast::RandomState> = HashMap::default();
        let mut place = |key: Key, name: &'static str, folded: &mut Vec<Found<'a>>| {
            *index.entry(key).or_insert_with(|| {
                folded.push(Found::new(key, name));
                folded.len() - 1
            })
        };
        // A rule may grade what it finds itself; a level of the configuration is the most that it can be.
        let level = |code: &str, severity: Severity| match config.level(code) {
            Some(Some(most)) => severity.min(most),
            Some(None) | None => severity,
        };
        for connection in &analysis.connections {
            for finding in &connection.findings {
                let severity = level(finding.code, finding.severity);
                if !heeded(config, finding.code, severity) {
                    continue;
                }
                let key = Key {
                    code: finding.code,
                    service: Some(connection.server),
                    endpoint: finding.endpoint,
                };
                let at = place(key, finding.name, &mut folded);
                let rank = (
                    severity,
                    finding.confidence,
                    finding.count,
                    Reverse(connection.id),
                );
                if let Some(found) = folded.get_mut(at) {
                    found.count += finding.count;
                    if found.last != Some(connection.id) {
                        found.connections += 1;
                        found.last = Some(connection.id);
                    }
                    found.keep(rank, Source::One(connection, finding));
                }
            }
        }
        for finding in &analysis.findings {
            let severity = level(finding.code, finding.severity);
            if !heeded(config, finding.code, severity) {
                continue;
            }
            let key = Key {
                code: finding.code,
                service: finding.server,
                endpoint: finding.endpoint,
            };
            let at = place(key, finding.name, &mut folded);
            if let Some(found) = folded.get_mut(at) {
                found.count += 1;
                found.connections += finding.connections;
                let shown = finding.ids.iter().filter_map(|id| services.connection(*id));
                let mut shown: Vec<Option<&Connection>> = shown.take(EXAMPLES).map(Some).collect();
                if shown.is_empty() {
                    shown.push(None);
                }
                for (place, connection) in (0..).zip(shown) {
                    let rank = (severity, finding.confidence, finding.connections, Reverse(place));
                    found.keep(rank, Source::Together(finding, connection));
                }
            }
        }
        folded
    }

    fn new(key: Key, name: &'static str) -> Found<'a> {
        Found {
            key,
            name,
            connections: 0,
            count: 0,
            last: None,
            best: Vec::new(),
        }
    }

    fn keep(&mut self, rank: Rank, source: Source<'a>) {
        let place = self.best.partition_point(|(other, _)| *other >= rank);
        if place < EXAMPLES {
            self.best.insert(place, (rank, source));
            self.best.truncate(EXAMPLES);
        }
    }

    /// The worst severity, and the surest of the findings that are that bad.
    fn worst(&self) -> (Severity, Confidence) {
        let first = self
            .best
            .first()
            .map(|((severity, confidence, _, _), _)| (*severity, *confidence));
        first.unwrap_or((Severity::Info, Confidence::Possible)) // a case has at least one finding
    }

    /// What the best of them says, and how many it does not speak of.
    fn message(&self) -> String {
        let (text, others) = match self.best.first() {
            Some((_, Source::One(_, finding))) => (&finding.message, self.connections.saturating_sub(1)),
            Some((_, Source::Together(finding, _))) => (
                &finding.message,
                self.connections.saturating_sub(finding.connections),
            ),
            None => return String::new(),
        };
        match others {
            0 => text.clone(),
            1 => format!("{text} (and 1 more connection)"),
            _ => format!("{text} (and {others} more connections)"),
        }
    }

    fn examples(&self) -> Vec<Example> {
        let shown = self.best.iter().filter_map(|(_, source)| match source {
            Source::One(connection, finding) => Some(of_finding(connection, finding)),
            Source::Together(finding, connection) => {
                connection.map(|connection| of_service_finding(connection, finding))
            }
        });
        shown.collect()
    }
}
