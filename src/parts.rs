//! Work in parts, on several threads: what they make of the parts is taken in the order of these, as if one thread had done
//! it all.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder};

/// So many parts for each thread may be made before the one that is to be taken next.
const AHEAD: usize = 4;

/// What was made and not taken yet.
struct Row<P, T> {
    /// The place of the part that is to be taken next.
    next: usize,
    made: BTreeMap<usize, (P, T)>,
    /// Nothing is to be made any more.
    over: bool,
}

/// A row, and who waits for it to change.
struct Shared<P, T> {
    row: Mutex<Row<P, T>>,
    changed: Condvar,
}

impl<P, T> Shared<P, T> {
    /// Nothing that may panic is done while the row is locked.
    fn row(&self) -> MutexGuard<'_, Row<P, T>> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, row: MutexGuard<'a, Row<P, T>>) -> MutexGuard<'a, Row<P, T>> {
        self.changed.wait(row).unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.row().over = true;
        self.changed.notify_all();
    }
}

/// Ends the row when the thread is through with it, also by a panic.
struct End<'a, P, T>(&'a Shared<P, T>);

impl<P, T> Drop for End<'_, P, T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Makes something of each part by `each`, on so many threads of this name, and gives it with its part to `take`, on this one.
///
/// # Errors
///
/// That of `take`: then no more parts are taken.
pub(crate) fn in_order<P: Send, T: Send, E>(
    name: &str,
    parts: Vec<P>,
    threads: usize,
    each: impl Fn(&mut P) -> T + Sync,
    mut take: impl FnMut(P, T) -> Result<(), E>,
) -> Result<(), E> {
    let (count, ahead) = (parts.len(), threads.saturating_mul(AHEAD));
    let coming = Mutex::new(parts.into_iter().enumerate());
    let next = || coming.lock().unwrap_or_else(PoisonError::into_inner).next();
    let shared = Shared {
        row: Mutex::new(Row {
            next: 0,
            made: BTreeMap::new(),
            over: false,
        }),
        changed: Condvar::new(),
    };
    let make = || {
        while let Some((place, mut part)) = next() {
            let mut row = shared.row();
            while place >= row.next + ahead && !row.over {
                row = shared.wait(row);
            }
            if row.over {
                return;
            }
            drop(row);
            let end = End(&shared);
            let made = each(&mut part);
            std::mem::forget(end); // no panic
            shared.row().made.insert(place, (part, made));
            shared.changed.notify_all();
        }
    };
    thread::scope(|scope| {
        let threads = if threads > 1 { threads.min(count) } else { 0 };
        let thread = |_| Builder::new().name(name.to_owned()).spawn_scoped(scope, make);
        let others: Vec<_> = (0..threads).flat_map(thread).collect();
        let end = End(&shared);
        if others.is_empty() {
            // This one makes them.
            while let Some((_, mut part)) = next() {
                let made = each(&mut part);
                take(part, made)?;
            }
            return Ok(());
        }
        for place in 0..count {
            let mut row = shared.row();
            let (part, made) = loop {
                match row.made.remove(&place) {
                    Some(made) => break made,
                    None if row.over => {
                        drop((row, end));
                        others.into_iter().for_each(|other| {
                            other.join().unwrap_or_else(|panic| resume_unwind(panic));
                        });
                        unreachable!("only a panic ends it before the last part");
                    }
                    None => row = shared.wait(row),
                }
            };
            row.next = place + 1;
            drop(row);
            shared.changed.notify_all();
            take(part, made)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_is_made_comes_in_order() {
        for threads in [0, 1, 2, 5] {
            let mut taken = Vec::new();
            let each = |part: &mut u64| {
                *part += 1;
                thread::sleep(std::time::Duration::from_micros(*part * 37 % 200));
                *part * 10
            };
            let done = in_order("making", (0..100).collect(), threads, each, |part, made| {
                taken.push((part, made));
                Ok::<_, Infallible>(())
            });
            assert_eq!(done, Ok(()));
            let expected: Vec<_> = (1..=100).map(|part| (part, part * 10)).collect();
            assert_eq!(taken, expected, "{threads} threads");
        }
    }

    #[test]
    fn nothing_is_made_far_ahead_nor_after_an_error() {
        for threads in [1, 3] {
            let made = AtomicUsize::new(0);
            let each = |_: &mut usize| made.fetch_add(1, Ordering::Relaxed);
            let done = in_order("making", (0..10_000).collect(), threads, each, |part, _| {
                assert!(made.load(Ordering::Relaxed) <= part + 1 + threads * (AHEAD + 1));
                if part < 20 { Ok(()) } else { Err("enough") }
            });
            assert_eq!(done, Err("enough"));
            assert!(made.load(Ordering::Relaxed) <= 21 + threads * (AHEAD + 1));
        }
    }

    #[test]
    fn a_panic_comes_through() {
        for threads in [1, 2] {
            let each = |part: &mut usize| assert_ne!(*part, 7, "seven");
            let run = || {
                in_order("making", (0..50).collect(), threads, each, |_, ()| {
                    Ok::<_, Infallible>(())
                })
            };
            let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it panics");
            let words = panic.downcast_ref::<String>().expect("words");
            assert!(words.contains("seven"), "{words}");
        }
    }
}
