//! Who is client and who is server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::segment::Segment;

/// Client or server of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The side that opened actively.
    Client = 0,
    /// Its peer.
    Server = 1,
}

impl Role {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// What belongs to this side, and to the other one, of what belongs to client and server.
    #[inline(always)]
    pub fn own_and_others<T>(self, [client, server]: &mut [T; 2]) -> (&mut T, &mut T) {
        match self {
            Role::Client => (client, server),
            Role::Server => (server, client),
        }
    }

    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Server => "server",
        }
    }
}

/// Which segment told client from server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolesFrom {
    /// A SYN without ACK.
    Syn,
    /// A SYN-ACK: its receiver is the client.
    SynAck,
    /// No SYN was captured: a guess by port numbers and by who spoke first.
    Guess,
}

/// Who is client, by the first segment of a connection.
pub(super) fn roles_of(seg: &Segment) -> (Role, RolesFrom) {
    match (seg.flags.syn() && !seg.flags.rst(), seg.ack.is_some()) {
        (true, false) => (Role::Client, RolesFrom::Syn),
        (true, true) => (Role::Server, RolesFrom::SynAck),
        (false, _) => (guess_role(seg), RolesFrom::Guess),
    }
}

/// Ephemeral ports are high: the side with the lower port is taken for the server; with equal ports, who was spoken to.
fn guess_role(seg: &Segment) -> Role {
    if seg.source.port < seg.destination.port {
        Role::Server
    } else {
        Role::Client
    }
}
