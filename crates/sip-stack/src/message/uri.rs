//! URIs: SIP and SIPS in their parts, every other scheme as a whole (RFC 3261 section 19.1).
//!
//! The text is kept and printed exactly as it came: a digest is computed over it, and a
//! proxy must get back what it gave. Escapes are decoded only by who asks.

mod build;
mod compare;
mod escape;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use smol_str::SmolStr;

use super::error::Unreadable;
use super::grammar::{find_byte, has_stray_or_bracket};
use super::host::Host;
use super::via::parse_port;

pub use build::UriBuilder;
use escape::decode;

/// A URI. `==` compares the text; [`Uri::is_equivalent`] the meaning.
#[derive(Debug, Clone)]
pub struct Uri {
    text: SmolStr,
    scheme_end: u16,
    sip: Option<SipParts>,
}

/// Where the parts of a SIP or SIPS URI are in its text. A user is there if anything stands
/// before the host, a password if anything stands between the two.
#[derive(Debug, Clone)]
struct SipParts {
    user_start: u16,
    user_end: u16,
    host_start: u16,
    host_end: u16,
    params_start: u16,
    params_end: u16,
    port: Option<u16>,
    host: Host,
}

impl Uri {
    /// Reads a URI of any scheme.
    ///
    /// # Errors
    /// [`Unreadable::Uri`] if there is no scheme, or white space, a quote or an angle bracket
    /// in it, or if it is longer than the largest head, 65,535 bytes; [`Unreadable::Host`] if
    /// a SIP URI has no host or a wrong one.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let (scheme_end, sip) = locate(text)?;
        Ok(Self {
            text: text.into(),
            scheme_end,
            sip,
        })
    }

    /// Whether [`Self::parse`] takes the text.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn check(text: &str) -> Result<(), Unreadable> {
        locate(text).map(|_| ())
    }

    /// The text as on the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text as on the wire, for a digest.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The scheme as written, without the colon.
    pub fn scheme(&self) -> &str {
        &self.text[..usize::from(self.scheme_end)]
    }

    /// Whether this is a SIP or SIPS URI, the ones that have a host.
    pub fn is_sip(&self) -> bool {
        self.sip.is_some()
    }

    /// Whether this is a SIPS URI.
    pub fn is_sips(&self) -> bool {
        self.scheme().eq_ignore_ascii_case("sips")
    }

    /// Whether this is a telephone number (RFC 3966).
    pub fn is_tel(&self) -> bool {
        self.scheme().eq_ignore_ascii_case("tel")
    }

    /// The number of a `tel` URI as written, without its parameters.
    pub fn tel_number(&self) -> Option<&str> {
        if !self.is_tel() {
            return None;
        }
        self.opaque().split(';').next()
    }

    /// All that follows the scheme and its colon.
    pub fn opaque(&self) -> &str {
        &self.text[usize::from(self.scheme_end) + 1..]
    }

    /// The user part as written, without a password.
    pub fn user(&self) -> Option<&str> {
        let parts = self.sip.as_ref()?;
        Some(&self.text[parts.user()?])
    }

    /// The user part with its escapes decoded.
    pub fn user_decoded(&self) -> Option<Cow<'_, str>> {
        self.user().map(decode)
    }

    /// The password as written.
    pub fn password(&self) -> Option<&str> {
        let parts = self.sip.as_ref()?;
        Some(&self.text[parts.password()?])
    }

    /// The host; `None` if this is no SIP URI.
    pub fn host(&self) -> Option<&Host> {
        self.sip.as_ref().map(|parts| &parts.host)
    }

    /// The host as written.
    pub fn host_text(&self) -> Option<&str> {
        let parts = self.sip.as_ref()?;
        Some(&self.text[range(parts.host_start, parts.host_end)])
    }

    /// The port, if written.
    pub fn port(&self) -> Option<u16> {
        self.sip.as_ref()?.port
    }

    /// `user@host` as written: the account's address, without password, port and parameters.
    pub fn user_at_host(&self) -> Option<String> {
        let host = self.host_text()?;
        Some(match self.user() {
            Some(user) => format!("{user}@{host}"),
            None => host.to_owned(),
        })
    }

    /// Every parameter in order, as written: name, and value if there is an `=`.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let range = self.sip.as_ref().map_or(0..0, SipParts::params);
        pairs(&self.text[range], ';')
    }

    /// The value of a parameter with its escapes decoded; empty if it has none. `None` if
    /// there is no such parameter.
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.params()
            .find(|(given, _)| decode(given).eq_ignore_ascii_case(name))
            .map(|(_, value)| decode(value.unwrap_or_default()))
    }

    /// Whether the parameter is there, with or without a value.
    pub fn has_param(&self, name: &str) -> bool {
        self.param(name).is_some()
    }

    /// Whether this is a loose router (`;lr`, RFC 3261 section 19.1.1).
    pub fn is_loose_router(&self) -> bool {
        self.has_param("lr")
    }

    /// The headers behind `?`, as written: name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let range = self
            .sip
            .as_ref()
            .map_or(0..0, |parts| parts.headers(self.text.len()));
        pairs(&self.text[range], '&').map(|(name, value)| (name, value.unwrap_or_default()))
    }

    /// The value of a header behind `?`, with its escapes decoded.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers()
            .find(|(given, _)| decode(given).eq_ignore_ascii_case(name))
            .map(|(_, value)| decode(value))
    }

    /// Whether there is anything behind a `?`.
    pub fn has_headers(&self) -> bool {
        self.headers().next().is_some()
    }
}

/// The end of the scheme, and the parts of a SIP URI.
fn locate(text: &str) -> Result<(u16, Option<SipParts>), Unreadable> {
    if u16::try_from(text.len()).is_err() || has_stray_or_bracket(text) {
        return Err(Unreadable::Uri);
    }
    let scheme_end = find_byte(text, |b| b == b':').ok_or(Unreadable::Uri)?;
    let scheme = &text[..scheme_end];
    if !is_scheme(scheme) || text.len() == scheme_end + 1 {
        return Err(Unreadable::Uri);
    }
    let is_sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
    let sip = match is_sip {
        true => Some(SipParts::locate(text, scheme_end + 1)?),
        false => None,
    };
    Ok((scheme_end as u16, sip))
}

impl SipParts {
    /// In a text of at most 65,535 bytes.
    fn locate(text: &str, start: usize) -> Result<Self, Unreadable> {
        let bytes = text.as_bytes();
        let end = bytes.len();
        let find = |from: usize, stop: fn(u8) -> bool| {
            let found = bytes[from..].iter().position(|b| stop(*b));
            found.map(|at| from + at)
        };
        let (user_end, host_start) = match find(start, |b| b == b'@') {
            None => (start, start),
            Some(at) => {
                let colon = find_byte(&text[start..at], |b| b == b':');
                let user_end = colon.map_or(at, |colon| start + colon);
                if user_end == start {
                    return Err(Unreadable::Uri);
                }
                (user_end, at + 1)
            }
        };
        let host_end = match bytes.get(host_start) == Some(&b'[') {
            true => find(host_start, |b| b == b']').ok_or(Unreadable::Host)? + 1,
            false => find(host_start, |b| matches!(b, b':' | b';' | b'?')).unwrap_or(end),
        };
        let host = Host::parse(&text[host_start..host_end])?;

        let params_start = find(host_end, |b| matches!(b, b';' | b'?')).unwrap_or(end);
        let port = match &text[host_end..params_start] {
            "" => None,
            port => {
                let port = port.strip_prefix(':').ok_or(Unreadable::Host)?;
                Some(parse_port(port).ok_or(Unreadable::Host)?)
            }
        };
        let params_end = find(params_start, |b| b == b'?').unwrap_or(end);
        Ok(Self {
            user_start: start as u16,
            user_end: user_end as u16,
            host_start: host_start as u16,
            host_end: host_end as u16,
            params_start: params_start as u16,
            params_end: params_end as u16,
            port,
            host,
        })
    }

    fn user(&self) -> Option<Range<usize>> {
        (self.user_start < self.host_start).then(|| range(self.user_start, self.user_end))
    }

    fn password(&self) -> Option<Range<usize>> {
        let after = self.user_end + 1;
        (after < self.host_start).then(|| range(after, self.host_start - 1))
    }

    fn params(&self) -> Range<usize> {
        range(self.params_start, self.params_end)
    }

    fn headers(&self, end: usize) -> Range<usize> {
        (usize::from(self.params_end) + 1).min(end)..end
    }
}

fn range(start: u16, end: u16) -> Range<usize> {
    start.into()..end.into()
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn pairs(text: &str, separator: char) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(separator)
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        })
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
