//! Requests that no published client library knows: this gateway's extensions.

use super::Request;
use crate::SessionId;
use crate::fields::{Fields, WrongField};

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
