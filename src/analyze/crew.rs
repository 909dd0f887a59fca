//! Threads that track: each takes the table for which most segments wait, and nobody else works on it meanwhile.
//!
//! A table gets its segments in their order, whoever gives them to it, so what it tells does not depend on that. The thread
//! that reads lends a hand as long as too many wait.

use std::mem::take;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::flow::{Batch, Flows};

/// Batches that may wait for each thread.
const WAITING: usize = 8;
/// After so many batches for which the crew was quick enough it has time for something else.
const IN_TIME: usize = 128;
/// For fewer nobody is woken: waking takes time, too.
const WORTH_WAKING: usize = 4;

/// What segments are given to.
pub(super) trait Table: Send {
    /// Segments in their order.
    type Batch: Default + Send;

    /// Takes these and leaves the batch empty.
    fn take(&mut self, batch: &mut Self::Batch);

    /// Does what is to be done once no more segments come.
    fn end(&mut self);
}

impl Table for Flows {
    type Batch = Batch;

    fn take(&mut self, batch: &mut Batch) {
        self.on_batch(batch);
    }

    fn end(&mut self) {
        self.settle_all();
    }
}

/// Tables, and the segments that wait for them.
pub(super) struct Crew<T: Table> {
    board: Mutex<Board<T>>,
    /// There is more to do, or all is over.
    work: Condvar,
    /// Fewer batches wait.
    room: Condvar,
}

struct Board<T: Table> {
    desks: Vec<Desk<T>>,
    /// Batches at all of them.
    waiting: usize,
    /// How many may wait.
    most: usize,
    /// Threads that have nothing to do.
    idle: usize,
    /// Whoever gives waits for room.
    gives_in_vain: bool,
    /// Batches that were given since too many waited.
    in_time: usize,
    /// There may be something else to do again.
    news: bool,
    /// Batches to be filled again.
    empty: Vec<T::Batch>,
    /// No more segments come.
    over: bool,
    /// A table has panicked.
    failed: bool,
}

/// A table, and batches that wait for it.
struct Desk<T: Table> {
    /// None while somebody works on it.
    table: Option<Box<T>>,
    batches: Vec<T::Batch>,
    /// It has done what is done last, or somebody does it.
    ended: bool,
}

/// A table that this thread works on.
struct Job<T: Table> {
    desk: usize,
    table: Box<T>,
    batches: Vec<T::Batch>,
    /// No more come.
    last: bool,
}

impl<T: Table> Crew<T> {
    /// For so many threads besides the one that reads.
    pub fn new(tables: impl Iterator<Item = T>, threads: usize) -> Crew<T> {
        let desks = tables.map(|table| Desk {
            table: Some(Box::new(table)),
            batches: Vec::new(),
            ended: false,
        });
        Crew {
            board: Mutex::new(Board {
                desks: desks.collect(),
                waiting: 0,
                most: threads.saturating_mul(WAITING),
                idle: 0,
                gives_in_vain: false,
                in_time: 0,
                news: false,
                empty: Vec::new(),
                over: false,
                failed: false,
            }),
            work: Condvar::new(),
            room: Condvar::new(),
        }
    }

    /// Gives segments to a table, and an empty batch for them. Works itself while too many wait.
    pub fn give(&self, desk: usize, batch: T::Batch) -> T::Batch {
        let mut board = self.board();
        if let Some(desk) = board.desks.get_mut(desk) {
            desk.batches.push(batch);
            board.waiting += 1;
            board.in_time += 1;
        }
        if board.idle > 0 && board.waiting >= WORTH_WAKING {
            self.work.notify_one();
        }
        // What a thread that has panicked leaves is of no use: finishing says so.
        while board.waiting > board.most && !board.failed {
            board.in_time = 0;
            board = match board.next_job() {
                Some(job) => self.does(job, board),
                None => {
                    board.gives_in_vain = true;
                    wait(&self.room, board)
                }
            };
        }
        board.empty.pop().unwrap_or_default()
    }

    /// What a thread of the crew does until all is over. While there is nothing to do it does something else, `aside`, as long as
    /// that is of use. That one is told whether the crew was quick enough for a while.
    pub fn work(&self, mut aside: impl FnMut(bool) -> bool) {
        let mut board = self.board();
        let mut of_use = true;
        loop {
            board = match board.next_job() {
                Some(job) => {
                    if take(&mut board.gives_in_vain) {
                        self.room.notify_one();
                    }
                    of_use = true;
                    self.does(job, board)
                }
                None if board.over => return,
                None if take(&mut board.news) || of_use => {
                    let in_time = board.in_time >= IN_TIME;
                    drop(board);
                    of_use = aside(in_time);
                    self.board()
                }
                None => {
                    board.idle += 1;
                    board = wait(&self.work, board);
                    board.idle -= 1;
                    of_use = true;
                    board
                }
            };
        }
    }

    /// There may be something else to do again.
    pub fn wake(&self) {
        let mut board = self.board();
        board.news = true;
        if board.idle > 0 {
            self.work.notify_one();
        }
    }

    /// Gives one table what waits for it. False if nothing does.
    pub fn help_once(&self) -> bool {
        let mut board = self.board();
        let Some(job) = board.next_job() else {
            return false;
        };
        if take(&mut board.gives_in_vain) {
            self.room.notify_one();
        }
        drop(self.does(job, board));
        true
    }

    /// No more segments come: the threads end when they have done what there is.
    pub fn end(&self) {
        self.board().over = true;
        self.work.notify_all();
    }

    /// Does what there is and nobody else does.
    pub fn help(&self) {
        let mut board = self.board();
        while let Some(job) = board.next_job() {
            board = self.does(job, board);
        }
    }

    /// The tables, in their order, once all threads have ended.
    pub fn tables(&self) -> Vec<T> {
        let desks = take(&mut self.board().desks);
        desks.into_iter().filter_map(|desk| Some(*desk.table?)).collect()
    }

    fn board(&self) -> MutexGuard<'_, Board<T>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn does<'a>(&'a self, mut job: Job<T>, board: MutexGuard<'a, Board<T>>) -> MutexGuard<'a, Board<T>> {
        drop(board);
        let watch = Watch(self);
        for batch in &mut job.batches {
            job.table.take(batch);
        }
        if job.last {
            job.table.end();
        }
        drop(watch);
        let mut board = self.board();
        board.empty.append(&mut job.batches);
        if let Some(desk) = board.desks.get_mut(job.desk) {
            desk.table = Some(job.table);
        }
        board
    }
}

impl<T: Table> Board<T> {
    /// The table that most batches wait for, and these. Once no more come, a table that has not ended.
    fn next_job(&mut self) -> Option<Job<T>> {
        let over = self.over;
        let desks = self.desks.iter_mut().enumerate();
        let has_work = |desk: &Desk<T>| !desk.batches.is_empty() || over && !desk.ended;
        let ready = desks.filter(|(_, desk)| desk.table.is_some() && has_work(desk));
        let (number, desk) = ready.max_by_key(|(_, desk)| desk.batches.len())?;
        let batches = take(&mut desk.batches);
        self.waiting -= batches.len();
        desk.ended = over;
        Some(Job {
            desk: number,
            table: desk.table.take()?,
            batches,
            last: over,
        })
    }
}

/// Where a table panics, all is over.
struct Watch<'a, T: Table>(&'a Crew<T>);

impl<T: Table> Drop for Watch<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut board = self.0.board();
            (board.failed, board.over) = (true, true);
            self.0.work.notify_all();
            self.0.room.notify_all();
        }
    }
}

fn wait<'a, T: Table>(condition: &Condvar, board: MutexGuard<'a, Board<T>>) -> MutexGuard<'a, Board<T>> {
    condition.wait(board).unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// What it was given; it panics at a certain number.
    struct Given {
        numbers: Vec<u32>,
        worst: u32,
        ended: bool,
    }

    impl Table for Given {
        type Batch = Vec<u32>;

        fn take(&mut self, batch: &mut Vec<u32>) {
            assert!(!batch.contains(&self.worst), "the worst number");
            assert!(!self.ended, "more numbers come");
            self.numbers.append(batch);
        }

        fn end(&mut self) {
            assert!(!self.ended, "it ends once");
            self.ended = true;
        }
    }

    /// Gives the numbers up to `count` to the table of their last digit, three at a time.
    fn given(count: u32, threads: usize, worst: u32) -> Vec<Vec<u32>> {
        let tables = (0..10).map(|_| Given {
            numbers: Vec::new(),
            worst,
            ended: false,
        });
        let crew = Crew::new(tables, threads);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| crew.work(|_| false)))
                .collect();
            let mut batches = vec![Vec::new(); 10];
            for number in 0..count {
                let table = number as usize % 10;
                batches[table].push(number);
                if batches[table].len() == 3 {
                    batches[table] = crew.give(table, take(&mut batches[table]));
                    assert!(batches[table].is_empty());
                }
            }
            for (table, batch) in batches.into_iter().enumerate() {
                crew.give(table, batch);
            }
            crew.end();
            crew.help();
            let ended: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
            assert!(ended.iter().all(Result::is_ok), "a thread has panicked");
        });
        let tables = crew.tables();
        assert!(tables.iter().all(|table| table.ended), "a table has not ended");
        tables.into_iter().map(|table| table.numbers).collect()
    }

    #[test]
    fn each_table_gets_its_segments_in_order() {
        for threads in [0, 1, 2, 5] {
            let expected: Vec<Vec<u32>> = (0..10)
                .map(|table| (table..20_000).step_by(10).collect())
                .collect();
            // Without threads the one that gives does it all.
            assert_eq!(given(20_000, threads, u32::MAX), expected, "{threads} threads");
        }
    }

    #[test]
    fn a_panic_ends_all() {
        for threads in [1, 2, 5] {
            let ended = catch_unwind(AssertUnwindSafe(|| given(200_000, threads, 70_000)));
            assert!(ended.is_err(), "{threads} threads");
        }
    }
}
