//! The user agent against a scripted peer, and against itself over a bad network.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one variant it expects; all others fail it"
)]

mod answering;
mod bench;
mod calling;
mod forking;
mod identifying;
mod in_call;
mod keeping;
mod keying;
mod many_accounts;
mod many_seeds;
mod messaging;
mod monkey;
mod outbound;
mod own_servers;
mod pracking;
mod proxy;
mod reasons;
mod referred;
mod referring;
mod refreshing;
mod registering;
mod reinviting;
mod reliable;
mod replacing;
mod strangers;
mod world;
