//! Reliable provisional responses (RFC 3262): numbering them, at both ends.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::message::{HeaderName, Headers, Method, Request, Response, StatusCode};
use crate::transaction::TimerValues;

/// The option tag of RFC 3262.
pub(crate) const TAG: &str = "100rel";

/// What a PRACK must say to acknowledge a response: its RSeq, and the number of the
/// INVITE it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    pub(crate) rseq: u32,
    pub(crate) cseq: u32,
}

impl Acknowledgement {
    /// Reads RAck (RFC 3262 §7.2).
    pub(crate) fn of_prack(request: &Request) -> Option<Self> {
        let (rseq, cseq) = request.headers.rack().ok().flatten()?;
        (cseq.method == Method::Invite).then_some(Self {
            rseq,
            cseq: cseq.number,
        })
    }
}

/// The RSeq of a response that wants a PRACK.
pub(crate) fn number_of(response: &Response) -> Option<u32> {
    let asks = has_tag(&response.headers.require());
    let rseq = response.headers.rseq().ok().flatten();
    rseq.filter(|rseq| asks && *rseq > 0)
}

fn has_tag(tags: &[String]) -> bool {
    tags.iter().any(|tag| tag.eq_ignore_ascii_case(TAG))
}

/// What has been received in one early dialog (§4).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Received {
    last: Option<u32>,
}

impl Received {
    /// Whether this is the next one in order. A repeated one has had its PRACK; one behind
    /// a gap will be repeated when its turn has come.
    pub(crate) fn take(&mut self, rseq: u32) -> bool {
        let due = self
            .last
            .is_none_or(|last| last.checked_add(1) == Some(rseq));
        if due {
            self.last = Some(rseq);
        }
        due
    }
}

/// Whether the caller wants provisional responses to be reliable (§3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// It does not know how.
    None,
    /// It knows how: those with a description are reliable.
    Supported,
    /// All but 100 have to be.
    Required,
}

impl Demand {
    pub(crate) fn of(invite: &Headers) -> Self {
        match (has_tag(&invite.require()), has_tag(&invite.supported())) {
            (true, _) => Self::Required,
            (false, true) => Self::Supported,
            (false, false) => Self::None,
        }
    }
}

/// What has been sent in the early dialog of a call to us (§3). One waits for its PRACK
/// at a time; of what the application says meanwhile the last status is kept, and the
/// description.
#[derive(Debug)]
pub(crate) struct Sent {
    demand: Demand,
    /// Number of the INVITE.
    cseq: u32,
    next: u32,
    pending: Option<Pending>,
    queued: Option<(StatusCode, Option<Bytes>)>,
}

#[derive(Debug)]
struct Pending {
    rseq: u32,
    response: Response,
    has_sdp: bool,
    interval: Duration,
}

impl Sent {
    /// Nothing yet. `first` is the first RSeq.
    pub(crate) fn new(invite: &Headers, first: u32) -> Self {
        Self {
            demand: Demand::of(invite),
            cseq: invite.cseq().map_or(0, |cseq| cseq.number),
            next: first,
            pending: None,
            queued: None,
        }
    }

    pub(crate) fn is_wanted(&self, has_sdp: bool) -> bool {
        match self.demand {
            Demand::None => false,
            Demand::Supported => has_sdp,
            Demand::Required => true,
        }
    }

    /// Whether a response waits for its PRACK.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether one with a description does: no 2xx may be sent before (§3).
    pub(crate) fn holds_sdp(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.has_sdp)
    }

    /// Makes a response reliable. Call only when none is pending.
    pub(crate) fn send(&mut self, response: &mut Response, timers: &TimerValues) {
        let rseq = self.next;
        self.next += 1;
        let headers = &mut response.headers;
        headers.push(
            HeaderName::Require,
            crate::message::HeaderValue::from_static(TAG),
        );
        headers.push(HeaderName::RSeq, rseq);
        self.pending = Some(Pending {
            rseq,
            response: response.clone(),
            has_sdp: !response.body.is_empty(),
            interval: timers.t1,
        });
    }

    /// What is repeated, and when the next time: T1, doubled without a cap (§3).
    pub(crate) fn next_repeat(&mut self, now: Instant) -> Option<(Response, Instant)> {
        let pending = self.pending.as_mut()?;
        pending.interval *= 2;
        Some((pending.response.clone(), now + pending.interval))
    }

    /// Keeps what may be said only after the PRACK.
    pub(crate) fn queue(&mut self, status: StatusCode, sdp: Option<Bytes>) {
        let before = self.queued.take().and_then(|(_, sdp)| sdp);
        self.queued = Some((status, sdp.or(before)));
    }

    pub(crate) fn take_queued(&mut self) -> Option<(StatusCode, Option<Bytes>)> {
        self.queued.take()
    }

    /// A PRACK: whether it acknowledges the pending response; and if so, whether that one
    /// had a description.
    pub(crate) fn acknowledged(&mut self, prack: Acknowledgement) -> Option<bool> {
        let matches = |pending: &mut Pending| {
            prack
                == Acknowledgement {
                    rseq: pending.rseq,
                    cseq: self.cseq,
                }
        };
        self.pending.take_if(matches).map(|pending| pending.has_sdp)
    }

    /// What is pending when the 2xx goes out.
    pub(crate) fn unacknowledged(&self) -> Option<Acknowledgement> {
        self.pending.as_ref().map(|pending| Acknowledgement {
            rseq: pending.rseq,
            cseq: self.cseq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_early_numbers_are_not_taken() {
        let mut received = Received::default();
        assert!(received.take(776_656));
        assert!(!received.take(776_656));
        assert!(!received.take(776_658));
        assert!(received.take(776_657));
        assert!(received.take(776_658));
        assert!(!received.take(1));
    }
}
