//! A registrar and stateless proxy (RFC 3261 §10.3, §16.11) for tests. It challenges
//! REGISTER and INVITE, and forgets its nonces now and then.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::account::Ha1;
use crate::digest::{Authorization, Challenge};
use crate::message::{
    HeaderName, HeaderValue, Host, Message, Method, NameAddr, Request, Response, StatusCode, Uri,
    Via,
};

pub(super) struct Proxy {
    pub(super) addr: SocketAddr,
    ha1: BTreeMap<&'static str, Ha1>,
    bindings: BTreeMap<String, Uri>,
    /// Answered requests per nonce.
    nonces: BTreeMap<String, u32>,
    serial: u32,
}

/// How often one nonce may be used.
const USES: u32 = 3;

pub(super) type Outgoing = Vec<(SocketAddr, Bytes)>;

impl Proxy {
    pub(super) fn new(addr: SocketAddr, users: &[&'static str]) -> Self {
        let ha1 = |user: &&'static str| (*user, Ha1::compute(user, "example.com", "secret"));
        Self {
            addr,
            ha1: users.iter().map(ha1).collect(),
            bindings: BTreeMap::new(),
            nonces: BTreeMap::new(),
            serial: 0,
        }
    }

    pub(super) fn handle(&mut self, bytes: &[u8], from: SocketAddr) -> Outgoing {
        match Message::parse_datagram(bytes).unwrap() {
            Message::Request(request) => self.handle_request(request, from),
            Message::Response(response) => forward_response(response),
        }
    }

    fn handle_request(&mut self, mut request: Request, from: SocketAddr) -> Outgoing {
        let mut via = request.headers.via().unwrap();
        via.set_received(from.ip());
        via.set_rport(Some(from.port()));
        request.headers.replace_first(&HeaderName::Via, via);
        let wants_credentials = matches!(request.method, Method::Register | Method::Invite);
        if wants_credentials && let Some(refusal) = self.challenge(&request) {
            return answer(&request, refusal, from);
        }
        if request.method == Method::Register {
            let ok = self.register(&request);
            return answer(&request, ok, from);
        }
        self.forward(request, from)
    }

    fn challenge(&mut self, request: &Request) -> Option<Response> {
        let (code, credentials, challenge) = match request.method {
            Method::Register => (
                StatusCode::UNAUTHORIZED,
                HeaderName::Authorization,
                HeaderName::WwwAuthenticate,
            ),
            _ => (
                StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                HeaderName::ProxyAuthorization,
                HeaderName::ProxyAuthenticate,
            ),
        };
        let given = request.headers.get(&credentials);
        let given = given.and_then(|value| Authorization::parse(&value.text()));
        let mut stale = false;
        if let Some(given) = given {
            let ha1 = &self.ha1[given.username()];
            assert_eq!(given.verify(ha1, &request.method), Ok(()));
            assert_eq!(given.uri(), request.uri.as_str());
            match self.nonces.get_mut(given.nonce()) {
                Some(uses) if *uses < USES => {
                    *uses += 1;
                    return None;
                }
                Some(_) | None => stale = true,
            }
        }
        self.serial += 1;
        let nonce = format!("nonce{}", self.serial);
        self.nonces.insert(nonce.clone(), 0);
        let mut response = request.reply(code);
        response
            .headers
            .push(challenge, challenge_value(&nonce, stale));
        Some(response)
    }

    fn register(&mut self, request: &Request) -> Response {
        let contacts = request.headers.readable_contacts();
        let user = request.headers.to().unwrap().uri.user().unwrap().to_owned();
        let expires = request.headers.expires().unwrap().unwrap();
        match expires {
            0 => drop(self.bindings.remove(&user)),
            _ => drop(self.bindings.insert(user, contacts[0].uri.clone())),
        }
        let mut ok = request.reply(StatusCode::OK);
        let mut contact = NameAddr::new(contacts[0].uri.clone());
        contact.params.set("expires", &expires.to_string()).unwrap();
        ok.headers.push(HeaderName::Contact, contact);
        ok
    }

    fn forward(&self, mut request: Request, from: SocketAddr) -> Outgoing {
        request.headers.remove_first(&HeaderName::Route);
        if let Some(binding) = request.uri.user().and_then(|user| self.bindings.get(user)) {
            request.uri = binding.clone();
        } else if request.uri.host_text() == Some("example.com") {
            return match request.method {
                Method::Ack => Vec::new(),
                _ => answer(&request, request.reply(StatusCode::NOT_FOUND), from),
            };
        }
        let to = place(&request.uri);
        let branch = request
            .headers
            .via()
            .unwrap()
            .branch()
            .unwrap()
            .into_owned();
        let mut via = Via::new("UDP", Host::from(self.addr.ip()), Some(self.addr.port())).unwrap();
        via.set_branch(&format!("{branch}-p")).unwrap();
        request.headers.push_front(HeaderName::Via, via);
        vec![(to, Message::from(request).to_bytes())]
    }
}

fn challenge_value(nonce: &str, stale: bool) -> HeaderValue {
    let challenge = Challenge::new("example.com", nonce, None, stale).unwrap();
    HeaderValue::new(challenge.to_string()).unwrap()
}

fn answer(request: &Request, mut response: Response, to: SocketAddr) -> Outgoing {
    if request.method == Method::Ack {
        return Vec::new();
    }
    let mut tagged = response.headers.to().unwrap();
    if tagged.tag().is_none() {
        tagged.set_tag("proxy").unwrap();
        response.headers.set(HeaderName::To, tagged);
    }
    vec![(to, Message::from(response).to_bytes())]
}

fn forward_response(mut response: Response) -> Outgoing {
    response.headers.remove_first(&HeaderName::Via);
    let Ok(via) = response.headers.via() else {
        return Vec::new();
    };
    let to = SocketAddr::new(via.received().unwrap(), via.rport().unwrap());
    vec![(to, Message::from(response).to_bytes())]
}

fn place(uri: &Uri) -> SocketAddr {
    SocketAddr::new(
        uri.host().unwrap().ip().unwrap(),
        uri.port().unwrap_or(5060),
    )
}
