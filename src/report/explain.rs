//! Explanations as text for a terminal, and as Markdown.

use std::io::{self, Write};

use crate::explain::{Block, Page};
use crate::report::escape::Escaped;
use crate::report::{Look, Tone};

/// Prose is not wider than this, however wide the screen: longer lines are hard to read.
const WIDEST: usize = 100;
/// Spaces between two columns.
const GAP: usize = 2;
/// A last column narrower than this goes below the others.
const NARROWEST: usize = 24;

/// Writes pages as text.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, pages: &[Page], look: &Look) -> io::Result<()> {
    let width = look.width.min(WIDEST);
    for (index, page) in pages.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let title = ascii(look, &Escaped(&page.title).to_string());
        let kind = ascii(look, &page.kind);
        let gap = if kind.is_empty() { "" } else { look.separator() };
        write!(out, "{}", look.paint(Tone::Strong, &title))?;
        if [title.as_str(), gap, &kind]
            .iter()
            .map(|text| text.chars().count())
            .sum::<usize>()
            <= width
        {
            writeln!(out, "{gap}{}", look.paint(Tone::Dim, &kind))?;
        } else {
            writeln!(out)?;
            for line in wrapped(&kind, width) {
                writeln!(out, "{}", look.paint(Tone::Dim, &line))?;
            }
        }
        let mut before: Option<&Block> = None;
        for block in &page.blocks {
            let joined = matches!(
                (before, block),
                (Some(Block::Heading(_)), _) | (Some(Block::Item(_)), Block::Item(_))
            );
            if !joined {
                writeln!(out)?;
            }
            write_block(out, block, look, width)?;
            before = Some(block);
        }
    }
    Ok(())
}

fn write_block(out: &mut dyn Write, block: &Block, look: &Look, width: usize) -> io::Result<()> {
    match block {
        Block::Heading(text) => writeln!(out, "{}", look.paint(Tone::Strong, &ascii(look, text))),
        Block::Text(text) => wrapped(&ascii(look, text), width)
            .iter()
            .try_for_each(|line| writeln!(out, "{line}")),
        Block::Item(text) => {
            let lines = wrapped(&ascii(look, text), width.saturating_sub(2));
            let marked = lines.iter().enumerate();
            marked
                .into_iter()
                .try_for_each(|(index, line)| writeln!(out, "{} {line}", if index == 0 { "-" } else { " " }))
        }
        Block::Code(text) => text.lines().try_for_each(|line| {
            let line = format!("  {}", ascii(look, line));
            writeln!(out, "{}", line.trim_end())
        }),
        Block::Grid { head, rows } => grid(out, head, rows, look, width),
    }
}

/// Columns as wide as their longest cell; the last one wrapped into what is left, or below where too little is left.
fn grid(
    out: &mut dyn Write,
    head: &[&str],
    rows: &[Vec<String>],
    look: &Look,
    width: usize,
) -> io::Result<()> {
    let count = |text: &str| text.chars().count();
    let fixed = head.len().saturating_sub(1);
    let widths: Vec<usize> = (0..fixed)
        .map(|column| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| count(cell));
            cells
                .chain(head.get(column).map(|name| count(name)))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let left: usize = widths.iter().map(|width| width + GAP).sum();
    let below = left + NARROWEST > width;
    let indent = if below { 4 } else { left };
    let room = width.saturating_sub(indent).max(1);
    let names = head
        .iter()
        .map(|name| (*name).to_owned())
        .collect::<Vec<String>>();
    let named = names.iter().any(|name| !name.is_empty());
    let all = named
        .then_some((true, &names))
        .into_iter()
        .chain(rows.iter().map(|row| (false, row)));
    for (is_head, row) in all {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let cell = ascii(look, cell);
            line += &cell;
            line += &" ".repeat((width + GAP).saturating_sub(count(&cell)));
        }
        let last = wrapped(&ascii(look, row.get(fixed).map_or("", String::as_str)), room);
        let mut lines = last.into_iter();
        if below {
            let whole = vec![line.trim_end().to_owned()];
            let fits = count(line.trim_end()) <= width;
            for line in if fits { whole } else { wrapped(&line, width) } {
                writeln!(out, "{}", painted(look, is_head, &line))?;
            }
        } else {
            let first = line + &lines.next().unwrap_or_default();
            writeln!(out, "{}", painted(look, is_head, first.trim_end()))?;
        }
        for line in lines {
            writeln!(
                out,
                "{}",
                painted(look, is_head, &format!("{}{line}", " ".repeat(indent)))
            )?;
        }
    }
    Ok(())
}

fn painted(look: &Look, is_head: bool, line: &str) -> String {
    look.paint(if is_head { Tone::Dim } else { Tone::Plain }, line)
}

/// Lines of at most `width` columns, broken between words; a word that is longer stands alone.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    // A no-break space holds a number to its name.
    for word in text.split_ascii_whitespace() {
        let word = word.replace('\u{a0}', " ");
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.push_str(&word);
        used += length;
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

fn ascii(look: &Look, text: &str) -> String {
    if look.ascii {
        text.replace('…', "...")
            .replace(['⇄', '·'], "-")
            .replace('→', "->")
            .replace('µ', "u")
    } else {
        text.to_owned()
    }
}

/// Writes pages as Markdown.
///
/// # Errors
///
/// Those of `out`.
pub fn write_markdown(out: &mut dyn Write, pages: &[Page]) -> io::Result<()> {
    for (index, page) in pages.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let title = markdown(&Escaped(&page.title).to_string());
        match page.kind.as_str() {
            "" => writeln!(out, "# {title}\n")?,
            kind => writeln!(out, "# {title}\n\n*{}*\n", markdown(kind))?,
        }
        blocks_markdown(out, page)?;
    }
    Ok(())
}

/// Writes what stands below the titles as Markdown, to be put into another document.
///
/// # Errors
///
/// Those of `out`.
pub fn write_body_markdown(out: &mut dyn Write, pages: &[Page]) -> io::Result<()> {
    pages.iter().try_for_each(|page| blocks_markdown(out, page))
}

fn blocks_markdown(out: &mut dyn Write, page: &Page) -> io::Result<()> {
    let mut before: Option<&Block> = None;
    for block in &page.blocks {
        if let Some(before) = before
            && !matches!((before, block), (Block::Item(_), Block::Item(_)))
        {
            writeln!(out)?;
        }
        match block {
            Block::Heading(text) => writeln!(out, "## {}", markdown(text))?,
            Block::Text(text) => writeln!(out, "{}", markdown(text))?,
            Block::Item(text) => writeln!(out, "- {}", markdown(text))?,
            Block::Code(text) => writeln!(out, "```text\n{text}\n```")?,
            Block::Grid { head, rows } => {
                writeln!(out, "| {} |", head.join(" | "))?;
                writeln!(out, "|{}", " --- |".repeat(head.len()))?;
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| markdown(cell)).collect();
                    writeln!(out, "| {} |", cells.join(" | "))?;
                }
            }
        }
        before = Some(block);
    }
    Ok(())
}

/// Prose with `code` in it: only what would begin markup outside of code is escaped.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut in_code = false;
    for character in text.chars() {
        match character {
            '`' => in_code = !in_code,
            '|' => escaped.push('\\'), // ends a cell, also inside code
            '*' | '_' | '<' | '[' | '\\' | '#' if !in_code => escaped.push('\\'),
            _ => {}
        }
        escaped.push(character);
    }
    escaped
}
