//! Who is where (RFC 3261 §10.3), and who has to show credentials. It forgets its nonces
//! now and then, and everything when it is restarted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::network::Node;
use crate::account::Ha1;
use crate::digest::{Authorization, Challenge};
use crate::message::{
    HeaderName, HeaderValue, Method, NameAddr, Request, Response, StatusCode, Uri,
};
use crate::transport::Destination;

pub(super) const DOMAIN: &str = "example.com";
/// How often one nonce may be used.
const USES: u32 = 3;
/// What is granted at most, in seconds, unless the registrar wants more than that.
const GRANTED: u32 = 120;

#[derive(Default)]
pub(super) struct Registrar {
    users: BTreeMap<String, Ha1>,
    bindings: BTreeMap<String, Vec<Binding>>,
    /// Answered requests per nonce.
    nonces: BTreeMap<String, u32>,
    serial: u32,
    min_expires: u32,
    /// Answers to challenges that were wrong.
    pub(super) refused: u32,
}

/// Where one phone of a user is.
#[derive(Clone)]
pub(super) struct Binding {
    pub(super) contact: Uri,
    /// The proxy it registered through, and the way back from there.
    pub(super) by: Node,
    pub(super) back: Destination,
    until: Instant,
}

impl Registrar {
    pub(super) fn new(min_expires: u32) -> Self {
        Self {
            min_expires,
            ..Self::default()
        }
    }

    pub(super) fn add_user(&mut self, user: &str, ha1: Ha1) {
        self.users.insert(user.to_owned(), ha1);
    }

    pub(super) fn restart(&mut self) {
        self.bindings.clear();
        self.nonces.clear();
    }

    /// Whether any phone of this user can be called.
    pub(super) fn bindings(&self, user: &str, now: Instant) -> Vec<Binding> {
        let all = self.bindings.get(user).into_iter().flatten();
        all.filter(|binding| binding.until > now).cloned().collect()
    }

    /// The binding whose Contact is this very URI: requests within a dialog.
    pub(super) fn binding_of(&self, contact: &Uri) -> Option<&Binding> {
        let mut all = self.bindings.values().flatten();
        all.find(|binding| binding.contact.user() == contact.user())
    }

    /// What a request without good credentials is answered.
    pub(super) fn challenge(&mut self, request: &Request) -> Option<Response> {
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
            let ha1 = self.users.get(given.username());
            let is_good = ha1.is_some_and(|ha1| given.verify(ha1, &request.method).is_ok());
            if !is_good || given.uri() != request.uri.as_str() {
                self.refused += 1;
                return Some(request.reply(StatusCode::FORBIDDEN));
            }
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
        let value = Challenge::new(DOMAIN, &nonce, None, stale).expect("no line break in it");
        self.nonces.insert(nonce, 0);
        let mut response = request.reply(code);
        let value = HeaderValue::new(value.to_string()).expect("no line break in it");
        response.headers.push(challenge, value);
        Some(response)
    }

    pub(super) fn register(
        &mut self,
        request: &Request,
        by: Node,
        back: Destination,
        now: Instant,
    ) -> Response {
        let to = request.headers.to().ok();
        let contacts = request.headers.readable_contacts();
        let (Some(user), [contact, ..]) = (
            to.as_ref().and_then(|to| to.uri.user()),
            contacts.as_slice(),
        ) else {
            return request.reply(StatusCode::BAD_REQUEST);
        };
        let asked = contact.params.get("expires");
        let asked = asked.and_then(|text| text.parse().ok());
        let asked = asked.or_else(|| request.headers.expires().ok().flatten());
        let asked = asked.unwrap_or(GRANTED);
        if asked > 0 && asked < self.min_expires {
            let mut refusal = request.reply(StatusCode::INTERVAL_TOO_BRIEF);
            let least = HeaderValue::new(self.min_expires.to_string()).expect("a number");
            refusal.headers.push(HeaderName::MinExpires, least);
            return refusal;
        }
        let granted = asked.min(GRANTED.max(self.min_expires));
        let all = self.bindings.entry(user.to_owned()).or_default();
        all.retain(|other| other.contact.user() != contact.uri.user() && other.until > now);
        if granted > 0 {
            all.push(Binding {
                contact: contact.uri.clone(),
                by,
                back,
                until: now + Duration::from_secs(granted.into()),
            });
        }
        let mut ok = request.reply(StatusCode::OK);
        for binding in all {
            let left = binding.until.saturating_duration_since(now).as_secs();
            let mut contact = NameAddr::new(binding.contact.clone());
            contact
                .params
                .set("expires", &left.to_string())
                .expect("a number");
            ok.headers.push(HeaderName::Contact, contact);
        }
        ok
    }
}
