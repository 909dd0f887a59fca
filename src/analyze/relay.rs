//! On the way from the thread that reads to the table of connections: segments go over by the hundred, and where the machine
//! has a second processor, another thread tracks them meanwhile.
//!
//! The table gets the same segments in the same order either way, so what it tells does not depend on it.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

use super::Threads;
use crate::flow::{Batch, Flows, Keyer, Room};
use crate::segment::{Lean, Segment, Wide};

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
    /// Where a segment is read.
    place: Segment,
    batch: Batch,
    /// How many segments a batch gets.
    most: usize,
    way: Way<'scope>,
}

enum Way<'scope> {
    Here(Box<Here>),
    There(There<'scope>),
}

/// This thread tracks.
struct Here {
    flows: Flows,
    /// After so many segments more another thread does, if that is wanted.
    patience: Option<u64>,
}

/// Another thread tracks.
struct There<'scope> {
    full: SyncSender<Batch>,
    /// Those that it is through with, to be filled again.
    empty: Receiver<Batch>,
    thread: ScopedJoinHandle<'scope, Flows>,
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
            place: Segment::default(),
            batch: Batch::default(),
            most: FEW,
            way: Way::Here(Box::new(Here { flows, patience })),
        }
    }

    /// Where the next segment is to be written.
    #[inline]
    pub fn place(&mut self) -> &mut Segment {
        &mut self.place
    }

    /// Where the IPv6 addresses of the next lean segment are to be written.
    #[inline]
    pub fn wide(&mut self) -> &mut Wide {
        self.batch.wide()
    }

    /// Takes the segment that was written to its place, the next one in capture order.
    pub fn take(&mut self) {
        self.batch.add(&self.place, &self.keyer);
        self.took();
    }

    /// Takes the next segment in capture order.
    #[inline]
    pub fn take_lean(&mut self, lean: Lean) {
        self.batch.add_lean(lean, &self.keyer);
        self.took();
    }

    #[inline]
    fn took(&mut self) {
        if self.batch.len() == self.most {
            self.pass_on();
        }
    }

    /// The table, which has all of them then.
    pub fn finish(mut self) -> Flows {
        self.pass_on();
        match self.way {
            Way::Here(here) => here.flows,
            Way::There(There {
                full, empty, thread, ..
            }) => {
                drop((full, empty)); // it sees the end
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            }
        }
    }

    #[inline(never)]
    fn pass_on(&mut self) {
        match &mut self.way {
            Way::Here(here) => {
                let held = self.batch.len();
                here.flows.on_batch(&mut self.batch);
                if let Some(patience) = &mut here.patience {
                    match patience.checked_sub(held as u64) {
                        Some(left) => *patience = left,
                        None => self.begin(),
                    }
                }
            }
            Way::There(there) => {
                let next = there.empty.try_recv().unwrap_or_default();
                let batch = std::mem::replace(&mut self.batch, next);
                // Where nobody takes it, the other thread has panicked: finish() says so.
                let _ = there.full.send(batch);
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
        let (made, room) = sync_channel(0); // one waits to be taken
        let track = move || {
            let mut flows = table.recv().unwrap_or_default();
            flows.room_from(Some(room));
            while let Ok(mut batch) = batches.recv() {
                flows.on_batch(&mut batch);
                let _ = back.try_send(batch);
            }
            flows.room_from(None);
            flows
        };
        let thread = Builder::new().name("tracking".to_owned());
        if let Ok(thread) = thread.spawn_scoped(self.scope, track) {
            let _ = to.send(std::mem::take(&mut here.flows));
            let make_room = move || while made.send(Room::default()).is_ok() {};
            // Without it the table makes room itself.
            let _ = Builder::new()
                .name("making room".to_owned())
                .spawn_scoped(self.scope, make_room);
            self.most = MANY;
            self.way = Way::There(There { full, empty, thread });
        }
    }
}
