//! Colours and fonts, once for light and once for dark.
//!
//! Hues are those that people with any kind of colour vision tell apart (after Okabe and Ito), and no meaning hangs on a colour
//! alone: states are named, what is not proven is hatched, what was sent again is labelled or dashed.

use std::fmt::Write;

use crate::model::State;

/// Name of a colour, in light, in dark.
const COLOURS: [(&str, &str, &str); 28] = [
    ("page", "#ffffff", "#0d1117"),
    ("ink", "#1f2328", "#e6edf3"),
    ("dim", "#59636e", "#9198a1"),
    ("faint", "#d1d9e0", "#3d444d"),
    ("wash", "#f6f8fa", "#161b22"),
    ("hatch", "#1f232838", "#e6edf338"),
    ("on-state", "#17202a", "#f0f6fc"),
    ("blue", "#0969a8", "#58b1f5"),
    ("green", "#0a7a5c", "#3fc79a"),
    ("amber", "#9a6700", "#e3a92b"),
    ("red", "#c2400a", "#ff8a5c"),
    ("purple", "#8a3f74", "#d890c0"),
    ("closed", "#e6e9ed", "#2b3138"),
    ("listen", "#eef1f4", "#21262d"),
    ("syn-sent", "#cfe4f7", "#173a59"),
    ("syn-received", "#a9d0f2", "#1c4f7c"),
    ("established", "#b5e3d2", "#12503f"),
    ("fin-wait-1", "#fbe6ae", "#5a450c"),
    ("fin-wait-2", "#f6cd6c", "#74560a"),
    ("close-wait", "#f6b69b", "#7a3016"),
    ("closing", "#ecd3e6", "#4f2b48"),
    ("last-ack", "#dfb0d2", "#6b3560"),
    ("time-wait", "#cbc7ee", "#3e3a73"),
    ("unknown", "#f6f8fa", "#161b22"),
    ("client", "#0969a8", "#58b1f5"),
    ("server", "#b8500b", "#f0a35e"),
    ("grid", "#e7ebef", "#21262d"),
    ("run", "#eef4f9", "#131c26"),
];

/// Selector and declarations; `$name` is a colour.
const RULES: [(&str, &str); 62] = [
    (
        ".ts-svg text",
        "font-family:system-ui,-apple-system,'Segoe UI','Noto Sans','DejaVu Sans',sans-serif;font-size:11px;fill:$ink",
    ),
    (
        ".ts-svg .ts-fixed",
        "font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace",
    ),
    (".ts-svg .ts-end", "text-anchor:end"),
    (".ts-svg .ts-middle", "text-anchor:middle"),
    (".ts-svg .ts-title", "font-size:16px;font-weight:600"),
    (".ts-svg .ts-head", "font-size:12px;font-weight:600"),
    (".ts-svg .ts-dim", "fill:$dim"),
    (".ts-svg .ts-small", "font-size:10px"),
    (
        ".ts-svg .ts-halo",
        "paint-order:stroke;stroke:$page;stroke-width:3px;stroke-linejoin:round",
    ),
    (".ts-svg .ts-error", "fill:$red"),
    (".ts-svg .ts-warning", "fill:$amber"),
    (".ts-svg .ts-note", "fill:$blue"),
    (".ts-svg .ts-info", "fill:$dim"),
    (
        ".ts-svg .ts-on-badge",
        "fill:$page;font-weight:600;font-size:10px",
    ),
    (
        ".ts-svg .ts-name",
        "fill:$on-state;font-weight:600;font-size:11px",
    ),
    (".ts-svg .ts-dwell", "fill:$on-state;font-size:10px"),
    (".ts-page", "fill:$page"),
    (".ts-hatch", "stroke:$hatch;stroke-width:2.6"),
    (".ts-band", "stroke:$page;stroke-width:1.5"),
    (".ts-open", "stroke:$dim;stroke-dasharray:3 3;stroke-width:1"),
    (".ts-life", "stroke:$dim;stroke-width:1.4"),
    (".ts-tap", "stroke:$dim;stroke-width:1;stroke-dasharray:1 4"),
    (".ts-rule", "stroke:$faint;stroke-width:1"),
    (".ts-break", "stroke:$dim;stroke-width:1;stroke-dasharray:2 5"),
    (".ts-wash", "fill:$wash"),
    (".ts-run", "fill:$run;stroke:$faint;stroke-width:1"),
    (".ts-wire", "stroke:$dim;stroke-width:1.2;fill:none"),
    (".ts-wire-head", "fill:$dim"),
    (".ts-control", "stroke:$ink;stroke-width:1.5;fill:none"),
    (".ts-control-head", "fill:$ink"),
    (".ts-again", "stroke:$amber;stroke-width:1.4;fill:none"),
    (".ts-again-head", "fill:$amber"),
    (".ts-reset", "stroke:$red;stroke-width:1.6;fill:none"),
    (".ts-reset-head", "fill:$red"),
    (".ts-lost", "stroke-dasharray:6 4"),
    (
        ".ts-glow",
        "stroke-width:7;stroke-opacity:.22;stroke-linecap:round;fill:none",
    ),
    (".ts-glow.ts-error", "stroke:$red"),
    (".ts-glow.ts-warning", "stroke:$amber"),
    (".ts-glow.ts-note", "stroke:$blue"),
    (".ts-glow.ts-info", "stroke:$dim"),
    (".ts-plot", "fill:none;stroke:$faint;stroke-width:1"),
    (".ts-grid", "stroke:$grid;stroke-width:1"),
    (".ts-fresh", "stroke:$ink;stroke-width:1.3;fill:none"),
    (".ts-sent-again", "stroke:$red;stroke-width:2;fill:none"),
    (".ts-acked", "stroke:$green;stroke-width:1.3;fill:none"),
    (
        ".ts-window",
        "stroke:$amber;stroke-width:1.2;fill:none;stroke-dasharray:5 3",
    ),
    (".ts-sacked", "stroke:$purple;stroke-width:1.4;fill:none"),
    (".ts-mark", "stroke:$blue;stroke-width:1.4;fill:none"),
    (".ts-mark-rst", "stroke:$red;stroke-width:1.8;fill:none"),
    (".ts-node", "fill:$wash;stroke:$faint;stroke-width:1.2"),
    (".ts-node-on", "stroke:$ink;stroke-width:1.6"),
    (".ts-edge", "fill:none;stroke:$faint;stroke-width:1.2"),
    (".ts-edge-head", "fill:$faint"),
    (".ts-client", "fill:none;stroke:$client;stroke-width:2.2"),
    (".ts-client-head", "fill:$client"),
    (".ts-svg .ts-client-text", "fill:$client;font-weight:600"),
    (".ts-server", "fill:none;stroke:$server;stroke-width:2.2"),
    (".ts-server-head", "fill:$server"),
    (".ts-svg .ts-server-text", "fill:$server;font-weight:600"),
    (".ts-unproven", "stroke-dasharray:6 4"),
    (".ts-badge-line", "fill:none"),
    (".ts-svg .ts-strong", "font-weight:600"),
];

/// The class of a shape filled with the colour of a state, `ts-close-wait`.
pub fn state_class(state: State) -> &'static str {
    match state {
        State::Closed => "ts-closed",
        State::Listen => "ts-listen",
        State::SynSent => "ts-syn-sent",
        State::SynReceived => "ts-syn-received",
        State::Established => "ts-established",
        State::FinWait1 => "ts-fin-wait-1",
        State::FinWait2 => "ts-fin-wait-2",
        State::CloseWait => "ts-close-wait",
        State::Closing => "ts-closing",
        State::LastAck => "ts-last-ack",
        State::TimeWait => "ts-time-wait",
        State::Unknown => "ts-unknown",
    }
}

/// The colours of a state on a light and on a dark page, `#rrggbb`. Text on them has the colour of the page's text.
pub fn state_colours(state: State) -> (&'static str, &'static str) {
    let name = state_class(state).trim_start_matches("ts-");
    let found = COLOURS.iter().find(|(colour, ..)| *colour == name);
    found.map_or(("#ffffff", "#0d1117"), |(_, light, dark)| (light, dark))
}

/// The style of a picture in a file of its own. Colours stand in it literally: not every program that shows SVG knows
/// variables.
pub fn document_style() -> String {
    let mut text = String::new();
    rules(&mut text, |_, light, _| light.to_owned());
    text.push_str("@media (prefers-color-scheme: dark) {\n");
    rules_of_colours(&mut text, |_, _, dark| dark.to_owned());
    text.push_str("}\n");
    text
}

/// The style of all pictures in an HTML page, light and dark. It follows the reader's preference; `data-theme="light"` or
/// `"dark"` at the page's root decides otherwise, and paper is light. The colours are the variables `--ts-…` of `.ts-svg`.
pub fn page_style() -> String {
    let mut text = String::from(".ts-svg{max-width:100%;height:auto;");
    let variables = |text: &mut String, dark: bool| {
        for (name, light_colour, dark_colour) in COLOURS {
            let colour = if dark { dark_colour } else { light_colour };
            let _ = write!(text, "--ts-{name}:{colour};");
        }
    };
    variables(&mut text, false);
    text.push_str(
        "}\n@media screen and (prefers-color-scheme: dark) {:root:not([data-theme=\"light\"]) .ts-svg{",
    );
    variables(&mut text, true);
    text.push_str("}}\n@media screen {:root[data-theme=\"dark\"] .ts-svg{");
    variables(&mut text, true);
    text.push_str("}}\n");
    rules(&mut text, |name, _, _| format!("var(--ts-{name})"));
    text
}

/// All rules, with each colour as `of` writes it.
fn rules(text: &mut String, of: impl Fn(&str, &str, &str) -> String) {
    for (selector, declarations) in RULES {
        let _ = writeln!(text, "{selector}{{{}}}", coloured(declarations, &of));
    }
    state_rules(text, &of);
}

/// Of each rule, the declarations with a colour.
fn rules_of_colours(text: &mut String, of: impl Fn(&str, &str, &str) -> String) {
    for (selector, declarations) in RULES {
        let with_colour: Vec<&str> = declarations.split(';').filter(|one| one.contains('$')).collect();
        if !with_colour.is_empty() {
            let _ = writeln!(text, "{selector}{{{}}}", coloured(&with_colour.join(";"), &of));
        }
    }
    state_rules(text, &of);
}

fn state_rules(text: &mut String, of: &impl Fn(&str, &str, &str) -> String) {
    for state in State::ALL {
        let class = state_class(state);
        let name = class.trim_start_matches("ts-");
        let _ = writeln!(text, ".{class}{{fill:{}}}", coloured(&format!("${name}"), of));
    }
}

/// Replaces `$name`. Longer names come first, so that none is taken for the beginning of another.
fn coloured(declarations: &str, of: &impl Fn(&str, &str, &str) -> String) -> String {
    let mut names = COLOURS;
    names.sort_by_key(|(name, ..)| std::cmp::Reverse(name.len()));
    names
        .iter()
        .fold(declarations.to_owned(), |text, (name, light, dark)| {
            text.replace(&format!("${name}"), &of(name, light, dark))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_that_is_named_is_there() {
        for text in [document_style(), page_style()] {
            assert!(!text.contains('$'), "{text}");
            assert_eq!(text.matches('{').count(), text.matches('}').count());
            assert!(!text.contains("</") && !text.contains("url("));
        }
        for state in State::ALL {
            assert!(
                document_style().contains(&format!(".{}{{", state_class(state))),
                "{state}"
            );
        }
        assert!(!document_style().contains("var("));
    }

    /// Text on the colour of a state can be read (WCAG 2 asks for a contrast of 4.5).
    #[test]
    fn names_of_states_can_be_read() {
        let channel = |colour: &str, at: usize| {
            let part = u8::from_str_radix(&colour[at..at + 2], 16).expect("two digits");
            let share = f64::from(part) / 255.0;
            match share <= 0.040_45 {
                true => share / 12.92,
                false => ((share + 0.055) / 1.055).powf(2.4),
            }
        };
        let light_of = |colour: &str| {
            0.2126 * channel(colour, 1) + 0.7152 * channel(colour, 3) + 0.0722 * channel(colour, 5)
        };
        let contrast = |a: &str, b: &str| {
            let (a, b) = (light_of(a), light_of(b));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for state in State::ALL {
            let (light, dark) = state_colours(state);
            assert!(contrast("#17202a", light) > 4.5, "{state} in light");
            assert!(contrast("#f0f6fc", dark) > 4.5, "{state} in dark");
        }
        let of = |name: &str| {
            COLOURS
                .into_iter()
                .find(|(one, ..)| *one == name)
                .expect("a colour")
        };
        for name in [
            "ink", "dim", "blue", "green", "amber", "red", "purple", "client", "server",
        ] {
            let (_, light, dark) = of(name);
            assert!(contrast(light, "#ffffff") > 4.5, "{name} in light");
            assert!(contrast(dark, "#0d1117") > 4.5, "{name} in dark");
        }
    }
}
