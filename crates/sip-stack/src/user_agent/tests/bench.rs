//! One user agent on virtual time, and a peer that the test plays by hand.

mod script;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::account::{AccountConfig, AccountId, Ha1, SessionId};
use crate::command::Command;
use crate::event::{Event, RegistrationState, SessionEvent};
use crate::message::{HeaderName, Message, Method, Request, Response, Uri};
use crate::target::{ResolveError, Target};
use crate::transport::{Destination, FlowId, LocalAddresses, Source, Transport};
use crate::user_agent::{UserAgent, UserAgentConfig};

pub(super) use script::{Script, header, response_text, tag_of};

pub(super) const OURS: &str = "192.0.2.1:5060";
pub(super) const PROXY: &str = "192.0.2.10:5060";
/// Behind `PROXY` in `cluster.example`.
pub(super) const SECOND_PROXY: &str = "192.0.2.11:5060";
pub(super) const STRANGER: &str = "198.51.100.66:5060";
pub(super) const SDP: &str = "v=0\r\n";

pub(super) fn alice() -> AccountId {
    AccountId::new(1)
}

pub(super) fn call(number: u64) -> SessionId {
    SessionId::outgoing(number)
}

/// `alice@example.com` with the password `secret`, behind the proxy.
pub(super) fn account() -> AccountConfig {
    let ha1 = Ha1::compute("alice", "example.com", "secret");
    let instance = "00000000-0000-4000-8000-000000000001";
    AccountConfig {
        outbound_proxy: Some(Uri::parse(&format!("sip:{PROXY};lr")).unwrap()),
        ..AccountConfig::new("alice@example.com", ha1, instance)
    }
}

pub(super) struct Bench {
    pub(super) ua: UserAgent,
    pub(super) now: Instant,
    sent: VecDeque<(Message, Destination)>,
    events: VecDeque<Event>,
    branch: u32,
    lookups: usize,
}

impl Bench {
    /// With the account added.
    pub(super) fn new() -> Self {
        let mut bench = Self::empty(UserAgentConfig::default());
        bench.add(account());
        bench
    }

    pub(super) fn with(config: UserAgentConfig) -> Self {
        let mut bench = Self::empty(config);
        bench.add(account());
        bench
    }

    pub(super) fn empty(mut config: UserAgentConfig) -> Self {
        let mut local = LocalAddresses::new();
        local.advertise(Transport::Udp, addr(OURS));
        local.advertise(Transport::Tcp, addr(OURS));
        config.local = local;
        Self {
            ua: UserAgent::new(config, [7; 32]),
            now: epoch(),
            sent: VecDeque::new(),
            events: VecDeque::new(),
            branch: 0,
            lookups: 0,
        }
    }

    pub(super) fn add(&mut self, config: AccountConfig) {
        self.command(Command::AddAccount {
            account: alice(),
            config,
        });
    }

    /// Registered, and everything about it heard.
    pub(super) fn registered() -> Self {
        let mut bench = Self::new();
        bench.register();
        bench
    }

    pub(super) fn register(&mut self) {
        self.command(Command::Register { account: alice() });
        let register = self.request(Method::Register);
        let contact = header(&register.headers, &HeaderName::Contact);
        let expires = format!("Contact: {contact};expires=600");
        self.reply(&register, 200, &[&expires]);
        assert_eq!(
            self.registration_states(),
            [
                RegistrationState::Registering,
                RegistrationState::Registered { expires: 600 }
            ]
        );
    }

    pub(super) fn command(&mut self, command: Command) {
        self.ua.handle_command(command, self.now);
        self.drain();
    }

    pub(super) fn invite(&mut self, number: u64, target: &str) -> Request {
        self.command(Command::Invite {
            account: alice(),
            session: call(number),
            target: target.to_owned(),
            sdp: Some(Bytes::from(SDP)),
            headers: Vec::new(),
        });
        assert!(matches!(self.session_event(), SessionEvent::Sent { .. }));
        self.request(Method::Invite)
    }

    /// A connection ends.
    pub(super) fn close_flow(&mut self, flow: FlowId) {
        self.ua.handle_flow_closed(flow, self.now);
        self.drain();
    }

    /// Lets time pass, firing every timer on the way.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.ua.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.ua.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    /// Lets time pass until something is sent, but not longer than this.
    pub(super) fn pass_until_sent(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while self.sent.is_empty() {
            let next = self.ua.poll_timeout().expect("something is to happen");
            assert!(next <= end, "nothing was sent in {seconds} s");
            self.now = self.now.max(next);
            self.ua.handle_timeout(self.now);
            self.drain();
        }
    }

    pub(super) fn pass_seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// The next message we sent, which is a request of this method.
    pub(super) fn request(&mut self, method: Method) -> Request {
        self.request_to(method).0
    }

    pub(super) fn request_to(&mut self, method: Method) -> (Request, Destination) {
        match self.sent.pop_front() {
            Some((Message::Request(request), to)) if request.method == method => (request, to),
            other => panic!("expected {method}, not {other:?}"),
        }
    }

    /// The next message we sent, which is a response with this code.
    pub(super) fn response(&mut self, code: u16) -> Response {
        self.response_to(code).0
    }

    pub(super) fn response_to(&mut self, code: u16) -> (Response, Destination) {
        match self.sent.pop_front() {
            Some((Message::Response(response), to)) if response.status.code() == code => {
                (response, to)
            }
            other => panic!("expected {code}, not {other:?}"),
        }
    }

    pub(super) fn sent_nothing(&self) {
        assert!(self.sent.is_empty(), "unexpected: {:?}", self.sent);
    }

    /// How many messages were sent and not looked at.
    pub(super) fn count_pending(&self) -> usize {
        self.sent.len()
    }

    pub(super) fn forget_sent(&mut self) {
        self.sent.clear();
    }

    /// How many messages that satisfy this were sent; all are forgotten.
    pub(super) fn count_sent(&mut self, what: impl Fn(&Message) -> bool) -> usize {
        self.sent
            .drain(..)
            .filter(|(message, _)| what(message))
            .count()
    }

    pub(super) fn event(&mut self) -> Event {
        self.events.pop_front().expect("an event")
    }

    pub(super) fn no_event(&self) {
        assert!(self.events.is_empty(), "unexpected: {:?}", self.events);
    }

    pub(super) fn session_event(&mut self) -> SessionEvent {
        match self.event() {
            Event::Session { event, .. } => event,
            other => panic!("expected an event of a session, not {other:?}"),
        }
    }

    /// The next event, which ends a session: `"486 Busy Here"`.
    pub(super) fn ended(&mut self) -> String {
        match self.session_event() {
            SessionEvent::Ended { reason, .. } => reason.to_string(),
            other => panic!("expected Ended, not {other:?}"),
        }
    }

    pub(super) fn registration_states(&mut self) -> Vec<RegistrationState> {
        self.events
            .drain(..)
            .map(|event| match event {
                Event::Registration { state, .. } => state,
                other => panic!("expected a registration state, not {other:?}"),
            })
            .collect()
    }

    /// The proxy answers.
    pub(super) fn reply(&mut self, request: &Request, code: u16, headers: &[&str]) {
        self.reply_from(PROXY, request, code, headers);
    }

    /// Somebody answers.
    pub(super) fn reply_from(
        &mut self,
        from: &str,
        request: &Request,
        code: u16,
        headers: &[&str],
    ) {
        let text = response_text(request, code, "them", headers, "");
        self.receive(&text, from);
    }

    pub(super) fn reply_sdp(&mut self, request: &Request, code: u16, tag: &str, sdp: &str) {
        let contact = format!("Contact: <sip:{tag}@198.51.100.2>");
        let kind = "Content-Type: application/sdp";
        self.reply_tagged(request, code, tag, &[&contact, kind], sdp);
    }

    pub(super) fn reply_tagged(
        &mut self,
        request: &Request,
        code: u16,
        tag: &str,
        headers: &[&str],
        body: &str,
    ) {
        let text = response_text(request, code, tag, headers, body);
        self.receive(&text, PROXY);
    }

    /// A message arrives.
    pub(super) fn receive(&mut self, text: &str, from: &str) {
        self.receive_by(text, source(from));
    }

    /// A message arrives by this way.
    pub(super) fn receive_by(&mut self, text: &str, source: Source) {
        let message = Message::parse_datagram(text.as_bytes()).unwrap();
        self.receive_message(message, source);
    }

    pub(super) fn receive_message(&mut self, message: Message, source: Source) {
        self.ua.handle_message(message, source, self.now);
        self.drain();
    }

    pub(super) fn take_sent(&mut self) -> Vec<Message> {
        self.sent.drain(..).map(|(message, _)| message).collect()
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Somebody's request, with a new branch.
    pub(super) fn incoming(&mut self, script: &Script<'_>) -> String {
        self.branch += 1;
        let text = script.text(self.branch);
        self.receive(&text, script.from_addr);
        text
    }

    /// The Contact user of the account.
    pub(super) fn token(&self) -> String {
        self.ua.tokens.keys().next().unwrap().to_string()
    }

    /// An INVITE with an offer arrives; its session.
    pub(super) fn called(&mut self) -> SessionId {
        let token = self.token();
        self.incoming(&Script::invite(&token));
        match self.event() {
            Event::Incoming { session, .. } => session,
            other => panic!("expected Incoming, not {other:?}"),
        }
    }

    /// An incoming call that is answered and confirmed; its session and our tag.
    pub(super) fn called_and_answered(&mut self) -> (SessionId, String) {
        let session = self.called();
        self.accept(session);
        let ok = self.response(200);
        let tag = tag_of(&ok);
        let token = self.token();
        self.incoming(&Script::within("ACK", 1, &tag, &token));
        assert_eq!(self.session_event(), SessionEvent::Confirmed { sdp: None });
        self.forget_sent();
        (session, tag)
    }

    pub(super) fn accept(&mut self, session: SessionId) {
        self.command(Command::Accept {
            session,
            sdp: Bytes::from(SDP),
            headers: Vec::new(),
        });
    }

    /// An outgoing call that is answered; its INVITE.
    pub(super) fn answered(&mut self, number: u64) -> Request {
        let invite = self.invite(number, "bob@example.com");
        self.reply_sdp(&invite, 200, "them", SDP);
        self.request(Method::Ack);
        match self.session_event() {
            SessionEvent::Accepted { .. } => {}
            other => panic!("expected Accepted, not {other:?}"),
        }
        invite
    }

    pub(super) fn hang_up(&mut self, session: SessionId) {
        self.command(Command::HangUp {
            session,
            reason: None,
        });
    }

    /// Everything is over on the wire too.
    pub(super) fn is_empty_after(&mut self, seconds: u64) {
        self.command(Command::RemoveAccount { account: alice() });
        self.pass_seconds(seconds);
        assert!(self.ua.counts().is_zero(), "{:?}", self.ua.counts());
        assert!(self.ua.known.is_empty() && self.ua.tokens.is_empty());
        assert!(self.ua.clients.is_empty() && self.ua.servers.is_empty());
    }

    fn drain(&mut self) {
        while let Some(request) = self.ua.poll_resolve() {
            self.lookups += 1;
            let Target { host, port, .. } = &request.target;
            let result = match (host.as_str(), host.parse()) {
                ("nowhere.example", _) => Err(ResolveError::NoSuchDomain),
                ("cluster.example", _) => {
                    Ok([PROXY, SECOND_PROXY].map(addr).map(Destination::udp).into())
                }
                // Equal weights: another order each time.
                ("farm.example", _) => {
                    let mut order = [PROXY, SECOND_PROXY];
                    order.rotate_left((self.lookups + 1) % 2);
                    Ok(order.map(addr).map(Destination::udp).into())
                }
                (_, Ok(ip)) => {
                    let addr = SocketAddr::new(ip, port.unwrap_or(5060));
                    Ok(vec![Destination::udp(addr)])
                }
                (_, Err(_)) => Ok(vec![Destination::udp(addr(PROXY))]),
            };
            self.ua.handle_resolved(request.id, result, self.now);
        }
        while let Some(transmit) = self.ua.poll_transmit() {
            match Message::parse_datagram(&transmit.bytes) {
                Ok(message) => self.sent.push_back((message, transmit.destination)),
                // The refusal of a broken request repeats what was broken.
                Err(error) => assert!(transmit.bytes.starts_with(b"SIP/2.0 4"), "{error}"),
            }
        }
        while let Some(event) = self.ua.poll_event() {
            self.events.push_back(event);
        }
    }
}

pub(super) fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn source(from: &str) -> Source {
    Source {
        transport: Transport::Udp,
        local: addr(OURS),
        remote: addr(from),
        flow: Some(FlowId(0)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an arbitrary origin of virtual time"
)]
pub(super) fn epoch() -> Instant {
    Instant::now()
}
