//! Which connections to show, and in which order they need attention.

use std::borrow::Borrow;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::model::{Address, Analysis, Connection, Outcome, Role, Severity, State, Usual};

/// A filter over connections. Values of one kind are alternatives; different kinds must all hold. The default keeps
/// everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Numbers of connections.
    pub ids: Vec<u64>,
    /// An address (and port) at either end.
    pub addresses: Vec<AddressFilter>,
    /// A port at either end.
    pub ports: Vec<u16>,
    /// A state at the end of the capture.
    pub states: Vec<StateFilter>,
    /// A finding.
    pub findings: Vec<FindingFilter>,
    /// How it ended.
    pub outcomes: Vec<Outcome>,
}

impl Selection {
    /// Whether it keeps all of them.
    pub fn keeps_all(&self) -> bool {
        let Selection {
            ids,
            addresses,
            ports,
            states,
            findings,
            outcomes,
        } = self;
        ids.is_empty()
            && addresses.is_empty()
            && ports.is_empty()
            && states.is_empty()
            && findings.is_empty()
            && outcomes.is_empty()
    }

    /// Whether this connection is to be shown.
    pub fn keeps(&self, connection: &Connection) -> bool {
        let ends = [connection.client, connection.server];
        any_or_empty(&self.ids, |id| *id == connection.id)
            && any_or_empty(&self.addresses, |filter| {
                ends.iter().any(|end| filter.matches(*end))
            })
            && any_or_empty(&self.ports, |port| ends.iter().any(|end| end.port == *port))
            && any_or_empty(&self.states, |filter| filter.matches(connection))
            && any_or_empty(&self.findings, |filter| {
                let mut findings = connection.findings.iter();
                findings.any(|finding| filter.names(finding.code, finding.name))
            })
            && any_or_empty(&self.outcomes, |outcome| *outcome == connection.outcome)
    }

    /// Drops the other connections and says in the summary how many are left. The totals stay those of the capture.
    pub fn apply(&self, analysis: &mut Analysis) {
        analysis.connections.retain(|connection| self.keeps(connection));
        analysis.summary.connections_selected = analysis.connections.len() as u64;
    }
}

fn any_or_empty<T>(wanted: &[T], matches: impl FnMut(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(matches)
}

/// An IP address, with or without a port: `10.0.0.5`, `10.0.0.5:8080`, `::1`, `[::1]:8080`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressFilter {
    /// The address.
    pub ip: IpAddr,
    /// The port; any without one.
    pub port: Option<u16>,
}

impl AddressFilter {
    fn matches(self, end: Address) -> bool {
        self.ip == end.ip && self.port.is_none_or(|port| port == end.port)
    }
}

impl FromStr for AddressFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<AddressFilter, String> {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Ok(AddressFilter { ip, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(address) => Ok(AddressFilter {
                ip: address.ip(),
                port: Some(address.port()),
            }),
            Err(_) => Err("not an IP address; examples: 10.0.0.5, 10.0.0.5:8080, ::1, [::1]:8080".to_owned()),
        }
    }
}

/// A rule by its code or name, whatever the case; `TW*` for all codes that begin like this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingFilter {
    word: String,
}

impl FindingFilter {
    /// A filter of this text.
    pub fn new(text: &str) -> FindingFilter {
        FindingFilter {
            word: text.to_ascii_lowercase(),
        }
    }

    /// Whether it means the rule with this code and name.
    pub fn names(&self, code: &str, name: &str) -> bool {
        let code = code.to_ascii_lowercase();
        match self.word.strip_suffix('*') {
            Some(family) => code.starts_with(family),
            None => code == self.word || name == self.word,
        }
    }
}

/// A state at either end, or at one: `CLOSE-WAIT`, `server=CLOSE-WAIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateFilter {
    /// At this end; at either without one.
    pub role: Option<Role>,
    /// The state.
    pub state: State,
}

impl StateFilter {
    fn matches(self, connection: &Connection) -> bool {
        let client = connection.endpoints.client.state == self.state;
        let server = connection.endpoints.server.state == self.state;
        match self.role {
            Some(Role::Client) => client,
            Some(Role::Server) => server,
            None => client || server,
        }
    }
}

impl FromStr for StateFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<StateFilter, String> {
        let (role, name) = match text.split_once('=') {
            None => (None, text),
            Some(("client", name)) => (Some(Role::Client), name),
            Some(("server", name)) => (Some(Role::Server), name),
            Some(_) => return Err("before `=` stands `client` or `server`".to_owned()),
        };
        match State::parse(name) {
            Some(state) => Ok(StateFilter { role, state }),
            None => Err(format!(
                "not a state; one of {}",
                State::ALL.map(State::name).join(", ")
            )),
        }
    }
}

/// What needs attention first: errors, then warnings; among those the half-closed longest first, then what is stuck or
/// failed, then what is open or done.
pub fn by_attention(a: &Connection, b: &Connection) -> Ordering {
    Need::of(a).cmp(&Need::of(b))
}

/// How much a connection needs attention, the most first: see [`by_attention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The worst severity, if that is a warning or worse.
    worst: Reverse<Option<Severity>>,
    outcome: u8,
    half_close_ns: Reverse<Option<i64>>,
    id: u64,
}

impl Need {
    /// How much this one does.
    pub fn of(connection: &Connection) -> Need {
        let half_close = match connection.outcome {
            Outcome::HalfClosed => connection.close.half_close_ns,
            Outcome::Closed
            | Outcome::Reset
            | Outcome::Refused
            | Outcome::Unanswered
            | Outcome::HalfOpen
            | Outcome::Closing
            | Outcome::Open
            | Outcome::Evicted => None,
        };
        let worst = connection.findings.iter().map(|finding| finding.severity).max();
        Need {
            worst: Reverse(worst.filter(|worst| *worst >= Severity::Warning)),
            outcome: attention(connection.outcome),
            half_close_ns: Reverse(half_close),
            id: connection.id,
        }
    }

    /// How much the connection does that this stands for, if this is the severity of what is found in it.
    pub fn of_usual(usual: &Usual, worst: Option<Severity>) -> Need {
        Need {
            worst: Reverse(worst.filter(|worst| *worst >= Severity::Warning)),
            outcome: attention(usual.outcome()),
            half_close_ns: Reverse(None),
            id: usual.id,
        }
    }
}

/// The connections that need attention most, so many of those that it is shown.
#[derive(Debug)]
pub struct Foremost<C> {
    most: usize,
    /// The least of them on top. Equal ones stay in the order in which they came.
    kept: BinaryHeap<Kept<C>>,
    shown: u64,
}

#[derive(Debug)]
struct Kept<C> {
    need: Need,
    place: u64,
    connection: C,
}

impl<C> Kept<C> {
    fn key(&self) -> (Need, u64) {
        (self.need, self.place)
    }
}

impl<C> PartialEq for Kept<C> {
    fn eq(&self, other: &Kept<C>) -> bool {
        self.key() == other.key()
    }
}

impl<C> Eq for Kept<C> {}

impl<C> PartialOrd for Kept<C> {
    fn partial_cmp(&self, other: &Kept<C>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C> Ord for Kept<C> {
    fn cmp(&self, other: &Kept<C>) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl<C: Borrow<Connection>> Foremost<C> {
    /// So many at most.
    pub fn new(most: usize) -> Foremost<C> {
        Foremost {
            most,
            kept: BinaryHeap::new(),
            shown: 0,
        }
    }

    /// Shows it the next one.
    pub fn add(&mut self, connection: C) {
        let need = Need::of(connection.borrow());
        self.keep(Kept {
            need,
            place: self.shown,
            connection,
        });
        self.shown += 1;
    }

    /// Shows it what another one kept, which was shown those that come behind.
    pub fn merge(&mut self, later: Foremost<C>) {
        for kept in later.kept {
            self.keep(Kept {
                place: self.shown + kept.place,
                ..kept
            });
        }
        self.shown += later.shown;
    }

    fn keep(&mut self, kept: Kept<C>) {
        if self.kept.len() < self.most {
            self.kept.push(kept);
        } else if !self.refuses(kept.key())
            && let Some(mut least) = self.kept.peek_mut()
        {
            *least = kept;
        }
    }

    /// Whether it would not keep one that needs so much attention, were it the next one.
    pub fn passes(&self, need: Need) -> bool {
        self.refuses((need, self.shown))
    }

    fn refuses(&self, key: (Need, u64)) -> bool {
        let needs_more = |least: &Kept<C>| key < least.key();
        self.kept.len() >= self.most && !self.kept.peek().is_some_and(needs_more)
    }

    /// The next one is one that it would not keep.
    pub fn pass(&mut self) {
        self.shown += 1;
    }

    /// How many it was shown.
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// Those that it kept, what needs attention most first.
    pub fn into_sorted(self) -> Vec<C> {
        let sorted = self.kept.into_sorted_vec();
        sorted.into_iter().map(|kept| kept.connection).collect()
    }
}

/// Rank of an outcome, 0 for what needs attention most.
pub fn attention(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::HalfClosed => 0,
        Outcome::Closing => 1,
        Outcome::HalfOpen => 2,
        Outcome::Reset => 3,
        Outcome::Refused => 4,
        Outcome::Unanswered => 5,
        Outcome::Open => 6,
        Outcome::Evicted => 7,
        Outcome::Closed => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_and_without_port() {
        let cases = [
            ("10.0.0.5", "10.0.0.5", None),
            ("10.0.0.5:8080", "10.0.0.5", Some(8080)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[2001:db8::1]:443", "2001:db8::1", Some(443)),
        ];
        for (text, ip, port) in cases {
            let ip = ip.parse().expect("test data");
            assert_eq!(text.parse(), Ok(AddressFilter { ip, port }), "{text}");
        }
        for text in [
            "",
            "localhost",
            "10.0.0",
            "10.0.0.5:",
            "10.0.0.5:70000",
            "10.0.0.0/8",
            "[::1",
        ] {
            assert!(text.parse::<AddressFilter>().is_err(), "{text}");
        }
    }

    #[test]
    fn findings_by_code_name_or_family() {
        let means = |text: &str| FindingFilter::new(text).names("TW04", "reuse-illegal");
        assert!(means("TW04") && means("tw04") && means("TW*") && means("reuse-illegal") && means("*"));
        assert!(!means("TW05") && !means("HC*") && !means("reuse") && !means(""));
    }

    #[test]
    fn states_at_either_end_or_at_one() {
        let cases = [
            ("CLOSE-WAIT", None, State::CloseWait),
            ("server=close_wait", Some(Role::Server), State::CloseWait),
            ("client=FIN_WAIT2", Some(Role::Client), State::FinWait2),
        ];
        for (text, role, state) in cases {
            assert_eq!(text.parse(), Ok(StateFilter { role, state }), "{text}");
        }
        for text in ["", "CLOSEDD", "peer=CLOSED", "client=", "=CLOSED"] {
            assert!(text.parse::<StateFilter>().is_err(), "{text}");
        }
    }
}
