//! Figure 5 of RFC 9293 (section 3.3.2) for a terminal: which end was in which state, and below it by which packets.

use std::io::{self, Write};

use crate::model::{Connection, Role, State};
use crate::report::ladder::steps::endpoint;
use crate::report::{Look, Tone, evidence, ladder};

/// A state in the figure: CLOSED stands there twice, where connections begin and where they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The state.
    pub state: State,
    /// The place where connections end.
    pub end: bool,
}

impl Spot {
    /// Whether this end of the connection was there.
    pub fn held(self, connection: &Connection, role: Role) -> bool {
        let side = endpoint(connection, role);
        let mut entered = side.transitions.iter().map(|transition| transition.to);
        let first = side
            .transitions
            .first()
            .map_or(side.state, |transition| transition.from);
        match self.end {
            true => entered.any(|state| state == self.state),
            false if self.state == State::Closed => first == State::Closed,
            false => first == self.state || entered.any(|state| state == self.state),
        }
    }

    /// Whether this end of the connection is there when the capture ends.
    pub fn holds(self, connection: &Connection, role: Role) -> bool {
        let side = endpoint(connection, role);
        let begins = side.transitions.is_empty();
        side.state == self.state && (self.state != State::Closed || self.end != begins)
    }
}

/// Characters inside a box.
const INSIDE: usize = 14;

/// The figure. `[n]` is the n-th state of [`SPOTS`], `(n)` who was there; each stands for the inside of a box.
const FIGURE: &str = "
                              +--------------+
                              |[0]|------------------------+
                              |(0)|<-------------------+   |
                              +--------------+                    |   |
                    passive OPEN |        ^ CLOSE           CLOSE |   | active
                                 v        |                       |   | OPEN
                              +--------------+  SEND              |   | snd SYN
    +------------------------>|[1]|--------------+     |   |
    |    +--------------------|(1)|  snd SYN     |     |   |
    |    |                    +--------------+              |     |   |
rcv |    | rcv SYN                                          |     |   |
RST |    v snd SYN,ACK                                      v     |   v
+--------------+                 rcv SYN                +--------------+
|[2]|<---------------------------------------|[3]|
|(2)|               snd SYN,ACK              |(3)|
+--------------+                                        +--------------+
    |    | rcv ACK of SYN                         rcv SYN,ACK |
    |    |                                            snd ACK |
    |    |                    +--------------+                |
    |    +------------------->|[4]|<---------------+
    |           +-------------|(4)|-------------+
    |           | CLOSE       +--------------+     rcv FIN |
    | CLOSE     | snd FIN                          snd ACK |
    v snd FIN   v                                          v
+--------------+  rcv FIN / snd ACK                     +--------------+
|[5]|---------------------+                  |[6]|
|(5)|                     |                  |(6)|
+--------------+                     v                  +--------------+
    | rcv ACK of FIN          +--------------+             | CLOSE
    |                         |[8]|             | snd FIN
    v                         |(8)|             v
+--------------+              +--------------+          +--------------+
|[7]|                 | rcv ACK              |[9]|
|(7)|                 | of FIN               |(9)|
+--------------+                 v                      +--------------+
    | rcv FIN                 +--------------+             | rcv ACK of FIN
    | snd ACK                 |[10]| timeout     v
    +------------------------>|(10)| 2 MSL    +--------------+
                              |              |--------->|[11]|
                              +--------------+          |(11)|
                                                        +--------------+
";

/// The states in the figure.
const SPOTS: [Spot; 12] = [
    begin(State::Closed),
    begin(State::Listen),
    begin(State::SynReceived),
    begin(State::SynSent),
    begin(State::Established),
    begin(State::FinWait1),
    begin(State::CloseWait),
    begin(State::FinWait2),
    begin(State::Closing),
    begin(State::LastAck),
    begin(State::TimeWait),
    Spot {
        state: State::Closed,
        end: true,
    },
];

const fn begin(state: State) -> Spot {
    Spot { state, end: false }
}

/// Writes the connection in words, the figure, and the list of its transitions with what proves each.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, connection: &Connection, look: &Look) -> io::Result<()> {
    for line in ladder::heading(connection, look) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)?;
    for line in FIGURE.lines().skip(1) {
        writeln!(out, "{}", filled(line, connection, look).trim_end())?;
    }
    let ends = [Role::Client, Role::Server];
    let unknown: Vec<&str> = ends
        .into_iter()
        .filter(|role| begin(State::Unknown).held(connection, *role))
        .map(Role::name)
        .collect();
    if !unknown.is_empty() {
        let text = format!("UNKNOWN, which is no state of the figure: {}", unknown.join(", "));
        writeln!(out, "{}", look.paint(Tone::Attention, &text))?;
    }
    let legend = "In a box: who was there; * who is there at the end. RFC 9293, figure 5.";
    writeln!(out, "{}", look.paint(Tone::Dim, legend))?;
    evidence::write(out, connection, look)
}

/// A line of the figure with what stands in its boxes.
fn filled(line: &str, connection: &Connection, look: &Look) -> String {
    let mut line = line.to_owned();
    for (index, spot) in SPOTS.into_iter().enumerate() {
        let (name, who) = (format!("[{index}]"), format!("({index})"));
        if line.contains(&name) {
            line = line.replace(&name, &named(spot, connection, look));
        }
        if line.contains(&who) {
            line = line.replace(&who, &held_by(spot, connection, look));
        }
    }
    line
}

fn named(spot: Spot, connection: &Connection, look: &Look) -> String {
    let text = format!("{:^INSIDE$}", spot.state.name());
    let ends = [Role::Client, Role::Server];
    let tone = match ends.into_iter().any(|role| spot.held(connection, role)) {
        true => Tone::Strong,
        false => Tone::Dim,
    };
    look.paint(tone, &text)
}

fn held_by(spot: Spot, connection: &Connection, look: &Look) -> String {
    let there: Vec<String> = [Role::Client, Role::Server]
        .into_iter()
        .filter(|role| spot.held(connection, *role))
        .map(|role| {
            let now = if spot.holds(connection, role) { "*" } else { "" };
            format!("{}{now}", role.name())
        })
        .collect();
    let text = match there.as_slice() {
        // Both with their stars fill the box.
        [client, server] if client.len() + server.len() >= INSIDE => format!("{client}{server}"),
        some => some.join(" "),
    };
    look.paint(Tone::Good, &format!("{text:^INSIDE$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_box_once() {
        for index in 0..SPOTS.len() {
            for mark in [format!("[{index}]"), format!("({index})")] {
                assert_eq!(FIGURE.matches(&mark).count(), 1, "{mark}");
            }
        }
        for state in State::ALL.into_iter().filter(|state| *state != State::Unknown) {
            assert!(SPOTS.iter().any(|spot| spot.state == state), "{state}");
        }
    }
}
