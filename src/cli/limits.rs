//! How much is kept at once: `--max-connections` and `--max-memory`.

use clap::Args;

use crate::analyze::Limits;

/// Bounds on what is kept at once.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// Keep at most N connections at once. Beyond that the least telling ones are evicted: unanswered SYNs first,
    /// half-closed connections last. They are counted, and `check` exits with 3 [default: no limit]
    #[arg(long, help_heading = "Limits", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_connections: Option<u64>,
    /// Keep connections in at most so much memory, by this program's own count (512MiB, 2GiB, 1GB, none); evicts likewise
    #[arg(long, help_heading = "Limits", value_name = "SIZE", default_value = "4GiB", value_parser = memory)]
    pub max_memory: Memory,
}

impl LimitArgs {
    /// As the analysis takes them.
    pub fn to_limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            memory: self.max_memory.0,
        }
    }
}

/// Octets; none is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(pub Option<u64>);

/// With less not even a handful of connections could be told.
const LEAST: u64 = 1 << 20;

/// `512MiB`, `1.5GiB`, `1GB`, `2G` (the same as `2GiB`), plain octets, `none`.
fn memory(text: &str) -> Result<Memory, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Memory(None));
    }
    let wrong = || "write a size with its unit such as 512MiB, 2GiB or 1GB, or none".to_owned();
    let octets = size(text).ok_or_else(wrong)?;
    if octets < LEAST {
        return Err("less than 1MiB keeps no connection worth telling of".to_owned());
    }
    Ok(Memory(Some(octets)))
}

/// A number of octets; None if it is none, or too large to count.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || part.len() > 6 || number.ends_with('.') {
        return None;
    }
    let mut octets = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    if !part.is_empty() {
        let scale = 10u64.checked_pow(u32::try_from(part.len()).ok()?)?;
        octets = octets.checked_add(part.parse::<u64>().ok()?.checked_mul(unit)? / scale)?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, octets) in [
            ("1MiB", Some(1 << 20)),
            ("512MiB", Some(512 << 20)),
            ("1GB", Some(1_000_000_000)),
            ("2g", Some(2 << 30)),
            ("1.5GiB", Some(3 << 29)),
            ("1048576", Some(1 << 20)),
            ("4 GiB", Some(4 << 30)),
            ("16777215TiB", Some(16_777_215 << 40)),
        ] {
            assert_eq!(memory(text), Ok(Memory(octets)), "{text}");
        }
        assert_eq!(memory("none"), Ok(Memory(None)));
        for wrong in [
            "",
            "GiB",
            "1.GiB",
            ".5GiB",
            "1..5GiB",
            "-1GiB",
            "1XiB",
            "1023KiB",
            "0",
            "16777216TiB",
            "99999999999999999999",
        ] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_default_of_the_help_is_that_of_the_library() {
        assert_eq!(
            memory("4GiB").map(|memory| memory.0),
            Ok(Limits::default().memory)
        );
        assert_eq!(Limits::default().connections, None);
    }
}
