//! The codec against the protocol's reference.
//!
//! JSON literals, the transcripts in `tests/transcripts`, the first public documentation's
//! examples, hand-made fuzz seeds, and laws that hold for any input.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod client;
mod corpus;
mod documentation_2015;
mod events;
mod extensions;
mod messages;
mod properties;
mod requests;
mod transcript;
mod transcripts;
