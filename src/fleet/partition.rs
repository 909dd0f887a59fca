//! All segments of some connections, sorted: what one task of a fleet gets.

use std::sync::Arc;

use super::totals::CopyCounts;
use super::tracking::Tracking;
use super::{FleetError, FlowOctets, Plan, Position, Row, Told, Totals, flow_octets};
use crate::analyze::Settings;
use crate::findings::Judge;
use crate::findings::service::Services;
use crate::flow::Limits;
use crate::input::{Copies, Place, Span};
use crate::model::Connection;

/// Connections that are tracked together, at most, but for those of one 4-tuple: a table for each would cost more.
const TOGETHER: u64 = 4096;

/// What a rule about services keeps of a connection. See [`Together`](super::Together).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Code of the rule.
    pub rule: &'static str,
    /// Those of one group must be judged together.
    pub group: String,
    /// The connection.
    pub id: u64,
    /// JSON.
    pub kept: String,
}

/// Tracks rows that come sorted by [`flow_octets`], then by position, and checks that they do. Memory holds the connections
/// of a few thousand 4-tuples, or all of one 4-tuple, and no segments.
pub struct Partition {
    plan: Arc<Plan>,
    settings: Settings,
    spans: Vec<Span>,
    tracking: Tracking,
    copies: Copies,
    copied: CopyCounts,
    judge: Judge,
    services: Services,
    totals: Totals,
    /// The newest row.
    newest: Option<(FlowOctets, Position)>,
}

impl Partition {
    /// One that has seen nothing.
    pub fn new(plan: Arc<Plan>, settings: Settings) -> Partition {
        Partition {
            spans: plan.spans(),
            copies: Copies::new(settings.dedup, plan.files().len()),
            copied: CopyCounts::default(),
            tracking: Tracking::new(Limits::NONE),
            judge: Judge::new(&settings.findings),
            services: Services::new(&settings.findings, settings.time_wait_ns),
            totals: Totals::default(),
            newest: None,
            plan,
            settings,
        }
    }

    /// Takes the next row. What can be told by now is added to `told`.
    ///
    /// # Errors
    ///
    /// The row does not come in order, or what is kept of positions cannot be written or read. Nothing that was told is to be
    /// used then.
    pub fn take(&mut self, row: &Row, told: &mut Vec<Told>) -> Result<(), FleetError> {
        self.plan.number(row.position)?;
        let flow = flow_octets(&row.segment);
        match &mut self.newest {
            Some((before, position)) if *before == flow => {
                if *position >= row.position {
                    return Err(self.out_of_order(row));
                }
                *position = row.position;
            }
            newest => {
                if newest.as_ref().is_some_and(|(before, _)| *before > flow) {
                    return Err(self.out_of_order(row));
                }
                *newest = Some((flow, row.position));
                self.copies.begin_anew();
                if self.tracking.len() >= TOGETHER {
                    self.tell(told)?;
                }
            }
        }
        self.totals.segment();
        let place = Place {
            file: usize::try_from(row.position.file).unwrap_or(usize::MAX),
            time: row.position.time,
            next: Some(row.position.time), // there may be a copy of any
            spans: &self.spans,
        };
        if self.copies.is_copy(&place, &row.segment) {
            self.copied.add(&row.segment);
            return Ok(());
        }
        self.tracking
            .take(row.position, &row.segment, row.tunnels.as_ref())
    }

    fn out_of_order(&self, row: &Row) -> FleetError {
        let name = |flow: &[u8], position: Position| {
            let flow: String = flow.iter().map(|octet| format!("{octet:02x}")).collect();
            format!(
                "flow {flow} at {} (file {}, packet {})",
                position.time, position.file, position.number
            )
        };
        FleetError::Order {
            before: (self.newest.as_ref())
                .map(|(flow, position)| name(flow, *position))
                .unwrap_or_default(),
            found: name(&flow_octets(&row.segment), row.position),
        }
    }

    fn tell(&mut self, told: &mut Vec<Told>) -> Result<(), FleetError> {
        let tracking = std::mem::replace(&mut self.tracking, Tracking::new(Limits::NONE));
        let ended = tracking.finish(self.plan.end())?;
        for one in ended.tell(&self.plan, &self.judge, &self.settings) {
            let one = one?;
            self.totals.add(&one.connection);
            told.push(one);
        }
        Ok(())
    }

    /// What the rules about services keep of a connection.
    pub fn shares(&self, connection: &Connection) -> impl Iterator<Item = Share> {
        let id = connection.id;
        self.services.shares(connection).map(move |(rule, kept)| Share {
            rule,
            group: kept.group,
            id,
            kept: kept.kept,
        })
    }

    /// The last connections, and what was counted.
    ///
    /// # Errors
    ///
    /// As [`Partition::take`].
    pub fn finish(&mut self, told: &mut Vec<Told>) -> Result<Totals, FleetError> {
        self.tell(told)?;
        let mut totals = std::mem::take(&mut self.totals);
        totals.set_copies(CopyCounts {
            not_looked_for: self.copies.forgotten(),
            ..self.copied
        });
        Ok(totals)
    }
}
