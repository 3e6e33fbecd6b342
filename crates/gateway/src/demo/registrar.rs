//! The demo's registrar: who may register, and where they are (RFC 3261 section 10.3).
//!
//! Holds the accounts of one domain, checks digest answers, and keeps the newest binding
//! of each account in memory. Not here: sockets and the forwarding of requests ([`super::proxy`]).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sip_stack::digest::{Authorization, Challenge, Ha1};
use sip_stack::message::{Contacts, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};

/// The longest time a binding is kept without a refresh.
const MAX_EXPIRES: Duration = Duration::from_secs(600);
/// The shortest time granted (RFC 3261 section 10.3, 423).
const MIN_EXPIRES: Duration = Duration::from_secs(10);
/// How long a nonce is good.
const NONCE_LIFE: Duration = Duration::from_secs(300);

/// One domain with its accounts and their bindings.
pub(super) struct Registrar {
    domain: String,
    accounts: HashMap<String, Account>,
    secret: u64,
    start: Instant,
}

struct Account {
    ha1: Ha1,
    binding: Option<Binding>,
}

/// Where an account can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// Its Contact, which becomes the Request-URI.
    pub(super) contact: Uri,
    /// Where the REGISTER came from, and requests go to.
    pub(super) addr: SocketAddr,
    deadline: Instant,
    call_id: String,
    cseq: u32,
}

impl Registrar {
    /// A registrar for `domain` with accounts of (user, password); `secret` makes its nonces unguessable.
    pub(super) fn new(
        domain: &str,
        accounts: impl IntoIterator<Item = (String, String)>,
        secret: u64,
        start: Instant,
    ) -> Self {
        let accounts = accounts
            .into_iter()
            .map(|(user, password)| {
                let ha1 = Ha1::compute(&user, domain, &password);
                (user, Account { ha1, binding: None })
            })
            .collect();
        Self {
            domain: domain.to_owned(),
            accounts,
            secret,
            start,
        }
    }

    /// Whether a URI is of this domain.
    pub(super) fn owns(&self, uri: &Uri) -> bool {
        uri.host_text()
            .is_some_and(|host| host.eq_ignore_ascii_case(&self.domain))
    }

    /// Answers a REGISTER that came from `from`.
    pub(super) fn handle_register(
        &mut self,
        request: &Request,
        from: SocketAddr,
        now: Instant,
    ) -> Response {
        let Ok(to) = request.headers.to() else {
            return request.reply(StatusCode::BAD_REQUEST);
        };
        let user = to.uri.user_decoded().unwrap_or_default().into_owned();
        if !self.owns(&to.uri) || !self.accounts.contains_key(&user) {
            return request.reply(StatusCode::NOT_FOUND);
        }
        match self.check(request, &HeaderName::Authorization, &user, now) {
            Proof::Given => self.bind(request, &user, from, now),
            Proof::Missing { stale } => {
                let mut response = request.reply(StatusCode::UNAUTHORIZED);
                self.challenge(&mut response, HeaderName::WwwAuthenticate, stale, now);
                response
            }
        }
    }

    /// Lets a request through whose sender, an account of ours, has proved itself to the
    /// proxy; otherwise the 407 or 403 to answer with.
    pub(super) fn admit(&self, request: &Request, now: Instant) -> Result<(), Response> {
        let sender = request.headers.from().map(|from| from.uri);
        let Some(user) = sender
            .ok()
            .filter(|uri| self.owns(uri))
            .and_then(|uri| uri.user_decoded().map(|user| user.into_owned()))
            .filter(|user| self.accounts.contains_key(user))
        else {
            return Err(request.reply(StatusCode::FORBIDDEN));
        };
        match self.check(request, &HeaderName::ProxyAuthorization, &user, now) {
            Proof::Given => Ok(()),
            Proof::Missing { stale } => {
                let mut response = request.reply(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
                self.challenge(&mut response, HeaderName::ProxyAuthenticate, stale, now);
                Err(response)
            }
        }
    }

    /// Where a URI of this domain leads: `Err(404)` for nobody, `Err(480)` for somebody who is away.
    pub(super) fn locate(&self, uri: &Uri, now: Instant) -> Result<&Binding, StatusCode> {
        let user = uri.user_decoded().unwrap_or_default();
        let account = self
            .accounts
            .get(user.as_ref())
            .ok_or(StatusCode::NOT_FOUND)?;
        account
            .binding
            .as_ref()
            .filter(|binding| binding.deadline > now)
            .ok_or(StatusCode::TEMPORARILY_UNAVAILABLE)
    }

    fn check(&self, request: &Request, header: &HeaderName, user: &str, now: Instant) -> Proof {
        let Some(account) = self.accounts.get(user) else {
            return Proof::Missing { stale: false };
        };
        let answer = request
            .headers
            .lines(header)
            .filter_map(|line| Authorization::parse(&line.text()))
            .find(|answer| answer.realm() == self.domain && answer.username() == user);
        let Some(answer) = answer else {
            return Proof::Missing { stale: false };
        };
        if answer.verify(&account.ha1, &request.method).is_err() {
            return Proof::Missing { stale: false };
        }
        match self.is_fresh(answer.nonce(), now) {
            true => Proof::Given,
            false => Proof::Missing { stale: true },
        }
    }

    fn challenge(&self, response: &mut Response, header: HeaderName, stale: bool, now: Instant) {
        let nonce = self.nonce(now.duration_since(self.start).as_secs());
        let challenge = Challenge::new(&self.domain, &nonce, None, stale);
        if let Ok(value) = challenge
            .map_err(drop)
            .and_then(|challenge| HeaderValue::new(challenge.to_string()).map_err(drop))
        {
            response.headers.push(header, value);
        }
    }

    // A nonce is its own time stamp and a keyed hash over it: nothing to remember.
    fn nonce(&self, seconds: u64) -> String {
        let mut keyed = self.secret.to_be_bytes().to_vec();
        keyed.extend(seconds.to_be_bytes());
        format!("{seconds:x}-{:x}", md5::compute(keyed))
    }

    fn is_fresh(&self, nonce: &str, now: Instant) -> bool {
        let seconds = nonce
            .split_once('-')
            .and_then(|(seconds, _)| u64::from_str_radix(seconds, 16).ok());
        seconds.is_some_and(|seconds| {
            let age = now
                .duration_since(self.start)
                .as_secs()
                .checked_sub(seconds);
            self.nonce(seconds) == nonce && age.is_some_and(|age| age <= NONCE_LIFE.as_secs())
        })
    }

    fn bind(&mut self, request: &Request, user: &str, from: SocketAddr, now: Instant) -> Response {
        let headers = &request.headers;
        let (Ok(contacts), Ok(cseq), Ok(call_id), Some(account)) = (
            headers.contacts(),
            headers.cseq(),
            headers.call_id(),
            self.accounts.get_mut(user),
        ) else {
            return request.reply(StatusCode::BAD_REQUEST);
        };
        if account
            .binding
            .as_ref()
            .is_some_and(|held| held.call_id == call_id && held.cseq >= cseq.number)
        {
            return request.reply(StatusCode::SERVER_INTERNAL_ERROR); // out of order, section 10.3 step 7
        }
        let asked = headers.expires().ok().flatten();
        match contacts {
            Contacts::All => account.binding = None,
            Contacts::List(contacts) => {
                for contact in contacts {
                    let own = contact.params.get("expires").and_then(|v| v.parse().ok());
                    let asked: Option<u32> = own.or(asked);
                    let granted = asked
                        .map_or(MAX_EXPIRES, |s| Duration::from_secs(s.into()))
                        .min(MAX_EXPIRES);
                    if granted.is_zero() {
                        if account
                            .binding
                            .as_ref()
                            .is_some_and(|held| held.contact == contact.uri)
                        {
                            account.binding = None;
                        }
                    } else if granted < MIN_EXPIRES {
                        let mut response = request.reply(StatusCode::INTERVAL_TOO_BRIEF);
                        let seconds = MIN_EXPIRES.as_secs() as u32;
                        response.headers.push(HeaderName::MinExpires, seconds);
                        return response;
                    } else {
                        account.binding = Some(Binding {
                            contact: contact.uri,
                            addr: from,
                            deadline: now + granted,
                            call_id: call_id.to_owned(),
                            cseq: cseq.number,
                        });
                    }
                }
            }
        }
        let mut response = request.reply(StatusCode::OK);
        if let Some(binding) = account.binding.as_ref().filter(|held| held.deadline > now) {
            let seconds = binding.deadline.duration_since(now).as_secs();
            let value = format!("<{}>;expires={seconds}", binding.contact);
            if let Ok(value) = HeaderValue::new(value) {
                response.headers.push(HeaderName::Contact, value);
            }
        }
        response
    }
}

enum Proof {
    Given,
    Missing { stale: bool },
}
