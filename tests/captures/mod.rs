//! Capture files made by hand, and a reader that collects what comes out of them.
#![allow(dead_code)] // no test file uses all of it

use std::io::{Cursor, Read};

use tcptrace_states::capture::{CaptureError, CaptureReader, Record};
use tcptrace_states::segment::Decoder;

/// Numbers in one byte order.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    Little,
    Big,
}
pub use Order::{Big, Little};

impl Order {
    pub fn u16(self, number: u16) -> [u8; 2] {
        if let Big = self {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }
    pub fn u32(self, number: u32) -> [u8; 4] {
        if let Big = self {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }
    pub fn u64(self, number: u64) -> [u8; 8] {
        if let Big = self {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    }
    pub fn words(self, numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| self.u32(*number)).collect()
    }
}

pub const MICRO: u32 = 0xa1b2_c3d4;
pub const NANO: u32 = 0xa1b2_3c4d;

pub fn pcap_header(order: Order, magic: u32, version: (u16, u16), snap_length: u32, link: u32) -> Vec<u8> {
    [
        &order.u32(magic)[..],
        &order.u16(version.0),
        &order.u16(version.1),
        &order.words(&[0, 0, snap_length, link]),
    ]
    .concat()
}

pub fn pcap_packet(order: Order, seconds: u32, fraction: u32, original: u32, data: &[u8]) -> Vec<u8> {
    [
        order.words(&[seconds, fraction, data.len() as u32, original]),
        data.to_vec(),
    ]
    .concat()
}

/// A block with its lengths and padding.
pub fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = order.u32(body.len() as u32 + 12);
    [&order.u32(kind)[..], &length, &body, &length].concat()
}

pub fn section(order: Order) -> Vec<u8> {
    let body = [
        &order.u32(0x1a2b_3c4d)[..],
        &order.u16(1),
        &order.u16(0),
        &[0xff; 8],
    ]
    .concat();
    block(order, 0x0a0d_0d0a, &body)
}

pub fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let mut option = [&order.u16(code)[..], &order.u16(value.len() as u16), value].concat();
    option.resize(option.len().next_multiple_of(4), 0);
    option
}

pub fn interface(order: Order, link: u16, snap_length: u32, options: &[u8]) -> Vec<u8> {
    block(
        order,
        1,
        &[&order.u16(link)[..], &[0, 0], &order.u32(snap_length), options].concat(),
    )
}

pub fn enhanced(
    order: Order,
    interface: u32,
    time: u64,
    captured: u32,
    original: u32,
    data: &[u8],
) -> Vec<u8> {
    let fields = order.words(&[interface, (time >> 32) as u32, time as u32, captured, original]);
    block(order, 6, &[&fields[..], data].concat())
}

/// What came out of a reader: `(number, time, link, original length, interface, bytes)` or the reason, and the error.
pub type Packet = Result<(u64, i64, u32, u32, u32, Vec<u8>), (u64, String)>;

pub fn drain(reader: Box<dyn Read + Send>) -> Result<(Vec<Packet>, Option<CaptureError>), CaptureError> {
    let mut reader = CaptureReader::from_reader("test", reader)?;
    let mut decoder = Decoder::default();
    let mut packets = Vec::new();
    let error = loop {
        match reader.next_record() {
            Ok(Some(Record::Frame(frame))) => {
                let _ = decoder.decode(&frame);
                let bytes = frame.bytes.to_vec();
                packets.push(Ok((
                    frame.number,
                    frame.time.ns(),
                    frame.link.0,
                    frame.original_len,
                    frame.interface,
                    bytes,
                )));
            }
            Ok(Some(Record::Skip { number, reason })) => packets.push(Err((number, reason.to_string()))),
            Ok(Some(Record::Damage(_))) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(reader.next_record(), Ok(None)), "it stays ended");
    Ok((packets, error))
}

pub fn read(bytes: &[u8]) -> (Vec<Packet>, Option<CaptureError>) {
    drain(Box::new(Cursor::new(bytes.to_vec()))).expect("a capture")
}

pub fn refused(bytes: &[u8]) -> CaptureError {
    drain(Box::new(Cursor::new(bytes.to_vec()))).expect_err("no capture")
}

/// Packets of a file without damage.
pub fn packets(bytes: &[u8]) -> Vec<Packet> {
    let (packets, error) = read(bytes);
    assert!(error.is_none(), "{error:?}");
    packets
}

pub fn skipped(number: u64, reason: &str) -> Packet {
    Err((number, reason.to_owned()))
}

pub fn small_pcap(order: Order) -> Vec<u8> {
    [
        pcap_header(order, MICRO, (2, 4), 65_535, 101),
        pcap_packet(order, 1, 2, 5, b"hello"),
        pcap_packet(order, 3, 4, 900, b""),
        pcap_packet(order, 5, 6, 3, b"abc"),
    ]
    .concat()
}

pub fn small_pcapng(order: Order) -> Vec<u8> {
    [
        section(order),
        interface(
            order,
            101,
            100,
            &[option(order, 9, &[9]), option(order, 0, &[])].concat(),
        ),
        enhanced(order, 0, 7, 5, 5, b"hello"),
        block(order, 5, &[0; 12]), // statistics
        enhanced(order, 0, 8, 3, 30, b"abc"),
        block(order, 3, &[&order.u32(4)[..], b"wxyz"].concat()),
        section(order),
        interface(order, 1, 0, &[]),
        enhanced(order, 0, 9, 2, 2, b"hi"),
    ]
    .concat()
}
