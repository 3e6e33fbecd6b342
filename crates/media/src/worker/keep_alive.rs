//! Keeps the way of RTP to a phone open while nothing is said to it (RFC 6263): NATs forget.
//!
//! An empty datagram (§4.1): no payload type that a phone could be irritated by, no sequence number
//! that would be missing, and no sound in a call on hold. RTCP needs none, its reports go on.

use std::time::{Duration, Instant};

/// Silence after which something is sent (§7: Tr).
const QUIET: Duration = Duration::from_secs(15);

/// What is sent.
pub(crate) const NOTHING: &[u8] = &[];

/// The watch of one leg.
#[derive(Debug, Default)]
pub(crate) struct KeepAlive {
    /// When something has been sent last; `None` as long as there is nobody to send to.
    sent: Option<Instant>,
    /// When this was looked at last and found to be too early.
    due: Option<Instant>,
}

impl KeepAlive {
    /// There is somebody to send to, or nobody any more.
    pub(crate) fn expect(&mut self, expected: bool, now: Instant) {
        if !expected {
            *self = Self::default();
        } else if self.sent.is_none() {
            self.sent(now);
            self.due = Some(now + QUIET);
        }
    }

    /// A packet has been sent. Costs the packet's way one store.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// A deadline that packets do not move: it is found out to be too early when it comes.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Whether something has to be sent.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> bool {
        let (Some(sent), Some(due)) = (self.sent, self.due) else {
            return false;
        };
        if now < due {
            return false;
        }
        let is_quiet = now >= sent + QUIET;
        if is_quiet {
            self.sent = Some(now);
        }
        self.due = self.sent.map(|sent| sent + QUIET);
        is_quiet
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "a starting point for virtual time"
)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_way_is_kept_open_and_one_with_packets_needs_nothing() {
        let start = Instant::now();
        let mut kept = KeepAlive::default();
        assert_eq!(kept.poll_timeout(), None);
        kept.expect(true, start);
        kept.sent(start + QUIET / 3);
        assert!(!kept.handle_timeout(start + QUIET));
        assert_eq!(kept.poll_timeout(), Some(start + QUIET / 3 + QUIET));
        assert!(kept.handle_timeout(start + QUIET / 3 + QUIET));
        assert!(!kept.handle_timeout(start + QUIET / 3 + QUIET));
        assert!(kept.handle_timeout(start + QUIET / 3 + 2 * QUIET));
    }

    #[test]
    fn nobody_is_sent_anything_when_there_is_nobody() {
        let start = Instant::now();
        let mut kept = KeepAlive::default();
        kept.expect(true, start);
        kept.expect(false, start + QUIET / 2);
        assert_eq!(kept.poll_timeout(), None);
        assert!(!kept.handle_timeout(start + 9 * QUIET));
    }
}
