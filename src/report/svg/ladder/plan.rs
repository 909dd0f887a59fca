//! Which steps are drawn, and which are folded because there are too many.

use crate::model::{Connection, LadderContent, PacketNumber, Role};
use crate::report::ladder::steps::{Step, steps};
use crate::report::ladder::words::Wording;
use crate::report::look::{counted, number};
use crate::report::svg::Options;

/// One step as it will be placed.
pub struct Planned<'a> {
    /// The step; of several, the first, as long as all of them.
    pub step: Step<'a>,
    /// Sender and text of each arrow.
    pub lines: Vec<(Role, String)>,
    /// It stands for several that are not drawn one by one.
    pub folded: bool,
}

impl<'a> Planned<'a> {
    /// All steps, those that would be too many folded; and how many of those there are.
    pub fn all(connection: &'a Connection, options: &Options<'_>) -> (Vec<Planned<'a>>, u64) {
        let wording = Wording {
            connection,
            seq: options.seq,
            short: false,
        };
        let named: Vec<PacketNumber> = (connection.findings.iter())
            .flat_map(|finding| finding.packets.iter().chain(&finding.packet).copied())
            .collect();
        let matters = |step: &Step<'_>| {
            let inside = |(first, last)| named.iter().any(|packet| (first..=last).contains(packet));
            !step.client.is_empty()
                || !step.server.is_empty()
                || step.refuted
                || step.content.is_none()
                || step.packets.is_some_and(inside)
        };
        let steps = steps(connection);
        let ordinary = steps.iter().filter(|step| !matters(step)).count();
        // Those in the middle are left out.
        let kept = options.most_steps.min(ordinary);
        let (first, last) = (kept / 2 + kept % 2, ordinary - kept / 2);
        let (mut planned, mut seen, mut left_out): (Vec<Planned<'a>>, usize, u64) = (Vec::new(), 0, 0);
        let mut tally = [(0u64, 0u64); 2];
        for step in steps {
            let place = seen;
            let ordinary = !matters(&step);
            seen += usize::from(ordinary);
            if ordinary && (first..last).contains(&place) {
                left_out = left_out.saturating_add(1);
                let goes_on = place > first && planned.last().is_some_and(|last| last.folded);
                if !goes_on {
                    tally = [(0, 0); 2];
                }
                step.content.iter().for_each(|content| add(&mut tally, content));
                let lines = [Role::Client, Role::Server].into_iter().zip(tally);
                let lines = lines.filter(|(_, (segments, _))| *segments > 0);
                let lines = lines
                    .map(|(role, (segments, bytes))| (role, left_out_text(segments, bytes)))
                    .collect();
                match planned.last_mut().filter(|_| goes_on) {
                    Some(before) => {
                        before.lines = lines;
                        before.step.last_time = before.step.last_time.max(step.last_time);
                        if let (Some(ours), Some(theirs)) = (&mut before.step.packets, step.packets) {
                            ours.1 = ours.1.max(theirs.1);
                        }
                    }
                    None => planned.push(Planned {
                        step,
                        lines,
                        folded: true,
                    }),
                }
                continue;
            }
            let words = step.content.map(|content| wording.words(content, step.refuted));
            let lines = words.unwrap_or_default().into_iter();
            planned.push(Planned {
                lines: lines.map(|(role, words)| (role, words.join(" "))).collect(),
                step,
                folded: false,
            });
        }
        (planned, left_out)
    }
}

/// Segments of one side that are not drawn.
fn left_out_text(segments: u64, bytes: u64) -> String {
    let count = counted(segments, "segment");
    match bytes {
        0 => format!("{count}, not drawn"),
        bytes => format!("{} B in {count}, not drawn", number(bytes)),
    }
}

/// Adds the segments and octets of a step by sender.
fn add(tally: &mut [(u64, u64); 2], content: &LadderContent) {
    let [client, server] = match content {
        LadderContent::Segment { from, payload, .. } => match from {
            Role::Client => [(1, u64::from(*payload)), (0, 0)],
            Role::Server => [(0, 0), (1, u64::from(*payload))],
        },
        LadderContent::Run {
            client_segments,
            client_bytes,
            server_segments,
            server_bytes,
            ..
        } => [
            (*client_segments, *client_bytes),
            (*server_segments, *server_bytes),
        ],
    };
    for (sum, one) in tally.iter_mut().zip([client, server]) {
        *sum = (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1));
    }
}
