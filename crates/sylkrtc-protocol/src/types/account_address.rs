//! The name of an account: an address of record without its scheme.

use std::fmt;

use super::without_scheme;
use crate::limits::MAX_ADDRESS;

/// An address of record without scheme, `user@domain`, as the client spelled it.
///
/// A `sip:` or `sips:` prefix is taken off, so that both spellings name one account.
/// Letters keep their case: events must carry the spelling that the client knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountAddress {
    text: String,
    at: usize,
}

impl AccountAddress {
    /// Reads `user@domain`, with or without a scheme; the domain may carry a port.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`] if user or domain is missing or holds a character that RFC 3261
    /// §25.1 does not allow there, or if the address is longer than [`MAX_ADDRESS`].
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = || InvalidAddress(text.to_owned());
        let address = without_scheme(text);
        let (user, domain) = address.split_once('@').ok_or_else(invalid)?;
        if address.len() > MAX_ADDRESS || !is_user(user) || !is_host_port(domain) {
            return Err(invalid());
        }
        Ok(Self {
            text: address.to_owned(),
            at: user.len(),
        })
    }

    /// The whole address, `user@domain`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the `@`, escapes kept.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part behind the `@`, with a port if the client wrote one.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }
}

impl fmt::Display for AccountAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is not an address of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAddress(
    /// The text as it was given.
    pub String,
);

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid SIP URI: {}", self.0)
    }
}

impl std::error::Error for InvalidAddress {}

/// `1*( unreserved / escaped / user-unreserved )`.
fn is_user(text: &str) -> bool {
    let mut bytes = text.bytes();
    let mut valid = !text.is_empty();
    while let Some(byte) = bytes.next() {
        valid &= match byte {
            b'%' => {
                let digits = [bytes.next(), bytes.next()];
                digits
                    .iter()
                    .all(|d| d.is_some_and(|d| d.is_ascii_hexdigit()))
            }
            _ => byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte),
        };
    }
    valid
}

/// `host [ ":" port ]`, the host a name, an IPv4 address or a bracketed IPv6 address.
fn is_host_port(text: &str) -> bool {
    let (host, rest) = match text
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    {
        Some((inner, rest)) => {
            let valid = inner.parse::<std::net::Ipv6Addr>().is_ok();
            (valid, rest)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            (is_host_name(&text[..end]), &text[end..])
        }
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|d| d.is_ascii_digit())
                && digits.parse::<u16>().is_ok_and(|port| port != 0)
        }
        None => rest.is_empty(),
    };
    host && port
}

/// Labels of letters, digits, dashes and (as found in the wild) underscores, joined by dots.
fn is_host_name(text: &str) -> bool {
    text.strip_suffix('.')
        .unwrap_or(text)
        .split('.')
        .all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_taken_off() {
        for text in [
            "alice@sylk.test",
            "sip:alice@sylk.test",
            "SIPS:alice@sylk.test",
        ] {
            let address = AccountAddress::parse(text).unwrap();
            assert_eq!(address.as_str(), "alice@sylk.test");
            assert_eq!((address.user(), address.domain()), ("alice", "sylk.test"));
        }
    }

    #[test]
    fn spellings_of_rfc_3261_are_accepted_as_they_are() {
        for text in [
            "+49%20(0)30@Example.COM",
            "a@127.0.0.1:5070",
            "a@[2001:db8::1]",
            "a@[::1]:5060",
            "a;b@x.",
        ] {
            assert_eq!(AccountAddress::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn anything_else_is_an_invalid_sip_uri() {
        let long = format!("{}@sylk.test", "a".repeat(MAX_ADDRESS));
        for text in [
            "",
            "@",
            "alice",
            "alice@",
            "@sylk.test",
            "alice@sylk.test@x",
            "al ice@sylk.test",
            "alice@sylk..test",
            "alice@sylk.test\r\nVia: x",
            "a%2@x",
            "a%zz@x",
            "a@x:0",
            "a@x:70000",
            "a@x:+5",
            "a@[::1",
            "a@[::z]",
            "tel:+49@x",
            "müller@sylk.test",
            &long,
        ] {
            let error = AccountAddress::parse(text).unwrap_err();
            assert_eq!(error.to_string(), format!("invalid SIP URI: {text}"));
        }
    }
}
