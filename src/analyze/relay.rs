//! On the way from the thread that reads to the table of connections: segments go over by the hundred, and where the machine
//! has a second processor, another thread tracks them meanwhile.
//!
//! The table gets the same segments in the same order either way, so what it tells does not depend on it.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

use super::Threads;
use crate::flow::{Flows, Keyed, Keyer, Lean};
use crate::segment::Segment;

/// Segments that go to the table at once: they stay in the processor's cache.
const FEW: usize = 128;
/// Segments that go over to another thread at once: each time costs microseconds.
const MANY: usize = 2048;
/// Batches that wait for the other thread at most.
const WAITING: usize = 2;
/// After so many segments it is worth it to begin another thread.
const PATIENCE: u64 = 1 << 12;

/// The way to the table, and the table.
pub(super) struct Relay<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    keyer: Keyer,
    way: Way<'scope>,
}

enum Way<'scope> {
    Here(Box<Here>),
    There(Box<There<'scope>>),
}

/// This thread tracks.
struct Here {
    flows: Flows,
    /// Places for segments, and how many of them hold one.
    batch: Vec<Keyed>,
    held: usize,
    /// After so many segments more another thread does, if that is wanted.
    patience: Option<u64>,
}

/// Another thread tracks.
struct There<'scope> {
    /// Where a segment is read.
    place: Keyed,
    batch: Batch,
    full: SyncSender<Batch>,
    /// Those that it is through with, to be filled again.
    empty: Receiver<Batch>,
    thread: ScopedJoinHandle<'scope, Flows>,
}

/// Segments on their way.
#[derive(Default)]
struct Batch {
    /// What most are.
    segments: Vec<Lean>,
    /// The others, and how many of `segments` each comes behind.
    others: Vec<Keyed>,
    behind: Vec<u32>,
}

impl<'scope, 'env> Relay<'scope, 'env> {
    pub fn new(scope: &'scope Scope<'scope, 'env>, flows: Flows, threads: Threads) -> Self {
        let processors = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let patience = match threads {
            Threads::One => None,
            Threads::Two => Some(0),
            Threads::Auto => (processors() > 1).then_some(PATIENCE),
        };
        Relay {
            scope,
            keyer: flows.keyer(),
            way: Way::Here(Box::new(Here {
                flows,
                batch: vec![Keyed::default(); FEW],
                held: 0,
                patience,
            })),
        }
    }

    /// Where the next segment is to be written.
    #[inline]
    pub fn place(&mut self) -> &mut Segment {
        match &mut self.way {
            Way::Here(here) => &mut here.batch[here.held].segment,
            Way::There(there) => &mut there.place.segment,
        }
    }

    /// Takes the segment that was written there, the next one in capture order.
    #[inline]
    pub fn take(&mut self) {
        match &mut self.way {
            Way::Here(here) => {
                self.keyer.key(&mut here.batch[here.held]);
                here.held += 1;
                if here.held == FEW {
                    self.pass_on_here();
                }
            }
            Way::There(there) => {
                self.keyer.key(&mut there.place);
                there.take();
            }
        }
    }

    /// The table, which has all of them then.
    pub fn finish(mut self) -> Flows {
        self.pass_on_here();
        match self.way {
            Way::Here(here) => here.flows,
            Way::There(mut there) => {
                there.pass_on();
                let There {
                    full, empty, thread, ..
                } = *there;
                drop((full, empty)); // it sees the end
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            }
        }
    }

    #[inline(never)]
    fn pass_on_here(&mut self) {
        let Way::Here(here) = &mut self.way else { return };
        let held = std::mem::take(&mut here.held);
        here.flows.on_segments(&here.batch[..held]);
        if let Some(patience) = &mut here.patience {
            match patience.checked_sub(held as u64) {
                Some(left) => *patience = left,
                None => self.begin(),
            }
        }
    }

    /// Moves the table to another thread. Where there can be none, it stays.
    fn begin(&mut self) {
        let Way::Here(here) = &mut self.way else { return };
        here.patience = None;
        // The table goes after the thread: what a thread that does not begin was given is lost.
        let (to, table) = sync_channel::<Flows>(1);
        let (full, batches) = sync_channel::<Batch>(WAITING);
        let (back, empty) = sync_channel(WAITING);
        let track = move || {
            let mut flows = table.recv().unwrap_or_default();
            let mut few = Vec::with_capacity(FEW);
            while let Ok(mut batch) = batches.recv() {
                batch.give(&mut flows, &mut few);
                let _ = back.try_send(batch);
            }
            flows
        };
        let thread = Builder::new().name("tracking".to_owned());
        if let Ok(thread) = thread.spawn_scoped(self.scope, track) {
            let _ = to.send(std::mem::take(&mut here.flows));
            self.way = Way::There(Box::new(There {
                place: Keyed::default(),
                batch: Batch::default(),
                full,
                empty,
                thread,
            }));
        }
    }
}

impl There<'_> {
    #[inline]
    fn take(&mut self) {
        match Lean::of(&self.place) {
            Some(lean) => self.batch.segments.push(lean),
            None => self.batch.add_other(&self.place),
        }
        if self.batch.len() == MANY {
            self.pass_on();
        }
    }

    #[inline(never)]
    fn pass_on(&mut self) {
        let next = self.empty.try_recv().unwrap_or_default();
        let batch = std::mem::replace(&mut self.batch, next);
        // Where nobody takes it, the other thread has panicked: finish() says so.
        let _ = self.full.send(batch);
    }
}

impl Batch {
    fn len(&self) -> usize {
        self.segments.len() + self.others.len()
    }

    #[cold]
    fn add_other(&mut self, other: &Keyed) {
        self.behind.push(self.segments.len() as u32); // of some thousand
        self.others.push(*other);
    }

    /// Gives all segments to the table, and is empty then. `few` is kept for its room.
    fn give(&mut self, flows: &mut Flows, few: &mut Vec<Keyed>) {
        let mut pass = |keyed: Keyed| {
            few.push(keyed);
            if few.len() == FEW {
                flows.on_segments(few);
                few.clear();
            }
        };
        let mut others = self.behind.iter().zip(&self.others).peekable();
        for (place, lean) in (0..).zip(&self.segments) {
            while let Some((_, other)) = others.next_if(|(behind, _)| **behind <= place) {
                pass(*other);
            }
            pass(lean.keyed());
        }
        others.for_each(|(_, other)| pass(*other));
        flows.on_segments(few);
        few.clear();
        self.segments.clear();
        self.others.clear();
        self.behind.clear();
    }
}
