//! Front doors: the protocols clients speak to the daemon.
//!
//! A front door owns its sockets and its wire format and translates both ways between its clients'
//! messages and the vocabulary of [`crate::call`] and [`crate::account`]. sylkRTC is the first;
//! others come as siblings and need nothing from it.

pub mod sylkrtc;
