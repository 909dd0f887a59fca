//! What stands on the arrows of a ladder, whatever they are drawn with.

use crate::model::{Connection, LadderContent, Role};
use crate::report::SequenceNumbers;
use crate::report::look::{counted, number};

/// How the words are chosen.
#[derive(Debug, Clone, Copy)]
pub struct Wording<'a> {
    /// Whose ladder it is.
    pub connection: &'a Connection,
    /// Which sequence numbers.
    pub seq: SequenceNumbers,
    /// Arrows of plain data and acknowledgments leave one of their numbers out.
    pub short: bool,
}

impl Wording<'_> {
    /// What stands on the arrow of this row; two arrows for a run in both directions.
    pub fn words(self, content: &LadderContent, refuted: bool) -> Vec<(Role, Vec<String>)> {
        match content {
            LadderContent::Segment {
                from,
                flags,
                seq,
                ack,
                payload,
                notes,
            } => {
                let syn = flags.contains("SYN");
                let control = !is_plain(content);
                let bare = *payload == 0;
                let mut words = Vec::new();
                if control || bare {
                    words.push(if flags == "-" {
                        "no flags".to_owned()
                    } else {
                        flags.clone()
                    });
                }
                if !bare {
                    words.push(format!("{} B", number(u64::from(*payload))));
                }
                if control || !self.short || !bare || !notes.is_empty() {
                    words.push(format!("seq={}", self.sequence(*from, *seq, syn)));
                }
                if let Some(ack) = ack
                    && (control || !self.short || bare)
                {
                    words.push(format!("ack={}", self.sequence(from.other(), *ack, syn)));
                }
                words.extend(notes.iter().map(|note| format!("({note})")));
                words.extend(refuted.then(|| "(never arrived)".to_owned()));
                vec![(*from, words)]
            }
            LadderContent::Run {
                first_from,
                client_segments,
                client_bytes,
                server_segments,
                server_bytes,
            } => {
                let mut sides = [
                    (Role::Client, client_segments, client_bytes),
                    (Role::Server, server_segments, server_bytes),
                ];
                if *first_from == Role::Server {
                    sides.reverse();
                }
                let sides = sides.into_iter().filter(|(_, segments, _)| **segments > 0);
                sides
                    .map(|(role, segments, bytes)| (role, vec![run_text(*segments, *bytes)]))
                    .collect()
            }
        }
    }

    /// A sequence number of this side as it is asked for.
    fn sequence(self, side: Role, raw: u32, syn: bool) -> u32 {
        let iss = match side {
            Role::Client => self.connection.handshake.client_iss,
            Role::Server => self.connection.handshake.server_iss,
        };
        match (self.seq, iss) {
            (SequenceNumbers::Relative, Some(iss)) if !syn => raw.wrapping_sub(iss),
            (SequenceNumbers::Relative | SequenceNumbers::Absolute, _) => raw,
        }
    }
}

/// Several segments of one side.
pub fn run_text(segments: u64, bytes: u64) -> String {
    if bytes == 0 {
        return counted(segments, "ACK");
    }
    format!("{} B in {}", number(bytes), counted(segments, "segment"))
}

/// Data and acknowledgments, as opposed to what opens, closes or resets.
pub fn is_plain(content: &LadderContent) -> bool {
    match content {
        LadderContent::Segment { flags, .. } => flags == "ACK" || flags == "PSH,ACK",
        LadderContent::Run { .. } => true,
    }
}
