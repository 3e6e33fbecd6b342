//! The sylk-gateway daemon: browsers on one side, SIP phones on the other.
//!
//! The way of a request: `signaling/sylkrtc` (one task per WebSocket) to `call` (one task per call,
//! around a pure state machine) to the SIP user agent and the media workers, which are crates of
//! their own; and back through `sip` and `directory`. `supervisor` builds all of it from a
//! `config` and takes it down again.

pub mod account;
pub mod backend;
pub mod call;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod directory;
pub mod health;
pub mod ledger;
pub mod logging;
pub mod metrics;
pub mod random;
pub mod routes;
pub mod signaling;
pub mod sip;
pub mod supervisor;
pub mod tasks;
pub mod timestamp;
pub mod web;
