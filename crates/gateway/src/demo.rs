//! The demo: everything a first call needs, in one process and on loopback only.
//!
//! An embedded registrar with accounts, far ends to call, and the web phone.
mod audio;
mod proxy;
mod registrar;
