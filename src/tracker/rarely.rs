//! Room for what few connections have.

use std::ops::{Deref, DerefMut};
use std::sync::LazyLock;

use super::Aside;
use super::endpoint::Mirror;

/// A value that takes no room until it is changed. Reading gives the default until then; whoever changes it should have
/// something to say.
#[derive(Clone, Debug)]
pub struct Rarely<T>(Option<Box<T>>);

impl<T> Default for Rarely<T> {
    fn default() -> Rarely<T> {
        Rarely(None)
    }
}

impl<T> Rarely<T> {
    /// The value, if it was ever changed.
    pub fn into_inner(self) -> Option<T> {
        self.0.map(|value| *value)
    }

    /// Whether it takes room.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }
}

impl Deref for Rarely<Aside> {
    type Target = Aside;

    fn deref(&self) -> &Aside {
        static NOTHING: LazyLock<Aside> = LazyLock::new(Aside::default);
        match &self.0 {
            Some(value) => value,
            None => &NOTHING,
        }
    }
}

impl DerefMut for Rarely<Aside> {
    fn deref_mut(&mut self) -> &mut Aside {
        self.0.get_or_insert_default()
    }
}

impl Rarely<Aside> {
    /// The endpoints as they were before a missing FIN was inferred, which are not needed any longer.
    pub(super) fn take_before_inferred_fin(&mut self) -> Option<Box<[Mirror; 2]>> {
        self.0.as_mut()?.before_inferred_fin.take()
    }
}
