//! Whose requests are worth looking at, as the user agent tells whoever holds the sockets:
//! those that name a Contact of ours, and those of our registrars and proxies.
//!
//! The door itself is the driver's; the user agent looks at what passes it once more.

use std::net::IpAddr;

/// A change of who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The user part of a Contact of ours, to be found in the Request-URI.
    Token {
        /// As it was sent.
        token: String,
        /// `false`: no longer.
        admitted: bool,
    },
    /// The address of a registrar or proxy of ours.
    Address {
        /// Whatever the port.
        address: IpAddr,
        /// `false`: no longer.
        admitted: bool,
    },
}
