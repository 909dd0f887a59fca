//! `check` as people and CI run it: exit codes, configuration, allowances, baseline, outputs, on the captures in `testdata`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const CLEAN: &str = "testdata/scenarios/01normal.pcap";
const LEAK: &str = "testdata/kernel/close_wait_leak.server.pcapng";
const NO_LEAK: &str =
    "[[budget]]\nname = \"no leak\"\nservice = \"*\"\nmax-half-closes = 2\nlonger-than = \"1ms\"\n";

/// A folder of its own for each test, gone when it is over.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path.to_string_lossy().into_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Runs the program in it; captures are found by their absolute names.
    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = program(args);
        command.current_dir(self.0.path());
        command.envs(environment.iter().copied());
        command.output().expect("the program runs")
    }
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tcptrace-states"));
    for name in ["TCPTRACE_STATES_CONFIG", "GITHUB_STEP_SUMMARY", "NO_COLOR"] {
        command.env_remove(name);
    }
    for arg in args {
        if arg.starts_with("testdata/") {
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(arg));
        } else {
            command.arg(arg);
        }
    }
    command
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The first bytes of a capture.
fn cut(name: &str, bytes: usize) -> Vec<u8> {
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("testdata");
    whole[..bytes.min(whole.len())].to_vec()
}

#[test]
fn a_clean_capture_passes_and_an_exceeded_budget_fails() {
    let place = Place::new();
    let clean = place.run(&["check", CLEAN]);
    assert_eq!(code(&clean), Some(0), "{}", stdout(&clean));
    let config = place.file("a.toml", NO_LEAK);
    let failing = place.run(&["check", LEAK, "-c", &config]);
    assert_eq!(code(&failing), Some(1));
    let text = stdout(&failing);
    assert!(
        text.contains("22 half-closes longer than 1 ms; the budget allows 2"),
        "{text}"
    );
    assert!(
        text.contains("a.toml"),
        "it says which configuration it used: {text}"
    );
    for (option, wanted) in [
        ("--fail-on=never", 0),
        ("--exit-zero", 0),
        ("--fail-on=warning", 1),
    ] {
        assert_eq!(
            code(&place.run(&["check", LEAK, "-c", &config, option])),
            Some(wanted),
            "{option}"
        );
    }
}

#[test]
fn a_check_of_nothing_passes_and_says_so() {
    let place = Place::new();
    let empty = place.file("empty.pcap", cut(CLEAN, 24));
    for (capture, said) in [(empty.as_str(), true), (CLEAN, false)] {
        let output = place.run(&["check", capture]);
        assert_eq!(code(&output), Some(0), "{}", stdout(&output));
        let text = stdout(&output);
        let found = text.contains("no TCP connection was found: nothing could be checked");
        assert_eq!(found, said, "{text}");
    }
}

#[test]
fn a_damaged_capture_is_3_unless_something_fails() {
    let place = Place::new();
    let damaged = place.file("cut.pcapng", cut(LEAK, 20_000));
    let config = place.file("a.toml", NO_LEAK);
    let incomplete = place.run(&["check", &damaged, "--fail-on", "never"]);
    assert_eq!(code(&incomplete), Some(3), "{}", stdout(&incomplete));
    assert!(!stderr(&incomplete).is_empty());
    assert_eq!(code(&place.run(&["check", &damaged, "-c", &config])), Some(1));
    assert_eq!(
        code(&place.run(&["check", &damaged, "-c", &config, "--exit-zero"])),
        Some(3)
    );
    assert_eq!(
        code(&place.run(&[&damaged])),
        Some(0),
        "the default command shows what there is"
    );
}

#[test]
fn without_a_result_it_is_2() {
    let place = Place::new();
    let wrong = place.file("wrong.toml", "\n[limits]\nunaswered = \"3s\"\nfin-wait-2 = 3\n");
    let output = place.run(&["check", CLEAN, "-c", &wrong]);
    assert_eq!(code(&output), Some(2));
    assert_eq!(stdout(&output), "");
    let text = stderr(&output);
    assert!(
        text.contains("wrong.toml:3:1: unknown key limits.\"unaswered\"; did you mean unanswered?"),
        "{text}"
    );
    assert!(text.contains("wrong.toml:4:14: limits.fin-wait-2: "), "{text}");
    assert_eq!(text.lines().count(), 2, "one line a mistake: {text}");

    let garbage = place.file("garbage.json", "{}");
    let latin = place.file("latin.toml", b"# \xe9\n");
    let large = place.file("large.toml", vec![b'#'; (1 << 20) + 1]);
    let cases: [(&[&str], &str); 11] = [
        (&["check"], "CAPTURE"),
        (&["check", "gone.pcap"], "gone.pcap"),
        (&["check", CLEAN, "-c", "gone.toml"], "gone.toml"),
        (&["check", CLEAN, "-c", &latin], "latin.toml"),
        (&["check", CLEAN, "-c", &large], "larger than 1 MiB"),
        (&["check", CLEAN, "--baseline", "gone.json"], "gone.json"),
        (&["check", CLEAN, "--baseline", &garbage], "not a baseline"),
        (&["check", CLEAN, "--update-baseline"], "--baseline"),
        (&["check", CLEAN, "--json", "-"], "--format json"),
        (
            &["check", CLEAN, "--github", "-", "--format", "json"],
            "would mix",
        ),
        (
            &["check", CLEAN, "--json", "a.out", "--junit", "./a.out"],
            "would overwrite",
        ),
    ];
    for (args, wanted) in cases {
        let output = place.run(args);
        assert_eq!(
            (code(&output), stdout(&output)),
            (Some(2), String::new()),
            "{args:?}"
        );
        assert!(stderr(&output).contains(wanted), "{args:?}: {}", stderr(&output));
    }
    assert!(!place.path("a.out").exists());
}

#[test]
fn an_output_never_overwrites_an_input() {
    let place = Place::new();
    let capture = place.file("a.pcapng", cut(LEAK, usize::MAX));
    let output = place.run(&["check", &capture, "--json", "./a.pcapng"]);
    assert_eq!(code(&output), Some(2), "{}", stderr(&output));
    assert_eq!(
        fs::read(place.path("a.pcapng")).expect("it"),
        cut(LEAK, usize::MAX)
    );
}

#[test]
fn a_mistake_in_the_configuration_cannot_write_to_the_terminal() {
    let place = Place::new();
    let config = place.file("a.toml", "\"\\u001b[2J\\u202e\" = 1\n");
    let text = stderr(&place.run(&["check", CLEAN, "-c", &config]));
    assert!(text.contains("\\u{1b}[2J\\u{202e}"), "{text}");
}

#[test]
fn the_configuration_is_named_found_or_left_out() {
    let place = Place::new();
    assert_eq!(code(&place.run(&["check", LEAK, "--fail-on", "never"])), Some(0));
    place.file("tcptrace-states.toml", NO_LEAK);
    let strict = place.file("never.toml", "fail-on = \"never\"");
    let found = place.run(&["check", LEAK]);
    assert_eq!(code(&found), Some(1));
    assert!(
        stdout(&found).contains("tcptrace-states.toml"),
        "{}",
        stdout(&found)
    );
    assert_eq!(code(&place.run(&["check", LEAK, "-c", &strict])), Some(0));
    let variable = [("TCPTRACE_STATES_CONFIG", strict.as_str())];
    assert_eq!(code(&place.run_with(&["check", LEAK], &variable)), Some(0));
    assert_eq!(
        code(&place.run_with(&["check", LEAK, "-c", "tcptrace-states.toml"], &variable)),
        Some(1),
        "the option is nearer than the environment"
    );
    assert_eq!(
        code(&place.run_with(&["check", LEAK], &[("TCPTRACE_STATES_CONFIG", "")])),
        Some(1)
    );
    let budgets = |output: Output| {
        let verdict: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let cases = verdict["cases"].as_array().expect("a list").clone();
        cases.iter().filter(|case| case["budget"] == true).count()
    };
    assert_eq!(budgets(place.run(&["check", LEAK, "-F", "json"])), 1);
    assert_eq!(
        budgets(place.run(&["check", LEAK, "-F", "json", "--no-config"])),
        0
    );
}

#[test]
fn the_msl_of_the_configuration_and_the_option_over_it() {
    let place = Place::new();
    let config = |msl: &str| {
        let text = format!(
            "[time-wait]\nmsl = \"{msl}\"\n[[budget]]\nname = \"b\"\nservice = \"*\"\ntime-wait-peak = 3\n"
        );
        place.file("a.toml", text)
    };
    let held = |args: &[&str]| {
        let mut all = vec![
            "check",
            "testdata/kernel/close_server.server.pcapng",
            "-F",
            "json",
            "-c",
        ];
        all.extend_from_slice(args);
        let verdict: Value = serde_json::from_slice(&place.run(&all).stdout).expect("JSON");
        let cases = verdict["cases"].as_array().expect("a list").clone();
        let case = cases.into_iter().find(|case| case["code"] == "b");
        case.map_or(0, |case| case["connections"].as_u64().expect("a count"))
    };
    let long = held(&[&config("rfc")]);
    assert!(long > 3, "{long} hold TIME-WAIT");
    assert!(held(&[&config("1us")]) < long);
    assert!(held(&[&config("rfc"), "--msl", "1us"]) < long);
}

/// Write, pass, grow, fail: what a team does.
#[test]
fn a_baseline_is_made_holds_and_stops_growth() {
    let place = Place::new();
    let config = place.file("a.toml", NO_LEAK);
    let baseline = place.name("known.json");
    let check = |more: &[&str]| {
        let mut args = vec!["check", LEAK, "-c", &config, "--baseline", &baseline];
        args.extend_from_slice(more);
        place.run(&args)
    };
    let made = check(&["--update-baseline"]);
    assert_eq!(code(&made), Some(0), "{}", stderr(&made));
    assert!(stdout(&made).contains("known.json"), "{}", stdout(&made));
    let text = place.read("known.json");
    assert!(
        text.contains("\"budget:no leak [fd05:8::c5]:8979\": 22"),
        "{text}"
    );
    assert_eq!(code(&check(&[])), Some(0));
    assert_eq!(code(&check(&["--update-baseline"])), Some(0));
    assert_eq!(place.read("known.json"), text, "the same again");
    place.file("known.json", text.replace(": 22", ": 21"));
    let grown = check(&[]);
    assert_eq!(code(&grown), Some(1));
    assert!(
        stdout(&grown).contains("22 connections now, the baseline accepts 21"),
        "{}",
        stdout(&grown)
    );
    let left: Vec<PathBuf> = fs::read_dir(place.0.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(left.len(), 2, "nothing is left beside it: {left:?}");
}

#[test]
fn half_a_capture_makes_no_baseline() {
    let place = Place::new();
    let damaged = place.file("cut.pcapng", cut(LEAK, 20_000));
    let config = place.file("a.toml", "fail-on = \"never\"");
    let args = [
        "check",
        &damaged,
        "-c",
        &config,
        "--baseline",
        "known.json",
        "--update-baseline",
    ];
    let output = place.run(&args);
    assert_eq!(code(&output), Some(3));
    assert!(
        stdout(&output).contains("the baseline was not updated"),
        "{}",
        stdout(&output)
    );
    assert!(!place.path("known.json").exists());
}

#[cfg(unix)]
#[test]
fn a_new_baseline_is_readable_by_others_and_an_old_one_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let mode = |name: &str| fs::metadata(place.path(name)).expect(name).permissions().mode() & 0o777;
    place.file("usual", "");
    let args = ["check", CLEAN, "--baseline", "known.json", "--update-baseline"];
    assert_eq!(code(&place.run(&args)), Some(0));
    assert_eq!(mode("known.json"), mode("usual"));
    fs::set_permissions(place.path("known.json"), fs::Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(code(&place.run(&args)), Some(0));
    assert_eq!(mode("known.json"), 0o600);
    std::os::unix::fs::symlink("known.json", place.path("link.json")).expect("a link");
    let linked = ["check", CLEAN, "--baseline", "link.json", "--update-baseline"];
    assert_eq!(code(&place.run(&linked)), Some(0));
    assert!(
        fs::symlink_metadata(place.path("link.json"))
            .expect("a link")
            .is_symlink()
    );
}

#[test]
fn several_reports_in_one_run() {
    let place = Place::new();
    let config = place.file("a.toml", NO_LEAK);
    let output = place.run(&["check", LEAK, "-c", &config, "--json", "a.json"]);
    assert_eq!(code(&output), Some(1));
    assert!(stdout(&output).contains("no leak"));
    let verdict: Value = serde_json::from_str(&place.read("a.json")).expect("JSON");
    let cases = verdict["cases"].as_array().expect("a list");
    assert!(cases.iter().any(|case| case["code"] == "no leak"), "{verdict}");
    let printed = place.run(&["check", LEAK, "-c", &config, "-F", "json"]);
    assert_eq!(
        stdout(&printed),
        place.read("a.json"),
        "the same in a file and on standard output"
    );
}

#[test]
fn the_exit_code_does_not_depend_on_the_format() {
    let place = Place::new();
    let config = place.file("a.toml", NO_LEAK);
    let damaged = place.file("cut.pcapng", cut(LEAK, 20_000));
    for format in FORMATS {
        let with = |capture: &str, more: &[&str]| {
            let mut args = vec!["check", capture, "--format", format];
            args.extend_from_slice(more);
            let output = place.run(&args);
            assert!(code(&output) != Some(4), "{format}: {}", stderr(&output));
            code(&output)
        };
        assert_eq!(with(CLEAN, &[]), Some(0), "{format}");
        assert_eq!(with(LEAK, &["-c", &config]), Some(1), "{format}");
        assert_eq!(with(&damaged, &["--fail-on", "never"]), Some(3), "{format}");
        assert_eq!(with("gone.pcap", &[]), Some(2), "{format}");
    }
}

/// Formats that there are.
const FORMATS: [&str; 6] = ["human", "json", "junit", "sarif", "github", "markdown"];

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_4_and_the_others_are_written() {
    let place = Place::new();
    let config = place.file("a.toml", NO_LEAK);
    let full = || {
        Stdio::from(
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .expect("/dev/full"),
        )
    };
    let cases: [&[&str]; 5] = [
        &["check", CLEAN, "--json", "/dev/full"],
        &["check", LEAK, "-c", &config, "--json", "/dev/full"],
        &["check", CLEAN, "--json", "no/such/folder/a.json"],
        &[
            "check",
            CLEAN,
            "--baseline",
            "no/such/folder/a.json",
            "--update-baseline",
        ],
        &[
            "check",
            CLEAN,
            "--junit",
            "no/such/folder/a.xml",
            "--json",
            "a.json",
        ],
    ];
    for args in cases {
        let output = place.run(args);
        assert_eq!(code(&output), Some(4), "{args:?}");
        assert!(
            stderr(&output).contains("could not be written"),
            "{}",
            stderr(&output)
        );
        assert!(!stdout(&output).is_empty(), "the screen has it all the same");
    }
    assert!(place.read("a.json").contains("passed"));
    for args in [
        &["check", CLEAN][..],
        &[CLEAN],
        &["show", CLEAN],
        &[CLEAN, "--format", "csv"],
    ] {
        let status = program(args).stdout(full()).stderr(Stdio::null()).status();
        assert_eq!(status.expect("it runs").code(), Some(4), "{args:?}");
    }
}

#[test]
fn who_closes_the_pipe_still_gets_the_exit_code() {
    let place = Place::new();
    let config = place.file("a.toml", NO_LEAK);
    for (args, wanted) in [
        (&["check", LEAK, "-c", &config][..], 1),
        (&["check", CLEAN], 0),
        (&[CLEAN], 0),
    ] {
        let mut child = program(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(
            (code(&output), stderr(&output)),
            (Some(wanted), String::new()),
            "{args:?}"
        );
    }
}

#[test]
fn a_command_behind_an_option_is_not_a_file() {
    let place = Place::new();
    let output = place.run(&["--ascii", "check", CLEAN]);
    assert_eq!(code(&output), Some(2));
    assert!(
        stderr(&output).contains("tcptrace-states check [OPTIONS]"),
        "{}",
        stderr(&output)
    );
}
