//! The sylkRTC codec.
