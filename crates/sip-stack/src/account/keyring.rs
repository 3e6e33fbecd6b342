//! An account's credentials at work (RFC 3261 §22, RFC 7616 §3.4-3.5): which challenges
//! it answers, and the nonces it holds.
//!
//! A challenge is answered only to the account's own registrar or proxy, and only for the
//! account's own realm: its domain, what the configuration adds, and the realm in which
//! its registrar first accepted it. Until then, and if nothing is configured, REGISTER may
//! be challenged for any realm; other requests may not, as our proxy passes on what the
//! called side says.

use crate::account::AccountConfig;
use crate::digest::{Challenge, Credentials, DigestError, NonceState, select};
use crate::event::StatusReason;
use crate::message::{HeaderName, Headers, Request, Response};
use crate::registration::Fingerprint;

/// Challenges answered for one request before giving up, stale ones included.
const MAX_ROUNDS: u8 = 6;
/// Nonces held for one account.
const MAX_HELD: usize = 8;

/// What a nonce was learned for; registrar and proxy hand out their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// REGISTER.
    Registration,
    /// Everything else.
    Calls,
}

/// Whose challenges to a request are answered. An answer lets whoever asked for it try
/// passwords at leisure, so that it is given to nobody who merely knows our realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenger {
    /// The request goes to the account's own registrar or proxy, which may see
    /// credentials without asking.
    OwnServer,
    /// It goes within a dialog we made, or to another domain: that server may still be on
    /// the way, and is known by its address.
    OnTheWay,
    /// It goes within a dialog that somebody else made.
    Nobody,
}

/// Who challenges: the server that answers 401, or a proxy that answers 407.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Server,
    Proxy,
}

impl Role {
    fn credentials_header(self) -> HeaderName {
        match self {
            Self::Server => HeaderName::Authorization,
            Self::Proxy => HeaderName::ProxyAuthorization,
        }
    }

    fn success_header(self) -> HeaderName {
        match self {
            Self::Server => HeaderName::AuthenticationInfo,
            Self::Proxy => HeaderName::ProxyAuthenticationInfo,
        }
    }

    fn challenges(self, headers: &Headers) -> Vec<Challenge> {
        match self {
            Self::Server => headers.www_authenticate(),
            Self::Proxy => headers.proxy_authenticate(),
        }
    }
}

/// One request and its repetitions with credentials, up to the final answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    scope: Scope,
    challenger: Challenger,
    answered: Vec<(Role, String)>,
    rounds: u8,
}

impl Exchange {
    pub(crate) fn new(scope: Scope, challenger: Challenger) -> Self {
        Self {
            scope,
            challenger,
            answered: Vec::new(),
            rounds: 0,
        }
    }

    /// Whether the request goes to the account's own registrar or proxy.
    pub(crate) fn is_own(&self) -> bool {
        match self.challenger {
            Challenger::OwnServer => true,
            Challenger::OnTheWay | Challenger::Nobody => false,
        }
    }

    /// Whether a challenge may be answered that came from the address of the account's own
    /// registrar or proxy, or from another one.
    fn is_answered(&self, from_own_server: bool) -> bool {
        match self.challenger {
            Challenger::OwnServer | Challenger::OnTheWay => from_own_server,
            Challenger::Nobody => false,
        }
    }
}

/// Why a challenge is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CannotAnswer {
    /// Credentials made from a challenge of this very exchange were not accepted.
    NotAccepted,
    /// Whoever asks has no business with our credentials.
    Stranger,
    /// Nothing that these credentials can answer.
    Digest(DigestError),
}

impl CannotAnswer {
    /// What the application hears, where `response` held the challenge.
    pub(crate) fn reason(&self, response: &Response) -> StatusReason {
        let code = response.status.code();
        match self {
            Self::NotAccepted => StatusReason::no_matching_challenge(),
            Self::Stranger => StatusReason::new(code, "Challenge of Another Server"),
            Self::Digest(DigestError::RealmMismatch(_)) => {
                StatusReason::new(code, "Challenge of Another Realm")
            }
            Self::Digest(DigestError::AlgorithmUnsupported(_) | DigestError::QopUnsupported) => {
                StatusReason::new(code, "Challenge Needs More Than MD5")
            }
            Self::Digest(DigestError::NoChallenge | DigestError::Refused) => {
                StatusReason::of(response)
            }
        }
    }
}

struct Held {
    scope: Scope,
    role: Role,
    nonce: NonceState,
}

/// The credentials of an account with the nonces it may use.
pub(crate) struct Keyring {
    credentials: Credentials,
    domain: String,
    realms: Vec<String>,
    pinned: Option<String>,
    held: Vec<Held>,
}

impl Keyring {
    pub(crate) fn new(config: &AccountConfig, domain: &str) -> Self {
        let user = config.aor.split('@').next().unwrap_or(&config.aor);
        let username = config.username.as_deref().unwrap_or(user);
        Self {
            credentials: Credentials {
                username: username.to_owned(),
                ha1: config.ha1,
            },
            domain: domain.to_owned(),
            realms: config.realms.clone(),
            pinned: None,
            held: Vec::new(),
        }
    }

    /// User and password, for comparing only.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let Credentials { username, ha1 } = &self.credentials;
        let hash = ha1.hex();
        Fingerprint::of(&format!("{username}:{}:{hash}", self.domain))
    }

    /// Writes credentials into a request: for the nonces at hand that its exchange may
    /// use, in place of any it carried.
    pub(crate) fn authorize(
        &mut self,
        request: &mut Request,
        exchange: &Exchange,
        mut cnonce: impl FnMut() -> String,
    ) {
        for role in [Role::Server, Role::Proxy] {
            request.headers.remove(&role.credentials_header());
        }
        for held in &mut self.held {
            let realm = held.nonce.challenge().realm();
            let asked = exchange.answered.contains(&(held.role, realm));
            if held.scope != exchange.scope || !(exchange.is_own() || asked) {
                continue;
            }
            let answer = held.nonce.answer(
                &self.credentials,
                &request.method,
                request.uri.as_str(),
                &cnonce(),
            );
            match answer {
                Ok(value) => request.headers.push(held.role.credentials_header(), value),
                Err(error) => tracing::debug!(%error, "no credentials for a held nonce"),
            }
        }
    }

    /// Takes the challenges of a 401 or 407. Afterwards [`Self::authorize`] answers them.
    pub(crate) fn take_challenges(
        &mut self,
        response: &Response,
        from_own_server: bool,
        exchange: &mut Exchange,
    ) -> Result<(), CannotAnswer> {
        if !exchange.is_answered(from_own_server) {
            return Err(CannotAnswer::Stranger);
        }
        exchange.rounds += 1;
        if exchange.rounds > MAX_ROUNDS {
            return Err(CannotAnswer::NotAccepted);
        }
        let mut taken = Err(DigestError::NoChallenge);
        for role in [Role::Server, Role::Proxy] {
            let challenges = role.challenges(&response.headers);
            if challenges.is_empty() {
                continue;
            }
            match select(&challenges, self.allowed(&challenges, exchange).as_deref()) {
                Ok(selected) => {
                    for challenge in selected {
                        self.take(role, challenge, exchange)?;
                    }
                    taken = Ok(());
                }
                Err(error) => taken = taken.or(Err(error)),
            }
        }
        taken.map_err(CannotAnswer::Digest)
    }

    /// Learns from a success: the realm, and the next nonce.
    pub(crate) fn accepted(&mut self, response: &Response, exchange: &Exchange) {
        if exchange.scope == Scope::Registration
            && let Some((_, realm)) = exchange.answered.last()
        {
            self.pinned = Some(realm.clone());
        }
        for held in &mut self.held {
            if held.scope == exchange.scope
                && let Some(line) = response.headers.get(&held.role.success_header())
            {
                held.nonce.handle_authentication_info(&line.text());
            }
        }
    }

    fn take(
        &mut self,
        role: Role,
        challenge: &Challenge,
        exchange: &mut Exchange,
    ) -> Result<(), CannotAnswer> {
        let answered = (role, challenge.realm());
        if exchange.answered.contains(&answered) {
            if !challenge.is_stale() {
                return Err(CannotAnswer::NotAccepted);
            }
        } else {
            exchange.answered.push(answered);
        }
        let scope = exchange.scope;
        self.held.retain(|held| {
            held.scope != scope || held.role != role || !held.nonce.is_for(&challenge.realm())
        });
        if self.held.len() == MAX_HELD {
            self.held.remove(0);
        }
        self.held.push(Held {
            scope,
            role,
            nonce: NonceState::new(challenge.clone()),
        });
        Ok(())
    }

    /// The realms among those offered that may be answered; `None` if any may.
    fn allowed(&self, offered: &[Challenge], exchange: &Exchange) -> Option<Vec<String>> {
        let is_first = self.pinned.is_none() && self.realms.is_empty();
        if is_first && exchange.scope == Scope::Registration {
            return None;
        }
        let ours = |realm: &String| {
            realm.eq_ignore_ascii_case(&self.domain)
                || self.realms.contains(realm)
                || self.pinned.as_ref() == Some(realm)
        };
        Some(offered.iter().map(Challenge::realm).filter(ours).collect())
    }
}
