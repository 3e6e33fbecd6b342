//! What a REGISTER of ours says (RFC 3261 §10.2, RFC 3327 §5.1, RFC 5626 §4.2.1).

use super::Purpose;
use crate::account::{Account, Capabilities};
use crate::message::{CSeq, HeaderName, HeaderValue, Method, NameAddr, Request};
use crate::target::Target;
use crate::transaction::Route;
use crate::user_agent::Core;

/// Extensions we take part in.
const SUPPORTED: &str = "path, outbound, gruu";
/// The same behind a proxy that refuses outbound.
const SUPPORTED_WITHOUT_OUTBOUND: &str = "path, gruu";

impl Account {
    pub(super) fn registrar_route(&self) -> Route {
        Route::Target(self.registrar_target())
    }

    /// The next hop of registrations.
    pub(crate) fn registrar_target(&self) -> Target {
        match &self.config.outbound_proxy {
            Some(proxy) => self.target(proxy),
            None => self.target(&self.registrar),
        }
    }

    /// A REGISTER without CSeq, Contact and credentials, which are written when it is sent.
    pub(super) fn register_request(&self, purpose: Purpose, core: &Core) -> Request {
        let mut request = Request::new(Method::Register, self.registrar.clone());
        let headers = &mut request.headers;
        if let Some(proxy) = self.proxy() {
            headers.push(HeaderName::Route, NameAddr::new(proxy));
        }
        headers.push(HeaderName::MaxForwards, 70_u32);
        headers.push(HeaderName::From, self.from(&self.registration.tag));
        headers.push(HeaderName::To, NameAddr::new(self.aor.clone()));
        headers.push(HeaderName::CallId, self.registration.call_id.clone());
        headers.push(HeaderName::CSeq, CSeq::new(0, Method::Register));
        let expires = match purpose {
            Purpose::Bind => self.registration.expires,
            Purpose::Unbind => 0,
        };
        headers.push(HeaderName::Expires, expires);
        let supported = match self.registration.lacks_outbound {
            true => SUPPORTED_WITHOUT_OUTBOUND,
            false => SUPPORTED,
        };
        headers.push(HeaderName::Supported, HeaderValue::from_static(supported));
        let capabilities = Capabilities::of(&self.config, &core.config);
        headers.push(HeaderName::Allow, capabilities.methods());
        self.name_software(headers, HeaderName::UserAgent, core);
        request
    }

    /// Parameters of the Contact in a REGISTER: the device, and the flow's number.
    pub(crate) fn register_contact_params(&self) -> String {
        let instance = self.instance();
        match self.registration.lacks_outbound {
            true => format!(";+sip.instance=\"<urn:uuid:{instance}>\""),
            false => format!(";+sip.instance=\"<urn:uuid:{instance}>\";reg-id=1"),
        }
    }
}
