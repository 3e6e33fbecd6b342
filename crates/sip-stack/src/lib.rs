//! A SIP user agent.
