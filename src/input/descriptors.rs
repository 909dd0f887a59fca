//! Files that are being read at once, of which only some are open.
//!
//! Who reads a [`ParkedFile`] does not notice whether its descriptor was closed in between: it is opened again at its offset
//! when it is next read. So decompressors and parsers on top of it keep their state, and the number of files that overlap in
//! time is bounded by memory, not by descriptors.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::named::{Identity, identity};

/// Files that are open at once, at most.
const MOST: usize = 128;
/// Octets that all readers together ask for at once, roughly, and one of them at least.
const READ_TOGETHER: usize = 16 << 20;
const READ_LEAST: usize = 4 << 10;

/// Octets read of all files so far; cheap to copy.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<AtomicU64>);

impl Meter {
    pub fn add(&self, octets: u64) {
        self.0.fetch_add(octets, Ordering::Relaxed);
    }

    pub fn octets(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The open descriptors, shared by the files that use them.
#[derive(Clone)]
pub(super) struct Descriptors {
    pool: Arc<Mutex<Pool>>,
    pub meter: Meter,
}

struct Pool {
    open: Vec<Open>,
    most: usize,
    /// Counts uses, to find the file that was not read for longest.
    clock: u64,
    /// Files being read, open or parked.
    readers: usize,
    /// For the next one.
    next: u64,
}

struct Open {
    reader: u64,
    file: File,
    used: u64,
}

impl Descriptors {
    pub fn new() -> Descriptors {
        let pool = Pool {
            open: Vec::new(),
            most: MOST,
            clock: 0,
            readers: 0,
            next: 0,
        };
        Descriptors {
            pool: Arc::new(Mutex::new(pool)),
            meter: Meter::default(),
        }
    }

    /// A file to be read from its beginning, which must still be the one with this identity.
    pub fn file(&self, path: &Path, expected: Option<Identity>) -> io::Result<ParkedFile> {
        let mut pool = self.pool();
        let reader = pool.next;
        pool.next += 1;
        pool.open_file(reader, path, expected)?;
        pool.readers += 1;
        drop(pool);
        Ok(ParkedFile {
            descriptors: self.clone(),
            reader,
            path: path.to_owned(),
            expected,
            offset: 0,
        })
    }

    /// Another handle of a file that is read, which must still be the one with this identity.
    pub fn again(&self, path: &Path, expected: Option<Identity>) -> io::Result<File> {
        self.pool().open_same(path, expected)
    }

    /// A file for a short look: it reads little at once and is not counted.
    pub fn glance(&self, path: &Path) -> io::Result<Glance> {
        Ok(Glance(self.pool().make_room_for(|| File::open(path))?))
    }

    /// Whatever panicked elsewhere left the pool in order: each change of it is one step.
    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn open_file(&mut self, reader: u64, path: &Path, expected: Option<Identity>) -> io::Result<()> {
        while self.open.len() >= self.most && self.park_one() {}
        let file = self.open_same(path, expected)?;
        self.clock += 1;
        self.open.push(Open {
            reader,
            file,
            used: self.clock,
        });
        Ok(())
    }

    /// Opens a file, which must still be the one with this identity, if that was known.
    fn open_same(&mut self, path: &Path, expected: Option<Identity>) -> io::Result<File> {
        let file = self.make_room_for(|| File::open(path))?;
        if expected.is_some() && identity(path, &file.metadata()?) != expected {
            return Err(io::Error::other(
                "another file has taken its name since it was found",
            ));
        }
        Ok(file)
    }

    /// Opens a file; if the system gives no more descriptors, closes others until it does.
    fn make_room_for(&mut self, open: impl Fn() -> io::Result<File>) -> io::Result<File> {
        loop {
            match open() {
                Err(error) if is_out_of_descriptors(&error) => {
                    self.most = self.open.len().max(1);
                    if !self.park_one() {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }

    /// Closes the file that was not read for longest.
    fn park_one(&mut self) -> bool {
        let oldest = self.open.iter().enumerate().min_by_key(|(_, open)| open.used);
        let Some((index, _)) = oldest else {
            return false;
        };
        self.open.swap_remove(index);
        true
    }
}

/// A file that is being read; see the module's documentation.
pub(super) struct ParkedFile {
    descriptors: Descriptors,
    reader: u64,
    path: PathBuf,
    expected: Option<Identity>,
    offset: u64,
}

impl Read for ParkedFile {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut pool = self.descriptors.pool();
        if !pool.open.iter().any(|open| open.reader == self.reader) {
            pool.open_file(self.reader, &self.path, self.expected)?;
            if let Some(open) = pool.open.last_mut() {
                open.file.seek(SeekFrom::Start(self.offset))?;
            }
        }
        pool.clock += 1;
        let (clock, share) = (pool.clock, (READ_TOGETHER / pool.readers.max(1)).max(READ_LEAST));
        let Some(open) = pool.open.iter_mut().find(|open| open.reader == self.reader) else {
            return Err(io::Error::other("no descriptor"));
        };
        open.used = clock;
        let length = space.len().min(share);
        let count = open.file.read(space.get_mut(..length).unwrap_or_default())?;
        drop(pool);
        let octets = u64::try_from(count).unwrap_or(u64::MAX);
        self.offset = self.offset.saturating_add(octets);
        self.descriptors.meter.add(octets);
        Ok(count)
    }
}

impl Drop for ParkedFile {
    fn drop(&mut self) {
        let mut pool = self.descriptors.pool();
        pool.open.retain(|open| open.reader != self.reader);
        pool.readers = pool.readers.saturating_sub(1);
    }
}

/// Reads little at once: the beginning of a file is all that is wanted of it.
pub(super) struct Glance(File);

impl Read for Glance {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let length = space.len().min(READ_LEAST);
        self.0.read(space.get_mut(..length).unwrap_or_default())
    }
}

/// No descriptor is left for this process, or for the whole system.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ERROR_TOO_MANY_OPEN_FILES: i32 = 4;
    match error.raw_os_error() {
        Some(ENFILE | EMFILE) => cfg!(unix),
        Some(ERROR_TOO_MANY_OPEN_FILES) => cfg!(windows),
        _ => error.kind() == ErrorKind::QuotaExceeded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_parked_file_goes_on_where_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let descriptors = Descriptors::new();
        descriptors.pool().most = 2;
        let mut files = Vec::new();
        for number in 0..5u8 {
            let path = directory.path().join(format!("{number}"));
            let content: Vec<u8> = (0..10_000u32).map(|at| at.to_be_bytes()[3] ^ number).collect();
            fs::write(&path, &content).expect("space");
            files.push((
                descriptors.file(&path, None).expect("a file"),
                content,
                Vec::new(),
            ));
        }
        for _ in 0..=10_000 / 999 {
            for (file, _, read) in &mut files {
                let mut space = [0; 999];
                let count = file.read(&mut space).expect("readable");
                read.extend_from_slice(&space[..count]);
                assert!(descriptors.pool().open.len() <= 2);
            }
        }
        for (_, content, read) in &files {
            assert_eq!(content, read);
        }
        assert_eq!(descriptors.meter.octets(), 50_000);
        drop(files);
        assert_eq!(descriptors.pool().readers, 0);
        assert!(descriptors.pool().open.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_replaced_is_not_read_on() {
        let directory = tempfile::tempdir().expect("a directory");
        let descriptors = Descriptors::new();
        descriptors.pool().most = 1;
        let [one, two, new] = ["one", "two", "new"].map(|name| directory.path().join(name));
        for path in [&one, &two, &new] {
            fs::write(path, [7; 5_000]).expect("space");
        }
        let known = identity(&one, &fs::metadata(&one).expect("there"));
        let mut first = descriptors.file(&one, known).expect("a file");
        first.read_exact(&mut [0; 10]).expect("readable");
        let _second = descriptors.file(&two, None).expect("a file");
        fs::rename(&new, &one).expect("replaced");
        let error = first.read(&mut [0; 10]).expect_err("another file");
        assert!(error.to_string().contains("another file"), "{error}");
    }
}
