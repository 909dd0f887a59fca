//! What listings of sockets say, for the screen of `leaks`. Names of processes come from outside: all go through [`shown`].

use crate::model::{Role, State};
use crate::population::sockets::{
    ConnectionSockets, EndSocket, GroupSockets, ListedSocket, LoneConnection, LoneSocket, Readings, Sockets,
    process_label,
};
use crate::report::escape::{Escaped, clipped};
use crate::report::header::{self, Fact, labelled};
use crate::report::look::{counted, number};
use crate::report::{Look, Tone};
use crate::ss::{Fit, RecvQ};

/// Processes described of each group.
const PROCESSES: usize = 5;
/// Lone connections and sockets named.
const NAMED: usize = 5;
/// Characters of the processes of one socket.
const LONGEST: usize = 48;

/// A text from outside: made visible, and cut.
pub(super) fn shown(text: &str, most: usize, look: &Look) -> String {
    // Cut before, too: a text may be very long.
    let text = Escaped(clipped(text, most + 1).0).to_string();
    match clipped(&text, most) {
        (part, true) => format!("{part}{}", look.ellipsis()),
        (whole, false) => whole.to_owned(),
    }
}

/// The listings as a whole.
pub(super) fn totals(sockets: &Sockets, open: u64) -> Vec<Fact> {
    let tone = if sockets.open_joined == open {
        Tone::Good
    } else {
        Tone::Attention
    };
    let joined = format!(
        "{}/{} of the open half-closes",
        number(sockets.open_joined),
        number(open)
    );
    let listed = sockets.listings.iter().map(|listing| listing.sockets).sum();
    let listings = counted(sockets.listings.len() as u64, "listing");
    let mut facts = vec![
        Fact::new(tone, joined),
        Fact::plain(format!("{} in {listings}", counted(listed, "socket"))),
    ];
    if sockets.contradicting > 0 {
        let count = number(sockets.contradicting);
        let text = format!("{count} in a state that contradicts the capture: taken at another time?");
        facts.push(Fact::new(Tone::Bad, text));
    }
    if sockets.close_wait_since > 0 {
        let count = number(sockets.close_wait_since);
        let text = format!("{count} in CLOSE-WAIT only since the capture ended");
        facts.push(Fact::new(Tone::Attention, text));
    }
    facts
}

/// The holders of a group, in a cell.
pub(super) fn holders(told: &GroupSockets, look: &Look) -> String {
    let Some(first) = told.processes.first() else {
        let none = if told.not_accepted > 0 {
            "not accepted"
        } else {
            "no socket"
        };
        return none.to_owned();
    };
    let name = process(first.process.as_deref(), super::NAME, look);
    match told.processes.len() {
        1 => name,
        more => format!("{name} +{}", number(more as u64 - 1)),
    }
}

fn process(label: Option<&str>, most: usize, look: &Look) -> String {
    label.map_or("no process named".to_owned(), |label| shown(label, most, look))
}

/// The processes of a group, one a line: `java pid 4121 (20) · Recv-Q 1 on 20: never read the end of the stream`.
pub(super) fn processes(told: &GroupSockets, look: &Look) -> Vec<Vec<Fact>> {
    let mut lines: Vec<Vec<Fact>> = (told.processes.iter().take(PROCESSES))
        .map(|one| {
            let name = process(one.process.as_deref(), LONGEST, look);
            let mut facts = vec![Fact::new(
                Tone::Strong,
                format!("{name} ({})", number(one.sockets)),
            )];
            facts.extend(readings(one.readings));
            facts
        })
        .collect();
    let more = told.processes.len().saturating_sub(lines.len()) as u64;
    if more > 0 {
        let text = format!("{} {} more", look.ellipsis(), number(more));
        lines.push(vec![Fact::new(Tone::Dim, text)]);
    }
    if lines.is_empty() {
        let none = if told.not_accepted > 0 {
            "none yet: they wait in the queue of their listener"
        } else {
            "no socket of this side is listed"
        };
        lines.push(vec![Fact::new(Tone::Dim, none)]);
    }
    lines
}

fn readings(readings: Readings) -> Vec<Fact> {
    let unread = RecvQ::LeftUnread(readings.unread_bytes);
    [
        (readings.never_read_end, "Recv-Q 1", RecvQ::NeverReadEnd),
        (readings.read_end_not_closed, "Recv-Q 0", RecvQ::ReadEndNotClosed),
        (readings.left_unread, "Recv-Q over 1", unread),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, recv_q, reading)| {
        let text = format!("{recv_q} on {}: {}", number(count), brief(reading));
        Fact::new(Tone::Attention, text)
    })
    .collect()
}

/// What Recv-Q says, in a few words.
fn brief(reading: RecvQ) -> String {
    match reading {
        RecvQ::NeverReadEnd => "never read the end of stream".to_owned(),
        RecvQ::ReadEndNotClosed => "read everything, did not close".to_owned(),
        RecvQ::LeftUnread(octets) => format!("left {} unread", counted(octets, "octet")),
    }
}

/// How many half-closes of a group have a socket, and what is odd about those that have, or have none.
pub(super) fn joined(told: &GroupSockets, open: u64) -> Vec<Fact> {
    let mut facts = vec![Fact::plain(format!("{}/{}", number(told.joined), number(open)))];
    for other in &told.other_states {
        let (tone, text) = match (other.fit, other.state) {
            (Fit::Contradicts, state) => (
                Tone::Bad,
                format!("{state} in the listing, CLOSE-WAIT in the capture (taken at another time?)"),
            ),
            (Fit::Same | Fit::Later, State::Unknown) => {
                (Tone::Attention, "without a state in the listing".to_owned())
            }
            (Fit::Same | Fit::Later, state) => (Tone::Good, format!("{state} since the capture ended")),
        };
        facts.push(Fact::new(tone, format!("{} {text}", number(other.count))));
    }
    for (count, text) in [
        (told.not_accepted, "not accepted by the program yet"),
        (told.peer_only, "with only the peer's socket listed"),
        (told.without_socket, "without a socket"),
    ] {
        if count > 0 {
            facts.push(Fact::new(Tone::Attention, format!("{} {text}", number(count))));
        }
    }
    facts
}

/// One of the oldest half-closes with what is known of its socket.
pub(super) fn beside(
    oldest: Fact,
    sockets: Option<&ConnectionSockets>,
    endpoint: Role,
    look: &Look,
) -> Vec<Fact> {
    let mut facts = vec![oldest];
    let end = sockets.and_then(|sockets| sockets.end(endpoint));
    let peer = sockets.and_then(|sockets| sockets.end(endpoint.other()));
    match (end, peer) {
        (Some(end), _) => {
            facts.extend(told(&end.socket, Some(end), look));
            // What the number means stands below; one line a connection is easier to compare.
            if header::wrapped(look, look.width.saturating_sub(super::LABEL), &facts).len() > 1
                && end.socket.reading.is_some()
                && let Some(last) = facts.last_mut()
            {
                last.text = format!("Recv-Q {}", number(end.socket.recv_q));
            }
        }
        (None, Some(peer)) => {
            let who = who(&peer.socket, look).map_or(String::new(), |who| format!(", {who}"));
            let text = format!("only the peer's socket is listed: {}{who}", peer.socket.state);
            facts.push(Fact::new(Tone::Dim, text));
        }
        (None, None) => facts.push(Fact::new(Tone::Dim, "no socket")),
    }
    facts
}

/// A socket: who has it, its state if that is not the one in the capture, Recv-Q.
fn told(socket: &ListedSocket, end: Option<&EndSocket>, look: &Look) -> Vec<Fact> {
    let mut facts = Vec::new();
    match (who(socket, look), socket.waits_for_accept) {
        (Some(who), _) => facts.push(Fact::plain(who)),
        (None, Some(true)) => facts.push(Fact::new(Tone::Attention, "not accepted by the program yet")),
        (None, Some(false) | None) => facts.push(Fact::new(Tone::Dim, "no process named")),
    }
    if let Some(end) = end {
        match end.fit {
            Fit::Same => {}
            Fit::Later => facts.push(Fact::plain(format!("now {}", socket.state))),
            Fit::Contradicts => {
                let text = format!(
                    "{} in the listing, {} in the capture",
                    socket.state, end.captured_state
                );
                facts.push(Fact::new(Tone::Bad, text));
            }
        }
    }
    if let Some(reading) = socket.reading {
        let recv_q = format!("Recv-Q {}", number(socket.recv_q));
        facts.push(match socket.waits_for_accept {
            Some(true) => Fact::plain(recv_q),
            Some(false) | None => Fact::new(Tone::Attention, format!("{recv_q}: {}", brief(reading))),
        });
    }
    facts
}

/// `java pid 4121 fd 87`; with several descriptors, or several processes, how many more.
fn who(socket: &ListedSocket, look: &Look) -> Option<String> {
    let label = process_label(&socket.processes)?;
    let name = shown(&label, LONGEST, look);
    let mut holders = socket.processes.iter();
    let first = holders.next()?;
    // A child inherits the number of the descriptor: as a rule all have the same.
    if holders.all(|other| other.fd == first.fd) {
        Some(format!("{name} fd {}", first.fd))
    } else {
        Some(format!(
            "{name} ({} descriptors)",
            number(socket.processes.len() as u64)
        ))
    }
}

/// What each Recv-Q that occurs in these groups means, and where to look.
pub(super) fn meanings<'a>(told: impl Iterator<Item = &'a GroupSockets>, look: &Look) -> Vec<String> {
    let processes = told.flat_map(|told| &told.processes);
    let all = processes.fold(Readings::default(), |all, one| all.and(one.readings));
    let mut lines = vec![String::new()];
    for (count, label, reading) in [
        (all.never_read_end, "Recv-Q 1", RecvQ::NeverReadEnd),
        (all.read_end_not_closed, "Recv-Q 0", RecvQ::ReadEndNotClosed),
        (all.left_unread, "Recv-Q 1+n", RecvQ::LeftUnread(all.unread_bytes)),
    ] {
        if count > 0 {
            lines.extend(labelled(
                look,
                label,
                Tone::Dim,
                &[Fact::plain(reading.meaning())],
            ));
        }
    }
    if lines.len() > 1 { lines } else { Vec::new() }
}

/// Connections without socket and sockets without connection: counted, and the first few named.
pub(super) fn leftovers(sockets: &Sockets, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    let alone = &sockets.without_socket;
    if alone.total > 0 {
        let mut facts = vec![Fact::plain(format!(
            "{} not over in the capture {} no socket",
            counted(alone.total, "connection"),
            if alone.total == 1 { "has" } else { "have" },
        ))];
        let listed = alone.total.saturating_sub(alone.host_not_listed);
        for (count, text) in [
            (alone.half_closed, "half-closed"),
            (
                listed,
                "closed before the listing, or in another network namespace",
            ),
            (
                alone.host_not_listed,
                "of hosts that no listing is about, or behind NAT",
            ),
        ] {
            if count > 0 {
                facts.push(Fact::new(Tone::Dim, format!("{} {text}", number(count))));
            }
        }
        lines.push(String::new());
        lines.extend(labelled(look, "not listed", Tone::Strong, &facts));
        let named: Vec<Vec<Fact>> = (alone.first.iter().take(NAMED))
            .map(|one| vec![Fact::plain(connection(one, look))])
            .collect();
        lines.extend(list(&named, alone.total, look));
    }
    let strays = &sockets.without_connection;
    if strays.total > 0 {
        let mut facts = vec![Fact::plain(format!(
            "{} {} no connection here",
            counted(strays.total, "socket"),
            if strays.total == 1 { "has" } else { "have" },
        ))];
        for (count, tone, text) in [
            (strays.close_wait, Tone::Attention, "in CLOSE-WAIT"),
            (
                strays.over,
                Tone::Dim,
                "over in the capture: an older listing, or a new life",
            ),
        ] {
            if count > 0 {
                facts.push(Fact::new(tone, format!("{} {text}", number(count))));
            }
        }
        lines.push(String::new());
        lines.extend(labelled(look, "not captured", Tone::Strong, &facts));
        let named: Vec<Vec<Fact>> = (strays.first.iter().take(NAMED))
            .map(|one| socket(one, look))
            .collect();
        lines.extend(list(&named, strays.total, look));
    }
    lines
}

fn list(named: &[Vec<Fact>], total: u64, look: &Look) -> Vec<String> {
    let mut lines: Vec<String> = (named.iter())
        .flat_map(|facts| labelled(look, "", Tone::Dim, facts))
        .collect();
    let more = total.saturating_sub(named.len() as u64);
    if more > 0 {
        let text = format!("{} {} more: --format json", look.ellipsis(), number(more));
        lines.extend(labelled(look, "", Tone::Dim, &[Fact::new(Tone::Dim, text)]));
    }
    lines
}

fn connection(one: &LoneConnection, look: &Look) -> String {
    format!(
        "#{} {} {} {} {}/{}",
        one.id,
        one.client,
        look.arrow(),
        one.server,
        one.client_state,
        one.server_state
    )
}

fn socket(one: &LoneSocket, look: &Look) -> Vec<Fact> {
    let state = one.socket.state;
    let mut facts = vec![Fact::plain(format!("{state} {} peer {}", one.local, one.peer))];
    facts.extend(told(&one.socket, None, look));
    if let Some(id) = one.over {
        facts.push(Fact::new(Tone::Dim, format!("#{id} was over")));
    }
    facts
}
