//! Where the figure has its states and its edges.

use crate::model::State;
use crate::report::diagram::Spot;
use State::*;

/// Width of the picture, and height of the figure in it.
pub const WIDTH: f64 = 1060.0;
pub const HEIGHT: f64 = 752.0;
/// Width and height of a state.
pub const NODE: (f64, f64) = (196.0, 42.0);

/// Columns: left, middle, right.
const L: f64 = 190.0;
const M: f64 = 520.0;
const R: f64 = 850.0;
/// Half a state.
const W: f64 = NODE.0 / 2.0;
const H: f64 = NODE.1 / 2.0;
/// Rows, from above.
const Y: [f64; 7] = [34.0, 134.0, 256.0, 378.0, 490.0, 596.0, 702.0];

/// A state and its middle.
pub struct Node {
    pub state: State,
    pub x: f64,
    pub y: f64,
    /// The place where connections end.
    pub end: bool,
}

impl Node {
    /// The state and which of its places it is.
    pub fn spot(&self) -> Spot {
        Spot {
            state: self.state,
            end: self.end,
        }
    }
}

/// All of them; UNKNOWN is no state of the figure and drawn only where it was.
pub const NODES: [Node; 13] = [
    place(Closed, M, Y[0]),
    place(Listen, M, Y[1]),
    place(SynReceived, L, Y[2]),
    place(SynSent, R, Y[2]),
    place(Established, M, Y[3]),
    place(FinWait1, L, Y[4]),
    place(CloseWait, R, Y[4]),
    place(FinWait2, L, Y[5]),
    place(Closing, M, Y[5]),
    place(LastAck, R, Y[5]),
    place(TimeWait, M, Y[6]),
    Node {
        state: Closed,
        x: R,
        y: Y[6],
        end: true,
    },
    place(Unknown, 190.0, Y[0]),
];

const fn place(state: State, x: f64, y: f64) -> Node {
    Node {
        state,
        x,
        y,
        end: false,
    }
}

/// An edge of the figure.
pub struct Edge {
    from: State,
    to: State,
    /// What causes it, and what is sent.
    pub words: &'static str,
    /// The line that it follows.
    pub way: &'static [(f64, f64)],
    /// Where the words begin, or end, and how they are aligned.
    pub label: (f64, f64, &'static str),
}

impl Edge {
    /// Whether its words stand above its line, and grow upwards.
    pub fn is_named_above(&self) -> bool {
        self.is(SynSent, SynReceived)
    }

    /// Whether it leads from the one to the other.
    pub fn is(&self, from: State, to: State) -> bool {
        (self.from, self.to) == (from, to)
    }
}

const END: &str = "ts-end";
const START: &str = "ts-start";
const MIDDLE: &str = "ts-middle";

/// The edges of figure 5. CLOSED stands twice: those that lead to its end are LAST-ACK's and TIME-WAIT's.
pub const EDGES: [Edge; 20] = [
    edge(
        Closed,
        Listen,
        "passive OPEN",
        &[(M - 18.0, Y[0] + H), (M - 18.0, Y[1] - H)],
        (M - 26.0, Y[0] + 46.0, END),
    ),
    edge(
        Listen,
        Closed,
        "CLOSE",
        &[(M + 18.0, Y[1] - H), (M + 18.0, Y[0] + H)],
        (M + 26.0, Y[0] + 46.0, START),
    ),
    edge(
        Closed,
        SynSent,
        "active OPEN / snd SYN",
        &[(M + W, Y[0] - 8.0), (R + 26.0, Y[0] - 8.0), (R + 26.0, Y[2] - H)],
        (R + 36.0, Y[1] - 14.0, START),
    ),
    edge(
        SynSent,
        Closed,
        "CLOSE",
        &[(R - 6.0, Y[2] - H), (R - 6.0, Y[0] + 10.0), (M + W, Y[0] + 10.0)],
        (R - 16.0, Y[0] + 46.0, END),
    ),
    edge(
        Listen,
        SynReceived,
        "rcv SYN / snd SYN,ACK",
        &[(M - W, Y[1] + 8.0), (L + 20.0, Y[1] + 8.0), (L + 20.0, Y[2] - H)],
        (L + 30.0, Y[1] + 30.0, START),
    ),
    edge(
        Listen,
        SynSent,
        "SEND / snd SYN",
        &[(M + W, Y[1]), (R - 44.0, Y[1]), (R - 44.0, Y[2] - H)],
        (R - 54.0, Y[1] + 22.0, END),
    ),
    edge(
        SynSent,
        SynReceived,
        "rcv SYN / snd SYN,ACK",
        &[(R - W, Y[2] - 8.0), (L + W, Y[2] - 8.0)],
        (M, Y[2] - 14.0, MIDDLE),
    ),
    edge(
        SynReceived,
        Listen,
        "rcv RST",
        &[(L - 20.0, Y[2] - H), (L - 20.0, Y[1] - 8.0), (M - W, Y[1] - 8.0)],
        (L - 30.0, Y[1] + 30.0, END),
    ),
    edge(
        SynReceived,
        Established,
        "rcv ACK of SYN",
        &[
            (L + W, Y[2] + 10.0),
            (M - 26.0, Y[2] + 10.0),
            (M - 26.0, Y[3] - H),
        ],
        (M - 36.0, Y[2] + 34.0, END),
    ),
    edge(
        SynSent,
        Established,
        "rcv SYN,ACK / snd ACK",
        &[
            (R - W, Y[2] + 10.0),
            (M + 26.0, Y[2] + 10.0),
            (M + 26.0, Y[3] - H),
        ],
        (M + 36.0, Y[2] + 34.0, START),
    ),
    edge(
        SynReceived,
        FinWait1,
        "CLOSE / snd FIN",
        &[(L - 20.0, Y[2] + H), (L - 20.0, Y[4] - H)],
        (L - 30.0, Y[3] - 14.0, END),
    ),
    edge(
        Established,
        FinWait1,
        "CLOSE / snd FIN",
        &[(M - W, Y[3]), (L + 20.0, Y[3]), (L + 20.0, Y[4] - H)],
        (L + 30.0, Y[3] + 24.0, START),
    ),
    edge(
        Established,
        CloseWait,
        "rcv FIN / snd ACK",
        &[(M + W, Y[3]), (R, Y[3]), (R, Y[4] - H)],
        (R - 10.0, Y[3] + 24.0, END),
    ),
    edge(
        FinWait1,
        FinWait2,
        "rcv ACK of FIN",
        &[(L, Y[4] + H), (L, Y[5] - H)],
        (L - 10.0, Y[4] + 40.0, END),
    ),
    edge(
        FinWait1,
        Closing,
        "rcv FIN / snd ACK",
        &[(L + W, Y[4]), (M, Y[4]), (M, Y[5] - H)],
        (L + W + 14.0, Y[4] + 18.0, START),
    ),
    edge(
        CloseWait,
        LastAck,
        "CLOSE / snd FIN",
        &[(R, Y[4] + H), (R, Y[5] - H)],
        (R + 10.0, Y[4] + 40.0, START),
    ),
    edge(
        FinWait2,
        TimeWait,
        "rcv FIN / snd ACK",
        &[(L, Y[5] + H), (L, Y[6]), (M - W, Y[6])],
        (L + 10.0, Y[5] + 42.0, START),
    ),
    edge(
        Closing,
        TimeWait,
        "rcv ACK of FIN",
        &[(M, Y[5] + H), (M, Y[6] - H)],
        (M + 10.0, Y[5] + 42.0, START),
    ),
    edge(
        LastAck,
        Closed,
        "rcv ACK of FIN",
        &[(R, Y[5] + H), (R, Y[6] - H)],
        (R + 10.0, Y[5] + 42.0, START),
    ),
    edge(
        TimeWait,
        Closed,
        "timeout, 2 MSL",
        &[(M + W, Y[6]), (R - W, Y[6])],
        ((M + R) / 2.0, Y[6] + 16.0, MIDDLE),
    ),
];

const fn edge(
    from: State,
    to: State,
    words: &'static str,
    way: &'static [(f64, f64)],
    label: (f64, f64, &'static str),
) -> Edge {
    Edge {
        from,
        to,
        words,
        way,
        label,
    }
}
