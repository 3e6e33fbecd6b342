//! Messages within a call: the client's to the phone, the phone's to the client.
//!
//! The user agent keeps them in order and sends one at a time; here is only which of the client's
//! names each one has. A message that the end of the call overtakes is told as failed.

use std::collections::VecDeque;

use bytes::Bytes;
use sip_stack::command::Command;
use sip_stack::event::{Originator, StatusReason};
use sip_stack::page_message::{MessageId, PageMessage};

use super::{Call, CallEvent, Refused, Signalling};

/// How many messages may be on their way or wait.
const MAX_PENDING: usize = 32;

/// A message of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientMessage {
    /// The client's name for it.
    pub id: String,
    /// The text.
    pub content: String,
    /// Its type.
    pub content_type: String,
    /// When the client says it was written.
    pub timestamp: String,
}

/// The messages of a call that have not been answered.
#[derive(Debug, Default)]
pub(super) struct Messages {
    last: u64,
    pending: VecDeque<Pending>,
}

#[derive(Debug)]
struct Pending {
    number: MessageId,
    id: String,
    timestamp: String,
}

impl Call {
    pub(super) fn send_message(&mut self, message: ClientMessage) -> Result<(), Refused> {
        match &self.signalling {
            Signalling::Accepted { .. } => {}
            Signalling::Calling(_)
            | Signalling::Alerting
            | Signalling::Answering { .. }
            | Signalling::Ending { .. }
            | Signalling::Ended => return Err(Refused::WrongState(self.client_state())),
        }
        if self.messages.pending.len() >= MAX_PENDING {
            return Err(Refused::TooManyMessages);
        }
        self.messages.last += 1;
        let number = MessageId::new(self.messages.last);
        let (content_type, body) = encoded(&message.content_type, message.content);
        self.messages.pending.push_back(Pending {
            number,
            id: message.id,
            timestamp: message.timestamp,
        });
        self.sip(Command::SessionMessage {
            session: self.session,
            message: number,
            content_type,
            body,
        });
        Ok(())
    }

    pub(super) fn handle_message_result(&mut self, number: MessageId, reason: StatusReason) {
        let of_number = |pending: &Pending| pending.number == number;
        let Some(at) = self.messages.pending.iter().position(of_number) else {
            return;
        };
        if let Some(Pending { id, timestamp, .. }) = self.messages.pending.remove(at) {
            self.notify(CallEvent::MessageResult {
                id,
                timestamp,
                reason,
            });
        }
    }

    pub(super) fn handle_message(&mut self, from: Originator, message: PageMessage) {
        if matches!(self.signalling, Signalling::Accepted { .. }) {
            self.notify(CallEvent::Message { from, message });
        }
    }

    /// The call ends, or has another phone: nobody will answer what is still on its way.
    pub(super) fn fail_messages(&mut self, why: &str) {
        for Pending { id, timestamp, .. } in std::mem::take(&mut self.messages.pending) {
            self.notify(CallEvent::MessageResult {
                id,
                timestamp,
                reason: StatusReason::new(487, why),
            });
        }
    }
}

/// The body of a message and its full type. Text is UTF-8 and says so; of other types each
/// character is a byte, as the original server has it, unless one is none.
fn encoded(content_type: &str, content: String) -> (String, Bytes) {
    let is_text = content_type
        .get(..5)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("text/"));
    if !is_text {
        let bytes: Result<Vec<u8>, _> = content.chars().map(u8::try_from).collect();
        let bytes = bytes.unwrap_or_else(|_not_latin1| content.into_bytes());
        return (content_type.to_owned(), Bytes::from(bytes));
    }
    let named = content_type.to_ascii_lowercase().contains("charset=");
    let essence = content_type.split(';').next().unwrap_or(content_type);
    let content_type = match named {
        // Whatever it says: what we send is UTF-8.
        true => format!("{};charset=utf-8", essence.trim()),
        false => format!("{content_type};charset=utf-8"),
    };
    (content_type, Bytes::from(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_and_bytes_are_bytes() {
        for (kind, content, full, body) in [
            (
                "text/plain",
                "ü",
                "text/plain;charset=utf-8",
                "ü".as_bytes(),
            ),
            (
                "Text/HTML; charset=latin1",
                "ü",
                "Text/HTML;charset=utf-8",
                "ü".as_bytes(),
            ),
            ("application/x", "\u{1}ÿ", "application/x", &[1, 0xff][..]),
            ("application/x", "€", "application/x", "€".as_bytes()),
        ] {
            let (said, bytes) = encoded(kind, content.to_owned());
            assert_eq!((said.as_str(), &bytes[..]), (full, body));
        }
    }
}
