//! The daemon stops while it is used.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::client::{OFFER, Stage};
use crate::phone::SDP;

#[tokio::test]
async fn calls_end_with_bye_registrations_are_removed_and_clients_told() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    alice
        .ask_ok(json!({"sylkrtc": "account-register", "account": "alice@sylk.test"}))
        .await;
    stage.phone.registers().await;
    assert_eq!(alice.hear().await["state"], "registering");
    assert_eq!(alice.hear().await["state"], "registered");
    let create = json!({
        "sylkrtc": "session-create",
        "account": "alice@sylk.test",
        "session": "call",
        "uri": "bob@sylk.test",
        "sdp": OFFER,
    });
    alice.ask_ok(create).await;
    alice.expect_state("call", "progress").await;
    let invite = stage.phone.expect("INVITE").await;
    stage.phone.answer(&invite, "200 OK", "", SDP).await;
    alice.expect_state("call", "accepted").await;

    let Stage { gateway, phone } = stage;
    let peer = async {
        let bye = phone.expect("BYE").await;
        phone.answer(&bye, "200 OK", "", "").await;
        let unregister = phone.expect("REGISTER").await;
        phone.answer(&unregister, "200 OK", "", "").await;
    };
    let page = async {
        let terminated = alice.expect_state("call", "terminated").await;
        assert_eq!(terminated["reason"], "503 Gateway is stopping");
        assert_eq!(alice.closed().await.code, CloseCode::Away);
    };
    let (stopped, (), ()) = tokio::join!(gateway.stop(), peer, page);
    assert!(stopped.left.is_at_rest(), "{:?}", stopped.left);
}

#[tokio::test]
async fn a_client_hears_of_every_call_however_few_events_may_wait_for_it() {
    let stage = Stage::with("[limits]\nwrite_queue = 2\nstop_seconds = 2\n").await;
    let mut alice = stage.alice().await;
    for session in ["a", "b", "c", "d"] {
        let create = json!({
            "sylkrtc": "session-create",
            "account": "alice@sylk.test",
            "session": session,
            "uri": "bob@sylk.test",
            "sdp": OFFER,
        });
        alice.ask_ok(create).await;
        alice.expect_state(session, "progress").await;
    }
    let Stage { gateway, phone } = stage;
    let page = async {
        for _ in 0..4 {
            assert_eq!(alice.hear().await["state"], "terminated");
        }
        assert_eq!(alice.closed().await.code, CloseCode::Away);
    };
    tokio::join!(gateway.stop(), page);
    drop(phone);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_delays_the_stop_no_longer_than_allowed() {
    let stage = Stage::with("[limits]\nstop_seconds = 1\n").await;
    let mut alice = stage.alice().await;
    alice
        .ask_ok(json!({"sylkrtc": "account-register", "account": "alice@sylk.test"}))
        .await;
    stage.phone.registers().await;
    assert_eq!(alice.hear().await["state"], "registering");
    assert_eq!(alice.hear().await["state"], "registered");
    drop(alice);
    let Stage { gateway, phone } = stage;
    let stop = tokio::time::timeout(Duration::from_secs(6), gateway.stop());
    assert!(stop.await.is_ok(), "stops in time");
    drop(phone);
}
