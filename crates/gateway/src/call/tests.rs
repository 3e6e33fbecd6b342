//! Calls as scenarios: what goes in, and everything that comes out, in order.

mod changes;
mod early;
mod harness;
mod incoming;
mod leaving;
mod lifetime;
mod messages;
mod music;
mod news;
mod outgoing;
mod pictures;
mod takeovers;
mod task;
mod tones;
mod transfers;
mod updates;
