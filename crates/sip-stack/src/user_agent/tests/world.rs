//! Two user agents and a registrar over a bad network.
