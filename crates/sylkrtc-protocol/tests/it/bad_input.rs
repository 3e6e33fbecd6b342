//! Nothing is silently dropped: whatever a page sends that is not a valid request is answered
//! with an error that carries the transaction, if there was one to be read.

use serde_json::{Value, json};
use sylkrtc_protocol::limits::{MAX_DEPTH, MAX_FRAME, MAX_SDP, MAX_VALUES};
use sylkrtc_protocol::{Dialect, ErrorCode, Rejected, decode};

const BOTH: [Dialect; 2] = [Dialect::V1, Dialect::V2];
const HA1: &str = "884edfee38ed471b8a15006700139485";

#[test]
fn text_that_is_not_json() {
    for text in [
        "",
        " ",
        "ping",
        "{",
        "{}{}",
        "{'sylkrtc':'ping','transaction':'T'}",
        r#"{"sylkrtc":"ping","transaction":"T",}"#,
        r#"{"sylkrtc":"ping","transaction":"T"} x"#,
        r#"{"sylkrtc":"ping","transaction":"T","x":NaN}"#,
        r#"{"sylkrtc":"ping","transaction":"T","x":Infinity}"#,
        r#"{"sylkrtc":"ping","transaction":"T","x":1e999}"#,
        r#"{"sylkrtc":"ping","transaction":"T","x":01}"#,
        "\u{feff}{\"sylkrtc\":\"ping\",\"transaction\":\"T\"}",
        "{\"sylkrtc\":\"ping\",\"transaction\":\"T\",\"x\":\"\n\"}",
    ] {
        let rejected = rejected(text);
        assert_eq!(
            (rejected.code, &rejected.transaction),
            (ErrorCode::NotJson, &None),
            "{text}"
        );
        assert!(
            rejected.text.starts_with("Not a JSON text: "),
            "{}",
            rejected.text
        );
        assert!(!rejected.fatal);
    }
}

#[test]
fn lone_surrogates_are_not_json() {
    for escape in [r"\ud800", r"\udc00", r"\ud800\u0041", r"\udc00\ud800"] {
        let text = format!(r#"{{"sylkrtc":"ping","transaction":"{escape}"}}"#);
        assert_eq!(rejected(&text).code, ErrorCode::NotJson, "{text}");
    }
    let pair = r#"{"sylkrtc":"ping","transaction":"\ud83d\ude00"}"#;
    assert_eq!(
        decode(Dialect::V2, pair).unwrap().transaction.as_str(),
        "😀"
    );
}

#[test]
fn json_that_is_not_an_object() {
    for text in [
        "null",
        "true",
        "5",
        "\"ping\"",
        "[]",
        r#"[{"sylkrtc":"ping","transaction":"T"}]"#,
    ] {
        let rejected = rejected(text);
        assert_eq!(
            (rejected.code, rejected.text.as_str()),
            (ErrorCode::NotAnObject, "Not a JSON object"),
            "{text}"
        );
        assert!(!rejected.fatal);
    }
}

#[test]
fn a_frame_without_sylkrtc() {
    let text = "Mandatory property 'sylkrtc' is missing";
    assert_rejected(
        &json!({ "transaction": "T" }),
        ErrorCode::MissingField,
        text,
    );
    for (value, shown) in [
        (json!(null), "None"),
        (json!(5), "5"),
        (json!(["ping"]), "[...]"),
    ] {
        let text = format!("Invalid value for 'sylkrtc' property: {shown}");
        assert_rejected(
            &json!({ "sylkrtc": value, "transaction": "T" }),
            ErrorCode::InvalidField,
            &text,
        );
    }
}

#[test]
fn an_unknown_request() {
    for (name, shown) in [
        ("", ""),
        ("Ping", "Ping"),
        ("add-account", "add-account"),
        ("ready-event", "ready-event"),
        ("a\nb", "a\\nb"),
        (&"x".repeat(1000), &format!("{}...", "x".repeat(64))),
    ] {
        let text = format!("Unknown request: {shown}");
        assert_rejected(
            &json!({ "sylkrtc": name, "transaction": "T" }),
            ErrorCode::UnknownRequest,
            &text,
        );
    }
}

#[test]
fn a_request_of_the_other_dialect() {
    for (dialect, name, other) in [
        (Dialect::V1, "ping", "sylkRTC-2"),
        (Dialect::V1, "session-dtmf-info", "sylkRTC-2"),
        (Dialect::V1, "videoroom-leave", "sylkRTC-2"),
        (Dialect::V2, "add_account", "sylkRTC-1"),
        (Dialect::V2, "call", "sylkRTC-1"),
        (Dialect::V2, "videoroom-ctl", "sylkRTC-1"),
    ] {
        let text = json!({ "sylkrtc": name, "transaction": "T" }).to_string();
        let rejected = decode(dialect, &text).unwrap_err();
        assert_eq!(rejected.code, ErrorCode::UnknownRequest);
        assert_eq!(
            rejected.text,
            format!("Unknown request: {name} (it belongs to {other})")
        );
    }
}

#[test]
fn a_request_without_a_transaction() {
    let text = "Mandatory property 'transaction' of 'SessionTerminateRequest' object is missing";
    assert_rejected(
        &json!({ "sylkrtc": "session-terminate", "session": "S" }),
        ErrorCode::MissingField,
        text,
    );
    for (value, shown) in [
        (json!(null), "None".to_owned()),
        (json!(5), "5".to_owned()),
        (json!({}), "{...}".to_owned()),
        (json!("t".repeat(129)), format!("'{}...'", "t".repeat(64))),
    ] {
        let text = format!("Invalid value for 'transaction' property: {shown}");
        let request =
            json!({ "sylkrtc": "session-terminate", "session": "S", "transaction": value });
        assert_rejected(&request, ErrorCode::InvalidField, &text);
    }
}

#[test]
fn a_later_request_needs_a_transaction_too() {
    let rejected = rejected(r#"{"sylkrtc":"videoroom-join"}"#);
    assert_eq!(
        rejected.text,
        "Mandatory property 'transaction' of 'VideoroomJoinRequest' object is missing"
    );
}

#[test]
fn a_mandatory_field_is_missing() {
    for (name, class, fields) in [
        (
            "account-add",
            "AccountAddRequest",
            &["account", "password"][..],
        ),
        ("account-remove", "AccountRemoveRequest", &["account"]),
        ("account-register", "AccountRegisterRequest", &["account"]),
        (
            "account-unregister",
            "AccountUnregisterRequest",
            &["account"],
        ),
        (
            "session-create",
            "SessionCreateRequest",
            &["session", "account", "uri", "sdp"],
        ),
        (
            "session-answer",
            "SessionAnswerRequest",
            &["session", "sdp"],
        ),
        (
            "session-trickle",
            "SessionTrickleRequest",
            &["session", "candidates"],
        ),
        ("session-terminate", "SessionTerminateRequest", &["session"]),
    ] {
        let mut request = complete(name);
        // From the last to the first: the first missing one is named.
        for field in fields.iter().rev() {
            request.as_object_mut().unwrap().remove(*field);
            let text = format!("Mandatory property '{field}' of '{class}' object is missing");
            assert_rejected(&request, ErrorCode::MissingField, &text);
        }
    }
}

#[test]
fn the_names_of_2015_are_told_the_same() {
    let text =
        json!({ "sylkrtc": "add_account", "account": "alice@sylk.test", "transaction": "T" })
            .to_string();
    let rejected = decode(Dialect::V1, &text).unwrap_err();
    assert_eq!(
        rejected.text,
        "Mandatory property 'password' of 'AccountAddRequest' object is missing"
    );
}

#[test]
fn a_field_of_the_wrong_type() {
    for (name, field, value, shown) in [
        ("account-add", "account", json!(5), "5"),
        ("account-add", "display_name", json!(true), "True"),
        ("account-add", "display_name", json!("a\r\nb"), "'a\\r\\nb'"),
        ("account-add", "user_agent", json!(1.5), "1.5"),
        (
            "account-add",
            "incoming_header_prefixes",
            json!("X-"),
            "'X-'",
        ),
        (
            "account-add",
            "incoming_header_prefixes",
            json!(["X-", ""]),
            "[...]",
        ),
        (
            "account-add",
            "incoming_header_prefixes",
            json!([7]),
            "[...]",
        ),
        ("account-register", "account", json!(null), "None"),
        ("session-create", "uri", json!(["bob"]), "[...]"),
        ("session-create", "sdp", json!({}), "{...}"),
        ("session-create", "sdp", json!(null), "None"),
        ("session-create", "headers", json!({ "X-A": "1" }), "{...}"),
        (
            "session-create",
            "headers",
            json!([{ "name": "X-A" }]),
            "[...]",
        ),
        (
            "session-create",
            "headers",
            json!([{ "name": "X A", "value": "1" }]),
            "[...]",
        ),
        (
            "session-create",
            "headers",
            json!([{ "name": "X-A", "value": "1\r\nVia: x" }]),
            "[...]",
        ),
        ("session-answer", "session", json!(12), "12"),
        ("session-answer", "session", json!(""), "''"),
        ("session-trickle", "candidates", json!(null), "None"),
        (
            "session-trickle",
            "candidates",
            json!("candidate:1"),
            "'candidate:1'",
        ),
        ("session-terminate", "session", json!(false), "False"),
    ] {
        let mut request = complete(name);
        request[field] = value;
        let text = format!("Invalid value for '{field}' property: {shown}");
        assert_rejected(&request, ErrorCode::InvalidField, &text);
    }
}

#[test]
fn dtmf_of_the_wrong_kind() {
    for (field, value, shown) in [
        ("digit", json!(5), "5"),
        ("digit", json!(""), "''"),
        ("digit", json!("12x"), "'12x'"),
        ("duration", json!("100"), "'100'"),
        ("duration", json!(-1), "-1"),
        ("duration", json!(1.5), "1.5"),
    ] {
        let mut request = json!({ "sylkrtc": "session-dtmf-info", "session": "S", "digit": "5", "transaction": "T" });
        request[field] = value;
        let rejected = decode(Dialect::V2, &request.to_string()).unwrap_err();
        assert_eq!(
            rejected.text,
            format!("Invalid value for '{field}' property: {shown}")
        );
    }
}

#[test]
fn an_account_or_uri_that_is_no_sip_address() {
    for (name, field, value) in [
        ("account-add", "account", "alice"),
        ("account-add", "account", "sip:alice@"),
        ("account-remove", "account", "alice@sylk.test\r\nX: y"),
        ("session-create", "account", "@"),
        ("session-create", "uri", ""),
        ("session-create", "uri", "sip:b b"),
    ] {
        let mut request = complete(name);
        request[field] = json!(value);
        let text = format!(
            "invalid SIP URI: {}",
            value.replace('\r', "\\r").replace('\n', "\\n")
        );
        assert_rejected(&request, ErrorCode::InvalidUri, &text);
    }
}

#[test]
fn a_password_that_is_no_ha1_is_not_repeated() {
    for value in [
        json!(""),
        json!("secret"),
        json!(&HA1[1..]),
        json!(12_345_678),
        json!(null),
        json!(["secret"]),
    ] {
        let mut request = complete("account-add");
        request["password"] = value;
        let text = "Invalid value for 'password' property: the password must be an HA1: \
                    32 hexadecimal digits, the MD5 of user:realm:secret";
        assert_rejected(&request, ErrorCode::InvalidPassword, text);
    }
}

#[test]
fn a_key_that_stands_twice() {
    for (text, key, transaction) in [
        (
            r#"{"sylkrtc":"ping","sylkrtc":"ping","transaction":"T"}"#,
            "sylkrtc",
            Some("T"),
        ),
        (
            r#"{"sylkrtc":"ping","transaction":"T","x":{"a":{"b":1,"\u0062":2}}}"#,
            "b",
            Some("T"),
        ),
        (
            r#"{"sylkrtc":"ping","transaction":"T","transaction":"T"}"#,
            "transaction",
            None,
        ),
        (
            r#"{"a":1,"a":2,"sylkrtc":"ping","transaction":"T","transaction":"U"}"#,
            "a",
            None,
        ),
    ] {
        let rejected = rejected(text);
        assert_eq!(rejected.code, ErrorCode::DuplicateKey);
        assert_eq!(rejected.text, format!("Key '{key}' given twice"));
        assert_eq!(
            rejected.transaction.as_ref().map(|t| t.as_str()),
            transaction
        );
        assert!(!rejected.fatal);
    }
}

#[test]
fn a_frame_too_large_closes_the_connection() {
    let frame = |length: usize| {
        let text =
            json!({ "sylkrtc": "session-terminate", "session": "S", "transaction": "T", "x": "" })
                .to_string();
        text.replace(
            "\"x\":\"\"",
            &format!("\"x\":\"{}\"", "x".repeat(length - text.len())),
        )
    };
    assert!(decode(Dialect::V1, &frame(MAX_FRAME)).is_ok());
    let rejected = rejected(&frame(MAX_FRAME + 1));
    assert_eq!((rejected.code, rejected.fatal), (ErrorCode::TooLarge, true));
    assert_eq!(rejected.transaction, None);
}

#[test]
fn a_frame_too_deep_closes_the_connection() {
    let frame = |depth: usize| {
        let inner = depth - 1;
        let (open, close) = ("[".repeat(inner), "]".repeat(inner));
        format!(
            r#"{{"x":{open}{close},"sylkrtc":"session-terminate","session":"S","transaction":"T"}}"#
        )
    };
    assert!(decode(Dialect::V1, &frame(MAX_DEPTH)).is_ok());
    for depth in [MAX_DEPTH + 1, 129, 50_000] {
        let rejected = rejected(&frame(depth));
        assert_eq!(
            (rejected.code, rejected.fatal),
            (ErrorCode::TooDeep, true),
            "{depth}"
        );
        assert_eq!(rejected.transaction.unwrap().as_str(), "T", "{depth}");
    }
    let array = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(rejected(&array).code, ErrorCode::TooDeep);
    let objects = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
    assert_eq!(rejected(&objects).code, ErrorCode::TooDeep);
}

#[test]
fn a_frame_with_too_many_values_closes_the_connection() {
    let frame = |values: usize| {
        let zeros = vec!["0"; values - 5].join(",");
        format!(
            r#"{{"x":[{zeros}],"sylkrtc":"session-terminate","session":"S","transaction":"T"}}"#
        )
    };
    assert!(decode(Dialect::V1, &frame(MAX_VALUES)).is_ok());
    let rejected = rejected(&frame(MAX_VALUES + 1));
    assert_eq!((rejected.code, rejected.fatal), (ErrorCode::TooDeep, true));
    assert_eq!(rejected.transaction.unwrap().as_str(), "T");
}

#[test]
fn an_sdp_is_bounded() {
    let mut request = complete("session-create");
    request["sdp"] = json!("x".repeat(MAX_SDP));
    assert!(decode(Dialect::V2, &request.to_string()).is_ok());
    request["sdp"] = json!("x".repeat(MAX_SDP + 1));
    let rejected = rejected(&request.to_string());
    assert_eq!(rejected.code, ErrorCode::InvalidField);
    assert!(rejected.text.len() < 200, "{}", rejected.text);
    assert!(!rejected.fatal);
}

/// A request of that name with every field right.
fn complete(name: &str) -> Value {
    json!({
        "sylkrtc": name,
        "account": "alice@sylk.test",
        "password": HA1,
        "session": "S",
        "uri": "bob@sylk.test",
        "sdp": "v=0\r\n",
        "candidates": [],
        "transaction": "T",
    })
}

/// Asserts what both dialects answer to a request that is wrong.
fn assert_rejected(request: &Value, code: ErrorCode, text: &str) {
    let rejected = rejected(&request.to_string());
    assert_eq!(
        (rejected.code, rejected.text.as_str()),
        (code, text),
        "{request}"
    );
    assert!(!rejected.fatal);
    let transaction = request["transaction"]
        .as_str()
        .filter(|transaction| transaction.len() <= 128);
    assert_eq!(
        rejected.transaction.as_ref().map(|t| t.as_str()),
        transaction,
        "{request}"
    );
}

/// What both dialects make of the frame.
fn rejected(text: &str) -> Rejected {
    let [v1, v2] = BOTH.map(|dialect| decode(dialect, text).unwrap_err());
    if v1.code != ErrorCode::UnknownRequest {
        assert_eq!(v1, v2);
    }
    v2
}
