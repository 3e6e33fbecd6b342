//! Events about messages.

use crate::{Originator, Reason};

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who wrote it.
    pub sender: Originator,
    /// The name of the message. Clients ignore what comes under a name they know.
    pub message_id: String,
    /// When it was sent, ISO 8601.
    pub timestamp: String,
    /// `type/subtype`.
    pub content_type: String,
    /// The text.
    pub content: String,
}

/// What has become of a message that the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// The client's name for it.
    pub message_id: String,
    /// The time that the client gave it.
    pub timestamp: String,
    /// What has become of it.
    pub state: MessageState,
    /// The far end's answer.
    pub reason: Reason,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// The far end has it, or will get it.
    Accepted,
    /// It came to nothing.
    Failed,
}
