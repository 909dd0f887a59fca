//! The baseline: cases that a team knows and accepts for now, and how many connections of each.
//!
//! It is a JSON file to be kept beside the code and read in a diff: one line a case, sorted, nothing in it that changes
//! from run to run.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Standing, Verdict};
use crate::model::{Address, Role};

/// Version of the file.
const VERSION: u32 = 1;

/// Octets that a baseline may have; more is not a baseline.
pub const MOST_BYTES: u64 = 64 << 20;

/// What is accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Connections by fingerprint.
    accepted: BTreeMap<String, u64>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(deserialize_with = "unique")]
    accepted: BTreeMap<String, u64>,
}

/// The version alone, to tell a newer file from a broken one.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The key of a case: code, service and side. No ephemeral port and no client address is part of it, so that it is the same
/// from run to run: `TW04 10.0.0.5:8080 server`, `CP01 capture`, `budget:p99 10.0.0.5:8080`.
pub fn fingerprint(code: &str, budget: bool, service: Option<Address>, endpoint: Option<Role>) -> String {
    let kind = if budget { "budget:" } else { "" };
    let service = service.map_or("capture".to_owned(), |service| service.to_string());
    let endpoint = match endpoint {
        None => "",
        Some(Role::Client) => " client",
        Some(Role::Server) => " server",
    };
    format!("{kind}{code} {service}{endpoint}")
}

impl Baseline {
    /// Reads the text of a baseline file.
    ///
    /// # Errors
    ///
    /// It is not one, or one of a newer version; the error says where.
    pub fn parse(text: &str) -> Result<Baseline, String> {
        let Versioned { version } =
            serde_json::from_str(text).map_err(|error| format!("not a baseline: {error}"))?;
        if version != VERSION {
            return Err(format!(
                "a baseline of version {version}; this program reads version {VERSION}"
            ));
        }
        let file: File = serde_json::from_str(text).map_err(|error| format!("not a baseline: {error}"))?;
        Ok(Baseline {
            accepted: file.accepted,
        })
    }

    /// What would make everything pass that fails now.
    pub fn accepting(verdict: &Verdict) -> Baseline {
        let failing = verdict
            .cases
            .iter()
            .filter(|case| matches!(case.standing, Standing::Fails));
        Baseline {
            accepted: failing
                .map(|case| (case.fingerprint.clone(), case.connections))
                .collect(),
        }
    }

    /// How many connections of a case are accepted; none if it is not in the baseline.
    pub fn accepts(&self, fingerprint: &str) -> Option<u64> {
        self.accepted.get(fingerprint).copied()
    }

    /// All fingerprints, sorted.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.accepted.keys().map(String::as_str)
    }

    /// Cases in it.
    pub fn len(&self) -> usize {
        self.accepted.len()
    }

    /// Whether it accepts nothing.
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// The text of its file: indented, sorted, with a line feed at the end.
    ///
    /// # Errors
    ///
    /// None that can happen: strings and numbers always have a JSON form.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let file = File {
            version: VERSION,
            accepted: self.accepted.clone(),
        };
        serde_json::to_string_pretty(&file).map(|text| text + "\n")
    }
}

/// A map in which no key stands twice: two lines for one case are left over from a merge, and one would win silently.
fn unique<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u64>, D::Error> {
    struct Unique;

    impl<'de> Visitor<'de> for Unique {
        type Value = BTreeMap<String, u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("fingerprints with numbers of connections")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut accepted = BTreeMap::new();
            while let Some((fingerprint, count)) = map.next_entry::<String, u64>()? {
                let text = format!("{fingerprint:?} stands there twice");
                if accepted.insert(fingerprint, count).is_some() {
                    return Err(M::Error::custom(text));
                }
            }
            Ok(accepted)
        }
    }

    deserializer.deserialize_map(Unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written_one_line_a_case() {
        let mut baseline = Baseline::default();
        baseline
            .accepted
            .insert("TW04 10.0.0.5:8080 server".to_owned(), 3);
        baseline.accepted.insert("CP01 capture".to_owned(), 1);
        let text = baseline.to_json().expect("JSON");
        assert_eq!(
            text,
            "{\n  \"version\": 1,\n  \"accepted\": {\n    \"CP01 capture\": 1,\n    \"TW04 10.0.0.5:8080 server\": 3\n  }\n}\n"
        );
        assert_eq!(Baseline::parse(&text), Ok(baseline));
    }

    #[test]
    fn what_is_no_baseline_is_refused_and_why() {
        let cases = [
            ("", "EOF while parsing"),
            ("[]", "not a baseline"),
            ("{}", "missing field `version`"),
            (
                "{\"version\": 2, \"entries\": []}",
                "a baseline of version 2; this program reads version 1",
            ),
            ("{\"version\": 1}", "missing field `accepted`"),
            ("{\"version\": 1, \"accepted\": {\"a\": -1}}", "invalid value"),
            (
                "{\"version\": 1, \"accepted\": {}, \"acepted\": {}}",
                "unknown field `acepted`",
            ),
            (
                "{\"version\": 1, \"accepted\": {\"a\": 1,\n\"a\": 2}}",
                "\"a\" stands there twice at line 2",
            ),
        ];
        for (text, wanted) in cases {
            let error = Baseline::parse(text).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn a_fingerprint_names_no_client() {
        let service = Address {
            ip: "2001:db8::1".parse().expect("an address"),
            port: 443,
        };
        let cases = [
            (
                fingerprint("TW04", false, Some(service), Some(Role::Server)),
                "TW04 [2001:db8::1]:443 server",
            ),
            (fingerprint("CP01", false, None, None), "CP01 capture"),
            (
                fingerprint("slow close", true, Some(service), None),
                "budget:slow close [2001:db8::1]:443",
            ),
        ];
        for (fingerprint, wanted) in cases {
            assert_eq!(fingerprint, wanted);
        }
    }
}
