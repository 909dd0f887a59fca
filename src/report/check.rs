//! The views of `check`.

pub mod human;
pub mod json;

/// Views to come: until then they say so.
macro_rules! to_come {
    ($($format:ident),*) => {$(
        #[doc = concat!("The verdict as ", stringify!($format), ".")]
        pub mod $format {
            use std::io::{self, Write};

            use crate::check::Verdict;

            /// Writes the verdict to `out`.
            ///
            /// # Errors
            ///
            /// Always: the format is not there yet.
            pub fn write(_: &mut dyn Write, _: &Verdict) -> io::Result<()> {
                Err(io::Error::new(io::ErrorKind::Unsupported, "this format is not there yet"))
            }
        }
    )*};
}
to_come!(junit, sarif, github, markdown);
