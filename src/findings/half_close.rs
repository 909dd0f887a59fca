//! HC: CLOSE-WAIT and FIN-WAIT-2 (RFC 9293 section 3.6).

use super::{Draft, Subject, counted, human_duration};
use crate::model::{Severity, State};

crate::findings::family! {
    half_close,
    close_wait_long,
    close_wait_open,
    fin_wait_2_long,
    close_wait_leak,
    close_wait_peer_gone,
}

/// Whether the side in CLOSE-WAIT closed in the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Yes,
    No,
}

/// A half-close that lasted longer than the limits allow.
fn long_half_close(subject: &Subject<'_>, ended: Ended, found: &mut Vec<Draft>) {
    let close = &subject.connection.close;
    let limits = subject.thresholds;
    let (Some(role), Some(ns)) = (close.close_wait_endpoint, close.half_close_ns) else {
        return;
    };
    let wanted = close.half_close_open == (ended == Ended::No);
    let too_long = limits.half_close_error_ns.is_some_and(|limit| ns >= limit);
    if !wanted || (ns < limits.half_close_warning_ns && !too_long) {
        return;
    }
    let Some(entered) = subject.moved(role, None, State::CloseWait).next() else {
        return;
    };
    let who = role.name();
    let request = match close.request_answered {
        Some(true) => "; the last request had been answered",
        Some(false) => "; the last request had not been answered",
        None => "",
    };
    let mut message = match ended {
        Ended::Yes => format!(
            "the {who} was in CLOSE-WAIT for {} before it closed",
            human_duration(ns)
        ),
        Ended::No => format!("the {who} has not closed: CLOSE-WAIT for {}+", human_duration(ns)),
    };
    if let Some(bytes) = close.half_close_bytes.filter(|bytes| *bytes > 0) {
        message.push_str(&format!(", {} sent in it", counted(bytes, "octet")));
    }
    message.push_str(request);
    let draft = Draft::new(subject, role, message).by(entered);
    found.push(if too_long {
        draft.severity(Severity::Error)
    } else {
        draft
    });
}
