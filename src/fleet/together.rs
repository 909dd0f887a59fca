//! Findings about services, from what the rules kept of each connection.

use super::plan::sort_findings;
use super::{FleetError, Plan, Totals};
use crate::analyze::Settings;
use crate::findings::service::{self, Services};
use crate::model::{Capture, ServiceFinding};

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
