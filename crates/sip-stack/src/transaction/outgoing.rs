//! What the layer writes into requests: Via, Contact, and whole ACKs and CANCELs.

use std::net::SocketAddr;

use super::{ContactTemplate, LayerConfig};
use crate::keying::{Exposed, KeysGo};
use crate::message::{
    CSeq, HeaderName, HeaderValue, Headers, Host, Method, Request, Response, Via,
};
use crate::transport::{Destination, Transport};

/// Max-Forwards of what is made here (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: u32 = 70;

/// Why a request cannot go to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    /// We have no address at all.
    NoAddress,
    /// It holds keys, and the hop is not TLS.
    Exposed,
}

impl From<Exposed> for NoWay {
    fn from(_: Exposed) -> Self {
        Self::Exposed
    }
}

/// `request` with our Via on top and, if wanted, our Contact, for this destination; without
/// what must not be read on the way there.
pub(super) fn stamped(
    request: &Request,
    contact: Option<&ContactTemplate>,
    destination: &Destination,
    branch: &str,
    config: &LayerConfig,
) -> Result<Request, NoWay> {
    let (transport, ip) = (destination.transport, destination.addr.ip());
    let addr = config.local.toward(transport, ip);
    let addr = addr.ok_or(NoWay::NoAddress)?;
    let via = our_via(transport, addr, branch);
    let mut request = request.clone();
    KeysGo::new(config.keys_in_clear).fit(&mut request, transport)?;
    request.headers.push_front(HeaderName::Via, via);
    if let Some(contact) = contact {
        let secure = request.uri.is_sips();
        let ours = config.local.contact(transport, ip);
        let (transport, addr) = ours.ok_or(NoWay::NoAddress)?;
        let value = contact.at(transport, addr, secure);
        request.headers.set(HeaderName::Contact, value);
    }
    Ok(request)
}

fn our_via(transport: Transport, addr: SocketAddr, branch: &str) -> Via {
    let (name, host) = (transport.via_name(), Host::from(addr.ip()));
    let mut via = Via::new(name, host, Some(addr.port())).expect("our transport names are tokens");
    via.set_branch(branch).expect("our branches are tokens");
    via.set_rport(None);
    via
}

/// The ACK of a failure (RFC 3261 §17.1.1.3).
pub(super) fn ack_for(invite: &Request, failure: &Response) -> Request {
    let mut ack = same_way(invite, Method::Ack);
    if let Some(to) = failure.headers.get(&HeaderName::To) {
        ack.headers.set(HeaderName::To, to.clone());
    }
    ack
}

/// The CANCEL of an INVITE as it was sent (RFC 3261 §9.1).
pub(super) fn cancel_for(invite: &Request, extra: &Headers) -> Request {
    let mut cancel = same_way(invite, Method::Cancel);
    for line in extra.iter() {
        cancel
            .headers
            .push(line.name().clone(), line.value().clone());
    }
    cancel
}

/// A request that follows `invite` hop by hop: same top Via, Route and identification.
fn same_way(invite: &Request, method: Method) -> Request {
    let mut request = Request::new(method.clone(), invite.uri.clone());
    if let Some(via) = invite.headers.first(&HeaderName::Via) {
        request.headers.push(HeaderName::Via, via);
    }
    request
        .headers
        .push(HeaderName::MaxForwards, HeaderValue::from(MAX_FORWARDS));
    for name in [
        HeaderName::Route,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
    ] {
        for value in invite.headers.lines(&name) {
            request.headers.push(name.clone(), value.clone());
        }
    }
    let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
    request
        .headers
        .push(HeaderName::CSeq, CSeq::new(number, method));
    request
}
