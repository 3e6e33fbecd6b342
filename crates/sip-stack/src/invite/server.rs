//! A peer's INVITE that has had no final response of ours (RFC 3261 §13.3).

use std::time::Duration;

use bytes::Bytes;

use super::body::Body;
use super::change::{Change, Peer};
use super::reliable::Sent;
use crate::dialog::Dialog;
use crate::event::Originator;
use crate::message::{Request, Response};
use crate::replaces::Replaced;
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

/// A call that goes on ringing says so again this often, lest a proxy gives it up
/// (RFC 3261 §13.3.1.1).
pub(crate) const REPEAT_PROVISIONAL: Duration = Duration::from_secs(60);

pub(crate) struct Ringing {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) request: Request,
    /// Who calls, as the application was told.
    pub(crate) from: Originator,
    pub(crate) source: Source,
    /// The early dialog: it has our tag from the first 18x on.
    pub(crate) dialog: Dialog,
    /// The call whose place it takes (RFC 3891).
    pub(crate) replaces: Option<Replaced>,
    pub(crate) change: Change,
    pub(crate) peer: Peer,
    /// The last provisional response, to be repeated.
    pub(crate) provisional: Option<Response>,
    /// Reliable ones.
    pub(crate) sent: Sent,
    /// Our description in a reliable one.
    pub(crate) local: Option<Bytes>,
    /// The application has answered, but what was said before has to be settled first.
    pub(crate) accepting: Option<Accepting>,
}

/// An answer of the application that waits.
pub(crate) struct Accepting {
    pub(crate) sdp: Bytes,
    pub(crate) headers: Vec<(String, String)>,
}

impl Ringing {
    /// Whether the INVITE carried an offer. If not, our first description is one.
    pub(crate) fn has_offer(&self) -> bool {
        matches!(
            Body::read(&self.request.headers, &self.request.body),
            Body::Sdp(_)
        )
    }

    /// Whether a 2xx may be sent: no description of ours waits for its PRACK (RFC 3262
    /// §3), and no offer is under way.
    pub(crate) fn may_be_accepted(&self) -> bool {
        let at_rest = match self.change {
            Change::Opening | Change::Settled => true,
            Change::Answered(_)
            | Change::Ours(_)
            | Change::Glare { .. }
            | Change::Theirs(_)
            | Change::Offered(_) => false,
        };
        at_rest && !self.sent.holds_sdp()
    }
}
