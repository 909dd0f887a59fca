//! `check`: findings held against what a team allows, for a machine to act on.
//!
//! One [`Case`] is one rule (or one budget) at one service: the grain of a JUnit test case, of a baseline entry and of an
//! allow-list entry. Client addresses and ephemeral ports are not part of it, so that it is the same from run to run.
//!
//! | module | holds |
//! | --- | --- |
//! | [`config`] | `tcptrace-states.toml`: limits, levels, budgets, allowances |
//! | [`pattern`] | which services an entry is for |
//! | [`budget`] | what a service may show, measured |
//! | [`baseline`] | what a team has accepted, by fingerprint |
//! | `verdict` | all of it together |

pub mod baseline;
pub mod budget;
pub mod config;
pub mod pattern;
mod verdict;

pub use baseline::Baseline;
pub use config::Config;
pub use verdict::verdict;

use serde::Serialize;

use crate::model::{Address, Confidence, PacketNumber, Role, Severity};
use crate::time::Timestamp;

/// Connections kept as examples of a case.
const EXAMPLES: usize = 8;

/// What `check` says of the captures.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The files checked, as they were named.
    pub files: Vec<String>,
    /// Packets read, connections seen.
    pub packets: u64,
    /// See `packets`.
    pub connections: u64,
    /// False if the input was damaged or cut off: what follows covers only what was read before.
    pub complete: bool,
    /// What was wrong with the input.
    pub damage: Vec<String>,
    /// From this severity on a case fails; none: nothing fails.
    pub fail_on: Option<Severity>,
    /// Everything found, the worst first.
    pub cases: Vec<Case>,
    /// Rules and budgets that were checked and found nothing, by their code or name: the test cases that passed.
    pub passed: Vec<Passed>,
    /// What is wrong with the configuration without being an error: allowances that expired or that matched nothing,
    /// baseline entries that are gone.
    pub remarks: Vec<String>,
}

impl Verdict {
    /// Whether any case fails.
    pub fn fails(&self) -> bool {
        self.cases.iter().any(|case| case.standing == Standing::Fails)
    }

    /// How many cases stand like this.
    pub fn count(&self, standing: &Standing) -> usize {
        let same = |case: &&Case| std::mem::discriminant(&case.standing) == std::mem::discriminant(standing);
        self.cases.iter().filter(same).count()
    }
}

/// A rule or budget that was checked and found nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// Code of the rule, or name of the budget.
    pub code: String,
    /// Name of the rule; what the budget demands.
    pub title: String,
}

/// One rule, or one budget, at one service.
#[derive(Debug, Clone, Serialize)]
pub struct Case {
    /// Code of the rule (`TW04`), or name of the budget.
    pub code: String,
    /// Name of the rule (`reuse-illegal`); what the budget demands.
    pub title: String,
    /// A budget, not a rule.
    pub budget: bool,
    /// How bad: the worst of the findings, after the configuration's levels.
    pub severity: Severity,
    /// How sure: the surest of the findings that are that bad.
    pub confidence: Confidence,
    /// The service; null for what concerns the capture as a whole.
    pub service: Option<Address>,
    /// The side of the connections that it is about; null if it is neither.
    pub endpoint: Option<Role>,
    /// Whether it counts, and if not, why.
    pub standing: Standing,
    /// Connections with it, exactly.
    pub connections: u64,
    /// How often it happened, exactly.
    pub count: u64,
    /// In words, one line.
    pub message: String,
    /// Some of the connections, those that show it best first.
    pub examples: Vec<Example>,
    /// Key of the baseline: code, service and side, without ephemeral ports.
    pub fingerprint: String,
}

/// Whether a case counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
pub enum Standing {
    /// It makes the check fail.
    Fails,
    /// It is below what makes the check fail.
    Reported,
    /// The configuration allows it.
    Allowed {
        /// Why, in the configuration's words.
        reason: String,
        /// Until which day (inclusive), `2027-03-01`.
        expires: Option<String>,
    },
    /// The baseline has it.
    Known,
}

/// One connection that shows a case.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// Id of the connection.
    pub connection: u64,
    /// Its ends.
    pub client: Address,
    /// See `client`.
    pub server: Address,
    /// The packet that shows it.
    pub packet: Option<PacketNumber>,
    /// When.
    pub at: Option<Timestamp>,
    /// In words, one line.
    pub message: String,
}
