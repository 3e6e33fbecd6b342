//! Laws that hold for any input.

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::{option, prop_assert, prop_assert_eq};
use serde_json::{Value, json};
use sylkrtc_protocol::{
    Accepted, AccountAddress, Dialect, Disposition, EarlyMedia, Event, Header, HoldBy,
    IncomingSession, Message, MessageState, Originator, Reason, RegistrationState,
    SessionExtension, SessionId, SessionState, SessionUpdateState, Transaction, TransferState,
    Vocabulary, decode, encode_ack, encode_event, fuzz,
};

use crate::client::{self, Said};

proptest! {
    #[test]
    fn any_bytes_are_answered(dialect in dialect(), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::decode_and_answer(dialect, &bytes);
    }

    #[test]
    fn any_text_is_answered(dialect in dialect(), text in ".*") {
        fuzz::decode_and_answer(dialect, text.as_bytes());
    }

    #[test]
    fn any_json_is_answered(dialect in dialect(), value in json_value()) {
        fuzz::decode_and_answer(dialect, value.to_string().as_bytes());
    }

    /// A request in which anything may be anything: its transaction is never lost.
    #[test]
    fn any_object_with_a_transaction_gets_it_back(
        dialect in dialect(),
        name in request_name(),
        transaction in ".{0,30}",
        fields in prop::collection::hash_map(field_name(), field_value(), 0..6),
    ) {
        let mut request = json!({ "sylkrtc": name, "transaction": transaction });
        for (field, value) in fields {
            request[field] = value;
        }
        let repeated = match decode(dialect, &request.to_string()) {
            Ok(incoming) => Some(incoming.transaction),
            Err(rejected) => {
                prop_assert!(!rejected.fatal);
                rejected.transaction
            }
        };
        prop_assert_eq!(repeated, Transaction::new(transaction));
    }

    /// What was decoded, written again by a client, is decoded to the same.
    #[test]
    fn decoding_what_was_decoded_changes_nothing(
        dialect in dialect(),
        name in request_name(),
        fields in prop::collection::hash_map(field_name(), field_value(), 0..4),
    ) {
        let mut request = json!({
            "sylkrtc": name, "transaction": "T", "account": "alice@sylk.test", "session": "S", "sdp": "",
            "uri": "bob", "password": "884edfee38ed471b8a15006700139485", "candidates": [], "digit": "5",
        });
        for (field, value) in fields {
            request[field] = value;
        }
        if let Ok(incoming) = decode(dialect, &request.to_string()) {
            let again = client::write(&incoming).to_string();
            // What could not be read of the candidates is gone for good.
            let settled = decode(dialect, &again).unwrap();
            prop_assert_eq!(decode(dialect, &client::write(&settled).to_string()).unwrap(), settled.clone());
            prop_assert_eq!(client::write(&settled), client::write(&incoming));
        }
    }

    #[test]
    fn acks_carry_the_identical_transaction(dialect in dialect(), text in ".{0,30}") {
        let transaction = Transaction::new(text).unwrap();
        let ack: Value = serde_json::from_str(&encode_ack(dialect, &transaction)).unwrap();
        prop_assert_eq!(client::read(dialect, Vocabulary::Stable, &ack), Some(Said::Ack(transaction)));
    }

    /// `sylkRTC-2` can say everything: a client reads exactly the event that was written.
    #[test]
    fn events_are_read_as_they_were_written(event in event()) {
        let text = encode_event(Dialect::V2, Vocabulary::Stable, &event).unwrap();
        let value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(client::read(Dialect::V2, Vocabulary::Stable, &value), Some(Said::Event(event)));
    }

    /// `sylkRTC-1` says less, but what it says is in its shape.
    #[test]
    fn events_of_the_first_dialect_are_in_its_shape(event in event(), names in vocabulary()) {
        if let Some(text) = encode_event(Dialect::V1, names, &event) {
            let value = serde_json::from_str(&text).unwrap();
            let said = client::read(Dialect::V1, names, &value);
            let Some(Said::Event(read)) = said else { panic!("{text}") };
            prop_assert_eq!(encode_event(Dialect::V1, names, &read), Some(text));
        }
    }

    #[test]
    fn an_account_address_is_read_as_it_is_written(text in "(sip:)?[a-z0-9+.%;=/-]{1,8}@[a-z0-9.:-]{1,12}") {
        if let Ok(address) = AccountAddress::parse(&text) {
            prop_assert_eq!(AccountAddress::parse(address.as_str()), Ok(address.clone()));
            prop_assert_eq!(format!("{}@{}", address.user(), address.domain()), address.as_str());
        }
    }
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::V1), Just(Dialect::V2)]
}

fn vocabulary() -> impl Strategy<Value = Vocabulary> {
    prop_oneof![Just(Vocabulary::Stable), Just(Vocabulary::Names2015)]
}

fn request_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "ping",
        "account-add",
        "account-remove",
        "account-register",
        "session-create",
        "session-answer",
        "session-trickle",
        "session-terminate",
        "session-dtmf-info",
        "session-message",
        "session-ring",
        "session-hold",
        "session-transfer",
        "session-quality",
        "session-update",
        "add_account",
        "bind",
        "call",
        "answer",
        "trickle",
        "terminate",
        "videoroom-ctl",
        "nonsense",
        "",
    ])
}

fn field_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "account",
        "password",
        "display_name",
        "user_agent",
        "incoming_header_prefixes",
        "session",
        "uri",
        "sdp",
        "headers",
        "candidates",
        "digit",
        "duration",
        "message_id",
        "content",
        "content_type",
        "timestamp",
        "extensions",
        "explicit_ringing",
        "code",
        "reason",
        "hold",
        "replaces",
        "interval",
        "unknown",
    ])
}

/// Right and wrong values for any field.
fn field_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        json_value(),
        prop::sample::select(vec![
            json!("sip:alice@sylk.test"),
            json!("884EDFEE38ED471B8A15006700139485"),
            json!("c0ffee"),
            json!("12#"),
            json!(100),
            json!(603),
            json!("text/plain"),
            json!(true),
            json!(["X-", "P-"]),
            json!([{ "name": "X-A", "value": " 1 " }]),
            json!([{ "candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0 }, null]),
        ]),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(".{0,6}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Ready),
        registration_state().prop_map(|state| Event::RegistrationState {
            account: account(),
            state
        }),
        incoming_session().prop_map(Event::IncomingSession),
        originator().prop_map(|originator| Event::MissedSession {
            account: account(),
            originator
        }),
        (session_id(), session_state())
            .prop_map(|(session, state)| Event::SessionState { session, state }),
        message().prop_map(|message| Event::AccountMessage {
            account: account(),
            message
        }),
        (session_id(), message())
            .prop_map(|(session, message)| Event::SessionMessage { session, message }),
        (session_id(), ".{1,20}", any::<bool>(), reason()).prop_map(
            |(session, text, accepted, reason)| Event::SessionDisposition {
                session,
                disposition: Disposition {
                    message_id: text.clone(),
                    timestamp: text,
                    state: match accepted {
                        true => MessageState::Accepted,
                        false => MessageState::Failed,
                    },
                    reason,
                },
            }
        ),
        (session_id(), session_update())
            .prop_map(|(session, update)| Event::SessionUpdate { session, update }),
        (session_id(), session_extension())
            .prop_map(|(session, extension)| Event::SessionExtension { session, extension }),
    ]
}

fn registration_state() -> impl Strategy<Value = RegistrationState> {
    prop_oneof![
        Just(RegistrationState::Registering),
        Just(RegistrationState::Registered),
        reason().prop_map(|reason| RegistrationState::Failed { reason }),
    ]
}

fn incoming_session() -> impl Strategy<Value = IncomingSession> {
    (session_id(), originator(), ".*", ".{1,20}", headers()).prop_map(
        |(session, originator, sdp, call_id, headers)| IncomingSession {
            account: account(),
            session,
            originator,
            sdp,
            call_id,
            headers,
        },
    )
}

fn session_state() -> impl Strategy<Value = SessionState> {
    prop_oneof![
        Just(SessionState::Progress),
        (101_u16..200).prop_map(|code| SessionState::Proceeding { code }),
        Just(SessionState::Ringing),
        (option::of(".*"), option::of(".{1,20}"))
            .prop_map(|(sdp, call_id)| SessionState::EarlyMedia(EarlyMedia { sdp, call_id })),
        (option::of(".*"), option::of(".{1,20}"), headers()).prop_map(|(sdp, call_id, headers)| {
            SessionState::Accepted(Accepted {
                sdp,
                call_id,
                headers,
            })
        }),
        Just(SessionState::Established),
        reason().prop_map(|reason| SessionState::Terminated { reason }),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    (originator(), ".{1,20}", ".{1,20}", ".*").prop_map(|(sender, message_id, kind, content)| {
        Message {
            sender,
            message_id,
            timestamp: "2026-11-21T12:00:00Z".to_owned(),
            content_type: kind,
            content,
        }
    })
}

fn session_update() -> impl Strategy<Value = SessionUpdateState> {
    prop_oneof![
        ".{0,20}".prop_map(|sdp| SessionUpdateState::Received { sdp }),
        ".{0,20}".prop_map(|sdp| SessionUpdateState::Accepted { sdp }),
        reason().prop_map(|reason| SessionUpdateState::Failed { reason }),
    ]
}

fn session_extension() -> impl Strategy<Value = SessionExtension> {
    let by = prop_oneof![Just(HoldBy::Local), Just(HoldBy::Remote)];
    let transfer = prop_oneof![
        Just(TransferState::Trying as fn(Reason) -> TransferState),
        Just(TransferState::Accepted as fn(Reason) -> TransferState),
        Just(TransferState::Failed as fn(Reason) -> TransferState),
    ];
    prop_oneof![
        (any::<bool>(), by).prop_map(|(held, by)| SessionExtension::Hold { held, by }),
        (transfer, reason()).prop_map(|(state, why)| SessionExtension::Transfer(state(why))),
        (0_u64..100_000).prop_map(|seconds| SessionExtension::Expiring { seconds }),
    ]
}

fn reason() -> impl Strategy<Value = Reason> {
    (100_u16..1000, "\\PC{1,10}x").prop_map(|(code, phrase)| Reason::new(code, &phrase))
}

fn originator() -> impl Strategy<Value = Originator> {
    (".{1,20}", option::of(".{1,20}"))
        .prop_map(|(uri, display_name)| Originator { uri, display_name })
}

/// Headers of different names, in the order of a JSON object that is read again.
fn headers() -> impl Strategy<Value = Vec<Header>> {
    prop::collection::btree_map("x-[a-z]{1,6}", ".{0,10}", 0..4).prop_map(|headers| {
        headers
            .into_iter()
            .map(|(name, value)| Header { name, value })
            .collect()
    })
}

fn session_id() -> impl Strategy<Value = SessionId> {
    ".{1,20}".prop_map(|text| SessionId::new(text).unwrap())
}

fn account() -> AccountAddress {
    AccountAddress::parse("alice@sylk.test").unwrap()
}
