//! What is known of a file, as the model tells it.

use crate::capture::{self, InterfaceFacts, Subject};
use crate::input::FileFacts;
use crate::model::{Comment, Interface, Process, Source, Writer};

pub(super) fn of(file: &FileFacts) -> Source {
    let told = &file.told;
    Source {
        name: file.path.to_string_lossy().into_owned(),
        format: file.format.map(str::to_owned),
        compression: file.compression.map(str::to_owned),
        octets: file.octets,
        packets: file.packets,
        first_time: file.first_time,
        last_time: file.last_time,
        gap_ns: file.gap_ns,
        time_steps_back: file.steps_back,
        copies: file.copies_of.iter().map(|(_, count)| count).sum(),
        damaged_places: file.more_damage.saturating_add(file.damage.len() as u64),
        passed_over_bytes: file.passed_over,
        grew: file.grew,
        writers: (told.sections.iter())
            .map(|section| Writer {
                application: section.application.clone(),
                os: section.os.clone(),
                hardware: section.hardware.clone(),
            })
            .collect(),
        sections: told.section_count,
        interfaces: told.interfaces.iter().map(interface).collect(),
        interface_count: told.interface_count,
        comments: told.comments.iter().map(comment).collect(),
        comment_count: told.comment_count,
        processes: (told.processes.iter())
            .map(|process| Process {
                pid: process.pid,
                name: process.name.clone(),
            })
            .collect(),
        process_count: told.process_count,
        names: told.names.clone(),
        name_count: told.name_count,
        text_left_out: told.text_left_out,
        secret_blocks: told.secret_blocks,
        unknown_blocks: told.unknown_blocks,
    }
}

fn interface(facts: &InterfaceFacts) -> Interface {
    Interface {
        id: facts.id,
        link_type: facts.link.name().into_owned(),
        name: facts.name.clone(),
        description: facts.description.clone(),
        filter: facts.filter.clone(),
        snap_length: facts.snap_length,
        packets: facts.packets,
        received: facts.received,
        dropped: facts.lost(),
    }
}

fn comment(comment: &capture::Comment) -> Comment {
    let (subject, packet) = match comment.subject {
        Subject::Section(_) => ("section", None),
        Subject::Interface(..) => ("interface", None),
        Subject::Packet(number) => ("packet", Some(number)),
        Subject::Other => ("other", None),
    };
    Comment {
        subject,
        packet,
        text: comment.text.clone(),
    }
}
