//! Which pages may open a WebSocket (RFC 6455 §4.2.2, §10.2; RFC 6454 §7).
//!
//! Allowed: no Origin header (not a browser), a page of the gateway's own host, a configured
//! origin, and anything at all if `*` was written. A list of several or an unreadable header is
//! refused, and so is `null`, unless `*` was written.
//!
//! The own host is what the Host header says, which a page chooses with its address: on a gateway
//! that listens on loopback only, it has to be a name of loopback too. Otherwise any page of the
//! world could have its name point here after it was loaded (DNS rebinding).

use std::fmt;
use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};

/// The pages that may connect. Made once from the configuration.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    every: bool,
    listed: Vec<String>,
    own: Vec<String>,
    loopback_only: bool,
}

/// Why a page may not connect. Shown to whoever tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginRefused {
    /// More than one Origin, or not text.
    Malformed,
    /// A page that is not on the list.
    NotAllowed(String),
}

impl fmt::Display for OriginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("WebSocket connection denied: malformed Origin header"),
            Self::NotAllowed(origin) => {
                write!(
                    f,
                    "WebSocket connection denied: origin '{origin}' not allowed"
                )
            }
        }
    }
}

impl Origins {
    /// `listed`: origins of other hosts, or `*`. `own`: `host[:port]` under which the gateway is
    /// known besides what the Host header says. `loopback_only`: nobody can have come by another
    /// name than one of loopback.
    #[must_use]
    pub fn new(listed: &[String], own: Vec<String>, loopback_only: bool) -> Self {
        Self {
            loopback_only,
            every: listed.iter().any(|origin| origin == "*"),
            listed: listed
                .iter()
                .map(|origin| without_default_port(origin))
                .collect(),
            own,
        }
    }

    /// Whether the page that sent these headers may connect.
    ///
    /// # Errors
    /// When it may not; the error says why.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), OriginRefused> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        if origins.next().is_some() {
            return Err(OriginRefused::Malformed);
        }
        let Ok(origin) = origin.to_str() else {
            return Err(OriginRefused::Malformed);
        };
        if self.every
            || self.listed.contains(&without_default_port(origin))
            || self.is_own_host(origin, headers.get(HOST))
        {
            return Ok(());
        }
        Err(OriginRefused::NotAllowed(origin.to_owned()))
    }

    fn is_own_host(&self, origin: &str, host: Option<&HeaderValue>) -> bool {
        let Some((scheme, page_host)) = origin.split_once("://") else {
            return false;
        };
        let same = |own: &str| {
            without_default_port(&format!("{scheme}://{own}"))
                == without_default_port(&format!("{scheme}://{page_host}"))
        };
        let by_host_header = host
            .and_then(|host| host.to_str().ok())
            .is_some_and(|host| same(host) && (!self.loopback_only || is_loopback(host)));
        by_host_header || self.own.iter().any(|own| same(own))
    }
}

/// Whether `host[:port]` can only be this machine (RFC 6761 §6.3).
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            let name = name.to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// The form origins are compared in: lower case, without the port the scheme implies.
fn without_default_port(origin: &str) -> String {
    let origin = origin.to_ascii_lowercase();
    let default_port = match origin.split_once("://") {
        Some(("http" | "ws", _)) => ":80",
        Some(("https" | "wss", _)) => ":443",
        Some(_) | None => return origin,
    };
    match origin.strip_suffix(default_port) {
        Some(rest) => rest.to_owned(),
        None => origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_is_no_browser_is_admitted() {
        assert_eq!(origins(&[]).check(&HeaderMap::new()), Ok(()));
    }

    #[test]
    fn a_page_of_the_own_host_is_admitted() {
        let headers = from("http://gateway.test:10888", "gateway.test:10888");
        assert_eq!(origins(&[]).check(&headers), Ok(()));
        let headers = from("https://Gateway.test", "gateway.test:443");
        assert_eq!(origins(&[]).check(&headers), Ok(()));
    }

    #[test]
    fn the_own_host_on_another_port_is_another_origin() {
        let headers = from("http://gateway.test:8080", "gateway.test:10888");
        assert!(origins(&[]).check(&headers).is_err());
    }

    #[test]
    fn a_page_behind_a_proxy_is_admitted_by_the_advertised_host() {
        let headers = from("https://phone.test", "10.0.0.1:10888");
        assert!(origins(&[]).check(&headers).is_err());
        let known = Origins::new(&[], vec!["phone.test".to_owned()], true);
        assert_eq!(known.check(&headers), Ok(()));
    }

    #[test]
    fn a_foreign_page_is_refused_unless_listed() {
        let headers = from("https://evil.test", "gateway.test");
        let refused = OriginRefused::NotAllowed("https://evil.test".to_owned());
        assert_eq!(origins(&[]).check(&headers), Err(refused));
        assert_eq!(origins(&["https://evil.test:443"]).check(&headers), Ok(()));
        assert_eq!(origins(&["*"]).check(&headers), Ok(()));
    }

    #[test]
    fn null_is_admitted_only_by_the_star() {
        let headers = from("null", "null");
        assert!(origins(&["https://phone.test"]).check(&headers).is_err());
        assert_eq!(origins(&["*"]).check(&headers), Ok(()));
    }

    #[test]
    fn a_host_that_merely_begins_alike_is_foreign() {
        let headers = from("http://gateway.test.evil.test", "gateway.test");
        assert!(origins(&[]).check(&headers).is_err());
    }

    #[test]
    fn a_page_whose_name_points_at_our_loopback_is_refused() {
        let local = Origins::new(&[], Vec::new(), true);
        let rebound = from("http://evil.test:10888", "evil.test:10888");
        assert!(local.check(&rebound).is_err());
        let alike = from("http://127.0.0.1.evil.test", "127.0.0.1.evil.test");
        assert!(local.check(&alike).is_err());
        for host in [
            ("http://localhost:10888", "localhost:10888"),
            ("http://Phone.Localhost", "phone.localhost"),
            ("http://127.0.0.1:10888", "127.0.0.1:10888"),
            ("http://[::1]:10888", "[::1]:10888"),
        ] {
            assert_eq!(local.check(&from(host.0, host.1)), Ok(()), "{host:?}");
        }
    }

    #[test]
    fn two_origins_are_refused_even_by_the_star() {
        let mut headers = from("http://a.test", "a.test");
        headers.append(ORIGIN, HeaderValue::from_static("http://b.test"));
        assert_eq!(
            origins(&["*"]).check(&headers),
            Err(OriginRefused::Malformed)
        );
    }

    fn origins(listed: &[&str]) -> Origins {
        let listed: Vec<_> = listed.iter().map(|&origin| origin.to_owned()).collect();
        Origins::new(&listed, Vec::new(), false)
    }

    fn from(origin: &'static str, host: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static(origin));
        headers.insert(HOST, HeaderValue::from_static(host));
        headers
    }
}
