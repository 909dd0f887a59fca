//! What a capture says about itself besides its packets: interfaces, sections, names, comments, processes, drops.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::limits::Limits;
use super::{LinkType, PacketNumber};
use crate::time::Timestamp;
use crate::untrusted::Untrusted;

/// What a capture says about itself. Every list is capped by [`Limits`]; the count beside it is that of all.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The sections of a pcapng file; none for other formats.
    pub sections: Vec<SectionFacts>,
    /// Sections, those beyond the cap included.
    pub section_count: u64,
    /// The interfaces of all sections in the file's order; the one of a file without interfaces.
    pub interfaces: Vec<InterfaceFacts>,
    /// Interfaces, those beyond the cap included.
    pub interface_count: u64,
    /// Host names that the file gives for addresses; the first one of each.
    pub names: BTreeMap<IpAddr, Untrusted>,
    /// Names, those beyond the cap and second ones included.
    pub name_count: u64,
    /// Comments, in the file's order.
    pub comments: Vec<Comment>,
    /// Comments, those beyond the cap included.
    pub comment_count: u64,
    /// Processes that packets belong to; a [`ProcessId`] is a place in this list.
    pub processes: Vec<ProcessFacts>,
    /// Processes, those beyond the cap included.
    pub process_count: u64,
    /// pcapng blocks with keys for decryption: not used.
    pub secret_blocks: u64,
    /// pcapng blocks of a type that is not known: passed over.
    pub unknown_blocks: u64,
    /// Octets of text that were left out because there was too much of it.
    pub text_left_out: u64,
    /// Octets of text kept.
    text: u64,
}

/// A section of a pcapng file: one run of a capturing program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionFacts {
    /// Whether its numbers are big-endian.
    pub big_endian: bool,
    /// The machine.
    pub hardware: Option<Untrusted>,
    /// The operating system.
    pub os: Option<Untrusted>,
    /// The program that wrote it.
    pub application: Option<Untrusted>,
}

/// An interface, and what was counted on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceFacts {
    /// The section, from 0.
    pub section: u64,
    /// Its number in the section, from 0.
    pub id: u32,
    /// What its packets begin with.
    pub link: LinkType,
    /// Octets that were captured of a packet at most; `None` if not stated.
    pub snap_length: Option<u32>,
    /// Its name, such as `eth0`.
    pub name: Option<Untrusted>,
    /// Its description.
    pub description: Option<Untrusted>,
    /// The capture filter.
    pub filter: Option<Untrusted>,
    /// The operating system that it belongs to.
    pub os: Option<Untrusted>,
    /// The hardware.
    pub hardware: Option<Untrusted>,
    /// Bits per second.
    pub speed: Option<u64>,
    /// Packets in the file.
    pub packets: u64,
    /// Packets that the interface received, by its last statistics.
    pub received: Option<u64>,
    /// Packets that the interface dropped for want of room, by its last statistics.
    pub dropped: Option<u64>,
    /// Packets that the capture filter let pass, by its last statistics.
    pub accepted: Option<u64>,
    /// Packets that the operating system dropped, by the last statistics.
    pub dropped_by_system: Option<u64>,
    /// Packets given to the capturing program, by the last statistics.
    pub delivered: Option<u64>,
    /// When capturing began, by the last statistics.
    pub start: Option<Timestamp>,
    /// When capturing ended, by the last statistics.
    pub end: Option<Timestamp>,
    /// Packets lost before single packets, as these note it.
    pub lost_between: u64,
}

impl InterfaceFacts {
    /// An interface of which no more is known.
    pub(super) fn new(section: u64, id: u32, link: LinkType, snap_length: u32) -> InterfaceFacts {
        InterfaceFacts {
            section,
            id,
            link,
            snap_length: Some(snap_length).filter(|length| *length > 0),
            name: None,
            description: None,
            filter: None,
            os: None,
            hardware: None,
            speed: None,
            packets: 0,
            received: None,
            dropped: None,
            accepted: None,
            dropped_by_system: None,
            delivered: None,
            start: None,
            end: None,
            lost_between: 0,
        }
    }

    /// Packets that are missing because capturing did not keep up; `None` if the file does not say.
    ///
    /// Statistics and notes at single packets may tell of the same loss: the larger one counts.
    pub fn lost(&self) -> Option<u64> {
        let stated = match (self.dropped, self.dropped_by_system) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        match (stated, self.lost_between) {
            (None, 0) => None,
            (stated, noted) => Some(stated.unwrap_or(0).max(noted)),
        }
    }
}

/// A comment in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What it is about.
    pub subject: Subject,
    /// The comment.
    pub text: Untrusted,
}

/// What a comment is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A section, from 0.
    Section(u64),
    /// An interface: the section, and its number in it.
    Interface(u64, u32),
    /// A packet.
    Packet(PacketNumber),
    /// Something else: statistics, a list of names.
    Other,
}

/// A process on the capturing machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: Option<Untrusted>,
}

/// A process: its place in [`Facts::processes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// The way of a packet through the interface it was captured at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Received.
    Inbound,
    /// Sent.
    Outbound,
}

impl Facts {
    /// Takes text over, as long as there is room.
    pub(super) fn text(&mut self, limits: &Limits, octets: &[u8]) -> Option<Untrusted> {
        let text = Untrusted::from_octets(octets);
        let length = text.as_raw().len() as u64;
        let kept = self.text.saturating_add(length);
        if kept > limits.text {
            self.text_left_out = self.text_left_out.saturating_add(octets.len() as u64);
            return None;
        }
        self.text = kept;
        Some(text)
    }

    /// Takes a comment over.
    pub(super) fn comment(&mut self, limits: &Limits, subject: Subject, octets: &[u8]) {
        self.comment_count = self.comment_count.saturating_add(1);
        if below(self.comments.len(), limits.comments)
            && let Some(text) = self.text(limits, octets)
        {
            self.comments.push(Comment { subject, text });
        }
    }

    /// Takes a name over.
    pub(super) fn name(&mut self, limits: &Limits, address: IpAddr, octets: &[u8]) {
        self.name_count = self.name_count.saturating_add(1);
        if below(self.names.len(), limits.names)
            && !self.names.contains_key(&address)
            && let Some(text) = self.text(limits, octets)
        {
            self.names.insert(address, text);
        }
    }

    /// Takes a section over.
    pub(super) fn section(&mut self, limits: &Limits, section: SectionFacts) {
        self.section_count = self.section_count.saturating_add(1);
        if below(self.sections.len(), limits.described) {
            self.sections.push(section);
        }
    }

    /// Takes an interface over; its place in the list.
    pub(super) fn interface(&mut self, limits: &Limits, interface: InterfaceFacts) -> Option<usize> {
        self.interface_count = self.interface_count.saturating_add(1);
        let place = self.interfaces.len();
        below(place, limits.described).then(|| {
            self.interfaces.push(interface);
            place
        })
    }

    /// Takes a process over.
    pub(super) fn process(&mut self, limits: &Limits, process: ProcessFacts) -> Option<ProcessId> {
        self.process_count = self.process_count.saturating_add(1);
        let place = self.processes.len();
        let id = u32::try_from(place)
            .ok()
            .filter(|_| below(place, limits.processes))?;
        self.processes.push(process);
        Some(ProcessId(id))
    }
}

fn below(count: usize, limit: u32) -> bool {
    u32::try_from(count).is_ok_and(|count| count < limit)
}
