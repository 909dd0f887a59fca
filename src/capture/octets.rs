//! A capture file as it is, unpacked: for who copies it.

use std::io::{self, Read};
use std::path::Path;

use super::compression::Compression;
use super::error::CaptureError;
use super::limits::Limits;
use super::source::Source;

/// Octets read at once.
const CHUNK: usize = 64 << 10;

/// The octets of a regular file, without its compression. Offsets in them are those of
/// [`CaptureReader::place`](super::CaptureReader::place).
pub struct Octets {
    source: Source,
}

impl Octets {
    /// Opens a file within these limits.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is no regular file.
    pub fn open(path: &Path, limits: &Limits) -> Result<Octets, CaptureError> {
        let name = path.to_string_lossy();
        let unreadable = |reason| CaptureError::cannot_open(&name, reason);
        let Some((file, _)) = super::open_regular(path)? else {
            return Err(unreadable(io::Error::other("it can be read only once")));
        };
        let mut source = Source::new(Box::new(file));
        source.fill(Compression::ENOUGH).map_err(unreadable)?;
        if let Some(compression) = Compression::of(source.data()) {
            source = source.decompress(compression, limits);
        }
        Ok(Octets { source })
    }
}

impl Read for Octets {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let had = self.source.fill(space.len().min(CHUNK))?;
        let head = self.source.head(had);
        let (count, space) = (head.len(), space.get_mut(..head.len()).unwrap_or_default());
        space.copy_from_slice(head);
        self.source.consume(count);
        Ok(count)
    }
}
