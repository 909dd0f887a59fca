//! `explain`: help on every word that this program says.

use anyhow::bail;

use tcptrace_states::cli::{Explain, TextFormat};
use tcptrace_states::explain::{self, Answer};
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::{Done, Screen, print_raw, print_text};

/// `explain`.
pub fn run(args: &Explain) -> anyhow::Result<Done> {
    let pages = match &args.word {
        None if args.rules => vec![explain::rules_table()],
        None => vec![explain::index()],
        Some(word) => match explain::lookup(word) {
            Answer::Pages(pages) => pages,
            Answer::Unknown { nearest } if nearest.is_empty() => {
                bail!("nothing is known of `{word}`; `explain` alone lists what can be explained")
            }
            Answer::Unknown { nearest } => {
                bail!(
                    "nothing is known of `{word}`; did you mean {}?",
                    nearest.join(", ")
                )
            }
        },
    };
    match args.format {
        TextFormat::Text => {
            let screen = Screen::of_stdout(&args.screen);
            let look = screen.look(Rows::All, SequenceNumbers::Absolute);
            print_text(&screen, |out| report::explain::write(out, &pages, &look))?;
        }
        // The README holds the table alone, without a heading.
        TextFormat::Markdown if args.rules => {
            print_raw(|out| report::explain::write_body_markdown(out, &pages))?;
        }
        TextFormat::Markdown => print_raw(|out| report::explain::write_markdown(out, &pages))?,
    }
    Ok(Done::sound())
}
