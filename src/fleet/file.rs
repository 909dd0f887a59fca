//! One file on its own: its segments, and what there is to know of it.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Position, Row};
use crate::analyze::Settings;
use crate::analyze::count::{Count, Flaws};
use crate::capture::{CaptureError, Record, Stop};
use crate::flow::Evicted;
use crate::input::{self, Clock, Facts, FileFacts, InputError, Place, Sketch, Timeline};
use crate::model::Capture;
use crate::segment::{Decoder, Segment, TunnelPath};
use crate::time::Timestamp;

/// What there is to know of one file, apart from its segments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileReport {
    /// As it was named.
    pub name: String,
    /// Time of its first packet.
    pub begins: Option<Timestamp>,
    /// The effective times of its first and last packet.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What is told of a capture, of this file alone. Nothing of its connections is known here.
    pub capture: Capture,
    /// Some of its segments, to tell its clock by, where that was asked for; a plan has no use for them any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sketch: Option<Sketch>,
    /// What is known of its clock, where that was asked for. All times in a plan are those of a clock set back by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// Why nothing could be read of it.
    pub unreadable: Option<String>,
    /// Nothing could be read because it is no capture.
    pub no_capture: bool,
}

impl FileReport {
    /// That of a file that could not be opened.
    pub fn unopened(name: &str, reason: std::io::Error) -> FileReport {
        FileReport::unreadable(name, &CaptureError::cannot_open(name, reason).into())
    }

    /// That of a file that cannot be read.
    pub fn unreadable(name: &str, error: &InputError) -> FileReport {
        FileReport {
            name: name.to_owned(),
            begins: None,
            span: None,
            capture: Capture::default(),
            sketch: None,
            clock: None,
            unreadable: Some(error.to_string()),
            no_capture: matches!(
                error,
                InputError::Capture(
                    CaptureError::Foreign { .. } | CaptureError::Empty { .. } | CaptureError::Missing { .. }
                )
            ),
        }
    }
}

/// Reads one file.
pub struct FileReader {
    timeline: Timeline,
    settings: Settings,
    file: OneFile,
    sketch: Option<Sketch>,
    ended: bool,
}

impl FileReader {
    /// Opens a local file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is empty, or does not begin like a capture; [`FileReport::unreadable`] keeps that.
    pub fn open(name: &str, settings: &Settings, stop: &Stop) -> Result<FileReader, InputError> {
        let timeline = Timeline::open(input::find(&[PathBuf::from(name)])?, stop)?;
        Ok(FileReader::of(timeline, settings))
    }

    /// Reads a capture from any source of octets; `name` is what it is called.
    ///
    /// # Errors
    ///
    /// As [`FileReader::open`].
    pub fn of_source(
        name: &str,
        source: Box<dyn Read + Send>,
        settings: &Settings,
        stop: &Stop,
    ) -> Result<FileReader, InputError> {
        let timeline = Timeline::of_source(name, source, stop)?;
        Ok(FileReader::of(timeline, settings))
    }

    fn of(timeline: Timeline, settings: &Settings) -> FileReader {
        FileReader {
            timeline,
            file: OneFile::new(settings),
            sketch: settings.align_clocks.then(Sketch::default),
            settings: settings.clone(),
            ended: false,
        }
    }

    /// The next rows, at most so many; none at the end of the file.
    pub fn next_rows(&mut self, most: usize) -> Option<Vec<Row>> {
        let mut rows = Vec::new();
        while !self.ended && rows.is_empty() {
            let (file, sketch) = (&mut self.file, &mut self.sketch);
            let flow = self.timeline.read(|item| {
                if let Some((number, segment, tunnels)) = file.take(item.record, &item.place) {
                    if let Some(sketch) = sketch {
                        sketch.add(segment, item.place.time);
                    }
                    rows.push(Row {
                        position: Position {
                            time: item.place.time,
                            file: 0,
                            number,
                        },
                        segment: *segment,
                        tunnels,
                    });
                }
                if rows.len() < most {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            self.ended = flow.is_continue() || rows.len() < most;
        }
        (!rows.is_empty()).then_some(rows)
    }

    /// What there is to know of the file, as far as it was read.
    pub fn finish(self) -> FileReport {
        let facts = self.timeline.facts().files.pop().unwrap_or_default();
        FileReport {
            sketch: self.sketch,
            ..self.file.report(&self.settings, facts)
        }
    }
}

/// What reading one file needs, wherever its records come from.
pub(super) struct OneFile {
    decoder: Decoder,
    count: Count,
    begins: Option<Timestamp>,
    span: Option<(Timestamp, Timestamp)>,
}

impl OneFile {
    pub fn new(settings: &Settings) -> OneFile {
        OneFile {
            decoder: Decoder::new(settings.decode),
            count: Count::default(),
            begins: None,
            span: None,
        }
    }

    /// Takes the next record. What it gives is a segment with the number of its packet in this file, and its tunnels.
    #[inline]
    pub fn take(
        &mut self,
        record: Record<'_>,
        place: &Place<'_>,
    ) -> Option<(u64, &Segment, Option<TunnelPath>)> {
        match record {
            Record::Frame(frame) => {
                self.count.packet(&frame, &Place { file: 0, ..*place });
                self.begins.get_or_insert(frame.time);
                self.span = Some((self.span.map_or(place.time, |(first, _)| first), place.time));
                match self.decoder.decode(&frame) {
                    Ok(_) => {}
                    Err(reason) => {
                        self.count.skip(reason);
                        return None;
                    }
                }
                let segment = self.decoder.newest();
                self.count.segments.add(segment.cut, segment.header_cut);
                let tunnels = self.decoder.tunnel(segment.scope.tunnel).cloned();
                Some((self.count.packets, segment, tunnels))
            }
            Record::Skip { reason, .. } => {
                self.count.packets += 1;
                self.count.skip(reason);
                None
            }
            Record::Damage(_) => None, // the file's facts have it
        }
    }

    /// Whether nothing was read of it.
    pub fn is_untouched(&self) -> bool {
        self.count.packets == 0
    }

    /// What there is to know of the file; `facts` is what its reader knows.
    pub fn report(mut self, settings: &Settings, facts: FileFacts) -> FileReport {
        let name = facts.path.to_string_lossy().into_owned();
        let clock = facts.clock;
        let facts = Facts {
            files: vec![facts],
            ..Facts::default()
        };
        self.count.files(&facts);
        let capture = self.count.capture(
            settings,
            &facts,
            &self.decoder,
            &Flaws::default(),
            &Evicted::default(),
        );
        FileReport {
            name,
            begins: self.begins,
            span: self.span,
            capture,
            sketch: None,
            clock,
            unreadable: None,
            no_capture: false,
        }
    }
}
