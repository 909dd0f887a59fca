//! An explanation as plain data; the views draw it.

/// One explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What is explained.
    pub title: String,
    /// What that is: `state`, `rule, warning`; empty where the title says it.
    pub kind: String,
    /// The text.
    pub blocks: Vec<Block>,
}

/// A piece of text. Prose may hold `code` between backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// One point of a list.
    Item(String),
    /// Lines that stay as they are.
    Code(String),
    /// Rows of cells; the last column may be long.
    Grid {
        /// Names of the columns.
        head: Vec<&'static str>,
        /// The rows, each as long as the head.
        rows: Vec<Vec<String>>,
    },
}

impl Page {
    /// An empty page.
    pub fn new(title: impl Into<String>, kind: impl Into<String>) -> Page {
        Page {
            title: title.into(),
            kind: kind.into(),
            blocks: Vec::new(),
        }
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Heading(text.into()));
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    /// Adds a point of a list.
    pub fn item(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Item(text.into()));
    }

    /// Adds rows.
    pub fn grid(&mut self, head: &[&'static str], rows: Vec<Vec<String>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Grid {
                head: head.to_vec(),
                rows,
            });
        }
    }

    /// Adds documentation as rustdoc knows it: headings, paragraphs, lists, fences.
    pub fn markdown(&mut self, text: &str) {
        let mut lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        let mut paragraph = String::new();
        while let Some(line) = lines.next() {
            let trimmed = line.trim();
            let item = trimmed.strip_prefix("- ").or_else(|| trimmed.strip_prefix("* "));
            let ends = trimmed.is_empty()
                || trimmed.starts_with("```")
                || trimmed.starts_with('#')
                || item.is_some();
            if ends && !paragraph.is_empty() {
                self.prose(std::mem::take(&mut paragraph));
            }
            if trimmed.starts_with("```") {
                let code: Vec<&str> = lines
                    .by_ref()
                    .take_while(|line| !line.trim().starts_with("```"))
                    .collect();
                self.blocks.push(Block::Code(code.join("\n")));
            } else if let Some(heading) = trimmed.strip_prefix('#') {
                self.heading(heading.trim_start_matches('#').trim());
            } else if item.is_some() || !trimmed.is_empty() {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(trimmed);
            }
        }
        if !paragraph.is_empty() {
            self.prose(paragraph);
        }
    }

    /// A paragraph, or a point of a list.
    fn prose(&mut self, text: String) {
        let text = text.replace("[`", "`").replace("`]", "`");
        match text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")) {
            Some(item) => self.item(item),
            None => self.text(text),
        }
    }
}
