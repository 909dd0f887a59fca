//! Signals that end a program: SIGINT, SIGTERM and SIGHUP.
//!
//! While something is done that is worth to be finished (reading captures, writing a file), the first of them is only noted
//! and the second ends the program at once; at any other time, the first does. "At once" is the signal's own way: whoever
//! started the program sees that it died of it, as if it had not listened.

use std::io;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use tcptrace_states::capture::Stop;

#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// Set by a signal.
struct Flags {
    /// One has come.
    stop: Stop,
    /// The next one ends the program.
    at_once: Arc<AtomicBool>,
}

static FLAGS: OnceLock<Flags> = OnceLock::new();

fn flags() -> &'static Flags {
    FLAGS.get_or_init(|| Flags {
        stop: Stop::default(),
        at_once: Arc::new(AtomicBool::new(true)),
    })
}

/// Begins to listen. Without it (there is no way to fail that a system is known for) signals end the program at once.
///
/// # Errors
///
/// Those of the system.
pub fn listen() -> io::Result<()> {
    let flags = flags();
    let ignored = ignored();
    for signal in SIGNALS {
        // `nohup` and a shell's `&` have it ignored, and mean it.
        if ignored >> (signal - 1) & 1 == 1 {
            continue;
        }
        // In this order: the first signal must not yet see what it sets.
        flag::register_conditional_default(signal, Arc::clone(&flags.at_once))?;
        flag::register(signal, Arc::clone(&flags.at_once))?;
        flag::register(signal, flags.stop.flag())?;
    }
    Ok(())
}

/// Does something that a first signal does not end. It is told by way of the [`Stop`].
pub fn deferred<T>(work: impl FnOnce(&Stop) -> T) -> T {
    let flags = flags();
    flags.at_once.store(flags.stop.asked(), Ordering::SeqCst);
    let done = work(&flags.stop);
    flags.at_once.store(true, Ordering::SeqCst);
    done
}

/// Whether a signal has come.
pub fn came() -> bool {
    flags().stop.asked()
}

/// Signals that are ignored, signal 1 in the lowest bit; none where the system does not say.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
