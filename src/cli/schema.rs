//! Arguments of `schema`.

use clap::Args;

/// `schema`.
#[derive(Debug, Args)]
pub struct Schema {}
