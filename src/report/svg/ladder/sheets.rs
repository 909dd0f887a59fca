//! Where a tall ladder may be cut for paper: between its rows.

use super::layout::{LABEL_LINE, Layout, What};

/// Height of a ladder that stands on one sheet, and of a part of one that does not, by its width.
const ONE: f64 = 0.95;
const PART: f64 = 0.45;
/// Heights of a line of text above and below its base line.
const ABOVE: f64 = 16.0;
const BELOW: f64 = 8.0;
/// A state's name below the beginning of its band.
const NAME: f64 = 20.0;
/// Heights that are tried, from the lowest one up, and how far they are apart.
const TRIES: u32 = 120;
const STEP: f64 = 2.0;

/// Heights at which a picture of this size is cut; none for one that is not tall. `top` is where its lines begin.
pub(super) fn cuts(layout: &Layout, top: f64, width: f64, height: f64) -> Vec<f64> {
    if height <= width * ONE {
        return Vec::new();
    }
    let taken = taken(layout, top, height);
    let part = width * PART;
    let mut cuts = Vec::new();
    let mut from = 0.0;
    while height - from > part {
        let lowest = from + part;
        let heights = (0..TRIES).map(|step| lowest - STEP * f64::from(step));
        // The fewest texts are cut, best none; of equal heights, the lowest.
        let crossed = |y: f64| taken.iter().filter(|(a, b)| *a < y && y < *b).count();
        let best = heights.min_by_key(|y| crossed(*y)).unwrap_or(lowest);
        cuts.push(best);
        from = best;
    }
    cuts
}

/// What no cut should go through.
fn taken(layout: &Layout, top: f64, height: f64) -> Vec<(f64, f64)> {
    let mut taken = vec![(0.0, top + 4.0), (top + layout.bottom - ABOVE, height)];
    for item in &layout.items {
        let [a, b] = item.at;
        let lines = match &item.what {
            What::Arrow { label, .. } => label.len().saturating_sub(1) as f64 * LABEL_LINE,
            What::Run(_) | What::Words(_) | What::Silence(_) => 0.0,
        };
        taken.push((top + a.min(b) - ABOVE, top + a.max(b) + BELOW + lines));
    }
    let bands = layout.bands.iter().flatten();
    taken.extend(bands.map(|band| (top + band.from, top + band.from + NAME)));
    taken
}
