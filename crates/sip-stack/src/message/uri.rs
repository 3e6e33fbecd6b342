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
use std::sync::Arc;

use super::error::Unreadable;
use super::host::Host;
use super::via::parse_port;

pub use build::UriBuilder;
use escape::decode;

/// A URI. `==` compares the text; [`Uri::is_equivalent`] the meaning.
#[derive(Debug, Clone)]
pub struct Uri {
    text: Arc<str>,
    scheme_end: usize,
    sip: Option<SipParts>,
}

/// Where the parts of a SIP or SIPS URI are in its text.
#[derive(Debug, Clone)]
struct SipParts {
    user: Option<Range<usize>>,
    password: Option<Range<usize>>,
    host: Host,
    host_text: Range<usize>,
    port: Option<u16>,
    params: Range<usize>,
    headers: Range<usize>,
}

impl Uri {
    /// Reads a URI of any scheme.
    ///
    /// # Errors
    /// [`Unreadable::Uri`] if there is no scheme, or white space, a quote or an angle bracket
    /// in it; [`Unreadable::Host`] if a SIP URI has no host or a wrong one.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let stray = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"');
        if text.contains(stray) {
            return Err(Unreadable::Uri);
        }
        let scheme_end = text.find(':').ok_or(Unreadable::Uri)?;
        let scheme = &text[..scheme_end];
        if !is_scheme(scheme) || text.len() == scheme_end + 1 {
            return Err(Unreadable::Uri);
        }
        let is_sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
        let sip = match is_sip {
            true => Some(SipParts::locate(text, scheme_end + 1)?),
            false => None,
        };
        Ok(Self {
            text: text.into(),
            scheme_end,
            sip,
        })
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
        &self.text[..self.scheme_end]
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
        &self.text[self.scheme_end + 1..]
    }

    /// The user part as written, without a password.
    pub fn user(&self) -> Option<&str> {
        let parts = self.sip.as_ref()?;
        Some(&self.text[parts.user.clone()?])
    }

    /// The user part with its escapes decoded.
    pub fn user_decoded(&self) -> Option<Cow<'_, str>> {
        self.user().map(decode)
    }

    /// The password as written.
    pub fn password(&self) -> Option<&str> {
        let parts = self.sip.as_ref()?;
        Some(&self.text[parts.password.clone()?])
    }

    /// The host; `None` if this is no SIP URI.
    pub fn host(&self) -> Option<&Host> {
        self.sip.as_ref().map(|parts| &parts.host)
    }

    /// The host as written.
    pub fn host_text(&self) -> Option<&str> {
        let parts = self.sip.as_ref()?;
        Some(&self.text[parts.host_text.clone()])
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
        let range = self.sip.as_ref().map_or(0..0, |parts| parts.params.clone());
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
            .map_or(0..0, |parts| parts.headers.clone());
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

impl SipParts {
    fn locate(text: &str, start: usize) -> Result<Self, Unreadable> {
        let end = text.len();
        let find = |from: usize, stops: &[char]| text[from..].find(stops).map(|at| from + at);

        let (user, password, host_start) = match find(start, &['@']) {
            None => (None, None, start),
            Some(at) => {
                let user_end = text[start..at].find(':').map_or(at, |colon| start + colon);
                if user_end == start {
                    return Err(Unreadable::Uri);
                }
                let password = (user_end < at).then(|| user_end + 1..at);
                (Some(start..user_end), password, at + 1)
            }
        };
        let host_end = match text[host_start..].starts_with('[') {
            true => find(host_start, &[']']).ok_or(Unreadable::Host)? + 1,
            false => find(host_start, &[':', ';', '?']).unwrap_or(end),
        };
        let host_text = host_start..host_end;
        let host = Host::parse(&text[host_text.clone()])?;

        let port_end = find(host_end, &[';', '?']).unwrap_or(end);
        let port = match &text[host_end..port_end] {
            "" => None,
            port => {
                let port = port.strip_prefix(':').ok_or(Unreadable::Host)?;
                Some(parse_port(port).ok_or(Unreadable::Host)?)
            }
        };
        let params_end = find(port_end, &['?']).unwrap_or(end);
        Ok(Self {
            user,
            password,
            host,
            host_text,
            port,
            params: port_end..params_end,
            headers: (params_end + 1).min(end)..end,
        })
    }
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
