//! Files that the program writes.
//!
//! A regular file appears under its name as a whole or not at all: it is written beside its place, brought to the disk, and
//! renamed. Whatever ends the program in between leaves what was there before. What is no regular file (a named pipe, a
//! device, `/dev/stdout`) cannot be replaced and is written to as it is.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;

use tcptrace_states::input;

use super::bug::{self, Unfinished};
use super::sockets::is_stdin;
use super::{flushed, interrupt};

/// Symbolic links that are followed, as many as Linux does.
const MOST_LINKS: usize = 40;

/// Writes a file as a whole or not at all.
///
/// An existing file keeps its mode; of a symbolic link, what it points to is replaced.
///
/// # Errors
///
/// Those of `view`, of the folder that takes no new file, and of a full disk. The file is as it was before.
pub fn write(path: &Path, view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let target = behind_links(path)?;
    let existing = match fs::metadata(path) {
        Ok(data) => Some(data),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match &existing {
        Some(data) if is(data, &io::stdout()) => flushed(io::stdout().lock(), view),
        Some(data) if is(data, &io::stderr()) => flushed(io::stderr().lock(), view),
        Some(data) if data.is_dir() => Err(io::Error::new(ErrorKind::IsADirectory, "it is a directory")),
        Some(data) if !data.is_file() => flushed(OpenOptions::new().write(true).open(path)?, view),
        Some(_) | None => interrupt::deferred(|_| replace(&target, existing.as_ref(), view)),
    }
}

/// Refuses to write a report over what it is made of. `option` is the name of the option that names the file.
pub fn apart_from(files: &[PathBuf], path: &Path, option: &str) -> anyhow::Result<()> {
    if is_stdin(path) {
        return Ok(()); // `-`, which is standard output here: that is looked at for all commands
    }
    Taken::by_inputs(files)?.take(option.trim_start_matches('-'), path)
}

/// Appends to a file, or begins it.
///
/// # Errors
///
/// Those of `view` and of the file. What could not be appended as a whole may be there in part.
pub fn append(path: &Path, view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut text = Vec::new(); // one call, so that the outputs of others that append do not come in between
    view(&mut text)?;
    interrupt::deferred(|_| {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(&text)
    })
}

fn replace(
    target: &Path,
    existing: Option<&Metadata>,
    view: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if existing.is_some() {
        // A file that must not be written must not be replaced, either.
        OpenOptions::new().write(true).open(target)?;
    }
    let folder = match target.parent() {
        Some(folder) if folder.as_os_str() != OsStr::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".tcptrace-states-")
        .suffix(".part")
        // As any new file; what tempfile itself makes would be private, and its errors would name a file that nobody knows.
        .make_in(folder, |path| {
            OpenOptions::new().write(true).create_new(true).open(path)
        })?;
    if let Some(existing) = existing {
        file.as_file().set_permissions(existing.permissions())?;
    }
    let unfinished = Unfinished::named(file.path());
    bug::practise_in("output");
    let mut out = BufWriter::new(file.as_file_mut());
    view(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    drop(unfinished);
    // The new name, too, is to outlast a crash. Not all systems can say so of a folder.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// The place that a chain of symbolic links leads to, whether something is there or not.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    if let Ok(place) = fs::canonicalize(path) {
        return Ok(place);
    }
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&place) {
            Ok(link) => place = place.parent().unwrap_or(Path::new("")).join(link),
            Err(_) => return Ok(place), // no link
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// What must not be written to: inputs, and other outputs.
#[derive(Default)]
pub struct Taken {
    list: Vec<(Identity, String)>,
}

impl Taken {
    /// By the captures that are read.
    ///
    /// # Errors
    ///
    /// One of them cannot be found.
    pub fn by_inputs(files: &[PathBuf]) -> anyhow::Result<Taken> {
        let mut taken = Taken::default();
        if files.iter().any(|path| is_stdin(path)) {
            taken
                .list
                .extend(Identity::of_stdin().map(|stdin| (stdin, "standard input".to_owned())));
        }
        for path in input::find(files)?.paths() {
            taken.by(path);
        }
        Ok(taken)
    }

    /// By a file that is read, or written elsewhere.
    pub fn by(&mut self, path: &Path) {
        self.list.extend(Identity::of(path).map(|own| (own, shown(path))));
    }

    /// By standard output, where that is a file.
    pub fn by_stdout(&mut self) {
        self.list
            .extend(Identity::of_stdout().map(|stdout| (stdout, "the standard output".to_owned())));
    }

    /// What a path leads to, if that is taken.
    pub fn taken(&self, path: &Path) -> Option<&str> {
        let own = Identity::of(path)?;
        let (_, name) = self.list.iter().find(|(other, _)| *other == own)?;
        Some(name)
    }

    /// Takes the file of an output.
    ///
    /// # Errors
    ///
    /// It is taken already.
    pub fn take(&mut self, option: &str, path: &Path) -> anyhow::Result<()> {
        if let Some(other) = self.taken(path) {
            bail!("--{option} would overwrite {other}");
        }
        self.by(path);
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What a path leads to, to tell whether two lead to the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A file that is there: device and inode.
    #[cfg(unix)]
    Node(u64, u64),
    /// Where it is, or will be.
    Place(PathBuf),
}

impl Identity {
    /// Of a regular file, or of one that is not there yet; none of other things, which several may write to.
    pub fn of(path: &Path) -> Option<Identity> {
        match fs::metadata(path) {
            Ok(data) if !data.is_file() => None,
            Ok(data) => node(&data).or_else(|| fs::canonicalize(path).ok().map(Identity::Place)),
            Err(_) => {
                let place = behind_links(path).ok()?;
                let place = std::path::absolute(place).ok()?;
                // The folder may have several names, too.
                let whole = match (place.parent().map(fs::canonicalize), place.file_name()) {
                    (Some(Ok(folder)), Some(name)) => folder.join(name),
                    _ => place,
                };
                Some(Identity::Place(whole))
            }
        }
    }

    /// Of standard input, where that is a regular file.
    pub fn of_stdin() -> Option<Identity> {
        of_stream(&io::stdin())
    }

    /// Of standard output, where that is a regular file.
    pub fn of_stdout() -> Option<Identity> {
        of_stream(&io::stdout())
    }
}

#[cfg(unix)]
fn node(data: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;

    Some(Identity::Node(data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn node(_: &Metadata) -> Option<Identity> {
    None
}

#[cfg(unix)]
fn metadata(stream: &impl std::os::fd::AsFd) -> Option<Metadata> {
    let own = stream.as_fd().try_clone_to_owned().ok()?;
    File::from(own).metadata().ok()
}

#[cfg(unix)]
fn of_stream(stream: &impl std::os::fd::AsFd) -> Option<Identity> {
    metadata(stream)
        .filter(Metadata::is_file)
        .and_then(|data| node(&data))
}

/// Whether a stream goes there.
#[cfg(unix)]
fn is(data: &Metadata, stream: &impl std::os::fd::AsFd) -> bool {
    // A terminal or a pipe that has a name besides is written to like any other.
    metadata(stream).is_some_and(|own| node(&own) == node(data))
}

#[cfg(not(unix))]
fn of_stream<T>(_: &T) -> Option<Identity> {
    None
}

#[cfg(not(unix))]
fn is<T>(_: &Metadata, _: &T) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> impl FnOnce(&mut dyn Write) -> io::Result<()> {
        move |out| out.write_all(text.as_bytes())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_view_that_fails_leaves_what_was_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        let half = |out: &mut dyn Write| {
            out.write_all(b"half")?;
            Err(ErrorKind::StorageFull.into())
        };
        let error = write(&path, half).expect_err("it fails");
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(names(folder.path()), [""; 0]);
        write(&path, text("old")).expect("written");
        write(&path, half).expect_err("it fails");
        assert_eq!(fs::read_to_string(&path).expect("text"), "old");
        assert_eq!(names(folder.path()), ["report"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_mode_and_links_stay_links() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report");
        let mode = || fs::metadata(&path).expect("a file").permissions().mode() & 0o7777;
        for wanted in [0o666, 0o600, 0o640] {
            write(&path, text("old")).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(wanted)).expect("a mode");
            write(&path, text("new")).expect("written");
            assert_eq!(mode(), wanted);
        }
        let [near, far, wild] = ["near", "far", "wild"].map(|name| folder.path().join(name));
        symlink("report", &near).expect("a link");
        symlink(&near, &far).expect("a link");
        write(&far, text("by a link")).expect("written");
        assert!(near.is_symlink() && far.is_symlink());
        assert_eq!(fs::read_to_string(&path).expect("text"), "by a link");
        symlink("later", &wild).expect("a link");
        assert_eq!(Identity::of(&wild), Identity::of(&folder.path().join("later")));
        write(&wild, text("made by a link")).expect("written");
        let made = fs::read_to_string(folder.path().join("later"));
        assert_eq!(
            (made.expect("text").as_str(), wild.is_symlink()),
            ("made by a link", true)
        );
        symlink("round", folder.path().join("round")).expect("a link");
        write(&folder.path().join("round"), text("x")).expect_err("links in a circle");
    }

    #[cfg(unix)]
    #[test]
    fn the_same_file_is_known_by_any_name() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "x").expect("a file");
        fs::write(at("b"), "x").expect("a file");
        fs::hard_link(at("a"), at("hard")).expect("a link");
        symlink("a", at("soft")).expect("a link");
        let a = Identity::of(&at("a"));
        assert!(a.is_some() && a == Identity::of(&at("hard")) && a == Identity::of(&at("soft")));
        assert_ne!(a, Identity::of(&at("b")));
        assert_eq!(Identity::of(&at("new")), Identity::of(&at("./new")));
        assert_ne!(Identity::of(&at("new")), Identity::of(&at("newer")));
        assert_eq!(Identity::of(Path::new("/dev/null")), None);
    }
}
