//! How long an endpoint was in each state.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::State;

/// Time in each state, nanoseconds, by the state's name; states in which no time is counted are left out. A small list of its
/// own: there are two for each connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dwell {
    /// By the number of the state; what `counted` does not name is zero.
    ns: [i64; State::ALL.len()],
    /// One bit for each state that is counted.
    counted: u16,
}

/// All states in the order of their names.
const BY_NAME: [State; State::ALL.len()] = [
    State::CloseWait,
    State::Closed,
    State::Closing,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::LastAck,
    State::Listen,
    State::SynReceived,
    State::SynSent,
    State::TimeWait,
    State::Unknown,
];

impl Dwell {
    /// Time in a state; none if none is counted.
    pub fn get(&self, state: State) -> Option<i64> {
        let place = state as usize;
        (self.counted >> place & 1 == 1).then(|| self.ns[place])
    }

    /// Adds to the time in a state.
    pub fn add(&mut self, state: State, ns: i64) {
        let place = state as usize;
        self.counted |= 1 << place;
        self.ns[place] = self.ns[place].saturating_add(ns);
    }

    /// States and times, in the order of the states' names.
    pub fn iter(&self) -> impl Iterator<Item = (State, i64)> + use<'_> {
        BY_NAME
            .into_iter()
            .filter_map(|state| Some((state, self.get(state)?)))
    }
}

impl Serialize for Dwell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(state, ns)| (state.name(), ns)))
    }
}

impl JsonSchema for Dwell {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dwell".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, i64>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_a_map_of_names() {
        let mut dwell = Dwell::default();
        assert_eq!(serde_json::to_string(&dwell).expect("plain data"), "{}");
        let mut map = BTreeMap::new();
        for (ns, state) in (1..).zip(State::ALL) {
            dwell.add(state, ns);
            dwell.add(state, 0);
            map.insert(state.name(), ns);
            let json = |value: &dyn Fn() -> serde_json::Result<String>| value().expect("plain data");
            assert_eq!(
                json(&|| serde_json::to_string(&dwell)),
                json(&|| serde_json::to_string(&map))
            );
            assert_eq!(dwell.get(state), Some(ns));
        }
        let (own, other) = (
            schemars::schema_for!(Dwell),
            schemars::schema_for!(BTreeMap<&'static str, i64>),
        );
        assert_eq!(own.get("additionalProperties"), other.get("additionalProperties"));
    }

    #[test]
    fn a_state_that_took_no_time_is_there() {
        let mut dwell = Dwell::default();
        dwell.add(State::TimeWait, 0);
        dwell.add(State::LastAck, i64::MAX);
        dwell.add(State::LastAck, 1);
        let all: Vec<_> = dwell.iter().collect();
        assert_eq!(all, [(State::LastAck, i64::MAX), (State::TimeWait, 0)]);
        assert_eq!(dwell.get(State::Closing), None);
    }
}
