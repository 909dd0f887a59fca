//! `leaks` with listings of sockets, through the program: captures and listings made by hand, and on Linux the sockets of
//! this very process.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tcptrace_states::segment::{Endpoint, Flags, Segment};
use tcptrace_states::seq::Seq;

mod story;

use story::{SECOND, START};

/// What a connection of a capture does.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// The client sends so many octets and closes; the server does not.
    LeaksAtServer(u32),
    /// The server closes, the client does not.
    LeaksAtClient,
    StaysOpen,
    Closes,
}

/// The segments of a connection that begins at `from` nanoseconds.
fn segments(client: Endpoint, server: Endpoint, does: Does, from: i64) -> Vec<Segment> {
    let (fin, syn, ack, push) = (Flags::FIN, Flags::SYN, Flags::ACK, Flags::PSH);
    let sent = match does {
        Does::LeaksAtServer(octets) => octets,
        Does::LeaksAtClient | Does::StaysOpen | Does::Closes => 10,
    };
    let next = 101 + sent;
    // Who sends, control bits, sequence number, acknowledgment, octets.
    let mut script = vec![
        (true, syn, 100, 0, 0),
        (false, syn | ack, 300, 101, 0),
        (true, ack, 101, 301, 0),
        (true, push | ack, 101, 301, sent),
        (false, ack, 301, next, 0),
    ];
    match does {
        Does::LeaksAtServer(_) => {
            script.extend([(true, fin | ack, next, 301, 0), (false, ack, 301, next + 1, 0)]);
        }
        Does::LeaksAtClient => {
            script.extend([(false, fin | ack, 301, next, 0), (true, ack, next, 302, 0)]);
        }
        Does::StaysOpen => {}
        Does::Closes => script.extend([
            (true, fin | ack, next, 301, 0),
            (false, fin | ack, 301, next + 1, 0),
            (true, ack, next + 1, 302, 0),
        ]),
    }
    (script.into_iter().zip(0..))
        .filter(|((.., octets), place)| *place != 3 || *octets > 0)
        .map(|((by_client, flags, seq, ack, octets), place)| {
            let (source, destination) = if by_client {
                (client, server)
            } else {
                (server, client)
            };
            let time = START + from + place * 1_000_000;
            let mut segment = story::segment(1, time, source, destination, flags);
            segment.seq = Seq(seq);
            (segment.ack, segment.raw_ack) = (segment.flags.ack().then_some(Seq(ack)), ack);
            segment.payload_len = octets;
            segment
        })
        .collect()
}

fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().expect("an address with a port");
    endpoint(address)
}

fn endpoint(address: std::net::SocketAddr) -> Endpoint {
    Endpoint {
        ip: address.ip(),
        port: address.port(),
    }
}

/// A file of the test's own directory.
fn written(directory: &str, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join(name), bytes).expect("space");
    directory
}

fn capture(mut segments: Vec<Segment>) -> Vec<u8> {
    segments.sort_by_key(|segment| segment.time);
    let frames: Vec<_> = (segments.iter())
        .map(|segment| (segment.time, story::frame(segment)))
        .collect();
    story::pcap(&frames)
}

const SERVER: &str = "10.0.0.5:8080";

/// 22 connections leak at a server; one at another, whose process has a hostile name; one at a client; others do not leak.
fn leaky_capture() -> Vec<u8> {
    let mut all = Vec::new();
    for nth in 0..22 {
        let client = end(&format!("10.0.0.{}:{}", 9 + nth % 2, 51_000 + nth));
        let does = Does::LeaksAtServer(10);
        all.extend(segments(client, end(SERVER), does, nth * 13 * SECOND));
    }
    let other = end("10.0.0.5:9090");
    let hostile = end("10.0.0.12:52000");
    all.extend(segments(hostile, other, Does::LeaksAtServer(60), 20 * SECOND));
    let own = end("10.0.0.5:53000");
    all.extend(segments(
        own,
        end("10.0.0.6:5432"),
        Does::LeaksAtClient,
        30 * SECOND,
    ));
    all.extend(segments(
        end("10.0.0.9:54000"),
        other,
        Does::StaysOpen,
        40 * SECOND,
    ));
    all.extend(segments(end("10.0.0.9:54001"), other, Does::Closes, 41 * SECOND));
    all.extend(segments(
        end("10.0.0.9:54002"),
        other,
        Does::StaysOpen,
        300 * SECOND,
    ));
    capture(all)
}

/// What the host lists: of the 22 one is gone and one seems to be of another time.
fn leaky_listing() -> String {
    let mut text = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n".to_owned();
    text.push_str("LISTEN 0 128 *:8080 *:* users:((\"java\",pid=4121,fd=60))\n");
    for nth in 0..20 {
        let recv_q = if nth == 2 { 0 } else { 1 };
        if nth == 1 {
            text.push_str("CLOSE-WAIT 11 0 10.0.0.5:8080 10.0.0.10:51001 ino:0 sk:2\n");
            continue;
        }
        text.push_str(&format!(
            "CLOSE-WAIT {recv_q} 0 {SERVER} [::ffff:10.0.0.{}]:{} users:((\"java\",pid=4121,fd={}))\n",
            9 + nth % 2,
            51_000 + nth,
            87 + nth
        ));
    }
    text + "ESTAB 0 0 10.0.0.5:8080 10.0.0.9:51020 users:((\"java\",pid=4121,fd=200))
CLOSE-WAIT 61 0 10.0.0.5%eth0:9090 10.0.0.12:52000 users:((\"\u{1b}[2J\u{202e}x\",pid=7,fd=3),(\"\u{1b}[2J\u{202e}x\",pid=8,fd=3))
CLOSE-WAIT 1 0 10.0.0.5:53000 10.0.0.6:5432 users:((\"worker 1\",pid=31,fd=9)) ino:77 sk:1
CLOSE-WAIT 1 0 10.0.0.5:9090 10.0.0.9:54000
ESTAB 0 0 10.0.0.5:9090 10.0.0.9:54001
CLOSE-WAIT 9 0 10.0.0.5:9090 10.0.0.77:1 users:((\"::error::x\",pid=9,fd=4))
ESTAB 0 0 10.0.0.5:22 10.0.0.78:2 users:((\"sshd\",pid=10,fd=4))
"
}

/// The directory with the capture and the listing.
fn files() -> &'static Path {
    static FILES: OnceLock<PathBuf> = OnceLock::new();
    FILES.get_or_init(|| {
        written("leaks-ss", "ss.txt", leaky_listing());
        written("leaks-ss", "web.pcap", leaky_capture())
    })
}

fn program(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tcptrace-states"));
    command
        .arg("leaks")
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::null())
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE");
    command
}

fn run(args: &[&str]) -> Output {
    program(files(), args).output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn screen(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&screen(&[args, &["--format", "json"]].concat())).expect("JSON")
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(screen(&["web.pcap", "--ss", "ss.txt", "--width", "80"]));
}

#[test]
fn at_120_columns() {
    insta::assert_snapshot!(screen(&["web.pcap", "--ss", "ss.txt", "--width", "120"]));
}

#[test]
fn by_process_at_100_columns() {
    insta::assert_snapshot!(screen(&[
        "web.pcap", "--ss", "ss.txt", "--by", "process", "--width", "100"
    ]));
}

#[test]
fn nothing_of_a_name_reaches_the_terminal_and_nothing_is_wider_than_it() {
    let long = leaky_listing().replace("sshd", &"\u{7}\u{4e2d}".repeat(40_000));
    written("leaks-ss", "long.txt", long);
    for by in ["server", "process"] {
        for width in [80, 100, 120, 160] {
            for file in ["ss.txt", "long.txt"] {
                let width_text = width.to_string();
                let text = screen(&["web.pcap", "--ss", file, "--by", by, "--width", &width_text]);
                let raw = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
                assert!(!text.contains(raw), "{text}");
                let widest = text.lines().map(|line| line.chars().count()).max();
                assert!(widest <= Some(width), "{width}:\n{text}");
            }
        }
    }
}

#[test]
fn json_has_sockets_beside_connections_and_both_rests() {
    let document = json(&["web.pcap", "--ss", "ss.txt"]);
    let sockets = &document["sockets"];
    assert_eq!(sockets["listings"][0]["name"], "ss.txt");
    assert_eq!(sockets["listings"][0]["sockets"], 28);
    assert_eq!(
        (&sockets["open_joined"], &document["leaks"]["open"]),
        (&23.into(), &24.into())
    );
    assert_eq!(
        (&sockets["contradicting"], &sockets["close_wait_since"]),
        (&1.into(), &1.into())
    );

    let group = &sockets["groups"][0];
    assert_eq!(document["leaks"]["groups"][0]["server"]["port"], 8080);
    assert_eq!(
        (&group["joined"], &group["without_socket"]),
        (&21.into(), &1.into())
    );
    let java = &group["processes"][0];
    assert_eq!(
        (&java["process"], &java["sockets"]),
        (&"java pid 4121".into(), &20.into())
    );
    assert_eq!(java["readings"]["never_read_end"], 18);
    assert_eq!(java["readings"]["read_end_not_closed"], 1);
    assert_eq!(group["not_accepted"], 1, "Recv-Q says nothing of it");
    assert_eq!(group["other_states"][0]["state"], "ESTABLISHED");
    assert_eq!(group["other_states"][0]["fit"], "contradicts");

    let connections = sockets["connections"].as_array().expect("a list");
    assert_eq!(connections.len(), 24);
    let hostile = (connections.iter())
        .find(|one| one["server"]["recv_q"] == 61)
        .expect("the hostile one");
    let socket = &hostile["server"];
    assert_eq!(socket["processes"][0]["name"], "\u{1b}[2J\u{202e}x", "exactly");
    assert_eq!(
        (&socket["processes"][1]["pid"], &socket["processes"][1]["fd"]),
        (&8.into(), &3.into())
    );
    assert_eq!(
        (&socket["reading"], &socket["unread_bytes"]),
        (&"left-unread".into(), &60.into())
    );
    assert_eq!(
        (&socket["state"], &socket["captured_state"]),
        (&"CLOSE-WAIT".into(), &"CLOSE-WAIT".into())
    );
    assert_eq!(
        (&socket["fit"], &hostile["client"]),
        (&"same".into(), &Value::Null)
    );

    let alone = &sockets["without_socket"];
    assert_eq!((&alone["total"], &alone["half_closed"]), (&2.into(), &1.into()));
    assert_eq!(alone["first"][0]["server_state"], "CLOSE-WAIT");
    assert_eq!(alone["first"][0]["host_listed"], true);
    let strays = &sockets["without_connection"];
    assert_eq!((&strays["total"], &strays["close_wait"]), (&3.into(), &1.into()));
    assert_eq!(strays["first"][0]["processes"][0]["name"], "::error::x");
    assert_eq!(strays["over"], 1, "its TIME-WAIT had ended");

    assert_eq!(json(&["web.pcap"])["sockets"], Value::Null);
}

#[test]
fn a_selection_leaves_no_socket_alone() {
    let all = json(&["web.pcap", "--ss", "ss.txt"]);
    let some = json(&["web.pcap", "--ss", "ss.txt", "--port", "5432"]);
    assert_eq!(some["sockets"]["connections"].as_array().map(Vec::len), Some(1));
    assert_eq!(some["sockets"]["without_socket"]["total"], 0);
    assert_eq!(
        all["sockets"]["without_connection"],
        some["sockets"]["without_connection"]
    );
}

#[test]
fn groups_by_process() {
    let document = json(&["web.pcap", "--ss", "ss.txt", "--by", "process"]);
    let groups = document["leaks"]["groups"].as_array().expect("a list");
    let names: Vec<(&Value, &Value)> = (groups.iter())
        .map(|group| (&group["process"], &group["open"]))
        .collect();
    assert_eq!(names[0], (&"java pid 4121".into(), &20.into()));
    let hostile = "\u{1b}[2J\u{202e}x pid 7, \u{1b}[2J\u{202e}x pid 8";
    assert!(names.contains(&(&hostile.into(), &1.into())), "{names:?}");
    assert!(names.contains(&(&Value::Null, &2.into())), "{names:?}");
}

#[test]
fn the_last_of_several_listings_counts() {
    let later = leaky_listing().replace("CLOSE-WAIT 1 0 10.0.0.5:8080", "LAST-ACK 0 1 10.0.0.5:8080");
    written("leaks-ss", "later.txt", later);
    files();
    let document = json(&["web.pcap", "--ss", "ss.txt", "--ss", "later.txt"]);
    let group = &document["sockets"]["groups"][0];
    let others = group["other_states"].as_array().expect("a list");
    assert!(
        others
            .iter()
            .any(|other| other["state"] == "LAST-ACK" && other["fit"] == "later" && other["count"] == 18),
        "{others:?}"
    );
    assert_eq!(document["sockets"]["connections"][0]["server"]["candidates"], 2);
    assert_eq!(document["sockets"]["connections"][0]["server"]["listing"], 1);
}

#[test]
fn sockets_are_told_where_nothing_leaks() {
    let quiet = segments(end("10.0.0.9:54001"), end(SERVER), Does::Closes, 0);
    written("leaks-ss", "quiet.pcap", capture(quiet));
    files();
    let text = screen(&["quiet.pcap", "--ss", "ss.txt"]);
    assert!(text.contains("Nothing leaks"), "{text}");
    assert!(text.contains("27 sockets have no connection here"), "{text}");
    assert!(
        text.contains("in CLOSE-WAIT") && text.contains("java pid 4121 fd 87"),
        "{text}"
    );
}

#[test]
fn odd_lines_are_named_with_file_and_line() {
    let odd = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n\
               CLOSE-WAIT 1 0 10.0.0.5:8080 10.0.0.9:51000 users:((\"java\",pid=4121,fd=87))\n\
               CLOSE-WAIT many 0 10.0.0.5:8080 10.0.0.9:51002\n\
               \u{1b}[31mno socket\n\
               CLOSE-WAIT 1 0 10.0.0.5:https 10.0.0.9:51004\n";
    written("leaks-ss", "odd\n.txt", odd);
    let output = run(&["web.pcap", "--ss", "odd\n.txt"]);
    let said = text(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(0),
        "what could be read is used: {said}"
    );
    for words in [
        "warning: odd\\n.txt:3: expected a",
        "warning: odd\\n.txt:4: expected a socket as `ss -tanp` prints it",
        "1 left out: these sockets have names in place of numbers: run `ss` with -n",
    ] {
        assert!(said.contains(words), "no `{words}` in {said}");
    }
    assert!(!said.contains('\u{1b}'), "{said}");
    for (name, bytes, words) in [
        (
            "empty.txt",
            &b""[..],
            "no TCP socket in it; expected the output of `ss -tanp`",
        ),
        (
            "octets.txt",
            b"\xff\xfe\x00\x01(((\n",
            "octets.txt:1: expected a socket",
        ),
        (
            "noone.txt",
            b"ESTAB 0 0 10.0.0.5:1 10.0.0.9:2\n",
            "it names no process: run `ss` with -p",
        ),
    ] {
        written("leaks-ss", name, bytes);
        let output = run(&["web.pcap", "--ss", name]);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let directory = files();
    let huge = fs::File::create(directory.join("huge.txt")).expect("a file");
    huge.set_len((64 << 20) + 1).expect("a sparse file");
    for (args, said) in [
        (
            &["web.pcap", "--by", "process"][..],
            "--by process: a capture does not show processes; add --ss FILE",
        ),
        (
            &["web.pcap", "--ss", "missing.txt"],
            "cannot read the listing of sockets missing.txt: No such file",
        ),
        (
            &["web.pcap", "--ss", "."],
            "cannot read the listing of sockets .: ",
        ),
        (&["web.pcap", "--ss", "huge.txt"], "huge.txt: larger than 64 MiB"),
        (&["-", "--ss", "-"], "standard input is the capture already"),
        (
            &["web.pcap", "--ss", "-", "--ss", "-"],
            "standard input can be read only once",
        ),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "");
        assert!(
            text(&output.stderr).contains(said),
            "{args:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_listing_may_come_from_standard_input() {
    let mut child = program(files(), &["web.pcap", "--ss", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(leaky_listing().as_bytes()).expect("a reader");
    drop(input);
    let output = child.wait_with_output().expect("an end");
    let mut document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["sockets"]["listings"][0]["name"], "-");
    document["sockets"]["listings"][0]["name"] = "ss.txt".into();
    assert_eq!(document, json(&["web.pcap", "--ss", "ss.txt"]));
}

/// A host without `ss`, with one that fails, and with one that says with what it was called.
#[cfg(unix)]
#[test]
fn the_host_is_asked_without_a_shell_and_failures_are_told() {
    use std::os::unix::fs::PermissionsExt;

    let asked = |name: &str, script: Option<&str>| {
        let bin = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&bin).expect("a directory");
        if let Some(script) = script {
            let path = bin.join("ss");
            fs::write(&path, script).expect("space");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        }
        let mut command = program(files(), &["web.pcap", "--ss-now"]);
        command.env("PATH", &bin).output().expect("the program")
    };
    let missing = asked("no-ss", None);
    assert_eq!(missing.status.code(), Some(2));
    let said = text(&missing.stderr);
    assert!(
        said.contains("there is no `ss` on this host") && said.contains("--ss FILE"),
        "{said}"
    );
    let failing = asked(
        "bad-ss",
        Some("#!/bin/sh\necho 'Cannot open netlink' >&2\nexit 3\n"),
    );
    assert_eq!(failing.status.code(), Some(2));
    let said = text(&failing.stderr);
    assert!(
        said.contains("`ss -Htanpieo` failed (exit status: 3): Cannot open netlink"),
        "{said}"
    );
    let echo = "#!/bin/sh\n[ \"$*\" = -Htanpieo ] && echo 'CLOSE-WAIT 1 0 10.0.0.5:8080 10.0.0.9:51000 users:((\"a b\",pid=5,fd=6))'\n";
    let answered = asked("good-ss", Some(echo));
    assert_eq!(answered.status.code(), Some(0), "{}", text(&answered.stderr));
    assert!(
        text(&answered.stdout).contains("a b pid 5 fd 6"),
        "{}",
        text(&answered.stdout)
    );
}

/// The real thing: this process holds sockets in CLOSE-WAIT, and the program names it.
#[cfg(target_os = "linux")]
#[test]
#[allow(clippy::print_stderr)]
fn the_sockets_of_this_process() {
    use std::io::Read;
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    if Command::new("ss").arg("-V").output().is_err() {
        eprintln!("SKIPPED: there is no `ss` on this host");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("an address");
    // What the client sends, whether the server reads to the end, Recv-Q, what that says.
    let cases = [
        (0, false, 1, "never-read-end"),
        (5, true, 0, "read-end-not-closed"),
        (7, false, 8, "left-unread"),
    ];
    let mut held = Vec::new();
    let mut all = Vec::new();
    for (nth, (octets, reads, ..)) in cases.into_iter().enumerate() {
        let mut client = TcpStream::connect(server).expect("a listener");
        let (mut accepted, _) = listener.accept().expect("a client");
        client.write_all(&vec![b'x'; octets]).expect("room");
        client.shutdown(Shutdown::Write).expect("a connection");
        if reads {
            let mut data = Vec::new();
            accepted.read_to_end(&mut data).expect("an end");
            assert_eq!(data.len(), octets);
        }
        let from = endpoint(client.local_addr().expect("an address"));
        all.extend(segments(
            from,
            endpoint(server),
            Does::LeaksAtServer(octets as u32),
            nth as i64 * SECOND,
        ));
        held.push((client, accepted));
    }
    let lone = TcpStream::connect(server).expect("a listener");
    lone.shutdown(Shutdown::Write).expect("a connection");
    let from = endpoint(lone.local_addr().expect("an address"));
    all.extend(segments(
        from,
        endpoint(server),
        Does::LeaksAtServer(0),
        3 * SECOND,
    ));
    let directory = written("leaks-ss-now", "loopback.pcap", capture(all));

    let ask = |args: &[&str]| -> String {
        let args = [&["loopback.pcap", "--ss-now"], args].concat();
        let output = program(&directory, &args).output().expect("the program");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let mut document = Value::Null;
    for _ in 0..50 {
        document = serde_json::from_str(&ask(&["--format", "json"])).expect("JSON");
        let joined = document["sockets"]["connections"].as_array().expect("a list");
        if joined.len() == 4
            && joined
                .iter()
                .all(|one| one["client"]["fit"] == "same" && one["server"]["fit"] == "same")
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(100)); // an acknowledgment may be delayed
    }
    let comm = fs::read_to_string("/proc/self/comm").expect("our own name");
    let (comm, pid) = (comm.trim_end_matches('\n'), std::process::id());
    let joined = &document["sockets"]["connections"];
    for (nth, (octets, _, recv_q, reading)) in cases.into_iter().enumerate() {
        let (client, server) = (&joined[nth]["client"], &joined[nth]["server"]);
        assert_eq!(server["recv_q"], recv_q, "{server:#}");
        assert_eq!(server["reading"], reading);
        let unread = if recv_q > 1 { octets } else { 0 };
        assert_eq!(server["unread_bytes"], unread);
        assert_eq!(
            (&server["fit"], &server["state"]),
            (&"same".into(), &"CLOSE-WAIT".into())
        );
        assert_eq!(
            (&client["fit"], &client["state"]),
            (&"same".into(), &"FIN-WAIT-2".into())
        );
        for (end, socket) in [
            (client, held[nth].0.as_raw_fd()),
            (server, held[nth].1.as_raw_fd()),
        ] {
            let process = &end["processes"][0];
            assert_eq!((&process["name"], &process["pid"]), (&comm.into(), &pid.into()));
            assert_eq!(process["fd"], socket);
            assert_ne!(end["waits_for_accept"], true);
        }
    }
    assert_eq!(joined[3]["server"]["waits_for_accept"], true);
    assert_eq!(joined[3]["server"]["processes"].as_array().map(Vec::len), Some(0));

    let screen = ask(&["--by", "process", "--width", "120"]);
    for words in [
        &format!("{comm} pid {pid} at {server}")[..],
        &format!("{comm} pid {pid} (3)"),
        &format!("{comm} pid {pid} fd {}", held[0].1.as_raw_fd()),
        "Recv-Q 1: never read the end of stream",
        "Recv-Q 0: read everything, did not close",
        "Recv-Q 8: left 7 octets unread",
        "not accepted by the program yet",
        "4/4 of the open half-closes",
    ] {
        assert!(screen.contains(words), "no `{words}` in\n{screen}");
    }
}
