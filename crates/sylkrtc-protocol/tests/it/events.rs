//! Each answer and event as value and as JSON literal, in each dialect and vocabulary.

use serde_json::{Value, json};
use sylkrtc_protocol::{
    Accepted, AccountAddress, Dialect, EarlyMedia, ErrorAnswer, Event, Header, IncomingSession,
    Originator, Reason, Refusal, RegistrationState, SessionId, SessionState, SessionUpdateState,
    Transaction, Vocabulary, encode_ack, encode_error, encode_event,
};

#[test]
fn ack() {
    let transaction = Transaction::new("T \"1\"").unwrap();
    for dialect in [Dialect::V1, Dialect::V2] {
        let text = encode_ack(dialect, &transaction);
        assert_eq!(
            parsed(&text),
            json!({ "sylkrtc": "ack", "transaction": "T \"1\"" })
        );
    }
}

#[test]
fn a_change_of_a_call() {
    let session = SessionId::new("c0ffee").unwrap();
    let sdp = "v=0".to_owned();
    let reason = Reason::new(488, "Not Acceptable Here");
    for (update, payload) in [
        (
            SessionUpdateState::Received { sdp: sdp.clone() },
            json!({ "state": "received", "sdp": "v=0" }),
        ),
        (
            SessionUpdateState::Accepted { sdp },
            json!({ "state": "accepted", "sdp": "v=0" }),
        ),
        (
            SessionUpdateState::Failed { reason },
            json!({ "state": "failed", "reason": "488 Not Acceptable Here" }),
        ),
    ] {
        let session = session.clone();
        let event = Event::SessionUpdate { session, update };
        assert!(!event.is_extension());
        let text = encode_event(Dialect::V1, Vocabulary::Stable, &event).expect("an event");
        assert_eq!(
            parsed(&text),
            json!({
                "sylkrtc": "session_event", "session": "c0ffee", "event": "update", "data": payload,
            })
        );
        let text = encode_event(Dialect::V2, Vocabulary::Stable, &event).expect("an event");
        let mut flat = payload;
        flat["sylkrtc"] = json!("session-event");
        flat["session"] = json!("c0ffee");
        flat["event"] = json!("update");
        assert_eq!(parsed(&text), flat);
    }
}

#[test]
fn an_error_has_a_code_in_the_second_dialect_only() {
    let transaction = Transaction::new("T").unwrap();
    let session = SessionId::new("c0ffee").unwrap();
    let answer = ErrorAnswer::from(&Refusal::UnknownSession(session));
    assert_eq!(
        parsed(&encode_error(Dialect::V1, Some(&transaction), &answer)),
        json!({ "sylkrtc": "error", "transaction": "T", "error": "Unknown session c0ffee" })
    );
    assert_eq!(
        parsed(&encode_error(Dialect::V2, Some(&transaction), &answer)),
        json!({
            "sylkrtc": "error", "transaction": "T",
            "error": "Unknown session c0ffee", "code": "unknown-session",
        })
    );
    assert_eq!(
        parsed(&encode_error(Dialect::V1, None, &answer)),
        json!({ "sylkrtc": "error", "error": "Unknown session c0ffee" })
    );
}

#[test]
fn ready() {
    let v1 = json!({ "sylkrtc": "event", "event": "ready" });
    let v2 = json!({ "sylkrtc": "ready-event" });
    assert_written(&Event::Ready, [Some(v1.clone()), Some(v1), Some(v2)]);
}

#[test]
fn registration_state() {
    for (state, name, reason) in [
        (RegistrationState::Registering, "registering", None),
        (RegistrationState::Registered, "registered", None),
        (
            RegistrationState::Failed {
                reason: Reason::new(403, " Forbidden "),
            },
            "failed",
            Some("403 Forbidden"),
        ),
        (
            RegistrationState::Failed {
                reason: Reason::new(480, ""),
            },
            "failed",
            Some("480"),
        ),
    ] {
        let mut payload = json!({ "state": name });
        if let Some(reason) = reason {
            payload["reason"] = json!(reason);
        }
        let v1 = json!({
            "sylkrtc": "account_event", "account": "alice@sylk.test", "event": "registration_state", "data": payload,
        });
        let mut v2 = payload;
        v2["sylkrtc"] = json!("account-event");
        v2["account"] = json!("alice@sylk.test");
        v2["event"] = json!("registration-state");
        let event = Event::RegistrationState {
            account: account(),
            state,
        };
        assert_written(&event, [Some(v1.clone()), Some(v1), Some(v2)]);
    }
}

#[test]
fn incoming_session() {
    let event = Event::IncomingSession(IncomingSession {
        account: account(),
        session: session(),
        originator: bob(),
        sdp: "v=0\r\n".to_owned(),
        call_id: "a84b4c76@pc33".to_owned(),
        headers: vec![header("X-Ticket", "4711")],
    });
    let v1 = json!({
        "sylkrtc": "account_event", "account": "alice@sylk.test", "event": "incoming_session", "session": "c0ffee",
        "data": { "originator": { "uri": "bob@sylk.test", "display_name": "Bob" }, "sdp": "v=0\r\n" },
    });
    let v1_2015 = json!({
        "sylkrtc": "account_event", "account": "alice@sylk.test", "event": "incoming_call", "session": "c0ffee",
        "data": { "caller": "bob@sylk.test", "sdp": "v=0\r\n" },
    });
    let v2 = json!({
        "sylkrtc": "account-event", "account": "alice@sylk.test", "event": "incoming-session", "session": "c0ffee",
        "originator": { "uri": "bob@sylk.test", "display_name": "Bob" }, "sdp": "v=0\r\n",
        "call_id": "a84b4c76@pc33", "headers": { "X-Ticket": "4711" },
    });
    assert_written(&event, [Some(v1), Some(v1_2015), Some(v2)]);
}

#[test]
fn a_missed_session_of_a_caller_without_a_name() {
    let event = Event::MissedSession {
        account: account(),
        originator: Originator {
            display_name: None,
            ..bob()
        },
    };
    let originator = json!({ "uri": "bob@sylk.test", "display_name": "" });
    let v1 = json!({
        "sylkrtc": "account_event", "account": "alice@sylk.test", "event": "missed_session",
        "data": { "originator": originator },
    });
    let v2 = json!({
        "sylkrtc": "account-event", "account": "alice@sylk.test", "event": "missed-session", "originator": originator,
    });
    assert_written(&event, [Some(v1), None, Some(v2)]);
}

#[test]
fn states_that_every_dialect_has() {
    let accepted = Accepted {
        sdp: Some("v=0\r\n".to_owned()),
        ..Accepted::default()
    };
    let terminated = SessionState::Terminated {
        reason: Reason::new(486, "Busy Here"),
    };
    for (state, name, payload) in [
        (
            SessionState::Accepted(Accepted::default()),
            "accepted",
            json!({ "state": "accepted" }),
        ),
        (
            SessionState::Accepted(accepted),
            "accepted",
            json!({ "state": "accepted", "sdp": "v=0\r\n" }),
        ),
        (
            SessionState::Established,
            "established",
            json!({ "state": "established" }),
        ),
        (
            terminated,
            "terminated",
            json!({ "state": "terminated", "reason": "486 Busy Here" }),
        ),
    ] {
        assert_eq!(payload["state"], name);
        let event = Event::SessionState {
            session: session(),
            state,
        };
        let v1 = v1_state(&payload);
        assert_written(
            &event,
            [Some(v1.clone()), Some(v1), Some(v2_state(&payload))],
        );
    }
}

#[test]
fn progress_was_calling() {
    let event = Event::SessionState {
        session: session(),
        state: SessionState::Progress,
    };
    let progress = json!({ "state": "progress" });
    let calling = json!({ "state": "calling" });
    assert_written(
        &event,
        [
            Some(v1_state(&progress)),
            Some(v1_state(&calling)),
            Some(v2_state(&progress)),
        ],
    );
}

#[test]
fn provisional_answers_are_told_in_the_second_dialect_only() {
    let early = |sdp: Option<&str>, call_id: Option<&str>| {
        SessionState::EarlyMedia(EarlyMedia {
            sdp: sdp.map(str::to_owned),
            call_id: call_id.map(str::to_owned),
        })
    };
    for (state, payload) in [
        (
            SessionState::Proceeding { code: 182 },
            json!({ "state": "proceeding", "code": 182 }),
        ),
        (SessionState::Ringing, json!({ "state": "ringing" })),
        (early(None, None), json!({ "state": "early-media" })),
        (
            early(Some("v=0\r\n"), Some("a8")),
            json!({ "state": "early-media", "sdp": "v=0\r\n", "call_id": "a8" }),
        ),
    ] {
        let event = Event::SessionState {
            session: session(),
            state,
        };
        assert_written(&event, [None, None, Some(v2_state(&payload))]);
    }
}

#[test]
fn call_id_and_headers_are_told_in_the_second_dialect_only() {
    let state = SessionState::Accepted(Accepted {
        sdp: Some("v=0\r\n".to_owned()),
        call_id: Some("a8".to_owned()),
        headers: vec![header("X-A", "1"), header("X-B", "ü"), header("x-a", "2")],
    });
    let event = Event::SessionState {
        session: session(),
        state,
    };
    let v1 = v1_state(&json!({ "state": "accepted", "sdp": "v=0\r\n" }));
    let v2 = v2_state(&json!({
        "state": "accepted", "sdp": "v=0\r\n", "call_id": "a8", "headers": { "X-A": "1, 2", "X-B": "ü" },
    }));
    assert_written(&event, [Some(v1.clone()), Some(v1), Some(v2)]);
}

/// Asserts the JSON of an event in `sylkRTC-1`, in its names of 2015, and in `sylkRTC-2`.
fn assert_written(event: &Event, expected: [Option<Value>; 3]) {
    let tongues = [
        (Dialect::V1, Vocabulary::Stable),
        (Dialect::V1, Vocabulary::Names2015),
        (Dialect::V2, Vocabulary::Stable),
    ];
    for ((dialect, vocabulary), expected) in tongues.into_iter().zip(expected) {
        let written = encode_event(dialect, vocabulary, event).map(|text| parsed(&text));
        assert_eq!(written, expected, "{dialect:?} {vocabulary:?}");
    }
    // Within `sylkRTC-2` there is one vocabulary.
    assert_eq!(
        encode_event(Dialect::V2, Vocabulary::Names2015, event),
        encode_event(Dialect::V2, Vocabulary::Stable, event)
    );
}

fn v1_state(payload: &Value) -> Value {
    json!({ "sylkrtc": "session_event", "session": "c0ffee", "event": "state", "data": payload })
}

fn v2_state(payload: &Value) -> Value {
    let mut text = payload.clone();
    text["sylkrtc"] = json!("session-event");
    text["session"] = json!("c0ffee");
    text["event"] = json!("state");
    text
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn account() -> AccountAddress {
    AccountAddress::parse("alice@sylk.test").unwrap()
}

fn session() -> SessionId {
    SessionId::new("c0ffee").unwrap()
}

fn bob() -> Originator {
    Originator {
        uri: "bob@sylk.test".to_owned(),
        display_name: Some("Bob".to_owned()),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}
