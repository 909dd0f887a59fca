//! The verdict for people: one line a case.

use std::io::{self, Write};

use crate::check::{Standing, Verdict};
use crate::report::escape::Escaped;
use crate::report::{Look, Tone};

/// Writes the verdict to `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict, look: &Look) -> io::Result<()> {
    for case in &verdict.cases {
        let (tone, word) = match &case.standing {
            Standing::Fails => (Tone::Bad, "fails".to_owned()),
            Standing::Reported => (Tone::Attention, "reported".to_owned()),
            Standing::Allowed { reason, .. } => (Tone::Dim, format!("allowed ({reason})")),
            Standing::Known => (Tone::Dim, "in the baseline".to_owned()),
        };
        let service = case
            .service
            .map_or("capture".to_owned(), |service| service.to_string());
        let side = case.endpoint.map_or("", |role| role.name());
        let word = look.paint(tone, &Escaped(&word).to_string());
        let (code, title) = (Escaped(&case.code), Escaped(&case.title));
        let message = Escaped(&case.message);
        writeln!(out, "{word}  {code} {title}  {service} {side}  {message}")?;
    }
    for remark in &verdict.remarks {
        writeln!(out, "{}", Escaped(remark))?;
    }
    let failing = verdict.count(&Standing::Fails);
    writeln!(
        out,
        "{failing} of {} fail",
        verdict.cases.len() + verdict.passed.len()
    )
}
