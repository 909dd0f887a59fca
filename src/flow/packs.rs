//! Packed trackers, side by side in pieces of memory.
//!
//! They are made and given up by the ten thousand, by several threads. If each asked the system's allocator for memory, the
//! threads would wait for one another there; and each would take some octets more.

use std::sync::Mutex;

use super::by_birth::held;

/// Octets of a piece; what is longer has one of its own.
const PIECE: usize = 64 << 10;
/// So many octets of no use are put up with, and as many as are of use.
const WASTE: u64 = 256 << 10;

/// Octets that were put in, each by itself.
#[derive(Clone, Default)]
pub(super) struct Packs {
    /// The last one that was begun is filled.
    pieces: Vec<Piece>,
    filled: usize,
    /// Pieces without octets, to be used again.
    empty: Vec<usize>,
    /// Octets put in and not removed, and those of all pieces.
    used: u64,
    held: u64,
}

#[derive(Clone, Default)]
struct Piece {
    octets: Vec<u8>,
    /// How many were put in and not removed.
    standing: u32,
}

/// Where something is that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pack {
    piece: u32,
    begin: u32,
    length: u32,
}

impl Pack {
    fn octets_of<'a>(&self, piece: &'a Piece) -> &'a [u8] {
        let (begin, length) = (self.begin as usize, self.length as usize);
        let octets = piece.octets.get(begin..).and_then(|octets| octets.get(..length));
        octets.unwrap_or_default()
    }
}

impl Packs {
    /// Puts octets in. There are never so many that a number of 32 bits does not count them.
    pub fn put(&mut self, octets: &[u8]) -> Pack {
        let fits = |piece: &Piece| octets.len() <= piece.octets.capacity() - piece.octets.len();
        if !self.pieces.get(self.filled).is_some_and(fits) {
            self.filled = self.empty.pop().unwrap_or_else(|| {
                self.pieces.push(Piece::default());
                self.pieces.len() - 1
            });
            if let Some(piece) = self.pieces.get_mut(self.filled) {
                piece.octets.reserve_exact(octets.len().max(PIECE));
            }
        }
        let pack = |begin: usize| Pack {
            piece: self.filled as u32,
            begin: begin as u32,
            length: octets.len() as u32,
        };
        let Some(piece) = self.pieces.get_mut(self.filled) else {
            return pack(0);
        };
        let pack = pack(piece.octets.len());
        piece.octets.extend_from_slice(octets);
        piece.standing += 1;
        self.used += octets.len() as u64;
        self.held += octets.len() as u64;
        pack
    }

    /// The octets that were put in.
    pub fn get(&self, pack: Pack) -> &[u8] {
        let piece = self.pieces.get(pack.piece as usize);
        piece.map_or(&[], |piece| pack.octets_of(piece))
    }

    /// Gives octets up, of which there are no others. A piece that is empty then is given back.
    pub fn remove(&mut self, pack: Pack) {
        let Some(piece) = self.pieces.get_mut(pack.piece as usize) else {
            return;
        };
        self.used -= u64::from(pack.length);
        piece.standing -= 1;
        if piece.standing > 0 {
            return;
        }
        self.held -= piece.octets.len() as u64;
        if pack.piece as usize == self.filled {
            piece.octets.clear();
        } else {
            piece.octets = Vec::new();
            self.empty.push(pack.piece as usize);
        }
    }

    /// Whether so much of it is of no use any more that what is should be put in anew.
    pub fn is_wasteful(&self) -> bool {
        self.held - self.used > self.used + WASTE
    }
}

/// What was put in, while it is taken out by several threads: a piece of which all is taken is given back.
pub(super) struct LeavingPacks(Vec<Mutex<Piece>>);

impl From<Packs> for LeavingPacks {
    fn from(packs: Packs) -> LeavingPacks {
        LeavingPacks(packs.pieces.into_iter().map(Mutex::new).collect())
    }
}

impl LeavingPacks {
    /// Looks at octets that were not taken out.
    pub fn look<R>(&self, pack: Pack, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        Some(look(pack.octets_of(&held(self.0.get(pack.piece as usize)?))))
    }

    /// Takes octets out by looking at them.
    pub fn take<R>(&self, pack: Pack, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut piece = held(self.0.get(pack.piece as usize)?);
        let seen = look(pack.octets_of(&piece));
        piece.standing = piece.standing.saturating_sub(1);
        if piece.standing == 0 {
            piece.octets = Vec::new();
        }
        Some(seen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn octets(length: usize, salt: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + salt) as u8).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What stays is there, and what is held is not much more: some thousand octets each, some of them longer than a piece.
        #[test]
        fn what_is_put_in_is_there_until_it_is_removed(
            steps in prop::collection::vec((0..60u32, 0..9_000usize, 0..50u8), 1..400),
        ) {
            let mut packs = Packs::default();
            let mut known: BTreeMap<u32, (Pack, Vec<u8>)> = BTreeMap::new();
            for (salt, (name, length, kind)) in steps.into_iter().enumerate() {
                if let Some((pack, _)) = known.remove(&name) {
                    packs.remove(pack);
                }
                if kind > 15 {
                    let octets = octets(if kind == 16 { length * 10 } else { length }, salt);
                    known.insert(name, (packs.put(&octets), octets));
                }
                if packs.is_wasteful() {
                    let mut anew = Packs::default();
                    for (pack, octets) in known.values_mut() {
                        *pack = anew.put(octets);
                    }
                    packs = anew;
                }
                for (pack, octets) in known.values() {
                    prop_assert_eq!(packs.get(*pack), &**octets);
                }
                let used: usize = known.values().map(|(_, octets)| octets.len()).sum();
                prop_assert_eq!(packs.used, used as u64);
                let held: usize = packs.pieces.iter().map(|piece| piece.octets.len()).sum();
                prop_assert_eq!(packs.held, held as u64);
                prop_assert!(packs.held <= 2 * packs.used + WASTE);
            }
            let leaving = LeavingPacks::from(packs);
            for (pack, octets) in known.values() {
                prop_assert!(leaving.look(*pack, |there| there == octets) == Some(true));
                prop_assert!(leaving.take(*pack, |there| there == octets) == Some(true));
            }
            prop_assert!(leaving.0.iter().all(|piece| held(piece).octets.is_empty()));
        }
    }

    #[test]
    fn pieces_are_used_again() {
        let mut packs = Packs::default();
        for round in 0..1_000 {
            let some: Vec<Pack> = (0..100)
                .map(|salt| packs.put(&octets(3_000, salt + round)))
                .collect();
            some.into_iter().for_each(|pack| packs.remove(pack));
        }
        assert!(packs.pieces.len() <= 6, "{}", packs.pieces.len());
        assert_eq!((packs.used, packs.held), (0, 0));
    }
}
