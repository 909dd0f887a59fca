//! The exit codes.

use super::Page;

/// Code and meaning.
const CODES: [(&str, &str); 7] = [
    (
        "0",
        "Done. In `check`: nothing at or above `fail-on`. A capture that is damaged is shown as far as it goes, with a \
           warning on standard error.",
    ),
    (
        "1",
        "Findings make a check fail: `check` found something at or above `fail-on`, or `diff --fail-on-new` something \
           new.",
    ),
    (
        "2",
        "Wrong usage, wrong configuration, or input that cannot be read: there is no result.",
    ),
    (
        "3",
        "In `check` and `diff --fail-on-new`, the input is incomplete (cut off, damaged), or connections were evicted for a limit: what was read has nothing that fails, but it is not all.",
    ),
    (
        "4",
        "The output could not be written, for example because the disk is full.",
    ),
    (
        "101",
        "The program stopped because it is wrong about itself. Nothing it wrote may be relied on; please report it.",
    ),
    (
        "130",
        "A signal (Ctrl-C, SIGTERM, SIGHUP) ended the reading. What was read before is reported and marked as incomplete; \
           a comparison (`diff`), or a report of which nothing was read, is not written.",
    ),
];

/// The page.
pub fn page() -> Page {
    let mut page = Page::new("EXIT", "exit codes");
    let rows = CODES.map(|(code, meaning)| vec![code.to_owned(), meaning.to_owned()]);
    page.grid(&["code", "meaning"], rows.to_vec());
    page.text("Where several hold, the first of these is given: 2, 4, 130, 1, 3.");
    page.text(
        "A reader that has seen enough and closes the pipe (`| head`) is no error: the exit code is that of the run. The \
         exit code never depends on the format of the output.",
    );
    page.text(
        "A second signal ends the program at once, and so does the first while nothing is read; the shell then tells 128 plus \
         the number of the signal. When the input of a pipe ends within a second after the signal, as that of `tcpdump` does \
         at Ctrl-C, all of it was read: nothing was interrupted.",
    );
    page
}
