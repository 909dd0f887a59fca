//! Segments as packets of a capture file.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use super::conversation::{Path, RST, SYN, Segment};
use super::random::Random;

/// Octets that payloads are taken from: more than a compressor looks back, as real payload repeats little.
const FILLING: usize = 1 << 22;

/// The file's format; both tell microseconds, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pcap,
    Pcapng,
}

pub struct Wire<W> {
    out: W,
    format: Format,
    snap: usize,
    filling: Vec<u8>,
    /// The headers of a packet.
    head: Vec<u8>,
    packets: u64,
    octets: u64,
}

impl<W: Write> Wire<W> {
    pub fn new(mut out: W, format: Format, snap: usize, random: &mut Random) -> io::Result<Wire<W>> {
        let filling = (0..FILLING / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        let limit = u32::try_from(snap).unwrap_or(u32::MAX);
        // The version, time zone and precision, the snap length, Ethernet; or a section and an interface.
        let header: &[u32] = match format {
            Format::Pcap => &[0xa1b2_c3d4, 0x0004_0002, 0, 0, limit, 1],
            Format::Pcapng => &[
                0x0a0d_0d0a,
                28,
                0x1a2b_3c4d,
                1,
                u32::MAX,
                u32::MAX,
                28,
                1,
                20,
                1,
                limit,
                20,
            ],
        };
        for field in header {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(Wire {
            out,
            format,
            snap,
            filling,
            head: Vec::new(),
            packets: 0,
            octets: header.len() as u64 * 4,
        })
    }

    pub fn tcp(&mut self, time: u64, path: &Path, segment: &Segment) -> io::Result<()> {
        let [from, to] = [path.ends[segment.from], path.ends[1 - segment.from]];
        let syn = segment.flags & SYN != 0;
        let stamped = path.timestamps && segment.flags & RST == 0;
        let options = usize::from(syn) * 12 + usize::from(stamped) * 12;
        self.head.clear();
        self.below_ip(path.vlan, from);
        self.ip(from, to, 6, segment.nth, 20 + options + segment.payload);
        let head = &mut self.head;
        head.extend(from.port().to_be_bytes());
        head.extend(to.port().to_be_bytes());
        head.extend(segment.seq.to_be_bytes());
        head.extend(segment.ack.to_be_bytes());
        head.extend([((20 + options) * 4) as u8, segment.flags]);
        head.extend([0xfa, 0xf0, 0, 0, 0, 0]); // the window; no checksum, nothing urgent
        if syn {
            // MSS 1460, SACK permitted, window scale 7
            head.extend([2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7]);
        }
        if stamped {
            let milliseconds = (time / 1_000_000) as u32;
            head.extend([1, 1, 8, 10]);
            head.extend(milliseconds.to_be_bytes());
            head.extend(
                if segment.ack == 0 {
                    0
                } else {
                    milliseconds.wrapping_sub(1)
                }
                .to_be_bytes(),
            );
        }
        let offset = segment.seq as usize % (FILLING / 2); // the same when it is sent again
        self.packet(time, offset, segment.payload)
    }

    /// A datagram of anybody.
    pub fn udp(&mut self, time: u64, random: &mut Random) -> io::Result<()> {
        let octets = random.between((30, 1_200)) as usize;
        let port = 20_000 + random.below(8) as u16;
        let from = SocketAddr::from(([10, 1, 0, random.below(250) as u8], port));
        let to = SocketAddr::from(([192, 168, 255, random.below(250) as u8], port));
        self.head.clear();
        self.below_ip(None, from);
        self.ip(from, to, 17, random.next() as u16, 8 + octets);
        self.head.extend(port.to_be_bytes());
        self.head.extend(port.to_be_bytes());
        self.head.extend((8 + octets as u16).to_be_bytes());
        self.head.extend([0, 0]);
        self.packet(time, 0, octets)
    }

    /// Writes what is buffered; packets and octets.
    pub fn finish(mut self) -> io::Result<(u64, u64)> {
        self.out.flush()?;
        Ok((self.packets, self.octets))
    }

    fn below_ip(&mut self, vlan: Option<u16>, address: SocketAddr) {
        self.head.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        if let Some(vlan) = vlan {
            self.head.extend([0x81, 0x00]);
            self.head.extend(vlan.to_be_bytes());
        }
        self.head.extend(if address.is_ipv6() {
            [0x86, 0xdd]
        } else {
            [0x08, 0x00]
        });
    }

    fn ip(&mut self, from: SocketAddr, to: SocketAddr, protocol: u8, nth: u16, length: usize) {
        let head = &mut self.head;
        match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                head.extend([0x45, 0]);
                head.extend((20 + length as u16).to_be_bytes());
                head.extend(nth.to_be_bytes());
                head.extend([0x40, 0, 64, protocol, 0, 0]);
                head.extend(from.octets());
                head.extend(to.octets());
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                head.extend([0x60, 0, 0, 0]);
                head.extend((length as u16).to_be_bytes());
                head.extend([protocol, 64]);
                head.extend(from.octets());
                head.extend(to.octets());
            }
            _ => unreachable!("both ends of a connection have addresses of one family"),
        }
    }

    /// The headers with so much payload, cut at the snap length.
    fn packet(&mut self, time: u64, offset: usize, payload: usize) -> io::Result<()> {
        let length = self.head.len() + payload;
        let kept = length.min(self.snap);
        let head = &self.head[..kept.min(self.head.len())];
        let payload = &self.filling[offset..offset + kept - head.len()];
        let microseconds = time / 1_000;
        let padding = match self.format {
            Format::Pcap => {
                let (whole, part) = (microseconds / 1_000_000, microseconds % 1_000_000);
                for field in [whole as u32, part as u32, kept as u32, length as u32] {
                    self.out.write_all(&field.to_le_bytes())?;
                }
                None
            }
            Format::Pcapng => {
                let block = 32 + kept.next_multiple_of(4) as u32;
                let (high, low) = ((microseconds >> 32) as u32, microseconds as u32);
                for field in [6, block, 0, high, low, kept as u32, length as u32] {
                    self.out.write_all(&field.to_le_bytes())?;
                }
                Some((kept.next_multiple_of(4) - kept, block))
            }
        };
        self.out.write_all(head)?;
        self.out.write_all(payload)?;
        self.octets += 16 + kept as u64;
        if let Some((padding, block)) = padding {
            self.out.write_all(&[0; 3][..padding])?;
            self.out.write_all(&block.to_le_bytes())?;
            self.octets += 16 + padding as u64;
        }
        self.packets += 1;
        Ok(())
    }
}
