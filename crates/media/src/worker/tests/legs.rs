//! Legs on virtual time.
