//! `show --svg`, `--graph` and `--diagram` from outside.

use std::fs;

use roxmltree::Document;

mod program;

use program::{program, run, testdata};

fn said(output: &[u8]) -> String {
    String::from_utf8(output.to_vec()).expect("UTF-8")
}

/// The title of a picture.
fn title(picture: &str) -> String {
    let tree = Document::parse(picture).expect("well-formed");
    let title = tree
        .root_element()
        .children()
        .find(|node| node.tag_name().name() == "title");
    title.and_then(|title| title.text()).expect("a title").to_owned()
}

#[test]
fn the_ladder_as_a_file_beside_the_ladder_as_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ladder.svg");
    let path = testdata("kernel/tw_restart.client.pcap");
    let alone = run(program().args(["show", &path]));
    let both = run(program().args(["show", &path, "--svg"]).arg(&file));
    assert!(
        both.status.success() && both.stderr.is_empty(),
        "{}",
        said(&both.stderr)
    );
    assert_eq!(said(&alone.stdout), said(&both.stdout));
    let picture = fs::read_to_string(&file).expect("the picture");
    assert!(title(&picture).starts_with("Connection "), "{picture}");
    let to_stdout = run(program().args(["show", &path, "--svg", "-"]));
    assert_eq!(said(&to_stdout.stdout), picture, "the same, and nothing else");
}

#[test]
fn other_pictures() {
    let path = testdata("kernel/bulk_loss.client.pcapng");
    for (args, expected) in [
        (&["--graph", "client"][..], "client to server"),
        (&["--graph", "server"], "server to client"),
        (&["--diagram"], "State diagram"),
    ] {
        let output = run(program().args(["show", &path, "--svg", "-"]).args(args));
        let picture = said(&output.stdout);
        assert!(title(&picture).contains(expected), "{}", title(&picture));
    }
}

/// The same picture out of standard input, which is read once.
#[test]
fn a_picture_of_standard_input() {
    let path = testdata("kernel/simultaneous_close.client.pcap");
    let named = run(program().args(["show", &path, "--conn", "1", "--svg", "-"]));
    let file = fs::File::open(&path).expect("a capture");
    let piped = run(program()
        .args(["show", "-", "--conn", "1", "--svg", "-"])
        .stdin(file));
    assert_eq!(said(&named.stdout), said(&piped.stdout));
}

#[test]
fn the_diagram_on_a_terminal() {
    let path = testdata("kernel/simultaneous_close.client.pcap");
    let args = ["show", &path, "--diagram", "--width", "80", "--ascii"];
    let output = run(program().args(args));
    let text = said(&output.stdout);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let path = testdata("kernel/close_wait_leak.client.pcapng");
    let cases: [(&[&str], &str); 4] = [
        (&["--svg", &path], "would overwrite"),
        (
            &["--conn", "1", "--conn", "2", "--svg", "-"],
            "draws one connection",
        ),
        (&["--graph", "client"], "--svg"),
        (&["--diagram", "--wireshark-filter"], "cannot be used with"),
    ];
    for (args, why) in cases {
        let output = run(program().args(["show", &path]).args(args));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output.stderr).contains(why), "{}", said(&output.stderr));
    }
    let output = run(program().args(["show", &path, "--svg", "/nowhere/at/all.svg"]));
    assert_eq!(output.status.code(), Some(4), "it could not be written");
    assert!(!output.stdout.is_empty(), "and the text is there");
}
