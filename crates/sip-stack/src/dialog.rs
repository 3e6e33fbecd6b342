//! Dialogs (RFC 3261 §12): the state two user agents share after a request that
//! creates one, and the requests that go within it.
//!
//! Knows tags, sequence numbers, the route set and the remote target. What the dialog
//! is used for (the INVITE usage) is not here, nor who answers a request.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::identity;
use crate::message::{
    CSeq, HeaderName, HeaderValue, Headers, Method, NameAddr, Request, Response, Unreadable, Uri,
};
use crate::transaction::Route;
use crate::transport::{Destination, FlowId, Source, Transport};

mod route_set;

pub(crate) use route_set::RouteSet;

/// What tells a dialog from all others (RFC 3261 §12): Call-ID and both tags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DialogId {
    pub(crate) call_id: Box<str>,
    pub(crate) local_tag: Box<str>,
    pub(crate) remote_tag: Box<str>,
}

impl DialogId {
    pub(crate) fn new(call_id: &str, local_tag: &str, remote_tag: &str) -> Self {
        Self {
            call_id: call_id.into(),
            local_tag: local_tag.into(),
            remote_tag: remote_tag.into(),
        }
    }

    /// The dialog that a received request belongs to, if it names one by a To tag.
    pub(crate) fn of_request(request: &Request) -> Option<Self> {
        let headers = &request.headers;
        let (from, to) = (headers.from().ok()?, headers.to().ok()?);
        let remote_tag = from.tag().unwrap_or_default();
        Some(Self::new(headers.call_id().ok()?, &to.tag()?, &remote_tag))
    }
}

impl DialogId {
    /// The dialog that a response to a request of ours makes or belongs to. A peer of
    /// RFC 2543 may leave the To tag out; it counts as empty.
    pub(crate) fn of_response(response: &Response) -> Option<Self> {
        let headers = &response.headers;
        let (from, to) = (headers.from().ok()?, headers.to().ok()?);
        let local_tag = from.tag().unwrap_or_default();
        let remote_tag = to.tag().unwrap_or_default();
        Some(Self::new(headers.call_id().ok()?, &local_tag, &remote_tag))
    }
}

/// Why a message makes no dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoDialog {
    /// From, To, Call-ID or CSeq is missing or unreadable.
    Address,
    /// Contact is missing, unreadable, or not exactly one.
    Contact,
    /// A Record-Route cannot be read, so that nothing could be routed.
    RecordRoute,
}

impl fmt::Display for NoDialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "Bad From, To, Call-ID or CSeq",
            Self::Contact => "Bad or Missing Contact",
            Self::RecordRoute => "Bad Record-Route",
        })
    }
}

/// A request's sequence number is lower than one seen before: 500 (RFC 3261 §12.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfOrder;

/// One dialog, early or confirmed.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    id: DialogId,
    is_ours: bool,
    local: NameAddr,
    remote: NameAddr,
    local_seq: u32,
    remote_seq: Option<u32>,
    remote_target: Uri,
    routes: RouteSet,
    /// The message that made it came by this connection.
    flow: Option<Source>,
}

impl Dialog {
    /// The dialog a response makes at the side that sent the request (§12.1.2).
    ///
    /// A peer of RFC 2543 may leave the To tag out; it counts as empty. A missing
    /// Contact is made up for by the Request-URI: the call is worth more than the rule.
    pub(crate) fn from_response(
        request: &Request,
        response: &Response,
        source: &Source,
    ) -> Result<Self, NoDialog> {
        let local = request.headers.from()?;
        let remote = response.headers.to()?;
        let call_id = request.headers.call_id()?;
        let cseq = request.headers.cseq()?;
        let routes = RouteSet::of_response(&response.headers).ok_or(NoDialog::RecordRoute)?;
        let remote_target = contact_uri(&response.headers).unwrap_or_else(|| request.uri.clone());
        Ok(Self {
            id: DialogId::new(
                call_id,
                &local.tag().unwrap_or_default(),
                &remote.tag().unwrap_or_default(),
            ),
            is_ours: true,
            local,
            remote,
            local_seq: cseq.number,
            remote_seq: None,
            remote_target,
            routes,
            flow: source.transport.is_reliable().then_some(*source),
        })
    }

    /// The dialog a request makes at the side that answers it with `local_tag` (§12.1.1).
    pub(crate) fn from_request(
        request: &Request,
        local_tag: &str,
        source: &Source,
    ) -> Result<Self, NoDialog> {
        let remote = request.headers.from()?;
        let mut local = request.headers.to()?;
        local.set_tag(local_tag).map_err(|_| NoDialog::Address)?;
        let call_id = request.headers.call_id()?;
        let cseq = request.headers.cseq()?;
        let routes = RouteSet::of_request(&request.headers).ok_or(NoDialog::RecordRoute)?;
        let remote_target = contact_uri(&request.headers).ok_or(NoDialog::Contact)?;
        Ok(Self {
            id: DialogId::new(call_id, local_tag, &remote.tag().unwrap_or_default()),
            is_ours: false,
            local,
            remote,
            local_seq: 0,
            remote_seq: Some(cseq.number),
            remote_target,
            routes,
            flow: source.transport.is_reliable().then_some(*source),
        })
    }

    /// The same dialog was early before: numbering goes on where it was (§13.2.2.4).
    pub(crate) fn continue_from(&mut self, early: &Self) {
        self.local_seq = self.local_seq.max(early.local_seq);
        self.remote_seq = early.remote_seq;
    }

    /// Leaves out numbers that may have been used in an early dialog nobody remembers: a gap
    /// does no harm (§12.2.2), a number used twice is refused.
    pub(crate) fn skip_forgotten(&mut self) {
        self.local_seq = self.local_seq.saturating_add(64);
    }

    /// Its identity.
    pub(crate) fn id(&self) -> &DialogId {
        &self.id
    }

    /// Whom a third party calls to reach the far end: its Contact if that works from
    /// everywhere (RFC 5627), else its address, and the Contact again if it has none.
    pub(crate) fn far_end(&self) -> &Uri {
        let contact = &self.remote_target;
        let address = &self.remote.uri;
        let is_nobody = |host: &str| host.to_ascii_lowercase().ends_with(".invalid");
        let usable = address.is_sip() && !address.host_text().is_none_or(is_nobody);
        match usable && !contact.has_param("gr") {
            true => address,
            false => contact,
        }
    }

    /// Whether we have not said who we are (RFC 3323).
    pub(crate) fn is_anonymous(&self) -> bool {
        self.local.uri == identity::anonymous().uri
    }

    /// Whether we sent the request that made it, and so its Call-ID.
    pub(crate) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Whether the message that made it came over TLS.
    pub(crate) fn is_over_tls(&self) -> bool {
        let flow = self.flow.as_ref();
        flow.is_some_and(|flow| flow.transport == Transport::Tls)
    }

    /// The connection `from` is gone; what went over it goes over that of `to`, if it leads
    /// to the same place.
    pub(crate) fn move_flow(&mut self, from: FlowId, to: &Destination) {
        if let Some(flow) = &mut self.flow
            && flow.flow == Some(from)
            && flow.transport == to.transport
            && flow.remote == to.addr
        {
            flow.flow = to.flow;
        }
    }

    /// Where its requests go when they leave us.
    ///
    /// By the connection the dialog was made over, if that leads to the next hop; and
    /// over TLS also if the next hop is an address, for which no certificate could be
    /// verified.
    pub(crate) fn route(&self) -> Route {
        let target = self.routes.next_hop(&self.remote_target);
        let (Some(flow), Ok(ip)) = (&self.flow, target.host.parse::<IpAddr>()) else {
            return Route::Target(target);
        };
        let transport = match target.secure {
            true => Transport::Tls,
            false => target.transport.unwrap_or(Transport::Udp),
        };
        let port = target.port.unwrap_or_else(|| transport.default_port());
        let addr = SocketAddr::new(ip, port);
        let leads_there = flow.remote == addr || transport == Transport::Tls;
        if flow.transport != transport || !leads_there {
            return Route::Target(target);
        }
        let anew = Destination {
            transport,
            addr,
            tls_name: (transport == Transport::Tls).then_some(target.host),
            flow: None,
        };
        Route::Fixed(vec![flow.back(), anew])
    }

    /// The next request within the dialog (§12.2.1.1), without Via and Contact.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_seq += 1;
        self.numbered(method, self.local_seq)
    }

    /// The ACK of a 2xx to the INVITE numbered `invite` (§13.2.2.4).
    pub(crate) fn ack(&self, invite: u32) -> Request {
        self.numbered(Method::Ack, invite)
    }

    /// Gives a request that is sent again, with credentials, its new number.
    pub(crate) fn renumber(&mut self, request: &mut Request) {
        self.local_seq += 1;
        let cseq = CSeq::new(self.local_seq, request.method.clone());
        request.headers.set(HeaderName::CSeq, &cseq);
    }

    /// The number of the last request sent.
    pub(crate) fn local_seq(&self) -> u32 {
        self.local_seq
    }

    /// Notes the number of a received request (§12.2.2).
    pub(crate) fn check_order(&mut self, number: u32) -> Result<(), OutOfOrder> {
        if self.remote_seq.is_some_and(|seen| number < seen) {
            return Err(OutOfOrder);
        }
        self.remote_seq = Some(number);
        Ok(())
    }

    /// Takes the Contact of a target refresh request or of its 2xx (§12.2), if it has a
    /// usable one.
    pub(crate) fn refresh_target(&mut self, headers: &Headers) {
        if let Some(uri) = contact_uri(headers) {
            self.remote_target = uri;
        }
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let (uri, routes) = self.routes.apply(&self.remote_target);
        let mut request = Request::new(method.clone(), uri);
        let headers = &mut request.headers;
        for route in routes {
            headers.push(HeaderName::Route, route);
        }
        headers.push(HeaderName::MaxForwards, 70_u32);
        headers.push(HeaderName::From, &self.local);
        headers.push(HeaderName::To, &self.remote);
        let call_id = HeaderValue::new(&*self.id.call_id);
        headers.push(
            HeaderName::CallId,
            call_id.expect("a Call-ID read from a header has no line break"),
        );
        headers.push(HeaderName::CSeq, CSeq::new(number, method));
        request
    }
}

/// The URI of the first Contact that a request can be sent to. Headers in it, which a
/// Request-URI may not have (§19.1.1), are left out.
fn contact_uri(headers: &Headers) -> Option<Uri> {
    let contacts = headers.readable_contacts();
    let mut uris = contacts.iter().map(|contact| &contact.uri);
    uris.find(|uri| uri.is_sip()).map(Uri::without_headers)
}

impl From<Unreadable> for NoDialog {
    fn from(_: Unreadable) -> Self {
        Self::Address
    }
}

#[cfg(test)]
mod tests;
