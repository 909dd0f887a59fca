//! Help on every word that this program says: rules, states, fields, exit codes, events.
//!
//! Nothing is written twice: a rule's text is its own documentation, the ways into and out of a state come from
//! [`crate::tracker::state::step`], and fields and words come from the documentation of the types that are serialized, by
//! way of the JSON Schema. Only what stands nowhere else (what a state is good for, exit codes) is written here.

mod contract;
mod exit;
mod page;
mod rules;
mod states;
mod words;

use std::collections::BTreeSet;

pub use page::{Block, Page};
pub use rules::table as rules_table;

use crate::findings;
use crate::tracker::state::State;

/// How many near misses an unknown word gets.
const NEAREST: usize = 5;

/// What is known of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All its meanings: `closed` is a state, an outcome and more.
    Pages(Vec<Page>),
    /// None.
    Unknown {
        /// Words that look like it, the nearest first.
        nearest: Vec<String>,
    },
}

/// Looks a word up, whatever its case, with `-`, `_` or nothing between its parts.
pub fn lookup(word: &str) -> Answer {
    let word = word.trim();
    let mut pages = Vec::new();
    if plain(word) == "exit" {
        pages.push(exit::page());
    }
    pages.extend(rules::pages(word));
    pages.extend(State::parse(word).map(states::page));
    pages.extend(words::page(word));
    pages.extend(contract::word(word));
    pages.extend(contract::field(word));
    if pages.is_empty() {
        pages.extend(rules::elsewhere(word));
    }
    if pages.is_empty() {
        return Answer::Unknown {
            nearest: nearest(word),
        };
    }
    Answer::Pages(pages)
}

/// All that can be explained, on one screen.
pub fn index() -> Page {
    let mut page = Page::new("What can be explained", "");
    page.heading("Rules, by code or name");
    page.blocks.push(rules::index());
    page.heading("States");
    page.text(State::ALL.map(State::name).join(", "));
    page.heading("Words");
    page.text(words::NAMES.join(", "));
    page.text(
        "EXIT (exit codes), every field of the JSON contract (`close.half_close_ns`), every value in it (`presumed`, \
         `half-open`, `fin-missing`), and the names that Suricata, Zeek, Wireshark, Snort and Linux give to such things.",
    );
    page
}

/// Letters and digits of a word, in lower case: how words are compared.
fn plain(word: &str) -> String {
    let letters = word.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Every word that can be looked up.
fn vocabulary() -> BTreeSet<String> {
    let rules = findings::rules().flat_map(|rule| [rule.code.to_owned(), rule.name.to_owned()]);
    let states = State::ALL.into_iter().map(|state| state.name().to_owned());
    let words = words::NAMES.iter().map(|name| (*name).to_owned());
    rules
        .chain(states)
        .chain(words)
        .chain(contract::vocabulary())
        .chain(findings::elsewhere::names().into_iter().map(|name| name.name))
        .chain(["EXIT".to_owned()])
        .collect()
}

/// Words that look like this one, the nearest first; none where nothing is near.
fn nearest(word: &str) -> Vec<String> {
    const LONGEST: usize = 64;
    let wanted: String = plain(word).chars().take(LONGEST).collect();
    let mut near: Vec<(usize, String)> = vocabulary()
        .into_iter()
        .filter_map(|known| {
            let other = plain(&known);
            let distance = strsim::damerau_levenshtein(&wanted, &other);
            let close = distance <= wanted.chars().count().min(other.chars().count()) / 3;
            // Half a word that was typed is nearer than a typing error.
            let part = wanted.chars().count() >= 3 && other.contains(&wanted);
            match (part, close) {
                (true, _) => Some((0, known)),
                (false, true) => Some((distance, known)),
                (false, false) => None,
            }
        })
        .collect();
    near.sort();
    near.dedup_by(|a, b| plain(&a.1) == plain(&b.1));
    near.into_iter().take(NEAREST).map(|(_, known)| known).collect()
}
