//! `schema`: the JSON Schema of the contract.

use tcptrace_states::schema::schema;

use super::{Done, print_raw};

/// `schema`.
pub fn run() -> anyhow::Result<Done> {
    let text = serde_json::to_string_pretty(&schema())?;
    print_raw(|out| writeln!(out, "{text}"))?;
    Ok(Done::sound())
}
