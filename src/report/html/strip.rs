//! The two strips of a lane, drawn without the script: percentages of the width, so that they fit any page.

use maud::{Markup, html};

use super::lane::{End, Lane, Piece, mark};
use super::{percent, place, since};
use crate::model::{Role, State};
use crate::population::Span;
use crate::report::escape::Html;
use crate::report::look::{state_label, state_letter};

/// Height of a strip and of a lane, in pixels.
const STRIP: u32 = 15;
pub(super) const HEIGHT: u32 = 33;
/// From this share of the width on there is room for letters, for the whole name: hundredths of a percent.
const LETTERS: u64 = 350;
const NAME: u64 = 1_800;

/// What is drawn in a state: CLOSED and LISTEN are the absence of a connection.
pub(super) fn is_drawn(state: State) -> bool {
    !matches!(state, State::Closed | State::Listen)
}

/// Both strips, marked where states change and where findings are.
pub(super) fn strip(lane: &Lane, span: Span) -> Markup {
    html! {
        svg.strip width="100%" height=(HEIGHT) role="img" aria-label=(label(lane)) {
            @for (role, end) in [Role::Client, Role::Server].into_iter().zip(&lane.ends) {
                (half(lane, role, end, span))
            }
            @for found in &lane.marks { @if let Some(at) = found.at {
                @let below = found.endpoint == Some(Role::Server);
                svg.mark.(found.severity.name()) x=(place(span, at) + "%") y=(if below { HEIGHT - 7 } else { 0 }) overflow="visible" {
                    title { (found.code) " at " (since(span, at)) }
                    path d=(if below { "M-5 7h10l-5 -7z" } else { "M-5 0h10l-5 7z" }) {}
                }
            } }
        }
    }
}

/// In words, for who does not see it.
fn label(lane: &Lane) -> String {
    let [client, server] = &lane.ends;
    let path = |end: &End| {
        let names: Vec<String> = (end.stretches.iter())
            .map(|piece| state_label(piece.state, piece.evidence))
            .collect();
        names.join(", ")
    };
    format!(
        "Connection {}: client {}; server {}",
        lane.id,
        path(client),
        path(server)
    )
}

fn half(lane: &Lane, role: Role, end: &End, span: Span) -> Markup {
    let top = if role == Role::Client {
        1
    } else {
        HEIGHT - STRIP - 1
    };
    let until = |index: usize| end.stretches.get(index + 1).map_or(span.to, |next| next.from);
    html! {
        @for (index, piece) in end.stretches.iter().enumerate() { @if is_drawn(piece.state) {
            (stretch(lane, role, piece, until(index), top, span))
        } }
    }
}

fn stretch(
    lane: &Lane,
    role: Role,
    piece: &Piece,
    until: crate::time::Timestamp,
    top: u32,
    span: Span,
) -> Markup {
    let length = span.length_ns().unsigned_abs().max(1);
    let lasts = until.since(piece.from).unsigned_abs();
    let share = u128::from(lasts) * 10_000 / u128::from(length);
    let share = u64::try_from(share).unwrap_or(10_000).min(10_000);
    let (x, width) = (place(span, piece.from) + "%", percent(lasts, length) + "%");
    let text = format!(
        "{}{}",
        state_letter(piece.state),
        mark(piece.state, piece.evidence)
    );
    // Behind the last packet nothing was seen any more.
    let quiet = until.since(lane.last_time.max(piece.from)).unsigned_abs();
    html! {
        g.piece.unproven[!piece.proven] {
            title {
                (role.name()) " " (state_label(piece.state, piece.evidence)) ", " (since(span, piece.from)) " to " (since(span, until))
                @if !piece.cause.is_empty() { ", " (Html(piece.cause)) }
                @if let Some(packet) = piece.packet { ", packet " (packet) }
                @if let Some(evidence) = piece.evidence { " (" (evidence.name()) ")" }
            }
            rect.s.{ "s-" (colour_class(piece.state)) } x=(x) y=(top) width=(width) height=(STRIP) {}
            @if quiet > 0 && lane.last_time < until {
                rect.quiet x=(place(span, lane.last_time.max(piece.from)) + "%") y=(top) width=(percent(quiet, length) + "%") height=(STRIP) {}
            }
            @if !piece.proven { rect.hatch x=(x) y=(top) width=(width) height=(STRIP) {} }
            @if lasts > 0 { rect.edge x=(x) y=(top) width="1" height=(STRIP) {} }
            @if share >= LETTERS {
                text x=(x) dx="4" y=(top + 11) {
                    @if share >= NAME { (state_label(piece.state, piece.evidence)) } @else { (text) }
                }
            }
        }
    }
}

/// The end of the class that gives a shape the colour of a state.
pub(super) fn colour_class(state: State) -> &'static str {
    match state {
        State::Closed => "C",
        State::Listen => "L",
        State::SynSent => "SS",
        State::SynReceived => "SR",
        State::Established => "E",
        State::FinWait1 => "F1",
        State::FinWait2 => "F2",
        State::CloseWait => "CW",
        State::Closing => "CL",
        State::LastAck => "LA",
        State::TimeWait => "TW",
        State::Unknown => "U",
    }
}
