//! Digest authentication (RFC 2617, RFC 7616, RFC 8760; RFC 3261 section 22), as far as an
//! HA1 allows: MD5 and MD5-sess, without qop and with `auth`.
//!
//! Everything here is a pure function of its arguments. Which account may answer which
//! realm, and where a [`NonceState`] is kept, is decided by the user agent.

mod answer;
mod challenge;
mod credentials;
mod nonce;
mod params;
mod verify;

pub use answer::{DigestError, answer, select};
pub use challenge::{Algorithm, Challenge};
pub use credentials::{Credentials, Ha1};
pub use nonce::NonceState;
pub use verify::{Authorization, Rejection};
