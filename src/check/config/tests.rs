use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

fn parse(text: &str) -> Config {
    Config::parse(text, "a.toml").unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// What is wrong with a text, one line a fault.
fn faults(text: &str) -> String {
    match Config::parse(text, "a.toml") {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_empty_one_fails_on_errors_and_changes_nothing_else() {
    assert_eq!(parse(""), Config::default());
    assert_eq!(parse("# nothing\n"), Config::default());
    assert_eq!(Config::default().fail_on, Some(Severity::Error));
}

#[test]
fn everything_has_its_place() {
    let config = parse(
        r#"
fail-on = "never"

[time-wait]
msl = "30s"
ephemeral-ports = 16384
pressure-percent = 80

[limits.half-close]
warning = "10s"
error = "90s"

[limits]
fin-wait-2 = "2m"
unanswered = "1.5s"
leak-connections = 7
flood-connections = 8
storm-segments = 9

[rules.FN08]
level = "off"

[[budget]]
name = "no leak"
service = "10.0.0.5:8080"
level = "warning"
max-half-closes = 2
longer-than = "60s"

[[budget]]
name = "half-closes"
service = "*"
max-half-closes = 0

[[budget]]
name = "slow close"
service = "*:443"
close-wait-p99 = "5s"

[[allow]]
rule = "fn*"
server = "[2001:db8::]/32"
reason = "scraper resets on purpose"
expires = 2027-03-01

[[allow]]
rule = "data-after-fin"
reason = "known"
"#,
    );
    assert_eq!(config.fail_on, None);
    assert_eq!(config.time_wait_ns, Some(60 * SECOND));
    assert_eq!(
        config.findings.thresholds,
        Thresholds {
            half_close_warning_ns: 10 * SECOND,
            half_close_error_ns: Some(90 * SECOND),
            fin_wait_2_ns: 120 * SECOND,
            leak_connections: 7,
            unanswered_ns: 1_500_000_000,
            ephemeral_ports: 16_384,
            time_wait_percent: 80,
            flood_connections: 8,
            storm_segments: 9,
        }
    );
    assert_eq!(config.findings.levels, [("FN08", None)]);
    let budgets: Vec<(&str, Severity, &Limit)> = (config.budgets.iter())
        .map(|budget| (budget.name.as_str(), budget.level, &budget.limit))
        .collect();
    assert_eq!(
        budgets,
        [
            (
                "no leak",
                Severity::Warning,
                &Limit::HalfCloses {
                    most: 2,
                    longer_than_ns: 60 * SECOND
                }
            ),
            (
                "half-closes",
                Severity::Error,
                &Limit::HalfCloses {
                    most: 0,
                    longer_than_ns: 0
                }
            ),
            (
                "slow close",
                Severity::Error,
                &Limit::CloseWait {
                    of: Quantile::P99,
                    most_ns: 5 * SECOND
                }
            ),
        ]
    );
    assert_eq!(
        config.allowances,
        [
            Allowance {
                rules: RulePattern::Prefix("fn".to_owned()),
                server: "[2001:db8::]/32".parse().ok(),
                reason: "scraper resets on purpose".to_owned(),
                expires: Some(jiff::civil::date(2027, 3, 1)),
            },
            Allowance {
                rules: RulePattern::Code("FN08"),
                server: None,
                reason: "known".to_owned(),
                expires: None,
            },
        ]
    );
}

#[test]
fn every_kind_of_limit_is_read() {
    let cases = [
        (
            "close-wait-p50 = \"5s\"",
            Limit::CloseWait {
                of: Quantile::P50,
                most_ns: 5 * SECOND,
            },
        ),
        (
            "close-wait-max = \"5s\"",
            Limit::CloseWait {
                of: Quantile::Max,
                most_ns: 5 * SECOND,
            },
        ),
        (
            "fin-wait-2-max = \"60s\"",
            Limit::FinWait2 { most_ns: 60 * SECOND },
        ),
        ("time-wait-peak = 1_000", Limit::TimeWaitPeak { most: 1_000 }),
        (
            "max-open = 0x10",
            Limit::Ended {
                outcome: Outcome::Open,
                most: 16,
            },
        ),
        (
            "max-resets = 3",
            Limit::Ended {
                outcome: Outcome::Reset,
                most: 3,
            },
        ),
        (
            "max-refused = 3",
            Limit::Ended {
                outcome: Outcome::Refused,
                most: 3,
            },
        ),
        (
            "max-unanswered = 3",
            Limit::Ended {
                outcome: Outcome::Unanswered,
                most: 3,
            },
        ),
        (
            "handshake-p99 = \"200ms\"",
            Limit::Handshake { most_ns: 200_000_000 },
        ),
        (
            "rule = \"data-after-fin\"\nmax = 0",
            Limit::Rule {
                code: "FN08",
                most: 0,
            },
        ),
    ];
    for (line, limit) in cases {
        let config = parse(&format!("[[budget]]\nname = \"x\"\nservice = \"*\"\n{line}"));
        assert_eq!(config.budgets.first().map(|budget| &budget.limit), Some(&limit));
    }
}

#[test]
fn an_error_alone_takes_the_place_of_a_later_warning() {
    let limits = |text: &str| {
        let thresholds = parse(text).findings.thresholds;
        (thresholds.half_close_warning_ns, thresholds.half_close_error_ns)
    };
    assert_eq!(
        limits("[limits.half-close]\nerror = \"10s\""),
        (10 * SECOND, Some(10 * SECOND))
    );
    assert_eq!(
        limits("[limits.half-close]\nerror = \"90s\""),
        (30 * SECOND, Some(90 * SECOND))
    );
    assert_eq!(
        limits("[limits.half-close]\nwarning = \"90s\""),
        (90 * SECOND, None)
    );
}

#[test]
fn information_is_looked_for_only_where_it_is_asked_for() {
    assert_eq!(parse("").findings.least, Severity::Note);
    assert_eq!(
        parse("[rules.FN08]\nlevel = \"info\"").findings.least,
        Severity::Info
    );
}

/// Every mistake says where it is, at which key, and what was probably meant.
#[test]
fn mistakes_say_where_they_are_and_what_was_meant() {
    let budget = "[[budget]]\nname = \"x\"\nservice = \"*\"\n";
    let allow = "[[allow]]\nrule = \"FN08\"\nreason = \"x\"\n";
    let limit = format!("{budget}max-open = 0\n");
    let cases: Vec<(String, &str)> = vec![
        ("fail-on = ".into(), "a.toml:1:11: "),
        (
            "\nfail-on = 3".into(),
            "a.toml:2:11: fail-on: this is an integer; write a text in quotes",
        ),
        (
            "fail-on = \"warn\"".into(),
            "a.toml:1:11: fail-on: unknown value \"warn\"; did you mean warning?",
        ),
        (
            "fail-on = \"x\"".into(),
            "a.toml:1:11: fail-on: unknown value \"x\"; write one of error, warning, note, never",
        ),
        (
            "\n\nfailon = \"error\"".into(),
            "a.toml:3:1: unknown key \"failon\"; did you mean fail-on?",
        ),
        (
            "colour = 1".into(),
            "a.toml:1:1: unknown key \"colour\"; known here: fail-on, time-wait, limits, rules, budget, allow",
        ),
        ("\"ü\u{1b}\" = 1".into(), "a.toml:1:3: "),
        (
            "[time-wait]\nMSL = \"30s\"".into(),
            "a.toml:2:1: unknown key time-wait.\"MSL\"; did you mean msl?",
        ),
        (
            "[time-wait]\nmsl = \"solaris\"".into(),
            "a.toml:2:7: time-wait.msl: write linux, rfc, windows, bsd, or a duration",
        ),
        (
            "[time-wait]\npressure-percent = 101".into(),
            "a.toml:2:20: time-wait.pressure-percent: write an integer from 1 to 100",
        ),
        (
            "[time-wait]\nephemeral-ports = 5.5".into(),
            "a.toml:2:19: time-wait.ephemeral-ports: this is a decimal number; write an integer",
        ),
        (
            "time-wait = 5".into(),
            "a.toml:1:13: time-wait: this is an integer; write a table",
        ),
        (
            "[limits]\nunanswered = 3".into(),
            "a.toml:2:14: limits.unanswered: this is an integer; write a duration with its unit such as \"30s\"",
        ),
        (
            "[limits]\nunanswered = \"3\"".into(),
            "a.toml:2:14: limits.unanswered: \"3\" is no duration; write it with its unit such as 30s, 2m, 500ms",
        ),
        (
            "[limits]\nleak-connections = 0".into(),
            "a.toml:2:20: limits.leak-connections: write an integer from 1 on",
        ),
        (
            "[limits]\nstorm-segments = 99999999999999999999".into(),
            "a.toml:2:18: limits.storm-segments: write an integer from 1 on",
        ),
        (
            "[limits.half-close]\nwarn = \"5s\"".into(),
            "a.toml:2:1: unknown key limits.half-close.\"warn\"; did you mean warning?",
        ),
        (
            "[limits.half-close]\nwarning = \"5s\"\nerror = \"4s\"".into(),
            "a.toml:3:9: limits.half-close.error: is shorter than warning",
        ),
        (
            "[rules.FN008]\nlevel = \"off\"".into(),
            "a.toml:1:8: rules: unknown rule \"FN008\"; did you mean FN08?",
        ),
        (
            "[rules.data-after-fim]\nlevel = \"off\"".into(),
            "a.toml:1:8: rules: unknown rule \"data-after-fim\"; did you mean data-after-fin?",
        ),
        (
            "[rules.nonsense]\nlevel = \"off\"".into(),
            "a.toml:1:8: rules: unknown rule \"nonsense\"",
        ),
        ("[rules.FN08]".into(), "a.toml:1:8: rules.FN08.level is missing"),
        (
            "[rules.FN08]\nlevel = \"of\"".into(),
            "a.toml:2:9: rules.FN08.level: unknown value \"of\"; did you mean off?",
        ),
        (
            "[rules.FN08]\nlvl = \"off\"\nlevel = \"off\"".into(),
            "a.toml:2:1: unknown key rules.FN08.\"lvl\"; known here: level",
        ),
        (
            "[rules.FN08]\nlevel = \"off\"\n[rules.data-after-fin]\nlevel = \"note\"".into(),
            "a.toml:3:8: rules: FN08 (data-after-fin) stands here twice",
        ),
        (
            "[budget]\nname = \"x\"".into(),
            "a.toml:1:1: budget: this is a table; write a list of tables, [[budget]]",
        ),
        (
            "budget = [1]".into(),
            "a.toml:1:11: budget: this is an integer; write a table",
        ),
        (
            "[[budget]]\nservice = \"*\"\nmax-open = 0".into(),
            "a.toml:1:1: budget.name: is missing",
        ),
        (
            "[[budget]]\nname = \" \"\nservice = \"*\"\nmax-open = 0".into(),
            "a.toml:2:8: budget.name: is empty",
        ),
        (
            "[[budget]]\nname = \"fn08\"\nservice = \"*\"\nmax-open = 0".into(),
            "a.toml:2:8: budget.name: FN08 is the name of a rule",
        ),
        (
            "[[budget]]\nname = \"x\"\nmax-open = 0".into(),
            "a.toml:1:1: budget.service: is missing",
        ),
        (
            "[[budget]]\nname = \"x\"\nservice = \"web:80\"\nmax-open = 0".into(),
            "a.toml:3:11: budget.service: \"web:80\" is no service; write an address with its port",
        ),
        (
            budget.to_owned(),
            "a.toml:1:1: budget: it limits nothing; give one of max-half-closes, ",
        ),
        (
            format!("{limit}max-resets = 0"),
            "a.toml:5:14: budget.max-resets: this budget limits max-open already; make two of it",
        ),
        (
            format!("{limit}longer-than = \"5s\""),
            "a.toml:5:15: budget.longer-than: goes with max-half-closes",
        ),
        (
            format!("{limit}max = 5"),
            "a.toml:5:7: budget.max: goes with rule",
        ),
        (
            format!("{limit}level = \"info\""),
            "a.toml:5:9: budget.level: unknown value \"info\"; write one of note, warning, error",
        ),
        (
            format!("{limit}{limit}"),
            "a.toml:6:8: budget.name: \"x\" is taken",
        ),
        (
            format!("{budget}max-open = -1"),
            "a.toml:4:12: budget.max-open: write an integer from 0 on",
        ),
        (
            format!("{budget}max-opens = 1"),
            "a.toml:4:1: unknown key budget.\"max-opens\"; did you mean max-open?",
        ),
        (
            format!("{budget}rule = \"FN08\""),
            "a.toml:1:1: budget.max: is missing",
        ),
        (
            format!("{budget}rule = \"FN80\"\nmax = 0"),
            "a.toml:4:8: budget.rule: unknown rule \"FN80\"; did you mean FN08?",
        ),
        (
            format!("{budget}rule = \"FN08\"\nmax = 0\n[rules.FN08]\nlevel = \"off\""),
            "a.toml:4:8: budget.rule: FN08 is off in [rules]",
        ),
        (
            "[[allow]]\nrule = \"FN08\"".into(),
            "a.toml:1:1: allow.reason: is missing",
        ),
        (
            "[[allow]]\nrule = \"FN08\"\nreason = \"\"".into(),
            "a.toml:3:10: allow.reason: is empty",
        ),
        (
            "[[allow]]\nrule = \"ZZ*\"\nreason = \"x\"".into(),
            "a.toml:2:8: allow.rule: no rule matches \"ZZ*\"",
        ),
        (
            format!("{allow}server = \"10.0.1.7/24\""),
            "a.toml:4:10: allow.server: \"10.0.1.7/24\" is no service; 10.0.1.7 has bits beyond its prefix of 24",
        ),
        (
            format!("{allow}expires = \"2027-03-01\""),
            "a.toml:4:11: allow.expires: this is a text; write a date without quotes such as 2027-03-01",
        ),
        (
            format!("{allow}expires = 2027-03-01T00:00:00Z"),
            "a.toml:4:11: allow.expires: this is a date or time; write a date without quotes",
        ),
        (format!("{allow}expires = 2027-02-29"), "a.toml:4:"),
        (
            format!("{allow}until = 2027-02-28"),
            "a.toml:4:1: unknown key allow.\"until\"; known here: rule, server, reason, expires",
        ),
    ];
    let wrong: Vec<String> = (cases.iter())
        .filter(|(text, wanted)| !faults(text).starts_with(wanted))
        .map(|(text, wanted)| format!("{text}\n  wanted {wanted}\n  got    {}", faults(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_are_told_at_once_in_order() {
    let text = "fail-on = 1\n[limits]\nunanswered = 2\nfoo = 3\n[rules.XY]\nlevel = \"off\"\n";
    let faults = faults(text);
    let lines: Vec<&str> = faults
        .lines()
        .filter_map(|line| line.split(": ").next())
        .collect();
    assert_eq!(lines, ["a.toml:1:11", "a.toml:3:14", "a.toml:4:1", "a.toml:5:8"]);
}

#[test]
fn of_many_mistakes_some_are_told_and_the_others_counted() {
    let text: String = (0..1_000).map(|number| format!("k{number} = 1\n")).collect();
    let error = Config::parse(&text, "a.toml").expect_err("unknown keys");
    assert_eq!((error.faults.len(), error.more), (20, 980));
    assert!(error.to_string().ends_with("and 980 more"), "{error}");
}

/// A document that is deep or long is refused or read, quickly and without running out of stack.
#[test]
fn a_hostile_document_is_an_error() {
    let deep = 250_000;
    let texts = [
        format!("{}a = 1", "a.".repeat(deep)),
        format!("[{}a]", "a.".repeat(deep)),
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}", "{a=".repeat(deep)),
        format!("{} = 1", "a".repeat(deep)),
        (0..60_000).map(|number| format!("[rules.R{number}]\n")).collect(),
    ];
    for text in texts {
        let error = Config::parse(&text, "a.toml").expect_err("no configuration");
        assert!(error.to_string().len() < 10_000);
    }
}

const WORDS: &[&str] = &[
    "fail-on",
    "time-wait",
    "msl",
    "limits",
    "half-close",
    "warning",
    "error",
    "rules",
    "FN08",
    "level",
    "budget",
    "name",
    "service",
    "max-open",
    "rule",
    "max",
    "allow",
    "reason",
    "expires",
    "longer-than",
    "close-wait-p99",
    "server",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    " = ",
    "\n",
    ".",
    ",",
    "\"",
    "'",
    "\"30s\"",
    "\"*\"",
    "\"*:443\"",
    "\"10.0.0.0/8\"",
    "\"FN*\"",
    "\"off\"",
    "0",
    "-1",
    "5.5",
    "0xff",
    "true",
    "2027-03-01",
    "9999999999999999999",
    "\"\\u0000\"",
    "\"ünï\"",
    "#",
    "\"\"\"",
    "0000-01-01",
    "9999-12-31",
    "inf",
];

/// Pieces of which configurations are made, so that random ones get past the syntax.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => ".{0,8}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _ = Config::parse(&text, "a.toml").map_err(|error| error.to_string());
    }

    #[test]
    fn no_near_configuration_makes_it_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        if let Err(error) = Config::parse(&text, "a.toml") {
            prop_assert!(!error.faults.is_empty());
            for fault in &error.faults {
                prop_assert!(fault.line >= 1 && fault.line <= text.lines().count() + 1);
            }
        }
    }

    #[test]
    fn no_text_makes_a_pattern_panic(text in "[0-9a-f.:/*\\[\\]]{0,40}|.{0,40}") {
        if let Ok(pattern) = text.parse::<ServicePattern>() {
            prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
        }
    }
}
