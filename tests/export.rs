//! What is exported for Wireshark, as tshark reads it.
//!
//! Without tshark the tests that need it say that they are skipped.

#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::capture::{CaptureReader, Record, Stop};
use tcptrace_states::export::lua::Plugin;
use tcptrace_states::export::notes::Notes;
use tcptrace_states::export::pcapng::{Keep, Numbers, Original, copy};
use tcptrace_states::model::{Analysis, PacketNumber};

mod program;

use program::{program, run, testdata};

fn analysis(path: &Path) -> Analysis {
    let settings = Settings {
        files: vec![path.to_owned()],
        ladder: LadderRequest::All,
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).expect("a capture")
}

/// The rows that tshark prints, or none without tshark.
fn tshark(args: &[&str]) -> Option<Vec<String>> {
    let output = match Command::new("tshark").args(args).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(_) => {
            println!("skipped: there is no tshark");
            return None;
        }
    };
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {messages}");
    assert!(!messages.to_lowercase().contains("error"), "{args:?}: {messages}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    Some(text.lines().map(str::to_owned).collect())
}

/// Packets as tshark sees them, with their octets.
fn packets(path: &str) -> Option<Vec<String>> {
    let mut args = vec!["-r", path, "-T", "fields"];
    for field in [
        "frame.number",
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "frame.encap_type",
    ] {
        args.extend(["-e", field]);
    }
    let mut rows = tshark(&args)?;
    rows.extend(tshark(&["-r", path, "-x"])?);
    Some(rows)
}

/// The packets that must have a comment, with what it must say.
fn expected(analysis: &Analysis) -> BTreeMap<PacketNumber, BTreeSet<String>> {
    let mut expected: BTreeMap<PacketNumber, BTreeSet<String>> = BTreeMap::new();
    let mut add = |packet: PacketNumber, text: String| {
        expected.entry(packet).or_default().insert(text);
    };
    for connection in &analysis.connections {
        for (name, side) in [
            ("client", &connection.endpoints.client),
            ("server", &connection.endpoints.server),
        ] {
            for transition in &side.transitions {
                if let Some(packet) = transition.packet {
                    add(
                        packet,
                        format!("{name}: {} -> {}", transition.from, transition.to),
                    );
                }
            }
        }
        for finding in &connection.findings {
            for packet in finding.packets.iter().chain(&finding.packet) {
                add(*packet, format!("{} {}", finding.code, finding.name));
            }
        }
    }
    expected
}

fn export(capture: &Path, to: &str, output: &Path, more: &[&str]) {
    let result = run(program()
        .arg("export")
        .arg(capture)
        .args(["--to", to, "-o"])
        .arg(output)
        .args(more));
    assert!(
        result.status.success(),
        "{}",
        String::from_utf8_lossy(&result.stderr)
    );
}

const CAPTURES: [&str; 6] = [
    "kernel/simultaneous_close.client.pcap",
    "kernel/close_wait_leak.client.pcapng",
    "kernel/tw_syn_low_isn.client.pcap",
    "kernel/rst_unread.server.pcap",
    "kernel/snap_64.client.pcap",
    "kernel/vlan.mid.pcap",
];

#[test]
fn tshark_finds_each_comment_at_its_packet() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.pcapng");
    for name in CAPTURES {
        let path = testdata(name);
        export(Path::new(&path), "pcapng", &copy, &[]);
        let copy_path = copy.to_string_lossy().into_owned();
        let (Some(before), Some(after)) = (packets(&path), packets(&copy_path)) else {
            return;
        };
        assert_eq!(before, after, "{name}");
        let fields = ["-T", "fields", "-e", "frame.number", "-e", "frame.comment"];
        let args = [&["-r", &copy_path, "-Y", "frame.comment"][..], &fields].concat();
        let comments = tshark(&args).expect("tshark was there");
        let expected = expected(&analysis(Path::new(&path)));
        assert!(!expected.is_empty());
        let found: BTreeMap<PacketNumber, String> = comments
            .iter()
            .filter_map(|row| row.split_once('\t'))
            .map(|(number, text)| (number.parse().expect("a number"), text.to_owned()))
            .collect();
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "{name}"
        );
        for (packet, texts) in expected {
            for text in texts {
                assert!(
                    found[&packet].contains(&text),
                    "{name}: {packet}: {text}: {}",
                    found[&packet]
                );
            }
        }
    }
}

/// The same packets out of any container: the times are exact, whatever their resolution.
#[test]
fn any_container_gives_the_same_packets() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = testdata("kernel/tw_restart.client.pcap");
    let plain = fs::read(&original).expect("a capture");
    let mut inputs = vec![("pcap", plain.clone())];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&plain).expect("a Vec");
    inputs.push(("gzip", packed.finish().expect("a Vec")));
    for format in ["nsecpcap", "modpcap", "snoop", "pcapng"] {
        let path = folder.path().join(format);
        let edited = Command::new("editcap")
            .args(["-F", format, &original])
            .arg(&path)
            .output();
        match edited {
            Ok(output) if output.status.success() => inputs.push((format, fs::read(&path).expect("a file"))),
            Ok(output) => panic!("{format}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => println!("skipped: there is no editcap for {format}"),
        }
    }
    for (format, octets) in inputs {
        let (input, output) = (folder.path().join("in"), folder.path().join("out.pcapng"));
        fs::write(&input, octets).expect("a file");
        export(&input, "pcapng", &output, &[]);
        let [input, output] = [input, output].map(|path| path.to_string_lossy().into_owned());
        let (Some(before), Some(after)) = (packets(&input), packets(&output)) else {
            return;
        };
        assert_eq!(before, after, "{format}");
    }
}

/// A block in one byte order.
fn block(big_endian: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let number = |number: u32| {
        if big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    };
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = u32::try_from(body.len() + 12).expect("short");
    [&number(kind)[..], &number(length), &body, &number(length)].concat()
}

fn words(big_endian: bool, numbers: &[u32]) -> Vec<u8> {
    let octets = |number: &u32| {
        if big_endian {
            number.to_be_bytes()
        } else {
            number.to_le_bytes()
        }
    };
    numbers.iter().flat_map(octets).collect()
}

/// A file with two sections in two byte orders, and all that may stand between packets.
fn rich_file(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for (section, big_endian) in [(0u32, false), (1, true)] {
        let header = words(big_endian, &[0x1a2b_3c4d]);
        let version = if big_endian { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
        let stated = words(big_endian, &[0xffff_ffff, 0xffff_ffff]);
        file.extend(block(
            big_endian,
            0x0a0d_0d0a,
            &[&header[..], &version, &stated].concat(),
        ));
        let link = if big_endian { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
        for name in [*b"eth0", *b"eth1"] {
            let option = match big_endian {
                true => [0, 2, 0, 4],
                false => [2, 0, 4, 0],
            };
            let interface = [&link[..], &words(big_endian, &[0]), &option, &name, &[0; 4]].concat();
            file.extend(block(big_endian, 1, &interface));
        }
        let record = match big_endian {
            true => [0, 1, 0, 8],
            false => [1, 0, 8, 0],
        };
        let names = [&record[..], &[10, 0, 0, 1], b"a.b\0", &[0; 4]].concat();
        file.extend(block(big_endian, 4, &names)); // name resolution
        file.extend(block(
            big_endian,
            10,
            &words(big_endian, &[0x544c_534b, 4, 0x6162_6364]),
        )); // secrets
        for (index, frame) in frames.iter().enumerate() {
            if index % 2 != usize::try_from(section).expect("small") {
                continue;
            }
            let length = u32::try_from(frame.len()).expect("short");
            let interface = u32::try_from(index / 2 % 2).expect("small");
            let micros = 1_000_000 + u32::try_from(index).expect("small") * 1_000 + section;
            let mut body = words(big_endian, &[interface, 0, micros, length, length]);
            body.extend_from_slice(frame);
            body.resize(body.len().next_multiple_of(4), 0);
            if index % 3 == 0 {
                // Flags: inbound; and a comment of somebody else.
                let flags = match big_endian {
                    true => [0, 2, 0, 4, 0, 0, 0, 1, 0, 1, 0, 3],
                    false => [2, 0, 4, 0, 1, 0, 0, 0, 1, 0, 3, 0],
                };
                body.extend_from_slice(&flags);
                body.extend_from_slice(b"own\0\0\0\0\0");
            }
            file.extend(block(big_endian, 6, &body));
            file.extend(block(big_endian, 0xbad, &words(big_endian, &[32_473, 7]))); // custom
        }
        file.extend(block(big_endian, 5, &words(big_endian, &[0, 0, 9]))); // statistics
    }
    file
}

/// Kind and octets of each block, and for packets the part before the options.
fn blocks(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let (mut at, mut big_endian, mut found) = (0, false, Vec::new());
    while at < file.len() {
        if file[at..at + 4] == [0x0a, 0x0d, 0x0d, 0x0a] {
            big_endian = file[at + 8] == 0x1a;
        }
        let number = |at: usize| {
            let octets = file[at..at + 4].try_into().expect("four");
            if big_endian {
                u32::from_be_bytes(octets)
            } else {
                u32::from_le_bytes(octets)
            }
        };
        let (kind, length) = (number(at), usize::try_from(number(at + 4)).expect("small"));
        let block = &file[at..at + length];
        let kept = match kind {
            6 => {
                let captured = usize::try_from(number(at + 20)).expect("small");
                block[8..28 + captured.next_multiple_of(4)].to_vec()
            }
            _ => block.to_vec(),
        };
        found.push((kind, kept));
        at += length;
    }
    found
}

#[test]
fn all_other_blocks_are_copied_octet_for_octet() {
    let path = testdata("kernel/simultaneous_close.client.pcap");
    let mut reader = CaptureReader::open(Path::new(&path)).expect("a capture");
    let mut frames = Vec::new();
    while let Some(record) = reader.next_record().expect("sound") {
        if let Record::Frame(frame) = record {
            frames.push(frame.bytes.to_vec());
        }
    }
    let file = rich_file(&frames);
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("in.pcapng");
    fs::write(&input, &file).expect("a file");
    let analysis = analysis(&input);
    assert!(
        analysis.capture.damage.is_empty(),
        "{:?}",
        analysis.capture.damage
    );
    let mut notes = Notes::default();
    analysis
        .connections
        .iter()
        .for_each(|connection| notes.add(connection));
    notes.sort();
    let mut out = Vec::new();
    let from = Original {
        path: &input,
        numbers: &Numbers::Own,
    };
    let copied = copy(
        &[from],
        &Stop::default(),
        &notes,
        Keep::All,
        &mut |_| {},
        &mut out,
    )
    .expect("copied");
    assert_eq!(copied.read, analysis.capture.packets);
    assert!(copied.commented > 4 && copied.no_room == 0, "{copied:?}");
    let (before, after) = (blocks(&file), blocks(&out));
    assert_eq!(before, after);
    assert_eq!(
        before.iter().filter(|(kind, _)| *kind == 0xbad).count(),
        frames.len()
    );
    // Without anything to say it is the same file.
    let mut same = Vec::new();
    let nothing = Notes::default();
    copy(
        &[from],
        &Stop::default(),
        &nothing,
        Keep::All,
        &mut |_| {},
        &mut same,
    )
    .expect("copied");
    assert_eq!(same, file);
    // Our own reader finds the same states in the copy, and tshark the comments of others.
    let output = folder.path().join("out.pcapng");
    fs::write(&output, &out).expect("a file");
    let again = self::analysis(&output);
    let states = |analysis: &Analysis| -> Vec<String> {
        (analysis.connections.iter())
            .map(|one| {
                format!(
                    "{:?} {:?}",
                    one.endpoints.client.transitions, one.endpoints.server.transitions
                )
            })
            .collect()
    };
    assert_eq!(states(&analysis), states(&again));
    let output = output.to_string_lossy().into_owned();
    if let Some(rows) = tshark(&["-r", &output, "-Y", "frame.comment contains \"own\""]) {
        assert!(rows.len() > 4, "{rows:?}");
    }
}

/// A file cut within its last packet gives a copy of all before it, and says so.
#[test]
fn a_cut_file_gives_what_there_is() {
    let path = testdata("kernel/close_wait_leak.client.pcapng");
    let octets = fs::read(&path).expect("a capture");
    let folder = tempfile::tempdir().expect("a folder");
    let (input, output) = (folder.path().join("in.pcapng"), folder.path().join("out.pcapng"));
    fs::write(&input, &octets[..octets.len() * 2 / 3]).expect("a file");
    export(&input, "pcapng", &output, &[]);
    let (before, after) = (analysis(&input), analysis(&output));
    assert!(!before.capture.complete && after.capture.complete);
    assert_eq!(before.capture.packets, after.capture.packets);
}

#[test]
fn only_what_matters_of_selected_connections() {
    let path = testdata("kernel/bulk_loss.client.pcapng");
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out.pcapng");
    let whole = analysis(Path::new(&path));
    let connection = &whole.connections[0];
    let segments = connection.endpoints.client.packets + connection.endpoints.server.packets;
    let id = connection.id.to_string();
    export(
        Path::new(&path),
        "pcapng",
        &output,
        &["--conn", &id, "--only", "selected"],
    );
    let selected = analysis(&output);
    assert_eq!(selected.capture.packets, segments);
    assert_eq!(selected.connections.len(), 1);
    export(
        Path::new(&path),
        "pcapng",
        &output,
        &["--conn", &id, "--only", "matters"],
    );
    let matters = analysis(&output);
    assert!(
        matters.capture.packets >= 5 && matters.capture.packets < 20,
        "{}",
        matters.capture.packets
    );
    assert_eq!(matters.connections.len(), 1);
    let comments = &matters.sources[0].comments;
    let first = comments.first().expect("a comment");
    let number = format!("packet {} of the whole capture", connection.first_packet);
    assert_eq!(first.text.as_raw(), number);
}

/// The filter of a connection selects its packets and no others, also where its 4-tuple was used again.
#[test]
fn a_display_filter_selects_the_connection() {
    for name in [
        "kernel/tw_syn_low_isn.client.pcap",
        "kernel/tw_reuse_server.server.pcapng",
        "kernel/close_wait_leak.client.pcapng",
        "kernel/vlan.mid.pcap",
    ] {
        let path = testdata(name);
        for connection in analysis(Path::new(&path)).connections.iter().take(6) {
            let id = connection.id.to_string();
            let result = run(program().args(["show", &path, "--conn", &id, "--wireshark-filter"]));
            let filter = String::from_utf8(result.stdout).expect("UTF-8");
            let filter = filter.trim();
            assert!(!filter.contains('\n'), "{filter}");
            let args = ["-r", &path, "-Y", filter, "-T", "fields", "-e", "frame.number"];
            let Some(rows) = tshark(&args) else {
                return;
            };
            let segments = connection.endpoints.client.packets + connection.endpoints.server.packets;
            assert_eq!(
                rows.len() as u64,
                segments,
                "{name}, connection {id}: {filter}: {rows:?}"
            );
            for row in &connection.ladder {
                let first = row.first_packet.to_string();
                assert!(rows.contains(&first), "{name}, connection {id}: {first}");
            }
        }
    }
    let path = testdata("kernel/tw_syn_low_isn.client.pcap");
    let result = run(program().args(["show", &path, "--finding", "TW05", "--wireshark-filter"]));
    assert_eq!(
        String::from_utf8_lossy(&result.stdout).trim(),
        "frame.number in {17, 18, 19, 21}"
    );
}

#[test]
fn a_plug_in_gives_the_states_as_fields() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in CAPTURES {
        let path = testdata(name);
        // A name that would end a string or a comment.
        let odd = folder.path().join("a\"]]\n--b.pcap");
        fs::copy(&path, &odd).expect("a copy");
        let script = folder.path().join("states.lua");
        export(&odd, "lua", &script, &[]);
        let analysis = analysis(Path::new(&path));
        let script = format!("lua_script:{}", script.to_string_lossy());
        let mut args = vec!["-X", &script, "-r", &path, "-T", "fields"];
        for field in [
            "frame.number",
            "tcptrace.connection",
            "tcptrace.client.state",
            "tcptrace.server.state",
            "tcptrace.transition",
            "tcptrace.finding",
        ] {
            args.extend(["-e", field]);
        }
        let Some(rows) = tshark(&args) else {
            return;
        };
        let rows: BTreeMap<PacketNumber, Vec<&str>> = rows
            .iter()
            .map(|row| row.split('\t').collect::<Vec<_>>())
            .map(|row| (row[0].parse().expect("a number"), row))
            .collect();
        assert_eq!(rows.len() as u64, analysis.capture.packets);
        let mut compared = 0;
        for connection in &analysis.connections {
            for (column, side) in [
                (2, &connection.endpoints.client),
                (3, &connection.endpoints.server),
            ] {
                let of = |packet| {
                    let mut own = side.transitions.iter().rev();
                    own.find(|one| one.packet == Some(packet))
                };
                for transition in &side.transitions {
                    let Some(packet) = transition.packet else {
                        continue;
                    };
                    let row = &rows[&packet];
                    assert!(
                        row[4].contains(&format!("{} -> {}", transition.from, transition.to)),
                        "{name}: {row:?}"
                    );
                    assert_eq!(row[1], connection.id.to_string(), "{name}: {row:?}");
                    // Segments that crossed changed the state in another order.
                    let in_order = side
                        .transitions
                        .windows(2)
                        .all(|pair| pair[0].packet <= pair[1].packet);
                    if in_order {
                        assert_eq!(
                            Some(row[column]),
                            of(packet).map(|last| last.to.name()),
                            "{name}: {row:?}"
                        );
                    }
                    compared += 1;
                }
            }
        }
        assert!(compared > 5, "{name}");
        let wanted = "tcptrace.server.state == \"ESTABLISHED\" && tcptrace.client.state == \"ESTABLISHED\"";
        let filtered = tshark(&["-X", &script, "-r", &path, "-Y", wanted]).expect("tshark was there");
        let counted = rows
            .values()
            .filter(|row| (row[2], row[3]) == ("ESTABLISHED", "ESTABLISHED"))
            .count();
        assert_eq!(filtered.len(), counted, "{name}");
    }
}

/// More connections than one function of the plug-in holds.
#[test]
fn a_plug_in_of_many_connections_loads() {
    let path = testdata("kernel/soak.client.pcap");
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("states.lua");
    export(Path::new(&path), "lua", &script, &[]);
    let script = format!("lua_script:{}", script.to_string_lossy());
    let args = [
        "-X",
        &script,
        "-r",
        &path,
        "-Y",
        "tcptrace.connection",
        "-T",
        "fields",
        "-e",
        "frame.number",
    ];
    if let Some(rows) = tshark(&args) {
        assert_eq!(rows.len() as u64, analysis(Path::new(&path)).capture.tcp_segments);
    }
}

/// What does not fit is said: on each packet of it, and by its count.
#[test]
fn a_plug_in_has_a_bound_and_says_what_it_leaves_out() {
    let path = testdata("kernel/soak.client.pcap");
    let whole = analysis(Path::new(&path));
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("states.lua");
    let mut text = Vec::new();
    let mut plugin = Plugin::bounded(&mut text, &whole.capture, 100_000).expect("a Vec");
    for connection in &whole.connections {
        plugin.add(connection).expect("a Vec");
    }
    let (held, left_out) = plugin.counts();
    plugin.finish().expect("a Vec");
    assert_eq!(held + left_out, whole.connections.len() as u64);
    assert!(held > 50 && left_out > 50, "{held} held, {left_out} left out");
    assert!(text.len() < 110_000, "{} octets", text.len());
    fs::write(&script, &text).expect("a file");
    let script = format!("lua_script:{}", script.to_string_lossy());
    let rows = |filter: &str| {
        tshark(&[
            "-X",
            &script,
            "-r",
            &path,
            "-Y",
            filter,
            "-T",
            "fields",
            "-e",
            "tcptrace.connection",
        ])
    };
    let (Some(told), Some(others)) = (rows("tcptrace.connection"), rows("tcptrace.left_out")) else {
        return;
    };
    let connections: BTreeSet<&String> = told.iter().collect();
    assert_eq!(connections.len() as u64, held);
    assert_eq!((told.len() + others.len()) as u64, whole.capture.tcp_segments);
    // Those with findings have half of the room for themselves.
    let with: BTreeSet<String> = (whole.connections.iter())
        .filter(|connection| !connection.findings.is_empty())
        .map(|connection| connection.id.to_string())
        .collect();
    assert!(connections.iter().filter(|id| with.contains(**id)).count() * 2 > connections.len() / 2);
}

/// Several files become one: each with its interfaces and times, and the comments at the packets that they are about.
#[test]
fn several_captures_become_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let story = testdata("kernel/tw_restart.client.pcap");
    let split = folder.path().join("part.pcap");
    let Ok(output) = Command::new("editcap")
        .args(["-c", "7", "-F", "pcap", &story])
        .arg(&split)
        .output()
    else {
        println!("skipped: there is no editcap");
        return;
    };
    assert!(output.status.success());
    let parts: Vec<PathBuf> = {
        let entries = fs::read_dir(folder.path()).expect("a folder");
        let mut parts: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        parts.sort();
        parts
    };
    assert!(parts.len() > 1);
    // Rotated files: the same as the whole one, packet by packet, comment by comment.
    let (joined, single) = (folder.path().join("joined.out"), folder.path().join("single.out"));
    let taps = [
        "kernel/close_wait_leak.client.pcapng",
        "kernel/close_wait_leak.server.pcapng",
    ]
    .map(testdata);
    let taps = taps.map(PathBuf::from);
    let export_all = |files: &[PathBuf], output: &Path, more: &[&str]| {
        let result = run(program()
            .arg("export")
            .args(files)
            .args(["--to", "pcapng", "-o"])
            .arg(output)
            .args(more));
        let said = String::from_utf8_lossy(&result.stderr);
        assert!(result.status.success(), "{said}");
        assert_eq!(said.contains("the captures overlap"), files == taps, "{said}");
        output.to_string_lossy().into_owned()
    };
    let joined = export_all(&parts, &joined, &[]);
    export(Path::new(&story), "pcapng", &single, &[]);
    let single = single.to_string_lossy().into_owned();
    let comments = |path: &str| {
        tshark(&[
            "-r",
            path,
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-e",
            "frame.comment",
            "-E",
            "occurrence=a",
        ])
    };
    assert_eq!(packets(&joined), packets(&single));
    let (one, other) = (comments(&joined), comments(&single));
    assert_eq!(one, other);
    // Captures of both taps overlap: the first one's packets come first, and comments tell the number that they mean.
    let both = export_all(&taps, &folder.path().join("both.out"), &[]);
    let alone: Vec<Option<Vec<String>>> = taps.iter().map(|path| packets(&path.to_string_lossy())).collect();
    if let (Some(all), [Some(first), Some(second)]) = (packets(&both), alone.as_slice()) {
        assert_eq!(all.len(), first.len() + second.len());
        let without_number = |rows: &[String]| -> Vec<String> {
            let rest = rows.iter().map(|row| {
                row.split_once('\t')
                    .map_or(row.as_str(), |(_, rest)| rest)
                    .to_owned()
            });
            rest.collect()
        };
        let mut expected = [without_number(first), without_number(second)].concat();
        let mut got = without_number(&all);
        expected.sort();
        got.sort();
        assert_eq!(got, expected);
        let rows = comments(&both).expect("tshark");
        assert!(
            rows.iter()
                .any(|row| row.contains("of all captures in order of time"))
        );
        assert!(
            rows.iter()
                .any(|row| row.contains("server: ESTABLISHED -> CLOSE-WAIT"))
        );
    }
    // Only what matters: fewer packets, the same comments.
    let fewer = export_all(&parts, &folder.path().join("fewer.out"), &["--only", "matters"]);
    if let (Some(fewer), Some(one)) = (comments(&fewer), one) {
        let commented = |rows: &[String]| {
            rows.iter()
                .filter(|row| row.split('\t').nth(1).is_some_and(|text| !text.is_empty()))
                .count()
        };
        assert_eq!(commented(&fewer), commented(&one));
        assert!(fewer.len() < one.len());
    }
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let path = testdata("kernel/refused.client.pcap");
    let cases: [(&[&str], &str); 3] = [
        (
            &["-", "--to", "pcapng", "-o", "/dev/null"],
            "reads captures twice",
        ),
        (&[&path, "--to", "pcapng", "-o", &path], "would overwrite"),
        (
            &[
                &path,
                &testdata("kernel/refused.server.pcap"),
                "--to",
                "lua",
                "-o",
                "/dev/null",
            ],
            "a plug-in is for one capture",
        ),
    ];
    for (args, why) in cases {
        let result = run(program().arg("export").args(args));
        let said = String::from_utf8_lossy(&result.stderr).into_owned();
        assert_eq!(result.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}
