//! The leg by its behaviour, on virtual time.

mod handshake;
mod hostile;
mod ice;
mod leg;
