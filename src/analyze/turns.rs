//! Reading in turns: where one plain file is read, a thread that has nothing to track copies what comes next while another one still
//! parses what comes before it, and parses it then.
//!
//! It is parsed in the order of the file, by one thread at a time, so what is told does not depend on who did it. Whoever copies a
//! window parses it, too: its octets are in that processor's cache.

use std::hint::spin_loop;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::relay::{Aside, Relay};
use super::{Reading, Run};
use crate::capture::{Window, Windows};
use crate::input::Timeline;

/// Windows that are parsed or wait for that, at most, where another one begins only to help.
const AT_ONCE: u64 = 2;
/// How often it is looked whether it is one's turn before one sleeps: parsing a window takes less than waking up.
const LOOKS: u32 = 1 << 12;

/// What whoever parses needs.
pub(super) struct Baton<'env, 'scope> {
    pub timeline: &'env mut Timeline,
    pub run: &'env mut Run,
    pub relay: Relay<'scope, 'env>,
}

impl<'env, 'scope> Baton<'env, 'scope> {
    /// Parses this window, the next one.
    pub fn parse(&mut self, window: &mut Window, progress: impl FnMut(u64)) -> ControlFlow<()> {
        let mut reading = Reading {
            run: self.run,
            relay: &mut self.relay,
            progress,
        };
        self.timeline.read_window(window, &mut reading)
    }

    /// Parses what is behind the last window.
    pub fn parse_behind(
        self,
        rest: impl FnOnce(u64) -> Box<dyn Read + Send>,
        progress: impl FnMut(u64),
    ) -> Relay<'scope, 'env> {
        let Baton {
            timeline,
            run,
            mut relay,
        } = self;
        let mut reading = Reading {
            run,
            relay: &mut relay,
            progress,
        };
        let _ = timeline.read_behind(rest, &mut reading);
        relay
    }
}

/// A file that is read in turns.
pub(super) struct Turns<'env, 'scope> {
    windows: Windows,
    turn: Mutex<Turn<'env, 'scope>>,
    /// The turn has passed on.
    passed: Condvar,
    /// The number of the window that is parsed, or is to be parsed next.
    next: AtomicU64,
}

struct Turn<'env, 'scope> {
    /// None while a window is parsed.
    baton: Option<Box<Baton<'env, 'scope>>>,
    /// How many windows were begun to be copied.
    begun: u64,
    /// Threads that sleep until the turn passes on.
    asleep: usize,
    /// No more windows are to be parsed.
    over: bool,
    /// A thread that parsed has panicked.
    failed: bool,
}

impl<'env, 'scope> Turns<'env, 'scope> {
    /// This file, which is the only one of the timeline.
    pub fn new(
        windows: Windows,
        timeline: &'env mut Timeline,
        run: &'env mut Run,
        relay: Relay<'scope, 'env>,
    ) -> Self {
        Turns {
            windows,
            turn: Mutex::new(Turn {
                baton: Some(Box::new(Baton { timeline, run, relay })),
                begun: 0,
                asleep: 0,
                over: false,
                failed: false,
            }),
            passed: Condvar::new(),
            next: AtomicU64::new(0),
        }
    }

    /// Reads all windows but those that others read meanwhile, and what is behind them.
    pub fn read(&self, mut progress: impl FnMut(u64)) -> Relay<'scope, 'env> {
        let mut window = Window::new();
        while self.take_turn(&mut window, u64::MAX, &mut progress) {}
        let mut turn = self.turn();
        let baton = loop {
            match turn.baton.take() {
                Some(baton) => break baton,
                None if turn.failed => panic!("a thread that read has panicked"),
                None => turn = self.wait(turn),
            }
        };
        drop(turn);
        baton.parse_behind(|offset| self.windows.rest(offset), progress)
    }

    fn take_turn(&self, window: &mut Window, at_once: u64, progress: &mut impl FnMut(u64)) -> bool {
        let mut turn = self.turn();
        let number = turn.begun;
        if turn.over || number.saturating_sub(self.next.load(Ordering::Relaxed)) >= at_once {
            return false;
        }
        turn.begun += 1;
        drop(turn);
        self.windows.read(number, window);
        let Some(mut baton) = self.baton(number) else {
            return false;
        };
        let failing = Failing(self);
        let flow = baton.parse(window, progress);
        drop(failing);
        let mut turn = self.turn();
        turn.baton = Some(baton);
        turn.over |= flow.is_break();
        self.next.store(number + 1, Ordering::Release);
        let somebody = turn.asleep > 0;
        drop(turn);
        if somebody {
            self.passed.notify_all();
        }
        true
    }

    /// The baton, once it is the turn of this window. None if that will not be.
    fn baton(&self, number: u64) -> Option<Box<Baton<'env, 'scope>>> {
        for _ in 0..LOOKS {
            if self.next.load(Ordering::Acquire) >= number {
                break;
            }
            spin_loop();
        }
        let mut turn = self.turn();
        loop {
            if turn.over {
                return None;
            }
            if self.next.load(Ordering::Relaxed) == number
                && let Some(baton) = turn.baton.take()
            {
                return Some(baton);
            }
            turn = self.wait(turn);
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn<'env, 'scope>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, mut turn: MutexGuard<'a, Turn<'env, 'scope>>) -> MutexGuard<'a, Turn<'env, 'scope>> {
        turn.asleep += 1;
        let mut turn = self.passed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        turn.asleep -= 1;
        turn
    }
}

impl Aside for Turns<'_, '_> {
    fn is_worth_it(&self) -> bool {
        false
    }

    fn help(&self, window: &mut Window) -> bool {
        self.take_turn(window, AT_ONCE, &mut |_| ())
    }
}

/// Where a thread panics that parses, all is over.
struct Failing<'a, 'env, 'scope>(&'a Turns<'env, 'scope>);

impl Drop for Failing<'_, '_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut turn = self.0.turn();
            (turn.failed, turn.over) = (true, true);
            self.0.passed.notify_all();
        }
    }
}
