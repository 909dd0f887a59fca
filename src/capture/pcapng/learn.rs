//! What blocks without a packet say: of their section, its interfaces and processes, names and totals.

use std::net::IpAddr;

use pcap_parser::{
    Block, InterfaceDescriptionBlock, parse_block_be, parse_block_le, parse_sectionheaderblock,
};

use super::super::LinkType;
use super::super::error::Fault;
use super::super::facts::{Facts, InterfaceFacts, ProcessFacts, SectionFacts, Subject};
use super::{
    COMMENT, DECRYPTION_SECRETS, INTERFACE_DESCRIPTION, Interface, NAME_RESOLUTION, PROCESS_INFORMATION,
    SECTION_HEADER, STATISTICS, Section, body, lengths_differ,
};

impl Section {
    /// Takes over what a complete block other than a packet says.
    pub(super) fn learn(&mut self, kind: u32, block: &[u8], facts: &mut Facts) -> Result<(), Fault> {
        // A packet block with two lengths is skipped; behind any other such block nothing can be trusted.
        let (length, trailer) = (self.number(block, 4), self.trailer(block));
        if length != trailer {
            return Err(lengths_differ(length, trailer));
        }
        if kind == SECTION_HEADER {
            let Ok((_, header)) = parse_sectionheaderblock(block) else {
                return Err(Fault::Corrupt(
                    "the section header block cannot be read".to_owned(),
                ));
            };
            if header.major_version != 1 {
                let (major, minor) = (header.major_version, header.minor_version);
                return Err(Fault::Version {
                    format: "pcapng",
                    major,
                    minor,
                    known: "1.x",
                });
            }
            self.begin_section(block, facts);
        }
        match kind {
            INTERFACE_DESCRIPTION => self.describe_interface(block, facts),
            NAME_RESOLUTION => self.learn_names(block, facts),
            STATISTICS => self.learn_statistics(block, facts),
            PROCESS_INFORMATION => self.learn_process(block, facts),
            DECRYPTION_SECRETS => facts.secret_blocks = facts.secret_blocks.saturating_add(1),
            SECTION_HEADER => {}
            _ => facts.unknown_blocks = facts.unknown_blocks.saturating_add(1),
        }
        Ok(())
    }

    fn begin_section(&mut self, block: &[u8], facts: &mut Facts) {
        self.interfaces.clear();
        self.processes.clear();
        self.damaged = false;
        let mut section = SectionFacts {
            big_endian: self.big_endian,
            ..SectionFacts::default()
        };
        let number = facts.section_count;
        self.number = number;
        for (code, value) in self.options(body(block, 24)) {
            match code {
                COMMENT => facts.comment(&self.limits, Subject::Section(number), value),
                2 => section.hardware = facts.text(&self.limits, value),
                3 => section.os = facts.text(&self.limits, value),
                4 => section.application = facts.text(&self.limits, value),
                _ => {}
            }
        }
        facts.section(&self.limits, section);
    }

    fn describe_interface(&mut self, block: &[u8], facts: &mut Facts) {
        // Among the octets passed over may have been an interface, which would have had this one's number, or a section
        // header, which would have begun a new list: whose packets are whose is not known any more.
        if self.damaged {
            self.interfaces.clear();
            facts.interface_count = facts.interface_count.saturating_add(1);
            return;
        }
        let Some(id) = u32::try_from(self.interfaces.len())
            .ok()
            .filter(|id| *id < self.limits.interfaces)
        else {
            facts.interface_count = facts.interface_count.saturating_add(1);
            return;
        };
        let parse = if self.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let interface = match parse(block) {
            Ok((_, Block::InterfaceDescription(description))) => {
                Some(self.interface_described(id, &description, block, facts))
            }
            _ => None,
        };
        self.snap_length = self
            .snap_length
            .max(interface.as_ref().map_or(0, |i| i.snap_length));
        self.interfaces.push(interface);
    }

    fn interface_described(
        &self,
        id: u32,
        description: &InterfaceDescriptionBlock<'_>,
        block: &[u8],
        facts: &mut Facts,
    ) -> Interface {
        let mut interface = Interface {
            link: LinkType(u32::try_from(description.linktype.0).unwrap_or(u32::MAX)),
            snap_length: description.snaplen,
            resolution: 6,
            offset: 0,
            fcs: 0,
            place: None,
        };
        let mut told = InterfaceFacts::new(self.number, id, interface.link, interface.snap_length);
        let limits = &self.limits;
        // The crate reads the offset in the wrong byte order, and goes on behind the end of the options.
        for (code, value) in self.options(body(block, 16)) {
            match (code, value) {
                (COMMENT, _) => facts.comment(limits, Subject::Interface(self.number, id), value),
                (2, _) => told.name = facts.text(limits, value),
                (3, _) => told.description = facts.text(limits, value),
                (8, _) => told.speed = self.long(value),
                (9, [resolution]) => interface.resolution = *resolution,
                // The first octet says what kind of filter it is: 0 is text.
                (11, [0, filter @ ..]) => told.filter = facts.text(limits, filter),
                (12, _) => told.os = facts.text(limits, value),
                // Stated in octets by most, in bits by the letter of the format.
                (13, [fcs]) => interface.fcs = u32::from(if *fcs >= 8 { fcs / 8 } else { *fcs }),
                (14, value) if value.len() == 8 => {
                    interface.offset = self.long(value).map_or(0, u64::cast_signed);
                }
                (15, _) => told.hardware = facts.text(limits, value),
                _ => {}
            }
        }
        interface.place = facts.interface(limits, told);
        interface
    }

    /// Name resolution: records of addresses and their names, then options.
    fn learn_names(&self, block: &[u8], facts: &mut Facts) {
        let records = self.options(body(block, 8));
        let mut length = 4_usize; // of the record that ends the list
        for (code, value) in records {
            length = length
                .saturating_add(4)
                .saturating_add(value.len().next_multiple_of(4));
            let (address, names) = match (code, value.first_chunk::<4>(), value.first_chunk::<16>()) {
                (1, Some(octets), _) => (IpAddr::from(*octets), value.get(4..)),
                (2, _, Some(octets)) => (IpAddr::from(*octets), value.get(16..)),
                _ => continue,
            };
            let names = names.unwrap_or_default().split(|octet| *octet == 0);
            for name in names.filter(|name| !name.is_empty()) {
                facts.name(&self.limits, address, name);
            }
        }
        self.learn_comments(body(block, length.saturating_add(8)), facts);
    }

    fn learn_comments(&self, options: &[u8], facts: &mut Facts) {
        for (code, value) in self.options(options) {
            if code == COMMENT {
                facts.comment(&self.limits, Subject::Other, value);
            }
        }
    }

    /// Interface statistics: totals since capturing began; the last ones count.
    fn learn_statistics(&self, block: &[u8], facts: &mut Facts) {
        let options = body(block, 20);
        self.learn_comments(options, facts);
        let Some(interface) = self.number(block, 8).and_then(|id| self.interface(id).ok()) else {
            return;
        };
        let Some(told) = interface.place.and_then(|place| facts.interfaces.get_mut(place)) else {
            return;
        };
        let time = |value| Some(interface.time(self.number(value, 0)?, self.number(value, 4)?));
        for (code, value) in self.options(options).filter(|(_, value)| value.len() == 8) {
            match code {
                2 => told.start = time(value),
                3 => told.end = time(value),
                4 => told.received = self.long(value),
                5 => told.dropped = self.long(value),
                6 => told.accepted = self.long(value),
                7 => told.dropped_by_system = self.long(value),
                8 => told.delivered = self.long(value),
                _ => {}
            }
        }
    }

    /// Darwin's process information: packets refer to it by its place in the section.
    fn learn_process(&mut self, block: &[u8], facts: &mut Facts) {
        let mut process = ProcessFacts {
            pid: self.number(body(block, 8), 0).unwrap_or(0),
            name: None,
        };
        for (code, value) in self.options(body(block, 12)) {
            if code == 2 {
                process.name = facts.text(&self.limits, value);
            }
        }
        if u32::try_from(self.processes.len()).is_ok_and(|count| count < self.limits.processes) {
            let id = facts.process(&self.limits, process);
            self.processes.push(id);
        }
    }
}
