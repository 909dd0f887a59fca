//! A timeline of one file, read in windows that are brought.

use std::io::Read;
use std::ops::ControlFlow;

use super::{Found, Input, Kind, Reader, Taker, Timeline};
use crate::capture::{Unpacker, Window, WindowSize, Windows};

/// So many windows of a file are worth being brought.
const WORTH: u64 = 16;

impl Timeline {
    /// The only file, if it is a plain one of which much is left to read: from here on it is read by [`Timeline::read_window`], and
    /// at last by [`Timeline::read_behind`].
    pub(crate) fn windows(&mut self, size: WindowSize) -> Option<Windows> {
        let descriptors = self.descriptors.clone();
        let (found, reader) = self.only_large(size)?;
        let file = found
            .identity
            .and(descriptors.again(&found.path, found.identity).ok())?;
        Some(Windows::new(file, reader.capture.by_windows()?, size))
    }

    /// As [`Timeline::windows`], if it is a compressed one.
    pub(crate) fn unpacker(&mut self, size: WindowSize) -> Option<Unpacker> {
        self.only_large(size)?.1.capture.by_unpacked_windows(size)
    }

    /// The only file, if it is one of which so many windows are left to read that they are worth being brought.
    fn only_large(&mut self, size: WindowSize) -> Option<(&Found, &mut Reader)> {
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
        let worth = found.kind == Kind::Regular && left / size.octets() >= WORTH;
        worth.then_some((found, reader))
    }

    /// As [`Timeline::read_to`], as far as this window of the file reaches, which comes behind those that were read. Breaks off
    /// where [`Timeline::read_behind`] has to go on.
    pub(crate) fn read_window(&mut self, window: &mut Window, taker: &mut impl Taker) -> ControlFlow<()> {
        if !window.is_unpacked() {
            self.descriptors.meter.add(window.filled() as u64);
        }
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

    /// As [`Timeline::read_to`], behind the last window that was read: what there is from the octet on that `rest` is told.
    pub(crate) fn read_behind(
        &mut self,
        rest: impl FnOnce(u64) -> Box<dyn Read + Send>,
        taker: &mut impl Taker,
    ) -> ControlFlow<()> {
        if let Some(reader) = self.only_reader() {
            reader.capture.go_on(rest);
        }
        self.read_to(taker)
    }

    fn only_reader(&mut self) -> Option<&mut Reader> {
        self.files.first_mut()?.reader.as_deref_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{OpenOptions, read};
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
        let unpacker = size.and_then(|size| timeline.unpacker(size));
        before();
        let mut number = 0;
        let mut window = Window::new();
        match (windows, unpacker) {
            (None, None) => _ = timeline.read_to(&mut take),
            (_, Some(mut unpacker)) => {
                // Some are unpacked ahead.
                let (mut ahead, mut all) = (std::collections::VecDeque::new(), false);
                loop {
                    while !all && ahead.len() < 3 {
                        let mut next = Window::new();
                        unpacker.read(&mut next);
                        all = !next.is_full();
                        ahead.push_back(next);
                    }
                    number += 1;
                    let mut window = ahead.pop_front().expect("one that is not full breaks off");
                    if timeline.read_window(&mut window, &mut take).is_break() {
                        break;
                    }
                }
                let _ = timeline.read_behind(|_| Box::new(unpacker), &mut take);
            }
            (Some(windows), None) => {
                loop {
                    windows.read(number, &mut window);
                    number += 1;
                    if timeline.read_window(&mut window, &mut take).is_break() {
                        break;
                    }
                }
                let _ = timeline.read_behind(|offset| windows.rest(offset), &mut take);
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

    fn zstd(octets: &[u8]) -> Vec<u8> {
        zstd::encode_all(octets, 1).expect("packed")
    }

    fn gzip(octets: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, octets).expect("packed");
        encoder.finish().expect("packed")
    }

    /// As a whole, in several members, cut off, with other octets in the middle, with others behind it; and where what was packed is
    /// damaged itself.
    #[test]
    fn unpacked_windows_give_what_the_file_gives() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("packed");
        let (mut in_windows, mut damaged) = (0, 0);
        for capture in plain_captures() {
            let octets = read(&capture).expect("readable");
            if !(3_000..60_000).contains(&octets.len()) {
                continue;
            }
            let (begin, end) = octets.split_at(octets.len() / 2);
            for pack in [zstd, gzip] {
                let whole = pack(&octets);
                let middle = whole.len() / 2;
                let overwritten = [&whole[..middle], &[0xff; 9], &whole[middle + 9..]].concat();
                let inside = [begin, &[0xff; 90], &end[90..]].concat();
                for (is_sound, packed) in [
                    (true, [pack(begin), pack(end)].concat()),
                    (true, whole[..middle].to_vec()),
                    (false, overwritten),
                    (true, [&whole[..], b"something else"].concat()),
                    (true, pack(&inside)),
                    (true, whole),
                ] {
                    std::fs::write(&path, packed).expect("a file");
                    // Little that is cut off or damaged is no capture any more.
                    if CaptureReader::open(&path).is_err() {
                        continue;
                    }
                    let (expected, facts, _) = given(&path, None, || ());
                    for (octets, head) in [(13, 0), (40, 3_000)] {
                        let size = WindowSize::new(octets, head);
                        let (records, told, windows) = given(&path, Some(size), || ());
                        if is_sound {
                            assert_eq!(records, expected, "{}: {size:?}", capture.display());
                            assert_eq!(told, facts, "{}: {size:?}", capture.display());
                        } else {
                            // What a decoder gives before a flaw depends on how much it is asked for.
                            let same = records.len().min(expected.len());
                            assert_eq!(records[..same], expected[..same], "{}", capture.display());
                            let is_damaged = |facts: &str| facts.contains("damage: [\"");
                            assert_eq!(is_damaged(&told), is_damaged(&facts), "{told}");
                        }
                        in_windows += u32::from(windows > 0);
                        damaged += u32::from(windows > 0 && facts.contains("damage: [\""));
                    }
                }
            }
        }
        assert!(in_windows > 200 && damaged > 100, "{in_windows} {damaged}");
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

    /// Files that have other ones beside them, streams, and small ones are read otherwise.
    #[test]
    fn only_one_large_file_is_read_in_windows() {
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
        assert!(open(std::slice::from_ref(&large)).unpacker(small).is_none());
        let folder = tempfile::tempdir().expect("a folder");
        let packed = folder.path().join("packed.gz");
        std::fs::write(&packed, gzip(&read(&large).expect("readable"))).expect("a file");
        let packed = std::slice::from_ref(&packed);
        assert!(open(packed).windows(WindowSize::new(50, 100)).is_none());
        assert!(open(packed).unpacker(WindowSize::USUAL).is_none());
        assert!(
            open(&[packed[0].clone(), large])
                .unpacker(WindowSize::new(50, 100))
                .is_none()
        );
        assert!(open(packed).unpacker(WindowSize::new(50, 100)).is_some());
    }
}
