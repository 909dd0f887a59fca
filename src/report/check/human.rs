//! For people: the verdict, then the cases, the worst first, then what to do next.

use std::io::{self, Write};

use super::{
    EXAMPLES, checked, clip, damage, damage_word, example, excuse, frequency, place, sentence, subject,
    tally, word,
};
use crate::check::{Case, Standing, Verdict};
use crate::findings;
use crate::model::Severity;
use crate::report::escape::Escaped;
use crate::report::look::counted;
use crate::report::{Look, Tone};

/// Width of the column on the left.
const INDENT: usize = 12;
/// A colon where a line would begin with two, which a CI system takes for a command.
const COLON: &str = "\\u{3a}";
/// Cases shown, the worst first: a screen with thousands of them would tell nothing.
const CASES: usize = 100;
/// Columns for text, however narrow the screen.
const NARROWEST: usize = 24;

/// Writes the screen.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict, look: &Look) -> io::Result<()> {
    let mut screen = Screen { out, look };
    let damage = damage(verdict);
    let tone = match (verdict.fails(), damage.is_empty()) {
        (true, _) => Tone::Bad,
        (false, true) => Tone::Good,
        (false, false) => Tone::Attention,
    };
    let mut facts = vec![sentence(verdict)];
    facts.extend(tally(verdict));
    screen.paragraph(word(verdict), tone, Tone::Strong, &screen.joined(&facts))?;
    let facts = checked(verdict, look.ellipsis());
    screen.paragraph("checked", Tone::Plain, Tone::Plain, &screen.joined(&facts))?;
    let mut label = damage_word(verdict).to_uppercase();
    for text in damage {
        screen.paragraph(&label, Tone::Bad, Tone::Bad, &clip(text, look.ellipsis()))?;
        label.clear();
    }
    for case in verdict.cases.iter().take(CASES) {
        screen.blank()?;
        screen.case(case)?;
    }
    let rest = verdict.cases.len().saturating_sub(CASES);
    if rest > 0 {
        let rest = counted(rest as u64, "case");
        let text = format!(
            "{} {rest} more, none of them worse: --format json",
            look.ellipsis()
        );
        screen.list("", Tone::Plain, Tone::Dim, &[text])?;
    }
    screen.list("remarks", Tone::Attention, Tone::Plain, &verdict.remarks)?;
    screen.list("next", Tone::Plain, Tone::Dim, &next(verdict))
}

/// Commands that tell more.
fn next(verdict: &Verdict) -> Vec<String> {
    let mut hints = Vec::new();
    let worst = || {
        verdict
            .cases
            .iter()
            .filter(|case| case.standing == Standing::Fails)
    };
    let any = || worst().chain(verdict.cases.iter());
    if let Some(case) = any().find(|case| findings::find(&case.code).is_some()) {
        hints.push(format!("tcptrace-states explain {}", case.code));
    }
    if let Some(example) = any().find_map(|case| case.examples.first()) {
        let file = match verdict.files.as_slice() {
            [file] if needs_no_quotes(file) => file,
            _ => "FILE",
        };
        let connection = example.connection;
        hints.push(format!("tcptrace-states show {file} --conn {connection}"));
    }
    hints
}

/// Whether a name means itself on every command line.
fn needs_no_quotes(file: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    !file.is_empty() && file.len() <= 80 && !file.starts_with('-') && file.bytes().all(plain)
}

fn tone_of(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Attention,
        Severity::Note | Severity::Info => Tone::Plain,
    }
}

struct Screen<'a> {
    out: &'a mut dyn Write,
    look: &'a Look,
}

impl Screen<'_> {
    fn case(&mut self, case: &Case) -> io::Result<()> {
        let (ellipsis, arrow) = (self.look.ellipsis(), self.look.arrow());
        // What does not count is less loud.
        let (tone, heading) = match case.standing {
            Standing::Fails => (tone_of(case.severity), Tone::Strong),
            Standing::Reported => (tone_of(case.severity), Tone::Plain),
            Standing::Allowed { .. } | Standing::Known => (Tone::Dim, Tone::Dim),
        };
        let facts = [
            subject(case, ellipsis) + &place(case),
            case.confidence.name().to_owned(),
            frequency(case),
        ];
        self.paragraph(case.severity.name(), tone, heading, &self.joined(&facts))?;
        self.paragraph("", Tone::Plain, Tone::Plain, &clip(&case.message, ellipsis))?;
        for connection in case.examples.iter().take(EXAMPLES) {
            let text = example(case, connection, arrow, ellipsis);
            self.paragraph("", Tone::Plain, Tone::Plain, &format!("- {text}"))?;
        }
        match excuse(&case.standing, ellipsis) {
            Some(text) => self.paragraph("", Tone::Plain, Tone::Attention, &text),
            None => Ok(()),
        }
    }

    /// A blank line and texts below each other behind one label; nothing without texts.
    fn list(&mut self, label: &str, label_tone: Tone, tone: Tone, texts: &[String]) -> io::Result<()> {
        let mut label = label;
        for text in texts {
            if !label.is_empty() {
                self.blank()?;
            }
            self.paragraph(label, label_tone, tone, &clip(text, self.look.ellipsis()))?;
            label = "";
        }
        Ok(())
    }

    /// A text in lines that fit the width, behind a label. Escapes both.
    fn paragraph(&mut self, label: &str, label_tone: Tone, tone: Tone, text: &str) -> io::Result<()> {
        let room = self.look.width.saturating_sub(INDENT).max(NARROWEST);
        let mut label = label;
        for line in folded(&self.look.text(Escaped(text).to_string()), room) {
            let gap = " ".repeat(INDENT.saturating_sub(label.chars().count()));
            let (label_text, line) = (self.look.paint(label_tone, label), self.look.paint(tone, &line));
            writeln!(self.out, "{label_text}{gap}{line}")?;
            label = "";
        }
        Ok(())
    }

    fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    fn joined(&self, facts: &[String]) -> String {
        facts.join(self.look.separator())
    }
}

/// A text in lines of at most `room` characters, broken between words, and inside a word only where it alone is too long.
/// No line begins with two colons.
fn folded(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        let mut characters = word.chars().peekable();
        while let Some(character) = characters.next() {
            if used == room {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            if used == 0 && character == ':' && characters.peek() == Some(&':') {
                line.push_str(COLON);
                used += COLON.len();
            } else {
                line.push(character);
                used += 1;
            }
        }
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}
