//! Under which outer contexts a 4-tuple was seen.
//!
//! What is told of a 4-tuple must not depend on other traffic: only contexts under which this 4-tuple itself began are
//! tried for a segment whose own shows no connection, in the order in which they began.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::FlowKey;
use crate::segment::Scope;

/// How many outer contexts of a 4-tuple are tried for a segment.
const MOST: usize = 16;

/// What a 4-tuple with contexts of its own takes: twice its entry, for a table that has just doubled.
const ENTRY_BYTES: u64 = 2 * size_of::<(FlowKey, Scopes)>() as u64;

/// Contexts of one 4-tuple, in the order in which it began under them.
type Scopes = SmallVec<[Scope; 2]>;

/// The contexts of all 4-tuples.
#[derive(Clone, Default)]
pub(super) struct Contexts {
    /// The first one of all: most captures have no other.
    first: Option<Scope>,
    /// Those of 4-tuples that began under another one, too; by the 4-tuple without context.
    others: HashMap<FlowKey, Scopes, RandomState>,
}

impl Contexts {
    /// A 4-tuple begins under a context. `stands` tells whether it stands already under another one.
    pub fn begin(&mut self, key: &FlowKey, stands: impl FnOnce(&FlowKey) -> bool) {
        let first = *self.first.get_or_insert(key.scope);
        if key.scope == first && self.others.is_empty() {
            return;
        }
        let tuple = key.under(Scope::default());
        if key.scope == first && !self.others.contains_key(&tuple) {
            return;
        }
        let scopes = self.others.entry(tuple).or_insert_with(|| {
            let before = stands(&key.under(first)).then_some(first);
            before.into_iter().collect()
        });
        if scopes.len() < MOST && !scopes.contains(&key.scope) {
            scopes.push(key.scope);
        }
    }

    /// The same 4-tuple under the other contexts that it may have begun under.
    pub fn others_of(&self, key: &FlowKey) -> SmallVec<[FlowKey; 2]> {
        let only_one = self.others.is_empty() && self.first == Some(key.scope);
        if only_one {
            return SmallVec::new();
        }
        let known = self.others.get(&key.under(Scope::default()));
        let scopes = known.map_or(self.first.as_slice(), SmallVec::as_slice);
        let others = scopes.iter().filter(|scope| **scope != key.scope);
        others.map(|scope| key.under(*scope)).collect()
    }

    /// Octets that it takes.
    pub fn memory(&self) -> u64 {
        (self.others.len() as u64).saturating_mul(ENTRY_BYTES)
    }

    /// Forgets 4-tuples that do not stand any more, once there are more than twice as many as lives.
    pub fn forget(&mut self, lives: u64, stands: impl Fn(&FlowKey) -> bool) {
        if (self.others.len() as u64) > lives.saturating_mul(2).saturating_add(1024) {
            self.others
                .retain(|tuple, scopes| scopes.iter().any(|scope| stands(&tuple.under(*scope))));
            self.others.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::Endpoint;

    fn key(port: u16, vlan: u16) -> FlowKey {
        let end = |port| Endpoint {
            ip: [10, 0, 0, 1].into(),
            port,
        };
        let scope = Scope {
            vlans: [vlan, 0, 0, 0],
            ..Scope::default()
        };
        FlowKey::between(end(port), end(80), scope)
    }

    #[test]
    fn a_4_tuple_has_the_contexts_that_it_began_under() {
        let mut contexts = Contexts::default();
        let mut began: Vec<FlowKey> = Vec::new();
        for next in [
            (1000, 1),
            (1000, 2),
            (2000, 2),
            (2000, 3),
            (2000, 1),
            (3000, 1),
            (1000, 3),
        ] {
            let next = key(next.0, next.1);
            contexts.begin(&next, |other| began.contains(other));
            began.push(next);
        }
        let others = |port, vlan| contexts.others_of(&key(port, vlan)).to_vec();
        assert_eq!(others(1000, 9), [key(1000, 1), key(1000, 2), key(1000, 3)]);
        assert_eq!(others(2000, 3), [key(2000, 2), key(2000, 1)]);
        assert_eq!(others(3000, 1), []);
        assert_eq!(others(3000, 2), [key(3000, 1)]);
    }

    #[test]
    fn contexts_tried_and_4_tuples_remembered_are_bounded() {
        let mut contexts = Contexts::default();
        for vlan in 1..=100 {
            contexts.begin(&key(1000, vlan), |_| true);
        }
        assert_eq!(contexts.others_of(&key(1000, 500)).len(), MOST);
        for port in 0..5000 {
            contexts.begin(&key(port, 2), |_| false);
        }
        assert!(contexts.memory() > 5000 * 64);
        contexts.forget(100, |other| *other == key(7, 2));
        assert_eq!(contexts.others.len(), 1);
    }
}
