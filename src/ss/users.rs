//! The process list of a socket: `users:(("nginx",pid=12,fd=5),("nginx",pid=13,fd=5))`.
//!
//! A process chooses its own name, and `ss` prints it raw: quotes, parentheses, even newlines and text that looks like
//! the end of the list. What tells names from the list is their length: the kernel keeps at most 15 octets.

use super::Process;

/// How the list begins.
pub(super) const OPENING: &str = "users:((\"";

/// Characters in the longest name that the kernel keeps (`TASK_COMM_LEN` less its NUL).
const LONGEST_NAME: usize = 15;

/// How many possible ends of one name are compared: more do not fit into a name.
const ENDS_COMPARED: usize = 3;

/// A place where an entry may end: `",pid=12,fd=5)`, and what follows it.
struct Tail {
    /// Offset of the quote, where the name ends.
    name_end: usize,
    pid: u32,
    fd: u32,
    /// Offset of the next name, if another entry follows.
    next_name: Option<usize>,
    /// Offset behind the list, if the list may end here.
    list_end: Option<usize>,
}

/// How good the best reading from an entry on is: names that are too long (fewer is better), then where the list ends
/// (later is better).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Score {
    long_names: usize,
    list_end: usize,
}

impl Score {
    fn is_better_than(self, other: Score) -> bool {
        (self.long_names, std::cmp::Reverse(self.list_end))
            < (other.long_names, std::cmp::Reverse(other.list_end))
    }
}

/// The best reading if the list goes on with an entry: its tail and the score.
#[derive(Clone, Copy)]
struct Choice {
    tail: usize,
    score: Score,
}

/// Reads the list that follows [`OPENING`]. Gives the processes and the offset behind the list; `None` if it has no end.
/// Takes time linear in the text.
pub(super) fn parse(text: &str) -> Option<(Vec<Process>, usize)> {
    let tails = tails(text);
    // From the last tail to the first: what is the best reading of the rest if this tail ends an entry?
    let mut rest: Vec<Option<(Score, Option<usize>)>> = vec![None; tails.len()];
    let mut best_after: Vec<Option<Choice>> = vec![None; tails.len() + 1];
    for (index, tail) in tails.iter().enumerate().rev() {
        let end = tail.list_end.map(|list_end| {
            let score = Score {
                long_names: 0,
                list_end,
            };
            (score, None)
        });
        let more = tail
            .next_name
            .and_then(|name| choose(text, name, index + 1, &tails, &rest, &best_after))
            .map(|choice| (choice.score, Some(choice.tail)));
        let best = match (end, more) {
            (Some(end), Some(more)) if end.0.is_better_than(more.0) => Some(end),
            (end, None) => end,
            (_, more) => more,
        };
        let here = best.map(|(score, _)| Choice { tail: index, score });
        let after = best_after.get(index + 1).copied().flatten();
        let better = match (here, after) {
            (Some(here), Some(after)) if after.score.is_better_than(here.score) => Some(after),
            (None, after) => after,
            (here, _) => here,
        };
        if let (Some(slot), Some(slot_after)) = (rest.get_mut(index), best_after.get_mut(index)) {
            *slot = best;
            *slot_after = better;
        }
    }

    let first = choose(text, 0, 0, &tails, &rest, &best_after)?;
    let mut processes = Vec::new();
    let (mut name, mut at) = (0, Some(first.tail));
    while let Some(index) = at {
        let tail = tails.get(index)?;
        processes.push(Process {
            name: text.get(name..tail.name_end)?.to_owned(),
            pid: tail.pid,
            fd: tail.fd,
        });
        at = rest.get(index).copied().flatten()?.1;
        if at.is_some() {
            name = tail.next_name?;
        }
    }
    Some((processes, first.score.list_end))
}

/// Whether the list goes on behind this line of it. The last place where an entry may end decides.
pub(super) fn is_open_after(line: &str) -> bool {
    tails(line).last().is_none_or(|tail| tail.list_end.is_none())
}

/// Whether the line begins with the end of an entry: the name before it ended with a newline.
pub(super) fn begins_with_tail(line: &str) -> bool {
    tail_at(line, 0).is_some()
}

/// Chooses the end of the entry whose name begins at `name`, from the tails at and after `from`.
fn choose(
    text: &str,
    name: usize,
    from: usize,
    tails: &[Tail],
    rest: &[Option<(Score, Option<usize>)>],
    best_after: &[Option<Choice>],
) -> Option<Choice> {
    // The opening of a name may hold the quote of the tail before it: at most one tail lies before the name.
    let skipped = tails
        .iter()
        .skip(from)
        .take_while(|tail| tail.name_end < name)
        .take(ENDS_COMPARED)
        .count();
    let from = from + skipped;
    let mut best: Option<Choice> = None;
    let mut offer = |choice: Choice| {
        if best.is_none_or(|best| choice.score.is_better_than(best.score)) {
            best = Some(choice);
        }
    };
    for (index, tail) in tails.iter().enumerate().skip(from).take(ENDS_COMPARED) {
        let letters = text.get(name..tail.name_end)?;
        if letters.chars().take(LONGEST_NAME + 1).count() > LONGEST_NAME {
            break;
        }
        if let Some((score, _)) = rest.get(index).copied().flatten() {
            offer(Choice { tail: index, score });
        }
    }
    if let Some(long) = best_after.get(from).copied().flatten() {
        offer(Choice {
            tail: long.tail,
            score: Score {
                long_names: long.score.long_names + 1,
                list_end: long.score.list_end,
            },
        });
    }
    best
}

/// All places where an entry may end, in order.
fn tails(text: &str) -> Vec<Tail> {
    text.match_indices("\",pid=")
        .filter_map(|(at, _)| tail_at(text, at))
        .collect()
}

/// Reads `",pid=12,fd=5)` at `at`, with the `tid=` of `-T` and the contexts of `-Z`.
fn tail_at(text: &str, at: usize) -> Option<Tail> {
    let from = text.get(at..)?;
    let (pid, mut rest) = number(from.strip_prefix("\",pid=")?)?;
    if let Some(tid) = rest.strip_prefix(",tid=") {
        rest = number(tid)?.1;
    }
    if let Some(context) = rest.strip_prefix(",proc_ctx=") {
        rest = skip_context(context, ",fd=")?;
    }
    let (fd, mut rest) = number(rest.strip_prefix(",fd=")?)?;
    if let Some(context) = rest.strip_prefix(",sock_ctx=") {
        rest = skip_context(context, ")")?;
    }
    let rest = rest.strip_prefix(')')?;
    let offset_of = |part: &str| text.len() - part.len();
    let next_name = rest
        .strip_prefix(',')
        .and_then(|more| {
            more.trim_start_matches([' ', '\t', '\r', '\n'])
                .strip_prefix("(\"")
        })
        .map(offset_of);
    let list_end = rest
        .strip_prefix(')')
        .filter(|behind| behind.is_empty() || behind.starts_with(|c: char| c.is_ascii_whitespace()))
        .map(offset_of);
    Some(Tail {
        name_end: at,
        pid,
        fd,
        next_name,
        list_end,
    })
}

/// Skips a security context up to `end`; a context holds no quote, and so the next tail bounds the search.
fn skip_context<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let within = text.split(['"', '\n']).next()?;
    text.get(within.find(end)?..)
}

/// A decimal number and what follows it.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn process(name: &str, pid: u32, fd: u32) -> Process {
        Process {
            name: name.to_owned(),
            pid,
            fd,
        }
    }

    /// The list as `ss` prints it, without [`OPENING`].
    fn print(processes: &[Process]) -> String {
        let entries: Vec<String> = processes
            .iter()
            .map(|Process { name, pid, fd }| format!("(\"{name}\",pid={pid},fd={fd})"))
            .collect();
        let list = entries.join(",") + ")";
        list.strip_prefix("(\"").expect("an entry").to_owned()
    }

    #[test]
    fn one_and_several_processes() {
        let text = "nginx\",pid=12,fd=5),(\"nginx\",pid=13,fd=6)) uid:33";
        let expected = vec![process("nginx", 12, 5), process("nginx", 13, 6)];
        let end = text.find(" uid").expect("test data");
        assert_eq!(parse(text), Some((expected, end)));
    }

    #[test]
    fn threads_and_security_contexts() {
        let cases = [
            "java\",pid=4,tid=5,fd=6))",
            "java\",pid=4,proc_ctx=system_u:system_r:httpd_t:s0:c1,c2,fd=6))",
            "java\",pid=4,proc_ctx=unavailable,fd=6,sock_ctx=unavailable))",
        ];
        for text in cases {
            assert_eq!(
                parse(text),
                Some((vec![process("java", 4, 6)], text.len())),
                "{text}"
            );
        }
    }

    #[test]
    fn an_entry_may_stand_on_the_next_line() {
        let text = "a\",pid=1,fd=2),\n    (\"b\",pid=3,fd=4))";
        let expected = vec![process("a", 1, 2), process("b", 3, 4)];
        assert_eq!(parse(text), Some((expected, text.len())));
    }

    #[test]
    fn a_list_without_end_is_refused() {
        for text in [
            "",
            "a",
            "a\",pid=1,fd=2)",
            "a\",pid=1))",
            "a\",pid=99999999999,fd=1))",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_that_look_like_the_list() {
        for name in [
            "",
            "\"",
            "a b)(\"c,",
            "\",pid=1,fd=2)",
            "\",pid=1,fd=2),(",
            "\",pid=1,fd=2)) ",
            "\",pid=1,fd=2))\n",
            "))",
            "\"),(\"",
            "\u{1b}[2J\u{202e}\r\n\t",
        ] {
            let several = [process(name, 999, 3), process("b", 7, 3), process(name, 10, 30)];
            for count in 1..=several.len() {
                let expected = several.get(..count).expect("test data").to_vec();
                let text = print(&expected);
                let behind = " uid:1 cgroup:/x\",pid=1,fd=2)) ino:5";
                assert_eq!(
                    parse(&(text.clone() + behind)),
                    Some((expected, text.len())),
                    "{name:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_name_of_15_letters_survives(
            names in prop::collection::vec("(\",pid=|[\",()=a-z0-9 \n]|,fd=[0-9]|\\)\\)|\\PC){0,15}", 1..5),
            pid in 10u32..4_194_304,
            fd in 0u32..1_000_000,
        ) {
            let names = names.iter().map(|name| name.chars().take(LONGEST_NAME).collect::<String>());
            let expected: Vec<Process> = names.map(|name| process(&name, pid, fd)).collect();
            let text = print(&expected);
            prop_assert_eq!(parse(&text), Some((expected, text.len())));
        }

        #[test]
        fn any_text_has_an_answer(text in "(\",pid=1,fd=2\\)|,\\(\"|\\)|[a-z \"\n]|\\PC){0,60}") {
            if let Some((processes, end)) = parse(&text) {
                prop_assert!(!processes.is_empty());
                prop_assert!(text.get(..end).is_some());
            }
        }
    }
}
