//! Opening a WebSocket (sylkrtc.md section 1; field.md W2).

use http::StatusCode;
use tokio_tungstenite::tungstenite::Error;

use crate::client::Stage;

#[tokio::test]
async fn the_chosen_subprotocol_is_echoed_and_the_server_named() {
    let stage = Stage::new().await;
    for (offered, chosen) in [
        ("sylkRTC-1", "sylkRTC-1"),
        ("sylkRTC-2", "sylkRTC-2"),
        ("sylkRTC-1, sylkRTC-2", "sylkRTC-2"),
        ("soap, sylkRTC-1", "sylkRTC-1"),
    ] {
        let connected = stage.connect(&[("sec-websocket-protocol", offered)]).await;
        let (_client, response) = connected.expect("connects");
        assert_eq!(response.headers()["sec-websocket-protocol"], chosen);
        let server = response.headers()["server"].to_str().expect("text");
        assert!(server.starts_with("sylk-gateway/"), "{server}");
    }
}

#[tokio::test]
async fn without_a_known_subprotocol_the_answer_is_406() {
    let stage = Stage::new().await;
    let (status, text) = refused(&stage, &[("sec-websocket-protocol", "sylkRTC-3")]).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(text, "No compatible protocol specified");
    let (status, _) = refused(&stage, &[]).await;
    assert_eq!(status, StatusCode::NOT_ACCEPTABLE);
}

#[tokio::test]
async fn a_foreign_page_is_refused_with_403_and_the_reason() {
    let stage = Stage::new().await;
    let headers = [
        ("sec-websocket-protocol", "sylkRTC-2"),
        ("origin", "https://evil.test"),
    ];
    let (status, text) = refused(&stage, &headers).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(
        text,
        "WebSocket connection denied: origin 'https://evil.test' not allowed"
    );
}

#[tokio::test]
async fn a_page_of_the_own_host_and_a_listed_one_are_admitted() {
    let stage = Stage::of_origins("[\"https://phone.test\"]").await;
    let own = format!("http://{}", stage.gateway.web_addresses()[0]);
    for origin in [own.as_str(), "https://phone.test"] {
        let headers = [("sec-websocket-protocol", "sylkRTC-2"), ("origin", origin)];
        assert!(stage.connect(&headers).await.is_ok(), "{origin}");
    }
}

#[tokio::test]
async fn one_more_connection_than_allowed_is_refused_with_503() {
    let stage = Stage::with("[limits]\nconnections = 1\n").await;
    let first = stage.client().await;
    let (status, _) = refused(&stage, &[("sec-websocket-protocol", "sylkRTC-2")]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    drop(first);
    stage.at_rest().await;
    stage.client().await;
}

async fn refused(stage: &Stage, headers: &[(&'static str, &str)]) -> (StatusCode, String) {
    let error = match stage.connect(headers).await {
        Ok(_) => panic!("admitted"),
        Err(error) => *error,
    };
    let Error::Http(response) = error else {
        panic!("{error}");
    };
    let body = response.body().clone().unwrap_or_default();
    (response.status(), String::from_utf8(body).expect("text"))
}
