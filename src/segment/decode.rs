//! From the bytes of a frame to a TCP segment.
//!
//! IP headers are read with etherparse's lax slices, which take packets that the snap length cut. The TCP header is
//! read here: etherparse gives a header up when the capture cut its options, and what this program needs stands in the
//! first sixteen octets.

use std::net::IpAddr;

use etherparse::err::ip::LaxHeaderSliceError;
use etherparse::err::ipv6_exts::HeaderSliceError;
use etherparse::{IpNumber, LaxIpSlice, LaxIpv4Slice, LaxIpv6Slice};

use super::{Endpoint, Flags, Options, Scope, Segment, link, options};
use crate::capture::{Frame, Skip};
use crate::seq::Seq;

/// Length of a TCP header without options, octets.
const TCP_HEADER: usize = 20;
/// Octets of the TCP header up to and with the window: less than that makes no segment.
const TCP_NEEDED: usize = 16;

/// Reads frames, and keeps what one frame leaves for later ones.
#[derive(Debug, Default)]
pub struct Decoder {}

impl Decoder {
    /// Reads the TCP segment out of a frame, or says why there is none.
    ///
    /// See the module's documentation for what is read and what is not.
    ///
    /// # Errors
    ///
    /// The reason why this frame gives no segment; nothing here is fatal for the capture.
    pub fn decode(&mut self, frame: &Frame<'_>) -> Result<Segment, Skip> {
        decode(frame)
    }
}

/// SEG.LEN comes from the IP header, never from the number of captured octets, so that neither Ethernet padding nor the
/// snap length changes it. Where the IP header has no length (0: a packet that was captured before the network card
/// split it), it comes from the frame's original length. Checksums are not verified.
fn decode(frame: &Frame<'_>) -> Result<Segment, Skip> {
    let (start, scope) = link::find_ip(frame.link, frame.bytes)?;
    let bytes = frame.bytes.get(start..).ok_or(Skip::LinkHeaderCut)?;
    let original = usize::try_from(frame.original_len)
        .unwrap_or(usize::MAX)
        .max(frame.bytes.len());
    let packet = IpPacket::read(bytes, original.saturating_sub(start))?;
    segment(frame, scope, &packet)
}

/// What the IP header says about the TCP segment in it.
struct IpPacket<'a> {
    source: IpAddr,
    destination: IpAddr,
    id: Option<u16>,
    ttl: u8,
    /// As much of the payload as was captured; nothing beyond the packet's end.
    payload: &'a [u8],
    /// Octets of payload by the IP header.
    payload_len: usize,
}

impl<'a> IpPacket<'a> {
    /// Reads the IP header and its extension headers; `original` is how long the packet was on the wire, at most.
    fn read(bytes: &'a [u8], original: usize) -> Result<IpPacket<'a>, Skip> {
        let (ip, stopped) = LaxIpSlice::from_slice(bytes).map_err(|error| match error {
            LaxHeaderSliceError::Len(_) => Skip::IpHeaderCut,
            LaxHeaderSliceError::Content(_) => Skip::BadIpHeader,
        })?;
        let (payload, fragmented) = (ip.payload(), ip.is_fragmenting_payload());
        if let Some((error, _)) = stopped {
            return Err(match error {
                _ if fragmented => Skip::IpFragment,
                HeaderSliceError::Len(_) if payload.incomplete => Skip::IpHeaderCut,
                HeaderSliceError::Len(_) | HeaderSliceError::Content(_) => Skip::BadIpHeader,
            });
        }
        match payload.ip_number {
            IpNumber::TCP if fragmented => return Err(Skip::IpFragment),
            IpNumber::TCP => {}
            IpNumber(other) => return Err(Skip::IpProtocol(other)),
        }
        let payload = payload.payload;
        match &ip {
            LaxIpSlice::Ipv4(ip) => IpPacket::from_v4(ip, payload, original),
            LaxIpSlice::Ipv6(ip) => IpPacket::from_v6(ip, payload, original),
        }
    }

    fn from_v4(ip: &LaxIpv4Slice<'_>, payload: &'a [u8], original: usize) -> Result<IpPacket<'a>, Skip> {
        let header = ip.header();
        let total = match usize::from(header.total_len()) {
            0 => original,
            total => total,
        };
        let before_tcp = header
            .slice()
            .len()
            .saturating_add(ip.extensions().auth.as_ref().map_or(0, |auth| auth.slice().len()));
        Ok(IpPacket {
            source: header.source_addr().into(),
            destination: header.destination_addr().into(),
            id: Some(header.identification()),
            ttl: header.ttl(),
            payload,
            payload_len: total.checked_sub(before_tcp).ok_or(Skip::BadIpHeader)?,
        })
    }

    fn from_v6(ip: &LaxIpv6Slice<'_>, payload: &'a [u8], original: usize) -> Result<IpPacket<'a>, Skip> {
        let header = ip.header();
        let total = match usize::from(header.payload_length()) {
            0 => original.saturating_sub(header.slice().len()),
            total => total,
        };
        let extensions = ip.extensions().slice().len();
        Ok(IpPacket {
            source: header.source_addr().into(),
            destination: header.destination_addr().into(),
            id: None,
            ttl: header.hop_limit(),
            payload,
            payload_len: total.checked_sub(extensions).ok_or(Skip::BadIpHeader)?,
        })
    }
}

/// Reads the TCP header (RFC 9293 section 3.1).
fn segment(frame: &Frame<'_>, scope: Scope, ip: &IpPacket<'_>) -> Result<Segment, Skip> {
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
    let options = match captured.get(TCP_HEADER..) {
        Some(list) if options_len > 0 => options::read(list, options_len),
        _ => Options::default(),
    };
    let flags = Flags(u16::from_be_bytes([offset_and_flags & 1, flags]));
    let raw_ack = u32::from_be_bytes([ack0, ack1, ack2, ack3]);
    let endpoint = |ip, high, low| Endpoint {
        ip,
        port: u16::from_be_bytes([high, low]),
    };
    Ok(Segment {
        packet: frame.number,
        time: frame.time,
        source: endpoint(ip.source, source_high, source_low),
        destination: endpoint(ip.destination, destination_high, destination_low),
        scope,
        seq: Seq(u32::from_be_bytes([seq0, seq1, seq2, seq3])),
        ack: flags.ack().then_some(Seq(raw_ack)),
        raw_ack,
        flags,
        window: u16::from_be_bytes([window_high, window_low]),
        payload_len: u32::try_from(payload_len).unwrap_or(u32::MAX),
        options,
        ip_id: ip.id,
        ttl: ip.ttl,
        checksum: captured
            .get(TCP_NEEDED..)
            .and_then(|rest| rest.first_chunk())
            .map(|b| u16::from_be_bytes(*b)),
        header_cut: captured.len() < header_len,
        cut: captured.len() < ip.payload_len,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
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
        decode(&Frame {
            number: 3,
            time: Timestamp(5),
            link,
            bytes,
            original_len,
            interface: 0,
            direction: None,
            process: None,
        })
    }

    fn read(packet: &[u8]) -> Result<Segment, Skip> {
        read_as(LinkType::RAW, packet, packet.len())
    }

    #[test]
    fn a_segment_over_ipv4() {
        let packet = v4(6, &[], 45, &[tcp(&[]), b"hello".to_vec()].concat());
        let segment = read(&packet).expect("a segment");
        assert_eq!((segment.packet, segment.time), (3, Timestamp(5)));
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
        let mut fragment = v4(6, &[], 40, &tcp(&[]));
        fragment[6] = 0x20;
        assert_eq!(skip(&fragment), Skip::IpFragment);
        (fragment[6], fragment[7]) = (0, 1);
        assert_eq!(skip(&fragment), Skip::IpFragment);
        fragment[9] = 17;
        assert_eq!(skip(&fragment), Skip::IpProtocol(17), "fragments of UDP are UDP");
        let first = [&[6, 0, 0, 1, 0, 0, 0, 1][..], &tcp(&[])].concat();
        assert_eq!(skip(&v6(44, first.len(), &first)), Skip::IpFragment);
        assert_eq!(skip(&v4(47, &[], 40, &[0; 20])), Skip::IpProtocol(47));
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

    const LINKS: [u32; 17] = [
        0, 1, 9, 10, 12, 14, 50, 101, 104, 105, 108, 113, 228, 229, 242, 276, 70_000,
    ];

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
