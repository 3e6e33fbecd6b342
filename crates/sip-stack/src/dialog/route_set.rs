//! Route sets (RFC 3261 §12.1, §12.2.1.1, §16.12): the proxies that asked to stay in the
//! path, and where that sends a request.

use std::sync::Arc;

use crate::message::{HeaderName, HeaderValue, Headers, NameAddr, Uri};
use crate::target::Target;

/// The proxies between us and the peer, nearest first. Values are kept as received.
/// Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteSet(Arc<[Hop]>);

#[derive(Clone, Debug)]
struct Hop {
    value: HeaderValue,
    uri: Uri,
}

impl PartialEq for Hop {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Hop {}

impl RouteSet {
    /// From the Record-Route of a response to our request: in reverse. `None` if one
    /// cannot be read.
    pub(crate) fn of_response(headers: &Headers) -> Option<Self> {
        let mut hops = Self::read(headers, &HeaderName::RecordRoute)?;
        hops.reverse();
        Some(Self(hops.into()))
    }

    /// From the Record-Route of a request to us: as it stands.
    pub(crate) fn of_request(headers: &Headers) -> Option<Self> {
        Some(Self(Self::read(headers, &HeaderName::RecordRoute)?.into()))
    }

    /// From the Service-Route of a registration (RFC 3608 §6.1): as it stands.
    pub(crate) fn of_service_route(headers: &Headers) -> Option<Self> {
        Some(Self(Self::read(headers, &HeaderName::ServiceRoute)?.into()))
    }

    /// One proxy before all others, unless it is the first already.
    pub(crate) fn prepend(&mut self, proxy: &Uri) {
        if !self
            .0
            .first()
            .is_some_and(|hop| same_server(&hop.uri, proxy))
        {
            let first = Hop {
                value: HeaderValue::from(NameAddr::new(proxy.clone())),
                uri: proxy.clone(),
            };
            self.0 = [first].into_iter().chain(self.0.iter().cloned()).collect();
        }
    }

    /// The nearest proxy.
    pub(crate) fn first(&self) -> Option<&Uri> {
        self.0.first().map(|hop| &hop.uri)
    }

    /// Request-URI and Route values of a request for `remote_target` (§12.2.1.1). A first
    /// proxy without `lr` is a strict router: it gets its own URI in the Request-URI.
    pub(crate) fn apply(&self, remote_target: &Uri) -> (Uri, Vec<HeaderValue>) {
        let values = |hops: &[Hop]| hops.iter().map(|hop| hop.value.clone()).collect::<Vec<_>>();
        match self.0.split_first() {
            None => (remote_target.clone(), Vec::new()),
            Some((first, _)) if first.uri.is_loose_router() => {
                (remote_target.clone(), values(&self.0))
            }
            Some((first, rest)) => {
                let mut routes = values(rest);
                routes.push(HeaderValue::from(NameAddr::new(remote_target.clone())));
                (first.uri.without_headers(), routes)
            }
        }
    }

    /// Where such a request is sent: the first proxy, loose or strict, else the target.
    pub(crate) fn next_hop(&self, remote_target: &Uri) -> Target {
        Target::of_uri(self.first().unwrap_or(remote_target))
    }

    fn read(headers: &Headers, name: &HeaderName) -> Option<Vec<Hop>> {
        headers
            .values(name)
            .into_iter()
            .map(|value| {
                let uri = NameAddr::parse(&value.text()).ok()?.uri;
                Some(Hop { value, uri })
            })
            .collect()
    }
}

fn same_server(a: &Uri, b: &Uri) -> bool {
    let (a, b) = (Target::of_uri(a), Target::of_uri(b));
    a.host.eq_ignore_ascii_case(&b.host) && a.port == b.port && a.transport == b.transport
}
