//! Text of the other views, with the colours that they give it, as cells of a screen.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

/// A line with SGR sequences as [`crate::report::Look::paint`] writes them. Anything else that a terminal would obey has been
/// made visible by the view; should a control character be left, it is dropped here. `skip` characters are left out in front.
pub fn line(text: &str, skip: usize) -> Line<'static> {
    let mut spans = Vec::new();
    let mut style = Style::new();
    let mut run = String::new();
    let mut place = 0;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\u{1b}' {
            if let Some((after, next)) = sequence(rest.as_str(), style) {
                if !run.is_empty() {
                    spans.push(Span::styled(std::mem::take(&mut run), style));
                }
                style = after;
                rest = next.chars();
            }
        } else if !character.is_control() {
            if place >= skip {
                run.push(character);
            }
            place += 1;
        }
    }
    if !run.is_empty() {
        spans.push(Span::styled(run, style));
    }
    Line::from(spans)
}

/// The characters of a line alone.
pub fn plain(text: &str) -> String {
    line(text, 0)
        .spans
        .iter()
        .map(|span| span.content.as_ref())
        .collect()
}

/// What `[1;31m…` makes of a style, and what stands behind; none if it is no such sequence.
fn sequence(text: &str, mut style: Style) -> Option<(Style, &str)> {
    let body = text.strip_prefix('[')?;
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let (numbers, rest) = body.split_at_checked(end)?;
    let rest = rest.strip_prefix('m')?;
    for number in numbers.split(';') {
        style = match number {
            "" | "0" => Style::new(),
            "1" => style.add_modifier(Modifier::BOLD),
            "2" => style.add_modifier(Modifier::DIM),
            "22" => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            "31" => style.fg(Color::Red),
            "32" => style.fg(Color::Green),
            "33" => style.fg(Color::Yellow),
            "39" => Style { fg: None, ..style },
            _ => style,
        };
    }
    Some((style, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Look, Rows, SequenceNumbers, Tone};

    #[test]
    fn the_colours_of_the_views_come_through() {
        let look = Look {
            width: 80,
            rows: Rows::All,
            ascii: false,
            color: true,
            seq: SequenceNumbers::Absolute,
        };
        let colors = [
            (Tone::Good, Some(Color::Green)),
            (Tone::Attention, Some(Color::Yellow)),
            (Tone::Bad, Some(Color::Red)),
            (Tone::Plain, None),
        ];
        for (tone, color) in colors {
            let text = format!("a{}b", look.paint(tone, "x→"));
            let line = line(&text, 0);
            let marked = line
                .spans
                .iter()
                .find(|span| span.content.contains("x→"))
                .expect("a span");
            assert_eq!(marked.style.fg, color);
            assert_eq!(line.spans.last().map(|span| span.style.fg), Some(None));
            assert_eq!(plain(&text), "ax→b");
        }
        for (tone, modifier) in [(Tone::Strong, Modifier::BOLD), (Tone::Dim, Modifier::DIM)] {
            let line = line(&look.paint(tone, "x"), 0);
            assert!(line.spans[0].style.add_modifier.contains(modifier));
        }
    }

    #[test]
    fn nothing_else_is_obeyed() {
        for hostile in [
            "\u{1b}[2Jx",
            "\u{1b}]0;title\u{7}x",
            "\u{1b}",
            "\u{9b}31mx",
            "\r\n\tx",
            "\u{1b}[1;",
            "\u{1b}[999mx",
        ] {
            let line = line(hostile, 0);
            let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
            assert!(!text.contains(char::is_control), "{hostile:?}");
        }
    }

    #[test]
    fn what_stands_in_front_can_be_left_out() {
        let text = "ab\u{1b}[31mcd\u{1b}[0mef";
        let from = |skip| {
            line(text, skip)
                .spans
                .iter()
                .map(|span| span.content.to_string())
                .collect::<String>()
        };
        assert_eq!(
            (from(0), from(3), from(9)),
            ("abcdef".to_owned(), "def".to_owned(), String::new())
        );
    }
}
