//! Whole user agents against each other on virtual time, over a network that loses,
//! duplicates, delays and cuts, with a registrar and proxies that come and go. One number,
//! the seed, decides everything; the same seed gives the same trace, byte by byte.
//!
//! [`run`] plays one seed: people register, call, hold, write, hand calls over, refresh long ones
//! and leave. It checks all along: a session ends exactly once and last, both ends of a call agree
//! that it is over, who is handed over talks to whom was meant, no timer lies in the past, CSeq
//! grows, every 2xx to an INVITE is acknowledged, queues stay small, and in the end nothing is left. It is no
//! model of a carrier: the proxies do what is needed to make trouble, not what RFC 3261 §16
//! asks of them.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the actors react to what concerns them and let all else pass"
)]

mod agent;
mod check;
mod forks;
mod meddler;
mod network;
mod proxies;
mod registrar;
mod story;
mod talking;
mod tally;
mod texting;
mod trace;
mod transferring;
mod users;
mod weather;
mod world;

pub use story::{meddled, run};
pub use tally::Tally;
pub use trace::Trace;

#[cfg(test)]
mod tests;
