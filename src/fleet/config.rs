//! The settings of a run as one text, the same for all parts of it.

use serde::{Deserialize, Serialize};

use crate::analyze::Settings;
use crate::findings;
use crate::flow::Limits;
use crate::input::Dedup;
use crate::model::Severity;
use crate::segment::DecodeSettings;

/// What decides about the result, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// 2 MSL, nanoseconds.
    pub time_wait_ns: i64,
    /// Findings below this severity are left out.
    pub severity: Severity,
    /// Within how many nanoseconds copies of a segment in another file are left out; null: within 200 ms between files that
    /// overlap in time.
    pub dedup_ns: Option<i64>,
    /// Whether copies in other files are left out at all.
    pub dedup: bool,
    /// Set the clocks of files that share segments by one another.
    pub align_clocks: bool,
    /// Verify checksums.
    pub verify_checksums: bool,
}

impl Default for Config {
    /// As the program does it without options.
    fn default() -> Config {
        let settings = Settings::default();
        Config {
            time_wait_ns: settings.time_wait_ns,
            severity: settings.findings.least,
            dedup_ns: None,
            dedup: true,
            align_clocks: false,
            verify_checksums: false,
        }
    }
}

impl Config {
    /// As settings of an analysis without files and without limits.
    pub fn settings(&self) -> Settings {
        Settings {
            dedup: match (self.dedup, self.dedup_ns) {
                (false, _) => Dedup::Off,
                (true, None) => Dedup::Auto,
                (true, Some(window)) => Dedup::Within(window),
            },
            align_clocks: self.align_clocks,
            time_wait_ns: self.time_wait_ns,
            decode: DecodeSettings {
                verify_checksums: self.verify_checksums,
                ..DecodeSettings::default()
            },
            findings: findings::Settings {
                least: self.severity,
                ..findings::Settings::default()
            },
            limits: Limits::NONE,
            ..Settings::default()
        }
    }
}
