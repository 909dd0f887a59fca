//! The screens of `leaks` and `time-wait`, on crowds made by hand. The snapshots are meant to be looked at.

use tcptrace_states::model::Role;
use tcptrace_states::population::By;

mod crowd;
mod handmade;

use crowd::{MINUTE, half_close, leaks_text, leaky, look, server, time_wait_text};
use handmade::SECOND;

/// What the host of the server lists.
const LISTING: &str = "\
CLOSE-WAIT 1 0 10.0.0.5:8080 10.0.0.9:40000 users:((\"java\",pid=4121,fd=87))
CLOSE-WAIT 1 0 10.0.0.5:8080 10.0.0.10:40001 users:((\"java\",pid=4121,fd=88))
CLOSE-WAIT 61 0 10.0.0.5:8080 10.0.0.11:40002 users:((\"e\x1b[2Jvil\",pid=12,fd=5))
ESTAB 0 0 10.0.0.5:8080 10.0.0.9:40003 users:((\"java\",pid=4121,fd=90))
CLOSE-WAIT 0 0 10.0.0.5:8080 10.0.0.99:1 users:((\"java\",pid=4121,fd=91))
";

#[test]
fn leaks_at_80_columns() {
    insta::assert_snapshot!(leaks_text(&leaky(), By::Server, None, &look(80, false)));
}

#[test]
fn leaks_at_120_columns_by_pair() {
    insta::assert_snapshot!(leaks_text(&leaky(), By::Pair, None, &look(120, false)));
}

#[test]
fn leaks_in_ascii_with_what_the_host_says() {
    let text = leaks_text(&leaky(), By::Server, Some(LISTING), &look(80, true));
    assert!(text.is_ascii() && !text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_leaks() {
    let text = leaks_text(&handmade::empty(), By::Server, None, &look(80, false));
    assert!(
        text.ends_with("\nNothing leaks: there is no half-close.\n"),
        "{text}"
    );
    let ended = half_close(1, ("10.0.0.9:1", server(0)), Role::Server, 0, SECOND, false);
    let text = leaks_text(
        &handmade::analysis(vec![ended], MINUTE),
        By::Server,
        None,
        &look(80, false),
    );
    assert!(
        text.ends_with("\nNothing leaks: no half-close was open when the capture ended.\n"),
        "{text}"
    );
}

#[test]
fn time_wait_at_80_columns() {
    insta::assert_snapshot!(time_wait_text(&look(80, false)));
}

#[test]
fn time_wait_at_120_columns() {
    insta::assert_snapshot!(time_wait_text(&look(120, false)));
}

#[test]
fn time_wait_in_ascii() {
    let text = time_wait_text(&look(80, true));
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_is_wider_than_the_screen() {
    for width in [80, 100, 120, 160] {
        for text in [
            leaks_text(&leaky(), By::Server, None, &look(width, false)),
            leaks_text(&leaky(), By::Client, None, &look(width, false)),
            leaks_text(&leaky(), By::Pair, None, &look(width, true)),
            leaks_text(&leaky(), By::Server, Some(LISTING), &look(width, false)),
            leaks_text(&leaky(), By::Process, Some(LISTING), &look(width, true)),
            time_wait_text(&look(width, false)),
        ] {
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{width}:\n{text}");
        }
    }
    for width in 0..50 {
        leaks_text(&leaky(), By::Server, Some(LISTING), &look(width, false));
        time_wait_text(&look(width, true));
    }
}
