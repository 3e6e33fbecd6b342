//! Two proxies before one registrar. What a proxy has once made of a request it makes of its
//! repeats too, and a CANCEL goes where its INVITE went.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::forks::Forks;
use super::network::Node;
use super::registrar::{DOMAIN, Registrar};
use super::weather::Weather;
use crate::message::{
    HeaderName, HeaderValue, Host, Message, Method, NameAddr, Request, Response, StatusCode, Uri,
    Via,
};
use crate::transport::{Destination, Source, Transport};

/// How many there are.
pub(super) const COUNT: usize = 2;

pub(super) struct Proxies {
    pub(super) registrar: Registrar,
    forks: Forks,
    record_route: bool,
    strict: bool,
    busy: BTreeSet<Node>,
    /// Call-IDs and tags of those who called somebody.
    callers: BTreeSet<(String, String)>,
    /// Where requests went, by proxy and branch as they came.
    routes: BTreeMap<(Node, String), Vec<Leg>>,
    /// What requests were answered.
    answers: BTreeMap<(Node, String), Response>,
}

/// One way on: our branch, the Request-URI, the next hop.
type Leg = (String, Uri, Destination);

/// What a proxy sends, and where to.
pub(super) type Outgoing = Vec<(Destination, Bytes)>;

impl Proxies {
    pub(super) fn new(weather: &Weather) -> Self {
        Self {
            registrar: Registrar::new(weather.min_expires),
            forks: Forks::default(),
            record_route: weather.record_route,
            strict: weather.strict,
            busy: BTreeSet::new(),
            callers: BTreeSet::new(),
            routes: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    pub(super) fn set_busy(&mut self, node: Node, busy: bool) {
        match busy {
            true => self.busy.insert(node),
            false => self.busy.remove(&node),
        };
    }

    /// What a proxy makes of a message; nothing of one that it cannot read.
    pub(super) fn handle(
        &mut self,
        node: Node,
        message: Message,
        source: &Source,
        now: Instant,
    ) -> Outgoing {
        match message {
            Message::Request(request) => self
                .handle_request(node, request, source, now)
                .unwrap_or_default(),
            Message::Response(response) => self.forward_response(response).unwrap_or_default(),
        }
    }

    fn handle_request(
        &mut self,
        node: Node,
        mut request: Request,
        source: &Source,
        now: Instant,
    ) -> Option<Outgoing> {
        let mut via = request.headers.via().ok()?;
        via.set_received(source.remote.ip());
        via.set_rport(Some(source.remote.port()));
        request.headers.replace_first(&HeaderName::Via, via);
        let key = (node, request.headers.via().ok()?.branch()?.into_owned());
        if let Some(response) = self.answers.get(&key) {
            let response = match request.method {
                Method::Cancel => request.reply(StatusCode::OK),
                _ => response.clone(),
            };
            return answer(&request, response);
        }
        if !self.routes.contains_key(&key) {
            if let Some(response) = self.answers_itself(node, &request, source, now) {
                if request.method != Method::Ack {
                    self.answers.insert(key, response.clone());
                }
                return answer(&request, response);
            }
            let route = self.route(node, &key.1, &request, now)?;
            self.routes.insert(key.clone(), route);
        }
        self.forward(key, request)
    }

    fn answers_itself(
        &mut self,
        node: Node,
        request: &Request,
        source: &Source,
        now: Instant,
    ) -> Option<Response> {
        match request.method {
            Method::Ack => return None,
            Method::Cancel => {
                return Some(request.reply(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
            }
            _ => {}
        }
        if request.headers.max_forwards().ok().flatten() == Some(0) {
            return Some(request.reply(StatusCode::TOO_MANY_HOPS));
        }
        if self.busy.contains(&node) {
            let mut busy = request.reply(StatusCode::SERVICE_UNAVAILABLE);
            let later = HeaderValue::from_static("5");
            busy.headers.push(HeaderName::RetryAfter, later);
            return Some(busy);
        }
        if self.asks(request)
            && let Some(refusal) = self.registrar.challenge(request)
        {
            return Some(refusal);
        }
        if request.method == Method::Register {
            let back = source.back();
            return Some(self.registrar.register(request, node, back, now));
        }
        let in_domain = request.uri.host_text() == Some(DOMAIN);
        let user = request.uri.user().unwrap_or_default();
        let nobody = in_domain && self.registrar.bindings(user, now).is_empty();
        nobody.then(|| request.reply(StatusCode::NOT_FOUND))
    }

    /// Whether credentials are wanted: of callers only, as those who are called answer nobody's
    /// challenges in a dialog (anybody could call them to collect their answers).
    fn asks(&mut self, request: &Request) -> bool {
        let headers = &request.headers;
        let call_id = headers.call_id().unwrap_or_default().to_owned();
        let from = headers.from().ok();
        let tag = from.as_ref().and_then(NameAddr::tag).unwrap_or_default();
        let caller = (call_id, tag.into_owned());
        let begins = headers.to().is_ok_and(|to| to.tag().is_none());
        match request.method {
            Method::Register => true,
            Method::Message if begins => true,
            Method::Invite if begins => {
                self.callers.insert(caller);
                true
            }
            Method::Invite => self.callers.contains(&caller),
            _ => self.strict && self.callers.contains(&caller),
        }
    }

    fn route(&self, node: Node, branch: &str, request: &Request, now: Instant) -> Option<Vec<Leg>> {
        if request.uri.host_text() != Some(DOMAIN) {
            let to = self.place(node, &request.uri)?;
            return Some(vec![(format!("{branch}-p"), request.uri.clone(), to)]);
        }
        let bindings = self.registrar.bindings(request.uri.user()?, now);
        let targets = bindings.into_iter().enumerate().map(|(number, binding)| {
            let to = match binding.by == node {
                true => binding.back,
                false => direct(&binding.contact)?,
            };
            Some((format!("{branch}-f{number}"), binding.contact, to))
        });
        Some(targets.flatten().collect())
    }

    fn forward(&mut self, key: (Node, String), mut request: Request) -> Option<Outgoing> {
        let left = request.headers.max_forwards().ok().flatten().unwrap_or(70);
        let left = HeaderValue::new(left.saturating_sub(1).to_string()).ok()?;
        request.headers.set(HeaderName::MaxForwards, left);
        while request
            .headers
            .routes()
            .ok()?
            .first()
            .is_some_and(|route| is_ours(&route.uri))
        {
            request.headers.remove_first(&HeaderName::Route);
        }
        let begins = request.method == Method::Invite && request.headers.to().ok()?.tag().is_none();
        if begins && self.record_route {
            let uri = Uri::parse(&format!("sip:{};lr", key.0.addr())).ok()?;
            let route = NameAddr::new(uri);
            request.headers.push_front(HeaderName::RecordRoute, route);
        }
        let route = self.routes.get(&key)?.iter();
        let copies = route.map(|(branch, uri, to)| {
            let mut copy = request.clone();
            copy.uri = uri.clone();
            pass_on(key.0, copy, branch, to.clone())
        });
        let sent: Outgoing = copies.flatten().collect();
        if request.method == Method::Invite && sent.len() > 1 && !self.forks.knows(&key.1) {
            self.forks.begin(&key.1, &sent);
        }
        Some(sent)
    }

    fn place(&self, node: Node, uri: &Uri) -> Option<Destination> {
        match self.registrar.binding_of(uri) {
            Some(binding) if binding.by == node => Some(binding.back.clone()),
            Some(_) | None => direct(uri),
        }
    }

    fn forward_response(&mut self, mut response: Response) -> Option<Outgoing> {
        let own = response.headers.via().ok()?;
        let (passes, mut sent) = self.forks.handle(&own.branch()?, &response);
        response.headers.remove_first(&HeaderName::Via);
        let to = back(&response.headers.via().ok()?)?;
        if passes {
            sent.push((to, Message::from(response).to_bytes()));
        }
        Some(sent)
    }
}

fn pass_on(
    node: Node,
    mut request: Request,
    branch: &str,
    to: Destination,
) -> Option<(Destination, Bytes)> {
    let addr = node.addr();
    let name = to.transport.via_name();
    let mut via = Via::new(name, Host::from(addr.ip()), Some(addr.port())).ok()?;
    via.set_branch(branch).ok()?;
    request.headers.push_front(HeaderName::Via, via);
    Some((to, Message::from(request).to_bytes()))
}

fn answer(request: &Request, mut response: Response) -> Option<Outgoing> {
    if request.method == Method::Ack {
        return None;
    }
    let mut tagged = response.headers.to().ok()?;
    if tagged.tag().is_none() {
        tagged.set_tag("proxy").ok()?;
        response.headers.set(HeaderName::To, tagged);
    }
    let to = back(&request.headers.via().ok()?)?;
    Some(vec![(to, Message::from(response).to_bytes())])
}

/// Where the sender of a request is, as its Via says after it was received.
fn back(via: &Via) -> Option<Destination> {
    let addr = SocketAddr::new(via.received()?, via.rport()?);
    let transport = Transport::from_name(via.transport())?;
    Some(Destination {
        transport,
        ..Destination::udp(addr)
    })
}

fn direct(uri: &Uri) -> Option<Destination> {
    let addr = SocketAddr::new(uri.host()?.ip()?, uri.port().unwrap_or(5060));
    let transport = uri.param("transport");
    let transport = transport.and_then(|name| Transport::from_name(&name));
    Some(Destination {
        transport: transport.unwrap_or(Transport::Udp),
        ..Destination::udp(addr)
    })
}

fn is_ours(uri: &Uri) -> bool {
    let ip = uri.host().and_then(Host::ip);
    uri.host_text() == Some(super::world::PROXY)
        || (0..COUNT).any(|number| ip == Some(Node::Proxy(number).addr().ip()))
}
