//! Connections of which there is nothing to tell but what is usual: how their trackers show it.

use super::evidence::{Evidence, Mark, Transition};
use super::packed::packed;
use super::state::{Event, State};
use super::{Role, RolesFrom, Tracker};
use crate::segment::Endpoint;
use crate::time::Timestamp;

/// A connection of which its [`Course`] tells all. It is the first and the last of its 4-tuple.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    /// Number.
    pub number: u64,
    /// Who sent the SYN.
    pub client: Endpoint,
    /// Who answered it.
    pub server: Endpoint,
    /// When the SYN came.
    pub began: Timestamp,
    /// What became of it.
    pub course: Course,
    /// The capture began when it was open already; it was closed since then.
    pub midstream: bool,
    /// The snap length cut some of its segments.
    pub cut: bool,
}

/// What became of a connection without a flaw of the capture and without any event. It began with a handshake, unless nobody
/// accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course<C = UsualClose> {
    /// The client has acknowledged the SYN-ACK, but nothing of the server shows that it knows; no data waits for an answer.
    Opened,
    /// Both ends are open, and no data waits for an answer.
    Open,
    /// It was closed as most are.
    Closed(C),
    /// While it was open, and all data of its peer was acknowledged, one end sent a RST that the other one accepts.
    Reset,
    /// One SYN, and a RST that answers it.
    Refused,
    /// One SYN.
    Unanswered,
}

impl<C> Course<C> {
    /// The same, with what this makes of its close.
    pub fn map<D>(self, close: impl FnOnce(C) -> D) -> Course<D> {
        match self {
            Course::Opened => Course::Opened,
            Course::Open => Course::Open,
            Course::Closed(it) => Course::Closed(close(it)),
            Course::Reset => Course::Reset,
            Course::Refused => Course::Refused,
            Course::Unanswered => Course::Unanswered,
        }
    }
}

/// A FIN, its acknowledgment with the other FIN or before it, and the acknowledgment of that one. Times are capture times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsualClose {
    /// Who closed first: it went through FIN-WAIT-1 and FIN-WAIT-2 into TIME-WAIT.
    pub closer: Role,
    /// Its FIN: the other side entered CLOSE-WAIT.
    pub fin: Timestamp,
    /// The other FIN: LAST-ACK, and TIME-WAIT of who closed first.
    pub other_fin: Timestamp,
}

packed!(struct UsualClose { closer, fin, other_fin });

/// Of most connections nothing but this is ever looked at again: it stands before the rest of a packed tracker.
#[derive(Clone, Copy, Debug)]
pub struct Digest {
    /// Client and server.
    pub addresses: [Endpoint; 2],
    /// The first packet.
    pub first: Mark,
    /// None if there is more to tell.
    pub course: Option<Course>,
    /// Its beginning was not captured.
    pub midstream: bool,
    /// The snap length cut some of its segments.
    pub cut: bool,
}

impl Digest {
    /// None if there is more to tell.
    pub fn usual(&self, number: u64) -> Option<Usual> {
        let [client, server] = self.addresses;
        Some(Usual {
            number,
            client,
            server,
            began: self.first.time,
            course: self.course?,
            midstream: self.midstream,
            cut: self.cut,
        })
    }
}

/// The steps of client and server through the handshake.
const OPENED: [[(State, Evidence); 2]; 2] = [
    [
        (State::SynSent, Evidence::Sent),
        (State::Established, Evidence::Confirmed),
    ],
    [
        (State::SynReceived, Evidence::Sent),
        (State::Established, Evidence::Confirmed),
    ],
];
/// The step of an end whose handshake was not captured.
const MET: [(State, Evidence); 1] = [(State::Established, Evidence::Inferred)];
/// That of a client whose SYN was not accepted.
const TRIED: [(State, Evidence); 1] = [(State::SynSent, Evidence::Sent)];
/// Those of who closes first, and of the other side until the last acknowledgment, which is never answered.
const FIRST: [(State, Evidence); 3] = [
    (State::FinWait1, Evidence::Sent),
    (State::FinWait2, Evidence::Confirmed),
    (State::TimeWait, Evidence::Confirmed),
];
const SECOND: [(State, Evidence); 2] = [
    (State::CloseWait, Evidence::Confirmed),
    (State::LastAck, Evidence::Sent),
];

impl Tracker {
    /// What is looked at once more of most.
    pub fn digest(&self) -> Digest {
        Digest {
            addresses: self.addresses,
            first: self.first,
            course: self.usual_course(),
            midstream: self.midstream,
            cut: self.cut > 0,
        }
    }

    /// None if there is more to tell of it. It must be the first and the last life of its 4-tuple.
    fn usual_course(&self) -> Option<Course> {
        let opening = &self.opening;
        let whole = self.incarnation == 0
            && !self.aside.is_there()
            && self.duplicates == 0
            && self.time_steps_back == 0
            && !opening.syn.iter().flatten().any(|syn| syn.cut)
            && self
                .streams
                .iter()
                .all(|stream| stream.missed == 0 && stream.owes.open().is_none());
        if !whole {
            return None;
        }
        let [(client, to_client), (server, to_server)] = [self.ends[0].smooth()?, self.ends[1].smooth()?];
        let opened: [&[_]; 2] = match (self.roles_from, opening.syn[0], opening.syn_ack) {
            (RolesFrom::Syn, Some(syn), Some(answer)) if syn.first.packet < answer.packet => {
                OPENED.each_ref().map(<[_; 2]>::as_slice)
            }
            (RolesFrom::Syn, Some(syn), None) => {
                let refused = to_client.iter().any(|arrival| arrival.event == Event::RcvRst);
                let once = syn.copies == 0 && self.streams.iter().all(|stream| stream.packets == 1);
                let alone = to_client.len() == 1 && server.is_empty() && to_server.is_empty();
                let only_tried = behind(client, &TRIED)?.is_empty();
                return (refused && once && alone && only_tried).then_some(Course::Refused);
            }
            (RolesFrom::Guess, None, None) if opening.syn[1].is_none() => [&MET; 2],
            _ => return None,
        };
        let (client, server) = (behind(client, opened[0])?, behind(server, opened[1])?);
        if client.is_empty() && server.is_empty() {
            let goes_on = !self.midstream && to_client.is_empty() && to_server.is_empty();
            return (goes_on && self.streams.iter().all(|stream| stream.fin().is_none()))
                .then_some(Course::Open);
        }
        let (closer, first, second, to_first, to_second) = match client.len() {
            3 => (Role::Client, client, server, to_client, to_server),
            _ => (Role::Server, server, client, to_server, to_client),
        };
        let (Some([]), Some([])) = (behind(first, &FIRST), behind(second, &SECOND)) else {
            return None;
        };
        let ([.., time_wait], [close_wait, last_ack], [], [last]) = (first, second, to_first, to_second)
        else {
            return None;
        };
        let acknowledged = self
            .streams
            .iter()
            .all(|stream| match (stream.fin(), stream.una) {
                (Some(fin), Some(una)) => !fin.inferred && una.at_or_after(fin.covered_by()),
                _ => false,
            });
        let ended = last.event == Event::RcvAckOfFin && !last.inferred && !last.doubtful;
        (acknowledged && ended && time_wait.at == last_ack.at).then_some(Course::Closed(UsualClose {
            closer,
            fin: close_wait.at,
            other_fin: last_ack.at,
        }))
    }
}

/// What comes behind these steps, if they are the first ones and time goes on from step to step.
fn behind<'a>(steps: &'a [Transition], first: &[(State, Evidence)]) -> Option<&'a [Transition]> {
    let (begin, rest) = steps.split_at_checked(first.len())?;
    let same = begin
        .iter()
        .zip(first)
        .all(|(step, expected)| (step.to, step.evidence) == *expected);
    let known = |step: &Transition| step.latest.is_none_or(|latest| step.at <= latest);
    let goes_on = steps.iter().all(known) && steps.is_sorted_by_key(|step| step.at);
    (same && goes_on).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Flags, Segment};
    use crate::tracker::calm::tests::{Step, segments};
    use crate::tracker::textbook::tests::said;

    const FIN: u16 = Flags::FIN | Flags::ACK;

    /// The tracker of a connection with one request and these steps, whose request was lost once and sent again.
    fn tracker(steps: &[Step]) -> Tracker {
        let request = [said(true, 100, Flags::ACK), said(false, 700, Flags::ACK)];
        let story: Vec<Step> = request.into_iter().chain(steps.iter().cloned()).collect();
        let mut story = segments(&story, true, true);
        let again = Segment {
            ip_id: Some(u16::MAX),
            ..story[3]
        };
        story.insert(4, again);
        let mut tracker = Tracker::new(&story[0], 0);
        for (packet, seg) in (1..).zip(story) {
            tracker.on_segment(&Segment { packet, ..seg });
        }
        assert_eq!(tracker.streams[0].retransmitted, 1);
        tracker
    }

    #[test]
    fn what_was_sent_again_is_usual() {
        let ack = said(true, 0, Flags::ACK);
        assert_eq!(
            tracker(std::slice::from_ref(&ack)).digest().course,
            Some(Course::Open)
        );
        for closer in [true, false] {
            let close = [
                ack.clone(),
                said(closer, 0, FIN),
                said(!closer, 0, FIN),
                said(closer, 0, Flags::ACK),
            ];
            let tracker = tracker(&close);
            let closed = Course::Closed(UsualClose {
                closer: if closer { Role::Client } else { Role::Server },
                fin: Timestamp::from_ns(7_000_000),
                other_fin: Timestamp::from_ns(8_000_000),
            });
            assert_eq!(tracker.digest().course, Some(closed));
            let mut packed = Vec::new();
            assert!(tracker.pack(&mut packed));
            let digest = Tracker::unpack_digest(&packed).expect("packed");
            assert_eq!(format!("{digest:?}"), format!("{:?}", tracker.digest()));
        }
    }

    #[test]
    fn what_is_not_told_by_its_course_has_none() {
        let ack = said(true, 0, Flags::ACK);
        let (fin, rst) = (said(true, 0, FIN), said(true, 0, Flags::RST | Flags::ACK));
        let stories: [&[Step]; 6] = [
            // Data that waits for an answer, half-closed, closing without the last acknowledgment, reset, closed at once, and
            // numbers that fit nothing.
            &[],
            &[ack.clone(), fin.clone(), said(false, 0, Flags::ACK)],
            &[ack.clone(), fin.clone(), said(false, 0, FIN)],
            &[ack.clone(), rst],
            &[
                ack.clone(),
                fin,
                Step {
                    ack_off: -1,
                    ..said(false, 0, FIN)
                },
                ack.clone(),
                said(false, 0, Flags::ACK),
            ],
            &[
                ack.clone(),
                Step {
                    seq_off: 1 << 24,
                    ..said(true, 9, Flags::ACK)
                },
            ],
        ];
        for story in stories {
            assert_eq!(tracker(story).digest().course, None, "{story:?}");
        }
    }
}
