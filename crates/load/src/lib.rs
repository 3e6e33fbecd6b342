//! Load generator: what does a call cost, and does it lose anything?
//!
//! Browser-like clients (sylkRTC-2 over a WebSocket, ICE, DTLS-SRTP) call a SIP far end that
//! sends every packet back. Payloads are numbered and carry their time, so loss and round trip
//! are counted end to end, whatever is rewritten on the way. The gateway between them is
//! observed from outside, through `/proc` and `/healthz`. So that figures can be compared, the
//! same clients also call through Janus and through rtpengine (`door`), and through a bare relay
//! (`relay`), which costs what the kernel costs.
//!
//! Beside that, signalling without media: accounts that register (`registering`) and calls that
//! end as soon as they are answered (`calling`), against a scripted far end (`script`).
//!
//! The cores are sans-IO: `browser`, `tally`, `script`, the far end's answerer. `generator` and
//! `far_end` drive them, a thread each; `signalling` and `round` are tasks.

pub mod awake;
pub mod browser;
pub mod calling;
pub mod cli;
pub mod codec;
pub mod crowd;
pub mod daemon;
mod distance;
pub mod door;
pub mod far_end;
pub mod generator;
pub mod health;
pub mod histogram;
pub mod janus;
pub mod offer;
pub mod process;
pub mod registering;
pub mod relay;
pub mod report;
pub mod round;
pub mod rtpengine;
pub mod script;
pub mod signalling;
pub mod stamp;
pub mod tally;
