//! The lines of the picture in their order: captured segments, and transitions that no captured segment shows.

use crate::model::PacketNumber;
use crate::model::{Connection, EndpointReport, Evidence, LadderContent, LadderRow, Role, Transition};
use crate::report::look::state_label;
use crate::time::Timestamp;

/// One line of the picture, and what it changes on both sides.
#[derive(Debug)]
pub struct Step<'a> {
    /// When it begins.
    pub time: Timestamp,
    /// When it ends.
    pub last_time: Timestamp,
    /// First and last packet; none for a timer.
    pub packets: Option<(PacketNumber, PacketNumber)>,
    /// The arrow; none for a timer, or for a packet that is not among the rows.
    pub content: Option<&'a LadderContent>,
    /// A later segment shows that this one passed the tap but never arrived.
    pub refuted: bool,
    /// Transitions of the client.
    pub client: Vec<&'a Transition>,
    /// Transitions of the server.
    pub server: Vec<&'a Transition>,
}

impl<'a> Step<'a> {
    fn of_row(row: &'a LadderRow) -> Step<'a> {
        Step {
            time: row.first_time,
            last_time: row.last_time,
            packets: Some((row.first_packet, row.last_packet)),
            content: Some(&row.content),
            refuted: false,
            client: Vec::new(),
            server: Vec::new(),
        }
    }

    fn of_transition(transition: &Transition) -> Step<'a> {
        Step {
            time: transition.at,
            last_time: transition.at,
            packets: transition.packet.map(|packet| (packet, packet)),
            content: None,
            refuted: false,
            client: Vec::new(),
            server: Vec::new(),
        }
    }

    /// Transitions of one side.
    pub fn side(&self, role: Role) -> &[&'a Transition] {
        match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }

    fn side_mut(&mut self, role: Role) -> &mut Vec<&'a Transition> {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    /// Whether an assumed timer is what happens here.
    pub fn is_timer(&self) -> bool {
        self.packets.is_none()
            && self
                .client
                .iter()
                .chain(&self.server)
                .all(|transition| transition.evidence == Evidence::Timer)
    }
}

/// All lines of the connection.
pub fn steps(connection: &Connection) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = connection.ladder.iter().map(Step::of_row).collect();
    for role in [Role::Client, Role::Server] {
        // Segments that crossed pass the tap in an order that the endpoint did not see: its states go down the page in
        // the endpoint's own order all the same.
        let mut lowest = 0;
        for transition in &endpoint(connection, role).transitions {
            let index = match transition.packet {
                Some(packet) => place_of_packet(&mut steps, packet, transition).max(lowest),
                None => place_of_timer(&mut steps, role, transition),
            };
            lowest = index;
            if let Some(step) = steps.get_mut(index) {
                step.side_mut(role).push(transition);
            }
        }
        let refuted = &endpoint(connection, role).withdrawn;
        let refuted = refuted
            .iter()
            .map(|withdrawn| (withdrawn.packet, withdrawn.packet));
        for packets in refuted {
            steps
                .iter_mut()
                .filter(|step| step.packets == Some(packets))
                .for_each(|step| step.refuted = true);
        }
    }
    steps
}

/// The step with this packet; a new one if the rows do not show it.
fn place_of_packet(steps: &mut Vec<Step<'_>>, packet: PacketNumber, transition: &Transition) -> usize {
    let found = steps.iter().position(|step| {
        step.packets
            .is_some_and(|(first, last)| (first..=last).contains(&packet))
    });
    found.unwrap_or_else(|| {
        let after = |step: &Step<'_>| step.packets.is_some_and(|(first, _)| first > packet);
        let index = steps.iter().position(after).unwrap_or(steps.len());
        steps.insert(index, Step::of_transition(transition));
        index
    })
}

/// A new step at the time of the timer, or the one where the other side's timer fires at the same moment.
fn place_of_timer(steps: &mut Vec<Step<'_>>, role: Role, transition: &Transition) -> usize {
    let index = steps
        .iter()
        .rposition(|step| step.time <= transition.at)
        .map_or(0, |before| before + 1);
    let same = index.checked_sub(1).filter(|before| {
        steps.get(*before).is_some_and(|step| {
            step.packets.is_none() && step.time == transition.at && step.side(role).is_empty()
        })
    });
    same.unwrap_or_else(|| {
        steps.insert(index, Step::of_transition(transition));
        index
    })
}

/// The report of one side.
pub fn endpoint(connection: &Connection, role: Role) -> &EndpointReport {
    match role {
        Role::Client => &connection.endpoints.client,
        Role::Server => &connection.endpoints.server,
    }
}

/// The state before the first transition, with its mark where the endpoint was never heard.
pub fn first_state(endpoint: &EndpointReport) -> String {
    match endpoint.transitions.first() {
        Some(transition) => transition.from.to_string(),
        None => state_label(endpoint.state, endpoint.state_evidence),
    }
}
