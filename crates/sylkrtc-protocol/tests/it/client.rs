//! The client's end of the protocol, for tests: writes requests, reads answers and events.
//!
//! Written from the reference, with plain JSON values and nothing of the crate's own codec,
//! so that the two check each other.

use serde_json::{Map, Value, json};
use sylkrtc_protocol::{
    Accepted, AccountAddress, Candidate, Dialect, Disposition, EarlyMedia, Event, Header, HoldBy,
    Incoming, IncomingSession, Message, MessageState, Originator, Reason, RegistrationState,
    Request, SessionExtension, SessionId, SessionState, SessionUpdateState, Transaction,
    TransferState, TransferTarget, Vocabulary,
};

/// What a server says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Ack(Transaction),
    Error {
        transaction: Option<Transaction>,
        text: String,
        code: Option<String>,
    },
    Event(Event),
}

/// Writes a request as a client of that vocabulary would.
pub(crate) fn write(incoming: &Incoming) -> Value {
    let mut text = json!({ "transaction": incoming.transaction.as_str() });
    let members = text.as_object_mut().unwrap();
    let mut put = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    let name = match &incoming.request {
        Request::Ping => ["ping", "ping"],
        Request::AccountAdd(add) => {
            put("account", json!(add.account.as_str()));
            put("password", json!(add.password.to_hex()));
            if let Some(name) = &add.display_name {
                put("display_name", json!(name));
            }
            if let Some(agent) = &add.user_agent {
                put("user_agent", json!(agent));
            }
            if add.extensions {
                put("extensions", json!(true));
            }
            if add.explicit_ringing {
                put("explicit_ringing", json!(true));
            }
            if !add.incoming_header_prefixes.is_empty() {
                put(
                    "incoming_header_prefixes",
                    json!(add.incoming_header_prefixes),
                );
            }
            [
                "account-add",
                if add.register { "bind" } else { "add_account" },
            ]
        }
        Request::AccountRemove { account } => {
            put("account", json!(account.as_str()));
            ["account-remove", "remove_account"]
        }
        Request::AccountRegister { account } => {
            put("account", json!(account.as_str()));
            ["account-register", "register"]
        }
        Request::AccountUnregister { account } => {
            put("account", json!(account.as_str()));
            ["account-unregister", "unregister"]
        }
        Request::SessionCreate(create) => {
            put("account", json!(create.account.as_str()));
            put("session", json!(create.session.as_str()));
            put("uri", json!(create.uri));
            put("sdp", json!(create.sdp));
            if !create.headers.is_empty() {
                put("headers", create.headers.iter().map(write_header).collect());
            }
            ["session-create", "call"]
        }
        Request::SessionAnswer(answer) => {
            put("session", json!(answer.session.as_str()));
            put("sdp", json!(answer.sdp));
            if !answer.headers.is_empty() {
                put("headers", answer.headers.iter().map(write_header).collect());
            }
            ["session-answer", "answer"]
        }
        Request::SessionTrickle(trickle) => {
            put("session", json!(trickle.session.as_str()));
            put(
                "candidates",
                trickle.candidates.iter().map(write_candidate).collect(),
            );
            ["session-trickle", "trickle"]
        }
        Request::SessionTerminate(terminate) => {
            put("session", json!(terminate.session.as_str()));
            if let Some(code) = terminate.code {
                put("code", json!(code));
            }
            if let Some(reason) = &terminate.reason {
                put("reason", json!(reason));
            }
            ["session-terminate", "terminate"]
        }
        Request::SessionDtmfInfo(dtmf) => {
            put("session", json!(dtmf.session.as_str()));
            put("digit", json!(dtmf.tones.as_str()));
            if let Some(duration) = dtmf.duration {
                put("duration", json!(duration.as_millis()));
            }
            ["session-dtmf-info"; 2]
        }
        Request::SessionUpdate(update) => {
            put("session", json!(update.session.as_str()));
            put("sdp", json!(update.sdp));
            ["session-update"; 2]
        }
        Request::SessionMessage(message) => {
            put("session", json!(message.session.as_str()));
            put("message_id", json!(message.message_id));
            put("content", json!(message.content));
            put("content_type", json!(message.content_type));
            put("timestamp", json!(message.timestamp));
            ["session-message"; 2]
        }
        Request::SessionRing { session } => {
            put("session", json!(session.as_str()));
            ["session-ring"; 2]
        }
        Request::SessionHold { session, hold } => {
            put("session", json!(session.as_str()));
            put("hold", json!(hold));
            ["session-hold"; 2]
        }
        Request::SessionTransfer(transfer) => {
            put("session", json!(transfer.session.as_str()));
            match &transfer.to {
                TransferTarget::Uri(uri) => put("uri", json!(uri)),
                TransferTarget::Replaces(other) => put("replaces", json!(other.as_str())),
            }
            ["session-transfer"; 2]
        }
        Request::SessionQuality { session, interval } => {
            put("session", json!(session.as_str()));
            let seconds = interval.map_or(0, |interval| interval.as_secs());
            put("interval", json!(seconds));
            ["session-quality"; 2]
        }
        Request::Later(later) => [later.name(); 2],
    };
    let name = match incoming.names {
        Vocabulary::Stable => name[0],
        Vocabulary::Names2015 => name[1],
    };
    put("sylkrtc", json!(name));
    text
}

fn write_header(header: &Header) -> Value {
    json!({ "name": header.name, "value": header.value })
}

fn write_candidate(candidate: &Candidate) -> Value {
    json!({
        "candidate": candidate.line,
        "sdpMid": candidate.mid,
        "sdpMLineIndex": candidate.m_line_index,
    })
}

/// Reads what a server says; `None` if it is not in the shape of that dialect and vocabulary.
pub(crate) fn read(dialect: Dialect, names: Vocabulary, text: &Value) -> Option<Said> {
    let kind = text["sylkrtc"].as_str()?;
    match (dialect, kind) {
        (_, "ack") => Some(Said::Ack(transaction(text)?)),
        (_, "error") => Some(Said::Error {
            transaction: transaction(text),
            text: string(text, "error")?,
            code: string(text, "code"),
        }),
        (Dialect::V1, "event") => (text["event"] == "ready").then_some(Said::Event(Event::Ready)),
        (Dialect::V2, "ready-event") => Some(Said::Event(Event::Ready)),
        (Dialect::V1, "account_event") => {
            account_event(names, text, &text["data"]).map(Said::Event)
        }
        (Dialect::V2, "account-event") => account_event(names, text, text).map(Said::Event),
        (Dialect::V1, "session_event") => {
            session_event(names, text, &text["data"]).map(Said::Event)
        }
        (Dialect::V2, "session-event") => session_event(names, text, text).map(Said::Event),
        _ => None,
    }
}

fn account_event(names: Vocabulary, text: &Value, payload: &Value) -> Option<Event> {
    let account = AccountAddress::parse(text["account"].as_str()?).ok()?;
    match text["event"].as_str()? {
        "registration_state" | "registration-state" => {
            let state = match payload["state"].as_str()? {
                "registering" => RegistrationState::Registering,
                "registered" => RegistrationState::Registered,
                "failed" => RegistrationState::Failed {
                    reason: reason(payload)?,
                },
                _ => return None,
            };
            Some(Event::RegistrationState { account, state })
        }
        "incoming_session" | "incoming-session" | "incoming_call" => {
            let originator = match names {
                Vocabulary::Stable => originator(payload)?,
                Vocabulary::Names2015 => Originator {
                    uri: string(payload, "caller")?,
                    display_name: None,
                },
            };
            Some(Event::IncomingSession(IncomingSession {
                account,
                session: SessionId::new(text["session"].as_str()?)?,
                originator,
                sdp: string(payload, "sdp")?,
                call_id: string(payload, "call_id").unwrap_or_default(),
                headers: headers(payload),
            }))
        }
        "message" => Some(Event::AccountMessage {
            account,
            message: message(payload)?,
        }),
        "missed_session" | "missed-session" => Some(Event::MissedSession {
            account,
            originator: originator(payload)?,
        }),
        _ => None,
    }
}

fn session_event(names: Vocabulary, text: &Value, payload: &Value) -> Option<Event> {
    let session = SessionId::new(text["session"].as_str()?)?;
    if let Some(extension) = session_extension(text["event"].as_str()?, payload) {
        return Some(Event::SessionExtension { session, extension });
    }
    if text["event"] == "update" {
        let update = match payload["state"].as_str()? {
            "received" => SessionUpdateState::Received {
                sdp: string(payload, "sdp")?,
            },
            "accepted" => SessionUpdateState::Accepted {
                sdp: string(payload, "sdp")?,
            },
            "failed" => SessionUpdateState::Failed {
                reason: reason(payload)?,
            },
            _ => return None,
        };
        return Some(Event::SessionUpdate { session, update });
    }
    match text["event"].as_str()? {
        "message" => {
            let message = message(payload)?;
            return Some(Event::SessionMessage { session, message });
        }
        "disposition-notification" => {
            let disposition = disposition(payload)?;
            return Some(Event::SessionDisposition {
                session,
                disposition,
            });
        }
        _ => {}
    }
    if text["event"] != "state" {
        return None;
    }
    let state = match payload["state"].as_str()? {
        "progress" if names == Vocabulary::Stable => SessionState::Progress,
        "calling" if names == Vocabulary::Names2015 => SessionState::Progress,
        "proceeding" => SessionState::Proceeding {
            code: u16::try_from(payload["code"].as_u64()?).ok()?,
        },
        "ringing" => SessionState::Ringing,
        "early-media" => SessionState::EarlyMedia(EarlyMedia {
            sdp: string(payload, "sdp"),
            call_id: string(payload, "call_id"),
        }),
        "accepted" => SessionState::Accepted(Accepted {
            sdp: string(payload, "sdp"),
            call_id: string(payload, "call_id"),
            headers: headers(payload),
        }),
        "established" => SessionState::Established,
        "terminated" => SessionState::Terminated {
            reason: reason(payload)?,
        },
        _ => return None,
    };
    Some(Event::SessionState { session, state })
}

fn message(payload: &Value) -> Option<Message> {
    Some(Message {
        sender: identity(&payload["sender"])?,
        message_id: string(payload, "message_id")?,
        timestamp: string(payload, "timestamp")?,
        content_type: string(payload, "content_type")?,
        content: string(payload, "content")?,
    })
}

fn disposition(payload: &Value) -> Option<Disposition> {
    let code = u16::try_from(payload["code"].as_u64()?).ok()?;
    Some(Disposition {
        message_id: string(payload, "message_id")?,
        timestamp: string(payload, "message_timestamp")?,
        state: match payload["state"].as_str()? {
            "accepted" => MessageState::Accepted,
            "failed" => MessageState::Failed,
            _ => return None,
        },
        reason: Reason::new(code, &string(payload, "reason")?),
    })
}

fn session_extension(event: &str, payload: &Value) -> Option<SessionExtension> {
    match event {
        "hold" => Some(SessionExtension::Hold {
            held: payload["held"].as_bool()?,
            by: match payload["by"].as_str()? {
                "local" => HoldBy::Local,
                "remote" => HoldBy::Remote,
                _ => return None,
            },
        }),
        "transfer" => {
            let code = u16::try_from(payload["code"].as_u64()?).ok()?;
            let reason = Reason::new(code, &string(payload, "reason")?);
            Some(SessionExtension::Transfer(
                match payload["state"].as_str()? {
                    "trying" => TransferState::Trying(reason),
                    "accepted" => TransferState::Accepted(reason),
                    "failed" => TransferState::Failed(reason),
                    _ => return None,
                },
            ))
        }
        "expiring" => Some(SessionExtension::Expiring {
            seconds: payload["seconds"].as_u64()?,
        }),
        _ => None,
    }
}

fn transaction(text: &Value) -> Option<Transaction> {
    Transaction::new(text["transaction"].as_str()?)
}

fn reason(payload: &Value) -> Option<Reason> {
    let (code, phrase) = payload["reason"].as_str()?.split_once(' ')?;
    Some(Reason::new(code.parse().ok()?, phrase))
}

fn originator(payload: &Value) -> Option<Originator> {
    identity(&payload["originator"])
}

fn identity(identity: &Value) -> Option<Originator> {
    let display_name = string(identity, "display_name")?;
    Some(Originator {
        uri: string(identity, "uri")?,
        display_name: (!display_name.is_empty()).then_some(display_name),
    })
}

fn headers(payload: &Value) -> Vec<Header> {
    let none = Map::new();
    let object = payload["headers"].as_object().unwrap_or(&none);
    let header = |(name, value): (&String, &Value)| Header {
        name: name.clone(),
        value: value.as_str().unwrap_or_default().to_owned(),
    };
    object.iter().map(header).collect()
}

fn string(object: &Value, name: &str) -> Option<String> {
    Some(object[name].as_str()?.to_owned())
}
