//! This gateway's extensions of sylkRTC: their requests, their events, and who proves to know them.

use std::time::Duration;

use serde_json::{Value, json};
use sylkrtc_protocol::{
    Dialect, ErrorCode, Event, HoldBy, Judgement, Quality, Reason, Request, SessionExtension,
    SessionId, SessionTerminate, SessionTransfer, TransferState, TransferTarget, Vocabulary,
    WayQuality, decode, encode_event,
};

const HA1: &str = "884edfee38ed471b8a15006700139485";
const NOTHING: Judgement = Judgement {
    verdict: "nothing",
    direction: "to-browser",
    text: "Nothing comes from the phone.",
};
const BOTH: [Dialect; 2] = [Dialect::V1, Dialect::V2];

#[test]
fn an_account_says_that_its_page_knows_extensions() {
    for (fields, extensions, explicit_ringing) in [
        (json!({}), false, false),
        (json!({ "extensions": null }), false, false),
        (json!({ "extensions": false }), false, false),
        (json!({ "extensions": true }), true, false),
        (json!({ "explicit_ringing": true }), false, true),
    ] {
        let mut add = fields;
        add["account"] = json!("alice@sylk.test");
        add["password"] = json!(HA1);
        for dialect in BOTH {
            let request = read(dialect, "account-add", &add);
            let proven = extensions || explicit_ringing;
            assert_eq!(request.proves_extensions(), proven, "{add}");
            let Request::AccountAdd(add) = request else {
                panic!("{request:?}");
            };
            assert_eq!(add.extensions, extensions);
            assert_eq!(add.explicit_ringing, explicit_ringing);
        }
    }
}

#[test]
fn a_call_is_rejected_with_a_chosen_code() {
    for (fields, code, reason) in [
        (json!({ "code": 603 }), Some(603), None),
        (
            json!({ "code": 400, "reason": " Not now " }),
            Some(400),
            Some("Not now"),
        ),
        (json!({ "code": 699, "reason": "" }), Some(699), None),
        (json!({ "reason": "Lunch" }), None, Some("Lunch")),
        (json!({ "code": null, "reason": null }), None, None),
    ] {
        let mut terminate = fields;
        terminate["session"] = json!("c0ffee");
        let expected = Request::SessionTerminate(SessionTerminate {
            session: session("c0ffee"),
            code,
            reason: reason.map(str::to_owned),
        });
        for dialect in BOTH {
            let request = read(dialect, "session-terminate", &terminate);
            assert_eq!(request, expected);
            assert_eq!(
                request.proves_extensions(),
                code.is_some() || reason.is_some()
            );
        }
    }
}

#[test]
fn ringing_holding_and_transferring() {
    let transfer = |to| {
        Request::SessionTransfer(SessionTransfer {
            session: session("c0ffee"),
            to,
        })
    };
    let quality = |interval| Request::SessionQuality {
        session: session("c0ffee"),
        interval,
    };
    for (name, fields, expected) in [
        (
            "session-ring",
            json!({}),
            Request::SessionRing {
                session: session("c0ffee"),
            },
        ),
        (
            "session-hold",
            json!({ "hold": true }),
            Request::SessionHold {
                session: session("c0ffee"),
                hold: true,
            },
        ),
        (
            "session-transfer",
            json!({ "uri": "sip:carol@sylk.test" }),
            transfer(TransferTarget::Uri("carol@sylk.test".to_owned())),
        ),
        (
            "session-transfer",
            json!({ "replaces": "beef", "uri": null }),
            transfer(TransferTarget::Replaces(session("beef"))),
        ),
        (
            "session-quality",
            json!({}),
            quality(Some(Duration::from_secs(5))),
        ),
        (
            "session-quality",
            json!({ "interval": 1 }),
            quality(Some(Duration::from_secs(1))),
        ),
        ("session-quality", json!({ "interval": 0 }), quality(None)),
    ] {
        let mut fields = fields;
        fields["session"] = json!("c0ffee");
        for dialect in BOTH {
            let request = read(dialect, name, &fields);
            assert_eq!(request, expected);
            assert!(request.proves_extensions());
            assert!(!request.proves_early_media());
        }
    }
}

#[test]
fn wrong_extension_requests_are_refused() {
    for (name, fields, code) in [
        (
            "session-terminate",
            json!({ "code": 399 }),
            ErrorCode::InvalidField,
        ),
        (
            "session-terminate",
            json!({ "code": 700 }),
            ErrorCode::InvalidField,
        ),
        (
            "session-terminate",
            json!({ "code": "603" }),
            ErrorCode::InvalidField,
        ),
        (
            "session-terminate",
            json!({ "reason": "a\r\nVia: b" }),
            ErrorCode::InvalidField,
        ),
        (
            "session-terminate",
            json!({ "reason": "x".repeat(129) }),
            ErrorCode::InvalidField,
        ),
        ("session-hold", json!({}), ErrorCode::MissingField),
        (
            "session-hold",
            json!({ "hold": null }),
            ErrorCode::InvalidField,
        ),
        (
            "session-hold",
            json!({ "hold": 1 }),
            ErrorCode::InvalidField,
        ),
        (
            "session-quality",
            json!({ "interval": 61 }),
            ErrorCode::InvalidField,
        ),
        (
            "session-quality",
            json!({ "interval": -1 }),
            ErrorCode::InvalidField,
        ),
        ("session-transfer", json!({}), ErrorCode::MissingField),
        (
            "session-transfer",
            json!({ "replaces": "c0ffee" }),
            ErrorCode::InvalidField,
        ),
        (
            "session-transfer",
            json!({ "replaces": "b", "uri": "c" }),
            ErrorCode::InvalidField,
        ),
    ] {
        let mut fields = fields;
        fields["session"] = json!("c0ffee");
        for dialect in BOTH {
            let rejected = decode(dialect, &request(name, &fields)).unwrap_err();
            assert_eq!(rejected.code, code, "{fields}");
            assert!(!rejected.fatal);
        }
    }
}

#[test]
fn events_have_the_same_members_in_both_dialects() {
    for (extension, event, members) in [
        (
            SessionExtension::Hold {
                held: true,
                by: HoldBy::Remote,
            },
            "hold",
            json!({ "held": true, "by": "remote" }),
        ),
        (
            SessionExtension::Hold {
                held: false,
                by: HoldBy::Local,
            },
            "hold",
            json!({ "held": false, "by": "local" }),
        ),
        (
            SessionExtension::Transfer(TransferState::Trying(Reason::new(180, "Ringing"))),
            "transfer",
            json!({ "state": "trying", "code": 180, "reason": "Ringing" }),
        ),
        (
            SessionExtension::Transfer(TransferState::Accepted(Reason::new(200, "OK"))),
            "transfer",
            json!({ "state": "accepted", "code": 200, "reason": "OK" }),
        ),
        (
            SessionExtension::Transfer(TransferState::Failed(Reason::new(486, "Busy Here"))),
            "transfer",
            json!({ "state": "failed", "code": 486, "reason": "Busy Here" }),
        ),
        (
            SessionExtension::Expiring { seconds: 30 },
            "expiring",
            json!({ "seconds": 30 }),
        ),
        (
            SessionExtension::Dtmf {
                digit: '#',
                duration: Duration::from_millis(160),
            },
            "dtmf",
            json!({ "digit": "#", "duration_ms": 160 }),
        ),
        (
            SessionExtension::MediaTrouble(NOTHING),
            "media-trouble",
            json!({
                "verdict": "nothing", "direction": "to-browser",
                "text": "Nothing comes from the phone.",
            }),
        ),
        (
            SessionExtension::Quality(Box::new(Quality {
                to_phone: WayQuality {
                    packets: 250,
                    lost: 3,
                    loss: 119,
                    jitter: Duration::from_micros(1_260),
                    round_trip: Some(Duration::from_millis(40)),
                    level: Some(-27),
                    mos: Some(437),
                    srtp_failures: 0,
                },
                to_browser: WayQuality {
                    packets: 0,
                    lost: 0,
                    loss: 0,
                    jitter: Duration::ZERO,
                    round_trip: None,
                    level: None,
                    mos: None,
                    srtp_failures: 7,
                },
                judgement: NOTHING,
            })),
            "quality",
            json!({
                "to_phone": {
                    "packets": 250, "lost": 3, "loss_percent": 1.19, "jitter_ms": 1.3,
                    "round_trip_ms": 40.0, "level_dbov": -27, "mos": 4.37, "srtp_failures": 0,
                },
                "to_browser": {
                    "packets": 0, "lost": 0, "loss_percent": 0.0, "jitter_ms": 0.0,
                    "round_trip_ms": null, "level_dbov": null, "mos": null, "srtp_failures": 7,
                },
                "verdict": "nothing", "direction": "to-browser",
                "text": "Nothing comes from the phone.",
            }),
        ),
    ] {
        let told = Event::SessionExtension {
            session: session("c0ffee"),
            extension,
        };
        assert!(told.is_extension());
        let v1 = json!({
            "sylkrtc": "session_event", "session": "c0ffee", "event": event, "data": members,
        });
        let mut v2 = members;
        v2["sylkrtc"] = json!("session-event");
        v2["session"] = json!("c0ffee");
        v2["event"] = json!(event);
        for (dialect, expected) in [(Dialect::V1, v1), (Dialect::V2, v2)] {
            let text = encode_event(dialect, Vocabulary::Stable, &told).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        }
    }
}

fn read(dialect: Dialect, name: &str, fields: &Value) -> Request {
    decode(dialect, &request(name, fields)).unwrap().request
}

fn request(name: &str, fields: &Value) -> String {
    let mut text = fields.clone();
    text["sylkrtc"] = json!(name);
    text["transaction"] = json!("T");
    text.to_string()
}

fn session(name: &str) -> SessionId {
    SessionId::new(name).unwrap()
}
