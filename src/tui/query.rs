//! The language of filter and search: `state:close-wait port:443 finding:TW04 10.0.0.9`.

use std::net::{IpAddr, SocketAddr};

use crate::findings;
use crate::model::{Outcome, Role};
use crate::report::look::state_label;
use crate::select::{AddressFilter, FindingFilter, StateFilter};
use crate::time::duration;

use super::contents::Rows;
use super::row::Row;

/// What is said of the language, for the help.
pub const HELP: [(&str, &str); 11] = [
    (
        "state:close-wait",
        "an end in this state; state:server=LAST-ACK at one end",
    ),
    ("port:443", "an end with this port"),
    (
        "addr:10.0.0.5",
        "an end with this address; addr:10.0.0.5:8080, addr:[::1]:443",
    ),
    (
        "finding:TW04",
        "with this finding, by code or name; finding:TW* a family",
    ),
    ("outcome:reset", "ended like this"),
    ("conn:7", "the connection with this number"),
    (
        "half-close>5s",
        "also duration, bytes, packets, with > < >= <= or =",
    ),
    (
        "10.0.0.9",
        "an address alone: an end with it; so does 10.0.0.9:443",
    ),
    ("reset", "any other text: somewhere in the line of the connection"),
    ("!state:closed", "not that"),
    (
        "",
        "Values of one word (port:80 port:443) are alternatives; all else must hold.",
    ),
];

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Debug, Clone)]
struct Term {
    not: bool,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// Values of one word, which are alternatives.
    Conn(u64),
    Address(AddressFilter),
    Port(u16),
    State(StateFilter),
    /// By the place of the rule.
    Finding(Vec<bool>),
    Outcome(Outcome),
    /// What must hold by itself.
    Compare(Quantity, Comparison, i64),
    End(AddressFilter),
    Text(String),
}

#[derive(Debug, Clone, Copy)]
enum Quantity {
    HalfClose,
    Duration,
    Bytes,
    Packets,
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    More,
    Less,
    AtLeast,
    AtMost,
    Equal,
}

/// Words whose values are alternatives.
const ALTERNATIVES: usize = 6;

impl Query {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// A part of it is not understood: which, and what to write instead.
    pub fn parse(text: &str) -> Result<Query, String> {
        let terms = text.split_whitespace().map(term);
        Ok(Query {
            terms: terms.collect::<Result<_, _>>()?,
        })
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row is asked for.
    pub fn keeps(&self, row: &Row, rows: &Rows) -> bool {
        // Of each word: asked for, and one of its values holds.
        let mut words = [(false, false); ALTERNATIVES];
        let mut line = None;
        for term in &self.terms {
            let holds = term.what.holds(row, rows, &mut line);
            match term.what.word().and_then(|word| words.get_mut(word)) {
                Some(word) if !term.not => *word = (true, word.1 || holds),
                Some(_) | None if holds == term.not => return false,
                Some(_) | None => {}
            }
        }
        words.iter().all(|(asked, holds)| !asked || *holds)
    }
}

fn term(text: &str) -> Result<Term, String> {
    let (not, rest) = match text.strip_prefix('!') {
        Some(rest) if !rest.is_empty() => (true, rest),
        Some(_) | None => (false, text),
    };
    Ok(Term {
        not,
        what: what(rest)?,
    })
}

fn what(text: &str) -> Result<What, String> {
    if let Some(compared) = compared(text) {
        return compared;
    }
    if let Ok(address) = text.parse::<AddressFilter>() {
        return Ok(What::End(address));
    }
    let Some((word, value)) = text.split_once(':') else {
        return Ok(What::Text(text.to_lowercase()));
    };
    let lower = word.to_ascii_lowercase();
    let wrong = |why: String| format!("{text}: {why}");
    match lower.as_str() {
        "conn" | "id" => value
            .parse()
            .map(What::Conn)
            .map_err(|_| wrong("write the number of a connection, conn:7".to_owned())),
        "port" => value
            .parse()
            .map(What::Port)
            .map_err(|_| wrong("write a port, port:443".to_owned())),
        "addr" | "address" => value.parse().map(What::Address).map_err(wrong),
        "state" => value.to_ascii_lowercase().parse().map(What::State).map_err(wrong),
        "finding" => {
            let filter = FindingFilter::new(value);
            let rules: Vec<bool> = findings::rules()
                .map(|rule| filter.names(rule.code, rule.name))
                .collect();
            if rules.contains(&true) {
                Ok(What::Finding(rules))
            } else {
                Err(wrong(
                    "no rule has this code or name; e asks for the list".to_owned(),
                ))
            }
        }
        "outcome" => Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.name().eq_ignore_ascii_case(value))
            .map(What::Outcome)
            .ok_or_else(|| wrong(format!("one of {}", Outcome::ALL.map(Outcome::name).join(", ")))),
        // The beginning of an IPv6 address, as it is typed.
        _ if text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '[' | ']')) =>
        {
            Ok(What::Text(lower + ":" + &value.to_lowercase()))
        }
        _ => Err(wrong(
            "words are state, port, addr, finding, outcome, conn; ? has all".to_owned(),
        )),
    }
}

/// `half-close>5s`; none if the text begins with no such word.
fn compared(text: &str) -> Option<Result<What, String>> {
    const QUANTITIES: [(&str, Quantity); 6] = [
        ("half-close", Quantity::HalfClose),
        ("half", Quantity::HalfClose),
        ("duration", Quantity::Duration),
        ("dur", Quantity::Duration),
        ("bytes", Quantity::Bytes),
        ("packets", Quantity::Packets),
    ];
    const COMPARISONS: [(&str, Comparison); 5] = [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::More),
        ("<", Comparison::Less),
        ("=", Comparison::Equal),
    ];
    let at = text.find(['<', '>', '='])?;
    let (word, rest) = text.split_at_checked(at)?;
    let quantity = QUANTITIES
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, quantity)| quantity)?;
    let (comparison, value) = COMPARISONS
        .into_iter()
        .find_map(|(sign, comparison)| Some((comparison, rest.strip_prefix(sign)?)))?;
    let (number, example) = match quantity {
        Quantity::HalfClose | Quantity::Duration => {
            (duration(value), "a duration with its unit, 5s or 200ms")
        }
        Quantity::Bytes | Quantity::Packets => (count(value), "a number, 1500, 20k or 3M"),
    };
    Some(match number {
        Some(number) => Ok(What::Compare(quantity, comparison, number)),
        None => Err(format!("{text}: write {example}")),
    })
}

/// `1500`, `20k`, `3M`, `1G`: thousands, not multiples of 1 024.
fn count(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        _ => return None,
    };
    digits
        .parse::<i64>()
        .ok()?
        .checked_mul(unit)
        .filter(|count| *count >= 0)
}

impl What {
    /// Which word, of those whose values are alternatives.
    fn word(&self) -> Option<usize> {
        match self {
            What::Conn(_) => Some(0),
            What::Address(_) => Some(1),
            What::Port(_) => Some(2),
            What::State(_) => Some(3),
            What::Finding(_) => Some(4),
            What::Outcome(_) => Some(5),
            What::Compare(..) | What::End(_) | What::Text(_) => None,
        }
    }

    /// `line` is the text of the row, made when it is needed first.
    fn holds(&self, row: &Row, rows: &Rows, line: &mut Option<String>) -> bool {
        let ends = [row.client, row.server];
        match self {
            What::Conn(id) => row.id == *id,
            What::Address(filter) | What::End(filter) => ends.iter().any(|end| {
                let (ip, port): (IpAddr, u16) = (filter.ip, filter.port.unwrap_or(end.port));
                SocketAddr::new(end.ip, end.port) == SocketAddr::new(ip, port)
            }),
            What::Port(port) => ends.iter().any(|end| end.port == *port),
            What::State(filter) => [Role::Client, Role::Server]
                .into_iter()
                .filter(|role| filter.role.is_none_or(|wanted| wanted == *role))
                .any(|role| row.state(role).0 == filter.state),
            What::Finding(rules) => row
                .findings()
                .any(|found| rules.get(usize::from(found.rule)).copied().unwrap_or(false)),
            What::Outcome(outcome) => row.outcome == *outcome,
            What::Compare(quantity, comparison, number) => {
                let value = match quantity {
                    Quantity::HalfClose => row.half_close_ns,
                    Quantity::Duration => Some(row.duration_ns()),
                    Quantity::Bytes => Some(i64::try_from(row.bytes).unwrap_or(i64::MAX)),
                    Quantity::Packets => Some(i64::try_from(row.packets).unwrap_or(i64::MAX)),
                };
                value.is_some_and(|value| match comparison {
                    Comparison::More => value > *number,
                    Comparison::Less => value < *number,
                    Comparison::AtLeast => value >= *number,
                    Comparison::AtMost => value <= *number,
                    Comparison::Equal => value == *number,
                })
            }
            What::Text(text) => line
                .get_or_insert_with(|| line_of(row, rows))
                .contains(text.as_str()),
        }
    }
}

/// What can be read of a connection in the list, in lower case.
fn line_of(row: &Row, rows: &Rows) -> String {
    let [client, server] = row.states.map(|(state, evidence)| state_label(state, evidence));
    let mut line = format!(
        "{} {} {} {client} {server} {}",
        row.id,
        row.client,
        row.server,
        rows.ending(row)
    );
    for found in row.findings() {
        if let Some(rule) = findings::rules().nth(usize::from(found.rule)) {
            line.push(' ');
            line.push_str(rule.code);
            line.push(' ');
            line.push_str(rule.name);
        }
    }
    line.make_ascii_lowercase();
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::{Settings, analyze};
    use crate::model::{Connection, State};
    use crate::select::Selection;
    use crate::tui::contents::{Contents, Taking};

    fn soak() -> (Vec<Connection>, Contents) {
        let settings = Settings {
            files: vec!["testdata/kernel/soak.server.pcap".into()],
            ..Settings::default()
        };
        let mut analysis = analyze(&settings, &mut |_| {}).expect("a capture");
        let (selection, connections) = (Selection::default(), std::mem::take(&mut analysis.connections));
        let mut taking = Taking::new(&selection, usize::MAX);
        connections.iter().for_each(|one| taking.add(one));
        (connections, taking.finish(analysis))
    }

    fn ids(text: &str, contents: &Contents) -> Vec<u64> {
        let query = Query::parse(text).expect("understood");
        let kept = contents
            .rows
            .iter()
            .filter(|(_, row)| query.keeps(row, &contents.rows));
        kept.map(|(_, row)| row.id).collect()
    }

    /// What the options of the same name select.
    #[test]
    fn words_mean_what_the_options_mean() {
        let (connections, contents) = soak();
        let one = &connections[connections.len() / 2];
        let address = |port| AddressFilter {
            ip: one.client.ip,
            port,
        };
        let code = connections
            .iter()
            .find_map(|c| c.findings.first())
            .expect("a finding")
            .code;
        let base = Selection::default;
        let cases = [
            (
                format!("conn:{}", one.id),
                Selection {
                    ids: vec![one.id],
                    ..base()
                },
            ),
            (
                format!("port:{}", one.client.port),
                Selection {
                    ports: vec![one.client.port],
                    ..base()
                },
            ),
            (
                format!("addr:{}", one.client.ip),
                Selection {
                    addresses: vec![address(None)],
                    ..base()
                },
            ),
            (
                format!("{}", one.client),
                Selection {
                    addresses: vec![address(Some(one.client.port))],
                    ..base()
                },
            ),
            (
                "State:server=close_wait".to_owned(),
                Selection {
                    states: vec![StateFilter {
                        role: Some(Role::Server),
                        state: State::CloseWait,
                    }],
                    ..base()
                },
            ),
            (
                "outcome:reset outcome:closed".to_owned(),
                Selection {
                    outcomes: vec![Outcome::Reset, Outcome::Closed],
                    ..base()
                },
            ),
            (
                format!("finding:{} state:time-wait", code.to_lowercase()),
                Selection {
                    findings: vec![FindingFilter::new(code)],
                    states: vec![StateFilter {
                        role: None,
                        state: State::TimeWait,
                    }],
                    ..base()
                },
            ),
            (String::new(), base()),
        ];
        for (text, selection) in cases {
            let wanted: Vec<u64> = connections
                .iter()
                .filter(|c| selection.keeps(c))
                .map(|c| c.id)
                .collect();
            assert_eq!(ids(&text, &contents), wanted, "{text}");
            if !text.is_empty() && !text.contains(' ') {
                let not = ids(&format!("!{text}"), &contents);
                assert_eq!(not.len() + wanted.len(), connections.len(), "{text}");
            }
        }
    }

    #[test]
    fn quantities_are_compared() {
        let (connections, contents) = soak();
        let with = |keep: fn(&Connection) -> bool| connections.iter().filter(|c| keep(c)).count();
        assert_eq!(
            ids("half-close>=0s", &contents).len(),
            with(|c| c.close.half_close_ns.is_some())
        );
        let packets = |c: &Connection| c.endpoints.client.packets + c.endpoints.server.packets;
        let most = connections.iter().map(packets).max().expect("one");
        assert_eq!(ids(&format!("packets>{most}"), &contents).len(), 0);
        assert!(!ids(&format!("packets={most}"), &contents).is_empty());
        assert_eq!(
            ids(&format!("packets<={most}"), &contents).len(),
            connections.len()
        );
        assert_eq!(ids("bytes<0", &contents).len(), 0);
    }

    #[test]
    fn a_text_is_found_anywhere_in_the_line() {
        let (connections, contents) = soak();
        let reset = connections.iter().filter(|c| c.outcome == Outcome::Reset).count();
        assert!(reset > 0);
        assert_eq!(ids("RESET", &contents).len(), reset);
        // Half an address, as it is typed.
        assert_eq!(ids("[fd4e:", &contents).len(), connections.len());
        assert_eq!(ids("nothing-has-this", &contents).len(), 0);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, said) in [
            ("stat:closed", "stat:closed: words are state"),
            ("state:clsd", "state:clsd: not a state"),
            ("port:x", "port:x: write a port"),
            ("port:70000", "write a port"),
            ("finding:XX99", "no rule has this code"),
            ("outcome:gone", "one of closed, reset"),
            ("conn:-1", "write the number"),
            ("addr:localhost", "not an IP address"),
            ("half-close>5", "a duration with its unit"),
            ("bytes>5X", "write a number"),
            ("bytes=99999999999999G", "write a number"),
            ("!port:", "port:: write a port"),
        ] {
            let error = Query::parse(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
        for text in ["!", "fe80::", "[fe80::1", "2001:db8", "a=b", ">5s", "1.2.3.4:443"] {
            assert!(Query::parse(text).is_ok(), "{text}");
        }
    }
}
