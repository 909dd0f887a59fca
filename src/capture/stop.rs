//! Asking a reader to stop, from outside of the thread that reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish that reading stops. Clones share it: one is kept by who may wish (another thread, the handler of a signal), one is
/// given to the reader. A wish is not taken back.
///
/// A regular file is left at the next packet. Any other input (a pipe, standard input, a device) is read on for a moment,
/// because the wish mostly reaches the program that writes it, too (Ctrl-C goes to all of `tcpdump -w - | …`): what that one
/// still writes on its way out is read, and if it ends the input in time, nothing is missing and nothing was interrupted.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    /// A reader that waited has given up.
    heeded: Arc<AtomicBool>,
}

impl Stop {
    /// Wishes it.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether it is wished.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// What [`Stop::ask`] sets, for those who can set a flag and no more: the handler of a signal.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// A reader that waited gives up.
    pub(super) fn heed(&self) {
        self.heeded.store(true, Ordering::SeqCst);
    }

    /// Whether a reader that waited has given up: its error is no fault of the input.
    pub(super) fn heeded(&self) -> bool {
        self.heeded.load(Ordering::SeqCst)
    }
}
