//! One half-close: what the model tells of it, and what is kept of it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{By, Holder, IN_USE_NS};
use crate::model::{Address, Cause, Connection, EndpointReport, Role, State, Usual};
use crate::population::curve::Stay;
use crate::time::Timestamp;

/// One half-close, as the model tells it.
pub(super) struct HalfClose<'a> {
    pub(super) connection: &'a Connection,
    /// The side in CLOSE-WAIT.
    pub(super) endpoint: Role,
    pub(super) since: Timestamp,
    pub(super) ns: i64,
}

impl<'a> HalfClose<'a> {
    pub(super) fn of(connection: &'a Connection) -> Option<HalfClose<'a>> {
        let close = &connection.close;
        Some(HalfClose {
            connection,
            endpoint: close.close_wait_endpoint?,
            since: close.close_wait_since?,
            ns: close.half_close_ns?,
        })
    }

    pub(super) fn side(&self, role: Role) -> &'a EndpointReport {
        match role {
            Role::Client => &self.connection.endpoints.client,
            Role::Server => &self.connection.endpoints.server,
        }
    }

    pub(super) fn ends(&self) -> Ends {
        Ends {
            endpoint: self.endpoint,
            client: self.connection.client.ip,
            server: self.connection.server,
        }
    }

    pub(super) fn own(&self) -> &'a EndpointReport {
        self.side(self.endpoint)
    }

    pub(super) fn ended(&self) -> EndedOne {
        // What made the endpoint leave CLOSE-WAIT.
        let mut steps = self.own().transitions.iter();
        let entered = steps.find(|step| step.to == State::CloseWait);
        let cause = entered.and_then(|_| steps.next()).map(|step| step.cause);
        EndedOne {
            since: self.since,
            ns: self.ns,
            ends: self.ends(),
            by: match cause {
                Some(Cause::FinSent) => EndedBy::Fin,
                Some(Cause::RstSent) => EndedBy::OwnReset,
                Some(Cause::RstReceived) => EndedBy::PeerReset,
                Some(
                    Cause::SynSent
                    | Cause::SynReceived
                    | Cause::SynAcknowledged
                    | Cause::FinReceived
                    | Cause::FinAcknowledged
                    | Cause::NewIncarnation
                    | Cause::FirstSeen
                    | Cause::Timer,
                )
                | None => EndedBy::Other,
            },
        }
    }

    pub(super) fn still_open(&self) -> OpenOne {
        let (connection, close) = (self.connection, &self.connection.close);
        let peer = self.side(self.endpoint.other());
        let probed = (close.half_close_probes).is_some_and(|probes| probes.client > 0 || probes.server > 0);
        let silent = peer.owes_answer.is_some_and(|owed| owed.since >= self.since);
        let quality = &connection.quality;
        OpenOne {
            id: connection.id,
            client: connection.client,
            ends: self.ends(),
            since: self.since,
            ns: self.ns,
            last_time: connection.last_time,
            request_answered: close.request_answered,
            sent_bytes: close.half_close_bytes,
            unacknowledged_bytes: peer.unacknowledged_bytes,
            peer: match (peer.state == State::Closed, silent, probed) {
                (true, _, _) => PeerIs::Gone,
                (false, true, _) => PeerIs::Silent,
                (false, false, true) => PeerIs::There,
                (false, false, false) => PeerIs::NotAsked,
            },
            proven: (self.own().transitions.iter())
                .any(|step| step.to == State::CloseWait && step.evidence.is_proof()),
            one_sided: quality.one_sided,
            lossy: quality.missed_bytes > 0 || quality.inferred_segments > 0,
        }
    }
}

/// What a half-close is between.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Ends {
    /// The side in CLOSE-WAIT.
    pub(super) endpoint: Role,
    pub(super) client: IpAddr,
    pub(super) server: Address,
}

impl Ends {
    pub(super) fn holder(&self, by: By) -> Holder {
        Holder::between(self.client, self.server, self.endpoint, by)
    }
}

/// What is kept of one half-close, to be collected elsewhere.
#[derive(Serialize, Deserialize)]
pub struct KeptHalfClose(pub(super) Kept);

#[derive(Serialize, Deserialize)]
pub(super) enum Kept {
    Ended(EndedOne),
    Open(OpenOne),
}

impl KeptHalfClose {
    /// That of a connection; none if it never was half-closed.
    pub fn of(connection: &Connection) -> Option<KeptHalfClose> {
        let half_close = HalfClose::of(connection)?;
        Some(KeptHalfClose(if connection.close.half_close_open {
            Kept::Open(half_close.still_open())
        } else {
            Kept::Ended(half_close.ended())
        }))
    }

    /// The group that it belongs to.
    pub fn holder(&self, by: By) -> Holder {
        match &self.0 {
            Kept::Ended(one) => one.ends.holder(by),
            Kept::Open(one) => one.ends.holder(by),
        }
    }
}

/// What is kept of a half-close that ended.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct EndedOne {
    pub(super) since: Timestamp,
    pub(super) ns: i64,
    pub(super) ends: Ends,
    pub(super) by: EndedBy,
}

/// What made an endpoint leave CLOSE-WAIT.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum EndedBy {
    Fin,
    OwnReset,
    PeerReset,
    Other,
}

impl EndedOne {
    /// That of a connection that was closed as most are; none if it was not.
    pub(super) fn of_usual(usual: &Usual) -> Option<EndedOne> {
        let close = usual.close()?;
        Some(EndedOne {
            since: close.half_closed,
            ns: close.half_close_ns(),
            ends: Ends {
                endpoint: close.closer.other(),
                client: usual.client.ip,
                server: usual.server,
            },
            by: EndedBy::Fin,
        })
    }

    pub(super) fn stay(&self) -> Stay {
        Stay {
            from: self.since,
            until: Some(self.since.plus(self.ns)),
        }
    }

    /// Whether the endpoint in CLOSE-WAIT ended it.
    pub(super) fn itself(&self) -> bool {
        matches!(self.by, EndedBy::Fin | EndedBy::OwnReset)
    }
}

/// What is kept of a half-close that is open.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct OpenOne {
    pub(super) id: u64,
    pub(super) client: Address,
    pub(super) ends: Ends,
    pub(super) since: Timestamp,
    pub(super) ns: i64,
    /// When the last segment of the connection passed.
    pub(super) last_time: Timestamp,
    pub(super) request_answered: Option<bool>,
    pub(super) sent_bytes: Option<u64>,
    /// Octets of its peer that it has not acknowledged.
    pub(super) unacknowledged_bytes: Option<u64>,
    pub(super) peer: PeerIs,
    /// Segments of the endpoint itself prove CLOSE-WAIT.
    pub(super) proven: bool,
    pub(super) one_sided: bool,
    pub(super) lossy: bool,
}

/// See [`Peer`].
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum PeerIs {
    There,
    Silent,
    Gone,
    NotAsked,
}

impl OpenOne {
    pub(super) fn stay(&self) -> Stay {
        Stay {
            from: self.since,
            until: None,
        }
    }

    /// Ordinary work does not explain it.
    pub(super) fn overdue(&self, limit_ns: i64, end: Timestamp) -> bool {
        self.ns > limit_ns && !self.in_use(end)
    }

    /// The peer uses it: legal for as long as it likes (section 3.6).
    pub(super) fn in_use(&self, end: Timestamp) -> bool {
        self.sent_bytes.unwrap_or(0) > 0 && end.since(self.last_time) < IN_USE_NS
    }
}
