//! Where everything stands: moments become heights.

use crate::model::{
    Capture, Connection, LadderContent, PacketNumber, Role, SequenceNumber, State, Transition,
};
use crate::report::ladder::steps::endpoint;
use crate::report::svg::Options;
use crate::report::svg::canvas::lines_of;
use crate::time::{Timestamp, human_duration};

use super::plan::Planned;

/// The line of the client, and that of the server.
pub const LINES: [f64; 2] = [344.0, 884.0];
/// Height of the first moment.
const TOP: f64 = 34.0;
/// Two things on one line are so far apart at least: a name, or a label, is between them.
const ROW: f64 = 20.0;
/// What a flight is drawn as if nothing happens in it.
const FLIGHT: f64 = 26.0;
/// A silence of this length is cut out, and said.
const SILENCE_NS: i64 = 1_000_000_000;
/// Height of a silence.
const CUT: f64 = 34.0;
/// Characters that fit on an arrow.
const LABEL: usize = 60;
/// Lines of a label at most.
const LABEL_LINES: usize = 3;
/// A line of a label below the first one.
pub const LABEL_LINE: f64 = 12.5;
/// Transitions at the beginning that are kept where there are too many of them.
const FIRST_KEPT: usize = 128;

/// Everything with its place. Heights count from the beginning of both lines.
pub struct Layout {
    /// In order from above.
    pub items: Vec<Item>,
    /// States of client and server in order.
    pub bands: [Vec<Band>; 2],
    /// How long a segment flies between the tap and the client, and between the tap and the server; none where nothing tells.
    pub flights: Option<[i64; 2]>,
    /// Height of the end of the capture.
    pub end: f64,
    /// Height of the end of both lines.
    pub bottom: f64,
    /// Steps that were left out.
    pub left_out: u64,
}

/// Something on the way down.
pub struct Item {
    /// When it passed the tap.
    pub time: Timestamp,
    /// First and last packet; none for what no packet shows.
    pub packets: Option<(PacketNumber, PacketNumber)>,
    /// Height at the line of the client, and at that of the server.
    pub at: [f64; 2],
    /// What it is.
    pub what: What,
}

/// What an [`Item`] is.
pub enum What {
    /// A segment.
    Arrow {
        /// Its sender.
        from: Role,
        /// Control bits.
        flags: String,
        /// What stands on it, by lines.
        label: Vec<String>,
        /// It was sent again, or is a probe.
        again: bool,
        /// It passed the tap and never arrived.
        lost: bool,
    },
    /// Folded segments between two heights: sender and text of each arrow.
    Run(Vec<(Role, String)>),
    /// Words between the lines.
    Words(String),
    /// A silence of so many nanoseconds.
    Silence(String),
}

/// A state at one side.
pub struct Band {
    /// The transition that led there; none for the first one.
    pub entered: Option<Transition>,
    /// From this height on.
    pub from: f64,
    /// Until here.
    pub to: f64,
    /// How long it was held, in words; empty where that is not counted.
    pub dwell: String,
    /// Transitions between this and the next one that were not kept.
    pub not_kept: u64,
}

impl Layout {
    /// Of a connection with its ladder.
    pub fn of(capture: &Capture, connection: &Connection, options: &Options<'_>) -> Layout {
        let (steps, left_out) = Planned::all(connection, options);
        let flights = flights(connection);
        let mut pen = Pen {
            connection,
            flights,
            items: Vec::new(),
            lines: [TOP - ROW; 2],
            lowest: TOP - ROW,
            now: None,
            waiting: Vec::new(),
        };
        let mut before = connection.first_time;
        for planned in steps {
            let (begins, ends) = (planned.step.time, planned.step.last_time);
            pen.pass(before, begins);
            before = before.max(ends);
            pen.add(planned, capture.time_wait_ns);
        }
        let end = capture.last_time.unwrap_or(connection.last_time);
        let sides = [Role::Client, Role::Server];
        if sides
            .iter()
            .any(|role| endpoint(connection, *role).state != State::Closed)
        {
            pen.pass(before, end);
        }
        pen.flush();
        let mut bands = sides.map(|role| pen.bands(role, end));
        let last_begins = bands.iter().filter_map(|side| side.last()).map(|band| band.from);
        let lowest = pen
            .lines
            .into_iter()
            .chain(last_begins)
            .fold(pen.lowest, f64::max);
        let end = lowest + ROW + 4.0;
        let bottom = end + 12.0;
        for band in bands.iter_mut().filter_map(|side| side.last_mut()) {
            band.to = bottom;
        }
        Layout {
            items: pen.items,
            bands,
            flights,
            end,
            bottom,
            left_out,
        }
    }

    /// Where a packet is drawn.
    pub fn item_of(&self, packet: PacketNumber) -> Option<&Item> {
        item_of(&self.items, packet)
    }
}

fn item_of(items: &[Item], packet: PacketNumber) -> Option<&Item> {
    items.iter().find(|item| {
        item.packets
            .is_some_and(|(first, last)| (first..=last).contains(&packet))
    })
}

/// Half of the smallest round trips from the tap to both ends. An answer takes the host's own time, too, so they are upper
/// bounds.
fn flights(connection: &Connection) -> Option<[i64; 2]> {
    let way = |role| endpoint(connection, role).tap_rtt_ns.map(|ns| ns.max(0) / 2);
    let flights = [way(Role::Client)?, way(Role::Server)?];
    (flights.iter().any(|ns| *ns > 0)).then_some(flights)
}

/// What a segment acknowledges had arrived when it left: then both flights were shorter than others.
fn respect_acknowledgments(flights: &mut [Flight]) {
    for later in 1..flights.len() {
        let (before, rest) = flights.split_at_mut(later);
        let Some(Flight {
            from,
            moments,
            ack: Some(ack),
            ..
        }) = rest.first_mut()
        else {
            continue;
        };
        let side = *from as usize;
        for arrived in before.iter_mut().filter(|flight| flight.from != *from) {
            if arrived.end.is_some_and(|end| ack.at_or_after(end)) && arrived.moments[side] > moments[side] {
                moments[side] = moments[side].max(arrived.passed);
                arrived.moments[side] = arrived.moments[side].min(moments[side]);
            }
        }
    }
}

/// What draws down the page.
struct Pen<'a> {
    connection: &'a Connection,
    flights: Option<[i64; 2]>,
    items: Vec<Item>,
    /// The lowest thing on each line.
    lines: [f64; 2],
    /// Height of the newest moment.
    lowest: f64,
    /// The newest moment, if the next one is measured from it.
    now: Option<Timestamp>,
    /// Arrows that have no heights yet.
    waiting: Vec<Flight>,
}

/// A segment on its way.
struct Flight {
    /// Which item it is.
    index: usize,
    from: Role,
    /// When it passed the tap.
    passed: Timestamp,
    /// When it left or reached client and server.
    moments: [Timestamp; 2],
    /// The number behind its last octet, if that was new: then its acknowledgment shows that it had arrived.
    end: Option<SequenceNumber>,
    ack: Option<SequenceNumber>,
}

impl Pen<'_> {
    /// A silence, if it is long.
    fn pass(&mut self, before: Timestamp, now: Timestamp) {
        let ns = now.since(before);
        if ns < SILENCE_NS {
            return;
        }
        self.flush();
        let middle = self.low() + CUT / 2.0;
        self.items.push(Item {
            time: before,
            packets: None,
            at: [middle; 2],
            what: What::Silence(human_duration(ns)),
        });
        self.go_on_below(middle + CUT / 2.0 - ROW + 6.0);
    }

    fn add(&mut self, planned: Planned<'_>, time_wait_ns: i64) {
        let Planned { step, lines, folded } = planned;
        let (time, packets) = (step.time, step.packets);
        let item = |at, what| Item {
            time,
            packets,
            at,
            what,
        };
        match step.content {
            Some(LadderContent::Segment {
                from,
                flags,
                seq,
                ack,
                payload,
                notes,
            }) if !folded => {
                let text: String = lines.into_iter().map(|(_, text)| text).collect();
                let mut label = lines_of(&text, LABEL);
                if label.len() > LABEL_LINES {
                    label.truncate(LABEL_LINES);
                    label
                        .iter_mut()
                        .skip(LABEL_LINES - 1)
                        .for_each(|line| line.push_str(" …"));
                }
                let what = What::Arrow {
                    from: *from,
                    flags: flags.clone(),
                    label,
                    again: notes
                        .iter()
                        .any(|note| matches!(*note, "retransmission" | "probe")),
                    lost: step.refuted,
                };
                let way = |role: Role| self.flights.map_or(0, |flights| flights[role as usize]);
                let moments = [Role::Client, Role::Server].map(|role| {
                    let way = way(role);
                    time.plus(if role == *from { way.saturating_neg() } else { way })
                });
                let controls = u32::from(flags.contains("SYN")) + u32::from(flags.contains("FIN"));
                self.waiting.push(Flight {
                    index: self.items.len(),
                    from: *from,
                    passed: time,
                    moments,
                    end: self.new_end(*from, SequenceNumber(*seq), payload.saturating_add(controls)),
                    ack: ack.map(SequenceNumber),
                });
                self.items.push(item([0.0; 2], what));
            }
            Some(_) => {
                self.flush();
                let from = self.low() + ROW - 6.0;
                let slots = self.slots(packets).into_iter().max().unwrap_or(0);
                let height = (lines.len() as f64 * 20.0 + 8.0).max(slots as f64 * ROW);
                self.items.push(item([from, from + height], What::Run(lines)));
                self.go_on_below(from + height - 8.0);
            }
            None => {
                self.flush();
                let left = step
                    .client
                    .iter()
                    .chain(&step.server)
                    .map(|transition| transition.from);
                let after_time_wait = left.into_iter().all(|state| state == State::TimeWait);
                let text = match (step.is_timer(), after_time_wait) {
                    (true, true) => format!("2 MSL ({}) over, assumed", human_duration(time_wait_ns)),
                    (true, false) => "a timer, assumed".to_owned(),
                    (false, _) => "a packet that is not drawn".to_owned(),
                };
                let at = self.low() + ROW;
                self.items.push(item([at; 2], What::Words(text)));
                self.go_on_below(at);
            }
        }
    }

    /// The number behind a segment's last octet, if nothing that waits has reached it.
    fn new_end(&self, from: Role, seq: SequenceNumber, length: u32) -> Option<SequenceNumber> {
        let end = seq.plus(length);
        let own = self.waiting.iter().filter(|flight| flight.from == from);
        let new = own
            .filter_map(|flight| flight.end)
            .all(|before| end.after(before));
        (length > 0 && new).then_some(end)
    }

    /// Transitions of client and server by the packets of an item.
    fn slots(&self, packets: Option<(PacketNumber, PacketNumber)>) -> [usize; 2] {
        let Some((first, last)) = packets else {
            return [0; 2];
        };
        [Role::Client, Role::Server].map(|role| {
            let transitions = &endpoint(self.connection, role).transitions;
            let packets = transitions.iter().filter_map(|transition| transition.packet);
            packets.filter(|packet| (first..=last).contains(packet)).count()
        })
    }

    /// The lowest thing so far.
    fn low(&self) -> f64 {
        self.lines.into_iter().fold(self.lowest, f64::max)
    }

    fn go_on_below(&mut self, height: f64) {
        self.lowest = height;
        self.lines = [height; 2];
        self.now = None;
    }

    /// Gives all waiting arrows their heights, moment by moment.
    fn flush(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        respect_acknowledgments(&mut waiting);
        let mut moments: Vec<(Timestamp, usize, &[usize])> = Vec::new();
        for Flight {
            index,
            moments: [client, server],
            ..
        } in &waiting
        {
            if client == server {
                moments.push((*client, *index, &[0, 1]));
            } else {
                moments.push((*client, *index, &[0]));
                moments.push((*server, *index, &[1]));
            }
        }
        // What left at the same moment as something before stays behind it.
        self.respect_transitions(&mut moments);
        moments.sort_by_key(|(time, index, _)| (*time, *index));
        let flight = self
            .flights
            .map_or(0, |[client, server]| client.saturating_add(server));
        for (time, index, sides) in moments {
            let slots = self.slots(self.items.get(index).and_then(|item| item.packets));
            let since = self.now.map_or(0, |now| time.since(now)).max(0);
            let share = if flight > 0 {
                (since as f64 / flight as f64).min(1.0)
            } else {
                0.0
            };
            let on_lines = sides.iter().map(|side| self.lines[*side] + ROW);
            let height = on_lines.fold(self.lowest + FLIGHT * share, f64::max);
            (self.lowest, self.now) = (height, Some(time));
            let Some(item) = self.items.get_mut(index) else {
                continue;
            };
            let below = match &item.what {
                What::Arrow { label, .. } => label.len().saturating_sub(1) as f64 * LABEL_LINE,
                What::Run(_) | What::Words(_) | What::Silence(_) => 0.0,
            };
            for side in sides {
                item.at[*side] = height;
                let states = slots[*side].saturating_sub(1) as f64 * ROW;
                self.lines[*side] = height + states.max(below);
            }
        }
    }

    /// An endpoint's own numbers say in which order it changed its states: a segment that did so later than another one has not
    /// arrived before that, however short the flight of others was.
    fn respect_transitions(&self, moments: &mut [(Timestamp, usize, &[usize])]) {
        for role in [Role::Client, Role::Server] {
            let mut before: Option<(Timestamp, Option<PacketNumber>)> = None;
            for transition in &endpoint(self.connection, role).transitions {
                let moment = moments.iter_mut().find(|(_, index, sides)| {
                    let packets = self.items.get(*index).and_then(|item| item.packets);
                    sides.contains(&(role as usize))
                        && packets.is_some_and(|(first, _)| transition.packet == Some(first))
                });
                let Some((time, ..)) = moment else {
                    continue;
                };
                if let Some((last, by)) = before
                    && by != transition.packet
                {
                    *time = last.plus(1).max(*time);
                }
                before = Some((*time, transition.packet));
            }
        }
    }

    /// The states of one side with their heights; the last one has no end yet.
    fn bands(&self, role: Role, end: Timestamp) -> Vec<Band> {
        let side = endpoint(self.connection, role);
        let mut bands = vec![Band {
            entered: None,
            from: 0.0,
            to: 0.0,
            dwell: String::new(),
            not_kept: 0,
        }];
        for (index, transition) in side.transitions.iter().enumerate() {
            let place = match transition.packet {
                Some(packet) => item_of(&self.items, packet),
                None => self.items.iter().find(|item| {
                    item.packets.is_none()
                        && item.time == transition.at
                        && matches!(item.what, What::Words(_))
                }),
            };
            let wanted = place.map_or(0.0, |item| match item.what {
                What::Arrow { .. } | What::Words(_) | What::Silence(_) => item.at[role as usize],
                What::Run(_) => item.at[0] + 4.0,
            });
            let left = side.transitions.get(index + 1).map(|next| next.at);
            let not_kept = match side.transitions_folded {
                folded if index + 1 == FIRST_KEPT => folded,
                _ => 0,
            };
            let counted = !matches!(transition.to, State::Closed | State::Listen | State::Unknown);
            let held = left.unwrap_or(end).since(transition.at);
            let dwell = match (counted && not_kept == 0, left) {
                (true, Some(_)) if held > 0 => human_duration(held),
                (true, None) if held > 0 => format!("{}+", human_duration(held)),
                _ => String::new(),
            };
            if let Some(before) = bands.last_mut() {
                let from = wanted.max(before.from + ROW);
                before.to = from;
                bands.push(Band {
                    entered: Some(transition.clone()),
                    from,
                    to: from,
                    dwell,
                    not_kept,
                });
            }
        }
        bands
    }
}
