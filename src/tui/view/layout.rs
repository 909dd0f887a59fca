//! Which lines of the screen are for what. Low screens lose the footer first, then headings, then the title; the last line is
//! for keys and questions while there are two.

use ratatui::layout::Rect;

use crate::tui::app::App;

/// Lines of one connection in the timeline.
pub const LANES: usize = 2;
/// A screen as high as this has room for a footer.
const FOOTER_FROM: u16 = 12;
/// A screen as high as this has room for headings.
const HEAD_FROM: u16 = 5;

/// Places on the screen.
#[derive(Debug, Clone, Copy)]
pub struct Areas {
    /// The bar on top.
    pub title: Option<u16>,
    /// Headings.
    pub head: Rect,
    /// What is looked at.
    pub body: Rect,
    /// Facts of what the cursor is on.
    pub foot: Rect,
    /// The last line.
    pub hint: Option<u16>,
}

fn areas(app: &App, head: u16, foot: u16) -> Areas {
    let (width, height) = app.size;
    let title = (height >= 3).then_some(0);
    let top = u16::from(title.is_some());
    let hint = (height >= 2).then(|| height - 1);
    let head = if height >= HEAD_FROM { head } else { 0 };
    let foot = if height >= FOOTER_FROM { foot } else { 0 };
    let body_top = top + head;
    let bottom = height - u16::from(hint.is_some());
    let body = bottom.saturating_sub(body_top + foot);
    Areas {
        title,
        head: Rect::new(0, top, width, head),
        body: Rect::new(0, body_top, width, body),
        foot: Rect::new(0, body_top + body, width, foot),
        hint,
    }
}

/// Of the list: a heading; a rule and two lines on the connection under the cursor.
pub fn list(app: &App) -> Areas {
    areas(app, 1, 3)
}

/// Of the timeline: the axis; a rule, a line on the connection under the cursor, one with its findings, two of letters.
pub fn timeline(app: &App) -> Areas {
    areas(app, 1, 5)
}

/// Of a connection: its tabs.
pub fn connection(app: &App) -> Areas {
    areas(app, 1, 0)
}

/// Of any text that is scrolled.
pub fn text(app: &App) -> Areas {
    match app.view() {
        crate::tui::app::View::Connection => connection(app),
        _ => areas(app, 0, 0),
    }
}
