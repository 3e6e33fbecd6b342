//! Messages within calls and to accounts.

use serde_json::{Value, json};
use sylkrtc_protocol::{
    AccountAddress, Dialect, Disposition, ErrorCode, Event, Message, MessageState, Originator,
    Reason, Request, SessionId, SessionMessage, Vocabulary, decode, encode_event,
};

#[test]
fn session_message() {
    let text = request(&complete());
    let expected = Request::SessionMessage(SessionMessage {
        session: SessionId::new("c0ffee").unwrap(),
        message_id: "m1".to_owned(),
        content: "Grüße\r\n\u{1f600}".to_owned(),
        content_type: "text/plain".to_owned(),
        timestamp: "2026-11-21T12:00:00.000Z".to_owned(),
    });
    assert_eq!(decode(Dialect::V2, &text).unwrap().request, expected);
    assert!(!expected.proves_extensions());
    let unknown = decode(Dialect::V1, &text).unwrap_err();
    assert_eq!(unknown.code, ErrorCode::UnknownRequest);
}

#[test]
fn a_wrong_session_message_is_refused() {
    for (field, value) in [
        ("message_id", json!("")),
        ("message_id", json!("a\r\nb")),
        ("message_id", json!("x".repeat(129))),
        ("content", json!(7)),
        ("content", json!("x".repeat(64 * 1024 + 1))),
        ("content_type", json!("text")),
        ("content_type", json!("text/plain\r\nVia: x")),
        ("content_type", json!("te xt/plain")),
        ("timestamp", json!("")),
    ] {
        let mut fields = complete();
        fields[field] = value;
        let rejected = decode(Dialect::V2, &request(&fields)).unwrap_err();
        assert_eq!(rejected.code, ErrorCode::InvalidField, "{field}");
    }
}

#[test]
fn messages_and_what_becomes_of_them_are_told_in_the_second_dialect_only() {
    let session = SessionId::new("c0ffee").unwrap();
    let message = Message {
        sender: Originator {
            uri: "bob@sylk.test".to_owned(),
            display_name: None,
        },
        message_id: "m1".to_owned(),
        timestamp: "2026-11-21T12:00:00Z".to_owned(),
        content_type: "text/plain".to_owned(),
        content: "hello".to_owned(),
    };
    let payload = json!({
        "sender": { "uri": "bob@sylk.test", "display_name": "" }, "message_id": "m1",
        "timestamp": "2026-11-21T12:00:00Z", "content_type": "text/plain", "content": "hello",
    });
    let of_session = json!({ "sylkrtc": "session-event", "session": "c0ffee" });
    for (event, mut expected, name, head) in [
        (
            Event::AccountMessage {
                account: AccountAddress::parse("alice@sylk.test").unwrap(),
                message: message.clone(),
            },
            payload.clone(),
            "message",
            json!({ "sylkrtc": "account-event", "account": "alice@sylk.test" }),
        ),
        (
            Event::SessionMessage {
                session: session.clone(),
                message,
            },
            payload,
            "message",
            of_session.clone(),
        ),
        (
            Event::SessionDisposition {
                session,
                disposition: Disposition {
                    message_id: "m1".to_owned(),
                    timestamp: "now".to_owned(),
                    state: MessageState::Failed,
                    reason: Reason::new(415, "Unsupported Media Type"),
                },
            },
            json!({
                "message_id": "m1", "message_timestamp": "now", "state": "failed",
                "code": 415, "reason": "Unsupported Media Type",
            }),
            "disposition-notification",
            of_session,
        ),
    ] {
        expected["event"] = json!(name);
        for (key, value) in head.as_object().unwrap() {
            expected[key] = value.clone();
        }
        let text = encode_event(Dialect::V2, Vocabulary::Stable, &event).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(encode_event(Dialect::V1, Vocabulary::Stable, &event), None);
        assert!(!event.is_extension());
    }
}

fn complete() -> Value {
    json!({
        "session": "c0ffee", "message_id": "m1", "content": "Grüße\r\n\u{1f600}",
        "content_type": "text/plain", "timestamp": "2026-11-21T12:00:00.000Z",
    })
}

fn request(fields: &Value) -> String {
    let mut text = fields.clone();
    text["sylkrtc"] = json!("session-message");
    text["transaction"] = json!("T");
    text.to_string()
}
