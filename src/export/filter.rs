//! Display filters of Wireshark.

use std::net::IpAddr;

use crate::model::{Address, Connection, Finding, PacketNumber};
use crate::time::Timestamp;

/// Members of one set in a filter.
const IN_ONE_SET: usize = 500;

/// Selects the packets of a connection: those between its two ends, and where the capture is one file those from its first to
/// its last packet, without those that belong to another life of the 4-tuple: `others` may hold such lives, with their ladders.
/// The packets of several files have other numbers in each of them: there, times bound it.
pub fn of_connection(connection: &Connection, others: &[Connection], one_file: bool) -> String {
    let (client, server) = (connection.client, connection.server);
    let mut parts = vec![format!(
        "({} || {})",
        from_to(client, server),
        from_to(server, client)
    )];
    parts.extend(connection.vlans.iter().map(|vlan| format!("vlan.id == {vlan}")));
    parts.push(match one_file {
        true => format!(
            "frame.number >= {} && frame.number <= {}",
            connection.first_packet, connection.last_packet
        ),
        false => format!(
            "frame.time_epoch >= {} && frame.time_epoch <= {}",
            epoch(connection.first_time),
            epoch(connection.last_time)
        ),
    });
    let foreign = packets_of_others(connection, others);
    if one_file && !foreign.is_empty() {
        let sets = foreign
            .chunks(IN_ONE_SET)
            .map(|set| format!("!(frame.number in {{{}}})", set.join(", ")));
        parts.extend(sets);
    }
    parts.join(" && ")
}

/// Packets of other lives of the 4-tuple between the first and the last packet of this one, as members of a set.
fn packets_of_others(connection: &Connection, others: &[Connection]) -> Vec<String> {
    let ends = [connection.client, connection.server];
    let same = |other: &&Connection| {
        other.id != connection.id && ends.contains(&other.client) && ends.contains(&other.server)
    };
    let rows = others.iter().filter(same).flat_map(|other| &other.ladder);
    let own = connection.first_packet..=connection.last_packet;
    let inside = rows.filter(|row| own.contains(&row.first_packet) || own.contains(&row.last_packet));
    let mut packets: Vec<_> = inside.map(|row| (row.first_packet, row.last_packet)).collect();
    packets.sort_unstable();
    let member = |(first, last)| match first == last {
        true => format!("{first}"),
        false => format!("{first}..{last}"),
    };
    packets.into_iter().map(member).collect()
}

/// Selects the packets that show a finding, the first few of them; none if no packet does (its absence is what it is about).
pub fn of_finding(finding: &Finding) -> Option<String> {
    let mut packets: Vec<PacketNumber> = finding.packets.iter().chain(&finding.packet).copied().collect();
    packets.sort_unstable();
    packets.dedup();
    let numbers: Vec<String> = packets.iter().map(PacketNumber::to_string).collect();
    (!numbers.is_empty()).then(|| format!("frame.number in {{{}}}", numbers.join(", ")))
}

fn from_to(from: Address, to: Address) -> String {
    let family = match from.ip {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ipv6",
    };
    format!(
        "({family}.src == {} && tcp.srcport == {} && {family}.dst == {} && tcp.dstport == {})",
        from.ip, from.port, to.ip, to.port
    )
}

/// Seconds since 1970 with nine digits.
fn epoch(time: Timestamp) -> String {
    let ns = time.ns();
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    format!("{sign}{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}
