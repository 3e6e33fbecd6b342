//! A daemon of the test's own, and a client that speaks sylkRTC to it word by word.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sylk_gateway::config::Config;
use sylk_gateway::signaling::sylkrtc::http::Pages;
use sylk_gateway::supervisor::Gateway;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::phone::Phone;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The HA1 all test accounts use.
pub(crate) const HA1: &str = "28c574da4085a04bd7d59337d00ad418";

/// What Chromium offers, cut down to what matters.
pub(crate) const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0 126\r\nc=IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:126 telephone-event/8000\r\n";

/// A running daemon that sends all its SIP to a scripted peer.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) phone: Phone,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With further tables of configuration.
    pub(crate) async fn with(tables: &str) -> Self {
        Self::configured("[\"*\"]", "[]", tables).await
    }

    /// For accounts of these domains only.
    pub(crate) async fn of_domains(domains: &str) -> Self {
        Self::configured(domains, "[]", "").await
    }

    /// For pages of these hosts, too.
    pub(crate) async fn of_origins(origins: &str) -> Self {
        Self::configured("[\"*\"]", origins, "").await
    }

    async fn configured(domains: &str, origins: &str, tables: &str) -> Self {
        let phone = Phone::bind().await;
        let text = configuration_for(&phone, domains, origins, tables);
        let config = Config::parse(&text).expect("valid");
        let gateway = Gateway::start(config, Pages::None).await.expect("starts");
        Self { gateway, phone }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/webrtcgateway/ws", self.gateway.web_addresses()[0])
    }

    /// A client that has heard that the gateway is ready.
    pub(crate) async fn client(&self) -> Client {
        let (mut client, _) = self
            .connect(&[("sec-websocket-protocol", "sylkRTC-2")])
            .await
            .expect("connects");
        client.expect(&json!({"sylkrtc": "ready-event"})).await;
        client
    }

    /// A client whose account is alice.
    pub(crate) async fn alice(&self) -> Client {
        let mut client = self.client().await;
        client
            .ask_ok(
                json!({"sylkrtc": "account-add", "account": "alice@sylk.test", "password": HA1}),
            )
            .await;
        client
    }

    pub(crate) async fn connect(
        &self,
        headers: &[(&'static str, &str)],
    ) -> Result<(Client, http::Response<Option<Vec<u8>>>), Box<tungstenite::Error>> {
        Client::connect(&self.url(), headers).await
    }

    /// Waits until the daemon owns nothing but what it owns for good.
    pub(crate) async fn at_rest(&self) {
        let rest = async {
            while !self.gateway.snapshot().is_at_rest() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(4 * PATIENCE, rest).await;
        assert!(in_time.is_ok(), "left: {:?}", self.gateway.snapshot());
    }
}

/// One WebSocket of a page.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    asked: u32,
}

/// A daemon that sends all its SIP to `phone`, with further tables of configuration.
pub(crate) fn configuration(phone: &Phone, tables: &str) -> String {
    configuration_for(phone, "[\"*\"]", "[]", tables)
}

fn configuration_for(phone: &Phone, domains: &str, origins: &str, tables: &str) -> String {
    let (first, last) = phone.media_ports();
    format!(
        "[[web.listen]]\naddress = \"127.0.0.1:0\"\n\
         [web]\norigins = {origins}\n\
         [sip]\noutbound_proxy = \"sip:{};lr\"\ndomains = {domains}\n\
         [[sip.listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:0\"\n\
         [media]\nallow_loopback = true\n\
         [media.browser]\naddress = \"127.0.0.1\"\nport = 0\n\
         [media.phone]\naddress = \"127.0.0.1\"\nports = [{first}, {last}]\n{tables}",
        phone.address(),
    )
}

impl Client {
    pub(crate) async fn connect(
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Self, http::Response<Option<Vec<u8>>>), Box<tungstenite::Error>> {
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, value.parse().expect("a value"));
        }
        let (socket, response) = connect_async(request).await?;
        Ok((Self { socket, asked: 0 }, response))
    }

    /// Sends a request and gives its transaction.
    pub(crate) async fn ask(&mut self, mut request: Value) -> String {
        self.asked += 1;
        let transaction = format!("transaction-{}", self.asked);
        request["transaction"] = json!(transaction);
        self.send(request.to_string()).await;
        transaction
    }

    /// Sends a request whose very next answer must be its ack.
    pub(crate) async fn ask_ok(&mut self, request: Value) {
        let transaction = self.ask(request).await;
        self.expect(&json!({"sylkrtc": "ack", "transaction": transaction}))
            .await;
    }

    /// Sends a request whose very next answer must be this error.
    pub(crate) async fn ask_error(&mut self, request: Value, error: &str) {
        let transaction = self.ask(request).await;
        let answer = self.hear().await;
        assert_eq!(answer["sylkrtc"], "error", "{answer}");
        assert_eq!(answer["transaction"], transaction.as_str(), "{answer}");
        assert_eq!(answer["error"], error, "{answer}");
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.send_frame(Message::text(text.into())).await;
    }

    pub(crate) async fn send_frame(&mut self, frame: Message) {
        self.socket.send(frame).await.expect("sent");
    }

    /// The next message, which must be this one.
    pub(crate) async fn expect(&mut self, expected: &Value) {
        assert_eq!(self.hear().await, *expected);
    }

    /// The next message, which must be this state of this session.
    pub(crate) async fn expect_state(&mut self, session: &str, state: &str) -> Value {
        let event = self.hear().await;
        assert_eq!(event["sylkrtc"], "session-event", "{event}");
        assert_eq!(
            (&event["session"], &event["state"]),
            (&json!(session), &json!(state)),
            "{event}"
        );
        event
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Value {
        match self.frame().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// The close frame, which must come next.
    pub(crate) async fn closed(&mut self) -> CloseFrame {
        match self.frame().await {
            Some(Message::Close(Some(frame))) => frame,
            other => panic!("not closed: {other:?}"),
        }
    }

    async fn frame(&mut self) -> Option<Message> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match next.expect("something comes in time") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(frame)) => return Some(frame),
                Some(Err(error)) => panic!("{error}"),
                None => return None,
            }
        }
    }
}
