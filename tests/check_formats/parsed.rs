//! Outputs read back by parsers that do not know how they were written.

use pulldown_cmark::{Event, Options, Parser, Tag};

/// A workflow command as the runner of GitHub Actions reads it.
#[derive(Debug)]
pub struct Command {
    pub name: String,
    pub properties: Vec<(String, String)>,
    pub data: String,
}

/// The commands of a text, and its other lines.
pub fn commands(text: &str) -> (Vec<Command>, Vec<String>) {
    let mut commands = Vec::new();
    let mut rest = Vec::new();
    // The runner splits where any line ends.
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        match command(line) {
            Some(command) => commands.push(command),
            None => rest.push(line.to_owned()),
        }
    }
    (commands, rest)
}

fn command(line: &str) -> Option<Command> {
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties.split(',').filter(|property| !property.is_empty());
    Some(Command {
        name: name.to_owned(),
        properties: properties
            .map(|property| {
                let (key, value) = property.split_once('=').unwrap_or((property, ""));
                let value = value.replace("%3A", ":").replace("%2C", ",");
                (key.to_owned(), unescaped(&value))
            })
            .collect(),
        data: unescaped(data),
    })
}

fn unescaped(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
}

/// What a Markdown text turns out to be.
#[derive(Debug, Default)]
pub struct Shape {
    /// All text, cells and lines apart.
    pub text: String,
    /// Cells of each row of a table, its heading left out.
    pub rows: Vec<usize>,
    pub headings: usize,
    pub links: usize,
    pub code: usize,
    pub details_open: usize,
    pub details_closed: usize,
    /// HTML that is not ours.
    pub foreign_html: Vec<String>,
}

pub fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM
}

pub fn markdown_shape(text: &str) -> Shape {
    let mut shape = Shape::default();
    let mut in_head = false;
    for event in Parser::new_ext(text, options()) {
        match event {
            Event::Start(Tag::TableHead) => in_head = true,
            Event::Start(Tag::TableRow) => {
                in_head = false;
                shape.rows.push(0);
            }
            Event::Start(Tag::TableCell) if !in_head => *shape.rows.last_mut().expect("a row") += 1,
            Event::Start(Tag::Heading { .. }) => shape.headings += 1,
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::FootnoteDefinition(_)) => {
                shape.links += 1
            }
            Event::FootnoteReference(_) => shape.links += 1,
            Event::Start(Tag::CodeBlock(_) | Tag::Strikethrough | Tag::Emphasis) => shape.code += 1,
            Event::Code(_) | Event::InlineMath(_) | Event::DisplayMath(_) | Event::TaskListMarker(_) => {
                shape.code += 1
            }
            Event::Text(part) => shape.text.push_str(&part),
            Event::InlineHtml(html) | Event::Html(html) => {
                shape.details_open += html.matches("<details><summary>").count();
                shape.details_closed += html.matches("</details>").count();
                let ours = ["<details><summary>", "</summary>", "</details>"];
                let rest = ours
                    .iter()
                    .fold(html.to_string(), |html, tag| html.replacen(tag, "", 1));
                if rest.contains(['<', '>']) {
                    shape.foreign_html.push(rest);
                }
            }
            Event::End(_) => shape.text.push('\n'),
            Event::Start(_) | Event::SoftBreak | Event::HardBreak | Event::Rule => {}
        }
    }
    shape
}
