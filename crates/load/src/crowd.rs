//! Pages without media: many accounts on one WebSocket, and calls that end as soon as they are
//! answered. sylkRTC-2, as a page speaks it.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::script::{DOMAIN, HA1};
use crate::signalling::{SignallingError, receive};

/// For one step of one account or call.
const STEP_LIMIT: Duration = Duration::from_secs(40);

/// One WebSocket.
#[derive(Debug)]
pub struct Crowd {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    requests: u64,
}

/// What the gateway tells, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Registered,
    NotRegistered(String),
    Accepted,
    Terminated(String),
    Refused(String),
    Other,
}

impl Crowd {
    /// Connects and waits until the gateway is ready.
    ///
    /// # Errors
    /// When it is not.
    pub async fn open(url: &str) -> Result<Self, SignallingError> {
        let mut request = url.into_client_request()?;
        let protocol = HeaderValue::from_static("sylkRTC-2");
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", protocol);
        let (socket, _response) = connect_async(request).await?;
        let mut crowd = Self {
            socket,
            requests: 0,
        };
        crowd.next().await?;
        Ok(crowd)
    }

    /// Adds these accounts and registers them, at most `window` at a time and not before each
    /// one's turn. Says how many came up, and why others did not.
    ///
    /// # Errors
    /// When the connection fails, or nothing happens for long.
    pub async fn register(
        &mut self,
        accounts: &[(String, Instant)],
        window: usize,
    ) -> Result<(usize, Vec<String>), SignallingError> {
        let (mut up, mut failures) = (0, Vec::new());
        let mut waiting = accounts.iter();
        let mut next = waiting.next();
        while up + failures.len() < accounts.len() {
            let sent = accounts.len() - waiting.len() - usize::from(next.is_some());
            let may_send = sent - up - failures.len() < window;
            let deadline = Instant::now() + STEP_LIMIT;
            tokio::select! {
                () = turn(next), if may_send => {
                    if let Some((account, _)) = next {
                        self.add(account).await?;
                        self.ask(json!({"sylkrtc": "account-register", "account": account})).await?;
                    }
                    next = waiting.next();
                }
                received = timeout_at(deadline, receive(&mut self.socket)) => {
                    match news(&received.map_err(|_| SignallingError::Timeout)??) {
                        News::Registered => up += 1,
                        News::NotRegistered(why) | News::Refused(why) => failures.push(why),
                        News::Accepted | News::Terminated(_) | News::Other => {}
                    }
                }
            }
        }
        Ok((up, failures))
    }

    /// Adds one account, without registering it.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn add(&mut self, account: &str) -> Result<(), SignallingError> {
        let add = json!({
            "sylkrtc": "account-add",
            "account": account,
            "password": HA1,
            "user_agent": "load",
        });
        self.ask(add).await
    }

    /// Calls, hangs up as soon as the call is answered, and waits for its end. Says when the
    /// request left.
    ///
    /// # Errors
    /// When the call takes another way.
    pub async fn call(
        &mut self,
        account: &str,
        number: u32,
        offer: &str,
    ) -> Result<Instant, SignallingError> {
        let session = format!("s{number}");
        let create = json!({
            "sylkrtc": "session-create",
            "account": account,
            "session": session,
            "uri": format!("c{number}@{DOMAIN}"),
            "sdp": offer,
        });
        let left = Instant::now();
        self.ask(create).await?;
        self.until(&News::Accepted).await?;
        self.ask(json!({"sylkrtc": "session-terminate", "session": session}))
            .await?;
        loop {
            match news(&self.next().await?) {
                News::Terminated(_) => return Ok(left),
                News::Refused(why) => return Err(SignallingError::Refused(why)),
                News::Registered | News::NotRegistered(_) | News::Accepted | News::Other => {}
            }
        }
    }

    /// Answers the gateway's pings until it closes the connection.
    pub async fn stay(&mut self) -> SignallingError {
        loop {
            if let Err(error) = receive(&mut self.socket).await {
                return error;
            }
        }
    }

    async fn until(&mut self, wanted: &News) -> Result<(), SignallingError> {
        loop {
            match news(&self.next().await?) {
                found if found == *wanted => return Ok(()),
                News::Refused(why) => return Err(SignallingError::Refused(why)),
                News::Terminated(why) => return Err(SignallingError::Terminated(why)),
                News::Registered | News::NotRegistered(_) | News::Accepted | News::Other => {}
            }
        }
    }

    async fn ask(&mut self, mut request: Value) -> Result<(), SignallingError> {
        self.requests += 1;
        request["transaction"] = Value::from(self.requests.to_string());
        self.socket.send(Message::text(request.to_string())).await?;
        Ok(())
    }

    async fn next(&mut self) -> Result<Value, SignallingError> {
        timeout_at(Instant::now() + STEP_LIMIT, receive(&mut self.socket))
            .await
            .map_err(|_| SignallingError::Timeout)?
    }
}

async fn turn(next: Option<&(String, Instant)>) {
    match next {
        Some((_, at)) => sleep_until(*at).await,
        None => std::future::pending().await,
    }
}

fn news(message: &Value) -> News {
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    match (message["sylkrtc"].as_str(), message["state"].as_str()) {
        (Some("error"), _) => News::Refused(text("error")),
        (Some("account-event"), Some("registered")) => News::Registered,
        (Some("account-event"), Some("failed")) => News::NotRegistered(text("reason")),
        (Some("session-event"), Some("accepted")) => News::Accepted,
        (Some("session-event"), Some("terminated")) => News::Terminated(text("reason")),
        (_, _) => News::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_told_apart() {
        let registered = json!({"sylkrtc": "account-event", "account": "a@load.test",
            "event": "registration-state", "state": "registered"});
        assert_eq!(news(&registered), News::Registered);
        let refused = json!({"sylkrtc": "error", "transaction": "1", "error": "no"});
        assert_eq!(news(&refused), News::Refused("no".to_owned()));
        assert_eq!(news(&json!({"sylkrtc": "ack"})), News::Other);
    }
}
