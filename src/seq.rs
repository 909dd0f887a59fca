//! Sequence numbers and windows: arithmetic modulo 2^32 (RFC 9293 section 3.4), the only place where it is done.

use std::fmt;

/// A TCP sequence or acknowledgment number.
///
/// There is no `Ord`: "before" on a circle is not transitive. All comparisons hold for numbers that are less than
/// 2^31 apart (R4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Seq(pub u32);

impl Seq {
    /// This number and `count` octets on.
    #[must_use]
    pub fn plus(self, count: u32) -> Seq {
        Seq(self.0.wrapping_add(count))
    }

    /// This number and `count` octets back.
    #[must_use]
    pub fn minus(self, count: u32) -> Seq {
        Seq(self.0.wrapping_sub(count))
    }

    /// Signed distance in octets from `other` to `self`: positive if `self` is after `other`.
    pub fn offset_from(self, other: Seq) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// `self < other` on the circle.
    pub fn before(self, other: Seq) -> bool {
        self.offset_from(other) < 0
    }

    /// `self > other` on the circle.
    pub fn after(self, other: Seq) -> bool {
        self.offset_from(other) > 0
    }

    /// `self <= other` on the circle.
    pub fn at_or_before(self, other: Seq) -> bool {
        self.offset_from(other) <= 0
    }

    /// `self >= other` on the circle.
    pub fn at_or_after(self, other: Seq) -> bool {
        self.offset_from(other) >= 0
    }

    /// Whether `low <= self <= high`, measured from `low`.
    pub fn between(self, low: Seq, high: Seq) -> bool {
        self.0.wrapping_sub(low.0) <= high.0.wrapping_sub(low.0)
    }

    /// The later of two numbers.
    #[must_use]
    pub fn max(self, other: Seq) -> Seq {
        if self.before(other) { other } else { self }
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_is_the_same_everywhere_on_the_circle(start: u32, step in 1u32..0x8000_0000) {
            let (a, b) = (Seq(start), Seq(start).plus(step));
            prop_assert!(a.before(b) && b.after(a) && a.at_or_before(b) && !b.at_or_before(a));
            prop_assert_eq!(a.max(b), b);
            prop_assert_eq!(b.max(a), b);
            prop_assert_eq!(b.minus(step), a);
        }

        #[test]
        fn between_is_measured_from_the_low_end(low: u32, width: u32, inside: u32) {
            let (low, high) = (Seq(low), Seq(low).plus(width));
            prop_assert_eq!(low.plus(inside).between(low, high), inside <= width);
        }
    }

    #[test]
    fn nothing_panics_at_the_edges() {
        assert!(Seq(u32::MAX).before(Seq(0)));
        assert!(Seq(0).after(Seq(u32::MAX)));
        assert!(!Seq(7).before(Seq(7)) && Seq(7).at_or_after(Seq(7)));
        assert_eq!(Seq(0).offset_from(Seq(0x8000_0000)), i32::MIN);
    }
}
