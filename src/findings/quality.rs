//! CP: what the capture lacks or doubles.

crate::findings::family! {}
