//! One layer on virtual time, with the test as its peer and its user agent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::super::*;
use crate::message::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use crate::transport::{TransmitFailure, Transport, TransportError};

pub(super) const US: &str = "192.0.2.1:5060";
pub(super) const PEER: &str = "198.51.100.7:5060";

/// A layer, its clock, and what it has said since it was last asked.
pub(super) struct Bench {
    pub(super) layer: Layer,
    pub(super) now: Instant,
    start: Instant,
    sent: Vec<Sent>,
    events: Vec<TransactionEvent>,
}

/// Something sent, and when.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Duration,
    pub(super) transmit: Transmit,
}

impl Sent {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.transmit.bytes.to_vec()).unwrap()
    }

    pub(super) fn message(&self) -> Message {
        Message::parse_datagram(&self.transmit.bytes).unwrap()
    }

    pub(super) fn request(&self) -> Request {
        match self.message() {
            Message::Request(request) => request,
            Message::Response(response) => panic!("a response: {response:?}"),
        }
    }

    pub(super) fn response(&self) -> Response {
        match self.message() {
            Message::Response(response) => response,
            Message::Request(request) => panic!("a request: {request:?}"),
        }
    }

    pub(super) fn to(&self) -> &Destination {
        &self.transmit.destination
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut LayerConfig)) -> Self {
        let mut local = LocalAddresses::new();
        local
            .advertise(Transport::Udp, addr(US))
            .advertise(Transport::Tcp, addr(US))
            .advertise(Transport::Tls, addr("192.0.2.1:5061"));
        let mut config = LayerConfig::new(local);
        change(&mut config);
        let start = epoch();
        Self {
            layer: Layer::new(config, [3; 32]),
            now: start,
            start,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Runs every timer up to `ms` after the start.
    pub(super) fn run_to(&mut self, ms: u64) {
        let end = self.start + Duration::from_millis(ms);
        self.drain();
        while let Some(at) = self.layer.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.layer.handle_timeout(self.now);
            self.drain();
        }
        self.now = end.max(self.now);
    }

    pub(super) fn send(&mut self, request: Request, to: &[Destination]) -> ClientTransactionId {
        let route = Route::Fixed(to.to_vec());
        let id = self
            .layer
            .send_request(request, None, route, self.now)
            .unwrap();
        self.drain();
        id
    }

    pub(super) fn receive(&mut self, message: impl Into<Message>, source: Source) {
        self.layer.handle_message(message.into(), source, self.now);
        self.drain();
    }

    /// The peer answers a request that we sent to it.
    pub(super) fn answer(&mut self, request: &Sent, code: u16) {
        let response = response_to(&request.request(), code);
        let source = back_from(request.to());
        self.receive(response, source);
    }

    pub(super) fn respond(
        &mut self,
        id: ServerTransactionId,
        request: &Request,
        code: u16,
    ) -> Result<(), TooLate> {
        let response = response_to(request, code);
        let result = self.layer.respond(id, response, self.now);
        self.drain();
        result
    }

    pub(super) fn cancel(&mut self, id: ClientTransactionId) {
        let mut extra = Headers::new();
        extra.push(
            HeaderName::Reason,
            HeaderValue::from_static("SIP;cause=200"),
        );
        self.layer.cancel(id, extra, self.now);
        self.drain();
    }

    pub(super) fn fail(&mut self, sent: &Sent, why: TransportError) {
        let token = sent.transmit.token.expect("somebody cares");
        let failure = TransmitFailure { token, why };
        self.layer.handle_transport_failure(failure, self.now);
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        while let Some(transmit) = self.layer.poll_transmit() {
            let at = self.now - self.start;
            self.sent.push(Sent { at, transmit });
        }
        while let Some(event) = self.layer.poll_event() {
            self.events.push(event);
        }
    }

    /// Everything sent since this was last asked.
    pub(super) fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    pub(super) fn sent_one(&mut self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "one message: {sent:?}");
        sent.remove(0)
    }

    /// When things were sent since this was last asked, in milliseconds.
    pub(super) fn times(&mut self) -> Vec<u128> {
        self.sent().iter().map(|sent| sent.at.as_millis()).collect()
    }

    pub(super) fn events(&mut self) -> Vec<TransactionEvent> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn event(&mut self) -> TransactionEvent {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "one event: {events:?}");
        events.remove(0)
    }

    /// Status codes passed up since this was last asked; other events are not expected.
    pub(super) fn statuses(&mut self) -> Vec<u16> {
        self.events()
            .into_iter()
            .map(|event| match event {
                TransactionEvent::Response { response, .. } => response.status.code(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// The one request passed up.
    pub(super) fn incoming(&mut self) -> (ServerTransactionId, Request) {
        match self.event() {
            TransactionEvent::Request { id, request, .. } => (id, request),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn assert_failed(&mut self, id: ClientTransactionId, why: Failure) {
        match self.event() {
            TransactionEvent::Failed {
                id: failed,
                why: given,
            } => assert_eq!((failed, given), (id, why)),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn assert_client_terminated(&mut self, id: ClientTransactionId) {
        match self.event() {
            TransactionEvent::ClientTerminated { id: ended } => assert_eq!(ended, id),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn assert_server_terminated(&mut self, id: ServerTransactionId, why: ServerEnd) {
        match self.event() {
            TransactionEvent::ServerTerminated {
                id: ended,
                why: given,
            } => assert_eq!((ended, given), (id, why)),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn assert_silent(&mut self) {
        assert!(self.sent.is_empty(), "{:?}", self.sent);
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    pub(super) fn assert_empty(&self) {
        assert_eq!(self.layer.counts(), LayerCounts::default());
        assert_eq!(self.layer.poll_timeout(), None);
    }
}

/// A request without Via, as the user agent makes it.
pub(super) fn request(method: Method) -> Request {
    let mut request = Request::new(method.clone(), Uri::parse("sip:bob@example.com").unwrap());
    let mut put = |name, value: &str| {
        request.headers.push(name, HeaderValue::new(value).unwrap());
    };
    put(HeaderName::MaxForwards, "70");
    put(HeaderName::Route, "<sip:proxy.example.com;lr>");
    put(HeaderName::From, "<sip:alice@example.org>;tag=a1");
    put(HeaderName::To, "<sip:bob@example.com>");
    put(HeaderName::CallId, "call-1@example.org");
    put(HeaderName::CSeq, &format!("7 {method}"));
    request
}

pub(super) fn invite() -> Request {
    request(Method::Invite)
}

pub(super) fn options() -> Request {
    request(Method::Options)
}

/// A request of a peer, with its Via.
pub(super) fn peer_request(method: Method, via: &str) -> Request {
    let mut request = request(method);
    request.headers.remove(&HeaderName::Route);
    request
        .headers
        .push_front(HeaderName::Via, HeaderValue::new(via).unwrap());
    request
}

pub(super) const PEER_VIA: &str = "SIP/2.0/UDP 198.51.100.7:5060;rport;branch=z9hG4bKpeer1";
pub(super) const PEER_VIA_TCP: &str = "SIP/2.0/TCP 198.51.100.7:5060;branch=z9hG4bKpeer1";

pub(super) fn peer_invite() -> Request {
    peer_request(Method::Invite, PEER_VIA)
}

/// A response with a To tag of its own.
pub(super) fn response_to(request: &Request, code: u16) -> Response {
    let mut response = request.reply(StatusCode::new(code).unwrap());
    if code > 100 {
        let mut to = response.headers.to().unwrap();
        if to.tag().is_none() {
            to.set_tag("b2").unwrap();
        }
        response.headers.set(HeaderName::To, to);
    }
    response
}

pub(super) fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    response
        .headers
        .push(name, HeaderValue::new(value).unwrap());
    response
}

/// Where an answer from `destination` comes from.
pub(super) fn back_from(destination: &Destination) -> Source {
    Source {
        transport: destination.transport,
        local: addr(US),
        remote: destination.addr,
        flow: destination.flow,
    }
}

pub(super) fn from_peer() -> Source {
    back_from(&udp_peer())
}

pub(super) fn from_peer_by_tcp() -> Source {
    Source {
        flow: Some(FlowId(9)),
        ..back_from(&tcp_peer())
    }
}

pub(super) fn udp_peer() -> Destination {
    Destination::udp(addr(PEER))
}

pub(super) fn tcp_peer() -> Destination {
    Destination::tcp(addr(PEER))
}

pub(super) fn server(number: u8) -> Destination {
    Destination::udp(SocketAddr::from(([203, 0, 113, number], 5060)))
}

pub(super) fn branch(request: &Request) -> String {
    request
        .headers
        .via()
        .unwrap()
        .branch()
        .unwrap()
        .into_owned()
}

pub(super) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "an arbitrary origin of virtual time"
)]
pub(super) fn epoch() -> Instant {
    Instant::now()
}
