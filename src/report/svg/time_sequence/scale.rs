//! Sequence numbers modulo 2^32 as a line that goes on.

use crate::model::{Connection, Direction, Edge, Marks, Role};
use crate::report::ladder::steps::endpoint;
use crate::time::Timestamp;

/// A number so far away from where its direction can be is of no use in a graph.
const SLACK: i64 = 1 << 20;

/// Where sequence numbers of one direction lie, counted from its ISS, or from the first one that was seen.
pub struct Numbers {
    from_iss: bool,
    /// A moment, a number on the wire, and its place; by time.
    known: Vec<(Timestamp, u32, i64)>,
    /// The highest place that can be.
    most: i64,
}

impl Numbers {
    /// Of what `from` sent; none if that was nothing.
    pub fn of(connection: &Connection, from: Role, sent: &Direction, acks: &Marks<Edge>) -> Option<Numbers> {
        let iss = match from {
            Role::Client => connection.handshake.client_iss,
            Role::Server => connection.handshake.server_iss,
        };
        let first = [
            sent.fresh
                .all()
                .first()
                .map(|stroke| (stroke.first, stroke.from.0)),
            sent.controls
                .all()
                .first()
                .map(|control| (control.time, control.seq.0)),
            sent.repeated
                .all()
                .first()
                .map(|stroke| (stroke.first, stroke.from.0)),
        ];
        let (time, raw) = first.into_iter().flatten().min()?;
        // A connection of which nothing but acknowledgments of this side is known may have them before.
        let first_ack = acks.all().first().map(|edge| edge.ack.0);
        let base = iss.or(first_ack.filter(|ack| distance(*ack, raw) > 0 && distance(*ack, raw) < SLACK));
        let base = base.unwrap_or(raw);
        let payload = i64::try_from(endpoint(connection, from).payload_bytes).unwrap_or(i64::MAX);
        let missed = i64::try_from(connection.quality.missed_bytes).unwrap_or(i64::MAX);
        let most = payload.saturating_add(missed).saturating_add(SLACK);
        let mut known: Vec<(Timestamp, u32, i64)> = vec![(time, base, 0)];
        for stroke in sent.fresh.all() {
            let (_, raw, place) = known.last().copied().unwrap_or((time, base, 0));
            let here = place.saturating_add(distance(raw, stroke.from.0));
            if (-SLACK..=most).contains(&here) {
                known.push((stroke.first, stroke.from.0, here));
            }
        }
        Some(Numbers {
            from_iss: iss.is_some(),
            known,
            most,
        })
    }

    /// The place of a number that was seen at this time; none if it is too far away.
    pub fn place(&self, number: crate::model::SequenceNumber, time: Timestamp) -> Option<i64> {
        let index = self.known.partition_point(|(known, ..)| *known <= time);
        let (_, raw, place) = self.known.get(index.saturating_sub(1))?;
        let place = place.checked_add(distance(*raw, number.0))?;
        (-SLACK..=self.most).contains(&place).then_some(place)
    }

    /// What they are counted from.
    pub fn name(&self) -> &'static str {
        match self.from_iss {
            true => "octets from the ISS",
            false => "octets from the first one seen",
        }
    }
}

/// From one number to another, the short way.
fn distance(from: u32, to: u32) -> i64 {
    i64::from(crate::model::SequenceNumber(to).offset_from(crate::model::SequenceNumber(from)))
}
