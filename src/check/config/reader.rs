//! Walks a TOML document and says what is wrong with it: where, at which key, and what was probably meant.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::time::duration;

/// Faults told of one file; the others are counted.
const MOST_FAULTS: usize = 20;
/// Characters of a word from the file that a message quotes.
const MOST_QUOTED: usize = 60;

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The faults, in the order of the file, at most 20 of them.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub more: usize,
}

/// One thing that is wrong, and where. `Display` writes `file:line:column: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Name of the file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key and what is wrong with it.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let line_feed = if index == 0 { "" } else { "\n" };
            write!(f, "{line_feed}{fault}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A value of the document, and the full name of its key.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A table of the document.
#[derive(Clone)]
pub(super) struct Section<'a, 't> {
    /// Name of the table, empty for the whole document.
    path: String,
    table: &'a DeTable<'t>,
    /// Where it stands.
    pub span: Range<usize>,
}

impl<'a, 't> Section<'a, 't> {
    pub fn root(document: &'a Spanned<DeTable<'t>>) -> Section<'a, 't> {
        Section {
            path: String::new(),
            table: document.get_ref(),
            span: document.span(),
        }
    }

    /// The full name of a key in it.
    pub fn name(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    pub fn get(&self, key: &str) -> Option<&'a Value<'t>> {
        self.table.get(key)
    }

    /// All keys and values.
    pub fn entries(&self) -> impl Iterator<Item = (&'a Spanned<Cow<'t, str>>, &'a Value<'t>)> + use<'a, 't> {
        self.table.iter()
    }
}

/// Collects faults.
pub(super) struct Reader {
    faults: Vec<(Range<usize>, String)>,
}

impl Reader {
    pub fn new() -> Reader {
        Reader { faults: Vec::new() }
    }

    /// The faults with their places in the text, if there are any.
    pub fn into_error(mut self, file: &str, text: &str) -> Option<ConfigError> {
        if self.faults.is_empty() {
            return None;
        }
        self.faults.sort_by_key(|(span, _)| span.start);
        let more = self.faults.len().saturating_sub(MOST_FAULTS);
        let told = self.faults.into_iter().take(MOST_FAULTS);
        let faults = told.map(|(span, message)| {
            let (line, column) = place(text, span.start);
            Fault {
                file: file.to_owned(),
                line,
                column,
                message,
            }
        });
        Some(ConfigError {
            faults: faults.collect(),
            more,
        })
    }

    pub fn fault(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.faults.push((span, message.into()));
    }

    /// Complains of keys that are not known here; says whether all are.
    pub fn only(&mut self, section: &Section<'_, '_>, known: &[&str]) -> bool {
        let before = self.faults.len();
        for (key, _) in section.entries() {
            let word = key.get_ref().as_ref();
            if !known.contains(&word) {
                let name = section.name(&quoted(word));
                let hint = meant(word, known.iter().copied())
                    .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
                self.fault(key.span(), format!("unknown key {name}; {hint}"));
            }
        }
        self.faults.len() == before
    }

    /// A table below this one.
    pub fn section<'a, 't>(&mut self, parent: &Section<'a, 't>, key: &str) -> Option<Section<'a, 't>> {
        let value = parent.get(key)?;
        self.table(parent.name(key), value)
    }

    /// The tables of `[[key]]`.
    pub fn sections<'a, 't>(&mut self, parent: &Section<'a, 't>, key: &str) -> Vec<Section<'a, 't>> {
        let Some(value) = parent.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(list) = value.get_ref() else {
            self.wrong_type(&parent.name(key), value, &format!("a list of tables, [[{key}]]"));
            return Vec::new();
        };
        list.iter()
            .filter_map(|value| self.table(parent.name(key), value))
            .collect()
    }

    pub fn table<'a, 't>(&mut self, path: String, value: &'a Value<'t>) -> Option<Section<'a, 't>> {
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type(&path, value, "a table");
            return None;
        };
        Some(Section {
            path,
            table,
            span: value.span(),
        })
    }

    pub fn string<'a>(&mut self, section: &Section<'a, '_>, key: &str) -> Option<&'a str> {
        let value = section.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => {
                self.wrong_type(&section.name(key), value, "a text in quotes");
                None
            }
        }
    }

    /// A duration in nanoseconds.
    pub fn duration(&mut self, section: &Section<'_, '_>, key: &str) -> Option<i64> {
        let value = section.get(key)?;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(
                &section.name(key),
                value,
                "a duration with its unit such as \"30s\"",
            );
            return None;
        };
        let ns = duration(text);
        if ns.is_none() {
            let name = section.name(key);
            let text = quoted(text);
            self.fault(
                value.span(),
                format!("{name}: {text} is no duration; write it with its unit such as 30s, 2m, 500ms"),
            );
        }
        ns
    }

    /// An integer in a range.
    pub fn integer(
        &mut self,
        section: &Section<'_, '_>,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = section.get(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(&section.name(key), value, "an integer");
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let name = section.name(key);
            let (least, most) = (range.start(), range.end());
            let wanted = match *most {
                u64::MAX => format!("an integer from {least} on"),
                _ => format!("an integer from {least} to {most}"),
            };
            self.fault(value.span(), format!("{name}: write {wanted}"));
        }
        number
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, section: &Section<'_, '_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(section, key)?;
        let known = words.iter().find(|(word, _)| *word == text);
        if known.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = meant(text, names.iter().copied())
                .unwrap_or_else(|| format!("write one of {}", names.join(", ")));
            self.fault_at(section, key, format!("unknown value {}; {hint}", quoted(text)));
        }
        known.map(|(_, meaning)| *meaning)
    }

    /// Complains of the value of a key, or of the table if the key is not there.
    pub fn fault_at(&mut self, section: &Section<'_, '_>, key: &str, message: impl fmt::Display) {
        let span = section.get(key).map_or(section.span.clone(), Spanned::span);
        self.fault(span, format!("{}: {message}", section.name(key)));
    }

    /// A text that must be there and say something.
    pub fn required<'a>(&mut self, section: &Section<'a, '_>, key: &str) -> Option<&'a str> {
        if section.get(key).is_none() {
            self.fault_at(section, key, "is missing");
            return None;
        }
        let text = self.string(section, key)?;
        if text.trim().is_empty() {
            self.fault_at(section, key, "is empty");
            return None;
        }
        Some(text)
    }

    pub fn wrong_type(&mut self, name: &str, value: &Value<'_>, wanted: &str) {
        let got = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fault(value.span(), format!("{name}: this is {got}; write {wanted}"));
    }
}

/// A word from the file for a message, cut if it is long.
pub(super) fn quoted(word: &str) -> String {
    let short: String = word.chars().take(MOST_QUOTED).collect();
    let cut = if short.len() < word.len() { "…" } else { "" };
    format!("\"{short}{cut}\"")
}

/// `did you mean X?`, if one of the words is near.
pub(super) fn meant<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    if word.len() > MOST_QUOTED {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let wanted = plain(word);
    let near = known.filter_map(|candidate| {
        let plain = plain(candidate);
        let distance = strsim::osa_distance(&wanted, &plain);
        // One slip in a short word, one more for each six letters of a long one; or a word cut short, such as `warn`.
        let slips = distance <= 1 + plain.len() / 6;
        let cut = wanted.len() >= 3 && (plain.starts_with(&wanted) || wanted.starts_with(&plain));
        (slips || cut).then_some((distance, candidate))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| format!("did you mean {candidate}?"))
}

/// Line and column (in characters) of an offset, both from 1.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
