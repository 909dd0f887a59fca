//! What concerns all connections of a service together, or the capture.

use super::Settings;
use crate::model::{Capture, Connection, ServiceFinding};

/// What the rules about services and about the capture find, the worst first.
pub fn judge(capture: &Capture, connections: &[Connection], settings: &Settings) -> Vec<ServiceFinding> {
    let _ = (capture, connections, settings);
    Vec::new()
}
