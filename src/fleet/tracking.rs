//! Segments to connections, named in a way that does not depend on what else was tracked.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::places::Places;
use super::{FleetError, Plan, Position};
use crate::analyze::Settings;
use crate::analyze::count::Flaws;
use crate::findings::Judge;
use crate::flow::{Flows, Ladders, Limits, Rest};
use crate::model::{self, Connection};
use crate::segment::{Segment, TunnelId, TunnelPath};
use crate::time::Timestamp;

/// A connection, and where it stands among all.
#[derive(Debug, Clone)]
pub struct Told {
    /// The position of its first packet.
    pub first: Position,
    /// What is told of it. Its id is the number of its first packet.
    pub connection: Connection,
}

/// Connections of which segments still come.
pub(super) struct Tracking {
    flows: Flows,
    places: Places,
    tunnels: Tunnels,
}

/// Paths of tunnels and their numbers.
#[derive(Default)]
struct Tunnels {
    numbers: HashMap<TunnelPath, TunnelId, RandomState>,
    paths: Vec<TunnelPath>,
}

impl Tunnels {
    fn number(&mut self, path: &TunnelPath) -> TunnelId {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        self.paths.push(path.clone());
        // A decoder tells some thousand paths apart in a file; there are no 2^32 of them.
        let number = u32::try_from(self.paths.len()).map_or(TunnelId::OVERFLOW, TunnelId);
        self.numbers.insert(path.clone(), number);
        number
    }

    fn path(&self, id: TunnelId) -> Option<&TunnelPath> {
        self.paths.get(usize::try_from(id.0.checked_sub(1)?).ok()?)
    }
}

impl Tracking {
    pub fn new(limits: Limits) -> Tracking {
        Tracking {
            flows: Flows::bounded(Ladders::None, limits, None),
            places: Places::default(),
            tunnels: Tunnels::default(),
        }
    }

    /// Takes the next segment of any connection; those of one come in their order.
    pub fn take(
        &mut self,
        position: Position,
        segment: &Segment,
        tunnels: Option<&TunnelPath>,
    ) -> Result<(), FleetError> {
        let mut segment = *segment;
        segment.packet = self.places.add(position)?;
        if let Some(path) = tunnels {
            segment.scope.tunnel = self.tunnels.number(path);
        }
        self.flows.on_segment(&segment);
        Ok(())
    }

    /// How many connections there are.
    pub fn len(&self) -> u64 {
        self.flows.len()
    }

    /// The connections once no segments come any more; `end` is the time of the last packet of all files.
    pub fn finish(self, end: Timestamp) -> Result<Ended, FleetError> {
        let rest = self.flows.finish(end);
        match rest.evicted().total() {
            0 => Ok(Ended {
                rest,
                places: self.places,
                tunnels: self.tunnels,
            }),
            evicted => Err(FleetError::Evicted(evicted)),
        }
    }
}

/// Connections of which no segments come any more.
pub(super) struct Ended {
    rest: Rest,
    places: Places,
    tunnels: Tunnels,
}

impl Ended {
    /// What is wrong with the capture of them.
    pub fn flaws(&self) -> Flaws {
        let mut flaws = Flaws::default();
        let rest = &self.rest;
        rest.look_at_answered(|tracker| flaws.add(&model::quality(tracker)));
        flaws
    }

    /// Tells of one after the other, in the order of their first segments.
    pub fn tell<'a>(
        self,
        plan: &'a Plan,
        judge: &'a Judge,
        settings: &'a Settings,
    ) -> impl Iterator<Item = Result<Told, FleetError>> + use<'a> {
        let Ended {
            rest,
            mut places,
            tunnels,
        } = self;
        let end = plan.end();
        rest.numbered().map(move |mut finished| {
            let around = tunnels.path(finished.tracker.scope.tunnel).cloned();
            let mut connection = model::finished(&mut finished, around.as_ref(), end, settings.time_wait_ns);
            let first = find(&mut places, connection.first_packet)?;
            // Findings name connections: ids come before them. They look at packets in the order of tracking: numbers
            // come behind them.
            connection.id = plan.number(first)?;
            if let Some(reuse) = &mut connection.reuse {
                reuse.previous = plan.number(find(&mut places, reuse.previous_first_packet)?)?;
            }
            if let Some(successor) = &mut connection.successor {
                successor.id = plan.number(find(&mut places, successor.first_packet)?)?;
            }
            judge.judge(&mut connection, end, settings.time_wait_ns);
            connection.change_packets(&mut |packet| plan.number(find(&mut places, packet)?))?;
            Ok(Told { first, connection })
        })
    }
}

fn find(places: &mut Places, packet: u64) -> Result<Position, FleetError> {
    let place = places.get(packet)?;
    place
        .ok_or_else(|| FleetError::Places(std::io::Error::other(format!("segment {packet} has no position"))))
}
