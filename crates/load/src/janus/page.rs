//! One page of Janus's SIP plug-in: a WebSocket, a session, a handle, and a guest that calls.
//!
//! A guest account registers nowhere and may call, as our own accounts do that are only added.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::signalling::{Call, SignallingError, receive};

const STEP_LIMIT: Duration = Duration::from_secs(20);

/// A page with a guest account.
#[derive(Debug)]
pub struct JanusPage {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: u64,
    handle: u64,
    requests: u64,
}

impl JanusPage {
    /// Connects, attaches to the plug-in, and says who we are.
    ///
    /// # Errors
    /// When one of these fails.
    pub async fn open(url: &str, account: &str) -> Result<Self, SignallingError> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static("janus-protocol"),
        );
        let deadline = Instant::now() + STEP_LIMIT;
        let connected = timeout_at(deadline, connect_async(request)).await;
        let (socket, _response) = connected.map_err(|_| SignallingError::Timeout)??;
        let mut page = Self {
            socket,
            session: 0,
            handle: 0,
            requests: 0,
        };
        page.request(json!({"janus": "create"})).await?;
        page.session = page.identifier(deadline).await?;
        let attach = json!({"janus": "attach", "plugin": "janus.plugin.sip"});
        page.request(attach).await?;
        page.handle = page.identifier(deadline).await?;
        let register = json!({
            "request": "register", "type": "guest", "username": format!("sip:{account}"),
        });
        page.request(json!({"janus": "message", "body": register}))
            .await?;
        page.until("registered", deadline).await?;
        Ok(page)
    }

    /// Calls and returns the answer's SDP.
    ///
    /// # Errors
    /// When the call is refused or ends instead.
    pub async fn call(&mut self, call: &Call<'_>) -> Result<String, SignallingError> {
        let uri = format!("sip:{}", call.uri);
        self.request(json!({
            "janus": "message",
            "body": {"request": "call", "uri": uri},
            "jsep": {"type": "offer", "sdp": call.offer},
        }))
        .await?;
        let candidate = json!({"candidate": call.candidate, "sdpMid": "0", "sdpMLineIndex": 0});
        for candidate in [candidate, json!({"completed": true})] {
            self.request(json!({"janus": "trickle", "candidate": candidate}))
                .await?;
        }
        let deadline = Instant::now() + STEP_LIMIT;
        let accepted = self.until("accepted", deadline).await?;
        match accepted["jsep"]["sdp"].as_str() {
            Some(sdp) => Ok(sdp.to_owned()),
            None => Err(SignallingError::Misunderstood(accepted.to_string())),
        }
    }

    /// Waits until the call or the connection ends.
    pub async fn stay(&mut self) -> SignallingError {
        loop {
            match receive(&mut self.socket).await {
                Ok(message) => {
                    if let Err(error) = event(&message) {
                        return error;
                    }
                }
                Err(error) => return error,
            }
        }
    }

    /// Hangs up, waits until the call has ended, and leaves.
    ///
    /// # Errors
    /// When Janus does not follow.
    pub async fn hang_up(mut self) -> Result<(), SignallingError> {
        self.request(json!({"janus": "message", "body": {"request": "hangup"}}))
            .await?;
        let deadline = Instant::now() + STEP_LIMIT;
        match self.until("hangup", deadline).await {
            Ok(_) | Err(SignallingError::Terminated(_)) => {}
            Err(error) => return Err(error),
        }
        self.request(json!({"janus": "destroy"})).await?;
        self.socket.close(None).await?;
        while let Ok(Some(Ok(_))) = timeout_at(deadline, self.socket.next()).await {}
        Ok(())
    }

    async fn request(&mut self, mut request: Value) -> Result<(), SignallingError> {
        self.requests += 1;
        request["transaction"] = Value::from(self.requests.to_string());
        if self.session != 0 {
            request["session_id"] = Value::from(self.session);
        }
        if self.handle != 0 && request["janus"] != "destroy" {
            request["handle_id"] = Value::from(self.handle);
        }
        let text = Message::text(request.to_string());
        self.socket.send(text).await?;
        Ok(())
    }

    /// The identifier that the answer to the last request gives.
    async fn identifier(&mut self, deadline: Instant) -> Result<u64, SignallingError> {
        let answer = self.next(deadline).await?;
        let identifier = answer["data"]["id"].as_u64();
        identifier.ok_or_else(|| SignallingError::Refused(answer.to_string()))
    }

    /// Waits for this event of the plug-in.
    async fn until(&mut self, name: &str, deadline: Instant) -> Result<Value, SignallingError> {
        loop {
            let message = self.next(deadline).await?;
            if event(&message)? == Some(name) {
                return Ok(message);
            }
        }
    }

    async fn next(&mut self, deadline: Instant) -> Result<Value, SignallingError> {
        match timeout_at(deadline, receive(&mut self.socket)).await {
            Ok(message) => message,
            Err(_) => Err(SignallingError::Timeout),
        }
    }
}

/// The plug-in's event in a message, if it is one.
fn event(message: &Value) -> Result<Option<&str>, SignallingError> {
    if message["janus"] == "error" {
        return Err(SignallingError::Refused(message["error"].to_string()));
    }
    let data = &message["plugindata"]["data"];
    if let Some(error) = data["error"].as_str() {
        return Err(SignallingError::Refused(error.to_owned()));
    }
    match data["result"]["event"].as_str() {
        Some("hangup") => Err(SignallingError::Terminated(data["result"].to_string())),
        event => Ok(event),
    }
}
