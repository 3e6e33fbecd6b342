//! A SIP user agent.
//!
//! The cores are sans-IO: bytes or events go in, actions come out, and the time
//! is an argument. Only the modules behind the feature `driver` touch sockets.

pub mod account;
pub mod admission;
pub mod command;
mod dialog;
pub mod digest;
#[cfg(feature = "driver")]
pub mod driver;
pub mod event;
mod identity;
mod invite;
pub mod keep_alive;
mod keying;
pub mod message;
pub mod page_message;
mod reason;
pub mod refer;
mod registration;
pub mod replaces;
#[cfg(any(test, feature = "simulate"))]
pub mod simulate;
pub mod target;
pub mod timer;
pub mod transaction;
pub mod transport;
pub mod trust;
pub mod user_agent;
