//! From the bytes of a frame to a TCP segment.
//!
//! The layers down to the innermost IP packet are opened by `layers`, fragments are put together by `fragments`. The TCP
//! header is read here: etherparse gives a header up when the capture cut its options, and what this program needs
//! stands in the first sixteen octets.

use super::checksum::{self, ChecksumFacts, ChecksumState};
use super::direct;
use super::fragments::{FragmentFacts, FragmentLimits, Pool};
use super::layers::ip::{IpPacket, UDP};
use super::layers::{Around, Found, Layers, MOST_TUNNELS, Next, is_udp_tunnel};
use super::tunnel::{Tunnel, TunnelPath, Tunnels};
use super::{Endpoint, Flags, Lean, Options, Scope, Segment, TunnelId, Wide, options};
use crate::capture::{Frame, LinkType, Skip};
use crate::seq::Seq;

/// Length of a TCP header without options, octets.
const TCP_HEADER: usize = 20;
/// Octets of the TCP header up to and with the window: less than that makes no segment.
const TCP_NEEDED: usize = 16;

/// How frames are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeSettings {
    /// Verify checksums: [`Segment::checksum_state`] and [`Decoder::checksums`] tell what they are.
    pub verify_checksums: bool,
    /// How much is held of IP packets that came in fragments.
    pub fragments: FragmentLimits,
}

/// Reads frames, and keeps what one frame leaves for later ones: fragments, the tunnels seen, and counts.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    layered: Layered,
    /// Where the newest segment stands: it is looked at here, because two hundred octets are not moved for each packet.
    newest: Segment,
}

/// What one frame leaves for later ones.
#[derive(Clone, Debug, Default)]
struct Layered {
    settings: DecodeSettings,
    tunnels: Tunnels,
    fragments: Pool,
    checksums: ChecksumFacts,
    /// The path of the packet at hand; kept for its allocation.
    path: Vec<Tunnel>,
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    pub fn new(settings: DecodeSettings) -> Decoder {
        Decoder {
            layered: Layered {
                settings,
                fragments: Pool::new(settings.fragments),
                ..Layered::default()
            },
            newest: Segment::default(),
        }
    }

    /// Reads the TCP segment out of a frame, or says why there is none.
    ///
    /// SEG.LEN comes from the IP header, never from the number of captured octets, so that neither Ethernet padding nor
    /// the snap length changes it. Where the IP header has no length (0: a packet that was captured before the network
    /// card split it), it comes from the frame's original length. A segment that came in IP fragments has number and
    /// time of the frame that completed it; the others are [`Skip::IpFragment`].
    ///
    /// # Errors
    ///
    /// The reason why this frame gives no segment; nothing here is fatal for the capture.
    #[inline]
    pub fn decode(&mut self, frame: &Frame<'_>) -> Result<&Segment, Skip> {
        self.layered.decode(frame, &mut self.newest)?;
        Ok(&self.newest)
    }

    /// The segment that [`Decoder::decode`] read last.
    pub fn newest(&self) -> &Segment {
        &self.newest
    }

    /// As [`Decoder::decode`], into a place of the caller's.
    ///
    /// # Errors
    ///
    /// Those of [`Decoder::decode`]; what stands in `segment` then has no meaning.
    #[inline]
    pub fn decode_into(&mut self, frame: &Frame<'_>, segment: &mut Segment) -> Result<(), Skip> {
        self.layered.decode(frame, segment)
    }

    /// The same segment in one line, if it is as most are, over IPv4.
    #[inline(always)]
    pub fn lean(&self, frame: &Frame<'_>) -> Option<Lean> {
        if !self.may_be_lean(frame) {
            return None;
        }
        direct::lean_v4(frame)
    }

    /// As [`Decoder::lean`], over IPv6. Its addresses are added to `wide`.
    #[inline(always)]
    pub fn lean_wide(&self, frame: &Frame<'_>, wide: &mut Wide) -> Option<Lean> {
        if !self.may_be_lean(frame) {
            return None;
        }
        direct::lean_v6(frame, wide)
    }

    /// As [`Decoder::lean`] and [`Decoder::lean_wide`], of a SYN with the options of most.
    pub fn lean_syn(&self, frame: &Frame<'_>, wide: &mut Wide) -> Option<Lean> {
        if !self.may_be_lean(frame) {
            return None;
        }
        direct::lean_syn(frame, wide)
    }

    #[inline(always)]
    fn may_be_lean(&self, frame: &Frame<'_>) -> bool {
        frame.link == LinkType::ETHERNET && !self.layered.settings.verify_checksums
    }

    /// The tunnels that [`Scope::tunnel`] stands for; `None` for none, and for [`TunnelId::OVERFLOW`].
    pub fn tunnel(&self, id: TunnelId) -> Option<&TunnelPath> {
        self.layered.tunnels.path(id)
    }

    /// How many packets came through tunnels that were not told apart any more, because too many were seen.
    pub fn tunnels_not_told_apart(&self) -> u64 {
        self.layered.tunnels.not_told_apart
    }

    /// What became of IP fragments up to here.
    pub fn fragments(&self) -> FragmentFacts {
        self.layered.fragments.facts()
    }

    /// The checksums of all segments up to here; all zero unless they are verified.
    pub fn checksums(&self) -> ChecksumFacts {
        self.layered.checksums
    }
}

impl Layered {
    fn decode(&mut self, frame: &Frame<'_>, segment: &mut Segment) -> Result<(), Skip> {
        if frame.link == LinkType::ETHERNET {
            if let Some((scope, ip)) = direct::open(frame.bytes) {
                read(frame, scope, &ip, segment)?;
                if self.settings.verify_checksums {
                    segment.checksum_state = verify(&ip, segment, &mut self.checksums);
                }
                return Ok(());
            }
            if direct::is_udp(frame.bytes) {
                return Err(Skip::IpProtocol(UDP));
            }
        }
        self.decode_layers(frame, segment)
    }

    /// As [`Decoder::decode`], layer by layer.
    #[inline(never)]
    fn decode_layers(&mut self, frame: &Frame<'_>, segment: &mut Segment) -> Result<(), Skip> {
        self.path.clear();
        let original = usize::try_from(frame.original_len)
            .unwrap_or(usize::MAX)
            .max(frame.bytes.len());
        let mut around = Around {
            scope: Scope::default(),
            path: &mut self.path,
            outer: None,
        };
        let (mut bytes, mut wire, mut next) = (frame.bytes, original, Next::Link(frame.link));
        let mut datagram;
        // Each tunnel may have been split, and the innermost packet too.
        for _ in 0..=MOST_TUNNELS {
            let fragment = match Layers::new(bytes, wire, &mut around).open(next)? {
                Found::Tcp(mut ip) => {
                    if next == Next::Ip {
                        ip.v4_header = None; // its checksum is that of a fragment
                    }
                    read(frame, around.scope, &ip, segment)?;
                    segment.scope.tunnel = self.tunnels.number(around.path);
                    if self.settings.verify_checksums {
                        segment.checksum_state = verify(&ip, segment, &mut self.checksums);
                    }
                    return Ok(());
                }
                Found::Fragment(fragment) => fragment,
            };
            let reason = match fragment.protocol {
                UDP => Skip::IpProtocol(UDP), // what it is, unless a tunnel comes out of it
                _ => Skip::IpFragment,
            };
            let place = (around.scope, self.tunnels.number(around.path));
            let wanted = |first: &[u8]| fragment.protocol != UDP || is_udp_tunnel(first);
            match self.fragments.add(&fragment, place, frame.time, wanted)? {
                Some(whole) => datagram = whole,
                None => return Err(reason),
            }
            (bytes, wire, next) = (&datagram, datagram.len(), Next::Ip);
        }
        Err(Skip::TunnelTooDeep)
    }
}

/// Judges and counts the checksums of a segment and of the IPv4 header before it.
fn verify(ip: &IpPacket<'_>, segment: &Segment, facts: &mut ChecksumFacts) -> ChecksumState {
    let state = if checksum::ip_header_is_bad(ip) {
        facts.bad_ip_headers = facts.bad_ip_headers.saturating_add(1);
        ChecksumState::Bad
    } else {
        checksum::of_segment(ip, segment.checksum)
    };
    facts.count(state);
    state
}

/// Reads the TCP header (RFC 9293 section 3.1).
#[inline(always)]
fn read(frame: &Frame<'_>, scope: Scope, ip: &IpPacket<'_>, segment: &mut Segment) -> Result<(), Skip> {
    if ip.payload_len < TCP_HEADER {
        return Err(Skip::TcpTooShort);
    }
    let captured = ip.payload.get(..ip.payload_len).unwrap_or(ip.payload);
    let Some(
        &[
            source_high,
            source_low,
            destination_high,
            destination_low,
            seq0,
            seq1,
            seq2,
            seq3,
            ack0,
            ack1,
            ack2,
            ack3,
            offset_and_flags,
            flags,
            window_high,
            window_low,
        ],
    ) = captured.first_chunk::<TCP_NEEDED>()
    else {
        return Err(Skip::TcpHeaderCut);
    };
    let header_len = usize::from(offset_and_flags >> 4).saturating_mul(4);
    let payload_len = ip
        .payload_len
        .checked_sub(header_len)
        .ok_or(Skip::BadTcpDataOffset)?;
    let options_len = header_len.checked_sub(TCP_HEADER).ok_or(Skip::BadTcpDataOffset)?;
    match captured.get(TCP_HEADER..) {
        Some(list) if options_len > 0 => options::read_into(list, options_len, &mut segment.options),
        _ => segment.options = Options::default(),
    }
    let flags = Flags(u16::from_be_bytes([offset_and_flags & 1, flags]));
    let raw_ack = u32::from_be_bytes([ack0, ack1, ack2, ack3]);
    let endpoint = |ip, high, low| Endpoint {
        ip,
        port: u16::from_be_bytes([high, low]),
    };
    let checksum = captured.get(TCP_NEEDED..).and_then(|rest| rest.first_chunk());
    // One by one, where they are to stand. All of them: a field that is forgotten here is one too few below.
    let Segment {
        packet: to_packet,
        time: to_time,
        source: to_source,
        destination: to_destination,
        scope: to_scope,
        seq: to_seq,
        ack: to_ack,
        raw_ack: to_raw_ack,
        flags: to_flags,
        window: to_window,
        payload_len: to_payload_len,
        options: _,
        ip_id: to_ip_id,
        ttl: to_ttl,
        checksum: to_checksum,
        checksum_state: to_checksum_state,
        header_cut: to_header_cut,
        cut: to_cut,
    } = segment;
    *to_packet = frame.number;
    *to_time = frame.time;
    *to_source = endpoint(ip.source, source_high, source_low);
    *to_destination = endpoint(ip.destination, destination_high, destination_low);
    *to_scope = scope;
    *to_seq = Seq(u32::from_be_bytes([seq0, seq1, seq2, seq3]));
    *to_ack = flags.ack().then_some(Seq(raw_ack));
    *to_raw_ack = raw_ack;
    *to_flags = flags;
    *to_window = u16::from_be_bytes([window_high, window_low]);
    *to_payload_len = u32::try_from(payload_len).unwrap_or(u32::MAX);
    *to_ip_id = ip.id;
    *to_ttl = ip.ttl;
    *to_checksum = checksum.map(|checksum| u16::from_be_bytes(*checksum));
    *to_checksum_state = ChecksumState::NotVerified;
    *to_header_cut = captured.len() < header_len;
    *to_cut = captured.len() < ip.payload_len;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    /// A TCP header with `options`, ports 1000 to 80, seq 7, ack 9, flags ACK and PSH.
    fn tcp(options: &[u8]) -> Vec<u8> {
        let offset = ((TCP_HEADER + options.len()) / 4 * 16) as u8;
        let fixed = [
            3, 0xe8, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, offset, 0x18, 0x20, 0, 0xab, 0xcd, 0, 0,
        ];
        [&fixed[..], options].concat()
    }

    /// An IPv4 packet; `total` stands in its length field.
    fn v4(protocol: u8, options: &[u8], total: usize, payload: &[u8]) -> Vec<u8> {
        let version_and_ihl = 0x45 + (options.len() / 4) as u8;
        let [high, low] = (total as u16).to_be_bytes();
        let fixed = [
            version_and_ihl,
            0,
            high,
            low,
            0x12,
            0x34,
            0x40,
            0,
            64,
            protocol,
            0,
            0,
            10,
            0,
            0,
            1,
            10,
            0,
            0,
            2,
        ];
        [&fixed[..], options, payload].concat()
    }

    fn v6(next: u8, length: usize, payload: &[u8]) -> Vec<u8> {
        let [high, low] = (length as u16).to_be_bytes();
        [
            &[0x60, 0, 0, 0, high, low, next, 63][..],
            &[0xfd; 16],
            &[0xfe; 16],
            payload,
        ]
        .concat()
    }

    fn read_as(link: LinkType, bytes: &[u8], original_len: usize) -> Result<Segment, Skip> {
        let original_len = original_len as u32;
        Decoder::default()
            .decode(&Frame {
                number: 3,
                time: Timestamp::from_ns(5),
                link,
                bytes,
                original_len,
                interface: 0,
                direction: None,
                process: None,
            })
            .copied()
    }

    fn read(packet: &[u8]) -> Result<Segment, Skip> {
        read_as(LinkType::RAW, packet, packet.len())
    }

    #[test]
    fn a_segment_over_ipv4() {
        let packet = v4(6, &[], 45, &[tcp(&[]), b"hello".to_vec()].concat());
        let segment = read(&packet).expect("a segment");
        assert_eq!((segment.packet, segment.time), (3, Timestamp::from_ns(5)));
        assert_eq!(segment.source.to_string(), "10.0.0.1:1000");
        assert_eq!(segment.destination.to_string(), "10.0.0.2:80");
        assert_eq!(
            (segment.seq, segment.ack, segment.raw_ack),
            (Seq(7), Some(Seq(9)), 9)
        );
        assert_eq!(
            (segment.flags, segment.window, segment.payload_len),
            (Flags(0x18), 0x2000, 5)
        );
        assert_eq!(
            (segment.ip_id, segment.ttl, segment.checksum),
            (Some(0x1234), 64, Some(0xabcd))
        );
        assert!(!segment.cut && !segment.header_cut);
    }

    #[test]
    fn ip_lengths_decide_the_payload() {
        let padded = v4(6, &[], 40, &[tcp(&[]), vec![0; 6]].concat());
        assert_eq!(read(&padded).expect("padding").payload_len, 0);
        let offloaded = v4(6, &[], 0, &[tcp(&[]), vec![0; 100]].concat());
        assert_eq!(
            read_as(LinkType::RAW, &offloaded, 60_040)
                .expect("total length 0")
                .payload_len,
            60_000
        );
        assert_eq!(read(&offloaded).expect("total length 0").payload_len, 100);
        let snapped = v4(6, &[], 1_500, &[tcp(&[]), vec![0; 10]].concat());
        let segment = read_as(LinkType::RAW, &snapped, 1_500).expect("snap length");
        assert_eq!(
            (segment.payload_len, segment.cut, segment.header_cut),
            (1_460, true, false)
        );
        let big = v6(6, 0, &[tcp(&[]), vec![0; 9]].concat());
        assert_eq!(
            read_as(LinkType::RAW, &big, 200_060)
                .expect("payload length 0")
                .payload_len,
            200_000
        );
        assert_eq!(
            read_as(LinkType::RAW, &offloaded, 0).expect("a lie").payload_len,
            100
        );
    }

    #[test]
    fn options_cut_by_the_snap_length_do_not_lose_the_segment() {
        let options = [2, 4, 5, 0xb4, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1];
        let packet = v4(6, &[], 56, &tcp(&options));
        for captured in 20..packet.len() {
            let result = read_as(LinkType::RAW, &packet[..captured], packet.len());
            if captured < 20 + TCP_NEEDED {
                assert_eq!(result.map(|_| ()), Err(Skip::TcpHeaderCut));
                continue;
            }
            let segment = result.expect("sixteen octets are enough");
            assert!(segment.cut && segment.header_cut && !segment.options.malformed);
            assert_eq!(segment.payload_len, 0);
            assert_eq!(segment.options.mss.is_some(), captured >= 44);
            assert_eq!(segment.options.timestamps.is_some(), captured >= 54);
        }
    }

    #[test]
    fn ip_options_and_extension_headers() {
        let packet = v4(6, &[1, 1, 1, 0], 44, &tcp(&[]));
        assert_eq!(read(&packet).expect("IPv4 options").payload_len, 0);
        let auth = |next: u8| {
            vec![
                next, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            ]
        };
        let packet = v4(51, &[], 64, &[auth(6), tcp(&[])].concat());
        assert_eq!(read(&packet).expect("IPv4 AH").payload_len, 0);
        let hop = |next: u8| vec![next, 0, 1, 4, 0, 0, 0, 0];
        let atomic = |next: u8| vec![next, 0, 0, 0, 0, 0, 0, 1];
        let chain = [
            hop(60),
            hop(43),
            hop(44),
            atomic(51),
            auth(6),
            tcp(&[]),
            vec![0; 3],
        ]
        .concat();
        let segment = read(&v6(0, chain.len(), &chain)).expect("IPv6 extension headers");
        assert_eq!((segment.payload_len, segment.ip_id, segment.ttl), (3, None, 63));
        assert_eq!(
            segment.source.to_string(),
            "[fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:1000"
        );
        let packet = v6(0, chain.len(), &chain);
        assert_eq!(
            read_as(LinkType::RAW, &packet[..50], packet.len()).map(|_| ()),
            Err(Skip::IpHeaderCut)
        );
        let misplaced = [hop(0), hop(6), tcp(&[])].concat();
        assert_eq!(
            read(&v6(60, misplaced.len(), &misplaced)).map(|_| ()),
            Err(Skip::BadIpHeader)
        );
        let long = [[60u8, 0, 1, 4, 0, 0, 0, 0].repeat(5_000), hop(6), tcp(&[])].concat();
        assert!(read(&v6(60, long.len(), &long)).is_ok(), "any number of them");
    }

    #[test]
    fn everything_else_has_a_reason() {
        let skip = |packet: &[u8]| read(packet).map(|_| ()).expect_err("no segment");
        let mut fragment = v4(6, &[], 44, &tcp(&[1, 1, 1, 1]));
        fragment[6] = 0x20;
        assert_eq!(skip(&fragment), Skip::IpFragment);
        (fragment[6], fragment[7]) = (0, 1);
        assert_eq!(skip(&fragment), Skip::IpFragment);
        fragment[9] = 17;
        assert_eq!(skip(&fragment), Skip::IpProtocol(17), "fragments of UDP are UDP");
        let first = [&[6, 0, 0, 1, 0, 0, 0, 1][..], &tcp(&[1, 1, 1, 1])].concat();
        assert_eq!(skip(&v6(44, first.len(), &first)), Skip::IpFragment);
        assert_eq!(skip(&v4(50, &[], 40, &[0; 20])), Skip::IpProtocol(50));
        assert_eq!(skip(&v4(17, &[], 40, &[0; 20])), Skip::IpProtocol(17));
        assert_eq!(skip(&v6(59, 0, &[0; 20])), Skip::IpProtocol(59));
        assert_eq!(skip(&[]), Skip::IpHeaderCut);
        assert_eq!(skip(&[0x45; 19]), Skip::IpHeaderCut);
        assert_eq!(skip(&[0x60; 39]), Skip::IpHeaderCut);
        assert_eq!(skip(&[0x44; 40]), Skip::BadIpHeader, "header length of 16");
        assert_eq!(skip(&[0x75; 40]), Skip::BadIpHeader, "version 7");
        assert_eq!(skip(&v4(6, &[], 19, &tcp(&[]))), Skip::BadIpHeader);
        assert_eq!(skip(&v4(6, &[], 39, &tcp(&[]))), Skip::TcpTooShort);
        assert_eq!(skip(&v4(6, &[], 40, &tcp(&[]))[..35]), Skip::TcpHeaderCut);
        let mut short = v4(6, &[], 40, &tcp(&[]));
        short[32] = 0x40;
        assert_eq!(skip(&short), Skip::BadTcpDataOffset);
        short[32] = 0x60;
        assert_eq!(skip(&short), Skip::BadTcpDataOffset);
    }

    #[test]
    fn tags_go_into_the_scope() {
        let packet = v4(6, &[], 40, &tcp(&[]));
        let frame = [
            &[0u8; 12][..],
            &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 4, 8, 0],
            &packet,
            &[0; 20],
        ]
        .concat();
        let segment = read_as(LinkType::ETHERNET, &frame, frame.len()).expect("a segment");
        assert_eq!(segment.scope.vlan_ids().collect::<Vec<_>>(), [9, 4]);
        assert_eq!(segment.payload_len, 0);
    }

    const LINKS: [u32; 35] = [
        0, 1, 6, 7, 9, 10, 12, 14, 50, 51, 101, 104, 105, 107, 108, 109, 113, 117, 119, 127, 129, 138, 163,
        166, 178, 192, 204, 228, 229, 239, 240, 242, 258, 276, 70_000,
    ];

    fn lean_of(decoder: &Decoder, frame: &Frame<'_>, wide: &mut Wide) -> Option<Lean> {
        let lean = decoder.lean(frame);
        let lean = lean.or_else(|| decoder.lean_wide(frame, wide));
        lean.or_else(|| decoder.lean_syn(frame, wide))
    }

    const TIMESTAMPS: [u8; 12] = [1, 1, 8, 10, 0, 0, 1, 2, 3, 4, 5, 6];
    /// Those of the SYNs of Linux, with timestamps and without, of Windows and macOS, of the simplest, and in an order of their own.
    const OF_SYNS: [&[u8]; 6] = [
        &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 2, 3, 4, 5, 6, 1, 3, 3, 7],
        &[2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 9],
        &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2],
        &[
            2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 1, 2, 3, 4, 5, 6, 4, 2, 0, 0,
        ],
        &[2, 4, 5, 0xb4],
        &[4, 2, 8, 10, 0, 0, 1, 2, 3, 4, 5, 6, 3, 3, 7, 0],
    ];

    #[test]
    fn most_segments_are_lean() {
        let cases = [
            (false, &[][..], 0x18, 9, true),
            (true, &[], 0x18, 9, true),
            (false, &TIMESTAMPS, 0x18, 9, true),
            (true, &TIMESTAMPS, 0x18, 9, true),
            (false, &[34, 2, 2, 4, 5, 0xb4, 0, 0], 0x02, 0, false), // asks for a cookie
            (true, &[2, 4, 5, 0xb4, 3, 9, 1, 1], 0x02, 0, false),   // runs past the header
            (true, &[8, 10, 0, 0, 1, 2, 3, 4, 5, 6, 1, 1], 0x18, 9, false),
        ];
        let of_syns = OF_SYNS.into_iter().flat_map(|options| {
            [false, true].into_iter().flat_map(move |six| {
                [
                    (six, options, 0x02, 0, true),
                    (six, options, 0x12, 0, true),
                    (six, options, 0xc2, 0, true), // with ECN
                    (six, options, 0x02, 9, false),
                    (six, options, 0x10, 0, false),
                    (six, options, 0x06, 0, false),
                ]
            })
        });
        for (six, options, flags, payload, lean) in cases.into_iter().chain(of_syns) {
            let mut payload = [&tcp(options)[..], &vec![7; payload]].concat();
            payload[13] = flags;
            let packet = match six {
                true => v6(6, payload.len(), &payload),
                false => v4(6, &[], 20 + payload.len(), &payload),
            };
            let kind = if six { [0x86, 0xdd] } else { [8, 0] };
            for snap_length in [usize::MAX, packet.len() - 3, 50] {
                let bytes = [&[2; 12], &kind[..], &packet[..packet.len().min(snap_length)]].concat();
                let frame = Frame {
                    number: 3,
                    time: Timestamp::from_ns(5),
                    link: LinkType::ETHERNET,
                    bytes: &bytes,
                    original_len: 100,
                    interface: 0,
                    direction: None,
                    process: None,
                };
                let read = lean_of(&Decoder::default(), &frame, &mut Wide::default());
                let headers = options.len() + if six { 60 } else { 40 };
                let enough = packet.len().min(snap_length) >= headers;
                assert_eq!(
                    read.is_some(),
                    lean && enough,
                    "{six} {options:?} {flags} {snap_length}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_bytes_give_a_segment_or_a_reason(
            link in prop::sample::select(&LINKS[..]), bytes: Vec<u8>, original: u32,
        ) {
            match read_as(LinkType(link), &bytes, original as usize) {
                Ok(segment) => prop_assert!(segment.seq_len() >= segment.payload_len || segment.flags.rst()),
                Err(skip) => prop_assert!(!skip.name().is_empty()),
            }
        }

        /// The short way gives what the layers give.
        #[test]
        fn the_short_way_is_the_same(
            tag in 0u8..3, six: bool, options in prop::collection::vec(any::<u8>(), 0..40), more in 0usize..40, total in 0usize..120,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            keep in prop_oneof![0usize..200, Just(200)], original in 0u32..300,
            list in prop::option::of(0usize..=OF_SYNS.len()), flags in prop_oneof![Just(0x02u8), Just(0x12), Just(0x18), any::<u8>()], exact: bool,
            udp in prop::option::weighted(0.3, prop::sample::select(&[53u16, 443, 1701, 2152, 3544, 4789, 5247, 6081, 6343, 6635, 8472][..])),
        ) {
            let options = &options[..options.len() / 4 * 4];
            let options = match list {
                None => options,
                Some(list) => OF_SYNS.get(list).copied().unwrap_or(&TIMESTAMPS),
            };
            let mut tcp = tcp(options);
            tcp[13] = flags;
            let (more, total) = if exact { (0, tcp.len() + if six { 0 } else { 20 }) } else { (more, total) };
            let (protocol, header) = match udp {
                None => (6, tcp),
                Some(port) => (17, [[200, 1], port.to_be_bytes(), [0, 8], [0, 5]].concat()),
            };
            let payload = [header, vec![7; more]].concat();
            let packet = if six { v6(protocol, total, &payload) } else { v4(protocol, &[], total, &payload) };
            let inner = if six { [0x86, 0xdd] } else { [8, 0] };
            let tags = (0..tag).map(|tag| [0x81, 0, 0x60, tag]);
            let ends = if tag == 0 { inner.to_vec() } else { [&tags.collect::<Vec<_>>().concat()[..], &inner].concat() };
            let mut bytes = [&[2u8; 12][..], &ends, &packet].concat();
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes.truncate(keep);
            let frame = Frame {
                number: 3, time: Timestamp::from_ns(5), link: LinkType::ETHERNET, bytes: &bytes, original_len: original,
                interface: 0, direction: None, process: None,
            };
            let settings = DecodeSettings { verify_checksums: true, ..DecodeSettings::default() };
            let (mut short, mut long) = (Decoder::new(settings), Decoder::new(settings));
            let mut of_layers = Segment::default();
            let layers = long.layered.decode_layers(&frame, &mut of_layers).map(|()| &of_layers);
            prop_assert_eq!(format!("{:?}", short.decode(&frame)), format!("{layers:?}"));
            prop_assert_eq!(format!("{:?}", short.checksums()), format!("{:?}", long.checksums()));
            // Where no checksum is looked at, and the shortest way of all.
            let (mut short, mut long) = (Decoder::default(), Decoder::default());
            let layers = long.layered.decode_layers(&frame, &mut of_layers).map(|()| &of_layers);
            prop_assert_eq!(format!("{:?}", short.decode(&frame)), format!("{layers:?}"));
            let mut wide = Wide::default();
            if let Some(lean) = lean_of(&short, &frame, &mut wide) {
                prop_assert_eq!(format!("{:?}", lean.segment(&wide)), format!("{of_layers:?}"));
                prop_assert!(layers.is_ok() && lean.print == of_layers.print());
                prop_assert_eq!(format!("{:?}", Some(lean)), format!("{:?}", Lean::of(&of_layers, &mut Wide::default())));
            } else {
                prop_assert!(wide.is_empty());
            }
        }

        /// As above, but with bytes that come as far as TCP.
        #[test]
        fn damaged_packets_give_a_segment_or_a_reason(
            six: bool, options in prop::collection::vec(any::<u8>(), 0..40), total in 0usize..200,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), keep in 0usize..200,
        ) {
            let options = &options[..options.len() / 4 * 4];
            let mut packet = if six { v6(6, total, &tcp(options)) } else { v4(6, &[], total, &tcp(options)) };
            for (at, value) in damage {
                let at = at.index(packet.len());
                packet[at] = value;
            }
            packet.truncate(keep);
            if let Ok(segment) = read(&packet) {
                prop_assert!(segment.header_cut <= segment.cut);
            }
        }
    }
}
