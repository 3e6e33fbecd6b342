//! Bad input, and too much of it (field.md W3, W4).

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::client::Stage;

#[tokio::test]
async fn what_is_no_request_is_answered_by_an_error_and_the_connection_lives_on() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    for text in [
        "{",
        "[]",
        "7",
        "null",
        "{}",
        r#"{"sylkrtc":7}"#,
        r#"{"sylkrtc":"no-such-thing"}"#,
    ] {
        client.send(text).await;
        let answer = client.hear().await;
        assert_eq!(answer["sylkrtc"], "error", "{text}: {answer}");
    }
    client.ask_ok(json!({"sylkrtc": "ping"})).await;
}

#[tokio::test]
async fn a_binary_frame_is_answered_by_an_error_and_the_connection_lives_on() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send_frame(Message::binary(b"{}".to_vec())).await;
    assert_eq!(client.hear().await["code"], "binary-frame");
    client.ask_ok(json!({"sylkrtc": "ping"})).await;
}

#[tokio::test]
async fn a_request_of_a_later_time_is_answered_by_a_clear_error() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let request = json!({"sylkrtc": "account-fetch-addressbook", "account": "alice@sylk.test"});
    client
        .ask_error(
            request,
            "Request not supported yet: account-fetch-addressbook",
        )
        .await;
}

#[tokio::test]
async fn too_large_a_message_is_an_error_and_the_end_of_the_connection() {
    let stage = Stage::with("[limits]\nmessage_bytes = 16384\n").await;
    let mut client = stage.client().await;
    client.send(" ".repeat(16385)).await;
    assert_eq!(client.hear().await["code"], "too-large");
    assert_eq!(client.closed().await.code, CloseCode::Size);
    stage.at_rest().await;
}

#[tokio::test]
async fn too_deep_a_message_is_an_error_and_the_end_of_the_connection() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let depth = 100_000;
    let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    client.send(nested).await;
    assert_eq!(client.hear().await["code"], "too-deep");
    assert_eq!(client.closed().await.code, CloseCode::Policy);
}

#[tokio::test]
async fn too_many_requests_are_an_error_and_the_end_of_the_connection() {
    let stage = Stage::with("[limits]\nrequests_per_second = 1\nrequests_burst = 5\n").await;
    let mut client = stage.client().await;
    for _ in 0..5 {
        client.ask_ok(json!({"sylkrtc": "ping"})).await;
    }
    client.ask(json!({"sylkrtc": "ping"})).await;
    assert_eq!(client.hear().await["code"], "too-fast");
    assert_eq!(client.closed().await.code, CloseCode::Policy);
}

#[tokio::test]
async fn a_client_that_adds_no_account_is_told_to_go() {
    let stage = Stage::with("[limits]\nidle_seconds = 1\n").await;
    let mut client = stage.client().await;
    assert_eq!(client.closed().await.code, CloseCode::Normal);
    stage.at_rest().await;
}

#[tokio::test]
async fn every_request_has_exactly_one_answer_in_order() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let mut transactions = Vec::new();
    for _ in 0..100 {
        transactions.push(client.ask(json!({"sylkrtc": "ping"})).await);
    }
    for transaction in transactions {
        client
            .expect(&json!({"sylkrtc": "ack", "transaction": transaction}))
            .await;
    }
}

#[tokio::test]
async fn a_close_frame_is_answered_by_one() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let close = CloseFrame {
        code: CloseCode::Normal,
        reason: "done".into(),
    };
    client.send_frame(Message::Close(Some(close))).await;
    assert_eq!(client.closed().await.code, CloseCode::Normal);
    stage.at_rest().await;
}
