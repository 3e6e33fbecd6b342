//! Events in the shape of `sylkRTC-2`: dashes, everything flat.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::answer::to_text;
use crate::event::{Accepted, Disposition, EarlyMedia, IncomingSession, Message, MessageState};
use crate::{
    AccountAddress, Event, Header, Originator, RegistrationState, SessionId, SessionState,
};

#[derive(Serialize)]
struct Ready {
    sylkrtc: &'static str,
}

#[derive(Serialize)]
struct AccountEvent<'a, P> {
    sylkrtc: &'static str,
    account: &'a str,
    event: &'static str,
    #[serde(flatten)]
    payload: P,
}

#[derive(Serialize)]
struct RegistrationPayload {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct IncomingPayload<'a> {
    session: &'a str,
    originator: Identity<'a>,
    sdp: &'a str,
    call_id: &'a str,
    #[serde(skip_serializing_if = "HeaderObject::is_empty")]
    headers: HeaderObject<'a>,
}

#[derive(Serialize)]
struct MissedPayload<'a> {
    originator: Identity<'a>,
}

#[derive(Serialize)]
struct MessagePayload<'a> {
    sender: Identity<'a>,
    message_id: &'a str,
    timestamp: &'a str,
    content_type: &'a str,
    content: &'a str,
}

#[derive(Serialize)]
struct DispositionPayload<'a> {
    message_id: &'a str,
    message_timestamp: &'a str,
    state: &'static str,
    code: u16,
    reason: &'a str,
}

/// Clients read both members, so both are always there.
#[derive(Serialize)]
struct Identity<'a> {
    uri: &'a str,
    display_name: &'a str,
}

/// Any event of a call but `state`.
#[derive(Serialize)]
struct OtherSessionEvent<'a, P> {
    sylkrtc: &'static str,
    session: &'a str,
    event: &'static str,
    #[serde(flatten)]
    payload: P,
}

#[derive(Serialize)]
struct SessionEvent<'a> {
    sylkrtc: &'static str,
    session: &'a str,
    event: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "HeaderObject::is_empty")]
    headers: HeaderObject<'a>,
}

/// The text of an event.
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::Ready => to_text(&Ready {
            sylkrtc: "ready-event",
        }),
        Event::RegistrationState { account, state } => {
            account_event(account, "registration-state", registration(state))
        }
        Event::IncomingSession(incoming) => account_event(
            &incoming.account,
            "incoming-session",
            incoming_payload(incoming),
        ),
        Event::MissedSession {
            account,
            originator,
        } => {
            let originator = identity(originator);
            account_event(account, "missed-session", MissedPayload { originator })
        }
        Event::SessionState { session, state } => to_text(&session_event(session, state)),
        Event::SessionUpdate { session, update } => to_text(&OtherSessionEvent {
            sylkrtc: "session-event",
            session: session.as_str(),
            event: "update",
            payload: update.payload(),
        }),
        Event::AccountMessage {
            account,
            message: written,
        } => account_event(account, "message", message(written)),
        Event::SessionMessage {
            session,
            message: written,
        } => other_session_event(session, "message", message(written)),
        Event::SessionDisposition {
            session,
            disposition: told,
        } => other_session_event(session, "disposition-notification", disposition(told)),
        Event::SessionExtension { session, extension } => {
            let (event, payload) = extension.wire();
            other_session_event(session, event, payload)
        }
    }
}

fn account_event(account: &AccountAddress, event: &'static str, payload: impl Serialize) -> String {
    to_text(&AccountEvent {
        sylkrtc: "account-event",
        account: account.as_str(),
        event,
        payload,
    })
}

fn other_session_event(
    session: &SessionId,
    event: &'static str,
    payload: impl Serialize,
) -> String {
    to_text(&OtherSessionEvent {
        sylkrtc: "session-event",
        session: session.as_str(),
        event,
        payload,
    })
}

fn message(message: &Message) -> MessagePayload<'_> {
    MessagePayload {
        sender: identity(&message.sender),
        message_id: &message.message_id,
        timestamp: &message.timestamp,
        content_type: &message.content_type,
        content: &message.content,
    }
}

fn disposition(disposition: &Disposition) -> DispositionPayload<'_> {
    DispositionPayload {
        message_id: &disposition.message_id,
        message_timestamp: &disposition.timestamp,
        state: match disposition.state {
            MessageState::Accepted => "accepted",
            MessageState::Failed => "failed",
        },
        code: disposition.reason.code(),
        reason: disposition.reason.phrase(),
    }
}

fn registration(state: &RegistrationState) -> RegistrationPayload {
    let (state, reason) = match state {
        RegistrationState::Registering => ("registering", None),
        RegistrationState::Registered => ("registered", None),
        RegistrationState::Failed { reason } => ("failed", Some(reason.to_string())),
    };
    RegistrationPayload { state, reason }
}

fn incoming_payload(incoming: &IncomingSession) -> IncomingPayload<'_> {
    IncomingPayload {
        session: incoming.session.as_str(),
        originator: identity(&incoming.originator),
        sdp: &incoming.sdp,
        call_id: &incoming.call_id,
        headers: HeaderObject(&incoming.headers),
    }
}

fn session_event<'a>(session: &'a SessionId, state: &'a SessionState) -> SessionEvent<'a> {
    let bare = |state| SessionEvent {
        sylkrtc: "session-event",
        session: session.as_str(),
        event: "state",
        state,
        code: None,
        reason: None,
        sdp: None,
        call_id: None,
        headers: HeaderObject(&[]),
    };
    match state {
        SessionState::Progress => bare("progress"),
        SessionState::Proceeding { code } => SessionEvent {
            code: Some(*code),
            ..bare("proceeding")
        },
        SessionState::Ringing => bare("ringing"),
        SessionState::EarlyMedia(EarlyMedia { sdp, call_id }) => SessionEvent {
            sdp: sdp.as_deref(),
            call_id: call_id.as_deref(),
            ..bare("early-media")
        },
        SessionState::Accepted(Accepted {
            sdp,
            call_id,
            headers,
        }) => SessionEvent {
            sdp: sdp.as_deref(),
            call_id: call_id.as_deref(),
            headers: HeaderObject(headers),
            ..bare("accepted")
        },
        SessionState::Established => bare("established"),
        SessionState::Terminated { reason } => SessionEvent {
            reason: Some(reason.to_string()),
            ..bare("terminated")
        },
    }
}

fn identity(originator: &Originator) -> Identity<'_> {
    Identity {
        uri: &originator.uri,
        display_name: originator.display_name.as_deref().unwrap_or_default(),
    }
}

/// Headers as an object from name to value.
///
/// A name that comes more than once, in whatever case, gets its values joined by commas in
/// their order (RFC 3261 §7.3.1), under its first spelling.
struct HeaderObject<'a>(&'a [Header]);

impl HeaderObject<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for HeaderObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (index, header) in self.0.iter().enumerate() {
            let same_name = |other: &&Header| other.name.eq_ignore_ascii_case(&header.name);
            if self.0[..index].iter().any(|earlier| same_name(&earlier)) {
                continue;
            }
            let values: Vec<&str> = self.0[index..]
                .iter()
                .filter(same_name)
                .map(|h| h.value.as_str())
                .collect();
            object.serialize_entry(&header.name, &values.join(", "))?;
        }
        object.end()
    }
}
