//! Who calls us, as far as it may be believed; and who we say we are (RFC 3323, RFC 3325).
//!
//! What headers mean is `identity`'s business. Here is who is trusted: hops in the networks
//! that the configuration names for the account's domain, or for its outbound proxy.
//!
//! An application that asks for privacy (a Privacy header of its own) calls as nobody. Its own
//! server is told who that is by P-Preferred-Identity, which it asserts or not as it sees fit,
//! and takes away; nobody else ever sees one. P-Asserted-Identity is never sent.

use std::net::IpAddr;

use super::UserAgent;
use super::headers::push_extra;
use crate::account::{Account, AccountId, Challenger};
use crate::event::Originator;
use crate::identity::{self, Asserted};
use crate::message::{HeaderName, HeaderValue, Headers, NameAddr};
use crate::transport::Source;

/// What an application wants to be known of who calls.
#[derive(Default)]
pub(super) struct Wish {
    private: bool,
    /// It does not say so itself: the call before this one was private.
    inherited: bool,
    /// What it would like to be called: one SIP URI, one number, or both.
    preferred: Vec<NameAddr>,
}

impl Wish {
    /// Reads the headers that an application adds to its request. `inherited`: it was private in
    /// the call that this one goes on with.
    pub(super) fn read(extra: &[(String, String)], inherited: bool) -> Self {
        let of = |wanted: HeaderName| {
            let named = extra
                .iter()
                .filter(move |(name, _)| HeaderName::parse(name).is_ok_and(|name| name == wanted));
            named.map(|(_, value)| value.as_str())
        };
        let preferred = Asserted::read(of(HeaderName::PPreferredIdentity));
        let asked = of(HeaderName::Privacy).any(identity::asks_for_privacy);
        Self {
            private: asked || inherited,
            inherited: inherited && !asked,
            preferred: preferred.map_or_else(Vec::new, |read| read.addresses().collect()),
        }
    }

    /// From of a new request.
    pub(super) fn from(&self, account: &Account, tag: &str) -> NameAddr {
        if !self.private {
            return account.from(tag);
        }
        let mut from = identity::anonymous();
        from.set_tag(tag).expect("a token holds no line break");
        from
    }

    /// The application's headers, and for the account's own server, who it is.
    pub(super) fn push_headers(
        &self,
        headers: &mut Headers,
        account: &Account,
        challenger: Challenger,
        extra: &[(String, String)],
    ) {
        push_extra(headers, extra);
        if self.inherited {
            headers.push(HeaderName::Privacy, HeaderValue::from_static("id"));
        }
        match challenger {
            Challenger::OwnServer => {}
            Challenger::OnTheWay | Challenger::Nobody => return,
        }
        let own = (self.private && self.preferred.is_empty()).then(|| account.name_addr());
        for address in self.preferred.iter().chain(&own) {
            headers.push(HeaderName::PPreferredIdentity, address.clone());
        }
    }
}

impl UserAgent {
    /// Who sent a message to the account.
    pub(super) fn originator(
        &self,
        account: AccountId,
        headers: &Headers,
        source: &Source,
    ) -> Originator {
        identity::originator(headers, self.trusts(account, source))
    }

    /// What the application may see of a message to the account.
    pub(super) fn shown(
        &self,
        account: AccountId,
        headers: &Headers,
        source: &Source,
    ) -> Vec<(String, String)> {
        identity::shown(headers, self.trusts(account, source))
    }

    /// Whether the account believes what this hop says of others.
    fn trusts(&self, account: AccountId, source: &Source) -> bool {
        let address: IpAddr = source.remote.ip();
        let Some(account) = self.accounts.get(&account) else {
            return false;
        };
        let proxy = account.config.outbound_proxy.as_ref();
        let proxy = proxy.and_then(|proxy| proxy.host_text());
        let mut domains = self.core.config.trust_domains.iter();
        domains.any(|domain| {
            let is_meant = domain.is_of(&account.domain) || proxy.is_some_and(|p| domain.is_of(p));
            is_meant && domain.holds(address)
        })
    }
}
