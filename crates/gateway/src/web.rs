//! Web listeners: sockets, TLS, and one HTTP/1.1 connection per task.
//!
//! Knows nothing of routes: it serves any hyper service. Every handshake runs in the task of its
//! own connection, under a time limit, so that a client that says nothing holds up nobody. Reading
//! messages (RFC 9112) is hyper's work; WebSocket upgrades are the routes'.

mod listener;
mod peers;
mod tls;

pub use self::listener::{Bound, Serving, WebError, bind};
pub use self::peers::{Peer, Peers};
