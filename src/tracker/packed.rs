//! A tracker that waits, packed into some hundred octets: nothing is lost, and it is unpacked when its next segment comes.
//!
//! Most connections of a capture are over, or idle, most of the time. Numbers are written in as few octets as they need
//! (seven bits each), times and packets as the difference to the one before. The fields of each structure are named once, in
//! [`packed!`], where they are defined: one that is forgotten does not compile.

use std::net::IpAddr;

use smallvec::{Array, SmallVec};

use super::calm::Calm;
use super::{Aside, Course, Digest, HalfClose, Rarely, Role, RolesFrom, Tracker};
use crate::segment::{Endpoint, Scope, TunnelId};
use crate::seq::Seq;
use crate::time::Timestamp;

impl Tracker {
    /// The tracker that was packed into these octets.
    ///
    /// # Panics
    ///
    /// Never: what [`Tracker::pack`] wrote can be read.
    pub fn unpack(octets: &[u8]) -> Tracker {
        match Tracker::get(&mut Unpacker::of(octets)) {
            Some(mut tracker) => {
                tracker.look_for_calm();
                tracker
            }
            None => unreachable!("a packed tracker is whole"),
        }
    }

    /// The digest of the tracker that was packed into these octets, without the rest.
    pub fn unpack_digest(octets: &[u8]) -> Option<Digest> {
        Digest::get(&mut Unpacker::of(octets))
    }

    /// Packs it into `buffer`, in place of what was there. False if it has something that is not packed because it is rare.
    pub fn pack(&self, buffer: &mut Vec<u8>) -> bool {
        if self.ladder.is_some() || !self.aside.is_only_observations() {
            return false;
        }
        buffer.clear();
        buffer.reserve(1 << 10);
        let mut into = Packer {
            octets: std::mem::take(buffer),
            time: 0,
            packet: 0,
        };
        self.put(&mut into);
        *buffer = into.octets;
        true
    }
}

/// Where octets are written.
pub(super) struct Packer {
    octets: Vec<u8>,
    time: i64,
    packet: u64,
}

/// Where they are read.
pub(super) struct Unpacker<'a> {
    rest: &'a [u8],
    time: i64,
    packet: u64,
}

impl Packer {
    /// The number of a packet.
    pub fn packet(&mut self, packet: u64) {
        let step = packet.wrapping_sub(self.packet) as i64;
        self.packet = packet;
        step.put(self);
    }
}

impl Unpacker<'_> {
    fn of(octets: &[u8]) -> Unpacker<'_> {
        Unpacker {
            rest: octets,
            time: 0,
            packet: 0,
        }
    }

    /// See [`Packer::packet`].
    pub fn packet(&mut self) -> Option<u64> {
        let step = i64::get(self)?;
        self.packet = self.packet.wrapping_add_signed(step);
        Some(self.packet)
    }
}

/// What can be packed. What `put` writes, `get` reads; that gives nothing where something else stands.
pub(super) trait Pack: Sized {
    fn put(&self, into: &mut Packer);
    fn get(from: &mut Unpacker<'_>) -> Option<Self>;
}

/// Numbers take as many octets as their bits need, seven each: as many of the lowest bits are zero, before the first that is not,
/// as octets follow the first. Where eight do, the number stands in those.
impl Pack for u64 {
    #[inline]
    fn put(&self, into: &mut Packer) {
        if *self < 0x80 {
            into.octets.push((*self as u8) << 1 | 1);
        } else {
            put_long(*self, &mut into.octets);
        }
    }

    #[inline]
    fn get(from: &mut Unpacker<'_>) -> Option<u64> {
        match from.rest {
            [octet, rest @ ..] if octet & 1 == 1 => {
                from.rest = rest;
                Some(u64::from(*octet >> 1))
            }
            _ => get_long(from),
        }
    }
}

/// A number of several octets.
#[inline(never)]
fn put_long(number: u64, octets: &mut Vec<u8>) {
    let bits = u64::BITS - number.leading_zeros();
    let length = ((bits + 6) * 37) >> 8; // a seventh of it, rounded up
    if length <= 8 {
        // Eight octets in one step, of which those behind the number are taken back.
        let end = octets.len() + length as usize;
        let word = number << length | 1 << (length - 1);
        octets.extend_from_slice(&word.to_le_bytes());
        octets.truncate(end);
    } else {
        octets.push(0);
        octets.extend_from_slice(&number.to_le_bytes());
    }
}

/// A number of several octets, perhaps.
#[inline(never)]
fn get_long(from: &mut Unpacker<'_>) -> Option<u64> {
    // What is read beyond the number is left where it is.
    let word = match from.rest.first_chunk::<8>() {
        Some(octets) => u64::from_le_bytes(*octets),
        None => {
            let mut octets = [0; 8];
            octets[..from.rest.len()].copy_from_slice(from.rest);
            u64::from_le_bytes(octets)
        }
    };
    let length = word.trailing_zeros() + 1;
    if length <= 8 {
        from.rest = from.rest.get(length as usize..)?;
        return Some(word << (64 - 8 * length) >> (64 - 7 * length));
    }
    let (octets, rest) = from.rest.get(1..)?.split_first_chunk()?;
    from.rest = rest;
    Some(u64::from_le_bytes(*octets))
}

impl Pack for i64 {
    /// The sign goes to the lowest bit, so that small negative numbers are short, too.
    fn put(&self, into: &mut Packer) {
        ((self << 1) ^ (self >> 63)).cast_unsigned().put(into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<i64> {
        let folded = u64::get(from)?;
        Some((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }
}

impl Pack for Timestamp {
    fn put(&self, into: &mut Packer) {
        let step = self.ns().wrapping_sub(into.time);
        into.time = self.ns();
        step.put(into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Timestamp> {
        let step = i64::get(from)?;
        from.time = from.time.wrapping_add(step);
        Some(Timestamp::from_ns(from.time))
    }
}

impl Pack for Seq {
    /// Any number is as likely as any other.
    fn put(&self, into: &mut Packer) {
        into.octets.extend_from_slice(&self.0.to_le_bytes());
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Seq> {
        let (octets, rest) = from.rest.split_first_chunk()?;
        from.rest = rest;
        Some(Seq(u32::from_le_bytes(*octets)))
    }
}

impl Pack for u8 {
    fn put(&self, into: &mut Packer) {
        into.octets.push(*self);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<u8> {
        let (octet, rest) = from.rest.split_first()?;
        from.rest = rest;
        Some(*octet)
    }
}

impl Pack for bool {
    fn put(&self, into: &mut Packer) {
        u8::from(*self).put(into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<bool> {
        match u8::get(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

macro_rules! small_numbers {
    ($($number:ty),*) => {$(
        impl Pack for $number {
            fn put(&self, into: &mut Packer) {
                (*self as u64).put(into);
            }

            fn get(from: &mut Unpacker<'_>) -> Option<$number> {
                <$number>::try_from(u64::get(from)?).ok()
            }
        }
    )*};
}
small_numbers!(u16, u32, usize);

impl Pack for IpAddr {
    fn put(&self, into: &mut Packer) {
        match self {
            IpAddr::V4(ip) => {
                4u8.put(into);
                into.octets.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                6u8.put(into);
                into.octets.extend_from_slice(&ip.octets());
            }
        }
    }

    fn get(from: &mut Unpacker<'_>) -> Option<IpAddr> {
        match u8::get(from)? {
            4 => {
                let (octets, rest) = from.rest.split_first_chunk::<4>()?;
                from.rest = rest;
                Some(IpAddr::from(*octets))
            }
            6 => {
                let (octets, rest) = from.rest.split_first_chunk::<16>()?;
                from.rest = rest;
                Some(IpAddr::from(*octets))
            }
            _ => None,
        }
    }
}

impl<T: Pack> Pack for Option<T> {
    fn put(&self, into: &mut Packer) {
        self.is_some().put(into);
        if let Some(value) = self {
            value.put(into);
        }
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Option<T>> {
        Some(match bool::get(from)? {
            true => Some(T::get(from)?),
            false => None,
        })
    }
}

impl<T: Pack> Pack for Box<T> {
    fn put(&self, into: &mut Packer) {
        T::put(self, into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Box<T>> {
        T::get(from).map(Box::new)
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn put(&self, into: &mut Packer) {
        self.0.put(into);
        self.1.put(into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<(A, B)> {
        Some((A::get(from)?, B::get(from)?))
    }
}

impl<T: Pack + Copy + Default, const N: usize> Pack for [T; N] {
    fn put(&self, into: &mut Packer) {
        self.iter().for_each(|value| value.put(into));
    }

    fn get(from: &mut Unpacker<'_>) -> Option<[T; N]> {
        let mut values = [T::default(); N];
        for value in &mut values {
            *value = T::get(from)?;
        }
        Some(values)
    }
}

/// Two of something that is not copied.
struct Both<'a, T>(&'a [T; 2]);

impl<T: Pack> Both<'_, T> {
    fn put(&self, into: &mut Packer) {
        self.0.iter().for_each(|value| value.put(into));
    }

    fn get(from: &mut Unpacker<'_>) -> Option<[T; 2]> {
        Some([T::get(from)?, T::get(from)?])
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn put(&self, into: &mut Packer) {
        self.len().put(into);
        self.iter().for_each(|value| value.put(into));
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Vec<T>> {
        let length = usize::get(from)?;
        let mut values = Vec::with_capacity(length.min(from.rest.len()));
        for _ in 0..length {
            values.push(T::get(from)?);
        }
        Some(values)
    }
}

impl<T: Array<Item: Pack>> Pack for SmallVec<T> {
    fn put(&self, into: &mut Packer) {
        self.len().put(into);
        self.iter().for_each(|value| value.put(into));
    }

    fn get(from: &mut Unpacker<'_>) -> Option<SmallVec<T>> {
        let length = usize::get(from)?;
        let mut values = SmallVec::new();
        for _ in 0..length {
            values.push(T::Item::get(from)?);
        }
        Some(values)
    }
}

/// An enumeration whose variants are numbered.
pub(super) trait Placed: Sized {
    /// The variant with this number.
    fn at(place: u8) -> Option<Self>;
}

/// Packs a structure field by field, or an enumeration by its variants.
macro_rules! packed {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::tracker::packed::Pack for $name {
            fn put(&self, into: &mut $crate::tracker::packed::Packer) {
                let $name { $($field),* } = self;
                $($crate::tracker::packed::Pack::put($field, into);)*
            }

            fn get(from: &mut $crate::tracker::packed::Unpacker<'_>) -> Option<$name> {
                Some($name { $($field: $crate::tracker::packed::Pack::get(from)?),* })
            }
        }
    };
    (enum $name:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::tracker::packed::Pack for $name {
            fn put(&self, into: &mut $crate::tracker::packed::Packer) {
                let place = match self { $($name::$variant => $name::$variant as u8),* };
                $crate::tracker::packed::Pack::put(&place, into);
            }

            fn get(from: &mut $crate::tracker::packed::Unpacker<'_>) -> Option<$name> {
                let place = <u8 as $crate::tracker::packed::Pack>::get(from)?;
                <$name as $crate::tracker::packed::Placed>::at(place)
            }
        }

        impl $crate::tracker::packed::Placed for $name {
            fn at(place: u8) -> Option<$name> {
                $(if place == $name::$variant as u8 {
                    return Some($name::$variant);
                })*
                None
            }
        }
    };
}
pub(super) use packed;

packed!(
    enum Role {
        Client,
        Server,
    }
);
packed!(
    enum RolesFrom {
        Syn,
        SynAck,
        Guess,
    }
);
packed!(struct HalfClose { from, probes, last_data });
packed!(struct Endpoint { ip, port });

impl Pack for Scope {
    fn put(&self, into: &mut Packer) {
        let Scope { vlans, tunnel } = self;
        vlans.put(into);
        tunnel.0.put(into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Scope> {
        Some(Scope {
            vlans: Pack::get(from)?,
            tunnel: TunnelId(Pack::get(from)?),
        })
    }
}

impl Pack for Course {
    fn put(&self, into: &mut Packer) {
        let (place, close) = match self {
            Course::Open => (0_u8, None),
            Course::Closed(close) => (1, Some(close)),
            Course::Reset => (2, None),
            Course::Refused => (3, None),
            Course::Unanswered => (4, None),
            Course::Opened => (5, None),
        };
        place.put(into);
        if let Some(close) = close {
            close.put(into);
        }
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Course> {
        match u8::get(from)? {
            0 => Some(Course::Open),
            1 => Pack::get(from).map(Course::Closed),
            2 => Some(Course::Reset),
            3 => Some(Course::Refused),
            4 => Some(Course::Unanswered),
            5 => Some(Course::Opened),
            _ => None,
        }
    }
}

impl Pack for Digest {
    fn put(&self, into: &mut Packer) {
        let Digest {
            addresses,
            first,
            course,
            midstream,
            cut,
        } = self;
        Both(addresses).put(into);
        first.put(into);
        course.put(into);
        midstream.put(into);
        cut.put(into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Digest> {
        Some(Digest {
            addresses: Both::get(from)?,
            first: Pack::get(from)?,
            course: Pack::get(from)?,
            midstream: Pack::get(from)?,
            cut: Pack::get(from)?,
        })
    }
}

impl Pack for Tracker {
    fn put(&self, into: &mut Packer) {
        let Tracker {
            addresses: _, // in the digest
            scope,
            roles_from,
            incarnation,
            first: _, // in the digest
            last,
            streams,
            ends,
            opening,
            newest_syn_ack,
            half_close_from,
            ladder: _,    // is not packed
            midstream: _, // in the digest
            challenged,
            cut,
            duplicates,
            time_steps_back,
            longest_step_back,
            calm: _, // is looked for again
            aside,
        } = self;
        self.digest().put(into);
        scope.put(into);
        roles_from.put(into);
        incarnation.put(into);
        last.put(into);
        opening.put(into);
        Both(ends).put(into);
        Both(streams).put(into);
        newest_syn_ack.put(into);
        half_close_from.put(into);
        challenged.put(into);
        cut.put(into);
        duplicates.put(into);
        time_steps_back.put(into);
        longest_step_back.put(into);
        aside.is_there().put(into);
        if aside.is_there() {
            aside.observations.put(into);
        }
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Tracker> {
        let digest = Digest::get(from)?;
        let mut tracker = Tracker {
            addresses: digest.addresses,
            scope: Pack::get(from)?,
            roles_from: Pack::get(from)?,
            incarnation: Pack::get(from)?,
            first: digest.first,
            last: Pack::get(from)?,
            opening: Pack::get(from)?,
            ends: Both::get(from)?,
            streams: Both::get(from)?,
            newest_syn_ack: Pack::get(from)?,
            half_close_from: Pack::get(from)?,
            midstream: digest.midstream,
            challenged: Pack::get(from)?,
            cut: Pack::get(from)?,
            duplicates: Pack::get(from)?,
            time_steps_back: Pack::get(from)?,
            longest_step_back: Pack::get(from)?,
            ladder: None,
            calm: Calm::default(),
            aside: Rarely::default(),
        };
        if Pack::get(from)? {
            tracker.aside.observations = Pack::get(from)?;
        }
        Some(tracker)
    }
}

impl Aside {
    /// There is nothing in it but protocol events.
    fn is_only_observations(&self) -> bool {
        let Aside {
            observations: _,
            predecessor,
            silent_before_reset,
            reset_in_window,
            restarts,
            disowned,
            fin_repeated,
            before_inferred_fin,
            before_stray_syn_ack,
            far_ahead,
            other_syn_ack,
        } = self;
        predecessor.is_none()
            && *silent_before_reset == [None; 2]
            && *reset_in_window == [None; 2]
            && *restarts == [(0, None); 2]
            && disowned.is_none()
            && *fin_repeated == [None; 2]
            && before_inferred_fin.is_none()
            && before_stray_syn_ack.is_none()
            && *far_ahead == [None; 2]
            && other_syn_ack.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn through<T: Pack>(value: &T) -> (Option<T>, usize) {
        let mut into = Packer {
            octets: Vec::new(),
            time: 0,
            packet: 0,
        };
        value.put(&mut into);
        let length = into.octets.len();
        // Whatever follows is not read.
        into.octets.extend_from_slice(&[0xff; 3]);
        let mut from = Unpacker::of(&into.octets);
        let back = T::get(&mut from);
        assert_eq!(from.rest.len(), 3);
        (back, length)
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, shift in 0..64u32, signed: i64) {
            for number in [number, number >> shift, 1 << shift, (1 << shift) - 1, u64::MAX] {
                let (back, length) = through(&number);
                prop_assert_eq!(back, Some(number));
                prop_assert_eq!(length, (70 - (number | 1).leading_zeros() as usize).div_euclid(7).min(9));
            }
            for number in [signed, signed >> shift, -1, i64::MIN, i64::MAX] {
                prop_assert_eq!(through(&number).0, Some(number));
            }
            prop_assert_eq!(through(&vec![Some(Timestamp::from_ns(signed)), None]).0, Some(vec![Some(Timestamp::from_ns(signed)), None]));
        }
    }

    #[test]
    fn what_is_cut_gives_nothing() {
        for octets in [
            &[][..],
            &[0x80, 0x80],
            &[2],
            &[4, 4],
            &[0],
            &[0, 1, 2, 3, 4, 5, 6, 7],
        ] {
            assert_eq!(u64::get(&mut Unpacker::of(octets)), None, "{octets:?}");
        }
    }
}
