#![no_main]
#[path = "../../hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|input: &[u8]| hostile::story::survive(input));
