//! From what a user typed to a Request-URI.
//!
//! Takes what web phones send: `user@domain`, a bare name or number (of the caller's own
//! domain), `sip:`, `sips:` and `tel:` URIs. Characters that may not stand in a URI are
//! escaped; what would smuggle headers into the request is cut off.

use crate::event::StatusReason;
use crate::message::{HeaderName, HeaderValue, Headers, Host, Uri, UriBuilder};
use crate::refer::Referral;

/// Longer input is no address.
const MAX_LENGTH: usize = 1024;

/// Who is to be called, and why.
#[derive(Clone, Copy)]
pub(crate) enum Called<'a> {
    /// Whom the application names.
    Typed(&'a str),
    /// Whom a REFER names.
    Referred(&'a Referral),
}

impl Called<'_> {
    /// The Request-URI, where a bare user means one of `domain`.
    pub(crate) fn uri(self, domain: &Uri) -> Result<Uri, StatusReason> {
        match self {
            Self::Typed(typed) => called_uri(typed, domain),
            Self::Referred(referral) => called_uri(&referral.target, domain),
        }
    }

    /// Whether who is called may not be told who we are.
    pub(crate) fn is_anonymous(self) -> bool {
        match self {
            Self::Typed(_) => false,
            Self::Referred(referral) => referral.anonymous,
        }
    }

    /// What an INVITE says of it (RFC 3891 §3, RFC 3892 §2.2).
    pub(crate) fn push_headers(self, headers: &mut Headers) {
        let Self::Referred(referral) = self else {
            return;
        };
        if let Some(replaces) = &referral.replaces
            && let Ok(value) = HeaderValue::new(replaces.to_string())
        {
            headers.push(HeaderName::Replaces, value);
            headers.push(HeaderName::Require, HeaderValue::from_static("replaces"));
        }
        if let Some(by) = &referral.referred_by
            && let Ok(value) = HeaderValue::new(by)
        {
            headers.push(HeaderName::ReferredBy, value);
        }
    }
}

/// The Request-URI for `typed`, where a bare user means one of `domain`.
pub(crate) fn called_uri(typed: &str, domain: &Uri) -> Result<Uri, StatusReason> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(StatusReason::new(484, "Address Incomplete"));
    }
    if typed.len() > MAX_LENGTH {
        return Err(StatusReason::new(414, "Request-URI Too Long"));
    }
    let (secure, rest) = match scheme(typed) {
        (Some("sip"), rest) => (false, rest),
        (Some("sips"), rest) => (true, rest),
        (Some("tel"), rest) => return tel(rest),
        (Some(_), _) => return Err(StatusReason::new(416, "Unsupported URI Scheme")),
        (None, rest) => (false, rest),
    };
    sip(secure, rest, domain).ok_or_else(|| StatusReason::new(400, "Bad Address"))
}

/// Schemes that people may paste; a user called `bob:secret@…` is none.
fn scheme(typed: &str) -> (Option<&'static str>, &str) {
    const KNOWN: [&str; 12] = [
        "sip", "sips", "tel", "urn", "mailto", "im", "pres", "xmpp", "http", "https", "callto",
        "data",
    ];
    let Some((scheme, rest)) = typed.split_once(':') else {
        return (None, typed);
    };
    match KNOWN
        .iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))
    {
        Some(known) => (Some(known), rest.strip_prefix("//").unwrap_or(rest)),
        None => (None, typed),
    }
}

fn tel(number: &str) -> Result<Uri, StatusReason> {
    let number: String = number.chars().filter(|c| !c.is_whitespace()).collect();
    let legal = |c: char| c.is_ascii_alphanumeric() || "+-.()*#;=%".contains(c);
    if number.is_empty() || !number.chars().all(legal) {
        return Err(StatusReason::new(400, "Bad Address"));
    }
    Uri::parse(&format!("tel:{number}")).map_err(|_| StatusReason::new(400, "Bad Address"))
}

fn sip(secure: bool, rest: &str, domain: &Uri) -> Option<Uri> {
    let rest = rest.split('?').next().unwrap_or(rest);
    let (user, at_host) = match rest.rsplit_once('@') {
        Some((user, at_host)) => (Some(user), at_host.to_owned()),
        None if is_host(rest) => (None, rest.to_owned()),
        None => {
            let (user, params) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
            (Some(user), format!("{}{params}", host_and_port(domain)?))
        }
    };
    let place = Uri::parse(&format!("sip:{at_host}")).ok()?;
    let mut builder = match secure {
        true => UriBuilder::sips(place.host()?.clone()),
        false => UriBuilder::sip(place.host()?.clone()),
    };
    if let Some(user) = user {
        let user = user.split(':').next().unwrap_or(user);
        builder = builder.user(&dialled(&unescape(user)));
    }
    if let Some(port) = place.port() {
        builder = builder.port(port);
    }
    for (name, _) in place.params() {
        if !name.eq_ignore_ascii_case("method") {
            builder = builder.param(name, &place.param(name).unwrap_or_default());
        }
    }
    builder.build().ok()
}

/// Without a user part only an address, or a name with a port, is taken for a host.
fn is_host(rest: &str) -> bool {
    let place = rest.split(';').next().unwrap_or(rest);
    let with_port = place
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    with_port || Host::parse(place).is_ok_and(|host| host.ip().is_some())
}

fn host_and_port(domain: &Uri) -> Option<String> {
    let host = domain.host_text()?;
    Some(match domain.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// A number as dialled, without what makes it readable; anything else as it is.
fn dialled(user: &str) -> String {
    let number: String = user
        .chars()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/'))
        .collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    let is_number = !digits.is_empty()
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    if is_number { number } else { user.to_owned() }
}

/// Escapes that the caller wrote already, undone, so that they are not escaped twice.
fn unescape(user: &str) -> String {
    let probe = user.replace(
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'),
        "",
    );
    match Uri::parse(&format!("sip:{user}@h")) {
        Ok(uri) if probe == user => uri.user_decoded().unwrap_or_default().into_owned(),
        Ok(_) | Err(_) => user.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_or_number_gets_the_callers_domain() {
        assert_eq!(called("bob"), "sip:bob@example.com");
        assert_eq!(called("john.doe"), "sip:john.doe@example.com");
        assert_eq!(called("sip:bob"), "sip:bob@example.com");
        assert_eq!(
            called("sip:bob;transport=tcp"),
            "sip:bob@example.com;transport=tcp"
        );
        assert_eq!(called("+1 (555) 123-45"), "sip:+155512345@example.com");
        assert_eq!(called("*98#"), "sip:*98%23@example.com");
    }

    #[test]
    fn addresses_and_uris_are_taken_as_they_are() {
        assert_eq!(called("bob@example.org"), "sip:bob@example.org");
        assert_eq!(
            called(" SIP:bob@example.org:5080 "),
            "sip:bob@example.org:5080"
        );
        assert_eq!(called("sips:bob@example.org"), "sips:bob@example.org");
        assert_eq!(called("sip:127.0.0.1:5070"), "sip:127.0.0.1:5070");
        assert_eq!(
            called("sip:bob@[2001:db8::1]:5070"),
            "sip:bob@[2001:db8::1]:5070"
        );
        assert_eq!(called("tel:+1-555-1234"), "tel:+1-555-1234");
    }

    #[test]
    fn illegal_characters_are_escaped_once() {
        assert_eq!(called("a b@example.org"), "sip:a%20b@example.org");
        assert_eq!(called("a%20b@example.org"), "sip:a%20b@example.org");
        assert_eq!(called("zo\u{eb}@example.org"), "sip:zo%C3%AB@example.org");
    }

    #[test]
    fn headers_and_method_are_not_smuggled_in() {
        assert_eq!(called("sip:bob@h.org?Replaces=x"), "sip:bob@h.org");
        assert_eq!(called("sip:bob@h.org;method=BYE"), "sip:bob@h.org");
        assert_eq!(code("bob@h.org\r\nX: y"), 400);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        assert_eq!(code("  "), 484);
        assert_eq!(code("urn:service:sos"), 416);
        assert_eq!(code("https://example.com/"), 416);
        assert_eq!(code("@example.com"), 400);
        assert_eq!(code("bob@"), 400);
        assert_eq!(code("bob@exa mple"), 400);
        assert_eq!(code(&"9".repeat(2000)), 414);
    }

    fn called(typed: &str) -> String {
        called_uri(typed, &domain()).unwrap().to_string()
    }

    fn code(typed: &str) -> u16 {
        called_uri(typed, &domain()).unwrap_err().code
    }

    fn domain() -> Uri {
        Uri::parse("sip:example.com").unwrap()
    }
}
