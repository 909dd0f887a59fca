//! One connection as the textbook draws it: time runs down, segments run between two lines, and beside each line stands
//! the state that the endpoint behind it is in.
//!
//! Below the picture, [`crate::report::evidence`] lists what proves each transition.

mod picture;
pub(in crate::report) mod steps;
pub(in crate::report) mod words;

use std::io::{self, Write};

use crate::model::{Analysis, CloseKind, Connection, OfferedOptions, Outcome, RolesFrom, TimeWaitHolder};
use crate::report::header::{Fact, damage, labelled};
use crate::report::look::{counted, marks, number};
use crate::report::{Look, Tone, ending, evidence, findings, half_close, outcome_tone};

/// Writes the picture of one connection of `analysis` and the list of its transitions.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    analysis: &Analysis,
    connection: &Connection,
    look: &Look,
) -> io::Result<()> {
    for line in damage(&analysis.capture, look)
        .into_iter()
        .chain(heading(connection, look))
        .chain(findings::list(connection, look))
    {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    picture::write(out, &analysis.capture, connection, look)?;
    let sides = [&connection.endpoints.client, &connection.endpoints.server];
    let states = sides
        .into_iter()
        .flat_map(|side| &side.transitions)
        .map(|t| (t.to, Some(t.evidence)));
    for (index, line) in marks(states).into_iter().enumerate() {
        writeln!(
            out,
            "{}{}",
            if index == 0 { "\n" } else { "" },
            look.paint(Tone::Dim, &line)
        )?;
    }
    evidence::write(out, connection, look)
}

/// The connection in words.
pub(in crate::report) fn heading(connection: &Connection, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    let between = if look.ascii { "<->" } else { "⇄" };
    let mut title = vec![
        Fact::plain(connection.id.to_string()),
        Fact::new(
            Tone::Strong,
            format!(
                "{} (client) {between} {} (server)",
                connection.client, connection.server
            ),
        ),
    ];
    if connection.incarnation > 0 {
        title.push(Fact::plain(format!(
            "life {} of this 4-tuple",
            u64::from(connection.incarnation) + 1
        )));
    }
    if !connection.vlans.is_empty() {
        let ids: Vec<String> = connection.vlans.iter().map(u16::to_string).collect();
        title.push(Fact::plain(format!("VLAN {}", ids.join("."))));
    }
    if !connection.tunnels.is_empty() {
        title.push(Fact::plain(format!("in {}", connection.tunnels.join(" > "))));
    }
    lines.extend(labelled(look, "connection", Tone::Strong, &title));
    lines.extend(labelled(
        look,
        "outcome",
        Tone::Strong,
        &outcome(connection, look),
    ));
    lines.extend(labelled(
        look,
        "handshake",
        Tone::Strong,
        &handshake(connection, look),
    ));
    let options = options(connection);
    if !options.is_empty() {
        lines.extend(labelled(look, "options", Tone::Strong, &options));
    }
    let quality = quality(connection);
    if !quality.is_empty() {
        lines.extend(labelled(look, "quality", Tone::Strong, &quality));
    }
    lines
}

fn outcome(connection: &Connection, look: &Look) -> Vec<Fact> {
    let close = &connection.close;
    let mut facts = vec![Fact::new(outcome_tone(connection.outcome), ending(connection))];
    if connection.outcome == Outcome::Closed && close.kind == Some(CloseKind::Simultaneous) {
        facts.push(Fact::plain("simultaneous close"));
    }
    if close.half_close_ns.is_some() {
        let sent = close
            .half_close_bytes
            .map(|bytes| format!(", {} B sent in it", number(bytes)));
        facts.push(Fact::plain(format!(
            "half-close {}{}",
            half_close(connection, look),
            sent.unwrap_or_default()
        )));
    }
    if let Some(holder) = close.time_wait_holder {
        let who = match holder {
            TimeWaitHolder::Client => "client",
            TimeWaitHolder::Server => "server",
            TimeWaitHolder::Both => "both",
        };
        facts.push(Fact::plain(format!("TIME-WAIT at {who}")));
    }
    if close.time_wait_restarts > 0 {
        let restarts = counted(u64::from(close.time_wait_restarts), "restart");
        facts.push(Fact::plain(format!("{restarts} of 2 MSL")));
    }
    facts
}

fn handshake(connection: &Connection, look: &Look) -> Vec<Fact> {
    let handshake = &connection.handshake;
    let iss =
        |number: Option<u32>| number.map_or_else(|| "not captured".to_owned(), |number| number.to_string());
    let mut facts = vec![Fact::plain(
        match (handshake.complete, handshake.simultaneous, handshake.syn_packet) {
            (true, true, _) => "simultaneous open",
            (true, false, _) => "complete",
            (false, _, None) if handshake.syn_ack_packet.is_none() => "not captured",
            (false, _, _) => "not complete",
        },
    )];
    if let Some(rtt) = handshake.rtt_ns {
        facts.push(Fact::plain(format!("round trip {}", look.duration(rtt))));
    }
    if handshake.client_iss.is_some() || handshake.server_iss.is_some() {
        facts.push(Fact::plain(format!("ISS client {}", iss(handshake.client_iss))));
        facts.push(Fact::plain(format!("ISS server {}", iss(handshake.server_iss))));
    }
    let repeated = [
        (handshake.syn_retransmissions, "SYN"),
        (handshake.syn_ack_retransmissions, "SYN,ACK"),
    ];
    for (count, name) in repeated.into_iter().filter(|(count, _)| *count > 0) {
        facts.push(Fact::new(
            Tone::Attention,
            counted(u64::from(count), &format!("{name} retransmission")),
        ));
    }
    if handshake.syn_data_bytes > 0 {
        let taken = match handshake.syn_data_accepted {
            Some(true) => "taken",
            Some(false) => "not taken",
            None => "not answered",
        };
        facts.push(Fact::plain(format!(
            "{} B on the SYN, {taken}",
            number(u64::from(handshake.syn_data_bytes))
        )));
    }
    facts
}

/// What each SYN offered and what came of it.
fn options(connection: &Connection) -> Vec<Fact> {
    let handshake = &connection.handshake;
    let offers = [
        ("client", &handshake.client_options),
        ("server", &handshake.server_options),
    ];
    let mut facts: Vec<Fact> = (offers.into_iter())
        .filter_map(|(who, offer)| {
            offer
                .as_ref()
                .map(|offer| Fact::plain(format!("{who} {}", offered(offer))))
        })
        .collect();
    if let Some(in_force) = &handshake.in_force {
        let names = [
            (in_force.window_scaling, "WS"),
            (in_force.sack, "SACK"),
            (in_force.timestamps, "TS"),
        ];
        let names: Vec<&str> = names
            .into_iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| name)
            .collect();
        let text = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(" ")
        };
        facts.push(Fact::plain(format!("in force {text}")));
    }
    facts
}

fn offered(options: &OfferedOptions) -> String {
    let mut names = Vec::new();
    names.extend(options.mss.map(|mss| format!("MSS {mss}")));
    names.extend(options.window_scale.map(|shift| format!("WS {shift}")));
    let flags = [
        (options.sack_permitted, "SACK"),
        (options.timestamps, "TS"),
        (options.fast_open, "TFO"),
        (options.cut, "(list cut)"),
    ];
    names.extend(
        flags
            .into_iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| name.to_owned()),
    );
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}

/// What the capture lacks of this connection; empty for a sound one.
fn quality(connection: &Connection) -> Vec<Fact> {
    let quality = &connection.quality;
    let mut facts = Vec::new();
    if quality.midstream {
        facts.push("the beginning is missing".to_owned());
    }
    match connection.roles_from {
        RolesFrom::Syn => {}
        RolesFrom::SynAck => facts.push("roles told by the SYN,ACK".to_owned()),
        RolesFrom::Guess => facts.push("who is the client is a guess".to_owned()),
    }
    if quality.one_sided {
        facts.push("only one side was captured".to_owned());
    }
    let counts = [
        (
            quality.cut_segments,
            counted(quality.cut_segments, "segment") + " cut",
        ),
        (
            quality.duplicate_segments,
            counted(quality.duplicate_segments, "segment") + " recorded twice",
        ),
        (
            quality.missed_bytes,
            format!("{} B not captured", number(quality.missed_bytes)),
        ),
        (
            quality.time_steps_back,
            counted(quality.time_steps_back, "time step") + " back",
        ),
    ];
    facts.extend(
        counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(_, text)| text),
    );
    facts
        .into_iter()
        .map(|text| Fact::new(Tone::Attention, text))
        .collect()
}
