//! A SIP peer on a UDP socket that says what the test tells it to say.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::UdpSocket;

use crate::client::PATIENCE;

/// A phone's answer or offer.
pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n\
    t=0 0\r\nm=audio 31999 RTP/AVP 0\r\na=sendrecv\r\n";

/// Ranges of media ports, one per test, below the ephemeral ports.
static NEXT_MEDIA: AtomicU16 = AtomicU16::new(0);

pub(crate) struct Phone {
    socket: UdpSocket,
    media: u16,
}

/// A request the phone has received.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) text: String,
    pub(crate) from: SocketAddr,
}

impl Phone {
    pub(crate) async fn bind() -> Self {
        let range = NEXT_MEDIA.fetch_add(1, Ordering::Relaxed);
        // Processes of the same test binary on one machine get different ranges most of the time.
        let spread = u16::try_from(std::process::id() % 20).expect("small") * 400;
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.expect("bound"),
            media: 22000 + spread + range * 10,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    pub(crate) fn media_ports(&self) -> (u16, u16) {
        (self.media, self.media + 9)
    }

    /// The next request of this method; others, such as repeats, are passed over.
    pub(crate) async fn expect(&self, method: &str) -> Request {
        let mut heard = Vec::new();
        let wanted = async {
            loop {
                let (text, from) = self.receive().await;
                if text.starts_with(&format!("{method} ")) {
                    return Request { text, from };
                }
                heard.push(text.lines().next().unwrap_or_default().to_owned());
            }
        };
        let found = tokio::time::timeout(PATIENCE, wanted).await;
        found.unwrap_or_else(|_| panic!("no {method} came, but {heard:?}"))
    }

    /// The next response with this status to a request of the phone.
    pub(crate) async fn expect_status(&self, status: u16) -> String {
        let wanted = async {
            loop {
                let (text, _) = self.receive().await;
                if text.starts_with(&format!("SIP/2.0 {status} ")) {
                    return text;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, wanted).await;
        found.unwrap_or_else(|_| panic!("no {status} came"))
    }

    /// Answers a REGISTER with 200 and gives it.
    pub(crate) async fn registers(&self) -> Request {
        let register = self.expect("REGISTER").await;
        let contact = register.header("Contact");
        self.answer(
            &register,
            "200 OK",
            &format!("Contact: {contact};expires=600\r\n"),
            "",
        )
        .await;
        register
    }

    pub(crate) async fn answer(&self, request: &Request, status: &str, headers: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for line in request.lines("Via") {
            text += &format!("Via: {line}\r\n");
        }
        let to = request.header("To");
        let tag = if to.contains(";tag=") {
            ""
        } else {
            ";tag=phone"
        };
        text += &format!(
            "From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{headers}",
            request.header("From"),
            request.header("Call-ID"),
            request.header("CSeq"),
        );
        if !body.is_empty() {
            text += &format!(
                "Contact: <sip:phone@{}>\r\nContent-Type: application/sdp\r\n",
                self.address()
            );
        }
        text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.send(&text, request.from).await;
    }

    /// Calls the Contact that a REGISTER named.
    pub(crate) async fn invite(&self, register: &Request, call_id: &str) -> Request {
        let text = self.request("INVITE", register, call_id, SDP);
        self.send(&text, register.from).await;
        Request {
            text,
            from: register.from,
        }
    }

    /// Gives up a call that is not answered yet.
    pub(crate) async fn cancel(&self, register: &Request, call_id: &str) {
        let text = self.request("CANCEL", register, call_id, "");
        self.send(&text, register.from).await;
    }

    fn request(&self, method: &str, register: &Request, call_id: &str, body: &str) -> String {
        let contact = register.header("Contact");
        let uri = contact.split(['<', '>']).nth(1).expect("a URI");
        let here = self.address();
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{call_id};rport\r\n\
             Max-Forwards: 70\r\nFrom: \"Bob\" <sip:bob@sylk.test>;tag=bob\r\n\
             To: <sip:alice@sylk.test>\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:bob@{here}>\r\n{content}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    async fn receive(&self) -> (String, SocketAddr) {
        let mut buffer = [0; 65536];
        let (length, from) = self.socket.recv_from(&mut buffer).await.expect("received");
        (
            String::from_utf8_lossy(&buffer[..length]).into_owned(),
            from,
        )
    }

    async fn send(&self, text: &str, to: SocketAddr) {
        self.socket
            .send_to(text.as_bytes(), to)
            .await
            .expect("sent");
    }
}

impl Request {
    /// The value of a header, as it stands on the line.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.lines(name)
            .next()
            .unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }

    fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let start = format!("{name}: ");
        self.text
            .split("\r\n")
            .filter_map(move |line| line.strip_prefix(&start))
    }
}
