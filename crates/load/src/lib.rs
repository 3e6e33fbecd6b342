//! Load generator: what does a call cost, and does it lose anything?
//!
//! Browser-like clients (sylkRTC-2 over a WebSocket, ICE, DTLS-SRTP) call a SIP far end that
//! sends every packet back. Payloads are numbered and carry their time, so loss and round trip
//! are counted end to end, whatever is rewritten on the way. The gateway between them is
//! observed from outside, through `/proc` and `/healthz`.
//!
//! The cores are sans-IO: `browser`, `tally`, the far end's answerer. `generator` and
//! `far_end` drive them, a thread each; `signalling` and `round` are tasks.

pub mod browser;
pub mod cli;
pub mod codec;
pub mod daemon;
pub mod far_end;
pub mod generator;
pub mod health;
pub mod histogram;
pub mod offer;
pub mod process;
pub mod report;
pub mod round;
pub mod signalling;
pub mod stamp;
pub mod tally;
