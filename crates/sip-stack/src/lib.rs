//! A SIP user agent, sans-IO.

pub mod account;
pub mod command;
pub mod event;
pub mod target;
pub mod timer;
pub mod transport;
pub mod user_agent;
