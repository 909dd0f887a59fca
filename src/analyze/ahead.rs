//! Unpacking ahead: where one compressed file is read, a thread unpacks what comes next while another one parses and tracks what
//! comes before it.
//!
//! Windows are unpacked in their order, by one thread at a time, and parsed so, too: what is told does not depend on who did it.
//! The thread that reads unpacks as long as there is room for what it makes, because a decoder has a memory that is best kept in
//! one processor's cache; the others parse what it made, and track.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Run;
use super::relay::{Aside, Crews, Relay};
use super::turns::Baton;
use crate::capture::{Unpacker, Window};
use crate::input::Timeline;

/// Windows that wait to be parsed, at most.
const READY: usize = 4;

/// A compressed file that is read by several threads.
pub(super) struct Ahead<'env, 'scope> {
    desk: Mutex<Desk<'env, 'scope>>,
    /// Something was parsed or unpacked.
    done: Condvar,
    /// Those who track.
    crew: Crews,
}

struct Desk<'env, 'scope> {
    /// None while a window is parsed.
    baton: Option<Box<Baton<'env, 'scope>>>,
    /// None while a window is unpacked.
    unpacker: Option<Box<Unpacker>>,
    /// Windows to be parsed, in their order.
    ready: VecDeque<Window>,
    /// Others, to be filled again.
    empty: Vec<Window>,
    /// The last window was unpacked.
    all_unpacked: bool,
    /// No more windows are to be parsed.
    over: bool,
    /// Somebody waits for others to be done.
    waits: bool,
    /// A thread that unpacked or parsed has panicked.
    failed: bool,
}

impl<'env, 'scope> Ahead<'env, 'scope> {
    /// This file, which is the only one of the timeline.
    pub fn new(
        unpacker: Unpacker,
        timeline: &'env mut Timeline,
        run: &'env mut Run,
        relay: Relay<'scope, 'env>,
    ) -> Self {
        Ahead {
            crew: relay.crew(),
            desk: Mutex::new(Desk {
                baton: Some(Box::new(Baton { timeline, run, relay })),
                unpacker: Some(Box::new(unpacker)),
                ready: VecDeque::new(),
                empty: Vec::new(),
                all_unpacked: false,
                over: false,
                waits: false,
                failed: false,
            }),
            done: Condvar::new(),
        }
    }

    /// Reads all windows but those that others read meanwhile, and what is behind them.
    pub fn read(&self, mut progress: impl FnMut(u64)) -> Relay<'scope, 'env> {
        let (unpacker, baton) = loop {
            if self.crew.begun() && self.unpack() || self.parse(&mut progress) || self.unpack() {
                continue;
            }
            let mut desk = self.desk();
            assert!(!desk.failed, "a thread that read has panicked");
            if desk.over {
                match (desk.unpacker.take(), desk.baton.take()) {
                    (Some(unpacker), Some(baton)) => break (unpacker, baton),
                    (unpacker, baton) => (desk.unpacker, desk.baton) = (unpacker, baton),
                }
            } else if desk.can_unpack() || desk.can_parse() {
                continue;
            } else {
                drop(desk);
                if self.crew.help_once() {
                    continue;
                }
                desk = self.desk();
            }
            desk.waits = desk.is_at_work();
            while desk.waits {
                desk = self.done.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
        };
        baton.parse_behind(|_| unpacker, progress)
    }

    /// Unpacks the next window, if nobody else does and there is room for it.
    fn unpack(&self) -> bool {
        let mut desk = self.desk();
        if !desk.can_unpack() {
            return false;
        }
        let Some(mut unpacker) = desk.unpacker.take() else {
            return false;
        };
        let mut window = desk.empty.pop().unwrap_or_default();
        drop(desk);
        let failing = Failing(self);
        unpacker.read(&mut window);
        drop(failing);
        let mut desk = self.desk();
        desk.all_unpacked = !window.is_full();
        desk.ready.push_back(window);
        desk.unpacker = Some(unpacker);
        self.tell(desk);
        self.crew.wake();
        true
    }

    /// Parses the next window, if there is one and nobody else parses.
    fn parse(&self, progress: impl FnMut(u64)) -> bool {
        let mut desk = self.desk();
        if !desk.can_parse() {
            return false;
        }
        let (Some(mut baton), Some(mut window)) = (desk.baton.take(), desk.ready.pop_front()) else {
            return false;
        };
        drop(desk);
        let failing = Failing(self);
        let flow = baton.parse(&mut window, progress);
        drop(failing);
        let mut desk = self.desk();
        desk.over |= flow.is_break();
        desk.empty.push(window);
        desk.baton = Some(baton);
        self.tell(desk);
        true
    }

    fn desk(&self) -> MutexGuard<'_, Desk<'env, 'scope>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was done.
    fn tell(&self, mut desk: MutexGuard<'_, Desk<'env, 'scope>>) {
        if std::mem::take(&mut desk.waits) {
            drop(desk);
            self.done.notify_all();
        }
    }
}

impl Desk<'_, '_> {
    fn can_unpack(&self) -> bool {
        self.unpacker.is_some() && self.ready.len() < READY && !self.all_unpacked && !self.over
    }

    fn can_parse(&self) -> bool {
        self.baton.is_some() && !self.ready.is_empty() && !self.over
    }

    /// Whether somebody unpacks or parses, who will tell when that is done.
    fn is_at_work(&self) -> bool {
        self.unpacker.is_none() || self.baton.is_none()
    }
}

impl Aside for Ahead<'_, '_> {
    fn is_worth_it(&self) -> bool {
        true
    }

    fn help(&self, _: &mut Window) -> bool {
        self.parse(|_| ()) || self.unpack()
    }
}

/// Where a thread panics that unpacks or parses, all is over.
struct Failing<'a, 'env, 'scope>(&'a Ahead<'env, 'scope>);

impl Drop for Failing<'_, '_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut desk = self.0.desk();
            (desk.failed, desk.over) = (true, true);
            desk.waits = true;
            self.0.tell(desk);
        }
    }
}
