//! Connections taken together: half-closes that stay open, and TIME-WAIT, counted over time.
//!
//! One connection tells that an endpoint is in CLOSE-WAIT; many tell whether it leaks. Everything here is a pure function
//! over the connections of the model, in O(n log n), with memory for those that are (or were) in the state in question. Each is
//! also a collector that is shown one connection after the other and keeps only what it needs of them.
//!
//! | module | holds |
//! | --- | --- |
//! | [`mod@curve`] | how many stay in a state at the same time: now, at most, and over time |
//! | `grouped` | members of many groups |
//! | [`over_time`] | connections in each state over time, those that begin and end, and how half-closes are spread |
//! | [`mod@leaks`] | half-closes by the endpoint that does not close |
//! | [`sockets`] | the processes that hold them, where listings of `ss` tell |
//! | [`mod@time_wait`] | TIME-WAIT by who holds it, the ports it takes, and the reuse of 4-tuples in it |

pub mod curve;
pub(crate) mod grouped;
pub mod leaks;
pub mod over_time;
pub mod sockets;
pub mod time_wait;

pub use curve::{Curve, Span};
pub use leaks::{By, HalfCloses, Leaks, leaks};
pub use over_time::OverTime;
pub use time_wait::{Stays, TimeWaits, time_wait};

use serde::Serialize;

/// Groups that keep their curve: the worst ones. A view draws a few; a flood has millions.
const CURVES: usize = 100;

/// How durations are spread, nanoseconds, by nearest rank: each is a duration that occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half of them are no longer than this.
    pub p50_ns: i64,
    /// 99 of 100 are no longer than this.
    pub p99_ns: i64,
    /// The longest.
    pub max_ns: i64,
}

impl Spread {
    /// None without durations.
    fn of(mut durations: Vec<i64>) -> Option<Spread> {
        let max_ns = *durations.iter().max()?;
        // Selection, not a sort: there may be one for each connection.
        let p99 = nearest_place(durations.len(), 99)?;
        let p50 = nearest_place(durations.len(), 50)?;
        let (below, p99_ns, _) = durations.select_nth_unstable(p99);
        let p99_ns = *p99_ns;
        let p50_ns = if p50 < below.len() {
            *below.select_nth_unstable(p50).1
        } else {
            p99_ns // the same place
        };
        Some(Spread {
            p50_ns,
            p99_ns,
            max_ns,
        })
    }
}

/// The nearest-rank percentile of sorted values: the smallest of them that at least `percent` of them do not exceed. None
/// without values.
pub fn nearest_rank(sorted: &[i64], percent: u64) -> Option<i64> {
    sorted.get(nearest_place(sorted.len(), percent)?).copied()
}

/// Place of the nearest-rank percentile among so many sorted values. None without values, or above 100 percent.
fn nearest_place(count: usize, percent: u64) -> Option<usize> {
    let all = u128::try_from(count).ok()?;
    let rank = (all * u128::from(percent)).div_ceil(100).max(1);
    let place = usize::try_from(rank - 1).ok()?;
    (place < count).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_durations_that_occurred() {
        assert_eq!(Spread::of(Vec::new()), None);
        let spread = |p50_ns, p99_ns, max_ns| {
            Some(Spread {
                p50_ns,
                p99_ns,
                max_ns,
            })
        };
        assert_eq!(Spread::of(vec![7]), spread(7, 7, 7));
        assert_eq!(Spread::of(vec![9, 1, 5, 3]), spread(3, 9, 9));
        assert_eq!(Spread::of((1..=1_000).collect()), spread(500, 990, 1_000));
    }
}
