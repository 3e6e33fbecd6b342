//! What one account may do: whom it may call, how often and how long, and whether it can be called.
//!
//! A guard against stolen passwords and pages gone wild, not an authentication. The address that
//! is checked is the one the user agent would dial ([`request_uri`]), so that no spelling of a
//! forbidden address gets past.

use std::sync::Arc;
use std::time::Duration;

use sip_stack::command::request_uri;
use sip_stack::message::Uri;

use super::Pattern;

/// The rules of an operator for some accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLimits {
    /// Calls at a time, over all connections that have the account; `None`: no limit of its own.
    pub max_calls: Option<usize>,
    /// Who may be called; `None`: everybody.
    pub destinations: Option<Vec<Pattern>>,
    /// Whether calls to it are put through.
    pub may_receive: bool,
    /// Whether it may call.
    pub may_call: bool,
    /// The longest duration of an answered call; `None`: no limit.
    pub longest_call: Option<Duration>,
    /// How long before that end the page is warned.
    pub warning: Duration,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self {
            max_calls: None,
            destinations: None,
            may_receive: true,
            may_call: true,
            longest_call: None,
            warning: Duration::from_secs(60),
        }
    }
}

/// The rules as they apply to one account. The default allows everything.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    limits: Arc<AccountLimits>,
    /// `sip:` and the domain of the account.
    own: Option<Uri>,
}

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// The account may call nobody.
    Calling,
    /// It may not call this one.
    Destination,
}

impl Permissions {
    /// The rules for the account `user@domain[:port]`.
    #[must_use]
    pub fn new(limits: Arc<AccountLimits>, domain: &str) -> Self {
        let own = Uri::parse(&format!("sip:{domain}")).ok();
        Self { limits, own }
    }

    /// The rules behind.
    #[must_use]
    pub fn limits(&self) -> &AccountLimits {
        &self.limits
    }

    /// Whether the account may call `target`: an address, a bare user or number, or a URI.
    ///
    /// # Errors
    /// When it may not. What cannot be dialled at all is barred too, if there is a list.
    pub fn may_dial(&self, target: &str) -> Result<(), Barred> {
        if !self.limits.may_call {
            return Err(Barred::Calling);
        }
        let Some(allowed) = &self.limits.destinations else {
            return Ok(());
        };
        let (Some(own), true) = (&self.own, !allowed.is_empty()) else {
            return Err(Barred::Destination);
        };
        let own_domain = own.host_text().unwrap_or_default();
        let dialled = request_uri(target, own).map_err(|_undialable| Barred::Destination)?;
        let (user, domain) = match dialled.tel_number() {
            Some(number) => (number_only(number), own_domain.to_owned()),
            None => {
                // It would lead the request somewhere else than the address says.
                if dialled.has_param("maddr") {
                    return Err(Barred::Destination);
                }
                let user = dialled.user_decoded().unwrap_or_default().into_owned();
                (user, dialled.host_text().unwrap_or_default().to_owned())
            }
        };
        let means = |pattern: &Pattern| pattern.matches(&user, &domain, own_domain);
        if allowed.iter().any(means) {
            Ok(())
        } else {
            Err(Barred::Destination)
        }
    }
}

/// A telephone number without what makes it readable (RFC 3966 §5.1.1).
fn number_only(number: &str) -> String {
    number
        .chars()
        .filter(|c| !matches!(c, '-' | '.' | '(' | ')'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_rules_everybody_may_be_called() {
        let all = Permissions::new(Arc::default(), "example.com");
        assert_eq!(all.may_dial("anybody@elsewhere.example"), Ok(()));
    }

    #[test]
    fn the_address_checked_is_the_one_that_would_be_dialled() {
        let permissions = permissions(&["*@example.com", "+49*"]);
        for target in [
            "bob@example.com",
            "sip:bob@EXAMPLE.COM:5070;transport=tcp",
            "bob",
            "+49 (30) 1-2",
            "tel:+49-30-12",
            "%2B4930@example.com",
        ] {
            assert_eq!(permissions.may_dial(target), Ok(()), "{target}");
        }
        for target in [
            "bob@elsewhere.example",
            "bob@example.com@elsewhere.example",
            "bob@elsewhere.example?Route=%3Csip:example.com%3E",
            "bob@example.com;maddr=192.0.2.9",
            "sip:192.0.2.9:5060",
            "",
            "mailto:bob@example.com",
        ] {
            assert_eq!(
                permissions.may_dial(target),
                Err(Barred::Destination),
                "{target}"
            );
        }
    }

    #[test]
    fn numbers_of_other_countries_are_barred_in_every_spelling() {
        let permissions = permissions(&["+49*"]);
        for target in [
            "+1900555",
            "tel:+1-900-555",
            "+1900555@example.com",
            "%2b1900555",
            "001900555",
            "+4930@elsewhere.example",
        ] {
            assert_eq!(
                permissions.may_dial(target),
                Err(Barred::Destination),
                "{target}"
            );
        }
    }

    #[test]
    fn an_account_that_may_not_call_calls_nobody() {
        let limits = AccountLimits {
            may_call: false,
            ..AccountLimits::default()
        };
        let permissions = Permissions::new(Arc::new(limits), "example.com");
        assert_eq!(permissions.may_dial("bob"), Err(Barred::Calling));
    }

    fn permissions(allowed: &[&str]) -> Permissions {
        let limits = AccountLimits {
            destinations: Some(allowed.iter().map(|text| Pattern::new(text)).collect()),
            ..AccountLimits::default()
        };
        Permissions::new(Arc::new(limits), "example.com:5070")
    }
}
