//! A SIP user agent, sans-IO.

pub mod account;
pub mod command;
pub mod event;
pub mod user_agent;
