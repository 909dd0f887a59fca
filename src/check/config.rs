//! The configuration, `tcptrace-states.toml`: what makes a check fail, limits and levels of the rules, budgets, and what is
//! allowed and why.
//!
//! A mistake in it is an error that says where, never a setting that silently does nothing.

mod reader;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use toml::de::{DeTable, DeValue};

pub use self::reader::{ConfigError, Fault};
use self::reader::{Reader, Section, meant, quoted};
use super::budget::{Budget, Limit, Quantile};
use super::pattern::ServicePattern;
use crate::findings::{self, Rule, Thresholds};
use crate::model::{Outcome, Severity};
use crate::time::time_wait;

/// The name under which it is looked for.
pub const FILE_NAME: &str = "tcptrace-states.toml";

/// Octets that a configuration may have; more is not a configuration.
pub const MOST_BYTES: u64 = 1 << 20;

/// What a team wants of its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// From this severity on a case fails; none: nothing fails.
    pub fail_on: Option<Severity>,
    /// 2 MSL, nanoseconds, if it is set.
    pub time_wait_ns: Option<i64>,
    /// Limits and levels of the rules.
    pub findings: findings::Settings,
    /// Limits that the team sets itself.
    pub budgets: Vec<Budget>,
    /// What is allowed.
    pub allowances: Vec<Allowance>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            fail_on: Some(Severity::Error),
            time_wait_ns: None,
            findings: findings::Settings::default(),
            budgets: Vec::new(),
            allowances: Vec::new(),
        }
    }
}

/// Findings that are allowed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Which rules.
    pub rules: RulePattern,
    /// At which services; none: at all of them, and in the capture as a whole.
    pub server: Option<ServicePattern>,
    /// Why.
    pub reason: String,
    /// The last day on which it allows anything.
    pub expires: Option<Date>,
}

/// A rule's code, or the beginning of some rules' codes or names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulePattern {
    /// The rule with this code.
    Code(&'static str),
    /// `TW*`: all rules whose code or name begins like this, in lower case.
    Prefix(String),
}

impl RulePattern {
    /// Whether a rule belongs to it, given by its code and name.
    pub fn matches(&self, code: &str, name: &str) -> bool {
        match self {
            RulePattern::Code(own) => *own == code,
            RulePattern::Prefix(prefix) => {
                let begins = |word: &str| word.to_ascii_lowercase().starts_with(prefix.as_str());
                begins(code) || begins(name)
            }
        }
    }
}

impl std::fmt::Display for RulePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RulePattern::Code(code) => f.write_str(code),
            RulePattern::Prefix(prefix) => write!(f, "{}*", prefix.to_ascii_uppercase()),
        }
    }
}

impl Config {
    /// Reads a configuration. `file` is its name for the messages.
    ///
    /// # Errors
    ///
    /// All its mistakes, with their places.
    ///
    /// ```
    /// use tcptrace_states::check::Config;
    ///
    /// let config = Config::parse("fail-on = \"warning\"", "a.toml")?;
    /// assert_eq!(config.fail_on.map(|level| level.name()), Some("warning"));
    ///
    /// let error = Config::parse("\nfail_on = \"warning\"", "a.toml").unwrap_err();
    /// assert_eq!(error.to_string(), "a.toml:2:1: unknown key \"fail_on\"; did you mean fail-on?");
    /// # Ok::<(), tcptrace_states::check::config::ConfigError>(())
    /// ```
    pub fn parse(text: &str, file: &str) -> Result<Config, ConfigError> {
        let mut reader = Reader::new();
        let mut config = Config::default();
        match DeTable::parse(text) {
            Ok(document) => config.read(&mut reader, &Section::root(&document)),
            Err(error) => reader.fault(error.span().unwrap_or_default(), error.message().trim()),
        }
        match reader.into_error(file, text) {
            Some(error) => Err(error),
            None => Ok(config),
        }
    }

    fn read(&mut self, reader: &mut Reader, root: &Section<'_, '_>) {
        reader.only(
            root,
            &["fail-on", "time-wait", "limits", "rules", "budget", "allow"],
        );
        if let Some(level) = reader.word(root, "fail-on", &FAIL_ON) {
            self.fail_on = level;
        }
        if let Some(section) = reader.section(root, "time-wait") {
            self.time_wait(reader, &section);
        }
        if let Some(section) = reader.section(root, "limits") {
            limits(reader, &section, &mut self.findings.thresholds);
        }
        if let Some(section) = reader.section(root, "rules") {
            self.findings.levels = levels(reader, &section);
        }
        let mut names = BTreeSet::new();
        for section in reader.sections(root, "budget") {
            let Some(budget) = budget(reader, &section) else {
                continue;
            };
            if !names.insert(budget.name.clone()) {
                reader.fault_at(&section, "name", format!("{} is taken", quoted(&budget.name)));
            }
            self.demand(reader, &section, &budget);
            self.budgets.push(budget);
        }
        for section in reader.sections(root, "allow") {
            self.allowances.extend(allowance(reader, &section));
        }
        if self
            .findings
            .levels
            .iter()
            .any(|(_, level)| *level == Some(Severity::Info))
        {
            self.findings.least = Severity::Info;
        }
    }

    fn time_wait(&mut self, reader: &mut Reader, section: &Section<'_, '_>) {
        reader.only(section, &["msl", "ephemeral-ports", "pressure-percent"]);
        if let Some(text) = reader.string(section, "msl") {
            match time_wait(text) {
                Ok(ns) => self.time_wait_ns = Some(ns),
                Err(why) => reader.fault_at(section, "msl", why),
            }
        }
        let thresholds = &mut self.findings.thresholds;
        set_u32(
            reader,
            section,
            "ephemeral-ports",
            65_536,
            &mut thresholds.ephemeral_ports,
        );
        set_u32(
            reader,
            section,
            "pressure-percent",
            100,
            &mut thresholds.time_wait_percent,
        );
    }

    /// A budget for what a rule finds needs the rule: one that is off would always be met.
    fn demand(&mut self, reader: &mut Reader, section: &Section<'_, '_>, budget: &Budget) {
        let Limit::Rule { code, .. } = budget.limit else {
            return;
        };
        match self.level(code) {
            Some(None) => reader.fault_at(section, "rule", format!("{code} is off in [rules]")),
            Some(Some(Severity::Info)) => self.findings.least = Severity::Info,
            None if findings::find(code).is_some_and(|rule| rule.severity == Severity::Info) => {
                self.findings.least = Severity::Info;
            }
            None | Some(Some(Severity::Note | Severity::Warning | Severity::Error)) => {}
        }
    }

    /// What `[rules]` says of a rule: nothing, that it is off, or its level.
    pub fn level(&self, code: &str) -> Option<Option<Severity>> {
        let set = self.findings.levels.iter().find(|(own, _)| *own == code);
        set.map(|(_, level)| *level)
    }
}

const FAIL_ON: [(&str, Option<Severity>); 4] = [
    ("error", Some(Severity::Error)),
    ("warning", Some(Severity::Warning)),
    ("note", Some(Severity::Note)),
    ("never", None),
];

const LEVELS: [(&str, Option<Severity>); 5] = [
    ("off", None),
    ("info", Some(Severity::Info)),
    ("note", Some(Severity::Note)),
    ("warning", Some(Severity::Warning)),
    ("error", Some(Severity::Error)),
];

const BUDGET_LEVELS: [(&str, Severity); 3] = [
    ("note", Severity::Note),
    ("warning", Severity::Warning),
    ("error", Severity::Error),
];

fn set_u32(reader: &mut Reader, section: &Section<'_, '_>, key: &str, most: u64, field: &mut u32) {
    let number = reader.integer(section, key, 1..=most);
    if let Some(number) = number.and_then(|number| u32::try_from(number).ok()) {
        *field = number;
    }
}

fn limits(reader: &mut Reader, section: &Section<'_, '_>, thresholds: &mut Thresholds) {
    reader.only(
        section,
        &[
            "half-close",
            "fin-wait-2",
            "unanswered",
            "leak-connections",
            "flood-connections",
            "storm-segments",
        ],
    );
    for (key, field) in [
        ("fin-wait-2", &mut thresholds.fin_wait_2_ns),
        ("unanswered", &mut thresholds.unanswered_ns),
    ] {
        if let Some(ns) = reader.duration(section, key) {
            *field = ns;
        }
    }
    for (key, field) in [
        ("leak-connections", &mut thresholds.leak_connections),
        ("flood-connections", &mut thresholds.flood_connections),
        ("storm-segments", &mut thresholds.storm_segments),
    ] {
        if let Some(number) = reader.integer(section, key, 1..=u64::MAX) {
            *field = number;
        }
    }
    let Some(half_close) = reader.section(section, "half-close") else {
        return;
    };
    reader.only(&half_close, &["warning", "error"]);
    let warning = reader.duration(&half_close, "warning");
    let error = reader.duration(&half_close, "error");
    if let (Some(warning), Some(error)) = (warning, error)
        && error < warning
    {
        reader.fault_at(&half_close, "error", "is shorter than warning");
    }
    // An error below the usual warning, given alone, takes the warning's place.
    thresholds.half_close_warning_ns = warning.unwrap_or_else(|| {
        let own = thresholds.half_close_warning_ns;
        error.map_or(own, |error| error.min(own))
    });
    thresholds.half_close_error_ns = error;
}

fn levels(reader: &mut Reader, section: &Section<'_, '_>) -> Vec<(&'static str, Option<Severity>)> {
    let mut levels: BTreeMap<&'static str, Option<Severity>> = BTreeMap::new();
    for (key, value) in section.entries() {
        let word = key.get_ref().as_ref();
        let rule = match known(word) {
            Ok(rule) => rule,
            Err(why) => {
                reader.fault(key.span(), format!("rules: {why}"));
                continue;
            }
        };
        let Some(table) = reader.table(section.name(word), value) else {
            continue;
        };
        reader.only(&table, &["level"]);
        if table.get("level").is_none() {
            reader.fault(key.span(), format!("{} is missing", table.name("level")));
            continue;
        }
        let Some(level) = reader.word(&table, "level", &LEVELS) else {
            continue;
        };
        if levels.insert(rule.code, level).is_some() {
            let message = format!("rules: {} ({}) stands here twice", rule.code, rule.name);
            reader.fault(key.span(), message);
        }
    }
    levels.into_iter().collect()
}

/// The rule with this code or name.
fn known(word: &str) -> Result<&'static Rule, String> {
    findings::find(word).ok_or_else(|| {
        let words = findings::rules().flat_map(|rule| [rule.code, rule.name]);
        match meant(word, words) {
            Some(hint) => format!("unknown rule {}; {hint}", quoted(word)),
            None => format!("unknown rule {}", quoted(word)),
        }
    })
}

/// Keys of a budget that limit something. Each budget has one of them.
const LIMITS: [&str; 11] = [
    "max-half-closes",
    "close-wait-p50",
    "close-wait-p99",
    "close-wait-max",
    "fin-wait-2-max",
    "time-wait-peak",
    "max-open",
    "max-resets",
    "max-refused",
    "max-unanswered",
    "handshake-p99",
];

fn budget(reader: &mut Reader, section: &Section<'_, '_>) -> Option<Budget> {
    let mut keys = vec!["name", "service", "level", "longer-than", "rule", "max"];
    keys.extend(LIMITS);
    let all_known = reader.only(section, &keys);
    let name = reader.required(section, "name");
    if let Some(rule) = name.and_then(findings::find) {
        // Views and the baseline tell budgets and rules apart by these words.
        reader.fault_at(section, "name", format!("{} is the name of a rule", rule.code));
    }
    let service = reader.required(section, "service");
    let service = service.and_then(|text| pattern(reader, section, "service", text));
    let level = reader.word(section, "level", &BUDGET_LEVELS);
    let limit = limit(reader, section, all_known);
    Some(Budget {
        name: name?.to_owned(),
        service: service?,
        level: level.unwrap_or(Severity::Error),
        limit: limit?,
    })
}

/// The one limit of a budget. Where a key is misspelled (not `all_known`), it may be that.
fn limit(reader: &mut Reader, section: &Section<'_, '_>, all_known: bool) -> Option<Limit> {
    let mut given = LIMITS
        .into_iter()
        .chain(["rule"])
        .filter(|key| section.get(key).is_some());
    let Some(key) = given.next() else {
        if all_known {
            let known = LIMITS.join(", ");
            let message = format!("budget: it limits nothing; give one of {known}, or rule with max");
            reader.fault(section.span.clone(), message);
        }
        return None;
    };
    if let Some(other) = given.next() {
        reader.fault_at(
            section,
            other,
            format!("this budget limits {key} already; make two of it"),
        );
    }
    for (key_of, belongs_to) in [("longer-than", "max-half-closes"), ("max", "rule")] {
        if section.get(key_of).is_some() && key != belongs_to {
            reader.fault_at(section, key_of, format!("goes with {belongs_to}"));
        }
    }
    let count = |reader: &mut Reader| reader.integer(section, key, 0..=u64::MAX);
    let close_wait = |reader: &mut Reader, of: Quantile| {
        let most_ns = reader.duration(section, key)?;
        Some(Limit::CloseWait { of, most_ns })
    };
    let ended = |reader: &mut Reader, outcome: Outcome| {
        let most = count(reader)?;
        Some(Limit::Ended { outcome, most })
    };
    match key {
        "max-half-closes" => {
            let most = count(reader);
            let longer_than_ns = match section.get("longer-than") {
                None => Some(0),
                Some(_) => reader.duration(section, "longer-than"),
            };
            Some(Limit::HalfCloses {
                most: most?,
                longer_than_ns: longer_than_ns?,
            })
        }
        "close-wait-p50" => close_wait(reader, Quantile::P50),
        "close-wait-p99" => close_wait(reader, Quantile::P99),
        "close-wait-max" => close_wait(reader, Quantile::Max),
        "fin-wait-2-max" => {
            let most_ns = reader.duration(section, key)?;
            Some(Limit::FinWait2 { most_ns })
        }
        "time-wait-peak" => {
            let most = count(reader)?;
            Some(Limit::TimeWaitPeak { most })
        }
        "max-open" => ended(reader, Outcome::Open),
        "max-resets" => ended(reader, Outcome::Reset),
        "max-refused" => ended(reader, Outcome::Refused),
        "max-unanswered" => ended(reader, Outcome::Unanswered),
        "handshake-p99" => {
            let most_ns = reader.duration(section, key)?;
            Some(Limit::Handshake { most_ns })
        }
        _ => {
            let rule = rule_of(reader, section);
            if section.get("max").is_none() {
                reader.fault_at(section, "max", "is missing");
            }
            let most = reader.integer(section, "max", 0..=u64::MAX);
            Some(Limit::Rule {
                code: rule?.code,
                most: most?,
            })
        }
    }
}

/// The rule that a budget counts.
fn rule_of(reader: &mut Reader, section: &Section<'_, '_>) -> Option<&'static Rule> {
    let word = reader.required(section, "rule")?;
    match known(word) {
        Ok(rule) => Some(rule),
        Err(why) => {
            reader.fault_at(section, "rule", why);
            None
        }
    }
}

fn pattern(reader: &mut Reader, section: &Section<'_, '_>, key: &str, text: &str) -> Option<ServicePattern> {
    match text.parse() {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            reader.fault_at(section, key, format!("{} is no service; {why}", quoted(text)));
            None
        }
    }
}

fn allowance(reader: &mut Reader, section: &Section<'_, '_>) -> Option<Allowance> {
    reader.only(section, &["rule", "server", "reason", "expires"]);
    let rules = reader.required(section, "rule");
    let rules = rules.and_then(|word| match rule_pattern(word) {
        Ok(rules) => Some(rules),
        Err(why) => {
            reader.fault_at(section, "rule", why);
            None
        }
    });
    let reason = reader.required(section, "reason");
    let server = match reader.string(section, "server") {
        Some(text) => Some(pattern(reader, section, "server", text)?),
        None => None,
    };
    let expires = day(reader, section, "expires");
    Some(Allowance {
        rules: rules?,
        server,
        reason: reason?.to_owned(),
        expires,
    })
}

fn rule_pattern(word: &str) -> Result<RulePattern, String> {
    let Some(prefix) = word.strip_suffix('*') else {
        return known(word).map(|rule| RulePattern::Code(rule.code));
    };
    let pattern = RulePattern::Prefix(prefix.to_ascii_lowercase());
    if findings::rules().any(|rule| pattern.matches(rule.code, rule.name)) {
        Ok(pattern)
    } else {
        Err(format!("no rule matches {}", quoted(word)))
    }
}

/// A local date, `2027-03-01`.
fn day(reader: &mut Reader, section: &Section<'_, '_>, key: &str) -> Option<Date> {
    const WANTED: &str = "a date without quotes such as 2027-03-01";
    let value = section.get(key)?;
    let DeValue::Datetime(moment) = value.get_ref() else {
        reader.wrong_type(&section.name(key), value, WANTED);
        return None;
    };
    let (Some(date), None, None) = (moment.date, moment.time, moment.offset) else {
        reader.wrong_type(&section.name(key), value, WANTED);
        return None;
    };
    let numbers = (
        i16::try_from(date.year),
        i8::try_from(date.month),
        i8::try_from(date.day),
    );
    let day = match numbers {
        (Ok(year), Ok(month), Ok(day)) => Date::new(year, month, day).ok(),
        _ => None,
    };
    if day.is_none() {
        reader.fault_at(section, key, "there is no such day");
    }
    day
}

#[cfg(test)]
mod tests;
