//! Credentials are never logged, not even by a daemon that logs everything (field.md W9).

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::client::{Client, HA1, configuration};
use crate::phone::Phone;

#[tokio::test]
async fn an_account_that_registers_leaves_no_secret_in_the_log() {
    let phone = Phone::bind().await;
    let text = configuration(&phone, "[log]\nlevel = \"trace\"\nformat = \"json\"\n");
    let file =
        std::env::temp_dir().join(format!("sylk-gateway-secrets-{}.toml", std::process::id()));
    std::fs::write(&file, text).expect("writable");
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_sylk-gateway"))
        .args(["serve", "--config"])
        .arg(&file)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(daemon.stderr.take().expect("piped"));
    let mut log = String::new();
    let address = loop {
        let start = log.len();
        assert_ne!(lines.read_line(&mut log).await.expect("text"), 0, "{log}");
        if let Some((_, rest)) = log[start..].split_once("\"web\":\"[") {
            break rest.split(']').next().expect("an address").to_owned();
        }
    };
    std::fs::remove_file(&file).expect("removable");

    let (mut alice, _) = Client::connect(
        &format!("ws://{address}/webrtcgateway/ws"),
        &[("sec-websocket-protocol", "sylkRTC-2")],
    )
    .await
    .expect("connects");
    alice.expect(&json!({"sylkrtc": "ready-event"})).await;
    alice
        .ask_ok(json!({"sylkrtc": "account-add", "account": "alice@sylk.test", "password": HA1}))
        .await;
    alice
        .ask_ok(json!({"sylkrtc": "account-register", "account": "alice@sylk.test"}))
        .await;
    let first = phone.expect("REGISTER").await;
    let challenge =
        "WWW-Authenticate: Digest realm=\"sylk.test\", nonce=\"canary\", qop=\"auth\"\r\n";
    phone
        .answer(&first, "401 Unauthorized", challenge, "")
        .await;
    let second = phone.registers().await;
    let response = second
        .header("Authorization")
        .split("response=\"")
        .nth(1)
        .expect("a response");
    let response = &response[..32];
    assert_eq!(alice.hear().await["state"], "registering");
    assert_eq!(alice.hear().await["state"], "registered");

    daemon.start_kill().expect("ended");
    lines.read_to_string(&mut log).await.expect("text");
    assert!(
        log.contains("\"level\":\"TRACE\"") || log.contains("\"level\":\"DEBUG\""),
        "nothing is logged"
    );
    for secret in [HA1, response] {
        let place = log.lines().find(|line| line.contains(secret));
        assert_eq!(place, None);
    }
}
