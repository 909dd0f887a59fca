//! The explorer's screens, and what its keys do.

#![cfg(feature = "tui")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use insta::assert_snapshot;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use tcptrace_states::analyze::{LadderRequest, Progress, Settings, analyze, connections};
use tcptrace_states::capture::Stop;
use tcptrace_states::model::{Analysis, Capture, Connection};
use tcptrace_states::select::Selection;
use tcptrace_states::tui::{App, Contents, Effect, Event, Job, Key, Order, Palette, Taking, Theme, view};

const PLAIN: Theme = Theme {
    ascii: false,
    palette: Palette::Mono,
};

/// The explorer with everything around it but a terminal and threads.
struct Explorer {
    app: App,
    files: Vec<PathBuf>,
    size: (u16, u16),
    /// What was asked for last and is not done here.
    asked: Vec<Effect>,
    /// Reads for a connection at once; otherwise it is only asked for.
    reads: bool,
}

impl Explorer {
    /// Nothing is read yet.
    fn begun(file: &Path, size: (u16, u16), theme: Theme) -> Explorer {
        let name = file.file_name().expect("a name").to_string_lossy();
        Explorer {
            app: App::new(theme, &name, size),
            files: vec![file.to_owned()],
            size,
            asked: Vec::new(),
            reads: true,
        }
    }

    /// The capture was read.
    fn open(file: &Path, size: (u16, u16), theme: Theme) -> Explorer {
        let mut explorer = Explorer::begun(file, size, theme);
        let contents = contents(&explorer.settings(), &Selection::default());
        explorer.happens(Event::Read(Box::new(contents)));
        explorer
    }

    fn settings(&self) -> Settings {
        Settings {
            files: self.files.clone(),
            ..Settings::default()
        }
    }

    fn happens(&mut self, event: Event) {
        for effect in self.app.update(event) {
            match effect {
                Effect::ReadConnection(job) if self.reads => {
                    let result = Ok(self.connection(job));
                    self.happens(Event::Connection(job.number, result));
                }
                effect => self.asked.push(effect),
            }
        }
    }

    fn connection(&self, job: Job) -> Option<Box<Analysis>> {
        let settings = Settings {
            ladder: LadderRequest::Between(job.client, job.server),
            ..self.settings()
        };
        let mut analysis = analyze(&settings, &mut |_| {}).expect("a capture");
        analysis
            .connections
            .retain(|one| one.first_packet == job.first_packet);
        (!analysis.connections.is_empty()).then(|| Box::new(analysis))
    }

    fn key(&mut self, key: Key) -> &mut Explorer {
        self.happens(Event::Key(key));
        self
    }

    fn keys(&mut self, keys: &str) -> &mut Explorer {
        for character in keys.chars() {
            self.key(match character {
                '\n' => Key::Enter,
                '\t' => Key::Tab,
                '\u{1b}' => Key::Esc,
                character => Key::Char(character),
            });
        }
        self
    }

    fn cells(&self) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).expect("memory");
        terminal
            .draw(|frame| view::draw(&self.app, frame))
            .expect("memory");
        terminal.backend().buffer().clone()
    }

    /// The characters on the screen.
    fn screen(&self) -> String {
        let cells = self.cells();
        let width = usize::from(self.size.0).max(1);
        let symbols: Vec<&str> = cells.content().iter().map(|cell| cell.symbol()).collect();
        let lines = symbols
            .chunks(width)
            .map(|line| line.concat().trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn kernel(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/kernel")
        .join(name)
}

fn contents(settings: &Settings, selection: &Selection) -> Contents {
    let mut connections = connections(settings, &Stop::default(), &mut |_| {}).expect("a capture");
    let mut taking = Taking::new(selection, usize::MAX);
    connections
        .by_ref()
        .for_each(|connection| taking.add(&connection));
    taking.finish(connections.finish().expect("it adds up"))
}

const LEAK: &str = "close_wait_leak.server.pcapng";
const SOAK: &str = "soak.server.pcap";
const CLOSE: &str = "simultaneous_close.client.pcap";
const REUSE: &str = "tw_syn_low_isn.client.pcap";

#[test]
fn the_list_fits_every_screen() {
    for (columns, lines) in [(80, 24), (120, 40), (40, 10), (20, 6)] {
        let mut explorer = Explorer::open(&kernel(SOAK), (columns, lines), PLAIN);
        explorer.keys("jjj");
        assert_snapshot!(format!("list_{columns}x{lines}"), explorer.screen());
    }
}

#[test]
fn the_list_of_a_leak() {
    let explorer = Explorer::open(&kernel(LEAK), (80, 24), PLAIN);
    assert_snapshot!(explorer.screen());
}

#[test]
fn a_filter_is_in_force_while_it_is_typed() {
    let mut explorer = Explorer::open(&kernel(SOAK), (80, 24), PLAIN);
    explorer.keys("fstate:server=close-wait half-close>5s");
    assert_snapshot!("filter_typed", explorer.screen());
    explorer.keys("x");
    let screen = explorer.screen();
    assert!(
        screen.contains("half-close>5sx: write a duration with its unit"),
        "{screen}"
    );
    assert!(
        screen.contains("filter: state:server=close-wait half-close>5sx"),
        "{screen}"
    );
    explorer.key(Key::Backspace).keys("\n");
    let screen = explorer.screen();
    assert!(screen.contains("of 600 connections"), "{screen}");
    // Escape in the list takes it away; in the line it brings back what was before.
    explorer.keys("fport:1\u{1b}");
    let screen = explorer.screen();
    assert!(screen.contains("filter state:server=close-wait half"), "{screen}");
    explorer.keys("\u{1b}");
    assert!(!explorer.screen().contains("filter state"));
    explorer.keys("fport:1\n");
    assert!(explorer.screen().contains("No connection matches the filter."));
}

#[test]
fn the_list_is_sorted_as_asked() {
    let mut explorer = Explorer::open(&kernel(SOAK), (100, 20), PLAIN);
    explorer.keys("s");
    assert_snapshot!("sort_menu", explorer.screen());
    explorer.keys("h");
    assert_snapshot!("sorted_by_half_close", explorer.screen());
    let first = |explorer: &Explorer| explorer.screen().lines().nth(2).expect("a row").to_owned();
    let longest = first(&explorer);
    explorer.keys("S");
    assert_ne!(first(&explorer), longest);
    explorer.keys("S");
    assert_eq!(first(&explorer), longest);
    for order in Order::ALL {
        explorer.keys("s").key(Key::Char(order.key()));
        assert!(explorer.screen().contains(&format!("by {}", order.name())));
    }
}

#[test]
fn a_search_goes_on_and_around() {
    let mut explorer = Explorer::open(&kernel(SOAK), (80, 24), PLAIN);
    let place = |explorer: &Explorer| {
        let screen = explorer.screen();
        let selected = screen
            .lines()
            .find(|line| line.starts_with('>'))
            .expect("a cursor")
            .to_owned();
        selected.split_whitespace().nth(1).expect("an id").to_owned()
    };
    let settings = explorer.settings();
    let analysis = analyze(&settings, &mut |_| {}).expect("a capture");
    let wanted: BTreeSet<String> = analysis
        .connections
        .iter()
        .filter(|one| one.outcome.name() == "refused")
        .map(|one| one.id.to_string())
        .collect();
    assert!(wanted.len() > 1);
    explorer.keys("/outcome:refused\n");
    let mut seen = vec![place(&explorer)];
    while seen.len() <= wanted.len() {
        explorer.keys("n");
        seen.push(place(&explorer));
    }
    assert_eq!(seen.first(), seen.last());
    assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), wanted);
    explorer.keys("N");
    assert_eq!(seen.get(wanted.len() - 1), Some(&place(&explorer)));
    explorer.keys("/no-such-thing\n");
    assert!(explorer.screen().contains("not found: no-such-thing"));
}

#[test]
fn one_connection_has_ladder_states_findings_and_explanations() {
    let mut explorer = Explorer::open(&kernel(REUSE), (80, 24), PLAIN);
    explorer.keys("\n");
    assert_snapshot!("connection_ladder", explorer.screen());
    for tab in ["states", "findings", "explain"] {
        explorer.keys("\t");
        assert_snapshot!(format!("connection_{tab}"), explorer.screen());
    }
    explorer.keys("\tG");
    assert!(
        explorer.screen().contains("Transitions, and what proves them") || explorer.screen().contains("end")
    );
    let mut wide = Explorer::open(&kernel(CLOSE), (120, 40), PLAIN);
    wide.keys("\na");
    assert_snapshot!("connection_120x40", wide.screen());
    let mut small = Explorer::open(&kernel(CLOSE), (40, 10), PLAIN);
    small.keys("\nll");
    assert_snapshot!("connection_40x10", small.screen());
}

/// What `show` prints is what the ladder's lines are.
#[test]
fn the_ladder_is_that_of_show() {
    let mut explorer = Explorer::open(&kernel(CLOSE), (100, 200), PLAIN);
    explorer.keys("\n");
    let output = assert_cmd::Command::cargo_bin("tcptrace-states")
        .expect("the program")
        .arg("show")
        .arg(kernel(CLOSE))
        .args(["--conn", "1", "--width", "100", "--color", "never"])
        .output()
        .expect("a run");
    let shown = String::from_utf8(output.stdout).expect("text");
    let shown = shown.trim_end();
    let screen = explorer.screen();
    assert!(screen.contains(shown), "{screen}\n---\n{shown}");
}

#[test]
fn a_connection_is_read_for_until_it_is_broken_off() {
    let mut explorer = Explorer::open(&kernel(LEAK), (80, 24), PLAIN);
    explorer.reads = false;
    explorer.keys("\n");
    let [Effect::ReadConnection(job)] = explorer.asked[..] else {
        panic!("{:?}", explorer.asked);
    };
    let far = Progress {
        bytes_read: 43,
        bytes_total: Some(100),
        packets: 65_536,
    };
    explorer.happens(Event::ConnectionProgress(job.number, far));
    assert_snapshot!("connection_reading", explorer.screen());
    explorer.keys("\u{1b}");
    assert_eq!(explorer.asked.pop(), Some(Effect::Forget));
    assert!(explorer.screen().contains("Reading was broken off"));
    // What comes late is for nobody.
    let late = explorer.connection(job);
    explorer.happens(Event::Connection(job.number + 7, Ok(late)));
    assert!(explorer.screen().contains("Reading was broken off"));
    explorer.keys("\n");
    let Some(Effect::ReadConnection(again)) = explorer.asked.pop() else {
        panic!("{:?}", explorer.asked);
    };
    assert_ne!(again.number, job.number);
    explorer.happens(Event::Connection(again.number, Ok(None)));
    assert!(explorer.screen().contains("not there any more"));
    explorer.keys("\n");
    let Some(Effect::ReadConnection(last)) = explorer.asked.pop() else {
        panic!("{:?}", explorer.asked);
    };
    explorer.happens(Event::Connection(
        last.number,
        Err("disk\u{1b}[2J gone".to_owned()),
    ));
    assert!(explorer.screen().contains("disk\\u{1b}[2J gone"));
    // Whoever goes back does not want it any more.
    explorer.keys("\n").asked.clear();
    explorer.keys("q");
    assert_eq!(explorer.asked, [Effect::Forget]);
    explorer.keys("q");
    assert_eq!(explorer.asked, [Effect::Forget, Effect::Quit]);
}

#[test]
fn the_timeline_has_a_lane_for_each_end() {
    for (name, file, keys) in [
        ("timeline_simultaneous_close", CLOSE, "tz"),
        ("timeline_reuse", REUSE, "t"),
        ("timeline_reuse_fitted", REUSE, "tz"),
    ] {
        let mut explorer = Explorer::open(&kernel(file), (80, 24), PLAIN);
        explorer.keys(keys);
        assert_snapshot!(name, explorer.screen());
    }
    let mut wide = Explorer::open(&kernel(SOAK), (120, 40), PLAIN);
    wide.keys("sst");
    assert_snapshot!("timeline_120x40", wide.screen());
    let whole = wide.screen();
    wide.keys("+++hhll-");
    assert_ne!(wide.screen(), whole);
    wide.keys("0");
    assert_eq!(wide.screen(), whole);
    let mut small = Explorer::open(&kernel(SOAK), (40, 10), PLAIN);
    small.keys("\tjj");
    assert_snapshot!("timeline_40x10", small.screen());
}

#[test]
fn ascii_is_ascii() {
    let theme = Theme {
        ascii: true,
        palette: Palette::Mono,
    };
    let mut explorer = Explorer::open(&kernel(REUSE), (80, 24), theme);
    let mut screens = vec![explorer.screen()];
    for keys in ["tz", "\n", "\t", "\t", "?", "q", "qqi", "qe\n", "qss", "fx:y"] {
        explorer.keys(keys);
        screens.push(explorer.screen());
    }
    assert_snapshot!("ascii_timeline", screens[1]);
    for screen in screens {
        assert!(screen.is_ascii(), "{screen}");
    }
}

#[test]
fn the_help_has_all_keys() {
    let mut explorer = Explorer::open(&kernel(LEAK), (80, 24), PLAIN);
    explorer.keys("?");
    assert_snapshot!("help_80x24", explorer.screen());
    explorer.keys("G");
    assert_snapshot!("help_80x24_end", explorer.screen());
    explorer.keys("/timeline\n");
    assert!(explorer.screen().contains("timeline"));
    explorer.keys("?");
    assert!(explorer.screen().contains("22 connections"));
}

#[test]
fn what_is_shown_while_reading_says_so() {
    let mut explorer = Explorer::begun(&kernel(SOAK), (80, 24), PLAIN);
    assert_snapshot!("reading_nothing_yet", explorer.screen());
    let far = Progress {
        bytes_read: 430,
        bytes_total: Some(1_000),
        packets: 20_480,
    };
    explorer.happens(Event::Progress(far));
    // As much as one knows of another, smaller capture.
    let settings = Settings {
        files: vec![kernel(LEAK)],
        ..Settings::default()
    };
    let so_far = contents(&settings, &Selection::default());
    explorer.happens(Event::SoFar(Box::new(so_far)));
    assert_snapshot!("reading_so_far", explorer.screen());
    // The cursor stays on the connection, wherever that is now.
    explorer.keys("jjj");
    let selected = |explorer: &Explorer| {
        let screen = explorer.screen();
        screen
            .lines()
            .find(|line| line.starts_with('>'))
            .expect("a cursor")
            .to_owned()
    };
    let before = selected(&explorer);
    let again = contents(
        &settings,
        &Selection {
            ids: vec![2, 4, 9],
            ..Selection::default()
        },
    );
    explorer.happens(Event::SoFar(Box::new(again)));
    assert_eq!(selected(&explorer), before);
    explorer.keys("i");
    assert!(
        explorer
            .screen()
            .contains("So far: what stands after 157 packets.")
    );
    explorer.keys("qx");
    assert_eq!(explorer.asked, [Effect::StopReading]);
    assert!(explorer.screen().contains("stopping 43 %"));
    explorer.keys("r");
    assert_eq!(explorer.asked.len(), 1, "it is being read");
    explorer.happens(Event::Read(Box::new(contents(&settings, &Selection::default()))));
    assert!(!explorer.screen().contains("so far"));
    explorer.keys("r");
    assert_eq!(explorer.asked.pop(), Some(Effect::Read));
    explorer.happens(Event::Unread("gone".to_owned()));
    assert!(explorer.screen().contains("not read again: gone"));
}

#[test]
fn a_damaged_capture_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let cut = folder.path().join("cut.pcap");
    let octets = fs::read(kernel(CLOSE)).expect("a capture");
    fs::write(&cut, &octets[..octets.len() - 20]).expect("room");
    let mut explorer = Explorer::open(&cut, (80, 24), PLAIN);
    assert_snapshot!("damaged", explorer.screen());
    explorer.keys("i");
    assert!(explorer.screen().contains("INCOMPLETE"), "{}", explorer.screen());
    let empty = folder.path().join("empty.pcap");
    fs::write(&empty, &octets[..24]).expect("room");
    let mut explorer = Explorer::open(&empty, (80, 24), PLAIN);
    assert_snapshot!("empty", explorer.screen());
    explorer.keys("\ntjkz+-0\nq/x\nnsSfx\n");
    explorer.screen();
}

#[test]
fn rows_beyond_the_bound_are_counted() {
    let settings = Settings {
        files: vec![kernel(SOAK)],
        ..Settings::default()
    };
    let selection = Selection::default();
    let mut connections = connections(&settings, &Stop::default(), &mut |_| {}).expect("a capture");
    let mut taking = Taking::new(&selection, 100);
    connections
        .by_ref()
        .for_each(|connection| taking.add(&connection));
    let contents = taking.finish(connections.finish().expect("it adds up"));
    let mut explorer = Explorer::begun(&kernel(SOAK), (80, 24), PLAIN);
    explorer.happens(Event::Read(Box::new(contents)));
    assert!(
        explorer
            .screen()
            .contains("100 connections · 500 more NOT LISTED"),
        "{}",
        explorer.screen()
    );
    explorer.keys("iG");
    let screen = explorer.screen();
    assert!(
        screen.contains("500 more are counted, but not listed"),
        "{screen}"
    );
}

#[test]
fn words_are_explained() {
    let mut explorer = Explorer::open(&kernel(LEAK), (80, 24), PLAIN);
    explorer.keys("eTW05\n");
    assert!(explorer.screen().contains("explain TW05"));
    assert!(explorer.screen().contains("reuse-refused"));
    explorer.keys("qeclose wait\n");
    assert!(explorer.screen().contains("CLOSE-WAIT"));
    explorer.keys("qeestablishd\n");
    assert!(
        explorer.screen().contains("did you mean"),
        "{}",
        explorer.screen()
    );
    explorer.keys("exqzvw\n");
    assert!(explorer.screen().contains("nothing is known of `xqzvw`"));
    explorer.keys("e\n");
    assert!(explorer.screen().contains("What can be explained"));
}

/// Without colours the same text stands on the screen, and no cell has one; with them, states differ by more than colour.
#[test]
fn colours_say_nothing_that_text_does_not() {
    for keys in ["", "j", "tz", "\n", "\n\t\t", "i", "?", "fstate:x", "s"] {
        let screen = |palette| {
            let theme = Theme {
                ascii: false,
                palette,
            };
            let mut explorer = Explorer::open(&kernel(REUSE), (80, 24), theme);
            explorer.keys(keys);
            (explorer.screen(), explorer.cells())
        };
        let (text, cells) = screen(Palette::Mono);
        for cell in cells.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{keys:?}");
            assert!(
                (Modifier::BOLD | Modifier::REVERSED).contains(cell.modifier),
                "{keys:?}"
            );
        }
        for palette in [Palette::Sixteen, Palette::Full] {
            let (other, cells) = screen(palette);
            assert_eq!(other, text);
            assert!(cells.content().iter().any(|cell| cell.fg != Color::Reset) || keys == "?" || keys == "s");
        }
    }
}

/// Whatever comes from outside is shown, not obeyed.
#[test]
fn no_cell_holds_what_a_terminal_would_obey() {
    let hostile = "\u{1b}[2J\u{202e}\u{9b}31m\u{7}\nx\u{200b}.pcap";
    let mut app = App::new(PLAIN, hostile, (160, 24));
    let keys = [
        "",
        "f",
        "\u{202e}\u{1b}",
        "/",
        "\u{200f}x",
        "\n",
        "e",
        "\u{2066}a",
        "\n",
    ];
    for text in keys {
        for character in text.chars() {
            app.update(Event::Key(match character {
                '\n' => Key::Enter,
                '\u{1b}' => Key::Esc,
                character => Key::Char(character),
            }));
            app.update(Event::Unread(hostile.to_owned()));
        }
        let mut terminal = Terminal::new(TestBackend::new(160, 24)).expect("memory");
        terminal.draw(|frame| view::draw(&app, frame)).expect("memory");
        for cell in terminal.backend().buffer().content() {
            for character in cell.symbol().chars() {
                let hidden = character.is_control()
                    || matches!(u32::from(character), 0x200b..=0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
                assert!(!hidden, "{character:?} after {text:?}");
            }
        }
    }
}

/// The connections of a capture, read once.
fn read_once() -> &'static (Vec<Connection>, Capture) {
    static READ: OnceLock<(Vec<Connection>, Capture)> = OnceLock::new();
    READ.get_or_init(|| {
        let settings = Settings {
            files: vec![kernel(SOAK)],
            ladder: LadderRequest::All,
            ..Settings::default()
        };
        let analysis = analyze(&settings, &mut |_| {}).expect("a capture");
        (analysis.connections, analysis.capture)
    })
}

/// Everything that may happen, in any order.
#[derive(Debug, Clone)]
enum Happening {
    Key(Key),
    Size(u16, u16),
    Progress(u64, Option<u64>),
    SoFar(usize),
    Read(usize),
    Unread,
    /// The connection that was asked for last.
    Connection,
    Lost,
}

fn happening() -> impl Strategy<Value = Happening> {
    let named = prop::sample::select(vec![
        Key::Enter,
        Key::Esc,
        Key::Tab,
        Key::BackTab,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Backspace,
        Key::Delete,
        Key::F(1),
        Key::F(6),
        Key::Ctrl('d'),
        Key::Ctrl('u'),
        Key::Ctrl('w'),
        Key::Ctrl('l'),
    ]);
    let letters: Vec<char> = "jkgGbqQfs/nNtzie?rxSa][0123456789+-=hlHLwv:.>!& "
        .chars()
        .collect();
    prop_oneof![
        8 => prop::sample::select(letters).prop_map(|c| Happening::Key(Key::Char(c))),
        4 => named.prop_map(Happening::Key),
        1 => any::<char>().prop_map(|c| Happening::Key(Key::Char(c))),
        2 => (0u16..200, 0u16..60).prop_map(|(w, h)| Happening::Size(w, h)),
        1 => (any::<u64>(), any::<Option<u64>>()).prop_map(|(read, of)| Happening::Progress(read, of)),
        1 => (0usize..600).prop_map(Happening::SoFar),
        1 => (0usize..600).prop_map(Happening::Read),
        1 => Just(Happening::Unread),
        3 => Just(Happening::Connection),
        1 => Just(Happening::Lost),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_happens_is_too_much(
        happenings in prop::collection::vec(happening(), 1..120),
        ascii: bool,
        palette in prop::sample::select(vec![Palette::Mono, Palette::Sixteen, Palette::Full]),
    ) {
        let (connections, capture) = read_once();
        let some = |count: usize| {
            let selection = Selection::default();
            let mut taking = Taking::new(&selection, usize::MAX);
            connections.iter().take(count).for_each(|one| taking.add(one));
            Box::new(taking.finish(Analysis {
                capture: capture.clone(),
                sources: Vec::new(),
                connections: Vec::new(),
                findings: Vec::new(),
                summary: Default::default(),
            }))
        };
        let mut app = App::new(Theme { ascii, palette }, "x.pcap", (80, 24));
        let mut size = (80, 24);
        let mut job: Option<Job> = None;
        for happening in happenings {
            let event = match happening {
                Happening::Key(key) => Event::Key(key),
                Happening::Size(columns, lines) => {
                    size = (columns, lines);
                    Event::Resize(columns, lines)
                }
                Happening::Progress(bytes_read, bytes_total) => Event::Progress(Progress {
                    bytes_read,
                    bytes_total,
                    packets: bytes_read,
                }),
                Happening::SoFar(count) => Event::SoFar(some(count)),
                Happening::Read(count) => Event::Read(some(count)),
                Happening::Unread => Event::Unread("x".to_owned()),
                Happening::Connection | Happening::Lost => {
                    let Some(job) = job else { continue };
                    let found = connections.iter().find(|one| one.first_packet == job.first_packet);
                    let found = found.filter(|_| matches!(happening, Happening::Connection));
                    let analysis = found.map(|one| Box::new(Analysis {
                        capture: capture.clone(),
                        sources: Vec::new(),
                        connections: vec![one.clone()],
                        findings: Vec::new(),
                        summary: Default::default(),
                    }));
                    Event::Connection(job.number, Ok(analysis))
                }
            };
            for effect in app.update(event) {
                if let Effect::ReadConnection(wanted) = effect {
                    job = Some(wanted);
                }
            }
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("memory");
            terminal.draw(|frame| view::draw(&app, frame)).expect("memory");
        }
    }
}
