//! The rules of a correct passive observer, R1 to R60: each with a story that misleads an observer who looks at flags
//! instead of numbers, or at the order of packets instead of what the endpoints say that they had received.
//!
//! `rNN` in a test's name is the rule. Left out are those that only weigh what was seen and move no state: R55 (quiet time
//! after a boot), R56 (how many TIME-WAITs a port range bears) and R57 (timestamps of two 4-tuples are not compared).

mod story;

#[path = "rules/close.rs"]
mod close;
#[path = "rules/data.rs"]
mod data;
#[path = "rules/observer.rs"]
mod observer;
#[path = "rules/open.rs"]
mod open;
#[path = "rules/reset.rs"]
mod reset;
#[path = "rules/time_wait.rs"]
mod time_wait;
