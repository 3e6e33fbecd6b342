//! What every front door works with: the user agent, the media path, the directory, the limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use media::{AddressFamily, Media};
use sip_stack::account::{AccountId, SessionId};
use sip_stack::command::request_uri;
use sip_stack::message::{Host, Uri};
use tokio::sync::watch;

use crate::account::{AccountLimits, Permissions, Seats};
use crate::call::{Encryption, Switchboard};
use crate::config::sip::{SipDomain, Srtp};
use crate::config::{AccountRule, Limits};
use crate::directory::Directory;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::random::Random;
use crate::routes::Routes;
use crate::sip::SipHandle;
use crate::supervisor::Phase;
use crate::tasks::Tasks;

/// The daemon's inside, shared by all connections.
#[derive(Debug)]
pub struct Backend {
    /// The SIP user agent.
    pub sip: SipHandle,
    /// The media workers.
    pub media: Arc<Media>,
    /// Who is told what the user agent says.
    pub directory: Directory,
    /// Live objects.
    pub ledger: Ledger,
    /// The tasks of calls.
    pub calls: Tasks,
    /// How much of everything.
    pub limits: Limits,
    /// What operators allow and require of accounts and calls.
    pub rules: Rules,
    /// Whether the daemon starts, serves or stops.
    pub phase: watch::Receiver<Phase>,
    /// Calls of accounts that may have only so many.
    pub seats: Seats,
    /// Numbers of accounts and sessions.
    pub numbers: Arc<Numbers>,
    /// What is counted of calls.
    pub metrics: Metrics,
}

impl Backend {
    /// Where calls get further sessions from.
    #[must_use]
    pub fn switchboard(&self) -> Switchboard {
        Switchboard {
            sip: self.sip.clone(),
            directory: self.directory.clone(),
            numbers: self.numbers.clone(),
        }
    }
}

/// What operators allow and require.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Domains whose accounts may be added; `*` among them: every domain.
    pub domains: Vec<String>,
    /// Where every request goes first; without it: where DNS says.
    pub outbound_proxy: Option<Uri>,
    /// The life asked for registrations, in seconds.
    pub registration_expiry: u32,
    /// What is particular about some SIP domains.
    pub sip_domains: Vec<SipDomain>,
    /// What accounts may do; the first rule that matches.
    pub accounts: Vec<AccountRule>,
    /// The status of a call that a client rejects.
    pub decline_code: u16,
    /// Codecs, and addresses that phones may name.
    pub media: Routes,
    /// Whether audio is encrypted towards phones, where no SIP domain says otherwise.
    pub srtp: Srtp,
    /// Whether keys for it may stand in SIP that is not encrypted itself.
    pub srtp_without_tls: bool,
    /// Whether calls may have video, where nothing particular is said of the domain.
    pub video: bool,
}

impl Rules {
    /// Whether accounts of this domain may be added.
    #[must_use]
    pub fn allows_domain(&self, domain: &str) -> bool {
        self.domains
            .iter()
            .any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(domain))
    }

    /// Realms whose challenges accounts of this domain answer, besides its own name.
    #[must_use]
    pub fn realms(&self, domain: &str) -> Vec<String> {
        let mut domains = self.sip_domains.iter();
        let found = domains.find(|known| known.is_of(domain));
        found.map(|known| known.realms.clone()).unwrap_or_default()
    }

    /// Whether audio of calls of this domain's accounts is encrypted: by the table of the domain,
    /// else by that of the outbound proxy.
    #[must_use]
    pub fn encryption(&self, domain: &str) -> Encryption {
        let told = |domain: &str| {
            let mut domains = self.sip_domains.iter();
            domains.find(|known| known.is_of(domain))?.srtp
        };
        let proxy = self.outbound_proxy.as_ref();
        let by_proxy = || told(proxy?.host_text()?);
        let srtp = told(domain).or_else(by_proxy).unwrap_or(self.srtp);
        Encryption {
            wish: srtp.policy(),
            without_tls: self.srtp_without_tls,
            proxy: proxy.cloned(),
            own: Uri::parse(&format!("sip:{domain}")).ok(),
        }
    }

    /// Whether calls of accounts of this domain may have video.
    #[must_use]
    pub fn allows_video(&self, domain: &str) -> bool {
        let known = self.sip_domains.iter().find(|known| known.is_of(domain));
        known.and_then(|known| known.video).unwrap_or(self.video)
    }

    /// By which addresses the phone is met that an account of `domain` calls: those of the proxy's
    /// or the called URI's own kind; `None` where that is a name. What DNS might say is not
    /// waited for.
    #[must_use]
    pub fn phone_family(&self, target: &str, domain: &str) -> Option<AddressFamily> {
        family_towards(self.outbound_proxy.as_ref(), target, domain)
    }

    /// What the account `user` of `domain` may do; everything if no rule speaks of it.
    #[must_use]
    pub fn permissions(&self, user: &str, domain: &str) -> Permissions {
        let rule = self.accounts.iter().find(|rule| rule.matches(user, domain));
        let limits = rule.map_or_else(AccountLimits::default, AccountRule::limits);
        Permissions::new(Arc::new(limits), domain)
    }
}

fn family_towards(proxy: Option<&Uri>, target: &str, domain: &str) -> Option<AddressFamily> {
    let called = || {
        let own = Uri::parse(&format!("sip:{domain}")).ok()?;
        request_uri(target, &own).ok()
    };
    match proxy.cloned().or_else(called)?.host()? {
        Host::Name(_) => None,
        Host::V4(_) => Some(AddressFamily::Ip4),
        Host::V6(_) => Some(AddressFamily::Ip6),
    }
}

/// Gives every account and outgoing session of the process a number of its own.
#[derive(Debug)]
pub struct Numbers {
    next: AtomicU64,
    instances: std::sync::Mutex<Random>,
}

impl Numbers {
    /// Starts counting; identifiers that must not be guessed come from `random`.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self {
            next: AtomicU64::new(1),
            instances: std::sync::Mutex::new(random),
        }
    }

    /// A new account.
    pub fn account(&self) -> AccountId {
        AccountId::new(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A new outgoing session.
    pub fn session(&self) -> SessionId {
        SessionId::outgoing(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A UUID that stands for one client's device, until clients name theirs. With the account
    /// it makes `+sip.instance`.
    pub fn instance(&self) -> uuid::Uuid {
        let mut random = self
            .instances
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let bytes = u128::from(random.number()) << 64 | u128::from(random.number());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_met_by_addresses_of_the_kind_it_is_called_by() {
        use AddressFamily::{Ip4, Ip6};
        for (target, family) in [
            ("bob@[2001:db8::7]:5070", Some(Ip6)),
            ("sip:bob@192.0.2.7", Some(Ip4)),
            ("bob@phones.test", None),
            ("bob", None),
            ("what is this", None),
        ] {
            assert_eq!(
                family_towards(None, target, "sylk.test"),
                family,
                "{target}"
            );
        }
        let proxy = Uri::parse("sip:[2001:db8::1];lr").expect("a URI");
        let through = family_towards(Some(&proxy), "bob@192.0.2.7", "sylk.test");
        assert_eq!(through, Some(Ip6));
    }

    #[test]
    fn numbers_never_repeat() {
        let numbers = Numbers::new(Random::from_seed([7; 32]));
        assert_ne!(numbers.account(), numbers.account());
        assert_ne!(numbers.session(), numbers.session());
        assert_ne!(numbers.instance(), numbers.instance());
    }
}
