//! How many stay in a state at the same time: now, at most, and over time. Exact: a sweep over all moments when one entered
//! or left.

use serde::Serialize;

use crate::model::Capture;
use crate::time::Timestamp;

/// Points of a curve, at most.
const BUCKETS: u64 = 60;
const MINUTE_NS: i128 = 60_000_000_000;

/// The time that a capture covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Time of the earliest packet.
    pub from: Timestamp,
    /// Time of the latest packet.
    pub to: Timestamp,
}

impl Span {
    /// That of a capture; of no length where there was no packet.
    pub fn of(capture: &Capture) -> Span {
        Span {
            from: capture.first_time.unwrap_or_default(),
            to: capture.last_time.unwrap_or_default(),
        }
    }

    /// Its length, nanoseconds.
    pub fn length_ns(self) -> i64 {
        self.to.since(self.from)
    }
}

/// One stay in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// When it was entered.
    pub from: Timestamp,
    /// When it was left; none: it is still held at the end of the capture.
    pub until: Option<Timestamp>,
}

/// Stays in order of time.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    entered: Vec<Timestamp>,
    left: Vec<Timestamp>,
}

impl Sweep {
    /// Orders them. A stay that was left at the moment when it began was never there at the same time as another.
    pub fn of(stays: impl IntoIterator<Item = Stay>) -> Sweep {
        let mut sweep = Sweep::default();
        for stay in stays {
            if stay.until.is_none_or(|until| until > stay.from) {
                sweep.entered.push(stay.from);
                sweep.left.extend(stay.until);
            }
        }
        sweep.entered.sort_unstable();
        sweep.left.sort_unstable();
        sweep
    }

    /// How many are held at the end of the capture.
    pub fn now(&self) -> u64 {
        self.entered.len().saturating_sub(self.left.len()) as u64
    }

    /// Each moment when something changed, and how many there are from then on. Who leaves at a moment leaves before
    /// another enters at it.
    pub fn steps(&self) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        let mut entered = self.entered.iter().copied().peekable();
        let mut left = self.left.iter().copied().peekable();
        let mut count: u64 = 0;
        std::iter::from_fn(move || {
            let at = match (entered.peek(), left.peek()) {
                (Some(enter), Some(leave)) => *enter.min(leave),
                (Some(at), None) | (None, Some(at)) => *at,
                (None, None) => return None,
            };
            while left.next_if_eq(&at).is_some() {
                count = count.saturating_sub(1);
            }
            while entered.next_if_eq(&at).is_some() {
                count += 1;
            }
            Some((at, count))
        })
    }

    /// The most at the same time, and when there were so many first. None if there never were any.
    pub fn peak(&self) -> Option<(u64, Timestamp)> {
        let mut peak: Option<(u64, Timestamp)> = None;
        for (at, count) in self.steps() {
            if peak.is_none_or(|(most, _)| count > most) {
                peak = Some((count, at));
            }
        }
        peak
    }

    /// The count over time.
    pub fn curve(&self, span: Span) -> Curve {
        let length = span.length_ns().unsigned_abs().max(1);
        let bucket = length.div_ceil(BUCKETS);
        let buckets = length.div_ceil(bucket);
        let mut curve = Curve {
            from: span.from,
            bucket_ns: i64::try_from(bucket).unwrap_or(i64::MAX),
            at_end: Vec::new(),
            most: Vec::new(),
        };
        let (mut count, mut highest) = (0, 0);
        for (at, next) in self.steps() {
            let here = (at.since(span.from).unsigned_abs() / bucket).min(buckets - 1);
            curve.fill(here, count, &mut highest);
            count = next;
            highest = highest.max(count);
        }
        curve.fill(buckets, count, &mut highest);
        curve
    }
}

/// A count over time, in buckets of equal length (the last one may be shorter).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// When the first bucket begins.
    pub from: Timestamp,
    /// Length of a bucket, nanoseconds.
    pub bucket_ns: i64,
    /// How many there were at the end of each bucket; the last one at the end of the capture.
    pub at_end: Vec<u64>,
    /// The most at the same time in each bucket.
    pub most: Vec<u64>,
}

impl Curve {
    /// Ends buckets, in all of which nothing changes any more, until there are so many.
    fn fill(&mut self, until: u64, count: u64, highest: &mut u64) {
        while (self.at_end.len() as u64) < until {
            self.at_end.push(count);
            self.most.push(*highest);
            *highest = count;
        }
    }

    /// How fast the count grows: the slope of the least-squares line through the counts at the ends of the buckets, in
    /// thousandths of a connection per minute, rounded towards zero. Of a capture shorter than a minute it is what a
    /// minute at this pace would bring. Zero if there is but one bucket.
    pub fn growth_milli_per_minute(&self) -> i64 {
        let n = self.at_end.len() as i128;
        let (mut x, mut y, mut xx, mut xy) = (0_i128, 0_i128, 0_i128, 0_i128);
        for (place, count) in (0_i128..).zip(&self.at_end) {
            let count = i128::from(*count);
            (x, y, xx, xy) = (x + place, y + count, xx + place * place, xy + place * count);
        }
        let below = (n * xx - x * x) * i128::from(self.bucket_ns.max(1));
        if below == 0 {
            return 0;
        }
        let slope = (n * xy - x * y) * MINUTE_NS * 1_000 / below;
        i64::try_from(slope).unwrap_or(if slope < 0 { i64::MIN } else { i64::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn stays(list: &[(i64, Option<i64>)]) -> Vec<Stay> {
        let at = |seconds: i64| Timestamp::from_ns(seconds * SECOND);
        list.iter()
            .map(|(from, until)| Stay {
                from: at(*from),
                until: until.map(at),
            })
            .collect()
    }

    fn span(seconds: i64) -> Span {
        Span {
            from: Timestamp::from_ns(0),
            to: Timestamp::from_ns(seconds * SECOND),
        }
    }

    #[test]
    fn who_leaves_makes_room_for_who_enters_at_the_same_moment() {
        let sweep = Sweep::of(stays(&[(0, Some(5)), (5, Some(9)), (5, None), (7, Some(7))]));
        let steps: Vec<(i64, u64)> = sweep
            .steps()
            .map(|(at, count)| (at.ns() / SECOND, count))
            .collect();
        assert_eq!(steps, [(0, 1), (5, 2), (9, 1)]);
        assert_eq!(
            (sweep.now(), sweep.peak()),
            (1, Some((2, Timestamp::from_ns(5 * SECOND))))
        );
        assert_eq!(Sweep::of([]).peak(), None);
    }

    #[test]
    fn a_curve_ends_with_what_there_is_now() {
        let sweep = Sweep::of(stays(&[(0, None), (10, Some(11)), (30, None), (60, None)]));
        let curve = sweep.curve(span(60));
        assert_eq!(
            (curve.bucket_ns, curve.at_end.len(), curve.most.len()),
            (SECOND, 60, 60)
        );
        assert_eq!((curve.at_end[0], curve.at_end[10], curve.at_end[11]), (1, 2, 1));
        assert_eq!((curve.most[9], curve.most[10], curve.most[11]), (1, 2, 2));
        assert_eq!(curve.at_end[59], sweep.now());
        let moment = sweep.curve(span(0));
        assert_eq!((moment.at_end, moment.most), (vec![3], vec![3]));
        assert_eq!(Sweep::of([]).curve(span(10)).at_end, [0; 60]);
    }

    #[test]
    fn clocks_that_went_back_do_no_harm() {
        let sweep = Sweep::of(stays(&[(-100, None), (1_000, Some(2_000)), (3_000, None)]));
        let curve = sweep.curve(span(60));
        assert_eq!(curve.at_end.last(), Some(&2));
        let wild = Span {
            from: Timestamp::from_ns(i64::MIN),
            to: Timestamp::from_ns(i64::MAX),
        };
        assert_eq!(sweep.curve(wild).at_end.last(), Some(&2));
    }

    #[test]
    fn growth_is_a_slope_without_floating_point() {
        let each_second: Vec<(i64, Option<i64>)> = (0..60).map(|second| (second, None)).collect();
        let growing = Sweep::of(stays(&each_second)).curve(span(60));
        assert_eq!(growing.growth_milli_per_minute(), 60_000);
        let steady = Sweep::of(stays(&[(0, None), (0, None)])).curve(span(60));
        assert_eq!(steady.growth_milli_per_minute(), 0);
        let falling: Vec<(i64, Option<i64>)> = (1..=60).map(|second| (0, Some(second))).collect();
        assert!(
            Sweep::of(stays(&falling))
                .curve(span(60))
                .growth_milli_per_minute()
                < -50_000
        );
    }
}
