//! `session-message`.

use super::Request;
use crate::SessionId;
use crate::fields::{Fields, WrongField};
use crate::limits::{MAX_CONTENT, MAX_CONTENT_TYPE, MAX_MESSAGE_ID, MAX_TIMESTAMP};

/// `session-message`: something to read for the far end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionMessage {
    /// The call.
    pub session: SessionId,
    /// The client's name for the message; comes back with what becomes of it.
    pub message_id: String,
    /// The text.
    pub content: String,
    /// Its type, `type/subtype` with or without parameters. One line.
    pub content_type: String,
    /// When the client says it was written, ISO 8601; not looked at. One line.
    pub timestamp: String,
}

pub(super) fn session(fields: &Fields<'_>) -> Result<Request, WrongField> {
    Ok(Request::SessionMessage(SessionMessage {
        session: fields.session("session")?,
        message_id: fields.line("message_id", MAX_MESSAGE_ID)?,
        content: fields.text("content", MAX_CONTENT)?,
        content_type: fields.content_type("content_type", MAX_CONTENT_TYPE)?,
        timestamp: fields.line("timestamp", MAX_TIMESTAMP)?,
    }))
}
