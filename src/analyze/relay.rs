//! On the way from the thread that reads to the tables of connections: segments go over by the thousand, and where the machine
//! has more processors, other threads track them meanwhile.
//!
//! Each table gets the same batches of segments in the same order either way, so what they tell does not depend on it.

use std::mem::take;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

use super::Threads;
use super::crew::Crew;
use crate::capture::Window;
use crate::flow::{Batch, Flows, Shards, Sorter};
use crate::segment::{Lean, Segment, Wide};

/// Segments that go to a table at once, several of most connections among them: they stay in the processor's cache, and to hand them
/// over to another thread costs microseconds. As many whoever tracks: a table takes a batch in an order of its own.
const MANY: usize = 1024;
/// After so many segments it is worth it to begin another thread.
const PATIENCE: u64 = 1 << 12;
/// With more threads than this some would find no table that is free.
const MOST_THREADS: usize = 8;

/// The way to the tables, and the tables.
pub(super) struct Relay<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    /// Where a segment is read.
    place: Segment,
    sorter: Sorter,
    way: Way<'scope>,
    /// What the other threads do while they have nothing to track.
    aside: Option<Weak<dyn Aside + 'scope>>,
    crews: Crews,
}

/// What a thread can do that has nothing to track.
pub(super) trait Aside: Send + Sync {
    /// Whether that is worth it while those who track are not quick enough, too.
    fn is_worth_it(&self) -> bool;

    /// Does some of it, in this thread's own window. False if there is nothing to do, for now.
    fn help(&self, window: &mut Window) -> bool;
}

/// Those who track besides the thread that reads, once there are any.
#[derive(Clone, Default)]
pub(super) struct Crews(Arc<OnceLock<Arc<Crew<Flows>>>>);

impl Crews {
    /// Whether there are any.
    pub fn begun(&self) -> bool {
        self.0.get().is_some()
    }

    /// Tells them that there is something else to do.
    pub fn wake(&self) {
        if let Some(crew) = self.0.get() {
            crew.wake();
        }
    }

    /// Tracks some of what waits for them. False if nothing does.
    pub fn help_once(&self) -> bool {
        self.0.get().is_some_and(|crew| crew.help_once())
    }
}

enum Way<'scope> {
    Here(Here),
    There(There<'scope>),
}

/// This thread tracks.
struct Here {
    shards: Shards,
    /// After so many segments more other threads do, if that is wanted, and how many of them.
    patience: Option<(u64, usize)>,
}

/// Other threads track.
struct There<'scope> {
    crew: Arc<Crew<Flows>>,
    threads: Vec<ScopedJoinHandle<'scope, ()>>,
}

impl Drop for There<'_> {
    /// Where this thread panics, the others end, too.
    fn drop(&mut self) {
        self.crew.end();
    }
}

impl<'scope, 'env> Relay<'scope, 'env> {
    pub fn new(scope: &'scope Scope<'scope, 'env>, shards: Shards, threads: Threads) -> Self {
        let processors = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let (patience, threads) = match threads {
            Threads::Auto => (PATIENCE, processors()),
            Threads::Exactly(threads) => (0, threads),
        };
        let others = threads.min(MOST_THREADS).saturating_sub(1);
        Relay {
            scope,
            place: Segment::default(),
            sorter: Sorter::new(&shards),
            way: Way::Here(Here {
                shards,
                patience: (others > 0).then_some((patience, others)),
            }),
            aside: None,
            crews: Crews::default(),
        }
    }

    /// Whether other threads may begin to track.
    pub fn may_have_help(&self) -> bool {
        matches!(&self.way, Way::Here(here) if here.patience.is_some())
    }

    /// Those that will begin.
    pub fn crew(&self) -> Crews {
        self.crews.clone()
    }

    /// Those that will begin do this, too.
    pub fn let_help(&mut self, aside: Weak<dyn Aside + 'scope>) {
        self.aside = Some(aside);
    }

    /// Where the next segment is to be written.
    #[inline]
    pub fn place(&mut self) -> &mut Segment {
        &mut self.place
    }

    /// Where the IPv6 addresses of the next lean segment are to be written.
    #[inline]
    pub fn wide(&mut self) -> &mut Wide {
        self.sorter.wide()
    }

    /// Takes the segment that was written to its place, the next one in capture order.
    pub fn take(&mut self) {
        let table = self.sorter.add(&self.place);
        self.took(table);
    }

    /// Takes the next segment in capture order, which came over IPv4.
    #[inline(always)]
    pub fn take_lean(&mut self, lean: Lean) {
        let table = self.sorter.add_lean(lean);
        self.took(table);
    }

    /// As [`Relay::take_lean`], over IPv6.
    #[inline]
    pub fn take_wide(&mut self, lean: Lean) {
        let table = self.sorter.add_wide(lean);
        self.took(table);
    }

    #[inline(always)]
    fn took(&mut self, table: usize) {
        if let Some(batch) = self.sorter.batches().get_mut(table)
            && batch.len() == MANY
        {
            self.way.pass_on(table, batch);
            self.look_at_patience();
        }
    }

    /// The tables, which have all segments then.
    pub fn finish(mut self) -> Shards {
        for (table, batch) in self.sorter.batches().iter_mut().enumerate() {
            self.way.pass_on(table, batch);
        }
        match self.way {
            Way::Here(here) => here.shards,
            Way::There(mut there) => {
                there.crew.end();
                there.crew.help();
                for thread in take(&mut there.threads) {
                    thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                }
                Shards::from(there.crew.tables())
            }
        }
    }

    #[inline]
    fn look_at_patience(&mut self) {
        if let Way::Here(Here {
            patience: Some((left, threads)),
            ..
        }) = &mut self.way
        {
            match left.checked_sub(MANY as u64) {
                Some(less) => *left = less,
                None => {
                    let threads = *threads;
                    self.begin(threads);
                }
            }
        }
    }

    /// Moves the tables to where other threads find them. Where there can be none, they stay.
    fn begin(&mut self, threads: usize) {
        let Way::Here(here) = &mut self.way else { return };
        here.patience = None;
        let tables = take(here.shards.tables()).into_iter();
        let crew = Arc::new(Crew::new(tables, threads));
        let begun = (0..threads).map_while(|_| {
            let crew = Arc::clone(&crew);
            let thread = Builder::new().name("tracking".to_owned());
            let (aside, mut window) = (self.aside.clone(), Window::new());
            let help = move |in_time| {
                let aside = aside.as_ref().and_then(Weak::upgrade);
                aside.is_some_and(|aside| (in_time || aside.is_worth_it()) && aside.help(&mut window))
            };
            thread.spawn_scoped(self.scope, move || crew.work(help)).ok()
        });
        let threads: Vec<_> = begun.collect();
        if threads.is_empty() {
            here.shards = Shards::from(crew.tables());
            return;
        }
        let _ = self.crews.0.set(Arc::clone(&crew)); // they begin once
        self.way = Way::There(There { crew, threads });
    }
}

impl Way<'_> {
    /// Leaves the batch empty.
    #[inline(never)]
    fn pass_on(&mut self, table: usize, batch: &mut Batch) {
        match self {
            Way::Here(here) => {
                if let Some(flows) = here.shards.tables().get_mut(table) {
                    flows.on_batch(batch);
                }
            }
            Way::There(there) => *batch = there.crew.give(table, take(batch)),
        }
    }
}
