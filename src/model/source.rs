//! The files of the capture, and what they say about themselves.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::PacketNumber;
use crate::time::Timestamp;
use crate::untrusted::Untrusted;

/// One file of the capture. Texts are as the file has them; lists are capped, and the number beside each is that of all.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Source {
    /// As it was named, or found in a directory or by a pattern; `-` for standard input.
    pub name: String,
    /// Its format: `pcap`, `pcap-ns`, `pcapng`, `snoop` …; null if it could not be read at all.
    pub format: Option<String>,
    /// How it is compressed; null if it is not.
    pub compression: Option<String>,
    /// Octets read of it, compressed ones if it is compressed.
    pub octets: u64,
    /// Packets in it.
    pub packets: u64,
    /// Time of the earliest packet.
    pub first_time: Option<Timestamp>,
    /// Time of the latest packet.
    pub last_time: Option<Timestamp>,
    /// From the latest packet of the files before it to its first packet, nanoseconds; below zero if they overlap. Null for
    /// the first file, and for one without packets.
    pub gap_ns: Option<i64>,
    /// Packets whose time stamp lies before that of the packet before, in this file.
    pub time_steps_back: u64,
    /// Segments that were left out because another file holds them, too.
    pub copies: u64,
    /// Damaged places.
    pub damaged_places: u64,
    /// Octets that could not be read and were passed over.
    pub passed_over_bytes: u64,
    /// Somebody was writing to it while it was read.
    pub grew: bool,
    /// The programs that wrote it, one for each section of a pcapng file.
    pub writers: Vec<Writer>,
    /// Sections, those that are not listed included.
    pub sections: u64,
    /// Its interfaces, in order.
    pub interfaces: Vec<Interface>,
    /// Interfaces, those that are not listed included.
    pub interface_count: u64,
    /// Its comments, in order.
    pub comments: Vec<Comment>,
    /// Comments, those that are not listed included.
    pub comment_count: u64,
    /// Processes that it names as owners of packets.
    pub processes: Vec<Process>,
    /// Processes, those that are not listed included.
    pub process_count: u64,
    /// Host names that it gives for addresses.
    pub names: BTreeMap<IpAddr, Untrusted>,
    /// Names, those that are not listed included.
    pub name_count: u64,
    /// Octets of its texts that were left out because there was too much of it.
    pub text_left_out: u64,
    /// pcapng blocks with keys for decryption, which are not used.
    pub secret_blocks: u64,
    /// pcapng blocks of a type that is not known, which were passed over.
    pub unknown_blocks: u64,
}

/// The program that wrote a file, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Writer {
    /// The program.
    pub application: Option<Untrusted>,
    /// The operating system.
    pub os: Option<Untrusted>,
    /// The machine.
    pub hardware: Option<Untrusted>,
}

/// An interface that packets were captured at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Interface {
    /// Its number in its section, from 0.
    pub id: u32,
    /// Name of its link type.
    pub link_type: String,
    /// Its name, such as `eth0`.
    pub name: Option<Untrusted>,
    /// Its description.
    pub description: Option<Untrusted>,
    /// The capture filter.
    pub filter: Option<Untrusted>,
    /// Octets captured of a packet at most.
    pub snap_length: Option<u32>,
    /// Packets in the file.
    pub packets: u64,
    /// Packets that the interface received, by its last statistics.
    pub received: Option<u64>,
    /// Packets that were dropped for want of room, by its last statistics and by notes at packets; null if the file does
    /// not tell.
    pub dropped: Option<u64>,
}

/// A comment in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Comment {
    /// What it is about: `section`, `interface`, `packet` or `other`.
    pub subject: &'static str,
    /// The packet of the file that it is about.
    pub packet: Option<PacketNumber>,
    /// The comment.
    pub text: Untrusted,
}

/// A process on the capturing machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: Option<Untrusted>,
}
