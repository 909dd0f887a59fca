//! SQ, PB, ML: numbers, probes and flags that do not fit.

crate::findings::family! {}
