//! On the way from the thread that reads to the table of connections: segments go over by the hundred, and where the machine
//! has a second processor, another thread tracks them meanwhile.
//!
//! The table gets the same segments in the same order either way, so what it tells does not depend on it.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

use super::Threads;
use crate::flow::{Flows, Keyed, Keyer};
use crate::segment::Segment;

/// Segments that go over at once within a thread: they stay in the processor's cache.
const FEW: usize = 256;
/// Segments that go over to another thread at once: each time costs microseconds.
const MANY: usize = 1024;
/// Batches that wait for the other thread at most.
const WAITING: usize = 2;
/// After so many batches it is worth it to begin another thread.
const PATIENCE: u32 = 16;

/// The way to the table, and the table.
pub(super) struct Relay<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    /// Places of a batch, and how many of them hold segments of it.
    batch: Vec<Keyed>,
    held: usize,
    keyer: Keyer,
    way: Way<'scope>,
}

enum Way<'scope> {
    /// This thread tracks; after so many batches more another one does, if that is wanted.
    Here(Flows, Option<u32>),
    There(There<'scope>),
}

/// The other thread.
struct There<'scope> {
    full: SyncSender<(Vec<Keyed>, usize)>,
    /// Those that it is through with, to be filled again.
    empty: Receiver<Vec<Keyed>>,
    thread: ScopedJoinHandle<'scope, Flows>,
}

impl<'scope, 'env> Relay<'scope, 'env> {
    pub fn new(scope: &'scope Scope<'scope, 'env>, flows: Flows, threads: Threads) -> Self {
        let processors = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let batches_more = match threads {
            Threads::One => None,
            Threads::Two => Some(0),
            Threads::Auto => (processors() > 1).then_some(PATIENCE),
        };
        Relay {
            scope,
            batch: vec![Keyed::default(); FEW],
            held: 0,
            keyer: flows.keyer(),
            way: Way::Here(flows, batches_more),
        }
    }

    /// Where the next segment is to be written.
    #[inline]
    pub fn place(&mut self) -> &mut Segment {
        &mut self.batch[self.held].segment
    }

    /// Takes the segment that was written there, the next one in capture order.
    #[inline]
    pub fn take(&mut self) {
        self.keyer.key(&mut self.batch[self.held]);
        self.held += 1;
        if self.held == self.batch.len() {
            self.pass_on();
        }
    }

    /// The table, which has all of them then.
    pub fn finish(mut self) -> Flows {
        self.pass_on();
        match self.way {
            Way::Here(flows, _) => flows,
            Way::There(There { full, empty, thread }) => {
                drop((full, empty)); // it sees the end
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            }
        }
    }

    #[inline(never)]
    fn pass_on(&mut self) {
        let held = std::mem::take(&mut self.held);
        match &mut self.way {
            Way::Here(flows, batches_more) => {
                flows.on_segments(&self.batch[..held]);
                match batches_more {
                    Some(0) => self.begin(),
                    Some(more) => *more -= 1,
                    None => {}
                }
            }
            Way::There(there) => {
                let next = there.empty.try_recv();
                let next = next.unwrap_or_else(|_| vec![Keyed::default(); MANY]);
                let batch = std::mem::replace(&mut self.batch, next);
                // Where nobody takes it, the other thread has panicked: finish() says so.
                let _ = there.full.send((batch, held));
            }
        }
    }

    /// Moves the table to another thread. Where there can be none, it stays.
    fn begin(&mut self) {
        let Way::Here(flows, batches_more) = &mut self.way else {
            return;
        };
        *batches_more = None;
        // The table goes after the thread: what a thread that does not begin was given is lost.
        let (to, table) = sync_channel::<Flows>(1);
        let (full, batches) = sync_channel::<(Vec<Keyed>, usize)>(WAITING);
        let (back, empty) = sync_channel(WAITING);
        let track = move || {
            let mut flows = table.recv().unwrap_or_default();
            while let Ok((batch, held)) = batches.recv() {
                flows.on_segments(&batch[..held]);
                let _ = back.try_send(batch);
            }
            flows
        };
        if let Ok(thread) = Builder::new()
            .name("tracking".to_owned())
            .spawn_scoped(self.scope, track)
        {
            let _ = to.send(std::mem::take(flows));
            self.way = Way::There(There { full, empty, thread });
            self.batch = vec![Keyed::default(); MANY];
        }
    }
}
