//! What happens to the explorer, and what it asks for.

use crate::analyze::Progress;
use crate::model::{Address, Analysis, PacketNumber};

use super::contents::Contents;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character, capitals as such.
    Char(char),
    /// A small letter together with Ctrl.
    Ctrl(char),
    /// F1 and so on.
    F(u8),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Tabulator together with Shift.
    BackTab,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// The character before.
    Backspace,
    /// The character under the cursor.
    Delete,
}

/// What happens.
pub enum Event {
    /// A key is pressed.
    Key(Key),
    /// The screen has so many columns and lines.
    Resize(u16, u16),
    /// The first reading has come so far.
    Progress(Progress),
    /// The capture is read in part: what would stand if it ended here.
    SoFar(Box<Contents>),
    /// The capture is read.
    Read(Box<Contents>),
    /// It could not be read again.
    Unread(String),
    /// The reading for one connection has come so far.
    ConnectionProgress(u64, Progress),
    /// One connection with its ladder, by the number of the job; none if it is not there any more.
    Connection(u64, Result<Option<Box<Analysis>>, String>),
}

/// A reading for one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Which one.
    pub number: u64,
    /// One end of the connection.
    pub client: Address,
    /// The other.
    pub server: Address,
    /// Its first packet.
    pub first_packet: PacketNumber,
}

/// What the explorer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// To end.
    Quit,
    /// To give the terminal back to the shell for a while.
    Suspend,
    /// To draw everything anew, because something else has drawn on the screen.
    Redraw,
    /// To read the capture again.
    Read,
    /// Not to read any further.
    StopReading,
    /// To read for one connection.
    ReadConnection(Job),
    /// Not to read for a connection any longer.
    Forget,
}
