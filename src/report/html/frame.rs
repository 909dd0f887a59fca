//! The frame of the document: its policy, its style, its script, and what stands at its end.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::model::Capture;
use crate::report::escape::Html;
use crate::report::svg;

pub(super) const STYLE: &str = include_str!("report.css");
pub(super) const SCRIPT: &str = include_str!("report.js");

/// SHA-256 of [`STYLE`] and [`SCRIPT`] in base 64. A test holds them against the files.
const STYLE_HASH: &str = "oY1AsPT9RCzkppfxn42LimHlSEErsMgsHcdWYfleNGU=";
const SCRIPT_HASH: &str = "cF4VG1dn8TeVoBlU3TFWTGDFFUUBh7BVOQEH8JmikVg=";

/// That of the style of pictures, [`svg::page_style`].
const PICTURES_HASH: &str = "OE4wfeDj7n2iRakBludsWEIw6Jzn7imtIEoE8O3uUcc=";

/// What the document may load and run: these style sheets, this script, and nothing else.
pub(super) fn policy() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{STYLE_HASH}' 'sha256-{PICTURES_HASH}'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; \
         form-action 'none'"
    )
}

/// Everything up to the first section.
pub(super) fn head(title: &str) -> Markup {
    html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\"><head>"))
        meta charset="utf-8";
        meta http-equiv="Content-Security-Policy" content=(policy());
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="referrer" content="no-referrer";
        meta name="color-scheme" content="light dark";
        title { (Html(title)) " · TCP states" }
        style { (PreEscaped(STYLE)) }
        style { (PreEscaped(svg::page_style())) }
        (PreEscaped("</head><body>"))
        a.skip href="#timeline" { "Skip to the timeline" }
        (patterns())
    }
}

/// What is drawn over stretches that nothing proves, and over those of which nothing is known.
fn patterns() -> Markup {
    html! {
        svg.patterns aria-hidden="true" focusable="false" width="0" height="0" {
            defs {
                pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.line width="2" height="5" {}
                }
                pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse" {
                    circle.dot cx="2" cy="2" r="1" {}
                }
            }
        }
    }
}

/// Below the last section.
pub(super) fn foot(capture: &Capture) -> Markup {
    html! {
        footer {
            p {
                (Html(&capture.program)) ". Times are UTC. States are those of RFC 9293, section 3.3.2, as the capture proves them: "
                "hatched is what no segment of the endpoint itself proves. This file needs no network and loads nothing."
            }
        }
    }
}

/// Behind the data.
pub(super) fn end() -> Markup {
    html! {
        (PreEscaped("</script>"))
        script { (PreEscaped(SCRIPT)) }
        (PreEscaped("</body></html>\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed::base64;
    use super::*;

    #[test]
    fn the_policy_knows_the_style_and_the_script() {
        use sha2::{Digest, Sha256};

        for (name, text, known) in [
            ("STYLE_HASH", STYLE, STYLE_HASH),
            ("SCRIPT_HASH", SCRIPT, SCRIPT_HASH),
            ("PICTURES_HASH", &svg::page_style(), PICTURES_HASH),
        ] {
            let hash = base64(&Sha256::digest(text));
            assert_eq!(
                hash, known,
                "the file was changed: set {name} in frame.rs to {hash}"
            );
        }
    }

    #[test]
    fn neither_file_ends_its_element() {
        for style in [STYLE, &svg::page_style()] {
            assert!(!style.to_lowercase().contains("</style"));
        }
        for word in ["</script", "<!--", "<script"] {
            assert!(!SCRIPT.to_lowercase().contains(word), "{word}");
        }
    }
}
