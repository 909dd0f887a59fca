//! Findings by their rules: what each means, where it is, and every connection behind it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, html};

use super::gather::{Case, Group};
use super::lists::{List, Lists};
use super::overview::badge;
use super::packed::packed;
use super::{prose, since};
use crate::explain::{Answer, Block, lookup};
use crate::model::{Address, Numbers, Role, ServiceFinding, Severity};
use crate::population::Span;
use crate::report::escape::{Html, clipped, visible};
use crate::report::look::{counted, number};

/// Services listed of a rule, and findings about services.
const SERVICES: usize = 12;
/// Findings of all rules together that are told one by one, and octets of their words; one of each rule at least.
const TOLD: usize = 500;
const WORDS: usize = 400_000;
/// Characters of what is said of a service.
const MESSAGE: usize = 400;
const TOGETHER: usize = 20;
/// Of those beyond, so many are packed together for the script, and so many of a rule at most.
const AT_ONCE: usize = 100;
const MOST_TOGETHER: usize = 100_000;
/// Octets of what stands around a message.
const BESIDE: usize = 300;
/// Sections of a rule's documentation that are left to `explain`.
const LEFT_OUT: [&str; 4] = ["Example", "Not this", "Elsewhere", "Names elsewhere"];

/// All findings, the worst first.
pub(super) struct Found<'a> {
    rules: Vec<Rule<'a>>,
    lists: Lists,
}

pub(super) struct Rule<'a> {
    pub code: &'static str,
    pub name: &'static str,
    pub severity: Severity,
    by_severity: [u64; Severity::ALL.len()],
    count: u64,
    /// None: there was no room for the list.
    ids: Option<List>,
    connections: u64,
    services: Vec<((Address, Option<Role>), u64)>,
    services_total: usize,
    other_services: u64,
    told: Vec<Case>,
    together: Vec<Together<'a>>,
    /// Findings about services beyond those, packed; and how many there was no room for.
    rest: Vec<Rest>,
    rest_total: u64,
    no_room: u64,
}

/// Some findings about services for the script.
pub(super) struct Rest {
    /// `[["error","message"],…]`, packed.
    pub words: String,
    /// For each the octets of its list, with their number before, packed.
    pub numbers: String,
}

/// A finding about a service, or about the capture.
struct Together<'a> {
    finding: &'a ServiceFinding,
    /// None: there was no room for the list, or no connection is behind it.
    ids: Option<List>,
}

/// The rule about connections that were given up for a limit; it does not see them itself.
const EVICTED: &str = "connections-evicted";

/// A message that is not too long.
fn clip(message: &str) -> Markup {
    let (message, cut) = clipped(message, MESSAGE);
    html! { (Html(message)) @if cut { "…" } }
}

/// All connections behind a finding, as far as it knows them.
fn behind(finding: &ServiceFinding) -> Numbers {
    match finding.behind.is_empty() {
        true => finding.ids.iter().copied().collect(),
        false => finding.behind.clone(),
    }
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
    /// `evicted` are the connections that were given up for a limit, `room` the octets for all numbers of connections together:
    /// the worst come first.
    pub fn of(
        rules: BTreeMap<&'static str, Group>,
        together: &'a [ServiceFinding],
        evicted: &Numbers,
        room: usize,
    ) -> Found<'a> {
        let mut lists = Lists::new(room);
        let mut groups: Vec<(&'static str, Group)> = rules.into_iter().collect();
        for (code, group) in &mut groups {
            let about = together.iter().filter(|finding| finding.code == *code);
            let mut about = about.map(behind).peekable();
            if about.peek().is_some() {
                let all = about.collect::<Vec<_>>();
                let evicted = evicted.iter().filter(|_| group.name == EVICTED);
                let own = group.ids.iter().chain(evicted);
                group.ids = all.iter().flat_map(Numbers::iter).chain(own).collect();
            }
        }
        groups.sort_by_key(|(code, group)| {
            (
                Reverse((group.severity, group.ids.count() + group.together)),
                *code,
            )
        });
        let (mut rows, mut words) = (TOLD, WORDS);
        let mut rules: Vec<Rule<'a>> = Vec::with_capacity(groups.len());
        for (code, mut group) in groups {
            let fits = group.told.iter().take_while(|case| {
                rows = rows.saturating_sub(1);
                words = words.saturating_sub(Html(&case.message).to_string().len() + BESIDE);
                rows > 0 && words > 0
            });
            let fits = fits.count().max(1);
            group.told.truncate(fits);
            let connections = group.ids.count();
            let services_total = group.services.len();
            let mut services: Vec<_> = group.services.into_iter().collect();
            services.sort_by_key(|(service, count)| (Reverse(*count), *service));
            let listed: u64 = services.iter().take(SERVICES).map(|(_, count)| count).sum();
            let by_services: u64 = services.iter().map(|(_, count)| count).sum();
            services.truncate(SERVICES);
            rules.push(Rule {
                code,
                name: group.name,
                severity: group.severity,
                by_severity: group.by_severity,
                count: group.count,
                ids: (connections > 0)
                    .then(|| lists.take(code.to_owned(), group.ids))
                    .flatten(),
                connections,
                other_services: (by_services + group.other_services).saturating_sub(listed),
                services,
                services_total,
                told: group.told,
                together: Vec::new(),
                rest: Vec::new(),
                rest_total: 0,
                no_room: 0,
            });
        }
        // What each rule names comes before what each service has of it.
        for rule in &mut rules {
            rule.add_services(together, &mut lists);
        }
        Found { rules, lists }
    }

    /// Octets of what is for the script.
    pub fn len(&self) -> usize {
        let rest = self.rules.iter().flat_map(|rule| &rule.rest);
        let rest = rest.map(Rest::len).sum::<usize>();
        let lists = self.lists.all().iter();
        lists
            .map(|(name, text)| name.len() + text.len() + 7)
            .sum::<usize>()
            + rest
    }

    /// The lists, by their names: codes of rules, and those of findings about services.
    pub fn lists(&self) -> &[(String, String)] {
        self.lists.all()
    }

    pub fn rules(&self) -> &[Rule<'a>] {
        &self.rules
    }

    /// Findings about services that only the script shows: the code of their rule, and their packed parts.
    pub fn rest(&self) -> impl Iterator<Item = (&'static str, &[Rest])> {
        let with_rest = self.rules.iter().filter(|rule| !rule.rest.is_empty());
        with_rest.map(|rule| (rule.code, rule.rest.as_slice()))
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

impl<'a> Rule<'a> {
    /// The findings about services: the first ones to be read, the others packed.
    fn add_services(&mut self, together: &'a [ServiceFinding], lists: &mut Lists) {
        let mut all = together.iter().filter(|finding| finding.code == self.code);
        let first: Vec<&ServiceFinding> = all.by_ref().take(TOGETHER).collect();
        let rest: Vec<&ServiceFinding> = all.collect();
        let alone = first.len() == 1 && self.told.is_empty();
        self.together = first
            .into_iter()
            .enumerate()
            .map(|(place, finding)| Together {
                finding,
                // One alone has the list of the rule.
                ids: match behind(finding) {
                    ids if alone || ids.is_empty() => None,
                    ids => lists.take(format!("{}.{}", self.code, place + 1), ids),
                },
            })
            .collect();
        self.rest_total = rest.len() as u64;
        let mut packed_so_far = 0;
        for some in rest.chunks(AT_ONCE) {
            let rest = (packed_so_far < MOST_TOGETHER).then(|| Rest::of(some));
            match rest.filter(|rest| lists.make_room(rest.len())) {
                Some(rest) => self.rest.push(rest),
                None => self.no_room += some.len() as u64,
            }
            packed_so_far += some.len();
        }
    }
}

impl Rest {
    fn of(findings: &[&ServiceFinding]) -> Rest {
        let mut words: Vec<(&str, String)> = Vec::with_capacity(findings.len());
        let mut numbers = Vec::new();
        for finding in findings {
            let message = visible(clipped(&finding.message, MESSAGE).0).collect();
            words.push((finding.severity.name(), message));
            let octets = behind(finding).into_octets();
            // How long the list is, as its numbers are told: this is the one run of a list that begins at zero.
            numbers.extend(Numbers::from_iter([octets.len() as u64]).into_octets());
            numbers.extend(octets);
        }
        let words = serde_json::to_string(&words).unwrap_or_default();
        Rest {
            words: packed(words.as_bytes()),
            numbers: packed(&numbers),
        }
    }

    fn len(&self) -> usize {
        self.words.len() + self.numbers.len() + 8
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
        let about = self.together.iter().map(|one| one.finding);
        let services = about.filter(|one| one.server.is_some()).count() as u64;
        if services > 0 {
            parts.push(counted(services.saturating_add(self.rest_total), "service"));
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
            ul.facts id={ "services-" (self.code) } {
                @for Together { finding, ids } in &self.together {
                    li {
                        (badge(finding.severity)) " "
                        (clip(&finding.message))
                        @if !finding.weakened_by.is_empty() { span.dim { " · could be explained by: " (finding.weakened_by.join(", ")) } }
                        @if let Some(ids) = ids { (list(ids, Some(behind(finding).count()))) }
                    }
                }
            }
            @if self.rest_total > self.no_room {
                p.note.rest data-code=(self.code) {
                    (number(self.rest_total - self.no_room)) " more like these are in this file, with their connections: the script lists them."
                }
            }
            @if self.no_room > 0 {
                p.note {
                    "There is no room in this file for " (number(self.no_room)) " more like these; "
                    code { "tcptrace-states FILE --format jsonl" } " has all."
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
                    h4 { "All " (counted(self.connections, "connection")) " behind "
                        @if self.together.len() == 1 { "it" } @else { "them" } }
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
                    Some(ids) => (list(ids, None)),
                    None => p.note {
                        "There is no room in this file for a list of their numbers. "
                        code { "tcptrace-states FILE --finding " (self.code) " --all" } " has them."
                    },
                }
            }
        }
    }
}

/// All numbers of a list, as far as there is room; the script has the others. With their count, where that is not said before.
fn list(ids: &List, count: Option<u64>) -> Markup {
    html! {
        p.ids data-list=(ids.name) {
            @if let Some(count) = count { span.dim { (counted(count, "connection")) ": " } }
            span.first { (ids.readable) }
            @if ids.beyond > 0 {
                span.beyond { " and " (number(ids.beyond)) " more, all in this file: the script lists them" }
            }
        }
    }
}

/// The number of a connection as a way to it.
pub(super) fn link(id: u64) -> Markup {
    html! { a.conn href={ "#c" (id) } data-id=(id) { (id) } }
}
