//! Capture time: integer nanoseconds since the Unix epoch, and the text forms of it.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;

/// The sign bit of an `i64`.
const SIGN: u64 = 1 << 63;

/// A moment on the capture's clock, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// `i64` reaches from the year 1677 to 2262; what a file says beyond that is clamped by the reader.
/// `Display` writes RFC 3339 in UTC with nine digits, as the JSON contract wants it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Nanoseconds, with the sign bit turned: in the same order, and never zero, so that an `Option` takes no more room.
    turned: NonZeroU64,
}

impl Timestamp {
    /// The moment so many nanoseconds after the Unix epoch; the very first one counts as the one after it.
    pub const fn from_ns(ns: i64) -> Timestamp {
        let turned = match NonZeroU64::new(ns as u64 ^ SIGN) {
            Some(turned) => turned,
            None => NonZeroU64::MIN,
        };
        Timestamp { turned }
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn ns(self) -> i64 {
        (self.turned.get() ^ SIGN) as i64
    }

    /// Nanoseconds from `earlier` to `self`; zero where the clock went back (R12).
    pub fn since(self, earlier: Timestamp) -> i64 {
        let apart = self.turned.get().saturating_sub(earlier.turned.get());
        apart.min(i64::MAX as u64) as i64
    }

    /// The moment `ns` nanoseconds later, clamped to what can be represented.
    pub fn plus(self, ns: i64) -> Timestamp {
        Timestamp::from_ns(self.ns().saturating_add(ns))
    }
}

impl Default for Timestamp {
    /// The Unix epoch.
    fn default() -> Timestamp {
        Timestamp::from_ns(0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timestamp").field(&self.ns()).finish()
    }
}

thread_local! {
    /// The day of the time written last, counted from 1970, and its text: a capture is over in a few days.
    static LAST_DAY: Cell<(i64, [u8; 10])> = const { Cell::new((0, *b"1970-01-01")) };
}

impl Timestamp {
    /// RFC 3339 in UTC, with nine digits of a second. The years of an `i64` all have four digits.
    fn text(self) -> Text {
        const DAY: i64 = 86_400_000_000_000;
        let day = self.ns().div_euclid(DAY);
        let date = match LAST_DAY.get() {
            (last, date) if last == day => date,
            _ => {
                let date = date(day);
                LAST_DAY.set((day, date));
                date
            }
        };
        let of_day = self.ns().rem_euclid(DAY);
        let (second, fraction) = (small(of_day / 1_000_000_000), small(of_day % 1_000_000_000));
        let [y3, y2, y1, y0, _, m1, m0, _, d1, d0] = date;
        let ([h1, h0], [n1, n0]) = (pair(second / 3_600), pair(second / 60 % 60));
        let ([s1, s0], [f8, f7]) = (pair(second % 60), pair(fraction / 10_000_000));
        let ([f6, f5], [f4, f3]) = (pair(fraction / 100_000 % 100), pair(fraction / 1_000 % 100));
        let ([f2, f1], [_, f0]) = (pair(fraction / 10 % 100), pair(fraction % 10));
        Text([
            y3, y2, y1, y0, b'-', m1, m0, b'-', d1, d0, b'T', h1, h0, b':', n1, n0, b':', s1, s0, b'.', f8,
            f7, f6, f5, f4, f3, f2, f1, f0, b'Z', b' ', b' ',
        ])
    }
}

/// The text of a moment, in ASCII, and two spaces: in steps of sixteen octets from an aligned place on, it takes a fifth of the
/// instructions to see that it is UTF-8.
#[repr(align(8))]
struct Text([u8; 32]);

impl Text {
    fn as_str(&self) -> &str {
        let padded = std::str::from_utf8(&self.0).ok();
        padded.and_then(|text| text.get(..30)).unwrap_or_default()
    }
}

/// Year, month and day, in ten letters, of so many days after 1970-01-01.
fn date(day: i64) -> [u8; 10] {
    let (year, month, day) = civil(small(day.saturating_add(DAYS_BEFORE_1970)));
    let ([y3, y2], [y1, y0]) = (pair(year / 100), pair(year % 100));
    let ([m1, m0], [d1, d0]) = (pair(month), pair(day));
    [y3, y2, y1, y0, b'-', m1, m0, b'-', d1, d0]
}

/// A number that is known to be neither negative nor 2^32 or more.
fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// A number below 100 in two digits.
fn pair(number: u32) -> [u8; 2] {
    PAIRS[number as usize % 100]
}

/// From 0000-03-01 to 1970-01-01: a year that begins in March has its leap day last.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Year, month and day of the proleptic Gregorian calendar, of so many days after 0000-03-01.
fn civil(days: u32) -> (u32, u32, u32) {
    const IN_400_YEARS: u32 = 146_097;
    let (era, of_era) = (days / IN_400_YEARS, days % IN_400_YEARS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March on have 31, 30, 31, 30, 31 days, and again: 153 in five.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year_of_era;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

/// The numbers below 100 in two digits.
static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    /// RFC 3339, within the range of an `i64` of nanoseconds.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        use serde::de::Error;
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        let ns = i64::try_from(moment.as_nanosecond());
        ns.map(Timestamp::from_ns)
            .map_err(|_| D::Error::custom(format!("{text} is out of range")))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A moment on the capture's clock: RFC 3339, UTC, nine digits of a second.",
            "type": "string",
            "format": "date-time",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$",
        })
    }
}

/// A duration as people read it: `41 µs`, `12.3 ms`, `4.20 s`, `5 min 01 s`, `2 h 03 min`.
pub fn human_duration(ns: i64) -> String {
    let ns = ns.max(0);
    let fraction = |unit: i64| ns as f64 / unit as f64;
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.0} µs", fraction(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} ms", fraction(1_000_000)),
        1_000_000_000..100_000_000_000 => format!("{:.2} s", fraction(1_000_000_000)),
        100_000_000_000..3_600_000_000_000 => {
            format!("{} min {:02} s", ns / 60_000_000_000, ns / 1_000_000_000 % 60)
        }
        _ => format!("{} h {:02} min", ns / 3_600_000_000_000, ns / 60_000_000_000 % 60),
    }
}

/// A duration to its last nanosecond: `5 s`, `5.001 s`, `200 ms`, `1.5 µs`.
pub fn exact_duration(ns: i64) -> String {
    let ns = ns.max(0).unsigned_abs();
    let (unit, digits, name) = match ns {
        0 => (1_000_000_000, 9, "s"),
        1..1_000 => (1, 0, "ns"),
        1_000..1_000_000 => (1_000, 3, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, 6, "ms"),
        _ => (1_000_000_000, 9, "s"),
    };
    let fraction = format!("{:0digits$}", ns % unit);
    match fraction.trim_end_matches('0') {
        "" => format!("{} {name}", ns / unit),
        fraction => format!("{}.{fraction} {name}", ns / unit),
    }
}

/// 2 MSL in nanoseconds, from a system's name or from one MSL.
///
/// # Errors
///
/// The text is neither, or too long a time; the error says what to write.
pub fn time_wait(text: &str) -> Result<i64, String> {
    const SECOND: i64 = 1_000_000_000;
    match text {
        "linux" | "bsd" => Ok(60 * SECOND),
        "windows" => Ok(120 * SECOND),
        "rfc" => Ok(240 * SECOND),
        _ => {
            let msl = duration(text).ok_or(
                "write linux, rfc, windows, bsd, or a duration with its unit such as 30s, 2m, 500ms",
            )?;
            msl.checked_mul(2).ok_or_else(|| "too long".to_owned())
        }
    }
}

/// Reads a duration with its unit, `1.5s`, `2m`, `500ms`, in nanoseconds.
pub fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let split = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (count, unit) = text.split_at(split);
    let unit = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit.trim_start())
        .map(|(_, ns)| ns)?;
    let (whole, fraction) = count.split_once('.').unwrap_or((count, "0"));
    if fraction.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let scale = 10_i64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = i128::from(fraction.parse::<i64>().ok()?) * i128::from(unit) / i128::from(scale);
    whole
        .parse::<i64>()
        .ok()?
        .checked_mul(unit)?
        .checked_add(i64::try_from(part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_with_nine_digits() {
        assert_eq!(
            Timestamp::from_ns(0).to_string(),
            "1970-01-01T00:00:00.000000000Z"
        );
        assert_eq!(
            Timestamp::from_ns(1_700_000_000_000_000_001).to_string(),
            "2023-11-14T22:13:20.000000001Z"
        );
        assert_eq!(
            Timestamp::from_ns(951_782_400_000_000_000).to_string(),
            "2000-02-29T00:00:00.000000000Z"
        );
        assert_eq!(
            Timestamp::from_ns(-1).to_string(),
            "1969-12-31T23:59:59.999999999Z"
        );
        assert_eq!(
            Timestamp::from_ns(i64::MAX).to_string(),
            "2262-04-11T23:47:16.854775807Z"
        );
        assert_eq!(
            Timestamp::from_ns(i64::MIN).to_string(),
            "1677-09-21T00:12:43.145224193Z"
        );
    }

    /// By the library that knows calendars.
    fn by_jiff(ns: i64) -> String {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(ns)).expect("an i64 is in its range");
        format!("{moment:.9}")
    }

    #[test]
    fn every_day_is_that_of_the_calendar() {
        const DAY: i64 = 86_400_000_000_000;
        for day in i64::MIN / DAY..=i64::MAX / DAY {
            for ns in [day * DAY, (day * DAY).saturating_sub(1)] {
                assert_eq!(Timestamp::from_ns(ns).to_string(), by_jiff(ns), "{ns}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn every_moment_is_that_of_the_calendar(ns: i64) {
            proptest::prop_assume!(ns != i64::MIN);
            proptest::prop_assert_eq!(Timestamp::from_ns(ns).to_string(), by_jiff(ns));
        }
    }

    #[test]
    fn durations_never_go_below_zero() {
        assert_eq!(Timestamp::from_ns(5).since(Timestamp::from_ns(9)), 0);
        assert_eq!(
            Timestamp::from_ns(i64::MAX).since(Timestamp::from_ns(i64::MIN)),
            i64::MAX
        );
    }

    #[test]
    fn human_durations() {
        let cases = [
            (41_000, "41 µs"),
            (12_345_678, "12.3 ms"),
            (38_000_000_000, "38.00 s"),
            (301_200_000_000, "5 min 01 s"),
            (7_380_000_000_000, "2 h 03 min"),
            (-4, "0 ns"),
        ];
        for (ns, text) in cases {
            assert_eq!(human_duration(ns), text);
        }
    }

    #[test]
    fn an_exact_duration_rounds_nothing() {
        let cases = [
            (0, "0 s"),
            (-1, "0 s"),
            (7, "7 ns"),
            (1_500, "1.5 µs"),
            (200_000_000, "200 ms"),
            (999_999_999, "999.999999 ms"),
            (5_000_000_000, "5 s"),
            (5_000_000_001, "5.000000001 s"),
            (120_000_000_000, "120 s"),
            (i64::MAX, "9223372036.854775807 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(exact_duration(ns), text);
        }
    }

    #[test]
    fn durations_need_a_unit() {
        let cases = [
            ("30s", Some(30_000_000_000)),
            ("2m", Some(120_000_000_000)),
            ("500ms", Some(500_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("0.25h", Some(900_000_000_000)),
            ("7 us", Some(7_000)),
            ("7µs", Some(7_000)),
            ("0s", Some(0)),
            ("30", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.s", None),
            ("1.2.3s", None),
            ("1e3s", None),
            ("99999999999h", None),
        ];
        for (text, ns) in cases {
            assert_eq!(duration(text), ns, "{text}");
        }
    }

    #[test]
    fn an_msl_is_half_a_time_wait() {
        let cases = [
            ("linux", Ok(60)),
            ("rfc", Ok(240)),
            ("windows", Ok(120)),
            ("bsd", Ok(60)),
            ("30s", Ok(60)),
            ("2m", Ok(240)),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                time_wait(text),
                seconds.map(|seconds: i64| seconds * 1_000_000_000),
                "{text}"
            );
        }
        assert!(time_wait("solaris").is_err());
    }
}
