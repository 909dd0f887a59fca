//! What stands below the drawing: its findings in words, and how it is to be read.

use super::draw::{BADGE, Drawing, MARGIN, severity_class};
use crate::model::State;
use crate::report::look::{counted, marks, number};
use crate::report::svg::canvas::{Canvas, at, lines_of};
use crate::time::human_duration;

/// Characters of a line.
const FOOT: usize = 165;

impl Drawing<'_> {
    /// Findings in words, then how the picture is to be read; returns where it ends.
    pub(super) fn foot(&self, canvas: &mut Canvas) -> f64 {
        let mut y = self.top + self.layout.bottom + 10.0;
        for finding in &self.connection.findings {
            y += 6.0;
            canvas.rect(severity_class(finding.severity), at(MARGIN, y), BADGE, 16.0, 8.0);
            canvas.text(
                "ts-on-badge ts-middle",
                at(MARGIN + BADGE / 2.0, y + 11.8),
                finding.code,
            );
            let times = match finding.count {
                0 | 1 => String::new(),
                count => format!(" ({} times)", number(count)),
            };
            let text = format!("{} · {}{times}", finding.name, finding.message);
            for line in lines_of(&text, FOOT - 10) {
                canvas.text("", at(MARGIN + BADGE + 8.0, y + 12.0), &line);
                y += 14.0;
            }
            y += 2.0;
        }
        y += 6.0;
        for line in self.notes().iter().flat_map(|note| lines_of(note, FOOT + 20)) {
            y += 14.0;
            canvas.text("ts-dim ts-small", at(MARGIN, y), &line);
        }
        y
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![match self.layout.flights {
            Some([client, server]) => format!(
                "Arrows are sloped by the flight of their segments, half of the smallest round trip: {} between client and \
                 tap, {} between tap and server. Where numbers show that one took longer, it \
                 is drawn so. One horizontal line is one moment; heights are not to scale.",
                human_duration(client),
                human_duration(server)
            ),
            None => "Arrows are level: no round trip from the tap to both ends was measured. Each stands at the time of its \
                     capture; heights are not to scale."
                .to_owned(),
        }];
        let sides = [
            &self.connection.endpoints.client,
            &self.connection.endpoints.server,
        ];
        let states = sides.into_iter().flat_map(|side| {
            let first = side
                .transitions
                .is_empty()
                .then_some((side.state, side.state_evidence));
            let all = side.transitions.iter().map(|t| (t.to, Some(t.evidence)));
            all.chain(first)
        });
        let meanings = marks(states.clone());
        if !meanings.is_empty() {
            notes.push(format!("Hatched: not proven. {}.", meanings.join("; ")));
        }
        if states.clone().any(|(state, _)| state == State::Unknown) {
            notes.push("UNKNOWN: the capture cannot tell.".to_owned());
        }
        if self.layout.left_out > 0 {
            notes.push(format!(
                "{} without a change of state or a finding not drawn.",
                counted(self.layout.left_out, "step")
            ));
        }
        if self.connection.ladder.is_empty() {
            notes.push("The segments of this connection were not kept.".to_owned());
        }
        notes
    }
}
