//! `[limits]`: how much of everything, and the answer given when it is used up.

use serde::Deserialize;
use sylkrtc_protocol::limits::MAX_FRAME;

use super::Problem;

/// Every bound of the daemon that depends on its size and its users.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// WebSockets in all. Further ones: HTTP 503.
    pub connections: usize,
    /// WebSockets and HTTP connections from one address. Further ones are closed at once.
    pub connections_per_address: usize,
    /// Accounts one WebSocket may add. Further ones: `error`.
    pub accounts_per_socket: usize,
    /// Calls one account may have at a time. Further ones: `error` to the page, 486 to the phone.
    pub calls_per_account: usize,
    /// Calls in all. Further ones: `error` to the page, 503 to the phone.
    pub calls: usize,
    /// Bytes of one message of a page. Larger: `error`, then close code 1009.
    pub message_bytes: usize,
    /// Requests one WebSocket may send per second, over time. Faster: `error`, then close code 1008.
    pub requests_per_second: u32,
    /// Requests one WebSocket may send at once, on top of its rate.
    pub requests_burst: u32,
    /// Messages waiting to be written to one WebSocket. More: close code 1008.
    pub write_queue: usize,
    /// Seconds a WebSocket may take none of what is written to it. Longer: it is dropped.
    pub write_seconds: u64,
    /// Seconds between WebSocket pings.
    pub ping_seconds: u64,
    /// Seconds to wait for the answer to a WebSocket ping. Longer: the socket is dropped.
    pub pong_seconds: u64,
    /// Seconds a WebSocket may exist without an account. Longer: close code 1000.
    pub idle_seconds: u64,
    /// Seconds for a TLS handshake and the head of a request. Longer: the connection is closed.
    pub handshake_seconds: u64,
    /// Seconds for calls to end and registrations to be removed when the daemon stops.
    pub stop_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 1_000,
            accounts_per_socket: 20,
            calls_per_account: 10,
            calls: 2_000,
            message_bytes: MAX_FRAME,
            requests_per_second: 50,
            requests_burst: 200,
            write_queue: 256,
            write_seconds: 10,
            ping_seconds: 30,
            pong_seconds: 60,
            idle_seconds: 300,
            handshake_seconds: 10,
            stop_seconds: 8,
        }
    }
}

impl Limits {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let counts = [
            ("connections", self.connections),
            ("connections_per_address", self.connections_per_address),
            ("accounts_per_socket", self.accounts_per_socket),
            ("calls_per_account", self.calls_per_account),
            ("calls", self.calls),
            ("write_queue", self.write_queue),
        ];
        for (key, count) in counts {
            if !(1..=1_000_000).contains(&count) {
                let text = "must be between 1 and 1000000";
                problems.push(Problem::new(format!("limits.{key}"), text));
            }
        }
        let rates = [
            ("requests_per_second", self.requests_per_second),
            ("requests_burst", self.requests_burst),
        ];
        for (key, rate) in rates {
            if rate == 0 {
                problems.push(Problem::new(format!("limits.{key}"), "must be at least 1"));
            }
        }
        if !(16 * 1024..=MAX_FRAME).contains(&self.message_bytes) {
            let text = "must be between 16384 (an SDP offer fits) and 262144";
            problems.push(Problem::new("limits.message_bytes", text));
        }
        let times = [
            ("write_seconds", self.write_seconds),
            ("ping_seconds", self.ping_seconds),
            ("pong_seconds", self.pong_seconds),
            ("idle_seconds", self.idle_seconds),
            ("handshake_seconds", self.handshake_seconds),
            ("stop_seconds", self.stop_seconds),
        ];
        for (key, seconds) in times {
            if !(1..=86_400).contains(&seconds) {
                let text = "must be between 1 and 86400";
                problems.push(Problem::new(format!("limits.{key}"), text));
            }
        }
    }
}
