//! Accounts and their registrations (sylkrtc.md section 4).

use serde_json::{Value, json};

use crate::client::{HA1, Stage};

#[tokio::test]
async fn registering_is_acknowledged_before_it_is_told() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    alice.ask_ok(account("account-register")).await;
    alice.expect(&state("registering")).await;
    stage.phone.registers().await;
    alice.expect(&state("registered")).await;
}

#[tokio::test]
async fn registering_again_is_told_again() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    for _ in 0..2 {
        alice.ask_ok(account("account-register")).await;
        alice.expect(&state("registering")).await;
        stage.phone.registers().await;
        alice.expect(&state("registered")).await;
    }
}

#[tokio::test]
async fn a_refused_registration_tells_the_reason() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    alice.ask_ok(account("account-register")).await;
    alice.expect(&state("registering")).await;
    let register = stage.phone.expect("REGISTER").await;
    stage.phone.answer(&register, "403 Forbidden", "", "").await;
    let failed = alice.hear().await;
    assert_eq!(failed["state"], "failed", "{failed}");
    assert_eq!(failed["reason"], "403 Forbidden", "{failed}");
}

#[tokio::test]
async fn unregistering_is_silent_and_happens() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    alice.ask_ok(account("account-register")).await;
    alice.expect(&state("registering")).await;
    stage.phone.registers().await;
    alice.expect(&state("registered")).await;
    alice.ask_ok(account("account-unregister")).await;
    let unregister = stage.phone.expect("REGISTER").await;
    assert!(
        unregister.text.contains("xpires: 0") || unregister.text.contains("expires=0"),
        "{}",
        unregister.text
    );
    stage.phone.answer(&unregister, "200 OK", "", "").await;
    alice.ask_ok(json!({"sylkrtc": "ping"})).await;
}

#[tokio::test]
async fn a_lost_socket_removes_the_registration_and_leaves_nothing() {
    let stage = Stage::new().await;
    let mut alice = stage.alice().await;
    alice.ask_ok(account("account-register")).await;
    stage.phone.registers().await;
    alice.expect(&state("registering")).await;
    alice.expect(&state("registered")).await;
    drop(alice);
    let unregister = stage.phone.expect("REGISTER").await;
    assert!(
        unregister.text.contains("xpires: 0") || unregister.text.contains("expires=0"),
        "{}",
        unregister.text
    );
    stage.phone.answer(&unregister, "200 OK", "", "").await;
    stage.at_rest().await;
}

#[tokio::test]
async fn accounts_that_cannot_be_used_are_refused_in_the_words_of_old() {
    let stage = Stage::with("[limits]\naccounts_per_socket = 1\n").await;
    let mut alice = stage.alice().await;
    alice
        .ask_error(
            add("alice@sylk.test"),
            "Account alice@sylk.test already added",
        )
        .await;
    alice
        .ask_error(add("bob@sylk.test"), "Too many accounts (at most 1)")
        .await;
    for (request, of) in [
        ("account-remove", " for remove"),
        ("account-register", " for register"),
        ("account-unregister", " for unregister"),
    ] {
        let text = format!("Unknown account specified{of}: bob@sylk.test");
        alice
            .ask_error(
                json!({"sylkrtc": request, "account": "bob@sylk.test"}),
                &text,
            )
            .await;
    }
    alice.ask_ok(account("account-remove")).await;
    alice.ask_ok(add("bob@sylk.test")).await;
}

#[tokio::test]
async fn a_domain_that_is_not_allowed_is_refused() {
    let stage = Stage::of_domains("[\"Sylk.test\"]").await;
    let mut client = stage.client().await;
    client.ask_ok(add("alice@sylk.test")).await;
    client
        .ask_error(
            add("alice@elsewhere.test"),
            "SIP domain not allowed: elsewhere.test",
        )
        .await;
}

fn account(request: &str) -> Value {
    json!({"sylkrtc": request, "account": "alice@sylk.test"})
}

fn add(account: &str) -> Value {
    json!({"sylkrtc": "account-add", "account": account, "password": HA1})
}

fn state(state: &str) -> Value {
    json!({
        "sylkrtc": "account-event",
        "account": "alice@sylk.test",
        "event": "registration-state",
        "state": state,
    })
}
