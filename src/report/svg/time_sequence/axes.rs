//! The frame of a graph: which moment and which number lie where, and what stands beside them.

use crate::report::look::number;
use crate::report::svg::canvas::{Canvas, at};
use crate::time::Timestamp;

const LEFT: f64 = 104.0;
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 400.0;
/// Between the frame and the first and last mark.
const INSET: f64 = 14.0;

/// Both axes.
pub struct Axes {
    top: f64,
    first: Timestamp,
    /// Nanoseconds from left to right.
    span: f64,
    low: i64,
    high: i64,
}

/// A unit of time: its name, and how many nanoseconds it has.
const UNITS: [(&str, f64); 3] = [("µs", 1e3), ("ms", 1e6), ("s", 1e9)];

impl Axes {
    /// From the first to the last moment, and from the lowest to the highest number.
    pub fn new(first: Timestamp, last: Timestamp, low: i64, high: i64) -> Axes {
        Axes {
            top: 0.0,
            first,
            span: (last.since(first).max(1_000)) as f64,
            low: low.min(high),
            high: high.max(low.saturating_add(1)),
        }
    }

    /// The same, with the frame beginning at this height.
    pub fn below(&self, top: f64) -> Axes {
        Axes { top, ..*self }
    }

    /// Where a moment lies.
    pub fn x(&self, time: Timestamp) -> f64 {
        let share = time.since(self.first) as f64 / self.span;
        LEFT + INSET + share.clamp(0.0, 1.0) * (WIDTH - 2.0 * INSET)
    }

    /// Where a number lies.
    pub fn y(&self, number: i64) -> f64 {
        let range = self.high.saturating_sub(self.low) as f64;
        let share = number.saturating_sub(self.low) as f64 / range;
        self.top + HEIGHT - INSET - share.clamp(-0.02, 1.02) * (HEIGHT - 2.0 * INSET)
    }

    /// Whether a number lies inside the frame.
    pub fn shows(&self, number: i64) -> bool {
        number <= self.high
    }

    /// The right end of the frame.
    pub fn right(&self) -> f64 {
        LEFT + WIDTH
    }

    /// The lower end of the frame.
    pub fn bottom(&self) -> f64 {
        self.top + HEIGHT
    }

    /// The frame, lines of the grid and numbers at them. Times count from `start`.
    pub fn draw(&self, canvas: &mut Canvas, start: Timestamp, counted_from: &str) {
        let step = whole(self.high.saturating_sub(self.low) / 6);
        let first = self.low.div_euclid(step).saturating_mul(step);
        let ticks = (0..=8i64).map(|index| first.saturating_add(index.saturating_mul(step)));
        for tick in ticks.filter(|tick| (self.low..=self.high).contains(tick)) {
            let y = self.y(tick);
            canvas.line("ts-grid", at(LEFT, y), at(self.right(), y));
            let sign = if tick < 0 { "-" } else { "" };
            let text = format!("{sign}{}", number(tick.unsigned_abs()));
            canvas.text("ts-fixed ts-dim ts-end", at(LEFT - 6.0, y + 4.0), &text);
        }
        let (unit, ns) = *UNITS
            .iter()
            .rev()
            .find(|(_, ns)| self.span >= 2.0 * ns)
            .unwrap_or(&UNITS[0]);
        let begin = self.first.since(start) as f64 / ns;
        let step = nice(self.span / ns / 8.0);
        let mut tick = (begin / step).ceil() * step;
        let end = begin + self.span / ns;
        while tick <= end + step * 1e-6 {
            let share = (tick - begin) / (end - begin);
            let x = LEFT + INSET + share.clamp(0.0, 1.0) * (WIDTH - 2.0 * INSET);
            canvas.line("ts-grid", at(x, self.top), at(x, self.bottom()));
            let digits = (0..6)
                .find(|digits| step * 10f64.powi(*digits) >= 0.99)
                .unwrap_or(6);
            let digits = usize::try_from(digits).unwrap_or(0);
            let text = format!("{:.digits$}", if tick.abs() < step * 1e-6 { 0.0 } else { tick });
            canvas.text("ts-fixed ts-dim ts-middle", at(x, self.bottom() + 16.0), &text);
            tick += step;
        }
        canvas.rect("ts-plot", at(LEFT, self.top), WIDTH, HEIGHT, 0.0);
        let middle = self.top + HEIGHT / 2.0;
        canvas.turned(
            "ts-dim ts-middle",
            at(22.0, middle),
            -90.0,
            &format!("sequence number, {counted_from}"),
        );
        canvas.text(
            "ts-dim ts-middle",
            at(LEFT + WIDTH / 2.0, self.bottom() + 34.0),
            &format!("time since the first packet, {unit}"),
        );
    }
}

/// The next of 1, 2 and 5 and their powers of ten.
fn nice(step: f64) -> f64 {
    if !step.is_finite() || step <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    let of = step / power;
    let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| of <= *nice + 1e-9);
    nice.unwrap_or(10.0) * power
}

/// The next of 1, 2 and 5 and their powers of ten that is more than this.
fn whole(step: i64) -> i64 {
    let mut power = 1i64;
    loop {
        for nice in [1, 2, 5] {
            let nice = power.saturating_mul(nice);
            if nice > step || nice == i64::MAX {
                return nice;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbers_that_people_count_in() {
        let cases = [
            (0.0003, 0.0005),
            (1.0, 1.0),
            (1.1, 2.0),
            (4.9, 5.0),
            (51.0, 100.0),
            (f64::NAN, 1.0),
        ];
        for (step, expected) in cases {
            assert!((nice(step) / expected - 1.0).abs() < 1e-9, "{step}");
        }
        let cases = [
            (0, 1),
            (1, 2),
            (3, 5),
            (20_666, 50_000),
            (i64::MAX / 6, 2_000_000_000_000_000_000),
        ];
        for (step, expected) in cases {
            assert_eq!(whole(step), expected, "{step}");
        }
        assert_eq!(whole(i64::MAX), i64::MAX);
    }
}
