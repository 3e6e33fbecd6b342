//! A peer's INVITE that has had no final response of ours (RFC 3261 §13.3).

use std::time::Duration;

use super::body::Body;
use crate::account::SessionId;
use crate::dialog::Dialog;
use crate::message::{Request, Response};
use crate::transaction::ServerTransactionId;
use crate::transport::Source;

/// A call that goes on ringing says so again this often, lest a proxy gives it up
/// (RFC 3261 §13.3.1.1).
pub(crate) const REPEAT_PROVISIONAL: Duration = Duration::from_secs(60);

pub(crate) struct Ringing {
    pub(crate) transaction: ServerTransactionId,
    pub(crate) request: Request,
    pub(crate) source: Source,
    /// The early dialog: it has our tag from the first 18x on.
    pub(crate) dialog: Dialog,
    /// The call whose place it takes (RFC 3891).
    pub(crate) replaces: Option<SessionId>,
    /// The last provisional response, to be repeated.
    pub(crate) provisional: Option<Response>,
}

impl Ringing {
    /// Whether the INVITE carried an offer. If not, our 200 does.
    pub(crate) fn has_offer(&self) -> bool {
        matches!(
            Body::read(&self.request.headers, &self.request.body),
            Body::Sdp(_)
        )
    }
}
