//! The elements that pictures are made of. Whatever text comes in is escaped here, and nowhere else.

use std::fmt::{self, Display, Write};

use super::{Place, style};
use crate::report::escape::Xml;

/// Characters of one text that are drawn.
const LONGEST: usize = 240;
/// Width of a character in the font of fixed width, by the font's size.
const FIXED: f64 = 0.602;

/// One picture while it is drawn.
pub struct Canvas {
    body: String,
    ids: String,
}

/// A picture that is drawn.
pub struct Picture {
    /// All of it, one element.
    pub whole: String,
    /// The same in parts, one element each, where it was cut: they refer to the whole, which must stand in the same page.
    pub sheets: Vec<String>,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the left, pixels.
    pub x: f64,
    /// From the top, pixels.
    pub y: f64,
}

/// Shorthand for a point.
pub fn at(x: f64, y: f64) -> Point {
    Point { x, y }
}

/// A number as coordinates are written: one digit behind the point, and never anything else than a number.
pub struct Px(pub f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.0.is_finite() {
            self.0.clamp(-1e7, 1e7)
        } else {
            0.0
        };
        let tenths = (value * 10.0).round() / 10.0;
        if tenths.fract() == 0.0 {
            write!(f, "{tenths:.0}")
        } else {
            write!(f, "{tenths:.1}")
        }
    }
}

/// A text as it stands in a picture: visible, not too long.
struct Shown<'a>(&'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, cut) = crate::report::escape::clipped(self.0, LONGEST);
        write!(f, "{}{}", Xml(text), if cut { "…" } else { "" })
    }
}

impl Canvas {
    /// An empty one.
    pub fn new(place: Place<'_>) -> Canvas {
        let ids = match place {
            Place::Document => String::new(),
            Place::Fragment { ids } => ids
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                .collect(),
        };
        Canvas {
            body: String::new(),
            ids,
        }
    }

    /// An identifier of this picture.
    fn id(&self, name: &str) -> String {
        match self.ids.is_empty() {
            true => format!("ts-{name}"),
            false => format!("{}-{name}", self.ids),
        }
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        let _ = self.body.write_fmt(text); // a String takes everything
    }

    /// Begins a group, with what people read who point at it.
    pub fn begin(&mut self, class: &str, title: &str) {
        self.put(format_args!("<g class=\"{}\">", Xml(class)));
        if !title.is_empty() {
            self.put(format_args!("<title>{}</title>", Shown(title)));
        }
    }

    /// Ends a group.
    pub fn end(&mut self) {
        self.put(format_args!("</g>\n"));
    }

    /// A rectangle with corners rounded by `round`.
    pub fn rect(&mut self, class: &str, from: Point, width: f64, height: f64, round: f64) {
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            Px(from.x),
            Px(from.y),
            Px(width.max(0.0)),
            Px(height.max(0.0)),
        ));
        if round > 0.0 {
            self.put(format_args!(" rx=\"{}\"", Px(round)));
        }
        self.put(format_args!("/>\n"));
    }

    /// A rectangle filled with the hatching of what is not proven.
    pub fn hatched(&mut self, from: Point, width: f64, height: f64, round: f64) {
        let id = self.id("hatch");
        self.put(format_args!(
            "<rect fill=\"url(#{id})\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"/>\n",
            Px(from.x),
            Px(from.y),
            Px(width.max(0.0)),
            Px(height.max(0.0)),
            Px(round),
        ));
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, from: Point, to: Point) {
        self.put(format_args!(
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n",
            Px(from.x),
            Px(from.y),
            Px(to.x),
            Px(to.y),
        ));
    }

    /// Any line, as the words of SVG for it; only for words that the caller made of numbers.
    pub fn path(&mut self, class: &str, words: &str) {
        if !words.is_empty() {
            self.put(format_args!("<path class=\"{class}\" d=\"{words}\"/>\n"));
        }
    }

    /// The head of an arrow that comes from `from` and ends at `to`.
    pub fn arrow_head(&mut self, class: &str, from: Point, to: Point) {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length = dx.hypot(dy).max(0.001);
        let (ux, uy) = (dx / length, dy / length);
        let back = at(to.x - 9.0 * ux, to.y - 9.0 * uy);
        self.put(format_args!(
            "<path class=\"{class}\" d=\"M{} {}L{} {}L{} {}Z\"/>\n",
            Px(to.x),
            Px(to.y),
            Px(back.x - 3.6 * uy),
            Px(back.y + 3.6 * ux),
            Px(back.x + 3.6 * uy),
            Px(back.y - 3.6 * ux),
        ));
    }

    /// A text on one line.
    pub fn text(&mut self, class: &str, from: Point, text: &str) {
        self.turned(class, from, 0.0, text);
    }

    /// A text on one line, turned clockwise about its point by so many degrees.
    pub fn turned(&mut self, class: &str, from: Point, degrees: f64, text: &str) {
        if text.is_empty() {
            return;
        }
        self.put(format_args!(
            "<text class=\"{class}\" x=\"{}\" y=\"{}\"",
            Px(from.x),
            Px(from.y)
        ));
        if degrees != 0.0 {
            self.put(format_args!(
                " transform=\"rotate({degrees:.2} {} {})\"",
                Px(from.x),
                Px(from.y)
            ));
        }
        self.put(format_args!(">{}</text>\n", Shown(text)));
    }

    /// The whole picture, and its parts between cuts.
    pub fn finish_in_sheets(
        mut self,
        place: Place<'_>,
        title: &str,
        description: &str,
        (width, height): (f64, f64),
        cuts: &[f64],
    ) -> Picture {
        let mut sheets = Vec::new();
        if place != Place::Document && !cuts.is_empty() {
            let id = self.id("all");
            self.body = format!("<g id=\"{id}\">\n{}</g>\n", self.body);
            let from = std::iter::once(0.0).chain(cuts.iter().copied());
            let to = cuts.iter().copied().chain([height]);
            sheets.extend(from.zip(to).map(|(from, to)| {
                format!(
                    "<svg class=\"ts-svg\" viewBox=\"0 {1} {0} {2}\" width=\"{0}\" height=\"{2}\"><use href=\"#{id}\"/></svg>",
                    Px(width),
                    Px(from),
                    Px(to - from)
                )
            }));
        }
        Picture {
            whole: self.finish(place, title, description, width, height),
            sheets,
        }
    }

    /// The whole picture.
    pub fn finish(self, place: Place<'_>, title: &str, description: &str, width: f64, height: f64) -> String {
        let (title_id, description_id, hatch) = (self.id("title"), self.id("desc"), self.id("hatch"));
        let mut text = String::with_capacity(self.body.len() + (8 << 10));
        let document = place == Place::Document;
        if document {
            text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        }
        let _ = writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ts-svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" \
             role=\"img\" aria-labelledby=\"{title_id} {description_id}\">\n<title id=\"{title_id}\">{2}</title>\n\
             <desc id=\"{description_id}\">{3}</desc>",
            Px(width),
            Px(height),
            Shown(title),
            Xml(description),
        );
        if document {
            let _ = writeln!(text, "<style>\n{}</style>", style::document_style());
        }
        if self.body.contains(&format!("url(#{hatch})")) {
            let _ = writeln!(
                text,
                "<defs><pattern id=\"{hatch}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\"><line class=\"ts-hatch\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern></defs>"
            );
        }
        if document {
            let _ = writeln!(
                text,
                "<rect class=\"ts-page\" width=\"{}\" height=\"{}\"/>",
                Px(width),
                Px(height)
            );
        }
        text.push_str(&self.body);
        text.push_str("</svg>\n");
        text
    }
}

/// Width of a text in the font of fixed width.
pub fn fixed_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * FIXED
}

/// Words on lines of so many characters; a word that is longer stands on a line of its own.
pub fn lines_of(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_numbers_whatever_they_were() {
        let cases = [
            (1.0, "1"),
            (1.04, "1"),
            (-0.26, "-0.3"),
            (f64::NAN, "0"),
            (f64::INFINITY, "0"),
            (1e300, "10000000"),
        ];
        for (value, text) in cases {
            assert_eq!(Px(value).to_string(), text);
        }
    }

    #[test]
    fn text_stays_text() {
        let mut canvas = Canvas::new(Place::Fragment { ids: "a\"><script>b" });
        canvas.begin("ts-x", "</title><script>1</script>");
        canvas.text("ts-x", at(0.0, 0.0), "a\u{1b}[31m<b>&\"'\u{202e}");
        canvas.end();
        canvas.hatched(at(0.0, 0.0), 1.0, 1.0, 0.0);
        let text = canvas.finish(Place::Fragment { ids: "x" }, "<t>", "]]>", 10.0, 10.0);
        assert!(
            !text.contains("<script>") && text.contains("ascriptb-hatch"),
            "{text}"
        );
        let tree = roxmltree::Document::parse(&text).expect("well-formed");
        let shown: Vec<&str> = tree.descendants().filter_map(|node| node.text()).collect();
        assert!(shown.contains(&"a\\u{1b}[31m<b>&\"'\\u{202e}"), "{shown:?}");
    }
}
