//! The sylkRTC front door: a WebSocket at `/webrtcgateway/ws`.
//!
//! `http` admits and upgrades, `connection` owns one WebSocket with its accounts and its calls,
//! `translate` is the last place that knows sylkRTC words. The codec is the crate
//! `sylkrtc-protocol`.

pub mod connection;
pub mod http;
pub mod origin;
mod outbox;
mod rate;
mod sessions;
mod translate;
