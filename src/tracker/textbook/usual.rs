//! What there is to tell of a connection by the book that is open, or was closed as most are, or reset, read off its telling
//! segments.
//!
//! It is what the tracker would tell, and a test holds both equal.

use super::{Phase, TIMESTAMPS, Textbook, Told};
use crate::segment::Flags;
use crate::seq::Seq;
use crate::tracker::evidence::Mark;
use crate::tracker::{Course, UsualClose};

impl Textbook {
    /// What became of the connection, which began with this SYN; none if there is more to tell of it.
    pub fn usual_course(&self, syn: Mark) -> Option<Course> {
        let closing = self.closing();
        let owes = self.sides.iter().any(|side| side.owes());
        match self.phase {
            Phase::Acknowledged => return (!owes).then_some(Course::Opened),
            Phase::Open => return (!owes).then_some(Course::Open),
            Phase::Answered | Phase::Closing | Phase::Reset => {}
        }
        if let (Phase::Reset, Some(_), [reset]) = (self.phase, self.shown, closing) {
            let peer = &self.sides[reset.from().other() as usize];
            // What was not acknowledged may be lost; and who owed an answer may not have been there any more.
            return (peer.is_acknowledged() && !owes).then_some(Course::Reset);
        }
        let (Some(_), [first, second, rest @ ..]) = (self.shown, closing) else {
            return None;
        };
        let closer = first.from();
        let next = self.next();
        let (own, other) = (next[closer as usize], next[closer.other() as usize]);
        let (other_fin, last) = match rest {
            [last] if second.is(Flags::FIN) => (second, last),
            [third, last] if !second.is(Flags::FIN) && third.is(Flags::FIN) => (third, last),
            _ => return None,
        };
        let answers =
            |told: &Told, acknowledges: Seq| told.is(Flags::ACK) && Seq(told.raw_ack) == acknowledges;
        let usual = first.is(Flags::FIN)
            && last.from() == closer
            && !last.is(Flags::FIN)
            && [second, other_fin]
                .iter()
                .all(|told| told.from() != closer && answers(told, own))
            && answers(last, other)
            && !closing.iter().any(|told| told.is(Flags::RST))
            && self.clocks_go_on(closing);
        let time = |told: &Told| told.mark(syn).time;
        usual.then(|| {
            Course::Closed(UsualClose {
                closer,
                fin: time(first),
                other_fin: time(other_fin),
            })
        })
    }

    /// Each of these segments has a timestamp that is not older than those of its sender before, or none has one.
    fn clocks_go_on(&self, closing: &[Told]) -> bool {
        let mut newest = self.sides.each_ref().map(|side| Seq(side.ts_recent()));
        closing.iter().all(|told| {
            let newest = &mut newest[told.from() as usize];
            let value = Seq(told.timestamps.0);
            let goes_on = !value.before(*newest);
            if told.is(TIMESTAMPS) {
                *newest = value;
            }
            told.is(TIMESTAMPS) == self.timestamps && (goes_on || !self.timestamps)
        })
    }
}
