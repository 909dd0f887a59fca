//! The states of an endpoint over time, in the columns of a screen.

use crate::model::{Evidence, State};
use crate::report::look::{Mark, state_letter};

use super::row::Stretch;

/// A piece of time, nanoseconds since the Unix epoch; `to` lies behind `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: i64,
    /// Its end.
    pub to: i64,
}

impl Span {
    /// A time of at least one nanosecond.
    pub fn new(from: i64, to: i64) -> Span {
        let from = from.min(i64::MAX - 1);
        Span {
            from,
            to: to.max(from + 1),
        }
    }

    /// Nanoseconds.
    pub fn length(self) -> i128 {
        i128::from(self.to) - i128::from(self.from)
    }

    /// The column of a moment, of so many; outside of them for a moment outside.
    pub fn column(self, moment: i64, columns: usize) -> i128 {
        let columns = i128::try_from(columns).unwrap_or(i128::MAX >> 64);
        ((i128::from(moment) - i128::from(self.from)) * columns).div_euclid(self.length())
    }

    /// When a column begins.
    pub fn moment(self, column: usize, columns: usize) -> i64 {
        let [column, columns] = [column, columns.max(1)].map(|number| i128::try_from(number).unwrap_or(0));
        let moment = i128::from(self.from) + self.length() * column / columns.max(1);
        i64::try_from(moment).unwrap_or(i64::MAX)
    }

    /// As long, but at least so long, and `factor` times as long as it was divided by `divisor`, around the middle.
    #[must_use]
    pub fn scaled(self, factor: i64, divisor: i64, least: i64) -> Span {
        let length = self.length() * i128::from(factor) / i128::from(divisor.max(1));
        let length = length.max(i128::from(least.max(1)));
        let middle = i128::from(self.from) + self.length() / 2;
        Span::of(middle - length / 2, length)
    }

    /// The same length, later by so many hundredths of it.
    #[must_use]
    pub fn moved(self, hundredths: i64) -> Span {
        let by = self.length() * i128::from(hundredths) / 100;
        Span::of(i128::from(self.from) + by, self.length())
    }

    /// Within another one: moved into it, and no longer than that.
    #[must_use]
    pub fn within(self, whole: Span) -> Span {
        let length = self.length().min(whole.length());
        let latest = i128::from(whole.to) - length;
        let from = i128::from(self.from).min(latest).max(i128::from(whole.from));
        Span::of(from, length)
    }

    fn of(from: i128, length: i128) -> Span {
        let clamp = |ns: i128| {
            let ns = ns.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
            i64::try_from(ns).unwrap_or(0)
        };
        Span::new(clamp(from), clamp(from.saturating_add(length)))
    }
}

/// What stands in one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Its character.
    pub character: char,
    /// The state and how it is known; none where transitions were not kept.
    pub state: Option<(State, Option<Evidence>)>,
}

/// The letter of a state, in ASCII if need be.
pub fn letter(state: State, ascii: bool) -> char {
    match state {
        State::Closed if ascii => '.',
        state => state_letter(state),
    }
}

/// Each column has the state that lasted longest in it. In a stretch that is not proven, letters and the mark behind a state
/// (`~` inferred, `?` presumed or by timer) take turns; where it has one column only, that has the mark.
pub fn lane(stretches: &[Stretch], span: Span, columns: usize, ascii: bool) -> Vec<Option<Cell>> {
    let mut longest: Vec<Option<(i128, usize)>> = vec![None; columns];
    for (index, stretch) in stretches.iter().enumerate() {
        let (from, to) = (stretch.from.max(span.from), stretch.to.min(span.to));
        if from > to || columns == 0 {
            continue;
        }
        let last = columns - 1;
        let column = |moment| {
            usize::try_from(span.column(moment, columns))
                .unwrap_or(0)
                .min(last)
        };
        let (first, end) = (column(from), column(to));
        for (place, best) in longest.iter_mut().enumerate().take(end + 1).skip(first) {
            let begins = from.max(span.moment(place, columns));
            let ends = to.min(span.moment(place + 1, columns));
            let lasts = (i128::from(ends) - i128::from(begins)).max(0);
            // A state that took no time is shown where nothing else is.
            let is_there = lasts > 0 || stretch.from == stretch.to;
            if is_there && best.is_none_or(|(longest, _)| lasts > longest) {
                *best = Some((lasts, index));
            }
        }
    }
    let mut cells = Vec::with_capacity(columns);
    for (place, best) in longest.iter().enumerate() {
        let stretch = |index: usize| stretches.get(index);
        let index = best.map(|(_, index)| index);
        let same = |other: Option<&Option<(i128, usize)>>| {
            other.and_then(|other| other.map(|(_, index)| index)) == index
        };
        let cell = index.and_then(stretch).map(|stretch| {
            let Some((state, evidence)) = stretch.state else {
                return Cell {
                    character: '%',
                    state: None,
                };
            };
            let mark = evidence.and_then(Mark::of).filter(|_| state != State::Unknown);
            let run = longest
                .iter()
                .take(place)
                .rev()
                .take_while(|other| same(Some(other)))
                .count();
            let alone = run == 0 && !same(longest.get(place + 1));
            let character = match mark {
                Some(mark) if alone || run % 2 == 1 => mark.symbol(),
                Some(_) | None => letter(state, ascii),
            };
            Cell {
                character,
                state: stretch.state,
            }
        });
        cells.push(cell);
    }
    cells
}

/// Distance of two ticks of an axis in nanoseconds: 1, 2 or 5 times a power of ten of nanoseconds (below a minute), so that
/// at least `least` columns lie between them.
pub fn tick(span: Span, columns: usize, least: usize) -> i64 {
    const LONG: [i64; 14] = [
        60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    ];
    let [columns, least] = [columns.max(1), least.max(1)].map(|number| i128::try_from(number).unwrap_or(1));
    let wanted = span.length() * least / columns;
    let short = (0..11).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_i64.pow(power)));
    let short = short.filter(|ns| *ns < 60_000_000_000);
    let long = LONG.iter().map(|seconds| seconds * 1_000_000_000);
    let mut all = short.chain(long);
    all.find(|ns| i128::from(*ns) >= wanted)
        .or_else(|| i64::try_from(wanted).ok())
        .unwrap_or(i64::MAX)
}

/// A time since the beginning of the capture, with as many digits as ticks of this distance need.
pub fn tick_label(ns: i128, tick: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let second: u128 = 1_000_000_000;
    if tick >= 60_000_000_000 {
        let minutes = ns / (60 * second);
        return format!("{sign}{}:{:02} h", minutes / 60, minutes % 60);
    }
    let digits = (0..9).find(|digits| u128::from(tick.unsigned_abs()) * 10u128.pow(*digits) % second == 0);
    let digits = usize::try_from(digits.unwrap_or(9)).unwrap_or(9);
    let fraction = format!("{:09}", ns % second);
    let point = if digits == 0 { "" } else { "." };
    format!(
        "{sign}{}{point}{} s",
        ns / second,
        fraction.get(..digits).unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stretch(state: State, evidence: Evidence, from: i64, to: i64) -> Stretch {
        Stretch {
            state: Some((state, Some(evidence))),
            from,
            to,
        }
    }

    fn text(stretches: &[Stretch], span: Span, columns: usize) -> String {
        let cells = lane(stretches, span, columns, false).into_iter();
        cells
            .map(|cell| cell.map_or(' ', |cell| cell.character))
            .collect()
    }

    #[test]
    fn each_column_has_the_state_that_lasted_longest() {
        let life = [
            stretch(State::SynSent, Evidence::Sent, 20, 21),
            stretch(State::Established, Evidence::Sent, 21, 60),
            stretch(State::FinWait1, Evidence::Sent, 60, 61),
            stretch(State::FinWait2, Evidence::Confirmed, 61, 90),
            stretch(State::TimeWait, Evidence::Presumed, 90, 100),
        ];
        assert_eq!(text(&life, Span::new(0, 100), 10), "  EEEE222?");
        assert_eq!(text(&life, Span::new(0, 100), 20), "    EEEEEEEE222222T?");
        assert_eq!(text(&life, Span::new(18, 28), 10), "  SEEEEEEE");
        assert_eq!(text(&life, Span::new(0, 100), 1), "E");
        assert_eq!(text(&life, Span::new(0, 100), 0), "");
        assert_eq!(text(&life, Span::new(200, 300), 5), "     ");
    }

    #[test]
    fn what_is_not_proven_is_hatched() {
        let life = [
            stretch(State::Established, Evidence::Inferred, 0, 50),
            stretch(State::CloseWait, Evidence::Presumed, 50, 90),
            stretch(State::Closed, Evidence::Timer, 90, 100),
        ];
        assert_eq!(text(&life, Span::new(0, 100), 10), "E~E~EW?W??");
        let unknown = [stretch(State::Unknown, Evidence::Inferred, 0, 50)];
        assert_eq!(text(&unknown, Span::new(0, 100), 4), "??  ");
        let lost = [Stretch {
            state: None,
            from: 0,
            to: 10,
        }];
        assert_eq!(text(&lost, Span::new(0, 20), 4), "%%  ");
    }

    #[test]
    fn a_state_that_took_no_time_is_there_where_nothing_else_is() {
        let moment = [stretch(State::SynSent, Evidence::Sent, 50, 50)];
        assert_eq!(text(&moment, Span::new(0, 100), 10), "     S    ");
        assert_eq!(text(&moment, Span::new(0, 50), 10), "         S");
    }

    #[test]
    fn ticks_are_round() {
        for (length, columns, wanted, label) in [
            (100, 100, 20, "0.00000002 s"),
            (1_000_000_000, 60, 200_000_000, "0.2 s"),
            (38_000_000_000, 60, 10_000_000_000, "10 s"),
            (600_000_000_000, 60, 120_000_000_000, "0:02 h"),
            (86_400_000_000_000, 60, 21_600_000_000_000, "6:00 h"),
        ] {
            let ns = tick(Span::new(0, length), columns, 12);
            assert_eq!((ns, tick_label(i128::from(ns), ns).as_str()), (wanted, label));
        }
        assert_eq!(tick_label(-1_500_000_000, 500_000_000), "-1.5 s");
    }

    proptest! {
        #[test]
        fn no_time_is_too_long_or_too_early(
            from: i64, to: i64, a: i64, b: i64, columns in 0usize..300, factor in 1i64..5, hundredths in -300i64..300,
        ) {
            let whole = Span::new(from, to);
            let part = whole.scaled(factor, 3, 1_000).moved(hundredths).within(whole);
            prop_assert!(part.from >= whole.from && part.to <= whole.to && part.length() > 0);
            let life = [stretch(State::Established, Evidence::Sent, a.min(b), a.max(b))];
            prop_assert_eq!(lane(&life, part, columns, false).len(), columns);
            let ns = tick(part, columns, 12);
            prop_assert!(ns > 0);
            tick_label(part.length(), ns);
        }
    }
}
