//! The lite responder.
