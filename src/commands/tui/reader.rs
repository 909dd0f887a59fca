//! Reading in the background: the capture as a whole, and again for one connection.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use tcptrace_states::analyze::{
    Connections, LadderRequest, Progress, Settings, connections, connections_with_glimpses,
};
use tcptrace_states::capture::Stop;
use tcptrace_states::model::{Analysis, Summary};
use tcptrace_states::select::Selection;
use tcptrace_states::tui::{Contents, Event, Job, MOST, Taking};

use crate::commands::bug;

/// Connections up to which the list is shown while the capture is read: each such view takes the memory of all of them once
/// more.
const MOST_ON_THE_WAY: u64 = 200_000;

/// What a reading says.
pub enum Message {
    /// Something for the explorer.
    Event(Box<Event>),
    /// Nothing at all could be read.
    GaveUp(anyhow::Error),
}

/// The threads that read.
pub struct Reader {
    settings: Arc<Settings>,
    selection: Arc<Selection>,
    sender: Sender<Message>,
    reading: Option<Stop>,
    job: Option<Stop>,
}

impl Reader {
    /// Reads nothing yet.
    pub fn new(settings: Settings, selection: Selection, sender: Sender<Message>) -> Reader {
        Reader {
            settings: Arc::new(settings),
            selection: Arc::new(selection),
            sender,
            reading: None,
            job: None,
        }
    }

    /// Reads the capture. If that fails the `first` time there is nothing to explore.
    pub fn read(&mut self, first: bool) {
        self.stop_reading();
        let stop = Stop::default();
        self.reading = Some(stop.clone());
        let (settings, selection) = (Arc::clone(&self.settings), Arc::clone(&self.selection));
        let sender = self.sender.clone();
        bug::reading(&settings.files);
        thread::spawn(move || {
            let read = read_all(&settings, &selection, &stop, &sender);
            bug::reading_is_over();
            let message = match read {
                Ok(contents) => event(Event::Read(Box::new(contents))),
                Err(error) if first => Message::GaveUp(error),
                Err(error) => event(Event::Unread(format!("{error:#}"))),
            };
            // Nobody is there to hear it if the explorer has ended.
            let _ = sender.send(message);
        });
    }

    /// Reads the capture for the ladder of one connection, and for no other one any longer.
    pub fn read_connection(&mut self, job: Job) {
        self.forget();
        let stop = Stop::default();
        self.job = Some(stop.clone());
        let settings = Settings {
            ladder: LadderRequest::Between(job.client, job.server),
            ..Settings::clone(&self.settings)
        };
        let sender = self.sender.clone();
        thread::spawn(move || {
            let read = read_one(&settings, job, &stop, &sender);
            let result = read.map_err(|error| format!("{error:#}"));
            if !stop.asked() {
                let _ = sender.send(event(Event::Connection(job.number, result)));
            }
        });
    }

    /// Reads no further; what was read is told.
    pub fn stop_reading(&mut self) {
        if let Some(stop) = self.reading.take() {
            stop.ask();
        }
    }

    /// Nobody waits for the connection any more.
    pub fn forget(&mut self) {
        if let Some(stop) = self.job.take() {
            stop.ask();
        }
    }

    /// Ends everything.
    pub fn stop(&mut self) {
        self.stop_reading();
        self.forget();
    }
}

fn event(event: Event) -> Message {
    Message::Event(Box::new(event))
}

fn read_all(
    settings: &Settings,
    selection: &Selection,
    stop: &Stop,
    sender: &Sender<Message>,
) -> anyhow::Result<Contents> {
    let mut progress = |progress: Progress| {
        bug::read(progress.packets);
        let _ = sender.send(event(Event::Progress(progress)));
    };
    let mut glimpse = |connections: Connections| {
        // What does not add up now does not at the end either, and is told then.
        if let Ok(contents) = taken(connections, selection) {
            let _ = sender.send(event(Event::SoFar(Box::new(contents))));
        }
    };
    let connections =
        connections_with_glimpses(settings, MOST_ON_THE_WAY, stop, &mut progress, &mut glimpse)?;
    taken(connections, selection)
}

fn taken(mut connections: Connections, selection: &Selection) -> anyhow::Result<Contents> {
    let mut taking = Taking::new(selection, MOST);
    for connection in connections.by_ref() {
        taking.add(&connection);
    }
    Ok(taking.finish(connections.finish()?))
}

fn read_one(
    settings: &Settings,
    job: Job,
    stop: &Stop,
    sender: &Sender<Message>,
) -> anyhow::Result<Option<Box<Analysis>>> {
    let mut progress = |progress: Progress| {
        let _ = sender.send(event(Event::ConnectionProgress(job.number, progress)));
    };
    let mut connections = connections(settings, stop, &mut progress)?;
    let capture = connections.capture();
    let sources = connections.sources().to_vec();
    let found = connections.find(|one| {
        let same = |a, b| (one.client, one.server) == (a, b);
        let ends = same(job.client, job.server) || same(job.server, job.client);
        (ends && one.first_packet == job.first_packet) || stop.asked()
    });
    Ok(found.map(|connection| {
        Box::new(Analysis {
            capture,
            sources,
            connections: vec![connection],
            findings: Vec::new(),
            summary: Summary::default(),
        })
    }))
}
