//! The daemon over a real WebSocket, with a scripted SIP peer on the other side.
//!
//! Everything is bound to port 0 of the loopback interface. No test sleeps: each waits for the
//! next message, with a deadline.

#[path = "sylkrtc/accounts.rs"]
mod accounts;
#[path = "sylkrtc/calls.rs"]
mod calls;
#[path = "sylkrtc/client.rs"]
mod client;
#[path = "sylkrtc/handshake.rs"]
mod handshake;
#[path = "sylkrtc/input.rs"]
mod input;
#[path = "sylkrtc/phone.rs"]
mod phone;
#[path = "sylkrtc/secrets.rs"]
mod secrets;
#[path = "sylkrtc/stop.rs"]
mod stop;
