//! The demo's SIP proxy: a registrar and a stateless proxy for one domain (RFC 3261
//! sections 10.3 and 16.11), as a pure function from datagrams to datagrams.
//!
//! It does not record-route: once a call is up its two ends speak to each other directly.
//! Only accounts of the domain are called, so it relays to nobody who has not registered here.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use sip_stack::message::{
    HeaderName, HeaderValue, Host, Message, Method, Request, Response, StatusCode, Via,
};

use super::registrar::Registrar;

const DEFAULT_MAX_FORWARDS: u8 = 70;
/// Marks tags of our own answers, so that the ACK to them is known and swallowed.
const TAG: &str = "demo-";

/// A datagram to send.
pub(super) type Outgoing = (SocketAddr, Bytes);

/// The proxy and its registrar.
pub(super) struct Proxy {
    registrar: Registrar,
    addr: SocketAddr,
}

impl Proxy {
    /// A proxy that is reached at `addr`.
    pub(super) fn new(registrar: Registrar, addr: SocketAddr) -> Self {
        Self { registrar, addr }
    }

    /// What to send because of a datagram from `from`; `None` if it deserves no answer.
    pub(super) fn handle_datagram(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        now: Instant,
    ) -> Option<Outgoing> {
        match Message::parse_datagram(datagram) {
            Ok(Message::Request(request)) => self.handle_request(request, from, now),
            Ok(Message::Response(response)) => self.handle_response(response),
            Err(error) => {
                let refusal = error.salvage()?.refusal(TAG);
                Some((from, refusal.to_bytes()))
            }
        }
    }

    fn handle_request(
        &mut self,
        mut request: Request,
        from: SocketAddr,
        now: Instant,
    ) -> Option<Outgoing> {
        let mut via = request.headers.via().ok()?;
        via.set_received(from.ip());
        via.set_rport(Some(from.port()));
        request.headers.replace_first(&HeaderName::Via, via.clone());
        self.drop_own_route(&mut request);

        let to_tag = request.headers.to().ok()?.tag().map(|tag| tag.into_owned());
        if request.method == Method::Register {
            let response = self.registrar.handle_register(&request, from, now);
            return answer(response);
        }
        if request.is_ack() && to_tag.as_deref().is_some_and(|tag| tag.starts_with(TAG)) {
            return None; // it acknowledges a refusal of ours
        }
        let refused = match self.route(&request, to_tag.is_some(), now) {
            Ok((addr, uri)) => {
                request.uri = uri;
                return self.forward(request, &via, addr);
            }
            Err(response) => response,
        };
        if request.is_ack() {
            return None;
        }
        answer(*refused)
    }

    /// Where the request goes: (address, new Request-URI); or the answer that refuses it.
    fn route(
        &self,
        request: &Request,
        in_dialog: bool,
        now: Instant,
    ) -> Result<(SocketAddr, sip_stack::message::Uri), Box<Response>> {
        let refuse = |status| Box::new(request.reply(status));
        let hops = request.headers.max_forwards();
        if matches!(hops, Ok(Some(0))) {
            return Err(refuse(StatusCode::TOO_MANY_HOPS));
        }
        if !self.registrar.owns(&request.uri) {
            if request.method == Method::Options {
                return Err(refuse(StatusCode::OK));
            }
            return Err(refuse(StatusCode::FORBIDDEN));
        }
        if request.method == Method::Options && request.uri.user().is_none() {
            return Err(refuse(StatusCode::OK));
        }
        let must_prove = !in_dialog && !matches!(request.method, Method::Ack | Method::Cancel);
        if must_prove {
            self.registrar.admit(request, now).map_err(Box::new)?;
        }
        let binding = self.registrar.locate(&request.uri, now).map_err(refuse)?;
        Ok((binding.addr, binding.contact.clone()))
    }

    fn forward(&self, mut request: Request, via: &Via, addr: SocketAddr) -> Option<Outgoing> {
        let hops = request.headers.max_forwards().ok().flatten();
        let hops = hops.map_or(DEFAULT_MAX_FORWARDS, |hops| hops.saturating_sub(1));
        request
            .headers
            .set(HeaderName::MaxForwards, u32::from(hops));
        request.headers.remove(&HeaderName::ProxyAuthorization);

        // the same for a retransmission, for the CANCEL and for the ACK of a failure (section 16.11)
        let seed = format!("{}|{}", via.sent_by(), via.branch().unwrap_or_default());
        let branch = format!("z9hG4bK-demo-{:x}", md5::compute(seed));
        let host = Host::from(self.addr.ip());
        let mut own = Via::new("UDP", host, Some(self.addr.port())).ok()?;
        own.set_branch(&branch).ok()?;
        request.headers.push_front(HeaderName::Via, own);
        Some((addr, request.to_bytes()))
    }

    fn handle_response(&self, mut response: Response) -> Option<Outgoing> {
        let own = response.headers.via().ok()?;
        if own.sent_by() != self.addr.to_string() {
            return None;
        }
        response.headers.remove_first(&HeaderName::Via);
        let next = response.headers.via().ok()?;
        let addr = SocketAddr::new(next.received()?, next.rport()?);
        Some((addr, response.to_bytes()))
    }

    fn drop_own_route(&self, request: &mut Request) {
        let Some(first) = request
            .headers
            .routes()
            .ok()
            .and_then(|r| r.into_iter().next())
        else {
            return;
        };
        let is_own = first.uri.host().and_then(Host::ip) == Some(self.addr.ip())
            && first.uri.port() == Some(self.addr.port());
        if is_own {
            request.headers.remove_first(&HeaderName::Route);
        }
    }
}

/// Sends a response of ours back along the top Via, with a To tag of ours if it needs one.
fn answer(mut response: Response) -> Option<Outgoing> {
    let via = response.headers.via().ok()?;
    let mut to = response.headers.to().ok()?;
    if to.tag().is_none() {
        let seed = format!("{:?}", response.headers.get(&HeaderName::CallId));
        to.set_tag(&format!("{TAG}{:x}", md5::compute(seed))).ok()?;
        response.headers.set(HeaderName::To, to);
    }
    response.headers.push(
        HeaderName::Server,
        HeaderValue::from_static("sylk-gateway demo"),
    );
    let addr = SocketAddr::new(via.received()?, via.rport()?);
    Some((addr, response.to_bytes()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip_stack::digest::{Ha1, NonceState};
    use sip_stack::message::Uri;

    use super::*;

    const PROXY: &str = "127.0.0.1:5062";
    const ALICE: &str = "127.0.0.1:6001";
    const ECHO: &str = "127.0.0.1:6002";

    #[test]
    fn registers_after_a_digest_challenge() {
        let mut demo = Demo::new();
        let challenged = demo.send(ALICE, &register("alice", 1));
        assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);

        let registered = demo.register("alice", "alice", ALICE);

        assert_eq!(registered.status, StatusCode::OK);
        let contact = registered.headers.readable_contacts();
        assert_eq!(contact[0].params.get("expires").as_deref(), Some("300"));
    }

    #[test]
    fn a_wrong_password_is_challenged_again() {
        let mut demo = Demo::new();
        let answer = demo.register("alice", "wrong", ALICE);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(!answer.headers.www_authenticate()[0].is_stale());
    }

    #[test]
    fn an_old_nonce_is_stale() {
        let mut demo = Demo::new();
        let challenge = demo.send(ALICE, &register("alice", 1));
        demo.now += NONCE_AGE;
        let answer = demo.answer(register("alice", 2), &challenge, "alice");
        let answer = demo.send(ALICE, &answer);
        assert!(answer.headers.www_authenticate()[0].is_stale());
    }

    #[test]
    fn a_call_needs_proof_and_reaches_the_registered_contact() {
        let mut demo = Demo::new();
        demo.register("echo", "echo", ECHO);
        let invite = request("INVITE", "sip:echo@sylk.test", "alice", 1);
        let challenge = demo.send(ALICE, &invite);
        assert_eq!(challenge.status, StatusCode::PROXY_AUTHENTICATION_REQUIRED);

        let invite = demo.answer(
            request("INVITE", "sip:echo@sylk.test", "alice", 2),
            &challenge,
            "alice",
        );
        let (to, forwarded) = demo.exchange(ALICE, &invite).expect("forwarded");

        assert_eq!(to, addr(ECHO));
        let Message::Request(forwarded) = forwarded else {
            panic!("a request");
        };
        assert_eq!(forwarded.uri.as_str(), "sip:token-echo@127.0.0.1:6002");
        assert_eq!(forwarded.headers.vias().map(|v| v.len()), Ok(2));
        assert_eq!(forwarded.headers.max_forwards(), Ok(Some(69)));
        assert!(!forwarded.headers.contains(&HeaderName::ProxyAuthorization));

        // and the answer goes back the way it came
        let ringing = forwarded.reply(StatusCode::RINGING);
        let (to, _) = demo.raw(ECHO, &ringing.to_bytes()).expect("passed on");
        assert_eq!(to, addr(ALICE));
    }

    #[test]
    fn cancel_is_forwarded_with_the_branch_of_its_invite() {
        let mut demo = Demo::new();
        demo.register("echo", "echo", ECHO);
        let challenge = demo.send(ALICE, &request("INVITE", "sip:echo@sylk.test", "alice", 1));
        let invite = demo.answer(
            request("INVITE", "sip:echo@sylk.test", "alice", 2),
            &challenge,
            "alice",
        );
        let cancel = request("CANCEL", "sip:echo@sylk.test", "alice", 2);
        let branch = |message: Message| message.headers().via().map(|via| via.to_string());

        let (_, invite) = demo.exchange(ALICE, &invite).expect("forwarded");
        let (_, cancel) = demo.exchange(ALICE, &cancel).expect("forwarded");

        assert_eq!(branch(invite), branch(cancel));
    }

    #[test]
    fn nobody_is_not_found_and_somebody_away_is_unavailable() {
        let mut demo = Demo::new();
        for (target, expected) in [
            ("nobody", StatusCode::NOT_FOUND),
            ("bob", StatusCode::TEMPORARILY_UNAVAILABLE),
        ] {
            let uri = format!("sip:{target}@sylk.test");
            let challenge = demo.send(ALICE, &request("INVITE", &uri, "alice", 1));
            let invite = demo.answer(request("INVITE", &uri, "alice", 2), &challenge, "alice");
            assert_eq!(demo.send(ALICE, &invite).status, expected);
        }
    }

    #[test]
    fn strangers_and_other_domains_are_refused() {
        let mut demo = Demo::new();
        let stranger = request("INVITE", "sip:echo@sylk.test", "mallory", 1);
        assert_eq!(demo.send(ALICE, &stranger).status, StatusCode::FORBIDDEN);
        let abroad = request("INVITE", "sip:bob@192.0.2.1", "alice", 1);
        assert_eq!(demo.send(ALICE, &abroad).status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn a_binding_ends_when_it_is_not_refreshed() {
        let mut demo = Demo::new();
        demo.register("echo", "echo", ECHO);
        demo.now += Duration::from_secs(301);
        let uri = Uri::parse("sip:echo@sylk.test").expect("valid");
        let found = demo.proxy.registrar.locate(&uri, demo.now).map(|b| b.addr);
        assert_eq!(found, Err(StatusCode::TEMPORARILY_UNAVAILABLE));
    }

    #[test]
    fn the_ack_of_a_refusal_is_swallowed() {
        let mut demo = Demo::new();
        let refusal = demo.send(ALICE, &request("INVITE", "sip:echo@sylk.test", "alice", 1));
        let mut ack = request("ACK", "sip:echo@sylk.test", "alice", 1);
        ack.headers
            .set(HeaderName::To, refusal.headers.to().expect("To"));
        assert_eq!(demo.raw(ALICE, &ack.to_bytes()), None);
    }

    const NONCE_AGE: Duration = Duration::from_secs(301);

    struct Demo {
        proxy: Proxy,
        now: Instant,
    }

    impl Demo {
        #[expect(clippy::disallowed_methods, reason = "where virtual time begins")]
        fn new() -> Self {
            let now = Instant::now();
            let accounts = ["alice", "bob", "echo"].map(|name| (name.to_owned(), name.to_owned()));
            let registrar = Registrar::new("sylk.test", accounts, 7, now);
            let proxy = Proxy::new(registrar, addr(PROXY));
            Self { proxy, now }
        }

        fn raw(&mut self, from: &str, bytes: &[u8]) -> Option<Outgoing> {
            self.proxy.handle_datagram(bytes, addr(from), self.now)
        }

        fn exchange(&mut self, from: &str, request: &Request) -> Option<(SocketAddr, Message)> {
            let (to, bytes) = self.raw(from, &request.to_bytes())?;
            Some((to, Message::parse_datagram(&bytes).expect("valid")))
        }

        /// Sends a request that the proxy answers itself.
        fn send(&mut self, from: &str, request: &Request) -> Response {
            match self.exchange(from, request) {
                Some((to, Message::Response(response))) => {
                    assert_eq!(to, addr(from));
                    response
                }
                other => panic!("no answer but {other:?}"),
            }
        }

        fn answer(&self, mut request: Request, challenge: &Response, password: &str) -> Request {
            let (header, challenge) = match challenge.headers.www_authenticate().pop() {
                Some(challenge) => (HeaderName::Authorization, challenge),
                None => (
                    HeaderName::ProxyAuthorization,
                    challenge.headers.proxy_authenticate().remove(0),
                ),
            };
            let user = request.headers.from().expect("From").uri;
            let user = user.user().expect("a user").to_owned();
            let credentials = sip_stack::digest::Credentials {
                ha1: Ha1::compute(&user, "sylk.test", password),
                username: user,
            };
            let uri = request.uri.clone();
            let value = NonceState::new(challenge)
                .answer(&credentials, &request.method, uri.as_str(), "cnonce")
                .expect("MD5");
            request.headers.push(header, value);
            request
        }

        fn register(&mut self, user: &str, password: &str, from: &str) -> Response {
            let challenge = self.send(from, &register(user, 1));
            let request = self.answer(register(user, 2), &challenge, password);
            self.send(from, &request)
        }
    }

    fn register(user: &str, cseq: u32) -> Request {
        let mut request = request("REGISTER", "sip:sylk.test", user, cseq);
        let to = format!("<sip:{user}@sylk.test>");
        let contact = format!("<sip:token-{user}@127.0.0.1:6002>;expires=300");
        request.headers.set(HeaderName::To, value(&to));
        request.headers.push(HeaderName::Contact, value(&contact));
        request
    }

    fn request(method: &str, uri: &str, from: &str, cseq: u32) -> Request {
        let method = Method::parse(method).expect("a method");
        let mut request = Request::new(method.clone(), Uri::parse(uri).expect("a URI"));
        let headers = &mut request.headers;
        headers.push(
            HeaderName::Via,
            value(&format!(
                "SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bK{cseq};rport"
            )),
        );
        headers.push(
            HeaderName::From,
            value(&format!("<sip:{from}@sylk.test>;tag=a")),
        );
        headers.push(HeaderName::To, value(&format!("<{uri}>")));
        headers.push(HeaderName::CallId, value("one@test"));
        headers.push(HeaderName::CSeq, value(&format!("{cseq} {method}")));
        headers.push(HeaderName::MaxForwards, 70);
        headers.push(HeaderName::Route, value("<sip:127.0.0.1:5062;lr>"));
        request
    }

    fn value(text: &str) -> HeaderValue {
        HeaderValue::new(text).expect("one line")
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }
}
