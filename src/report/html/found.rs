//! Findings by their rules: what each means, where it is, and every connection behind it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, html};

use super::gather::{Case, Group};
use super::overview::badge;
use super::runs::Told;
use super::{prose, since};
use crate::explain::{Answer, Block, lookup};
use crate::model::{Address, Role, ServiceFinding, Severity};
use crate::population::{Leaks, Span};
use crate::report::escape::Html;
use crate::report::look::{counted, number};

/// Octets for all numbers of connections together. A rule whose list has no room left says so; the worst come first.
const SHARE: usize = 900_000;
/// Services listed of a rule, and findings about services.
const SERVICES: usize = 12;
/// Findings of all rules together that are told one by one.
const TOLD: usize = 500;
const TOGETHER: usize = 20;
/// Sections of a rule's documentation that are left to `explain`.
const LEFT_OUT: [&str; 4] = ["Example", "Not this", "Elsewhere", "Names elsewhere"];

/// All findings, the worst first.
pub(super) struct Found<'a> {
    rules: Vec<Rule<'a>>,
}

pub(super) struct Rule<'a> {
    pub code: &'static str,
    pub name: &'static str,
    pub severity: Severity,
    by_severity: [u64; Severity::ALL.len()],
    count: u64,
    /// None: there was no room for the list.
    pub ids: Option<Told>,
    connections: u64,
    services: Vec<((Address, Option<Role>), u64)>,
    services_total: usize,
    other_services: u64,
    told: Vec<Case>,
    together: Vec<&'a ServiceFinding>,
}

/// The rule whose connections are the half-closes that are open at a service, or at a client.
const LEAK: &str = "close-wait-leak";

/// The half-closes behind a leak.
fn behind<'a>(finding: &ServiceFinding, leaks: &'a Leaks) -> impl Iterator<Item = u64> + use<'a> {
    let (server, client, endpoint) = (finding.server, finding.client, finding.endpoint);
    let groups = leaks.groups.iter().filter(move |group| {
        let holder = &group.holder;
        Some(holder.endpoint) == endpoint
            && match holder.endpoint {
                Role::Server => holder.server == server,
                Role::Client => holder.client == client,
            }
    });
    groups.flat_map(|group| group.open_ids.iter().copied())
}

/// Counts a finding about a service or the capture.
pub(super) fn add_together(rules: &mut BTreeMap<&'static str, Group>, finding: &ServiceFinding) {
    let group = rules
        .entry(finding.code)
        .or_insert_with(|| Group::of(finding.name));
    group.severity = group.severity.max(finding.severity);
    group.by_severity[finding.severity as usize] += 1;
    group.together += 1;
}

impl<'a> Found<'a> {
    /// `leaks` names the connections behind a leak, of which the finding itself has but a few.
    pub fn of(
        mut rules: BTreeMap<&'static str, Group>,
        together: &'a [ServiceFinding],
        leaks: &Leaks,
    ) -> Found<'a> {
        let mut leaking = together.iter().filter(|finding| finding.name == LEAK);
        let mut open: Vec<u64> = leaking
            .clone()
            .flat_map(|finding| behind(finding, leaks))
            .collect();
        open.sort_unstable();
        if let Some(group) = leaking.next().and_then(|leak| rules.get_mut(leak.code)) {
            open.into_iter().for_each(|id| group.ids.add(id));
        }
        let mut groups: Vec<(&'static str, Group)> = rules.into_iter().collect();
        groups.sort_by_key(|(code, group)| {
            (
                Reverse((group.severity, group.ids.count() + group.together)),
                *code,
            )
        });
        let (mut left, mut rows) = (SHARE, TOLD);
        let rules = groups.into_iter().map(|(code, mut group)| {
            group.told.truncate(rows.max(1));
            rows = rows.saturating_sub(group.told.len());
            let connections = group.ids.count();
            let size = group.ids.len();
            let fits = size <= left;
            left = left.saturating_sub(if fits { size } else { 0 });
            let services_total = group.services.len();
            let mut services: Vec<_> = group.services.into_iter().collect();
            services.sort_by_key(|(service, count)| (Reverse(*count), *service));
            let listed: u64 = services.iter().take(SERVICES).map(|(_, count)| count).sum();
            services.truncate(SERVICES);
            Rule {
                code,
                name: group.name,
                severity: group.severity,
                by_severity: group.by_severity,
                count: group.count,
                ids: fits.then(|| group.ids.told()),
                connections,
                other_services: connections.saturating_sub(listed),
                services,
                services_total,
                told: group.told,
                together: together.iter().filter(|finding| finding.code == code).collect(),
            }
        });
        Found {
            rules: rules.collect(),
        }
    }

    pub fn rules(&self) -> &[Rule<'a>] {
        &self.rules
    }

    pub fn section(&self, span: Span) -> Markup {
        html! {
            section id="findings" aria-labelledby="findings-h" {
                h2 id="findings-h" { "Findings" }
                @if self.rules.is_empty() {
                    p.good { "No rule found anything to report." }
                } @else {
                    p.lead { "Grouped by rule, the worst first, with every connection behind each: none is sampled away." }
                }
                @for (place, rule) in self.rules.iter().enumerate() {
                    (rule.group(span, place == 0 && rule.severity >= Severity::Warning))
                }
            }
        }
    }
}

impl Rule<'_> {
    /// `12 connections`, `2 services`.
    fn extent(&self) -> String {
        let mut parts = Vec::new();
        // Those behind a leak are not findings of their own.
        if self.connections > 0 && !self.told.is_empty() {
            parts.push(counted(self.connections, "connection"));
        }
        let services = self.together.iter().filter(|one| one.server.is_some()).count() as u64;
        if services > 0 {
            parts.push(counted(services, "service"));
        }
        if self.together.len() as u64 > services {
            parts.push("the capture".to_owned());
        }
        parts.join(", ")
    }

    fn group(&self, span: Span, open: bool) -> Markup {
        html! {
            details.finding id={ "finding-" (self.code) } open[open] {
                summary {
                    (badge(self.severity))
                    span.code { (self.code) }
                    span.name { (self.name.replace('-', " ")) }
                    span.extent { (self.extent()) }
                }
                div.body.two {
                    div.seen {
                        @if !self.together.is_empty() { (self.about_services()) }
                        @if !self.told.is_empty() { (self.cases(span)) }
                        @if self.connections > 0 { (self.connections()) }
                    }
                    (self.meaning())
                }
            }
        }
    }

    /// The rule's own documentation.
    fn meaning(&self) -> Markup {
        let Answer::Pages(pages) = lookup(self.code) else {
            return html! {};
        };
        let mut inside = false;
        let blocks = pages
            .iter()
            .take(1)
            .flat_map(|page| &page.blocks)
            .filter(|block| {
                if let Block::Heading(text) = block {
                    inside = LEFT_OUT.contains(&text.as_str());
                }
                !inside
            });
        html! {
            div.meaning {
                @for block in blocks { @match block {
                    Block::Heading(text) => h4 { (Html(text)) },
                    Block::Text(text) => p { (prose(text)) },
                    Block::Item(text) => p.item { (prose(text)) },
                    Block::Code(text) => pre { (Html(text)) },
                    Block::Grid { head, rows } => { table.list {
                        thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                        tbody { @for row in rows { tr { @for cell in row { td { (prose(cell)) } } } } }
                    } },
                } }
                p.dim { "More: " code { "tcptrace-states explain " (self.code) } }
            }
        }
    }

    fn about_services(&self) -> Markup {
        html! {
            h4 { "Services and the capture" }
            ul.facts {
                @for finding in self.together.iter().take(TOGETHER) {
                    li {
                        (badge(finding.severity)) " "
                        (Html(&finding.message))
                        @if !finding.ids.is_empty() {
                            span.dim { " · for example " @for (index, id) in finding.ids.iter().take(5).enumerate() {
                                @if index > 0 { ", " } (link(*id))
                            } }
                        }
                    }
                }
                @if self.together.len() > TOGETHER {
                    li { (number((self.together.len() - TOGETHER) as u64)) " more like these are not listed here; --format jsonl has all." }
                }
            }
        }
    }

    fn cases(&self, span: Span) -> Markup {
        html! {
            div.scroll tabindex="0" role="region" aria-label={ "Connections with " (self.code) } { table.list {
                thead { tr {
                    th.n scope="col" { "Connection" } th scope="col" { "Client → server" } th.n scope="col" { "Packet" }
                    th.n scope="col" { "At" } th scope="col" { "What was seen" }
                } }
                tbody { @for case in &self.told { tr {
                    td.n { (link(case.id)) }
                    td.ends { (case.client) " → " (case.server) }
                    td.n { @match case.packet { Some(packet) => (number(packet)), None => "–" } }
                    td.n { @match case.at { Some(at) => (since(span, at)), None => "–" } }
                    td {
                        @if case.severity != self.severity { (badge(case.severity)) " " }
                        (Html(&case.message))
                        span.dim { " · " (case.confidence)
                            @if !case.weakened_by.is_empty() { ", could be explained by: " (case.weakened_by.join(", ")) } }
                    }
                } } }
            } }
        }
    }

    /// Every connection, by service and by number.
    fn connections(&self) -> Markup {
        let rest = self.services_total.saturating_sub(self.services.len()) as u64;
        html! {
            div.all {
                @if self.told.is_empty() {
                    h4 { "All " (counted(self.connections, "half-close")) " open there at the end" }
                } @else {
                h4 { "All " (counted(self.connections, "connection")) }
                p.dim {
                    @for severity in Severity::ALL.into_iter().rev() {
                        @let count = self.by_severity[severity as usize];
                        @if count > 0 { (counted(count, severity.name())) " · " }
                    }
                    "seen " (number(self.count)) " times"
                } }
                @if !self.told.is_empty() && (self.services.len() > 1 || self.other_services > 0) { ul.services {
                    @for ((server, role), count) in &self.services {
                        li { (server) @if let Some(role) = role { " (" (role.name()) ")" } " " strong { (number(*count)) } }
                    }
                    @if self.other_services > 0 {
                        li { @if rest > 0 { "other services" } @else { "others" } " " strong { (number(self.other_services)) } }
                    }
                } }
                @match &self.ids {
                    Some(ids) => p.ids data-code=(self.code) {
                        span.first { (ids.readable) }
                        @if ids.beyond > 0 {
                            span.beyond { " and " (number(ids.beyond)) " more, all in this file: the script lists them" }
                        }
                    },
                    None => p.note {
                        "There is no room in this file for a list of their numbers. "
                        code { "tcptrace-states FILE --finding " (self.code) " --all" } " has them."
                    },
                }
            }
        }
    }
}

/// The number of a connection as a way to it.
pub(super) fn link(id: u64) -> Markup {
    html! { a.conn href={ "#c" (id) } data-id=(id) { (id) } }
}
