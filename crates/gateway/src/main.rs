//! The sylk-gateway daemon.

fn main() {}
