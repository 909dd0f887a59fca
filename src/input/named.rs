//! What the user named, to files: directories and patterns are replaced by what is in them.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use foldhash::fast::RandomState;
use glob::MatchOptions;
use hashbrown::HashMap;

use super::InputError;
use crate::capture::CaptureError;
use crate::capture::error::printable;

/// A file among others, whatever it is called: device and inode.
pub(super) type Identity = (u64, u64);

/// What the user named, file by file.
#[derive(Debug, Default)]
pub struct Inputs {
    pub(super) files: Vec<Found>,
    pub(super) directories: Vec<Directory>,
    /// Entries of directories that are no files: directories, sockets, devices.
    pub(super) passed_over: Vec<PathBuf>,
    /// What cannot be read, in the order of the names.
    pub(super) problems: Vec<InputError>,
}

/// A directory that was named.
#[derive(Debug)]
pub(super) struct Directory {
    pub path: PathBuf,
    /// It holds a capture, or something that might be one and cannot be read.
    pub holds_captures: bool,
    /// Entries that are no captures.
    pub others: u64,
}

/// One file to be read.
#[derive(Debug)]
pub(super) struct Found {
    pub path: PathBuf,
    pub kind: Kind,
    pub way: Way,
    pub identity: Option<Identity>,
    /// Octets, of a regular file.
    pub length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Can be closed and opened again.
    Regular,
    /// Standard input, a FIFO, a device: can be read once.
    Stream,
}

/// How a file came to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The user named it.
    Named,
    /// A pattern fits it.
    Matched,
    /// It lies in a directory that was named (by its index): it need not be a capture.
    InDirectory(usize),
}

impl Inputs {
    /// The files, in the order in which they were found.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Whether all can be read a second time: none is standard input, a FIFO or a device.
    pub fn can_be_read_again(&self) -> bool {
        self.files.iter().all(|file| file.kind == Kind::Regular)
    }
}

/// Finds the files behind names: files as they are, `-` for standard input, the files in a directory (not those in
/// directories in it, and not hidden ones), and the files that fit a pattern with `*`, `?` or `[` if no file is called so.
///
/// A name behind which there is nothing to read is no error yet: [`Timeline::open`](super::Timeline::open) tells of it.
///
/// # Errors
///
/// The same file was named twice. A file that a directory or a pattern holds besides is read once and nothing is said.
pub fn find(names: &[PathBuf]) -> Result<Inputs, InputError> {
    let mut search = Search::default();
    for name in names {
        search.name(name, Way::Named)?;
    }
    Ok(search.inputs)
}

#[derive(Default)]
struct Search {
    inputs: Inputs,
    known: HashMap<Identity, usize, RandomState>,
    standard_input: bool,
}

impl Search {
    fn name(&mut self, name: &Path, way: Way) -> Result<(), InputError> {
        if name.as_os_str() == "-" {
            if std::mem::replace(&mut self.standard_input, true) {
                return Err(InputError::StandardInputTwice);
            }
            self.inputs.files.push(Found {
                path: name.to_owned(),
                kind: Kind::Stream,
                way,
                identity: None,
                length: 0,
            });
            return Ok(());
        }
        match fs::metadata(name) {
            Ok(data) if data.is_dir() => {
                self.directory(name);
                Ok(())
            }
            Ok(data) => self.file(name, &data, way),
            Err(error) if error.kind() == ErrorKind::NotFound && way == Way::Named => match pattern(name) {
                Some(pattern) => self.pattern(pattern),
                None => {
                    self.unreadable(name, error);
                    Ok(())
                }
            },
            Err(error) => {
                self.unreadable(name, error);
                Ok(())
            }
        }
    }

    fn unreadable(&mut self, name: &Path, error: std::io::Error) {
        let error = CaptureError::cannot_open(&name.to_string_lossy(), error);
        self.inputs.problems.push(error.into());
    }

    fn file(&mut self, path: &Path, data: &Metadata, way: Way) -> Result<(), InputError> {
        let identity = identity(path, data);
        let index = self.inputs.files.len();
        if let Some(identity) = identity {
            let other = *self.known.entry(identity).or_insert(index);
            if let Some(other) = self.inputs.files.get_mut(other) {
                if way == Way::Named && other.way == Way::Named {
                    return Err(InputError::Twice {
                        name: shown(path),
                        other: shown(&other.path),
                    });
                }
                if way == Way::Named {
                    // What was named must be a capture, even if it lies in a directory that was named, too.
                    other.way = Way::Named;
                }
                if let Way::InDirectory(directory) = way {
                    self.holds_captures(directory);
                }
                return Ok(());
            }
        }
        let regular = data.is_file();
        self.inputs.files.push(Found {
            path: path.to_owned(),
            kind: if regular { Kind::Regular } else { Kind::Stream },
            way,
            identity,
            length: if regular { data.len() } else { 0 },
        });
        Ok(())
    }

    fn directory(&mut self, name: &Path) {
        let index = self.inputs.directories.len();
        self.inputs.directories.push(Directory {
            path: name.to_owned(),
            holds_captures: false,
            others: 0,
        });
        let mut entries = Vec::new();
        let listed = fs::read_dir(name).and_then(|listing| {
            for entry in listing {
                let entry = entry?;
                if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                    entries.push(entry.path());
                }
            }
            Ok(())
        });
        if let Err(reason) = listed {
            let name = shown(name);
            self.inputs.problems.push(InputError::Unlisted { name, reason });
            self.holds_captures(index);
        }
        entries.sort_unstable();
        for path in entries {
            match fs::metadata(&path) {
                // What lies in a directory was not named: `file` has nothing to complain about.
                Ok(data) if data.is_file() => _ = self.file(&path, &data, Way::InDirectory(index)),
                // A link to nowhere, or a file that went while the directory was listed.
                Ok(_) => self.pass_over(path, index),
                Err(error) if error.kind() == ErrorKind::NotFound => self.pass_over(path, index),
                Err(error) => {
                    self.unreadable(&path, error);
                    self.holds_captures(index);
                }
            }
        }
    }

    fn pass_over(&mut self, path: PathBuf, directory: usize) {
        self.inputs.passed_over.push(path);
        if let Some(directory) = self.inputs.directories.get_mut(directory) {
            directory.others += 1;
        }
    }

    fn holds_captures(&mut self, directory: usize) {
        if let Some(directory) = self.inputs.directories.get_mut(directory) {
            directory.holds_captures = true;
        }
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), InputError> {
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let mut any = false;
        for found in glob::glob_with(pattern, options).into_iter().flatten() {
            any = true;
            match found {
                Ok(path) => self.name(&path, Way::Matched)?,
                Err(error) => {
                    let path = error.path().to_owned();
                    self.unreadable(&path, error.into());
                }
            }
        }
        if !any {
            let pattern = printable(pattern);
            self.inputs.problems.push(InputError::NoMatch { pattern });
        }
        Ok(())
    }
}

/// The name as a pattern, if it is one.
fn pattern(name: &Path) -> Option<&str> {
    let text = name.to_str()?;
    let wild = text.contains(['*', '?', '[']) && glob::Pattern::new(text).is_ok();
    wild.then_some(text)
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Device and inode.
#[cfg(unix)]
pub(super) fn identity(_: &Path, data: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((data.dev(), data.ino()))
}

/// Where files have no inode, the path in its one true form stands for them.
#[cfg(not(unix))]
pub(super) fn identity(path: &Path, _: &Metadata) -> Option<Identity> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let path = fs::canonicalize(path).ok()?;
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, &path).hash(&mut hasher);
        hasher.finish()
    };
    Some((hash(0), hash(1)))
}
