//! Requests that no published client library knows: this gateway's extensions.

use std::time::Duration;

use super::Request;
use crate::SessionId;
use crate::fields::{Fields, WrongField};

/// Between the events of `session-quality` when the page does not say.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// The longest that may be asked for.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// `session-transfer`: the far end is to be connected with somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTransfer {
    /// The call that is given away.
    pub session: SessionId,
    /// Whom its far end gets instead.
    pub to: TransferTarget,
}

/// Whom the far end of a transferred call gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransferTarget {
    /// `uri`: whoever answers there; written as in `session-create`.
    Uri(String),
    /// `replaces`: the far end of this other call of the page, which ends with it.
    Replaces(SessionId),
}

pub(super) fn ring(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let session = fields.session("session")?;
    Ok(Request::SessionRing { session })
}

pub(super) fn hold(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let session = fields.session("session")?;
    let hold = fields.flag("hold")?;
    Ok(Request::SessionHold { session, hold })
}

pub(super) fn quality(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let session = fields.session("session")?;
    let interval = match fields.optional_count("interval")? {
        None => Some(DEFAULT_INTERVAL),
        Some(0) => None,
        Some(seconds) if seconds <= LONGEST_INTERVAL.as_secs() => {
            Some(Duration::from_secs(seconds))
        }
        Some(_) => return Err(fields.invalid("interval")),
    };
    Ok(Request::SessionQuality { session, interval })
}

/// Exactly one of `uri` and `replaces`; with neither, `uri` is what is missing.
pub(super) fn transfer(fields: &Fields<'_>) -> Result<Request, WrongField> {
    let session = fields.session("session")?;
    let to = match fields.optional_session("replaces")? {
        Some(other) if other == session || fields.has("uri") => {
            return Err(fields.invalid("replaces"));
        }
        Some(other) => TransferTarget::Replaces(other),
        None => TransferTarget::Uri(fields.called_uri("uri")?),
    };
    Ok(Request::SessionTransfer(SessionTransfer { session, to }))
}
