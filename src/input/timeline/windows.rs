//! A timeline of one plain file, read in windows that are brought.

use std::ops::ControlFlow;

use super::{Input, Kind, Reader, Taker, Timeline};
use crate::capture::{Window, WindowSize, Windows};

/// So many windows of a file are worth being brought.
const WORTH: u64 = 16;

impl Timeline {
    /// The only file, if it is a plain one of which much is left to read: from here on it is read by [`Timeline::read_window`], and
    /// at last by [`Timeline::read_behind`].
    pub(crate) fn windows(&mut self, size: WindowSize) -> Option<Windows> {
        let [
            Input {
                found,
                reader: Some(reader),
                ..
            },
        ] = self.files.as_mut_slice()
        else {
            return None;
        };
        let left = found.length.checked_sub(reader.capture.bytes_read())?;
        let worth = left / size.octets() >= WORTH;
        if found.kind != Kind::Regular || found.identity.is_none() || !worth {
            return None;
        }
        let file = self.descriptors.again(&found.path, found.identity).ok()?;
        Some(Windows::new(file, reader.capture.by_windows()?, size))
    }

    /// As [`Timeline::read_to`], as far as this window of the file reaches, which comes behind those that were read. Breaks off
    /// where [`Timeline::read_behind`] has to go on.
    pub(crate) fn read_window(&mut self, window: &mut Window, taker: &mut impl Taker) -> ControlFlow<()> {
        self.descriptors.meter.add(window.filled() as u64);
        if let Some(reader) = self.only_reader() {
            reader.capture.bring(window);
        }
        let flow = self.read_to(taker);
        let Some(reader) = self.only_reader() else {
            return ControlFlow::Break(());
        };
        reader.capture.give_back(window);
        match flow {
            ControlFlow::Break(()) if reader.capture.is_waiting() && window.is_full() => {
                ControlFlow::Continue(())
            }
            ControlFlow::Break(()) | ControlFlow::Continue(()) => ControlFlow::Break(()),
        }
    }

    /// As [`Timeline::read_to`], behind the last window that was read.
    pub(crate) fn read_behind(&mut self, windows: &Windows, taker: &mut impl Taker) -> ControlFlow<()> {
        if let Some(reader) = self.only_reader() {
            reader.capture.go_on(windows);
        }
        self.read_to(taker)
    }

    fn only_reader(&mut self) -> Option<&mut Reader> {
        self.files.first_mut()?.reader.as_deref_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions, read};
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::capture::{CaptureReader, Stop};
    use crate::input::{Item, find};

    /// What a file gives, and what is said of it; and how many windows it took, if it is read in such.
    fn given(path: &Path, size: Option<WindowSize>, before: impl FnOnce()) -> (Vec<String>, String, u64) {
        let inputs = find(&[path.to_owned()]).expect("a file");
        let mut timeline = Timeline::open(inputs, &Stop::default()).expect("a capture");
        let mut all = Vec::new();
        let mut take = |item: Item<'_>| {
            all.push(format!("{:?} {:?}", item.record, item.place));
            ControlFlow::Continue(())
        };
        let windows = size.and_then(|size| timeline.windows(size));
        before();
        let mut number = 0;
        match windows {
            None => _ = timeline.read_to(&mut take),
            Some(windows) => {
                let mut window = Window::new();
                loop {
                    windows.read(number, &mut window);
                    number += 1;
                    if timeline.read_window(&mut window, &mut take).is_break() {
                        break;
                    }
                }
                let _ = timeline.read_behind(&windows, &mut take);
            }
        }
        let (octets, told) = (timeline.meter()(), format!("{:?}", timeline.facts().files));
        let length = path.metadata().map_or(0, |data| data.len());
        assert!(
            octets == length || told.contains("damage: [\""),
            "{octets} of {length}: {told}"
        );
        (all, told, number)
    }

    /// All captures of testdata that are not compressed.
    fn plain_captures() -> Vec<PathBuf> {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
        let mut captures = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if CaptureReader::open(&path).is_ok_and(|reader| reader.compression().is_none()) {
                    captures.push(path);
                }
            }
        }
        captures.sort();
        captures
    }

    #[test]
    fn windows_give_what_the_file_gives() {
        let (mut in_windows, mut many) = (0, 0);
        for path in plain_captures() {
            let (expected, facts, _) = given(&path, None, || ());
            for (octets, head) in [(61, 0), (500, 40), (500, 4_000), (4_096, 100)] {
                let size = WindowSize::new(octets, head);
                let (records, told, windows) = given(&path, Some(size), || ());
                assert_eq!(records, expected, "{}: {size:?}", path.display());
                assert_eq!(told, facts, "{}: {size:?}", path.display());
                in_windows += u32::from(windows > 0);
                many += u32::from(windows >= 100);
            }
        }
        assert!(in_windows > 100 && many > 20, "{in_windows} {many}");
    }

    /// Octets in the middle of a capture that are changed, or missing.
    #[test]
    fn damage_is_told_as_it_is_without_windows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("damaged");
        let mut damaged = 0;
        for capture in plain_captures() {
            let octets = read(&capture).expect("readable");
            if octets.len() < 3_000 {
                continue;
            }
            let middle = octets.len() / 2;
            let overwritten = [&octets[..middle], &[0xff; 90], &octets[middle + 90..]].concat();
            let missing = [&octets[..middle], &octets[middle + 33..]].concat();
            for changed in [overwritten, missing, octets[..middle].to_vec()] {
                std::fs::write(&path, changed).expect("a file");
                let (expected, facts, _) = given(&path, None, || ());
                for (octets, head) in [(61, 20), (150, 3_000)] {
                    let (records, told, windows) = given(&path, Some(WindowSize::new(octets, head)), || ());
                    assert_eq!(records, expected, "{}", capture.display());
                    assert_eq!(told, facts, "{}", capture.display());
                    damaged += u32::from(windows > 0 && facts.contains("damage: [\""));
                }
            }
        }
        assert!(damaged > 50, "{damaged}");
    }

    /// Damage that is longer than what is searched.
    #[test]
    fn damage_without_end_is_told_as_it_is_without_windows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("damaged");
        let all = plain_captures();
        let capture = all.iter().find(|path| path.ends_with("soak.server.pcap"));
        let octets = read(capture.expect("a capture")).expect("readable");
        let (begin, end) = octets.split_at(octets.len() / 2);
        std::fs::write(&path, [begin, &[0xab; 1_300_000], end].concat()).expect("a file");
        let (expected, facts, _) = given(&path, None, || ());
        assert!(
            facts.contains("no readable record in the 1048576 bytes"),
            "{facts}"
        );
        let (records, told, windows) = given(&path, Some(WindowSize::new(65_536, 100)), || ());
        assert!(windows > 16);
        assert_eq!(told, facts);
        assert_eq!(records, expected);
    }

    /// A file that is cut off, or grows, after it was opened.
    #[test]
    fn a_file_that_changes_is_told_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("changing");
        let all = plain_captures();
        let largest = all
            .iter()
            .max_by_key(|path| path.metadata().map_or(0, |data| data.len()));
        let octets = read(largest.expect("a capture")).expect("readable");
        let half = octets.len() / 2;
        for size in [None, Some(WindowSize::new(900, 500))] {
            std::fs::write(&path, &octets).expect("a file");
            let (_, told, windows) = given(&path, size, || {
                let file = OpenOptions::new().write(true).open(&path).expect("a file");
                file.set_len(half as u64).expect("cut off");
            });
            let said = format!("was cut short from {} to {half} bytes", octets.len());
            assert!(told.contains(&said), "{told}");
            assert_eq!(windows > 0, size.is_some());

            std::fs::write(&path, &octets[..half]).expect("a file");
            let (_, expected, _) = given(largest.expect("a capture"), None, || ());
            let (_, told, _) = given(&path, size, || {
                let mut file = OpenOptions::new().append(true).open(&path).expect("a file");
                std::io::Write::write_all(&mut file, &octets[half..]).expect("it grows");
            });
            let packets = |facts: &str| {
                let (_, behind) = facts.split_once("packets: ").expect("facts");
                behind.split(',').next().map(str::to_owned)
            };
            assert_eq!(packets(&told), packets(&expected));
        }
    }

    /// Files that have other ones beside them, streams, and small or compressed ones are read otherwise.
    #[test]
    fn only_one_large_plain_file_is_read_in_windows() {
        let small = WindowSize::new(500, 100);
        let all = plain_captures();
        let open = |paths: &[PathBuf]| {
            let inputs = find(paths).expect("files");
            Timeline::open(inputs, &Stop::default()).expect("captures")
        };
        let large = all
            .iter()
            .find(|path| path.metadata().is_ok_and(|data| data.len() > 20_000));
        let large = large.expect("a large one").clone();
        assert!(open(std::slice::from_ref(&large)).windows(small).is_some());
        assert!(
            open(std::slice::from_ref(&large))
                .windows(WindowSize::USUAL)
                .is_none()
        );
        let other = all.iter().find(|path| **path != large).expect("another one");
        assert!(open(&[large.clone(), other.clone()]).windows(small).is_none());
        let folder = tempfile::tempdir().expect("a folder");
        let packed = folder.path().join("packed.gz");
        let mut encoder =
            flate2::write::GzEncoder::new(File::create(&packed).expect("a file"), Default::default());
        let mut bytes = File::open(&large).expect("a file");
        std::io::copy(&mut bytes, &mut encoder).expect("packed");
        encoder.finish().expect("packed");
        assert!(open(&[packed]).windows(WindowSize::new(50, 100)).is_none());
    }
}
