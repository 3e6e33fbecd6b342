//! The leg by its behaviour, on virtual time.

mod handshake;
mod ice;
mod leg;
mod srtp;
