//! An account as the user agent keeps it: the parsed address, the Contact token, the
//! credentials and the registration.

use std::sync::Arc;

use super::allowance::Allowance;
use super::{AccountConfig, AccountId, Attempt, Challenger, Keyring, Known};
use crate::dialog::RouteSet;
use crate::message::{
    HeaderName, HeaderValue, Headers, Method, NameAddr, Request, Uri, UriBuilder,
};
use crate::registration::{Fingerprint, HopId, Registration};
use crate::target::Target;
use crate::transaction::{ContactTemplate, Route};
use crate::transport::Source;
use crate::user_agent::Core;

pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) config: AccountConfig,
    /// The address-of-record as text: its registrations come one after the other.
    pub(crate) address: Arc<str>,
    /// Its domain, in lower case.
    pub(crate) domain: Arc<str>,
    /// The next hop of its registrations.
    pub(crate) hop: HopId,
    /// The address-of-record.
    pub(crate) aor: Uri,
    /// The account's domain as a URI: where it registers.
    pub(crate) registrar: Uri,
    /// User part of our Contact: the binding's secret name.
    pub(crate) token: Arc<str>,
    pub(crate) keyring: Keyring,
    pub(crate) registration: Registration,
    /// Usages that refer to this account.
    pub(crate) uses: usize,
    /// Its calls.
    pub(crate) sessions: usize,
    /// Removed by the application; lives on until everything has been said.
    pub(crate) leaving: bool,
    /// Addresses of its registrar and proxies, as counted in `UserAgent::known`.
    pub(crate) known: Known,
    /// Messages that have come in lately.
    pub(crate) messages: Allowance,
}

impl Account {
    /// `None` if the address-of-record is no SIP address.
    pub(crate) fn new(id: AccountId, config: AccountConfig, core: &mut Core) -> Option<Self> {
        let aor = Uri::parse(&format!("sip:{}", config.aor)).ok()?;
        aor.user()?;
        let mut registrar = UriBuilder::sip(aor.host()?.clone());
        if let Some(port) = aor.port() {
            registrar = registrar.port(port);
        }
        let domain = aor.host_text().unwrap_or_default().to_ascii_lowercase();
        let mut account = Self {
            id,
            address: config.aor.as_str().into(),
            domain: core.shared.text(&domain),
            hop: HopId::default(),
            registrar: registrar.build().ok()?,
            token: core.token().into(),
            keyring: Keyring::new(&config, aor.host_text().unwrap_or_default()),
            registration: Registration::new(config.expires, core),
            aor,
            config,
            uses: 0,
            sessions: 0,
            leaving: false,
            known: Known::default(),
            messages: Allowance::default(),
        };
        account.hop = core.pacer.join(&account.registrar_target());
        Some(account)
    }

    /// User and password, for comparing only.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.keyring.fingerprint()
    }

    /// Whether nothing needs the account any more.
    pub(crate) fn is_done(&self) -> bool {
        self.leaving && self.uses == 0 && !self.registration.is_live()
    }

    /// The account's name in From, with a new tag.
    pub(crate) fn from(&self, tag: &str) -> NameAddr {
        let mut from = self.name_addr();
        from.set_tag(tag).expect("a token holds no line break");
        from
    }

    /// The account's address with its name.
    pub(crate) fn name_addr(&self) -> NameAddr {
        let plain = || NameAddr::new(self.aor.clone());
        match &self.config.display_name {
            Some(name) => plain().with_display_name(name).unwrap_or_else(|_| plain()),
            None => plain(),
        }
    }

    /// The proxies that a new request goes through: the outbound proxy, then what the
    /// registrar asked for (RFC 3608).
    pub(crate) fn routes(&self) -> RouteSet {
        let mut routes = self.registration.service_route().clone();
        if let Some(proxy) = self.proxy() {
            routes.prepend(&proxy);
        }
        routes
    }

    /// The outbound proxy with `;lr`.
    pub(crate) fn proxy(&self) -> Option<Uri> {
        let proxy = self.config.outbound_proxy.as_ref()?;
        match proxy.is_loose_router() {
            true => Some(proxy.clone()),
            false => Some(proxy.with_param("lr", "").unwrap_or_else(|_| proxy.clone())),
        }
    }

    /// Where to locate a URI that names no transport: by the account's preference.
    pub(crate) fn target(&self, uri: &Uri) -> Target {
        let uri = if uri.is_sip() { uri } else { &self.registrar };
        let mut target = Target::of_uri(uri);
        if target.transport.is_none() && !target.secure {
            target.transport = self.config.transport;
        }
        target
    }

    /// A request to `called` outside of any dialog (RFC 3261 §8.1.1) as far as its way goes; where it
    /// leaves us, and who may ask for credentials there.
    pub(crate) fn request_to(&self, method: Method, called: &Uri) -> (Request, Route, Challenger) {
        let routes = self.routes();
        let challenger = match routes.first().is_some() || self.is_own_domain(called) {
            true => Challenger::OwnServer,
            false => Challenger::OnTheWay,
        };
        let (uri, route_values) = routes.apply(called);
        let mut request = Request::new(method, uri);
        for route in route_values {
            request.headers.push(HeaderName::Route, route);
        }
        request.headers.push(HeaderName::MaxForwards, 70_u32);
        (request, self.next_hop(&routes, called), challenger)
    }

    /// Where a new request for `uri` leaves us.
    fn next_hop(&self, routes: &RouteSet, uri: &Uri) -> Route {
        Route::Target(self.target(routes.first().unwrap_or(uri)))
    }

    /// Whether the URI is of the account's own domain.
    pub(crate) fn is_own_domain(&self, uri: &Uri) -> bool {
        match (uri.host(), self.aor.host()) {
            (Some(theirs), Some(ours)) => theirs.matches(ours),
            (None, _) => true,
            (Some(_), None) => false,
        }
    }

    /// The Contact of a request of ours, to be completed by the transaction layer.
    pub(crate) fn contact_of(&self, method: &Method) -> Option<ContactTemplate> {
        match method {
            Method::Register => Some(self.contact("", self.register_contact_params())),
            Method::Invite
            | Method::Update
            | Method::Subscribe
            | Method::Refer
            | Method::Notify => Some(self.contact(self.flow_param(), String::new())),
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Options
            | Method::Info
            | Method::Message
            | Method::Prack
            | Method::Publish
            | Method::Other(_) => None,
        }
    }

    /// `;ob` where the registrar keeps our flow: requests within a dialog shall come by it
    /// too (RFC 5626 §4.3).
    fn flow_param(&self) -> &'static str {
        match self.registration.binding() {
            Some(binding) if binding.is_outbound() => ";ob",
            Some(_) | None => "",
        }
    }

    /// The Contact of a response of ours to a request that came from `source`; `secure`
    /// if that request's URI is `sips`.
    pub(crate) fn contact_towards(
        &self,
        source: &Source,
        secure: bool,
        core: &Core,
    ) -> Option<HeaderValue> {
        let own_end = || self.registration.own_end(Some(source.flow?));
        let local = || {
            let addresses = core.layer.local();
            addresses.contact(source.transport, source.remote.ip())
        };
        let (transport, addr) = match core.is_reached_by(source.transport) {
            true => local()?,
            false => own_end().or_else(local)?,
        };
        let contact = self.contact(self.flow_param(), String::new());
        Some(contact.at(transport, addr, secure))
    }

    /// The Contact of a request that goes over the connection of the registration, where
    /// nobody could connect to us: our own end of that connection, as the registrar sees
    /// it. Proxies find the connection by it.
    pub(super) fn contact_on_flow(&self, attempt: &Attempt, core: &Core) -> Option<HeaderValue> {
        self.contact_of(&attempt.request.method)?;
        let flow = match &attempt.route {
            Route::Target(_) if attempt.is_own() => None,
            Route::Target(_) => return None,
            Route::Fixed(destinations) => Some(destinations.first()?.flow?),
        };
        if attempt.request.method == Method::Register {
            return None;
        }
        let (transport, addr) = self.registration.own_end(flow)?;
        if core.is_reached_by(transport) {
            return None;
        }
        let secure = attempt.request.uri.is_sips();
        Some(
            self.contact(self.flow_param(), String::new())
                .at(transport, addr, secure),
        )
    }

    fn contact(&self, uri_params: &str, header_params: String) -> ContactTemplate {
        ContactTemplate::new(&*self.token, uri_params, header_params)
            .expect("token and instance hold no line break")
    }

    /// User-Agent or Server.
    pub(crate) fn name_software(&self, headers: &mut Headers, name: HeaderName, core: &Core) {
        let own = self.config.user_agent.as_deref();
        let text = own.unwrap_or(&core.config.user_agent);
        if let Ok(value) = HeaderValue::new(text) {
            headers.set(name, value);
        }
    }

    /// The UUID of the instance, without anything that could leave its quotes.
    pub(crate) fn instance(&self) -> String {
        let keep = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
        self.config.instance.chars().filter(keep).collect()
    }
}
