//! One page's signalling: a sylkRTC-2 client on a WebSocket.
//!
//! Speaks as a page does: waits for the ready event, adds an account, creates a session with
//! an offer, trickles, and hangs up. It does not register: calls need no registration.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const STEP_LIMIT: Duration = Duration::from_secs(10);
/// An account that is never asked for its password.
const ANY_HA1: &str = "0123456789abcdef0123456789abcdef";

/// Why signalling did not go on.
#[derive(Debug)]
pub enum SignallingError {
    /// The WebSocket.
    Socket(Box<tungstenite::Error>),
    /// The gateway has closed it.
    Closed,
    /// The gateway has not answered in time.
    Timeout,
    /// The gateway has answered `error`, with this text.
    Refused(String),
    /// The session has ended, for this reason.
    Terminated(String),
    /// The gateway has said something a page could not understand.
    Misunderstood(String),
}

impl fmt::Display for SignallingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => write!(f, "WebSocket: {error}"),
            Self::Closed => f.write_str("the gateway has closed the WebSocket"),
            Self::Timeout => f.write_str("the gateway does not answer"),
            Self::Refused(text) => write!(f, "refused: {text}"),
            Self::Terminated(reason) => write!(f, "terminated: {reason}"),
            Self::Misunderstood(text) => write!(f, "not understood: {text}"),
        }
    }
}

impl std::error::Error for SignallingError {}

impl From<tungstenite::Error> for SignallingError {
    fn from(error: tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}

/// A call to be made.
#[derive(Debug)]
pub struct Call<'a> {
    /// Who is called.
    pub uri: &'a str,
    /// Our offer.
    pub offer: &'a str,
    /// Our candidate.
    pub candidate: &'a str,
    /// Our socket, of which the candidate tells too.
    pub address: SocketAddr,
}

/// A page with one account.
#[derive(Debug)]
pub struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    account: String,
    session: String,
    requests: u64,
}

impl Page {
    /// Connects, waits until the gateway is ready, and adds the account. `session` names the
    /// session of its call.
    ///
    /// # Errors
    /// When one of these fails.
    pub async fn open(
        url: &str,
        account: String,
        session: String,
    ) -> Result<Self, SignallingError> {
        let mut request = url.into_client_request()?;
        request.headers_mut().insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static("sylkRTC-2"),
        );
        let deadline = Instant::now() + STEP_LIMIT;
        let connected = timeout_at(deadline, connect_async(request)).await;
        let (socket, _response) = connected.map_err(|_| SignallingError::Timeout)??;
        let mut page = Self {
            socket,
            account,
            session,
            requests: 0,
        };
        let ready = page.next(deadline).await?;
        if ready["sylkrtc"] != "ready-event" {
            return Err(SignallingError::Misunderstood(ready.to_string()));
        }
        let add = json!({
            "sylkrtc": "account-add",
            "account": page.account,
            "password": ANY_HA1,
            "user_agent": "load",
        });
        let transaction = page.request(add).await?;
        // As pages do every few seconds; who does so takes SDP before the phone has answered.
        page.request(json!({"sylkrtc": "ping"})).await?;
        loop {
            let message = page.next(deadline).await?;
            if answers(&message, &transaction)? {
                return Ok(page);
            }
        }
    }

    /// Creates the session and returns the answer's SDP.
    ///
    /// # Errors
    /// When the call is refused or ends instead.
    pub async fn call(&mut self, call: &Call<'_>) -> Result<String, SignallingError> {
        let create = json!({
            "sylkrtc": "session-create",
            "account": self.account,
            "session": self.session,
            "uri": call.uri,
            "sdp": call.offer,
        });
        let create = self.request(create).await?;
        let candidate = json!([{
            "candidate": call.candidate, "sdpMid": "0", "sdpMLineIndex": 0,
        }]);
        for candidates in [candidate, json!([])] {
            let trickle = json!({
                "sylkrtc": "session-trickle",
                "session": self.session,
                "candidates": candidates,
            });
            self.request(trickle).await?;
        }
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            let message = self.next(deadline).await?;
            answers(&message, &create)?;
            if let Some(sdp) = self.state(&message)?.and_then(|_| message["sdp"].as_str()) {
                return Ok(sdp.to_owned());
            }
        }
    }

    /// Answers the gateway's pings until something happens to the session.
    ///
    /// # Errors
    /// When the session ends, or the connection.
    pub async fn stay(&mut self) -> SignallingError {
        loop {
            let message = match receive(&mut self.socket).await {
                Ok(message) => message,
                Err(error) => return error,
            };
            if let Err(error) = self.state(&message) {
                return error;
            }
        }
    }

    /// Hangs up, waits until the session has ended, and closes the WebSocket.
    ///
    /// # Errors
    /// When the gateway does not follow.
    pub async fn hang_up(mut self) -> Result<(), SignallingError> {
        let terminate = json!({
            "sylkrtc": "session-terminate",
            "session": self.session,
        });
        self.request(terminate).await?;
        let deadline = Instant::now() + STEP_LIMIT;
        loop {
            let message = self.next(deadline).await?;
            match self.state(&message) {
                Ok(_) => {}
                Err(SignallingError::Terminated(_)) => break,
                Err(error) => return Err(error),
            }
        }
        self.socket.close(None).await?;
        while let Ok(Some(Ok(_))) = timeout_at(deadline, self.socket.next()).await {}
        Ok(())
    }

    async fn request(&mut self, mut request: Value) -> Result<String, SignallingError> {
        self.requests += 1;
        let transaction = format!("{}-{}", self.session, self.requests);
        request["transaction"] = Value::from(transaction.as_str());
        let text = Message::text(request.to_string());
        self.socket.send(text).await?;
        Ok(transaction)
    }

    async fn next(&mut self, deadline: Instant) -> Result<Value, SignallingError> {
        match timeout_at(deadline, receive(&mut self.socket)).await {
            Ok(message) => message,
            Err(_) => Err(SignallingError::Timeout),
        }
    }

    /// The state a message tells of our session, if it does.
    fn state<'a>(&self, message: &'a Value) -> Result<Option<&'a str>, SignallingError> {
        if message["sylkrtc"] != "session-event" || message["session"] != self.session.as_str() {
            return Ok(None);
        }
        match message["state"].as_str() {
            Some("terminated") => {
                let reason = message["reason"].as_str().unwrap_or("no reason given");
                Err(SignallingError::Terminated(reason.to_owned()))
            }
            state => Ok(state),
        }
    }
}

/// Whether a message is the good answer to a request of ours.
fn answers(message: &Value, transaction: &str) -> Result<bool, SignallingError> {
    if message["transaction"] != transaction {
        return Ok(false);
    }
    match message["sylkrtc"].as_str() {
        Some("ack") => Ok(true),
        Some("error") => {
            let text = message["error"].as_str().unwrap_or("no text given");
            Err(SignallingError::Refused(text.to_owned()))
        }
        Some(_) | None => Err(SignallingError::Misunderstood(message.to_string())),
    }
}

/// The next text; pings are answered by the library while it is waited for.
pub(crate) async fn receive(
    socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>,
) -> Result<Value, SignallingError> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                return serde_json::from_str(&text)
                    .map_err(|_| SignallingError::Misunderstood(text.to_string()));
            }
            Some(Ok(Message::Close(_))) | None => return Err(SignallingError::Closed),
            Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
            )) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
}
