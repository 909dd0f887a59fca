//! Input that may keep its reader waiting: pipes, standard input, devices.
//!
//! A thread opens and reads it, so that a wish to stop is heard while nothing comes: a read that the system blocks cannot be
//! called off.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::stop::Stop;

/// Octets that the thread asks for at once.
const CHUNK: usize = 256 << 10;
/// Chunks read ahead: enough to keep both threads busy.
const AHEAD: usize = 4;
/// How often a reader that waits looks whether it shall stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long it reads on after it was asked to stop: a program that captures needs a moment to write its last packets.
const GRACE: Duration = Duration::from_secs(1);

/// What the thread has to say.
enum Said {
    /// The input is open; said once, before anything else.
    Open,
    /// Octets of it.
    Octets(Vec<u8>),
    /// It cannot be opened or read.
    Failed(io::Error),
    /// It has ended.
    End,
}

/// Reads the input by way of its thread.
pub(super) struct Waiting {
    said: Receiver<Said>,
    /// What was said last, and how much of it was given out.
    chunk: Vec<u8>,
    given: usize,
    ended: bool,
    stop: Stop,
    /// Set: whoever reads is told when nothing comes, and does not wait for it.
    tell: Arc<AtomicBool>,
    /// When this reader first saw that it shall stop.
    since: Option<Instant>,
}

impl Waiting {
    /// Opens an input and begins to read it. Opening may wait, too: for the other end of a named pipe.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or stopping was wished while that waited.
    pub fn open<R: Read>(
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
        stop: &Stop,
    ) -> io::Result<Waiting> {
        let (sender, said) = sync_channel(AHEAD);
        thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read_all(open, &sender))?;
        let mut waiting = Waiting {
            said,
            chunk: Vec::new(),
            given: 0,
            ended: false,
            stop: stop.clone(),
            tell: Arc::default(),
            since: None,
        };
        match waiting.listen()? {
            Said::Failed(error) => Err(error),
            Said::Open | Said::Octets(_) | Said::End => Ok(waiting),
        }
    }

    /// Once this is set, a read that finds nothing for a moment fails with [`ErrorKind::WouldBlock`] and may be tried again.
    pub fn tell(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.tell)
    }

    /// The next that the thread says.
    fn listen(&mut self) -> io::Result<Said> {
        loop {
            if self.stop.asked() && self.since.get_or_insert_with(Instant::now).elapsed() >= GRACE {
                self.stop.heed();
                return Err(io::Error::new(ErrorKind::TimedOut, "asked to stop"));
            }
            match self.said.recv_timeout(LOOK_EVERY) {
                Ok(said) => return Ok(said),
                Err(RecvTimeoutError::Timeout) if self.tell.load(Ordering::Relaxed) => {
                    return Err(ErrorKind::WouldBlock.into());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the thread that reads has ended early"));
                }
            }
        }
    }
}

impl Read for Waiting {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        while self.given >= self.chunk.len() && !self.ended {
            match self.listen()? {
                Said::Open => {}
                Said::Octets(octets) => (self.chunk, self.given) = (octets, 0),
                Said::Failed(error) => {
                    self.ended = true;
                    return Err(error);
                }
                Said::End => self.ended = true,
            }
        }
        let left = self.chunk.get(self.given..).unwrap_or_default();
        let count = left.len().min(space.len());
        if let (Some(to), Some(from)) = (space.get_mut(..count), left.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(count);
        Ok(count)
    }
}

/// The thread: reads until the end, a fault, or nobody listens any more.
fn read_all<R: Read>(open: impl FnOnce() -> io::Result<R>, sender: &SyncSender<Said>) {
    let mut reader = match open() {
        Ok(reader) => reader,
        Err(error) => {
            let _ = sender.send(Said::Failed(error)); // nobody listens: nobody to tell
            return;
        }
    };
    let mut heard = sender.send(Said::Open).is_ok();
    let mut buffer = vec![0; CHUNK];
    while heard {
        let said = match reader.read(&mut buffer) {
            Ok(0) => Said::End,
            Ok(count) => Said::Octets(buffer.get(..count).unwrap_or_default().to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Said::Failed(error),
        };
        let last = matches!(said, Said::End | Said::Failed(_));
        heard = sender.send(said).is_ok() && !last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one octet at a time, then what `then` makes.
    struct Dripping<F: FnMut() -> io::Result<usize>> {
        octets: Vec<u8>,
        then: F,
    }

    impl<F: FnMut() -> io::Result<usize>> Read for Dripping<F> {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            match (self.octets.pop(), space.first_mut()) {
                (Some(octet), Some(first)) => {
                    *first = octet;
                    Ok(1)
                }
                _ => (self.then)(),
            }
        }
    }

    fn dripping<F: FnMut() -> io::Result<usize>>(text: &str, then: F) -> io::Result<Dripping<F>> {
        Ok(Dripping {
            octets: text.bytes().rev().collect(),
            then,
        })
    }

    /// As if the input went on without a word for longer than anybody waits.
    fn silence() -> io::Result<usize> {
        thread::sleep(Duration::from_secs(60));
        Ok(0)
    }

    #[test]
    fn everything_comes_and_the_end_is_the_end() {
        let mut waiting =
            Waiting::open(|| dripping("every octet", || Ok(0)), &Stop::default()).expect("open");
        let mut text = String::new();
        waiting.read_to_string(&mut text).expect("text");
        assert_eq!(text, "every octet");
        assert_eq!(waiting.read(&mut [0; 8]).expect("the end"), 0);
    }

    #[test]
    fn faults_come_after_what_was_read_before_them() {
        let broken = || Err(ErrorKind::ConnectionReset.into());
        let mut waiting = Waiting::open(move || dripping("ab", broken), &Stop::default()).expect("open");
        let mut octets = [0; 2];
        waiting.read_exact(&mut octets).expect("two octets");
        let error = waiting.read(&mut octets).expect_err("a fault");
        assert_eq!((octets, error.kind()), (*b"ab", ErrorKind::ConnectionReset));
        let missing = || Err::<io::Empty, _>(ErrorKind::NotFound.into());
        let error = Waiting::open(missing, &Stop::default()).map(|_| ());
        assert_eq!(error.expect_err("missing").kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_silent_input_is_given_up_and_one_that_ends_in_time_is_read_whole() {
        let stop = Stop::default();
        let mut waiting = Waiting::open(|| dripping("ab", silence), &stop).expect("open");
        stop.ask();
        let mut octets = [0; 2];
        waiting.read_exact(&mut octets).expect("what came in time");
        assert!(!stop.heeded());
        waiting.read(&mut octets).expect_err("nothing comes");
        assert!(stop.heeded());

        let stop = Stop::default();
        let mut waiting = Waiting::open(|| dripping("abc", || Ok(0)), &stop).expect("open");
        stop.ask();
        let mut text = String::new();
        waiting.read_to_string(&mut text).expect("all of it");
        assert_eq!((text.as_str(), stop.heeded()), ("abc", false));
    }

    #[test]
    fn a_silent_input_is_told_where_that_was_asked_for() {
        let mut waiting = Waiting::open(|| dripping("ab", silence), &Stop::default()).expect("open");
        waiting.tell().store(true, Ordering::Relaxed);
        let mut octets = [0; 2];
        let mut count = 0;
        for _ in 0..1_000 {
            match waiting.read(&mut octets[count..]) {
                Ok(more) => count += more,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            if count == 2 {
                break;
            }
        }
        assert_eq!(octets, *b"ab");
        let nothing = waiting.read(&mut octets).expect_err("nothing comes");
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn an_input_that_does_not_open_is_given_up() {
        let stop = Stop::default();
        stop.ask();
        let never = || silence().map(|_| io::empty());
        assert!(Waiting::open(never, &stop).is_err() && stop.heeded());
    }
}
