//! Findings about services, from what the rules kept of each connection.

use std::net::IpAddr;

use serde::Deserialize;
use serde::de::Error;

use super::plan::sort_findings;
use super::{FleetError, Plan, Totals};
use crate::analyze::Settings;
use crate::findings::rules;
use crate::findings::service::{self, Services};
use crate::model::{Address, Capture, Confidence, Role, ServiceFinding, Severity};
use crate::time::Timestamp;

/// Takes shares that come group by group, and judges each group when the next one begins. Memory holds those of one group.
pub struct Together {
    settings: Settings,
    /// Of which the rules need the time that it covers.
    capture: Capture,
    /// Rule and group at hand.
    group: Option<(String, String)>,
    services: Option<Services>,
    findings: Vec<ServiceFinding>,
}

impl Together {
    /// One that has seen nothing.
    pub fn new(plan: &Plan, settings: Settings) -> Together {
        Together {
            capture: plan.capture(&settings, &Totals::default()),
            settings,
            group: None,
            services: None,
            findings: Vec::new(),
        }
    }

    /// Takes the next share: code of its rule, group, and what was kept.
    ///
    /// # Errors
    ///
    /// It is not what that rule keeps.
    pub fn take(&mut self, rule: &str, group: &str, kept: &str) -> Result<(), FleetError> {
        let goes_on = |(of, at): &(String, String)| of == rule && at == group;
        if !self.group.as_ref().is_some_and(goes_on) {
            self.judge();
            self.group = Some((rule.to_owned(), group.to_owned()));
        }
        let services = self.services.get_or_insert_with(|| {
            let Settings {
                findings,
                time_wait_ns,
                ..
            } = &self.settings;
            Services::new(findings, *time_wait_ns)
        });
        services
            .take(rule, kept)
            .map_err(|reason| FleetError::Unreadable {
                what: "what a rule kept of a connection",
                reason,
            })
    }

    fn judge(&mut self) {
        if let (Some(services), Some((rule, _))) = (self.services.take(), self.group.take()) {
            let found = services.judge_one(&rule, &self.capture, &self.settings.findings);
            self.findings.extend(found);
        }
    }

    /// What was found in services.
    pub fn finish(mut self) -> Vec<ServiceFinding> {
        self.judge();
        self.findings
    }
}

/// Puts findings about services and those about the capture in their order.
pub fn all_findings(
    mut of_services: Vec<ServiceFinding>,
    capture: &Capture,
    settings: &Settings,
) -> Vec<ServiceFinding> {
    of_services.extend(service::judge_capture(capture, &settings.findings));
    sort_findings(&mut of_services);
    of_services
}

/// A finding as it is carried from one part of a run to another.
#[derive(Deserialize)]
struct Carried {
    code: String,
    severity: Severity,
    confidence: Confidence,
    server: Option<Address>,
    client: Option<IpAddr>,
    endpoint: Option<Role>,
    connections: u64,
    ids: Vec<u64>,
    at: Option<Timestamp>,
    message: String,
    #[serde(default)]
    weakened_by: Vec<String>,
}

/// Reads back a finding about a service that was written as JSON.
///
/// # Errors
///
/// It is not one that this program writes.
pub fn read_finding(text: &str) -> Result<ServiceFinding, FleetError> {
    let unreadable = |reason| FleetError::Unreadable {
        what: "a finding about a service",
        reason,
    };
    let carried: Carried = serde_json::from_str(text).map_err(unreadable)?;
    let unknown = |what: &str| unreadable(serde_json::Error::custom(format!("there is no {what}")));
    let rule = rules()
        .find(|rule| rule.code == carried.code)
        .ok_or_else(|| unknown(&format!("rule {}", carried.code)))?;
    let mut weakened_by = Vec::new();
    for name in &carried.weakened_by {
        let mut faults = rule.excused_by.iter().map(|fault| fault.name());
        let known = faults.find(|known| known == name);
        weakened_by.push(known.ok_or_else(|| unknown(&format!("fault {name} that weakens {}", rule.code)))?);
    }
    Ok(ServiceFinding {
        code: rule.code,
        name: rule.name,
        severity: carried.severity,
        confidence: carried.confidence,
        server: carried.server,
        client: carried.client,
        endpoint: carried.endpoint,
        connections: carried.connections,
        ids: carried.ids,
        behind: Default::default(),
        at: carried.at,
        message: carried.message,
        weakened_by,
    })
}
