//! Text from outside in every output, read back by parsers of what each output is for: nothing in it is obeyed.

#![cfg(unix)]

mod captures;
mod program;

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use captures::{Little, block, option, section};
use program::*;
use pulldown_cmark::{Event, Options, Parser};
use serde_json::Value;
use tcptrace_states::report::escape::{Cell, Html, visible};

/// A capture with a finding, so that checks have something to say.
const LEAK: &str = "kernel/close_wait_leak.server.pcapng";
/// What an output starts with that GitHub obeys.
const COMMAND: &str = "::";

/// Texts that mean something to a terminal, a browser, a spreadsheet, a runner of workflows, a parser, or to the eye.
fn hostile() -> Vec<String> {
    let payloads = [
        // terminals
        "\u{1b}[31m",
        "\u{1b}[2J",
        "\u{1b}[H",
        "\u{1b}[6n",
        "\u{1b}[?1049h",
        "\u{1b}[1;1r",
        "\u{1b}]0;title\u{7}",
        "\u{1b}]8;;http://e.vil\u{1b}\\here\u{1b}]8;;\u{1b}\\",
        "\u{1b}]52;c;ZXZpbA==\u{7}",
        "\u{1b}P$q\u{1b}\\",
        "\u{1b}_x\u{1b}\\",
        "\u{1b}^x\u{1b}\\",
        "\u{1b}c",
        "\u{1b}(0",
        "\u{1b}#8",
        "\u{1b}",
        "\u{1b}[",
        "\u{1b}]",
        "\u{9b}31m",
        "\u{9d}0;t\u{9c}",
        "\u{90}x\u{9c}",
        "\u{85}",
        "\u{84}",
        "\u{8d}",
        "\u{7}",
        "\u{8}\u{8}\u{8}",
        "\u{b}",
        "\u{c}",
        "\u{e}",
        "\u{f}",
        "\u{5}",
        "\u{7f}",
        "\r",
        "\rerror: none",
        "\n",
        "\r\n",
        "\n\n\n",
        "\t",
        "\u{0}",
        "\u{1}",
        "\u{1f}",
        "\u{18}",
        "\u{1a}",
        // the eye
        "\u{202e}pacp",
        "\u{202a}x\u{202c}",
        "\u{202d}",
        "\u{2066}x\u{2069}",
        "\u{2067}",
        "\u{2068}",
        "\u{200e}",
        "\u{200f}",
        "\u{61c}",
        "\u{200b}",
        "\u{200c}",
        "\u{200d}",
        "\u{2060}",
        "\u{2064}",
        "\u{feff}",
        "\u{ad}",
        "\u{180e}",
        "\u{2028}",
        "\u{2029}",
        "\u{fff9}a\u{fffa}b\u{fffb}",
        "\u{e0001}\u{e0041}\u{e007f}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{fffd}",
        // HTML and XML
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</summary></details>",
        "<!--",
        "-->",
        "]]>",
        "<![CDATA[",
        "<?xml?>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]>",
        "&lt;",
        "&amp;",
        "&#60;",
        "&b;",
        "&",
        "<",
        ">",
        "\"",
        "'",
        "\" onload=\"alert(1)",
        "' x='",
        "</testcase>",
        "</a>",
        "javascript:alert(1)",
        "<svg/onload=alert(1)>",
        "<style>*{}</style>",
        "<iframe src=//e.vil>",
        // spreadsheets
        "=1+1",
        "=cmd|'/C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        ";=1",
        ",=1",
        "\",=1",
        "\"\n=1",
        "=HYPERLINK(\"http://e.vil\")",
        "%0A=1",
        "|=1",
        // GitHub
        "::error::owned",
        "\n::error::owned",
        "\r::error::owned",
        "::set-output name=x::y",
        "\n::add-mask::x",
        "::stop-commands::t",
        "%0A::error::x",
        "##[error]x",
        "::",
        "##vso[task.complete]",
        "%3A%3A",
        "%",
        "%25",
        ",title=x",
        // Markdown
        "|",
        "| a | b |",
        "\\|",
        "`",
        "```",
        "``x``",
        "[a](http://e.vil)",
        "![a](http://e.vil)",
        "http://e.vil",
        "www.e.vil",
        "<http://e.vil>",
        "@everyone",
        "#1",
        "# h",
        "- x",
        "* x",
        "1. x",
        "1) x",
        "> q",
        "---",
        "===",
        "**b**",
        "_i_",
        "~~s~~",
        "$x$",
        "$$x$$",
        "[^1]",
        "[x]",
        ":smile:",
        "    code",
        "\\",
        "\\n",
        "~~~",
        "<details>",
        "- [ ] task",
        "!",
        "a@e.vil",
        "GH-1",
        // JSON, TOML, SARIF, listings, shells
        "\\u001b[31m",
        "{\"type\":\"summary\"}",
        "\"}",
        "\\\"",
        "{0}",
        "{",
        "}",
        "[a](1)",
        "'''",
        "\"\"\"",
        "${HOME}",
        "$(id)",
        ";id",
        "&& id",
        "users:((\"x\",pid=1,fd=1))",
        "\")),pid=1",
        "(\"a\",pid=2,fd=3)",
        "..",
        "./..",
        "~",
        "*",
        "--help",
        "-",
        "--format=json",
        // letters that only look odd, and stay
        "ünïcode",
        "日本",
        "🙂",
        "e\u{301}",
        "ﷺ",
        "\u{1f468}\u{200d}\u{1f469}",
    ];
    let mut all: Vec<String> = payloads.iter().map(|payload| (*payload).to_owned()).collect();
    // Behind something else, where a beginning is not what counts.
    all.extend(payloads.iter().step_by(9).map(|payload| format!("x {payload} y")));
    all.push("x".repeat(64 << 10));
    all.push("<\u{1b}[31m".repeat(8 << 10));
    all.push("日".repeat(20_000));
    all
}

/// Runs a test on all hostile texts, on several threads.
fn each(test: impl Fn(usize, &str) + Sync) {
    let texts = hostile();
    assert!(texts.len() >= 200, "{}", texts.len());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((index, text)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    texts.get(index).map(|text| (index, text))
                } {
                    test(index, text);
                }
            });
        }
    });
}

/// Some of the ways that a text can take, others for the next text, so that all ways see texts of all kinds in a short time.
/// With `TCPTRACE_STATES_ALL_INJECTIONS` every text takes every way.
fn some_of<T: Copy>(ways: &[T], index: usize, count: usize) -> impl Iterator<Item = T> {
    let all = std::env::var_os("TCPTRACE_STATES_ALL_INJECTIONS").is_some();
    let count = if all { ways.len() } else { count.min(ways.len()) };
    ways.iter()
        .cycle()
        .skip(index * count % ways.len())
        .take(count)
        .copied()
}

/// A terminal that tolerates letters, line feeds and colours, and notes the rest.
#[derive(Default)]
struct Terminal {
    obeyed: Vec<String>,
}

impl vte::Perform for Terminal {
    fn print(&mut self, character: char) {
        let code = u32::from(character);
        let hides = matches!(
            code,
            0x7f..=0x9f | 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
                | 0xfff9..=0xfffb | 0xe0000..=0xe007f
        );
        if hides {
            self.obeyed.push(format!("U+{code:04X}"));
        }
    }

    fn execute(&mut self, byte: u8) {
        if byte != b'\n' {
            self.obeyed.push(format!("control {byte:#x}"));
        }
    }

    fn hook(&mut self, _: &vte::Params, _: &[u8], _: bool, action: char) {
        self.obeyed.push(format!("DCS {action}"));
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _: bool) {
        self.obeyed.push(format!("OSC {params:?}"));
    }

    fn csi_dispatch(&mut self, _: &vte::Params, intermediates: &[u8], ignored: bool, action: char) {
        if action != 'm' || !intermediates.is_empty() || ignored {
            self.obeyed.push(format!("CSI {action}"));
        }
    }

    fn esc_dispatch(&mut self, _: &[u8], _: bool, byte: u8) {
        self.obeyed.push(format!("ESC {byte:#x}"));
    }
}

/// Fails if a terminal would do anything but show letters in colours.
fn assert_inert(what: &str, text: &[u8]) {
    let mut terminal = Terminal::default();
    vte::Parser::new().advance(&mut terminal, text);
    assert!(terminal.obeyed.is_empty(), "{what}: {:?}", terminal.obeyed);
    assert!(std::str::from_utf8(text).is_ok(), "{what}: not UTF-8");
}

fn assert_all_inert(what: &str, output: &Output) {
    assert_inert(&format!("{what}: output"), &output.stdout);
    assert_inert(&format!("{what}: messages"), &output.stderr);
    assert!(!stderr(output).contains("bug:"), "{what}: {}", stderr(output));
}

/// Fails if a log of GitHub or Azure would obey a line.
fn assert_no_command(what: &str, text: &str) {
    for line in text.split(['\n', '\r']) {
        assert!(
            !line.contains("##[") && !line.contains("##vso["),
            "{what}: {line}"
        );
        let command = line
            .trim_start()
            .strip_prefix(COMMAND)
            .and_then(|rest| rest.split_once(COMMAND));
        let name = command.map(|(head, _)| head.split(' ').next().unwrap_or(head));
        let is_one =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
        assert!(!name.is_some_and(is_one), "{what}: {line}");
    }
}

/// HTML in Markdown that is not ours.
fn foreign_html(text: &str) -> Vec<String> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM;
    let html = Parser::new_ext(text, options).filter_map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(html.to_string()),
        _ => None,
    });
    let without_ours = html.map(|html| {
        let ours = ["<details>", "<summary>", "</summary>", "</details>"];
        ours.iter().fold(html, |html, tag| html.replace(tag, ""))
    });
    without_ours.filter(|html| html.contains(['<', '>'])).collect()
}

/// A name that a file can have.
fn file_name(text: &str) -> Option<OsString> {
    let text: String = text.chars().filter(|c| !matches!(c, '\0' | '/')).collect();
    let end = (0..=250)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    let name = text.get(..end).filter(|_| text.len() > 250).unwrap_or(&text);
    (!name.is_empty() && name != "." && name != ".." && name != "-").then(|| name.into())
}

/// All outputs about a capture of this name.
fn check_named(index: usize, name: &OsString, shown: &str) {
    let place = Place::new();
    let path = Path::new("./").join(name);
    // Cut off, so that outputs name it where they tell of the damage.
    let capture = fs::read(testdata(LEAK)).expect("a capture");
    fs::write(place.path(name), &capture[..capture.len() - 3]).expect("a copy");
    let in_place = |args: &[&str]| {
        let mut command = program();
        command.current_dir(place.folder()).args(args).arg(&path);
        let output = run(&mut command);
        assert_all_inert(&format!("{shown} {args:?}"), &output);
        output
    };
    let lossy = path.to_string_lossy().into_owned();
    let views: [&[&str]; 8] = [
        &["--color", "always"],
        &["--format", "jsonl"],
        &["show", "--color", "always"],
        &["--format", "json"],
        &["leaks"],
        &["leaks", "--format", "json"],
        &["time-wait"],
        &["diff", &testdata(LEAK)],
    ];
    for args in some_of(&views, index, 3) {
        let output = in_place(args);
        assert_eq!(code(&output), Some(0), "{shown} {args:?}: {}", stderr(&output));
        let text = stdout(&output);
        assert_no_command(shown, &text);
        if args.contains(&"json") || args.contains(&"jsonl") {
            let line = args.contains(&"jsonl");
            let first = text
                .split_once('\n')
                .filter(|_| line)
                .map_or(text.as_str(), |(first, _)| first);
            let value: Value = serde_json::from_str(first).expect("JSON");
            let capture = value.get("capture").unwrap_or(&value);
            assert_eq!(capture["files"][0], lossy.as_str(), "{shown} {args:?}");
        }
    }

    // All formats of a check at once.
    let reports = [
        "--json",
        "j",
        "--junit",
        "x",
        "--sarif",
        "s",
        "--markdown",
        "m",
        "--github",
        "-",
    ];
    let check = [&["check", "--no-config", "--color", "always"][..], &reports].concat();
    let output = in_place(&check);
    assert_eq!(code(&output), Some(1), "{shown}: {}", stderr(&output));
    let read = |name: &str| fs::read_to_string(place.path(name)).expect(name);
    let (commands, rest): (Vec<String>, Vec<String>) = stdout(&output)
        .lines()
        .map(str::to_owned)
        .partition(|line| line.starts_with("::"));
    assert!(
        !commands.is_empty() && commands.iter().all(|line| line.starts_with("::error ")),
        "{commands:?}"
    );
    assert_no_command(shown, &rest.join("\n"));
    for report in ["j", "s", "x", "m"] {
        assert_inert(&format!("{shown}: {report}"), read(report).as_bytes());
    }
    let json: Value = serde_json::from_str(&read("j")).expect("JSON");
    assert!(
        json.to_string()
            .contains(&serde_json::to_string(&lossy).expect("JSON")),
        "{shown}: {json}"
    );
    serde_json::from_str::<Value>(&read("s")).expect("SARIF");
    let xml = read("x");
    let document = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let wanted: String = visible(&lossy).collect();
    let mut values = document.descendants().flat_map(|node| {
        let texts = node.text().into_iter().map(str::to_owned);
        texts
            .chain(node.attributes().map(|attribute| attribute.value().to_owned()))
            .collect::<Vec<_>>()
    });
    assert!(
        values.any(|value| value.contains(&wanted)),
        "{shown}: {wanted} is not in {xml}"
    );
    assert_eq!(foreign_html(&read("m")), [""; 0], "{shown}");
}

#[test]
fn names_of_files_are_obeyed_nowhere() {
    each(|index, text| {
        if let Some(name) = file_name(text) {
            check_named(index, &name, text);
        }
    });
    for octets in [
        &b"\xff\xfe.pcap"[..],
        b"\xc3(\x1b[31m",
        b"a\x9b31m",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ] {
        check_named(octets.len(), &OsString::from_vec(octets.to_vec()), "no UTF-8");
    }
}

#[test]
fn names_of_files_are_obeyed_in_no_message() {
    each(|index, text| {
        let Some(name) = file_name(text) else { return };
        let place = Place::new();
        fs::write(place.path(&name), "no capture").expect("a file");
        let bytes = [b"./", name.as_bytes()].concat();
        let path = OsString::from_vec(bytes);
        let ways: [&[&str]; 5] = [
            &[],
            &["show"],
            &["check", "--no-config"],
            &["check", "--config"],
            &["leaks", "--ss"],
        ];
        for args in some_of(&ways, index, 2) {
            let mut command = program();
            command.current_dir(place.folder()).args(args).arg(&path);
            command.arg(testdata("scenarios/01normal.pcap"));
            assert_all_inert(&format!("{text} {args:?}"), &run(&mut command));
        }
        let mut command = program();
        let unwritable = [b"--json=missing/", name.as_bytes()].concat();
        command
            .current_dir(place.folder())
            .args(["check", "--no-config", &testdata(LEAK)]);
        let output = run(command.arg(OsString::from_vec(unwritable)));
        assert_eq!(code(&output), Some(4), "{text}: {}", stderr(&output));
        assert_all_inert(text, &output);
    });
}

/// A pcapng file with this text wherever one can stand, and a packet that is no TCP.
fn talkative(text: &[u8]) -> Vec<u8> {
    let text = text.get(..text.len().min(60_000)).unwrap_or(text);
    let option = |code| option(Little, code, text);
    let described = [1, 2, 3, 11, 12, 15].map(option).concat();
    let interface = [&[1, 0, 0, 0][..], &Little.u32(96), &described].concat();
    let name = [b"\x0a\0\0\x01", text, b"\0"].concat();
    let names = [captures::option(Little, 1, &name), option(1)].concat();
    let process = [Little.u32(7).to_vec(), option(2)].concat();
    let packet = [Little.words(&[0, 0, 9, 6, 6]), b"abcdef\0\0".to_vec(), option(1)].concat();
    [
        section(Little),
        block(Little, 1, &interface),
        block(Little, 4, &names),
        block(Little, 0x8000_0001, &process),
        block(Little, 6, &packet),
    ]
    .concat()
}

#[test]
fn what_a_file_says_about_itself_is_obeyed_nowhere() {
    each(|index, text| {
        let place = Place::new();
        let path = place.path("a.pcapng");
        fs::write(&path, talkative(text.as_bytes())).expect("a file");
        let ways: [&[&str]; 4] = [
            &["info", "--width", "80"],
            &["info", "--format", "json"],
            &["info", "--width", "200", "--color", "always"],
            &["--format", "json"],
        ];
        for args in some_of(&ways, index, 2) {
            let output = run(program().args(args).arg(&path));
            assert_eq!(code(&output), Some(0), "{text} {args:?}: {}", stderr(&output));
            assert_all_inert(&format!("{text} {args:?}"), &output);
            assert_no_command(text, &stdout(&output));
            if args.contains(&"json") {
                let document: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
                let told = document["sources"][0]["interfaces"][0]["name"]
                    .as_str()
                    .expect("a name");
                assert!(text.starts_with(told.trim_end_matches('…')), "{text}: {told}");
            }
        }
    });
}

#[test]
fn arguments_are_obeyed_in_no_message() {
    each(|index, text| {
        let text: String = text.chars().filter(|c| *c != '\0').collect();
        let text = text.get(..text.len().min(60_000)).unwrap_or("x");
        let cases: [&[&str]; 6] = [
            &["explain", "--", text],
            &["--state", text, "a"],
            &["--format", text, "a"],
            &[text, "--no-such-option"],
            &["a", "--conn", text],
            &["show", "a", "--addr", text],
        ];
        for args in some_of(&cases, index, 2) {
            let output = run(program().args(args));
            assert_all_inert(text, &output);
        }
        let option = format!("--x{text}");
        assert_all_inert(&option, &run(program().args([&option, "a"])));
    });
}

#[test]
fn names_of_processes_are_obeyed_nowhere() {
    let place = Place::new();
    each(|index, text| {
        let listing = place.name(&format!("listing {index}"));
        let server = "[fd05:8::c5]:8979";
        let sockets: String = [24503, 28451, 50219]
            .map(|port| {
                format!("CLOSE-WAIT 1 0 {server} [fd05:8::3b]:{port} users:((\"{text}\",pid=7,fd=3))\n")
            })
            .concat();
        fs::write(&listing, sockets).expect("a listing");
        let ways: [&[&str]; 3] = [
            &["leaks", "--color", "always"],
            &["leaks", "--by", "process"],
            &["leaks", "--format", "json"],
        ];
        for args in some_of(&ways, index, 2) {
            let output = run(program().args(args).args(["--ss", &listing, &testdata(LEAK)]));
            assert_eq!(code(&output), Some(0), "{text}: {}", stderr(&output));
            assert_all_inert(text, &output);
            assert_no_command(text, &stdout(&output));
            if args.contains(&"json") {
                let value: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
                let is_simple =
                    !text.contains(['"', '\n', '\r', '\0']) && text.trim() == text && text.len() < 100;
                if is_simple && text.chars().all(char::is_alphanumeric) {
                    let name = serde_json::to_string(text).expect("JSON");
                    assert!(
                        value.to_string().contains(name.trim_matches('"')),
                        "{text}: {value}"
                    );
                }
            } else {
                let widest = stdout(&output).lines().map(|line| line.chars().count()).max();
                assert!(widest < Some(400), "{text}: {widest:?}");
            }
        }
    });
}

#[test]
fn reasons_of_a_configuration_are_obeyed_nowhere() {
    let place = Place::new();
    each(|index, text| {
        let config = place.name(&format!("{index}.toml"));
        let quoted = serde_json::to_string(text)
            .expect("JSON")
            .replace('\u{7f}', "\\u007f");
        fs::write(
            &config,
            format!("[[allow]]\nrule = \"HC05\"\nreason = {quoted}\n"),
        )
        .expect("a file");
        let outputs = ["x", "s", "m"].map(|end| place.name(&format!("{index}.{end}")));
        let [junit, sarif, markdown] = &outputs;
        let args = [
            "check",
            "--config",
            &config,
            &testdata(LEAK),
            "--github",
            "-",
            "--color",
            "always",
        ];
        let files = ["--junit", junit, "--sarif", sarif, "--markdown", markdown];
        let output = run(program().args(args).args(files));
        assert_all_inert(text, &output);
        // An empty reason, or one of blanks, is refused.
        if code(&output) == Some(2) {
            assert!(stderr(&output).starts_with("error: "), "{text}");
            return;
        }
        assert_eq!(code(&output), Some(0), "{text}: {}", stderr(&output));
        let mut commands = stdout(&output);
        commands.retain(|character| character != '\u{1b}');
        for line in commands
            .split(['\n', '\r'])
            .filter(|line| line.trim_start().starts_with(COMMAND))
        {
            let ours = ["::error ", "::warning ", "::notice "]
                .iter()
                .any(|kind| line.starts_with(kind));
            assert!(ours, "{text}: {line}");
        }
        let read = |path: &String| fs::read_to_string(path).expect("an output");
        for path in &outputs {
            assert_inert(text, read(path).as_bytes());
        }
        roxmltree::Document::parse(&read(junit)).unwrap_or_else(|error| panic!("{text}: {error}"));
        serde_json::from_str::<Value>(&read(sarif)).expect("JSON");
        assert_eq!(foreign_html(&read(markdown)), [""; 0], "{text}");
    });
}

#[test]
fn reports_and_baselines_of_others_are_obeyed_nowhere() {
    let saved = stdout(&run(program().args([&testdata(LEAK), "--format", "jsonl"])));
    let place = Place::new();
    each(|index, text| {
        let quoted = serde_json::to_string(text).expect("JSON");
        let name = place.name(&format!("{index}.jsonl"));
        let foreign = saved
            .replace("\"close-wait-leak\"", &quoted)
            .replace("\"HC05\"", &quoted);
        assert_ne!(foreign, saved);
        fs::write(&name, foreign).expect("a file");
        let old = testdata("scenarios/01normal.pcap");
        for format in some_of(&["table", "json", "markdown"], index, 1) {
            let output = run(program().args(["diff", &old, &name, "--format", format]));
            assert_eq!(code(&output), Some(0), "{text}: {}", stderr(&output));
            assert_all_inert(text, &output);
            if format == "markdown" {
                assert_eq!(foreign_html(&stdout(&output)), [""; 0], "{text}");
            }
        }
        let foreign = saved.replace("\"half-closed\"", &quoted);
        fs::write(&name, foreign).expect("a file");
        assert_all_inert(text, &run(program().args(["diff", &old, &name])));
        let baseline = place.name(&format!("{index}.json"));
        fs::write(
            &baseline,
            format!("{{\"version\": 1, \"accepted\": {{{quoted}: 1}}}}"),
        )
        .expect("a file");
        let output = run(program().args(["check", "--no-config", &testdata(LEAK), "--baseline", &baseline]));
        assert_eq!(code(&output), Some(1), "{text}: {}", stderr(&output));
        assert_all_inert(text, &output);
    });
}

#[test]
fn cells_and_html_are_read_back_as_text() {
    for text in hostile() {
        let wanted: String = visible(&text).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer
            .write_record([&Cell(&text).to_string(), "end"])
            .expect("a row");
        let table = writer.into_inner().expect("a table");
        assert_inert("a cell", &table);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(table.as_slice());
        let row = reader.records().next().expect("a row").expect("cells");
        assert!(
            !row[0]
                .trim_start()
                .starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']),
            "{text}"
        );
        assert_eq!(
            (row.len(), row[0].strip_prefix('\'').unwrap_or(&row[0])),
            (2, wanted.strip_prefix('\'').unwrap_or(&wanted))
        );

        // What XML reads back from these references, HTML does; and nothing is left that HTML gives a meaning.
        let html = format!("<p title=\"{0}\" class='{0}'>{0}</p>", Html(&text));
        assert_eq!(html.matches(['<', '>', '`']).count(), 4, "{text}");
        let document = roxmltree::Document::parse(&html).unwrap_or_else(|error| panic!("{text}: {error}"));
        let root = document.root_element();
        assert_eq!(root.text().unwrap_or_default(), wanted);
        assert_eq!(
            (root.attribute("title"), root.attributes().count()),
            (Some(wanted.as_str()), 2)
        );
    }
}
