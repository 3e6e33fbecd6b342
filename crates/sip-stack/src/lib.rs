//! A SIP user agent.
//!
//! The cores are sans-IO: bytes or events go in, actions come out, and the time
//! is an argument. Only the modules behind the feature `driver` touch sockets.

pub mod account;
pub mod command;
pub mod digest;
pub mod event;
pub mod message;
pub mod target;
pub mod timer;
pub mod transaction;
pub mod transport;
pub mod user_agent;
