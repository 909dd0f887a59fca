//! Checksums of IPv4 headers and TCP segments (RFC 1071, RFC 9293 section 3.1), and whether a network card was to fill
//! them in.

use std::net::IpAddr;

use super::layers::ip::{IpPacket, TCP};

/// What became of a segment's checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChecksumState {
    /// It was not asked for.
    #[default]
    NotVerified,
    /// The capture does not hold all octets that it covers.
    NotCaptured,
    /// Right.
    Good,
    /// Left to the network card: the field is zero, or holds the sum of the pseudo header alone, as operating systems leave
    /// it (Linux also in what it merged on receipt). Nothing can be said about the segment's content.
    Offloaded,
    /// Wrong: of the segment, or of the IPv4 header around it. A host would not take it. A network card that merges
    /// segments before the capture sees them (LRO) makes these too: it keeps the first one's checksum.
    Bad,
}

impl ChecksumState {
    /// All of them; the number of one is its place.
    pub const ALL: [ChecksumState; 5] = [
        ChecksumState::NotVerified,
        ChecksumState::NotCaptured,
        ChecksumState::Good,
        ChecksumState::Offloaded,
        ChecksumState::Bad,
    ];
}

/// How many segments had which checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChecksumFacts {
    /// Segments with a right one.
    pub good: u64,
    /// Segments with a wrong one, or in a packet whose IPv4 header has a wrong one.
    pub bad: u64,
    /// Segments whose checksum was left to the network card.
    pub offloaded: u64,
    /// Segments of which the capture does not hold all octets.
    pub not_captured: u64,
    /// Of `bad`: those where the IPv4 header is wrong.
    pub bad_ip_headers: u64,
}

impl ChecksumFacts {
    pub(super) fn count(&mut self, state: ChecksumState) {
        let counter = match state {
            ChecksumState::NotVerified => return,
            ChecksumState::NotCaptured => &mut self.not_captured,
            ChecksumState::Good => &mut self.good,
            ChecksumState::Offloaded => &mut self.offloaded,
            ChecksumState::Bad => &mut self.bad,
        };
        *counter = counter.saturating_add(1);
    }
}

/// Whether an IPv4 header's checksum is wrong. Zero is what operating systems leave to the network card.
pub(super) fn ip_header_is_bad(ip: &IpPacket<'_>) -> bool {
    ip.v4_header
        .is_some_and(|header| folded(sum(header)) != 0xffff && header.get(10..12) != Some(&[0, 0]))
}

/// Judges the checksum of a TCP segment; `field` is as sent.
pub(super) fn of_segment(ip: &IpPacket<'_>, field: Option<u16>) -> ChecksumState {
    let (Some(segment), Some(field)) = (ip.payload.get(..ip.payload_len), field) else {
        return ChecksumState::NotCaptured;
    };
    let addresses = match (ip.source, ip.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            sum(&source.octets()).saturating_add(sum(&destination.octets()))
        }
        (source, destination) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            sum(&octets(source)).saturating_add(sum(&octets(destination)))
        }
    };
    let length = u64::try_from(ip.payload_len).unwrap_or(u64::MAX);
    let without_length = addresses.saturating_add(TCP.into());
    // The upper and the lower half of the length, as IPv6 has it; it fits into the lower one in IPv4.
    let pseudo = without_length
        .saturating_add(length >> 16)
        .saturating_add(length & 0xffff);
    if folded(pseudo.saturating_add(sum(segment))) == 0xffff {
        return ChecksumState::Good;
    }
    // For a packet that the network card will split, some drivers leave the length out.
    if field == 0 || field == folded(pseudo) || field == folded(without_length) {
        return ChecksumState::Offloaded;
    }
    ChecksumState::Bad
}

/// The sum of 16 bit words; an odd octet at the end counts as the upper half of one.
fn sum(bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let words = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair)));
    let last = rest.first().map_or(0, |octet| u64::from(*octet) << 8);
    words.fold(last, u64::saturating_add)
}

/// One's complement: what does not fit into 16 bits is added again.
fn folded(mut sum: u64) -> u16 {
    loop {
        match u16::try_from(sum) {
            Ok(sum) => return sum,
            Err(_) => sum = (sum >> 16).saturating_add(sum & 0xffff),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SYN of a real connection, 10.80.131.1 to 146.190.240.163, with a right checksum.
    const SYN: [u8; 60] = [
        0x45, 0x00, 0x00, 0x3c, 0xd7, 0x54, 0x40, 0x00, 0x40, 0x06, 0x52, 0xb4, 0x0a, 0x50, 0x83, 0x01, 0x92,
        0xbe, 0xf0, 0xa3, 0x04, 0x02, 0x00, 0x50, 0x8e, 0xff, 0xb3, 0x99, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x02,
        0x07, 0x50, 0x88, 0x27, 0x00, 0x00, 0x02, 0x04, 0x01, 0xd4, 0x04, 0x02, 0x08, 0x0a, 0x00, 0x04, 0x64,
        0xcd, 0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x00,
    ];

    fn judge(packet: &[u8], captured: usize) -> (ChecksumState, bool) {
        let ip = IpPacket {
            source: IpAddr::from([packet[12], packet[13], packet[14], packet[15]]),
            destination: IpAddr::from([packet[16], packet[17], packet[18], packet[19]]),
            id: None,
            ttl: 64,
            v4_header: packet.get(..20),
            payload: &packet[20..captured],
            payload_len: packet.len() - 20,
        };
        let field = [packet[36], packet[37]];
        (
            of_segment(&ip, Some(u16::from_be_bytes(field))),
            ip_header_is_bad(&ip),
        )
    }

    #[test]
    fn a_right_one_and_wrong_ones() {
        assert_eq!(judge(&SYN, 60), (ChecksumState::Good, false));
        assert_eq!(judge(&SYN, 59), (ChecksumState::NotCaptured, false));
        for at in 20..60 {
            let mut packet = SYN;
            packet[at] ^= 0x10;
            assert_eq!(judge(&packet, 60).0, ChecksumState::Bad, "{at}");
        }
        for at in 0..20 {
            let mut packet = SYN;
            packet[at] ^= 0x10;
            assert!(judge(&packet, 60).1, "{at}");
        }
    }

    #[test]
    fn what_is_left_to_the_network_card() {
        let mut packet = SYN;
        (packet[36], packet[37]) = (0, 0);
        assert_eq!(judge(&packet, 60).0, ChecksumState::Offloaded);
        let pseudo = |length: u64| folded(sum(&SYN[12..20]) + 6 + length).to_be_bytes();
        for length in [40, 0] {
            packet[36..38].copy_from_slice(&pseudo(length));
            assert_eq!(judge(&packet, 60).0, ChecksumState::Offloaded);
        }
        packet[36..38].copy_from_slice(&pseudo(41));
        assert_eq!(judge(&packet, 60).0, ChecksumState::Bad);
        (packet[10], packet[11]) = (0, 0);
        assert!(
            !judge(&packet, 60).1,
            "the header's checksum is left to the card too"
        );
    }

    #[test]
    fn sums() {
        assert_eq!(
            folded(sum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7])),
            0xddf2,
            "RFC 1071, section 3"
        );
        assert_eq!(sum(&[1]), 0x100);
        assert_eq!(folded(u64::MAX), 0xffff);
    }
}
