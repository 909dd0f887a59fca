//! A count over time in one line: `▁▁▂▃▅▇█`.

use crate::population::Curve;
use crate::report::Look;
use crate::report::look::number;
use crate::time::Timestamp;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];

/// The most in each bucket, in at most `room` characters: buckets are joined where there are more. The lowest bar stands for
/// none, and for nothing else; the highest for the peak.
pub fn bars(curve: &Curve, room: usize, look: &Look) -> String {
    let bars = if look.ascii { ASCII } else { BARS };
    let highest = curve.most.iter().copied().max().unwrap_or(0).max(1);
    let joined = curve.most.len().div_ceil(room.max(1)).max(1);
    (curve.most.chunks(joined))
        .map(|part| part.iter().copied().max().unwrap_or(0))
        .map(|count| u128::from(count) * 7)
        .filter_map(|level| bars.get(usize::try_from(level.div_ceil(u128::from(highest))).unwrap_or(7)))
        .collect()
}

/// What the bars stand for: `0 to 22, 09:00:00 → 09:05:00`.
pub fn scale(curve: &Curve, until: Timestamp, look: &Look) -> String {
    let highest = curve.most.iter().copied().max().unwrap_or(0);
    format!(
        "0 to {}, {} {} {}",
        number(highest),
        clock(curve.from),
        look.arrow(),
        clock(until)
    )
}

/// The time of day in UTC, `09:00:05`.
pub fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Rows, SequenceNumbers};

    fn look(ascii: bool) -> Look {
        Look {
            width: 80,
            rows: Rows::All,
            ascii,
            color: false,
            seq: SequenceNumbers::Absolute,
        }
    }

    fn curve(most: &[u64]) -> Curve {
        Curve {
            from: Timestamp::from_ns(0),
            bucket_ns: 1_000_000_000,
            at_end: most.to_vec(),
            most: most.to_vec(),
        }
    }

    #[test]
    fn the_lowest_bar_is_none_and_the_highest_the_peak() {
        assert_eq!(bars(&curve(&[0, 1, 50, 99, 100]), 60, &look(false)), "▁▂▅██");
        assert_eq!(
            bars(&curve(&[0, 1, 2, 3, 4, 5, 6, 7]), 60, &look(true)),
            ".:-=+*#@"
        );
        assert_eq!(bars(&curve(&[0, 0]), 60, &look(true)), "..");
        assert_eq!(bars(&curve(&[]), 60, &look(true)), "");
        assert_eq!(bars(&curve(&[u64::MAX, 1]), 60, &look(true)), "@:");
    }

    #[test]
    fn buckets_are_joined_where_there_is_no_room() {
        assert_eq!(bars(&curve(&[0, 7, 1, 0, 3]), 3, &look(true)), "@:=");
        assert_eq!(bars(&curve(&[0, 7, 1, 0, 3]), 0, &look(true)), "@");
    }

    #[test]
    fn the_scale_tells_what_the_bars_stand_for() {
        let at = Timestamp::from_ns(3_661_000_000_000);
        assert_eq!(
            scale(&curve(&[0, 1_200]), at, &look(true)),
            "0 to 1 200, 00:00:00 -> 01:01:01"
        );
    }
}
