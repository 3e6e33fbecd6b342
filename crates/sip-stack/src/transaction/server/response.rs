//! What is written into responses on their way out (RFC 3261 §8.2.6.2, §18.2.1): Via, the tag, and
//! nothing that must not be read on that way. When they go is the transaction's business.

use bytes::Bytes;

use crate::keying::{Exposed, KeysGo};
use crate::message::{
    HeaderName, HeaderValue, NameAddr, ReasonPhrase, Request, Response, StatusCode, Via,
};
use crate::transaction::Turn;
use crate::transport::{Source, Transport};

/// A response takes the way of its request, whatever the user agent put into it.
pub(super) fn copy_vias(request: &Request, response: &mut Response) {
    response.headers.remove(&HeaderName::Via);
    let vias: Vec<HeaderValue> = request.headers.lines(&HeaderName::Via).cloned().collect();
    for via in vias.into_iter().rev() {
        response.headers.push_front(HeaderName::Via, via);
    }
}

/// No response by a clear hop holds keys, whatever the user agent put into it. It should have
/// refused before; what can be said here is that nothing came of it.
pub(super) fn keep_keys_back(response: &mut Response, transport: Transport, turn: &Turn<'_>) {
    let keys = KeysGo::new(turn.config.keys_in_clear);
    let Err(Exposed) = keys.check(&response.headers, &response.body, transport) else {
        return;
    };
    tracing::warn!(status = %response.status, "keys kept back from a hop without TLS");
    response.headers.remove(&HeaderName::ContentType);
    response.body = Bytes::new();
    if response.status.is_success() {
        response.status = StatusCode::NOT_ACCEPTABLE_HERE;
        response.reason = ReasonPhrase::usual(response.status);
    }
}

pub(super) fn stamp_response(response: &mut Response, via: &Via, source: &Source) {
    let mut via = via.clone();
    if via.wants_rport() {
        via.set_rport(Some(source.remote.port()));
    }
    via.set_received(source.remote.ip());
    response.headers.replace_first(&HeaderName::Via, via);
}

pub(super) fn add_tag(response: &mut Response, tag: &str) {
    if let Ok(mut to) = response.headers.to()
        && to.tag().is_none()
        && to.set_tag(tag).is_ok()
    {
        response.headers.set(HeaderName::To, to);
    }
}

pub(super) fn owned_tag(address: &NameAddr) -> Option<String> {
    address.tag().map(|tag| tag.into_owned())
}
