//! What other tools call the same things.
