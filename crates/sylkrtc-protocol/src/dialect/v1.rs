//! Events in the shape of `sylkRTC-1`: underscores, the payload inside `data`.

use serde::Serialize;

use crate::answer::to_text;
use crate::event::{Accepted, IncomingSession};
use crate::{
    AccountAddress, Event, Originator, RegistrationState, SessionId, SessionState, Vocabulary,
};

#[derive(Serialize)]
struct Ready {
    sylkrtc: &'static str,
    event: &'static str,
}

#[derive(Serialize)]
struct AccountEvent<'a, D> {
    sylkrtc: &'static str,
    account: &'a str,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    data: D,
}

#[derive(Serialize)]
struct SessionEvent<'a, D> {
    sylkrtc: &'static str,
    session: &'a str,
    event: &'static str,
    data: D,
}

#[derive(Serialize)]
struct StateData<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<&'a str>,
}

#[derive(Serialize)]
struct IncomingData<'a> {
    originator: Identity<'a>,
    sdp: &'a str,
}

/// The same in the names of 2015: the caller is a plain address.
#[derive(Serialize)]
struct IncomingCallData<'a> {
    caller: &'a str,
    sdp: &'a str,
}

#[derive(Serialize)]
struct MissedData<'a> {
    originator: Identity<'a>,
}

/// Clients read both members, so both are always there.
#[derive(Serialize)]
struct Identity<'a> {
    uri: &'a str,
    display_name: &'a str,
}

/// The text of an event, or `None` if there is no such event.
pub(crate) fn event(names: Vocabulary, event: &Event) -> Option<String> {
    match event {
        Event::Ready => Some(to_text(&Ready {
            sylkrtc: "event",
            event: "ready",
        })),
        Event::RegistrationState { account, state } => Some(account_event(
            account,
            "registration_state",
            None,
            registration(state),
        )),
        Event::IncomingSession(incoming) => Some(incoming_session(names, incoming)),
        Event::MissedSession {
            account,
            originator,
        } => match names {
            Vocabulary::Stable => {
                let originator = identity(originator);
                Some(account_event(
                    account,
                    "missed_session",
                    None,
                    MissedData { originator },
                ))
            }
            Vocabulary::Names2015 => None,
        },
        Event::SessionState { session, state } => Some(to_text(&SessionEvent {
            sylkrtc: "session_event",
            session: session.as_str(),
            event: "state",
            data: session_state(names, state)?,
        })),
        Event::SessionUpdate { session, update } => Some(to_text(&SessionEvent {
            sylkrtc: "session_event",
            session: session.as_str(),
            event: "update",
            data: update.payload(),
        })),
        Event::AccountMessage { .. }
        | Event::SessionMessage { .. }
        | Event::SessionDisposition { .. } => None,
        Event::SessionExtension { session, extension } => {
            let (event, data) = extension.wire();
            Some(to_text(&SessionEvent {
                sylkrtc: "session_event",
                session: session.as_str(),
                event,
                data,
            }))
        }
    }
}

fn account_event(
    account: &AccountAddress,
    event: &'static str,
    session: Option<&SessionId>,
    data: impl Serialize,
) -> String {
    to_text(&AccountEvent {
        sylkrtc: "account_event",
        account: account.as_str(),
        event,
        session: session.map(SessionId::as_str),
        data,
    })
}

fn registration(state: &RegistrationState) -> StateData<'static> {
    match state {
        RegistrationState::Registering => bare("registering"),
        RegistrationState::Registered => bare("registered"),
        RegistrationState::Failed { reason } => StateData {
            reason: Some(reason.to_string()),
            ..bare("failed")
        },
    }
}

fn incoming_session(names: Vocabulary, incoming: &IncomingSession) -> String {
    let session = Some(&incoming.session);
    let sdp = incoming.sdp.as_str();
    match names {
        Vocabulary::Stable => {
            let originator = identity(&incoming.originator);
            let data = IncomingData { originator, sdp };
            account_event(&incoming.account, "incoming_session", session, data)
        }
        Vocabulary::Names2015 => {
            let caller = incoming.originator.uri.as_str();
            let data = IncomingCallData { caller, sdp };
            account_event(&incoming.account, "incoming_call", session, data)
        }
    }
}

fn session_state(names: Vocabulary, state: &SessionState) -> Option<StateData<'_>> {
    match state {
        SessionState::Progress => Some(bare(match names {
            Vocabulary::Stable => "progress",
            Vocabulary::Names2015 => "calling",
        })),
        SessionState::Proceeding { code: _ }
        | SessionState::Ringing
        | SessionState::EarlyMedia(_) => None,
        SessionState::Accepted(Accepted {
            sdp,
            call_id: _,
            headers: _,
        }) => Some(StateData {
            sdp: sdp.as_deref(),
            ..bare("accepted")
        }),
        SessionState::Established => Some(bare("established")),
        SessionState::Terminated { reason } => Some(StateData {
            reason: Some(reason.to_string()),
            ..bare("terminated")
        }),
    }
}

fn bare(state: &'static str) -> StateData<'static> {
    StateData {
        state,
        reason: None,
        sdp: None,
    }
}

fn identity(originator: &Originator) -> Identity<'_> {
    Identity {
        uri: &originator.uri,
        display_name: originator.display_name.as_deref().unwrap_or_default(),
    }
}
